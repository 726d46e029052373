//! What is in the XML, and that it is XML whatever the events hold.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use proptest::prelude::*;
use quick_xml::events::{BytesStart, Event as Xml};

use super::*;
use crate::event::{Event, PlannedAction, RollbackRoute, Stamped, Step};
use crate::model::{Outcome, Verdict};
use crate::report::hostile::{any_text, hostile};
use crate::report::samples::{self, Stream, check, env, group, planned};

fn run(events: &[Stamped]) -> Run {
    let mut run = Run::default();
    for event in events {
        run.apply(event);
    }
    run
}

fn xml(events: &[Stamped], environment: &str) -> String {
    let run = run(events);
    let record = run.environment(&env(environment)).unwrap();
    let attachments = Attachments::of(&run, record, None);
    let mut xml = Vec::new();
    write(&run, record, run.simulation.is_some(), &attachments, Path::new("reports"), &mut xml).unwrap();
    String::from_utf8(xml).unwrap()
}

/// A line per element, so that a change can be read.
fn shown(xml: &str) -> String {
    xml.replace("><", ">\n<").replace("<testcase", "  <testcase").replace("</testcase", "  </testcase")
}

#[test]
fn junit_of_a_clean_environment() {
    assert_snapshot!(shown(&xml(&samples::clean(None), "qa")));
}

#[test]
fn junit_of_a_failed_check_with_native_rollback() {
    assert_snapshot!(shown(&xml(&samples::failed_check(), "qa")));
}

#[test]
fn junit_of_a_refusal() {
    assert_snapshot!(shown(&xml(&samples::refused(), "prod")));
}

#[test]
fn junit_of_an_abort() {
    let events = samples::aborted();
    assert_snapshot!(shown(&format!("{}\n\n{}", xml(&events, "qa"), xml(&events, "prod"))));
}

/// One test case as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    class: String,
    name: String,
    result: String,
    message: String,
}

/// Reads the file to its end: suites' counts are checked against their cases.
fn read_back(xml: &str) -> Vec<Seen> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let (mut cases, mut claimed): (Vec<Seen>, [usize; 3]) = (Vec::new(), [0; 3]);
    let mut depth = 0;
    loop {
        let event = reader.read_event().unwrap();
        match &event {
            Xml::Eof => break,
            Xml::Start(_) => depth += 1,
            Xml::End(_) => depth -= 1,
            _ => {}
        }
        if let Xml::Start(tag) | Xml::Empty(tag) = &event {
            see(tag, &mut cases, &mut claimed);
        }
        if let Xml::CData(data) = &event {
            let text: &str = data;
            assert!(text.chars().all(is_xml), "{text:?}");
            assert!(text.len() < clean::TEXT + 100);
        }
    }
    assert_eq!(depth, 0);
    let count = |result: &str| cases.iter().filter(|case| case.result == result).count();
    assert_eq!(claimed, [cases.len(), count("failure"), count("error")]);
    cases
}

fn see(tag: &BytesStart<'_>, cases: &mut Vec<Seen>, claimed: &mut [usize; 3]) {
    let attributes: BTreeMap<String, String> = tag
        .attributes()
        .map(|attribute| {
            let attribute = attribute.unwrap();
            let key = attribute.key.as_ref().to_owned();
            let value = quick_xml::escape::unescape(&attribute.value).unwrap().into_owned();
            assert!(value.chars().all(|c| is_xml(c) && c != '\n'), "{value:?}");
            (key, value)
        })
        .collect();
    let value = |key: &str| attributes.get(key).cloned().unwrap_or_default();
    match tag.name().as_ref() {
        "testsuite" => {
            for (sum, key) in claimed.iter_mut().zip(["tests", "failures", "errors"]) {
                *sum += value(key).parse::<usize>().unwrap();
            }
        }
        "testcase" => cases.push(Seen {
            class: value("classname"),
            name: value("name"),
            result: "passed".into(),
            message: String::new(),
        }),
        name @ ("failure" | "error" | "skipped") => {
            let last = cases.last_mut().unwrap();
            last.result = name.to_owned();
            last.message = value("message");
        }
        _ => {}
    }
}

