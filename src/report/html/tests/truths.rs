//! That the page says nothing untrue of runs that go as they usually go.

use super::content::section;
use super::*;
use crate::event::{CheckResult, Event, PlannedAction, Status};
use crate::model::{Exit, Outcome, Verdict};
use crate::report::samples::{NEW, OLD, Stream, check, group, planned, probe};

fn as_step(command: &str, mut events: Vec<Stamped>) -> Vec<Stamped> {
    if let Event::RunStarted { command: told, .. } = &mut events[0].event {
        *told = command.into();
    }
    events
}

/// An environment whose groups ended so, after these checks each.
fn ended(verdict: Verdict, exit: Exit, groups: &[(&str, Vec<CheckResult>, Outcome)]) -> Vec<Stamped> {
    let mut stream = Stream::new(&["qa"], None);
    stream.start("qa", groups.iter().map(|(name, ..)| planned("qa", name, PlannedAction::Refresh)).collect());
    for (name, checks, outcome) in groups {
        let group = group("qa", name);
        stream.checks(&group, checks.clone()).end(&group, outcome.clone(), Some(NEW));
    }
    stream.environment_ended("qa", verdict, "so it ended", &[]);
    stream.run_ended(exit, "ended")
}

fn left() -> Outcome {
    Outcome::Left { state: "Baking, 100%".into(), next: "ami-refresh smoke --env qa".into() }
}

fn refreshed() -> Outcome {
    Outcome::Refreshed { instances: 4 }
}

#[test]
fn a_skipped_check_has_not_failed() {
    let of = |(at, status): (usize, &Status)| check(&format!("c{at}"), *status, "said", vec![]);
    let checks = |all: &[Status]| all.iter().enumerate().map(of).collect::<Vec<_>>();
    let (passed, failed, skipped) = (Status::Passed, Status::Failed, Status::Skipped);
    let page = page_of(&ended(
        Verdict::Passed,
        Exit::Done,
        &[
            ("a-qa", checks(&[passed, passed, skipped]), refreshed()),
            ("b-qa", checks(&[passed, failed, skipped]), refreshed()),
        ],
    ));
    let groups = section(&page, "groups");
    assert!(groups.contains("2 passed, 1 skipped"), "{groups}");
    assert!(groups.contains("1 of 2 failed, 1 skipped"), "{groups}");
}

#[test]
fn what_was_to_be_left_to_aws_is_no_trouble_unless_the_run_was_aborted() {
    let groups = [("a-qa", vec![], left()), ("b-qa", vec![], left())];
    let events = as_step("refresh", ended(Verdict::Partial, Exit::Done, &groups));
    let page = page_of(&events);
    assert!(!page.contains("id=\"failures\""), "all is as asked");
    assert!(section(&page, "verdict").contains("Soon: 2 refreshes go on in AWS"));
    let page = page_of(&ended(Verdict::Aborted, Exit::Aborted, &groups));
    let failures = section(&page, "failures");
    assert!(failures.contains("1 more group like these b-qa") && !failures.contains("failed"), "{failures}");
}

#[test]
fn smoke_changes_nothing_and_no_rollout_goes_on() {
    let told = section(&page_of(&as_step("smoke", ended(Verdict::Partial, Exit::Done, &[]))), "verdict");
    assert!(told.starts_with("qa: every check that counts passed."), "{told}");
    assert!(!told.contains("rollout"), "{told}");
    let mut prod = Stream::new(&["prod"], None);
    prod.start("prod", vec![]).environment_ended("prod", Verdict::Partial, "2 groups are well", &[]);
    let told = section(&page_of(&as_step("smoke", prod.run_ended(Exit::Done, "done"))), "verdict");
    assert!(told.contains("Production prod: 2 groups are well; smoke changed nothing."), "{told}");
}

#[test]
fn a_held_gate_shows_what_holds_it() {
    let failing = vec![check("app-health", Status::Failed, "failed before the refresh too", vec![])];
    let groups = [("a-qa", vec![], refreshed()), ("b-qa", failing, refreshed())];
    let page = page_of(&ended(Verdict::Unproved, Exit::Refused, &groups));
    let verdict = section(&page, "verdict");
    assert!(verdict.starts_with("qa did not pass its gate."), "{verdict}");
    assert!(verdict.contains("Not at once: what holds the gate is below."), "{verdict}");
    let failures = section(&page, "failures");
    assert!(failures.contains("b-qa") && !failures.contains("a-qa"), "{failures}");
    assert!(failures.contains("app-health : failed before the refresh too"), "{failures}");
    let mut prod = Stream::new(&["prod"], None);
    prod.start("prod", vec![]).environment_ended("prod", Verdict::Unproved, "3 refreshed; it is held", &[]);
    let verdict = section(&page_of(&prod.run_ended(Exit::Refused, "held")), "verdict");
    assert!(verdict.contains("prod: its gate is not passed: 3 refreshed; it is held."), "{verdict}");
}

