//! Instance refreshes: how one evolves, from `Pending` to its end.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::batches::{Bounds, Counts, Mode, Moves, share};
use super::{Around, Group, Instance, Life, TemplateRef, after};
use crate::model::{InstanceId, RefreshId, RefreshStatus};
use crate::sim::scenario::EffectKind;

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
    /// Its desired configuration.
    pub desired: Option<TemplateRef>,
    /// How many instances it has to replace in all.
    pub goal: u32,
    /// How many replacements are healthy and warmed up.
    pub done: u32,
    /// What a rollback says.
    pub rollback: Option<RollbackDetails>,
    /// Whether the scenario started it, not a caller.
    pub foreign: bool,
    pub(super) old: BTreeSet<InstanceId>,
    pub(super) skipped: BTreeSet<InstanceId>,
    pub(super) moves_from: Timestamp,
    pub(super) checkpoint: usize,
    pub(super) paused_until: Option<Timestamp>,
    pub(super) bakes_until: Option<Timestamp>,
    pub(super) failing_since: Option<Timestamp>,
    pub(super) waiting_since: Option<Timestamp>,
    pub(super) rollback_fails_at: Option<Timestamp>,
}

/// For how long AWS retries failing launches, and waits for reserved instances, in seconds.
pub(super) const PATIENCE: u32 = 3600;
/// For how long a refresh may be active, in seconds.
const LONGEST: u32 = 14 * 86_400;

impl Refresh {
    /// Percent of the replacements that are healthy and warmed up.
    pub fn percent(&self) -> u8 {
        if self.goal == 0 {
            return 100;
        }
        u8::try_from(u64::from(self.done) * 100 / u64::from(self.goal)).unwrap_or(100)
    }

    /// How many instances it has yet to replace.
    pub fn remaining(&self) -> u32 {
        self.goal - self.done.min(self.goal)
    }

