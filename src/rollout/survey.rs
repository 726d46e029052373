//! Asks AWS what an environment looks like, in few calls, and plans it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::patience::patiently;
use super::{Run, Stop};
use crate::aws::{Account, Error, Kind};
use crate::clock::Clock;
use crate::config::Environment;
use crate::model::{EnvironmentName, Group, Image, ImageId, InstanceId, Member, Problem, Region, TemplateId};
use crate::plan::{self, Change, MARKER_TAG, Plan, Survey, Timing};

/// How many groups are asked for their refreshes at once.
const AT_ONCE: usize = 8;

/// Surveys every region of the environment and plans it. Changes nothing.
///
/// Without a timing, windows and freezes do not matter.
///
/// # Errors
/// Credentials, a role or an account that is not the environment's; AWS out of reach.
pub async fn plan(
    run: &Run<'_>,
    environment: &Environment,
    accounts: &BTreeMap<Region, Account>,
    timing: Option<Timing>,
) -> Result<Plan, Stop> {
    let family = run.family()?;
    let looked = accounts.iter().map(async |(region, account)| {
        let survey = look_in_right_account(run, environment, account).await;
        Ok::<_, Stop>((region.clone(), survey?))
    });
    // All regions at once; the problem of the first of them is told, whichever answers first.
    let surveys = join_all(looked).await.into_iter().collect::<Result<BTreeMap<_, _>, _>>()?;
    let plan = plan::make(run.fleet, environment, family, run.candidate, &surveys, timing);
    run.describe(surveys.values().flat_map(|survey| named_by(&plan, survey)));
    Ok(plan)
}

/// The images that the planned groups are on, and those that they get, as they were surveyed.
fn named_by<'a>(plan: &Plan, survey: &'a Survey) -> impl Iterator<Item = &'a Image> {
    let ids: BTreeSet<ImageId> = plan
        .groups
        .iter()
        .flat_map(|group| {
            let changes = group.touched().map(Change::images).unwrap_or_default();
            group.image.clone().into_iter().chain(changes.into_iter().flat_map(|(from, to)| [from, to]))
        })
        .collect();
    survey.images.values().filter(move |image| ids.contains(&image.id))
}

/// What AWS says of one region, once it is certain that it is the environment's account.
pub(super) async fn look_in_right_account(
    run: &Run<'_>,
    environment: &Environment,
    account: &Account,
) -> Result<Survey, Stop> {
    right_account(run.clock, environment, account).await?;
    Ok(look(run, environment, account).await?)
}

/// Refuses credentials that lead to another account than the environment's.
pub(crate) async fn right_account(
    clock: Clock,
    environment: &Environment,
    account: &Account,
) -> Result<(), Stop> {
    let identity = patiently(clock, async || account.identity().await).await;
    let identity = identity.map_err(|error| no_access(environment, error))?;
    if identity.account == environment.account {
        return Ok(());
    }
    Err(Stop::SetUp(Problem::new(
        format!("the credentials for {} lead to account {}", environment.name, identity.account),
        format!("the configuration says that {} is account {}", environment.name, environment.account),
        "correct 'account' or 'role_arn' in the configuration, or the credentials",
    )))
}

fn no_access(environment: &Environment, error: Error) -> Stop {
    let role = environment.role_arn.as_deref();
    match error.kind {
        Kind::NoAnswer => Stop::Aws(error),
        Kind::Answered | Kind::Credentials => Stop::SetUp(Problem::new(
            match role {
                Some(role) => format!("failed to use role {role} of {}", environment.name),
                None => format!("failed to use the home credentials for {}", environment.name),
            },
            error.to_string(),
            match role {
                Some(_) if environment.external_id.is_some() => {
                    "look whether the home credentials are valid, the role exists, trusts them, and asks for \
                     this 'external_id'"
                }
                Some(_) => {
                    "look whether the home credentials are valid, the role exists and trusts them; if it asks \
                     for an external id, add 'external_id' to the environment"
                }
                None => "give valid AWS credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret)",
            },
        )),
    }
}

