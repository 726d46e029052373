//! A policy that goes back is the one that was read, but for versions and images.

use aws_sdk_autoscaling::types::{
    InstanceRequirements, InstancesDistribution, LaunchTemplate, MemoryMiBRequest, VCpuCountRequest,
};

use super::*;
use crate::model::{Named, OverrideNaming};

fn policy() -> MixedInstancesPolicy {
    let named = |id: &str, version: &str| {
        LaunchTemplateSpecification::builder()
            .launch_template_id(id)
            .launch_template_name(format!("{id}-name"))
            .version(version)
            .build()
    };
    let one = |kind: &str| LaunchTemplateOverrides::builder().instance_type(kind);
    let requirements = InstanceRequirements::builder()
        .v_cpu_count(VCpuCountRequest::builder().min(2).build())
        .memory_mib(MemoryMiBRequest::builder().min(2_048).build())
        .build();
    let template = LaunchTemplate::builder()
        .launch_template_specification(named("lt-1", "$Latest"))
        .overrides(one("m5.large").weighted_capacity("2").build())
        .overrides(one("c7g.large").launch_template_specification(named("lt-2", "4")).build())
        .overrides(one("m6i.large").image_id("ami-1").build())
        .overrides(LaunchTemplateOverrides::builder().instance_requirements(requirements).build())
        .build();
    let distribution = InstancesDistribution::builder()
        .on_demand_base_capacity(1)
        .spot_allocation_strategy("price-capacity-optimized")
        .build();
    MixedInstancesPolicy::builder().launch_template(template).instances_distribution(distribution).build()
}

fn pinned(template: &str, version: u64) -> Named {
    Named { template: template.into(), tracking: Tracking::Pinned(version) }
}

fn moved() -> Naming {
    let overrides = vec![
        OverrideNaming::default(),
        OverrideNaming { template: Some(pinned("lt-2", 5)), image: None },
        OverrideNaming { template: None, image: Some("ami-2".into()) },
        OverrideNaming::default(),
    ];
    Naming { own: pinned("lt-1", 9), overrides: Some(overrides) }
}

#[test]
fn every_place_is_read() {
    let read = read_policy(&policy());
    let labels: Vec<&str> = read.overrides.iter().map(PolicyOverride::label).collect();
    assert_eq!(labels, ["m5.large", "c7g.large", "m6i.large", "chosen by attributes"]);
    assert_eq!(read.overrides[0].weight, 2);
    let template = read.overrides[1].template.as_ref().unwrap();
    assert_eq!((template.id.as_str(), template.tracking), ("lt-2", Tracking::Pinned(4)));
    assert_eq!(read.overrides[2].image, Some("ami-1".into()));
    assert!(read.overrides[3].by_attributes && !read.overrides[2].by_attributes);
    assert_eq!(read_target(&policy()), None, "what floats is no target");
}

#[test]
fn only_versions_and_images_change() {
    let (before, after) = (policy(), with_naming(policy(), &moved()).unwrap());
    assert!(read_policy(&after).differing_fields(&read_policy(&before)).is_empty());
    let target = read_target(&after).unwrap();
    assert_eq!((target.template.as_str(), target.version), ("lt-1", 9));
    assert_eq!(target.overrides[1].template, Some(("lt-2".into(), 5)));
    assert_eq!(target.overrides[2].image, Some("ami-2".into()));
    // The API takes a template's id or its name, never both.
    let template = after.launch_template.unwrap();
    let names = template.overrides().iter().filter_map(|one| one.launch_template_specification());
    let names =
        names.chain(template.launch_template_specification()).filter_map(|one| one.launch_template_name());
    assert_eq!(names.count(), 0);
}

#[test]
fn any_other_difference_is_seen() {
    let before = read_policy(&policy());
    let differing = |change: &dyn Fn(&mut MixedInstancesPolicy)| {
        let mut policy = policy();
        change(&mut policy);
        read_policy(&policy).differing_fields(&before)
    };
    let one = |at: usize, change: fn(&mut LaunchTemplateOverrides)| {
        differing(&|policy| {
            change(&mut policy.launch_template.as_mut().unwrap().overrides.as_mut().unwrap()[at]);
        })
    };
    assert_eq!(one(0, |one| one.weighted_capacity = Some("3".into())), ["Overrides[0].WeightedCapacity"]);
    assert_eq!(one(1, |one| one.instance_type = Some("c8g.large".into())), ["Overrides[1].InstanceType"]);
    assert_eq!(one(1, |one| one.launch_template_specification = None), ["Overrides[1].own"]);
    assert_eq!(one(3, |one| one.instance_requirements = None), ["Overrides[3].InstanceRequirements"]);
    assert_eq!(differing(&|policy| policy.instances_distribution = None), ["InstancesDistribution"]);
    assert!(
        !differing(&|policy| drop(
            policy.launch_template.as_mut().unwrap().overrides.as_mut().unwrap().pop()
        ))
        .is_empty()
    );
}

#[test]
fn a_policy_with_another_number_of_overrides_is_not_written() {
    let mut naming = moved();
    naming.overrides.as_mut().unwrap().pop();
    assert_eq!(with_naming(policy(), &naming).unwrap_err(), "it has 4 overrides, not 3");
}
