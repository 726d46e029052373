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
/// The group that is left to AWS, as it is called, before a refresh of it began.
const PREPARED: &str = "prepared-qa";

fn ended(verdict: Verdict, exit: Exit, groups: &[(&str, Vec<CheckResult>, Outcome)]) -> Vec<Stamped> {
    let mut stream = Stream::new(&["qa"], None);
    stream.start("qa", groups.iter().map(|(name, ..)| planned("qa", name, PlannedAction::Refresh)).collect());
    for (name, checks, outcome) in groups {
        let group = group("qa", name);
        if matches!(outcome, Outcome::Left { .. }) && *name != PREPARED {
            stream.refresh(&group);
        }
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
    let prepared = (PREPARED, vec![], left());
    let groups = [("a-qa", vec![], left()), ("b-qa", vec![], left()), prepared.clone()];
    let events = as_step("refresh", ended(Verdict::Partial, Exit::Done, &groups));
    let page = page_of(&events);
    assert!(!page.contains("id=\"failures\""), "all is as asked");
    assert!(section(&page, "verdict").contains("Soon: 2 refreshes go on in AWS"));
    let page = page_of(&ended(Verdict::Aborted, Exit::Aborted, &groups));
    let failures = section(&page, "failures");
    assert!(failures.contains("2 more groups like these b-qa") && !failures.contains("failed"), "{failures}");
    let page = page_of(&ended(Verdict::Aborted, Exit::Aborted, &[prepared]));
    assert!(section(&page, "verdict").contains("No: nothing was left running"));
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
    assert!(verdict.starts_with("qa did not pass its gate: b-qa failed check app-health."), "{verdict}");
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
    assert!(failures.contains("503 from &lt;address> in 12 ms i-01, i-02 and i-03"), "{failures}");
}

#[test]
fn production_is_told_as_it_is_left() {
    let page = |verdict: Verdict, refreshes: bool, ends: bool| {
        let mut stream = Stream::new(&["prod"], None);
        let web = group("prod", "a-prod");
        stream.start("prod", vec![planned("prod", "a-prod", PlannedAction::Refresh)]);
        if refreshes {
            stream.refresh(&web);
        }
        if ends {
            stream.end(&web, refreshed(), Some(NEW));
        }
        stream.environment_ended("prod", verdict, "so it ended", &[]);
        section(&page_of(&stream.run_ended(Exit::Aborted, "ended")), "verdict")
    };
    for (verdict, refreshes, ends, said) in [
        (Verdict::Aborted, false, false, "prod is as it was: this run changed nothing there."),
        (Verdict::Aborted, true, false, "prod is under way: some groups may run both images."),
        (Verdict::Aborted, true, true, "prod is part-way: 1 group on the new image, proved"),
        (Verdict::NotDue, false, false, "prod is as it was: this run changed nothing there."),
        (Verdict::NotDue, true, true, "prod is part-way: 1 group on the new image, proved"),
    ] {
        let told = page(verdict, refreshes, ends);
        assert!(told.contains(said), "{verdict} {refreshes} {ends}: {told}");
    }
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

#[test]
fn what_failed_before_and_is_allowed_is_said_first_and_in_the_table() {
    let probes = vec![probe("i-01", Status::Failed, "status 500, expected 200", "")];
    let excused =
        check("app-health", Status::Skipped, "failed before the refresh too, which is allowed", probes);
    let unasked = check("app-port", Status::Skipped, "no instances", vec![]);
    let groups = [("a-qa", vec![unasked], refreshed()), ("b-qa", vec![excused], refreshed())];
    let page = page_of(&ended(Verdict::Passed, Exit::Done, &groups));
    let verdict = section(&page, "verdict");
    assert!(
        verdict.starts_with("qa passed; 1 group fails a check as it did before, which is allowed."),
        "{verdict}"
    );
    assert!(
        verdict.contains("Failed before the refresh too, which is allowed: b-qa (app-health)."),
        "{verdict}"
    );
    let table = section(&page, "groups");
    assert!(table.contains("1 failed as before") && table.contains("1 skipped"), "{table}");
}

#[test]
fn a_run_that_waits_says_until_when_and_nothing_went_wrong() {
    let mut stream = Stream::new(&["qa"], None);
    stream.start("qa", vec![planned("qa", "a-qa", PlannedAction::Refresh)]);
    let (environment, until) = (crate::report::samples::env("qa"), "2099-11-23T15:00:00Z".parse().unwrap());
    stream.push(Event::EnvironmentWaits { environment, until, message: "not due".into() });
    let page = page_of(&stream.events);
    let verdict = section(&page, "verdict");
    assert!(verdict.starts_with("Not finished: qa waits until Mon 23 Nov 15:00."), "{verdict}");
    assert!(verdict.contains("it waits, and goes on by itself."), "{verdict}");
    assert!(verdict.contains("If the run is gone, start it again"), "{verdict}");
    assert!(!page.contains("id=\"failures\""), "nothing went wrong");
    stream.push(Event::EnvironmentStarted { environment: crate::report::samples::env("qa") });
    let page = page_of(&stream.events);
    assert!(section(&page, "verdict").starts_with("Not finished: qa is still under way."));
    assert!(section(&page, "failures").contains("This page was written before it ended."));
}

#[test]
fn smoke_tells_of_checks_and_its_next_step_is_that_of_the_group_that_failed() {
    let passing = || vec![check("app-health", Status::Passed, "4 instances passed", vec![])];
    let failing = vec![check("app-health", Status::Failed, "status 500", vec![])];
    let skipped = || Outcome::Skipped { why: "its checks passed; nothing was changed".into() };
    let next = "ami-refresh rollback --env qa".to_owned();
    let needs = Outcome::NeedsPerson { why: "app-health: status 500".into(), next };
    let well =
        page_of(&as_step("smoke", ended(Verdict::Partial, Exit::Done, &[("a-qa", passing(), skipped())])));
    let verdict = section(&well, "verdict");
    assert!(verdict.contains("1 checks passed 0 failed") && !verdict.contains("refreshed"), "{verdict}");
    assert!(!section(&well, "groups").contains("skipped"), "{}", section(&well, "groups"));
    let groups = [("a-qa", passing(), skipped()), ("b-qa", failing, needs)];
    let ill = page_of(&as_step("smoke", ended(Verdict::NeedsPerson, Exit::NeedsPerson, &groups)));
    let verdict = section(&ill, "verdict");
    assert!(verdict.starts_with("qa needs a person: b-qa failed check app-health."), "{verdict}");
    assert!(verdict.contains("Next ami-refresh rollback --env qa"), "{verdict}");
}

#[test]
fn a_way_back_is_from_the_new_image_to_the_old_one() {
    let mut back = planned("qa", "a-qa", PlannedAction::Refresh);
    (back.image, back.new_image) = (Some(NEW.into()), Some(OLD.into()));
    back.image_name = "dept-base-new".into();
    let mut stream = Stream::new(&["qa"], None);
    stream.start("qa", vec![back]);
    let seen = |image: &str| Event::CapacitySeen {
        group: group("qa", "a-qa"),
        desired: 4,
        in_service: 4,
        images: [(crate::model::ImageId::from(image), 4)].into(),
    };
    stream.push(seen(NEW));
    stream.wait(600).push(seen(OLD));
    stream.end(&group("qa", "a-qa"), Outcome::RolledBack { why: "asked for by hand".into() }, Some(OLD));
    stream.environment_ended("qa", Verdict::Partial, "1 taken back", &[]);
    let page = page_of(&as_step("rollback", stream.run_ended(Exit::Done, "done")));
    let verdict = section(&page, "verdict");
    assert!(verdict.contains(&format!("dept-base-new → replaced by {OLD}")), "{verdict}");
    let groups = section(&page, "groups");
    assert!(groups.contains("at the end 4 on the old image"), "{groups}");
    // What it ended with has room on the chart, though it was seen at the very end.
    let chart: Vec<&str> =
        page.split("<path").filter(|path| path.starts_with(" class=\"new-image\"")).collect();
    assert!(chart.iter().any(|path| path.contains("V4H958V100H1000V100Z")), "{chart:?}");
}

#[test]
fn an_earlier_run_that_did_not_get_so_far_says_nothing_of_what_a_later_one_reached() {
    let mut first = Stream::new(&["qa", "prod"], None);
    first.start("qa", vec![]).environment_ended("qa", Verdict::RolledBack, "it failed", &[]);
    first.environment_ended("prod", Verdict::NotReached, "qa ended as rolled back", &[]);
    let first = run_of(&first.run_ended(Exit::RolledBack, "failed"));
    let mut second = Stream::new(&["qa", "prod"], None);
    for name in ["qa", "prod"] {
        second.start(name, vec![]).environment_ended(name, Verdict::Passed, "passed", &[]);
    }
    let second = run_of(&second.run_ended(Exit::Done, "done"));
    let page = text(&write("report.html", &[&first, &second], &look()));
    let groups = section(&page, "groups");
    assert!(!groups.contains("not reached"), "{groups}");
    // Runs that are called the same are told apart.
    assert!(groups.contains(", run 1") && groups.contains(", run 2"), "{groups}");
}
