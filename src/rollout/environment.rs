//! One environment, from its gate to its record.

mod admission;
mod preflight;
mod waves;

pub use preflight::frozen;

use std::collections::BTreeMap;

use admission::Admission;

use jiff::{SignedDuration, Timestamp};

use super::board::Standing;
use super::ends::{Ended, GroupEnd, Side, Steps, begin, end, tell_environment_step};
use super::events::StepEnd;
use super::group::{Manner, Until};
use super::prepare::{Targets, prepare};
use super::{Run, Stop, record, settle, takeback};
use crate::aws::Account;
use crate::config::Environment;
use crate::event::{Event, Status, Step};
use crate::model::{Outcome, Problem, Region, Target, Verdict};
use crate::plan::{Change, Plan, TemplateChange, Timing};
use crate::schedule::When;

/// How much of a rollout is to be done, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Which steps.
    pub steps: Steps,
    /// Whether a gate that soaks, a window that is closed and a freeze are waited for.
    pub wait: bool,
    /// Which groups are taken.
    pub when: When,
    /// Why freezes are overridden, if they are.
    pub override_freeze: Option<String>,
}

impl Scope {
    /// Those steps, now, with nothing waited for.
    pub fn now(steps: Steps) -> Self {
        Self { steps, wait: false, when: When::Now, override_freeze: None }
    }
}

/// What came of going to an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visit {
    /// It ended.
    Ended(Verdict),
    /// What is left there waits until then; `in_part` when something was done before.
    Waits { until: Timestamp, in_part: bool },
}

/// How an attempt at an environment came out.
enum Came {
    ToEnd(Ended),
    Waits { until: Timestamp, message: String, in_part: bool },
}

/// Takes the candidate through one environment, as far as the scope says.
pub async fn environment(run: &Run<'_>, environment: &Environment, scope: &Scope) -> Verdict {
    loop {
        match visit(run, environment, scope).await {
            Visit::Ended(verdict) => return verdict,
            Visit::Waits { until, .. } => run.clock.sleep_until(until).await,
        }
    }
}

/// Goes to an environment and does what may be done there now.
pub(super) async fn visit(run: &Run<'_>, environment: &Environment, scope: &Scope) -> Visit {
    let begun = begin(run, environment);
    // Boxed: it is a large future, and would be copied around.
    match Box::pin(attempt(run, environment, scope)).await {
        Ok(Came::ToEnd(ended)) => Visit::Ended(end(run, environment, begun, Ok(ended))),
        Ok(Came::Waits { until, message, in_part }) => {
            let name = environment.name.clone();
            run.events.emit(Event::EnvironmentWaits { environment: name, until, message });
            run.board.pause();
            Visit::Waits { until, in_part }
        }
        Err(stop) => Visit::Ended(end(run, environment, begun, Err(stop))),
    }
}

async fn attempt(run: &Run<'_>, environment: &Environment, scope: &Scope) -> Result<Came, Stop> {
    let open_since = match preflight::gate(run, environment, scope.wait).await? {
        preflight::Gate::Open { since } => since,
        preflight::Gate::Soaks { until } => {
            return Ok(Came::Waits { until, message: "the gate soaks".to_owned(), in_part: false });
        }
    };
    let freeze = preflight::freeze(run, environment, scope).await?;
    let timing = Timing {
        when: scope.when,
        now: run.clock.now(),
        open_since,
        override_freeze: scope.override_freeze.is_some(),
    };
    let accounts = run.accounts(environment);
    let mut plan = preflight::plan(run, environment, &accounts, timing).await?;
    let refreshes = matches!(scope.steps, Steps::RefreshToBaking | Steps::RefreshToEnd);
    if refreshes && scope.when == When::Scheduled {
        preflight::leave_unprepared(&mut plan, timing.now);
    }
    if !plan.touches_anything()
        && let Some(waits) = hold(scope, &plan, freeze.as_ref(), timing.now)
    {
        return Ok(waits);
    }
    if let (false, true, Some(frozen)) = (plan.touches_anything(), plan.deferred().next().is_some(), freeze) {
        let told = (Status::Failed, frozen.what.clone(), Vec::new());
        tell_environment_step(run, &environment.name, Step::Freeze, timing.now, told);
        return Err(Stop::Refused(vec![frozen]));
    }
    for group in &plan.groups {
        run.board.stands(&group.at, Standing::Waiting);
    }
    let targets = match scope.steps {
        Steps::Templates | Steps::Rollout => match templates(run, &plan, &accounts).await {
            Ok(targets) => targets,
            Err(why) => return Ok(Came::ToEnd(undo(run, environment, &plan, &accounts, &why).await)),
        },
        Steps::RefreshToBaking | Steps::RefreshToEnd => preflight::prepared(&plan)?,
    };
    if scope.steps == Steps::Templates && plan.touches_anything() {
        for (group, deferral) in plan.deferred() {
            let outcome = Outcome::Deferred { why: deferral.why.clone(), next: deferral.next };
            waves::ended_at_once(run, group, outcome);
        }
        let message = format!("{} groups are ready to be refreshed", targets.len());
        let next = vec![format!("ami-refresh refresh --env {} --until baking", environment.name)];
        return Ok(Came::ToEnd(Ended { verdict: Verdict::Partial, message, next }));
    }
    let admission = Admission::new(run, environment, timing, plan.ready_since);
    let mut ends = waves::roll(run, &plan, &accounts, &targets, manner(scope.steps), &admission).await;
    takeback::after_failures(run, environment, &accounts, &mut ends).await;
    // Groups that are handed over to the next step stay pinned until that has ended them.
    settle::tracking(run, &accounts, &mut ends).await;
    let ended = record::conclude(run, environment, &accounts, &ends, scope.steps).await;
    Ok(match next_opening(&ends) {
        // What bakes for a next step must not bake until then.
        Some(until)
            if scope.wait
                && scope.steps == Steps::Rollout
                && matches!(ended.verdict, Verdict::Partial | Verdict::NotDue | Verdict::Unproved) =>
        {
            // A moment later at least, so that nothing is asked in a circle.
            let until = until.max(run.clock.now() + SignedDuration::from_secs(1));
            Came::Waits { until, in_part: ended.verdict != Verdict::NotDue, message: ended.message }
        }
        Some(_) | None => Came::ToEnd(ended),
    })
}

