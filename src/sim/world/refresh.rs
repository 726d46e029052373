//! Instance refreshes: what they are asked to respect, and what they say.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::batches::{Bounds, share};
use super::{Configuration, StartRequest};
use crate::model::{InstanceId, RefreshId, RefreshStatus};

/// What is done with instances that are protected or in standby.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// They are replaced (`Refresh`, `Terminate`).
    Replace,
    /// They are left as they are.
    Ignore,
    /// They are waited for, for an hour.
    Wait,
}

impl Reserved {
    /// Reads the API's name; `replace` is the name of replacing.
    pub(crate) fn parse(text: &str, replace: &str) -> Option<Self> {
        match text {
            "Ignore" => Some(Self::Ignore),
            "Wait" => Some(Self::Wait),
            other => (other == replace).then_some(Self::Replace),
        }
    }

    /// The API's name.
    pub(crate) fn as_str(self, replace: &'static str) -> &'static str {
        match self {
            Self::Replace => replace,
            Self::Ignore => "Ignore",
            Self::Wait => "Wait",
        }
    }
}

/// How a refresh replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Instances are terminated, others launched.
    #[default]
    Rolling,
    /// Instances stay and get another root volume.
    ReplaceRootVolume,
}

impl Strategy {
    /// Reads the API's name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Rolling, Self::ReplaceRootVolume].into_iter().find(|strategy| strategy.as_str() == text)
    }

    /// The API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rolling => "Rolling",
            Self::ReplaceRootVolume => "ReplaceRootVolume",
        }
    }
}

/// What a refresh was asked to respect, with AWS's defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "AWS's own names")]
pub struct Preferences {
    pub min_healthy: u8,
    pub max_healthy: Option<u8>,
    /// In seconds; `None` for the group's default.
    pub warmup: Option<u32>,
    pub skip_matching: bool,
    pub auto_rollback: bool,
    pub checkpoints: Vec<u8>,
    pub checkpoint_delay: u32,
    pub bake: u32,
    pub protected: Reserved,
    pub standby: Reserved,
    pub alarms: Vec<String>,
}

/// What a refresh that rolls back, or did, says about that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackDetails {
    /// Why.
    pub reason: String,
    /// When it began.
    pub started: Timestamp,
    /// How far the refresh had come.
    pub percent: u8,
    /// How many instances it had not replaced.
    pub remaining: u32,
    /// The same of the group alone, and of its warm pool.
    pub pools: [Option<(u8, u32)>; 2],
}

/// An instance refresh.
#[derive(Debug, Clone)]
pub struct Refresh {
    /// Its id.
    pub id: RefreshId,
    /// Its state.
    pub status: RefreshStatus,
    /// AWS's reason for the state.
    pub reason: String,
    /// When it was asked for.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What it was asked to respect.
    pub preferences: Preferences,
    /// How it replaces.
    pub strategy: Strategy,
    /// Its desired configuration.
    pub desired: Option<Configuration>,
    /// How many instances it has to replace in all.
    pub goal: u32,
    /// How many replacements are healthy and warmed up.
    pub done: u32,
    /// How many instances of the warm pool it has to replace.
    pub warm_goal: u32,
    /// How many of those replacements are ready.
    pub warm_done: u32,
    /// What a rollback says.
    pub rollback: Option<RollbackDetails>,
    /// Whether the scenario started it, not a caller.
    pub foreign: bool,
    pub(super) old: BTreeSet<InstanceId>,
    pub(super) skipped: BTreeSet<InstanceId>,
    /// Whether the group is done, and its warm pool is next.
    pub(super) warm_stage: bool,
    pub(super) moves_from: Timestamp,
    pub(super) checkpoint: usize,
    pub(super) paused_until: Option<Timestamp>,
    pub(super) bakes_until: Option<Timestamp>,
    pub(super) failing_since: Option<Timestamp>,
    pub(super) waiting_since: Option<Timestamp>,
    pub(super) rollback_fails_at: Option<Timestamp>,
}

