//! Checks that are asked before a refresh too: what failed then does not take a group back, holds the
//! gate unless that is allowed, and is found again by a run that goes on.

use std::path::Path;
use std::time::Duration;

use ami_refresh::config::Fleet;
use ami_refresh::event::Status;
use ami_refresh::model::Verdict;
use ami_refresh::plan::MARKER_TAG;
use ami_refresh::rollout::Steps;
use ami_refresh::sim::Scenario;

use crate::rehearsal_story::{block, count, in_order, scenario, story, story_of, told_verdict};
use crate::rehearsal_wire::{forward, refreshes};
use crate::resume::{killed_when, told};
use crate::resume_steps::{pass, smoke, step};
use crate::stage::{CONFIG, NEW, Stage};
use crate::truth;

/// The configuration with this in the check of the application.
pub(crate) fn with(settings: &str) -> String {
    let check = "    http: { url: 'http://{private_ip}:8080/health'";
    assert!(CONFIG.contains(check));
    CONFIG.replace(check, &format!("    {settings}\n{check}"))
}

/// The application of one group answers 500 on these images.
pub(crate) fn ill(on: &str) -> Scenario {
    let text = format!(
        "name: ill\nabout: an application is ill\neffects:\n  - groups: orders-dev\n    application: {{ on: {on}, status: 500 }}\n"
    );
    Scenario::from_yaml(&text).expect("a scenario")
}

/// What the group's marker says.
pub(crate) fn marker(stage: &Stage, group: &str) -> Option<String> {
    stage.simulator.inspect(|world| world.group(group).and_then(|group| group.tags.get(MARKER_TAG).cloned()))
}

/// Every group of dev is on the new image, and none went back.
fn all_new(stage: &Stage) {
    let now = stage.simulator.inspect(truth::groups);
    for group in ["catalog-dev", "orders-dev", "payments-dev"] {
        assert!(now[group].serves.iter().all(|image| image.as_str() == NEW), "{group}: {:?}", now[group]);
        assert_eq!(refreshes(stage, group).len(), 1, "{group}");
    }
    assert!(!story(stage).iter().any(|line| line.contains(": rollback ")), "{:#?}", story(stage));
}

/// The results of the application's check of the group, as they were told.
fn results(stage: &Stage) -> Vec<(Status, String)> {
    stage.told(|event| match event {
        ami_refresh::event::Event::CheckEnded { group, result }
            if group.group.as_str() == "orders-dev" && result.check == "app-health" =>
        {
            Some((result.status, result.message.clone()))
        }
        _ => None,
    })
}

#[test]
fn what_failed_before_too_takes_nobody_back_and_holds_the_gate_until_it_is_mended() {
    block(async {
        let mut stage = Stage::new(&with("baseline: true"), ill("all"), 7).await;
        assert_eq!(stage.rollout().await, [Verdict::Unproved, Verdict::NotReached]);
        all_new(&stage);
        let told = results(&stage);
        let (status, message) = told.last().expect("a result");
        assert_eq!(*status, Status::Failed);
        assert!(message.starts_with("failed before the refresh too: 2 of 2 instances failed"), "{message}");
        let noted = story(&stage)
            .iter()
            .filter(|line| line.contains("orders-dev: failed before its refresh: app-health"))
            .count();
        assert_eq!(noted, 1, "{:#?}", story(&stage));
        let (_, message, next) = told_verdict(&stage, "dev").expect("a verdict");
        assert_eq!(
            message,
            "3 refreshed; the gate is held by what failed before the refresh too: orders-dev (app-health)"
        );
        assert!(next[0].starts_with("ami-refresh rollout --env dev, when the cause is mended"), "{next:?}");
        // Only that one keeps its marker, which says what failed.
        assert!(marker(&stage, "orders-dev").expect("it").ends_with(" baseline=app-health"));
        assert_eq!((marker(&stage, "catalog-dev"), marker(&stage, "payments-dev")), (None, None));
        // As long as it is not mended, it stays so; and once it is, the checks prove it.
        assert_eq!(pass(&stage, "dev").await, Verdict::Refused);
        stage.events.borrow_mut().clear();
        assert_eq!(stage.rollout().await, [Verdict::Unproved, Verdict::NotReached]);
        all_new(&stage);
        let mended = with("baseline: true").replace("json: { '$.status': UP }", "status: 500");
        stage.fleet = Fleet::parse(Path::new("mended.yaml"), &mended).expect("a configuration");
        assert_eq!(stage.rollout().await[0], Verdict::Passed);
        assert_eq!((marker(&stage, "orders-dev"), forward(&stage, "orders-dev")), (None, 1));
    });
}

#[test]
fn what_passed_before_and_fails_after_takes_the_group_back() {
    for allowed in ["baseline: true", "baseline: true\n    allow_preexisting: true"] {
        block(async {
            let stage = Stage::new(&with(allowed), ill("new"), 7).await;
            let first = stage.simulator.inspect(truth::groups);
            let verdicts = stage.rollout().await;
            assert_eq!(verdicts, [Verdict::RolledBack, Verdict::NotReached]);
            assert_eq!(truth::check(&stage, &first, &verdicts), Ok(()));
            in_order(&story_of(&stage, "orders-dev"), &["check app-health failed: 2 of 2", "rollback"]);
        });
    }
}

