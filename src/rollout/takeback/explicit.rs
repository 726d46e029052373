//! `rollback`: takes the groups of an environment back, whatever state they are in.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};

use super::super::environment::{Ended, GroupEnd, Side, stopped, tell_end};
use super::super::patience::patiently;
use super::super::prepare::mark;
use super::super::{Run, Stop, record, settle, survey};
use super::drive_back;
use crate::aws::Account;
use crate::config::Environment;
use crate::event::{Event, GroupRef};
use crate::model::{Group, GroupName, Outcome, Problem, Region, Target, Verdict, Version};
use crate::plan::{Change, Decision, GroupPlan, Marker, Survey};

/// Takes every group of the environment that a rollout touched, or that runs the
/// candidate, back to the version that it had; `only` narrows it to one group.
pub async fn rollback(run: &Run<'_>, environment: &Environment, only: Option<&GroupName>) -> Verdict {
    let begun = run.clock.now();
    run.board.begin(&environment.name);
    run.events.emit(Event::EnvironmentStarted { environment: environment.name.clone() });
    let ended = match attempt(run, environment, only).await {
        Ok(ended) => ended,
        Err(stop) => stopped(run, environment, stop),
    };
    tell_end(run, &environment.name, begun, &ended);
    ended.verdict
}

/// One group that is to go back: what it had, and what it was given.
struct Back {
    plan: GroupPlan,
    target: Target,
    /// Whether any instance, or the group itself, may be on the new version.
    moved: bool,
}

async fn attempt(run: &Run<'_>, environment: &Environment, only: Option<&GroupName>) -> Result<Ended, Stop> {
    let accounts = run.accounts(environment).await;
    let mut backs = Vec::new();
    let mut problems = Vec::new();
    for account in accounts.values() {
        let survey = survey::look_in_right_account(run, environment, account).await?;
        for group in survey.groups.iter().filter(|group| environment.select.matches(&group.tags)) {
            if only.is_some_and(|only| *only != group.name) {
                continue;
            }
            match back_of(run, environment, account, &survey, group).await? {
                Ok(back) => backs.extend(back),
                Err(problem) => problems.push(problem),
            }
        }
    }
    if !problems.is_empty() {
        return Err(Stop::Refused(problems));
    }
    let groups = backs.iter().map(|back| back.plan.told(&[])).collect();
    run.events.emit(Event::Planned { environment: environment.name.clone(), groups });
    // Once a group is back, only its marker still says how it named its version.
    for back in &backs {
        if let Some(account) = accounts.get(&back.plan.at.region) {
            mark(run, account, &back.plan).await.map_err(Stop::Aws)?;
        }
    }
    let at_once = environment.refresh.groups_at_once;
    let ends = stream::iter(&backs).map(async |back| go_back(run, &accounts, back).await);
    let mut ends: Vec<GroupEnd<'_>> = ends.buffered(at_once).collect().await;
    settle::tracking(run, &accounts, &mut ends).await;
    Ok(record::conclude_rollback(run, environment, &accounts, &ends).await)
}

async fn go_back<'a>(run: &Run<'_>, accounts: &BTreeMap<Region, Account>, back: &'a Back) -> GroupEnd<'a> {
    let why = "asked for by hand".to_owned();
    let target = Some(back.target.clone());
    let Some(account) = accounts.get(&back.plan.at.region).filter(|_| back.moved) else {
        let outcome = Outcome::RolledBack { why: "it was never refreshed".into() };
        run.events.emit(Event::GroupEnded {
            group: back.plan.at.clone(),
            outcome: outcome.clone(),
            images: BTreeMap::new(),
            stragglers: Vec::new(),
            took_ms: 0,
        });
        return GroupEnd { plan: &back.plan, target, outcome, side: Side::Old };
    };
    let (outcome, side) = drive_back(run, account, &back.plan, &back.target, why).await;
    GroupEnd { plan: &back.plan, target, outcome, side }
}

