//! Gates, as people and pipelines meet them.

use super::place::{CONFIG, NEW, Place};
use super::simulator::Simulator;

fn place() -> (Place, Simulator) {
    Simulator::with_candidate(100, "")
}

#[test]
fn a_closed_gate_refuses_before_anything_changes_and_says_how_to_pass_it() {
    let (place, simulator) = place();
    let plan = || place.run("plan --env dev --format json").exits(3).json();
    let (before, tags) = (plan(), simulator.image_tags());
    let way = "ami-refresh gate pass --env sandbox --reason";
    let said = ["gate sandbox is not passed", "this image has not been through sandbox", way];
    let files = [
        ("rollout", vec!["junit-dev.xml"]),
        ("update-templates", vec!["junit-dev.update-templates.xml", "junit-dev.xml"]),
        ("refresh", vec!["junit-dev.refresh.xml", "junit-dev.update-templates.xml", "junit-dev.xml"]),
    ];
    for (step, files) in files {
        place
            .run(&format!("{step} --env dev"))
            .exits(3)
            .says(&said)
            .says(&["refused before anything changed"]);
        assert_eq!(place.reports("junit-"), files, "a refusal is reported too");
    }
    place.run("gate check --env dev").exits(3).says(&said);
    place.run("plan --env dev").exits(3).says(&said);
    place.run("plan --env dev --detailed-exitcode").exits(3);
    assert_eq!(before, plan());
    assert_eq!(tags, simulator.image_tags());
}

#[test]
fn a_gate_is_passed_by_proof_only_or_by_hand_for_a_reason() {
    let (place, simulator) = place();
    let tags = simulator.image_tags();
    place.run("gate pass --env sandbox").exits(3).says(&["sandbox"]);
    place
        .run_with(&["gate", "pass", "--env", "sandbox", "--reason", " "])
        .exits(2)
        .says(&["reason is empty"]);
    assert_eq!(tags, simulator.image_tags(), "nothing was recorded");
    place.run("gate status").exits(0).says(&["needs sandbox"]);

    let pass = ["gate", "pass", "--env", "sandbox", "--reason", "tried by hand: CHG0042"];
    place.run_with(&pass).exits(0).says(&["gate sandbox: passed"]);
    place.run("gate check --env dev --passed").exits(3).says(&["dev has not passed", "nothing is recorded"]);
    place.run("gate check --env sandbox --passed").exits(0).says(&["sandbox has passed"]);
    place.run("gate status").exits(0).says(&["tried by hand: CHG0042", "dev          -", "may start"]);
    place.run("gate check --env dev").exits(0).says(&["dev may start"]);
    place.run("plan --env dev --detailed-exitcode").exits(2).says(&["gate open"]);
}

#[test]
fn a_gate_that_passed_can_be_revoked_and_no_other() {
    let (place, _simulator) = place();
    let revoke = ["gate", "revoke", "--env", "sandbox", "--reason", "slow: INC0815"];
    place.run_with(&revoke).exits(3).says(&["gate sandbox is not passed", "gate status"]);
    place.run("gate revoke --env sandbox").exits(2).says(&["--reason"]);
    place.run_with(&["gate", "pass", "--env", "sandbox", "--reason", "tried"]).exits(0);
    place.run_with(&revoke).exits(0).says(&["revoked"]);
    place.run("gate status").exits(0).says(&["revoked", "slow: INC0815"]);
    place.run("gate check --env sandbox --passed").exits(3).says(&["slow: INC0815"]);
    place.run_with(&["gate", "pass", "--env", "sandbox", "--reason", "tried again"]).exits(0);
    place.run("gate check --env sandbox --passed").exits(0).says(&["sandbox has passed"]);
    place.run_with(&["quarantine", "add", NEW, "--reason", "kernel panics"]).exits(0);
    place.run("gate check --env sandbox --passed").exits(3).says(&["quarantine", "kernel panics"]);
    place.run_with(&["quarantine", "lift", NEW, "--reason", "it was the kernel's host"]).exits(0);
    place.run_with(&revoke).exits(0);
    place.run("gate check --env dev").exits(3).says(&["it was revoked at 2026-11-22T", "slow: INC0815"]);
    place.run_with(&revoke).exits(3);
}

