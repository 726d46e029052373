//! Rollbacks: a refresh that takes its instances back to what the group still says.

use super::{Around, Group, RollbackDetails, TemplateRef, after};
use crate::model::RefreshStatus;
use crate::sim::scenario::EffectKind;

impl Group {
    /// Whether AWS could roll the active refresh back.
    pub(super) fn can_roll_back(&self, around: &Around<'_>) -> bool {
        let desired = self.active_refresh().is_some_and(|refresh| refresh.desired.is_some());
        desired && self.can_be_gone_back_to(around)
    }

    /// Whether the version that a reference stands for takes its image from an SSM parameter.
    pub(super) fn names_parameter(&self, reference: &TemplateRef, around: &Around<'_>) -> bool {
        let number = self.resolve(reference, around);
        self.find(reference, around)
            .and_then(|template| template.versions.get(&number)?.image())
            .is_some_and(|image| image.as_str().starts_with("resolve:"))
    }

    /// The active refresh has failed: it rolls back if it was told to, else it stays as it is.
    pub(super) fn fail(&mut self, reason: &str, around: &mut Around<'_>) {
        let now = around.now;
        let can = self.can_roll_back(around);
        let Some(refresh) = self.active_refresh_mut() else { return };
        let was_rolling_back = refresh.status == RefreshStatus::RollbackInProgress;
        if was_rolling_back {
            refresh.end(RefreshStatus::RollbackFailed, reason.to_owned(), now);
        } else if refresh.preferences.auto_rollback && can {
            self.roll_back(reason, around);
        } else {
            refresh.end(RefreshStatus::Failed, reason.to_owned(), now);
        }
    }

    /// Begins to roll the active refresh back.
    pub(super) fn roll_back(&mut self, reason: &str, around: &mut Around<'_>) {
        let now = around.now;
        let doom =
            self.effect(around.scenario, EffectKind::rollback_fails).map(|doom| after(now, doom.after));
        let Some(refresh) = self.active_refresh_mut() else { return };
        refresh.rollback = Some(RollbackDetails {
            reason: reason.to_owned(),
            started: now,
            percent: refresh.percent(),
            remaining: refresh.remaining(),
            pools: refresh.pools(),
        });
        refresh.status = RefreshStatus::RollbackInProgress;
        reason.clone_into(&mut refresh.reason);
        refresh.warm_stage = false;
        refresh.paused_until = None;
        refresh.bakes_until = None;
        refresh.failing_since = None;
        refresh.waiting_since = None;
        refresh.rollback_fails_at = doom;
        // What is launched now is another template version: the back-off was the bad one's.
        self.retry_at = None;
        self.failures = 0;
    }

    /// Takes a rollback forward; returns whether anything changed.
    pub(super) fn progress_rollback(&mut self, around: &mut Around<'_>) -> bool {
        let now = around.now;
        let standing = self.standing(around);
        let outdated = standing.eligible.len() + standing.reserved;
        let full = standing.available >= self.desired as usize && standing.leaving == 0;
        let Some(refresh) = self.active_refresh_mut() else { return false };
        if refresh.rollback_fails_at.is_some_and(|at| at <= now) {
            refresh.end(RefreshStatus::RollbackFailed, "The rollback failed.".to_owned(), now);
            return true;
        }
        if refresh.rollback_fails_at.is_some() {
            return false;
        }
        // The percentage falls: what still has the new configuration is what is still done.
        let left = u32::try_from(outdated).unwrap_or(u32::MAX);
        if left < refresh.done {
            refresh.done = left;
            refresh.failing_since = None;
        }
        if outdated == 0 && standing.warming == 0 && full {
            match self.progress_warm_pool(around) {
                None => return true,
                Some(false) => return self.give_up(&standing, around),
                Some(true) => {}
            }
            let Some(refresh) = self.active_refresh_mut() else { return false };
            let reason = refresh.rollback.as_ref().map_or(String::new(), |rollback| rollback.reason.clone());
            refresh.end(RefreshStatus::RollbackSuccessful, reason, now);
            return true;
        }
        self.give_up(&standing, around) || self.take_outdated(standing.eligible, around)
    }
}
