//! A fleet as a snapshot found it: the same names, ids and version numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::default::{fill, healthy, owner, programs, regional, roles};
use super::{
    AlarmSpec, AlarmState, FleetSpec, GroupSpec, HookResult, HookSpec, ImageSpec, OverrideSpec,
    ParameterSpec, PolicySpec, PoolState, RoleSpec, TemplateSpec, Transition, VersionSpec, WarmPoolSpec,
};
use crate::config::{self, Environment, Family, glob_matches};
use crate::model::{AccountId, Architecture, ImageId, Region, Tracking};
use crate::snapshot::{self, Place};

/// After how many seconds somebody completes a lifecycle hook.
const COMPLETES: u32 = 20;

impl FleetSpec {
    /// The fleet that was found, with applications that answer the configuration's checks.
    pub fn found(fleet: &config::Fleet, found: &snapshot::Fleet) -> Self {
        let mut spec = Self::empty(found.home.clone());
        spec.roles =
            found.roles.iter().map(|(arn, account)| (arn.clone(), RoleSpec::new(account.clone()))).collect();
        // What the configuration says of them is what they are assumed with.
        spec.roles.extend(roles(fleet));
        spec.images = found.images.iter().map(image).collect();
        for place in &found.places {
            spec.templates.extend(place.templates.iter().map(|one| template(place, one)));
            spec.alarms.extend(place.alarms.iter().map(|one| alarm(place, one)));
            spec.parameters.extend(place.parameters.iter().map(|(name, image)| ParameterSpec {
                account: place.account.clone(),
                region: place.region.clone(),
                name: name.clone(),
                image: image.clone(),
            }));
            for one in &place.groups {
                let mut group = group(place, one);
                let here = fleet.environments.iter().find(|environment| is_of(environment, place, &group));
                if let Some(environment) = here {
                    group.apps = healthy::apps(fleet, environment, &group.name);
                    group.programs = programs::of(fleet, environment, &group.name);
                    // What a snapshot knows of an alarm counts; the others are quiet.
                    for name in programs::alarms(fleet, environment, &place.region, &group) {
                        let (account, region) = (group.account.clone(), group.region.clone());
                        let alarm = AlarmSpec { account, region, name, state: AlarmState::Ok };
                        let same = |one: &AlarmSpec| {
                            one.name == alarm.name
                                && one.account == alarm.account
                                && one.region == alarm.region
                        };
                        if !spec.alarms.iter().any(same) {
                            spec.alarms.push(alarm);
                        }
                    }
                    let hosts = healthy::hosts(fleet, environment, &place.region, &group);
                    spec.hosts.extend(hosts.into_iter().map(|host| (host, spec.groups.len())));
                }
                spec.groups.push(group);
            }
        }
        spec
    }

    /// An image for each region and architecture that the family's groups run in, made up:
    /// the same ones each time.
    pub fn made_up_candidate(
        family: &Family,
        found: &snapshot::Fleet,
    ) -> Vec<(Region, ImageId, Architecture)> {
        let is_named = |image: &&snapshot::Image| {
            found
                .places
                .iter()
                .filter(|place| place.region == image.region)
                .any(|place| names(place, &image.id))
        };
        let of_family = found.images.iter().filter(|image| glob_matches(&family.name_glob, &image.name));
        let mut pairs: BTreeSet<(Region, Architecture)> = of_family
            .filter(is_named)
            .map(|image| (image.region.clone(), image.architecture.clone()))
            .collect();
        for place in &found.places {
            if !pairs.iter().any(|(region, _)| *region == place.region) {
                pairs.insert((place.region.clone(), Architecture::X86_64));
            }
        }
        let id =
            |region: &Region, architecture: &Architecture| regional(0xc, &format!("{region} {architecture}"));
        pairs.into_iter().map(|(region, kind)| (region.clone(), id(&region, &kind), kind)).collect()
    }

