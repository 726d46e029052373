//! Decides what one group does next.
//!
//! [`next`] maps a state and an observation to a state and an action. Pure: every rollback
//! rule is tested here, without a runtime. Never waits, never prints, never asks AWS.

use crate::event::RollbackRoute;
use crate::model::RefreshStatus;

/// Where a group's rollout stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// A refresh to the new version is to be started.
    Starting,
    /// It runs.
    Refreshing,
    /// It pauses at a checkpoint, and the checks are being asked of what is replaced by then.
    CheckingPart,
    /// It bakes, and the checks are being asked.
    Checking,
    /// The checks passed; AWS has yet to end the refresh.
    Settling,
    /// It ended before the checks did, so they are asked now.
    CheckingLate,
    /// Every in-service instance is being looked at.
    Proving,
    /// The group is on its way back to the old version.
    RollingBack(RollbackRoute, String),
    /// It should be back: every in-service instance is being looked at.
    ProvingBack(String),
    /// No refresh could be started: whether it is as it was is being looked at.
    ProvingAsFound(String),
    /// It ended.
    Ended(End),
}

/// How a group's rollout ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// On the new image, proved.
    Refreshed,
    /// On the old image, proved, for this reason.
    RolledBack(String),
    /// On the old image as it was found: no refresh could be started, for this reason.
    Refused(String),
    /// Neither for certain, for this reason.
    NeedsPerson(String),
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// A refresh was started, or found active.
    Started,
    /// AWS refused to start one, and nothing changed.
    NotStarted(String),
    /// The refresh has this status, for AWS's reason.
    Refresh(RefreshStatus, String),
    /// The refresh came to a checkpoint whose checks were not asked yet.
    Checkpoint,
    /// Launches fail, again and again, in AWS's words.
    LaunchesFail(String),
    /// It took longer than the policy allows.
    TimedOut(String),
    /// Every check passed.
    ChecksPassed,
    /// A check did not pass.
    ChecksFailed(String),
    /// Every in-service instance runs what it should.
    Proved,
    /// These do not.
    Stragglers(String),
    /// AWS took the request to roll back.
    RollbackAccepted,
    /// AWS can't roll this refresh back (any more).
    RollbackImpossible(String),
    /// AWS can't be asked, and that for too long.
    Lost(String),
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// Start a refresh to the new version, or adopt the one that is active.
    Start,
    /// Look at the refresh again after a while.
    Follow,
    /// Ask the checks.
    RunChecks,
    /// Ask the checks of the instances that are replaced.
    RunChecksInPart,
    /// Look whether every in-service instance runs the new image.
    Prove,
    /// Ask AWS to roll the active refresh back.
    AskRollback,
    /// Start a refresh to the old version, or adopt the one that is active.
    StartBack,
    /// Look whether every in-service instance runs the old image.
    ProveBack,
    /// Look whether every in-service instance still runs the old image.
    ProveAsFound,
    /// Nothing: it ended.
    Stop,
}

use RefreshStatus as Is;
use State::{
    Checking, CheckingLate, CheckingPart, Ended, Proving, ProvingAsFound, ProvingBack, Refreshing,
    RollingBack, Settling, Starting,
};

/// The step from a state on seeing something.
///
/// What can't be seen in a state leaves it as it is, with its own action asked again.
pub(super) fn next(state: State, seen: Seen) -> (State, Act) {
    match (state, seen) {
        (state @ Ended(_), _) => (state, Act::Stop),
        (state, Seen::Lost(why)) => ended(End::NeedsPerson(lost(&state, &why))),
        (Starting, seen) => starting(seen),
        (state @ (Refreshing | CheckingPart | Checking | Settling | CheckingLate | Proving), seen) => {
            forward(state, seen)
        }
        (RollingBack(RollbackRoute::Native, why), seen) => back_native(why, seen),
        (RollingBack(RollbackRoute::NewRefresh, why), seen) => back_anew(why, seen),
        (state @ (ProvingBack(_) | ProvingAsFound(_)), seen) => proved_old(state, seen),
    }
}

