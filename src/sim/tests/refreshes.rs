//! Refreshes, from start to every end.

use std::time::Duration;

use super::support::{Bench, GROUP, NEW, code, fleet, preferences};
use crate::model::{RefreshStatus, Tracking};
use crate::sim::{GroupSpec, Life, Scenario};

#[tokio::test(start_paused = true)]
async fn a_refresh_bakes_and_only_then_changes_the_group() {
    let bench = Bench::clean();
    assert_eq!(bench.publish().await, 2);
    bench.start("2", preferences().bake_time(600).instance_warmup(60).build()).await;
    assert_eq!(bench.refresh().status, RefreshStatus::Pending);
    let baking = bench.until(RefreshStatus::Baking).await;
    assert_eq!((baking.percent(), baking.remaining()), (100, 0));
    assert_eq!(bench.images(), (0, 4));
    assert_eq!(bench.tracking(), Tracking::Pinned(1), "the group changes after success only");
    let done = bench.until(RefreshStatus::Successful).await;
    assert_eq!(bench.tracking(), Tracking::Pinned(2));
    let took = done.ended.expect("an end").duration_since(done.started).as_secs();
    // Four times one instance (54 to 66 s of boot, 60 s of warmup), the last drain, and the bake.
    assert!((4 * 114 + 600..4 * 126 + 700).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn nothing_to_do_is_an_immediate_success() {
    let bench = Bench::clean();
    bench.start("1", preferences().bake_time(600).build()).await;
    let refresh = bench.refresh();
    assert_eq!((refresh.status, refresh.goal), (RefreshStatus::Successful, 0));
}

#[tokio::test(start_paused = true)]
async fn without_skip_matching_everything_is_replaced() {
    let bench = Bench::clean();
    bench.start("1", preferences().skip_matching(false).build()).await;
    let done = bench.until(RefreshStatus::Successful).await;
    assert_eq!((done.goal, bench.images()), (4, (4, 0)));
}

#[tokio::test(start_paused = true)]
async fn without_a_maximum_capacity_dips_and_with_one_it_swells() {
    for (max, least, most) in [(None, 3, 4), (Some(150), 4, 6)] {
        let bench = Bench::clean();
        bench.publish().await;
        bench.start("2", preferences().instance_warmup(30).set_max_healthy_percentage(max).build()).await;
        let (mut low, mut high) = (usize::MAX, 0);
        while bench.refresh().status != RefreshStatus::Successful {
            bench.simulator.inspect(|world| {
                let group = world.group(GROUP).expect("the group");
                low = low.min(group.serving().count());
                let living = |i: &&crate::sim::Instance| matches!(i.life, Life::Pending | Life::InService);
                high = high.max(group.instances.iter().filter(living).count());
            });
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        assert_eq!((low, high), (least, most), "max {max:?}");
        let leaving = |world: &crate::sim::World| {
            world
                .group(GROUP)
                .map(|group| group.instances.iter().filter(|i| i.life == Life::Terminating).count())
        };
        assert_eq!(bench.simulator.inspect(leaving), Some(0), "it is over when the old ones are gone");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_in_the_bake_brings_the_old_image_back() {
    let bench = Bench::clean();
    bench.publish().await;
    bench.start("2", preferences().bake_time(600).build()).await;
    bench.until(RefreshStatus::Baking).await;
    bench
        .scaling
        .rollback_instance_refresh()
        .auto_scaling_group_name(GROUP)
        .send()
        .await
        .expect("a rollback");
    let rolling = bench.refresh();
    assert_eq!(rolling.status, RefreshStatus::RollbackInProgress);
    let done = bench.until(RefreshStatus::RollbackSuccessful).await;
    assert_eq!(done.rollback.map(|rollback| rollback.percent), Some(100));
    assert_eq!(done.done, 0, "the percentage falls to nothing");
    assert_eq!((bench.images(), bench.tracking()), ((4, 0), Tracking::Pinned(1)));
}

#[tokio::test(start_paused = true)]
async fn a_bad_image_is_retried_for_an_hour_and_then_rolled_back() {
    let bench = Bench::named("bad-image", fleet(4, |_| {}));
    bench.publish().await;
    bench.start("2", preferences().auto_rollback(true).build()).await;
    tokio::time::sleep(Duration::from_secs(3500)).await;
    assert_eq!(bench.refresh().status, RefreshStatus::InProgress);
    let answer = bench.scaling.describe_scaling_activities().auto_scaling_group_name(GROUP).send().await;
    let activities = answer.expect("activities");
    let failed: Vec<_> = activities
        .activities()
        .iter()
        .filter(|activity| activity.status_code().is_some_and(|s| s.as_str() == "Failed"))
        .collect();
    assert!(failed.len() > 5, "{} failed", failed.len());
    assert!(failed[0].status_message().is_some_and(|words| words.contains("Client error on launch")));
    let done = bench.until(RefreshStatus::RollbackSuccessful).await;
    let began = done.rollback.expect("details").started.duration_since(done.started).as_secs();
    assert!((3600..3900).contains(&began), "{began}");
    assert_eq!(bench.images(), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn without_auto_rollback_a_bad_image_fails_and_stays() {
    let bench = Bench::named("bad-image", fleet(4, |_| {}));
    bench.publish().await;
    bench.start("2", preferences().build()).await;
    bench.until(RefreshStatus::Failed).await;
    assert_eq!(bench.images().0, 3, "one was taken, and nothing came for it");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_waits_and_the_last_one_ends_it() {
    // The bounds alone would let all four go at once.
    for (min, max) in [(0, None), (90, None), (100, Some(200))] {
        let bench = Bench::clean();
        bench.publish().await;
        let preferences = preferences().min_healthy_percentage(min).set_max_healthy_percentage(max);
        let stops = preferences.checkpoint_percentages(25).checkpoint_percentages(50).checkpoint_delay(1800);
        bench.start("2", stops.build()).await;
        tokio::time::sleep(Duration::from_secs(1200)).await;
        assert_eq!((bench.refresh().percent(), bench.images()), (25, (3, 1)), "{min} {max:?}");
        let done = bench.until(RefreshStatus::Successful).await;
        assert_eq!((done.percent(), bench.images()), (50, (2, 2)), "{min} {max:?}");
        let took = done.ended.expect("an end").duration_since(done.started).as_secs();
        assert!((1800..3600).contains(&took), "one delay, none after the last: {took}");
    }
}

#[tokio::test(start_paused = true)]
async fn cancelling_undoes_nothing() {
    let bench = Bench::clean();
    bench.publish().await;
    bench.start("2", preferences().build()).await;
    while bench.images().1 == 0 {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    bench.scaling.cancel_instance_refresh().auto_scaling_group_name(GROUP).send().await.expect("a cancel");
    bench.until(RefreshStatus::Cancelled).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(bench.images().1 >= 1);
    assert_eq!(bench.tracking(), Tracking::Pinned(1));
}

#[tokio::test(start_paused = true)]
async fn a_group_on_latest_launches_the_new_version_when_it_scales_out() {
    let bench =
        Bench::new(fleet(2, |group: &mut GroupSpec| group.tracking = Tracking::Latest), Scenario::clean());
    bench.publish().await;
    let call = bench.scaling.update_auto_scaling_group().auto_scaling_group_name(GROUP).desired_capacity(3);
    call.send().await.expect("an update");
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(bench.images(), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn protected_instances_are_ignored_waited_for_or_replaced() {
    use aws_sdk_autoscaling::types::ScaleInProtectedInstances as Protected;
    for (protected, status, images) in [
        (Protected::Ignore, RefreshStatus::Successful, (1, 3)),
        (Protected::Refresh, RefreshStatus::Successful, (0, 4)),
        (Protected::Wait, RefreshStatus::Failed, (1, 3)),
    ] {
        let bench = Bench::new(fleet(4, |group: &mut GroupSpec| group.protected = 1), Scenario::clean());
        bench.publish().await;
        bench.start("2", preferences().scale_in_protected_instances(protected).build()).await;
        bench.until(status).await;
        assert_eq!(bench.images(), images);
    }
}

#[tokio::test(start_paused = true)]
async fn publishing_again_moves_a_refresh_to_latest_on() {
    let bench = Bench::clean();
    bench.publish().await;
    bench.start("$Latest", preferences().bake_time(3600).build()).await;
    bench.until(RefreshStatus::Baking).await;
    bench.publish().await;
    let versions = |world: &crate::sim::World| {
        let group = world.group(GROUP).expect("the group");
        group.serving().map(|instance| instance.version).collect::<Vec<_>>()
    };
    assert_eq!(bench.simulator.inspect(versions), [2, 2, 2, 2]);
    assert_eq!(
        bench.simulator.inspect(|world| world.image(&NEW.into()).map(|i| i.name.clone())).as_deref(),
        Some("dept-base-20261121")
    );
}

#[tokio::test(start_paused = true)]
async fn the_group_cannot_be_updated_while_a_desired_configuration_is_active() {
    let bench = Bench::clean();
    bench.publish().await;
    bench.start("2", preferences().build()).await;
    let template = bench.desired("2").launch_template().cloned().expect("a template");
    let call = bench.scaling.update_auto_scaling_group().auto_scaling_group_name(GROUP);
    let refused = call.launch_template(template).send().await.expect_err("a refusal");
    assert_eq!(code(&refused), "ValidationError");
    let call = bench.scaling.update_auto_scaling_group().auto_scaling_group_name(GROUP);
    call.desired_capacity(5).send().await.expect("capacity may change");
}

#[tokio::test(start_paused = true)]
async fn standby_instances_are_ignored_waited_for_or_terminated() {
    use aws_sdk_autoscaling::types::StandbyInstances as Standby;
    for (standby, status, left) in [
        (Standby::Ignore, RefreshStatus::Successful, 1),
        (Standby::Terminate, RefreshStatus::Successful, 0),
        (Standby::Wait, RefreshStatus::Failed, 1),
    ] {
        let bench = Bench::clean();
        bench.publish().await;
        let id = bench
            .simulator
            .inspect(|world| world.group(GROUP).map(|group| group.instances[0].id.to_string()));
        let call = bench
            .scaling
            .enter_standby()
            .auto_scaling_group_name(GROUP)
            .set_instance_ids(id.map(|id| vec![id]));
        call.should_decrement_desired_capacity(true).send().await.expect("standby");
        bench.start("2", preferences().standby_instances(standby).build()).await;
        bench.until(status).await;
        assert_eq!(bench.images(), (0, 3));
        let asides = |world: &crate::sim::World| {
            world.group(GROUP).map(|group| group.instances.iter().filter(|i| i.life == Life::Standby).count())
        };
        assert_eq!(bench.simulator.inspect(asides), Some(left));
    }
}
