//! Windows, freezes and quarantine: what is begun, what waits, what is never begun.

use std::time::Duration;

use ami_refresh::event::{Event, Status, Step};
use ami_refresh::gate::{QUARANTINE_TAG, Quarantine, State};
use ami_refresh::model::{Exit, Outcome, Tracking, Verdict};
use ami_refresh::rollout::{self, Scope, Steps};
use ami_refresh::schedule::When;
use ami_refresh::sim::{FleetSpec, Scenario};
use jiff::Timestamp;

use crate::rehearsal_wire::{changing_calls, snapshot};
use crate::rules_fleet::{group_mut, only, shared};
use crate::stage::{CONFIG, NEW, Stage};
use crate::truth;

/// The small fleet with a schedule: dev on Sundays at 19:00, which is when a stage begins.
pub(crate) fn scheduled(more: &str) -> String {
    let made = CONFIG
        .replace(
            "select: { tags: { Environment: dev } }",
            "select: { tags: { Environment: dev } }\n    schedule: { day: sun, time: '19:00' }",
        )
        .replace(
            "select: { tags: { Environment: qa } }",
            "select: { tags: { Environment: qa } }\n    schedule: { day: mon, time: '15:00' }",
        );
    let made = made.replace("version: 1", &format!("version: 1\n{more}"));
    assert_ne!(made, CONFIG);
    made
}

pub(crate) fn in_time(wait: bool) -> Scope {
    Scope { wait, when: When::Scheduled, ..Scope::now(Steps::Rollout) }
}

pub(crate) async fn roll(stage: &Stage, scope: &Scope) -> Vec<Verdict> {
    let verdicts = rollout::run(&stage.run(), &stage.names(), scope).await;
    verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}

