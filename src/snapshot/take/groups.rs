//! Groups as they were found, in the file's words. Asks nobody.

use std::collections::BTreeMap;

use super::super::file::{Group, Hook, Instances, Maintenance, TemplateName, WarmPool};
use crate::aws::{FoundGroup, FoundHook, FoundInstance};
use crate::model::ImageId;

/// A group, with its hooks and the image of its launch configuration.
pub(super) fn group(
    found: FoundGroup,
    hooks: Vec<FoundHook>,
    configurations: &BTreeMap<String, ImageId>,
) -> Group {
    let (min, desired, max) = found.capacity;
    // The name is a part of the ARN.
    let name = |arn: &String| arn.split('/').nth(1).unwrap_or(arn).to_owned();
    let configuration = found.launch_configuration.as_ref();
    Group {
        name: found.name,
        tags: found.tags,
        min,
        desired,
        max,
        template: found.template.map(|template| TemplateName {
            id: template.id,
            name: template.name,
            version: template.tracking,
        }),
        mixed_instances_policy: found.policy,
        launch_configuration_image: configuration.and_then(|name| configurations.get(name).cloned()),
        launch_configuration: found.launch_configuration,
        target_groups: found.target_groups.iter().map(name).collect(),
        suspended: found.suspended.into_iter().collect(),
        warm_pool: found.warm_pool.map(|pool| WarmPool {
            min: pool.min,
            prepared: pool.prepared,
            state: pool.state,
            reuse: pool.reuse,
        }),
        hooks: hooks.into_iter().map(hook).collect(),
        maintenance: found.maintenance.and_then(|(min, max)| {
            Some(Maintenance { min_healthy: min.try_into().ok()?, max_healthy: max.try_into().ok()? })
        }),
        default_warmup: found.default_warmup,
        grace: found.grace,
        deleting: found.deleting,
        instances: alike(found.instances),
    }
}

fn hook(hook: FoundHook) -> Hook {
    let FoundHook { name, transition, heartbeat, default_result } = hook;
    Hook { name, transition, heartbeat, default_result }
}

/// Like instances together.
fn alike(instances: Vec<FoundInstance>) -> Vec<Instances> {
    let mut counts: BTreeMap<Instances, u32> = BTreeMap::new();
    for FoundInstance { id: _, state, protected, launched_from, instance_type } in instances {
        let (template, version) = launched_from.unzip();
        let one = Instances { state, protected, template, version, kind: instance_type, count: 0 };
        *counts.entry(one).or_default() += 1;
    }
    counts.into_iter().map(|(one, count)| Instances { count, ..one }).collect()
}
