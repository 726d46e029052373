//! The steps one after another, each a process, and `rollout` at once: the same end.

use ami_refresh::event::Event;
use ami_refresh::model::Outcome;
use serde_json::Value;

use super::place::{NEW, Place};
use super::simulator::Simulator;

/// A bake of six seconds, and a rollout of nine.
const SPEED: u32 = 100;

/// What plan and gates say at the end, without the times.
fn end(place: &Place) -> (Value, Value) {
    let plan = place.run("plan --env sandbox --detailed-exitcode --format json").exits(0).json();
    let mut gates = place.run("gate status --format json").exits(0).json();
    for gate in gates.as_array_mut().expect("a list") {
        if let Some(record) = gate["record"].as_object_mut() {
            record.remove("at");
        }
    }
    (plan, gates)
}

fn refreshed(place: &Place) -> usize {
    let is_refreshed =
        |event: &&Event| matches!(event, Event::GroupEnded { outcome: Outcome::Refreshed { .. }, .. });
    place.journal().iter().filter(is_refreshed).count()
}

fn step_by_step() -> (Value, Value) {
    let (place, _simulator) = Simulator::with_candidate(SPEED, "--seed 4");
    place.run("plan --env sandbox --detailed-exitcode").exits(2).says(&["sandbox: 5 of 5 groups change"]);
    place.run("update-templates --env sandbox").exits(0).says(&["pinned to version"]);
    place.run("refresh --env sandbox --until baking").exits(0).says(&["Baking"]);
    place.run("smoke --env sandbox").exits(0).says(&["app-health"]);
    place.run("refresh --env sandbox").exits(0);
    place.run("gate pass --env sandbox").exits(0);
    place.run("gate status").exits(0).says(&["sandbox      passed  Sun 22 Nov "]);
    end(&place)
}

fn at_once() -> (Value, Value) {
    let (place, _simulator) = Simulator::with_candidate(SPEED, "--seed 4");
    place.run("rollout --env sandbox").exits(0).says(&["SIMULATION", "sandbox passed", "5 refreshed"]);
    assert_eq!(refreshed(&place), 5);
    place.run("rollout --env sandbox").exits(0).says(&["already on the image"]);
    // A pipeline that is started again from its beginning comes by here, too.
    for step in ["update-templates", "refresh --until baking", "smoke", "refresh"] {
        place.run(&format!("{step} --env sandbox")).exits(0);
    }
    place.run("gate pass --env sandbox").exits(0);
    assert!(place.read("reports/journal.jsonl").contains("nothing to do, the gate is passed"));
    end(&place)
}

#[test]
fn the_steps_as_processes_end_as_rollout_does() {
    let other = std::thread::spawn(at_once);
    let (plan, gates) = step_by_step();
    let (plan_at_once, gates_at_once) = other.join().expect("the rollout ended well");
    assert_eq!(plan, plan_at_once);
    assert_eq!(gates, gates_at_once);
    let groups = plan[0]["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 5);
    assert!(groups.iter().all(|group| group["image"] == NEW && group["new_image"].is_null()), "{groups:?}");
    let trackings: Vec<&Value> = groups.iter().map(|group| &group["tracking"]).collect();
    let follows = |wanted: &str| trackings.iter().filter(|tracking| **tracking == wanted).count();
    assert_eq!((follows("$Latest"), follows("$Default")), (1, 1), "tracking is as it was found");
    assert_eq!(gates[0]["record"]["state"], "passed");
    assert_eq!(gates[1]["may_start"], true);
}

#[test]
fn a_rollback_takes_a_passed_environment_back_and_its_gate_with_it() {
    let (place, _simulator) = Simulator::with_candidate(SPEED * 3, "--seed 4");
    let before = place.run("plan --env sandbox --format json").exits(0).json();
    place.run("rollout --env sandbox").exits(0);
    let ran = place.run("rollback --env sandbox").exits(0);
    ran.says(&["5 groups to refresh", "dept-base-20261121194500 -> ami-0", "5 rolled back"]);
    place.run("gate status").exits(0).says(&["revoked", "rolled back by hand"]);
    let after = place.run("plan --env sandbox --format json").exits(0).json();
    let standing = |plan: &Value| -> Vec<[Value; 4]> {
        let groups = plan[0]["groups"].as_array().expect("groups");
        let of = |group: &Value| ["group", "image", "tracking", "action"].map(|key| group[key].clone());
        groups.iter().map(of).collect()
    };
    assert_eq!(standing(&before), standing(&after));
    place.run("rollback --env sandbox").exits(0).says(&["no groups"]);
}

#[test]
fn checks_are_asked_of_whatever_runs_when_there_is_no_candidate() {
    let mut place = Place::new();
    let _simulator = Simulator::start(&mut place, SPEED, "");
    place.run("smoke --env sandbox").exits(0).says(&["app-health 4/4"]);
    place.run("smoke --env sandbox --group catalog-sandbox").exits(0).says(&["app-health 4/4"]);
    let events = place.journal();
    let asked = events.iter().filter(|event| matches!(event, Event::ChecksStarted { .. })).count();
    assert_eq!(asked, 1, "only the named group is asked");
}
