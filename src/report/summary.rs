//! `summary.json`: the verdicts of a run for machines.
//!
//! The shape is `Summary` below, with `format` 1. Keys may be added; none changes its meaning
//! while the format's number stays. Absent facts are `null`, lists may be empty. `simulated`
//! is always there: a rehearsal must not be mistaken for AWS. It is bounded (`bounds`): what
//! has no room is counted in `left_out`.

mod bounds;

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::again::{Folded, PAGE, later};
use super::collect::{Counts, Run};
use super::record::{EnvironmentRecord, GroupRecord, StepRecord};
use super::{html, junit};
use crate::event::{CheckResult, PlannedAction, Simulation, Status, Step};
use crate::model::{
    Build, CandidateImage, EnvironmentName, GroupName, ImageId, InstanceId, Outcome, Problem, RefreshId,
    Region, Verdict,
};
use bounds::{Bounds, LeftOut};

/// The name of the file in the report directory.
pub const FILE_NAME: &str = "summary.json";

/// The format that is written.
const FORMAT: u32 = 1;

/// A run.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    format: u32,
    /// Whether this happened on the simulator, not on AWS.
    simulated: bool,
    /// Its scenario and seed, where known.
    simulation: Option<&'a Simulation>,
    /// The step: `rollout`, …
    command: &'a str,
    /// The program's version.
    program: &'a str,
    family: &'a str,
    images: &'a [CandidateImage],
    build: &'a Build,
    /// The first event's time.
    started: Option<Timestamp>,
    /// The last event's time; `null` while the run has not ended.
    ended: Option<Timestamp>,
    /// The exit code; `null` when the run was killed, or goes on.
    exit: Option<u8>,
    message: &'a str,
    /// The signal that aborted it.
    aborted_by: Option<&'a str>,
    /// The file beside this one for people; `null` for a run of a set, which has one page.
    page: Option<String>,
    environments: Vec<Environment<'a>>,
    /// What could not be told to somebody outside. It changed nothing else.
    undelivered: Vec<Undelivered<'a>>,
    /// What there was no room for; `null` when all is there.
    left_out: Option<LeftOut>,
}

/// Several runs whose journals were put together.
#[derive(Debug, Serialize)]
struct Several<'a> {
    format: u32,
    /// The file beside this one for people.
    page: &'static str,
    /// In order of time.
    runs: Vec<OneOfSeveral<'a>>,
}

/// A run among several.
#[derive(Debug, Serialize)]
struct OneOfSeveral<'a> {
    /// Its number, from 1.
    run: usize,
    /// The journal that tells it, as it was named.
    journal: String,
    /// Whether the journal was cut off in the middle of a line.
    cut_off: bool,
    /// The environments whose file a later run has, with that run's number.
    later: BTreeMap<&'a EnvironmentName, usize>,
    #[serde(flatten)]
    summary: Summary<'a>,
}

/// A notification, or several, that did not get through.
#[derive(Debug, Serialize)]
struct Undelivered<'a> {
    sink: &'a str,
    what: &'a str,
    problem: &'a Problem,
}

/// An environment of the run, in order.
#[derive(Debug, Serialize)]
struct Environment<'a> {
    name: &'a EnvironmentName,
    /// `passed`, `unproved`, `partial`, `refused`, `rolled_back`, `needs_person`, `aborted`,
    /// `not_reached`; `null` when it has not ended.
    verdict: Option<Verdict>,
    message: &'a str,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    took_ms: u64,
    counts: Counts,
    /// Commands that go on from there.
    next: &'a [String],
    /// Why it was refused.
    problems: &'a [Problem],
    /// The file beside this one with its test cases.
    junit: String,
    steps: Vec<StepLine<'a>>,
    groups: Vec<Group<'a>>,
}

/// A group, in the order of the plan.
#[derive(Debug, Serialize)]
struct Group<'a> {
    name: &'a GroupName,
    region: &'a Region,
    action: Option<PlannedAction>,
    /// With `outcome`: `refreshed`, `skipped`, `rolled_back`, `refused`, `needs_person`, `left`,
    /// `not_started`, and its facts; `null` when it has not ended.
    end: Option<&'a Outcome>,
    image_before: Option<&'a ImageId>,
    /// The image it was to run.
    image_planned: Option<&'a ImageId>,
    version_before: Option<u64>,
    version_planned: Option<u64>,
    refresh: Option<&'a RefreshId>,
    /// How many in-service instances run each image at the end.
    images: &'a BTreeMap<ImageId, u32>,
    stragglers: &'a [InstanceId],
    took_ms: u64,
    steps: Vec<StepLine<'a>>,
    checks: Vec<CheckLine<'a>>,
    /// How many of its checks there was no room for; those that did not pass are the last to go.
    checks_left_out: usize,
    /// AWS's words on launches that failed.
    launch_failures: Vec<Cow<'a, str>>,
}

/// A step that ran.
#[derive(Debug, Serialize)]
struct StepLine<'a> {
    step: Step,
    status: Status,
    message: Cow<'a, str>,
    took_ms: u64,
}