    /// Adds those of the images that are not there yet: the family's newest, for every account to see.
    pub fn add_candidate(
        &mut self,
        family: &Family,
        images: &[(Region, ImageId, Architecture)],
        found: &snapshot::Fleet,
    ) {
        let owner = owner(family, &self.home);
        let accounts: BTreeSet<&AccountId> = found.places.iter().map(|place| &place.account).collect();
        let shared = accounts.into_iter().chain([&found.home]).filter(|account| **account != owner);
        let shared: Vec<AccountId> = shared.cloned().collect::<BTreeSet<_>>().into_iter().collect();
        let day = found.taken.strftime("%Y%m%d%H%M%S").to_string();
        for (region, id, architecture) in images {
            if self.images.iter().any(|image| image.id == *id && image.region == *region) {
                continue;
            }
            let name = fill(&family.name_glob, &day);
            let mut image = ImageSpec::new(id.clone(), &name, region.clone(), owner.clone());
            image.architecture = architecture.clone();
            image.created = Some(found.taken);
            image.shared_with.clone_from(&shared);
            self.images.push(image);
        }
    }
}

/// Whether a group there is one of the environment's.
fn is_of(environment: &Environment, place: &Place, group: &GroupSpec) -> bool {
    environment.account == place.account
        && environment.regions.contains(&place.region)
        && environment.select.matches(&group.tags)
}

/// Whether a template or a policy there names the image.
fn names(place: &Place, image: &ImageId) -> bool {
    let versions = place.templates.iter().flat_map(|template| &template.versions);
    let mut policies = place.groups.iter().flat_map(|group| &group.mixed_instances_policy);
    versions.filter_map(|version| version.data.get("ImageId")).any(|id| id == image.as_str())
        || policies.any(|(name, id)| name.ends_with(".ImageId") && id == image.as_str())
}

fn image(found: &snapshot::Image) -> ImageSpec {
    let mut image = ImageSpec::new(found.id.clone(), &found.name, found.region.clone(), found.owner.clone());
    image.architecture = found.architecture.clone();
    image.volumes = found.volumes;
    image.description.clone_from(&found.description);
    image.state.clone_from(&found.state);
    image.created = found.created;
    image.deprecated = found.deprecated;
    image.shared_with.clone_from(&found.visible_to);
    image.tags.clone_from(&found.tags);
    image
}

fn template(place: &Place, found: &snapshot::Template) -> TemplateSpec {
    let version = |version: &snapshot::Version| VersionSpec {
        number: Some(version.number),
        description: version.description.clone(),
        data: version.data.clone(),
    };
    TemplateSpec {
        id: Some(found.id.clone()),
        account: place.account.clone(),
        region: place.region.clone(),
        name: found.name.clone(),
        versions: found.versions.iter().map(version).collect(),
        default_version: found.default,
    }
}

fn group(place: &Place, found: &snapshot::Group) -> GroupSpec {
    let (name, tracking) = named_template(found);
    let mut group = GroupSpec::new(
        place.account.clone(),
        place.region.clone(),
        found.name.as_str(),
        &name,
        found.desired,
    );
    group.tracking = tracking;
    group.tags.clone_from(&found.tags);
    group.policy = policy(found);
    group.launch_configuration.clone_from(&found.launch_configuration);
    group.capacity = (found.min, found.desired, found.max);
    group.target_groups.clone_from(&found.target_groups);
    group.suspended.clone_from(&found.suspended);
    group.default_warmup = found.default_warmup;
    group.grace = found.grace;
    group.deleting = found.deleting;
    group.configuration_image.clone_from(&found.launch_configuration_image);
    group.warm_pool = found.warm_pool.as_ref().map(warm_pool);
    group.hooks = found.hooks.iter().map(hook).collect();
    group.maintenance = found.maintenance.as_ref().map(|policy| (policy.min_healthy, policy.max_healthy));
    let count = |which: &dyn Fn(&&snapshot::Instances) -> bool| -> u32 {
        found.instances.iter().filter(which).map(|instances| instances.count).sum()
    };
    group.protected = count(&|instances| instances.protected);
    group.standby = count(&|instances| matches!(instances.state.as_str(), "Standby" | "EnteringStandby"));
    group.launching = count(&|instances| instances.state.starts_with("Pending"));
    group.of_other_versions = of_other_versions(place, found, &group);
    group
}

