//! One environment, from its gate to its record.

mod preflight;
mod waves;

use std::collections::BTreeMap;

use super::board::Standing;
use super::ends::{Ended, GroupEnd, Side, Steps, told};
use super::events::StepEnd;
use super::group::{Manner, Until};
use super::prepare::{Targets, prepare};
use super::{Run, Stop, record, settle, takeback};
use crate::aws::Account;
use crate::config::Environment;
use crate::event::{Event, Step};
use crate::model::{Outcome, Region, Verdict};
use crate::plan::Plan;

/// How much of a rollout is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Which steps.
    pub steps: Steps,
    /// Whether a gate that is passed but has not soaked is waited for.
    pub wait: bool,
}

/// Takes the candidate through one environment, as far as the scope says.
pub async fn environment(run: &Run<'_>, environment: &Environment, scope: Scope) -> Verdict {
    told(run, environment, Box::pin(attempt(run, environment, scope))).await
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
    // Groups that are handed over to the next step stay pinned until that has ended them.
    settle::tracking(run, &accounts, &mut ends).await;
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
        let begun_before = group.under_way;
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
