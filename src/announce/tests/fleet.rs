//! From a configuration and the tags of groups to messages.

use std::path::Path;

use super::*;
use crate::announce::Asked;
use crate::announce::upcoming::{channels, upcoming};
use crate::announce::words;
use crate::config::Fleet;
use crate::model::Group;
use crate::overview::tests::{agenda, group};

const CONFIG: &str = "\
version: 1
timezone: Europe/London
families:
  base: { previous: { name: 'dept-base-*', owners: [self] } }
environments:
  - name: qa
    account: '111111111111'
    regions: [eu-west-2]
    select: { tags: { Environment: qa } }
    schedule: { day: mon, time: '15:00' }
notify:
  slack: { channel: platform, token: { env: SLACK_TOKEN } }
  teams:
    tag: Team
    channels: { payments: payments-alerts, billing: payments-alerts, search: { webhook: { env: SEARCH } }, find: { webhook: { env: SEARCH } } }
";

fn fleet(more: &str) -> Fleet {
    Fleet::parse(Path::new("environments.yaml"), &format!("{CONFIG}{more}"))
        .unwrap_or_else(|errors| panic!("{errors}"))
}

/// The windows up to three days ahead, as `channel: opening groups`.
fn coming(fleet: &Fleet, groups: &[Group]) -> Vec<String> {
    let groups: Vec<&Group> = groups.iter().collect();
    let now = at(SUNDAY);
    let all = upcoming(&agenda(fleet, "qa", now), &groups, now + jiff::SignedDuration::from_hours(72));
    let mut told = Vec::new();
    for (to, windows) in all {
        for window in windows {
            let names: Vec<&str> = window.groups.iter().map(|place| place.group.as_str()).collect();
            told.push(format!("{to}: {} {}", window.opens.strftime("%d %H:%M"), names.join(" ")));
        }
    }
    told
}

#[test]
fn each_team_hears_of_its_groups_in_its_channel_and_the_others_in_that_of_everything() {
    let groups = [
        group("pay", "Team=payments"),
        group("bill", "Team=billing"),
        group("search", "Team=search"),
        group("find", "Team=find AMI_refresh_day=tue"),
        group("nobody", "Team=unknown"),
        group("none", ""),
        group("out", "AMI_refresh_enabled=false"),
        group("odd", "AMI_refresh_day=funday"),
    ];
    let first: Vec<String> =
        coming(&fleet(""), &groups).into_iter().filter(|line| line.contains(": 2")).collect();
    assert_eq!(
        first,
        [
            "slack #payments-alerts: 23 15:00 bill pay",
            "slack #platform: 23 15:00 nobody none",
            "slack team find: 23 15:00 search",
            "slack team find: 24 15:00 find",
        ]
    );
}

#[test]
fn every_channel_is_known_also_without_a_group() {
    let known: Vec<String> = channels(&fleet("").notify).into_keys().collect();
    assert_eq!(known, ["slack #payments-alerts", "slack #platform", "slack team find"]);
    assert!(channels(&crate::config::Notify::default()).is_empty());
}

#[test]
fn the_first_window_behind_the_horizon_comes_too_and_freezes_are_left_out() {
    let weekly = [group("web", "")];
    assert_eq!(
        coming(&fleet(""), &weekly),
        ["slack #platform: 23 15:00 web", "slack #platform: 30 15:00 web"]
    );
    let frozen =
        fleet("freezes:\n  - { from: 2026-11-23T00:00, to: 2026-11-23T16:00, reason: stocktaking }\n");
    assert_eq!(coming(&frozen, &weekly), ["slack #platform: 23 16:00 web", "slack #platform: 30 15:00 web"]);
    let frozen =
        fleet("freezes:\n  - { from: 2026-11-23T00:00, to: 2026-11-23T18:00, reason: stocktaking }\n");
    assert_eq!(coming(&frozen, &weekly), ["slack #platform: 30 15:00 web"]);
}

#[test]
fn a_window_that_is_open_is_not_announced_any_more() {
    let fleet = fleet("");
    let web = group("web", "AMI_refresh_day=sun AMI_refresh_time=11:30");
    let told = coming(&fleet, &[web]);
    assert_eq!(told, ["slack #platform: 29 11:30 web"]);
}

#[test]
fn what_people_read() {
    let fleet = fleet("");
    let environment = fleet.environment("qa").unwrap();
    let environments = [environment];
    let simulation = crate::event::Simulation { scenario: "clean".to_owned(), seed: 1 };
    let mut asked = Asked {
        fleet: &fleet,
        environments: &environments,
        candidate: None,
        days: 3,
        dry_run: false,
        simulation: None,
    };
    let window = |opens: &str, groups: &[&str]| {
        let window = planned(opens, groups);
        Planned { closes: Some(window.opens + jiff::SignedDuration::from_hours(2)), ..window }
    };
    let many: Vec<String> = (0..103).map(|number| format!("group-{number:03}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let notices = [
        Notice::Announced(window(MON, &["payments-qa", "orders-qa"])),
        Notice::Changed(window(MON, &["payments-qa"])),
        Notice::Moved { moved_from: at(MON), to: window(TUE, &["payments-qa"]) },
        Notice::Cancelled { opens: at(MON) },
        Notice::Announced(window(MON, &many)),
    ];
    let mut texts = Vec::new();
    for notice in &notices {
        texts.push(words::message(&asked, environment, notice).reading());
    }
    asked.simulation = Some(&simulation);
    texts.push(words::message(&asked, environment, &notices[3]).reading());
    insta::assert_snapshot!(texts.join("\n\n"));
}
