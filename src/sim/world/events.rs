//! The scenario's one-time events: scale-out, death, somebody else's refresh.

use jiff::Timestamp;

use super::{Around, Group, GroupKey, Preferences, StartRequest, World, after};
use crate::sim::scenario::{EffectKind, ForeignStart};

impl Group {
    /// Lets the scenario's events that are due happen; returns whether any did.
    pub(super) fn scenario_events(&mut self, around: &mut Around<'_>) -> bool {
        let now = around.now;
        let mut changed = false;
        if self.scales_at(around).is_some_and(|at| at <= now) {
            let add = self.effect(around.scenario, EffectKind::scale).map_or(0, |scaling| scaling.add);
            self.desired = self.desired.saturating_add(add);
            self.max = self.max.max(self.desired);
            self.happened.scaled = true;
            changed = true;
        }
        if self.dies_at(around).is_some_and(|at| at <= now) {
            let serving: Vec<_> = self.serving().map(|instance| instance.id.clone()).collect();
            let last = u32::try_from(serving.len()).unwrap_or(0).saturating_sub(1);
            if let Some(id) = serving.get(around.dice.between(0, last) as usize) {
                self.strike(id, now);
            }
            self.happened.died = true;
            changed = true;
        }
        changed
    }

    /// When the scenario's next event is due.
    pub(super) fn next_scenario_event(&self, around: &Around<'_>) -> Option<Timestamp> {
        self.scales_at(around).into_iter().chain(self.dies_at(around)).min()
    }

    fn scales_at(&self, around: &Around<'_>) -> Option<Timestamp> {
        let scaling = self.effect(around.scenario, EffectKind::scale)?;
        self.since_refresh(scaling.after).filter(|_| !self.happened.scaled)
    }

    fn dies_at(&self, around: &Around<'_>) -> Option<Timestamp> {
        let death = self.effect(around.scenario, EffectKind::instance_dies)?;
        self.since_refresh(death.after).filter(|_| !self.happened.died)
    }

    fn since_refresh(&self, seconds: u32) -> Option<Timestamp> {
        self.active_refresh().map(|refresh| after(refresh.started, seconds))
    }
}

impl World {
    /// Starts somebody else's refresh on the group, if the scenario has one that begins so.
    pub(crate) fn foreign_refresh(&mut self, key: &GroupKey, begins: ForeignStart) {
        let Some(group) = self.groups.get(key) else { return };
        let foreign = group.effect(&self.scenario, EffectKind::foreign).filter(|f| f.begins == begins);
        let Some(bake) = foreign.map(|foreign| foreign.lasts).filter(|_| !group.happened.foreign) else {
            return;
        };
        // Another target than ours: the version that the group is on. A floating group gets no
        // desired configuration, since that would change how it follows its template.
        // Neither does one that selects instance types by their attributes: AWS refuses it.
        let own = group.own();
        let directed =
            group.launch_configuration.is_none() && !own.floats() && !self.has_requirements(group, own);
        let desired = directed.then(|| own.to_configuration());
        let preferences = Preferences { bake, ..group.usual_preferences() };
        let request = StartRequest { desired, preferences, ..StartRequest::default() };
        if self.start_refresh(key, request).is_ok()
            && let Some(group) = self.groups.get_mut(key)
        {
            group.happened.foreign = true;
            if let Some(refresh) = group.active_refresh_mut() {
                refresh.foreign = true;
            }
        }
    }
}
