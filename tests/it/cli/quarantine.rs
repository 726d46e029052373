//! Quarantine, as people and pipelines meet it.

use serde_json::json;

use super::place::{CONFIG, NEW, Place, manifest};
use super::simulator::Simulator;

/// Another region's image of the same build.
const THERE: &str = "ami-0aaaaaaaaaaaaaaaa";

fn place() -> (Place, Simulator) {
    Simulator::with_candidate(300, "")
}

/// A place whose build made an image in each of two regions.
fn two_regions() -> (Place, Simulator) {
    let mut place = Place::new();
    place.write("environments.yaml", &CONFIG.replace("[eu-west-2]", "[eu-west-2, eu-west-1]"));
    place.write("manifest.json", &manifest(&format!("eu-west-2:{NEW},eu-west-1:{THERE}")));
    let simulator = Simulator::start(&mut place, 300, "");
    place.run("candidate --from-packer manifest.json --build-number 812").exits(0);
    (place, simulator)
}

fn held(place: &Place, all: &str) -> Vec<(String, bool, String)> {
    let list = place.run(&format!("quarantine list {all} --format json")).exits(0).json();
    let of = |one: &serde_json::Value| {
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        (text("image"), one["holds"].as_bool().unwrap(), text("reason"))
    };
    list.as_array().unwrap().iter().map(of).collect()
}

const ADD: [&str; 4] = ["quarantine", "add", "--reason", "kernel panics: INC0815"];
const LIFT: [&str; 5] = ["quarantine", "lift", NEW, "--reason", "it was the network"];

#[test]
fn an_image_in_quarantine_goes_nowhere_until_that_is_lifted() {
    let (place, simulator) = place();
    place.run("quarantine list").exits(0).says(&["no image of base in eu-west-2 is in quarantine"]);
    place.run_with(&ADD).exits(0).says(&[
        &format!("image {NEW} (dept-base-20261121194500) in eu-west-2 is in quarantine now"),
        "kernel panics: INC0815",
    ]);
    let tags = simulator.image_tags();
    let said = [
        &format!("image {NEW} is in quarantine since 2026-11-22T"),
        "kernel panics: INC0815",
        "quarantine lift",
    ];
    for step in ["rollout", "update-templates", "refresh", "plan", "gate check", "gate pass"] {
        place.run(&format!("{step} --env sandbox")).exits(3).says(&said);
    }
    place.run_with(&["gate", "pass", "--env", "sandbox", "--reason", "tried"]).exits(3).says(&said);
    assert_eq!(tags, simulator.image_tags(), "no record was written");
    place.run("gate status").exits(0).says(&["in quarantine since Sun 22 Nov ", "(kernel panics: INC0815)"]);
    let status = place.run("gate status --format json").exits(0).json();
    assert_eq!(
        (&status[0]["may_start"], &status[0]["quarantine"][NEW]["holds"]),
        (&false.into(), &true.into())
    );
    place.run("quarantine list").exits(0).says(&[NEW, "dept-base-20261121194500", "Sun 22 Nov "]);
    assert_eq!(held(&place, ""), [(NEW.to_owned(), true, "kernel panics: INC0815".to_owned())]);

    place.run_with(&LIFT).exits(0).says(&["is not in quarantine any more", "it was the network"]);
    place.run("quarantine list").exits(0).says(&["no image of base"]);
    assert_eq!(held(&place, "--all"), [(NEW.to_owned(), false, "it was the network".to_owned())]);
    place.run("quarantine list --all").exits(0).says(&["lifted", "it was the network"]);
    place.run("rollout --env sandbox").exits(0).says(&["sandbox passed"]);
}

#[test]
fn what_passed_is_told_with_the_way_back() {
    let (place, _simulator) = place();
    for environment in ["sandbox", "dev"] {
        place.run_with(&["gate", "pass", "--env", environment, "--reason", "tried"]).exits(0);
    }
    place.run_with(&["gate", "revoke", "--env", "sandbox", "--reason", "slow"]).exits(0);
    let ran = place.run_with(&ADD).exits(0);
    ran.says(&[
        "it passed sandbox, dev: take them back with\n",
        "'ami-refresh rollback --env dev --to-previous'\n  'ami-refresh rollback --env sandbox --to-previous'",
    ]);
    place.run_with(&["gate", "revoke", "--env", "dev", "--reason", "it panics"]).exits(0).says(&["revoked"]);
}

#[test]
fn putting_it_there_twice_changes_the_reason_and_says_so() {
    let (place, _simulator) = place();
    place.run_with(&ADD).exits(0);
    let since = place.run("quarantine list --format json").exits(0).json()[0]["since"].clone();
    place.run_with(&["quarantine", "add", NEW, "--reason", "INC0816: no network"]).exits(0).says(&[
        "was in quarantine already since Sun 22 Nov ",
        "the reason is now: ",
        "INC0816: no network",
    ]);
    let list = place.run("quarantine list --format json").exits(0).json();
    assert_eq!((&list[0]["reason"], &list[0]["since"]), (&json!("INC0816: no network"), &since));
    assert!(!list[0]["by"].as_str().unwrap().is_empty(), "{list}");
}

#[test]
fn it_is_done_when_ec2_shows_it() {
    let mut place = Place::new();
    let stale = "name: stale\nabout: tags are old for a while.\neffects:\n  - stale_reads: { lasts: 20s, share: 100 }\n";
    place.write("stale.yaml", stale);
    // Two seconds, as they pass for the test.
    let _simulator = Simulator::start(&mut place, 10, "--scenario stale.yaml");
    place.run("candidate --from-packer manifest.json").exits(0);
    place.run_with(&ADD).exits(0);
    place.run("gate check --env sandbox").exits(3).says(&["is in quarantine"]);
    assert_eq!(held(&place, "").len(), 1);
}