/// The serving instances of the group's own template that were launched from other versions
/// than it names.
fn of_other_versions(place: &Place, found: &snapshot::Group, group: &GroupSpec) -> Vec<(u64, u32)> {
    let Some(template) = place.templates.iter().find(|one| one.name == group.template) else {
        return Vec::new();
    };
    let named = match group.tracking {
        Tracking::Pinned(number) => Some(number),
        Tracking::Latest => template.versions.last().map(|version| version.number),
        Tracking::Default => Some(template.default),
    };
    let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
    for instances in found.instances.iter().filter(|one| one.state == "InService") {
        let version = instances.version.filter(|_| instances.template.as_ref() == Some(&template.id));
        let other = version.filter(|version| {
            Some(*version) != named && template.versions.iter().any(|known| known.number == *version)
        });
        if let Some(version) = other {
            *counts.entry(version).or_default() += instances.count;
        }
    }
    counts.into_iter().collect()
}

fn warm_pool(found: &snapshot::WarmPool) -> WarmPoolSpec {
    let states = [PoolState::Stopped, PoolState::Running, PoolState::Hibernated];
    let state = states.into_iter().find(|state| state.as_str() == found.state).unwrap_or_default();
    WarmPoolSpec { min: found.min, max_prepared: found.prepared, state }
}

/// Who completes a hook is not known: in a rehearsal somebody does, before it is over.
fn hook(found: &snapshot::Hook) -> HookSpec {
    let launching = found.transition == Transition::Launching.as_str();
    let mut hook =
        HookSpec::new(&found.name, if launching { Transition::Launching } else { Transition::Terminating });
    hook.timeout = found.heartbeat;
    hook.default = HookResult::parse(&found.default_result).unwrap_or_default();
    hook.completes = Some(COMPLETES.min(found.heartbeat / 2));
    hook
}

fn alarm(place: &Place, found: &snapshot::Alarm) -> AlarmSpec {
    AlarmSpec {
        account: place.account.clone(),
        region: place.region.clone(),
        name: found.name.clone(),
        state: AlarmState::parse(&found.state).unwrap_or_default(),
    }
}

/// The name of the template that a group launches from, its own or its policy's, and how it
/// names the version.
fn named_template(found: &snapshot::Group) -> (String, Tracking) {
    match &found.template {
        Some(template) => (template.name.clone(), template.version),
        None => template_in(&below(&found.mixed_instances_policy, "LaunchTemplate."))
            .unwrap_or((String::new(), Tracking::Default)),
    }
}

/// The parts of a policy whose names begin so, by the rest of the name.
fn below(parts: &BTreeMap<String, String>, prefix: &str) -> BTreeMap<String, String> {
    let named = parts.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, value)));
    named.map(|(name, value)| (name.to_owned(), value.clone())).collect()
}

/// The template that a part of a policy names, and how it names the version.
fn template_in(parts: &BTreeMap<String, String>) -> Option<(String, Tracking)> {
    let part = |name: &str| parts.get(&format!("LaunchTemplateSpecification.{name}"));
    let version = part("Version").map_or("", String::as_str);
    Some((part("LaunchTemplateName")?.clone(), Tracking::parse(version)?))
}

fn policy(found: &snapshot::Group) -> Option<PolicySpec> {
    const OVERRIDES: &str = "LaunchTemplate.Overrides.member.";
    let whole = &found.mixed_instances_policy;
    if whole.is_empty() {
        return None;
    }
    let places =
        whole.keys().filter_map(|name| name.strip_prefix(OVERRIDES)?.split('.').next()?.parse().ok());
    let places: BTreeSet<u32> = places.collect();
    let overrides = places.into_iter().map(|at| {
        let parts = below(whole, &format!("{OVERRIDES}{at}."));
        OverrideSpec {
            instance_type: parts.get("InstanceType").cloned(),
            weight: parts.get("WeightedCapacity").and_then(|weight| weight.parse().ok()),
            template: template_in(&parts),
            image: parts.get("ImageId").map(|id| ImageId::new(id.as_str())),
            requirements: below(&parts, "InstanceRequirements."),
        }
    });
    Some(PolicySpec { overrides: overrides.collect(), distribution: below(whole, "InstancesDistribution.") })
}
