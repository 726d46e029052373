//! Two rollouts side by side: what became of each environment and group, and what differs.
//!
//! [`compare`] makes a [`Comparison`] from the runs of two sides, which is printed as JSON as it
//! is, and for people by [`Comparison::text`]. A side's journals may be those of single steps: what
//! they did to an environment counts together. Of several rollouts on a side the last that
//! reached an environment counts. Judges nothing.

mod sides;
mod text;

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::again::{Past, fold};
use super::record::{EnvironmentRecord, GroupRecord};
use crate::event::{GroupRef, Status, Step};
use crate::model::{CandidateImage, EnvironmentName, GroupName, ImageId, Outcome, Region, Verdict};
use sides::Gathered;

/// The format of the JSON.
const FORMAT: u32 = 1;

/// Two rollouts.
#[derive(Debug, Serialize)]
pub struct Comparison {
    format: u32,
    a: Side,
    b: Side,
    environments: Vec<EnvironmentPair>,
    #[serde(skip)]
    zone: TimeZone,
}

/// One of them as a whole.
#[derive(Debug, Serialize)]
struct Side {
    /// Its journals, as they were named, in order of time.
    journals: Vec<String>,
    /// Whether one of them was cut off in the middle of a line.
    cut_off: bool,
    /// Whether it happened on the simulator, not on AWS.
    simulated: bool,
    /// The steps, in order of time.
    commands: Vec<String>,
    family: String,
    build: Option<String>,
    images: Vec<CandidateImage>,
    began: Option<Timestamp>,
    /// The last event's time.
    last: Option<Timestamp>,
    /// The last run's exit code; `null` where it has not ended.
    exit: Option<u8>,
}

/// An environment on both sides; `null` where a side has none of that name.
#[derive(Debug, Serialize)]
struct EnvironmentPair {
    name: EnvironmentName,
    a: Option<OneEnvironment>,
    b: Option<OneEnvironment>,
    groups: Vec<GroupPair>,
}

#[derive(Debug, Serialize)]
struct OneEnvironment {
    /// `null` where it has not ended.
    verdict: Option<Verdict>,
    /// Whether anything was done in it.
    reached: bool,
    message: String,
    took_ms: u64,
}

/// A group on both sides; `null` where a side has none of that name in the region.
#[derive(Debug, Serialize)]
struct GroupPair {
    name: GroupName,
    region: Region,
    a: Option<OneGroup>,
    b: Option<OneGroup>,
    /// Steps that ran on a side, in their order.
    steps: Vec<StepPair>,
    /// Checks whose result is not the same.
    checks: Vec<CheckPair>,
}

#[derive(Debug, Serialize)]
struct OneGroup {
    /// As in `summary.json`; `null` where it has not ended.
    end: Option<Outcome>,
    image_before: Option<ImageId>,
    image_planned: Option<ImageId>,
    version_before: Option<u64>,
    version_planned: Option<u64>,
    took_ms: u64,
    /// AWS's words on launches that failed, each once.
    launch_failures: Vec<String>,
}

