//! `CloudWatch`: alarms. It is asked in CBOR, JSON or forms, and answers in kind.

use serde_json::{Value, json};

use super::Ask;
use super::errors::Error;
use super::paging::Size;
use crate::sim::fleet::AlarmState;
use crate::sim::world::Alarm;

const SIZE: Size = Size { parameter: "MaxRecords", token: "NextToken", usual: 50, most: 100 };
/// What would give wrong answers if it were ignored.
const UNKNOWN: [&str; 3] = ["ChildrenOfAlarmName", "ParentsOfAlarmName", "ActionPrefix"];

pub(super) fn answer(ask: &mut Ask<'_>) -> Result<Value, Error> {
    match ask.action {
        "DescribeAlarms" => describe(ask),
        "SetAlarmState" => set_state(ask),
        other => Err(Error::unknown_action(other)),
    }
}

/// A list, as a form names it or a document.
fn list<'a>(ask: &'a Ask<'_>, name: &str) -> Vec<&'a str> {
    let mut found = ask.params.list(&format!("{name}.member"));
    found.extend(ask.params.list(name));
    found
}

fn state(text: &str) -> Result<AlarmState, Error> {
    AlarmState::parse(text).ok_or_else(|| Error::invalid(format!("StateValue can't be {text}")))
}

fn describe(ask: &mut Ask<'_>) -> Result<Value, Error> {
    if let Some(name) = UNKNOWN.into_iter().find(|name| ask.params.get(name).is_some()) {
        return Err(Error::invalid(format!("the simulator can't look for alarms by {name}")));
    }
    let (names, types) = (list(ask, "AlarmNames"), list(ask, "AlarmTypes"));
    let prefix = ask.params.get("AlarmNamePrefix");
    if prefix.is_some() && !names.is_empty() {
        return Err(Error::invalid("Give AlarmNames or AlarmNamePrefix, not both."));
    }
    let wanted = ask.params.get("StateValue").map(state).transpose()?;
    let metric = types.is_empty() || types.contains(&"MetricAlarm");
    let found: Vec<Alarm> = ask
        .world
        .alarms_in(&ask.place)
        .into_iter()
        .filter(|alarm| metric && (names.is_empty() || names.contains(&alarm.name.as_str())))
        .filter(|alarm| prefix.is_none_or(|prefix| alarm.name.starts_with(prefix)))
        .filter(|alarm| wanted.is_none_or(|state| alarm.state == state))
        .collect();
    let page = ask.page(found, SIZE)?;
    let alarms: Vec<Value> = page.items.iter().map(|alarm| told(ask, alarm)).collect();
    let mut answer = json!({ "MetricAlarms": alarms, "CompositeAlarms": [] });
    if let Some(next) = page.next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}

fn told(ask: &Ask<'_>, alarm: &Alarm) -> Value {
    let (region, account, name) = (&ask.place.region, &ask.place.account, &alarm.name);
    let since = alarm.since.as_second();
    json!({
        "AlarmName": name,
        "AlarmArn": format!("arn:aws:cloudwatch:{region}:{account}:alarm:{name}"),
        "ActionsEnabled": true,
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "StateValue": alarm.state.as_str(),
        "StateReason": alarm.reason,
        "StateUpdatedTimestamp": since,
        "StateTransitionedTimestamp": since,
        "MetricName": "HTTPCode_Target_5XX_Count",
        "Namespace": "AWS/ApplicationELB",
        "Statistic": "Sum",
        "Dimensions": [],
        "Period": 60,
        "EvaluationPeriods": 3,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "missing",
    })
}

fn set_state(ask: &mut Ask<'_>) -> Result<Value, Error> {
    let name = ask.params.require("AlarmName")?;
    let state = state(ask.params.require("StateValue")?)?;
    let reason = ask.params.require("StateReason")?;
    if ask.world.alarm(&ask.place, name).is_none() {
        return Err(Error::with_status(404, "ResourceNotFound", &format!("no alarm {name}")));
    }
    ask.world.set_alarm(&ask.place, name, state, reason);
    Ok(json!({}))
}
