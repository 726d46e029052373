//! Looks, decides, tells, remembers: an environment after the other.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};

use super::decide::{Facts, Step, decide};
use super::ledger::Ledger;
use super::memory::Memory;
use super::upcoming::{channels, upcoming};
use super::words::{message, what};
use super::{Announced, Asked, Told};
use crate::aws::Cloud;
use crate::clock::Clock;
use crate::config::Environment;
use crate::model::{Group, Problem};
use crate::notify::{Channel, Post, Secrets, Speaker};
use crate::overview::{Need, need};
use crate::rollout::{self, Stop};
use crate::schedule::{Agenda, Standing, When};

/// How many environments are looked at, and how many channels are told, at once.
const AT_ONCE: usize = 8;

/// Announces what comes, corrects what was said and does not hold any more, and remembers
/// what was delivered. An environment that can't be looked at is left as it was told.
///
/// # Errors
/// When the home account can't be asked what was told before, or nothing is there to
/// remember it on: nothing was sent then.
pub async fn run(
    cloud: &Cloud,
    clock: Clock,
    post: &Post,
    secrets: Secrets,
    asked: &Asked<'_>,
) -> Result<Announced, Stop> {
    let mut ledger = Ledger::read(cloud, clock, asked.fleet).await?;
    if !asked.dry_run && !ledger.can_write() {
        return Err(Stop::Refused(vec![nothing_to_remember_on(asked)]));
    }
    let seen = stream::iter(asked.environments)
        .map(async |environment| groups(cloud, clock, asked, environment).await);
    let seen: Vec<_> = seen.buffered(AT_ONCE).collect().await;
    let now = clock.now();
    let speaker = Speaker::new(post.clone(), clock, secrets);
    let mut announced = Announced::default();
    for (environment, groups) in asked.environments.iter().zip(seen) {
        let groups = match groups {
            Ok(groups) => groups,
            Err(stop) => {
                announced.unseen.push((environment.name.clone(), stop));
                continue;
            }
        };
        announced.unreadable.extend(unreadable(asked, environment, &groups, now));
        let mut memory = ledger.of(&environment.name).without_past(now);
        let steps = steps(asked, environment, &groups, &memory, now);
        let told = tell(&speaker, asked, environment, &steps).await;
        for (step, _) in steps.iter().zip(&told).filter(|(_, told)| told.problem.is_none()) {
            step.delivered(&mut memory);
        }
        if !asked.dry_run && told.iter().any(|told| told.problem.is_none()) {
            memory.stamp = memory.stamp.saturating_add(1);
            if let Err(error) = ledger.write(cloud, &environment.name, &memory).await {
                announced.forgotten.push(forgotten(environment, &error.to_string()));
            }
        }
        announced.messages.extend(told);
    }
    Ok(announced)
}

/// The groups of the environment that may still get an image.
async fn groups(
    cloud: &Cloud,
    clock: Clock,
    asked: &Asked<'_>,
    environment: &Environment,
) -> Result<Vec<Group>, Stop> {
    let Some(candidate) = asked.candidate else {
        return rollout::groups(cloud, clock, environment).await;
    };
    let sight = rollout::running(cloud, clock, environment).await?;
    let glob = asked.fleet.families.get(&candidate.family).map_or("", |family| family.name_glob.as_str());
    let needing = sight.groups.iter().filter(|one| match need(one, candidate, glob, &sight) {
        Need::Unknown | Need::Needs => true,
        Need::Done | Need::OtherFamily => false,
    });
    Ok(needing.map(|one| one.group.clone()).collect())
}

/// The groups whose tags can't be read: nothing is announced of them, and somebody must know.
fn unreadable(
    asked: &Asked<'_>,
    environment: &Environment,
    groups: &[Group],
    now: Timestamp,
) -> Vec<Problem> {
    let agenda = agenda(asked, environment, now);
    let problems = groups.iter().map(|group| match agenda.judge(group.name.as_str(), &group.tags) {
        Standing::Unreadable(problems) => problems,
        Standing::Due { .. } | Standing::NotDue { .. } | Standing::OptedOut { .. } => Vec::new(),
    });
    problems.flatten().collect()
}

fn agenda<'a>(asked: &Asked<'a>, environment: &'a Environment, now: Timestamp) -> Agenda<'a> {
    Agenda {
        fleet: asked.fleet,
        environment,
        when: When::Scheduled,
        now,
        // What is caught up is caught up at any time: no window comes of it.
        ready_since: None,
        override_freeze: false,
    }
}

fn steps(
    asked: &Asked<'_>,
    environment: &Environment,
    groups: &[Group],
    memory: &Memory,
    now: Timestamp,
) -> Vec<Step> {
    let ahead = SignedDuration::from_hours(i64::from(asked.days) * 24);
    let horizon = now.checked_add(ahead).unwrap_or(Timestamp::MAX);
    let last = memory.entries.iter().map(|entry| entry.opens.moment()).max();
    let agenda = agenda(asked, environment, now);
    let groups: Vec<&Group> = groups.iter().collect();
    let upcoming = upcoming(&agenda, &groups, last.map_or(horizon, |last| last.max(horizon)));
    decide(&Facts { environment: &environment.name, upcoming: &upcoming, now, horizon }, memory)
}

/// Sends the messages, several channels at once, each channel's in order.
async fn tell(speaker: &Speaker, asked: &Asked<'_>, environment: &Environment, steps: &[Step]) -> Vec<Told> {
    let channels = channels(&asked.fleet.notify);
    let mut by_channel: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
    for step in steps {
        by_channel.entry(&step.to).or_default().push(step);
    }
    let told = stream::iter(by_channel.into_values()).map(async |steps| {
        let mut told = Vec::new();
        for step in steps {
            told.push(one(speaker, asked, environment, channels.get(&step.to), step).await);
        }
        told
    });
    // In the order of the steps, which come channel by channel, by name.
    told.buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter().flatten().collect()
}

async fn one(
    speaker: &Speaker,
    asked: &Asked<'_>,
    environment: &Environment,
    channel: Option<&Channel>,
    step: &Step,
) -> Told {
    let message = message(asked, environment, &step.notice);
    let problem = match channel {
        Some(channel) if !asked.dry_run => {
            speaker.announce(channel, &what(environment, &step.notice), &message).await.err()
        }
        Some(_) | None => None,
    };
    Told {
        environment: environment.name.clone(),
        to: step.to.clone(),
        notice: step.notice.clone(),
        text: message.reading(),
        problem,
    }
}

fn nothing_to_remember_on(asked: &Asked<'_>) -> Problem {
    let globs: Vec<&str> = asked.fleet.families.values().map(|family| family.name_glob.as_str()).collect();
    Problem::new(
        "there is no image to remember on what was announced",
        format!(
            "that is kept in the tags of the newest available image, and none is named {}",
            globs.join(" or ")
        ),
        "build an image, or correct the families in the configuration; --dry-run shows what would be sent",
    )
}

fn forgotten(environment: &Environment, why: &str) -> Problem {
    Problem::new(
        format!("what was announced of {} could not be remembered", environment.name),
        why,
        "let the home role set tags on the family's images (ec2:CreateTags); until then each run announces it again",
    )
}
