//! How the instances of a group stand towards its active refresh, and what may be done next.

use jiff::Timestamp;

use super::batches::{Counts, Mode, Moves};
use super::slots::Pattern;
use super::{Around, Group, Instance, Life, Refresh, Reserved};
use crate::model::{InstanceId, RefreshStatus};
use crate::sim::scenario::EffectKind;

/// An instance that is to be replaced.
pub(super) struct Outdated {
    pub(super) id: InstanceId,
    /// How many units of capacity it counts.
    pub(super) units: usize,
    serves: bool,
}

/// The instances of a group as a refresh sees them.
pub(super) struct Standing {
    /// To be replaced, and free to be, in the order in which they go.
    pub(super) eligible: Vec<Outdated>,
    /// To be replaced, but protected or in standby.
    pub(super) reserved: usize,
    /// Up to date, not skipped, healthy and warmed up.
    pub(super) warm: usize,
    /// Up to date, and not warmed up yet.
    pub(super) warming: usize,
    /// Serving, and warmed up if up to date: in units of capacity.
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

    pub(super) fn next_moves(&self, around: &Around<'_>) -> Moves {
        let Some(refresh) = self.active_refresh().filter(|refresh| refresh.replaces()) else {
            return Moves::default();
        };
        if self.is_held(refresh, around) {
            return Moves::default();
        }
        let standing = self.standing(around);
        let taken = (refresh.goal as usize).saturating_sub(standing.eligible.len() + standing.reserved);
        let allowed = refresh.next_stop().saturating_sub(taken);
        let units = |count| standing.eligible.iter().take(count).map(|outdated| outdated.units).sum();
        refresh.bounds().moves(Counts {
            desired: self.desired as usize,
            heaviest: self.heaviest(),
            available: standing.available,
            outdated: units(usize::MAX),
            allowance: units(allowed),
        })
    }

    /// Whether the scenario, a suspended process or a rollback that is to fail keeps it from moving.
    pub(super) fn is_held(&self, refresh: &Refresh, around: &Around<'_>) -> bool {
        let forward = refresh.status == RefreshStatus::InProgress;
        let stuck = self.effect(around.scenario, EffectKind::stuck);
        let stuck = stuck.is_some_and(|stuck| forward && stuck.at.is_none_or(|at| refresh.percent() >= at));
        stuck
            || refresh.rollback_fails_at.is_some()
            || self.is_suspended("Terminate")
            || self.is_suspended("Launch")
            || self.is_suspended("InstanceRefresh")
    }

    /// How the instances stand towards the active refresh.
    pub(super) fn standing(&self, around: &Around<'_>) -> Standing {
        let mut standing =
            Standing { eligible: Vec::new(), reserved: 0, warm: 0, warming: 0, available: 0, leaving: 0 };
        let Some(refresh) = self.active_refresh() else { return standing };
        let patterns = self.patterns(self.target(), around);
        for instance in self.members() {
            self.stand(instance, refresh, &patterns, around.now, &mut standing);
        }
        // What does not serve goes first: it costs no capacity.
        standing.eligible.sort_by_key(|outdated| outdated.serves);
        standing
    }

    fn stand(
        &self,
        instance: &Instance,
        refresh: &Refresh,
        patterns: &[Pattern<'_>],
        now: Timestamp,
        standing: &mut Standing,
    ) {
        let forward = refresh.status != RefreshStatus::RollbackInProgress;
        let matches = patterns.iter().any(|pattern| pattern.fits(instance));
        let outdated = !matches || (forward && refresh.old.contains(&instance.id));
        let reserve = match (instance.life, instance.protected) {
            (Life::Standby, _) => Some(refresh.preferences.standby),
            (_, true) => Some(refresh.preferences.protected),
            (_, false) => None,
        };
        match (instance.life, outdated) {
            (Life::Terminating | Life::Terminated, _) => standing.leaving += 1,
            // Whatever image it gets, nothing can be done with it before it is there.
            (Life::ReplacingRoot, _) => standing.warming += 1,
            (Life::Pending | Life::InService | Life::Standby | Life::Warmed, true) => {
                standing.available += if instance.serves() { instance.units() } else { 0 };
                match reserve {
                    Some(Reserved::Ignore) => {}
                    Some(Reserved::Wait) => standing.reserved += 1,
                    // What is still on its way is left alone until it serves.
                    Some(Reserved::Replace) | None if instance.life == Life::Pending => {
                        standing.reserved += 1;
                    }
                    Some(Reserved::Replace) | None => standing.eligible.push(Outdated {
                        id: instance.id.clone(),
                        units: instance.units(),
                        serves: instance.serves(),
                    }),
                }
            }
            (Life::Standby | Life::Warmed, false) => {}
            (Life::Pending | Life::InService, false) => {
                let skipped = refresh.skipped.contains(&instance.id);
                let warm = if skipped { instance.serves() } else { instance.warm(now, self.warmup()) };
                standing.available += if warm { instance.units() } else { 0 };
                standing.warming += usize::from(!warm);
                standing.warm += usize::from(warm && !skipped);
            }
        }
    }
}
