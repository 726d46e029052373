//! `rollback`: takes the groups of an environment back, whatever state they are in.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;

use super::super::ends::{Ended, GroupEnd, Side, told};
use super::super::events::StepEnd;
use super::super::smoke::nobody;
use super::super::{Run, Stop, prepare, record, settle, survey};
use super::back::{Back, Look, back_of};
use super::{Given, drive_back, finished, lost};
use crate::aws::Account;
use crate::config::Environment;
use crate::event::{Event, GroupRef, Step};
use crate::gate::{self, State};
use crate::model::{Candidate, Group, GroupName, GroupTemplate, ImageId, Outcome, Problem, Region, Verdict};
use crate::plan::{Change, Decision, GroupPlan, Survey, TemplateChange};

/// What the record of a gate says first that a rollback revoked.
pub const TAKEN_BACK: &str = "rolled back by hand";

/// Takes every group of the environment that a rollout touched, or that runs the
/// candidate, back to the version that it had; `only` narrows it to one group.
pub async fn rollback(run: &Run<'_>, environment: &Environment, only: Option<&GroupName>) -> Verdict {
    let which = Which { only, given: None, builds: std::slice::from_ref(run.candidate) };
    told(run, environment, Box::pin(attempt(run, environment, which))).await
}

/// Takes these groups back to what they had; `builds` are the candidates that they were given, and
/// together the run's.
pub async fn rollback_to_previous(
    run: &Run<'_>,
    environment: &Environment,
    given: &Given,
    builds: &[Candidate],
) -> Verdict {
    let which = Which { only: None, given: Some(given), builds };
    told(run, environment, Box::pin(attempt(run, environment, which))).await
}

/// Which groups go back, and from what.
#[derive(Clone, Copy)]
struct Which<'a> {
    only: Option<&'a GroupName>,
    given: Option<&'a Given>,
    builds: &'a [Candidate],
}

impl Which<'_> {
    fn holds(&self, group: &Group) -> bool {
        let key = (group.region.clone(), group.name.clone());
        let given = |given: &Given| {
            given.groups.contains_key(&key) || given.held.contains(&key) || given.stuck.contains_key(&key)
        };
        self.only.is_none_or(|only| *only == group.name) && self.given.is_none_or(given)
    }

    /// The image in quarantine that the group would go back to.
    fn stuck(&self, group: &Group) -> Option<&ImageId> {
        self.given?.stuck.get(&(group.region.clone(), group.name.clone()))
    }
}

/// What was found out before anything is done.
#[derive(Default)]
struct Found<'s> {
    backs: Vec<Back>,
    /// The groups that can't go back, and why.
    lost: Vec<(&'s Group, Problem)>,
    /// What stands against all of it.
    dragged: Vec<Problem>,
    looked_at: usize,
}

async fn attempt(run: &Run<'_>, environment: &Environment, which: Which<'_>) -> Result<Ended, Stop> {
    let begun = run.clock.now();
    let accounts = run.accounts(environment);
    let mut surveys = Vec::new();
    for account in accounts.values() {
        surveys.push((account, survey::look_in_right_account(run, environment, account).await?));
    }
    let found = look(run, environment, &surveys, which).await?;
    if found.looked_at == 0 {
        return Err(Stop::Refused(vec![nobody(environment, which.only)]));
    }
    tell(run, environment, &found, begun);
    let problems: Vec<Problem> = found.lost.iter().map(|(_, problem)| problem.clone()).collect();
    if found.backs.is_empty() && !problems.is_empty() {
        return Err(Stop::Refused(problems));
    }
    if !found.dragged.is_empty() {
        return Err(Stop::Refused(found.dragged));
    }
    let backs = &found.backs;
    tell_lost(run, environment, &found);
    let all = surveys.iter().flat_map(|(_, survey)| &survey.groups);
    let all: Vec<&Group> = all.filter(|group| environment.select.matches(&group.tags)).collect();
    begin(run, environment, &accounts, (backs, &all), which.builds).await?;
    let at_once = environment.refresh.groups_at_once;
    let ends = stream::iter(backs).map(async |back| go_back(run, &accounts, back).await);
    let mut ends: Vec<GroupEnd<'_>> = ends.buffered(at_once).collect().await;
    settle::tracking(run, &accounts, &mut ends).await;
    let mut ended = record::conclude_rollback(run, environment, &accounts, &ends, &problems).await;
    if ended.verdict == Verdict::Partial {
        ended.next.extend(quarantine_offered(run, backs, which.builds).await);
    }
    Ok(ended)
}

