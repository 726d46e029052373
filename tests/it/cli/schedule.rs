//! `schedule`: the board of windows and the seconds that a pipeline sleeps.

use serde_json::Value;

use super::place::{CONFIG, Place};
use super::simulator::Simulator;

/// The small configuration with windows: the default fleet's groups carry the platform's tags.
pub(super) fn with_windows() -> String {
    let times = "  - name: sandbox\n    schedule: { day: mon, time: '15:00' }\n    max_age: 30d\n";
    let zone = "  - name: dev\n    timezone: Asia/Kolkata\n    schedule: { day: tue, time: '10:00' }\n    max_age: 1d\n";
    CONFIG
        .replace("version: 1\n", "version: 1\ntimezone: Europe/London\n")
        .replace("  - name: sandbox\n", times)
        .replace("  - name: dev\n", zone)
}

/// A place with windows, and a simulator on a Sunday at 19:00 that hardly moves on.
pub(super) fn simulated() -> (Place, Simulator) {
    let mut place = Place::new();
    place.write("environments.yaml", &with_windows());
    let simulator = Simulator::start(&mut place, 1, "--seed 4");
    (place, simulator)
}

fn group<'b>(board: &'b Value, environment: usize, name: &str) -> &'b Value {
    let groups = board["environments"][environment]["groups"].as_array().expect("groups");
    groups.iter().find(|group| group["group"] == name).unwrap_or_else(|| panic!("{name} in {groups:?}"))
}

#[test]
fn the_board_shows_every_group_with_what_says_its_window() {
    let (place, _simulator) = simulated();
    let ran = place.run("schedule").exits(0);
    ran.says(&[
        "windows as of Sun 22 Nov 19:0",
        "(Europe/London)",
        "sandbox: 5 not due",
        "mon (AMI_update_day)",
        "15:00 (AMI_update_time)",
        "Mon 23 Nov 15:00 - 17:00",
        "dev: 5 not due; its days and times are those of Asia/Kolkata",
        "Tue 24 Nov 04:30 - 06:30",
    ]);
    let board = place.run("schedule --env sandbox --at 2026-11-23T15:30 --format json").exits(0).json();
    assert_eq!(board["at"], "2026-11-23T15:30:00Z");
    assert_eq!(board["candidate"], false);
    let orders = group(&board, 0, "orders-sandbox");
    assert_eq!(orders["state"], "due");
    assert_eq!(
        orders["day"],
        serde_json::json!({"value": "mon", "source": "platform", "key": "AMI_update_day"})
    );
    assert_eq!(
        (&orders["opens"], &orders["closes"]),
        (&"2026-11-23T15:00:00Z".into(), &"2026-11-23T17:00:00Z".into())
    );
    assert_eq!(orders["tags"]["AMI_update_time"], "15:00");
    assert!(orders.get("done").is_none(), "there is no candidate");
}

#[test]
fn a_pipeline_sleeps_on_one_whole_number() {
    let (place, _simulator) = simulated();
    for (at, seconds) in [
        ("2026-11-22T15:00", "86400\n"),
        ("2026-11-23T14:59:59.5", "1\n"),
        ("2026-11-23T15:00", "0\n"),
        ("2026-11-23T16:59:59Z", "0\n"),
        ("2026-11-23T18:00+01:00", "597600\n"),
    ] {
        let ran = place.run(&format!("schedule --wait sandbox --at {at}")).exits(0);
        assert_eq!((ran.out.as_str(), ran.err.as_str()), (seconds, ""), "{at}");
    }
    let now: u64 = place.run("schedule --wait sandbox").exits(0).out.trim().parse().expect("a number");
    assert!((71_400..=72_000).contains(&now), "{now}");
    place.write(
        "environments.yaml",
        &CONFIG.replace(
            "version: 1\n",
            "version: 1\nwindow_tags: { platform: { day: no-day, time: no-time } }\n",
        ),
    );
    let ran = place.run("schedule --wait sandbox").exits(3).says(&["next window of sandbox", "next:"]);
    assert_eq!(ran.out, "");
}

#[test]
fn a_group_that_runs_the_candidate_is_done_and_no_reason_to_wait() {
    let mut place = Place::new();
    place.write("environments.yaml", &with_windows());
    let _simulator = Simulator::start(&mut place, 300, "--seed 4");
    place.run("candidate --from-packer manifest.json").exits(0);
    assert_ne!(place.run("schedule --wait sandbox --at 2026-11-22T19:00").exits(0).out, "0\n");
    place.run("rollout --env sandbox").exits(0);
    place.run("schedule --env sandbox --at 2026-11-22T19:00").exits(0).says(&["sandbox: 5 done"]);
    assert_eq!(place.run("schedule --wait sandbox --at 2026-11-22T19:00").exits(0).out, "0\n");
    let board = place.run("schedule --at 2026-11-22T19:00 --format json").exits(0).json();
    assert_eq!(group(&board, 0, "orders-sandbox")["done"], true);
    assert_eq!(group(&board, 1, "orders-dev")["done"], false);

    place.run("status").exits(0).says(&[
        "dept-base-20261121194500",
        "passed 22 Nov",
        "dept-base-20261114184500",
    ]);
    let status = place.run("status --format json").exits(0).json();
    let (sandbox, dev) = (&status["environments"][0], &status["environments"][1]);
    assert_eq!((&sandbox["on_it"], &sandbox["groups"]), (&5.into(), &5.into()));
    assert_eq!(sandbox["image"]["gate"]["state"], "passed");
    assert_eq!(sandbox["last_rollout"]["state"], "passed");
    assert_eq!((&dev["image"]["gate"], &dev["last_rollout"]), (&Value::Null, &Value::Null));
}

#[test]
fn an_environment_that_can_not_be_reached_is_told_beside_the_others() {
    let (place, _simulator) = simulated();
    place.write(
        "environments.yaml",
        &with_windows().replace("ws:iam::222222222222:role/ami-refresh", "ws:iam::222222222222:role/other"),
    );
    for step in ["schedule", "status"] {
        place.run(step).exits(2).says(&["Mon 23 Nov 15:00", "dev: failed to use role", "next:"]);
        let board = place.run(&format!("{step} --format json")).exits(2).json();
        let problems = board["environments"][1]["problems"].as_array().expect("problems");
        assert_eq!(problems.len(), 1, "{problems:?}");
        place.run(&format!("{step} --env sandbox")).exits(0);
    }
    place.run("schedule --wait dev").exits(2);
}

#[test]
fn mistakes_in_its_use_are_told_before_anything_is_asked() {
    let place = Place::new().without_aws();
    place.run("schedule --at tomorrow").exits(2).says(&["tomorrow", "2026-11-23T15:30"]);
    place.run("schedule --env nowhere").exits(2).says(&["there is no environment nowhere"]);
    place.run("schedule --wait nowhere").exits(2).says(&["there is no environment nowhere"]);
    place.run("schedule --wait sandbox --env dev").exits(2).says(&["cannot be used with"]);
    place.run("status --family other").exits(2).says(&["other"]);
    place.run("announce").exits(2).says(&["nobody to announce to", "notify", "slack"]);
    place.run("announce --days 0").exits(2).says(&["--days"]);
}
