//! Auto Scaling: groups are made and deleted, and what they are made with.

use std::collections::{BTreeMap, BTreeSet};

use super::autoscaling_groups::LARGEST;
use super::autoscaling_policy as policy;
use super::autoscaling_states as states;
use super::ec2_tags::MOST_TAGS;
use super::errors::Error;
use super::xml::Xml;
use super::{Answer, Ask};
use crate::model::GroupName;
use crate::sim::world::{GroupKey, NewGroup, Settings, zones};

/// What a new group could have, and the simulator has not.
const NOT_HERE: [&str; 6] = [
    "LaunchConfigurationName",
    "InstanceId",
    "LoadBalancerNames",
    "TargetGroupARNs",
    "TrafficSources",
    "LifecycleHookSpecificationList",
];

pub(super) fn create(ask: &mut Ask<'_>) -> Answer {
    let name = ask.params.require("AutoScalingGroupName")?;
    check_name(name)?;
    let key = GroupKey { place: ask.place.clone(), name: name.into() };
    if ask.world.groups.contains_key(&key) {
        let message = format!(
            "AutoScalingGroup by this name already exists - A group with the name {name} already exists"
        );
        return Err(Error::new("AlreadyExists", message));
    }
    if let Some(part) = NOT_HERE.into_iter().find(|part| ask.params.has(part)) {
        return Err(wrong(format!("the simulator makes no groups with {part}")));
    }
    let new = read(ask, key.name)?;
    ask.world.create_group(&ask.place, new)?;
    Ok(Xml::new())
}

fn read(ask: &Ask<'_>, name: GroupName) -> Result<NewGroup, Error> {
    let configuration = policy::read(ask, ask.params)?.ok_or_else(|| {
        wrong("Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.")
    })?;
    let settings = read_settings(ask, &Settings::bare())?;
    if settings.zones.is_empty() {
        return Err(wrong("At least one Availability Zone or VPC Subnet is required."));
    }
    let (tags, own_tags) = read_tags(ask)?;
    Ok(NewGroup {
        name,
        configuration,
        sizes: sizes(ask)?,
        settings,
        tags,
        own_tags,
        warmup: read_warmup(ask, None)?,
        grace: ask.params.number("HealthCheckGracePeriod")?.unwrap_or(0),
        maintenance: states::read_maintenance(ask, None)?,
    })
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new("ValidationError", message)
}

fn check_name(name: &str) -> Result<(), Error> {
    let fits =
        (1..=255).contains(&name.chars().count()) && !name.contains(':') && !name.contains(char::is_control);
    if fits { Ok(()) } else { Err(wrong(format!("Invalid AutoScalingGroupName: {name}"))) }
}

/// Least, desired and most; what is desired is the least unless it is said.
fn sizes(ask: &Ask<'_>) -> Result<(u32, u32, u32), Error> {
    let needed = |name: &str| -> Result<u32, Error> {
        ask.params.require(name)?;
        Ok(ask.params.number(name)?.unwrap_or(0))
    };
    let (min, max) = (needed("MinSize")?, needed("MaxSize")?);
    let desired = ask.params.number("DesiredCapacity")?.unwrap_or(min);
    if min > max || max > LARGEST || !(min..=max).contains(&desired) {
        return Err(wrong("Desired capacity must be between the minimum and maximum size."));
    }
    Ok((min, desired, max))
}

/// The tags of a new group, and the keys of those that its instances do not get.
fn read_tags(ask: &Ask<'_>) -> Result<(BTreeMap<String, String>, BTreeSet<String>), Error> {
    let (mut tags, mut own) = (BTreeMap::new(), BTreeSet::new());
    for tag in ask.params.structures("Tags.member") {
        let key = tag.require("Key")?;
        if key.is_empty() || key.starts_with("aws:") || key.chars().count() > 128 {
            return Err(wrong(format!("Tag keys have 1 to 128 characters and do not begin with aws: {key}")));
        }
        if tags.insert(key.to_owned(), tag.get("Value").unwrap_or_default().to_owned()).is_some() {
            return Err(wrong(format!("Duplicate tag key: {key}")));
        }
        if tag.flag("PropagateAtLaunch") != Some(true) {
            own.insert(key.to_owned());
        }
    }
    if tags.len() > MOST_TAGS {
        return Err(wrong(format!("More than {MOST_TAGS} tags")));
    }
    Ok((tags, own))
}