/// The characters that XML 1.0 can hold.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn results(events: &[Stamped], environment: &str) -> Vec<(String, String)> {
    let cases = read_back(&xml(events, environment));
    cases.into_iter().map(|case| (format!("{} {}", case.class, case.name), case.result)).collect()
}

#[test]
fn names_are_the_same_whether_a_run_passes_fails_or_is_cut_short() {
    let names = |events: &[Stamped]| -> Vec<String> {
        let optional = ["rollback", "tracking"];
        let all = read_back(&xml(events, "qa")).into_iter().filter(|case| case.class != "qa.search-qa");
        let kept = all.filter(|case| !optional.contains(&case.name.as_str()));
        kept.map(|case| format!("{} {}", case.class, case.name)).collect()
    };
    let failed = samples::failed_check();
    let whole = names(&failed);
    assert_eq!(whole, names(&samples::aborted()));
    let planned = failed.iter().position(|one| matches!(one.event, Event::Planned { .. })).unwrap();
    for end in planned + 1..failed.len() {
        assert_eq!(whole, names(&failed[..end]), "{end}");
    }
    assert!(whole.contains(&"qa.payments-qa check app-health".to_owned()), "{whole:?}");
}

#[test]
fn a_region_is_named_only_where_a_group_of_that_name_is_in_several() {
    let mut stream = Stream::new(&["qa"], None);
    let mut ireland = planned("qa", "web", PlannedAction::Refresh);
    ireland.group.region = "eu-west-1".into();
    let plan = |name| planned("qa", name, PlannedAction::Refresh);
    stream.start("qa", vec![plan("web"), ireland, plan("api")]);
    let mut classes: Vec<String> =
        read_back(&xml(&stream.events, "qa")).into_iter().map(|case| case.class).collect();
    classes.dedup();
    assert_eq!(classes, ["qa", "qa.web@eu-west-2", "qa.web@eu-west-1", "qa.api"]);
}

#[test]
fn a_check_that_failed_at_first_and_then_passed_counts_as_passed() {
    let mut stream = Stream::new(&["qa"], None);
    let web = group("qa", "web");
    stream.checks(&web, vec![check("app", Status::Failed, "503", vec![])]);
    stream.checks(&web, vec![check("app", Status::Passed, "200", vec![])]);
    let text = xml(&stream.events, "qa");
    assert!(results(&stream.events, "qa").contains(&("qa.web check app".into(), "passed".into())));
    assert!(text.contains("earlier: failed: 503"), "{text}");
}

#[test]
fn a_check_that_passes_on_the_old_image_after_a_rollback_does_not_hide_the_failure() {
    let mut stream = Stream::new(&["qa"], None);
    let web = group("qa", "web");
    stream.checks(&web, vec![check("app", Status::Failed, "503", vec![])]);
    let (route, why) = (RollbackRoute::NewRefresh, "app: 503".to_owned());
    stream.push(Event::RollbackStarted { group: web.clone(), route, why });
    stream.checks(&web, vec![check("app", Status::Passed, "200", vec![])]);
    stream.step(&web, Step::Rollback, Status::Passed, "back");
    let results = results(&stream.events, "qa");
    assert!(results.contains(&("qa.web check app".into(), "failure".into())), "{results:?}");
    assert!(results.contains(&("qa.web rollback".into(), "passed".into())), "{results:?}");
}

