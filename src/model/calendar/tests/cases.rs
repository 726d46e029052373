//! The cases that are easy to get wrong, one by one.

use jiff::civil::{Weekday, date, time};

use super::*;

#[test]
fn a_window_in_skipped_time_opens_at_its_end() {
    let london = window("Europe/London", "sun", time(1, 30, 0, 0), 60);
    let before = at("2026-03-28T12:00:00Z");
    assert_eq!(london.next_after(before), span("2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"));
    // The clock is put forward by half an hour, from two to half past two.
    let howe = window("Australia/Lord_Howe", "sun", time(2, 10, 0, 0), 60);
    let before = at("2026-10-03T00:00:00Z");
    assert_eq!(howe.next_after(before), span("2026-10-03T15:30:00Z", "2026-10-03T16:30:00Z"));
}

#[test]
fn a_window_in_doubled_time_opens_once_the_first_time() {
    let london = window("Europe/London", "sun", time(1, 30, 0, 0), 30);
    let first = span("2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z");
    assert_eq!(london.next_after(at("2026-10-24T12:00:00Z")), first);
    assert_eq!(london.open_at(at("2026-10-25T01:30:00Z")), None);
    assert_eq!(london.next_after(first.from).from, at("2026-11-01T01:30:00Z"));
    assert_eq!(london.last_before(at("2026-10-25T01:30:00Z")), first);
}

#[test]
fn a_window_is_open_as_long_as_time_passes() {
    let london = window("Europe/London", "sat", time(23, 0, 0, 0), 240);
    let spring = london.next_after(at("2026-03-27T12:00:00Z"));
    assert_eq!(spring, span("2026-03-28T23:00:00Z", "2026-03-29T03:00:00Z"));
    let autumn = london.next_after(at("2026-10-23T12:00:00Z"));
    assert_eq!(autumn, span("2026-10-24T22:00:00Z", "2026-10-25T02:00:00Z"));
}

#[test]
fn a_day_that_a_zone_left_out_has_no_opening() {
    // The 30th of December 2011, a Friday, was no day in Samoa.
    let apia = window("Pacific/Apia", "fri", time(15, 0, 0, 0), 60);
    let next = apia.next_after(at("2011-12-25T00:00:00Z"));
    assert_eq!(zone("Pacific/Apia").to_datetime(next.from), date(2012, 1, 6).at(15, 0, 0, 0));
    assert_eq!(zone("Pacific/Apia").to_datetime(apia.last_before(next.from).from).date(), date(2011, 12, 23));
    let hours = BusinessHours {
        days: Days::parse("fri").unwrap(),
        from: time(8, 0, 0, 0),
        to: time(18, 0, 0, 0),
        zone: zone("Pacific/Apia"),
    };
    assert_eq!(hours.overlap(&span("2011-12-28T00:00:00Z", "2012-01-02T00:00:00Z")), None);
}

#[test]
fn a_long_window_is_open_in_its_later_opening() {
    let daily = window("UTC", "mon-sun", time(12, 0, 0, 0), 3 * 1440);
    let now = at("2026-11-23T13:00:00Z");
    assert_eq!(daily.open_at(now), Some(span("2026-11-23T12:00:00Z", "2026-11-26T12:00:00Z")));
    assert_eq!(daily.last_before(now), span("2026-11-20T12:00:00Z", "2026-11-23T12:00:00Z"));
}

#[test]
fn the_ends_of_time_are_no_panic() {
    let daily = window("Europe/London", "mon", time(12, 0, 0, 0), 60);
    for now in [Timestamp::MIN, Timestamp::MAX] {
        let _ = (daily.open_at(now), daily.next_after(now), daily.last_before(now));
        let hours = BusinessHours {
            days: daily.days,
            from: daily.time,
            to: time(13, 0, 0, 0),
            zone: daily.zone.clone(),
        };
        let _ = hours.overlap(&Span { from: now, to: Timestamp::MAX });
        for (from, to) in freezes() {
            let freeze = freeze(from, to);
            let _ = (freeze.covering(now), freeze.next_after(now));
        }
    }
}

fn freeze(from: Moment, to: Moment) -> Freeze {
    Freeze { from, to, zone: zone("Europe/London"), environments: None, reason: "why".to_owned() }
}

fn freezes() -> Vec<(Moment, Moment)> {
    let (morning, evening) = (time(8, 0, 0, 0), time(17, 0, 0, 0));
    vec![
        (
            Moment::Once(date(2026, 12, 18).to_datetime(evening)),
            Moment::Once(date(2027, 1, 4).to_datetime(morning)),
        ),
        (Moment::Weekly(Weekday::Friday, evening), Moment::Weekly(Weekday::Monday, morning)),
        (Moment::Monthly(28, evening), Moment::Monthly(2, morning)),
        (Moment::Monthly(30, evening), Moment::Monthly(31, morning)),
        (Moment::Yearly(12, 18, evening), Moment::Yearly(1, 4, morning)),
        (Moment::Yearly(2, 29, morning), Moment::Yearly(2, 29, evening)),
        (Moment::Yearly(2, 28, evening), Moment::Yearly(2, 29, morning)),
    ]
}

