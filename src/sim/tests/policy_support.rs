//! Groups with mixed instances policies, and their policies as the SDK has them.

use aws_sdk_autoscaling::types::{LaunchTemplateOverrides, MixedInstancesPolicy};

use super::support::{Bench, GROUP, HOME, code, fleet, template};
use crate::model::Architecture;
use crate::sim::{FleetSpec, ImageSpec, Instance, OverrideSpec, PolicySpec, Scenario};

pub(super) const ARM: &str = "ami-0cccccccccccccccc";
pub(super) const ARM_TEMPLATE: &str = "web-qa-arm";

/// A change to a policy.
pub(super) type Change = fn(&mut MixedInstancesPolicy);

/// A group of that capacity with a policy; there is a template for arm64 too.
pub(super) fn mixed(desired: u32, policy: PolicySpec) -> FleetSpec {
    let mut fleet = fleet(desired, |group| {
        group.target_groups.clear();
        group.policy = Some(policy);
    });
    let mut image = ImageSpec::new(ARM.into(), "dept-base-arm", "eu-west-2".into(), HOME.into());
    image.architecture = Architecture::Arm64;
    fleet.images.push(image);
    let mut arm = template(HOME, ARM_TEMPLATE);
    arm.versions[0].data.extend([
        ("ImageId".to_owned(), ARM.to_owned()),
        ("InstanceType".to_owned(), "m6g.large".to_owned()),
    ]);
    fleet.templates.push(arm);
    fleet
}

pub(super) fn types() -> PolicySpec {
    PolicySpec::of_types(&["m5.large", "m6i.large"])
}

pub(super) fn weighted(weights: [u32; 2]) -> PolicySpec {
    let mut policy = types();
    for (one, weight) in policy.overrides.iter_mut().zip(weights) {
        one.weight = Some(weight);
    }
    policy
}

pub(super) fn by_attributes() -> PolicySpec {
    let wanted = [("VCpuCount.Min", "2"), ("VCpuCount.Max", "4"), ("MemoryMiB.Min", "4096")];
    let requirements = wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let overrides = vec![OverrideSpec { requirements, ..OverrideSpec::default() }];
    PolicySpec { overrides, ..PolicySpec::default() }
}

impl Bench {
    pub(super) fn mixed(desired: u32, policy: PolicySpec) -> Self {
        Self::new(mixed(desired, policy), Scenario::clean())
    }

    /// The group's policy as it is described.
    pub(super) async fn policy(&self) -> Option<MixedInstancesPolicy> {
        let answer = self.scaling.describe_auto_scaling_groups().auto_scaling_group_names(GROUP).send().await;
        answer.expect("the group").auto_scaling_groups()[0].mixed_instances_policy().cloned()
    }

    /// Asks for another policy; the error code when it is refused.
    pub(super) async fn set_policy(&self, policy: MixedInstancesPolicy) -> Result<(), String> {
        let call = self.scaling.update_auto_scaling_group().auto_scaling_group_name(GROUP);
        let answer = call.mixed_instances_policy(policy).send().await;
        answer.map(drop).map_err(|error| code(&error))
    }

    pub(super) fn instances(&self) -> Vec<Instance> {
        self.simulator
            .inspect(|world| world.group(GROUP).map(|group| group.instances.clone()))
            .unwrap_or_default()
    }
}

pub(super) fn overrides(policy: &mut MixedInstancesPolicy) -> &mut Vec<LaunchTemplateOverrides> {
    let template = policy.launch_template.as_mut().expect("a launch template");
    template.overrides.get_or_insert_default()
}
