//! The alarms that the configuration names, quiet.

use std::collections::BTreeSet;

use crate::config::{self, Environment};
use crate::sim::fleet::{AlarmSpec, AlarmState, FleetSpec};

/// Adds every alarm that a refresh in the environment may be watched by, in each of its regions.
pub(super) fn add(spec: &mut FleetSpec, fleet: &config::Fleet, environment: &Environment) {
    let account = if environment.role_arn.is_some() { &environment.account } else { &spec.home };
    let own = environment.refresh.preferences.alarms.iter();
    let others = fleet.overrides.iter().flat_map(|change| change.refresh.alarms.iter().flatten());
    let names: BTreeSet<&String> = own.chain(others).collect();
    let mut alarms = Vec::new();
    for region in &environment.regions {
        alarms.extend(names.iter().map(|name| AlarmSpec {
            account: account.clone(),
            region: region.clone(),
            name: (*name).clone(),
            state: AlarmState::Ok,
        }));
    }
    // Environments may share an account.
    let known = |alarm: &AlarmSpec| {
        spec.alarms
            .iter()
            .any(|one| (&one.account, &one.region, &one.name) == (&alarm.account, &alarm.region, &alarm.name))
    };
    let new: Vec<AlarmSpec> = alarms.into_iter().filter(|alarm| !known(alarm)).collect();
    spec.alarms.extend(new);
}
