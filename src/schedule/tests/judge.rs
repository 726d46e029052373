//! Every answer to whether a group is due, with its words.

use super::*;

/// Wednesdays 15:00 to 17:00 in London; the year-end freeze of `prod`.
pub(super) const SCHEDULE: &str = "schedule: { day: wed, time: \"15:00\" }";
const YEAR_END: &str =
    "freezes: [{ from: 2026-12-18T17:00, to: 2027-01-04T08:00, environments: [prod], reason: year-end }]";
pub(super) const HOURS: &str =
    "out_of_hours: { business_hours: { days: mon-fri, from: \"08:00\", to: \"18:00\" } }";

fn judged(fleet: &Fleet, when: When, now: &str) -> Standing {
    agenda(fleet, when, now).judge("pay-web", &BTreeMap::new())
}

pub(super) fn due(until: Option<&str>) -> Standing {
    Standing::Due { until: until.map(at), why: String::new() }
}

pub(super) fn not_due(why: &str, next: Option<Span>) -> Standing {
    Standing::NotDue { why: why.to_owned(), next }
}

#[test]
fn without_a_schedule_a_group_is_due_until_the_next_freeze() {
    let bare = fleet(SCHEDULE, "");
    assert_eq!(judged(&bare, When::Now, "2026-11-20T03:00:00Z"), due(None));
    let frozen = fleet(SCHEDULE, YEAR_END);
    assert_eq!(judged(&frozen, When::Now, "2026-11-20T03:00:00Z"), due(Some("2026-12-18T17:00:00Z")));
    assert_eq!(judged(&frozen, When::Now, "2027-01-04T08:00:00Z"), due(None));
}

#[test]
fn without_a_schedule_tags_do_not_matter() {
    let fleet = fleet(SCHEDULE, "");
    let tags = tags(&[("AMI_refresh_enabled", "false"), ("AMI_refresh_day", "tusday")]);
    assert_eq!(agenda(&fleet, When::Now, "2026-11-20T03:00:00Z").judge("pay-web", &tags), due(None));
}

#[test]
fn in_a_freeze_nothing_is_due() {
    let fleet = fleet(SCHEDULE, YEAR_END);
    let why = "freeze until Mon 4 Jan 08:00: year-end";
    let after = Span { from: at("2027-01-04T08:00:00Z"), to: Timestamp::MAX };
    assert_eq!(judged(&fleet, When::Now, "2026-12-18T17:00:00Z"), not_due(why, Some(after)));
    let window = span("2027-01-06T15:00:00Z", "2027-01-06T17:00:00Z");
    assert_eq!(judged(&fleet, When::Scheduled, "2026-12-23T15:30:00Z"), not_due(why, Some(window)));
    let (freeze, span) = agenda(&fleet, When::Now, "2026-12-23T15:30:00Z").freeze().unwrap();
    assert_eq!((freeze.reason.as_str(), span.to), ("year-end", at("2027-01-04T08:00:00Z")));
    assert!(agenda(&fleet, When::Now, "2026-12-18T16:59:59Z").freeze().is_none());
}

#[test]
fn a_freeze_of_other_environments_does_not_matter() {
    let text = YEAR_END.replace("[prod]", "[qa]");
    let qa = "checks: [instances]
  - name: qa
    account: \"222222222222\"
    regions: [eu-west-2]
    select: { tags: { Environment: qa } }";
    let fleet = fleet(qa, &text);
    assert_eq!(judged(&fleet, When::Now, "2026-12-20T00:00:00Z"), due(None));
}

#[test]
fn an_overridden_freeze_does_not_count_but_is_known() {
    let fleet = fleet(SCHEDULE, YEAR_END);
    let now = Agenda { override_freeze: true, ..agenda(&fleet, When::Now, "2026-12-23T15:30:00Z") };
    assert_eq!(now.judge("pay-web", &BTreeMap::new()), due(None));
    assert!(now.freeze().is_some());
    let scheduled = Agenda { when: When::Scheduled, ..now };
    assert_eq!(scheduled.judge("pay-web", &BTreeMap::new()), due(Some("2026-12-23T17:00:00Z")));
    let before = Agenda { now: at("2026-12-22T15:00:00Z"), ..scheduled };
    let next = span("2026-12-23T15:00:00Z", "2026-12-23T17:00:00Z");
    assert_eq!(
        before.judge("pay-web", &BTreeMap::new()),
        not_due("its window opens Wed 23 Dec 15:00 (the environment's schedule)", Some(next))
    );
}