/// The stretches of a freeze from a moment on.
fn some(which: usize, from: &str, count: usize) -> Vec<Span> {
    let (begin, end) = freezes()[which];
    let freeze = freeze(begin, end);
    let first = freeze.next_after(at(from));
    let spans: Vec<Span> =
        std::iter::successors(first, |span| freeze.next_after(span.from)).take(count).collect();
    for span in &spans {
        assert_eq!(freeze.covering(span.from), Some(*span));
        assert_eq!(freeze.covering(second(span.to.as_second() - 1)), Some(*span));
        assert_eq!(freeze.covering(span.to), None);
        assert_eq!(freeze.covering(second(span.from.as_second() - 1)), None);
    }
    spans
}

#[test]
fn a_freeze_comes_once() {
    let year_end = span("2026-12-18T17:00:00Z", "2027-01-04T08:00:00Z");
    assert_eq!(some(0, "2026-01-01T00:00:00Z", 2), [year_end]);
    assert_eq!(some(0, "2026-12-18T17:00:00Z", 2), []);
}

#[test]
fn a_freeze_comes_each_week_over_its_end() {
    assert_eq!(
        some(1, "2026-03-25T00:00:00Z", 2),
        [
            span("2026-03-27T17:00:00Z", "2026-03-30T07:00:00Z"),
            span("2026-04-03T16:00:00Z", "2026-04-06T07:00:00Z")
        ]
    );
}

#[test]
fn a_freeze_comes_each_month_on_its_last_day_where_one_is_lacking() {
    assert_eq!(
        some(2, "2026-01-15T00:00:00Z", 2),
        [
            span("2026-01-28T17:00:00Z", "2026-02-02T08:00:00Z"),
            span("2026-02-28T17:00:00Z", "2026-03-02T08:00:00Z")
        ]
    );
    // A month of 30 days has none of the night from the 30th to the 31st, and no more either.
    assert_eq!(
        some(3, "2026-01-15T00:00:00Z", 3),
        [
            span("2026-01-30T17:00:00Z", "2026-01-31T08:00:00Z"),
            span("2026-03-30T16:00:00Z", "2026-03-31T07:00:00Z"),
            span("2026-05-30T16:00:00Z", "2026-05-31T07:00:00Z"),
        ]
    );
}

#[test]
fn a_freeze_comes_each_year_over_its_end_and_on_leap_days() {
    assert_eq!(
        some(4, "2026-01-15T00:00:00Z", 2),
        [
            span("2026-12-18T17:00:00Z", "2027-01-04T08:00:00Z"),
            span("2027-12-18T17:00:00Z", "2028-01-04T08:00:00Z")
        ]
    );
    let yearly = freeze(freezes()[4].0, freezes()[4].1);
    assert_eq!(
        yearly.covering(at("2026-01-02T00:00:00Z")),
        Some(span("2025-12-18T17:00:00Z", "2026-01-04T08:00:00Z"))
    );
    assert_eq!(
        some(5, "2027-01-01T00:00:00Z", 2),
        [
            span("2027-02-28T08:00:00Z", "2027-02-28T17:00:00Z"),
            span("2028-02-29T08:00:00Z", "2028-02-29T17:00:00Z")
        ]
    );
    // No leap year for eight years around 2100.
    assert_eq!(some(6, "2096-03-01T00:00:00Z", 1), [span("2104-02-28T17:00:00Z", "2104-02-29T08:00:00Z")]);
}

#[test]
fn a_freeze_holds_for_both_of_a_time_that_comes_twice_and_to_the_end_of_a_skipped_one() {
    let night = time(1, 30, 0, 0);
    let to_night = freeze(
        Moment::Once(date(2026, 10, 24).at(12, 0, 0, 0)),
        Moment::Once(date(2026, 10, 25).to_datetime(night)),
    );
    assert_eq!(
        to_night.next_after(at("2026-01-01T00:00:00Z")),
        Some(span("2026-10-24T11:00:00Z", "2026-10-25T01:30:00Z"))
    );
    let from_night = freeze(
        Moment::Once(date(2026, 10, 25).to_datetime(night)),
        Moment::Once(date(2026, 10, 25).at(12, 0, 0, 0)),
    );
    assert_eq!(
        from_night.next_after(at("2026-01-01T00:00:00Z")),
        Some(span("2026-10-25T00:30:00Z", "2026-10-25T12:00:00Z"))
    );
    let skipped = freeze(
        Moment::Once(date(2026, 3, 28).at(12, 0, 0, 0)),
        Moment::Once(date(2026, 3, 29).to_datetime(night)),
    );
    assert_eq!(
        skipped.next_after(at("2026-01-01T00:00:00Z")),
        Some(span("2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"))
    );
}

#[test]
fn a_freeze_of_two_kinds_or_backwards_never_holds() {
    let (once, weekly) = (freezes()[0], freezes()[1]);
    for freeze in [freeze(once.0, weekly.1), freeze(once.1, once.0)] {
        assert_eq!(freeze.next_after(at("2026-01-01T00:00:00Z")), None);
        assert_eq!(freeze.covering(at("2026-12-20T00:00:00Z")), None);
    }
}

#[test]
fn a_freeze_concerns_the_environments_it_names_or_all() {
    let (from, to) = freezes()[0];
    let all = freeze(from, to);
    let some = Freeze { environments: Some(vec!["prod".into()]), ..all.clone() };
    assert!(all.concerns(&"dev".into()) && some.concerns(&"prod".into()) && !some.concerns(&"dev".into()));
}