#[derive(Debug, Serialize)]
struct StepPair {
    step: Step,
    a: Option<OneStep>,
    b: Option<OneStep>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct OneStep {
    status: Status,
    took_ms: u64,
}

#[derive(Debug, Serialize)]
struct CheckPair {
    check: String,
    a: Option<OneCheck>,
    b: Option<OneCheck>,
}

#[derive(Debug, Serialize)]
struct OneCheck {
    status: Status,
    message: String,
}

/// Compares the runs of one side with those of another; each has at least one.
pub fn compare(a: Vec<Past>, b: Vec<Past>) -> Comparison {
    let (a, b) = (fold(a), fold(b));
    let (a, b) = (Gathered::of(&a), Gathered::of(&b));
    let mut names: Vec<EnvironmentName> = Vec::new();
    for name in a.environments().chain(b.environments()) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let environments = names.into_iter().map(|name| {
        let (one, other) = (a.environment(&name), b.environment(&name));
        pair_of_environments(name, one, other)
    });
    let environments = environments.collect();
    Comparison { format: FORMAT, zone: a.zone(), environments, a: a.side(), b: b.side() }
}

fn pair_of_environments(
    name: EnvironmentName,
    a: Option<&EnvironmentRecord>,
    b: Option<&EnvironmentRecord>,
) -> EnvironmentPair {
    let groups = |record: Option<&EnvironmentRecord>| -> Vec<(Region, GroupName)> {
        let groups = record.map(|record| record.groups.as_slice()).unwrap_or_default();
        groups.iter().map(|group| (group.group.region.clone(), group.group.group.clone())).collect()
    };
    let mut keys = groups(a);
    let known: BTreeSet<(Region, GroupName)> = keys.iter().cloned().collect();
    keys.extend(groups(b).into_iter().filter(|key| !known.contains(key)));
    let pairs = keys.iter().map(|key| pair_of_groups(key, found(a, key), found(b, key)));
    EnvironmentPair { groups: pairs.collect(), a: a.map(one_environment), b: b.map(one_environment), name }
}

fn found<'r>(
    record: Option<&'r EnvironmentRecord>,
    (region, group): &(Region, GroupName),
) -> Option<(&'r EnvironmentRecord, &'r GroupRecord)> {
    let record = record?;
    let (environment, region, group) = (record.name.clone(), region.clone(), group.clone());
    Some((record, record.group(&GroupRef { environment, region, group })?))
}

fn one_environment(record: &EnvironmentRecord) -> OneEnvironment {
    OneEnvironment {
        verdict: record.verdict,
        reached: record.started.is_some(),
        message: record.message.clone(),
        took_ms: record.took_ms,
    }
}

type Found<'r> = Option<(&'r EnvironmentRecord, &'r GroupRecord)>;

fn pair_of_groups((region, name): &(Region, GroupName), a: Found<'_>, b: Found<'_>) -> GroupPair {
    const STEPS: [Step; 6] =
        [Step::Window, Step::Template, Step::Refresh, Step::Prove, Step::Rollback, Step::Tracking];
    let steps = STEPS.into_iter().filter_map(|step| {
        let (a, b) = (one_step(a, step), one_step(b, step));
        (a.is_some() || b.is_some()).then_some(StepPair { step, a, b })
    });
    GroupPair {
        name: name.clone(),
        region: region.clone(),
        steps: steps.collect(),
        checks: checks(a, b),
        a: a.map(|(environment, group)| one_group(environment, group)),
        b: b.map(|(environment, group)| one_group(environment, group)),
    }
}

fn one_group(environment: &EnvironmentRecord, group: &GroupRecord) -> OneGroup {
    let planned = group.planned.as_ref();
    let target = group.refresh.as_ref().map(|(_, target, _)| target.version);
    OneGroup {
        end: group.outcome.clone(),
        image_before: planned.and_then(|planned| planned.image.clone()),
        image_planned: planned.and_then(|planned| planned.new_image.clone()),
        version_before: planned.and_then(|planned| planned.version),
        version_planned: target.or_else(|| environment.version_for(group).map(|made| made.version)),
        took_ms: group.took_ms,
        launch_failures: group.launch_failures.iter().map(|(_, message)| message.clone()).collect(),
    }
}

fn one_step(group: Found<'_>, step: Step) -> Option<OneStep> {
    let record = group?.1.step(step)?;
    Some(OneStep { status: record.status, took_ms: record.took_ms })
}

/// Checks that ended otherwise than on the other side, in the order of the sides.
fn checks(a: Found<'_>, b: Found<'_>) -> Vec<CheckPair> {
    let all = |found: Found<'_>| -> Vec<String> {
        found
            .map(|(_, group)| group.checks.iter().map(|check| check.result.check.clone()).collect())
            .unwrap_or_default()
    };
    let mut names = all(a);
    names.extend(all(b));
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let one = |found: Found<'_>, name: &str| {
        let check = found?.1.checks.iter().find(|check| check.result.check == name)?;
        Some(OneCheck { status: check.result.status, message: check.result.message.clone() })
    };
    let pairs = names.into_iter().map(|check| CheckPair { a: one(a, &check), b: one(b, &check), check });
    let status = |one: &Option<OneCheck>| one.as_ref().map(|one| one.status);
    pairs.filter(|pair| status(&pair.a) != status(&pair.b)).collect()
}

#[cfg(test)]
mod tests;
