//! `validate --aws`: whether the configuration holds in AWS. Asks, and changes nothing.

use std::collections::BTreeMap;
use std::fmt::Write;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use serde::{Serialize, Serializer};

use crate::aws::{Account, Cloud};
use crate::clock::Clock;
use crate::commands::schedule::problems_of;
use crate::config::{Environment, Fleet};
use crate::model::{
    AccountId, AlarmState, Candidate, EnvironmentName, Exit, Group, GroupName, ImageId, Problem, Region,
};
use crate::rollout::{self, Running, Stop};
use crate::schedule::{Agenda, Standing, When};

/// How many environments are asked at once.
const AT_ONCE: usize = 8;

/// What is held against AWS, and how that is reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) cloud: &'a Cloud,
    pub(super) clock: Clock,
    /// The candidate, if there is one: every account must see its images.
    pub(super) candidate: Option<&'a Candidate>,
}

/// What was found of one environment.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    environment: EnvironmentName,
    account: AccountId,
    role_arn: Option<String>,
    regions: Vec<InRegion>,
    pub(super) problems: Vec<Problem>,
    /// What is no mistake of the configuration, and would stop a rollout now all the same.
    pub(super) warnings: Vec<Problem>,
    /// What the problems mean for the program's end.
    #[serde(skip)]
    pub(super) exit: Exit,
}

/// What was found of it in one region.
#[derive(Debug, Serialize)]
struct InRegion {
    region: Region,
    groups: usize,
    /// The alarms that refreshes are to be watched by, and their states.
    #[serde(serialize_with = "as_told")]
    alarms: BTreeMap<String, AlarmState>,
    /// The groups whose refreshes each of them watches.
    #[serde(skip)]
    watched: BTreeMap<String, Vec<GroupName>>,
    /// The candidate's images that the account sees.
    images: Vec<ImageId>,
}

/// States by their names in AWS.
fn as_told<S: Serializer>(alarms: &BTreeMap<String, AlarmState>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(alarms.iter().map(|(name, state)| (name, state.to_string())))
}

/// Looks at every environment, in the configuration's order.
pub(super) async fn look(asked: Asked<'_>) -> Vec<Found> {
    let environments = asked.fleet.environments.iter().map(async |one| asked.environment(one).await);
    stream::iter(environments).buffered(AT_ONCE).collect().await
}

impl Asked<'_> {
    async fn environment(&self, environment: &Environment) -> Found {
        let regions = environment.regions.iter().map(async |region| self.region(environment, region).await);
        let mut found = Found {
            environment: environment.name.clone(),
            account: environment.account.clone(),
            role_arn: environment.role_arn.clone(),
            regions: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            exit: Exit::Done,
        };
        for looked in join_all(regions).await {
            let (exit, problems) = match looked {
                Ok((here, problems)) => {
                    found.warnings.extend(here.firing(&environment.name));
                    found.regions.push(here);
                    let exit = if problems.is_empty() { Exit::Done } else { Exit::Usage };
                    (exit, problems)
                }
                Err(stop) => problems_of(&environment.name, stop),
            };
            found.exit = found.exit.max(exit);
            for problem in problems {
                // A role that can't be assumed is one problem, in however many regions.
                if !found.problems.contains(&problem) {
                    found.problems.push(problem);
                }
            }
        }
        found
    }

    async fn region(
        &self,
        environment: &Environment,
        region: &Region,
    ) -> Result<(InRegion, Vec<Problem>), Stop> {
        let here = Environment { regions: vec![region.clone()], ..environment.clone() };
        let sight = rollout::running(self.cloud, self.clock, &here).await?;
        let account = self.cloud.assume(environment, region);
        let mut problems = Vec::new();
        if sight.groups.is_empty() {
            problems.push(selects_nothing(environment, region));
        }
        for running in &sight.groups {
            problems.extend(template_gone(running));
            problems.extend(self.unreadable_tags(environment, &running.group));
        }
        let groups = sight.groups.iter().map(|running| &running.group);
        let watched = self.watched(environment, groups);
        let alarms = alarms(environment, &account, &watched, &mut problems).await?;
        let images = self.images(environment, &account, &mut problems).await?;
        let found = InRegion { region: region.clone(), groups: sight.groups.len(), alarms, watched, images };
        Ok((found, problems))
    }

    fn unreadable_tags(&self, environment: &Environment, group: &Group) -> Vec<Problem> {
        let agenda = Agenda {
            fleet: self.fleet,
            environment,
            when: When::Scheduled,
            now: self.clock.now(),
            ready_since: None,
            override_freeze: true,
        };
        match agenda.judge(group.name.as_str(), &group.tags) {
            Standing::Unreadable(problems) => problems,
            Standing::Due { .. } | Standing::NotDue { .. } | Standing::OptedOut { .. } => Vec::new(),
        }
    }

    /// The alarms that refreshes in the environment are watched by, each with its groups.
    fn watched<'g>(
        &self,
        environment: &Environment,
        groups: impl Iterator<Item = &'g Group>,
    ) -> BTreeMap<String, Vec<GroupName>> {
        let own = environment.refresh.preferences.alarms.iter();
        let mut watched: BTreeMap<String, Vec<GroupName>> =
            own.map(|name| (name.clone(), Vec::new())).collect();
        for group in groups {
            for name in self.fleet.policy(environment, &group.name).preferences.alarms {
                watched.entry(name).or_default().push(group.name.clone());
            }
        }
        watched
    }

    async fn images(
        &self,
        environment: &Environment,
        account: &Account,
        problems: &mut Vec<Problem>,
    ) -> Result<Vec<ImageId>, Stop> {
        let all = self.candidate.map_or(&[][..], |candidate| &candidate.images);
        let wanted = all.iter().filter(|image| image.region == account.region).map(|image| image.id.clone());
        let wanted: Vec<ImageId> = wanted.collect();
        let seen = account.images(&wanted).await?;
        let (seen, unseen): (Vec<ImageId>, Vec<ImageId>) =
            wanted.into_iter().partition(|id| seen.contains_key(id));
        problems.extend(unseen.iter().map(|id| {
            Problem::new(
                format!(
                    "{}: image {id} is not shared with account {}",
                    environment.name, environment.account
                ),
                format!("no group there could launch it in {}", account.region),
                "share the image with the account (ami_users in Packer)",
            )
        }));
        Ok(seen)
    }
}