    /// What instances are launched from meanwhile; `None` for what the group says.
    pub(super) fn launches_from(&self) -> Option<&TemplateRef> {
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

    /// Ends it.
    pub(super) fn end(&mut self, status: RefreshStatus, reason: String, now: Timestamp) {
        self.status = status;
        self.reason = reason;
        self.ended = Some(now);
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds { min: self.preferences.min_healthy, max: self.preferences.max_healthy }
    }

    /// Whether it replaces instances now.
    fn replaces(&self) -> bool {
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
    fn next_stop(&self) -> usize {
        let goal = self.goal as usize;
        if self.status == RefreshStatus::RollbackInProgress {
            return usize::MAX;
        }
        self.preferences.checkpoints.get(self.checkpoint).map_or(usize::MAX, |percent| share(goal, *percent))
    }
}

/// The instances of a group as a refresh sees them.
pub(super) struct Standing {
    /// To be replaced, and free to be.
    pub(super) eligible: Vec<InstanceId>,
    /// To be replaced, but protected or in standby.
    pub(super) reserved: usize,
    /// Up to date, not skipped, healthy and warmed up.
    pub(super) warm: usize,
    /// Up to date, and not warmed up yet.
    pub(super) warming: usize,
    /// Serving, and warmed up if up to date.
    pub(super) available: usize,
    /// Being terminated.
    pub(super) leaving: usize,
}

impl Group {
    /// How long a new instance warms up under the active refresh.
    pub(super) fn warmup(&self) -> u32 {
        let preference = self.active_refresh().and_then(|refresh| refresh.preferences.warmup);
        preference.or(self.default_warmup).unwrap_or(self.grace)
    }

    /// In which order the active refresh replaces.
    pub(super) fn mode(&self) -> Mode {
        let replacing = self.active_refresh().filter(|refresh| refresh.replaces());
        replacing.map_or(Mode::Together, |refresh| refresh.bounds().mode())
    }

    /// How many instances there are to be beyond the desired capacity.
    pub(super) fn surge(&self, around: &Around<'_>) -> usize {
        self.next_moves(around).surge
    }

    fn next_moves(&self, around: &Around<'_>) -> Moves {
        let Some(refresh) = self.active_refresh().filter(|refresh| refresh.replaces()) else {
            return Moves::default();
        };
        if self.is_held(refresh, around) {
            return Moves::default();
        }
        let standing = self.standing(around);
        let taken = (refresh.goal as usize).saturating_sub(standing.eligible.len() + standing.reserved);
        refresh.bounds().moves(Counts {
            desired: self.desired as usize,
            available: standing.available,
            outdated: standing.eligible.len(),
            allowance: refresh.next_stop().saturating_sub(taken),
        })
    }

    /// Whether the scenario, a suspended process or a rollback that is to fail keeps it from moving.
    fn is_held(&self, refresh: &Refresh, around: &Around<'_>) -> bool {
        let forward = refresh.status == RefreshStatus::InProgress;
        let stuck = self.effect(around.scenario, EffectKind::stuck);
        let stuck = stuck.is_some_and(|stuck| forward && stuck.at.is_none_or(|at| refresh.percent() >= at));
        stuck
            || refresh.rollback_fails_at.is_some()
            || self.is_suspended("Terminate")
            || self.is_suspended("Launch")
    }

    /// How the instances stand towards the active refresh.
    pub(super) fn standing(&self, around: &Around<'_>) -> Standing {
        let mut standing =
            Standing { eligible: Vec::new(), reserved: 0, warm: 0, warming: 0, available: 0, leaving: 0 };
        let Some(refresh) = self.active_refresh() else { return standing };
        let target = refresh.launches_from().unwrap_or(&self.template);
        let wanted = (&target.id, self.resolve(target, around));
        for instance in &self.instances {
            self.stand(instance, refresh, wanted, around.now, &mut standing);
        }
        standing
    }

    fn stand(
        &self,
        instance: &Instance,
        refresh: &Refresh,
        wanted: (&crate::model::TemplateId, u64),
        now: Timestamp,
        standing: &mut Standing,
    ) {
        let forward = refresh.status != RefreshStatus::RollbackInProgress;
        let matches = (&instance.template, instance.version) == wanted;
        let outdated = !matches || (forward && refresh.old.contains(&instance.id));
        let reserve = match (instance.life, instance.protected) {
            (Life::Standby, _) => Some(refresh.preferences.standby),
            (_, true) => Some(refresh.preferences.protected),
            (_, false) => None,
        };
        match (instance.life, outdated) {
            (Life::Terminating | Life::Terminated, _) => standing.leaving += 1,
            (Life::Pending | Life::InService | Life::Standby, true) => {
                standing.available += usize::from(instance.serves());
                match reserve {
                    Some(Reserved::Ignore) => {}
                    Some(Reserved::Wait) => standing.reserved += 1,
                    // What is still on its way is left alone until it serves.
                    Some(Reserved::Replace) | None if instance.life == Life::Pending => {
                        standing.reserved += 1;
                    }
                    Some(Reserved::Replace) | None => standing.eligible.push(instance.id.clone()),
                }
            }
            (Life::Standby, false) => {}
            (Life::Pending | Life::InService, false) => {
                let skipped = refresh.skipped.contains(&instance.id);
                let warm = if skipped { instance.serves() } else { instance.warm(now, self.warmup()) };
                standing.available += usize::from(warm);
                standing.warming += usize::from(!warm);
                standing.warm += usize::from(warm && !skipped);
            }
        }
    }

    /// Takes the active refresh forward; returns whether anything changed.
    pub(super) fn progress_refresh(&mut self, around: &mut Around<'_>) -> bool {
        let Some(refresh) = self.active_refresh() else { return false };
        if after(refresh.started, LONGEST) <= around.now {
            self.expire(around.now);
            return true;
        }
        match refresh.status {
            RefreshStatus::Pending => self.leave_pending(around),
            RefreshStatus::InProgress => self.progress_forward(around),
            RefreshStatus::Baking => self.progress_bake(around),
            RefreshStatus::Cancelling => self.progress_cancel(around),
            RefreshStatus::RollbackInProgress => self.progress_rollback(around),
            RefreshStatus::Successful
            | RefreshStatus::Failed
            | RefreshStatus::Cancelled
            | RefreshStatus::RollbackSuccessful
            | RefreshStatus::RollbackFailed => false,
        }
    }

    /// No refresh is active for longer than AWS allows.
    fn expire(&mut self, now: Timestamp) {
        if let Some(refresh) = self.active_refresh_mut() {
            let status = match refresh.status {
                RefreshStatus::RollbackInProgress => RefreshStatus::RollbackFailed,
                RefreshStatus::Pending
                | RefreshStatus::InProgress
                | RefreshStatus::Baking
                | RefreshStatus::Cancelling
                | RefreshStatus::Successful
                | RefreshStatus::Failed
                | RefreshStatus::Cancelled
                | RefreshStatus::RollbackSuccessful
                | RefreshStatus::RollbackFailed => RefreshStatus::Failed,
            };
            refresh.end(status, "The instance refresh was active for 14 days.".to_owned(), now);
        }
    }

    fn leave_pending(&mut self, around: &Around<'_>) -> bool {
        let held = self.effect(around.scenario, EffectKind::stuck).is_some_and(|stuck| stuck.at.is_none());
        match self.active_refresh_mut() {
            Some(refresh) if refresh.moves_from <= around.now && !held => {
                refresh.status = RefreshStatus::InProgress;
                true
            }
            Some(_) | None => false,
        }
    }

    fn progress_forward(&mut self, around: &mut Around<'_>) -> bool {
        let standing = self.standing(around);
        let outdated = standing.eligible.len() + standing.reserved;
        let full = standing.available >= self.desired as usize && standing.leaving == 0;
        let now = around.now;
        let Some(refresh) = self.active_refresh_mut() else { return false };
        let done = (refresh.goal as usize).saturating_sub(outdated).min(standing.warm);
        let grew = done > refresh.done as usize;
        refresh.done = u32::try_from(done).unwrap_or(u32::MAX);
        if grew {
            refresh.failing_since = None;
        }
        if let Some(until) = refresh.paused_until {
            if until > now {
                return false;
            }
            refresh.paused_until = None;
            return true;
        }
        if done >= refresh.next_stop() && standing.warming == 0 && standing.leaving == 0 {
            return self.reach_checkpoint(around);
        }
        if outdated == 0 && standing.warming == 0 && full {
            self.finish(around);
            return true;
        }
        self.give_up(&standing, around) || self.take_outdated(standing.eligible, around)
    }

    fn reach_checkpoint(&mut self, around: &mut Around<'_>) -> bool {
        let now = around.now;
        let Some(refresh) = self.active_refresh_mut() else { return false };
        refresh.checkpoint += 1;
        if refresh.checkpoint < refresh.preferences.checkpoints.len() {
            refresh.paused_until = Some(after(now, refresh.preferences.checkpoint_delay));
        } else {
            // The last checkpoint is where the refresh ends, whatever is left.
            self.finish(around);
        }
        true
    }

    /// Terminates what may be taken now; returns whether anything was.
    pub(super) fn take_outdated(&mut self, mut eligible: Vec<InstanceId>, around: &mut Around<'_>) -> bool {
        let count = self.next_moves(around).terminate;
        // What does not serve goes first: it costs no capacity.
        let serving: BTreeSet<InstanceId> = self.serving().map(|instance| instance.id.clone()).collect();
        eligible.sort_by_key(|id| serving.contains(id));
        for id in eligible.into_iter().take(count) {
            let cause = format!(
                "At {:.0} an instance was taken out of service in response to an instance refresh.",
                around.now
            );
            self.terminate(&id, cause, around);
        }
        count > 0
    }

    /// Ends a refresh that has failed for an hour; returns whether it did.
    pub(super) fn give_up(&mut self, standing: &Standing, around: &mut Around<'_>) -> bool {
        let now = around.now;
        let only_reserved = standing.eligible.is_empty() && standing.reserved > 0 && standing.warming == 0;
        let Some(refresh) = self.active_refresh_mut() else { return false };
        if only_reserved {
            refresh.waiting_since.get_or_insert(now);
        } else {
            refresh.waiting_since = None;
        }
        let over = |since: Option<Timestamp>| since.is_some_and(|since| after(since, PATIENCE) <= now);
        if over(refresh.failing_since) {
            self.fail("Instances failed to launch or to become healthy for an hour.", around);
        } else if over(refresh.waiting_since) {
            self.fail(
                "Instances that are protected from scale-in or in standby were waited for, for an hour.",
                around,
            );
        } else {
            return false;
        }
        true
    }

    /// All is replaced: bakes, or ends.
    fn finish(&mut self, around: &mut Around<'_>) {
        let now = around.now;
        let Some(refresh) = self.active_refresh_mut() else { return };
        if refresh.preferences.bake > 0 {
            refresh.status = RefreshStatus::Baking;
            refresh.bakes_until = Some(after(now, refresh.preferences.bake));
        } else {
            self.succeed(now);
        }
    }

    fn progress_bake(&mut self, around: &Around<'_>) -> bool {
        let over = self.active_refresh().and_then(|r| r.bakes_until).is_some_and(|until| until <= around.now);
        if over {
            self.succeed(around.now);
        }
        over
    }

    /// Only now is the group itself changed.
    pub(super) fn succeed(&mut self, now: Timestamp) {
        let Some(refresh) = self.active_refresh_mut() else { return };
        refresh.end(RefreshStatus::Successful, String::new(), now);
        if let Some(desired) = refresh.desired.clone() {
            self.template = desired;
        }
        self.failures = 0;
    }

    fn progress_cancel(&mut self, around: &Around<'_>) -> bool {
        let on_the_way = self.instances.iter().any(|i| matches!(i.life, Life::Pending | Life::Terminating));
        let now = around.now;
        match self.active_refresh_mut() {
            Some(refresh) if !on_the_way => {
                refresh.end(RefreshStatus::Cancelled, "Cancelled by user".to_owned(), now);
                true
            }
            Some(_) | None => false,
        }
    }

    /// When the active refresh next changes by itself.
    pub(super) fn next_refresh_change(&self, around: &Around<'_>) -> Option<Timestamp> {
        let refresh = self.active_refresh()?;
        let warmup = self.warmup();
        let warm = self.instances.iter().filter_map(|i| i.serving_since).map(|since| after(since, warmup));
        let gives_up = refresh.failing_since.into_iter().chain(refresh.waiting_since);
        warm.chain(gives_up.map(|since| after(since, PATIENCE)))
            .chain(Some(refresh.moves_from))
            .chain(Some(after(refresh.started, LONGEST)))
            .chain(refresh.paused_until)
            .chain(refresh.bakes_until)
            .chain(refresh.rollback_fails_at)
            .filter(|when| *when > around.now)
            .min()
    }
}
