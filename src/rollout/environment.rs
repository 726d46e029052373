//! One environment, from its gate to its record.

mod preflight;
mod waves;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::board::Standing;
use super::events::{StepEnd, millis};
use super::group::{Ending, Manner, Until};
use super::prepare::{Targets, prepare};
use super::{Run, Stop, record, settle, takeback};
use crate::aws::Account;
use crate::config::Environment;
use crate::event::{Event, Status, Step};
use crate::model::{EnvironmentName, Outcome, Problem, Region, Target, Verdict};
use crate::plan::{Decision, GroupPlan, Plan};

/// How much of a rollout is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Which steps.
    pub steps: Steps,
    /// Whether a gate that is passed but has not soaked is waited for.
    pub wait: bool,
}

/// The steps of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steps {
    /// Pin, make versions, read them back.
    Templates,
    /// Start or adopt the refreshes, and follow them to the bake.
    RefreshToBaking,
    /// Start or adopt the refreshes, follow them to the end, put the tracking back.
    RefreshToEnd,
    /// All of it, with the checks and the gate.
    Rollout,
}

/// Where a group is at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// On the new image, whole.
    New,
    /// On the old image, whole.
    Old,
    /// Not for certain on either, or still on its way.
    Unknown,
}

/// One group's end.
pub(super) struct GroupEnd<'a> {
    pub(super) plan: &'a GroupPlan,
    pub(super) target: Option<Target>,
    pub(super) outcome: Outcome,
    pub(super) side: Side,
}

/// How an environment ended, for its last event.
pub(super) struct Ended {
    pub(super) verdict: Verdict,
    pub(super) message: String,
    pub(super) next: Vec<String>,
}

/// Takes the candidate through one environment, as far as the scope says.
pub async fn environment(run: &Run<'_>, environment: &Environment, scope: Scope) -> Verdict {
    let begun = run.clock.now();
    let name = &environment.name;
    run.board.begin(name);
    run.events.emit(Event::EnvironmentStarted { environment: name.clone() });
    let ended = match attempt(run, environment, scope).await {
        Ok(ended) => ended,
        Err(stop) => stopped(run, environment, stop),
    };
    tell_end(run, name, begun, &ended);
    ended.verdict
}

/// Tells an environment's end, and takes it off the board.
pub(super) fn tell_end(run: &Run<'_>, name: &EnvironmentName, begun: Timestamp, ended: &Ended) {
    run.events.emit(Event::EnvironmentEnded {
        environment: name.clone(),
        verdict: ended.verdict,
        message: ended.message.clone(),
        next: ended.next.clone(),
        took_ms: millis(run.clock.since(begun)),
    });
    run.board.finish(name);
}

/// An environment that could not be begun: nothing changed there.
pub(super) fn stopped(run: &Run<'_>, environment: &Environment, stop: Stop) -> Ended {
    let name = &environment.name;
    let (verdict, problems) = match stop {
        Stop::Refused(problems) => (Verdict::Refused, problems),
        Stop::SetUp(problem) => (Verdict::SetUp, vec![problem]),
        Stop::Aws(error) => (
            Verdict::Unreachable,
            vec![Problem::new(
                format!("AWS could not be asked about {name}"),
                error.to_string(),
                format!("nothing was changed: run 'ami-refresh rollout --env {name}' again"),
            )],
        ),
    };
    let next = problems.iter().map(|problem| problem.next.clone()).filter(|next| !next.is_empty()).collect();
    let message = problems.first().map(|problem| problem.what.clone()).unwrap_or_default();
    run.events.emit(Event::Refused { environment: name.clone(), problems });
    Ended { verdict, message, next }
}

async fn attempt(run: &Run<'_>, environment: &Environment, scope: Scope) -> Result<Ended, Stop> {
    preflight::gate(run, environment, scope.wait).await?;
    let accounts = run.accounts(environment).await;
    let plan = preflight::plan(run, environment, &accounts).await?;
    for group in &plan.groups {
        run.board.stands(&group.at, Standing::Waiting);
    }
    let targets = match scope.steps {
        Steps::Templates | Steps::Rollout => match templates(run, &plan, &accounts).await {
            Ok(targets) => targets,
            Err(why) => return Ok(undo(run, environment, &plan, &accounts, &why).await),
        },
        Steps::RefreshToBaking | Steps::RefreshToEnd => preflight::prepared(&plan)?,
    };
    if scope.steps == Steps::Templates {
        let message = format!("{} groups are ready to be refreshed", targets.len());
        let next = vec![format!("ami-refresh refresh --env {} --until baking", environment.name)];
        return Ok(Ended { verdict: Verdict::Partial, message, next });
    }
    let manner = manner(scope.steps);
    let mut ends = waves::roll(run, environment, &plan, &accounts, &targets, manner).await;
    takeback::after_failures(run, environment, &accounts, &mut ends).await;
    if manner.until == Until::End {
        settle::tracking(run, &accounts, &mut ends).await;
    }
    Ok(record::conclude(run, environment, &accounts, &ends, scope.steps).await)
}

