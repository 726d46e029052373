//! Auto Scaling: warm pools, lifecycle hooks, standby, suspended processes, launch configurations.

use super::autoscaling_groups::{members, write_instance};
use super::errors::Error;
use super::paging::Size;
use super::xml::Xml;
use super::{Answer, Ask};
use crate::model::InstanceId;
use crate::sim::fleet::{HookResult, HookSpec, WarmPoolSpec};
use crate::sim::world::{Group, PROCESSES, longest};

const POOL: Size = Size { parameter: "MaxRecords", token: "NextToken", usual: 50, most: 50 };
const CONFIGURATIONS: Size = Size { parameter: "MaxRecords", token: "NextToken", usual: 50, most: 100 };

/// What a group says of its warm pool and its maintenance policy.
pub(super) fn write_of_group(xml: &mut Xml, group: &Group) {
    if let Some(pool) = &group.warm_pool {
        xml.node("WarmPoolConfiguration", |xml| write_pool(xml, pool))
            .leaf("WarmPoolSize", group.warm_pool_instances().count());
    }
    if let Some((min, max)) = group.maintenance {
        xml.node("InstanceMaintenancePolicy", |xml| {
            xml.leaf("MinHealthyPercentage", min).leaf("MaxHealthyPercentage", max);
        });
    }
}

fn write_pool(xml: &mut Xml, pool: &WarmPoolSpec) {
    xml.maybe("MaxGroupPreparedCapacity", pool.max_prepared)
        .leaf("MinSize", pool.min)
        .leaf("PoolState", pool.state.as_str());
}

/// The maintenance policy that a group will have; both bounds are given, or neither.
pub(super) fn read_maintenance(ask: &Ask<'_>, present: Option<(u8, u8)>) -> Result<Option<(u8, u8)>, Error> {
    let policy = ask.params.structure("InstanceMaintenancePolicy");
    let wrong = || {
        let message = "InstanceMaintenancePolicy needs MinHealthyPercentage (0 to 100) and MaxHealthyPercentage \
                       (100 to 200), at most 100 apart, or -1 for both.";
        Error::new("ValidationError", message)
    };
    match (policy.get("MinHealthyPercentage"), policy.get("MaxHealthyPercentage")) {
        (None, None) => Ok(present),
        (Some("-1"), Some("-1")) => Ok(None),
        (Some(min), Some(max)) => {
            let (min, max) = min.parse().ok().zip(max.parse().ok()).ok_or_else(wrong)?;
            let fits = min <= 100 && (100..=200).contains(&max) && max - min <= 100;
            if fits { Ok(Some((min, max))) } else { Err(wrong()) }
        }
        (Some(_), None) | (None, Some(_)) => Err(wrong()),
    }
}

pub(super) fn describe_warm_pool(ask: &mut Ask<'_>) -> Answer {
    let group = ask.group()?;
    let page = ask.page(group.warm_pool_instances().collect(), POOL)?;
    let mut xml = Xml::new();
    if let Some(pool) = &group.warm_pool {
        xml.node("WarmPoolConfiguration", |xml| write_pool(xml, pool));
    }
    xml.list("Instances", "member", page.items, write_instance);
    xml.maybe("NextToken", page.next);
    Ok(xml)
}

pub(super) fn describe_hooks(ask: &mut Ask<'_>) -> Answer {
    let group = ask.group()?;
    let names = ask.params.list("LifecycleHookNames.member");
    let missing = names.iter().find(|name| !group.hooks.iter().any(|hook| hook.name == **name));
    if let Some(name) = missing {
        return Err(no_hook(name, group));
    }
    let wanted = |hook: &&HookSpec| names.is_empty() || names.contains(&hook.name.as_str());
    let mut xml = Xml::new();
    xml.list("LifecycleHooks", "member", group.hooks.iter().filter(wanted), |xml, hook| {
        xml.leaf("LifecycleHookName", &hook.name)
            .leaf("AutoScalingGroupName", &group.key.name)
            .leaf("LifecycleTransition", hook.transition.as_str())
            .leaf("HeartbeatTimeout", hook.timeout)
            .leaf("GlobalTimeout", longest(hook.timeout))
            .leaf("DefaultResult", hook.default.as_str());
    });
    Ok(xml)
}

fn no_hook(name: &str, group: &Group) -> Error {
    let message =
        format!("No Lifecycle Hook found with name {name} in Auto Scaling group {}", group.key.name);
    Error::new("ValidationError", message)
}

