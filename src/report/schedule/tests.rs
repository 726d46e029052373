//! The board of windows as it is read.

use super::*;
use crate::overview::tests::{NOW, agenda, at, every_kind, fleet, group};
use crate::overview::{EnvironmentWindows, Need, windows};

fn told(environments: &[EnvironmentWindows], now: &str, color: bool) -> String {
    let zone = TimeZone::get("Europe/London").unwrap();
    schedule(&ScheduleText { at: at(now), zone: &zone, environments }, color)
}

fn board(environment: &str, now: &str, groups: &[(crate::model::Group, Need)]) -> EnvironmentWindows {
    let fleet = fleet();
    let groups: Vec<_> = groups.iter().map(|(group, need)| (group, *need)).collect();
    windows(&agenda(&fleet, environment, at(now)), &groups)
}

#[test]
fn the_board_of_windows() {
    let monday = "2026-11-23T10:00:00Z";
    let fleet = fleet();
    let mut done = every_kind();
    done[1].1 = Need::Done;
    done[2].1 = Need::OtherFamily;
    let boards = [
        board("qa", NOW, &done),
        board("pune", monday, &[(group("web", ""), Need::Unknown)]),
        board("prod", monday, &[(group("web", ""), Need::Unknown)]),
        EnvironmentWindows::unseen(
            &agenda(&fleet, "qa", at(NOW)),
            vec![crate::model::Problem::new("AWS could not be asked", "no answer", "run this again")],
        ),
    ];
    insta::assert_snapshot!(told(&boards, NOW, false));
}

#[test]
fn regions_are_told_apart_where_there_are_several() {
    let mut there = group("web", "");
    there.region = "eu-west-1".into();
    let groups = [(group("web", ""), Need::Unknown), (there, Need::Unknown)];
    let text = told(&[board("qa", NOW, &groups)], NOW, false);
    assert!(text.contains("region") && text.contains("eu-west-1"), "{text}");
}

#[test]
fn a_tag_that_holds_escapes_does_no_harm() {
    let bad = group("web", "AMI_refresh_day=\u{1b}[31mmon\u{7}");
    let text = told(&[board("qa", NOW, &[(bad, Need::Unknown)])], NOW, false);
    assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
}

#[test]
fn a_window_that_ends_on_another_day_says_which() {
    let zone = TimeZone::get("Europe/London").unwrap();
    let of = |from: &str, to: &str| span(Some(at(from)), Some(at(to)), &zone);
    assert_eq!(of("2026-11-23T15:00:00Z", "2026-11-23T17:00:00Z"), "Mon 23 Nov 15:00 - 17:00");
    assert_eq!(of("2026-11-23T23:00:00Z", "2026-11-24T01:00:00Z"), "Mon 23 Nov 23:00 - Tue 24 Nov 01:00");
    assert_eq!(span(Some(at("2026-11-23T15:00:00Z")), None, &zone), "Mon 23 Nov 15:00 on");
    assert_eq!(span(None, None, &zone), "-");
}