/// The states of the alarms; those that are not there are problems.
async fn alarms(
    environment: &Environment,
    account: &Account,
    watched: &BTreeMap<String, Vec<GroupName>>,
    problems: &mut Vec<Problem>,
) -> Result<BTreeMap<String, AlarmState>, Stop> {
    if watched.is_empty() {
        return Ok(BTreeMap::new());
    }
    let names: Vec<String> = watched.keys().cloned().collect();
    let states = account.alarm_states(&names).await?;
    let absent = names.iter().filter(|name| !states.contains_key(*name));
    problems.extend(absent.map(|name| {
        Problem::new(
            format!("{}: alarm {name} does not exist in {}", environment.name, account.region),
            "AWS starts no refresh that an alarm is to watch which is not there",
            "make the alarm, or take it out of `alarms` in the configuration",
        )
    }));
    Ok(states)
}

impl InRegion {
    /// Alarms come and go, so one that is not `OK` is no mistake of the configuration.
    fn firing(&self, environment: &EnvironmentName) -> Vec<Problem> {
        let firing = self.alarms.iter().filter(|(_, state)| **state != AlarmState::Ok);
        let told = firing.map(|(name, state)| {
            let groups = self.watched.get(name).map_or(&[][..], Vec::as_slice);
            let whose = match groups {
                [] => "refreshes that it watches".to_owned(),
                [only] => format!("a refresh of {only}, which it watches"),
                [first, rest @ ..] => {
                    format!("refreshes of {first} and {} more groups, which it watches", rest.len())
                }
            };
            Problem::new(
                format!("{environment}: alarm {name} is {state} in {}", self.region),
                format!("AWS would refuse to start {whose}, and a rollout is refused before it begins"),
                "see why it is not OK before the rollout, or take it out of `alarms` in the configuration",
            )
        });
        told.collect()
    }
}

fn selects_nothing(environment: &Environment, region: &Region) -> Problem {
    let tags = environment.select.tags.iter().map(|(key, value)| format!("{key}={value}"));
    Problem::new(
        format!("{}: no group is selected in {region}", environment.name),
        format!("no group there carries {}", tags.collect::<Vec<_>>().join(" and ")),
        "correct `select` or `regions` in the configuration, or tag the groups",
    )
}

fn template_gone(running: &Running) -> Option<Problem> {
    let template = running.group.template.as_ref().filter(|_| running.named.is_none())?;
    Some(Problem::new(
        format!("a template of group {} is gone, or names no image", running.group.name),
        format!("it names {} {} version {}", template.name, template.id, template.tracking),
        "give the group a template version that exists and names an image",
    ))
}

/// What was found, a line for each environment.
pub(super) fn text(found: &[Found]) -> String {
    let width = found.iter().map(|one| one.environment.as_str().len()).max().unwrap_or_default();
    let mut text = String::new();
    for one in found {
        let mut parts: Vec<String> = one.regions.iter().map(in_region).collect();
        for (what, count) in [("problem", one.problems.len()), ("warning", one.warnings.len())] {
            match count {
                0 => {}
                1 => parts.push(format!("1 {what}")),
                count => parts.push(format!("{count} {what}s")),
            }
        }
        // Writing to a string can't fail.
        let _ = writeln!(text, "{:width$}  account {}; {}", one.environment, one.account, parts.join("; "));
    }
    text
}

fn in_region(here: &InRegion) -> String {
    let groups = if here.groups == 1 { "1 group".to_owned() } else { format!("{} groups", here.groups) };
    let alarms = here.alarms.iter().map(|(name, state)| format!(", alarm {name} {state}"));
    let images = here.images.iter().map(|image| format!(", sees {image}"));
    let rest: String = alarms.chain(images).collect();
    format!("{}: {groups}{rest}", here.region)
}
