//! Asks AWS for a fleet as it is. Read-only.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::file::{
    Alarm, FORMAT, Fleet, Group, Hook, Image, Instances, Maintenance, Place, Template, TemplateName, Version,
    WarmPool,
};
use super::redact::Redaction;
use crate::aws::{Account, Cloud, Error, FoundGroup, FoundHook, FoundInstance, FoundVersion};
use crate::clock::Clock;
use crate::config::{self, Environment};
use crate::model::{self, AccountId, ImageId, InstanceId, Region, TemplateId, Tracking};
use crate::rollout::{Stop, homes, right_account};

/// How many groups are asked for their hooks at once.
const AT_ONCE: usize = 8;
/// How many accounts and regions are looked at at once.
const PLACES_AT_ONCE: usize = 4;
/// After how many groups' hooks a sign of life is given.
const SIGN: usize = 100;
/// How many images of each family are taken in each region, the newest first.
const NEWEST: usize = 5;

/// What a snapshot is taken of.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The way to AWS.
    pub cloud: &'a Cloud,
    /// The time.
    pub clock: Clock,
    /// The configuration.
    pub fleet: &'a config::Fleet,
    /// The environments.
    pub environments: &'a [&'a Environment],
}

/// An account and region, and who is there.
struct Spot<'a> {
    account: Account,
    id: AccountId,
    environments: Vec<&'a Environment>,
}

/// What was found at one.
struct Found {
    place: Place,
    account: Account,
}

/// Takes the fleet, and tells `progress` how far it is.
///
/// # Errors
/// Credentials, a role or an account that is not the environment's; AWS out of reach.
pub async fn take(asked: &Asked<'_>, progress: &dyn Fn(&str)) -> Result<Fleet, Stop> {
    let spots = spots(asked);
    let found: Vec<Found> = stream::iter(spots)
        .map(|spot| look(asked, spot, progress))
        .buffered(PLACES_AT_ONCE)
        .try_collect()
        .await?;
    let homes = homes(asked.cloud, asked.fleet);
    let home = match homes.first() {
        Some(home) => home.identity().await?.account,
        None => AccountId::new(""),
    };
    let images = images(asked, &homes, &home, &found).await?;
    progress(&format!("{} images", images.len()));
    let with_role =
        asked.environments.iter().filter_map(|one| Some((one.role_arn.clone()?, one.account.clone())));
    let mut fleet = Fleet {
        version: FORMAT,
        // Whole seconds are enough for people.
        taken: asked.clock.now().round(jiff::Unit::Second).unwrap_or_else(|_| asked.clock.now()),
        home,
        roles: with_role.collect(),
        images,
        places: found.into_iter().map(|found| found.place).collect(),
    };
    fleet.places.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
    Redaction::for_configuration(asked.fleet).apply(&mut fleet);
    Ok(fleet)
}

/// Every account and region of the environments, once each.
fn spots<'a>(asked: &Asked<'a>) -> Vec<Spot<'a>> {
    let mut spots: Vec<Spot<'a>> = Vec::new();
    for environment in asked.environments {
        for region in &environment.regions {
            let there =
                |spot: &&mut Spot<'_>| spot.id == environment.account && spot.account.region == *region;
            if let Some(spot) = spots.iter_mut().find(there) {
                spot.environments.push(environment);
                continue;
            }
            let account = asked.cloud.assume(environment, region);
            spots.push(Spot { account, id: environment.account.clone(), environments: vec![environment] });
        }
    }
    spots
}

/// What there is in an account and region.
async fn look(asked: &Asked<'_>, spot: Spot<'_>, progress: &dyn Fn(&str)) -> Result<Found, Stop> {
    for environment in &spot.environments {
        right_account(asked.clock, environment, &spot.account).await?;
    }
    let account = &spot.account;
    let name = format!("{} {}", spot.id, account.region);
    let groups = account.found_groups().await?;
    progress(&format!("{name}: {} groups", groups.len()));
    let hooks = hooks(account, &groups, &name, progress).await?;
    let templates = templates(account, &groups).await?;
    progress(&format!("{name}: {} templates", templates.len()));
    let configurations = configurations(account, &groups).await?;
    let place = Place {
        account: spot.id.clone(),
        region: account.region.clone(),
        environments: spot.environments.iter().map(|environment| environment.name.clone()).collect(),
        parameters: parameters(account, &groups, &templates).await?,
        alarms: alarms(asked.fleet, account, &spot.environments).await?,
        groups: groups
            .into_iter()
            .zip(hooks)
            .map(|(found, hooks)| group(found, hooks, &configurations))
            .collect(),
        templates,
    };
    Ok(Found { place, account: spot.account })
}

