//! The lines that say what a result rests on: versions, AWS's reasons, answers, latencies.
//!
//! Ids and times are welcome here: these lines are never part of a name. Texts are as they
//! came; whoever writes them cleans them.

use jiff::Timestamp;

use super::alike::alike;
use super::cases::why_refused;
use super::collect::Run;
use super::record::{CheckRecord, EnvironmentRecord, GroupRecord, status_word};
use crate::event::{PlannedGroup, Probe, RollbackRoute, Status};
use crate::model::{ImageId, Outcome};

/// The mark of a rehearsal, which must not be mistaken for AWS; `None` on AWS.
pub(super) fn simulation_mark(run: &Run, simulated: bool) -> Option<String> {
    match &run.simulation {
        Some(simulation) => Some(format!(
            "SIMULATION: scenario {}, seed {}. Nothing here happened on AWS.",
            simulation.scenario, simulation.seed
        )),
        None => simulated.then(|| "SIMULATION. Nothing here happened on AWS.".to_owned()),
    }
}

/// What the environment's suite says of the run.
pub(super) fn of_environment(run: &Run, environment: &EnvironmentRecord) -> Vec<String> {
    let mut lines = vec![format!("ami-refresh {} {}, family {}", run.version, run.command, run.family)];
    for image in &run.images {
        lines
            .push(format!("image {} in {} ({}): {}", image.id, image.region, image.architecture, image.name));
    }
    let build = &run.build;
    let facts = [("number", &build.number), ("page", &build.url), ("commit", &build.commit)];
    for (what, fact) in facts {
        lines.extend(fact.iter().map(|fact| format!("build {what}: {fact}")));
    }
    for made in &environment.versions {
        let how = if made.reused { "found" } else { "created" };
        lines.push(format!(
            "{} in {}: version {} {how}, from version {}, image {}",
            made.template, made.region, made.version, made.source, made.image
        ));
    }
    lines.extend(environment.notes.iter().map(|note| format!("note: {note}")));
    if let Some(verdict) = environment.verdict {
        lines.push(format!("verdict: {verdict}: {}", environment.message));
    }
    lines.extend(environment.next.iter().map(|next| format!("next: {next}")));
    lines
}

/// What the group's suite says: from what to what, how it ended, and the way on.
pub(super) fn of_group(environment: &EnvironmentRecord, group: &GroupRecord) -> Vec<String> {
    let mut lines = vec![format!("group {} in {}", group.group.group, group.group.region)];
    if let Some(planned) = &group.planned {
        lines.push(format!("image: {}", image_change(planned)));
        lines.push(format!("template: {}, version {}", planned.template, number(planned.version)));
        lines.push(format!("instances: {} desired", planned.desired));
        lines.extend(planned.notes.iter().map(|note| format!("note: {note}")));
    }
    if let Some((id, target, adopted)) = &group.refresh {
        let how = if *adopted { "adopted" } else { "started" };
        lines.push(format!("refresh {id} {how}, to {target}"));
    }
    lines.extend(of_end(environment, group));
    lines
}

/// The template's story: what it follows, what it was pinned to, the version that was made.
pub(super) fn of_template(environment: &EnvironmentRecord, group: &GroupRecord) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(planned) = &group.planned {
        let tracking = planned.tracking.map_or("nothing known".to_owned(), |tracking| tracking.to_string());
        let version = number(planned.version);
        lines.push(format!("template {}: version {version}, follows {tracking}", planned.template));
    }
    if let Some((tracking, version)) = &group.pinned {
        lines.push(format!("pinned to version {version}; it followed {tracking}"));
    }
    if let Some(made) = environment.version_for(group) {
        let how = if made.reused { "found" } else { "created" };
        lines.push(format!(
            "{} version {} {how} from version {}, image {}",
            made.template, made.version, made.source, made.image
        ));
    }
    lines
}