impl Refresh {
    /// Percent of the replacements that are healthy and warmed up.
    pub fn percent(&self) -> u8 {
        percent(self.done + self.warm_done, self.goal + self.warm_goal)
    }

    /// How many instances it has yet to replace.
    pub fn remaining(&self) -> u32 {
        (self.goal + self.warm_goal).saturating_sub(self.done + self.warm_done)
    }

    /// Percentage and rest of the group alone, and of its warm pool if anything is replaced there.
    pub fn pools(&self) -> [Option<(u8, u32)>; 2] {
        let pool = |done: u32, goal: u32| (percent(done, goal), goal.saturating_sub(done));
        let warm = (self.warm_goal > 0).then(|| pool(self.warm_done, self.warm_goal));
        [Some(pool(self.done, self.goal)), warm]
    }

    /// What instances are launched from meanwhile; `None` for what the group says.
    pub(super) fn launches(&self) -> Option<&Configuration> {
        match self.status {
            RefreshStatus::Pending | RefreshStatus::InProgress | RefreshStatus::Baking => {
                self.desired.as_ref()
            }
            RefreshStatus::Cancelling
            | RefreshStatus::RollbackInProgress
            | RefreshStatus::Successful
            | RefreshStatus::Failed
            | RefreshStatus::Cancelled
            | RefreshStatus::RollbackSuccessful
            | RefreshStatus::RollbackFailed => None,
        }
    }

    /// Its beginning, with nothing counted yet.
    pub(super) fn new(
        id: RefreshId,
        started: Timestamp,
        moves_from: Timestamp,
        request: StartRequest,
    ) -> Self {
        Self {
            id,
            status: RefreshStatus::Pending,
            reason: String::new(),
            started,
            ended: None,
            preferences: request.preferences,
            strategy: request.strategy,
            desired: request.desired,
            goal: 0,
            done: 0,
            warm_goal: 0,
            warm_done: 0,
            rollback: None,
            foreign: false,
            old: BTreeSet::new(),
            skipped: BTreeSet::new(),
            warm_stage: false,
            moves_from,
            checkpoint: 0,
            paused_until: None,
            bakes_until: None,
            failing_since: None,
            waiting_since: None,
            rollback_fails_at: None,
        }
    }

    /// Ends it.
    pub(super) fn end(&mut self, status: RefreshStatus, reason: String, now: Timestamp) {
        self.status = status;
        self.reason = reason;
        self.ended = Some(now);
    }

    pub(super) fn bounds(&self) -> Bounds {
        let max = match self.strategy {
            Strategy::Rolling => self.preferences.max_healthy,
            // Nothing is launched, so nothing can be launched first.
            Strategy::ReplaceRootVolume => None,
        };
        Bounds { min: self.preferences.min_healthy, max }
    }

    /// Whether it replaces instances now.
    pub(super) fn replaces(&self) -> bool {
        match self.status {
            RefreshStatus::InProgress | RefreshStatus::RollbackInProgress => self.paused_until.is_none(),
            RefreshStatus::Pending
            | RefreshStatus::Baking
            | RefreshStatus::Cancelling
            | RefreshStatus::Successful
            | RefreshStatus::Failed
            | RefreshStatus::Cancelled
            | RefreshStatus::RollbackSuccessful
            | RefreshStatus::RollbackFailed => false,
        }
    }

    /// How many replacements make the next checkpoint, or all.
    pub(super) fn next_stop(&self) -> usize {
        let goal = self.goal as usize;
        if self.status == RefreshStatus::RollbackInProgress {
            return usize::MAX;
        }
        self.preferences.checkpoints.get(self.checkpoint).map_or(usize::MAX, |percent| share(goal, *percent))
    }
}

/// How many percent `done` is of `goal`; all of nothing is everything.
fn percent(done: u32, goal: u32) -> u8 {
    if goal == 0 {
        return 100;
    }
    u8::try_from(u64::from(done) * 100 / u64::from(goal)).unwrap_or(100)
}
