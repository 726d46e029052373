//! The boards' facts, from a small configuration and groups of all kinds.

mod status;

use std::path::Path;

use jiff::Timestamp;
use proptest::prelude::*;

pub(crate) use status::nine;

use super::*;
use crate::config::Fleet;
use crate::model::Group;
use crate::schedule::{Agenda, When};

/// A Sunday at noon.
pub(crate) const NOW: &str = "2026-11-22T12:00:00Z";

const CONFIG: &str = "\
version: 1
timezone: Europe/London
families:
  base: { previous: { name: 'dept-base-*', owners: [self] } }
defaults: { regions: [eu-west-2], schedule: { day: mon, time: '15:00' }, max_age: 14d }
environments:
  - { name: qa, account: '111111111111', select: { tags: { Environment: qa } } }
  - name: pune
    account: '222222222222'
    select: { tags: { Environment: pune } }
    timezone: Asia/Kolkata
    schedule: { day: tue, time: '10:00' }
  - { name: prod, account: '333333333333', select: { tags: { Environment: prod } } }
freezes:
  - { from: 2026-11-23T09:00, to: 2026-11-24T09:00, environments: [prod], reason: stocktaking }
  - { from: 'fri 17:00', to: 'mon 06:00', every: week, environments: [prod], reason: weekend }
  - { from: 2026-12-18T17:00, to: 2027-01-04T08:00, reason: year-end }
";

pub(crate) fn fleet() -> Fleet {
    Fleet::parse(Path::new("environments.yaml"), CONFIG).unwrap_or_else(|errors| panic!("{errors}"))
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn agenda<'a>(fleet: &'a Fleet, environment: &str, now: Timestamp) -> Agenda<'a> {
    let environment = fleet.environment(environment).unwrap();
    Agenda { fleet, environment, when: When::Scheduled, now, ready_since: None, override_freeze: false }
}

/// A group with tags, written as `key=value` words.
pub(crate) fn group(name: &str, tags: &str) -> Group {
    let tags = tags.split_whitespace().filter_map(|tag| tag.split_once('='));
    Group {
        name: name.into(),
        region: "eu-west-2".into(),
        tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        template: None,
        launch_configuration: None,
        policy: None,
        other_balancers: Vec::new(),
        maintenance: None,
        warm_pool: None,
        desired: 1,
        min: 1,
        max: 2,
        members: Vec::new(),
        suspended: Vec::new(),
        target_groups: Vec::new(),
        deleting: false,
    }
}

fn board(environment: &str, now: &str, groups: &[(Group, Need)]) -> EnvironmentWindows {
    let fleet = fleet();
    let groups: Vec<(&Group, Need)> = groups.iter().map(|(group, need)| (group, *need)).collect();
    windows(&agenda(&fleet, environment, at(now)), &groups)
}

/// Groups of every kind, without a candidate.
pub(crate) fn every_kind() -> Vec<(Group, Need)> {
    let platform = "AMI_update_day=mon AMI_update_time=15:00";
    [
        ("plain", String::new()),
        ("platform", platform.to_owned()),
        ("later", format!("{platform} AMI_refresh_time=17:30")),
        ("today", "ASG_refresh_day=sun ASG_refresh_time=11:30".to_owned()),
        ("out", format!("{platform} AMI_refresh_enabled=false")),
        ("odd", format!("{platform} AMI_refresh_day=funday")),
        ("torn", "AMI_refresh_day=tue ASG_refresh_day=thur".to_owned()),
    ]
    .into_iter()
    .map(|(name, tags)| (group(name, &tags), Need::Unknown))
    .collect()
}

