//! Openings, freezes and business hours against a slow model that watches a clock on the
//! wall minute by minute.

mod cases;

use jiff::civil::{DateTime, Weekday, date, time};
use proptest::prelude::*;

use super::*;

/// Among them: shifts of half an hour, a change at one minute past midnight, changes at
/// midnight, a month in which summer time pauses, a day that was left out, none at all.
const ZONES: [&str; 9] = [
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "America/Havana",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Pacific/Apia",
    "UTC",
];

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn span(from: &str, to: &str) -> Span {
    Span { from: at(from), to: at(to) }
}

fn window(name: &str, days: &str, time: Time, minutes: u64) -> Window {
    let days = Days::parse(days).unwrap();
    Window { days, time, length: Duration::from_secs(minutes * 60), zone: zone(name) }
}

/// What the clock on the wall shows at each minute of some days.
struct Watched {
    minutes: Vec<(Timestamp, DateTime)>,
    /// The most that it has shown by each minute.
    most: Vec<DateTime>,
    /// The least that it shows from each minute on.
    least: Vec<DateTime>,
}

impl Watched {
    /// The days before and after a moment.
    fn around(zone: &TimeZone, at: Timestamp, before: i64, after: i64) -> Self {
        let first = at.as_second().div_euclid(MINUTE) * MINUTE - before * DAY;
        let minutes = (0..(before + after) * DAY / MINUTE).map(|minute| second(first + minute * MINUTE));
        let minutes: Vec<(Timestamp, DateTime)> = minutes.map(|at| (at, zone.to_datetime(at))).collect();
        let mut most: Vec<DateTime> = minutes.iter().map(|(_, shown)| *shown).collect();
        let mut least = most.clone();
        for index in 1..most.len() {
            most[index] = most[index].max(most[index - 1]);
            let back = least.len() - 1 - index;
            least[back] = least[back].min(least[back + 1]);
        }
        Self { minutes, most, least }
    }

    /// The days that the clock showed at some time, in order, without the first and the last.
    fn days(&self) -> Vec<Date> {
        let mut days: Vec<Date> = self.minutes.iter().map(|(_, shown)| shown.date()).collect();
        days.sort();
        days.dedup();
        days[1..days.len() - 1].to_vec()
    }

    /// When the clock first showed that or more.
    fn reached(&self, wanted: DateTime) -> Timestamp {
        self.minutes[self.most.partition_point(|shown| *shown < wanted)].0
    }

    /// From when on the clock showed that or more for good.
    fn passed(&self, wanted: DateTime) -> Timestamp {
        self.minutes[self.least.partition_point(|shown| *shown < wanted)].0
    }

    fn openings(&self, window: &Window) -> Vec<Span> {
        let days = self.days().into_iter().filter(|day| window.days.contains(day.weekday()));
        let from = days.map(|day| self.reached(day.to_datetime(window.time)));
        from.map(|from| Span { from, to: from + window.length }).collect()
    }

    fn work(&self, hours: &BusinessHours) -> Vec<Span> {
        let days = self.days().into_iter().filter(|day| hours.days.contains(day.weekday()));
        let stretch = |day: Date| Span {
            from: self.reached(day.to_datetime(hours.from)),
            to: self.passed(day.to_datetime(hours.to)),
        };
        days.map(stretch).filter(|span| span.from < span.to).collect()
    }
}

/// A zone, a moment, and a time of the day: most of them near a change of the clock.
fn near_changes() -> impl Strategy<Value = (&'static str, Timestamp, Time)> {
    let year = at("2006-01-01T00:00:00Z").as_second()..at("2036-01-01T00:00:00Z").as_second();
    let name = proptest::sample::select(ZONES.to_vec());
    (name, year, (0..24_i8, 0..60_i8), -2 * 1440..2 * 1440_i64, -150..150_i64, any::<u8>()).prop_map(
        |(name, start, (hour, minute), away, beside, near)| {
            let change = zone(name).following(second(start)).next().map(|change| change.timestamp());
            match change {
                Some(change) if near > 60 => {
                    // As a clock would show it that is not put forward or back.
                    let unchanged = zone(name).to_offset(second(change.as_second() - 1));
                    let shown = unchanged.to_datetime(second(change.as_second() + beside * MINUTE));
                    let shown = time(shown.hour(), shown.minute(), 0, 0);
                    (name, second(change.as_second() + away * MINUTE), shown)
                }
                _ => (name, second(start), time(hour, minute, 0, 0)),
            }
        },
    )
}

