//! What must be true before anything changes: the gate, the plan, what was prepared.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::super::ends::tell_environment_step;
use super::super::events::StepEnd;
use super::super::patience::{patiently, until};
use super::super::prepare::{SETTLES_WITHIN, Targets};
use super::super::survey::{self, subject};
use super::super::{Run, Stop, local};
use super::Scope;
use crate::aws::Account;
use crate::config::Environment;
use crate::event::{ByHand, Event, Status, Step};
use crate::gate::{self, Verdict as GateVerdict};
use crate::model::{Problem, Region, once};
use crate::plan::{Decision, Deferral, GroupPlan, MARKER_TAG, Plan, Timing};
use crate::schedule::{Agenda, When};

/// How often a busy group is looked at again.
const BUSY_PAUSE: Duration = Duration::from_secs(60);

/// What the gate says, where it does not refuse.
pub(super) enum Gate {
    /// It is open, since the last that it requires had soaked; `None` when it requires none.
    Open {
        /// Since when.
        since: Option<Timestamp>,
    },
    /// It will be, and that is waited for.
    Soaks {
        /// When it opens.
        until: Timestamp,
    },
}

/// Asks the gate, which may be waited for while it soaks.
pub(super) async fn gate(run: &Run<'_>, environment: &Environment, wait: bool) -> Result<Gate, Stop> {
    let begun = run.clock.now();
    let name = &environment.name;
    let homes = run.homes();
    let ask = async || run.gates(&homes).await;
    // One answer may show what this run wrote, and the next one not yet.
    let own = |records: &gate::Records| {
        let kept = run.kept.borrow();
        let mut required = environment.gate.requires.iter().filter_map(|gate| kept.get_key_value(gate));
        required.all(|(gate, kept)| records.get(gate).is_some_and(|shown| shown.is_same_as(kept)))
    };
    let records = until(run.clock, SETTLES_WITHIN, ask, own).await.map_err(Stop::from_home)?;
    let problems = match gate::judge(environment, &records, run.clock.now()) {
        GateVerdict::Open { since } => {
            let required = &environment.gate.requires;
            let passed = required.iter().filter_map(|gate| {
                let record = records.get(gate)?;
                Some(format!("{gate} {}", record.to_tag()))
            });
            let message = match required.len() {
                0 => "it requires none".to_owned(),
                1 => format!("gate {} is passed", required[0]),
                count => format!("all {count} gates are passed"),
            };
            let told = (Status::Passed, message, passed.collect());
            tell_environment_step(run, name, Step::Gate, begun, told);
            return Ok(Gate::Open { since });
        }
        GateVerdict::Soaking { until, .. } if wait => return Ok(Gate::Soaks { until }),
        GateVerdict::Soaking { problems, .. } | GateVerdict::Closed(problems) => problems,
    };
    let told = (Status::Failed, problems[0].what.clone(), problems.iter().map(ToString::to_string).collect());
    tell_environment_step(run, name, Step::Gate, begun, told);
    Err(Stop::Refused(problems))
}

/// What is wrong with beginning anything now, when a freeze holds.
pub fn frozen(run: &Run<'_>, environment: &Environment, now: Timestamp) -> Option<Problem> {
    let agenda = Agenda {
        fleet: run.fleet,
        environment,
        when: When::Now,
        now,
        ready_since: None,
        override_freeze: false,
    };
    let (freeze, span) = agenda.freeze()?;
    let until = local(run, span.to);
    Some(Problem::new(
        format!("{} is frozen until {until}: {}", environment.name, freeze.reason),
        "nothing is begun in a freeze; what was begun before is finished",
        format!("run this again from {until} on, or with --override-freeze --reason \"…\""),
    ))
}

/// Looks whether a freeze holds, and records it when that is overridden.
///
/// Gives what is wrong with beginning anything, if anything is.
pub(super) async fn freeze(
    run: &Run<'_>,
    environment: &Environment,
    scope: &Scope,
) -> Result<Option<Problem>, Stop> {
    let begun = run.clock.now();
    let name = &environment.name;
    let agenda = Agenda {
        fleet: run.fleet,
        environment,
        when: scope.when,
        now: begun,
        ready_since: None,
        override_freeze: false,
    };
    let tell = |status, message: String| {
        tell_environment_step(run, name, Step::Freeze, begun, (status, message, Vec::new()));
    };
    let Some((freeze, span)) = agenda.freeze() else {
        tell(Status::Passed, "no freeze holds".to_owned());
        return Ok(None);
    };
    let until = local(run, span.to);
    let Some(reason) = &scope.override_freeze else {
        let problem = frozen(run, environment, begun);
        // Whether that refuses anything depends on what was begun before.
        tell(Status::Skipped, problem.as_ref().map(|problem| problem.what.clone()).unwrap_or_default());
        return Ok(problem);
    };
    let home = run.homes().into_iter().next();
    let who = match &home {
        Some(home) => {
            patiently(run.clock, async || home.identity().await).await.map_err(Stop::from_home)?.name()
        }
        None => String::new(),
    };
    let by = ByHand { who, reason: reason.clone() };
    tell(
        Status::Passed,
        format!("freeze until {until} ({}) overridden by {}: {reason}", freeze.reason, by.who),
    );
    run.overridden.borrow_mut().insert(name.clone(), by.clone());
    run.events.emit(Event::FreezeOverridden {
        environment: name.clone(),
        freeze: freeze.reason.clone(),
        until: span.to,
        by,
    });
    Ok(None)
}

