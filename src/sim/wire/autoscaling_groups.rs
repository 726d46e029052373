//! Auto Scaling: groups, their tags, instances and activities.

use super::autoscaling::no_group;
use super::ec2::MOST_TAGS;
use super::errors::Error;
use super::paging::Size;
use super::query::Params;
use super::xml::Xml;
use super::{Answer, Ask};
use crate::model::{InstanceId, Tracking};
use crate::sim::world::{Activity, Group, GroupKey, Instance, TemplateRef};

const GROUPS: Size = Size { parameter: "MaxRecords", usual: 50, most: 100 };
const ACTIVITIES: Size = Size { parameter: "MaxRecords", usual: 100, most: 100 };

pub(super) fn describe(ask: &mut Ask<'_>) -> Answer {
    let names = ask.params.list("AutoScalingGroupNames.member");
    let filters = ask.params.filters("Filters.member", "Values.member");
    let with_instances = ask.params.flag("IncludeInstances").unwrap_or(true);
    let here = ask.world.groups.values().filter(|group| group.key.place == ask.place);
    let groups: Vec<&Group> = here
        .filter(|group| names.is_empty() || names.contains(&group.key.name.as_str()))
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
    match (&group.launch_configuration, group.mixed) {
        (Some(configuration), _) => {
            xml.leaf("LaunchConfigurationName", configuration);
        }
        (None, true) => {
            xml.node("MixedInstancesPolicy", |xml| write_policy(xml, &group.template));
        }
        (None, false) => {
            xml.node("LaunchTemplate", |xml| write_template(xml, &group.template));
        }
    }
    let region = &ask.place.region;
    let check = if group.target_groups.is_empty() { "EC2" } else { "ELB" };
    xml.leaf("MinSize", group.min)
        .leaf("MaxSize", group.max)
        .leaf("DesiredCapacity", group.desired)
        .leaf("DefaultCooldown", 300)
        .list("AvailabilityZones", "member", ["a", "b", "c"], |xml, letter| {
            xml.value(format_args!("{region}{letter}"));
        })
        .leaf("HealthCheckType", check)
        .leaf("HealthCheckGracePeriod", group.grace)
        .time("CreatedTime", group.created)
        .leaf("VPCZoneIdentifier", "subnet-0a1,subnet-0b1,subnet-0c1")
        .maybe("DefaultInstanceWarmup", group.default_warmup)
        .leaf("NewInstancesProtectedFromScaleIn", false)
        .maybe("Status", group.deleting.then_some("Delete in progress"));
    xml.list("TargetGroupARNs", "member", &group.target_groups, |xml, arn| {
        xml.value(arn);
    });
    xml.list("SuspendedProcesses", "member", &group.suspended, |xml, process| {
        xml.leaf("ProcessName", process).leaf("SuspensionReason", "User suspended");
    });
    let instances = if with_instances { group.instances.as_slice() } else { &[] };
    xml.list("Instances", "member", instances, write_instance);
    xml.list("Tags", "member", &group.tags, |xml, (key, value)| write_tag(xml, group, key, value));
}

fn arn(ask: &Ask<'_>, group: &Group) -> String {
    let (region, account, name) = (&ask.place.region, &ask.place.account, &group.key.name);
    format!("arn:aws:autoscaling:{region}:{account}:autoScalingGroup:simulated:autoScalingGroupName/{name}")
}

pub(super) fn write_template(xml: &mut Xml, template: &TemplateRef) {
    xml.leaf("LaunchTemplateId", &template.id)
        .leaf("LaunchTemplateName", &template.name)
        .leaf("Version", template.tracking);
}

fn write_policy(xml: &mut Xml, template: &TemplateRef) {
    xml.node("LaunchTemplate", |xml| {
        xml.node("LaunchTemplateSpecification", |xml| write_template(xml, template));
        xml.list("Overrides", "member", ["m5.large", "m6i.large"], |xml, name| {
            xml.leaf("InstanceType", name);
        });
    });
    xml.node("InstancesDistribution", |xml| {
        xml.leaf("OnDemandPercentageAboveBaseCapacity", 100);
    });
}

