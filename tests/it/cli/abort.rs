//! Signals: a run ends at once, tells everything, and the next one goes on from there.

use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

use ami_refresh::event::Event;
use ami_refresh::model::{Exit, Outcome, Verdict};
use serde_json::Value;

use super::place::{CONFIG, Place, elements};
use super::simulator::Simulator;

/// A refresh to the bake takes three seconds, and the bake ten.
const SPEED: u32 = 60;

/// Starts a rollout, sends the signal when the event was written so many times, and gives
/// the exit code and how long the end took.
fn interrupted(place: &Place, signal: &str, (event, times): (&str, usize)) -> (i32, Duration) {
    let out = File::create(place.path("out.txt")).expect("a file");
    let err = File::create(place.path("err.txt")).expect("a file");
    let mut command = place.command(&["rollout", "--env", "sandbox"]);
    let mut child = command.stdout(out).stderr(err).spawn().expect("the program starts");
    let begun = Instant::now();
    let is_started = || {
        let journal = std::fs::read_to_string(place.path("reports/journal.jsonl")).unwrap_or_default();
        journal.matches(&format!("\"{event}\"")).count() >= times
    };
    while !is_started() && begun.elapsed() < Duration::from_secs(60) {
        assert!(child.try_wait().expect("a child").is_none(), "it ended: {}", place.read("out.txt"));
        std::thread::sleep(Duration::from_millis(20));
    }
    let kill = format!("kill -{signal} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    let sent = Instant::now();
    let status = child.wait().expect("it ends");
    (status.code().unwrap_or(-1), sent.elapsed())
}

/// What must be there after any abort.
fn assert_told(place: &Place, signal: &str, (code, took): (i32, Duration)) {
    let out = place.read("out.txt");
    assert_eq!(code, 6, "{out}\n{}", place.read("err.txt"));
    assert!(took < Duration::from_secs(3), "it took {took:?}");
    assert!(out.contains(signal) && out.contains("aborted by a signal (exit 6)"), "{out}");
    assert!(out.contains("ami-refresh rollout --env sandbox to go on"), "{out}");
    let events = place.journal();
    assert!(matches!(events.last(), Some(Event::RunEnded { exit: Exit::Aborted, .. })));
    let is_aborted =
        |event: &Event| matches!(event, Event::EnvironmentEnded { verdict: Verdict::Aborted, .. });
    assert!(events.iter().any(is_aborted));
    let left = events
        .iter()
        .filter(|event| matches!(event, Event::GroupEnded { outcome: Outcome::Left { .. }, .. }));
    assert_eq!(left.count(), 5);
    let names = elements(&place.path("reports/junit-sandbox.xml"));
    assert_eq!(names.iter().filter(|name| *name == "testsuite").count(), 6, "{names:?}");
    let summary: Value = serde_json::from_str(&place.read("reports/summary.json")).unwrap();
    assert_eq!((&summary["exit"], &summary["aborted_by"]), (&6.into(), &signal.into()));
}

fn goes_on_after(signal: &str, name: &str) {
    let (place, _simulator) = Simulator::with_candidate(SPEED, "");
    let ended = interrupted(&place, signal, ("refresh_started", 5));
    assert_told(&place, name, ended);
    place.run("rollout --env sandbox").exits(0).says(&["found running and adopted", "5 refreshed"]);
    let adopted = place
        .journal()
        .iter()
        .filter(|event| matches!(event, Event::RefreshStarted { adopted: true, .. }))
        .count();
    assert_eq!(adopted, 5, "no refresh was started twice");
    place.run("gate status").exits(0).says(&["sandbox      passed"]);
    assert_eq!(place.reports("journal").len(), 2, "the aborted run's journal is kept");
}

#[test]
fn sigterm_ends_a_rollout_and_the_next_adopts_its_refreshes() {
    goes_on_after("TERM", "SIGTERM");
}

#[test]
fn an_interrupt_ends_a_rollout_and_the_next_adopts_its_refreshes() {
    goes_on_after("INT", "SIGINT");
}

#[test]
fn an_abort_takes_back_what_runs_where_the_configuration_says_so() {
    let mut place = Place::new();
    place.write("environments.yaml", &CONFIG.replace("canary: 0 }", "canary: 0, on_abort: rollback }"));
    let _simulator = Simulator::start(&mut place, SPEED, "");
    place.run("candidate --from-packer manifest.json").exits(0);
    let before = place.run("plan --env sandbox --format json").exits(0).json();
    let ended = interrupted(&place, "TERM", ("checks_started", 1));
    assert_told(&place, "SIGTERM", ended);
    let asked = place
        .journal()
        .iter()
        .any(|event| matches!(event, Event::Aborting { on_abort, .. } if on_abort == "rollback"));
    assert!(asked);
    place.run("rollback --env sandbox").exits(0).says(&["5 rolled back"]);
    let after = place.run("plan --env sandbox --format json").exits(0).json();
    for (before, after) in
        std::iter::zip(before[0]["groups"].as_array().unwrap(), after[0]["groups"].as_array().unwrap())
    {
        for key in ["group", "image", "tracking", "action"] {
            assert_eq!(before[key], after[key], "{key}");
        }
    }
    place.run("gate status").exits(0).says(&["sandbox"]);
}

#[test]
fn a_signal_in_a_rehearsal_just_ends_it() {
    let place = Place::empty();
    let mut child = place.command(&["rehearse"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    let kill = format!("kill -TERM {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let begun = Instant::now();
    child.wait().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3));
}