/// What the proof of the old image makes of a group that went back, or never began.
fn proved_old(state: State, seen: Seen) -> (State, Act) {
    match (state, seen) {
        (ProvingBack(why), Seen::Proved) => ended(End::RolledBack(why)),
        (ProvingAsFound(why), Seen::Proved) => ended(End::Refused(why)),
        (ProvingBack(why), Seen::Stragglers(who)) => {
            ended(End::NeedsPerson(format!("{why}; the rollback ended, but {who}")))
        }
        (ProvingAsFound(why), Seen::Stragglers(who)) => {
            ended(End::NeedsPerson(format!("{why}; no refresh was started, but {who}")))
        }
        (state, _) => {
            let act = act_of(&state);
            (state, act)
        }
    }
}

fn starting(seen: Seen) -> (State, Act) {
    match seen {
        Seen::Started => (Refreshing, Act::Follow),
        // Most likely it is as it was; one that was begun before may be anywhere.
        Seen::NotStarted(why) => (ProvingAsFound(why), Act::ProveAsFound),
        // A rollout that was begun before may stand anywhere.
        Seen::Refresh(..) => forward(Refreshing, seen),
        Seen::Checkpoint
        | Seen::LaunchesFail(_)
        | Seen::TimedOut(_)
        | Seen::ChecksPassed
        | Seen::ChecksFailed(_)
        | Seen::Proved
        | Seen::Stragglers(_)
        | Seen::RollbackAccepted
        | Seen::RollbackImpossible(_)
        | Seen::Lost(_) => (Starting, Act::Start),
    }
}

/// The states on the way to the new image.
fn forward(state: State, seen: Seen) -> (State, Act) {
    match (state, seen) {
        (state, Seen::Refresh(status, reason)) => followed(state, status, &reason),
        (Refreshing | Settling, Seen::LaunchesFail(why)) => native(format!("launches fail: {why}")),
        (Refreshing, Seen::Checkpoint) => (CheckingPart, Act::RunChecksInPart),
        (CheckingPart, Seen::ChecksPassed) => (Refreshing, Act::Follow),
        (CheckingPart, Seen::ChecksFailed(why)) => native(format!("at a checkpoint, {why}")),
        (Checking, Seen::ChecksPassed) => (Settling, Act::Follow),
        (CheckingLate, Seen::ChecksPassed) => (Proving, Act::Prove),
        (Refreshing | Settling, Seen::TimedOut(why)) | (Checking, Seen::ChecksFailed(why)) => native(why),
        // The refresh is over: only a new one leads back.
        (CheckingLate, Seen::ChecksFailed(why)) => anew(why),
        (Proving, Seen::Proved) => ended(End::Refreshed),
        (Proving, Seen::Stragglers(who)) => anew(format!("AWS called the refresh successful, but {who}")),
        (state, _) => {
            let act = act_of(&state);
            (state, act)
        }
    }
}

/// What the status of the refresh to the new version means.
fn followed(state: State, status: RefreshStatus, reason: &str) -> (State, Act) {
    match (state, status) {
        (Refreshing, Is::Baking) => (Checking, Act::RunChecks),
        (Refreshing, Is::Successful) => (CheckingLate, Act::RunChecks),
        (Settling, Is::Successful) => (Proving, Act::Prove),
        // The checks passed before, so a status that is late changes nothing.
        (Settling, Is::Baking | Is::Pending | Is::InProgress | Is::Cancelling) => (Settling, Act::Follow),
        (Refreshing, Is::Pending | Is::InProgress | Is::Cancelling) => (Refreshing, Act::Follow),
        (_, Is::RollbackInProgress) => {
            (RollingBack(RollbackRoute::Native, because("AWS rolls it back", reason)), Act::Follow)
        }
        (_, Is::RollbackSuccessful) => (ProvingBack(because("AWS rolled it back", reason)), Act::ProveBack),
        (_, Is::RollbackFailed) => anew(because("AWS failed to roll it back", reason)),
        (_, Is::Failed) => anew(because("the refresh failed", reason)),
        (_, Is::Cancelled) => anew(because("the refresh was cancelled", reason)),
        (
            state @ (CheckingPart | Checking | CheckingLate | Proving),
            Is::Successful | Is::Baking | Is::Pending | Is::InProgress | Is::Cancelling,
        )
        | (state @ (Starting | RollingBack(..) | ProvingBack(_) | ProvingAsFound(_) | Ended(_)), _) => {
            let act = act_of(&state);
            (state, act)
        }
    }
}

