//! `rollback --to-previous`: an environment that passed goes back, without a candidate.

use ami_refresh::event::Event;
use serde_json::Value;

use super::place::{CONFIG, NEW, Place, manifest};
use super::simulator::Simulator;

const SPEED: u32 = 300;
/// A later build's image.
const NEWER: &str = "ami-0bbbbbbbbbbbbbbbb";
const BACK: &str = "rollback --env sandbox --to-previous";

/// Each group's name, image and tracking.
fn standing(place: &Place) -> Vec<[String; 3]> {
    // Whatever the gates say, the groups are told.
    let plan: Value = place.run("plan --env sandbox --format json").json();
    let groups = plan[0]["groups"].as_array().expect("groups");
    let of = |group: &Value| {
        ["group", "image", "tracking"].map(|key| group[key].to_string().trim_matches('"').to_owned())
    };
    groups.iter().map(of).collect()
}

fn images(standing: &[[String; 3]]) -> Vec<&str> {
    standing.iter().map(|[_, image, _]| image.as_str()).collect()
}

fn gate(place: &Place, image: &str) -> String {
    let gates = place.run(&format!("gate status --ami {image} --format json")).exits(0).json();
    gates[0]["record"]["state"].as_str().unwrap_or("-").to_owned()
}

/// What the run offered at its end.
fn offered(place: &Place) -> Vec<String> {
    let next = place.journal().into_iter().find_map(|event| match event {
        Event::EnvironmentEnded { next, .. } => Some(next),
        _ => None,
    });
    next.expect("an end")
}

/// A place where two builds' images exist, and the first was rolled out.
fn two_builds() -> (Place, Simulator) {
    let mut place = Place::new();
    place.write("manifest.json", &manifest(&format!("eu-west-2:{NEW},eu-west-2:{NEWER}")));
    let simulator = Simulator::start(&mut place, SPEED, "--seed 4");
    roll(&place, NEW, "1", "environments.yaml");
    (place, simulator)
}

fn roll(place: &Place, image: &str, build: &str, config: &str) {
    place.run(&format!("candidate --ami {image} --build-number {build}")).exits(0);
    place.run(&format!("rollout --env sandbox --config {config}")).exits(0);
}

#[test]
fn an_environment_that_passed_goes_back_without_a_candidate_and_only_once() {
    let (place, _simulator) = Simulator::with_candidate(SPEED, "--seed 4");
    let before = standing(&place);
    let candidate = place.read("candidate.json");
    place.run("rollout --env sandbox").exits(0);
    assert_eq!(gate(&place, NEW), "passed");
    std::fs::remove_file(place.path("candidate.json")).unwrap();

    place.run(BACK).exits(0).says(&["5 groups to refresh", "5 rolled back", "quarantine add"]);
    assert_eq!(offered(&place).len(), 1);
    assert!(offered(&place)[0].starts_with(&format!("ami-refresh quarantine add {NEW} --reason")));
    assert_eq!(gate(&place, NEW), "revoked");
    place.write("candidate.json", &candidate);
    let after = standing(&place);
    assert_eq!(before, after, "image and tracking are as they were found");

    place
        .run(BACK)
        .exits(0)
        .says(&[&format!("nothing to take back in sandbox: 5 of its 5 groups went back from {NEW} already")]);
    assert_eq!(after, standing(&place));
}

#[test]
fn where_no_rollout_was_there_is_nothing_to_take_back() {
    let (place, simulator) = Simulator::with_candidate(SPEED, "");
    let tags = simulator.image_tags();
    place.run(BACK).exits(0).says(&["nothing to take back in sandbox: none of its 5 groups"]);
    assert!(!place.path("reports").exists(), "no run was begun");
    assert_eq!(tags, simulator.image_tags());
}

#[test]
fn one_group_goes_back_alone_and_quarantine_refuses_nothing() {
    let (place, _simulator) = Simulator::with_candidate(SPEED, "--seed 4");
    place.run("rollout --env sandbox").exits(0);
    place.run_with(&["quarantine", "add", "--reason", "it panics"]).exits(0).says(&["it passed sandbox"]);
    place.run(&format!("{BACK} --group payments-sandbox")).exits(0).says(&["1 rolled back"]);
    assert_eq!(offered(&place), [""; 0], "it is in quarantine already");
    assert_eq!(images(&standing(&place)).iter().filter(|image| **image == NEW).count(), 4);
    place.run(BACK).exits(0).says(&["4 rolled back"]);
    assert!(!images(&standing(&place)).contains(&NEW));
}

