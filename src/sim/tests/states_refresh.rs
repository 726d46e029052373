//! Refreshes of groups with warm pools, policies and suspended processes.

use std::time::Duration;

use aws_sdk_autoscaling::types::{InstanceRefresh, RefreshPreferences};

use super::states::pooled;
use super::support::{Bench, GROUP, NEW, OLD, fleet, preferences};
use crate::model::{RefreshStatus, Tracking};
use crate::sim::{PoolState, Scenario, World};

async fn told(bench: &Bench) -> InstanceRefresh {
    let answer = bench.scaling.describe_instance_refreshes().auto_scaling_group_name(GROUP).send().await;
    answer.expect("refreshes").instance_refreshes()[0].clone()
}

/// The rest that is told of the group, and of its warm pool.
fn pools(refresh: &InstanceRefresh) -> (Option<i32>, Option<i32>) {
    let details = refresh.progress_details().expect("details");
    let live = details.live_pool_progress().and_then(|pool| pool.instances_to_update());
    (live, details.warm_pool_progress().and_then(|pool| pool.instances_to_update()))
}

fn on(world: &World, image: &str) -> usize {
    let group = world.group(GROUP).expect("the group");
    group.warm_pool_instances().filter(|instance| instance.image.as_str() == image).count()
}

async fn roll_back(bench: &Bench) {
    bench
        .scaling
        .rollback_instance_refresh()
        .auto_scaling_group_name(GROUP)
        .send()
        .await
        .expect("a rollback");
}

#[tokio::test(start_paused = true)]
async fn the_warm_pool_is_replaced_last_and_counts() {
    let bench = Bench::new(pooled(PoolState::Stopped), Scenario::clean());
    bench.publish().await;
    bench.start("2", preferences().bake_time(60).build()).await;
    assert_eq!(pools(&told(&bench).await), (Some(3), Some(2)));
    let mut saw_live_first = false;
    loop {
        let refresh = told(&bench).await;
        let (live, warm) = pools(&refresh);
        assert!(live == Some(0) || warm == Some(2), "the pool waits for the group: {refresh:?}");
        saw_live_first |= (live, warm) == (Some(0), Some(2));
        if refresh.status().is_some_and(|status| status.as_str() == "Baking") {
            assert_eq!((refresh.percentage_complete(), live, warm), (Some(100), Some(0), Some(0)));
            break;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert!(saw_live_first);
    bench.until(RefreshStatus::Successful).await;
    assert_eq!(
        (bench.images(), bench.simulator.inspect(|world| (on(world, OLD), on(world, NEW)))),
        ((0, 3), (0, 2))
    );
}

#[tokio::test(start_paused = true)]
async fn a_refresh_launches_nothing_old_from_the_pool_and_a_rollback_takes_the_pool_back_too() {
    let bench = Bench::new(pooled(PoolState::Running), Scenario::clean());
    bench.publish().await;
    bench.start("2", preferences().bake_time(600).build()).await;
    bench.until(RefreshStatus::Baking).await;
    assert_eq!((bench.images(), bench.simulator.inspect(|world| on(world, NEW))), ((0, 3), 2));
    roll_back(&bench).await;
    let refresh = told(&bench).await;
    let before = refresh.rollback_details().and_then(|details| details.progress_details_on_rollback());
    assert!(before.is_some_and(|details| details.warm_pool_progress().is_some()), "{refresh:?}");
    bench.until(RefreshStatus::RollbackSuccessful).await;
    assert_eq!(
        (bench.images(), bench.simulator.inspect(|world| (on(world, OLD), on(world, NEW)))),
        ((3, 0), (2, 0))
    );
    assert_eq!(bench.tracking(), Tracking::Pinned(1));
}

#[tokio::test(start_paused = true)]
async fn an_empty_group_with_a_warm_pool_has_something_to_replace() {
    let mut spec = pooled(PoolState::Stopped);
    spec.groups[0].capacity = (0, 0, 4);
    let bench = Bench::new(spec, Scenario::clean());
    bench.publish().await;
    bench.start("2", preferences().build()).await;
    assert_eq!((bench.refresh().status, bench.refresh().remaining()), (RefreshStatus::Pending, 2));
    bench.until(RefreshStatus::Successful).await;
    assert_eq!(bench.simulator.inspect(|world| (on(world, OLD), on(world, NEW))), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_partial_refresh_leaves_the_warm_pool() {
    let bench = Bench::new(pooled(PoolState::Stopped), Scenario::clean());
    bench.publish().await;
    bench.start("2", preferences().checkpoint_percentages(30).build()).await;
    bench.until(RefreshStatus::Successful).await;
    assert_eq!(bench.simulator.inspect(|world| (on(world, OLD), on(world, NEW))), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_maintenance_policy_is_what_a_refresh_keeps_that_names_no_bounds() {
    let bench = Bench::new(fleet(4, |group| group.maintenance = Some((100, 150))), Scenario::clean());
    bench.publish().await;
    bench.start("2", RefreshPreferences::builder().skip_matching(true).build()).await;
    let kept = bench.refresh().preferences;
    assert_eq!((kept.min_healthy, kept.max_healthy), (100, Some(150)));
    let mut low = usize::MAX;
    while bench.refresh().status.is_active() {
        let serving = |world: &World| world.group(GROUP).map_or(0, |group| group.serving().count());
        low = low.min(bench.simulator.inspect(serving));
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert_eq!((low, bench.images()), (4, (0, 4)));
    bench.publish().await;
    let own = preferences().max_healthy_percentage(120).build();
    bench.start("3", own).await;
    let kept = bench.refresh().preferences;
    assert_eq!((kept.min_healthy, kept.max_healthy), (90, Some(120)));
}

#[tokio::test(start_paused = true)]
async fn a_suspended_process_pauses_a_refresh_until_it_is_resumed() {
    for process in ["InstanceRefresh", "Launch", "Terminate"] {
        let bench =
            Bench::new(fleet(2, |group| group.suspended = vec![process.to_owned()]), Scenario::clean());
        bench.publish().await;
        bench.start("2", preferences().build()).await;
        tokio::time::sleep(Duration::from_secs(7200)).await;
        assert_eq!(
            (bench.refresh().status, bench.images()),
            (RefreshStatus::InProgress, (2, 0)),
            "{process}"
        );
        let call = bench.scaling.resume_processes().auto_scaling_group_name(GROUP);
        call.scaling_processes(process).send().await.expect("it is resumed");
        bench.until(RefreshStatus::Successful).await;
        assert_eq!(bench.images(), (0, 2), "{process}");
    }
}
