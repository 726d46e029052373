//! How much is said of environments that go well, and when a sign of life is given.

use jiff::tz::TimeZone;

use super::*;
use crate::event::{Event, GroupRef, PlannedAction, Status, Step};
use crate::model::{Exit, Outcome, RefreshStatus, Tracking, Verdict};
use crate::report::samples::{NEW, Stream, group, passing, planned};

/// How many rows a terminal has.
const SCREEN: usize = 24;

fn settings(detail: Detail) -> Settings {
    Settings {
        report_dir: "reports".into(),
        terminal: TerminalMode::Plain,
        detail,
        color: false,
        timezone: TimeZone::UTC,
        simulated: false,
    }
}

/// The lines that a log has of these events, those of the ending included.
fn log(detail: Detail, events: &[Stamped]) -> Vec<String> {
    let (mut plain, mut run, mut text) = (Plain::new(&settings(detail)), Run::default(), String::new());
    for event in events {
        // As often as the program does, as far as it can matter.
        let silence = plain.last.map_or(0, |last| event.at.duration_since(last).as_mins());
        for minute in 1..silence {
            let at = event.at - jiff::SignedDuration::from_mins(silence - minute);
            text.push_str(&plain.beat(at, &run));
        }
        run.apply(event);
        text.push_str(&plain.event(event, &run));
    }
    text.push_str(&plain.closing(&run, &[]));
    text.lines().map(str::to_owned).collect()
}

/// Every group of every environment is refreshed, one after the other.
fn clean(environments: &[&str], groups: usize) -> Vec<Stamped> {
    clean_but(environments, groups, 0)
}

/// As [`clean`], beside so many groups that have the image already.
fn clean_but(environments: &[&str], groups: usize, skipped: usize) -> Vec<Stamped> {
    let mut stream = Stream::new(environments, None);
    for name in environments {
        let all: Vec<GroupRef> = (0..groups).map(|at| group(name, &format!("service-{at}-{name}"))).collect();
        let plan = |group: &GroupRef| planned(name, group.group.as_str(), PlannedAction::Refresh);
        let others: Vec<GroupRef> =
            (0..skipped).map(|at| group(name, &format!("other-{at}-{name}"))).collect();
        let leave = |group: &GroupRef| planned(name, group.group.as_str(), PlannedAction::Skip);
        stream.start(name, all.iter().map(plan).chain(others.iter().map(leave)).collect());
        for group in &others {
            stream.end(group, Outcome::Skipped { why: "already on this image".into() }, Some(NEW));
        }
        for group in &all {
            let pinned = Event::Pinned { group: group.clone(), tracking: Tracking::Latest, version: 6 };
            stream.push(pinned).good(group);
        }
        stream.environment_step(name, Step::Record, Status::Passed, "the gate is passed");
        stream.environment_ended(name, Verdict::Passed, "all on the new image", &[]);
    }
    stream.run_ended(Exit::Done, "all passed")
}

/// The lines of an environment: from its heading to its end.
fn of(lines: &[String], name: &str) -> Vec<String> {
    let begin = lines.iter().position(|line| line.contains(&format!("  {name} ("))).expect("a heading");
    let end = lines.iter().position(|line| line.contains(&format!("  {name} passed in"))).expect("an end");
    lines[begin..=end].to_vec()
}

#[test]
fn a_clean_environment_is_a_screenful_at_most_however_many_groups_it_has() {
    for detail in [Detail::Steps, Detail::Groups] {
        for groups in [1, 3, 4, 7, 8, 100, 500] {
            let lines = of(&log(detail, &clean(&["qa"], groups)), "qa");
            assert!(lines.len() <= SCREEN, "{} lines of {groups} groups: {lines:#?}", lines.len());
            assert!(lines.len() >= 3, "{groups} groups: {lines:#?}");
            assert!(lines.last().unwrap().ends_with(&format!(": {groups} refreshed")), "{lines:#?}");
        }
    }
}

#[test]
fn a_clean_environment_is_a_screenful_however_long_it_takes() {
    let cases = [(1, 0), (3, 0), (3, 1), (3, 2), (1, 11), (4, 0), (8, 0), (7, 2), (9, 0), (2, 30), (100, 0)];
    for (groups, skipped) in cases {
        let mut events = clean_but(&["qa"], groups, skipped);
        // Days pass between any two events.
        let mut late = jiff::SignedDuration::ZERO;
        for event in &mut events {
            event.at += late;
            late += jiff::SignedDuration::from_hours(if groups > 10 { 1 } else { 50 });
        }
        let lines = of(&log(Detail::Steps, &events), "qa");
        let signs = lines.iter().filter(|line| line.contains("  … ")).count();
        assert_eq!(signs, 5, "it goes on for days: {lines:#?}");
        assert!(lines.len() <= SCREEN, "{} lines of {groups} groups: {lines:#?}", lines.len());
    }
}

