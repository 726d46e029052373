//! `gate pass` without a reason: passes only what the steps before it proved.

use std::collections::BTreeMap;

use super::super::ends::{Ended, GroupEnd, Side, told};
use super::super::patience::patiently;
use super::super::proof::{self, Wanted};
use super::super::survey::plan;
use super::super::{Run, Stop};
use super::{Ways, keep, passed, recorded, unmark, was_partial};
use crate::aws::Account;
use crate::config::Environment;
use crate::gate::{self, State};
use crate::model::{Outcome, Problem, Region, Verdict};
use crate::plan::{Change, Decision, GroupPlan, Marker, Timing};
use crate::schedule::{Agenda, Standing, When};

/// Passes the environment's gate when every group is proved to be on the image, its checks
/// passed, and its tracking is as it was found. Else says what is missing, and changes nothing.
pub async fn pass_by_proof(run: &Run<'_>, environment: &Environment) -> Verdict {
    told(run, environment, Box::pin(attempt(run, environment, When::Now))).await
}

/// The same where groups have windows: while some are still to come the gate is not passed, what is
/// proved is recorded as a part, and those groups are done.
pub async fn pass_what_was_due_by_proof(run: &Run<'_>, environment: &Environment) -> Verdict {
    told(run, environment, Box::pin(attempt(run, environment, When::Scheduled))).await
}

async fn attempt(run: &Run<'_>, environment: &Environment, when: When) -> Result<Ended, Stop> {
    let records = patiently(run.clock, async || gate::read(&run.homes(), run.candidate).await).await;
    let held = records.map_err(Stop::from_home)?.in_quarantine(None);
    if !held.is_empty() {
        return Err(Stop::Refused(held));
    }
    let accounts = run.accounts(environment);
    let timing = (when == When::Scheduled).then(|| Timing {
        when,
        now: run.clock.now(),
        open_since: None,
        override_freeze: false,
    });
    let plan = plan(run, environment, &accounts, timing).await?;
    let mut problems = plan.refused.clone();
    problems.extend(plan.busy.iter().cloned());
    let (mut proved, mut skipped, mut waiting) = (0, 0, 0);
    let mut ends = Vec::new();
    for group in &plan.groups {
        if when == When::Scheduled && waits(run, environment, group) {
            // Its marker, if it has one, is for when its time comes.
            waiting += 1;
            continue;
        }
        match &group.decision {
            Decision::HoldStill(change, _) if let Some(why) = still_pinned(group, change) => {
                let next = format!("run 'ami-refresh refresh --env {}'", environment.name);
                problems.push(missing(group, &why, &next));
            }
            Decision::Skip(_) | Decision::Defer(_) | Decision::HoldStill(..) => skipped += 1,
            Decision::Refresh(_) if keeps_out(run, environment, group) => skipped += 1,
            Decision::Refresh(change) => problems.push(missing(
                group,
                &format!("it is still on {}", change.from),
                &format!("run '{}'", run.whole(&environment.name)),
            )),
            Decision::Resume(_) => match unproved(group, &accounts[&group.at.region]).await? {
                Some(problem) => problems.push(problem),
                None => proved += 1,
            },
        }
        // What was never begun has nothing to be ended.
        if group.touched().is_some() && !matches!(group.decision, Decision::Refresh(_)) {
            let outcome = Outcome::Skipped { why: String::new() };
            ends.push(GroupEnd::undriven(group, outcome, Side::New));
        }
    }
    let ways = Ways::new(ends.iter().map(|end| end.plan), plan.groups.iter().map(|group| &group.group));
    if problems.is_empty() && waiting > 0 {
        return in_part(run, environment, &accounts, (&ends, &ways), (proved, skipped, waiting)).await;
    }
    let empty_will_do = environment.gate.allow_empty;
    if problems.is_empty() && proved == 0 && !empty_will_do && !was_partial(run, environment).await {
        // Whoever runs the steps again, from whichever, comes to the same end as a rollout does.
        if passed(run, environment).await.unwrap_or(false) {
            let message = format!("nothing to do, the gate is passed: {skipped} skipped");
            return Ok(Ended { verdict: Verdict::Passed, message, next: Vec::new() });
        }
        problems.push(Problem::new(
            format!("nothing was proved in {}", environment.name),
            "no group of it was refreshed to this image",
            format!("give a reason: 'ami-refresh gate pass --env {} --reason \"…\"'", environment.name),
        ));
    }
    if !problems.is_empty() {
        return Err(Stop::Refused(problems));
    }
    keep(run, environment, State::Passed, &format!("{proved}/{}", proved + skipped), &ways).await?;
    unmark(run, environment, &accounts, (&ends, &ways), |_| true).await;
    let message = format!("{proved} groups proved, {skipped} skipped");
    Ok(Ended { verdict: Verdict::Passed, message, next: Vec::new() })
}

