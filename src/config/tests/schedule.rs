//! Schedules, windows, business hours and tag keys: what is read, and what is refused.

use std::time::Duration;

use jiff::civil::time;
use jiff::tz::TimeZone;

use super::*;
use crate::model::{BusinessHours, Days, Window};

/// The small configuration with lines more in `prod`.
fn prod(lines: &str) -> String {
    small_with("    checks: [instances, web]", &format!("    checks: [instances, web]\n    {lines}"))
}

/// The same with lines more in the defaults.
fn defaults(text: &str, lines: &str) -> String {
    text.replace("  regions: [eu-west-2]\n", &format!("  regions: [eu-west-2]\n  {lines}\n"))
}

/// The same with lines more at the top level.
pub(super) fn top(text: &str, lines: &str) -> String {
    text.replace("overrides: []\n", &format!("overrides: []\n{lines}\n"))
}

/// What is said of a text, without places.
pub(super) fn said(text: &str) -> Vec<String> {
    mistakes(text).iter().map(|mistake| mistake.split_once(' ').unwrap().1.to_owned()).collect()
}

fn days(text: &str) -> Days {
    Days::parse(text).unwrap()
}

pub(super) fn right(text: &str) -> Fleet {
    parse(text).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn an_environment_says_more_than_the_defaults_key_by_key() {
    let text = defaults(
        &prod(
            "timezone: America/New_York\n    schedule: { time: \"20:00\" }\n    missed: catch_up\n    quarantine_on_failure: true",
        ),
        "schedule: { day: \"tue, thu\", time: \"15:00\" }\n  window: 90m\n  max_age: 14d\n  \
         out_of_hours: { business_hours: { days: mon-fri, from: \"08:00\", to: \"12:00\" } }",
    );
    let fleet = right(&text.replace("version: 1\n", "version: 1\ntimezone: Europe/London\n"));
    let (dev, prod) = (fleet.environment("dev").unwrap(), fleet.environment("prod").unwrap());
    let zone = |name| TimeZone::get(name).unwrap();
    let hours =
        |zone| BusinessHours { days: days("mon-fri"), from: time(8, 0, 0, 0), to: time(12, 0, 0, 0), zone };
    let expected = SchedulePolicy {
        zone: zone("Europe/London"),
        days: Some(days("tue, thu")),
        time: Some(time(15, 0, 0, 0)),
        window: Duration::from_secs(5_400),
        missed: Missed::Wait,
        business_hours: Some(hours(zone("Europe/London"))),
    };
    assert_eq!(dev.schedule, expected);
    let expected = SchedulePolicy {
        zone: zone("America/New_York"),
        time: Some(time(20, 0, 0, 0)),
        missed: Missed::CatchUp,
        business_hours: Some(hours(zone("America/New_York"))),
        ..expected
    };
    assert_eq!(prod.schedule, expected);
    let two_weeks = Some(Duration::from_secs(14 * 86_400));
    assert_eq!((dev.max_age, dev.quarantine_on_failure), (two_weeks, false));
    assert_eq!((prod.max_age, prod.quarantine_on_failure), (two_weeks, true));
}

#[test]
fn nothing_said_is_no_schedule_two_hours_and_the_usual_tags() {
    let fleet = right(SMALL);
    let dev = fleet.environment("dev").unwrap();
    let nothing = SchedulePolicy {
        zone: TimeZone::UTC,
        days: None,
        time: None,
        window: Duration::from_secs(7_200),
        missed: Missed::Wait,
        business_hours: None,
    };
    assert_eq!((&dev.schedule, dev.max_age, dev.quarantine_on_failure), (&nothing, None, false));
    assert_eq!(fleet.window_tags, WindowTags::default());
    assert_eq!(fleet.freezes, []);
}

#[test]
fn a_time_may_be_bare_where_yaml_reads_it_as_text_and_is_told_to_be_quoted_elsewhere() {
    let fleet = right(&prod("schedule: { day: mon, time: 15:00 }"));
    assert_eq!(fleet.environment("prod").unwrap().schedule.time, Some(time(15, 0, 0, 0)));
    for (written, number) in [("1500", "1500"), ("15.30", "15.3")] {
        let quote = format!(
            "`time` must be text, and YAML reads this as the number `{number}` (put it in quotes, as in \"15:00\")"
        );
        assert_eq!(said(&prod(&format!("schedule: {{ time: {written} }}"))), [quote]);
    }
    assert_eq!(
        said(&prod("schedule: { time: 7:00 }")),
        ["`time`: `7:00` is not a time of day: it is written `HH:MM`, from `00:00` to `23:59`"]
    );
}

#[test]
fn a_schedule_has_a_day_a_time_or_both() {
    assert_eq!(said(&prod("schedule: {}")), ["`schedule` needs a `day`, a `time`, or both"]);
    assert_eq!(
        said(&prod("schedule: { day: mon, tuseday }")),
        ["unknown key `tuseday` (known here: `day` and `time`)"]
    );
    assert_eq!(
        said(&prod("schedule: { day: \"mon, tuseday\" }")),
        ["`day`: `mon, tuseday` names `tuseday`, which is not a day of the week: did you mean `tuesday`?"]
    );
    assert_eq!(
        said(&prod("schedule: { day: true }")),
        ["`day` must be text, and this is the boolean `true` (put it in quotes)"]
    );
}

#[test]
fn values_keep_their_limits() {
    for (line, expected) in [
        ("window: 59s", "`window` must be from 1m to 7d"),
        ("window: 8d", "`window` must be from 1m to 7d"),
        ("missed: skip", "`missed` is `skip`, but may be `wait` or `catch_up`"),
        ("max_age: 1h", "`max_age` must be from 1d to 3650d"),
        (
            "quarantine_on_failure: yes",
            "`quarantine_on_failure` must be `true` or `false` (this is the text `yes`)",
        ),
        ("timezone: Europe/Lundon", "there is no time zone `Europe/Lundon` (did you mean `Europe/London`?)"),
    ] {
        assert_eq!(said(&prod(line)), [expected]);
    }
    assert_eq!(said(&prod("window: 7d")), Vec::<String>::new());
}

#[test]
fn business_hours_are_whole_and_end_after_they_begin() {
    let hours = |hours: &str| said(&prod(&format!("out_of_hours: {{ business_hours: {hours} }}")));
    assert_eq!(hours("{ days: mon-fri, from: \"08:00\" }"), ["`to` is missing (add `to: …` here)"]);
    for (to, shown) in [("18:00", "18:00 to 18:00"), ("02:00", "18:00 to 02:00")] {
        let found = hours(&format!("{{ days: mon-fri, from: \"18:00\", to: \"{to}\" }}"));
        let expected = format!(
            "business hours from {shown} end before they begin \
             (`to` is a later time of the same day)"
        );
        assert_eq!(found, [expected]);
    }
    assert_eq!(
        said(&prod("out_of_hours: {}")),
        ["`business_hours` is missing (add `business_hours: …` here)"]
    );
}

#[test]
fn an_own_schedule_in_business_hours_is_an_error_where_it_is_written() {
    let hours = "out_of_hours: { business_hours: { days: mon-fri, from: \"08:00\", to: \"18:00\" } }";
    let at = |schedule: &str| mistakes(&prod(&format!("{hours}\n    schedule: {schedule}")));
    assert_eq!(
        at("{ day: wed, time: \"15:00\" }"),
        ["18:5 the window of `prod`, wed 15:00 for 2h, overlaps its business hours mon-fri 08:00-18:00 \
          (move `schedule`, shorten `window`, or correct `out_of_hours`)"]
    );
    assert_eq!(at("{ day: wed, time: \"18:00\" }"), Vec::<String>::new());
    assert_eq!(at("{ day: \"sat, sun\", time: \"15:00\" }"), Vec::<String>::new());
    assert_eq!(at("{ day: wed, time: \"06:00\" }"), Vec::<String>::new());
    assert_eq!(at("{ day: wed, time: \"06:01\" }").len(), 1);
    // What the configuration does not know, tags say: they are judged when they are read.
    assert_eq!(at("{ day: wed }"), Vec::<String>::new());
    let shared = defaults(&prod(hours), "schedule: { day: wed, time: \"15:00\" }");
    assert_eq!(mistakes(&shared).len(), 1, "dev has no business hours");
}

#[test]
fn a_window_that_meets_business_hours_in_the_night_of_a_change_alone_is_an_error() {
    // Nine hours from 23:00 on end at 08:00, but at 09:00 when the clock is put forward.
    let text = |zone: &str| {
        prod(&format!(
            "timezone: {zone}\n    window: 9h\n    schedule: {{ day: sat, time: \"23:00\" }}\n    \
             out_of_hours: {{ business_hours: {{ days: sun, from: \"08:00\", to: \"18:00\" }} }}"
        ))
    };
    assert_eq!(said(&text("Europe/London")).len(), 1);
    assert_eq!(said(&text("UTC")), Vec::<String>::new());
}

#[test]
fn tag_keys_are_one_or_several_each_over_its_default() {
    let fleet = right(&top(
        SMALL,
        "window_tags:\n  platform: { day: Day }\n  team: { time: [T1, T2] }\n  enabled: []",
    ));
    let expected = WindowTags {
        platform_day: vec!["Day".into()],
        team_time: vec!["T1".into(), "T2".into()],
        enabled: vec![],
        ..WindowTags::default()
    };
    assert_eq!(fleet.window_tags, expected);
    for (line, expected) in [
        ("{ platform: { day: 5 } }", "`day` must be text, and this is the number `5` (put it in quotes)"),
        ("{ platfrom: {} }", "unknown key `platfrom` (did you mean `platform`?)"),
        ("{ team: { date: x } }", "unknown key `date` (known here: `day` and `time`)"),
        (
            "{ team: { day: A, time: A } }",
            "the tag `A` is named more than once (here or in the defaults of `window_tags`)",
        ),
        (
            "{ enabled: AMI_refresh_day }",
            "the tag `AMI_refresh_day` is named more than once (here or in the defaults of `window_tags`)",
        ),
    ] {
        let found = said(&top(SMALL, &format!("window_tags: {line}")));
        assert_eq!(found[0], expected, "{found:#?}");
    }
}

#[test]
fn the_shipped_environments_have_their_days_and_times() {
    let fleet = right(SHIPPED);
    let shown = |environment: &Environment| {
        let schedule = &environment.schedule;
        let time = schedule.time.unwrap().strftime("%H:%M").to_string();
        assert_eq!(schedule.zone.iana_name(), Some("Europe/London"));
        assert_eq!((schedule.window, schedule.missed), (Duration::from_secs(4 * 3_600), Missed::Wait));
        assert_eq!(environment.max_age, Some(Duration::from_secs(30 * 86_400)));
        assert!(schedule.business_hours.is_none() && !environment.quarantine_on_failure);
        format!("{} {} {time}", environment.name, schedule.days.unwrap())
    };
    let shown: Vec<String> = fleet.environments.iter().map(shown).collect();
    assert_eq!(
        shown.join(" · "),
        "sandbox sun 19:00 · dev sun 19:00 · qa mon 15:00 · test mon 15:00 · training mon 15:00 · \
         build mon 15:00 · qa2 tue 15:00 · stage tue 15:00 · prod wed 15:00"
    );
    assert_eq!((fleet.freezes.len(), &fleet.window_tags), (0, &WindowTags::default()));
}

#[test]
fn what_the_shipped_file_has_in_comments_is_right_when_it_is_turned_on() {
    let mut text = String::new();
    let mut on = false;
    for line in SHIPPED.lines() {
        on = on && line.starts_with("#   ") || line == "# freezes:";
        let hours = line.trim_start().starts_with("# out_of_hours:");
        text += &if on || hours { line.replacen("# ", "", 1) } else { line.to_owned() };
        text.push('\n');
    }
    assert!(text.contains("\nfreezes:\n  - ") && text.contains("\n    out_of_hours:"), "{text}");
    // The comment says that prod's time has to move.
    assert_eq!(mistakes(&text).len(), 1);
    let moved = right(&text.replace("{ day: wed, time: \"15:00\" }", "{ day: wed, time: \"20:00\" }"));
    assert_eq!(moved.freezes.len(), 2);
    let prod = &moved.environment("prod").unwrap().schedule;
    let window = Window {
        days: prod.days.unwrap(),
        time: prod.time.unwrap(),
        length: prod.window,
        zone: prod.zone.clone(),
    };
    let ten_years = crate::model::Span {
        from: "2026-01-01T00:00:00Z".parse().unwrap(),
        to: "2036-01-01T00:00:00Z".parse().unwrap(),
    };
    assert_eq!(window.first_within(prod.business_hours.as_ref().unwrap(), &ten_years), None);
}
