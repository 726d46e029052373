//! What groups with mixed instances policies launch.

use aws_sdk_autoscaling::types::LaunchTemplateOverrides;

use super::policy_support::{ARM, ARM_TEMPLATE, mixed, overrides, types, weighted};
use super::support::{Bench, GROUP, NEW, OLD, code, fleet};
use crate::model::{Architecture, Tracking};
use crate::sim::{FleetSpec, Instance, OverrideSpec, PolicySpec, Scenario, World};

#[tokio::test(start_paused = true)]
async fn overrides_take_turns_and_instances_say_what_they_were_launched_from() {
    let mut spec = types();
    spec.overrides[1].image = Some(OLD.into());
    spec.overrides.push(OverrideSpec {
        template: Some((ARM_TEMPLATE.to_owned(), Tracking::Pinned(1))),
        ..OverrideSpec::of_type("m6g.large")
    });
    let bench = Bench::mixed(6, spec);
    let answer = bench.scaling.describe_auto_scaling_groups().send().await.expect("the group");
    let seen = answer.auto_scaling_groups()[0].instances();
    for (kind, template, image) in
        [("m5.large", GROUP, None), ("m6i.large", GROUP, Some(OLD)), ("m6g.large", ARM_TEMPLATE, None)]
    {
        let of_kind: Vec<_> = seen.iter().filter(|i| i.instance_type() == Some(kind)).collect();
        assert_eq!(of_kind.len(), 2, "{kind}");
        for one in of_kind {
            assert_eq!(one.launch_template().and_then(|t| t.launch_template_name()), Some(template));
            assert_eq!((one.image_id(), one.weighted_capacity()), (image, None));
        }
    }
    let running = |image: &str| bench.instances().iter().filter(|i| i.image.as_str() == image).count();
    assert_eq!((running(OLD), running(ARM)), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn an_override_whose_image_does_not_fit_its_type_is_passed_over() {
    let mut spec = types();
    spec.overrides[1].instance_type = Some("m6g.large".to_owned());
    let bench = Bench::mixed(4, spec);
    assert!(bench.instances().iter().all(|i| i.instance_type == "m5.large"));
    assert_eq!(bench.instances().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_image_of_the_other_architecture_is_not_launched() {
    let on_arm = PolicySpec::of_types(&["c7g.large"]);
    let mut plain = fleet(2, |_| {});
    plain.templates[0].versions[0].data.insert("InstanceType".to_owned(), "t4g.large".to_owned());
    for spec in [mixed(2, on_arm), plain] {
        let bench = Bench::new(spec, Scenario::clean());
        bench.simulator.change(|_| ());
        assert_eq!(bench.instances().len(), 0);
        let answer = bench.scaling.describe_scaling_activities().auto_scaling_group_name(GROUP).send().await;
        let words = answer.expect("activities").activities()[0].status_message().map(str::to_owned);
        let words = words.expect("a reason");
        assert!(
            words.starts_with(
                "The architecture 'arm64' of the specified instance type does not match the architecture 'x86_64'"
            ),
            "{words}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_tells_that_the_architectures_differ() {
    let bench = Bench::clean();
    let call = bench.ec2.run_instances().dry_run(true).image_id(OLD).min_count(1).max_count(1);
    let fits = call.clone().instance_type("m5.large".into()).send().await.expect_err("a dry run");
    let other = call.instance_type("m6g.large".into()).send().await.expect_err("a dry run");
    assert_eq!((code(&fits), code(&other)), ("DryRunOperation".into(), "InvalidParameterValue".into()));
}

#[tokio::test(start_paused = true)]
async fn capacity_is_counted_in_units() {
    let bench = Bench::mixed(9, weighted([1, 4]));
    let units = |bench: &Bench| -> usize {
        bench.instances().iter().filter(|i| i.serves()).map(Instance::units).sum()
    };
    assert!((9..13).contains(&units(&bench)), "{} units", units(&bench));
    let answer = bench.scaling.describe_auto_scaling_groups().send().await.expect("the group");
    for one in answer.auto_scaling_groups()[0].instances() {
        let weight = if one.instance_type() == Some("m5.large") { "1" } else { "4" };
        assert_eq!(one.weighted_capacity(), Some(weight));
    }
    for desired in [18, 5] {
        let call = bench.scaling.update_auto_scaling_group().auto_scaling_group_name(GROUP).max_size(20);
        call.desired_capacity(desired).send().await.expect("an update");
        tokio::time::sleep(std::time::Duration::from_secs(600)).await;
        let least = usize::try_from(desired).expect("small");
        assert!((least..least + 4).contains(&units(&bench)), "{} units of {desired}", units(&bench));
    }
}

#[tokio::test(start_paused = true)]
async fn images_say_how_many_volumes_they_have() {
    let mut spec = fleet(0, |_| {});
    spec.images[1].volumes = 3;
    let bench = Bench::new(spec, Scenario::clean());
    let found = bench.ec2.describe_images().send().await.expect("images");
    let volumes = |id: &str| {
        let image = found.images().iter().find(|image| image.image_id() == Some(id)).expect("the image");
        let names = image.block_device_mappings().iter().filter_map(|volume| volume.device_name());
        let names: Vec<&str> = names.collect();
        assert_eq!(names.first().copied(), image.root_device_name());
        names.len()
    };
    assert_eq!((volumes(OLD), volumes(NEW)), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn the_scenario_gives_policies_of_every_kind_in_turn() {
    let mut spec = mixed(2, types());
    spec.groups[0].policy = None;
    let arm = FleetSpec::previous_image_of(&"eu-west-2".into(), &Architecture::Arm64);
    let mut image = spec.images[2].clone();
    image.id = arm.clone();
    spec.images.push(image);
    let first = spec.groups[0].clone();
    spec.groups = (0..6)
        .map(|at| {
            let mut group = first.clone();
            group.name = format!("g{at}").into();
            group
        })
        .collect();
    let bench = Bench::named("mixed", spec);
    let answer = bench.scaling.describe_auto_scaling_groups().send().await.expect("groups");
    let mut policies: Vec<_> = answer
        .auto_scaling_groups()
        .iter()
        .filter_map(|group| group.mixed_instances_policy().cloned())
        .collect();
    let strategy = |at: usize| {
        policies[at].instances_distribution.as_ref().and_then(|part| part.spot_allocation_strategy.clone())
    };
    assert_eq!(strategy(4).as_deref(), Some("price-capacity-optimized"));
    let mut of = |at: usize| overrides(&mut policies[at]).clone();
    let count = |all: &[LaunchTemplateOverrides], has: fn(&LaunchTemplateOverrides) -> bool| {
        all.iter().filter(|one| has(one)).count()
    };
    assert_eq!(count(&of(0), |one| one.instance_type.is_some()), 2);
    assert_eq!(count(&of(1), |one| one.launch_template_specification.is_some()), 1);
    assert_eq!(count(&of(2), |one| one.image_id.is_some()), 3);
    assert_eq!(count(&of(3), |one| one.weighted_capacity.is_some()), 2);
    assert_eq!(count(&of(5), |one| one.instance_requirements.is_some()), 1);
    let on_arm = |name: &str| {
        let found = |world: &World| {
            let group = world.group(name).expect("the group");
            (group.images().contains(&arm), group.serving().count() > 0)
        };
        bench.simulator.inspect(found)
    };
    assert_eq!((on_arm("g0"), on_arm("g1"), on_arm("g5")), ((false, true), (true, true), (false, true)));
}