/// The wait for what may not be begun yet, where nothing else is to do and waiting is wanted.
fn hold(scope: &Scope, plan: &Plan, freeze: Option<&Problem>, now: Timestamp) -> Option<Came> {
    let deferred = plan.deferred().count();
    let next = plan.deferred().filter_map(|(_, deferral)| deferral.next).min();
    let until = next.filter(|_| scope.wait)?.max(now + SignedDuration::from_secs(1));
    let message = match (plan.deferred().next(), freeze) {
        (_, Some(frozen)) => frozen.what.clone(),
        (Some((group, deferral)), None) if deferred == 1 => format!("{}: {}", group.at.group, deferral.why),
        (Some((group, deferral)), None) => {
            format!("{deferred} groups are not due; {}: {}", group.at.group, deferral.why)
        }
        (None, None) => String::new(),
    };
    Some(Came::Waits { until, message, in_part: false })
}

/// When the first of those that were not due may be begun.
pub(super) fn next_opening(ends: &[GroupEnd<'_>]) -> Option<Timestamp> {
    let next = ends.iter().filter_map(|end| match &end.outcome {
        Outcome::Deferred { next, .. } => *next,
        Outcome::Refreshed { .. }
        | Outcome::Skipped { .. }
        | Outcome::RolledBack { .. }
        | Outcome::Refused { .. }
        | Outcome::NeedsPerson { .. }
        | Outcome::Left { .. }
        | Outcome::NotStarted { .. } => None,
    });
    next.min()
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
                let target = targets.get(&(group.at.region.clone(), group.at.group.clone()));
                made(change, target)
            }
            Err(failure) => StepEnd::errored(failure.to_string()),
        };
        run.events.step(&group.at, Step::Template, since, end);
    }
    prepared.map_err(|failure| failure.to_string())
}

/// What was made for a group, or found.
fn made(change: &Change, target: Option<&Target>) -> StepEnd {
    let own = &change.own;
    let version = target.map_or(0, |target| target.version);
    let message = if own.changes() {
        format!("version {version} is version {} with {}", own.source, change.to)
    } else {
        format!("{} becomes {} in its mixed instances policy", change.from, change.to)
    };
    let one = |one: &TemplateChange| format!("template {}, tracking {}", one.template, one.tracking);
    let mut evidence = vec![format!("template {}", own.template), format!("tracking {}", own.tracking)];
    evidence.extend(change.overrides().iter().filter_map(|other| other.template.as_ref()).map(one));
    if change.overrides.is_some() {
        evidence.extend(change.images().iter().map(|(from, to)| format!("{from} -> {to}")));
        evidence.extend(target.map(|target| format!("target {target}")));
        evidence.dedup();
    }
    StepEnd::passed(message).with(evidence)
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
            let next = run.whole(&environment.name);
            Outcome::NeedsPerson { why: why.clone(), next }
        } else {
            Outcome::NotStarted { why: why.clone() }
        };
        ends.push(GroupEnd::undriven(group, outcome, side));
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
