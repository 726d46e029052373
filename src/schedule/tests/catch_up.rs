//! Windows that were missed.

use super::judge::{HOURS, SCHEDULE, due, not_due};
use super::*;

/// An agenda of an environment that catches up, with an image that is ready since then.
fn catching_up<'a>(fleet: &'a Fleet, ready: &str, now: &str) -> Agenda<'a> {
    Agenda { ready_since: Some(at(ready)), ..agenda(fleet, When::Scheduled, now) }
}

#[test]
fn a_missed_window_waits_for_the_next_or_is_caught_up() {
    let next = span("2026-12-02T15:00:00Z", "2026-12-02T17:00:00Z");
    let waits = not_due("its window opens Wed 2 Dec 15:00 (the environment's schedule)", Some(next));
    let none = BTreeMap::new();
    let waiting = fleet(SCHEDULE, "");
    let (ready, now) = ("2026-11-25T16:59:59Z", "2026-11-26T03:00:00Z");
    assert_eq!(catching_up(&waiting, ready, now).judge("pay-web", &none), waits);
    let catch_up = fleet(&format!("{SCHEDULE}\n    missed: catch_up"), "");
    let why = "caught up: its window of Wed 25 Nov 15:00 was missed".to_owned();
    let caught_up = Standing::Due { until: None, why };
    assert_eq!(catching_up(&catch_up, ready, now).judge("pay-web", &none), caught_up);
    assert_eq!(catching_up(&catch_up, ready, "2026-11-25T17:00:00Z").judge("pay-web", &none), caught_up);
    // Nothing was missed: the image was ready when the window had closed, or nobody knows.
    assert_eq!(catching_up(&catch_up, "2026-11-25T17:00:00Z", now).judge("pay-web", &none), waits);
    assert_eq!(agenda(&catch_up, When::Scheduled, now).judge("pay-web", &none), waits);
}

#[test]
fn a_missed_window_is_not_caught_up_in_business_hours_or_in_a_freeze() {
    let environment = format!("schedule: {{ day: wed, time: \"20:00\" }}\n    missed: catch_up\n    {HOURS}");
    let freeze = "freezes: [{ from: 2026-11-26T20:00, to: 2026-11-27T19:00, reason: launch }]";
    let fleet = fleet(&environment, freeze);
    let ready = "2026-11-25T12:00:00Z";
    let none = BTreeMap::new();
    let judged = |now: &str| catching_up(&fleet, ready, now).judge("pay-web", &none);
    let why = "caught up: its window of Wed 25 Nov 20:00 was missed".to_owned();
    assert_eq!(
        judged("2026-11-26T07:00:00Z"),
        Standing::Due { until: Some(at("2026-11-26T08:00:00Z")), why: why.clone() }
    );
    assert_eq!(
        judged("2026-11-26T08:00:00Z"),
        not_due(
            "its window of Wed 25 Nov 20:00 was missed, and is caught up outside of business hours \
             (mon-fri 08:00-18:00)",
            Some(span("2026-11-26T18:00:00Z", "2026-11-26T20:00:00Z"))
        )
    );
    assert_eq!(
        judged("2026-11-26T18:00:00Z"),
        Standing::Due { until: Some(at("2026-11-26T20:00:00Z")), why: why.clone() }
    );
    // At night and in business hours.
    for now in ["2026-11-26T21:00:00Z", "2026-11-27T10:00:00Z"] {
        let next = span("2026-11-27T19:00:00Z", "2026-11-30T08:00:00Z");
        assert_eq!(judged(now), not_due("freeze until Fri 27 Nov 19:00: launch", Some(next)));
    }
    assert_eq!(
        judged("2026-11-28T12:00:00Z"),
        Standing::Due { until: Some(at("2026-11-30T08:00:00Z")), why }
    );
}

#[test]
fn a_window_that_opens_as_business_hours_end_is_taken_and_not_caught_up() {
    let environment =
        format!("schedule: {{ day: \"mon, tue\", time: \"18:00\" }}\n    missed: catch_up\n    {HOURS}");
    let fleet = fleet(&environment, "");
    let none = BTreeMap::new();
    let judged = |now| catching_up(&fleet, "2026-11-23T12:00:00Z", now).judge("pay-web", &none);
    let Standing::NotDue { next, .. } = judged("2026-11-24T12:00:00Z") else { panic!() };
    assert_eq!(next, Some(span("2026-11-24T18:00:00Z", "2026-11-24T20:00:00Z")));
    assert_eq!(judged("2026-11-24T18:00:00Z"), due(Some("2026-11-24T20:00:00Z")));
}
