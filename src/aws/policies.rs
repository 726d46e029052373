//! Mixed instances policies: read into our words, and written back whole with other versions
//! and images in them.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::{
    AutoScalingGroup, LaunchTemplate, LaunchTemplateOverrides, LaunchTemplateSpecification,
    MixedInstancesPolicy,
};

use super::{Account, Error};
use crate::model::{
    Group, GroupTemplate, Naming, OverrideTarget, Policy, PolicyOverride, Target, TemplateId, Tracking,
};

const DESCRIBE: &str = "DescribeAutoScalingGroups";

/// The template that a group, or an override, names; `None` when it names none.
pub(super) fn read_template(specification: &LaunchTemplateSpecification) -> Option<GroupTemplate> {
    Some(GroupTemplate {
        id: specification.launch_template_id()?.into(),
        name: specification.launch_template_name().unwrap_or_default().to_owned(),
        tracking: Tracking::parse(specification.version().unwrap_or_default())?,
    })
}

/// The template that a group launches from by itself or by its policy.
pub(super) fn own_template(group: &AutoScalingGroup) -> Option<GroupTemplate> {
    let of_policy = group.mixed_instances_policy().and_then(|policy| policy.launch_template());
    let of_policy = of_policy.and_then(|template| template.launch_template_specification());
    group.launch_template().or(of_policy).and_then(read_template)
}

/// The policy, its own template aside.
pub(super) fn read_policy(policy: &MixedInstancesPolicy) -> Policy {
    let template = policy.launch_template();
    let overrides = template.map(LaunchTemplate::overrides).unwrap_or_default();
    Policy { overrides: overrides.iter().map(read_override).collect(), fields: read_fields(policy) }
}

fn read_override(one: &LaunchTemplateOverrides) -> PolicyOverride {
    PolicyOverride {
        instance_type: one.instance_type().map(str::to_owned),
        by_attributes: one.instance_requirements().is_some(),
        weight: one.weighted_capacity().and_then(|weight| weight.parse().ok()).unwrap_or(1),
        template: one.launch_template_specification().and_then(read_template),
        image: one.image_id().map(Into::into),
    }
}

/// Every field that is set, templates, versions and images aside: what a rollout must not change.
fn read_fields(policy: &MixedInstancesPolicy) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut rest = policy.clone();
    if let Some(distribution) = rest.instances_distribution.take() {
        fields.insert("InstancesDistribution".to_owned(), format!("{distribution:?}"));
    }
    if let Some(mut template) = rest.launch_template.take() {
        template.launch_template_specification = None;
        for (at, mut one) in template.overrides.take().unwrap_or_default().into_iter().enumerate() {
            let path = format!("Overrides[{at}]");
            // Whether it names a template and an image of its own counts, not which.
            let own = (one.launch_template_specification.take().is_some(), one.image_id.take().is_some());
            fields.insert(format!("{path}.own"), format!("{own:?}"));
            if let Some(kind) = one.instance_type.take() {
                fields.insert(format!("{path}.InstanceType"), kind);
            }
            if let Some(weight) = one.weighted_capacity.take() {
                fields.insert(format!("{path}.WeightedCapacity"), weight);
            }
            if let Some(requirements) = one.instance_requirements.take() {
                fields.insert(format!("{path}.InstanceRequirements"), format!("{requirements:?}"));
            }
            // What Auto Scaling learns after this was written must not go unseen.
            fields.insert(format!("{path}.(other fields)"), format!("{one:?}"));
        }
        fields.insert("LaunchTemplate.(other fields)".to_owned(), format!("{template:?}"));
    }
    fields.insert("(other fields)".to_owned(), format!("{rest:?}"));
    fields
}

/// A template by its id; the API refuses id and name together.
pub(super) fn specification(template: &TemplateId, tracking: Tracking) -> LaunchTemplateSpecification {
    LaunchTemplateSpecification::builder()
        .launch_template_id(template.as_str())
        .version(tracking.to_string())
        .build()
}

