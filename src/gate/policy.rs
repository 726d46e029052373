//! Whether an environment may start: pure.

use jiff::{SignedDuration, Timestamp};

use super::{Record, Records, State};
use crate::config::Environment;
use crate::model::{EnvironmentName, Problem};

/// What the gates say of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every gate that it requires is passed for this image.
    Open {
        /// Since the last of them had soaked; `None` when it requires none.
        since: Option<Timestamp>,
    },
    /// Every one is passed, and this is when the last has soaked.
    Soaking {
        /// When it opens.
        until: Timestamp,
        /// Which gate is not soaked yet, since when, and how to pass it.
        problems: Vec<Problem>,
    },
    /// At least one is not passed.
    Closed(Vec<Problem>),
}

/// What holds an environment up, for those who print it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether the image is in quarantine.
    pub quarantined: bool,
    /// The gates that it requires and that are not passed, in the configuration's order.
    pub missing: Vec<EnvironmentName>,
    /// When the last of those that are passed has soaked, if that is still to come.
    pub soaks_until: Option<Timestamp>,
}

impl Standing {
    /// Whether nothing holds it up.
    pub fn may_start(&self) -> bool {
        !self.quarantined && self.missing.is_empty() && self.soaks_until.is_none()
    }
}

/// What holds an environment up now; `records` are this image's.
pub fn standing(environment: &Environment, records: &Records, now: Timestamp) -> Standing {
    let mut standing = Standing { quarantined: !records.quarantined.is_empty(), ..Standing::default() };
    for required in &environment.gate.requires {
        match passed(records, required) {
            None => standing.missing.push(required.clone()),
            Some(record) => {
                let soaked = Some(soaked(environment, record)).filter(|soaked| *soaked > now);
                standing.soaks_until = standing.soaks_until.max(soaked);
            }
        }
    }
    standing
}

fn passed<'r>(records: &'r Records, name: &EnvironmentName) -> Option<&'r Record> {
    records.get(name).filter(|record| record.state == State::Passed)
}

/// When a gate that this environment requires has soaked.
fn soaked(environment: &Environment, record: &Record) -> Timestamp {
    let soak = SignedDuration::try_from(environment.gate.soak).unwrap_or(SignedDuration::MAX);
    record.at.checked_add(soak).unwrap_or(Timestamp::MAX)
}

/// Judges the gates that an environment requires; `records` are this image's.
pub fn judge(environment: &Environment, records: &Records, now: Timestamp) -> Verdict {
    let name = &environment.name;
    let mut closed = records.in_quarantine(Some(name));
    closed.extend(records.without_room(name));
    let mut soaking = Vec::new();
    let mut until = now;
    let mut since: Option<Timestamp> = None;
    for required in &environment.gate.requires {
        let Some(passed) = passed(records, required) else {
            closed.push(not_passed(name, required, records.get(required)));
            continue;
        };
        let soaked = soaked(environment, passed);
        since = since.max(Some(soaked));
        if soaked > now {
            until = until.max(soaked);
            soaking.push(not_soaked(name, required, passed, soaked));
        }
    }
    if !closed.is_empty() {
        closed.extend(soaking);
        return Verdict::Closed(closed);
    }
    if soaking.is_empty() { Verdict::Open { since } } else { Verdict::Soaking { until, problems: soaking } }
}

fn not_passed(name: &EnvironmentName, required: &EnvironmentName, record: Option<&Record>) -> Problem {
    let why = match record {
        None => format!("{name} requires it, and this image has not been through {required}"),
        Some(record) => {
            format!("{name} requires it, and it was {} at {}: {}", record.state, record.at, record.detail)
        }
    };
    Problem::new(
        format!("gate {required} is not passed for this image"),
        why,
        format!(
            "run 'ami-refresh rollout --env {required}', or, knowing better, 'ami-refresh gate pass --env {required} --reason \"…\"'"
        ),
    )
}

