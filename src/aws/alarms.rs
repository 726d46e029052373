//! CloudWatch alarms: what state they are in.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{AlarmType, StateValue};

use super::{Account, Error};
use crate::model::AlarmState;

const OPERATION: &str = "DescribeAlarms";
/// The most names that one call takes.
const NAMES: usize = 100;

impl Account {
    /// The states of the alarms of these names, metric and composite ones; absent ones are left
    /// out.
    pub async fn alarm_states(&self, names: &[String]) -> Result<BTreeMap<String, AlarmState>, Error> {
        let mut states = BTreeMap::new();
        for names in names.chunks(NAMES) {
            let request = self.cloudwatch.describe_alarms().set_alarm_names(Some(names.to_vec()));
            // Without the types a composite alarm looks like one that does not exist.
            let request = request.alarm_types(AlarmType::MetricAlarm).alarm_types(AlarmType::CompositeAlarm);
            let mut pages = request.into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| Error::from_sdk(OPERATION, error))?;
                let metric = page.metric_alarms().iter().map(|one| (one.alarm_name(), one.state_value()));
                let composite =
                    page.composite_alarms().iter().map(|one| (one.alarm_name(), one.state_value()));
                let found = metric.chain(composite).filter_map(|(name, state)| Some((name?, state?)));
                // Some servers ignore the names: believe only what was asked for.
                let wanted = found.filter(|(name, _)| names.iter().any(|wanted| wanted == name));
                states.extend(wanted.map(|(name, state)| (name.to_owned(), read_state(state))));
            }
        }
        Ok(states)
    }
}

fn read_state(state: &StateValue) -> AlarmState {
    match state {
        StateValue::Ok => AlarmState::Ok,
        StateValue::Alarm => AlarmState::Alarm,
        StateValue::InsufficientData => AlarmState::InsufficientData,
        other => AlarmState::Other(other.as_str().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_read_also_one_that_is_new() {
        for (text, state) in [
            ("OK", AlarmState::Ok),
            ("ALARM", AlarmState::Alarm),
            ("INSUFFICIENT_DATA", AlarmState::InsufficientData),
            ("SNOOZED", AlarmState::Other("SNOOZED".to_owned())),
        ] {
            assert_eq!(read_state(&StateValue::from(text)), state);
            assert_eq!(state.to_string(), text);
        }
    }
}