#[test]
fn a_group_that_is_back_keeps_no_marker_for_what_failed_before() {
    block(async {
        // One check fails before and after, another on the new image only.
        let config = with("baseline: true").replace("targets, app-health]", "targets, app-health, never]")
            + "  never:\n    http: { url: 'http://{private_ip}:8080/health', status: 418, within: 2s }\n    baseline: true\n";
        let stage = Stage::new(&config, ill("new"), 7).await;
        assert_eq!(stage.rollout().await, [Verdict::RolledBack, Verdict::NotReached]);
        in_order(&story_of(&stage, "orders-dev"), &["check app-health failed: 2 of 2", "rollback"]);
        assert_eq!(marker(&stage, "orders-dev"), None);
        // Those that stayed on the new image are held, and keep theirs.
        assert!(marker(&stage, "catalog-dev").expect("it").ends_with(" baseline=never"));
    });
}

#[test]
fn what_is_allowed_to_have_failed_before_is_skipped_and_what_was_mended_by_the_image_passes() {
    block(async {
        let stage = Stage::new(&with("baseline: true\n    allow_preexisting: true"), ill("all"), 7).await;
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
        all_new(&stage);
        let told = results(&stage);
        let (status, message) = told.last().expect("a result");
        assert_eq!(*status, Status::Skipped);
        assert!(message.starts_with("failed before the refresh too, which is allowed: 2 of 2"), "{message}");
        let stage = Stage::new(&with("baseline: true"), ill("old"), 7).await;
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
        assert_eq!(results(&stage).last().expect("a result").0, Status::Passed);
    });
}

#[test]
fn a_run_that_was_killed_is_gone_on_with_by_what_its_marker_says() {
    for moment in ["started to", "moved InProgress", "moved Baking"] {
        block(async {
            let stage = Stage::new(&with("baseline: true"), ill("all"), 7).await;
            killed_when(&stage, told("orders-dev", moment)).await;
            assert!(marker(&stage, "orders-dev").expect("it").contains("baseline=app-health"), "{moment}");
            stage.events.borrow_mut().clear();
            assert_eq!(stage.rollout().await, [Verdict::Unproved, Verdict::NotReached], "{moment}");
            all_new(&stage);
            assert_eq!(forward(&stage, "orders-dev"), 1, "{moment}");
            // Nobody was asked for it a second time.
            assert!(
                !story(&stage).iter().any(|line| line.contains("orders-dev: failed before its refresh")),
                "{moment}"
            );
        });
    }
}

#[test]
fn what_was_not_asked_before_is_told_and_counts() {
    block(async {
        let mut stage = Stage::new(CONFIG, ill("all"), 7).await;
        killed_when(&stage, told("orders-dev", "moved InProgress")).await;
        stage.clock.sleep(Duration::from_secs(400)).await;
        stage.fleet =
            Fleet::parse(Path::new("later.yaml"), &with("baseline: true")).expect("a configuration");
        stage.events.borrow_mut().clear();
        assert_eq!(stage.rollout().await[0], Verdict::RolledBack);
        assert_eq!(count(&story_of(&stage, "orders-dev"), "rollback"), 1, "{:#?}", story(&stage));
    });
}

#[test]
fn the_steps_one_by_one_hold_the_gate_too_and_take_nobody_back() {
    block(async {
        let stage = Stage::new(&with("baseline: true"), ill("all"), 7).await;
        assert_eq!(step(&stage, "dev", Steps::Templates).await, Verdict::Partial);
        assert_eq!(step(&stage, "dev", Steps::RefreshToBaking).await, Verdict::Partial);
        assert_eq!(smoke(&stage, "dev").await, Verdict::Unproved);
        let (_, message, _) = told_verdict(&stage, "dev").expect("a verdict");
        assert_eq!(message, "1 of 3 groups did not pass, and did not before the refresh");
        assert_eq!(step(&stage, "dev", Steps::RefreshToEnd).await, Verdict::Partial);
        assert_eq!(pass(&stage, "dev").await, Verdict::Refused);
        all_new(&stage);
    });
}

#[test]
fn a_deadline_ends_checks_that_would_be_asked_for_hours() {
    block(async {
        let config = with("deadline: 3m").replace("for: 1m", "for: 6h");
        let stage = Stage::new(&config, scenario("app-down", "orders-dev"), 7).await;
        let first = stage.simulator.inspect(truth::groups);
        let verdicts = stage.rollout().await;
        assert_eq!(verdicts, [Verdict::RolledBack, Verdict::NotReached]);
        assert_eq!(truth::check(&stage, &first, &verdicts), Ok(()));
        let told = results(&stage);
        let (status, message) = told.last().expect("a result");
        assert_eq!(*status, Status::Failed);
        assert!(message.ends_with("its deadline of 180s was over then"), "{message}");
        // By AWS, from within the bake of ten minutes: it was not over.
        in_order(&story_of(&stage, "orders-dev"), &["check app-health failed", "rollback native"]);
    });
}

#[test]
fn the_deadline_of_all_checks_holds_for_who_never_answers() {
    block(async {
        let config = CONFIG.replace("for: 1m", "for: 6h").replace("within: 2s", "within: 5m");
        let config =
            config.replace("    checks: [instances", "    checks_deadline: 100s\n    checks: [instances");
        let silent = "name: silent\nabout: it never answers\neffects:\n  - groups: orders-dev\n    application: { on: new, silent: true }\n";
        let stage = Stage::new(&config, Scenario::from_yaml(silent).expect("a scenario"), 7).await;
        assert_eq!(stage.rollout().await[0], Verdict::RolledBack);
        let told = results(&stage);
        let (status, message) = told.last().expect("a result");
        assert_eq!(*status, Status::Errored);
        assert!(
            message.ends_with("no answer before the deadline of all checks, 100s, was over"),
            "{message}"
        );
    });
}
