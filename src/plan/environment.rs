//! What is decided for the groups of an environment together.

use std::collections::{BTreeMap, BTreeSet};

use super::group::{Judge, Judged, REFUSED};
use super::{Change, Decision, Deferral, GroupPlan, Plan, Survey, Timing, places, way_back};
use crate::config::{Environment, Family, Fleet};
use crate::model::{Candidate, Group, GroupTemplate, Problem, Region, TemplateId};
use crate::schedule::Agenda;

/// Plans one environment from what AWS says of each of its regions.
pub fn make(
    fleet: &Fleet,
    environment: &Environment,
    family: &Family,
    candidate: &Candidate,
    surveys: &BTreeMap<Region, Survey>,
    timing: Option<Timing>,
) -> Plan {
    let mut plan = Plan {
        environment: environment.name.clone(),
        groups: Vec::new(),
        refused: Vec::new(),
        busy: Vec::new(),
        ready_since: None,
    };
    for survey in surveys.values() {
        let agenda = timing.map(|timing| agenda(fleet, environment, candidate, survey, timing));
        plan.ready_since = plan.ready_since.max(agenda.and_then(|agenda| agenda.ready_since));
        let judge = Judge { fleet, environment, family, candidate, survey, agenda };
        let mut groups = Vec::new();
        for group in survey.groups.iter().filter(|group| environment.select.matches(&group.tags)) {
            plan.refused.extend(selected_twice(fleet, environment, group));
            match judge.judge(group) {
                Judged::Decided(decided) => groups.push(*decided),
                Judged::Refused(decided, problem) => {
                    plan.refused.push(problem.about(&group.name));
                    groups.push(*decided);
                }
                Judged::Busy(decided, problem) => {
                    plan.busy.push(problem.about(&group.name));
                    groups.push(*decided);
                }
            }
        }
        defer_with_sharers(&mut groups);
        release_kept_back(&mut groups);
        plan.refused.extend(hold_sharers_still(environment, survey, &mut groups));
        way_back::note_without_room(&mut groups, candidate);
        plan.groups.extend(groups);
    }
    if plan.groups.is_empty() {
        plan.refused.push(no_groups(environment));
    }
    plan
}

/// The agenda of one region: a window was missed when it closed after the image might have
/// been there, which is when the gates were open and the image existed.
fn agenda<'a>(
    fleet: &'a Fleet,
    environment: &'a Environment,
    candidate: &Candidate,
    survey: &Survey,
    timing: Timing,
) -> Agenda<'a> {
    let images = candidate.images.iter().filter_map(|image| survey.images.get(&image.id)?.created);
    Agenda {
        fleet,
        environment,
        when: timing.when,
        now: timing.now,
        ready_since: timing.open_since.max(images.max()),
        override_freeze: timing.override_freeze,
    }
}

/// A group that follows a template and has to stay where it is keeps every group of that
/// template from changing: a new version would reach it on its next scale-out.
fn defer_with_sharers(groups: &mut [GroupPlan]) {
    // Who is kept back by one template may follow another, and keeps its groups back in turn.
    while let Some((at, deferral)) = kept_back(groups) {
        groups[at].decision = Decision::Defer(deferral);
        groups[at].stays = true;
    }
}

/// A group that is to change, and why it may not: one that has to stay follows its template.
fn kept_back(groups: &[GroupPlan]) -> Option<(usize, Deferral)> {
    let mut staying: BTreeMap<TemplateId, Deferral> = BTreeMap::new();
    for group in groups.iter().filter(|group| group.stays) {
        let (why, next) = match &group.decision {
            Decision::Defer(deferral) => (deferral.why.as_str(), deferral.next),
            Decision::Skip(why) | Decision::HoldStill(_, why) => (why.as_str(), None),
            Decision::Refresh(_) | Decision::Resume(_) => continue,
        };
        for template in group.group.templates().filter(|template| template.tracking.floats()) {
            let why = format!(
                "{} follows {} of its template {}, and would be reached by the new version: {why}",
                group.at.group, template.tracking, template.id
            );
            staying.entry(template.id.clone()).or_insert(Deferral { why, next });
        }
    }
    groups.iter().enumerate().filter(|(_, group)| !group.under_way).find_map(|(at, group)| {
        let published = group.change().map(Change::published)?;
        let deferral = published.iter().find_map(|template| staying.get(template))?;
        Some((at, deferral.clone()))
    })
}