/// Looks what each group had. Changes nothing.
async fn look<'s>(
    run: &Run<'_>,
    environment: &Environment,
    surveys: &'s [(&Account, Survey)],
    which: Which<'_>,
) -> Result<Found<'s>, Stop> {
    let chosen = |group: &&Group| environment.select.matches(&group.tags) && which.holds(group);
    let groups = surveys.iter().flat_map(|(_, survey)| survey.groups.iter().filter(chosen));
    let recorded = finished::recorded(run, environment, groups).await?;
    let mut found = Found::default();
    for (account, survey) in surveys {
        let before = found.backs.len();
        let by_name = which.only.is_some();
        let look = Look { run, environment, account, survey, recorded: &recorded, by_name };
        for group in survey.groups.iter().filter(chosen) {
            found.looked_at += 1;
            if let Some(image) = which.stuck(group) {
                let problem = lost::quarantined_before(&group.name, image);
                found.lost.push((group, problem.about(&group.name)));
                continue;
            }
            match back_of(&look, group).await? {
                Ok(back) => found.backs.extend(back),
                Err(problem) => found.lost.push((group, problem.about(&group.name))),
            }
        }
        found.dragged.extend(dragged_along(survey, &found.backs[before..]));
    }
    Ok(found)
}

/// Tells what is to happen, and of each group that can't go back why.
fn tell(run: &Run<'_>, environment: &Environment, found: &Found<'_>, begun: Timestamp) {
    let lost = found.lost.iter().map(|(group, problem)| {
        let policy = run.fleet.policy(environment, &group.name);
        let decision = Decision::Skip(problem.what.clone());
        let plan = GroupPlan { decision, ..GroupPlan::undecided(group, &environment.name, policy) };
        plan.told(&[], &run.fleet.notify.teams.tag)
    });
    let groups = found.backs.iter().map(|back| back.told(run)).chain(lost).collect();
    run.events.emit(Event::Planned { environment: environment.name.clone(), groups });
    for (group, problem) in &found.lost {
        let evidence = vec![problem.why.clone(), format!("next: {}", problem.next)];
        let end = StepEnd::errored(problem.what.clone()).with(evidence);
        run.events.step(&at(environment, group), Step::Rollback, begun, end);
    }
}

/// Tells the end of the groups that can't go back, where others do.
fn tell_lost(run: &Run<'_>, environment: &Environment, found: &Found<'_>) {
    for (group, problem) in &found.lost {
        run.events.emit(Event::GroupEnded {
            group: at(environment, group),
            outcome: Outcome::NeedsPerson { why: problem.what.clone(), next: problem.next.clone() },
            images: BTreeMap::new(),
            stragglers: Vec::new(),
            took_ms: 0,
        });
    }
}

fn at(environment: &Environment, group: &Group) -> GroupRef {
    GroupRef {
        environment: environment.name.clone(),
        region: group.region.clone(),
        group: group.name.clone(),
    }
}