/// Whether the group's turn is still to come: its window does, or came while others went.
fn waits(run: &Run<'_>, environment: &Environment, group: &GroupPlan) -> bool {
    let not_begun = match &group.decision {
        Decision::Defer(_) | Decision::Refresh(_) => true,
        Decision::HoldStill(..) => group.deferral.is_some(),
        Decision::Resume(_) | Decision::Skip(_) => false,
    };
    not_begun && !keeps_out(run, environment, group)
}

/// Records a part of the environment, and ends the groups of it.
async fn in_part(
    run: &Run<'_>,
    environment: &Environment,
    accounts: &BTreeMap<Region, Account>,
    (ends, ways): (&[GroupEnd<'_>], &Ways<'_>),
    (proved, skipped, waiting): (usize, usize, usize),
) -> Result<Ended, Stop> {
    // That a part failed stands until all of it is proved.
    let known = recorded(run, environment).await;
    if proved > 0 && matches!(known, Ok(None | Some(State::Partial | State::Revoked))) {
        let share = format!("{proved}/{}", proved + skipped + waiting);
        keep(run, environment, State::Partial, &share, ways).await?;
    }
    unmark(run, environment, accounts, (ends, ways), |_| true).await;
    let message = format!("{proved} groups proved, {skipped} skipped, {waiting} still to come");
    let next = vec![format!("ami-refresh schedule --env {}", environment.name)];
    Ok(Ended { verdict: Verdict::Partial, message, next })
}

/// Whether the group's own tags keep it out of rollouts that go by windows: it opted out, or
/// they can't be read. Such a group holds up nobody.
fn keeps_out(run: &Run<'_>, environment: &Environment, group: &GroupPlan) -> bool {
    let agenda = Agenda {
        fleet: run.fleet,
        environment,
        when: When::Scheduled,
        now: run.clock.now(),
        ready_since: None,
        override_freeze: true,
    };
    match agenda.judge(group.at.group.as_str(), &group.group.tags) {
        Standing::OptedOut { .. } | Standing::Unreadable(_) => true,
        Standing::Due { .. } | Standing::NotDue { .. } => false,
    }
}

/// What is missing for the group to be proved.
async fn unproved(group: &GroupPlan, account: &Account) -> Result<Option<Problem>, Stop> {
    let Some(change) = group.change() else { return Ok(None) };
    let environment = &group.at.environment;
    let refresh = format!("run 'ami-refresh refresh --env {environment}'");
    let Some(target) = change.known_target() else {
        return Ok(Some(missing(group, "its version with the new image does not exist", &refresh)));
    };
    let launches = change.launches(&target);
    let wanted = Wanted {
        launches: &launches,
        target: &target,
        any_version: group.keeps_instances(),
        policy: group.group.policy.as_ref(),
        preferences: &group.policy.preferences,
    };
    let proof = proof::prove_now(account, &group.at.group, &wanted).await?;
    if !proof.wrong.is_empty() {
        return Ok(Some(missing(group, &proof.wrong.join(", "), &refresh)));
    }
    if let Some(why) = still_pinned(group, change) {
        return Ok(Some(missing(group, &why, &refresh)));
    }
    let checked = Marker::of(&group.group.tags).ok().flatten().is_some_and(|marker| marker.checked);
    if !checked {
        let smoke = format!("run 'ami-refresh smoke --env {environment}'");
        return Ok(Some(missing(group, "no checks passed on it since it was refreshed", &smoke)));
    }
    Ok(None)
}

/// What the group does not follow again yet, if anything.
fn still_pinned(group: &GroupPlan, change: &Change) -> Option<String> {
    let present = group.group.templates().map(|template| template.tracking);
    let mut both = change.templates().zip(present);
    let (one, _) = both.find(|(one, now)| one.tracking.floats() && one.tracking != *now)?;
    Some(format!("it does not follow {} again yet", one.tracking))
}

fn missing(group: &GroupPlan, why: &str, next: &str) -> Problem {
    Problem::new(format!("group {} is not proved", group.at.group), why, next).about(&group.at.group)
}
