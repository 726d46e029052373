//! What runs in an environment now, for those who only look. Asks AWS, and changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::patience::patiently;
use super::survey::right_account;
use super::{Stop, homes};
use crate::aws::{Account, Cloud, Error};
use crate::clock::Clock;
use crate::config::{Environment, Family, Fleet};
use crate::model::{Group, Image, ImageId, TemplateId, Version};
use crate::plan::Survey;

/// How many templates are asked for their versions at once.
const AT_ONCE: usize = 8;

/// A group, and the images that it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The group.
    pub group: Group,
    /// The image that its template names for the next instance; `None` when it has no template
    /// of its own, or the version is gone.
    pub named: Option<ImageId>,
    /// The images that its in-service instances were launched from.
    pub images: BTreeSet<ImageId>,
    /// How many of those were launched from what is not known: a launch configuration, or a
    /// version that is gone.
    pub unknown: usize,
}

impl Running {
    /// The images that it is on: those of its instances, or what it names when it has none.
    pub fn is_on(&self) -> BTreeSet<ImageId> {
        if self.images.is_empty() && self.unknown == 0 {
            return self.named.iter().cloned().collect();
        }
        self.images.clone()
    }

    /// Whether everything that it runs, and would launch, is one of these images.
    pub fn is_whole_on(&self, wanted: impl Fn(&ImageId) -> bool) -> bool {
        self.unknown == 0 && self.named.as_ref().is_some_and(&wanted) && self.images.iter().all(&wanted)
    }
}

/// What runs in an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sight {
    /// Its groups, ordered by region and name.
    pub groups: Vec<Running>,
    /// The images that they are on, as their account sees them.
    pub images: BTreeMap<ImageId, Image>,
}

/// The groups of the environment, in all of its regions.
///
/// # Errors
/// Credentials, a role or an account that is not the environment's; AWS out of reach.
pub async fn groups(cloud: &Cloud, clock: Clock, environment: &Environment) -> Result<Vec<Group>, Stop> {
    let mut found = Vec::new();
    for region in &environment.regions {
        let account = cloud.assume(environment, region);
        found.extend(groups_in(&account, clock, environment).await?);
    }
    found.sort_by(|a, b| (&a.region, &a.name).cmp(&(&b.region, &b.name)));
    Ok(found)
}

/// The groups of the environment, and the images that they are on.
///
/// # Errors
/// As [`groups`].
pub async fn running(cloud: &Cloud, clock: Clock, environment: &Environment) -> Result<Sight, Stop> {
    let mut sight = Sight::default();
    for region in &environment.regions {
        let account = cloud.assume(environment, region);
        let groups = groups_in(&account, clock, environment).await?;
        let survey = versions(&account, clock, groups).await?;
        let here: Vec<Running> = survey.groups.iter().map(|group| look(group, &survey)).collect();
        let ids: BTreeSet<&ImageId> =
            here.iter().flat_map(|one| one.images.iter().chain(&one.named)).collect();
        // What is looked up in Parameter Store has no id yet.
        let ids = ids.into_iter().filter(|id| id.as_str().starts_with("ami-"));
        let ids: Vec<ImageId> = ids.cloned().collect();
        sight.images.extend(patiently(clock, async || account.images(&ids).await).await?);
        sight.groups.extend(here);
    }
    sight.groups.sort_by(|a, b| (&a.group.region, &a.group.name).cmp(&(&b.group.region, &b.group.name)));
    Ok(sight)
}

/// Every image of the family that the home account sees, in all of the regions; newest first.
///
/// # Errors
/// AWS out of reach, or the home account's credentials.
pub async fn family(cloud: &Cloud, clock: Clock, fleet: &Fleet, family: &Family) -> Result<Vec<Image>, Stop> {
    let mut images = Vec::new();
    for home in homes(cloud, fleet) {
        let named = patiently(clock, async || home.images_named(&family.name_glob, &family.owners).await);
        images.extend(named.await.map_err(Stop::from_home)?);
    }
    images.sort_by(|a, b| (b.created, &b.name, &a.region).cmp(&(a.created, &a.name, &b.region)));
    Ok(images)
}

async fn groups_in(account: &Account, clock: Clock, environment: &Environment) -> Result<Vec<Group>, Stop> {
    right_account(clock, environment, account).await?;
    let groups = patiently(clock, async || account.groups().await).await?;
    Ok(groups.into_iter().filter(|group| environment.select.matches(&group.tags)).collect())
}

/// The versions that the groups and their instances name: the newest and the default ones in
/// one call, and all of a template where those are not enough.
async fn versions(account: &Account, clock: Clock, groups: Vec<Group>) -> Result<Survey, Error> {
    let mut survey = Survey { groups, ..Survey::default() };
    for version in patiently(clock, async || account.floating_versions().await).await? {
        let latest = survey.latest.entry(version.template.clone()).or_default();
        *latest = version.number.max(*latest);
        if version.is_default {
            survey.default.insert(version.template.clone(), version.number);
        }
        survey.versions.insert((version.template.clone(), version.number), version);
    }
    let wanting: Vec<TemplateId> = wanting(&survey).into_iter().collect();
    let all = stream::iter(&wanting)
        .map(async |template| patiently(clock, async || account.versions(template).await).await);
    let all: Vec<Vec<Version>> = all.buffered(AT_ONCE).try_collect().await?;
    for version in all.into_iter().flatten() {
        survey.versions.insert((version.template.clone(), version.number), version);
    }
    Ok(survey)
}

/// The templates of which a version is named that is neither the newest nor the default one.
fn wanting(survey: &Survey) -> BTreeSet<TemplateId> {
    let named = survey.groups.iter().filter_map(|group| named(group, survey));
    let launched =
        survey.groups.iter().flat_map(Group::in_service).filter_map(|one| one.launched_from.clone());
    let all = named.chain(launched).filter(|version| !survey.versions.contains_key(version));
    all.map(|(template, _)| template).collect()
}

fn named(group: &Group, survey: &Survey) -> Option<(TemplateId, u64)> {
    let template = group.template.as_ref()?;
    Some((template.id.clone(), survey.resolve(&template.id, template.tracking)?))
}

fn look(group: &Group, survey: &Survey) -> Running {
    let image = |version: (TemplateId, u64)| survey.versions.get(&version)?.image.clone();
    let of_instances: Vec<Option<ImageId>> =
        group.in_service().map(|member| member.launched_from.clone().and_then(image)).collect();
    Running {
        group: group.clone(),
        named: named(group, survey).and_then(image),
        unknown: of_instances.iter().filter(|image| image.is_none()).count(),
        images: of_instances.into_iter().flatten().collect(),
    }
}
