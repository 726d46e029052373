//! What becomes of others beside and after a group that is held by what failed before its refresh too.

use ami_refresh::gate::{self, Record, State};
use ami_refresh::model::{Build, Candidate, EnvironmentName, Outcome, Verdict};
use ami_refresh::plan::MARKER_TAG;
use ami_refresh::sim::{FleetSpec, Scenario};

use crate::baseline::{ill, marker, with};
use crate::rehearsal_story::{block, told_verdict};
use crate::resume::{killed_when, told};
use crate::resume_steps::problems;
use crate::stage::{CONFIG, NEW, REGION, Stage};
use crate::truth;
use crate::windows::{at, begun, in_time, outcome, roll, scheduled, tag};

/// A later build's image.
const NEXT: &str = "ami-0f1e2d3c4b5a69799";

/// The check of the application is asked before refreshes too, and dev has a window.
fn in_windows() -> String {
    let baseline = with("baseline: true");
    let (plain, timed) = (CONFIG.to_owned(), scheduled(""));
    let settings = baseline.lines().find(|line| line.contains("baseline: true")).expect("it");
    assert_ne!(plain, timed);
    timed.replace("    http: {", &format!("{settings}\n    http: {{"))
}

fn late(spec: &mut FleetSpec) {
    tag(spec, "payments-dev", "AMI_refresh_time", "23:00");
}

fn dev_gate(stage: &Stage) -> Option<Record> {
    stage.simulator.inspect(truth::gates).remove("dev")
}

#[test]
fn groups_that_are_not_due_are_waited_for_beside_one_that_is_held() {
    block(async {
        let stage = Stage::with(&in_windows(), ill("all"), 7, late).await;
        assert_eq!(roll(&stage, &in_time(true)).await, [Verdict::Unproved, Verdict::NotReached]);
        let begun = begun(&stage);
        let names: Vec<&str> = begun.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["catalog-dev", "orders-dev", "payments-dev"]);
        assert!(begun[2].1 >= at("2026-11-22T23:00:00Z"), "{begun:?}");
        assert!(matches!(outcome(&stage, "payments-dev"), Outcome::Refreshed { .. }));
        let (_, message, _) = told_verdict(&stage, "dev").expect("a verdict");
        assert!(
            message.contains("the gate is held by") && message.contains("orders-dev (app-health)"),
            "{message}"
        );
        // What was proved on the way is recorded, and is no gate.
        let gate = dev_gate(&stage).expect("a record");
        assert_eq!((gate.state, gate.detail.as_str()), (State::Partial, "1/3"));
    });
}

#[test]
fn without_waiting_a_held_group_ends_it_as_unproved_and_the_next_run_goes_on() {
    block(async {
        let stage = Stage::with(&in_windows(), ill("all"), 7, late).await;
        assert_eq!(roll(&stage, &in_time(false)).await, [Verdict::Unproved, Verdict::NotReached]);
        let (_, message, next) = told_verdict(&stage, "dev").expect("a verdict");
        assert_eq!(
            message,
            "2 refreshed, 1 not due, from Sun 22 Nov 23:00 on; the gate is held by what failed before the refresh \
             too: orders-dev (app-health)"
        );
        assert!(next[0].ends_with("from Sun 22 Nov 23:00 on"), "{next:?}");
        assert!(next.iter().any(|next| next.contains("when the cause is mended")), "{next:?}");
        stage.simulator.change(|world| world.scenario = Scenario::clean());
        stage.clock.sleep_until(at("2026-11-22T23:10:00Z")).await;
        assert_eq!(roll(&stage, &in_time(false)).await[0], Verdict::Passed);
        let gate = dev_gate(&stage).expect("a record");
        assert_eq!((gate.state, marker(&stage, "orders-dev")), (State::Passed, None));
    });
}

#[test]
fn a_gate_that_a_person_passed_does_not_end_the_wait_for_those_that_are_not_due() {
    block(async {
        let stage = Stage::with(&in_windows(), ill("all"), 7, late).await;
        assert_eq!(roll(&stage, &in_time(false)).await[0], Verdict::Unproved);
        let names: Vec<EnvironmentName> = stage.names();
        let by_hand =
            Record { state: State::Passed, at: stage.clock.now(), detail: "by hand, jane: known".into() };
        gate::write(
            stage.clock,
            (&stage.run().homes(), &stage.candidate),
            names.iter(),
            (&names[0], &by_hand),
        )
        .await
        .expect("it");
        assert_eq!(roll(&stage, &in_time(true)).await[0], Verdict::Passed);
        assert!(matches!(outcome(&stage, "payments-dev"), Outcome::Refreshed { .. }));
        assert_eq!(dev_gate(&stage).expect("a record").detail, "by hand jane: known");
    });
}

