//! What differs is shown, what only one side has too, and nothing is said to differ that does not.

use insta::assert_snapshot;

use super::*;
use crate::event::{Event, Stamped};
use crate::report::samples;

fn past(source: &str, hours: i64, mut events: Vec<Stamped>) -> Vec<Past> {
    for event in &mut events {
        event.at += jiff::SignedDuration::from_hours(hours);
    }
    vec![Past { source: source.into(), events, cut_off: false }]
}

/// A failed rollout, and one of another build that went well, quicker.
fn failed_and_clean() -> (Vec<Past>, Vec<Past>) {
    let mut clean = samples::clean(None);
    for event in &mut clean {
        match &mut event.event {
            Event::RunStarted { build, images, .. } => {
                build.number = Some("813".into());
                images[0].id = "ami-0ccc3333ccc3333cc".into();
            }
            Event::GroupEnded { took_ms, .. } => *took_ms -= 100_000,
            _ => {}
        }
    }
    (past("build-812/journal.jsonl", 0, samples::failed_check()), past("build-813/journal.jsonl", 24, clean))
}

#[test]
fn two_rollouts_as_people_read_them() {
    let (a, b) = failed_and_clean();
    let text = compare(a, b).text(false);
    assert!(text.lines().all(|line| line.chars().count() < 140), "{text}");
    assert_snapshot!(text);
}

#[test]
fn the_json_holds_what_differs_and_what_only_one_side_has() {
    let (a, b) = failed_and_clean();
    let json = serde_json::to_value(compare(a, b)).unwrap();
    assert_eq!((&json["a"]["exit"], &json["b"]["exit"]), (&4.into(), &0.into()));
    let qa = &json["environments"][0];
    assert_eq!((&qa["a"]["verdict"], &qa["b"]["verdict"]), (&"rolled_back".into(), &"passed".into()));
    assert!(json["environments"][1]["b"].is_null(), "prod is in A only");
    let group = |name: &str| {
        qa["groups"].as_array().unwrap().iter().find(|group| group["name"] == name).unwrap().clone()
    };
    let payments = group("payments-qa");
    let checks = payments["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 1, "instances passed on both sides: {checks:?}");
    assert_eq!((&checks[0]["a"]["status"], &checks[0]["b"]["status"]), (&"failed".into(), &"passed".into()));
    assert_eq!(payments["a"]["launch_failures"].as_array().unwrap().len(), 1);
    assert!(payments["b"]["launch_failures"].as_array().unwrap().is_empty());
    assert_eq!((&payments["a"]["took_ms"], &payments["b"]["took_ms"]), (&724_000.into(), &624_000.into()));
    assert!(group("reports-batch-qa")["a"].is_null());
}

#[test]
fn a_rollout_compared_with_itself_differs_in_nothing() {
    let runs = || past("a", 0, samples::failed_check());
    let comparison = compare(runs(), runs());
    for environment in &comparison.environments {
        assert!(environment.groups.iter().all(|group| group.checks.is_empty()));
    }
    let text = comparison.text(false);
    assert!(!text.contains("absent") && !text.contains('+'), "{text}");
}

#[test]
fn the_steps_of_one_rollout_are_one_side() {
    let all = samples::clean(None);
    let cut = all.iter().position(|one| matches!(one.event, Event::ChecksStarted { .. })).unwrap();
    let step = |command: &str, hours: i64, events: &[Stamped]| {
        let mut run = all[..1].to_vec();
        run.extend(events.iter().cloned());
        if let Event::RunStarted { command: told, .. } = &mut run[0].event {
            *told = command.into();
        }
        past(command, hours, run).remove(0)
    };
    let steps = vec![step("refresh", 0, &all[1..cut]), step("smoke", 1, &all[cut..])];
    let (whole, steps) = (past("whole", 0, all.clone()), steps);
    let comparison = compare(whole, steps);
    assert_eq!(comparison.b.commands, ["refresh", "smoke"]);
    let qa = &comparison.environments[0];
    let payments = qa.groups.iter().find(|group| group.name.as_str() == "payments-qa").unwrap();
    assert!(payments.checks.is_empty() && payments.steps.iter().all(|step| step.b.is_some()), "{payments:?}");
}

#[test]
fn a_rollout_that_did_not_come_to_an_environment_hides_nothing_of_one_that_did() {
    let mut later = samples::refused();
    if let Event::RunStarted { environments, .. } = &mut later[0].event {
        environments.insert(0, samples::env("qa"));
    }
    let side = [past("1", 0, samples::failed_check()), past("2", 5, later)].concat();
    let comparison = compare(side, past("3", 9, samples::clean(None)));
    let qa = comparison.environments.iter().find(|one| one.name.as_str() == "qa").unwrap();
    assert_eq!(qa.a.as_ref().unwrap().verdict, Some(Verdict::RolledBack));
    assert!(qa.groups.iter().any(|group| group.a.is_some()), "{qa:?}");
}

#[test]
fn a_side_that_took_longer_has_a_plus() {
    let (a, b) = failed_and_clean();
    let text = compare(a, b).text(false);
    let line = text.lines().find(|line| line.trim_start().starts_with("payments-qa")).unwrap();
    assert!(line.ends_with("-1m 40s"), "{line}");
    let (a, b) = failed_and_clean();
    let text = compare(b, a).text(false);
    let line = text.lines().find(|line| line.trim_start().starts_with("payments-qa")).unwrap();
    assert!(line.ends_with("+1m 40s"), "{line}");
}
