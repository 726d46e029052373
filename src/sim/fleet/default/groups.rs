//! The groups of one environment, each with a template of its own.

use std::collections::BTreeMap;

use super::{healthy, programs};
use crate::config::{self, Environment};
use crate::model::{AccountId, ImageId, Region, Tracking};
use crate::sim::fleet::{AlarmSpec, AlarmState, FleetSpec, GroupSpec, TemplateSpec, VersionSpec};

/// The services: name, usual capacity, instance type, boot time, whether behind a balancer.
const SERVICES: [(&str, u32, &str, u32, bool); 5] = [
    ("payments", 6, "m6i.large", 60, true),
    ("orders", 5, "m5.large", 75, true),
    ("search", 8, "r6i.xlarge", 90, false),
    ("catalog", 4, "t3.large", 50, false),
    ("payments-batch", 2, "c5.xlarge", 120, false),
];

/// Adds an environment's groups, in each of its regions.
pub(super) fn add(spec: &mut FleetSpec, fleet: &config::Fleet, environment: &Environment, at: usize) {
    let home = spec.home.clone();
    let account = if environment.role_arn.is_some() { &environment.account } else { &home };
    for region in &environment.regions {
        for (index, service) in SERVICES.iter().enumerate() {
            let name = format!("{}-{}", service.0, environment.name);
            let version = at + index;
            spec.templates.push(template(account, region, &name, service.2, version));
            let mut group = group(account, region, environment, &name, (at, index));
            group.tags.extend(window_tags(fleet, environment, service.0, at));
            group.apps = healthy::apps(fleet, environment, &group.name);
            group.programs = programs::of(fleet, environment, &group.name);
            let hosts = healthy::hosts(fleet, environment, region, &group);
            spec.hosts.extend(hosts.into_iter().map(|host| (host, spec.groups.len())));
            add_alarms(spec, fleet.policy(environment, &group.name).preferences.alarms, &group);
            add_alarms(spec, programs::alarms(fleet, environment, region, &group), &group);
            spec.groups.push(group);
        }
    }
}

/// Adds the alarms that a group's refreshes are to watch, or its checks ask: they are quiet.
fn add_alarms(spec: &mut FleetSpec, names: Vec<String>, group: &GroupSpec) {
    for name in names {
        let (account, region) = (group.account.clone(), group.region.clone());
        let alarm = AlarmSpec { account, region, name, state: AlarmState::Ok };
        if !spec.alarms.contains(&alarm) {
            spec.alarms.push(alarm);
        }
    }
}

fn group(
    account: &AccountId,
    region: &Region,
    environment: &Environment,
    name: &str,
    (at, index): (usize, usize),
) -> GroupSpec {
    let (service, usual, _, boot, balanced) = SERVICES[index];
    // The sizes differ a little from environment to environment; one batch group is empty.
    let desired = match (service, at) {
        ("payments-batch", 4) => 0,
        ("payments-batch", _) => usual,
        _ => (usual + u32::try_from(at % 3).unwrap_or(0)).min(8),
    };
    let mut group = GroupSpec::new(account.clone(), region.clone(), name, name, desired);
    group.capacity = (desired.min(1), desired, desired.max(2) * 2);
    group.boot = boot;
    // One in five floats either way, and not the same ones everywhere.
    group.tracking = match (at * 2 + index) % 5 {
        1 => Tracking::Latest,
        3 => Tracking::Default,
        _ => Tracking::Pinned(current(versions(at + index))),
    };
    group.default_warmup = (index % 2 == 0).then_some(60);
    if balanced {
        group.target_groups = vec![name.to_owned()];
    }
    group.tags = tags(environment, service, name);
    group
}

/// The environment's selector, a name and a team.
fn tags(environment: &Environment, service: &str, name: &str) -> BTreeMap<String, String> {
    let select = environment.select.tags.iter();
    let mut tags: BTreeMap<String, String> =
        select.map(|(key, glob)| (key.clone(), super::fill(glob, environment.name.as_str()))).collect();
    tags.entry("Name".to_owned()).or_insert_with(|| name.to_owned());
    let team = service.split('-').next().unwrap_or(service);
    tags.entry("Team".to_owned()).or_insert_with(|| team.to_owned());
    tags
}

/// The window's day and time as a platform puts them on every group, where the environment
/// has any; and one team that asks for a later hour.
fn window_tags(
    fleet: &config::Fleet,
    environment: &Environment,
    service: &str,
    at: usize,
) -> BTreeMap<String, String> {
    let (keys, schedule) = (&fleet.window_tags, &environment.schedule);
    let time = |time: &jiff::civil::Time| time.strftime("%H:%M").to_string();
    let mut tags = BTreeMap::new();
    if let (Some(key), Some(days)) = (keys.platform_day.first(), &schedule.days) {
        tags.insert(key.clone(), days.to_string());
    }
    if let (Some(key), Some(own)) = (keys.platform_time.first(), &schedule.time) {
        tags.insert(key.clone(), time(own));
    }
    if let (Some(key), Some(own), ("orders", 3)) = (keys.team_time.first(), &schedule.time, (service, at))
        && own.hour() < 22
    {
        let later = own.saturating_add(jiff::SignedDuration::from_hours(2));
        tags.insert(key.clone(), time(&later));
    }
    tags
}

/// How many versions a template has: from one to three.
fn versions(turn: usize) -> u64 {
    (turn % 3) as u64 + 1
}

/// The version in use: not always the newest, as in real accounts, where somebody prepared a change.
fn current(newest: u64) -> u64 {
    if newest == 3 { 2 } else { newest }
}

fn template(account: &AccountId, region: &Region, name: &str, kind: &str, turn: usize) -> TemplateSpec {
    let image = FleetSpec::previous_image(region);
    let newest = versions(turn);
    let describe = |number: u64| VersionSpec {
        number: None,
        description: if number == 1 { String::new() } else { format!("terraform apply {number}") },
        data: data(name, kind, &image, number),
    };
    TemplateSpec {
        id: None,
        account: account.clone(),
        region: region.clone(),
        name: name.to_owned(),
        versions: (1..=newest).map(describe).collect(),
        default_version: current(newest),
    }
}

/// What a template of a real service holds.
fn data(name: &str, kind: &str, image: &ImageId, number: u64) -> BTreeMap<String, String> {
    let size = (20 + number * 10).to_string();
    [
        ("ImageId", image.as_str()),
        ("InstanceType", kind),
        ("KeyName", "platform"),
        ("EbsOptimized", "true"),
        ("UserData", "IyEvYmluL3NoCmV4ZWMgL29wdC9zdGFydAo="),
        ("IamInstanceProfile.Name", name),
        ("Monitoring.Enabled", "true"),
        ("SecurityGroupId.1", "sg-0a1b2c3d4e5f60718"),
        ("SecurityGroupId.2", "sg-0b1c2d3e4f5061728"),
        ("BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
        ("BlockDeviceMapping.1.Ebs.VolumeSize", &size),
        ("BlockDeviceMapping.1.Ebs.VolumeType", "gp3"),
        ("BlockDeviceMapping.1.Ebs.Encrypted", "true"),
        ("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true"),
        ("MetadataOptions.HttpTokens", "required"),
        ("MetadataOptions.HttpPutResponseHopLimit", "2"),
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "Name"),
        ("TagSpecification.1.Tag.1.Value", name),
        ("TagSpecification.2.ResourceType", "volume"),
        ("TagSpecification.2.Tag.1.Key", "Name"),
        ("TagSpecification.2.Tag.1.Value", name),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}
