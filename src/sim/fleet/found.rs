//! A fleet as a snapshot found it: the same names, ids and version numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::default::{fill, healthy, owner, regional};
use super::{FleetSpec, GroupSpec, ImageSpec, TemplateSpec, VersionSpec};
use crate::config::{self, Environment, Family, glob_matches};
use crate::model::{AccountId, Architecture, ImageId, Region, Tracking};
use crate::snapshot::{self, Place};

impl FleetSpec {
    /// The fleet that was found, with applications that answer the configuration's checks.
    pub fn found(fleet: &config::Fleet, found: &snapshot::Fleet) -> Self {
        let mut spec = Self::empty(found.home.clone());
        spec.roles.clone_from(&found.roles);
        for environment in &fleet.environments {
            if let Some(role) = &environment.role_arn {
                spec.roles.insert(role.clone(), environment.account.clone());
            }
        }
        spec.images = found.images.iter().map(image).collect();
        for place in &found.places {
            spec.templates.extend(place.templates.iter().map(|one| template(place, one)));
            for one in &place.groups {
                let mut group = group(place, one);
                let here = fleet.environments.iter().find(|environment| is_of(environment, place, &group));
                if let Some(environment) = here {
                    group.apps = healthy::apps(fleet, environment);
                    let hosts = healthy::hosts(fleet, environment, &place.region, &group.name);
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
        let id = |region: &Region, architecture: &Architecture| {
            regional(0x000b_0000_0000_0000, &format!("{region} {architecture}"))
        };
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
    group.mixed = !found.mixed_instances_policy.is_empty();
    group.launch_configuration.clone_from(&found.launch_configuration);
    group.capacity = (found.min, found.desired, found.max);
    group.target_groups.clone_from(&found.target_groups);
    group.suspended.clone_from(&found.suspended);
    group.default_warmup = found.default_warmup;
    group.grace = found.grace;
    group.deleting = found.deleting;
    group.protected =
        found.instances.iter().filter(|instances| instances.protected).map(|instances| instances.count).sum();
    group
}

/// The name of the template that a group launches from, its own or its policy's, and how it
/// names the version.
fn named_template(found: &snapshot::Group) -> (String, Tracking) {
    const IN_POLICY: &str = "LaunchTemplate.LaunchTemplateSpecification";
    if let Some(template) = &found.template {
        return (template.name.clone(), template.version);
    }
    let policy: &BTreeMap<String, String> = &found.mixed_instances_policy;
    let part = |name: &str| policy.get(&format!("{IN_POLICY}.{name}")).map_or("", String::as_str);
    (part("LaunchTemplateName").to_owned(), Tracking::parse(part("Version")).unwrap_or(Tracking::Default))
}
