//! One group, as people are told of it.

use jiff::Timestamp;

use crate::event::{Event, GroupRef, PlannedAction, PlannedGroup};
use crate::model::{Outcome, RefreshStatus};

/// How a group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// Its turn is still to come.
    Waiting,
    /// Its instances are being replaced.
    Refreshing,
    /// They are all replaced, and watched.
    Baking,
    /// Its checks run.
    Checking,
    /// It is being taken back.
    RollingBack,
    /// On the new image, proved.
    Refreshed,
    /// On the old image again, whole.
    RolledBack,
    /// No refresh of it could be started; it is as it was.
    Refused,
    /// A person must look at it.
    NeedsPerson,
    /// Its refresh goes on without this run.
    Left,
    /// It was never started.
    NotStarted,
    /// Its window is not open.
    NotDue,
    /// Nothing was to be done.
    Skipped,
}

/// A group in an environment's story.
#[derive(Debug, Clone)]
pub(crate) struct GroupStory {
    /// Which.
    pub(crate) at: GroupRef,
    /// The team that owns it.
    pub(crate) team: Option<String>,
    /// How many instances it should have.
    pub(crate) desired: u32,
    /// How it stands.
    pub(crate) state: State,
    /// Why it failed or was left out; may be empty.
    pub(crate) why: String,
    /// The command that goes on from there; may be empty.
    pub(crate) next: String,
    /// When it may be started, if that is known and not now.
    pub(crate) opens: Option<Timestamp>,
    /// Whether anything is or was to be done with it in this run.
    pub(crate) concerned: bool,
    /// Whether work on it has begun.
    pub(crate) touched: bool,
    /// Whether it failed, wherever it is now.
    pub(crate) failed: bool,
}

impl State {
    /// The word that people read.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Refreshing => "refreshing",
            Self::Baking => "baking",
            Self::Checking => "checking",
            Self::RollingBack => "rolling back",
            Self::Refreshed => "refreshed",
            Self::RolledBack => "rolled back",
            Self::Refused => "could not be started",
            Self::NeedsPerson => "needs a person",
            Self::Left => "left to AWS",
            Self::NotStarted => "not started",
            Self::NotDue => "not due",
            Self::Skipped => "skipped",
        }
    }

    /// Whether this run does no more with it.
    pub(crate) fn is_final(self) -> bool {
        match self {
            Self::Waiting | Self::Refreshing | Self::Baking | Self::Checking | Self::RollingBack => false,
            Self::Refreshed
            | Self::RolledBack
            | Self::Refused
            | Self::NeedsPerson
            | Self::Left
            | Self::NotStarted
            | Self::NotDue
            | Self::Skipped => true,
        }
    }
}

impl GroupStory {
    pub(super) fn planned(plan: &PlannedGroup) -> Self {
        let mut story = Self::unplanned(&plan.group);
        story.plan(plan);
        story
    }

    /// A group that no plan named: it is told of all the same.
    pub(super) fn unplanned(at: &GroupRef) -> Self {
        Self {
            at: at.clone(),
            team: None,
            desired: 0,
            state: State::Waiting,
            why: String::new(),
            next: String::new(),
            opens: None,
            concerned: false,
            touched: false,
            failed: false,
        }
    }

    /// What a plan says of it; a later plan does not undo what was done.
    pub(super) fn plan(&mut self, plan: &PlannedGroup) {
        self.team.clone_from(&plan.team);
        self.desired = plan.desired;
        if self.touched {
            return;
        }
        self.opens = plan.opens;
        self.why.clone_from(&plan.why);
        (self.state, self.concerned) = match plan.action {
            PlannedAction::Refresh | PlannedAction::Resume => (State::Waiting, true),
            PlannedAction::Defer => (State::NotDue, self.concerned),
            PlannedAction::Skip => (State::Skipped, self.concerned),
        };
    }

