//! CloudWatch alarms: what state they are in.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::operation::describe_alarms::builders::DescribeAlarmsFluentBuilder;
use aws_sdk_cloudwatch::types::{AlarmType, StateValue};

use super::{Account, Error, timestamp};
use crate::model::{AlarmReading, AlarmState};

const OPERATION: &str = "DescribeAlarms";
/// The most names that one call takes.
const NAMES: usize = 100;
/// The most alarms that one answer holds; it would be half of that.
const PAGE: i32 = 100;

impl Account {
    /// The states of the alarms of these names, metric and composite ones; absent ones are left
    /// out.
    pub async fn alarm_states(&self, names: &[String]) -> Result<BTreeMap<String, AlarmState>, Error> {
        let alarms = self.alarms(names).await?;
        Ok(alarms.into_iter().map(|alarm| (alarm.name, alarm.state)).collect())
    }

    /// The alarms of these names, with why they are in their states; absent ones are left out.
    pub async fn alarms(&self, names: &[String]) -> Result<Vec<AlarmReading>, Error> {
        let mut found = Vec::new();
        for names in names.chunks(NAMES) {
            let request = self.cloudwatch.describe_alarms().set_alarm_names(Some(names.to_vec()));
            // Some servers ignore the names: believe only what was asked for.
            found.extend(read(request).await?.into_iter().filter(|alarm| names.contains(&alarm.name)));
        }
        Ok(found)
    }

    /// The alarms whose names begin so.
    pub async fn alarms_with_prefix(&self, prefix: &str) -> Result<Vec<AlarmReading>, Error> {
        let request = self.cloudwatch.describe_alarms().alarm_name_prefix(prefix);
        Ok(read(request).await?.into_iter().filter(|alarm| alarm.name.starts_with(prefix)).collect())
    }
}

/// Metric and composite alarms of all pages, in the order of their names.
async fn read(request: DescribeAlarmsFluentBuilder) -> Result<Vec<AlarmReading>, Error> {
    // Without the types a composite alarm looks like one that does not exist.
    let request =
        request.max_records(PAGE).alarm_types(AlarmType::MetricAlarm).alarm_types(AlarmType::CompositeAlarm);
    let mut found = Vec::new();
    let mut pages = request.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| Error::from_sdk(OPERATION, error))?;
        found.extend(page.metric_alarms().iter().filter_map(|one| {
            let since = one.state_transitioned_timestamp().or(one.state_updated_timestamp());
            reading(one.alarm_name(), one.state_value(), one.state_reason(), since)
        }));
        found.extend(page.composite_alarms().iter().filter_map(|one| {
            let since = one.state_transitioned_timestamp().or(one.state_updated_timestamp());
            reading(one.alarm_name(), one.state_value(), one.state_reason(), since)
        }));
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn reading(
    name: Option<&str>,
    state: Option<&StateValue>,
    reason: Option<&str>,
    since: Option<&aws_smithy_types::DateTime>,
) -> Option<AlarmReading> {
    Some(AlarmReading {
        name: name?.to_owned(),
        state: read_state(state?),
        reason: reason.unwrap_or_default().to_owned(),
        since: timestamp(since),
    })
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
