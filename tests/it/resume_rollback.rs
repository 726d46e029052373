//! `rollback` takes every group back, whatever state it is in.

use ami_refresh::event::Event;
use ami_refresh::gate::State;
use ami_refresh::model::{Outcome, RefreshStatus, Verdict};
use ami_refresh::rollout::{self, Steps};
use ami_refresh::sim::Scenario;

use crate::rehearsal::old;
use crate::rehearsal_story::{block, in_order, story_of};
use crate::rehearsal_wire::{changing_calls, refreshes, snapshot};
use crate::resume::{killed_when, told};
use crate::resume_steps::step;
use crate::rules_fleet::held;
use crate::stage::{CONFIG, Stage};
use crate::truth;

const GROUPS: [&str; 3] = ["catalog-dev", "orders-dev", "payments-dev"];

async fn back(stage: &Stage) -> Verdict {
    stage.events.borrow_mut().clear();
    let environment = stage.fleet.environment("dev").expect("the environment");
    rollout::rollback(&stage.run(), environment, None).await
}

/// Every group is whole on the old image, named as it was found, unmarked, with nothing active.
#[track_caller]
fn everything_is_back(stage: &Stage) {
    let now = stage.simulator.inspect(truth::groups);
    for name in GROUPS {
        let stands = &now[name];
        assert_eq!(stands.serves, [old()].into(), "{name}: {:#?}", story_of(stage, name));
        assert_eq!((&stands.follows, stands.marked, stands.active), (&old(), false, false), "{name}");
        in_order(&story_of(stage, name), &["ended rolled back"]);
        // What it follows is its own version in every field, not just any with the old image.
        let follows = crate::rules_fleet::follows(stage, name);
        let source = if name == "orders-dev" { 2 } else { 1 };
        assert_eq!(follows.fields, held(stage, name)[&source].fields, "{name}");
    }
    let tracked = GROUPS.map(|name| now[name].tracking.to_string());
    assert_eq!(tracked, ["$Default", "$Latest", "1"]);
}

#[test]
fn groups_that_were_only_pinned_go_back_without_a_refresh() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        step(&stage, "dev", Steps::Templates).await;
        assert_eq!(back(&stage).await, Verdict::Partial);
        everything_is_back(&stage);
        for name in GROUPS {
            assert_eq!(refreshes(&stage, name), [], "{name}");
        }
    });
}

#[test]
fn groups_that_are_being_refreshed_go_back_natively() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        killed_when(&stage, |stage| told("orders-dev", "moved InProgress 50%")(stage)).await;
        assert_eq!(back(&stage).await, Verdict::Partial);
        everything_is_back(&stage);
        in_order(
            &story_of(&stage, "orders-dev"),
            &["rollback native: asked for by hand", "step rollback passed"],
        );
        assert_eq!(refreshes(&stage, "orders-dev"), [RefreshStatus::RollbackSuccessful]);
        // The canary had ended before: only a new refresh leads back.
        in_order(&story_of(&stage, "catalog-dev"), &["rollback by a new refresh", "started to 1"]);
        let both = [RefreshStatus::Successful, RefreshStatus::Successful];
        assert_eq!(refreshes(&stage, "catalog-dev"), both);
    });
}

#[test]
fn groups_that_bake_go_back_natively() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        step(&stage, "dev", Steps::Templates).await;
        step(&stage, "dev", Steps::RefreshToBaking).await;
        // The canary was proved before the others began, and goes back by a new refresh.
        let baking = GROUPS.map(|name| refreshes(&stage, name).contains(&RefreshStatus::Baking));
        assert_eq!(baking, [false, true, true]);
        assert_eq!(back(&stage).await, Verdict::Partial);
        everything_is_back(&stage);
        assert_eq!(refreshes(&stage, "orders-dev"), [RefreshStatus::RollbackSuccessful]);
        assert_eq!(refreshes(&stage, "payments-dev"), [RefreshStatus::RollbackSuccessful]);
    });
}

#[test]
fn groups_that_passed_their_gate_go_back_by_a_new_refresh_and_the_gate_is_revoked() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
        assert_eq!(back(&stage).await, Verdict::Partial);
        everything_is_back(&stage);
        for name in GROUPS {
            in_order(&story_of(&stage, name), &["rollback by a new refresh", "step rollback passed"]);
        }
        let gates = stage.simulator.inspect(truth::gates);
        assert_eq!(gates["dev"].state, State::Revoked);
        assert_eq!(gates["qa"].state, State::Passed, "only the environment that was taken back is revoked");
    });
}

#[test]
fn a_rollback_that_is_killed_can_be_run_again() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
        stage.events.borrow_mut().clear();
        let environment = stage.fleet.environment("dev").expect("the environment");
        tokio::select! {
            biased;
            () = crate::rules_fleet::until(&stage, told("orders-dev", "moved InProgress 50%")) => {}
            verdict = async { rollout::rollback(&stage.run(), environment, None).await } => panic!("ended as {verdict}"),
        }
        assert_eq!(back(&stage).await, Verdict::Partial);
        everything_is_back(&stage);
        assert_eq!(stage.simulator.inspect(truth::gates)["dev"].state, State::Revoked);
    });
}

#[test]
fn a_rollback_of_one_group_leaves_the_others() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        stage.rollout().await;
        let environment = stage.fleet.environment("dev").expect("the environment");
        let only = "payments-dev".into();
        assert_eq!(rollout::rollback(&stage.run(), environment, Some(&only)).await, Verdict::Partial);
        let now = stage.simulator.inspect(truth::groups);
        assert_eq!(now["payments-dev"].serves, [old()].into());
        assert_ne!(now["catalog-dev"].serves, [old()].into());
    });
}

#[test]
fn where_no_rollout_was_a_rollback_does_nothing() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        let before = stage.simulator.inspect(snapshot);
        assert_eq!(back(&stage).await, Verdict::Partial);
        assert_eq!(stage.simulator.inspect(snapshot), before);
        assert_eq!(changing_calls(&stage), [""; 0]);
    });
}

#[test]
fn a_group_whose_old_version_nobody_recorded_is_named_and_holds_up_nobody_else() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        stage.rollout().await;
        stage.simulator.change(|world| {
            let id = world.group("payments-dev").expect("the group").template.id.clone();
            let template = world.templates.values_mut().find(|template| template.id == id).expect("it");
            template.versions.values_mut().for_each(|version| version.description = "by hand".into());
        });
        let before = stage.simulator.inspect(truth::groups);
        assert_eq!(back(&stage).await, Verdict::NeedsPerson);
        let told = stage.told(|event| match event {
            Event::GroupEnded { outcome: Outcome::NeedsPerson { why, .. }, .. } => Some(why.clone()),
            _ => None,
        });
        assert_eq!(told, ["nobody recorded what group payments-dev had before"]);
        let now = stage.simulator.inspect(truth::groups);
        assert_eq!(now["payments-dev"], before["payments-dev"]);
        for name in ["orders-dev", "catalog-dev"] {
            assert_ne!(now[name].serves, before[name].serves, "{name} went back");
        }
    });
}
