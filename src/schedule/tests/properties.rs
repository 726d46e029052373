//! What holds for every group, agenda and time.

use std::time::Duration;

use jiff::civil::{date, time};
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::config::Missed;
use crate::model::{BusinessHours, Days, Moment};

const START: i64 = 1_772_000_000;
const ZONES: [&str; 4] = ["Europe/London", "America/New_York", "Australia/Lord_Howe", "UTC"];

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn days() -> impl Strategy<Value = Days> {
    let week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    proptest::sample::subsequence(week.to_vec(), 1..=7).prop_map(|days| Days::parse(&days.join(",")).unwrap())
}

fn moments() -> impl Strategy<Value = (Moment, Moment)> {
    let day = || (1..29_i8, 0..24_i8);
    prop_oneof![
        (0..400_i64, 1..40_i64).prop_map(|(day, length)| {
            let from = date(2026, 2, 1).at(9, 30, 0, 0).saturating_add(jiff::Span::new().days(day));
            (Moment::Once(from), Moment::Once(from.saturating_add(jiff::Span::new().hours(length * 7))))
        }),
        (day(), day()).prop_map(|((day, hour), (end, end_hour))| {
            let weekday = |day: i8| date(2026, 6, day).weekday();
            (
                Moment::Weekly(weekday(day), time(hour, 0, 0, 0)),
                Moment::Weekly(weekday(end), time(end_hour, 30, 0, 0)),
            )
        }),
        (day(), day()).prop_map(|((day, hour), (end, end_hour))| {
            (Moment::Monthly(day, time(hour, 0, 0, 0)), Moment::Monthly(end, time(end_hour, 30, 0, 0)))
        }),
    ]
}

/// A fleet of one environment, whatever its schedule, freezes and business hours are.
fn fleets() -> impl Strategy<Value = Fleet> {
    let hours = (0..20_i8, 1..4_i8, days());
    let window = (days(), 0..24_i8, 0..60_i8, 1..3_000_u64);
    let freezes = prop::collection::vec(moments(), 0..3);
    let zone = proptest::sample::select(ZONES.to_vec());
    (window, zone, freezes, proptest::option::of(hours), any::<bool>()).prop_map(
        |((days, hour, minute, length), zone, freezes, hours, catch_up)| {
            let zone = TimeZone::get(zone).unwrap();
            let mut fleet = fleet("checks: [instances]", "");
            let schedule = &mut fleet.environments[0].schedule;
            schedule.zone = zone.clone();
            schedule.days = Some(days);
            schedule.time = Some(time(hour, minute, 0, 0));
            schedule.window = Duration::from_secs(length * 60);
            schedule.missed = if catch_up { Missed::CatchUp } else { Missed::Wait };
            schedule.business_hours = hours.map(|(from, length, days)| {
                let (from, to) = (time(from, 0, 0, 0), time(from + length, 0, 0, 0));
                BusinessHours { days, from, to, zone: zone.clone() }
            });
            fleet.freezes = freezes
                .into_iter()
                .map(|(from, to)| Freeze {
                    from,
                    to,
                    zone: zone.clone(),
                    environments: None,
                    reason: "why".into(),
                })
                .collect();
            fleet
        },
    )
}

fn window(fleet: &Fleet) -> Window {
    match found(fleet, &fleet.environments[0], "pay-web", &BTreeMap::new()).reading {
        Reading::Window(window) => window,
        other => panic!("{other:?}"),
    }
}

fn frozen(fleet: &Fleet, at: Timestamp) -> bool {
    fleet.freezes.iter().any(|freeze| freeze.covering(at).is_some())
}