/// How a target names its versions: by their numbers.
fn naming(target: &Target) -> Naming {
    let pinned = |(template, version): (&TemplateId, u64)| crate::model::Named {
        template: template.clone(),
        tracking: Tracking::Pinned(version),
    };
    let one = |one: &OverrideTarget| crate::model::OverrideNaming {
        template: one.template.as_ref().map(|(template, version)| pinned((template, *version))),
        image: one.image.clone(),
    };
    Naming {
        own: pinned((&target.template, target.version)),
        overrides: Some(target.overrides.iter().map(one).collect()),
    }
}

/// The policy with these templates, versions and images in it, everything else as it is.
///
/// # Errors
/// What does not fit: the policy is another than it was.
fn with_naming(mut policy: MixedInstancesPolicy, naming: &Naming) -> Result<MixedInstancesPolicy, String> {
    let named = naming.overrides.as_deref().unwrap_or_default();
    let Some(template) = policy.launch_template.as_mut() else { return Err("it names no template".into()) };
    let own = &naming.own;
    template.launch_template_specification = Some(specification(&own.template, own.tracking));
    let overrides = template.overrides.get_or_insert_default();
    if overrides.len() != named.len() {
        return Err(format!("it has {} overrides, not {}", overrides.len(), named.len()));
    }
    for (one, named) in overrides.iter_mut().zip(named) {
        if let Some(template) = &named.template {
            one.launch_template_specification = Some(specification(&template.template, template.tracking));
        }
        if let Some(image) = &named.image {
            one.image_id = Some(image.as_str().to_owned());
        }
    }
    // What was read back by id carries its name too, and the API takes one of the two only.
    for one in overrides.iter_mut().filter_map(|one| one.launch_template_specification.as_mut()) {
        if one.launch_template_id.is_some() {
            one.launch_template_name = None;
        }
    }
    Ok(policy)
}

impl Account {
    /// The group's policy as AWS has it now, with this naming in it.
    ///
    /// # Errors
    /// When the group or its policy is gone, or anything but versions and images in the policy is
    /// another than in `group`: what somebody changed meanwhile must not be overwritten.
    pub(super) async fn policy_with(
        &self,
        group: &Group,
        naming: &Naming,
    ) -> Result<MixedInstancesPolicy, Error> {
        let request = self.autoscaling.describe_auto_scaling_groups();
        let answer = request.auto_scaling_group_names(group.name.as_str()).send().await;
        let answer = answer.map_err(|error| Error::from_sdk(DESCRIBE, error))?;
        let found = answer.auto_scaling_groups().first().and_then(|found| found.mixed_instances_policy());
        let gone =
            || Error::unexpected(DESCRIBE, format!("the mixed instances policy of {} is gone", group.name));
        let found = found.ok_or_else(gone)?;
        let differing = match &group.policy {
            Some(planned) => read_policy(found).differing_fields(planned),
            None => vec!["all of it".to_owned()],
        };
        let changed = |what: String| {
            let message =
                format!("the mixed instances policy of {} was changed meanwhile: {what}", group.name);
            Error::unexpected(DESCRIBE, message)
        };
        if !differing.is_empty() {
            return Err(changed(differing.join(", ")));
        }
        with_naming(found.clone(), naming).map_err(changed)
    }

    /// The group's policy as AWS has it now, with this target in it.
    ///
    /// # Errors
    /// As [`Account::policy_with`].
    pub(super) async fn policy_to(
        &self,
        group: &Group,
        target: &Target,
    ) -> Result<MixedInstancesPolicy, Error> {
        self.policy_with(group, &naming(target)).await
    }
}

/// What a policy as desired configuration takes its group to; `None` when it names no number.
pub(super) fn read_target(policy: &MixedInstancesPolicy) -> Option<Target> {
    let pinned = |specification: &LaunchTemplateSpecification| {
        let version = specification.version()?.parse().ok()?;
        Some((TemplateId::from(specification.launch_template_id()?), version))
    };
    let template = policy.launch_template()?;
    let (own, version) = pinned(template.launch_template_specification()?)?;
    let one = |one: &LaunchTemplateOverrides| {
        let template = match one.launch_template_specification() {
            Some(specification) => Some(pinned(specification)?),
            None => None,
        };
        Some(OverrideTarget { template, image: one.image_id().map(Into::into) })
    };
    let overrides = template.overrides().iter().map(one).collect::<Option<Vec<_>>>()?;
    Some(Target { template: own, version, overrides })
}

#[cfg(test)]
mod tests;