#[test]
fn freezes_that_meet_are_waited_for_together() {
    let two = "freezes:
  - { from: 2026-12-18T17:00, to: 2027-01-04T08:00, reason: year-end }
  - { from: 2027-01-04T08:00, to: 2027-01-06T16:00, reason: stocktaking }
  - { from: 2027-01-08T00:00, to: 2027-01-09T00:00, reason: move }";
    let fleet = fleet(SCHEDULE, two);
    let why = "freeze until Mon 4 Jan 08:00: year-end";
    let after = span("2027-01-06T16:00:00Z", "2027-01-08T00:00:00Z");
    assert_eq!(judged(&fleet, When::Now, "2026-12-20T00:00:00Z"), not_due(why, Some(after)));
    // Of the window on the 6th, the second half can be used.
    let half = span("2027-01-06T16:00:00Z", "2027-01-06T17:00:00Z");
    assert_eq!(judged(&fleet, When::Scheduled, "2026-12-20T00:00:00Z"), not_due(why, Some(half)));
}

#[test]
fn a_freeze_without_an_end_in_sight_has_no_next() {
    let always = "freezes:
  - { every: week, from: fri 17:00, to: mon 08:00, reason: weekend }
  - { every: week, from: mon 07:00, to: fri 18:00, reason: week }";
    let always = fleet(SCHEDULE, always);
    for when in [When::Now, When::Scheduled] {
        let Standing::NotDue { why, next } = judged(&always, when, "2026-11-20T03:00:00Z") else { panic!() };
        assert_eq!((why.as_str(), next), ("freeze until Fri 20 Nov 18:00: week", None));
    }
    let wednesdays = "freezes: [{ every: week, from: wed 00:00, to: thu 00:00, reason: market day }]";
    let wednesdays = fleet(SCHEDULE, wednesdays);
    let why = "its windows (the environment's schedule) are frozen for years: market day";
    assert_eq!(judged(&wednesdays, When::Scheduled, "2026-11-20T03:00:00Z"), not_due(why, None));
}

#[test]
fn a_group_is_due_while_its_window_is_open() {
    let open = fleet(SCHEDULE, "");
    let closes = Some("2026-11-25T17:00:00Z");
    assert_eq!(judged(&open, When::Scheduled, "2026-11-25T15:00:00Z"), due(closes));
    assert_eq!(judged(&open, When::Scheduled, "2026-11-25T16:59:59Z"), due(closes));
    let next = span("2026-12-02T15:00:00Z", "2026-12-02T17:00:00Z");
    assert_eq!(
        judged(&open, When::Scheduled, "2026-11-25T17:00:00Z"),
        not_due("its window opens Wed 2 Dec 15:00 (the environment's schedule)", Some(next))
    );
    let freeze = "freezes: [{ from: 2026-11-25T16:00, to: 2026-11-26T16:00, reason: launch }]";
    let cut = fleet(SCHEDULE, freeze);
    assert_eq!(judged(&cut, When::Scheduled, "2026-11-25T15:30:00Z"), due(Some("2026-11-25T16:00:00Z")));
}

#[test]
fn where_the_day_and_the_time_come_from_is_told() {
    let fleet = fleet(SCHEDULE, "");
    let why = |pairs: &[(&str, &str)]| match agenda(&fleet, When::Scheduled, "2026-11-20T03:00:00Z")
        .judge("pay-web", &tags(pairs))
    {
        Standing::NotDue { why, .. } => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        why(&[("AMI_update_day", "mon"), ("AMI_refresh_time", "16:00")]),
        "its window opens Mon 23 Nov 16:00 (AMI_update_day, AMI_refresh_time)"
    );
    assert_eq!(
        why(&[("AMI_update_day", "mon")]),
        "its window opens Mon 23 Nov 15:00 (AMI_update_day, the environment's schedule)"
    );
}

#[test]
fn a_zone_is_told_where_it_is_another_one() {
    let fleet = fleet("schedule: { day: wed, time: \"15:00\" }\n    timezone: America/New_York", "");
    let next = span("2026-11-25T20:00:00Z", "2026-11-25T22:00:00Z");
    assert_eq!(
        judged(&fleet, When::Scheduled, "2026-11-20T03:00:00Z"),
        not_due(
            "its window opens Wed 25 Nov 15:00 America/New_York (the environment's schedule)",
            Some(next)
        )
    );
}