#[test]
fn nine_clean_environments_are_a_screenful_each_and_one_for_the_ending() {
    let names = ["sandbox", "dev", "qa", "test", "training", "build", "qa2", "stage", "prod"];
    let lines = log(Detail::Steps, &clean(&names, 500));
    for name in names {
        assert!(of(&lines, name).len() <= SCREEN);
    }
    let table = lines.iter().position(|line| line.starts_with("environment ")).expect("the table");
    assert!(lines.len() - table <= SCREEN, "{:#?}", &lines[table..]);
}

#[test]
fn what_fails_among_many_groups_is_told_in_full() {
    let mut stream = Stream::new(&["qa"], None);
    let all: Vec<GroupRef> = (0..100).map(|at| group("qa", &format!("service-{at}"))).collect();
    let plan = |group: &GroupRef| planned("qa", group.group.as_str(), PlannedAction::Refresh);
    stream.start("qa", all.iter().map(plan).collect());
    for group in &all[..99] {
        stream.good(group);
    }
    let why = "app-health: 4 of 4 instances failed";
    stream.end(&all[99], Outcome::RolledBack { why: why.into() }, Some(NEW));
    let lines = log(Detail::Steps, &stream.events);
    assert!(lines.iter().any(|line| line.contains("service-99") && line.contains(why)), "{lines:#?}");
    assert!(lines.iter().any(|line| line.ends_with("50 of 100 groups ended: 50 refreshed")), "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.contains("groups ended:")).count(), 9, "{lines:#?}");
}

#[test]
fn a_sign_of_life_says_what_is_under_way_and_comes_more_seldom_the_longer_it_takes() {
    let mut stream = Stream::new(&["qa"], None);
    let payments = group("qa", "payments-qa");
    stream.start("qa", vec![planned("qa", "payments-qa", PlannedAction::Refresh)]);
    stream.refresh(&payments).moved(&payments, RefreshStatus::Baking, 100);
    let (mut plain, mut run) = (Plain::new(&settings(Detail::Steps)), Run::default());
    for event in &stream.events {
        run.apply(event);
        plain.event(event, &run);
    }
    let began = stream.events.last().unwrap().at;
    let mut beats = Vec::new();
    for second in 1..=100 * 3600 {
        let at = began + jiff::SignedDuration::from_secs(second);
        let text = plain.beat(at, &run);
        if !text.is_empty() {
            beats.push((second / 60, text));
        }
    }
    let when: Vec<i64> = beats.iter().map(|(minute, _)| *minute).collect();
    assert_eq!(when, [4, 19, 64, 199, 604], "{beats:#?}");
    assert!(beats[0].1.ends_with("  … under way: payments-qa baking\n"), "{beats:#?}");
    let paused = beats.windows(2).map(|pair| pair[1].0 - pair[0].0).min();
    assert!(paused >= Some(1), "at most once a minute");
}

#[test]
fn a_log_says_what_is_waited_for_more_seldom_the_longer_it_takes() {
    let mut stream = Stream::new(&["qa"], None);
    stream.start("qa", vec![planned("qa", "payments-qa", PlannedAction::Defer)]);
    stream.push(Event::EnvironmentWaits {
        environment: crate::report::samples::env("qa"),
        until: "2026-11-23T15:00:00Z".parse().unwrap(),
        message: "its window".into(),
    });
    let (mut plain, mut run) = (Plain::new(&settings(Detail::Steps)), Run::default());
    for event in &stream.events {
        run.apply(event);
        plain.event(event, &run);
    }
    let began = stream.events.last().unwrap().at;
    let beats: Vec<(i64, String)> = (1..=14 * 24 * 60)
        .map(|minute| (minute, plain.beat(began + jiff::SignedDuration::from_mins(minute), &run)))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let hours: Vec<i64> = beats.iter().map(|(minute, _)| minute / 60).collect();
    assert_eq!(hours, [1, 4, 13, 40, 121], "{beats:#?}");
    assert!(beats[0].1.ends_with("  … waiting: qa until Mon 23 Nov 15:00:00\n"), "{beats:#?}");
}

#[test]
fn checks_of_which_some_passed_were_not_skipped() {
    let mut stream = Stream::new(&["qa"], None);
    let web = group("qa", "a-qa");
    stream.start("qa", vec![planned("qa", "a-qa", PlannedAction::Refresh)]);
    let mut results = passing();
    results[1].status = Status::Skipped;
    stream.checks(&web, results);
    let lines = log(Detail::Steps, &stream.events);
    assert!(lines.iter().any(|line| line.contains("checks passed: ")), "{lines:#?}");
}
