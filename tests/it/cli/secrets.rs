//! However much is said, no secret is.

use ami_refresh::sim::HOME_SECRET;

use super::place::Place;
use super::simulator::Simulator;

/// What a session in a role is given begins so.
const SESSIONS: [&str; 2] = ["simulated-secret-", "simulated-token-"];

fn assert_clean(what: &str, text: &str) {
    for secret in [HOME_SECRET, SESSIONS[0], SESSIONS[1]] {
        if let Some((before, after)) = text.split_once(secret) {
            let before: String =
                before.chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect();
            let after: String = after.chars().take(80).collect();
            panic!("{what} holds {secret:?}: …{before}[SECRET]{after}…");
        }
    }
}

#[test]
fn the_chattiest_run_prints_and_writes_no_secret() {
    let mut place = Place::new();
    let _simulator = Simulator::start(&mut place, 300, "");
    for step in [
        "candidate --from-packer manifest.json",
        "plan --env sandbox",
        "rollout --env sandbox",
        "gate status",
    ] {
        let ran = place.run(&format!("-vvv {step}")).exits(0);
        assert!(ran.err.len() > 1000, "-vvv says a lot: {}", ran.err);
        assert_clean(&format!("the standard output of {step}"), &ran.out);
        assert_clean(&format!("the standard error of {step}"), &ran.err);
    }
    assert_clean("candidate.json", &place.read("candidate.json"));
    for name in place.reports("") {
        assert_clean(&name, &place.read(&format!("reports/{name}")));
    }
}

#[test]
fn a_failed_call_tells_no_secret() {
    let mut place = Place::new();
    drop(Simulator::start(&mut place, 300, ""));
    let ran = place.run("-vvv candidate --from-packer manifest.json").exits(1);
    assert_clean("the standard error", &ran.err);
}