#[test]
fn a_board_says_what_each_value_comes_from_and_when_it_opens() {
    let board = board("qa", NOW, &every_kind());
    let told: Vec<String> = board
        .groups
        .iter()
        .map(|group| {
            let from = |value: &Option<Value>| {
                value
                    .as_ref()
                    .map_or_else(|| "-".to_owned(), |value| format!("{} {}", value.source, value.value))
            };
            let time = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
            format!(
                "{}: {}, {}: {:?} {} {}",
                group.group,
                from(&group.day),
                from(&group.time),
                group.state,
                time(group.opens),
                time(group.closes),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "plain: environment mon, environment 15:00: NotDue 2026-11-23T15:00:00Z 2026-11-23T17:00:00Z",
            "platform: platform mon, platform 15:00: NotDue 2026-11-23T15:00:00Z 2026-11-23T17:00:00Z",
            "later: platform mon, team 17:30: NotDue 2026-11-23T17:30:00Z 2026-11-23T19:30:00Z",
            "today: team sun, team 11:30: Due 2026-11-22T11:30:00Z 2026-11-22T13:30:00Z",
            "out: platform mon, platform 15:00: OptedOut - -",
            "odd: team funday, platform 15:00: Unreadable - -",
            "torn: team tue, environment 15:00: Unreadable - -",
        ]
    );
    assert!(board.groups[0].why.is_empty(), "the opening says all: {}", board.groups[0].why);
    assert_eq!(board.groups[5].problems.len(), 1);
    assert_eq!(board.next().unwrap().group.as_str(), "today", "what is open comes first");
}

#[test]
fn what_a_freeze_holds_up_says_so_and_opens_behind_it() {
    let board = board("prod", "2026-11-23T10:00:00Z", &[(group("web", ""), Need::Unknown)]);
    assert_eq!(board.groups[0].opens, Some(at("2026-11-30T15:00:00Z")));
    assert!(board.groups[0].why.contains("stocktaking"), "{}", board.groups[0].why);
    let freezes: Vec<(&str, bool)> =
        board.freezes.iter().map(|freeze| (freeze.reason.as_str(), freeze.holds)).collect();
    assert_eq!(freezes, [("stocktaking", true), ("weekend", false), ("weekend", false)], "two weeks ahead");
}

#[test]
fn an_environment_in_another_zone_says_which_and_opens_by_it() {
    let board = board("pune", NOW, &[(group("web", ""), Need::Unknown)]);
    assert_eq!(board.timezone, "Asia/Kolkata");
    assert_eq!(board.groups[0].opens, Some(at("2026-11-24T04:30:00Z")));
}

/// The seconds that a pipeline waits at that time.
fn waits(environment: &str, now: &str, groups: &[(Group, Need)]) -> Result<u64, String> {
    seconds(&board(environment, now, groups), at(now)).map_err(|problem| problem.to_string())
}

#[test]
fn a_pipeline_waits_for_the_first_opening_that_matters() {
    let web = |need| (group("web", ""), need);
    let today = |need| (group("today", "AMI_refresh_day=sun AMI_refresh_time=12:30"), need);
    assert_eq!(waits("qa", NOW, &[web(Need::Needs)]), Ok(27 * 3_600));
    assert_eq!(waits("qa", NOW, &[web(Need::Needs), today(Need::Needs)]), Ok(1_800));
    assert_eq!(waits("qa", NOW, &[web(Need::Needs), today(Need::Done)]), Ok(27 * 3_600));
    assert_eq!(waits("qa", NOW, &[web(Need::Needs), today(Need::OtherFamily)]), Ok(27 * 3_600));
    assert_eq!(waits("qa", "2026-11-22T12:30:00Z", &[web(Need::Needs), today(Need::Needs)]), Ok(0));
    assert_eq!(waits("qa", NOW, &[web(Need::Done)]), Ok(0), "nothing is left to do");
    assert_eq!(waits("qa", NOW, &[]), Ok(0));
}

#[test]
fn who_opted_out_or_can_not_be_read_keeps_no_pipeline_waiting() {
    let kinds: Vec<_> = every_kind()
        .into_iter()
        .filter(|(one, _)| ["out", "odd", "torn"].contains(&one.name.as_str()))
        .collect();
    assert_eq!(kinds.len(), 3);
    assert_eq!(waits("qa", NOW, &kinds), Ok(0));
    let later: Vec<_> = kinds.into_iter().chain([(group("web", ""), Need::Unknown)]).collect();
    assert_eq!(waits("qa", NOW, &later), Ok(27 * 3_600));
}

#[test]
fn a_part_of_a_second_is_waited_for_as_a_whole_one() {
    assert_eq!(waits("qa", "2026-11-23T14:59:58.001Z", &[(group("web", ""), Need::Unknown)]), Ok(2));
    assert_eq!(waits("qa", "2026-11-23T14:59:59.999Z", &[(group("web", ""), Need::Unknown)]), Ok(1));
}

#[test]
fn an_opening_that_nobody_knows_is_a_problem_with_a_next_step() {
    let text = CONFIG
        .replace(", schedule: { day: mon, time: '15:00' }", "")
        .replace("    schedule: { day: tue, time: '10:00' }\n", "");
    let fleet = Fleet::parse(Path::new("environments.yaml"), &text).unwrap();
    let web = group("web", "AMI_refresh_day=mon");
    let board = windows(&agenda(&fleet, "qa", at(NOW)), &[(&web, Need::Needs)]);
    let told = seconds(&board, at(NOW)).unwrap_err().to_string();
    assert!(
        told.contains("next window of qa") && told.contains("web: ") && told.contains("schedule --env qa"),
        "{told}"
    );
}

proptest! {
    #[test]
    fn after_the_wait_something_is_due_and_not_a_second_before(
        minutes in 0_i64..60 * 24 * 40, nanos in 0_i32..1_000_000_000,
        day in 0_usize..7, hour in 0_u8..24, environment in 0_usize..3,
    ) {
        let fleet = fleet();
        let name = ["qa", "pune", "prod"][environment];
        let day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][day];
        let web = group("web", &format!("AMI_refresh_day={day} AMI_refresh_time={hour:02}:00"));
        let now = at(NOW) + jiff::SignedDuration::new(minutes * 60, nanos);
        let look = |now| windows(&agenda(&fleet, name, now), &[(&web, Need::Needs)]);
        let Ok(wait) = seconds(&look(now), now) else {
            // All of a window that lies within the weekend's freeze is frozen, for ever.
            let frozen = name == "prod" && (day == "sat" || day == "sun" || (day == "mon" && hour <= 4) || (day == "fri" && hour >= 17));
            prop_assert!(frozen, "{} {}", day, hour);
            return Ok(());
        };
        let wait = i64::try_from(wait).unwrap();
        let then = now + jiff::SignedDuration::from_secs(wait);
        prop_assert_eq!(look(then).groups[0].state, State::Due);
        if wait > 1 {
            let before = now + jiff::SignedDuration::from_secs(wait - 1);
            prop_assert_eq!(look(before).groups[0].state, State::NotDue);
        }
    }
}