/// What a group had; `None` when no rollout touched it and it does not run the candidate.
async fn back_of(
    run: &Run<'_>,
    environment: &Environment,
    account: &Account,
    survey: &Survey,
    group: &Group,
) -> Result<Result<Option<Back>, Problem>, Stop> {
    let Some(template) = &group.template else { return Ok(Ok(None)) };
    let marker = match Marker::of(&group.tags) {
        Ok(marker) => marker,
        Err(text) => return Ok(Err(unreadable(group, &text))),
    };
    let resolved = survey.resolve(&template.id, template.tracking);
    let known = resolved.and_then(|number| survey.versions.get(&(template.id.clone(), number)));
    let runs_candidate =
        known.and_then(|v| v.image.as_ref()).is_some_and(|image| run.candidate.contains(image));
    if marker.is_none() && !runs_candidate {
        return Ok(Ok(None));
    }
    let versions = patiently(run.clock, async || account.versions(&template.id).await).await?;
    let Some(change) = change(group, marker.as_ref(), known, &versions) else {
        return Ok(Err(Problem::new(
            format!("nobody recorded what group {} had before", group.name),
            "it has no marker, and its version's description names no source",
            "start an instance refresh to the version you want by hand",
        )));
    };
    // Without the new version nothing can have moved to it.
    let target =
        Target { template: change.template.clone(), version: change.existing.unwrap_or(change.source) };
    let on_source = |member: &crate::model::Member| {
        member.launched_from.as_ref() == Some(&(change.template.clone(), change.source))
    };
    let moved = change.existing.is_some()
        && (resolved != Some(change.source)
            || survey.active.contains_key(&group.name)
            || !group.members.iter().all(on_source));
    let at = GroupRef {
        environment: environment.name.clone(),
        region: group.region.clone(),
        group: group.name.clone(),
    };
    let decision = if change.from == change.to {
        Decision::HoldStill(change, "it was only held still".into())
    } else {
        Decision::Resume(change)
    };
    let plan = GroupPlan {
        group: group.clone(),
        at,
        policy: run.fleet.policy(environment, &group.name),
        version: resolved,
        image: known.and_then(|version| version.image.clone()),
        image_name: String::new(),
        begun: moved,
        decision,
    };
    Ok(Ok(Some(Back { plan, target, moved })))
}

/// The change that is to be undone: from the marker, else from the version's own description.
fn change(
    group: &Group,
    marker: Option<&Marker>,
    present: Option<&Version>,
    versions: &[Version],
) -> Option<Change> {
    let template = group.template.as_ref()?;
    let numbered = |number: u64| versions.iter().find(|version| version.number == number);
    if let Some(marker) = marker {
        let source = numbered(marker.version)?;
        let copies = versions.iter().filter(|version| version.is_copy_with_image(source, &marker.to));
        return Some(Change {
            template: template.id.clone(),
            source: marker.version,
            tracking: marker.tracking,
            from: marker.from.clone(),
            to: marker.to.clone(),
            existing: copies.map(|version| version.number).max(),
        });
    }
    let present = present?;
    let source = numbered(source_named(&present.description)?)?;
    Some(Change {
        template: template.id.clone(),
        source: source.number,
        tracking: template.tracking,
        from: source.image.clone()?,
        to: present.image.clone()?,
        existing: Some(present.number),
    })
}

/// The source that a version's description names: `ami-refresh: from version 6, …`.
fn source_named(description: &str) -> Option<u64> {
    let rest = description.strip_prefix("ami-refresh: from version ")?;
    rest.split(',').next()?.trim().parse().ok()
}

fn unreadable(group: &Group, text: &str) -> Problem {
    Problem::new(
        format!("the rollout tag of group {} can't be read", group.name),
        format!("it says {text:?}"),
        "look what the group runs and how it names its version, then remove the tag",
    )
}

#[cfg(test)]
mod tests {
    use super::source_named;

    #[test]
    fn a_version_of_ours_names_its_source() {
        assert_eq!(source_named("ami-refresh: from version 6, ami-1 -> ami-2, build 8"), Some(6));
        assert_eq!(source_named("version 6"), None);
    }
}