/// What AWS says of one region of an environment.
///
/// # Errors
/// AWS out of reach, or an answer that it does not take back.
async fn look(run: &Run<'_>, environment: &Environment, account: &Account) -> Result<Survey, Error> {
    let clock = run.clock;
    let mut survey =
        Survey { groups: patiently(clock, async || account.groups().await).await?, ..Survey::default() };
    for version in patiently(clock, async || account.floating_versions().await).await? {
        let latest = survey.latest.entry(version.template.clone()).or_default();
        *latest = version.number.max(*latest);
        if version.is_default {
            survey.default.insert(version.template.clone(), version.number);
        }
        survey.versions.insert((version.template.clone(), version.number), version);
    }
    let selected: Vec<Group> =
        survey.groups.iter().filter(|group| environment.select.matches(&group.tags)).cloned().collect();
    for template in wanting_all_versions(run, &selected, &survey) {
        for version in patiently(clock, async || account.versions(&template).await).await? {
            survey.versions.insert((template.clone(), version.number), version);
        }
    }
    survey.runs = images_run(run, &selected, account).await?;
    let images = images_named(run, &selected, &survey, &account.region);
    survey.images = patiently(clock, async || account.images(&images).await).await?;
    let recent = stream::iter(&selected).map(async |group| {
        let refreshes = patiently(clock, async || account.refreshes(&group.name, 5).await).await?;
        Ok::<_, Error>((group.name.clone(), refreshes))
    });
    survey.recent = recent.buffered(AT_ONCE).try_collect().await?;
    let active = survey.recent.iter().filter_map(|(name, refreshes)| {
        let active = refreshes.iter().find(|refresh| refresh.status.is_active())?;
        Some((name.clone(), active.clone()))
    });
    survey.active = active.collect();
    let watched =
        selected.iter().flat_map(|group| run.fleet.policy(environment, &group.name).preferences.alarms);
    let watched: BTreeSet<String> = watched.collect();
    if !watched.is_empty() {
        let names: Vec<String> = watched.into_iter().collect();
        survey.alarms = patiently(clock, async || account.alarm_states(&names).await).await?;
    }
    Ok(survey)
}

/// The templates of which the newest and the default version are not enough: of groups that
/// are pinned to another one, have a rollout under way, or run instances of other versions
/// though they name the candidate already.
fn wanting_all_versions(run: &Run<'_>, selected: &[Group], survey: &Survey) -> BTreeSet<TemplateId> {
    let mut wanting = BTreeSet::new();
    for group in selected {
        let unknown = |member: &Member| {
            member.launched_from.as_ref().is_none_or(|from| !survey.versions.contains_key(from))
        };
        let strangers = group.in_service().any(unknown);
        for template in group.templates() {
            let resolved = survey.resolve(&template.id, template.tracking);
            let version = resolved.and_then(|number| survey.versions.get(&(template.id.clone(), number)));
            let there = version.and_then(|version| version.image.as_ref());
            let there = there.is_some_and(|image| run.candidate.contains(image));
            let wants = version.is_none() || group.tags.contains_key(MARKER_TAG) || (there && strangers);
            if wants {
                wanting.insert(template.id.clone());
            }
        }
    }
    wanting
}

/// The images that the instances of those groups run whose overrides name the candidate's already: no
/// version tells whether they do.
async fn images_run(
    run: &Run<'_>,
    selected: &[Group],
    account: &Account,
) -> Result<BTreeMap<InstanceId, ImageId>, Error> {
    let named = |group: &&Group| {
        let mut overrides = group.policy.iter().flat_map(|policy| &policy.overrides);
        overrides.any(|one| one.image.as_ref().is_some_and(|image| run.candidate.contains(image)))
    };
    let members = selected.iter().filter(named).flat_map(|group| &group.members);
    let ids: Vec<InstanceId> = members.map(|member| member.id.clone()).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let seen = patiently(run.clock, async || account.instances(&ids).await).await?;
    Ok(seen.into_iter().map(|(id, instance)| (id, instance.image)).collect())
}

fn images_named(run: &Run<'_>, selected: &[Group], survey: &Survey, region: &Region) -> Vec<ImageId> {
    let templates: BTreeSet<&TemplateId> =
        selected.iter().flat_map(Group::templates).map(|template| &template.id).collect();
    let named = survey.versions.values().filter(|version| templates.contains(&version.template));
    let named = named.filter_map(|version| version.image.clone());
    let overrides =
        selected.iter().filter_map(|group| group.policy.as_ref()).flat_map(|policy| &policy.overrides);
    let candidate = run.candidate.images.iter().filter(|image| image.region == *region);
    let all = named
        .chain(survey.runs.values().cloned())
        .chain(overrides.filter_map(|one| one.image.clone()))
        .chain(candidate.map(|image| image.id.clone()));
    // What is looked up in Parameter Store is no id.
    let all: BTreeSet<ImageId> = all.filter(|id| !id.as_str().starts_with("resolve:")).collect();
    all.into_iter().collect()
}

/// The name that a problem calls a set of groups by.
pub(super) fn subject(environment: &EnvironmentName) -> String {
    format!("environment {environment}")
}
