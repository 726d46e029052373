//! Refreshes of groups with mixed instances policies, from start to every end.

use std::time::Duration;

use aws_sdk_autoscaling::types::{
    DesiredConfiguration, InstanceRefresh, MixedInstancesPolicy, RefreshPreferences, RefreshStrategy,
};

use super::policy_support::{ARM, ARM_TEMPLATE, Change, by_attributes, mixed, overrides, types, weighted};
use super::support::{Bench, GROUP, NEW, OLD, code, preferences};
use crate::model::{RefreshStatus, Tracking};
use crate::sim::{OverrideSpec, PolicySpec, Scenario};

impl Bench {
    /// Starts a refresh; the error code when it is refused.
    pub(super) async fn begin(
        &self,
        strategy: RefreshStrategy,
        policy: Option<MixedInstancesPolicy>,
        preferences: RefreshPreferences,
    ) -> Result<String, String> {
        let call = self.scaling.start_instance_refresh().auto_scaling_group_name(GROUP).strategy(strategy);
        let desired =
            policy.map(|policy| DesiredConfiguration::builder().mixed_instances_policy(policy).build());
        let answer = call.set_desired_configuration(desired).preferences(preferences).send().await;
        answer.map(|started| started.instance_refresh_id.unwrap_or_default()).map_err(|error| code(&error))
    }

    pub(super) async fn roll_back(&self) -> Result<(), String> {
        let call = self.scaling.rollback_instance_refresh().auto_scaling_group_name(GROUP);
        call.send().await.map(drop).map_err(|error| code(&error))
    }

    pub(super) async fn described(&self) -> InstanceRefresh {
        let call = self.scaling.describe_instance_refreshes().auto_scaling_group_name(GROUP);
        call.send().await.expect("refreshes").instance_refreshes()[0].clone()
    }

    /// The group's policy with another version of its own template.
    async fn policy_on(&self, version: &str) -> MixedInstancesPolicy {
        let mut policy = self.policy().await.expect("a policy");
        let launch = policy.launch_template.as_mut().expect("a launch template");
        launch.launch_template_specification.as_mut().expect("a template").version = Some(version.to_owned());
        policy
    }
}

const ROLLING: RefreshStrategy = RefreshStrategy::Rolling;

/// Two types on the group's template, and one on the template for arm64.
fn with_arm(tracking: Tracking) -> PolicySpec {
    let mut spec = types();
    spec.overrides.push(OverrideSpec {
        template: Some((ARM_TEMPLATE.to_owned(), tracking)),
        ..OverrideSpec::of_type("m6g.large")
    });
    spec
}