/// Whether a group may be started, straight from the rules.
fn allowed(agenda: &Agenda<'_>, window: &Window, at: Timestamp) -> bool {
    if frozen(agenda.fleet, at) && !agenda.override_freeze {
        return false;
    }
    let schedule = &agenda.environment.schedule;
    let instant = Span { from: at, to: Timestamp::from_nanosecond(at.as_nanosecond() + 1).unwrap() };
    let working = schedule.business_hours.as_ref().is_some_and(|hours| hours.overlap(&instant).is_some());
    let missed = agenda.ready_since.is_some_and(|ready| window.last_before(at).to > ready);
    window.open_at(at).is_some() || (schedule.missed == Missed::CatchUp && missed && !working)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_group_is_due_as_the_rules_say_and_next_when_they_say_so_first(
        fleet in fleets(), now in START..START + 400 * 86_400, ready in proptest::option::of(0..20 * 86_400_i64),
        override_freeze in any::<bool>(), probes in prop::collection::vec(0.0..1.0_f64, 40),
    ) {
        let none = BTreeMap::new();
        let agenda = Agenda {
            fleet: &fleet,
            environment: &fleet.environments[0],
            when: When::Scheduled,
            now: second(now),
            ready_since: ready.map(|before| second(now - before)),
            override_freeze,
        };
        let window = window(&fleet);
        let between = |to: Timestamp| {
            let length = (to.as_second().min(now + 100 * 86_400) - now).max(1);
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any time will do")]
            probes.iter().map(|part| second(now + (part * length as f64) as i64)).collect::<Vec<_>>()
        };
        match agenda.judge("pay-web", &none) {
            Standing::Due { until, .. } => {
                prop_assert!(allowed(&agenda, &window, agenda.now));
                let end = until.unwrap_or(Timestamp::MAX);
                prop_assert!(end > agenda.now);
                for probe in between(end) {
                    prop_assert!(allowed(&agenda, &window, probe), "{} is before {}", probe, end);
                }
            }
            Standing::NotDue { next, .. } => {
                prop_assert!(!allowed(&agenda, &window, agenda.now));
                for probe in between(next.map_or(Timestamp::MAX, |next| next.from)) {
                    prop_assert!(!allowed(&agenda, &window, probe), "{} is before {:?}", probe, next);
                }
                if let Some(next) = next {
                    prop_assert!(next.from > agenda.now);
                    let then = Agenda { now: next.from, ..agenda }.judge("pay-web", &none);
                    let until = Some(next.to).filter(|to| *to < Timestamp::MAX);
                    prop_assert!(matches!(&then, Standing::Due { until: end, .. } if *end == until), "{:?} {:?}", next, then);
                }
            }
            Standing::Unreadable(problems) => {
                let hours = fleet.environments[0].schedule.business_hours.clone().unwrap();
                let mut opening = window.next_after(second(now - 14 * 86_400));
                while hours.overlap(&opening).is_none() {
                    prop_assert!(opening.from.as_second() < now + 54 * 7 * 86_400);
                    opening = window.next_after(opening.from);
                }
                prop_assert_eq!(problems.len(), 1);
            }
            Standing::OptedOut { why } => prop_assert!(false, "{}", why),
        }
    }

    #[test]
    fn without_windows_a_group_is_due_outside_of_freezes(
        fleet in fleets(), now in START..START + 400 * 86_400, override_freeze in any::<bool>(),
    ) {
        let agenda = Agenda {
            fleet: &fleet,
            environment: &fleet.environments[0],
            when: When::Now,
            now: second(now),
            ready_since: None,
            override_freeze,
        };
        match agenda.judge("pay-web", &BTreeMap::new()) {
            Standing::Due { until, .. } => {
                prop_assert!(override_freeze || !frozen(&fleet, agenda.now));
                if let Some(until) = until {
                    prop_assert!(until > agenda.now && frozen(&fleet, until) && !override_freeze);
                }
            }
            Standing::NotDue { next, .. } => {
                prop_assert!(frozen(&fleet, agenda.now) && !override_freeze);
                if let Some(next) = next {
                    prop_assert!(!frozen(&fleet, next.from));
                    prop_assert!(frozen(&fleet, second(next.from.as_second() - 1)));
                    prop_assert!(next.to == Timestamp::MAX || frozen(&fleet, next.to));
                }
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