/// A rollout was begun on a group that is not due any more, and never moved it: it follows
/// its template again and is unmarked, so that nothing stays behind until its time comes.
///
/// Not where another group of the template goes on or is on the image: what the group would
/// follow is the new version then, so it stays pinned.
fn release_kept_back(groups: &mut [GroupPlan]) {
    let taken: BTreeSet<TemplateId> = groups
        .iter()
        .filter(|group| group.under_way || group.is_current || group.change().is_some())
        .flat_map(|group| group.group.templates().map(|template| template.id.clone()))
        .collect();
    for group in groups.iter_mut() {
        let free = |marked: &Change| marked.published().is_disjoint(&taken);
        let Some(marked) = group.marked.clone().filter(free) else { continue };
        let why = match &group.decision {
            Decision::Defer(deferral) => {
                group.deferral = Some(deferral.clone());
                deferral.why.clone()
            }
            Decision::Skip(why) => why.clone(),
            Decision::Refresh(_) | Decision::Resume(_) | Decision::HoldStill(..) => continue,
        };
        group.decision = Decision::HoldStill(marked.held_still(), why);
    }
}

fn no_groups(environment: &Environment) -> Problem {
    let tags: Vec<String> =
        environment.select.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let regions: Vec<&str> = environment.regions.iter().map(Region::as_str).collect();
    Problem::new(
        format!("no group in {} carries {}", environment.name, tags.join(" and ")),
        format!("account {}, {}", environment.account, regions.join(", ")),
        "correct 'select' in the configuration, or tag the groups",
    )
}

/// A group that two environments select would be rolled before its turn.
fn selected_twice(fleet: &Fleet, environment: &Environment, group: &Group) -> Option<Problem> {
    let other = fleet.environments.iter().find(|other| {
        other.name != environment.name
            && other.account == environment.account
            && other.regions.contains(&group.region)
            && other.select.matches(&group.tags)
    })?;
    Some(Problem::new(
        format!("group {} is selected by {} and by {}", group.name, environment.name, other.name),
        "it would be refreshed before one of their gates is passed",
        "make their 'select' tags tell them apart",
    ))
}

/// Rule 2: whoever floats on a template that gets a version is pinned first, or the rollout is refused.
fn hold_sharers_still(environment: &Environment, survey: &Survey, groups: &mut [GroupPlan]) -> Vec<Problem> {
    // Also where the version exists already: at the end the default may be moved to it, or
    // the old one published again.
    let published: BTreeSet<TemplateId> =
        groups.iter().filter_map(GroupPlan::change).flat_map(Change::published).collect();
    let mut problems = Vec::new();
    for sharer in &survey.groups {
        let mut floating = sharer
            .templates()
            .filter(|template| template.tracking.floats() && published.contains(&template.id));
        let Some(template) = floating.next() else { continue };
        let Some(planned) = groups.iter_mut().find(|planned| planned.group.name == sharer.name) else {
            problems.push(shared_outside(environment, sharer, survey, template));
            continue;
        };
        if let Decision::Skip(why) = &planned.decision
            && why != REFUSED
        {
            match places::still(sharer, survey) {
                Some(still) => planned.decision = Decision::HoldStill(still, why.clone()),
                // What it names besides is gone: it can't be pinned, so nothing may be published.
                None => problems.push(shared_outside(environment, sharer, survey, template)),
            }
        }
    }
    problems
}

fn shared_outside(
    environment: &Environment,
    sharer: &Group,
    survey: &Survey,
    template: &GroupTemplate,
) -> Problem {
    let (id, tracking) = (&template.id, template.tracking);
    let pin =
        survey.resolve(id, tracking).map_or_else(String::new, |version| format!(" to version {version}"));
    let next = format!("pin {}{pin}", sharer.name);
    Problem::new(
        format!("group {} follows {tracking} of {id}, and is not rolled here", sharer.name),
        format!(
            "publishing a version for {} would put the new image into it on its next scale-out",
            environment.name
        ),
        format!("{next}, or give it a template of its own"),
    )
}

#[cfg(test)]
mod tests;