#[test]
fn a_build_is_bad_as_a_whole_unless_only_one_is_meant() {
    let (place, _simulator) = two_regions();
    let names =
        |all: &str| -> Vec<String> { held(&place, all).into_iter().map(|(image, ..)| image).collect() };
    let add = |more: &[&str]| {
        place.run_with(&[&["quarantine", "add", NEW, "--reason", "it panics"], more].concat()).exits(0)
    };
    add(&["--only"]);
    assert_eq!(names(""), [NEW]);
    add(&[]).says(&[
        "was in quarantine already",
        &format!("image {THERE} "),
        "eu-west-1 is in quarantine now",
    ]);
    assert_eq!(names(""), [NEW, THERE]);
    place.run_with(&["quarantine", "lift", THERE, "--only", "--reason", "only there"]).exits(0);
    assert_eq!(names(""), [NEW]);
    // Named by the other image of its build, which is free.
    place.run_with(&["quarantine", "lift", THERE, "--reason", "all of it"]).exits(0).says(&[
        &format!("image {NEW} "),
        "is not in quarantine any more",
        &format!("image {THERE} (dept-base-20261121194500) in eu-west-1 was not in quarantine"),
    ]);
    assert_eq!(names(""), [""; 0]);
}

#[test]
fn a_lookup_passes_over_a_build_in_quarantine_and_says_so() {
    let (place, _simulator) = two_regions();
    place.run("candidate --from-lookup --build-number 812").exits(0).says(&[NEW, THERE]);
    place.run_with(&["quarantine", "add", THERE, "--only", "--reason", "it panics"]).exits(0);
    let ran = place.run("candidate --from-lookup --build-number 900").exits(0);
    let ran = ran.says(&[
        &format!("passed over eu-west-2 {NEW} (dept-base-20261121194500): it is in quarantine with {THERE} of its build since 2026-"),
        &format!("passed over eu-west-1 {THERE}"),
        "it panics",
        "dept-base-20261114184500",
    ]);
    let candidate = place.read("candidate.json");
    assert!(candidate.contains("20261114184500") && !candidate.contains("20261121194500"), "{}", ran.out);
    assert!(candidate.contains(&format!("without {NEW}, {THERE} in quarantine")), "{candidate}");

    place.run_with(&["quarantine", "add", "--reason", "old and bad"]).exits(0);
    place.run("candidate --from-lookup").exits(3).says(&[
        "every image of family base in eu-west-2 is in quarantine",
        "every image of family base in eu-west-1 is in quarantine",
        "it panics",
        "quarantine lift",
    ]);
    assert_eq!(candidate, place.read("candidate.json"));
}

#[test]
fn images_given_by_a_manifest_or_by_hand_are_refused() {
    let (place, simulator) = place();
    place.run_with(&ADD).exits(0);
    let (tags, candidate) = (simulator.image_tags(), place.read("candidate.json"));
    for source in ["--from-packer manifest.json", &format!("--ami {NEW}")] {
        place.run(&format!("candidate {source} --build-number 9")).exits(3).says(&[
            &format!("image {NEW} is in quarantine since 2026-11-22T"),
            "kernel panics: INC0815",
            "quarantine lift",
        ]);
    }
    assert_eq!((tags, candidate), (simulator.image_tags(), place.read("candidate.json")));
}

#[test]
fn what_cannot_be_lifted_or_found_is_told_and_nothing_is_tagged() {
    let (place, simulator) = place();
    let tags = simulator.image_tags();
    place.run_with(&LIFT).exits(3).says(&[
        &format!("image {NEW} is not in quarantine"),
        "nobody ever put it there",
        "quarantine list",
    ]);
    let unknown = "ami-00000000000000abc";
    for action in ["add", "lift"] {
        place
            .run(&format!("quarantine {action} {NEW} {unknown} --reason bad"))
            .exits(3)
            .says(&[&format!("image {unknown} does not exist in eu-west-2"), "next: "]);
    }
    assert_eq!(tags, simulator.image_tags());
    place.run_with(&ADD).exits(0);
    place.run_with(&LIFT).exits(0);
    place.run_with(&LIFT).exits(3).says(&["it was lifted at 2026-11-22T", "it was the network"]);
}

#[test]
fn input_that_cannot_be_used_is_told_before_aws_is_asked() {
    let place = Place::new().without_aws();
    for reason in ["", " ", "!?"] {
        for args in [vec!["add", NEW], vec!["add"], vec!["lift", NEW]] {
            let args = [&["quarantine"], args.as_slice(), &["--reason", reason]].concat();
            place.run_with(&args).exits(2).says(&["the reason is empty", "next: say why"]);
        }
    }
    for action in ["add", "lift"] {
        place
            .run(&format!("quarantine {action} {NEW} ami-xyz --reason bad"))
            .exits(2)
            .says(&["\"ami-xyz\" is no image id", "next: "]);
        place.run(&format!("quarantine {action} {NEW}")).exits(2).says(&["--reason"]);
    }
    place.run("quarantine lift --reason bad").exits(2).says(&["<AMI>"]);
    place.run("quarantine").exits(2);
    place.run("quarantine add --reason bad").exits(2).says(&["no candidate at candidate.json"]);
    place.run("quarantine list --config nowhere.yaml").exits(2).says(&["failed to read nowhere.yaml"]);
}
