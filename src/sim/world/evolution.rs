//! How the active refresh of a group evolves, from `Pending` to its end.

use jiff::Timestamp;

use super::standing::{Outdated, Standing};
use super::{Around, Group, Life, Strategy, after, passed};
use crate::model::RefreshStatus;
use crate::sim::scenario::EffectKind;

/// For how long AWS retries failing launches, and waits for reserved instances, in seconds.
const PATIENCE: u32 = 3600;
/// For how long a refresh may be active, in seconds.
const LONGEST: u32 = 14 * 86_400;

impl Group {
    /// Takes the active refresh forward; returns whether anything changed.
    pub(super) fn progress_refresh(&mut self, around: &mut Around<'_>) -> bool {
        let Some(refresh) = self.active_refresh() else { return false };
        if passed(refresh.started, LONGEST, around.now) {
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
        let all_warm = full && standing.warming == 0;
        let weighted = self.heaviest() > 1;
        let now = around.now;
        if self.active_refresh().is_some_and(|refresh| refresh.warm_stage) && outdated == 0 {
            return self.go_on_to_warm_pool(&standing, around);
        }
        let Some(refresh) = self.active_refresh_mut() else { return false };
        let replaced = (refresh.goal as usize).saturating_sub(outdated);
        // With weights, fewer instances may do for those that were replaced.
        let done = if weighted && all_warm { replaced } else { replaced.min(standing.warm) };
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
            return self.go_on_to_warm_pool(&standing, around);
        }
        self.give_up(&standing, around) || self.take_outdated(standing.eligible, around)
    }

    fn reach_checkpoint(&mut self, around: &mut Around<'_>) -> bool {
        let now = around.now;
        let Some(refresh) = self.active_refresh_mut() else { return false };
        refresh.checkpoint += 1;
        if refresh.checkpoint < refresh.preferences.checkpoints.len() {
            refresh.paused_until = Some(after(now, refresh.preferences.checkpoint_delay));
        } else if refresh.preferences.checkpoints.last() == Some(&100) {
            refresh.warm_stage = true;
        } else {
            // The last checkpoint is where the refresh ends, whatever is left.
            self.finish(around);
        }
        true
    }

    /// The group is done: its warm pool is next, and then the end. Returns whether anything changed.
    fn go_on_to_warm_pool(&mut self, standing: &Standing, around: &mut Around<'_>) -> bool {
        if let Some(refresh) = self.active_refresh_mut() {
            refresh.warm_stage = true;
        }
        match self.progress_warm_pool(around) {
            None => true,
            Some(true) => {
                self.finish(around);
                true
            }
            Some(false) => self.give_up(standing, around),
        }
    }

    /// Terminates what may be taken now; returns whether anything was.
    pub(super) fn take_outdated(&mut self, eligible: Vec<Outdated>, around: &mut Around<'_>) -> bool {
        let mut units = self.next_moves(around).terminate;
        let strategy = self.active_refresh().map(|refresh| refresh.strategy);
        let mut any = false;
        for Outdated { id, units: own, .. } in eligible {
            let Some(left) = units.checked_sub(own) else { break };
            units = left;
            any = true;
            if strategy == Some(Strategy::ReplaceRootVolume) {
                self.replace_root(&id, around);
                continue;
            }
            let cause = format!(
                "At {:.0} an instance was taken out of service in response to an instance refresh.",
                around.now
            );
            self.terminate(&id, cause, around);
        }
        any
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
        let over = |since: Option<Timestamp>| since.is_some_and(|since| passed(since, PATIENCE, now));
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
            self.configure(desired);
        }
        self.failures = 0;
    }

    fn progress_cancel(&mut self, around: &Around<'_>) -> bool {
        let on_the_way = self
            .instances
            .iter()
            .any(|i| matches!(i.life, Life::Pending | Life::ReplacingRoot | Life::Terminating));
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
        let serving = self.instances.iter().filter_map(|instance| instance.serving_since);
        let warming = serving.filter(|since| !passed(*since, warmup, around.now));
        let warm = warming.map(|since| after(since, warmup));
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
