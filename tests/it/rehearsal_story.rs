//! What a rehearsal told, in short lines that tests compare: `payments-dev: moved Baking 100%`.

use ami_refresh::event::{Event, GroupRef, RollbackRoute, Status};
use ami_refresh::model::{Outcome, Verdict};
use ami_refresh::sim::Scenario;

use crate::stage::Stage;

/// Runs it on paused time.
pub(crate) fn block<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(work)
}

/// The scenario of that name, on the groups that the glob matches.
pub(crate) fn scenario(name: &str, groups: &str) -> Scenario {
    Scenario::named(name).expect("a scenario").scoped(groups)
}

/// Everything that was told, a line each.
pub(crate) fn story(stage: &Stage) -> Vec<String> {
    stage.told(line)
}

/// What was told of one group or environment, without its name.
pub(crate) fn story_of(stage: &Stage, subject: &str) -> Vec<String> {
    let prefix = format!("{subject}: ");
    story(stage).iter().filter_map(|line| Some(line.strip_prefix(&prefix)?.to_owned())).collect()
}

/// Asserts that the story holds lines that begin so, in this order, whatever is between them.
#[track_caller]
pub(crate) fn in_order(story: &[String], wanted: &[&str]) {
    let mut lines = story.iter();
    for want in wanted {
        assert!(lines.any(|line| line.starts_with(want)), "no {want:?} in its place in {story:#?}");
    }
}

/// The lines that begin so.
pub(crate) fn count(story: &[String], prefix: &str) -> usize {
    story.iter().filter(|line| line.starts_with(prefix)).count()
}

/// How each of the groups ended, in the order told: `payments-dev: ended refreshed`.
pub(crate) fn ends(stage: &Stage) -> Vec<String> {
    let ended = story(stage).into_iter().filter(|line| line.contains(": ended ")).collect::<Vec<_>>();
    ended.iter().map(|line| line.split(" (").next().unwrap_or_default().to_owned()).collect()
}

/// The verdict as the last event of the environment told it, with its message.
pub(crate) fn told_verdict(stage: &Stage, name: &str) -> Option<(Verdict, String, Vec<String>)> {
    let told = stage.told(|event| match event {
        Event::EnvironmentEnded { environment, verdict, message, next, .. }
            if environment.as_str() == name =>
        {
            Some((*verdict, message.clone(), next.clone()))
        }
        _ => None,
    });
    told.into_iter().next_back()
}

fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::EnvironmentStarted { environment } => format!("{environment}: begun"),
        Event::Refused { environment, problems } => {
            let whats: Vec<&str> = problems.iter().map(|problem| problem.what.as_str()).collect();
            format!("{environment}: refused: {}", whats.join("; "))
        }
        Event::Pinned { group, tracking, version } => of(group, format!("pinned {tracking} to {version}")),
        Event::VersionReady { template, source, version, reused, .. } => {
            let how = if *reused { "reused" } else { "made" };
            format!("{template}: {how} {version} of {source}")
        }
        Event::RefreshStarted { group, target, adopted, .. } => {
            of(group, format!("{} to {}", if *adopted { "adopted" } else { "started" }, target.version))
        }
        Event::RefreshMoved { group, status, percent, .. } => of(group, format!("moved {status} {percent}%")),
        Event::LaunchFailed { group, message, .. } => of(group, format!("launch failed: {message}")),
        Event::ChecksStarted { group, .. } => of(group, "checks asked"),
        Event::CheckEnded { group, result } => {
            of(group, format!("check {} {}: {}", result.check, status(result.status), result.message))
        }
        Event::RollbackStarted { group, route, why } => {
            let route = match route {
                RollbackRoute::Native => "native",
                RollbackRoute::NewRefresh => "by a new refresh",
            };
            of(group, format!("rollback {route}: {why}"))
        }
        Event::GroupStep { group, step, status: ended, message, .. } => {
            of(group, format!("step {} {}: {message}", step.as_str(), status(*ended)))
        }
        Event::EnvironmentStep { environment, step, status: ended, message, .. } => {
            format!("{environment}: step {} {}: {message}", step.as_str(), status(*ended))
        }
        Event::GroupEnded { group, outcome, .. } => of(group, format!("ended {}", end(outcome))),
        Event::EnvironmentWaits { environment, until, message } => {
            format!("{environment}: waits until {until}: {message}")
        }
        Event::FreezeOverridden { environment, freeze, by, .. } => {
            format!("{environment}: freeze {freeze:?} overridden by {}: {}", by.who, by.reason)
        }
        Event::Quarantined { environment, reason, .. } => format!("{environment}: quarantined: {reason}"),
        Event::NotDelivered { sink, what, problem } => {
            format!("run: not delivered to {sink}: {what}: {}", problem.what)
        }
        Event::Note { environment, text } => {
            format!("{}: note: {text}", environment.as_ref().map_or("run", |name| name.as_str()))
        }
        Event::Aborting { signal, on_abort } => format!("run: aborting on {signal}, {on_abort}"),
        Event::EnvironmentEnded { environment, verdict, message, .. } => {
            format!("{environment}: over, {verdict}: {message}")
        }
        Event::CapacitySeen { .. }
        | Event::ImageDescribed { .. }
        | Event::RunStarted { .. }
        | Event::Planned { .. }
        | Event::RunEnded { .. } => return None,
    })
}

fn of(group: &GroupRef, what: impl std::fmt::Display) -> String {
    format!("{}: {what}", group.group)
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Skipped => "skipped",
        Status::Failed => "failed",
        Status::Errored => "errored",
    }
}

fn end(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refreshed { instances } => format!("refreshed ({instances})"),
        Outcome::Skipped { why } => format!("skipped ({why})"),
        Outcome::RolledBack { why } => format!("rolled back ({why})"),
        Outcome::Refused { why } => format!("refused ({why})"),
        Outcome::NeedsPerson { why, next } => format!("needing a person ({why}; next: {next})"),
        Outcome::Left { state, next } => format!("left ({state}; next: {next})"),
        Outcome::Deferred { why, .. } => format!("not due ({why})"),
        Outcome::NotStarted { why } => format!("not started ({why})"),
    }
}
