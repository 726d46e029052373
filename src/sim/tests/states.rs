//! Warm pools, standby, suspended processes, configurations and parameters, as the SDK sees them.

use std::time::Duration;

use aws_sdk_autoscaling::types::{AutoScalingGroup, LifecycleState};

use super::support::{Bench, GROUP, HOME, OLD, REGION, code, fleet, preferences};
use crate::model::{ImageId, RefreshStatus};
use crate::sim::{FleetSpec, HookResult, Images, Life, ParameterSpec, PoolState, Scenario, WarmPoolSpec};

pub(super) async fn described(bench: &Bench) -> AutoScalingGroup {
    let answer = bench.scaling.describe_auto_scaling_groups().send().await.expect("groups");
    answer.auto_scaling_groups()[0].clone()
}

/// How many instances of the group are in which lifecycle state.
pub(super) async fn lives(bench: &Bench) -> Vec<(String, usize)> {
    let group = described(bench).await;
    let mut counts = std::collections::BTreeMap::new();
    for instance in group.instances() {
        let state = instance.lifecycle_state().map_or("none", LifecycleState::as_str).to_owned();
        *counts.entry(state).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

async fn pool(bench: &Bench) -> Vec<aws_sdk_autoscaling::types::Instance> {
    let answer = bench.scaling.describe_warm_pool().auto_scaling_group_name(GROUP).send().await;
    answer.expect("the pool").instances().to_vec()
}

pub(super) fn pooled(state: PoolState) -> FleetSpec {
    fleet(3, |group| group.warm_pool = Some(WarmPoolSpec { min: 2, max_prepared: Some(2), state }))
}

pub(super) async fn scale(bench: &Bench, desired: i32) {
    let call = bench.scaling.set_desired_capacity().auto_scaling_group_name(GROUP);
    call.desired_capacity(desired).send().await.expect("a new capacity");
}

#[tokio::test(start_paused = true)]
async fn a_warm_pool_is_described_apart_and_its_instances_are_stopped() {
    let bench = Bench::new(pooled(PoolState::Stopped), Scenario::clean());
    let group = described(&bench).await;
    assert_eq!((group.instances().len(), group.warm_pool_size()), (3, Some(2)));
    let configuration = group.warm_pool_configuration().expect("its configuration");
    assert_eq!((configuration.min_size(), configuration.max_group_prepared_capacity()), (Some(2), Some(2)));
    let call = bench.scaling.describe_warm_pool().auto_scaling_group_name(GROUP).max_records(1);
    let first = call.clone().send().await.expect("a page");
    let second = call.set_next_token(first.next_token().map(str::to_owned)).send().await.expect("a page");
    let all = [first.instances(), second.instances()].concat();
    assert_eq!((all.len(), second.next_token()), (2, None));
    assert!(all.iter().all(|found| found.lifecycle_state() == Some(&LifecycleState::WarmedStopped)));
    let id = all[0].instance_id().expect("an id");
    let seen = bench.ec2.describe_instances().instance_ids(id).send().await.expect("the instance");
    let state = seen.reservations()[0].instances()[0].state().and_then(|state| state.name()).cloned();
    assert_eq!(state, Some(aws_sdk_ec2::types::InstanceStateName::Stopped));
    let running = bench.ec2.describe_instance_status().send().await.expect("statuses");
    assert_eq!(running.instance_statuses().len(), 3, "what is stopped has no status");
}

#[tokio::test(start_paused = true)]
async fn a_launch_takes_from_the_pool_and_the_pool_fills_up_again() {
    let bench = Bench::new(pooled(PoolState::Hibernated), Scenario::clean());
    let waiting = pool(&bench).await;
    let first = waiting[0].instance_id().expect("an id").to_owned();
    scale(&bench, 4).await;
    let group = described(&bench).await;
    let taken = group.instances().iter().find(|found| found.instance_id() == Some(first.as_str()));
    let state = taken.expect("the first of the pool").lifecycle_state().cloned();
    assert_eq!(state, Some(LifecycleState::Pending));
    let states: Vec<_> =
        pool(&bench).await.iter().filter_map(|found| found.lifecycle_state().cloned()).collect();
    assert_eq!(states, [LifecycleState::WarmedHibernated, LifecycleState::WarmedPending]);
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(lives(&bench).await, [("InService".to_owned(), 4)], "it has booted before, and is fast");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let ready = |found: &&aws_sdk_autoscaling::types::Instance| {
        found.lifecycle_state() == Some(&LifecycleState::WarmedHibernated)
    };
    assert_eq!(pool(&bench).await.iter().filter(ready).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_largest_number_the_pool_follows_the_groups_largest_capacity() {
    let spec = fleet(3, |group| {
        group.capacity = (0, 3, 5);
        group.warm_pool = Some(WarmPoolSpec { min: 0, max_prepared: None, state: PoolState::Running });
    });
    let bench = Bench::new(spec, Scenario::clean());
    assert_eq!(pool(&bench).await.len(), 2);
    scale(&bench, 5).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!((pool(&bench).await.len(), lives(&bench).await), (0, vec![("InService".to_owned(), 5)]));
}

#[tokio::test(start_paused = true)]
async fn standby_comes_back_and_the_capacity_with_it() {
    let spec = fleet(2, |group| (group.standby, group.protected) = (1, 1));
    let bench = Bench::new(spec, Scenario::clean());
    assert_eq!(lives(&bench).await, [("InService".to_owned(), 2), ("Standby".to_owned(), 1)]);
    let aside = described(&bench).await.instances()[2].instance_id().expect("an id").to_owned();
    let call = bench.scaling.exit_standby().auto_scaling_group_name(GROUP).instance_ids(aside);
    call.send().await.expect("it returns");
    assert_eq!(lives(&bench).await[1], ("Pending".to_owned(), 1));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(lives(&bench).await, [("InService".to_owned(), 3)]);
    assert_eq!(described(&bench).await.desired_capacity(), Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_suspended_health_check_sees_nothing_until_it_is_resumed() {
    let bench = Bench::clean();
    let call = bench.scaling.suspend_processes().auto_scaling_group_name(GROUP);
    call.scaling_processes("HealthCheck").send().await.expect("it is suspended");
    bench.simulator.change(|world| {
        let (key, now) = (world.key(GROUP).expect("the group"), world.now);
        let group = world.groups.get_mut(&key).expect("the group");
        let id = group.instances[0].id.clone();
        group.strike(&id, now);
    });
    tokio::time::sleep(Duration::from_secs(300)).await;
    let group = described(&bench).await;
    assert_eq!(group.suspended_processes()[0].process_name(), Some("HealthCheck"));
    assert!(group.instances().iter().all(|found| found.health_status() == Some("Healthy")));
    let status = bench.ec2.describe_instance_status().send().await.expect("statuses");
    let impaired = |found: &&aws_sdk_ec2::types::InstanceStatus| {
        found.instance_status().and_then(|s| s.status()).is_some_and(|s| s.as_str() == "impaired")
    };
    assert_eq!(status.instance_statuses().iter().filter(impaired).count(), 1, "EC2 knows");
    bench.scaling.resume_processes().auto_scaling_group_name(GROUP).send().await.expect("all are resumed");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(lives(&bench).await.iter().any(|(state, _)| state == "Terminating"));
    let wrong = bench.scaling.suspend_processes().auto_scaling_group_name(GROUP).scaling_processes("Lunch");
    assert_eq!(code(&wrong.send().await.expect_err("no such process")), "ValidationError");
}

#[tokio::test(start_paused = true)]
async fn what_is_launched_without_a_balancer_stays_without_it() {
    let bench =
        Bench::new(fleet(1, |group| group.suspended = vec!["AddToLoadBalancer".into()]), Scenario::clean());
    scale(&bench, 2).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    bench.scaling.resume_processes().auto_scaling_group_name(GROUP).send().await.expect("all are resumed");
    let arn = described(&bench).await.target_group_arns()[0].clone();
    let health = bench.elb.describe_target_health().target_group_arn(arn).send().await.expect("health");
    assert_eq!((health.target_health_descriptions().len(), lives(&bench).await[0].1), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_group_on_a_launch_configuration_runs_its_image_and_moves_to_a_template() {
    let spec = fleet(2, |group| {
        group.launch_configuration = Some("web-2025".to_owned());
        group.configuration_image = Some(ImageId::new(OLD));
    });
    let bench = Bench::new(spec, Scenario::clean());
    let group = described(&bench).await;
    assert_eq!((group.launch_configuration_name(), group.launch_template()), (Some("web-2025"), None));
    assert_eq!(group.instances()[0].launch_configuration_name(), Some("web-2025"));
    assert_eq!(bench.images(), (2, 0));
    let told =
        bench.scaling.describe_launch_configurations().launch_configuration_names("web-2025").send().await;
    let told = told.expect("configurations");
    let images: Vec<_> = told.launch_configurations().iter().map(|found| found.image_id()).collect();
    assert_eq!(images, [Some(OLD)]);
    scale(&bench, 3).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(bench.images(), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_a_parameter_is_launched_and_can_be_resolved() {
    let mut spec = fleet(2, |_| {});
    let named = "resolve:ssm:/images/base".to_owned();
    spec.templates[0].versions[0].data.insert("ImageId".to_owned(), named.clone());
    let (account, region) = (HOME.into(), REGION.into());
    let name = "/images/base".to_owned();
    spec.parameters.push(ParameterSpec { account, region, name, image: ImageId::new(OLD) });
    let bench = Bench::new(spec, Scenario::clean());
    assert_eq!(bench.images(), (2, 0));
    let call =
        bench.ec2.describe_launch_template_versions().launch_template_id(bench.template_id()).versions("1");
    for (resolve, image) in [(false, named.as_str()), (true, OLD)] {
        let found = call.clone().resolve_alias(resolve).send().await.expect("the version");
        let data = found.launch_template_versions()[0].launch_template_data().expect("its data");
        assert_eq!(data.image_id(), Some(image));
    }
    bench.publish().await;
    let refused = bench.scaling.start_instance_refresh().auto_scaling_group_name(GROUP);
    let refused = refused.desired_configuration(bench.desired("2"));
    let refused = refused.preferences(preferences().auto_rollback(true).build()).send().await;
    assert_eq!(code(&refused.expect_err("no way back")), "ValidationError");
    bench.start("2", preferences().build()).await;
    let back = bench.scaling.rollback_instance_refresh().auto_scaling_group_name(GROUP).send().await;
    assert_eq!(code(&back.expect_err("no way back")), "IrreversibleInstanceRefresh");
    bench.until(RefreshStatus::Successful).await;
    assert_eq!(bench.images(), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_is_not_there_can_not_be_launched() {
    let mut spec = fleet(1, |_| {});
    spec.templates[0].versions[0].data.insert("ImageId".to_owned(), "resolve:ssm:/nowhere".to_owned());
    let bench = Bench::new(spec, Scenario::clean());
    let activities = bench.scaling.describe_scaling_activities().send().await.expect("activities");
    let words = activities.activities()[0].status_message().unwrap_or_default();
    assert!(words.contains("/nowhere"), "{words}");
    assert_eq!(described(&bench).await.instances().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_group_can_begin_in_the_middle_of_scaling() {
    let bench = Bench::new(fleet(4, |group| group.launching = 2), Scenario::clean());
    assert_eq!(lives(&bench).await, [("InService".to_owned(), 2), ("Pending".to_owned(), 2)]);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(lives(&bench).await, [("InService".to_owned(), 4)]);
}

#[tokio::test(start_paused = true)]
async fn effects_put_groups_into_every_state() {
    let text = "
name: all
about: every state at once
effects:
  - warm_pool: { min: 1, max_prepared: 1 }
  - hooks: [{ name: bootstrap, transition: launching, timeout: 10m, on: old, completes: 5s }]
  - maintenance: { min: 90, max: 110 }
  - standby: { count: 1 }
  - protected: { count: 2 }
  - desired: { count: 3 }
  - suspended: { processes: [AZRebalance] }
  - parameter_image: {}
  - deleting: {}
  - alarm: { name: errors, after: 1m }
";
    let bench = Bench::new(fleet(8, |_| {}), Scenario::from_yaml(text).expect("a scenario"));
    let group = described(&bench).await;
    assert_eq!((group.desired_capacity(), group.warm_pool_size()), (Some(3), Some(1)));
    assert_eq!(group.status(), Some("Delete in progress"));
    assert_eq!(group.suspended_processes()[0].process_name(), Some("AZRebalance"));
    let policy = group.instance_maintenance_policy().expect("a policy");
    assert_eq!((policy.min_healthy_percentage(), policy.max_healthy_percentage()), (Some(90), Some(110)));
    let protected =
        group.instances().iter().filter(|found| found.protected_from_scale_in() == Some(true)).count();
    assert_eq!((lives(&bench).await[1].1, protected), (1, 2));
    let named = bench.simulator.inspect(|world| {
        let group = world.group(GROUP).expect("the group");
        let place = &group.key.place;
        let image = world.template_of(group).and_then(|template| template.versions[&1].image());
        (image, world.alarm(place, "errors").is_some(), group.hooks[0].on, group.hooks[0].default)
    });
    let image = Some(ImageId::new(format!("resolve:ssm:/images/{GROUP}")));
    assert_eq!(named, (image, true, Images::Old, HookResult::Abandon));
    assert_eq!(bench.images(), (3, 0));
    assert!(
        bench
            .simulator
            .inspect(|w| w.group(GROUP).is_some_and(|g| g.instances.iter().any(|i| i.life == Life::Warmed)))
    );
}