/// The way to stop what was taken back everywhere else too, where it is not stopped already.
async fn quarantine_offered(run: &Run<'_>, backs: &[Back], builds: &[Candidate]) -> Vec<String> {
    let mut ways = Vec::new();
    for build in builds {
        let gone: Option<&ImageId> =
            backs.iter().filter_map(|back| Some(&back.plan.change()?.to)).find(|image| build.contains(image));
        // What can't be looked at is offered: putting it there twice does no harm.
        let records = gate::read(&run.homes(), build).await.unwrap_or_default();
        if let Some(image) = gone.filter(|_| records.quarantined.is_empty()) {
            ways.push(format!(
                "ami-refresh quarantine add {image} --reason \"…\", if no environment is to get it"
            ));
        }
    }
    ways
}

/// What must be recorded before the first group goes back: that the gate is not passed any
/// more, and what each group had, so that a run that is killed can be gone on with.
async fn begin(
    run: &Run<'_>,
    environment: &Environment,
    accounts: &BTreeMap<Region, Account>,
    (backs, all): (&[Back], &[&Group]),
    builds: &[Candidate],
) -> Result<(), Stop> {
    if backs.is_empty() {
        return Ok(());
    }
    for build in builds {
        // Each build has a record of its own.
        let (probes, events) = (run.probes.clone(), run.events.clone());
        let part = Run::new(run.fleet, build, run.cloud, run.clock, probes, events);
        let recorded = record::recorded(&part, environment).await.map_err(Stop::from_home)?;
        if let Some(detail) = taken_back(recorded, backs.iter().any(|back| back.moved_to(build))) {
            let groups = (backs.iter().map(|back| &back.plan), all.iter().copied());
            record::revoke(&part, environment, groups, &detail).await.map_err(Stop::from_home)?;
        }
    }
    for back in backs {
        if let Some(account) = accounts.get(&back.plan.at.region) {
            prepare::mark(run, account, &back.plan).await?;
        }
    }
    Ok(())
}

/// What the gate is to say from now on, by what it says and whether a group goes back that had moved.
///
/// Where nothing would say that this image was taken back, the next way back would go one step
/// further than this one.
fn taken_back(recorded: Option<State>, moved: bool) -> Option<String> {
    match recorded {
        Some(State::Passed | State::Partial) => Some(TAKEN_BACK.to_owned()),
        None if moved => Some(TAKEN_BACK.to_owned()),
        Some(State::Failed) if moved => Some(format!("{TAKEN_BACK} after it failed")),
        Some(State::Failed | State::Revoked) | None => None,
    }
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
        return GroupEnd { target, ..GroupEnd::undriven(&back.plan, outcome, Side::Old) };
    };
    let (outcome, side) = drive_back(run, account, &back.plan, &back.target, why).await;
    GroupEnd { target, ..GroupEnd::undriven(&back.plan, outcome, side) }
}

/// The groups that stay on the new image, and would follow a template back with those that go.
fn dragged_along(survey: &Survey, backs: &[Back]) -> Vec<Problem> {
    let changes: Vec<&Change> = backs.iter().filter_map(|back| back.plan.change()).collect();
    let goes = |group: &Group| backs.iter().any(|back| back.plan.group.name == group.name);
    let moved = |template: &GroupTemplate| {
        let number = survey.resolve(&template.id, template.tracking);
        let image =
            number.and_then(|number| survey.versions.get(&(template.id.clone(), number))?.image.clone());
        let of_template = |one: &TemplateChange| {
            one.template == template.id && one.tracking.floats() && image.is_some() && one.to == image
        };
        template.tracking.floats() && changes.iter().any(|change| change.changing().any(of_template))
    };
    let staying = survey.groups.iter().filter(|group| !goes(group));
    let named =
        staying.filter_map(|group| Some((group, group.templates().find(|template| moved(template))?)));
    let problem = |(group, template): (&Group, &GroupTemplate)| {
        Problem::new(
            format!("group {} follows {} of {} too", group.name, template.tracking, template.id),
            "it is not taken back, and would launch the old image from then on",
            format!("take it back with the others, or pin {} first", group.name),
        )
    };
    named.map(problem).collect()
}
