//! Whole runs as the rollout emits them, for tests.

use std::collections::BTreeMap;

pub(crate) use super::stream::*;
use crate::event::{CheckResult, Event, PlannedAction, RollbackRoute, Simulation, Stamped, Status, Step};
use crate::model::{Exit, Outcome, Problem, RefreshStatus, Verdict};

fn failing() -> Vec<CheckResult> {
    let mut results = passing();
    results[1].status = Status::Failed;
    results[1].message = "2 of 4 instances failed".into();
    for at in [1, 3] {
        results[1].probes[at] = probe(
            &format!("i-0{}", at + 1),
            Status::Failed,
            "500 Internal Server Error, wanted 200",
            "{\"status\":\"DOWN\",\n \"db\":\"]]> \u{1b}[31mrefused\u{1b}[0m\"}",
        );
    }
    results
}

/// Three groups, one of them current already; all is well.
pub(crate) fn clean(simulation: Option<Simulation>) -> Vec<Stamped> {
    let mut stream = Stream::new(&["qa"], simulation);
    let (payments, search, batch) =
        (group("qa", "payments-qa"), group("qa", "search-qa"), group("qa", "reports-batch-qa"));
    let plan = |name, action| planned("qa", name, action);
    stream.start(
        "qa",
        vec![
            plan("payments-qa", PlannedAction::Refresh),
            plan("search-qa", PlannedAction::Skip),
            plan("reports-batch-qa", PlannedAction::Refresh),
        ],
    );
    stream.end(&search, Outcome::Skipped { why: "already on this image".into() }, Some(NEW));
    stream.good(&payments).good(&batch);
    stream.environment_step("qa", Step::Record, Status::Passed, "gate qa is passed, 2 of 2 groups");
    stream.environment_ended("qa", Verdict::Passed, "2 groups on the new image", &[]);
    stream.run_ended(Exit::Done, "1 environment passed")
}

/// The canary's check fails in the bake; AWS rolls back; the second group is never started.
pub(crate) fn failed_check() -> Vec<Stamped> {
    let mut stream = Stream::new(&["qa", "prod"], None);
    let (payments, search) = (group("qa", "payments-qa"), group("qa", "search-qa"));
    let plan = |name| planned("qa", name, PlannedAction::Refresh);
    stream.start("qa", vec![plan("payments-qa"), plan("search-qa")]).refresh(&payments);
    let why = "app-health: 2 of 4 instances failed";
    for _again in 0..2 {
        stream.push(Event::LaunchFailed {
            group: payments.clone(),
            started: "2026-11-22T19:05:00Z".parse().unwrap(),
            message: "We currently do not have sufficient m5.large capacity in eu-west-2a.".into(),
        });
    }
    stream.checks(&payments, failing());
    stream.push(Event::RollbackStarted {
        group: payments.clone(),
        route: RollbackRoute::Native,
        why: why.into(),
    });
    stream.moved(&payments, RefreshStatus::RollbackInProgress, 0).wait(400);
    stream.moved(&payments, RefreshStatus::RollbackSuccessful, 100);
    stream.step(&payments, Step::Refresh, Status::Passed, "4 of 4 instances replaced");
    stream.step(&payments, Step::Rollback, Status::Passed, "4 of 4 instances run the old image");
    stream.step(&payments, Step::Tracking, Status::Passed, "follows $Latest again");
    stream.end(&payments, Outcome::RolledBack { why: why.into() }, Some(OLD));
    stream.end(&search, Outcome::NotStarted { why: "payments-qa failed".into() }, None);
    stream.environment_step("qa", Step::Record, Status::Passed, "gate qa is revoked");
    let next = ["ami-refresh rollout --environment qa"];
    stream.environment_ended("qa", Verdict::RolledBack, "1 of 2 groups failed and was rolled back", &next);
    stream.environment_ended("prod", Verdict::NotReached, "qa did not pass", &[]);
    stream.run_ended(Exit::RolledBack, "qa failed and is on the old image")
}

/// Two things stand against the environment.
pub(crate) fn refused() -> Vec<Stamped> {
    let mut stream = Stream::new(&["prod"], None);
    let problems = vec![
        Problem::new(
            "group payments-prod follows $Latest of lt-0a1b, which stage's payments-stage shares",
            "publishing a version would put the new image into stage on its next scale-out",
            "pin payments-stage to version 6, or give it a template of its own",
        ),
        Problem::new("group search-prod suspends Launch", "", "resume the process"),
    ];
    stream.push(Event::EnvironmentStarted { environment: env("prod") });
    stream.environment_step("prod", Step::Gate, Status::Passed, "stage passed 23h ago");
    let groups = vec![planned("prod", "payments-prod", PlannedAction::Refresh)];
    stream.push(Event::Planned { environment: env("prod"), groups });
    stream.push(Event::Refused { environment: env("prod"), problems });
    let next = ["ami-refresh plan --environment prod"];
    stream.environment_ended("prod", Verdict::Refused, "2 problems", &next);
    stream.run_ended(Exit::Refused, "prod was refused before anything changed")
}

/// A signal comes while one of two groups is refreshed.
pub(crate) fn aborted() -> Vec<Stamped> {
    let mut stream = Stream::new(&["qa", "prod"], None);
    let (payments, search) = (group("qa", "payments-qa"), group("qa", "search-qa"));
    let plan = |name| planned("qa", name, PlannedAction::Refresh);
    stream.start("qa", vec![plan("payments-qa"), plan("search-qa")]).refresh(&payments);
    stream.push(Event::Aborting { signal: "SIGTERM".into(), on_abort: "leave".into() });
    let next = "ami-refresh refresh --environment qa";
    let left = Outcome::Left { state: "Baking, 100%".into(), next: next.into() };
    stream.end(&payments, left, None);
    stream.end(&search, Outcome::NotStarted { why: "the run was aborted".into() }, None);
    stream.environment_ended("qa", Verdict::Aborted, "a refresh was left to AWS", &[next]);
    stream.run_ended(Exit::Aborted, "aborted by SIGTERM")
}

/// Every kind of event there is, at least once.
pub(crate) fn all() -> Vec<Stamped> {
    let simulation = Some(Simulation { scenario: "clean".into(), seed: u64::MAX });
    let mut events = clean(simulation);
    events.extend([failed_check(), refused(), aborted()].into_iter().flatten());
    let mut rest = Stream { at: 0, events: Vec::new() };
    rest.push(Event::Note { environment: Some(env("qa")), text: "a note".into() });
    rest.push(Event::GroupEnded {
        group: group("qa", "payments-qa"),
        outcome: Outcome::NeedsPerson { why: "stragglers".into(), next: "look".into() },
        images: BTreeMap::from([(NEW.into(), 3), (OLD.into(), 1)]),
        stragglers: vec!["i-0straggler".into()],
        took_ms: u64::MAX,
    });
    events.extend(rest.events);
    events
}
