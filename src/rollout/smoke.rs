//! `smoke`: asks the checks of every group of an environment, and changes nothing but a note.
//!
//! A group whose rollout to the candidate is under way must run its image; that its checks
//! passed is noted in its marker, where `gate pass` finds it.

mod list;

pub use list::{ListedGroup, list};

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};

use super::before::Before;
use super::ends::{Ended, told};
use super::events::millis;
use super::patience::patiently;
use super::prepare::set_marker;
use super::proof::{self, Wanted};
use super::{Run, Stop, survey};
use crate::aws::{Account, Error};
use crate::config::{Check, Environment, Fleet, Protected, Strategy};
use crate::event::{CheckResult, Event, GroupRef, PlannedAction, PlannedGroup};
use crate::model::{Build, Candidate, Group, GroupName, Launch, Outcome, Problem, Target, Verdict};
use crate::plan::{Marker, Survey, resumed};
use crate::smoke::Expectation;

/// A candidate of no images: checks are asked of whatever runs.
pub fn no_candidate(fleet: &Fleet) -> Candidate {
    let family = fleet.families.keys().next().cloned().unwrap_or_default();
    Candidate::new(family, Vec::new(), Build::default(), "none".into())
}

/// Asks the checks of the environment's groups; `only` narrows it to one.
pub async fn smoke(run: &Run<'_>, environment: &Environment, only: Option<&GroupName>) -> Verdict {
    told(run, environment, Box::pin(attempt(run, environment, only))).await
}

/// One group that is asked.
struct Asked {
    account: Account,
    group: Group,
    at: GroupRef,
    /// What its rollout, if one of the candidate is under way, is taking it to.
    rollout: Option<Rollout>,
}

/// A rollout that is under way on a group.
struct Rollout {
    marker: Marker,
    target: Target,
    /// The ways in which its instances are launched by it.
    launches: Vec<Launch>,
}

async fn attempt(run: &Run<'_>, environment: &Environment, only: Option<&GroupName>) -> Result<Ended, Stop> {
    let asked = find(run, environment, only).await?;
    let checks = |asked: &Asked| run.fleet.checks_of(environment, &asked.group.name);
    let planned = asked.iter().map(|asked| planned(asked, &checks(asked))).collect();
    run.events.emit(Event::Planned { environment: environment.name.clone(), groups: planned });
    let all = stream::iter(&asked).map(async |asked| ask(run, environment, asked).await);
    let came: Vec<Came> = all.buffered(environment.refresh.groups_at_once).collect().await;
    Ok(judge(environment, &asked, &came))
}

/// The groups of the environment that are to be asked, at least one.
async fn find(
    run: &Run<'_>,
    environment: &Environment,
    only: Option<&GroupName>,
) -> Result<Vec<Asked>, Stop> {
    let mut asked = Vec::new();
    for (region, account) in run.accounts(environment) {
        let survey = survey::look_in_right_account(run, environment, &account).await?;
        let groups = survey.groups.iter().filter(|group| environment.select.matches(&group.tags));
        for group in groups.filter(|group| only.is_none_or(|only| *only == group.name)) {
            let at = GroupRef {
                environment: environment.name.clone(),
                region: region.clone(),
                group: group.name.clone(),
            };
            let rollout = under_way(run, &survey, group);
            asked.push(Asked { account: account.clone(), group: group.clone(), at, rollout });
        }
    }
    if asked.is_empty() {
        return Err(Stop::Refused(vec![nobody(environment, only)]));
    }
    Ok(asked)
}

/// How a group's checks came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Passed,
    /// What failed before its refresh fails still, and nothing else.
    Held,
    Bad,
}

/// What the answers come to. While a rollout is under way it is judged by its own groups: one that
/// is not part of it is told, and no reason to take the others back.
fn judge(environment: &Environment, asked: &[Asked], came: &[Came]) -> Ended {
    let name = &environment.name;
    let under_way = asked.iter().any(|asked| asked.rollout.is_some());
    let count = |counts: bool, wanted: &[Came]| {
        let of_rollout = |asked: &Asked| (!under_way || asked.rollout.is_some()) == counts;
        asked.iter().zip(came).filter(|(asked, came)| of_rollout(asked) && wanted.contains(came)).count()
    };
    let beside = match count(false, &[Came::Held, Came::Bad]) {
        0 => String::new(),
        others => format!("; {others} that are not part of the rollout did not pass"),
    };
    let counted = groups(count(true, &[Came::Passed, Came::Held, Came::Bad]));
    let good = groups(count(true, &[Came::Passed]) + count(false, &[Came::Passed]));
    let (verdict, message, next) = match (count(true, &[Came::Bad]), count(true, &[Came::Held])) {
        (0, 0) => (Verdict::Partial, format!("{good} passed{beside}"), Vec::new()),
        (0, held) => {
            let message = format!("{held} of {counted} did not pass, and did not before the refresh{beside}");
            let again = format!("ami-refresh smoke --env {name}, when the cause is mended");
            let by_hand = format!("or ami-refresh gate pass --env {name} --reason \"…\"");
            (Verdict::Unproved, message, vec![again, by_hand])
        }
        (bad, _) => {
            let back = format!("ami-refresh rollback --env {name}");
            let next = if under_way { vec![back] } else { Vec::new() };
            (Verdict::NeedsPerson, format!("{bad} of {counted} did not pass{beside}"), next)
        }
    };
    Ended { verdict, message, next }
}

/// `1 group`, `2 groups`.
fn groups(count: usize) -> String {
    if count == 1 { "1 group".to_owned() } else { format!("{count} groups") }
}