async fn hooks(
    account: &Account,
    groups: &[FoundGroup],
    name: &str,
    progress: &dyn Fn(&str),
) -> Result<Vec<Vec<FoundHook>>, Error> {
    let mut asked = stream::iter(groups.iter().map(|group| account.hooks(&group.name))).buffered(AT_ONCE);
    let mut hooks = Vec::with_capacity(groups.len());
    while let Some(found) = asked.try_next().await? {
        hooks.push(found);
        if hooks.len().is_multiple_of(SIGN) {
            progress(&format!("{name}: hooks of {} of {} groups", hooks.len(), groups.len()));
        }
    }
    Ok(hooks)
}

/// The templates that the groups name, with the versions that matter.
async fn templates(account: &Account, groups: &[FoundGroup]) -> Result<Vec<Template>, Error> {
    let mut named: BTreeMap<TemplateId, BTreeSet<u64>> = BTreeMap::new();
    for group in groups {
        for (template, version) in names(group) {
            named.entry(template).or_default().extend(version);
        }
    }
    let mut versions: BTreeMap<TemplateId, BTreeMap<u64, FoundVersion>> = BTreeMap::new();
    for version in account.found_floating_versions().await? {
        if named.contains_key(&version.template) {
            versions.entry(version.template.clone()).or_default().insert(version.number, version);
        }
    }
    let missing: Vec<(&TemplateId, Vec<u64>)> = named
        .iter()
        .map(|(template, numbers)| {
            let known = versions.get(template);
            let lacks = |number: &&u64| known.is_none_or(|known| !known.contains_key(number));
            (template, numbers.iter().filter(lacks).copied().collect::<Vec<_>>())
        })
        .filter(|(_, numbers)| !numbers.is_empty())
        .collect();
    let mut further = stream::iter(missing)
        .map(async |(template, numbers): (&TemplateId, Vec<u64>)| {
            let bounds = (numbers.first().copied().unwrap_or(1), numbers.last().copied().unwrap_or(1));
            let mut found = account.found_versions_between(template, bounds).await?;
            found.retain(|version| numbers.contains(&version.number));
            Ok::<_, Error>(found)
        })
        .buffered(AT_ONCE);
    while let Some(found) = further.try_next().await? {
        for version in found {
            versions.entry(version.template.clone()).or_default().insert(version.number, version);
        }
    }
    Ok(versions.into_values().filter_map(template).collect())
}

/// The templates that a group or one of its instances names, and the numbers.
fn names(group: &FoundGroup) -> Vec<(TemplateId, Option<u64>)> {
    let number = |tracking: Tracking| match tracking {
        Tracking::Pinned(number) => Some(number),
        Tracking::Latest | Tracking::Default => None,
    };
    let own = group.template.iter().map(|template| (template.id.clone(), number(template.tracking)));
    // Every specification in a policy has its template's id, and beside it the version.
    let in_policy = group.policy.iter().filter_map(|(name, id)| {
        let place = name.strip_suffix("LaunchTemplateId")?;
        let version = group.policy.get(&format!("{place}Version")).map_or("", String::as_str);
        Some((TemplateId::new(id), Tracking::parse(version).and_then(number)))
    });
    let launched = group.instances.iter().filter_map(|instance| {
        let (template, version) = instance.launched_from.clone()?;
        Some((template, Some(version)))
    });
    own.chain(in_policy).chain(launched).collect()
}

fn template(versions: BTreeMap<u64, FoundVersion>) -> Option<Template> {
    let any = versions.values().next()?;
    let default = versions.values().find(|version| version.is_default)?.number;
    let (id, name) = (any.template.clone(), any.template_name.clone());
    let versions = versions.into_values().map(|version| Version {
        number: version.number,
        description: version.description,
        created: version.created,
        data: version.data,
    });
    Some(Template { id, name, default, versions: versions.collect() })
}

