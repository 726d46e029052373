//! Lifecycle hooks as the SDK sees them, and refreshes that meet them.

use std::time::Duration;

use aws_sdk_autoscaling::types::LifecycleState;

use super::states::{described, lives, scale};
use super::support::{Bench, GROUP, code, fleet, preferences};
use crate::model::RefreshStatus;
use crate::sim::{FleetSpec, HookSpec, Images, Scenario, Transition};

fn hooked(hooks: Vec<HookSpec>, desired: u32) -> FleetSpec {
    fleet(desired, |group| group.hooks = hooks)
}

fn launch_hook(completes: Option<u32>) -> HookSpec {
    HookSpec { timeout: 120, completes, ..HookSpec::new("bootstrap", Transition::Launching) }
}

#[tokio::test(start_paused = true)]
async fn hooks_hold_instances_up_on_their_way_in_and_out() {
    let out = HookSpec { timeout: 90, ..HookSpec::new("drain", Transition::Terminating) };
    let bench = Bench::new(hooked(vec![launch_hook(Some(30)), out], 1), Scenario::clean());
    let hooks = bench.scaling.describe_lifecycle_hooks().auto_scaling_group_name(GROUP).send().await;
    let hooks = hooks.expect("hooks");
    let told: Vec<_> =
        hooks.lifecycle_hooks().iter().map(|h| (h.heartbeat_timeout(), h.global_timeout())).collect();
    assert_eq!(told, [(Some(120), Some(12_000)), (Some(90), Some(9_000))]);
    scale(&bench, 2).await;
    tokio::time::sleep(Duration::from_secs(70)).await;
    let waits = [("InService".to_owned(), 1), ("Pending:Wait".to_owned(), 1)];
    assert_eq!(lives(&bench).await, waits);
    let activities = bench.scaling.describe_scaling_activities().send().await.expect("activities");
    let status = activities.activities()[0].status_code().map(|status| status.as_str());
    assert_eq!(status, Some("MidLifecycleAction"));
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert_eq!(lives(&bench).await, [("InService".to_owned(), 2)]);
    scale(&bench, 1).await;
    assert_eq!(lives(&bench).await[1], ("Terminating:Wait".to_owned(), 1));
    tokio::time::sleep(Duration::from_secs(91)).await;
    assert_eq!(lives(&bench).await[1], ("Terminating:Proceed".to_owned(), 1), "the default ends it");
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(lives(&bench).await, [("InService".to_owned(), 1)]);
}

/// Scales out by one, and waits until that one waits for its hook. Its id, and the action's token.
async fn waiting(bench: &Bench) -> (String, String) {
    scale(bench, 2).await;
    tokio::time::sleep(Duration::from_secs(70)).await;
    bench.simulator.inspect(|world| {
        let group = world.group(GROUP).expect("the group");
        let held = group.instances.iter().find(|instance| instance.lifecycle() == "Pending:Wait");
        let held = held.expect("an instance that waits");
        let crate::sim::Step::Waiting(waits) = &held.step else { panic!("{held:?}") };
        (held.id.to_string(), waits[0].token.clone())
    })
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_buys_time_and_somebodys_word_ends_it() {
    let bench = Bench::new(hooked(vec![launch_hook(None)], 1), Scenario::clean());
    let (instance, token) = waiting(&bench).await;
    let beat = bench.scaling.record_lifecycle_action_heartbeat().auto_scaling_group_name(GROUP);
    let beat = beat.lifecycle_hook_name("bootstrap").lifecycle_action_token(&token);
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(100)).await;
        beat.clone().send().await.expect("a heartbeat");
    }
    assert_eq!(lives(&bench).await[1].0, "Pending:Wait");
    let done = bench.scaling.complete_lifecycle_action().auto_scaling_group_name(GROUP);
    let done = done.lifecycle_hook_name("bootstrap").lifecycle_action_result("CONTINUE");
    done.clone().instance_id(&instance).send().await.expect("it is completed");
    assert_eq!(lives(&bench).await[1].0, "Pending:Proceed");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(lives(&bench).await, [("InService".to_owned(), 2)]);
    let late = done.lifecycle_action_token(&token).send().await.expect_err("it is over");
    assert_eq!(code(&late), "ValidationError");
    let unknown = beat.lifecycle_hook_name("nobody").send().await.expect_err("no such hook");
    assert_eq!(code(&unknown), "ValidationError");
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_launch_is_cancelled_and_the_instance_goes() {
    let bench = Bench::new(hooked(vec![launch_hook(None)], 1), Scenario::clean());
    let (instance, token) = waiting(&bench).await;
    let done = bench.scaling.complete_lifecycle_action().auto_scaling_group_name(GROUP);
    let done = done.lifecycle_hook_name("bootstrap").lifecycle_action_result("ABANDON");
    done.instance_id(&instance).send().await.expect("it is completed");
    let group = described(&bench).await;
    let gone = group.instances().iter().find(|found| found.instance_id() == Some(instance.as_str()));
    assert_eq!(gone.and_then(|found| found.lifecycle_state()), Some(&LifecycleState::Terminating));
    let activities = bench.scaling.describe_scaling_activities().send().await.expect("activities");
    let launch =
        activities.activities().iter().find(|one| one.status_message().is_some()).expect("a failure");
    assert_eq!(launch.status_code().map(|status| status.as_str()), Some("Cancelled"));
    assert!(launch.status_message().is_some_and(|words| words.contains(&token)), "{launch:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_nobody_completes_on_the_new_image_fails_the_refresh() {
    let hook = HookSpec {
        timeout: 120,
        completes: Some(20),
        on: Images::Old,
        ..HookSpec::new("bootstrap", Transition::Launching)
    };
    let bench = Bench::new(hooked(vec![hook], 2), Scenario::clean());
    bench.publish().await;
    bench.start("2", preferences().auto_rollback(true).build()).await;
    let seen = bench.until(RefreshStatus::RollbackInProgress).await;
    assert!(
        seen.rollback.is_some_and(|details| details.started.duration_since(seen.started).as_secs() >= 3600)
    );
    bench.until(RefreshStatus::RollbackSuccessful).await;
    assert_eq!(bench.images(), (2, 0));
}
