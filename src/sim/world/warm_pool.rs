//! Warm pools: instances that have booted wait beside a group, and are the first to be launched.
//!
//! They are among the group's instances, told by [`Instance::pool`]: they serve nobody, and
//! count for nothing but the pool.

use super::{Around, Group, Instance, Life, Step, after};
use crate::model::{InstanceId, RefreshStatus};

/// How the instances of a warm pool stand towards the active refresh.
#[derive(Debug, Default)]
pub(super) struct WarmStanding {
    /// To be replaced.
    pub(super) outdated: Vec<InstanceId>,
    /// Up to date, not skipped, and ready.
    pub(super) ready: usize,
    /// On their way in or out, or lacking.
    pub(super) unready: usize,
}

/// By how much an instance that has booted before is faster.
const FASTER: u32 = 5;

impl Group {
    /// The instances in the warm pool.
    pub fn warm_pool_instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.iter().filter(|instance| instance.pool.is_some())
    }

    /// The instances that are not in the warm pool.
    pub fn members(&self) -> impl Iterator<Item = &Instance> {
        self.instances.iter().filter(|instance| instance.pool.is_none())
    }

    /// How many instances the warm pool should hold; 0 without one.
    pub fn warm_pool_size(&self) -> usize {
        self.warm_pool.map_or(0, |pool| {
            let most = pool.max_prepared.unwrap_or(self.max);
            most.saturating_sub(self.desired).max(pool.min) as usize
        })
    }

    /// Launches into the warm pool what it lacks, and terminates what it has too much of.
    pub(super) fn keep_warm_pool(&mut self, around: &mut Around<'_>) -> bool {
        let Some(pool) = self.warm_pool else { return false };
        let wanted = self.warm_pool_size();
        let living: Vec<InstanceId> = self
            .warm_pool_instances()
            .filter(|instance| matches!(instance.life, Life::Pending | Life::Warmed))
            .map(|instance| instance.id.clone())
            .collect();
        if living.len() > wanted {
            let surplus = living.len() - wanted;
            self.terminate_warm(&living[..surplus], "a change of the warm pool's size", around);
            return true;
        }
        let lacking = wanted - living.len();
        if lacking == 0 || self.retry_at.is_some_and(|at| around.now < at) || self.is_suspended("Launch") {
            return false;
        }
        self.launch(lacking, Some(pool.state), around)
    }

    /// Takes an instance out of the warm pool into the group; returns its units, if there is one.
    pub(super) fn take_warm(&mut self, around: &mut Around<'_>) -> Option<usize> {
        let fits: Vec<bool> = self.instances.iter().map(|instance| self.fits(instance, around)).collect();
        let at = fits.iter().position(|fits| *fits)?;
        let boot = (self.boot / FASTER).max(1);
        let instance = &mut self.instances[at];
        instance.pool = None;
        instance.life = Life::Pending;
        instance.step = Step::Plain;
        instance.launched = around.now;
        instance.due = Some(after(around.now, boot));
        let copy = instance.clone();
        let cause = self.launch_cause(around);
        let activity = around.dice.uuid();
        self.note_launch(activity, &copy, cause);
        Some(copy.units())
    }

    /// Whether a launch may take that instance from the pool: while a refresh goes on, only one
    /// that is up to date; else any, which may run an older version than the group says.
    fn fits(&self, instance: &Instance, around: &Around<'_>) -> bool {
        let ready = instance.pool.is_some() && instance.life == Life::Warmed;
        ready && (self.active_refresh().is_none() || self.is_up_to_date(instance, around))
    }

    fn is_up_to_date(&self, instance: &Instance, around: &Around<'_>) -> bool {
        self.patterns(self.target(), around).iter().any(|pattern| pattern.fits(instance))
    }

    /// How the warm pool stands towards the active refresh.
    pub(super) fn warm_standing(&self, around: &Around<'_>) -> WarmStanding {
        let mut standing = WarmStanding::default();
        let Some(refresh) = self.active_refresh() else { return standing };
        let forward = refresh.status != RefreshStatus::RollbackInProgress;
        let mut living = 0;
        for instance in self.warm_pool_instances() {
            let outdated =
                !self.is_up_to_date(instance, around) || (forward && refresh.old.contains(&instance.id));
            match instance.life {
                Life::Terminating | Life::Terminated => standing.unready += 1,
                Life::Pending | Life::Warmed | Life::InService | Life::Standby | Life::ReplacingRoot
                    if outdated =>
                {
                    living += 1;
                    standing.outdated.push(instance.id.clone());
                }
                Life::Warmed => {
                    living += 1;
                    standing.ready += usize::from(!refresh.skipped.contains(&instance.id));
                }
                Life::Pending | Life::InService | Life::Standby | Life::ReplacingRoot => {
                    living += 1;
                    standing.unready += 1;
                }
            }
        }
        standing.unready += self.warm_pool_size().saturating_sub(living);
        standing
    }

    /// Replaces what is outdated in the warm pool, all at once: it serves nobody. Returns whether
    /// the pool is as the refresh wants it; `None` when something has just changed.
    pub(super) fn progress_warm_pool(&mut self, around: &mut Around<'_>) -> Option<bool> {
        let standing = self.warm_standing(around);
        let left = standing.outdated.len();
        let Some(refresh) = self.active_refresh_mut() else { return Some(true) };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        if refresh.status == RefreshStatus::RollbackInProgress {
            refresh.warm_done = refresh.warm_done.min(count(left));
        } else {
            let gone = (refresh.warm_goal as usize).saturating_sub(left);
            refresh.warm_done = count(gone.min(standing.ready));
        }
        if left == 0 {
            return Some(standing.unready == 0);
        }
        let held = self.active_refresh().is_some_and(|refresh| self.is_held(refresh, around));
        if held {
            return Some(false);
        }
        self.terminate_warm(&standing.outdated, "an instance refresh", around);
        None
    }

    fn terminate_warm(&mut self, ids: &[InstanceId], why: &str, around: &mut Around<'_>) {
        for id in ids {
            let now = around.now;
            let cause =
                format!("At {now:.0} an instance was taken out of the warm pool in response to {why}.");
            self.terminate(id, cause, around);
        }
    }
}
