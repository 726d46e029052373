//! The steps as separate runs come to the same end as the whole rollout.

use std::collections::BTreeMap;

use ami_refresh::event::Event;
use ami_refresh::gate::State;
use ami_refresh::model::{EnvironmentName, Exit, Problem, Verdict};
use ami_refresh::plan::MARKER_TAG;
use ami_refresh::rollout::{self, Scope, Steps};
use ami_refresh::sim::Scenario;

use crate::rehearsal_story::{block, count, in_order, scenario, story_of, told_verdict};
use crate::rehearsal_wire::{changing_calls, snapshot};
use crate::rules_fleet::{held, ran};
use crate::stage::{CONFIG, Stage};
use crate::truth::{self, Stands};

/// One step, as a process of its own would do it.
pub(crate) async fn step(stage: &Stage, name: &str, steps: Steps) -> Verdict {
    let environment = stage.fleet.environment(name).expect("the environment");
    rollout::environment(&stage.run(), environment, &Scope::now(steps)).await
}

pub(crate) async fn smoke(stage: &Stage, name: &str) -> Verdict {
    rollout::smoke(&stage.run(), stage.fleet.environment(name).expect("the environment"), None).await
}

pub(crate) async fn pass(stage: &Stage, name: &str) -> Verdict {
    rollout::pass_by_proof(&stage.run(), stage.fleet.environment(name).expect("the environment")).await
}

/// The problems that the last refusal told.
pub(crate) fn problems(stage: &Stage) -> Vec<Problem> {
    let told = stage.told(|event| match event {
        Event::Refused { problems, .. } => Some(problems.clone()),
        _ => None,
    });
    told.into_iter().next_back().unwrap_or_default()
}

/// What both ways must end with.
fn end(stage: &Stage) -> (BTreeMap<String, Stands>, BTreeMap<EnvironmentName, (State, String)>) {
    stage.simulator.inspect(|world| {
        let gates = truth::gates(world).into_iter();
        (
            truth::groups(world),
            gates.map(|(name, record)| (name.into(), (record.state, record.detail))).collect(),
        )
    })
}

#[test]
fn the_steps_one_by_one_end_as_the_whole_rollout_does() {
    block(async {
        let whole = Stage::new(CONFIG, Scenario::clean(), 7).await;
        assert_eq!(whole.rollout().await, [Verdict::Passed, Verdict::Passed]);
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        for name in ["dev", "qa"] {
            assert_eq!(step(&stage, name, Steps::Templates).await, Verdict::Partial);
            assert_eq!(step(&stage, name, Steps::RefreshToBaking).await, Verdict::Partial);
            assert_eq!(smoke(&stage, name).await, Verdict::Partial);
            assert_eq!(step(&stage, name, Steps::RefreshToEnd).await, Verdict::Partial);
            assert_eq!(pass(&stage, name).await, Verdict::Passed);
        }
        assert_eq!(end(&stage), end(&whole));
        for group in ["catalog-dev", "orders-dev", "payments-dev", "payments-qa"] {
            assert_eq!(held(&stage, group), held(&whole, group), "{group}");
            let story = story_of(&stage, group);
            // The canary is proved before the others begin; they bake until their checks passed.
            let left = "ended left (Baking";
            let before = if group == "catalog-dev" { "ended refreshed" } else { left };
            let told =
                ["step template passed", "started", before, "check app-health passed", "ended refreshed"];
            in_order(&story, &told);
            assert_eq!(count(&story, left), usize::from(group != "catalog-dev"), "{story:#?}");
            assert_eq!(count(&story, "started"), 1, "{story:#?}");
        }
    });
}

#[test]
fn the_canary_goes_first_in_separate_steps_too() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        step(&stage, "dev", Steps::Templates).await;
        step(&stage, "dev", Steps::RefreshToBaking).await;
        let ran = ran(&stage);
        assert_eq!(ran.order, ["catalog-dev", "orders-dev", "payments-dev"]);
        assert_eq!(ran.beside, [0, 0, 1]);
    });
}

#[test]
fn every_step_may_be_run_twice() {
    block(async {
        let whole = Stage::new(CONFIG, Scenario::clean(), 7).await;
        whole.rollout().await;
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        for name in ["dev", "qa"] {
            for steps in [Steps::Templates, Steps::Templates, Steps::RefreshToBaking, Steps::RefreshToBaking]
            {
                assert_eq!(step(&stage, name, steps).await, Verdict::Partial, "{steps:?}");
            }
            assert_eq!(
                [smoke(&stage, name).await, smoke(&stage, name).await],
                [Verdict::Partial, Verdict::Partial]
            );
            for steps in [Steps::RefreshToEnd, Steps::RefreshToEnd] {
                assert_eq!(step(&stage, name, steps).await, Verdict::Partial, "{steps:?}");
            }
            assert_eq!(pass(&stage, name).await, Verdict::Passed);
        }
        assert_eq!(end(&stage), end(&whole));
    });
}

