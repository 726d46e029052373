//! Reports that are made again are those that were made at first, and several runs become one set.

use std::collections::BTreeMap;
use std::io;

use insta::assert_snapshot;

use super::*;
use crate::report::samples::{self, env};

/// Every file below a directory but the journal, by its path there.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(at) = dirs.pop() {
        for entry in fs::read_dir(at).unwrap().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(dir).unwrap().display().to_string();
            match path.is_dir() {
                true => dirs.push(path),
                false if name == "journal.jsonl" => {}
                false => drop(found.insert(name, fs::read(&path).unwrap())),
            }
        }
    }
    found
}

/// The run's own reports.
fn at_first(events: &[Stamped], dir: &Path) {
    let settings = Settings {
        report_dir: dir.to_owned(),
        terminal: TerminalMode::Silent,
        detail: Detail::Steps,
        color: false,
        timezone: TimeZone::UTC,
        simulated: where_and_when(events).0,
    };
    let mut reporters = Reporters::with_output(settings, Box::new(io::sink())).unwrap();
    for event in events {
        reporters.emit(event.clone());
    }
    reporters.finish().unwrap();
}

fn past(source: &str, events: Vec<Stamped>) -> Past {
    Past { source: source.into(), events, cut_off: false }
}

/// The events, so many hours later.
fn later_by(hours: i64, mut events: Vec<Stamped>) -> Vec<Stamped> {
    for event in &mut events {
        event.at += jiff::SignedDuration::from_hours(hours);
    }
    events
}

fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_reports_of_one_run_are_the_same_to_the_byte_wherever_it_was_cut_off() {
    let simulation = crate::event::Simulation { scenario: "app-down".into(), seed: 3 };
    let runs = [
        samples::clean(None),
        samples::clean(Some(simulation)),
        samples::failed_check(),
        samples::refused(),
        samples::aborted(),
    ];
    for events in runs {
        for end in [1, events.len() / 2, events.len() - 1, events.len()] {
            let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            at_first(&events[..end], first.path());
            let journal = second.path().join("journal.jsonl");
            fs::copy(first.path().join("journal.jsonl"), &journal).unwrap();
            let runs = vec![past(journal.to_str().unwrap(), events[..end].to_vec())];
            let made = again(runs, second.path(), false).unwrap();
            let files_made = files(second.path());
            // The stylesheet comes with the page.
            assert!(files_made.len() > 1 && made.written.len() + 1 == files_made.len());
            assert_eq!(files(first.path()), files(second.path()));
        }
    }
}

#[test]
fn a_run_that_the_simulator_stood_in_for_is_marked_again() {
    let mut events = samples::clean(None);
    if let Event::RunStarted { simulated, .. } = &mut events[0].event {
        *simulated = true;
    }
    let dir = tempfile::tempdir().unwrap();
    let made = again(vec![past("j", events)], dir.path(), false).unwrap();
    let mark = "SIMULATION. Nothing here happened on AWS.";
    assert!(made.text.contains(mark) && read(dir.path(), "junit-qa.xml").contains(mark));
    assert!(read(dir.path(), "summary.json").contains("\"simulated\": true"));
}

/// A failed run, and the one that mended it, given in the wrong order.
fn failed_and_mended() -> Vec<Past> {
    let mended = later_by(5, samples::clean(None));
    vec![past("build-812/journal.jsonl", mended), past("build-811/journal.jsonl", samples::failed_check())]
}

#[test]
fn of_two_runs_of_an_environment_both_are_kept_and_the_later_has_the_name() {
    let dir = tempfile::tempdir().unwrap();
    again(failed_and_mended(), dir.path(), false).unwrap();
    let names: Vec<String> = files(dir.path()).into_keys().collect();
    let expected = [
        "earlier-runs/run-1/junit-qa.xml",
        "junit-prod.xml",
        "junit-qa.xml",
        "report.css",
        "report.html",
        "summary.json",
    ];
    assert_eq!(names, expected);
    let own = tempfile::tempdir().unwrap();
    at_first(&later_by(5, samples::clean(None)), own.path());
    assert_eq!(read(dir.path(), "junit-qa.xml"), read(own.path(), "junit-qa.xml"));
    let earlier = read(dir.path(), "earlier-runs/run-1/junit-qa.xml");
    assert!(earlier.contains("<failure"), "{earlier}");
    let note = "note: run 2 (rollout, begun 2026-11-23T00:00:00Z) of qa came after this one";
    assert!(earlier.contains(note), "{earlier}");
    let summary: serde_json::Value = serde_json::from_str(&read(dir.path(), "summary.json")).unwrap();
    let runs = summary["runs"].as_array().unwrap();
    let journals: Vec<&str> = runs.iter().map(|run| run["journal"].as_str().unwrap()).collect();
    assert_eq!(journals, ["build-811/journal.jsonl", "build-812/journal.jsonl"]);
    assert_eq!((&runs[0]["later"]["qa"], &runs[1]["later"]), (&2.into(), &serde_json::json!({})));
    assert_eq!((&runs[0]["exit"], &runs[1]["exit"]), (&4.into(), &0.into()));
}

#[test]
fn an_earlier_set_leaves_nothing_behind_in_a_later_one() {
    let dir = tempfile::tempdir().unwrap();
    again(failed_and_mended(), dir.path(), false).unwrap();
    let apart = vec![past("a", samples::failed_check()), past("b", later_by(1, samples::refused()))];
    again(apart, dir.path(), false).unwrap();
    assert!(!dir.path().join("earlier-runs/run-1/junit-qa.xml").exists());
}