/// Completes a lifecycle action, or records that somebody still works on it.
pub(super) fn answer_hook(ask: &mut Ask<'_>, completes: bool) -> Answer {
    let key = ask.group_key()?;
    let hook = ask.params.require("LifecycleHookName")?;
    let result = if completes {
        let text = ask.params.require("LifecycleActionResult")?;
        let wrong = || Error::new("ValidationError", format!("LifecycleActionResult can't be {text}"));
        Some(HookResult::parse(text).ok_or_else(wrong)?)
    } else {
        None
    };
    let token = ask.params.get("LifecycleActionToken");
    let instance = ask.params.get("InstanceId").map(InstanceId::from);
    if token.is_none() && instance.is_none() {
        return Err(Error::new("ValidationError", "Give LifecycleActionToken or InstanceId."));
    }
    let named = |group: &Group| group.hooks.iter().any(|known| known.name == hook);
    if let Some(group) = ask.world.groups.get(&key).filter(|group| !named(group)) {
        return Err(no_hook(hook, group));
    }
    let found = ask.world.with_group(&key, |group, around| {
        group.answer_hook(hook, token, instance.as_ref(), result, around.now())
    });
    if found == Some(true) {
        return Ok(Xml::new());
    }
    let message = match (token, instance) {
        (Some(token), _) => format!("No active Lifecycle Action found with token {token}"),
        (None, Some(id)) => format!("No active Lifecycle Action found with instance ID {id}"),
        (None, None) => "No active Lifecycle Action found".to_owned(),
    };
    Err(Error::new("ValidationError", message))
}

pub(super) fn enter_standby(ask: &mut Ask<'_>) -> Answer {
    let key = ask.group_key()?;
    let ids = members(ask, &key)?;
    let shrink = ask.params.flag("ShouldDecrementDesiredCapacity").unwrap_or(false);
    ask.world.with_group(&key, |group, _| group.enter_standby(&ids, shrink));
    Ok(no_activities())
}

pub(super) fn exit_standby(ask: &mut Ask<'_>) -> Answer {
    let key = ask.group_key()?;
    let ids = members(ask, &key)?;
    let group = ask.group()?;
    let many = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    if group.desired.saturating_add(many) > group.max {
        let message = format!("AutoScalingGroup {} would have more than its maximum size.", key.name);
        return Err(Error::new("ValidationError", message));
    }
    if group.suspended.iter().any(|process| process == "Launch") {
        let message = format!("AutoScalingGroup {} has the Launch process suspended.", key.name);
        return Err(Error::new("ValidationError", message));
    }
    ask.world.with_group(&key, |group, around| group.exit_standby(&ids, around.now()));
    Ok(no_activities())
}

fn no_activities() -> Xml {
    let mut xml = Xml::new();
    xml.node("Activities", |_| {});
    xml
}

/// The processes that are named; all of them when none is.
fn processes(ask: &Ask<'_>) -> Result<Vec<&'static str>, Error> {
    let named = ask.params.list("ScalingProcesses.member");
    let known = |name: &&str| {
        let wrong = || Error::new("ValidationError", format!("Invalid process type {name}"));
        PROCESSES.into_iter().find(|process| process == name).ok_or_else(wrong)
    };
    if named.is_empty() { Ok(PROCESSES.to_vec()) } else { named.iter().map(known).collect() }
}

pub(super) fn suspend(ask: &mut Ask<'_>) -> Answer {
    let (key, processes) = (ask.group_key()?, processes(ask)?);
    ask.world.with_group(&key, |group, _| group.suspend(&processes));
    Ok(Xml::new())
}

pub(super) fn resume(ask: &mut Ask<'_>) -> Answer {
    let (key, processes) = (ask.group_key()?, processes(ask)?);
    ask.world.with_group(&key, |group, around| group.resume(&processes, around.now()));
    Ok(Xml::new())
}

pub(super) fn describe_configurations(ask: &mut Ask<'_>) -> Answer {
    let names = ask.params.list("LaunchConfigurationNames.member");
    let here = ask.world.groups.values().filter(|group| group.key.place == ask.place);
    let having = here.filter_map(|group| Some((group.launch_configuration.as_deref()?, group)));
    let found: std::collections::BTreeMap<&str, &Group> =
        having.filter(|(name, _)| names.is_empty() || names.contains(name)).collect();
    let page = ask.page(found.into_iter().collect(), CONFIGURATIONS)?;
    let (region, account) = (&ask.place.region, &ask.place.account);
    let mut xml = Xml::new();
    xml.list("LaunchConfigurations", "member", page.items, |xml, (name, group)| {
        let image = group.configuration_image.as_ref().map(ToString::to_string);
        xml.leaf("LaunchConfigurationName", name)
            .leaf(
                "LaunchConfigurationARN",
                format_args!(
                    "arn:aws:autoscaling:{region}:{account}:launchConfiguration:simulated:launchConfigurationName/{name}"
                ),
            )
            .leaf("ImageId", image.unwrap_or_default())
            .leaf("InstanceType", "m5.large")
            .leaf("KeyName", "platform")
            .leaf("UserData", "")
            .node("SecurityGroups", |_| {})
            .node("BlockDeviceMappings", |_| {})
            .leaf("EbsOptimized", false)
            .time("CreatedTime", group.created);
    });
    xml.maybe("NextToken", page.next);
    Ok(xml)
}
