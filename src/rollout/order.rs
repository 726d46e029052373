//! In which order environments go, and which of them wait meanwhile.
//!
//! The configuration's order; but one that waits for its window, a soaking gate or the end
//! of a freeze holds up only those that require it.

use jiff::{SignedDuration, Timestamp};

use super::environment::{Scope, Visit, visit};
use super::{Run, Steps, local};
use crate::event::Event;
use crate::model::{EnvironmentName, Verdict};

/// For how long a run waits in all: groups whose windows never come together would keep it
/// waiting for ever.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(35 * 24);

/// An environment of the run, and what is known of it so far.
struct Turn<'n> {
    name: &'n EnvironmentName,
    verdict: Option<Verdict>,
    /// When it may go on, once it was gone to and waits.
    waits: Option<Timestamp>,
    /// Whether a part of it was done.
    in_part: bool,
}

/// Takes the candidate through the environments, in order.
///
/// Gives each environment's verdict, in the order of `names`. The first that fails is the
/// last; one that is not due is left, with those that require it.
pub async fn run(run: &Run<'_>, names: &[EnvironmentName], scope: &Scope) -> Vec<(EnvironmentName, Verdict)> {
    let mut turns: Vec<Turn<'_>> =
        names.iter().map(|name| Turn { name, verdict: None, waits: None, in_part: false }).collect();
    let longest = run.clock.now().saturating_add(LONGEST_WAIT).unwrap_or(Timestamp::MAX);
    loop {
        give_up_on_hopeless(run, &mut turns, scope.steps);
        let Some(at) = next(run, &turns) else { break };
        if let Some(until) = turns[at].waits {
            run.clock.sleep_until(until).await;
        }
        let name = turns[at].name;
        let Some(environment) = run.fleet.environment(name.as_str()) else {
            turns[at].verdict = Some(not_reached(run, name, "the configuration does not name it"));
            continue;
        };
        match visit(run, environment, scope).await {
            Visit::Waits { until, .. } if until > longest => {
                turns[at].verdict = Some(too_long(run, name, until));
            }
            Visit::Waits { until, in_part } => {
                turns[at].waits = Some(until);
                turns[at].in_part |= in_part;
            }
            Visit::Ended(verdict) => turns[at].verdict = Some(verdict),
        }
    }
    turns.iter().map(|turn| (turn.name.clone(), turn.verdict.unwrap_or(Verdict::NotReached))).collect()
}

/// The first whose time has come; else the one whose time comes first.
fn next(run: &Run<'_>, turns: &[Turn<'_>]) -> Option<usize> {
    let now = run.clock.now();
    let open = |(_, turn): &(usize, &Turn<'_>)| turn.verdict.is_none() && !requires_open(run, turn, turns);
    let come = turns.iter().enumerate().filter(open).find(|(_, turn)| turn.waits.is_none_or(|at| at <= now));
    let soonest = || turns.iter().enumerate().filter(open).min_by_key(|(_, turn)| turn.waits);
    come.or_else(soonest).map(|(at, _)| at)
}

/// Whether it requires one of this run that has not ended.
fn requires_open(run: &Run<'_>, turn: &Turn<'_>, turns: &[Turn<'_>]) -> bool {
    turns.iter().any(|other| other.verdict.is_none() && is_required(run, turn, other))
}

fn is_required(run: &Run<'_>, turn: &Turn<'_>, other: &Turn<'_>) -> bool {
    let environment = run.fleet.environment(turn.name.as_str());
    environment.is_some_and(|environment| environment.gate.requires.contains(other.name))
}

/// Tells those that can't be reached any more: after a failure all of them, else those that
/// require one that was not due.
fn give_up_on_hopeless(run: &Run<'_>, turns: &mut [Turn<'_>], steps: Steps) {
    let failed = turns.iter().find(|turn| turn.verdict.is_some_and(fails));
    let failed = failed.and_then(|turn| Some(format!("{} ended as {}", turn.name, turn.verdict?)));
    // The order is one in which those that are required come first: once through is enough.
    for at in 0..turns.len() {
        if turns[at].verdict.is_some() {
            continue;
        }
        let held = turns.iter().find(|other| {
            // A part of it was not due; a single step is a part of it in any case.
            let partly = other.verdict == Some(Verdict::Partial) && steps == Steps::Rollout;
            let left = partly || matches!(other.verdict, Some(Verdict::NotDue | Verdict::NotReached));
            left && is_required(run, &turns[at], other)
        });
        let held = held.map(|other| format!("it requires {}, which is not done", other.name));
        let Some(why) = failed.clone().or(held) else { continue };
        let verdict = match turns[at].waits {
            Some(until) if turns[at].in_part => left_waiting(run, turns[at].name, until, &why),
            Some(_) | None => not_reached(run, turns[at].name, &why),
        };
        turns[at].verdict = Some(verdict);
    }
}

/// Whether nothing goes on after an environment that ended so.
fn fails(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Passed | Verdict::Partial | Verdict::NotDue | Verdict::NotReached => false,
        Verdict::Unproved
        | Verdict::Refused
        | Verdict::SetUp
        | Verdict::Unreachable
        | Verdict::RolledBack
        | Verdict::NeedsPerson
        | Verdict::Aborted => true,
    }
}

fn too_long(run: &Run<'_>, name: &EnvironmentName, until: Timestamp) -> Verdict {
    let message =
        format!("what is left may not begin before {}, and no run waits that long", local(run, until));
    ended(run, name, Verdict::NotDue, message, vec![run.go_on(name)])
}

fn left_waiting(run: &Run<'_>, name: &EnvironmentName, until: Timestamp, why: &str) -> Verdict {
    let message = format!("{why}; it was waiting until {}", local(run, until));
    // Not "not reached": what was done there stays done, and its ticket open.
    ended(run, name, Verdict::NotDue, message, Vec::new())
}

/// Tells that an environment was not reached.
pub(super) fn not_reached(run: &Run<'_>, name: &EnvironmentName, why: &str) -> Verdict {
    ended(run, name, Verdict::NotReached, why.to_owned(), Vec::new())
}

fn ended(
    run: &Run<'_>,
    name: &EnvironmentName,
    verdict: Verdict,
    message: String,
    next: Vec<String>,
) -> Verdict {
    run.events.emit(Event::EnvironmentEnded {
        environment: name.clone(),
        verdict,
        message,
        next,
        took_ms: 0,
    });
    verdict
}