/// AWS's own rollback is under way, or asked for.
fn back_native(why: String, seen: Seen) -> (State, Act) {
    let stay = |why| (RollingBack(RollbackRoute::Native, why), Act::Follow);
    match seen {
        Seen::RollbackImpossible(because) => anew(format!("{why} (AWS can't roll it back: {because})")),
        Seen::Refresh(status, reason) => match status {
            Is::RollbackSuccessful => (ProvingBack(why), Act::ProveBack),
            Is::RollbackFailed | Is::Failed => {
                anew(because(&format!("{why}; AWS failed to roll it back"), &reason))
            }
            // It ended before AWS heard of the rollback, or somebody cancelled it.
            Is::Successful | Is::Cancelled => anew(why),
            Is::Pending | Is::InProgress | Is::Baking | Is::Cancelling | Is::RollbackInProgress => stay(why),
        },
        Seen::TimedOut(late) => {
            ended(End::NeedsPerson(format!("{why}; AWS's rollback does not end: {late}")))
        }
        Seen::Started
        | Seen::NotStarted(_)
        | Seen::Checkpoint
        | Seen::LaunchesFail(_)
        | Seen::ChecksPassed
        | Seen::ChecksFailed(_)
        | Seen::Proved
        | Seen::Stragglers(_)
        | Seen::RollbackAccepted
        | Seen::Lost(_) => stay(why),
    }
}

/// A refresh to the old version is under way, or to be started.
fn back_anew(why: String, seen: Seen) -> (State, Act) {
    let failed = |what: String| ended(End::NeedsPerson(what));
    match seen {
        Seen::Refresh(status, reason) => match status {
            Is::Successful => (ProvingBack(why), Act::ProveBack),
            Is::Failed | Is::Cancelled | Is::RollbackFailed | Is::RollbackSuccessful => {
                failed(because(&format!("{why}; the refresh back ended as {status}"), &reason))
            }
            Is::Pending | Is::InProgress | Is::Baking | Is::Cancelling | Is::RollbackInProgress => {
                (RollingBack(RollbackRoute::NewRefresh, why), Act::Follow)
            }
        },
        Seen::NotStarted(refused) => failed(format!("{why}; no refresh back could be started: {refused}")),
        Seen::TimedOut(late) => failed(format!("{why}; the refresh back does not end: {late}")),
        Seen::LaunchesFail(words) => failed(format!("{why}; launches of the old version fail too: {words}")),
        Seen::Started
        | Seen::Checkpoint
        | Seen::ChecksPassed
        | Seen::ChecksFailed(_)
        | Seen::Proved
        | Seen::Stragglers(_)
        | Seen::RollbackAccepted
        | Seen::RollbackImpossible(_)
        | Seen::Lost(_) => (RollingBack(RollbackRoute::NewRefresh, why), Act::Follow),
    }
}

/// The action that a state asks for by itself.
pub(super) fn act_of(state: &State) -> Act {
    match state {
        Starting => Act::Start,
        Refreshing | Settling | RollingBack(RollbackRoute::Native, _) => Act::Follow,
        CheckingPart => Act::RunChecksInPart,
        Checking | CheckingLate => Act::RunChecks,
        Proving => Act::Prove,
        RollingBack(RollbackRoute::NewRefresh, _) => Act::StartBack,
        ProvingBack(_) => Act::ProveBack,
        ProvingAsFound(_) => Act::ProveAsFound,
        Ended(_) => Act::Stop,
    }
}

fn native(why: String) -> (State, Act) {
    (RollingBack(RollbackRoute::Native, why), Act::AskRollback)
}

fn anew(why: String) -> (State, Act) {
    (RollingBack(RollbackRoute::NewRefresh, why), Act::StartBack)
}

fn ended(end: End) -> (State, Act) {
    (Ended(end), Act::Stop)
}

fn because(what: &str, reason: &str) -> String {
    if reason.is_empty() { what.to_owned() } else { format!("{what}: {reason}") }
}

fn lost(state: &State, why: &str) -> String {
    let doing = match state {
        Starting | ProvingAsFound(_) => "before a refresh was started",
        Refreshing | CheckingPart | Checking | Settling => "while it was refreshed",
        CheckingLate | Proving => "before it was proved",
        RollingBack(..) => "while it was rolled back",
        ProvingBack(_) => "before the rollback was proved",
        Ended(_) => "after its end",
    };
    format!("AWS could not be asked any more {doing}: {why}")
}

#[cfg(test)]
mod tests;
