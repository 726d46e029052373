//! The last of an environment: its gate's record, the markers taken away, the verdict.

mod by_proof;
mod gates;
mod hold;
mod marks;
mod tally;
mod ways;

use std::collections::BTreeMap;

pub use by_proof::{pass_by_proof, pass_what_was_due_by_proof};
use gates::{keep, was_partial};
pub(super) use gates::{passed, recorded, revoke};
use hold::{Held, hold_image, quarantined_meanwhile};
use marks::unmark;
use tally::Tally;
use ways::Ways;

use super::ends::{Ended, GroupEnd, Side, Steps, failed};
use super::{Run, local};
use crate::aws::Account;
use crate::config::Environment;
use crate::gate::State;
use crate::model::{Outcome, Problem, Region, Verdict, once};

/// Records the gate where it is due, takes the markers away, and gives the verdict.
pub(super) async fn conclude(
    run: &Run<'_>,
    environment: &Environment,
    accounts: &BTreeMap<Region, Account>,
    ends: &[GroupEnd<'_>],
    steps: Steps,
) -> Ended {
    let tally = Tally::of(ends);
    let over = ends.iter().filter(|end| is_over(end)).map(|end| end.plan);
    let ways = Ways::new(over, ends.iter().map(|end| &end.plan.group));
    let name = &environment.name;
    let proved =
        environment.gate.allow_empty || (tally.refreshed == 0 && was_partial(run, environment).await);
    let verdict = tally.verdict(steps, proved);
    let mut ended = Ended { verdict, message: tally.words(), next: Vec::new() };
    match verdict {
        Verdict::Passed if tally.refreshed == 0 && passed(run, environment).await.unwrap_or(false) => {
            ended.message = format!("nothing to do: {}", ended.message);
        }
        Verdict::Passed if let Some(why) = quarantined_meanwhile(run).await => {
            on_bad_image(environment, &why, &mut ended);
        }
        Verdict::Passed => {
            if let Err(error) = keep(run, environment, State::Passed, &tally.share(), &ways).await {
                ended.verdict = Verdict::NeedsPerson;
                // The markers stay: they are what the next run proves the gate by.
                ended.message = format!("{}, but the gate could not be recorded: {error}", ended.message);
                ended.next.push(run.whole(name));
                return ended;
            }
        }
        Verdict::RolledBack | Verdict::NeedsPerson => {
            failing(run, environment, ends, &ways, (&tally, &mut ended)).await;
        }
        Verdict::Unproved => {
            let passed = passed(run, environment).await.unwrap_or(false);
            if passed && tally.deferred == 0 {
                ended.verdict = Verdict::Passed;
                ended.message = format!("nothing to do, the gate is passed: {}", ended.message);
            } else if !tally.held.is_empty() {
                if tally.deferred > 0 {
                    in_part(run, environment, ends, (steps, &ways), (&tally, &mut ended)).await;
                }
                if passed {
                    // A person passed it: the others go on in their time.
                    ended.verdict = Verdict::Partial;
                } else {
                    held(run, environment, &tally, &mut ended);
                }
            } else {
                ended.message = format!("nothing was proved: {}", ended.message);
                ended.next.push(format!(
                    "ami-refresh gate pass --env {name} --reason \"…\", or allow_empty in its gate"
                ));
            }
        }
        Verdict::Partial | Verdict::NotDue => {
            in_part(run, environment, ends, (steps, &ways), (&tally, &mut ended)).await;
        }
        Verdict::Refused | Verdict::SetUp | Verdict::Unreachable | Verdict::Aborted | Verdict::NotReached => {
        }
    }
    // Until the gate is recorded the markers are what a next step goes on from; a group that is
    // back on the old image has nothing to go on from.
    let whole = steps == Steps::Rollout;
    unmark(run, environment, accounts, (ends, &ways), |end| {
        // By its marker the next run knows what failed before, and asks the checks again.
        if end.side == Side::New && !end.held.is_empty() && ended.verdict != Verdict::Passed {
            return false;
        }
        let released = end.plan.marked.is_some();
        let back = ended.verdict != Verdict::Partial && end.side == Side::Old;
        whole || released || failed(&end.outcome) || back
    })
    .await;
    ended
}

/// Whether the candidate's rollout is over for the group: it is on it, or back from it.
fn is_over(end: &GroupEnd<'_>) -> bool {
    let back = matches!(
        end.outcome,
        Outcome::RolledBack { .. } | Outcome::NotStarted { .. } | Outcome::Refused { .. }
    );
    end.side == Side::New || (end.side == Side::Old && back)
}

/// Checks failed before the refresh too: nothing goes back for that, and the gate is not passed.
fn held(run: &Run<'_>, environment: &Environment, tally: &Tally, ended: &mut Ended) {
    let groups = tally.held.join(", ");
    ended.message =
        format!("{}; the gate is held by what failed before the refresh too: {groups}", ended.message);
    let whole = run.whole(&environment.name);
    ended.next.push(format!("{whole}, when the cause is mended: it asks the checks again"));
    let by_hand = format!("ami-refresh gate pass --env {} --reason \"…\"", environment.name);
    ended.next.push(format!("or {by_hand}, and {whole} after that"));
}

/// What groups run is in quarantine: they must not stay on it.
fn on_bad_image(environment: &Environment, why: &str, ended: &mut Ended) {
    ended.verdict = Verdict::NeedsPerson;
    ended.message = format!("{}, but {why}", ended.message);
    ended.next.push(format!("ami-refresh rollback --env {} --to-previous", environment.name));
}

/// The end of an environment in which something failed: the record, and every way on.
async fn failing(
    run: &Run<'_>,
    environment: &Environment,
    ends: &[GroupEnd<'_>],
    ways: &Ways<'_>,
    (tally, ended): (&Tally, &mut Ended),
) {
    let name = &environment.name;
    let failed = tally.rolled_back.iter().chain(&tally.refused).chain(&tally.needing);
    let failed: Vec<&str> = failed.map(String::as_str).collect();
    if let Err(error) = keep(run, environment, State::Failed, &failed.join(" "), ways).await {
        ended.message = format!("{}; the gate's record could not be written: {error}", ended.message);
    }
    ended.next.extend(ways_on(ends));
    if tally.refreshed > 0
        && let Some(why) = quarantined_meanwhile(run).await
    {
        on_bad_image(environment, &why, ended);
    }
    if tally.left > 0 {
        ended.next.push(format!(
            "ami-refresh rollback --env {name}, for {} groups are still under way",
            tally.left
        ));
    }
    // A group that needs a person may do so for reasons of AWS's own, one that AWS refused to start
    // never had the image, and one that was taken back beside another did not fail with it.
    let to_blame = ends.iter().any(|end| end.blames_image);
    let held = if !to_blame && tally.needing.is_empty() {
        Held::No
    } else {
        hold_image(run, environment, &failed.join(" "), to_blame).await
    };
    match held {
        Held::Yes => ended.next.push("build another image, or lift the quarantine of this one".to_owned()),
        Held::Offered(by_hand) => {
            ended.next.push(format!("{}, when the cause is mended", run.whole(name)));
            ended.next.push(by_hand);
        }
        Held::No => ended.next.push(format!("{}, when the cause is mended", run.whole(name))),
    }
}

/// The end of an environment of which something is left: for a next step, or for its time.
async fn in_part(
    run: &Run<'_>,
    environment: &Environment,
    ends: &[GroupEnd<'_>],
    (steps, ways): (Steps, &Ways<'_>),
    (tally, ended): (&Tally, &mut Ended),
) {
    let name = &environment.name;
    if tally.left > 0 {
        ended.next.push(format!("ami-refresh smoke --env {name}"));
    } else if tally.deferred == 0 {
        ended.next.push(format!("ami-refresh gate pass --env {name}"));
    }
    if steps == Steps::Rollout
        && tally.proved > 0
        && !passed(run, environment).await.unwrap_or(true)
        && let Err(error) = keep(run, environment, State::Partial, &tally.share(), ways).await
    {
        ended.message = format!("{}; the gate's record could not be written: {error}", ended.message);
    }
    if tally.deferred > 0 {
        let from = next_words(run, ends);
        ended.message = format!("{}{from}", ended.message);
        ended.next.push(format!("{}{from}", run.go_on(name)));
    }
}

/// An environment whose templates could not be prepared: nothing was refreshed.
pub(super) async fn failed_before_refresh(
    run: &Run<'_>,
    environment: &Environment,
    accounts: &BTreeMap<Region, Account>,
    ends: &[GroupEnd<'_>],
    why: &str,
) -> Ended {
    let needing = ends.iter().any(|end| matches!(end.outcome, Outcome::NeedsPerson { .. }));
    unmark(run, environment, accounts, (ends, &Ways::default()), |_| true).await;
    let again = run.whole(&environment.name);
    let verdict = if needing { Verdict::NeedsPerson } else { Verdict::RolledBack };
    Ended { verdict, message: why.to_owned(), next: vec![again] }
}

/// The end of a rollback that was asked for; `problems` are groups that it could not take back.
pub(super) async fn conclude_rollback(
    run: &Run<'_>,
    environment: &Environment,
    accounts: &BTreeMap<Region, Account>,
    ends: &[GroupEnd<'_>],
    problems: &[Problem],
) -> Ended {
    let tally = Tally::of(ends);
    let mut message = tally.words();
    let mut next = ways_on(ends);
    // Each of them was told at its group.
    next.extend(once(problems).into_iter().map(|problem| problem.next));
    if !problems.is_empty() {
        message = format!("{message}; {} groups could not be taken back", problems.len());
    }
    unmark(run, environment, accounts, (ends, &Ways::default()), |_| true).await;
    let well = tally.needing.is_empty() && tally.left == 0 && problems.is_empty();
    let verdict = if well { Verdict::Partial } else { Verdict::NeedsPerson };
    Ended { verdict, message, next }
}

/// `, from Mon 23 Nov 15:00 on`; empty when no time is known.
fn next_words(run: &Run<'_>, ends: &[GroupEnd<'_>]) -> String {
    match super::environment::next_opening(ends) {
        Some(next) if next <= run.clock.now() => ", now".to_owned(),
        Some(next) => format!(", from {} on", local(run, next)),
        None => String::new(),
    }
}

fn ways_on(ends: &[GroupEnd<'_>]) -> Vec<String> {
    let mut ways: Vec<String> = Vec::new();
    for end in ends {
        if let Outcome::NeedsPerson { next, .. } = &end.outcome
            && !ways.contains(next)
        {
            ways.push(next.clone());
        }
    }
    ways
}