#[test]
fn a_frozen_window_is_passed_over_and_told() {
    let fleet = fleet(SCHEDULE, YEAR_END);
    let next = span("2027-01-06T15:00:00Z", "2027-01-06T17:00:00Z");
    assert_eq!(
        judged(&fleet, When::Scheduled, "2026-12-17T00:00:00Z"),
        not_due(
            "its window of Wed 23 Dec 15:00 (the environment's schedule) is frozen: year-end; \
             it may be started Wed 6 Jan 15:00",
            Some(next)
        )
    );
}

#[test]
fn a_group_of_which_nothing_says_when_waits_for_ever() {
    let nothing = fleet("checks: [instances]", "");
    let why = "nothing says when: neither its tags nor the environment's schedule";
    assert_eq!(judged(&nothing, When::Scheduled, "2026-11-20T03:00:00Z"), not_due(why, None));
    let day = tags(&[("AMI_update_day", "mon")]);
    let why = "nothing says at what time: neither its tags nor the environment's schedule";
    assert_eq!(
        agenda(&nothing, When::Scheduled, "2026-11-20T03:00:00Z").judge("pay-web", &day),
        not_due(why, None)
    );
    let time = tags(&[("AMI_update_time", "15:00")]);
    let why = "nothing says on which day: neither its tags nor the environment's schedule";
    assert_eq!(
        agenda(&nothing, When::Scheduled, "2026-11-20T03:00:00Z").judge("pay-web", &time),
        not_due(why, None)
    );
}

#[test]
fn who_opted_out_or_cannot_be_read_is_neither_due_nor_waiting() {
    let fleet = fleet(SCHEDULE, YEAR_END);
    let agenda = agenda(&fleet, When::Scheduled, "2026-12-23T15:30:00Z");
    let out = agenda.judge("pay-web", &tags(&[("AMI_refresh_enabled", "false")]));
    assert_eq!(out, Standing::OptedOut { why: "its tag AMI_refresh_enabled opts out".into() });
    let bad = agenda.judge("pay-web", &tags(&[("AMI_refresh_day", "tusday")]));
    let Standing::Unreadable(problems) = bad else { panic!("{bad:?}") };
    assert_eq!(problems[0].what, "the tag `AMI_refresh_day` of `pay-web` can't be read");
}

#[test]
fn a_tag_that_asks_for_business_hours_is_refused() {
    let fleet = fleet(&format!("schedule: {{ day: wed, time: \"20:00\" }}\n    {HOURS}"), "");
    let agenda = agenda(&fleet, When::Scheduled, "2026-11-20T03:00:00Z");
    let judged = agenda.judge("pay-web", &tags(&[("AMI_refresh_time", "17:00"), ("Team", "pay")]));
    let expected = Problem::new(
        "the window of `pay-web` (the environment's schedule, AMI_refresh_time) lies in the business hours of `prod`",
        "it is open from Wed 25 Nov 17:00 to Wed 25 Nov 19:00, and the business hours are mon-fri 08:00-18:00; \
         `AMI_refresh_time` is `17:00`",
        "give the group a day or a time outside of them by its tags; until then it is not refreshed by schedule",
    );
    assert_eq!(judged, Standing::Unreadable(vec![expected]));
    let evening = agenda.judge("pay-web", &tags(&[("AMI_refresh_time", "18:00")]));
    assert!(matches!(evening, Standing::NotDue { .. }), "{evening:?}");
    // Windows do not matter when they are not asked for.
    let now = Agenda { when: When::Now, ..agenda };
    assert_eq!(now.judge("pay-web", &tags(&[("AMI_refresh_time", "17:00")])), due(None));
}

#[test]
fn a_window_that_meets_business_hours_in_one_night_of_the_year_is_refused() {
    let hours = "out_of_hours: { business_hours: { days: sun, from: \"08:00\", to: \"18:00\" } }";
    let fleet = fleet(&format!("window: 9h\n    {hours}"), "");
    let tags = tags(&[("AMI_update_day", "sat"), ("AMI_update_time", "23:00")]);
    let judged = agenda(&fleet, When::Scheduled, "2026-04-05T00:00:00Z").judge("pay-web", &tags);
    let Standing::Unreadable(problems) = judged else { panic!("{judged:?}") };
    assert!(
        problems[0].why.starts_with("it is open from Sat 27 Mar 23:00 to Sun 28 Mar 09:00"),
        "{}",
        problems[0]
    );
}