fn manner(steps: Steps) -> Manner {
    let until = if steps == Steps::RefreshToBaking { Until::Baking } else { Until::End };
    Manner { until, checks: steps == Steps::Rollout }
}

/// Prepares the templates, and tells the step of every group.
async fn templates(
    run: &Run<'_>,
    plan: &Plan,
    accounts: &BTreeMap<Region, Account>,
) -> Result<Targets, String> {
    let since = run.clock.now();
    let prepared = prepare(run, plan, accounts).await;
    for group in &plan.groups {
        let Some(change) = group.change() else { continue };
        let end = match &prepared {
            Ok(targets) => {
                let version = targets.get(&(group.at.region.clone(), group.at.group.clone()));
                let version = version.map_or(0, |target| target.version);
                StepEnd::passed(format!("version {version} is version {} with {}", change.source, change.to))
                    .with(vec![
                        format!("template {}", change.template),
                        format!("tracking {}", change.tracking),
                    ])
            }
            Err(failure) => StepEnd::errored(failure.to_string()),
        };
        run.events.step(&group.at, Step::Template, since, end);
    }
    prepared.map_err(|failure| failure.to_string())
}

/// Puts everything back after templates could not be prepared: no group was refreshed.
async fn undo(
    run: &Run<'_>,
    environment: &Environment,
    plan: &Plan,
    accounts: &BTreeMap<Region, Account>,
    why: &str,
) -> Ended {
    let why = format!("templates could not be prepared: {why}");
    let mut ends: Vec<GroupEnd<'_>> = Vec::new();
    for group in plan.groups.iter().filter(|group| group.touched().is_some()) {
        // One that was begun before may be anywhere: that run's successor must look at it.
        let begun_before = matches!(group.decision, Decision::Resume(_));
        let side = if begun_before { Side::Unknown } else { Side::Old };
        let outcome = if begun_before {
            let next = format!("ami-refresh rollout --env {}", environment.name);
            Outcome::NeedsPerson { why: why.clone(), next }
        } else {
            Outcome::NotStarted { why: why.clone() }
        };
        ends.push(GroupEnd { plan: group, target: None, outcome, side });
    }
    settle::tracking(run, accounts, &mut ends).await;
    for end in &ends {
        run.events.emit(Event::GroupEnded {
            group: end.plan.at.clone(),
            outcome: end.outcome.clone(),
            images: BTreeMap::new(),
            stragglers: Vec::new(),
            took_ms: 0,
        });
    }
    record::failed_before_refresh(run, environment, accounts, &ends, &why).await
}

/// What an ending means for the group, and for where it is.
pub(super) fn outcome(ending: &Ending, environment: &EnvironmentName, instances: u32) -> (Outcome, Side) {
    use super::machine::End;
    match ending.clone() {
        Ending::Machine(End::Refreshed) => (Outcome::Refreshed { instances }, Side::New),
        Ending::Machine(End::RolledBack(why) | End::Untouched(why)) => {
            (Outcome::RolledBack { why }, Side::Old)
        }
        Ending::Machine(End::NeedsPerson(why)) => {
            let next = format!("ami-refresh rollback --env {environment}");
            (Outcome::NeedsPerson { why, next }, Side::Unknown)
        }
        Ending::Unchanged => {
            let why = "the refresh replaced nothing: it runs the image, and that proves nothing".to_owned();
            (Outcome::Skipped { why }, Side::New)
        }
        Ending::Handed(state) => {
            let next = format!(
                "ami-refresh smoke --env {environment}, then ami-refresh refresh --env {environment}"
            );
            (Outcome::Left { state, next }, Side::Unknown)
        }
    }
}

/// Tells that a step of the environment ended.
pub(super) fn tell_environment_step(
    run: &Run<'_>,
    environment: &EnvironmentName,
    step: Step,
    since: Timestamp,
    (status, message, evidence): (Status, String, Vec<String>),
) {
    run.events.emit(Event::EnvironmentStep {
        environment: environment.clone(),
        step,
        status,
        message,
        evidence,
        took_ms: millis(run.clock.since(since)),
    });
}