fn not_soaked(
    name: &EnvironmentName,
    required: &EnvironmentName,
    record: &Record,
    soaked: Timestamp,
) -> Problem {
    Problem::new(
        format!("gate {required} has not soaked yet"),
        format!("{name} asks for time between; it passed at {} and has soaked at {soaked}", record.at),
        format!("run this again from {soaked} on, or with --wait"),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{Fleet, GatePolicy};
    use crate::gate::Quarantine;

    fn environment(soak: u64) -> Environment {
        let text = include_str!("../../pipeline/environments.yaml");
        let fleet = Fleet::parse(std::path::Path::new("environments.yaml"), text).unwrap();
        let mut environment = fleet.environment("prod").unwrap().clone();
        environment.gate = GatePolicy {
            requires: vec!["qa".into(), "stage".into()],
            soak: Duration::from_secs(soak),
            allow_empty: false,
        };
        environment
    }

    fn records(of: &[(&str, State, i64)]) -> Records {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let record = |&(name, state, seconds): &(&str, State, i64)| {
            (name.into(), Record { state, at: at(seconds), detail: "3/3".into() })
        };
        Records { gates: of.iter().map(record).collect(), ..Records::default() }
    }

    fn now() -> Timestamp {
        Timestamp::from_second(10_000).unwrap()
    }

    #[test]
    fn every_required_gate_must_be_passed() {
        let both = records(&[("qa", State::Passed, 1), ("stage", State::Passed, 2)]);
        let since = Timestamp::from_second(2).ok();
        assert_eq!(judge(&environment(0), &both, now()), Verdict::Open { since });
        let Verdict::Closed(problems) = judge(&environment(0), &records(&[("qa", State::Passed, 1)]), now())
        else {
            panic!("open")
        };
        assert_eq!(problems.len(), 1);
        assert!(problems[0].what.contains("gate stage"), "{}", problems[0]);
        assert!(problems[0].next.contains("gate pass --env stage"), "{}", problems[0]);
    }

    #[test]
    fn a_failed_or_revoked_gate_is_closed_and_says_since_when() {
        for state in [State::Failed, State::Revoked] {
            let records = records(&[("qa", state, 5000), ("stage", State::Passed, 2)]);
            let Verdict::Closed(problems) = judge(&environment(0), &records, now()) else { panic!("open") };
            assert!(problems[0].why.contains("1970-01-01T01:23:20Z"), "{}", problems[0]);
        }
    }

    #[test]
    fn an_image_in_quarantine_passes_nowhere() {
        let mut passed = records(&[("qa", State::Passed, 1), ("stage", State::Passed, 2)]);
        let quarantine = Quarantine { holds: true, at: Some(now()), detail: "jane: it panics".into() };
        passed.quarantined.insert("ami-0abc1234".into(), quarantine);
        let Verdict::Closed(problems) = judge(&environment(0), &passed, now()) else { panic!("open") };
        let told = problems[0].to_string();
        assert!(told.contains("ami-0abc1234 is in quarantine") && told.contains("jane: it panics"), "{told}");
        assert!(told.contains("rollback --env prod"), "{told}");
    }

    #[test]
    fn what_holds_up_is_what_is_judged() {
        let mut some = records(&[("qa", State::Passed, 9_500), ("stage", State::Failed, 2)]);
        let both = records(&[("qa", State::Passed, 9_500), ("stage", State::Passed, 9_000)]);
        let stands = standing(&environment(2_000), &both, now());
        assert_eq!(stands.soaks_until.unwrap().as_second(), 11_500, "the last of them counts");
        assert!(!stands.may_start() && standing(&environment(0), &both, now()).may_start());
        let stands = standing(&environment(2_000), &some, now());
        assert_eq!((stands.missing.clone(), stands.may_start()), (vec!["stage".into()], false));
        some.quarantined.insert("ami-1".into(), Quarantine::new(true, now(), "jane", "it panics"));
        assert!(standing(&environment(0), &some, now()).quarantined);
        for (soak, records) in [(0, &both), (2_000, &both), (0, &some)] {
            let open = matches!(judge(&environment(soak), records, now()), Verdict::Open { .. });
            assert_eq!(standing(&environment(soak), records, now()).may_start(), open);
        }
    }

    #[test]
    fn a_gate_soaks_until_its_time_has_passed() {
        let both = records(&[("qa", State::Passed, 1), ("stage", State::Passed, 9_000)]);
        let Verdict::Soaking { until, .. } = judge(&environment(2_000), &both, now()) else {
            panic!("not soaking")
        };
        assert_eq!(until.as_second(), 11_000);
        let since = Timestamp::from_second(10_000).ok();
        assert_eq!(judge(&environment(1_000), &both, now()), Verdict::Open { since });
    }
}