fn group(found: FoundGroup, hooks: Vec<FoundHook>, configurations: &BTreeMap<String, ImageId>) -> Group {
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

/// The images that the groups' launch configurations name.
async fn configurations(
    account: &Account,
    groups: &[FoundGroup],
) -> Result<BTreeMap<String, ImageId>, Error> {
    let names = groups.iter().filter_map(|group| group.launch_configuration.clone());
    let names: BTreeSet<String> = names.collect();
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    account.configuration_images(&names.into_iter().collect::<Vec<_>>()).await
}

/// The SSM parameters that versions name in place of an image, and the image of an instance
/// that was launched so: what the parameter holds is nobody's business here.
async fn parameters(
    account: &Account,
    groups: &[FoundGroup],
    templates: &[Template],
) -> Result<BTreeMap<String, ImageId>, Error> {
    let named = |template: &TemplateId, number: u64| {
        let template = templates.iter().find(|one| one.id == *template)?;
        let version = template.versions.iter().find(|version| version.number == number)?;
        let name = version.data.get("ImageId")?.strip_prefix("resolve:ssm:")?;
        // A version or a label may follow the name.
        Some(name.split(':').next().unwrap_or(name).to_owned())
    };
    let instances = groups.iter().flat_map(|group| &group.instances);
    let by_name: BTreeMap<String, InstanceId> = instances
        .filter_map(|instance| {
            let (template, number) = instance.launched_from.as_ref()?;
            Some((named(template, *number)?, instance.id.clone()))
        })
        .collect();
    let ids: Vec<InstanceId> = by_name.values().cloned().collect();
    let seen = account.instances(&ids).await?;
    Ok(by_name.into_iter().filter_map(|(name, id)| Some((name, seen.get(&id)?.image.clone()))).collect())
}

/// The alarms that the environments' preferences, or overrides, name.
async fn alarms(
    fleet: &config::Fleet,
    account: &Account,
    environments: &[&Environment],
) -> Result<Vec<Alarm>, Error> {
    let own = environments.iter().flat_map(|environment| &environment.refresh.preferences.alarms);
    let over = fleet.overrides.iter().filter_map(|one| one.refresh.alarms.as_ref()).flatten();
    let names: BTreeSet<String> = own.chain(over).cloned().collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let states = account.alarm_states(&names.into_iter().collect::<Vec<_>>()).await?;
    Ok(states.into_iter().map(|(name, state)| Alarm { name, state: state.to_string() }).collect())
}

/// The images that the templates, policies and launch configurations name, or parameters lead to.
fn named_images(place: &Place) -> BTreeSet<ImageId> {
    let versions = place.templates.iter().flat_map(|template| &template.versions);
    let in_templates = versions.filter_map(|version| version.data.get("ImageId"));
    let in_policies = place.groups.iter().flat_map(|group| &group.mixed_instances_policy);
    let in_policies = in_policies.filter(|(name, _)| name.ends_with(".ImageId")).map(|(_, id)| id);
    let named = in_templates.chain(in_policies).map(|id| ImageId::new(id.as_str()));
    let in_configurations = place.groups.iter().filter_map(|group| group.launch_configuration_image.clone());
    let all = named.chain(in_configurations).chain(place.parameters.values().cloned());
    all.filter(ImageId::is_well_formed).collect()
}

/// What is known of the images, and who sees them.
async fn images(
    asked: &Asked<'_>,
    homes: &[Account],
    home: &AccountId,
    found: &[Found],
) -> Result<Vec<Image>, Error> {
    let mut images: BTreeMap<(Region, ImageId), Image> = BTreeMap::new();
    let regions: BTreeSet<&Region> = found.iter().map(|found| &found.place.region).collect();
    for region in regions {
        let mut wanted: BTreeSet<ImageId> = BTreeSet::new();
        let there: Vec<&Found> = found.iter().filter(|found| found.place.region == *region).collect();
        wanted.extend(there.iter().flat_map(|found| named_images(&found.place)));
        let here = homes.iter().find(|account| account.region == *region);
        if let Some(account) = here {
            for family in asked.fleet.families.values() {
                let newest = account.images_named(&family.name_glob, &family.owners).await?;
                wanted.extend(newest.into_iter().take(NEWEST).map(|image| image.id));
            }
        }
        let wanted: Vec<ImageId> = wanted.into_iter().collect();
        let lookers = there.iter().map(|found| (&found.place.account, &found.account));
        for (looker, account) in lookers.chain(here.map(|account| (home, account))) {
            for (id, image) in account.images(&wanted).await? {
                let known = images.entry((region.clone(), id)).or_insert_with(|| read(&image));
                if image.owner == *looker {
                    known.tags = image.tags;
                } else if !known.visible_to.contains(looker) {
                    known.visible_to.push(looker.clone());
                }
            }
        }
    }
    let mut images: Vec<Image> = images.into_values().collect();
    for image in &mut images {
        image.visible_to.sort();
    }
    Ok(images)
}

fn read(image: &model::Image) -> Image {
    let state = match &image.state {
        model::ImageState::Available => "available",
        model::ImageState::Pending => "pending",
        model::ImageState::Failed(_) => "failed",
        model::ImageState::Other(state) => state,
    };
    Image {
        id: image.id.clone(),
        region: image.region.clone(),
        name: image.name.clone(),
        architecture: image.architecture.clone(),
        owner: image.owner.clone(),
        state: state.to_owned(),
        created: image.created,
        deprecated: image.deprecated_from,
        volumes: image.volumes,
        visible_to: Vec::new(),
        // Another account's tags are nobody's to see but the owner's.
        tags: BTreeMap::new(),
    }
}
