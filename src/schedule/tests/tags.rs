//! Which tags count, and what is said of bad ones.

use super::*;

const SCHEDULE: &str = "schedule: { day: wed, time: \"15:00\" }";

fn read(environment: &str, pairs: &[(&str, &str)]) -> Found {
    let fleet = fleet(environment, "");
    found(&fleet, &fleet.environments[0], "pay-web", &tags(pairs))
}

/// `days time (day's source, time's source)` of a window that was found.
fn window(environment: &str, pairs: &[(&str, &str)]) -> String {
    let found = read(environment, pairs);
    let Reading::Window(window) = &found.reading else { panic!("{found:?}") };
    let (day, time) = (found.day.as_ref().unwrap(), found.time.as_ref().unwrap());
    format!("{} {} ({day}, {time})", window.days, window.time.strftime("%H:%M"))
}

fn problems(pairs: &[(&str, &str)]) -> Vec<Problem> {
    match read(SCHEDULE, pairs).reading {
        Reading::Unreadable(problems) => problems,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_teams_day_and_time_win_each_on_its_own() {
    let platform = [("AMI_update_day", "mon"), ("AMI_update_time", "19:00")];
    assert_eq!(window(SCHEDULE, &[]), "wed 15:00 (the environment's schedule, the environment's schedule)");
    assert_eq!(window(SCHEDULE, &platform), "mon 19:00 (AMI_update_day, AMI_update_time)");
    assert_eq!(window(SCHEDULE, &platform[..1]), "mon 15:00 (AMI_update_day, the environment's schedule)");
    let mut both = platform.to_vec();
    both.push(("AMI_refresh_time", "20:00"));
    assert_eq!(window(SCHEDULE, &both), "mon 20:00 (AMI_update_day, AMI_refresh_time)");
    both.push(("ASG_refresh_day", "tue, thu"));
    assert_eq!(window(SCHEDULE, &both), "tue, thu 20:00 (ASG_refresh_day, AMI_refresh_time)");
    let found = read(SCHEDULE, &both);
    assert_eq!(found.tags, tags(&both));
    assert_eq!(found.day, Some(Source::Team("ASG_refresh_day".into())));
}

#[test]
fn the_window_has_the_environments_length_and_zone() {
    let found = read(
        "timezone: America/New_York\n    window: 3h",
        &[("AMI_update_day", "mon"), ("AMI_update_time", "19:00")],
    );
    let Reading::Window(window) = found.reading else { panic!("{found:?}") };
    assert_eq!(window.length.as_secs(), 3 * 3_600);
    assert_eq!(window.zone.iana_name(), Some("America/New_York"));
}

#[test]
fn blanks_around_keys_and_values_do_not_count_but_case_in_keys_does() {
    assert_eq!(
        window(SCHEDULE, &[(" AMI_refresh_day ", " Tues "), ("ami_refresh_time", "20:00")]),
        "tue 15:00 (AMI_refresh_day, the environment's schedule)"
    );
    let found =
        read(SCHEDULE, &[(" AMI_refresh_day ", " Tues "), ("Team", "pay"), ("AMI_refresh_day_old", "mon")]);
    assert_eq!(found.tags, tags(&[(" AMI_refresh_day ", " Tues ")]), "as they were found");
}

#[test]
fn nothing_says_when() {
    for (pairs, day, time) in [
        (&[][..], None, None),
        (&[("AMI_update_day", "mon")], Some(Source::Platform("AMI_update_day".into())), None),
        (&[("ASG_refresh_time", "10:00")], None, Some(Source::Team("ASG_refresh_time".into()))),
    ] {
        let found = read("checks: [instances]", pairs);
        assert_eq!((found.reading, found.day, found.time), (Reading::None, day, time));
    }
}

#[test]
fn two_tags_of_a_team_may_say_the_same_in_other_words() {
    let same = [("AMI_refresh_day", "tues"), ("ASG_refresh_day", "Tuesday")];
    assert_eq!(window(SCHEDULE, &same), "tue 15:00 (AMI_refresh_day, the environment's schedule)");
    let range = [("AMI_refresh_day", "mon,tue,wed"), ("ASG_refresh_day", "Mon-Wed")];
    assert_eq!(window(SCHEDULE, &range), "mon-wed 15:00 (AMI_refresh_day, the environment's schedule)");
}

#[test]
fn two_tags_of_a_team_that_disagree_are_named_with_their_values() {
    let found =
        problems(&[("AMI_refresh_day", "tues"), ("ASG_refresh_day", " wed"), ("AMI_update_day", "mon")]);
    let expected = Problem::new(
        "two tags of `pay-web` disagree on the day",
        "`AMI_refresh_day` is `tues`, and `ASG_refresh_day` is ` wed`",
        "remove one of the two, or give both the same value; until then the group is not refreshed by schedule",
    );
    assert_eq!(found, [expected]);
    let found = problems(&[("AMI_refresh_time", "10:00"), ("ASG_refresh_time", "10:30")]);
    assert_eq!(found[0].what, "two tags of `pay-web` disagree on the time");
}

#[test]
fn every_value_that_cannot_be_read_is_named() {
    let found = problems(&[
        ("AMI_refresh_day", "tusday"),
        ("AMI_update_time", "7pm"),
        ("AMI_refresh_enabled", "maybe"),
    ]);
    let next =
        "correct the tag's value, or remove the tag; until then the group is not refreshed by schedule";
    let expected = [
        ("the tag `AMI_refresh_enabled` of `pay-web` can't be read", "`maybe` is neither `true` nor `false`"),
        (
            "the tag `AMI_refresh_day` of `pay-web` can't be read",
            "`tusday` is not a day of the week: did you mean `tuesday`?",
        ),
        (
            "the tag `AMI_update_time` of `pay-web` can't be read",
            "`7pm` is not a time of day: it is written `HH:MM`, from `00:00` to `23:59`",
        ),
    ];
    assert_eq!(found, expected.map(|(what, why)| Problem::new(what, why, next)));
    // The second of a team's tags counts: it might be the one that is meant.
    let found = problems(&[("AMI_refresh_day", "tue"), ("ASG_refresh_day", "")]);
    assert_eq!(found[0].what, "the tag `ASG_refresh_day` of `pay-web` can't be read");
}

#[test]
fn the_source_of_a_bad_value_is_known() {
    let found = read(SCHEDULE, &[("AMI_refresh_day", "tusday")]);
    assert_eq!(found.day, Some(Source::Team("AMI_refresh_day".into())));
    assert_eq!(found.time, Some(Source::Environment));
}

#[test]
fn a_bad_value_of_the_platform_that_loses_is_ignored() {
    let pairs = [("AMI_update_day", "someday"), ("AMI_refresh_day", "tue")];
    assert_eq!(window(SCHEDULE, &pairs), "tue 15:00 (AMI_refresh_day, the environment's schedule)");
}

#[test]
fn a_group_opts_out_whatever_its_other_tags_say() {
    for value in ["false", "False", "NO", "off", " 0 "] {
        let found = read(SCHEDULE, &[("ASG_refresh_enabled", value), ("AMI_refresh_day", "tusday")]);
        assert_eq!(found.reading, Reading::OptedOut("ASG_refresh_enabled".into()), "{value}");
    }
    for value in ["true", "Yes", "on", "1"] {
        let found = read(SCHEDULE, &[("AMI_refresh_enabled", value)]);
        assert!(matches!(found.reading, Reading::Window(_)), "{value}");
    }
    let found = problems(&[("AMI_refresh_enabled", "true"), ("ASG_refresh_enabled", "false")]);
    assert_eq!(found[0].what, "two tags of `pay-web` disagree on whether it is refreshed");
    assert_eq!(
        read(SCHEDULE, &[("AMI_refresh_enabled", "no"), ("ASG_refresh_enabled", "0")]).reading,
        Reading::OptedOut("AMI_refresh_enabled".into())
    );
}

#[test]
fn the_keys_are_those_of_the_configuration() {
    let fleet = fleet(SCHEDULE, "window_tags: { platform: { day: [when, whenever] }, enabled: [] }");
    let found = found(
        &fleet,
        &fleet.environments[0],
        "pay-web",
        &tags(&[
            ("whenever", "mon"),
            ("when", "tue"),
            ("AMI_update_day", "fri"),
            ("AMI_refresh_enabled", "false"),
        ]),
    );
    // The platform's first counts; its others need not agree.
    assert_eq!(found.day, Some(Source::Platform("when".into())));
    assert!(matches!(found.reading, Reading::Window(window) if window.days.to_string() == "tue"));
    assert_eq!(found.tags.len(), 2);
}