#[tokio::test(start_paused = true)]
async fn a_desired_policy_is_described_whole_and_becomes_the_groups_on_success() {
    let bench = Bench::mixed(6, with_arm(Tracking::Pinned(1)));
    bench.publish().await;
    let (before, wanted) = (bench.policy().await, bench.policy_on("2").await);
    let preferences = preferences().bake_time(600).min_healthy_percentage(50).build();
    bench.begin(ROLLING, Some(wanted.clone()), preferences).await.expect("a refresh");
    bench.until(RefreshStatus::Baking).await;
    let seen =
        bench.described().await.desired_configuration.and_then(|desired| desired.mixed_instances_policy);
    assert_eq!(seen.as_ref(), Some(&wanted));
    assert_eq!(bench.policy().await, before, "the group changes after success only");
    let done = bench.until(RefreshStatus::Successful).await;
    assert_eq!((done.percent(), bench.policy().await), (100, Some(wanted)));
    let of = |image: &str| bench.instances().iter().filter(|i| i.image.as_str() == image).count();
    assert_eq!(of(NEW) + of(ARM), 6);
    assert_eq!(of(OLD), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_goes_back_to_the_groups_policy() {
    let bench = Bench::mixed(4, types());
    let mut wanted = bench.policy().await.expect("a policy");
    let before = wanted.clone();
    for one in overrides(&mut wanted) {
        one.image_id = Some(NEW.to_owned());
    }
    bench.begin(ROLLING, Some(wanted), preferences().bake_time(600).build()).await.expect("a refresh");
    bench.until(RefreshStatus::Baking).await;
    assert_eq!(bench.images(), (0, 4), "the override's image, not the template's");
    bench.roll_back().await.expect("a rollback");
    bench.until(RefreshStatus::RollbackSuccessful).await;
    assert_eq!((bench.images(), bench.policy().await), ((4, 0), Some(before)));
}

#[tokio::test(start_paused = true)]
async fn skip_matching_compares_template_version_image_and_types_and_nothing_else() {
    let cases: [(&str, usize, Change); 5] = [
        ("nothing", 0, |_| {}),
        ("the distribution", 0, |policy| {
            let part = policy.instances_distribution.as_mut().expect("a distribution");
            part.on_demand_percentage_above_base_capacity = Some(30);
        }),
        ("an image", 2, |policy| overrides(policy)[0].image_id = Some(NEW.to_owned())),
        ("a type", 2, |policy| overrides(policy)[1].instance_type = Some("c5.large".to_owned())),
        ("the version", 4, |policy| {
            let launch = policy.launch_template.as_mut().expect("a launch template");
            launch.launch_template_specification.as_mut().expect("a template").version = Some("2".to_owned());
        }),
    ];
    for (what, replaced, change) in cases {
        let bench = Bench::mixed(4, types());
        bench.publish().await;
        let old: Vec<_> = bench.instances().into_iter().map(|i| i.id).collect();
        let mut wanted = bench.policy().await.expect("a policy");
        change(&mut wanted);
        bench.begin(ROLLING, Some(wanted.clone()), preferences().build()).await.expect("a refresh");
        if replaced == 0 {
            assert_eq!(bench.refresh().status, RefreshStatus::Successful, "{what}: at once");
        }
        bench.until(RefreshStatus::Successful).await;
        let stayed = bench.instances().iter().filter(|i| old.contains(&i.id)).count();
        assert_eq!((4 - stayed, bench.policy().await), (replaced, Some(wanted)), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_floating_version_anywhere_in_the_policy_leaves_no_way_back() {
    for tracking in [Tracking::Latest, Tracking::Default] {
        let bench = Bench::mixed(3, with_arm(tracking));
        bench.publish().await;
        let wanted = bench.policy_on("2").await;
        let back = preferences().auto_rollback(true).build();
        let refused = bench.begin(ROLLING, Some(wanted.clone()), back).await;
        assert_eq!(refused, Err("ValidationError".to_owned()), "{tracking}");
        bench.begin(ROLLING, Some(wanted), preferences().build()).await.expect("a refresh");
        assert_eq!(bench.roll_back().await, Err("IrreversibleInstanceRefresh".to_owned()), "{tracking}");
    }
}

#[tokio::test(start_paused = true)]
async fn with_attributes_only_a_plain_refresh_is_possible_and_none_goes_back() {
    let invalid = Err("ValidationError".to_owned());
    let bench = Bench::mixed(3, by_attributes());
    bench.publish().await;
    let plain = || RefreshPreferences::builder().min_healthy_percentage(50);
    let wanted = bench.policy_on("2").await;
    assert_eq!(bench.begin(ROLLING, Some(wanted.clone()), plain().build()).await, invalid);
    let template = bench.scaling.start_instance_refresh().auto_scaling_group_name(GROUP);
    let template = template.desired_configuration(bench.desired("2")).send().await;
    assert_eq!(code(&template.expect_err("a refusal")), "ValidationError");
    assert_eq!(bench.begin(ROLLING, None, plain().skip_matching(true).build()).await, invalid);
    assert_eq!(bench.begin(ROLLING, None, plain().auto_rollback(true).build()).await, invalid);
    // The group is told first what it is to launch, and then refreshed to that.
    bench.set_policy(wanted.clone()).await.expect("an update");
    bench.begin(ROLLING, None, plain().build()).await.expect("a refresh");
    assert_eq!(bench.roll_back().await, Err("IrreversibleInstanceRefresh".to_owned()));
    bench.until(RefreshStatus::Successful).await;
    assert_eq!((bench.images(), bench.policy().await), ((0, 3), Some(wanted.clone())));
    // A group without attributes is not refreshed to a policy with them either.
    let other = Bench::mixed(3, types());
    assert_eq!(other.begin(ROLLING, Some(wanted), plain().build()).await, invalid);
}

#[tokio::test(start_paused = true)]
async fn attributes_in_a_version_of_a_template_count_as_those_of_an_override() {
    let invalid = Err("ValidationError".to_owned());
    for policy in [None, Some(PolicySpec::default()), Some(types())] {
        let mut fleet = mixed(3, policy.clone().unwrap_or_default());
        fleet.groups[0].policy = policy.clone();
        for template in fleet.templates.iter_mut().filter(|one| one.name != ARM_TEMPLATE) {
            let data = &mut template.versions[0].data;
            data.remove("InstanceType");
            for (name, value) in [("VCpuCount.Min", "2"), ("MemoryMiB.Min", "4096")] {
                data.insert(format!("InstanceRequirements.{name}"), value.to_owned());
            }
        }
        let bench = Bench::new(fleet, Scenario::clean());
        bench.publish().await;
        let plain = || RefreshPreferences::builder().min_healthy_percentage(50);
        let template = bench.scaling.start_instance_refresh().auto_scaling_group_name(GROUP);
        let template = template.desired_configuration(bench.desired("2")).send().await;
        assert_eq!(code(&template.expect_err("a refusal")), "ValidationError");
        if policy.is_some() {
            let wanted = bench.policy_on("2").await;
            assert_eq!(bench.begin(ROLLING, Some(wanted), plain().build()).await, invalid);
        }
        assert_eq!(bench.begin(ROLLING, None, plain().skip_matching(true).build()).await, invalid);
        bench.begin(ROLLING, None, plain().build()).await.expect("a refresh");
        assert_eq!(bench.roll_back().await, Err("IrreversibleInstanceRefresh".to_owned()));
        bench.until(RefreshStatus::Successful).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_weight_as_large_as_the_group_lets_everything_go_at_once() {
    for (desired, weights, least) in [(4, [4, 4], 0), (4, [2, 4], 0), (16, [4, 4], 12)] {
        let bench = Bench::mixed(desired, weighted(weights));
        bench.publish().await;
        let wanted = bench.policy_on("2").await;
        bench.begin(ROLLING, Some(wanted), preferences().build()).await.expect("a refresh");
        let mut low = usize::MAX;
        while bench.refresh().status != RefreshStatus::Successful {
            let serving = bench.instances().into_iter().filter(|i| i.serves());
            low = low.min(serving.map(|i| i.units()).sum());
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        assert_eq!(low, least, "{desired} units of {weights:?}");
        assert_eq!(bench.refresh().percent(), 100);
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_gets_a_policy_by_its_refresh_and_loses_it_again() {
    let mut fleet = mixed(2, types());
    fleet.groups[0].policy = None;
    let bench = Bench::new(fleet, Scenario::clean());
    bench.publish().await;
    let wanted = Bench::mixed(2, types()).policy_on("2").await;
    let mut named = wanted.clone();
    let launch = named.launch_template.as_mut().expect("a launch template");
    launch.launch_template_specification.as_mut().expect("a template").launch_template_id =
        Some(bench.template_id());
    bench.begin(ROLLING, Some(named.clone()), preferences().build()).await.expect("a refresh");
    bench.until(RefreshStatus::Successful).await;
    assert_eq!((bench.images(), bench.policy().await), ((0, 2), Some(named)));
    bench.start("1", preferences().build()).await;
    bench.until(RefreshStatus::Successful).await;
    assert_eq!((bench.images(), bench.policy().await), ((2, 0), None));
}

#[tokio::test(start_paused = true)]
async fn every_trouble_with_every_policy_ends() {
    let policies =
        [types(), weighted([1, 2]), weighted([1, 5]), weighted([3, 3]), with_arm(Tracking::Pinned(1))];
    let mut dice = fastrand::Rng::with_seed(4);
    for name in ["clean", "bad-image", "no-capacity", "instance-dies", "scale-out", "slow-boot"] {
        for policy in &policies {
            let desired = dice.u32(0..10);
            let scenario = Scenario::named(name).expect("a scenario");
            let bench = Bench::seeded(mixed(desired, policy.clone()), scenario, dice.u64(..));
            bench.publish().await;
            let wanted = bench.policy_on("2").await;
            let min = dice.i32(0..=100);
            let max = dice.bool().then(|| dice.i32(100..=(min + 100).min(200)));
            let asked = preferences().min_healthy_percentage(min).set_max_healthy_percentage(max);
            let asked = if dice.bool() {
                asked.checkpoint_percentages(40).checkpoint_percentages(100)
            } else {
                asked
            };
            let told = format!("{name}, {desired} units, {min} to {max:?}, {policy:?}");
            bench.begin(ROLLING, Some(wanted), asked.auto_rollback(true).build()).await.expect("a refresh");
            let mut left = 20_000;
            while bench.refresh().status.is_active() {
                left -= 1;
                assert!(left > 0, "never ends: {told}");
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
            let done = bench.refresh();
            let serving: usize = bench.instances().iter().filter(|i| i.serves()).map(|i| i.units()).sum();
            assert!(serving >= desired as usize, "{serving}: {told}");
            let fits =
                |image: &str| bench.instances().iter().all(|i| [image, ARM].contains(&i.image.as_str()));
            match done.status {
                RefreshStatus::Successful => assert!(done.percent() == 100 && fits(NEW), "{told}"),
                RefreshStatus::RollbackSuccessful => assert!(name != "clean" && fits(OLD), "{told}"),
                other => panic!("{other}: {told}"),
            }
        }
    }
}