/// A stage on which `orders-dev` is held on the image, and the candidate of the build after it.
async fn held_then(scenario: Scenario) -> Stage {
    let config = with("baseline: true");
    let images = [(REGION, NEW), (REGION, NEXT)];
    let mut stage = Stage::with_images(&config, scenario, 7, &images, |_| {}).await;
    let whole = stage.candidate.clone();
    let only = |id: &str| {
        let images = whole.images.iter().filter(|image| image.id.as_str() == id).cloned();
        let mut image = images.collect::<Vec<_>>();
        image[0].name = format!("dept-base-{id}");
        Candidate::new("base".into(), image, Build::default(), "test".into())
    };
    stage.candidate = only(NEW);
    assert_eq!(stage.rollout().await[0], Verdict::Unproved);
    assert!(marker(&stage, "orders-dev").expect("it").contains("checks=held baseline=app-health"));
    stage.candidate = only(NEXT);
    stage.events.borrow_mut().clear();
    stage
}

#[test]
fn a_later_build_is_refused_beside_one_that_is_held_and_goes_ahead_when_that_is_settled() {
    block(async {
        let stage = held_then(ill("all")).await;
        let before = stage.simulator.inspect(truth::groups);
        assert_eq!(stage.rollout().await, [Verdict::Refused, Verdict::NotReached]);
        assert_eq!(stage.simulator.inspect(truth::groups), before, "nothing is changed");
        let problems = problems(&stage);
        let of_orders = problems.iter().find(|problem| problem.what.contains("orders-dev")).expect("it");
        let held = format!("group orders-dev is held on {NEW} by what failed before it too: app-health");
        assert_eq!(of_orders.what, held);
        let command = "'ami-refresh rollback --env dev --group orders-dev'";
        assert!(of_orders.next.contains(command), "{of_orders}");
        let environment = stage.fleet.environment("dev").expect("it");
        let verdict =
            ami_refresh::rollout::rollback(&stage.run(), environment, Some(&"orders-dev".into())).await;
        assert_eq!((verdict, marker(&stage, "orders-dev")), (Verdict::Partial, None));
        stage.simulator.change(|world| world.scenario = Scenario::clean());
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
    });
}

#[test]
fn a_build_whose_rollout_was_cut_off_is_not_followed_and_one_command_settles_it() {
    block(async {
        let config = with("baseline: true");
        let images = [(REGION, NEW), (REGION, NEXT)];
        let mut stage = Stage::with_images(&config, ill("all"), 7, &images, |_| {}).await;
        let whole = stage.candidate.clone();
        let only = |id: &str| {
            let images = whole.images.iter().filter(|image| image.id.as_str() == id).cloned().collect();
            Candidate::new("base".into(), images, Build::default(), "test".into())
        };
        stage.candidate = only(NEW);
        killed_when(&stage, told("orders-dev", "moved Baking")).await;
        // AWS ends the refresh well by itself; nobody asked the checks.
        stage.clock.sleep(std::time::Duration::from_secs(3600)).await;
        assert!(!marker(&stage, "orders-dev").expect("it").contains("checks="));
        stage.candidate = only(NEXT);
        stage.events.borrow_mut().clear();
        assert_eq!(stage.rollout().await, [Verdict::Refused, Verdict::NotReached]);
        let problems = problems(&stage);
        let of_orders = problems.iter().find(|problem| problem.what.contains("orders-dev")).expect("it");
        assert!(
            of_orders.next.contains("'ami-refresh rollback --env dev --group orders-dev'"),
            "{of_orders}"
        );
        for group in ["orders-dev", "catalog-dev", "payments-dev"] {
            if stage.simulator.inspect(|world| world.group(group).expect("it").tags.contains_key(MARKER_TAG))
            {
                let environment = stage.fleet.environment("dev").expect("it");
                let only = group.into();
                let verdict = ami_refresh::rollout::rollback(&stage.run(), environment, Some(&only)).await;
                assert_eq!(verdict, Verdict::Partial, "{group}");
            }
        }
        stage.simulator.change(|world| world.scenario = Scenario::clean());
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
    });
}