fn write_instance(xml: &mut Xml, instance: &Instance) {
    xml.leaf("InstanceId", &instance.id)
        .leaf("InstanceType", &instance.instance_type)
        .leaf("AvailabilityZone", &instance.zone)
        .leaf("LifecycleState", instance.life.as_str())
        .leaf("HealthStatus", if instance.healthy { "Healthy" } else { "Unhealthy" })
        .node("LaunchTemplate", |xml| {
            xml.leaf("LaunchTemplateId", &instance.template)
                .leaf("LaunchTemplateName", &instance.template_name)
                .leaf("Version", instance.version);
        })
        .leaf("ProtectedFromScaleIn", instance.protected);
}

fn write_tag(xml: &mut Xml, group: &Group, key: &str, value: &str) {
    xml.leaf("ResourceId", &group.key.name)
        .leaf("ResourceType", "auto-scaling-group")
        .leaf("Key", key)
        .leaf("Value", value)
        .leaf("PropagateAtLaunch", true);
}

/// Reads a launch template specification; `None` when it is not given.
pub(super) fn read_template(ask: &Ask<'_>, params: &Params) -> Result<Option<TemplateRef>, Error> {
    if params.is_empty() {
        return Ok(None);
    }
    let (id, name) = (params.get("LaunchTemplateId"), params.get("LaunchTemplateName"));
    let here = ask.world.templates.iter().filter(|((place, _), _)| *place == ask.place);
    let mut named = here.map(|(_, template)| template);
    let found =
        named.find(|t| id.is_some_and(|id| id == t.id.as_str()) || name.is_some_and(|name| name == t.name));
    let template = found.ok_or_else(|| {
        Error::new("ValidationError", "You must use a valid fully-formed launch template. It does not exist.")
    })?;
    let text = params.get("Version").unwrap_or_default();
    let tracking = Tracking::parse(text)
        .ok_or_else(|| Error::new("ValidationError", format!("not a launch template version: {text}")))?;
    Ok(Some(TemplateRef { id: template.id.clone(), name: template.name.clone(), tracking }))
}

