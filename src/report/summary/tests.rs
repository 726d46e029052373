//! What a summary holds of a run that is too large for it.

use serde_json::Value;

use super::super::collect::Run;
use super::*;
use crate::event::{Event, PlannedAction};
use crate::report::samples::{Stream, check, env, group, planned};

/// The summary of a run with so many checks in each of its groups, of which the last fails.
fn of(groups: usize, checks: usize, words: &str) -> (Value, usize) {
    let mut stream = Stream::new(&["qa"], None);
    let names: Vec<String> = (0..groups).map(|at| format!("web-{at}")).collect();
    stream.start("qa", names.iter().map(|name| planned("qa", name, PlannedAction::Refresh)).collect());
    for name in &names {
        let result = |at: usize| {
            let status = if at + 1 == checks { Status::Failed } else { Status::Passed };
            check(&format!("c{at}"), status, words, vec![])
        };
        stream.checks(&group("qa", name), (0..checks).map(result).collect());
    }
    for at in 0..300 {
        let problem = Problem::new(format!("answer {at}"), "", "");
        stream.push(Event::NotDelivered { sink: "slack".into(), what: "a message".into(), problem });
    }
    let problems = (0..300).map(|at| Problem::new(format!("problem {at}"), "", "")).collect();
    stream.push(Event::Refused { environment: env("qa"), problems });
    let mut run = Run::default();
    stream.events.iter().for_each(|event| run.apply(event));
    let bytes = write(&run, false).unwrap();
    (serde_json::from_slice(&bytes).unwrap(), bytes.len())
}

#[test]
fn a_summary_of_a_hundred_thousand_checks_is_bounded_and_says_what_it_left_out() {
    let (summary, size) = of(200, 500, &"é".repeat(3000));
    assert!(size < 24 * 1024 * 1024, "{size}");
    let groups = summary["environments"][0]["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 200, "every group has its line");
    let (mut shown, mut left_out) = (0, 0);
    for group in groups {
        let checks = group["checks"].as_array().unwrap();
        shown += checks.len();
        left_out += group["checks_left_out"].as_u64().unwrap();
        assert!(
            checks.iter().any(|check| check["status"] == "failed"),
            "what failed is there: {}",
            group["name"]
        );
        let message = checks[0]["message"].as_str().unwrap();
        assert!(message.ends_with('…') && message.chars().count() < 500, "{}", message.chars().count());
    }
    assert_eq!((shown, left_out), (bounds::CHECKS, 200 * 500 - bounds::CHECKS as u64));
    let told = &summary["left_out"];
    assert_eq!((&told["checks"], &told["cut"]), (&left_out.into(), &shown.into()));
    assert_eq!(told["entries"], 400, "200 of the problems, and of what was not delivered");
    assert!(told["found_in"].as_str().unwrap().contains("the journal"));
    assert_eq!(summary["undelivered"].as_array().unwrap().len(), bounds::LISTED);
    assert_eq!(summary["environments"][0]["problems"].as_array().unwrap().len(), bounds::LISTED);
}

#[test]
fn a_summary_of_a_usual_run_leaves_nothing_out() {
    let mut run = Run::default();
    for event in &crate::report::samples::failed_check() {
        run.apply(event);
    }
    let summary: Value = serde_json::from_slice(&write(&run, false).unwrap()).unwrap();
    assert!(summary["left_out"].is_null(), "{summary}");
    assert_eq!(summary["environments"][0]["groups"][0]["checks_left_out"], 0);
}
