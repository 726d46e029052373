//! The test cases of an environment and of its groups: names, how each ended, evidence.
//!
//! [`of_group`] and [`of_environment`] make [`Case`]s from records. Names hold nothing that
//! changes from build to build. Every planned step and check has its case, also when it did
//! not run: then the case says why. Never cleans a text, never knows of XML.

use super::collect::Run;
use super::evidence;
use super::record::{EnvironmentRecord, GroupRecord, StepRecord, status_word};
use crate::event::{PlannedAction, Status, Step};
use crate::model::{Outcome, Verdict};

/// A test case.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// Stable from build to build.
    pub(super) name: String,
    pub(super) status: Status,
    /// What kind of case it is: a step's name, or `check`.
    pub(super) kind: &'static str,
    /// One line.
    pub(super) message: String,
    /// The rest, a line each.
    pub(super) lines: Vec<String>,
    pub(super) took_ms: u64,
}

impl Case {
    /// Whether it makes its file red.
    pub(super) fn failed(&self) -> bool {
        match self.status {
            Status::Failed | Status::Errored => true,
            Status::Passed | Status::Skipped => false,
        }
    }

    fn not_run(name: String, kind: &'static str, why: String) -> Self {
        Self { name, status: Status::Skipped, kind, message: why, lines: Vec::new(), took_ms: 0 }
    }

    fn of_step(record: &StepRecord) -> Self {
        Self {
            name: record.step.as_str().to_owned(),
            status: record.status,
            kind: record.step.as_str(),
            message: record.message.clone(),
            lines: record.evidence.clone(),
            took_ms: record.took_ms,
        }
    }

    /// Turns it into a failure, keeping what it said before.
    fn fail(&mut self, why: String) {
        let before = format!("before that: {}: {}", status_word(self.status), self.message);
        self.lines.insert(0, before);
        self.status = Status::Failed;
        self.message = why;
    }
}

/// The cases of a group: template, refresh, its checks, prove; rollback, tracking and window
/// if they ran.
pub(super) fn of_group(run: &Run, environment: &EnvironmentRecord, group: &GroupRecord) -> Vec<Case> {
    let why = why_not_run(run, environment, group);
    let step = |step: Step| match group.step(step) {
        Some(record) => Case::of_step(record),
        None => Case::not_run(step.as_str().to_owned(), step.as_str(), why.clone()),
    };
    let mut cases = vec![step(Step::Template), step(Step::Refresh)];
    cases[0].lines.extend(evidence::of_template(environment, group));
    cases[1].lines.extend(evidence::of_refresh(group));
    cases.extend(of_checks(group, &why));
    let prove_at = cases.len();
    cases.push(step(Step::Prove));
    cases[prove_at].lines.extend(evidence::of_end(environment, group));
    if let Some(record) = group.step(Step::Rollback) {
        let mut case = Case::of_step(record);
        case.lines.extend(evidence::of_rollback(group));
        cases.push(case);
    }
    for last in [Step::Tracking, Step::Window] {
        cases.extend(group.step(last).map(Case::of_step));
    }
    // A group that was taken back since another failed has no failure of its own, and must not
    // look as if it were on the new image.
    let failure = failure_of(group).filter(|_| !went_back_as_asked(run, group));
    if let (Some(failure), false) = (failure, cases.iter().any(Case::failed)) {
        cases[prove_at].fail(failure);
    }
    keep_own(run, &mut cases);
    cases
}

/// Leaves out what another step's file has: a case that did not run since it is not this
/// step's business would stand there a second time, under the same name.
fn keep_own(run: &Run, cases: &mut Vec<Case>) {
    let Some(step) = single_step(&run.command) else { return };
    let own: &[&str] = match step {
        "update-templates" => &["gate", "freeze", "plan", "window", "template"],
        "refresh" => &["gate", "freeze", "plan", "window", "refresh", "prove"],
        "smoke" => &["check"],
        _ => &[],
    };
    cases.retain(|case| case.status != Status::Skipped || own.contains(&case.kind));
}

/// The step, when the run is one step of a rollout and not the whole of it.
pub(super) fn single_step(command: &str) -> Option<&str> {
    let single = ["update-templates", "refresh", "smoke", "rollback", "gate pass"];
    single.into_iter().find(|step| *step == command)
}

/// The planned checks in their order, then any that were not planned.
fn of_checks(group: &GroupRecord, why: &str) -> Vec<Case> {
    let planned = group.planned.iter().flat_map(|planned| planned.checks.iter().map(String::as_str));
    let mut names: Vec<&str> = planned.collect();
    for check in &group.checks {
        if !names.contains(&check.result.check.as_str()) {
            names.push(&check.result.check);
        }
    }
    let case = |name: &str| {
        let title = format!("check {name}");
        match group.checks.iter().find(|check| check.result.check == name) {
            None => Case::not_run(title, "check", why.to_owned()),
            Some(check) => Case {
                name: title,
                status: check.result.status,
                kind: "check",
                message: check.result.message.clone(),
                lines: evidence::of_check(check),
                took_ms: check.result.took_ms,
            },
        }
    };
    names.into_iter().map(case).collect()
}

/// Whether the group is back, and that is what the run was for.
fn went_back_as_asked(run: &Run, group: &GroupRecord) -> bool {
    run.command == "rollback" && matches!(group.outcome, Some(Outcome::RolledBack { .. }))
}

