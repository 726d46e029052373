//! Root volumes replaced in place.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_autoscaling::types::{MixedInstancesPolicy, RefreshPreferences, RefreshStrategy};

use super::policy_support::{Change, mixed, overrides, types};
use super::support::{Bench, GROUP, NEW, OLD, preferences};
use crate::model::RefreshStatus;
use crate::sim::{FleetSpec, HookSpec, Life, PolicySpec, PoolState, Scenario, Transition, WarmPoolSpec};

const ROOT: RefreshStrategy = RefreshStrategy::ReplaceRootVolume;

fn with_images() -> PolicySpec {
    let mut spec = types();
    spec.overrides.iter_mut().for_each(|one| one.image = Some(OLD.into()));
    spec
}

async fn with_new_images(bench: &Bench) -> MixedInstancesPolicy {
    let mut policy = bench.policy().await.expect("a policy");
    for one in overrides(&mut policy) {
        one.image_id = Some(NEW.to_owned());
    }
    policy
}

fn asked() -> aws_sdk_autoscaling::types::builders::RefreshPreferencesBuilder {
    preferences().min_healthy_percentage(50).instance_warmup(30)
}

#[tokio::test(start_paused = true)]
async fn instances_keep_their_ids_and_addresses_and_get_the_new_image() {
    let bench = Bench::mixed(4, with_images());
    let who = |bench: &Bench| -> BTreeMap<_, _> {
        bench.instances().into_iter().map(|i| (i.id, (i.address, i.instance_type, i.version))).collect()
    };
    let before = who(&bench);
    let wanted = with_new_images(&bench).await;
    let preferences = asked().auto_rollback(true).build();
    bench.begin(ROOT, Some(wanted.clone()), preferences).await.expect("a refresh");
    let (mut low, mut states) = (usize::MAX, std::collections::BTreeSet::new());
    while bench.refresh().status != RefreshStatus::Successful {
        let instances = bench.instances();
        low = low.min(instances.iter().filter(|i| i.serves()).count());
        states.extend(instances.iter().map(|i| i.lifecycle()));
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert_eq!(states.into_iter().collect::<Vec<_>>(), ["InService", "Pending", "ReplacingRootVolume"]);
    assert_eq!((low, bench.images()), (2, (0, 4)), "out of service for a while, within the minimum");
    assert_eq!((who(&bench), bench.policy().await), (before, Some(wanted)));
    let refresh = bench.described().await;
    assert_eq!((refresh.strategy, refresh.percentage_complete), (Some(ROOT), Some(100)));
    let answer = bench.scaling.describe_auto_scaling_groups().send().await.expect("the group");
    assert!(answer.auto_scaling_groups()[0].instances().iter().all(|i| i.image_id() == Some(NEW)));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_replaces_the_root_volumes_again() {
    let bench = Bench::mixed(3, with_images());
    let ids = |bench: &Bench| bench.instances().into_iter().map(|i| i.id).collect::<Vec<_>>();
    let before = (ids(&bench), bench.policy().await);
    for wait in [20, 60, 2000] {
        let wanted = with_new_images(&bench).await;
        bench.begin(ROOT, Some(wanted), asked().bake_time(3600).build()).await.expect("a refresh");
        tokio::time::sleep(Duration::from_secs(wait)).await;
        bench.roll_back().await.expect("a rollback");
        bench.until(RefreshStatus::RollbackSuccessful).await;
        assert_eq!((bench.images(), (ids(&bench), bench.policy().await)), ((3, 0), before.clone()), "{wait}");
    }
}

#[tokio::test(start_paused = true)]
async fn hooks_hold_the_replacement_up_before_and_after() {
    let mut fleet = mixed(1, with_images());
    let hook = |name: &str, transition| HookSpec { completes: Some(300), ..HookSpec::new(name, transition) };
    fleet.groups[0].hooks =
        vec![hook("drain", Transition::Terminating), hook("warm-up", Transition::Launching)];
    let bench = Bench::new(fleet, Scenario::clean());
    let wanted = with_new_images(&bench).await;
    bench.begin(ROOT, Some(wanted), asked().build()).await.expect("a refresh");
    let mut seen: Vec<String> = Vec::new();
    while bench.refresh().status != RefreshStatus::Successful {
        let state = bench.instances()[0].lifecycle();
        if seen.last() != Some(&state) {
            seen.push(state);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let replacing = ["ReplacingRootVolume:Wait", "ReplacingRootVolume:Proceed"];
    let booting = ["Pending", "Pending:Wait", "Pending:Proceed"];
    assert_eq!(seen, [&["InService"], &replacing[..], &booting[..], &["InService"]].concat());
    let took = bench.refresh();
    let took = took.ended.expect("an end").duration_since(took.started).as_secs();
    assert!(took > 600, "{took}");
}

#[tokio::test(start_paused = true)]
async fn instances_that_run_the_image_already_are_skipped() {
    let bench = Bench::mixed(3, with_images());
    let wanted = with_new_images(&bench).await;
    bench.begin(ROOT, Some(wanted.clone()), asked().build()).await.expect("a refresh");
    bench.until(RefreshStatus::Successful).await;
    bench.begin(ROOT, Some(wanted.clone()), asked().build()).await.expect("a refresh");
    assert_eq!((bench.refresh().goal, bench.refresh().status), (0, RefreshStatus::Successful));
    bench.begin(ROOT, Some(wanted), asked().skip_matching(false).build()).await.expect("a refresh");
    assert_eq!(bench.until(RefreshStatus::Successful).await.goal, 3);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_does_not_boot_costs_the_instance_and_is_rolled_back() {
    let bench = Bench::new(mixed(4, with_images()), Scenario::named("bad-image").expect("a scenario"));
    let before: Vec<_> = bench.instances().into_iter().map(|i| i.id).collect();
    let wanted = with_new_images(&bench).await;
    bench.begin(ROOT, Some(wanted), asked().auto_rollback(true).build()).await.expect("a refresh");
    let done = bench.until(RefreshStatus::RollbackSuccessful).await;
    assert!(done.rollback.is_some_and(|rollback| rollback.percent == 0));
    assert_eq!(bench.images(), (4, 0));
    let stayed = bench.instances().iter().filter(|i| before.contains(&i.id)).count();
    assert_eq!(stayed, 2, "two were replaced at first, and had to be launched anew");
}

#[tokio::test(start_paused = true)]
async fn root_volumes_are_replaced_under_awss_conditions_only() {
    let mut unfit: Vec<(&str, FleetSpec)> = Vec::new();
    let mut add = |what, change: fn(&mut FleetSpec)| {
        let mut fleet = mixed(2, with_images());
        change(&mut fleet);
        unfit.push((what, fleet));
    };
    add("a floating version", |fleet| fleet.groups[0].tracking = crate::model::Tracking::Latest);
    add("a load balancer", |fleet| fleet.groups[0].target_groups = vec!["web".to_owned()]);
    add("a warm pool", |fleet| {
        fleet.groups[0].warm_pool =
            Some(WarmPoolSpec { min: 1, max_prepared: None, state: PoolState::Stopped });
    });
    add("several volumes", |fleet| fleet.images[1].volumes = 2);
    add("an image that is not there", |fleet| {
        fleet.images.remove(1);
    });
    for (what, fleet) in unfit {
        let bench = Bench::new(fleet, Scenario::clean());
        let wanted = with_new_images(&bench).await;
        let answer = bench.begin(ROOT, Some(wanted), asked().build()).await;
        assert_eq!(answer, Err("ValidationError".to_owned()), "{what}");
    }
    let changes: [(&str, Change); 4] = [
        ("an override without an image", |policy| overrides(policy)[1].image_id = None),
        ("no override", |policy| overrides(policy).clear()),
        ("another type", |policy| overrides(policy)[1].instance_type = Some("c5.large".to_owned())),
        ("another version", |policy| {
            let launch = policy.launch_template.as_mut().expect("a launch template");
            launch.launch_template_specification.as_mut().expect("a template").version = Some("2".to_owned());
        }),
    ];
    let bench = Bench::mixed(2, with_images());
    bench.publish().await;
    for (what, change) in changes {
        let mut wanted = with_new_images(&bench).await;
        change(&mut wanted);
        let answer = bench.begin(ROOT, Some(wanted), asked().build()).await;
        assert_eq!(answer, Err("ValidationError".to_owned()), "{what}");
    }
    let none = bench.begin(ROOT, None, RefreshPreferences::builder().build()).await;
    assert_eq!(none, Err("ValidationError".to_owned()), "no desired configuration");
    let template = bench.scaling.start_instance_refresh().auto_scaling_group_name(GROUP).strategy(ROOT);
    assert!(template.desired_configuration(bench.desired("1")).send().await.is_err(), "a template");
    let call = bench.scaling.start_instance_refresh().auto_scaling_group_name(GROUP).strategy("Quick".into());
    assert!(call.send().await.is_err(), "a strategy that is not there");
    assert!(bench.instances().iter().all(|i| i.life == Life::InService));
}