/// The rollout of the candidate that is under way on the group.
fn under_way(run: &Run<'_>, survey: &Survey, group: &Group) -> Option<Rollout> {
    let marker = Marker::of(&group.tags).ok()??;
    if !run.candidate.contains(&marker.to) || marker.to == marker.from {
        return None;
    }
    // A marker alone says that a rollout was begun, not that the group was moved.
    let change = resumed(group, &marker, survey).filter(|resumed| resumed.under_way)?.change;
    let target = change.known_target()?;
    Some(Rollout { launches: change.launches(&target), marker, target })
}

fn planned(asked: &Asked, checks: &[&Check]) -> PlannedGroup {
    let template = asked.group.template.as_ref();
    PlannedGroup {
        group: asked.at.clone(),
        image: None,
        image_name: String::new(),
        new_image: None,
        template: template
            .map_or_else(String::new, |template| format!("{} ({})", template.name, template.id)),
        version: asked.rollout.as_ref().map(|rollout| rollout.target.version),
        tracking: template.map(|template| template.tracking),
        desired: asked.group.desired,
        action: PlannedAction::Skip,
        why: "only its checks are asked".into(),
        checks: checks.iter().map(|check| check.name.clone()).collect(),
        rollback: None,
        notes: Vec::new(),
        team: None,
        opens: None,
    }
}

/// Asks one group, tells it, and notes on its marker that it passed.
async fn ask(run: &Run<'_>, environment: &Environment, asked: &Asked) -> Came {
    let begun = run.clock.now();
    let checks = run.fleet.checks_of(environment, &asked.group.name);
    let names = checks.iter().map(|check| check.name.clone()).collect();
    run.events.emit(Event::ChecksStarted { group: asked.at.clone(), checks: names });
    let baseline = asked.rollout.as_ref().and_then(|rollout| rollout.marker.baseline.as_ref());
    let before = Before { checks: &checks, baseline };
    let done = |result: &CheckResult| {
        let result = before.seen(result.clone()).0;
        run.events.emit(Event::CheckEnded { group: asked.at.clone(), result });
    };
    let expect = expectation(run, environment, asked);
    let judged = before.judge(run.probes.run(&asked.account, &expect, &checks, done).await);
    let came = match (judged.bad.is_empty(), judged.held.is_empty()) {
        (true, true) => Came::Passed,
        (true, false) => Came::Held,
        (false, _) => Came::Bad,
    };
    let noted = note(run, environment, asked, came == Came::Passed).await;
    let (outcome, came) = match (came, noted) {
        (Came::Passed, Ok(())) => {
            (Outcome::Skipped { why: "its checks passed; nothing was changed".into() }, came)
        }
        (Came::Held, Ok(())) => {
            let why = format!("failed before its refresh too: {}", judged.held.join(", "));
            (Outcome::Skipped { why }, came)
        }
        (Came::Passed | Came::Held, Err(error)) => {
            let why = format!("its checks were asked, which could not be noted on it: {error}");
            let next = format!("ami-refresh smoke --env {}", environment.name);
            (Outcome::NeedsPerson { why, next }, Came::Bad)
        }
        (Came::Bad, _) => {
            let bad = judged.bad.iter().map(|result| format!("{}: {}", result.check, result.message));
            let why = bad.collect::<Vec<_>>().join("; ");
            let next = format!("ami-refresh rollback --env {}", environment.name);
            (Outcome::NeedsPerson { why, next }, Came::Bad)
        }
    };
    run.events.emit(Event::GroupEnded {
        group: asked.at.clone(),
        outcome,
        images: BTreeMap::new(),
        stragglers: Vec::new(),
        took_ms: millis(run.clock.since(begun)),
    });
    came
}

fn expectation(run: &Run<'_>, environment: &Environment, asked: &Asked) -> Expectation {
    let policy = run.fleet.policy(environment, &asked.group.name);
    Expectation {
        group: asked.at.clone(),
        launches: asked.rollout.as_ref().map(|rollout| rollout.launches.clone()),
        any_version: policy.preferences.strategy == Strategy::ReplaceRootVolume,
        in_part: false,
        spares_protected: policy.preferences.protected == Protected::Ignore,
        tags: asked.group.tags.clone(),
        deadline: run.fleet.checks_deadline(environment, &asked.group.name),
    }
}

/// Notes the result where `gate pass` looks for it.
///
/// What passed on old instances is not noted: it says nothing of the image.
async fn note(run: &Run<'_>, environment: &Environment, asked: &Asked, passed: bool) -> Result<(), Error> {
    let Some(Rollout { marker, target, launches }) = &asked.rollout else { return Ok(()) };
    let checked = passed && {
        let policy = run.fleet.policy(environment, &asked.group.name);
        let preferences = &policy.preferences;
        let any_version = preferences.strategy == Strategy::ReplaceRootVolume;
        let wanted =
            Wanted { launches, target, any_version, policy: asked.group.policy.as_ref(), preferences };
        let name = &asked.group.name;
        let proof =
            patiently(run.clock, async || proof::prove_now(&asked.account, name, &wanted).await).await?;
        !proof.proved.is_empty() && proof.stragglers.is_empty()
    };
    if marker.checked == checked {
        return Ok(());
    }
    set_marker(run, &asked.account, &asked.group.name, &Marker { checked, ..marker.clone() }).await
}

/// The environment has no such group, or none at all.
pub(super) fn nobody(environment: &Environment, only: Option<&GroupName>) -> Problem {
    let name = &environment.name;
    match only {
        Some(group) => Problem::new(
            format!("no group {group} in {name}"),
            "it does not exist, or does not carry the environment's tags",
            format!("look with 'ami-refresh plan --env {name}'"),
        ),
        None => Problem::new(
            format!("no group in {name} carries its tags"),
            "the step has nothing to work on",
            "correct 'select' in the configuration, or tag the groups",
        ),
    }
}