pub(crate) fn tag(spec: &mut FleetSpec, group: &str, key: &str, value: &str) {
    group_mut(spec, group).tags.insert(key.to_owned(), value.to_owned());
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// When the forward refresh of each group began, in order.
pub(crate) fn begun(stage: &Stage) -> Vec<(String, Timestamp)> {
    let events = stage.events.borrow();
    let started = events.iter().filter_map(|stamped| match &stamped.event {
        Event::RefreshStarted { group, .. } => Some((group.group.to_string(), stamped.at)),
        _ => None,
    });
    started.collect()
}

fn names(begun: &[(String, Timestamp)]) -> Vec<&str> {
    let mut names: Vec<&str> = begun.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

/// The last outcome that was told of a group.
pub(crate) fn outcome(stage: &Stage, name: &str) -> Outcome {
    let told = stage.told(|event| match event {
        Event::GroupEnded { group, outcome, .. } if group.group.as_str() == name => Some(outcome.clone()),
        _ => None,
    });
    told.last().expect("an end").clone()
}

/// The last word on an environment's step, or a group's.
pub(crate) fn step(stage: &Stage, of: &str, wanted: Step) -> (Status, String) {
    let told = stage.told(|event| match event {
        Event::EnvironmentStep { environment, step, status, message, .. }
            if environment.as_str() == of && *step == wanted =>
        {
            Some((*status, message.clone()))
        }
        Event::GroupStep { group, step, status, message, .. }
            if group.group.as_str() == of && *step == wanted =>
        {
            Some((*status, message.clone()))
        }
        _ => None,
    });
    told.last().expect("the step").clone()
}

fn passed(stage: &Stage, environment: &str) -> bool {
    let gates = stage.simulator.inspect(truth::gates);
    gates.get(environment).is_some_and(|record| record.state == State::Passed)
}

#[tokio::test(start_paused = true)]
async fn what_is_due_is_taken_and_the_rest_says_when_next() {
    let config = scheduled("");
    let late = |spec: &mut FleetSpec| tag(spec, "orders-dev", "AMI_refresh_time", "23:00");
    let stage = Stage::with(&config, Scenario::clean(), 7, late).await;
    assert_eq!(roll(&stage, &in_time(false)).await, [Verdict::Partial, Verdict::NotReached]);
    assert_eq!(names(&begun(&stage)), ["catalog-dev", "payments-dev"]);
    let Outcome::Deferred { why, next } = outcome(&stage, "orders-dev") else {
        panic!("it was not deferred")
    };
    assert_eq!(next, Some(at("2026-11-22T23:00:00Z")));
    assert!(why.contains("Sun 22 Nov 23:00") && why.contains("AMI_refresh_time"), "{why}");
    assert_eq!(step(&stage, "orders-dev", Step::Window).0, Status::Skipped);
    assert_eq!(step(&stage, "payments-dev", Step::Window).0, Status::Passed);
    assert!(!passed(&stage, "dev"), "a part of an environment passes no gate");
    stage.clock.sleep_until(at("2026-11-22T23:10:00Z")).await;
    assert_eq!(roll(&stage, &in_time(false)).await, [Verdict::Passed, Verdict::NotDue]);
    assert_eq!(begun(&stage).len(), 3);
    let gates = stage.simulator.inspect(truth::gates);
    assert!(gates["dev"].detail.starts_with("3/3"), "{}", gates["dev"].detail);
}

#[tokio::test(start_paused = true)]
async fn nothing_due_changes_nothing() {
    let config = scheduled("").replace("day: sun", "day: tue");
    let stage = Stage::new(&config, Scenario::clean(), 7).await;
    let before = stage.simulator.inspect(snapshot);
    let verdicts = roll(&stage, &in_time(false)).await;
    assert_eq!(verdicts, [Verdict::NotDue, Verdict::NotReached]);
    assert_eq!(verdicts[0].exit(), Exit::Refused);
    assert_eq!(changing_calls(&stage), [""; 0]);
    assert_eq!(stage.simulator.inspect(snapshot), before);
}

#[tokio::test(start_paused = true)]
async fn waiting_goes_through_the_week() {
    let stage = Stage::new(&scheduled(""), Scenario::clean(), 7).await;
    assert_eq!(roll(&stage, &in_time(true)).await, [Verdict::Passed, Verdict::Passed]);
    for (name, when) in begun(&stage) {
        let (from, to) = if name.ends_with("-dev") {
            (at("2026-11-22T19:00:00Z"), at("2026-11-22T21:00:00Z"))
        } else {
            (at("2026-11-23T15:00:00Z"), at("2026-11-23T17:00:00Z"))
        };
        assert!(from <= when && when < to, "{name} was begun {when}");
    }
    let waits = stage.told(|event| match event {
        Event::EnvironmentWaits { environment, until, .. } => Some((environment.to_string(), *until)),
        _ => None,
    });
    assert_eq!(waits, [("qa".to_owned(), at("2026-11-23T15:00:00Z"))]);
}

#[tokio::test(start_paused = true)]
async fn a_window_that_closes_lets_what_runs_finish_and_begins_no_more() {
    let config = scheduled("").replace("defaults:", "defaults:\n  window: 15m");
    let stage = Stage::new(&config, Scenario::clean(), 7).await;
    assert_eq!(roll(&stage, &in_time(false)).await, [Verdict::Partial, Verdict::NotReached]);
    // The canary alone was begun in that quarter of an hour, and it took longer.
    let begun = begun(&stage);
    assert_eq!(begun.len(), 1);
    assert!(matches!(outcome(&stage, &begun[0].0), Outcome::Refreshed { .. }));
    let stands = stage.simulator.inspect(truth::groups);
    for (name, group) in stands.iter().filter(|(name, _)| name.ends_with("-dev") && **name != begun[0].0) {
        assert_eq!((group.refreshes, group.marked), (0, false), "{name}");
        let Outcome::Deferred { next, .. } = outcome(&stage, name) else { panic!("{name} was not deferred") };
        assert_eq!(next, Some(at("2026-11-29T19:00:00Z")), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_takes_what_is_left_in_the_next_window() {
    let config = scheduled("").replace("defaults:", "defaults:\n  window: 15m");
    let stage = Stage::new(&config, Scenario::clean(), 7).await;
    assert_eq!(roll(&stage, &in_time(true)).await[0], Verdict::Passed);
    let begun = begun(&stage);
    let of_dev: Vec<_> = begun.iter().filter(|(name, _)| name.ends_with("-dev")).collect();
    assert_eq!(of_dev.len(), 3);
    assert!(of_dev[1..].iter().all(|(_, when)| *when >= at("2026-11-29T19:00:00Z")), "{of_dev:?}");
}

const FREEZE: &str =
    "freezes:\n  - { from: 2026-11-22T12:00, to: 2026-11-24T08:00, environments: [dev], reason: 'big sale' }";

#[tokio::test(start_paused = true)]
async fn nothing_begins_in_a_freeze_whatever_the_time() {
    for scope in [Scope::now(Steps::Rollout), in_time(false)] {
        let stage = Stage::new(&scheduled(FREEZE), Scenario::clean(), 7).await;
        let before = stage.simulator.inspect(snapshot);
        let verdicts = roll(&stage, &scope).await;
        assert_eq!(verdicts, [Verdict::Refused, Verdict::NotReached]);
        assert_eq!(stage.simulator.inspect(snapshot), before);
        assert_eq!(changing_calls(&stage), [""; 0]);
        let (status, message) = step(&stage, "dev", Step::Freeze);
        assert_eq!(status, Status::Failed);
        assert!(message.contains("big sale") && message.contains("Tue 24 Nov 08:00"), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_freeze_is_waited_for() {
    let stage = Stage::new(&scheduled(FREEZE), Scenario::clean(), 7).await;
    let scope = Scope { wait: true, ..Scope::now(Steps::Rollout) };
    assert_eq!(roll(&stage, &scope).await, [Verdict::Passed, Verdict::Passed]);
    assert!(begun(&stage).iter().all(|(_, when)| *when >= at("2026-11-24T08:00:00Z")));
}

#[tokio::test(start_paused = true)]
async fn a_freeze_that_is_overridden_is_recorded() {
    let stage = Stage::new(&scheduled(FREEZE), Scenario::clean(), 7).await;
    let scope = Scope { override_freeze: Some("CVE-2026-1".into()), ..Scope::now(Steps::Rollout) };
    assert_eq!(roll(&stage, &scope).await[0], Verdict::Passed);
    let told = stage.told(|event| match event {
        Event::FreezeOverridden { freeze, by, .. } => Some((freeze.clone(), by.clone())),
        _ => None,
    });
    let [(freeze, by)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((freeze.as_str(), by.reason.as_str()), ("big sale", "CVE-2026-1"));
    assert!(!by.who.is_empty());
    let record = stage.simulator.inspect(truth::gates).remove("dev").expect("a record");
    let expected = format!("freeze overridden by {}: CVE-2026-1", by.who);
    assert!(record.detail.contains(&expected), "{}", record.detail);
}

#[tokio::test(start_paused = true)]
async fn a_freeze_that_begins_meanwhile_lets_what_runs_finish() {
    let freeze = "freezes:\n  - { from: 2026-11-22T19:10, to: 2026-11-24T08:00, reason: 'big sale' }";
    let stage = Stage::new(&scheduled(freeze), Scenario::clean(), 7).await;
    assert_eq!(roll(&stage, &Scope::now(Steps::Rollout)).await[0], Verdict::Partial);
    let begun = begun(&stage);
    assert_eq!(begun.len(), 1);
    assert!(matches!(outcome(&stage, &begun[0].0), Outcome::Refreshed { .. }));
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_goes_on_in_a_freeze() {
    let freeze = "freezes:\n  - { from: 2026-11-22T19:10, to: 2026-11-24T08:00, reason: 'big sale' }";
    let stage = Stage::new(&scheduled(freeze), Scenario::clean(), 7).await;
    // The run is dropped while its first refresh is active, before the freeze.
    let run = stage.run();
    let names = stage.names();
    let scope = Scope::now(Steps::Rollout);
    tokio::select! {
        verdicts = rollout::run(&run, &names, &scope) => panic!("it ended: {verdicts:?}"),
        () = stage.clock.sleep(Duration::from_secs(360)) => {}
    }
    let first = begun(&stage)[0].0.clone();
    assert!(stage.simulator.inspect(truth::groups)[&first].active);
    stage.clock.sleep_until(at("2026-11-22T19:15:00Z")).await;
    assert_eq!(roll(&stage, &scope).await[0], Verdict::Partial);
    assert!(matches!(outcome(&stage, &first), Outcome::Refreshed { .. }));
    assert!(begun(&stage).iter().all(|(name, _)| *name == first));
}

fn quarantine(stage: &Stage) {
    let record = Quarantine { holds: true, at: Some(stage.clock.now()), detail: "jane: it panics".into() };
    stage.simulator.change(|world| {
        let image = world.images.values_mut().find(|image| image.id.as_str() == NEW).expect("the new image");
        image.tags.insert(QUARANTINE_TAG.to_owned(), record.to_tag());
    });
}

#[tokio::test(start_paused = true)]
async fn an_image_in_quarantine_is_refused() {
    let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
    quarantine(&stage);
    let before = stage.simulator.inspect(snapshot);
    assert_eq!(stage.rollout().await, [Verdict::Refused, Verdict::NotReached]);
    assert_eq!(stage.simulator.inspect(snapshot), before);
    assert!(step(&stage, "dev", Step::Gate).1.contains("in quarantine"));
}

#[tokio::test(start_paused = true)]
async fn quarantine_stops_a_run_that_is_under_way() {
    let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
    let holding = async {
        stage.clock.sleep(Duration::from_secs(360)).await;
        quarantine(&stage);
        std::future::pending::<()>().await;
    };
    let verdicts = tokio::select! {
        verdicts = stage.rollout() => verdicts,
        () = holding => unreachable!("it waits for ever"),
    };
    // What ran is finished, and is on an image that must not stay.
    assert_eq!(verdicts, [Verdict::NeedsPerson, Verdict::NotReached]);
    let begun = begun(&stage);
    assert_eq!(begun.len(), 1);
    assert!(!passed(&stage, "dev"));
    for (name, group) in stage.simulator.inspect(truth::groups) {
        if name.ends_with("-dev") && name != begun[0].0 {
            let Outcome::NotStarted { why } = outcome(&stage, &name) else { panic!("{name}") };
            assert!(why.contains("jane: it panics"), "{why}");
            assert_eq!((group.refreshes, group.marked), (0, false), "{name}");
        }
    }
    let next = stage.told(|event| match event {
        Event::EnvironmentEnded { next, verdict: Verdict::NeedsPerson, .. } => Some(next.join("; ")),
        _ => None,
    });
    assert!(next[0].contains("ami-refresh rollback --env dev"), "{next:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_before_a_refresh_may_take_so_long_that_it_is_not_begun() {
    let config = CONFIG.replace("    retry: { for: 1m,", "    baseline: true\n    retry: { for: 10m,");
    assert_ne!(config, CONFIG);
    let ill = "name: ill\nabout: a test\neffects:\n  - application: { on: all, status: 503 }\n";
    let stage = Stage::new(&config, Scenario::from_yaml(ill).expect("a scenario"), 7).await;
    let holding = async {
        stage.clock.sleep(Duration::from_secs(300)).await;
        quarantine(&stage);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = stage.rollout() => {}
        () = holding => unreachable!("it waits for ever"),
    }
    assert!(begun(&stage).is_empty());
    for (name, group) in stage.simulator.inspect(truth::groups) {
        if name.ends_with("-dev") {
            let Outcome::NotStarted { why } = outcome(&stage, &name) else { panic!("{name}") };
            assert!(why.contains("jane: it panics"), "{why}");
            assert_eq!((group.refreshes, group.marked), (0, false), "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_puts_the_image_into_quarantine_where_that_is_wanted() {
    let config = CONFIG.replace("defaults:", "defaults:\n  quarantine_on_failure: true");
    let stage = Stage::new(&config, Scenario::named("app-down").expect("the scenario"), 7).await;
    assert_eq!(stage.rollout().await[0], Verdict::RolledBack);
    let told = stage.told(|event| match event {
        Event::Quarantined { images, reason, .. } => Some((images.clone(), reason.clone())),
        _ => None,
    });
    let [(images, reason)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(images.as_slice(), [NEW.into()]);
    assert!(reason.contains("dev"), "{reason}");
    assert_eq!(stage.rollout().await[0], Verdict::Refused);

    let stage = Stage::new(CONFIG, Scenario::named("app-down").expect("the scenario"), 7).await;
    assert_eq!(stage.rollout().await[0], Verdict::RolledBack);
    let offered = stage.told(|event| match event {
        Event::EnvironmentEnded { next, verdict: Verdict::RolledBack, .. } => Some(next.join("; ")),
        _ => None,
    });
    assert!(offered[0].contains(&format!("ami-refresh quarantine add {NEW}")), "{offered:?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_opted_out_holds_up_nobody_and_goes_when_told_to() {
    let out = |spec: &mut FleetSpec| tag(spec, "orders-dev", "ASG_refresh_enabled", "false");
    let stage = Stage::with(&scheduled(""), Scenario::clean(), 7, out).await;
    assert_eq!(roll(&stage, &in_time(false)).await[0], Verdict::Passed);
    assert_eq!(names(&begun(&stage)), ["catalog-dev", "payments-dev"]);
    let Outcome::Skipped { why } = outcome(&stage, "orders-dev") else { panic!("it was not skipped") };
    assert!(why.contains("ASG_refresh_enabled"), "{why}");
    assert_eq!(roll(&stage, &Scope::now(Steps::Rollout)).await[0], Verdict::Passed);
    assert_eq!(begun(&stage).iter().filter(|(name, _)| name == "orders-dev").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_cannot_be_read_is_told_and_holds_up_nobody() {
    let bad = |spec: &mut FleetSpec| tag(spec, "orders-dev", "AMI_refresh_day", "someday");
    let stage = Stage::with(&scheduled(""), Scenario::clean(), 7, bad).await;
    assert_eq!(roll(&stage, &in_time(false)).await[0], Verdict::Passed);
    assert_eq!(names(&begun(&stage)), ["catalog-dev", "payments-dev"]);
    let (status, message) = step(&stage, "orders-dev", Step::Window);
    assert_eq!(status, Status::Errored);
    for part in ["orders-dev", "AMI_refresh_day"] {
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_template_that_somebody_follows_who_has_to_stay_changes_for_nobody() {
    for (first, second) in [
        (Tracking::Latest, Tracking::Latest),
        (Tracking::Pinned(2), Tracking::Latest),
        (Tracking::Default, Tracking::Default),
    ] {
        for (key, value) in [("AMI_refresh_day", "tue"), ("AMI_refresh_enabled", "false")] {
            let fleet = |spec: &mut FleetSpec| {
                shared(spec, &[("left-dev", first), ("right-dev", second)]);
                tag(spec, "right-dev", key, value);
            };
            let stage = Stage::with(&scheduled(""), Scenario::clean(), 7, fleet).await;
            let before = stage.simulator.inspect(snapshot);
            assert_eq!(roll(&stage, &in_time(false)).await[0], Verdict::NotDue, "{first} {second} {key}");
            assert_eq!(stage.simulator.inspect(snapshot), before);
            let Outcome::Deferred { why, .. } = outcome(&stage, "left-dev") else {
                panic!("{first} {second}")
            };
            assert!(why.contains("right-dev"), "{why}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_missed_window_is_caught_up_where_that_is_wanted() {
    for (missed, verdict) in [("wait", Verdict::NotDue), ("catch_up", Verdict::Passed)] {
        let config = scheduled("").replace("defaults:", &format!("defaults:\n  missed: {missed}"));
        let stage = Stage::new(&config, Scenario::clean(), 7).await;
        // The pipeline was down in the evening, when the window was open.
        stage.clock.sleep_until(at("2026-11-22T22:00:00Z")).await;
        assert_eq!(roll(&stage, &in_time(false)).await[0], verdict, "{missed}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_environment_that_waits_holds_up_only_those_that_require_it() {
    let config = scheduled("").replace("gate: { requires: [dev] }", "gate: { requires: [] }");
    let config = config.replace("day: sun", "day: wed");
    let fleet = |spec: &mut FleetSpec| only(spec, &["payments-dev"]);
    let stage = Stage::with(&config, Scenario::clean(), 7, fleet).await;
    assert_eq!(roll(&stage, &in_time(true)).await, [Verdict::Passed, Verdict::Passed]);
    let begun: Vec<String> = begun(&stage).into_iter().map(|(name, _)| name).collect();
    assert_eq!(begun, ["payments-qa", "payments-dev"]);
}