#[test]
fn production_that_passed_is_no_more_than_was_seen() {
    let of = |groups: &[(&str, Outcome)]| {
        let mut prod = Stream::new(&["prod"], None);
        prod.start(
            "prod",
            groups.iter().map(|(name, _)| planned("prod", name, PlannedAction::Refresh)).collect(),
        );
        for (name, outcome) in groups {
            prod.end(&group("prod", name), outcome.clone(), Some(NEW));
        }
        prod.environment_ended("prod", Verdict::Passed, "the gate is passed", &[]);
        section(&page_of(&prod.run_ended(Exit::Done, "done")), "verdict")
    };
    let skipped = || Outcome::Skipped { why: "no instances".into() };
    let told = of(&[("a", refreshed()), ("b", skipped())]);
    assert!(told.contains("1 group on the new image, proved; 1 left as they were, see below."), "{told}");
    let told = of(&[("b", skipped())]);
    assert!(told.contains("this run changed nothing there; the gate is passed."), "{told}");
}

#[test]
fn who_needs_a_person_is_named_first() {
    let groups = [
        ("a-qa", vec![], Outcome::RolledBack { why: "no disk".into() }),
        ("b-qa", vec![], Outcome::NeedsPerson { why: "stragglers".into(), next: "look".into() }),
    ];
    let told = section(&page_of(&ended(Verdict::NeedsPerson, Exit::NeedsPerson, &groups)), "verdict");
    assert!(told.starts_with("qa needs a person: b-qa: stragglers, and 1 more group."), "{told}");
}

#[test]
fn answers_that_differ_in_the_instance_only_are_told_once() {
    let probes = (1..=3)
        .map(|n| probe(&format!("i-0{n}"), Status::Failed, &format!("503 from 10.0.0.{n} in {n} ms"), ""))
        .collect();
    let checks = vec![check("app-health", Status::Failed, "3 instances failed", probes)];
    let back = Outcome::RolledBack { why: "app-health".into() };
    let page = page_of(&ended(Verdict::RolledBack, Exit::RolledBack, &[("a-qa", checks, back)]));
    let failures = section(&page, "failures");
    assert!(failures.contains("503 from &lt;address> in 12 to 12 ms i-01, i-02 and i-03"), "{failures}");
}

#[test]
fn a_run_that_goes_on_is_not_over_because_another_is() {
    let clean = run_of(&ended(Verdict::Passed, Exit::Done, &[]));
    let mut prod = Stream::new(&["prod"], None);
    prod.start("prod", vec![]);
    let killed = run_of(&prod.events);
    let page = text(&write("report.html", &[&killed, &clean], &look()));
    assert!(section(&page, "verdict").contains("Do I have to act now? Not known yet"));
}

#[test]
fn a_set_has_no_journal_beside_it_and_says_which_runs_were_rehearsals() {
    let clean = run_of(&ended(Verdict::Passed, Exit::Done, &[]));
    let of_set = Some(vec!["junit-qa.smoke.xml".to_owned()]);
    let set =
        Look { simulated: true, is_mixed: true, of_set, has_attachments: true, journal: None, ..look() };
    let page = text(&write("report.html", &[&clean], &set));
    assert!(page.contains("Some of these runs were rehearsals") && !page.contains("Nothing here happened"));
    let more = section(&page, "more");
    assert!(more.contains("junit-qa.smoke.xml") && more.contains("attachments/"), "{more}");
    assert!(!page.contains("href=\"journal.jsonl\""));
    let alone = section(&text(&write("report.html", &[&clean], &look())), "more");
    assert!(alone.contains("journal.jsonl") && !alone.contains("attachments"), "{alone}");
    let elsewhere = Some(JournalAt::Elsewhere("build-811/journal.jsonl".into()));
    let page = text(&write("report.html", &[&clean], &Look { journal: elsewhere, ..look() }));
    assert!(section(&page, "more").contains("build-811/journal.jsonl"), "it says where it is");
    assert!(
        !page.contains("href=\"journal.jsonl\"") && !page.contains("href=\"build-811"),
        "and links nothing"
    );
}

#[test]
fn tags_that_nobody_sees_are_neither_added_nor_gone() {
    let facts = |id: &str, tags: &[(&str, &str)]| Event::ImageDescribed {
        image: crate::model::ImageFacts {
            id: id.into(),
            region: "eu-west-2".into(),
            name: id.into(),
            description: String::new(),
            created: None,
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        },
    };
    let of = |old: &[(&str, &str)]| {
        let mut stream = Stream::new(&["qa"], None);
        stream.start("qa", vec![planned("qa", "a-qa", PlannedAction::Refresh)]);
        stream.push(facts(OLD, old));
        stream.push(facts(NEW, &[("kernel", "6.1"), ("ami-refresh:build", "812")]));
        section(&page_of(&stream.events), "images")
    };
    let unseen = of(&[]);
    assert!(unseen.contains("No tags of the old image can be seen"), "{unseen}");
    assert!(!unseen.contains("added"), "{unseen}");
    let seen = of(&[("kernel", "6.1"), ("ami-refresh:build", "811")]);
    assert!(seen.contains("ami-refresh:build changed 811 812"), "{seen}");
}
