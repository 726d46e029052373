//! `status`: the board of environments, and what is too old.

use super::schedule::{simulated, with_windows};

#[test]
fn an_old_image_is_marked_and_fails_only_who_asks_for_that() {
    let (place, _simulator) = simulated();
    let ran = place.run("status").exits(0);
    let table: Vec<&str> =
        ran.out.lines().filter(|line| line.contains("dept-base-20261114184500  ")).collect();
    assert_eq!(table.len(), 2, "{}", ran.out);
    assert!(
        table[0].contains("5/5  ") && table[0].contains("8d  ") && table[0].contains("Mon 23 Nov 15:00"),
        "{}",
        table[0]
    );
    assert!(table[1].contains("8d !"), "{}", table[1]);
    let status = place.run("status --format json").exits(0).json();
    let old: Vec<&serde_json::Value> =
        status["environments"].as_array().unwrap().iter().map(|one| &one["image"]["too_old"]).collect();
    assert_eq!(old, [false, true]);
    place.run("status --fail-when-old").exits(3).says(&["8d !"]);
    place.run("status --fail-when-old --env sandbox").exits(0);
}

#[test]
fn a_freeze_that_comes_and_a_quarantine_are_shown() {
    let (place, _simulator) = simulated();
    let freezes = "freezes:\n  - { from: 2026-12-01T17:00, to: 2027-01-04T08:00, environments: [dev], reason: year-end }\n";
    place.write("environments.yaml", &(with_windows() + freezes));
    let ran = place
        .run("status")
        .exits(0)
        .says(&["dev: freeze from Tue 01 Dec 17:00 to Mon 04 Jan 08:00: year-end"]);
    let (_, id) = ran.out.split_once("dept-base-20261114184500 is ").expect("the image's id");
    let id = id.lines().next().unwrap();
    place.run_with(&["quarantine", "add", id, "--reason", "it panics"]).exits(0);
    place.run("status").exits(0).says(&["is in quarantine", "it panics"]);
}
