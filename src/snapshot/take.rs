//! Asks AWS for a fleet as it is. Read-only.

mod groups;
mod images;
mod templates;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use groups::group;
use images::images;
use templates::templates;

use super::file::{Alarm, FORMAT, Fleet, Place, Template};
use super::redact::Redaction;
use crate::aws::{Account, Cloud, Error, FoundGroup, FoundHook};
use crate::clock::Clock;
use crate::config::{self, Environment};
use crate::model::{AccountId, ImageId, InstanceId, TemplateId};
use crate::rollout::{Stop, homes, right_account};

/// How many groups are asked for their hooks at once.
const AT_ONCE: usize = 8;
/// How many accounts and regions are looked at at once.
const PLACES_AT_ONCE: usize = 4;
/// After how many groups' hooks a sign of life is given.
const SIGN: usize = 100;

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
