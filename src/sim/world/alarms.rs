//! `CloudWatch` alarms: their state, and the refreshes that watch them.

use jiff::Timestamp;

use super::{Around, Group, Instance, Place, World, after, passed};
use crate::config::glob_matches;
use crate::model::RefreshStatus;
use crate::sim::fleet::AlarmState;
use crate::sim::scenario::AlarmChange;

/// A `CloudWatch` alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: AlarmState,
    /// Why it is in that state.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

impl World {
    /// An alarm as it stands now: as it was set, unless the scenario fires it.
    pub fn alarm(&self, place: &Place, name: &str) -> Option<Alarm> {
        let alarm = self.alarms.get(&(place.clone(), name.to_owned()))?;
        let fired = self.scenario.effects.iter().rev().find_map(|effect| {
            let change = effect.kind.alarm().filter(|change| glob_matches(&change.name, name))?;
            let here = self.groups.values().filter(|group| group.key.place == *place);
            let hit = here.filter(|group| effect.hits(&group.key, &group.tags));
            let since = hit.flat_map(|group| &group.instances).filter_map(|instance| change.fires(instance));
            Some((since.min().filter(|since| *since <= self.now)?, change.state))
        });
        Some(match fired {
            Some((since, state)) => {
                let reason = "Threshold Crossed: 3 datapoints were greater than the threshold".to_owned();
                Alarm { state, reason, since, ..alarm.clone() }
            }
            None => alarm.clone(),
        })
    }

    /// The alarms of a place as they stand now, by name.
    pub fn alarms_in(&self, place: &Place) -> Vec<Alarm> {
        let here = self.alarms.keys().filter(|(at, _)| at == place);
        here.filter_map(|(_, name)| self.alarm(place, name)).collect()
    }

    /// Sets an alarm's state, and makes the alarm if it is not there.
    pub fn set_alarm(&mut self, place: &Place, name: &str, state: AlarmState, reason: &str) {
        let alarm = Alarm { name: name.to_owned(), state, reason: reason.to_owned(), since: self.now };
        self.alarms.insert((place.clone(), name.to_owned()), alarm);
        self.watch_alarms();
    }

    /// What is wrong with one of the alarms that a refresh is to watch, if anything is.
    pub(super) fn unfit_alarm(&self, place: &Place, names: &[String]) -> Option<String> {
        names.iter().find_map(|name| match self.alarm(place, name).map(|alarm| alarm.state) {
            Some(AlarmState::Ok) => None,
            Some(state) => Some(format!(
                "The CloudWatch alarm {name} is in the {} state. Make sure that the alarm is in the OK state.",
                state.as_str()
            )),
            None => Some(format!("The CloudWatch alarm {name} does not exist.")),
        })
    }

    /// Fails every refresh one of whose alarms fires.
    pub(super) fn watch_alarms(&mut self) {
        if self.alarms.is_empty() {
            return;
        }
        let failing: Vec<_> = self
            .groups
            .values()
            .filter_map(|group| {
                let refresh = group.active_refresh().filter(|refresh| watches(refresh.status))?;
                let fires = |name: &&String| {
                    self.alarm(&group.key.place, name).is_some_and(|alarm| alarm.state == AlarmState::Alarm)
                };
                let name = refresh.preferences.alarms.iter().find(fires)?;
                Some((group.key.clone(), name.clone()))
            })
            .collect();
        for (key, name) in failing {
            self.with_group(&key, |group, around| {
                group.fail(&format!("The CloudWatch alarm {name} went into the ALARM state."), around);
            });
        }
    }
}

/// Whether a refresh of that status minds its alarms: until the bake is over, and not on its way back.
fn watches(status: RefreshStatus) -> bool {
    match status {
        RefreshStatus::Pending | RefreshStatus::InProgress | RefreshStatus::Baking => true,
        RefreshStatus::Cancelling
        | RefreshStatus::RollbackInProgress
        | RefreshStatus::Successful
        | RefreshStatus::Failed
        | RefreshStatus::Cancelled
        | RefreshStatus::RollbackSuccessful
        | RefreshStatus::RollbackFailed => false,
    }
}

impl AlarmChange {
    /// When an instance makes the alarm fire, if it does.
    fn fires(&self, instance: &Instance) -> Option<Timestamp> {
        let since = instance.serving_since.filter(|_| instance.serves())?;
        self.on.hits(instance.image_is_new).then(|| after(since, self.after))
    }
}

impl Group {
    /// When one of its instances next makes an alarm fire.
    pub(super) fn next_alarm(&self, around: &Around<'_>) -> Option<Timestamp> {
        let effects = around.scenario.effects.iter().filter(|effect| effect.hits(&self.key, &self.tags));
        let changes = effects.filter_map(|effect| effect.kind.alarm());
        let moments =
            changes.flat_map(|change| self.instances.iter().filter_map(|instance| change.fires(instance)));
        moments.filter(|when| !passed(*when, 0, around.now)).min()
    }
}
