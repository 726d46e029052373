//! `smoke --list` and `smoke --watch`, as their users run them.

use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

use ami_refresh::event::Event;
use ami_refresh::model::Exit;

use super::place::{CONFIG, Place, elements};
use super::simulator::Simulator;

/// The pause of 30 seconds is half a second.
const SPEED: u32 = 60;

fn place(config: &str, more: &str) -> (Place, Simulator) {
    let mut place = Place::new();
    place.write("environments.yaml", config);
    let simulator = Simulator::start(&mut place, SPEED, more);
    (place, simulator)
}

/// The configuration with a login, a service's own check, and a deadline.
fn rich() -> String {
    CONFIG
        .replace("checks: [instances, app-health]", "checks: [instances, login, orders]\n    checks_deadline: 5m")
        .replace(
            "checks:\n  app-health:",
            "overrides:\n  - match: { name: 'payments-*' }\n    checks: [app-health]\nchecks:\n  login:\n    http: { url: 'http://{private_ip}:8080/login', capture: { token: { json: $.token } } }\n    \
             baseline: true\n  orders:\n    http: { url: 'http://{private_ip}:8080/orders/{token}?of={tag:Nothing}' }\n  app-health:",
        )
}

#[test]
fn the_list_says_who_would_be_asked_what_and_asks_nobody() {
    let (place, _simulator) = place(&rich(), "--seed 4");
    let list = place.run("smoke --env sandbox --list").exits(0);
    assert_eq!(list.out, place.run("smoke --env sandbox --list").exits(0).out);
    for part in [
        "sandbox: 5 groups; nobody is asked\n",
        "\norders-sandbox (eu-west-2)\n  instances: instances of the group; for 300s, every 10s; deadline 300s\n    orders-sandbox  whether ",
        "  login: http of the instance; for 300s, every 10s; deadline 300s; before a refresh too; captures {token}\n    i-",
        "  GET http://127.",
        "  orders: http of the instance; for 300s, every 10s; deadline 300s; needs {token}\n    i-",
        "  can't be asked: the group has no tag Nothing, which {tag:Nothing} stands for\n",
    ] {
        assert!(list.out.contains(part), "{part:?} is not in\n{}", list.out);
    }
    // The list of the one service is its own.
    let one = place.run("smoke --env sandbox --group payments-sandbox --list --format json").exits(0).json();
    let checks = one[0]["groups"][0]["checks"].as_array().expect("a list").clone();
    assert_eq!(checks.len(), 1);
    assert_eq!((&checks[0]["check"], &checks[0]["on"]), (&"app-health".into(), &"instance".into()));
    let what = checks[0]["asks"][0]["what"].as_str().expect("text");
    assert!(what.starts_with("GET http://127.") && what.ends_with(":8080/health"), "{what}");
    assert!(!place.path("reports").exists());
    place.run("smoke --env sandbox --group nobody --list").exits(3).says(&["no group nobody in sandbox"]);
    place.run("smoke --env sandbox --format json").exits(2).says(&["--list"]);
    place.run("smoke --env sandbox --list --watch").exits(2);
}

/// Watches until `enough` is in what it printed, then sends Ctrl-C; the exit code and the output.
fn watched(place: &Place, enough: impl Fn(&str) -> bool) -> (i32, String) {
    let out = File::create(place.path("out.txt")).expect("a file");
    let err = File::create(place.path("err.txt")).expect("a file");
    let mut command = place.command(&["smoke", "--env", "sandbox", "--watch", "30s"]);
    let mut child = command.stdout(out).stderr(err).spawn().expect("the program starts");
    let begun = Instant::now();
    while !enough(&place.read("out.txt")) && begun.elapsed() < Duration::from_secs(60) {
        assert!(child.try_wait().expect("a child").is_none(), "it ended: {}", place.read("err.txt"));
        // Nothing is written while it goes round.
        assert!(!place.path("reports").exists());
        std::thread::sleep(Duration::from_millis(20));
    }
    // Some more rounds, in which nothing changes.
    std::thread::sleep(Duration::from_secs(2));
    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    let status = child.wait().expect("it ends");
    (status.code().unwrap_or(-1), place.read("out.txt"))
}

#[test]
fn a_watch_tells_changes_only_and_leaves_the_reports_of_its_last_round() {
    let (place, _simulator) = place(CONFIG, "--seed 4");
    let (code, out) = watched(&place, |out| out.contains("round 1: "));
    assert_eq!(code, 0, "{out}\n{}", place.read("err.txt"));
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(out.contains(" round 1: ") && out.contains(" passed"), "{out}");
    let events = place.journal();
    assert!(matches!(events.last(), Some(Event::RunEnded { exit: Exit::Done, .. })));
    let rounds = events.iter().filter(|event| matches!(event, Event::EnvironmentStarted { .. })).count();
    assert_eq!(rounds, 1);
    assert_eq!(place.reports("junit-"), ["junit-sandbox.smoke.xml"]);
    assert!(elements(&place.path("reports/junit-sandbox.smoke.xml")).iter().any(|name| name == "testcase"));
}

#[test]
fn a_watch_of_something_ill_says_so_once_and_exits_with_five() {
    let ill = "name: ill\nabout: an application is ill\neffects:\n  - groups: catalog-sandbox\n    application: { on: all, status: 500 }\n";
    let mut place = Place::new();
    place.write("ill.yaml", ill);
    let _simulator = Simulator::start(&mut place, SPEED, "--scenario ill.yaml");
    let (code, out) = watched(&place, |out| out.contains("round 1: "));
    assert_eq!(code, 5, "{out}\n{}", place.read("err.txt"));
    assert_eq!(out.matches("sandbox catalog-sandbox app-health: failed: ").count(), 1, "{out}");
}
