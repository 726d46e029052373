//! Gates, as people and pipelines meet them.

use super::place::Place;
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
    place.run("gate status").exits(0).says(&["closed: gate sandbox is not passed"]);

    let pass = ["gate", "pass", "--env", "sandbox", "--reason", "tried by hand: CHG0042"];
    place.run_with(&pass).exits(0).says(&["gate sandbox: passed"]);
    place.run("gate status").exits(0).says(&["tried by hand: CHG0042", "dev      -        may start"]);
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
    place.run("gate status").exits(0).says(&["sandbox  failed 2026-11-22T"]);
    place.run("gate check --env dev").exits(3).says(&["it was failed at"]);
}