fn some_days() -> impl Strategy<Value = Days> {
    let week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    proptest::sample::subsequence(week.to_vec(), 1..=7).prop_map(|days| Days::parse(&days.join(",")).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn openings_are_those_of_a_clock_that_is_watched(
        (name, start, time) in near_changes(), days in some_days(), minutes in 1..4 * 1440_u64,
    ) {
        let window = Window { days, time, length: Duration::from_secs(minutes * 60), zone: zone(name) };
        let watched = Watched::around(&window.zone, start, 14, 14);
        let openings = watched.openings(&window);
        let mut now = second(start.as_second() - 2 * DAY);
        while now.as_second() < start.as_second() + 2 * DAY {
            let open = openings.iter().rev().find(|span| span.contains(now)).copied();
            prop_assert_eq!(window.open_at(now), open, "{}", now);
            let next = openings.iter().find(|span| span.from > now).copied();
            prop_assert_eq!(Some(window.next_after(now)), next, "{}", now);
            let closed = openings.iter().rev().find(|span| span.to <= now).copied();
            prop_assert_eq!(Some(window.last_before(now)), closed, "{}", now);
            now += Duration::from_secs(17 * 60);
        }
    }

    #[test]
    fn an_opening_follows_the_other_without_one_between(
        (name, start, time) in near_changes(), days in some_days(), minutes in 1..10_080_u64,
    ) {
        let window = Window { days, time, length: Duration::from_secs(minutes * 60), zone: zone(name) };
        let next = window.next_after(start);
        prop_assert!(next.from > start);
        prop_assert_eq!(next.to, next.from + window.length);
        prop_assert_eq!(window.open_at(next.from), Some(next));
        let before = second(next.from.as_second() - 1);
        prop_assert_eq!(window.next_after(before), next);
        prop_assert_eq!(window.last_before(next.to), next);
        prop_assert_ne!(window.last_before(second(next.to.as_second() - 1)), next);
        // What is open just before it is closed had opened by the start.
        if let Some(open) = window.open_at(before) {
            prop_assert!(open.from <= start);
        }
        let shown = window.zone.to_datetime(next.from);
        if shown.time() != window.time {
            // Only a time that the clock skipped opens at another one, and that is just after.
            let skipped = window.zone.to_ambiguous_timestamp(shown.date().to_datetime(window.time));
            let eve = shown.date().yesterday().unwrap().to_datetime(window.time);
            let on_the_eve = window.zone.to_ambiguous_timestamp(eve);
            prop_assert!(skipped.is_ambiguous() || on_the_eve.is_ambiguous());
            prop_assert!(window.zone.to_datetime(before) < shown.date().to_datetime(window.time));
        }
    }

    #[test]
    fn business_hours_are_those_of_a_clock_that_is_watched(
        (name, start, from) in near_changes(), days in some_days(), hours in 1..20_i64, length in 1..4 * 1440_i64,
    ) {
        let to = from.saturating_add(jiff::Span::new().hours(hours));
        let to = time(to.hour(), to.minute(), 0, 0);
        prop_assume!(from < to);
        let hours = BusinessHours { days, from, to, zone: zone(name) };
        let work = Watched::around(&hours.zone, start, 4, 14).work(&hours);
        for shift in 0..20 {
            let from = second(start.as_second() + (shift - 10) * 211 * MINUTE);
            let span = Span { from, to: second(from.as_second() + length * MINUTE) };
            let expected = work.iter().find(|stretch| stretch.overlaps(&span)).copied();
            prop_assert_eq!(hours.overlap(&span), expected);
        }
    }

    #[test]
    fn a_weekly_freeze_is_that_of_a_clock_that_is_watched(
        (name, start, time) in near_changes(),
        day in 0..7_i8,
        length in 1..10_080_i64,
        ends_then in any::<bool>(),
    ) {
        let zone = zone(name);
        let length = jiff::Span::new().minutes(length);
        let day = Weekday::from_monday_zero_offset(day).unwrap();
        let then = date(2024, 1, 1).nth_weekday(1, day).unwrap().to_datetime(time);
        let begins = if ends_then { then.saturating_sub(length) } else { then };
        let ends = begins.saturating_add(length);
        let from = Moment::Weekly(begins.weekday(), begins.time());
        let to = Moment::Weekly(ends.weekday(), ends.time());
        let freeze = Freeze { from, to, zone: zone.clone(), environments: None, reason: "why".into() };
        let watched = Watched::around(&zone, start, 20, 24);
        let mut frozen = Vec::new();
        let days = watched.days();
        // A day that was left out is not shown, and begins a freeze at its end all the same.
        let mut shown = days[0];
        while shown < days[days.len() - 9] {
            if shown.weekday() == begins.weekday() {
                let begins = shown.to_datetime(begins.time());
                let ends = begins.saturating_add(length);
                frozen.push(Span { from: watched.reached(begins), to: watched.passed(ends) });
            }
            shown = shown.tomorrow().unwrap();
        }
        frozen.retain(|span| span.from < span.to);
        for shift in 0..60 {
            let now = second(start.as_second() + (shift - 30) * 173 * MINUTE);
            let covering = frozen.iter().filter(|span| span.contains(now)).max_by_key(|span| span.to).copied();
            prop_assert_eq!(freeze.covering(now), covering, "{}", now);
            let next = frozen.iter().find(|span| span.from > now).copied();
            prop_assert_eq!(freeze.next_after(now), next, "{}", now);
        }
    }
}

#[test]
fn regression_a_freeze_ends_when_the_clock_shows_its_end_though_it_is_put_back_to_it() {
    let from = Moment::Weekly(Weekday::Sunday, time(0, 30, 0, 0));
    let to = Moment::Weekly(Weekday::Sunday, time(1, 0, 0, 0));
    let zone = zone("Europe/London");
    let freeze = Freeze { from, to, zone, environments: None, reason: "why".into() };
    // At 02:00 the clock is put back to 01:00, and shows nothing before it any more.
    let span = Span { from: at("2026-10-24T23:30:00Z"), to: at("2026-10-25T00:00:00Z") };
    assert_eq!(freeze.covering(at("2026-10-24T23:45:00Z")), Some(span));
    assert_eq!(freeze.covering(at("2026-10-25T00:30:00Z")), None);
}

#[test]
fn ten_years_of_a_daily_window_have_one_opening_on_every_day_there_is() {
    for name in ZONES {
        for (hour, minute) in [(0, 0), (0, 30), (2, 15), (23, 45)] {
            let window = window(name, "mon-sun", time(hour, minute, 0, 0), 60);
            let eve = date(2005, 12, 31).at(23, 59, 0, 0).to_zoned(window.zone.clone()).unwrap();
            let mut opening = window.next_after(eve.timestamp());
            let mut day = date(2006, 1, 1);
            let mut openings = 0;
            while day < date(2036, 1, 1) {
                let shown = window.zone.to_datetime(opening.from);
                // At the time, or later by what the clock skipped: an hour at most.
                let late = shown.duration_since(day.to_datetime(window.time)).as_mins();
                assert!((0..=60).contains(&late), "{name} {shown} {day}");
                opening = window.next_after(opening.from);
                openings += 1;
                let left_out = name == "Pacific/Apia" && day == date(2011, 12, 29);
                day = day.saturating_add(jiff::Span::new().days(if left_out { 2 } else { 1 }));
            }
            assert_eq!(openings, if name == "Pacific/Apia" { 10_956 } else { 10_957 });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_window_overlaps_business_hours_if_one_of_its_openings_does(
        (name, start, time) in near_changes(),
        day in 1..8_i8,
        minutes in 1..1_440_i64,
        length in 1..600_i64,
        beside in -1..3_i64,
        work_first in any::<bool>(),
        other in 0..40_usize,
    ) {
        // Work begins about when the window closes, or ends about when it opens, so that the
        // changes of the clock decide.
        let minutes_span = |minutes: i64| jiff::Span::new().minutes(minutes);
        let opens = date(2024, 1, day).to_datetime(time);
        let closes = opens.saturating_add(minutes_span(minutes));
        let (from, to) = if work_first {
            let ends = opens.saturating_sub(minutes_span(beside));
            (ends.saturating_sub(minutes_span(length)), ends)
        } else {
            let begins = closes.saturating_add(minutes_span(beside));
            (begins, begins.saturating_add(minutes_span(length)))
        };
        prop_assume!(from.date() == to.date());
        let length = Duration::from_secs(u64::try_from(minutes).unwrap() * 60);
        let window = Window { days: opens.weekday().into(), time, length, zone: zone(name) };
        // Now and then the people are somewhere else.
        let elsewhere = zone(ZONES.get(other).copied().unwrap_or(name));
        let (days, from, to) = (from.weekday().into(), from.time(), to.time());
        let hours = BusinessHours { days, from, to, zone: elsewhere };
        let year = Span { from: start, to: second(start.as_second() + 54 * 7 * DAY) };
        let first = window.open_at(year.from).unwrap_or_else(|| window.next_after(year.from));
        let all = std::iter::successors(Some(first), |span| Some(window.next_after(span.from)));
        let expected = all.take_while(|span| span.from < year.to).find(|span| hours.overlap(span).is_some());
        let found = window.first_within(&hours, &year);
        prop_assert_eq!(found.is_some(), expected.is_some(), "{:?}", expected);
        if let Some((opening, stretch)) = found {
            prop_assert_eq!(window.open_at(opening.from), Some(opening));
            prop_assert_eq!(hours.overlap(&opening), Some(stretch));
        }
    }
}