/// A check that ran.
#[derive(Debug, Serialize)]
struct CheckLine<'a> {
    check: &'a str,
    status: Status,
    message: Cow<'a, str>,
    /// How many of its subjects passed, …
    passed: usize,
    /// … of how many.
    subjects: usize,
    took_ms: u64,
}

/// The file's bytes.
///
/// # Errors
/// What the JSON writer says; it writes to memory.
pub(super) fn write(run: &Run, simulated: bool) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(&summary(run, simulated, 1))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The summary of a run, one of so many in the file.
fn summary(run: &Run, simulated: bool, runs: usize) -> Summary<'_> {
    let ended = run.ended.as_ref();
    let bounds = Bounds::of(run, runs);
    let environments = run.environments.iter().map(|record| environment(run, record, &bounds)).collect();
    let undelivered = bounds.list(&run.undelivered).iter().map(undelivered).collect();
    Summary {
        format: FORMAT,
        simulated: simulated || run.simulation.is_some(),
        simulation: run.simulation.as_ref(),
        command: &run.command,
        program: &run.version,
        family: &run.family,
        images: &run.images,
        build: &run.build,
        started: run.started,
        ended: run.latest.filter(|_| ended.is_some()),
        exit: ended.map(|(exit, _)| exit.code()),
        message: ended.map_or("", |(_, message)| message),
        aborted_by: run.aborting.as_ref().map(|(signal, _)| signal.as_str()),
        page: Some(html::file_name(&run.command)),
        environments,
        undelivered,
        left_out: bounds.left_out(),
    }
}

/// The bytes of a file over several runs, in order of time.
///
/// # Errors
/// What the JSON writer says; it writes to memory.
pub(super) fn of_several(runs: &[Folded]) -> serde_json::Result<Vec<u8>> {
    let number = runs.len();
    let runs = runs.iter().map(|folded| {
        let of = &folded.run.environments;
        let later = of.iter().filter_map(|record| {
            let later = later(folded, &record.name, runs)?;
            Some((&record.name, later.number))
        });
        OneOfSeveral {
            run: folded.number,
            journal: folded.source.display().to_string(),
            cut_off: folded.cut_off,
            later: later.collect(),
            summary: Summary { page: None, ..summary(&folded.run, folded.simulated, number) },
        }
    });
    let several = Several { format: FORMAT, page: PAGE, runs: runs.collect() };
    let mut bytes = serde_json::to_vec_pretty(&several)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn undelivered((sink, what, problem): &(String, String, Problem)) -> Undelivered<'_> {
    Undelivered { sink, what, problem }
}

fn environment<'a>(run: &Run, record: &'a EnvironmentRecord, bounds: &Bounds) -> Environment<'a> {
    Environment {
        name: &record.name,
        verdict: record.verdict,
        message: &record.message,
        started: record.started,
        ended: record.ended,
        took_ms: record.took_ms,
        counts: Counts::of(record),
        next: &record.next,
        problems: bounds.list(&record.problems),
        junit: junit::file_name(&run.command, &record.name),
        steps: steps(&record.steps, bounds),
        groups: record.groups.iter().map(|one| group(record, one, bounds)).collect(),
    }
}

fn group<'a>(environment: &'a EnvironmentRecord, record: &'a GroupRecord, bounds: &Bounds) -> Group<'a> {
    let planned = record.planned.as_ref();
    let target = record.refresh.as_ref().map(|(_, target, _)| target.version);
    let taken = record.checks.iter().filter(|check| bounds.takes_check(check.result.status));
    let checks: Vec<CheckLine<'_>> = taken.map(|check| check_line(&check.result, bounds)).collect();
    let failures = bounds.list(&record.launch_failures).iter();
    Group {
        name: &record.group.group,
        region: &record.group.region,
        action: planned.map(|planned| planned.action),
        end: record.outcome.as_ref(),
        image_before: planned.and_then(|planned| planned.image.as_ref()),
        image_planned: planned.and_then(|planned| planned.new_image.as_ref()),
        version_before: planned.and_then(|planned| planned.version),
        version_planned: target.or_else(|| environment.version_for(record).map(|made| made.version)),
        refresh: record.refresh.as_ref().map(|(id, ..)| id),
        images: &record.images,
        stragglers: &record.stragglers,
        took_ms: record.took_ms,
        steps: steps(&record.steps, bounds),
        checks_left_out: record.checks.len() - checks.len(),
        checks,
        launch_failures: failures.map(|(_, message)| bounds.message(message)).collect(),
    }
}

fn steps<'a>(records: &'a [StepRecord], bounds: &Bounds) -> Vec<StepLine<'a>> {
    records
        .iter()
        .map(|record| StepLine {
            step: record.step,
            status: record.status,
            message: bounds.message(&record.message),
            took_ms: record.took_ms,
        })
        .collect()
}

fn check_line<'a>(result: &'a CheckResult, bounds: &Bounds) -> CheckLine<'a> {
    CheckLine {
        check: &result.check,
        status: result.status,
        message: bounds.message(&result.message),
        passed: result.probes.iter().filter(|probe| probe.status == Status::Passed).count(),
        subjects: result.probes.len(),
        took_ms: result.took_ms,
    }
}

#[cfg(test)]
mod tests;
