//! How groups and environments end, and how that is told.

use jiff::Timestamp;

use super::events::millis;
use super::group::Ending;
use super::machine::End;
use super::{Run, Stop};
use crate::config::Environment;
use crate::event::{Event, Status, Step};
use crate::model::{EnvironmentName, Outcome, Problem, Target, Verdict, once};
use crate::plan::GroupPlan;

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
    /// Whether it failed with the image, and not beside another group or before it had it.
    pub(super) blames_image: bool,
    /// The checks that failed before its refresh and fail still: the gate is not passed.
    pub(super) held: Vec<String>,
}

impl<'a> GroupEnd<'a> {
    /// The end of a group that no refresh was driven for here: it failed with nothing, and holds nothing.
    pub(super) fn undriven(plan: &'a GroupPlan, outcome: Outcome, side: Side) -> Self {
        Self { plan, target: None, outcome, side, blames_image: false, held: Vec::new() }
    }
}

/// How an environment ended, for its last event.
pub(super) struct Ended {
    pub(super) verdict: Verdict,
    pub(super) message: String,
    pub(super) next: Vec<String>,
}

/// Does the work on an environment, with its start and its end told and on the board.
///
/// The work is boxed by the caller: it is a large future, and would be copied around.
pub(super) async fn told(
    run: &Run<'_>,
    environment: &Environment,
    work: impl Future<Output = Result<Ended, Stop>>,
) -> Verdict {
    let begun = begin(run, environment);
    let came = work.await;
    end(run, environment, begun, came)
}

/// Tells that an environment's turn came, and gives the time.
pub(super) fn begin(run: &Run<'_>, environment: &Environment) -> Timestamp {
    run.board.begin(&environment.name);
    run.events.emit(Event::EnvironmentStarted { environment: environment.name.clone() });
    run.clock.now()
}

/// Tells how an environment ended.
pub(super) fn end(
    run: &Run<'_>,
    environment: &Environment,
    begun: Timestamp,
    came: Result<Ended, Stop>,
) -> Verdict {
    let ended = came.unwrap_or_else(|stop| stopped(run, environment, stop));
    tell_end(run, &environment.name, begun, &ended);
    ended.verdict
}

/// Tells an environment's end, and takes it off the board.
fn tell_end(run: &Run<'_>, name: &EnvironmentName, begun: Timestamp, ended: &Ended) {
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
fn stopped(run: &Run<'_>, environment: &Environment, stop: Stop) -> Ended {
    let name = &environment.name;
    let (verdict, problems) = match stop {
        Stop::Refused(problems) => (Verdict::Refused, once(&problems)),
        Stop::SetUp(problem) => (Verdict::SetUp, vec![problem]),
        Stop::Aws(error) => (
            Verdict::Unreachable,
            vec![Problem::new(
                format!("AWS could not be asked about {name}"),
                error.to_string(),
                format!("look at AWS's words, and run '{}' again", run.go_on(name)),
            )],
        ),
    };
    let next = problems.iter().map(|problem| problem.next.clone()).filter(|next| !next.is_empty()).collect();
    let message = problems.first().map(|problem| problem.what.clone()).unwrap_or_default();
    run.events.emit(Event::Refused { environment: name.clone(), problems });
    Ended { verdict, message, next }
}

/// What an ending means for the group, and for where it is.
pub(super) fn outcome(ending: &Ending, environment: &EnvironmentName, instances: u32) -> (Outcome, Side) {
    match ending.clone() {
        Ending::Machine(End::Refreshed) => (Outcome::Refreshed { instances }, Side::New),
        Ending::Machine(End::RolledBack(why)) => (Outcome::RolledBack { why }, Side::Old),
        Ending::Machine(End::Refused(why)) => (Outcome::Refused { why }, Side::Old),
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

/// Whether the group failed, wherever it is now.
pub(super) fn failed(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::RolledBack { .. } | Outcome::Refused { .. } | Outcome::NeedsPerson { .. } => true,
        Outcome::Refreshed { .. }
        | Outcome::Skipped { .. }
        | Outcome::Left { .. }
        | Outcome::Deferred { .. }
        | Outcome::NotStarted { .. } => false,
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