    /// Takes one of its own events in; `by_hand` when a rollback is what was asked for.
    pub(super) fn fold(&mut self, event: &Event, by_hand: bool) {
        match event {
            Event::RefreshStarted { .. } => self.work(State::Refreshing),
            Event::ChecksStarted { .. } => self.work(State::Checking),
            Event::RefreshMoved { status, reason, .. } => self.moved(*status, reason, by_hand),
            Event::RollbackStarted { why, .. } => {
                self.work(State::RollingBack);
                self.why.clone_from(why);
                self.failed |= !by_hand;
            }
            // What this run refreshed before, and finds so when its environment goes on.
            Event::GroupEnded { outcome: Outcome::Skipped { .. }, .. } if self.state == State::Refreshed => {}
            Event::GroupEnded { outcome, .. } => self.ended(outcome, by_hand),
            Event::Pinned { .. }
            | Event::CapacitySeen { .. }
            | Event::ImageDescribed { .. }
            | Event::LaunchFailed { .. }
            | Event::CheckEnded { .. }
            | Event::GroupStep { .. }
            | Event::RunStarted { .. }
            | Event::EnvironmentStarted { .. }
            | Event::Planned { .. }
            | Event::EnvironmentWaits { .. }
            | Event::FreezeOverridden { .. }
            | Event::Quarantined { .. }
            | Event::NotDelivered { .. }
            | Event::Refused { .. }
            | Event::VersionReady { .. }
            | Event::EnvironmentStep { .. }
            | Event::Note { .. }
            | Event::Aborting { .. }
            | Event::EnvironmentEnded { .. }
            | Event::RunEnded { .. } => {}
        }
    }

    fn work(&mut self, state: State) {
        self.state = state;
        self.concerned = true;
        self.touched = true;
    }

    fn moved(&mut self, status: RefreshStatus, reason: &str, by_hand: bool) {
        match status {
            RefreshStatus::Baking if self.state == State::Refreshing => self.state = State::Baking,
            // AWS may go back before this run asks it to.
            RefreshStatus::RollbackInProgress if self.state != State::RollingBack => {
                self.work(State::RollingBack);
                reason.clone_into(&mut self.why);
                self.failed |= !by_hand;
            }
            RefreshStatus::Pending
            | RefreshStatus::InProgress
            | RefreshStatus::Baking
            | RefreshStatus::Cancelling
            | RefreshStatus::RollbackInProgress
            | RefreshStatus::Successful
            | RefreshStatus::Failed
            | RefreshStatus::Cancelled
            | RefreshStatus::RollbackSuccessful
            | RefreshStatus::RollbackFailed => {}
        }
    }

    fn ended(&mut self, outcome: &Outcome, by_hand: bool) {
        let (state, why, next) = match outcome {
            Outcome::Refreshed { .. } => (State::Refreshed, "", ""),
            Outcome::Skipped { why } => (State::Skipped, why.as_str(), ""),
            Outcome::RolledBack { why } => (State::RolledBack, why.as_str(), ""),
            Outcome::Refused { why } => (State::Refused, why.as_str(), ""),
            Outcome::NeedsPerson { why, next } => (State::NeedsPerson, why.as_str(), next.as_str()),
            Outcome::Left { state, next } => (State::Left, state.as_str(), next.as_str()),
            Outcome::Deferred { why, .. } => (State::NotDue, why.as_str(), ""),
            Outcome::NotStarted { why } => (State::NotStarted, why.as_str(), ""),
        };
        if let Outcome::Deferred { next: Some(opens), .. } = outcome {
            self.opens = Some(*opens);
        }
        match state {
            State::RolledBack => {
                self.concerned = true;
                self.failed |= !by_hand;
            }
            State::Refused | State::NeedsPerson => {
                self.concerned = true;
                self.failed = true;
            }
            State::Refreshed | State::Left | State::NotStarted => self.concerned = true,
            State::Waiting
            | State::Refreshing
            | State::Baking
            | State::Checking
            | State::RollingBack
            | State::NotDue
            | State::Skipped => {}
        }
        self.state = state;
        why.clone_into(&mut self.why);
        next.clone_into(&mut self.next);
        // One that is not due yet may still be planned again.
        self.touched |= state != State::NotDue;
    }
}