/// The refresh's story: every status, every failed launch in AWS's words.
pub(super) fn of_refresh(group: &GroupRecord) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, status, percent, reason) in &group.moves {
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        lines.push(format!("{} {status} {percent}%{reason}", clock(*at)));
    }
    for (at, message) in &group.launch_failures {
        lines.push(format!("{} launch failed: {message}", clock(*at)));
    }
    lines
}

/// What the subjects answered, alike answers once; those that did not pass come first, since a
/// long text is cut.
pub(super) fn of_check(check: &CheckRecord) -> Vec<String> {
    let mut lines = check.earlier.clone();
    let (passed, rest): (Vec<&Probe>, Vec<&Probe>) =
        check.result.probes.iter().partition(|probe| probe.status == Status::Passed);
    for group in alike(rest.into_iter().chain(passed)) {
        lines.push(group.line());
        if group.probes.len() > 1 {
            lines.extend(group.subjects().into_iter().map(|subjects| format!("    {subjects}")));
        }
        let evidence = group.probes.first().map_or("", |first| first.evidence.as_str());
        lines.extend(evidence.lines().map(|line| format!("    {line}")));
    }
    lines
}

/// How the rollback went.
pub(super) fn of_rollback(group: &GroupRecord) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some((route, why)) = &group.rollback {
        lines.push(format!("{}, since: {why}", route_words(*route)));
    }
    for result in &group.checks_after_rollback {
        let status = status_word(result.status);
        lines.push(format!("check {} on the image it has now: {status}: {}", result.check, result.message));
    }
    lines
}

/// The end: outcome, images that run, stragglers, the command that goes on.
pub(super) fn of_end(environment: &EnvironmentRecord, group: &GroupRecord) -> Vec<String> {
    let mut lines = Vec::new();
    let (outcome, next) = match &group.outcome {
        // Its window may have been told of; nothing more was done in any group of it.
        None if environment.was_refused() => (
            format!("nothing was done to it, the environment was refused: {}", why_refused(environment)),
            None,
        ),
        None if group.started.is_none() => ("nothing was done to it".to_owned(), None),
        None => ("no end was reported".to_owned(), None),
        Some(Outcome::Refreshed { instances }) => (format!("refreshed, {instances} instances proved"), None),
        Some(Outcome::Skipped { why }) => (format!("skipped: {why}"), None),
        Some(Outcome::RolledBack { why }) => (format!("rolled back: {why}"), None),
        Some(Outcome::Refused { why }) => (format!("no refresh could be started: {why}"), None),
        Some(Outcome::NeedsPerson { why, next }) => (format!("needs a person: {why}"), Some(next)),
        Some(Outcome::Left { state, next }) => (format!("left to AWS: {state}"), Some(next)),
        Some(Outcome::Deferred { why, .. }) => (format!("not due: {why}"), None),
        Some(Outcome::NotStarted { why }) => (format!("not started: {why}"), None),
    };
    lines.push(format!("outcome: {outcome}"));
    for (image, count) in &group.images {
        lines.push(format!("in service at the end: {count} on {image}"));
    }
    for straggler in &group.stragglers {
        lines.push(format!("straggler: {straggler} runs another image than it should"));
    }
    lines.extend(next.iter().map(|next| format!("next: {next}")));
    lines
}

/// How a group is taken back, in words.
pub(super) fn route_words(route: RollbackRoute) -> &'static str {
    match route {
        RollbackRoute::Native => "AWS rolls the refresh back",
        RollbackRoute::NewRefresh => "a new refresh goes to the recorded version",
    }
}

fn image_change(planned: &PlannedGroup) -> String {
    let id = |image: &Option<ImageId>| image.as_ref().map_or("unknown".to_owned(), ToString::to_string);
    let name = if planned.image_name.is_empty() { "no name" } else { &planned.image_name };
    match &planned.new_image {
        Some(_) => format!("{} ({name}) -> {}", id(&planned.image), id(&planned.new_image)),
        None => format!("{} ({name}), unchanged", id(&planned.image)),
    }
}

fn number(version: Option<u64>) -> String {
    version.map_or("unknown".to_owned(), |version| version.to_string())
}

fn clock(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