/// What failed, for a group that did not end as it should; `None` when it did, or has not ended.
fn failure_of(group: &GroupRecord) -> Option<String> {
    match group.outcome.as_ref()? {
        Outcome::RolledBack { why } => Some(format!("rolled back: {why}")),
        Outcome::Refused { why } => Some(format!("no refresh could be started: {why}")),
        Outcome::NeedsPerson { why, .. } => Some(format!("needs a person: {why}")),
        Outcome::Refreshed { .. }
        | Outcome::Skipped { .. }
        | Outcome::Left { .. }
        | Outcome::Deferred { .. }
        | Outcome::NotStarted { .. } => None,
    }
}

/// Why a step or check of the group did not run.
fn why_not_run(run: &Run, environment: &EnvironmentRecord, group: &GroupRecord) -> String {
    match &group.outcome {
        Some(Outcome::Skipped { why }) => format!("skipped: {why}"),
        Some(Outcome::Deferred { why, .. }) => format!("not due: {why}"),
        Some(Outcome::NotStarted { why }) => format!("not started: {why}"),
        Some(Outcome::RolledBack { why }) => format!("not run, the group was rolled back: {why}"),
        Some(Outcome::Refused { why }) => format!("not run, no refresh could be started: {why}"),
        Some(Outcome::NeedsPerson { why, .. }) => format!("not run, the group needs a person: {why}"),
        Some(Outcome::Left { state, .. }) => match &run.aborting {
            Some((signal, _)) => format!("aborted by {signal}, left to AWS: {state}"),
            None => format!("not run yet, left to AWS: {state}"),
        },
        Some(Outcome::Refreshed { .. }) => format!("not part of '{}'", run.command),
        None => why_unfinished(run, environment, group),
    }
}

fn why_unfinished(run: &Run, environment: &EnvironmentRecord, group: &GroupRecord) -> String {
    if environment.was_refused() {
        return format!("environment refused: {}", why_refused(environment));
    }
    if let Some((signal, _)) = &run.aborting {
        return format!("aborted by {signal}");
    }
    let skipped = group.planned.as_ref().filter(|planned| planned.action == PlannedAction::Skip);
    match (skipped, environment.verdict) {
        (Some(planned), _) => format!("skipped: {}", planned.why),
        (None, Some(Verdict::Partial)) => format!("not part of '{}'", run.command),
        (None, Some(_)) => format!("not run: {}", environment.message),
        (None, None) => "not run: the run was ended before this".to_owned(),
    }
}

/// The first problem, and how many more there are.
pub(super) fn why_refused(environment: &EnvironmentRecord) -> String {
    match environment.problems.as_slice() {
        [] => environment.message.clone(),
        [only] => only.what.clone(),
        [first, more @ ..] => format!("{} (and {} more)", first.what, more.len()),
    }
}

/// The environment's own cases: gate, freeze, plan, record. `green` says that no group's case failed.
pub(super) fn of_environment(run: &Run, environment: &EnvironmentRecord, green: bool) -> Vec<Case> {
    let why = why_environment(run, environment);
    let mut cases: Vec<Case> = [Step::Gate, Step::Freeze, Step::Plan, Step::Record]
        .into_iter()
        .map(|step| match environment.step(step) {
            Some(record) => Case::of_step(record),
            None => Case::not_run(step.as_str().to_owned(), step.as_str(), why.clone()),
        })
        .collect();
    if environment.refused {
        let at = cases.iter().position(Case::failed).unwrap_or(2);
        let case = &mut cases[at];
        if !case.failed() {
            case.status = Status::Failed;
            case.message = why_refused(environment);
        }
        case.lines.extend(environment.problems.iter().map(ToString::to_string));
    }
    if green && !cases.iter().any(Case::failed) {
        match environment.verdict {
            Some(Verdict::Refused | Verdict::SetUp | Verdict::Unreachable) => {
                cases[2].fail(environment.message.clone());
            }
            Some(Verdict::RolledBack | Verdict::NeedsPerson | Verdict::Unproved) => {
                cases[3].fail(environment.message.clone());
            }
            None if environment.started.is_some() && run.aborting.is_none() => {
                cases[3].status = Status::Errored;
            }
            Some(
                Verdict::Passed | Verdict::Partial | Verdict::NotDue | Verdict::Aborted | Verdict::NotReached,
            )
            | None => {}
        }
    }
    keep_own(run, &mut cases);
    cases
}

/// Why a step of the environment did not run.
fn why_environment(run: &Run, environment: &EnvironmentRecord) -> String {
    match (environment.verdict, &run.aborting) {
        _ if environment.refused => format!("environment refused: {}", why_refused(environment)),
        (Some(Verdict::Passed | Verdict::Partial), _) => format!("not part of '{}'", run.command),
        (Some(Verdict::NotDue), _) => format!("not due: {}", environment.message),
        (Some(Verdict::NotReached), _) => format!("not reached: {}", environment.message),
        (Some(Verdict::Aborted) | None, Some((signal, _))) => format!("aborted by {signal}"),
        (
            Some(
                Verdict::Refused
                | Verdict::SetUp
                | Verdict::Unreachable
                | Verdict::RolledBack
                | Verdict::NeedsPerson
                | Verdict::Unproved
                | Verdict::Aborted,
            ),
            _,
        ) => format!("not run: {}", environment.message),
        (None, None) if environment.started.is_some() => {
            "the run was ended before this environment was".to_owned()
        }
        (None, None) => not_reached(run),
    }
}

fn not_reached(run: &Run) -> String {
    match &run.ended {
        Some((_, message)) => format!("not reached: {message}"),
        None => "not reached".to_owned(),
    }
}