#[test]
fn a_gate_is_not_passed_by_proof_before_the_checks_have_passed() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        let missing = |why: &str| {
            let problems = problems(&stage);
            assert!(!problems.is_empty());
            for problem in &problems {
                assert!(problem.why.contains(why), "{problem}");
                assert!(problem.what.contains("-dev") && !problem.next.is_empty(), "{problem}");
            }
        };
        assert_eq!(pass(&stage, "dev").await, Verdict::Refused);
        missing("it is still on ami-");
        step(&stage, "dev", Steps::Templates).await;
        assert_eq!(pass(&stage, "dev").await, Verdict::Refused);
        missing("runs ami-");
        step(&stage, "dev", Steps::RefreshToBaking).await;
        step(&stage, "dev", Steps::RefreshToEnd).await;
        let before = stage.simulator.inspect(snapshot);
        let refused = pass(&stage, "dev").await;
        assert_eq!((refused, refused.exit()), (Verdict::Refused, Exit::Refused));
        missing("no checks passed on it since it was refreshed");
        let told = problems(&stage);
        assert_eq!(told.len(), 1, "one cause is told once");
        assert!(told[0].what.ends_with("the same is true of orders-dev and payments-dev"), "{}", told[0]);
        assert_eq!(stage.simulator.inspect(snapshot), before);
        assert!(stage.simulator.inspect(truth::gates).is_empty());
        assert_eq!(smoke(&stage, "dev").await, Verdict::Partial);
        assert_eq!(pass(&stage, "dev").await, Verdict::Passed);
        assert!(
            stage
                .simulator
                .inspect(|world| world.groups.values().all(|group| !group.tags.contains_key(MARKER_TAG)))
        );
    });
}

#[test]
fn checks_that_fail_in_their_own_step_keep_the_gate_closed_and_name_the_way_back() {
    block(async {
        let stage = Stage::new(CONFIG, scenario("app-down", "payments-dev"), 7).await;
        let first = stage.simulator.inspect(truth::groups);
        step(&stage, "dev", Steps::Templates).await;
        step(&stage, "dev", Steps::RefreshToBaking).await;
        let verdict = smoke(&stage, "dev").await;
        assert_eq!(verdict, Verdict::NeedsPerson);
        let (_, message, next) = told_verdict(&stage, "dev").expect("an end");
        assert!(message.contains("1 of 3 groups did not pass"), "{message}");
        assert_eq!(next, ["ami-refresh rollback --env dev"]);
        assert_eq!(pass(&stage, "dev").await, Verdict::Refused);
        let environment = stage.fleet.environment("dev").expect("the environment");
        assert_eq!(rollout::rollback(&stage.run(), environment, None).await, Verdict::Partial);
        let now = stage.simulator.inspect(truth::groups);
        for (name, stands) in &now {
            let was = &first[name];
            assert_eq!(
                (&stands.serves, stands.tracking, stands.marked),
                (&was.serves, was.tracking, false),
                "{name}"
            );
        }
    });
}

#[test]
fn a_refresh_without_prepared_templates_is_refused() {
    for steps in [Steps::RefreshToBaking, Steps::RefreshToEnd] {
        block(async {
            let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
            let before = stage.simulator.inspect(snapshot);
            let verdict = step(&stage, "dev", steps).await;
            assert_eq!((verdict, verdict.exit()), (Verdict::Refused, Exit::Refused));
            let problems = problems(&stage);
            let names = ["group catalog-dev has no version", "orders-dev and payments-dev"];
            crate::refusals::only(&problems, &names);
            assert!(problems[0].next.contains("ami-refresh update-templates --env dev"), "{problems:?}");
            assert_eq!(stage.simulator.inspect(snapshot), before);
            assert_eq!(changing_calls(&stage), [""; 0]);
        });
    }
}

#[test]
fn smoke_alone_changes_nothing_on_groups_without_a_rollout() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        let before = stage.simulator.inspect(snapshot);
        assert_eq!(smoke(&stage, "qa").await, Verdict::Partial);
        in_order(
            &story_of(&stage, "payments-qa"),
            &["checks asked", "check app-health passed", "ended skipped (its checks passed"],
        );
        assert_eq!(stage.simulator.inspect(snapshot), before);
        assert_eq!(changing_calls(&stage), [""; 0]);
    });
}