/// The default instance warmup that a group will have; -1 takes it away.
pub(super) fn read_warmup(ask: &Ask<'_>, present: Option<u32>) -> Result<Option<u32>, Error> {
    match ask.params.get("DefaultInstanceWarmup") {
        None => Ok(present),
        Some("-1") => Ok(None),
        Some(_) => ask.params.number("DefaultInstanceWarmup"),
    }
}

/// The settings that a group will have: what is said, over what it has.
pub(super) fn read_settings(ask: &Ask<'_>, present: &Settings) -> Result<Settings, Error> {
    let params = ask.params;
    let text = |name: &str, present: &String| params.get(name).map_or_else(|| present.clone(), str::to_owned);
    let policies = params.list("TerminationPolicies.member");
    let health_check = text("HealthCheckType", &present.health_check);
    let kinds = ["EC2", "ELB", "EBS", "VPC_LATTICE"];
    if let Some(kind) = health_check.split(',').find(|kind| !kinds.contains(kind)) {
        return Err(wrong(format!("Health check type {kind} is not valid")));
    }
    let longest_life = match params.number("MaxInstanceLifetime")? {
        None => present.longest_life,
        // It is taken away by a zero.
        Some(0) => None,
        Some(seconds) if seconds < 86_400 => {
            return Err(wrong("MaxInstanceLifetime must be 0, or at least 86400 seconds"));
        }
        Some(seconds) => Some(seconds),
    };
    let (subnets, zones) = places(ask, present)?;
    Ok(Settings {
        subnets,
        zones,
        health_check,
        cooldown: params.number("DefaultCooldown")?.unwrap_or(present.cooldown),
        termination_policies: if policies.is_empty() {
            present.termination_policies.clone()
        } else {
            policies.into_iter().map(str::to_owned).collect()
        },
        protects_new: params.flag("NewInstancesProtectedFromScaleIn").unwrap_or(present.protects_new),
        longest_life,
        rebalances: params.flag("CapacityRebalance").or(present.rebalances),
        distribution: text(
            "AvailabilityZoneDistribution.CapacityDistributionStrategy",
            &present.distribution,
        ),
    })
}

/// The subnets and zones that a group will have. There are no subnets here: those that are named
/// are taken to lie in the region's zones in turn.
fn places(ask: &Ask<'_>, present: &Settings) -> Result<(String, Vec<String>), Error> {
    let region = ask.place.region.as_str();
    let named = ask.params.list("AvailabilityZones.member");
    if let Some(stranger) =
        named.iter().find(|zone| !zone.starts_with(region) || zone.len() != region.len() + 1)
    {
        return Err(wrong(format!("Invalid availability zones: [{stranger}]")));
    }
    let named: Vec<String> = named.into_iter().map(str::to_owned).collect();
    match ask.params.get("VPCZoneIdentifier").filter(|text| !text.is_empty()) {
        None if named.is_empty() => Ok((present.subnets.clone(), present.zones.clone())),
        None => Ok((String::new(), named)),
        Some(subnets) => {
            if let Some(bad) = subnets.split(',').find(|id| !id.trim().starts_with("subnet-")) {
                return Err(wrong(format!("The subnet ID '{bad}' does not exist")));
            }
            let zones =
                if named.is_empty() { zones(&ask.place.region, subnets.split(',').count()) } else { named };
            Ok((subnets.to_owned(), zones))
        }
    }
}

/// What a group says of its settings, besides where it is and how it is checked.
pub(super) fn write_settings(xml: &mut Xml, settings: &Settings) {
    xml.maybe("MaxInstanceLifetime", settings.longest_life)
        .maybe("CapacityRebalance", settings.rebalances)
        .list("TerminationPolicies", "member", &settings.termination_policies, |xml, policy| {
            xml.value(policy);
        })
        .node("AvailabilityZoneDistribution", |xml| {
            xml.leaf("CapacityDistributionStrategy", &settings.distribution);
        });
}

pub(super) fn delete(ask: &mut Ask<'_>) -> Answer {
    let key = ask.group_key()?;
    let force = ask.params.flag("ForceDelete").unwrap_or(false);
    let occupied = ask.world.groups.get(&key).is_some_and(|group| !group.instances.is_empty());
    if occupied && !force {
        let message = "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance \
                       request(s) still in the group.";
        return Err(Error::new("ResourceInUse", message));
    }
    ask.world.delete_group(&key);
    Ok(Xml::new())
}