#[test]
fn steps_of_one_rollout_keep_a_file_each() {
    let dir = tempfile::tempdir().unwrap();
    let step = |command: &str, hours: i64| {
        let mut events = later_by(hours, samples::clean(None));
        if let Event::RunStarted { command: told, .. } = &mut events[0].event {
            *told = command.into();
        }
        past(command, events)
    };
    again(vec![step("smoke", 1), step("refresh", 0)], dir.path(), false).unwrap();
    let names: Vec<String> = files(dir.path()).into_keys().collect();
    let page = ["report.css", "report.html", "summary.json"];
    assert_eq!(names, [&["junit-qa.refresh.xml", "junit-qa.smoke.xml"][..], &page].concat());
}

#[test]
fn a_later_run_that_did_not_reach_an_environment_takes_nothing_from_an_earlier_one() {
    let mut first = samples::refused();
    if let Event::RunStarted { environments, .. } = &mut first[0].event {
        environments.push(env("qa"));
    }
    let runs = vec![past("a", first), past("b", later_by(3, samples::failed_check()))];
    let dir = tempfile::tempdir().unwrap();
    again(runs.clone(), dir.path(), false).unwrap();
    assert!(read(dir.path(), "junit-prod.xml").contains("<failure"), "run 1 was refused there");
    assert!(read(dir.path(), "junit-qa.xml").contains("<failure"), "run 2 failed there");
    let aside = read(dir.path(), "earlier-runs/run-2/junit-prod.xml");
    assert!(aside.contains("prod was not reached, run 1 (rollout, begun"), "{aside}");
    let folded = fold(runs);
    let names: Vec<String> = merge::labelled(&folded).into_iter().map(|(.., name)| name).collect();
    let expected = [
        "prod (run 1, rollout, latest)",
        "qa (run 1, rollout)",
        "qa (run 2, rollout, latest)",
        "prod (run 2, rollout)",
    ];
    assert_eq!(names, expected);
}

#[test]
fn several_runs_as_people_read_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut runs = failed_and_mended();
    let mut cut = later_by(9, samples::aborted());
    cut.truncate(9);
    runs.push(Past { cut_off: true, ..past("build-813/journal.jsonl", cut) });
    let text = again(runs, dir.path(), false).unwrap().text;
    assert_snapshot!(text.replace(&dir.path().display().to_string(), "reports"));
}

#[test]
fn environments_of_several_runs_are_told_apart_and_one_of_a_kind_keeps_its_name() {
    let names =
        |runs| -> Vec<String> { merge::labelled(&fold(runs)).into_iter().map(|(.., name)| name).collect() };
    let expected = ["qa (run 1, rollout, earlier)", "prod", "qa (run 2, rollout, latest)"];
    assert_eq!(names(failed_and_mended()), expected);
    assert_eq!(names(vec![past("a", samples::clean(None))]), ["qa"]);
}

#[test]
fn what_can_t_be_written_is_told_and_the_rest_is_written() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("junit-prod.xml/taken")).unwrap();
    let error = again(failed_and_mended(), dir.path(), false).unwrap_err();
    assert_eq!(error.problems.len(), 1, "{error}");
    assert!(error.problems[0].what.ends_with("junit-prod.xml"), "{error}");
    assert!(dir.path().join("junit-qa.xml").is_file());
}

/// A step's run of one environment, and what became of it.
fn step(command: &str, verdict: Option<crate::model::Verdict>) -> Vec<Stamped> {
    let mut stream = samples::Stream::new(&["qa"], None);
    if let Event::RunStarted { command: told, .. } = &mut stream.events[0].event {
        *told = command.into();
    }
    stream.start("qa", vec![samples::planned("qa", "a-qa", crate::event::PlannedAction::Refresh)]);
    if command == "refresh" {
        stream.good(&samples::group("qa", "a-qa"));
    }
    match verdict {
        None => stream.events,
        Some(verdict) => {
            stream.environment_ended("qa", verdict, "so it ended", &[]);
            stream.run_ended(crate::model::Exit::Done, "done")
        }
    }
}

#[test]
fn the_steps_of_one_candidate_are_one_rollout_on_the_page_of_a_set() {
    use crate::model::Verdict;
    let refresh = || past("1.jsonl", step("refresh", Some(Verdict::Partial)));
    let smoke = |verdict| past("2.jsonl", later_by(1, step("smoke", verdict)));
    let pass = past("3.jsonl", later_by(2, step("gate pass", Some(Verdict::Passed))));
    let dir = tempfile::tempdir().unwrap();
    again(vec![refresh(), smoke(Some(Verdict::Partial)), pass], dir.path(), false).unwrap();
    let page = read(dir.path(), "report.html");
    assert!(page.contains("<b>1</b> refreshed"), "what the refresh did counts");
    for file in ["junit-qa.refresh.xml", "junit-qa.smoke.xml"] {
        assert!(page.contains(&format!("href=\"{file}\"")) && dir.path().join(file).exists(), "{file}");
    }
    let summary: serde_json::Value = serde_json::from_str(&read(dir.path(), "summary.json")).unwrap();
    assert_eq!(summary["page"], "report.html");
    assert!(summary["runs"][0]["page"].is_null());
    again(vec![refresh(), smoke(None)], dir.path(), false).unwrap();
    let page = read(dir.path(), "report.html");
    assert!(page.contains("Not finished: qa is still under way."), "the smoke was killed");
}
