//! The `alarm` check: `CloudWatch` alarms that must be `OK`.

use std::collections::BTreeSet;

use super::Round;
use super::answer::{Answer, Subject};
use super::look::bounded;
use super::needs::Needed;
use crate::config::{AlarmCheck, Line};
use crate::model::{AlarmReading, AlarmState};

/// Asks once: every alarm is a subject.
pub(super) async fn ask(
    round: &Round<'_, '_>,
    check: &AlarmCheck,
    needed: &Needed,
) -> Vec<(Subject, Answer)> {
    match read(round, check, needed).await {
        Ok(answers) => answers,
        Err(why) => vec![round.whole(Answer::errored(why))],
    }
}

async fn read(
    round: &Round<'_, '_>,
    check: &AlarmCheck,
    needed: &Needed,
) -> Result<Vec<(Subject, Answer)>, String> {
    let account = round.look.account()?;
    let variables = round.variables(None, needed);
    let fill = |line: &Line| line.fill(|name| variables.in_host(&format!("{{{name}}}")));
    let mut names = check.names.iter().map(fill).collect::<Result<Vec<_>, _>>()?;
    // Two may be the same once their variables are filled in.
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let prefix = check.prefix.as_ref().map(fill).transpose()?;
    let mut found = Vec::new();
    if !names.is_empty() {
        let answer = bounded(round.runner, account.alarms(&names)).await?;
        found.extend(answer.map_err(|error| error.to_string())?);
    }
    let mut answers: Vec<_> = names.iter().map(|name| named(check, name, &found)).collect();
    if let Some(prefix) = prefix {
        let answer = bounded(round.runner, account.alarms_with_prefix(&prefix)).await?;
        let others = answer.map_err(|error| error.to_string())?;
        if others.is_empty() {
            let why = format!("no alarm in {} has a name that begins with {prefix}", account.region);
            answers.push((Subject::Alarm(format!("{prefix}…")), Answer::errored(why)));
        }
        let others = others.iter().filter(|alarm| !names.contains(&alarm.name));
        answers.extend(others.map(|alarm| (Subject::Alarm(alarm.name.clone()), judge(check, alarm))));
    }
    Ok(answers)
}

fn named(check: &AlarmCheck, name: &str, found: &[AlarmReading]) -> (Subject, Answer) {
    let answer = match found.iter().find(|alarm| alarm.name == name) {
        Some(alarm) => judge(check, alarm),
        None => Answer::errored(format!("there is no alarm {name} in this account and region")),
    };
    (Subject::Alarm(name.to_owned()), answer)
}

fn judge(check: &AlarmCheck, alarm: &AlarmReading) -> Answer {
    let (name, state) = (&alarm.name, &alarm.state);
    let since = alarm.since.map(|since| format!(" since {since:.0}")).unwrap_or_default();
    let answer = match state {
        AlarmState::Ok => Answer::passed(format!("{name} is OK")),
        AlarmState::InsufficientData if check.insufficient_data_passes => {
            Answer::passed(format!("{name} has too little data to tell, which passes here"))
        }
        AlarmState::Alarm | AlarmState::InsufficientData | AlarmState::Other(_) => {
            Answer::failed(format!("{name} is {state}{since}, expected OK"))
        }
    };
    let reason = if alarm.reason.is_empty() { String::new() } else { format!(": {}", alarm.reason) };
    answer.with_evidence(format!("{state}{since}{reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Status;

    fn reading(state: AlarmState) -> AlarmReading {
        AlarmReading {
            name: "web-5xx".into(),
            state,
            reason: "Threshold Crossed".into(),
            since: "2026-11-22T19:00:00.25Z".parse().ok(),
        }
    }

    fn check(passes: bool) -> AlarmCheck {
        AlarmCheck { names: Vec::new(), prefix: None, insufficient_data_passes: passes }
    }

    #[test]
    fn only_ok_passes_unless_too_little_data_may() {
        let judged = |state, passes| judge(&check(passes), &reading(state)).status;
        assert_eq!(judged(AlarmState::Ok, false), Status::Passed);
        assert_eq!(judged(AlarmState::Alarm, true), Status::Failed);
        assert_eq!(judged(AlarmState::InsufficientData, false), Status::Failed);
        assert_eq!(judged(AlarmState::InsufficientData, true), Status::Passed);
        assert_eq!(judged(AlarmState::Other("SNOOZED".into()), true), Status::Failed);
    }

    #[test]
    fn it_says_why_and_since_when() {
        let answer = judge(&check(false), &reading(AlarmState::Alarm));
        assert_eq!(answer.message, "web-5xx is ALARM since 2026-11-22T19:00:00Z, expected OK");
        assert_eq!(&*answer.evidence, "ALARM since 2026-11-22T19:00:00Z: Threshold Crossed");
    }

    #[test]
    fn an_alarm_that_is_not_there_is_named() {
        let (subject, answer) = named(&check(false), "other", &[reading(AlarmState::Ok)]);
        assert_eq!(subject, Subject::Alarm("other".into()));
        assert_eq!(answer.status, Status::Errored);
        assert!(answer.message.contains("other"), "{}", answer.message);
    }
}