pub(super) fn update(ask: &mut Ask<'_>) -> Answer {
    let key = ask.group_key()?;
    let template = read_template(ask, &ask.params.structure("LaunchTemplate"))?;
    let changes_policy = !ask.params.structure("MixedInstancesPolicy").is_empty();
    if changes_policy {
        return Err(Error::new("ValidationError", "the simulator does not change mixed instances policies"));
    }
    let busy = ask
        .world
        .groups
        .get(&key)
        .and_then(Group::active_refresh)
        .is_some_and(|refresh| refresh.desired.is_some());
    if let Some(template) = &template {
        if busy {
            let message = "An active instance refresh with a desired configuration exists. All configuration options \
                           derived from the desired configuration are not available for update while the instance \
                           refresh is active.";
            return Err(Error::new("ValidationError", message));
        }
        ask.world.check_template(&key, template)?;
    }
    let sizes = sizes(ask, &key)?;
    let (warmup, grace) =
        (ask.params.number("DefaultInstanceWarmup")?, ask.params.number("HealthCheckGracePeriod")?);
    let until = ask.world.stale_until();
    ask.world.with_group(&key, |group, _| {
        group.remember(until);
        group.template = template.unwrap_or_else(|| group.template.clone());
        (group.min, group.desired, group.max) = sizes;
        group.default_warmup = warmup.or(group.default_warmup);
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
    let wrong = min > max || desired.is_some_and(|desired| !(min..=max).contains(&desired));
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

pub(super) fn change_tags(ask: &mut Ask<'_>, set: bool) -> Answer {
    let until = ask.world.stale_until();
    for tag in ask.params.structures("Tags.member") {
        let name = tag.require("ResourceId")?;
        let key = GroupKey { place: ask.place.clone(), name: name.into() };
        let tag_key = tag.require("Key")?.to_owned();
        let value = tag.get("Value").unwrap_or_default().to_owned();
        let tags = ask.world.groups.get(&key).map(|group| &group.tags);
        if set && tags.is_some_and(|tags| tags.len() >= MOST_TAGS && !tags.contains_key(&tag_key)) {
            return Err(Error::new("LimitExceeded", format!("More than {MOST_TAGS} tags for {name}")));
        }
        ask.world
            .with_group(&key, |group, _| {
                group.remember(until);
                if set { group.tags.insert(tag_key, value) } else { group.tags.remove(&tag_key) }
            })
            .ok_or_else(|| no_group(name))?;
    }
    Ok(Xml::new())
}

pub(super) fn describe_tags(ask: &mut Ask<'_>) -> Answer {
    let filters = ask.params.filters("Filters.member", "Values.member");
    let mut found = Vec::new();
    for group in ask.world.groups.values().filter(|group| group.key.place == ask.place) {
        let group = group.seen(ask.stale);
        for (key, value) in &group.tags {
            let passes = filters.pass(&std::collections::BTreeMap::new(), |name| match name {
                "auto-scaling-group" => Some(group.key.name.as_str().into()),
                "key" => Some(key.as_str().into()),
                "value" => Some(value.as_str().into()),
                "propagate-at-launch" => Some("true".into()),
                _ => None,
            });
            if passes {
                found.push((group, key, value));
            }
        }
    }
    let page = ask.page(found, GROUPS)?;
    let mut xml = Xml::new();
    xml.list("Tags", "member", page.items, |xml, (group, key, value)| write_tag(xml, group, key, value));
    xml.maybe("NextToken", page.next);
    Ok(xml)
}

/// The instances that are named; each must be in the group.
fn members(ask: &Ask<'_>, key: &GroupKey) -> Result<Vec<InstanceId>, Error> {
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

pub(super) fn standby(ask: &mut Ask<'_>) -> Answer {
    let key = ask.group_key()?;
    let ids = members(ask, &key)?;
    let shrink = ask.params.flag("ShouldDecrementDesiredCapacity").unwrap_or(false);
    ask.world.with_group(&key, |group, _| group.enter_standby(&ids, shrink));
    let mut xml = Xml::new();
    xml.node("Activities", |_| {});
    Ok(xml)
}

pub(super) fn describe_activities(ask: &mut Ask<'_>) -> Answer {
    let named = ask.params.get("AutoScalingGroupName");
    if named.is_some() {
        ask.group_key()?;
    }
    let here = ask.world.groups.values().filter(|group| group.key.place == ask.place);
    let mut all: Vec<(&Group, &Activity)> = here
        .filter(|group| named.is_none_or(|name| name == group.key.name.as_str()))
        .flat_map(|group| {
            group.seen(ask.stale).activities.iter().rev().map(move |activity| (group, activity))
        })
        .collect();
    // Newest first; a stable sort keeps the order within a second.
    all.sort_by_key(|(_, activity)| std::cmp::Reverse(activity.started));
    let page = ask.page(all, ACTIVITIES)?;
    let mut xml = Xml::new();
    xml.list("Activities", "member", page.items, |xml, (group, activity)| {
        write_activity(ask, xml, group, activity);
    });
    xml.maybe("NextToken", page.next);
    Ok(xml)
}

fn write_activity(ask: &Ask<'_>, xml: &mut Xml, group: &Group, activity: &Activity) {
    let progress = if activity.ended.is_some() { 100 } else { 50 };
    xml.leaf("ActivityId", &activity.id)
        .leaf("AutoScalingGroupName", &group.key.name)
        .leaf("AutoScalingGroupARN", arn(ask, group))
        .leaf("Description", &activity.description)
        .leaf("Cause", &activity.cause)
        .time("StartTime", activity.started);
    if let Some(ended) = activity.ended {
        xml.time("EndTime", ended);
    }
    xml.leaf("StatusCode", activity.status.as_str())
        .text("StatusMessage", &activity.message)
        .leaf("Progress", progress)
        .leaf("Details", &activity.details);
}