/// Plans the environment, waits for groups that are busy, and tells the plan.
pub(super) async fn plan(
    run: &Run<'_>,
    environment: &Environment,
    accounts: &BTreeMap<Region, Account>,
    timing: Timing,
) -> Result<Plan, Stop> {
    let begun = run.clock.now();
    let name = &environment.name;
    let mut told_busy = false;
    let plan = loop {
        let mut plan = survey::plan(run, environment, accounts, Some(timing)).await?;
        if plan.busy.is_empty() || !plan.refused.is_empty() {
            break plan;
        }
        if run.clock.since(begun) >= environment.refresh.timeout {
            plan.refused.append(&mut plan.busy);
            break plan;
        }
        if !told_busy {
            let what: Vec<String> = once(&plan.busy).into_iter().map(|problem| problem.what).collect();
            let text = format!("waiting: {}", what.join("; "));
            run.events.emit(Event::Note { environment: Some(name.clone()), text });
            told_busy = true;
        }
        run.clock.sleep(BUSY_PAUSE).await;
    };
    let team_tag = &run.fleet.notify.teams.tag;
    let checks = |group: &GroupPlan| run.fleet.checks_of(environment, &group.group.name);
    let groups = plan.groups.iter().map(|group| group.told(&checks(group), team_tag)).collect();
    run.events.emit(Event::Planned { environment: name.clone(), groups });
    tell_windows(run, &plan, begun, timing.when);
    if plan.refused.is_empty() {
        let changing = plan.groups.iter().filter(|group| group.change().is_some()).count();
        let message = format!("{changing} of {} groups change", plan.groups.len());
        tell_environment_step(run, name, Step::Plan, begun, (Status::Passed, message, Vec::new()));
        return Ok(plan);
    }
    let refused = once(&plan.refused);
    let message = match refused.as_slice() {
        [only] => only.what.clone(),
        several => format!("{} reasons against {}", several.len(), subject(name)),
    };
    let evidence = refused.iter().map(ToString::to_string).collect();
    tell_environment_step(run, name, Step::Plan, begun, (Status::Failed, message, evidence));
    Err(Stop::Refused(refused))
}

/// Tells of every group that is to change whether its window lets it; what can't be read is
/// told whatever windows mean to this run.
fn tell_windows(run: &Run<'_>, plan: &Plan, since: Timestamp, when: When) {
    for group in &plan.groups {
        let end = if let [first, ..] = group.unreadable.as_slice() {
            let evidence = group.unreadable.iter().map(ToString::to_string).collect();
            StepEnd::errored(first.what.clone()).with(evidence)
        } else if when == When::Now {
            continue;
        } else if let Decision::Defer(deferral) = &group.decision {
            StepEnd::skipped(deferral.why.clone())
        } else if group.change().is_some() {
            let until = group.until.map_or_else(String::new, |until| format!(" until {}", local(run, until)));
            StepEnd::passed(format!("it may be begun{until}"))
        } else {
            continue;
        };
        run.events.step(&group.at, Step::Window, since, end);
    }
}

/// Leaves those for a next round whose window opened after `update-templates`, where that has
/// prepared others.
pub(super) fn leave_unprepared(plan: &mut Plan, now: Timestamp) {
    let is_prepared = |group: &GroupPlan| group.group.tags.contains_key(MARKER_TAG);
    if !plan.groups.iter().any(|group| is_prepared(group) && group.change().is_some()) {
        return;
    }
    for group in plan.groups.iter_mut().filter(|group| !is_prepared(group)) {
        if matches!(group.decision, Decision::Refresh(_)) {
            let why = "its window opened after update-templates was run".to_owned();
            group.decision = Decision::Defer(Deferral { why, next: Some(now) });
        }
    }
}

/// The targets that `update-templates` prepared, or what is missing.
pub(super) fn prepared(plan: &Plan) -> Result<Targets, Stop> {
    let mut targets = Targets::new();
    let mut problems = Vec::new();
    for group in &plan.groups {
        let Some(change) = group.change() else { continue };
        match change.known_target().filter(|_| group.group.tags.contains_key(MARKER_TAG)) {
            Some(target) => drop(targets.insert((group.at.region.clone(), group.at.group.clone()), target)),
            None => problems.push(
                Problem::new(
                    format!("group {} has no version with {} prepared", group.at.group, change.to),
                    "a refresh carries a version that exists",
                    format!("run 'ami-refresh update-templates --env {}' first", plan.environment),
                )
                .about(&group.at.group),
            ),
        }
    }
    if problems.is_empty() { Ok(targets) } else { Err(Stop::Refused(problems)) }
}
