//! Auto Scaling: groups, their tags, instances and activities.

use std::collections::BTreeSet;

use super::autoscaling::no_group;
use super::autoscaling_policy as policy;
use super::autoscaling_tags::write_tag;
use super::errors::Error;
use super::paging::Size;
use super::xml::Xml;
use super::{Answer, Ask, autoscaling_lives as lives, autoscaling_states as states};
use crate::model::InstanceId;
use crate::sim::world::{Group, GroupKey, ImageFrom, Instance};

/// The largest group there can be.
pub(super) const LARGEST: u32 = 5_000;
const GROUPS: Size = Size { parameter: "MaxRecords", token: "NextToken", usual: 50, most: 100 };

pub(super) fn describe(ask: &mut Ask<'_>) -> Answer {
    let names: BTreeSet<&str> = ask.params.list("AutoScalingGroupNames.member").into_iter().collect();
    let filters = ask.params.filters("Filters.member", "Values.member").only(&["tag-value"])?;
    let with_instances = ask.params.flag("IncludeInstances").unwrap_or(true);
    let here = ask.world.groups.values().filter(|group| group.key.place == ask.place);
    let groups: Vec<&Group> = here
        .filter(|group| names.is_empty() || names.contains(group.key.name.as_str()))
        .map(|group| group.seen(ask.stale))
        .filter(|group| filters.pass(&group.tags, |_| None))
        .collect();
    let page = ask.page(groups, GROUPS)?;
    let mut xml = Xml::new();
    xml.list("AutoScalingGroups", "member", page.items, |xml, group| write(ask, xml, group, with_instances));
    xml.maybe("NextToken", page.next);
    Ok(xml)
}

fn write(ask: &Ask<'_>, xml: &mut Xml, group: &Group, with_instances: bool) {
    let name = &group.key.name;
    xml.leaf("AutoScalingGroupName", name).leaf("AutoScalingGroupARN", arn(ask, group));
    match &group.launch_configuration {
        Some(configuration) => {
            xml.leaf("LaunchConfigurationName", configuration);
        }
        None => policy::write(xml, group.own()),
    }
    let settings = &group.settings;
    xml.leaf("MinSize", group.min)
        .leaf("MaxSize", group.max)
        .leaf("DesiredCapacity", group.desired)
        .leaf("DefaultCooldown", settings.cooldown)
        .list("AvailabilityZones", "member", &settings.zones, |xml, zone| {
            xml.value(zone);
        })
        .leaf("HealthCheckType", &settings.health_check)
        .leaf("HealthCheckGracePeriod", group.grace)
        .time("CreatedTime", group.created)
        .text("VPCZoneIdentifier", &settings.subnets)
        .maybe("DefaultInstanceWarmup", group.default_warmup)
        .leaf("NewInstancesProtectedFromScaleIn", settings.protects_new)
        .maybe("Status", group.deleting.then_some("Delete in progress"));
    lives::write_settings(xml, settings);
    states::write_of_group(xml, group);
    xml.list("TargetGroupARNs", "member", &group.target_groups, |xml, arn| {
        xml.value(arn);
    });
    xml.list("SuspendedProcesses", "member", &group.suspended, |xml, process| {
        xml.leaf("ProcessName", process).leaf("SuspensionReason", "User suspended");
    });
    let instances = group.members().filter(|_| with_instances);
    xml.list("Instances", "member", instances, write_instance);
    xml.list("Tags", "member", &group.tags, |xml, (key, value)| write_tag(xml, group, key, value));
}

pub(super) fn arn(ask: &Ask<'_>, group: &Group) -> String {
    let (region, account, name) = (&ask.place.region, &ask.place.account, &group.key.name);
    format!("arn:aws:autoscaling:{region}:{account}:autoScalingGroup:simulated:autoScalingGroupName/{name}")
}

pub(super) fn write_instance(xml: &mut Xml, instance: &Instance) {
    xml.leaf("InstanceId", &instance.id)
        .leaf("InstanceType", &instance.instance_type)
        .leaf("AvailabilityZone", &instance.zone)
        .leaf("LifecycleState", instance.lifecycle())
        .leaf("HealthStatus", if instance.healthy { "Healthy" } else { "Unhealthy" })
        .leaf("ProtectedFromScaleIn", instance.protected);
    match &instance.configuration {
        Some(configuration) => xml.leaf("LaunchConfigurationName", configuration),
        None => xml.node("LaunchTemplate", |xml| {
            xml.leaf("LaunchTemplateId", &instance.template)
                .leaf("LaunchTemplateName", &instance.template_name)
                .leaf("Version", instance.version);
        }),
    };
    // AWS names the image only where it is not the template's.
    xml.maybe("ImageId", (instance.image_from == ImageFrom::Override).then_some(&instance.image))
        .maybe("WeightedCapacity", instance.weight);
}