#[test]
fn a_failed_rollout_leaves_a_failed_gate() {
    let (place, _simulator) = Simulator::with_candidate(300, "--scenario bad-image --groups catalog-sandbox");
    place.run("rollout --env sandbox --env dev").exits(4).says(&[
        "catalog-sandbox",
        "rolled back",
        "not reached",
    ]);
    place.run("gate status").exits(0).says(&["sandbox      failed  Sun 22 Nov "]);
    place.run("gate check --env dev").exits(3).says(&["it was failed at"]);
}

#[test]
fn the_way_of_an_image_is_shown_without_a_candidate_too() {
    let (place, _simulator) = place();
    place.run_with(&["gate", "pass", "--env", "sandbox", "--reason", "tried"]).exits(0);
    let with = place.run("gate status").exits(0).out;
    let json = place.run("gate status --format json").exits(0).json();
    std::fs::remove_file(place.path("candidate.json")).unwrap();
    let without = place.run(&format!("gate status --ami {NEW}")).exits(0).out;
    // The age goes on.
    let words = |text: &str| -> Vec<String> {
        let line = |line: &str| line.split("m ").next().unwrap_or_default().trim().to_owned();
        text.lines().map(line).collect()
    };
    assert_eq!(words(&with)[..3], words(&without)[..3]);
    assert!(
        with.starts_with(&format!("image {NEW}  dept-base-20261121194500  eu-west-2  x86_64\n")),
        "{with}"
    );
    assert_eq!(json, place.run(&format!("gate status --ami {NEW} --format json")).exits(0).json());

    place.run("gate status --ami ami-xyz").exits(2).says(&["\"ami-xyz\" is no image id", "next: "]);
    place
        .run("gate status --ami ami-00000000000000abc")
        .exits(3)
        .says(&["image ami-00000000000000abc does not exist in eu-west-2", "next: "]);
}

#[test]
fn how_long_a_gate_soaks_is_printed_as_seconds_and_nothing_else() {
    let (place, _simulator) = place();
    let soaking = CONFIG.replace("requires: [sandbox] }", "requires: [sandbox], soak: 12h }");
    let refused = place.run("gate check --env dev --wait").exits(3).says(&["gate sandbox is not passed"]);
    assert_eq!(refused.out, "", "waiting does not open it");
    place.run_with(&["gate", "pass", "--env", "sandbox", "--reason", "tried"]).exits(0);
    assert_eq!(place.run("gate check --env dev --wait").exits(0).out, "0\n");

    place.write("environments.yaml", &soaking);
    let ran = place.run("gate check --env dev --wait").exits(0);
    let seconds: u64 = ran.out.trim_end().parse().unwrap();
    assert!((12 * 3600 - 1800..=12 * 3600).contains(&seconds), "{seconds}");
    assert_eq!((ran.out, ran.err.as_str()), (format!("{seconds}\n"), ""));
    place.run("gate check --env dev").exits(3).says(&["soak"]);
}

#[test]
fn a_soaking_gate_says_until_when() {
    let (place, _simulator) = place();
    let soaking = CONFIG.replace("requires: [sandbox] }", "requires: [sandbox], soak: 12h }");
    place.write("environments.yaml", &format!("timezone: Europe/London\n{soaking}"));
    place.run_with(&["gate", "pass", "--env", "sandbox", "--reason", "tried"]).exits(0);
    let text =
        place.run("gate status").exits(0).says(&["when (Europe/London)", "soaks until Mon 23 Nov "]).out;
    assert!(!text.contains("may start"), "{text}");
    let json = place.run("gate status --format json").exits(0).json();
    assert!(json[1]["soaks_until"].as_str().unwrap().starts_with("2026-11-23T"), "{json}");
    assert_eq!((&json[1]["missing"], &json[1]["may_start"]), (&serde_json::json!([]), &false.into()));
    assert_eq!(json[0]["soaks_until"], serde_json::Value::Null);
}
