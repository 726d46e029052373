//! What must be true before anything changes: the gate, the plan, what was prepared.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::ends::tell_environment_step;
use super::super::patience::patiently;
use super::super::prepare::Targets;
use super::super::survey::{self, subject};
use super::super::{Run, Stop};
use crate::aws::Account;
use crate::config::Environment;
use crate::event::{Event, Status, Step};
use crate::gate::{self, Verdict as GateVerdict};
use crate::model::{Problem, Region, Target};
use crate::plan::{MARKER_TAG, Plan};

/// How often a busy group is looked at again.
const BUSY_PAUSE: Duration = Duration::from_secs(60);

/// Asks the gate, and waits for it to soak if told to.
pub(super) async fn gate(run: &Run<'_>, environment: &Environment, wait: bool) -> Result<(), Stop> {
    let begun = run.clock.now();
    let name = &environment.name;
    loop {
        let homes = run.homes();
        let records = patiently(run.clock, async || gate::read(&homes, run.candidate).await).await;
        let records = records.map_err(Stop::from_home)?;
        let problems = match gate::judge(environment, &records, run.clock.now()) {
            GateVerdict::Open => {
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
                return Ok(());
            }
            GateVerdict::Soaking { until, .. } if wait => {
                let text = format!("waiting until {until} for the gate to soak");
                run.events.emit(Event::Note { environment: Some(name.clone()), text });
                let left = Duration::try_from(until.duration_since(run.clock.now())).unwrap_or_default();
                run.clock.sleep(left + Duration::from_secs(1)).await;
                continue;
            }
            GateVerdict::Soaking { problems, .. } | GateVerdict::Closed(problems) => problems,
        };
        let told =
            (Status::Failed, problems[0].what.clone(), problems.iter().map(ToString::to_string).collect());
        tell_environment_step(run, name, Step::Gate, begun, told);
        return Err(Stop::Refused(problems));
    }
}

/// Plans the environment, waits for groups that are busy, and tells the plan.
pub(super) async fn plan(
    run: &Run<'_>,
    environment: &Environment,
    accounts: &BTreeMap<Region, Account>,
) -> Result<Plan, Stop> {
    let begun = run.clock.now();
    let name = &environment.name;
    let mut told_busy = false;
    let plan = loop {
        let mut plan = survey::plan(run, environment, accounts).await?;
        if plan.busy.is_empty() || !plan.refused.is_empty() {
            break plan;
        }
        if run.clock.since(begun) >= environment.refresh.timeout {
            plan.refused.append(&mut plan.busy);
            break plan;
        }
        if !told_busy {
            let what: Vec<&str> = plan.busy.iter().map(|problem| problem.what.as_str()).collect();
            let text = format!("waiting: {}", what.join("; "));
            run.events.emit(Event::Note { environment: Some(name.clone()), text });
            told_busy = true;
        }
        run.clock.sleep(BUSY_PAUSE).await;
    };
    let checks = &environment.checks;
    let groups = plan.groups.iter().map(|group| group.told(checks)).collect();
    run.events.emit(Event::Planned { environment: name.clone(), groups });
    if plan.refused.is_empty() {
        let changing = plan.groups.iter().filter(|group| group.change().is_some()).count();
        let message = format!("{changing} of {} groups change", plan.groups.len());
        tell_environment_step(run, name, Step::Plan, begun, (Status::Passed, message, Vec::new()));
        return Ok(plan);
    }
    let message = match plan.refused.as_slice() {
        [only] => only.what.clone(),
        several => format!("{} reasons against {}", several.len(), subject(name)),
    };
    let evidence = plan.refused.iter().map(ToString::to_string).collect();
    tell_environment_step(run, name, Step::Plan, begun, (Status::Failed, message, evidence));
    Err(Stop::Refused(plan.refused))
}

/// The targets that `update-templates` prepared, or what is missing.
pub(super) fn prepared(plan: &Plan) -> Result<Targets, Stop> {
    let mut targets = Targets::new();
    let mut problems = Vec::new();
    for group in &plan.groups {
        let Some(change) = group.change() else { continue };
        match change.existing.filter(|_| group.group.tags.contains_key(MARKER_TAG)) {
            Some(version) => {
                let target = Target { template: change.template.clone(), version };
                targets.insert((group.at.region.clone(), group.at.group.clone()), target);
            }
            None => problems.push(Problem::new(
                format!("group {} has no version with {} prepared", group.at.group, change.to),
                "a refresh carries a version that exists",
                format!("run 'ami-refresh update-templates --env {}' first", plan.environment),
            )),
        }
    }
    if problems.is_empty() { Ok(targets) } else { Err(Stop::Refused(problems)) }
}
