//! The last of an environment: its gate's record, the markers taken away, the verdict.

mod by_proof;
mod hold;
mod tally;

use std::collections::BTreeMap;

pub use by_proof::{pass_by_proof, pass_what_was_due_by_proof};
use hold::{Held, hold_image, quarantined_meanwhile};
use tally::Tally;

use super::ends::{Ended, GroupEnd, Side, Steps, failed, tell_environment_step};
use super::patience::{patiently, until};
use super::prepare::SETTLES_WITHIN;
use super::{Run, local};
use crate::aws::{Account, Error, TagChange};
use crate::config::Environment;
use crate::event::{Event, Status, Step};
use crate::gate::{self, Record, State};
use crate::model::{EnvironmentName, Outcome, Problem, Region, Verdict};
use crate::plan::MARKER_TAGS;

/// Records the gate where it is due, takes the markers away, and gives the verdict.
pub(super) async fn conclude(
    run: &Run<'_>,
    environment: &Environment,
    accounts: &BTreeMap<Region, Account>,
    ends: &[GroupEnd<'_>],
    steps: Steps,
) -> Ended {
    let tally = Tally::of(ends);
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
            if let Err(error) = keep(run, environment, State::Passed, &tally.share()).await {
                ended.verdict = Verdict::NeedsPerson;
                // The markers stay: they are what the next run proves the gate by.
                ended.message = format!("{}, but the gate could not be recorded: {error}", ended.message);
                ended.next.push(run.whole(name));
                return ended;
            }
        }
        Verdict::RolledBack | Verdict::NeedsPerson => {
            failing(run, environment, ends, (&tally, &mut ended)).await;
        }
        Verdict::Unproved => {
            if passed(run, environment).await.unwrap_or(false) {
                ended.verdict = Verdict::Passed;
                ended.message = format!("nothing to do, the gate is passed: {}", ended.message);
            } else {
                ended.message = format!("nothing was proved: {}", ended.message);
                ended.next.push(format!(
                    "ami-refresh gate pass --env {name} --reason \"…\", or allow_empty in its gate"
                ));
            }
        }
        Verdict::Partial | Verdict::NotDue => {
            in_part(run, environment, ends, steps, (&tally, &mut ended)).await;
        }
        Verdict::Refused | Verdict::SetUp | Verdict::Unreachable | Verdict::Aborted | Verdict::NotReached => {
        }
    }
    // Until the gate is recorded the markers are what a next step goes on from; a group that is
    // back on the old image has nothing to go on from.
    let whole = steps == Steps::Rollout;
    unmark(run, accounts, ends, |end| {
        let released = end.plan.marked.is_some();
        let back = ended.verdict != Verdict::Partial && end.side == Side::Old;
        whole || released || failed(&end.outcome) || back
    })
    .await;
    ended
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
    (tally, ended): (&Tally, &mut Ended),
) {
    let name = &environment.name;
    let failed: Vec<&str> = tally.rolled_back.iter().chain(&tally.needing).map(String::as_str).collect();
    if let Err(error) = keep(run, environment, State::Failed, &failed.join(" ")).await {
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
    // A group that needs a person may do so for reasons of AWS's own.
    let to_blame = !tally.rolled_back.is_empty();
    let held = if failed.is_empty() {
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
    steps: Steps,
    (tally, ended): (&Tally, &mut Ended),
) {
    let name = &environment.name;
    if tally.left > 0 {
        ended.next.push(format!("ami-refresh smoke --env {name}"));
    } else if tally.deferred == 0 {
        ended.next.push(format!("ami-refresh gate pass --env {name}"));
    }
    if steps == Steps::Rollout
        && tally.refreshed > 0
        && !passed(run, environment).await.unwrap_or(true)
        && let Err(error) = keep(run, environment, State::Partial, &tally.share()).await
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
    unmark(run, accounts, ends, |_| true).await;
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
    for problem in problems {
        let text = problem.to_string();
        run.events.emit(Event::Note { environment: Some(environment.name.clone()), text });
        next.push(problem.next.clone());
    }
    if !problems.is_empty() {
        message = format!("{message}; {} groups could not be taken back", problems.len());
    }
    unmark(run, accounts, ends, |_| true).await;
    let well = tally.needing.is_empty() && tally.left == 0 && problems.is_empty();
    let verdict = if well { Verdict::Partial } else { Verdict::NeedsPerson };
    Ended { verdict, message, next }
}

/// Writes the gate's record on every image of the candidate, and tells it.
pub(super) async fn keep(
    run: &Run<'_>,
    environment: &Environment,
    state: State,
    detail: &str,
) -> Result<(), Error> {
    let begun = run.clock.now();
    let build =
        run.candidate.build.number.as_ref().map_or_else(String::new, |number| format!(" build {number}"));
    let overridden = run
        .overridden
        .borrow()
        .get(&environment.name)
        .map_or_else(String::new, |by| format!(" freeze overridden by {}: {}", by.who, by.reason));
    let record = Record { state, at: run.clock.now(), detail: format!("{detail}{build}{overridden}") };
    let homes = run.homes();
    let name = &environment.name;
    let written =
        patiently(run.clock, async || gate::write(&homes, run.candidate, name, &record).await).await;
    let written = match written {
        Ok(()) => {
            run.kept.borrow_mut().insert(name.clone(), record.clone());
            shown(run, &homes, name, &record).await
        }
        Err(error) => Err(error),
    };
    let told = match &written {
        Ok(()) => (Status::Passed, record.to_tag(), Vec::new()),
        Err(error) => (Status::Errored, format!("the gate could not be recorded: {error}"), Vec::new()),
    };
    tell_environment_step(run, name, Step::Record, begun, told);
    written
}

/// Waits until EC2 shows the record: the next environment asks for it at once.
async fn shown(
    run: &Run<'_>,
    homes: &[Account],
    name: &EnvironmentName,
    record: &Record,
) -> Result<(), Error> {
    let ask = async || gate::read(homes, run.candidate).await;
    let same =
        |records: &gate::Records| records.get(name).is_some_and(|shown| shown.to_tag() == record.to_tag());
    // What is not shown by then was written all the same: the next reader waits no longer than we did.
    until(run.clock, SETTLES_WITHIN, ask, same).await.map(drop)
}

/// Whether a part of the environment was proved on this candidate before.
async fn was_partial(run: &Run<'_>, environment: &Environment) -> bool {
    let homes = run.homes();
    let records = patiently(run.clock, async || gate::read(&homes, run.candidate).await).await;
    let is_partial = |records: gate::Records| {
        records.get(&environment.name).is_some_and(|record| record.state == State::Partial)
    };
    // What can't be read proves nothing.
    records.is_ok_and(is_partial)
}

/// Whether the environment's own gate is passed for this candidate.
pub(super) async fn passed(run: &Run<'_>, environment: &Environment) -> Result<bool, Error> {
    let homes = run.homes();
    let records = patiently(run.clock, async || gate::read(&homes, run.candidate).await).await?;
    Ok(records.get(&environment.name).is_some_and(|record| record.state == State::Passed))
}

/// Whether anything is proved of this candidate in the environment, all of it or a part.
pub(super) async fn counts(run: &Run<'_>, environment: &Environment) -> Result<bool, Error> {
    let homes = run.homes();
    let records = patiently(run.clock, async || gate::read(&homes, run.candidate).await).await?;
    let state = records.get(&environment.name).map(|record| record.state);
    Ok(matches!(state, Some(State::Passed | State::Partial)))
}

/// Takes the markers of the chosen groups away; a group that needs a person keeps its own.
pub(super) async fn unmark(
    run: &Run<'_>,
    accounts: &BTreeMap<Region, Account>,
    ends: &[GroupEnd<'_>],
    chosen: impl Fn(&GroupEnd<'_>) -> bool,
) {
    for end in ends.iter().filter(|end| end.plan.touched().is_some() && chosen(end)) {
        if end.side == Side::Unknown {
            continue;
        }
        let Some(account) = accounts.get(&end.plan.at.region) else { continue };
        let group = &end.plan.at.group;
        let removed = patiently(run.clock, async || {
            let changes = MARKER_TAGS.map(|key| (key, TagChange::Remove));
            // What a policy was is in tags of their own; a group without one has the first only.
            let count = if end.plan.group.policy.is_some() { changes.len() } else { 1 };
            account.change_group_tags(group, &changes[..count]).await
        });
        if let Err(error) = removed.await {
            let text = format!(
                "the tag {} of group {group} could not be removed: {error}; the next run removes it",
                MARKER_TAGS[0]
            );
            run.events.emit(Event::Note { environment: Some(end.plan.at.environment.clone()), text });
        }
    }
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