#[test]
fn a_group_taken_back_since_another_failed_does_not_look_as_if_it_ran_the_new_image() {
    let mut stream = Stream::new(&["qa"], None);
    let web = group("qa", "web");
    stream.start("qa", vec![planned("qa", "web", PlannedAction::Refresh)]).good(&web);
    let (route, why) = (RollbackRoute::NewRefresh, "api failed".to_owned());
    stream.push(Event::RollbackStarted { group: web.clone(), route, why: why.clone() });
    stream.step(&web, Step::Rollback, Status::Passed, "back");
    stream.end(&web, Outcome::RolledBack { why }, Some(samples::OLD));
    let results = results(&stream.events, "qa");
    assert!(results.contains(&("qa.web prove".into(), "failure".into())), "{results:?}");
    assert!(results.contains(&("qa.web rollback".into(), "passed".into())), "{results:?}");
}

#[test]
fn an_environment_that_did_not_pass_is_never_green() {
    for verdict in [Verdict::Unproved, Verdict::Refused, Verdict::RolledBack, Verdict::NeedsPerson] {
        let mut stream = Stream::new(&["qa"], None);
        stream.start("qa", vec![]).environment_ended("qa", verdict, "why it is so", &[]);
        let cases = read_back(&xml(&stream.events, "qa"));
        let bad: Vec<&Seen> = cases.iter().filter(|case| case.result == "failure").collect();
        assert_eq!(bad.len(), 1, "{verdict}");
        assert_eq!(bad[0].message, "why it is so");
    }
}

#[test]
fn a_run_that_was_killed_has_an_error_in_its_environment() {
    let mut stream = Stream::new(&["qa"], None);
    stream.start("qa", vec![planned("qa", "web", PlannedAction::Refresh)]);
    let cases = read_back(&xml(&stream.events, "qa"));
    let record = cases.iter().find(|case| case.name == "record").unwrap();
    assert_eq!((record.result.as_str(), record.message.contains("was ended before")), ("error", true));
    let web = cases.iter().find(|case| case.class == "qa.web").unwrap();
    assert_eq!((web.result.as_str(), web.message.contains("was ended before")), ("skipped", true));
}

#[test]
fn times_that_no_calendar_holds_do_no_harm() {
    let mut stream = Stream::new(&["qa"], None);
    let web = group("qa", "web");
    for _ in 0..2000 {
        let (step, status, message) = (Step::Template, Status::Passed, String::new());
        let evidence = vec![];
        stream.push(Event::GroupStep {
            group: web.clone(),
            step,
            status,
            message,
            evidence,
            took_ms: u64::MAX,
        });
        stream.push(Event::EnvironmentStep {
            environment: env("qa"),
            step: Step::Gate,
            status,
            message: String::new(),
            evidence: vec![],
            took_ms: u64::MAX,
        });
    }
    for at in [Timestamp::MIN, Timestamp::MAX] {
        stream.events.iter_mut().for_each(|event| event.at = at);
        assert!(!read_back(&xml(&stream.events, "qa")).is_empty());
    }
}

proptest! {
    #[test]
    fn the_xml_is_valid_and_whole_whatever_the_texts_are(text in any_text()) {
        let cases = read_back(&xml(&hostile(&text), "qa"));
        let count = |result: &str| cases.iter().filter(|case| case.result == result).count();
        // gate, freeze, plan, record; template, refresh, check, prove, rollback, tracking.
        prop_assert_eq!(cases.len(), 10);
        // Failed: plan, refresh. Errored: check, rollback. Not run: freeze, record, prove.
        prop_assert_eq!((count("failure"), count("error"), count("skipped")), (2, 2, 3));
    }
}

#[test]
fn a_huge_answer_is_cut() {
    let text = xml(&hostile(&"x]]>\n".repeat(20_000)), "qa");
    assert_eq!(read_back(&text).len(), 10);
    assert!(text.contains("more bytes are left out]"));
    assert!(text.len() < 16 * clean::TEXT, "{}", text.len());
}

