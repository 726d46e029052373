//! What a group goes back to, when a rollback was asked for: its marker says it, or what remembers
//! it when that is gone.

use std::collections::BTreeSet;

use super::super::patience::patiently;
use super::super::{Run, Stop};
use super::finished::{self, Recorded};
use super::lost;
use crate::aws::Account;
use crate::config::Environment;
use crate::event::{PlannedAction, PlannedGroup};
use crate::model::{Candidate, Group, GroupTemplate, ImageId, Problem, Refresh, Target};
use crate::plan::{Decision, GroupPlan, Marker, Survey, resumed};

/// One group that is to go back: what it had, and what it was given.
pub(super) struct Back {
    pub(super) plan: GroupPlan,
    pub(super) target: Target,
    /// Whether any instance, or the group itself, may be on the new version.
    pub(super) moved: bool,
}

impl Back {
    /// Whether any of it may be on an image of this build.
    pub(super) fn moved_to(&self, build: &Candidate) -> bool {
        self.moved && self.plan.change().is_some_and(|change| build.contains(&change.to))
    }

    /// What is to happen: the change, the other way round.
    pub(super) fn told(&self, run: &Run<'_>) -> PlannedGroup {
        let told = self.plan.told(&[], &run.fleet.notify.teams.tag);
        let Some(change) = self.plan.change() else { return told };
        let named = run.candidate.images.iter().find(|image| image.id == change.to);
        PlannedGroup {
            image: Some(change.to.clone()),
            image_name: named.map(|image| image.name.clone()).unwrap_or_default(),
            new_image: Some(change.from.clone()),
            action: if self.moved { PlannedAction::Refresh } else { PlannedAction::Skip },
            why: format!("back to version {}", change.own.source),
            ..told
        }
    }
}

/// Where a group is looked at.
pub(super) struct Look<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) environment: &'a Environment,
    pub(super) account: &'a Account,
    pub(super) survey: &'a Survey,
    /// What the candidate's images are recorded to have replaced.
    pub(super) recorded: &'a Recorded,
    /// Whether the group was asked for by its name.
    pub(super) by_name: bool,
}

/// What a group had; `None` when no rollout touched it and it does not run the candidate.
///
/// The inner error is why it can't go back.
pub(super) async fn back_of(look: &Look<'_>, group: &Group) -> Result<Result<Option<Back>, Problem>, Stop> {
    let Look { run, survey, .. } = *look;
    if group.template.is_none() {
        return Ok(Ok(None));
    }
    let marker = match Marker::of(&group.tags) {
        Ok(marker) => marker,
        Err(text) => return Ok(Err(lost::unreadable(group, &text))),
    };
    let held = marker.as_ref().is_some_and(|marker| marker.from == marker.to);
    let other = marker.as_ref().filter(|marker| !held && !run.candidate.contains(&marker.to));
    if let Some(marker) = other.filter(|_| !look.by_name) {
        return Ok(Err(lost::another_candidate(group, marker)));
    }
    if marker.is_none() && !runs_candidate(look, group) {
        return Ok(Ok(None));
    }
    let all = with_all_versions(look, group).await?;
    let marker = match marker {
        Some(marker) => Some(marker),
        None => match finished::marker(group, run.candidate, &all, look.recorded) {
            Ok(marker) => marker,
            Err(image) => return Ok(Err(lost::overrides_not_recorded(group, &image))),
        },
    };
    let Some(resumed) = marker.as_ref().and_then(|marker| resumed(group, marker, &all)) else {
        return Ok(Err(lost::nothing_recorded(group)));
    };
    let by_attributes = survey.chooses_by_attributes(group);
    let active = survey.active.get(&group.name).filter(|active| by_attributes && !active.has_desired);
    let theirs = |active: &&Refresh| marker.as_ref().is_none_or(|marker| !marker.began(active));
    if let Some(active) = active.filter(theirs) {
        return Ok(Err(lost::refreshed_by_others(group, active)));
    }
    let change = resumed.change;
    // Without the new version nothing can have moved to it.
    let target = change.target(|one| Some(one.existing.unwrap_or(one.source)));
    let target = target.unwrap_or_else(|| change.back());
    let own = group.template.as_ref().and_then(|template| survey.present(template));
    let decision = if held {
        Decision::HoldStill(change, "it was only held still".into())
    } else {
        Decision::Resume(change)
    };
    let policy = run.fleet.policy(look.environment, &group.name);
    let plan = GroupPlan {
        version: own.map(|version| version.number),
        image: own.and_then(|version| version.image.clone()),
        decision,
        under_way: resumed.under_way,
        names_new: resumed.names_new,
        by_attributes,
        ..GroupPlan::undecided(group, &look.environment.name, policy)
    };
    let moved = plan.under_way;
    Ok(Ok(Some(Back { plan, target, moved })))
}

/// Whether any place of the group names an image of the candidate.
fn runs_candidate(look: &Look<'_>, group: &Group) -> bool {
    let image = |template: &GroupTemplate| look.survey.present(template)?.image.as_ref();
    // An override may have named the candidate before its rollout, and does so again.
    let is_back = |image: &ImageId| {
        let recorded = look.recorded.get(&(group.region.clone(), image.clone()));
        let told = recorded.and_then(|replaced| replaced.of_group(&group.name));
        told.is_some_and(|told| told.is_back(group.own_images(), image))
    };
    let own = group.own_images().filter(|image| !is_back(image));
    let mut named = group.templates().filter_map(image).chain(own);
    named.any(|image| look.run.candidate.contains(image))
}

/// What was surveyed, with every version of the group's templates.
async fn with_all_versions(look: &Look<'_>, group: &Group) -> Result<Survey, Stop> {
    let mut all = look.survey.clone();
    let templates: BTreeSet<_> = group.templates().map(|template| template.id.clone()).collect();
    for template in templates {
        for version in patiently(look.run.clock, async || look.account.versions(&template).await).await? {
            all.versions.insert((template.clone(), version.number), version);
        }
    }
    Ok(all)
}
