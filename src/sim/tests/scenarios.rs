//! The named scenarios, as a refresh meets them.

use std::time::Duration;

use super::support::{Bench, GROUP, NEW, code, fleet, preferences};
use crate::model::{RefreshStatus, Tracking};
use crate::sim::{FaultKind, GroupSpec, Scenario};

async fn refreshed(scenario: &str) -> Bench {
    let bench = Bench::named(scenario, fleet(4, |_| {}));
    bench.publish().await;
    bench.start("2", preferences().bake_time(600).build()).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn slow_boot_takes_longer_and_succeeds() {
    let bench = refreshed("slow-boot").await;
    let done = bench.until(RefreshStatus::Successful).await;
    assert!(done.ended.expect("an end").duration_since(done.started).as_secs() > 4 * 600);
    assert_eq!(bench.images(), (0, 4));
}

#[tokio::test(start_paused = true)]
async fn no_capacity_passes_after_twenty_minutes() {
    let bench = refreshed("no-capacity").await;
    tokio::time::sleep(Duration::from_secs(900)).await;
    let answer = bench.scaling.describe_scaling_activities().auto_scaling_group_name(GROUP).send().await;
    let newest = answer.expect("activities").activities()[0].clone();
    assert_eq!(newest.status_code().map(|status| status.as_str()), Some("Failed"));
    let words = newest.status_message().unwrap_or_default();
    assert!(words.contains("InsufficientInstanceCapacity") && words.contains("m5.large"), "{words}");
    bench.until(RefreshStatus::Successful).await;
}

#[tokio::test(start_paused = true)]
async fn a_stuck_refresh_stays_where_it_is_and_can_be_rolled_back() {
    let bench = refreshed("stuck").await;
    tokio::time::sleep(Duration::from_secs(36_000)).await;
    assert_eq!((bench.refresh().status, bench.refresh().percent()), (RefreshStatus::InProgress, 50));
    bench
        .scaling
        .rollback_instance_refresh()
        .auto_scaling_group_name(GROUP)
        .send()
        .await
        .expect("a rollback");
    bench.until(RefreshStatus::RollbackSuccessful).await;
    assert_eq!(bench.images(), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_fails_leaves_the_new_image() {
    let bench = refreshed("rollback-fails").await;
    bench.until(RefreshStatus::Baking).await;
    bench
        .scaling
        .rollback_instance_refresh()
        .auto_scaling_group_name(GROUP)
        .send()
        .await
        .expect("a rollback");
    bench.until(RefreshStatus::RollbackFailed).await;
    assert_eq!((bench.images(), bench.tracking()), ((0, 4), Tracking::Pinned(1)));
}

#[tokio::test(start_paused = true)]
async fn a_scale_out_in_the_middle_ends_whole() {
    let bench = refreshed("scale-out").await;
    let done = bench.until(RefreshStatus::Successful).await;
    assert_eq!((bench.images(), done.percent()), ((0, 6), 100));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_dies_is_replaced() {
    let bench = refreshed("instance-dies").await;
    bench.until(RefreshStatus::Successful).await;
    assert_eq!(bench.images(), (0, 4));
    let causes = |world: &crate::sim::World| {
        let group = world.group(GROUP).expect("the group");
        group.activities.iter().filter(|activity| activity.cause.contains("status checks")).count()
    };
    assert_eq!(bench.simulator.inspect(causes), 1);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_refresh_is_there_when_one_looks_and_ends_by_itself() {
    let bench = Bench::named("foreign-refresh", fleet(2, |_| {}));
    assert!(bench.simulator.inspect(|world| world.group(GROUP).is_some_and(|g| g.refreshes.is_empty())));
    let answer = bench.scaling.describe_instance_refreshes().auto_scaling_group_name(GROUP).send().await;
    let answer = answer.expect("refreshes");
    let theirs = &answer.instance_refreshes()[0];
    assert!(theirs.status().is_some_and(|status| status.as_str() == "Pending"));
    let version = theirs.desired_configuration().and_then(|d| d.launch_template()).and_then(|t| t.version());
    assert_eq!(version, Some("1"));
    assert!(bench.refresh().foreign);
    bench.until(RefreshStatus::Successful).await;
    assert_eq!(bench.tracking(), Tracking::Pinned(1));
}

#[tokio::test(start_paused = true)]
async fn tracking_goes_in_turns_and_keeps_the_version() {
    let mut spec = fleet(1, |_| {});
    for name in ["b", "c"] {
        spec.groups.push(GroupSpec::new("000000000000".into(), "eu-west-2".into(), name, GROUP, 1));
    }
    let bench = Bench::named("mixed-tracking", spec);
    let of =
        |name: &str| bench.simulator.inspect(|world| world.group(name).map(|group| group.template.tracking));
    assert_eq!(
        [of(GROUP), of("b"), of("c")],
        [Some(Tracking::Latest), Some(Tracking::Default), Some(Tracking::Pinned(1))]
    );
}

#[tokio::test(start_paused = true)]
async fn a_scope_keeps_the_trouble_off_other_groups() {
    let scenario = Scenario::named("bad-image").expect("a scenario").scoped("*-prod");
    let bench = Bench::new(fleet(2, |_| {}), scenario);
    bench.publish().await;
    bench.start("2", preferences().build()).await;
    bench.until(RefreshStatus::Successful).await;
}

#[tokio::test(start_paused = true)]
async fn instances_that_fail_their_health_checks_are_replaced_again_and_again() {
    let text = "name: sick\nabout: sick\neffects:\n  - unhealthy: { after: 30s }";
    let bench = Bench::new(fleet(2, |_| {}), Scenario::from_yaml(text).expect("a scenario"));
    bench.publish().await;
    bench.start("2", preferences().auto_rollback(true).instance_warmup(60).build()).await;
    bench.until(RefreshStatus::RollbackSuccessful).await;
    assert_eq!(bench.images(), (2, 0));
    let launched =
        |world: &crate::sim::World| world.gone.values().filter(|i| i.image.as_str() == NEW).count();
    assert!(bench.simulator.inspect(launched) > 3);
}

#[tokio::test(start_paused = true)]
async fn troubled_calls_are_a_share_of_all() {
    for (name, least, most) in [("server-errors", 3, 22), ("lost-answers", 3, 22)] {
        let bench = Bench::named(name, fleet(1, |_| {}));
        while bench.simulator.calls().len() < 100 {
            let _ = bench.scaling.describe_auto_scaling_groups().send().await;
        }
        let struck = bench.simulator.calls().iter().take(100).filter(|call| call.fault.is_some()).count();
        assert!((least..=most).contains(&struck), "{name}: {struck}");
    }
}

/// How many of the calls were too many, when they are made one every `pause` milliseconds.
async fn too_many(pause: u64) -> usize {
    let bench = Bench::named("throttled", fleet(1, |_| {}));
    for _ in 0..300 {
        let _ = bench.scaling.describe_auto_scaling_groups().send().await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    let calls = bench.simulator.calls();
    calls.iter().filter(|call| call.fault == Some(FaultKind::OverLimit)).count()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_looks_too_often_throttles_itself() {
    let (often, seldom) = (too_many(20).await, too_many(200).await);
    assert!(often > 20, "{often}");
    assert_eq!(seldom, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_one_too_many_has_no_effect_and_is_told_so_in_the_services_words() {
    let text = "
name: tight
about: tight
effects:
  - limits: { autoscaling: { burst: 1, rate: 1 }, ec2: { burst: 1, rate: 1 } }
";
    let bench = Bench::new(fleet(1, |_| {}), Scenario::from_yaml(text).expect("a scenario"));
    let once = aws_smithy_types::retry::RetryConfig::disabled();
    let scaling = bench.scaling.config().to_builder().retry_config(once.clone()).build();
    let scaling = aws_sdk_autoscaling::Client::from_conf(scaling);
    assert!(scaling.describe_auto_scaling_groups().send().await.is_ok());
    let refused = scaling.set_desired_capacity().auto_scaling_group_name(GROUP).desired_capacity(2).send();
    assert_eq!(code(&refused.await.expect_err("too many")), "Throttling");
    assert_eq!(bench.simulator.inspect(|world| world.group(GROUP).map(|group| group.desired)), Some(1));
    let ec2 = bench.ec2.config().to_builder().retry_config(once).build();
    let ec2 = aws_sdk_ec2::Client::from_conf(ec2);
    assert!(ec2.describe_images().send().await.is_ok());
    assert!(ec2.describe_instances().send().await.is_ok(), "another action has its own bucket");
    let refused = ec2.describe_images().send().await.expect_err("too many");
    assert_eq!(code(&refused), "RequestLimitExceeded");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_refresh_can_come_between_version_and_start() {
    let text = "name: race\nabout: race\neffects:\n  - foreign_refresh: { begins: version, lasts: 1m }";
    let bench = Bench::new(fleet(2, |_| {}), Scenario::from_yaml(text).expect("a scenario"));
    bench.publish().await;
    let call = bench.scaling.start_instance_refresh().auto_scaling_group_name(GROUP);
    let refused = call.desired_configuration(bench.desired("2")).send().await.expect_err("theirs is active");
    assert_eq!(code(&refused), "InstanceRefreshInProgress");
    bench.until(RefreshStatus::Successful).await;
    bench.start("2", preferences().build()).await;
    bench.until(RefreshStatus::Successful).await;
    assert_eq!(bench.images(), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn the_hour_of_patience_begins_anew_with_progress() {
    let text = "
name: slow
about: slow, and one instance dies early
effects:
  - boot: { on: new, takes: 25m }
  - instance_dies: { after: 1m }
";
    let bench = Bench::new(fleet(4, |_| {}), Scenario::from_yaml(text).expect("a scenario"));
    bench.publish().await;
    bench.start("2", preferences().auto_rollback(true).build()).await;
    let done = bench.until(RefreshStatus::Successful).await;
    assert!(done.ended.expect("an end").duration_since(done.started).as_secs() > 3660);
}