#[test]
fn two_steps_back_are_two_decisions() {
    let (place, _simulator) = two_builds();
    let first = standing(&place);
    roll(&place, NEWER, "2", "environments.yaml");
    place.run(BACK).exits(0).says(&["5 rolled back"]);
    assert_eq!(images(&standing(&place)), images(&first));
    assert_eq!((gate(&place, NEW), gate(&place, NEWER)), ("passed".to_owned(), "revoked".to_owned()));
    // A pipeline that tries again must not go further back.
    place.run(BACK).exits(0).says(&[&format!("went back from {NEWER} already"), "quarantine"]);
    assert_eq!(images(&standing(&place)), images(&first));
    // Unless what it is on is bad too.
    place.run_with(&["quarantine", "add", NEW, "--reason", "bad too"]).exits(0);
    place.run(BACK).exits(0).says(&["5 rolled back"]);
    let last = standing(&place);
    assert!(!images(&last).contains(&NEW) && !images(&last).contains(&NEWER), "{last:?}");
    assert_eq!(gate(&place, NEW), "revoked");
    place.run(BACK).exits(0).says(&["nothing to take back"]);
}

#[test]
fn groups_on_images_of_several_builds_go_back_each_to_its_own() {
    let (place, _simulator) = two_builds();
    let some = CONFIG.replace("{ Environment: sandbox }", "{ Environment: sandbox, Team: payments }");
    place.write("some.yaml", &some);
    roll(&place, NEWER, "2", "some.yaml");
    let mixed = standing(&place);
    assert_eq!(images(&mixed).iter().filter(|image| **image == NEWER).count(), 2, "{mixed:?}");
    // That one build's gate is not passed any more must not keep the other's.
    let first = ["--candidate", "first.json"];
    place.run_with(&[&["candidate", "--ami", NEW, "--build-number", "1"], &first[..]].concat()).exits(0);
    let revoke = ["gate", "revoke", "--env", "sandbox", "--reason", "slow"];
    place.run_with(&[&revoke[..], &first[..]].concat()).exits(0);
    place.run(BACK).exits(0).says(&["5 rolled back"]);
    let back = standing(&place);
    for ([group, was, _], [_, is, _]) in mixed.iter().zip(&back) {
        assert_eq!(is == NEW, was == NEWER, "{group}: {was} -> {is}");
        assert_ne!(is, NEWER);
    }
    assert_eq!((gate(&place, NEW), gate(&place, NEWER)), ("revoked".to_owned(), "revoked".to_owned()));
    assert_eq!(offered(&place).len(), 2, "{:?}", offered(&place));
}

/// The group whose overrides name images themselves.
const OWN: &str = "search-sandbox";
const RECORD: &str = "ami-refresh:replaced/sandbox";

/// The suite of a group in the report of a rollback.
fn suite(place: &Place, group: &str) -> String {
    let xml = place.read("reports/junit-sandbox.rollback.xml");
    let from =
        xml.find(&format!("name=\"sandbox.{group}\"")).unwrap_or_else(|| panic!("no {group} in {xml}"));
    let rest = &xml[from..];
    rest[..rest.find("</testsuite>").expect("its end")].to_owned()
}

#[test]
fn groups_with_mixed_policies_go_back_after_their_gate_and_who_cannot_is_in_the_report() {
    let (place, simulator) = Simulator::with_candidate(SPEED, "--seed 4 --scenario mixed");
    let own = |text: &str| text.matches("can't tell").count();
    assert_eq!(own(&place.run("plan --env sandbox").out), 0, "every group has a way back");
    let before = standing(&place);
    place.run("rollout --env sandbox").exits(0);
    assert!(simulator.image_tags().contains(RECORD));
    place.run(BACK).exits(0).says(&["5 rolled back"]);
    assert_eq!(standing(&place), before);

    place.run("rollout --env sandbox").exits(0);
    simulator.untag_image(NEW, RECORD);
    let what = format!("nobody recorded what the overrides of group {OWN} named before {NEW}");
    place.run("rollback --env sandbox").exits(5).says(&["4 rolled back", &what]);
    let suite_of_lost = suite(&place, OWN);
    assert!(suite_of_lost.contains("<error") && suite_of_lost.contains(&what), "{suite_of_lost}");
    let groups: Vec<String> = before.iter().map(|[group, ..]| group.clone()).collect();
    for group in groups.iter().filter(|group| *group != OWN) {
        let suite = suite(&place, group);
        assert!(suite.contains("name=\"rollback\""), "{suite}");
        assert!(!suite.contains("<error") && !suite.contains("<failure"), "it went as asked: {suite}");
    }
    // Nobody is left but that one: it is refused, and in the report all the same.
    place.run("rollback --env sandbox").exits(3).says(&[&what, "next: put the images"]);
    assert!(suite(&place, OWN).contains(&what));
}

#[test]
fn input_that_cannot_be_used_is_told() {
    let place = Place::new().without_aws();
    place.run("rollback --to-previous").exits(2).says(&["--env"]);
    place.run("rollback --env qa --to-previous").exits(2).says(&["no environment qa", "sandbox, dev"]);
    let mut place = Place::new();
    let _simulator = Simulator::start(&mut place, SPEED, "");
    place.run(&format!("{BACK} --group nope")).exits(3).says(&["no group nope in sandbox", "next: "]);
    place.write("role.yaml", &CONFIG.replace("111111111111:role/ami-refresh", "111111111111:role/other"));
    place.run(&format!("{BACK} --config role.yaml")).exits(2).says(&["role/other", "next: "]);
}