#[test]
fn groups_of_an_environment_that_was_refused_say_so_though_their_windows_were_told() {
    let mut stream = Stream::new(&["prod"], None);
    let (web, search) = (group("prod", "web"), group("prod", "search"));
    let plan = |name| planned("prod", name, PlannedAction::Refresh);
    stream.start("prod", vec![plan("web"), plan("search")]);
    for at in [&web, &search] {
        stream.step(at, Step::Window, Status::Passed, "it may be begun");
    }
    let problem = crate::model::Problem::new("group search suspends Launch", "", "resume the process");
    stream.push(Event::Refused { environment: env("prod"), problems: vec![problem] });
    stream.environment_ended("prod", Verdict::Refused, "1 problem", &[]);
    let text = xml(&stream.events, "prod");
    assert!(!text.contains("no end was reported"), "{text}");
    let why = "the environment was refused: group search suspends Launch";
    assert!(text.matches(why).count() >= 2, "{text}");
    let web = read_back(&text).into_iter().filter(|case| case.class == "prod.web").collect::<Vec<_>>();
    let skipped = |name: &str| web.iter().any(|case| case.name == name && case.result == "skipped");
    assert!(["template", "refresh", "prove"].iter().all(|name| skipped(name)), "{web:?}");
}

#[test]
fn a_group_that_could_not_be_started_has_failed() {
    let mut stream = Stream::new(&["qa"], None);
    let web = group("qa", "web");
    stream.start("qa", vec![planned("qa", "web", PlannedAction::Refresh)]);
    stream.step(&web, Step::Refresh, Status::Failed, "it could not be started: the alarm fires");
    stream.end(&web, Outcome::Refused { why: "the alarm fires".into() }, Some(samples::OLD));
    let text = xml(&stream.events, "qa");
    let cases = read_back(&text);
    let of =
        |name: &str| &cases.iter().find(|case| case.class == "qa.web" && case.name == name).unwrap().result;
    assert_eq!(of("refresh"), "failure", "{cases:?}");
    assert!(of("prove") == "skipped" && text.contains("no refresh could be started"), "{text}");
}

#[test]
fn a_check_of_twenty_instances_is_one_case_and_says_the_same_answer_once() {
    for (status, result) in [(Status::Passed, "passed"), (Status::Failed, "failure")] {
        let probes = (1..=20).map(|n| {
            let message = format!("{n} of no importance, 503 in {n} ms").replacen(&n.to_string(), "", 1);
            samples::probe(&format!("i-{n:02}"), status, &message, "{\"status\":\"DOWN\"}")
        });
        let mut stream = Stream::new(&["qa"], None);
        stream.start("qa", vec![planned("qa", "web", PlannedAction::Refresh)]);
        let result_of = check("app-health", status, "20 of 20", probes.collect());
        stream.checks(&group("qa", "web"), vec![result_of]);
        let text = xml(&stream.events, "qa");
        let cases = read_back(&text);
        let of_check: Vec<&Seen> = cases.iter().filter(|case| case.name == "check app-health").collect();
        assert_eq!((of_check.len(), of_check[0].result.as_str()), (1, result));
        assert_eq!(text.matches("{\"status\":\"DOWN\"}").count(), 1, "{text}");
        assert_eq!(text.matches("20 instances ").count(), 1, "{text}");
        for n in 1..=20 {
            assert_eq!(text.matches(&format!("i-{n:02}")).count(), 1, "{text}");
        }
    }
}

#[test]
fn a_file_with_many_long_texts_is_bounded() {
    let mut stream = Stream::new(&["qa"], None);
    for at in 0..40 {
        let results = (0..100).map(|n| {
            let (name, text) = (format!("c{n}"), "\u{1b}[31m\"<é]]>".repeat(4000));
            check(&name, Status::Failed, &text, vec![samples::probe("i-1", Status::Failed, &text, &text)])
        });
        stream.checks(&group("qa", &format!("web-{at}")), results.collect());
    }
    let text = xml(&stream.events, "qa");
    assert_eq!(read_back(&text).iter().filter(|case| case.name.starts_with("check ")).count(), 4000);
    // Messages are escaped, texts are not.
    assert!(text.len() < TEXTS + 4000 * clean::LINE * 6 + (4 << 20), "{}", text.len());
    assert!(text.contains("more bytes are left out]"));
}