pub(super) fn update(ask: &mut Ask<'_>) -> Answer {
    let key = ask.group_key()?;
    let configuration = policy::read(ask, ask.params)?;
    let busy = ask
        .world
        .groups
        .get(&key)
        .and_then(Group::active_refresh)
        .is_some_and(|refresh| refresh.desired.is_some());
    if let Some(configuration) = &configuration {
        if busy {
            let message = "An active instance refresh with a desired configuration exists. All configuration options \
                           derived from the desired configuration are not available for update while the instance \
                           refresh is active.";
            return Err(Error::new("ValidationError", message));
        }
        ask.world.check_configuration(&key, configuration)?;
    }
    let sizes = sizes(ask, &key)?;
    let grace = ask.params.number("HealthCheckGracePeriod")?;
    let group = ask.world.groups.get(&key).ok_or_else(|| no_group(key.name.as_str()))?;
    let warmup = lives::read_warmup(ask, group.default_warmup)?;
    let settings = lives::read_settings(ask, &group.settings)?;
    let maintenance = states::read_maintenance(ask, group.maintenance)?;
    let until = ask.world.stale_until();
    ask.world.with_group(&key, |group, _| {
        group.remember(until);
        if let Some(configuration) = configuration {
            group.configure(configuration);
        }
        group.maintenance = maintenance;
        (group.min, group.desired, group.max) = sizes;
        group.default_warmup = warmup;
        group.settings = settings;
        group.grace = grace.unwrap_or(group.grace);
    });
    Ok(Xml::new())
}

/// The sizes that the group will have: least, desired, most.
fn sizes(ask: &Ask<'_>, key: &GroupKey) -> Result<(u32, u32, u32), Error> {
    let group = ask.world.groups.get(key).ok_or_else(|| no_group(key.name.as_str()))?;
    let min = ask.params.number("MinSize")?.unwrap_or(group.min);
    let max = ask.params.number("MaxSize")?.unwrap_or(group.max);
    let desired = ask.params.number("DesiredCapacity")?;
    let wrong = min > max || max > LARGEST || desired.is_some_and(|desired| !(min..=max).contains(&desired));
    if wrong {
        return Err(Error::new(
            "ValidationError",
            "Desired capacity must be between the minimum and maximum size.",
        ));
    }
    // A desired capacity that is not given follows the new bounds.
    Ok((min, desired.unwrap_or(group.desired).clamp(min, max), max))
}

pub(super) fn set_desired(ask: &mut Ask<'_>) -> Answer {
    let key = ask.group_key()?;
    ask.params.require("DesiredCapacity")?;
    let (_, desired, _) = sizes(ask, &key)?;
    ask.world.with_group(&key, |group, _| group.desired = desired);
    Ok(Xml::new())
}

/// The instances that are named; each must be in the group.
pub(super) fn members(ask: &Ask<'_>, key: &GroupKey) -> Result<Vec<InstanceId>, Error> {
    let group = ask.world.groups.get(key).ok_or_else(|| no_group(key.name.as_str()))?;
    let ids: Vec<InstanceId> =
        ask.params.list("InstanceIds.member").into_iter().map(InstanceId::from).collect();
    match ids.iter().find(|id| !group.instances.iter().any(|instance| instance.id == **id)) {
        Some(stranger) => {
            let message = format!("The instance {stranger} is not part of Auto Scaling group {}.", key.name);
            Err(Error::new("ValidationError", message))
        }
        None => Ok(ids),
    }
}

pub(super) fn protect(ask: &mut Ask<'_>) -> Answer {
    let key = ask.group_key()?;
    let ids = members(ask, &key)?;
    ask.params.require("ProtectedFromScaleIn")?;
    let protected = ask.params.flag("ProtectedFromScaleIn").unwrap_or(false);
    ask.world.with_group(&key, |group, _| {
        for instance in group.instances.iter_mut().filter(|instance| ids.contains(&instance.id)) {
            instance.protected = protected;
        }
    });
    Ok(Xml::new())
}
