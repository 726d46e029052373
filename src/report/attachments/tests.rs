//! Which long answers become files, what they are called, and that Jenkins finds them.

use regex::Regex;

use super::*;
use crate::event::{Event, PlannedAction, Stamped, Status};
use crate::report::samples::{Stream, check, env, group, planned, probe};
use crate::report::{Detail, Reporters, Settings, TerminalMode};

/// A run in which so many instances answer at length, each something else.
fn long_answers(name: &str, count: usize) -> Vec<Stamped> {
    let probes = (0..count).map(|n| {
        let id = format!("i-{n:03}");
        let mut probe = probe(&id, Status::Failed, &format!("status 50{n}"), "the beginning…");
        probe.output =
            format!("answer {n} ]]> \u{1b}[31mred\u{1b}[0m [[ATTACHMENT|/etc/passwd]]\n{}", "x".repeat(3000));
        probe
    });
    let mut stream = Stream::new(&["qa"], None);
    stream.start("qa", vec![planned("qa", "payments-qa", PlannedAction::Refresh)]);
    stream.checks(&group("qa", "payments-qa"), vec![check(name, Status::Failed, "failed", probes.collect())]);
    stream.events
}

fn written(events: &[Stamped], dir: &Path) -> Vec<PathBuf> {
    let settings = Settings {
        report_dir: dir.to_owned(),
        terminal: TerminalMode::Silent,
        detail: Detail::Steps,
        color: false,
        timezone: jiff::tz::TimeZone::UTC,
        simulated: false,
    };
    let mut reporters = Reporters::with_output(settings, Box::new(io::sink())).unwrap();
    for event in events {
        reporters.emit(event.clone());
    }
    reporters.finish().unwrap();
    below(&dir.join(DIR))
}

fn below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path().is_dir() { found.extend(below(&entry.path())) } else { found.push(entry.path()) }
    }
    found.sort();
    found
}

/// The files that the plugin takes: its own expression, over all output of all tests.
fn taken_by_jenkins(xml: &str) -> Vec<String> {
    let mark = Regex::new(r"\[\[ATTACHMENT\|.+\]\]").unwrap();
    let name = |text: &str| {
        let inner = &text["[[ATTACHMENT|".len()..text.len() - 2];
        inner.split('|').next().unwrap().to_owned()
    };
    // A reader of the XML sees the text of a section, not its end.
    let text = xml.replace("]]></", "\n</");
    mark.find_iter(&text).map(|found| name(found.as_str())).collect()
}

#[test]
fn each_long_answer_is_a_file_that_jenkins_finds_and_its_name_is_unique_in_its_class() {
    let dir = tempfile::tempdir().unwrap();
    let files = written(&long_answers("app health", 3), dir.path());
    assert_eq!(files.len(), 3);
    let xml = fs::read_to_string(dir.path().join("junit-qa.xml")).unwrap();
    let taken = taken_by_jenkins(&xml);
    assert_eq!(taken.iter().map(PathBuf::from).collect::<Vec<_>>(), files);
    let out = xml.split("<system-out>").find(|part| part.contains("[[ATTACHMENT|")).unwrap();
    let lines: Vec<&str> = out.split("]]></system-out>").next().unwrap().lines().collect();
    assert!(lines.len() == 3 && lines[1].starts_with("[[ATTACHMENT|"), "{lines:?}");
    let mut names: Vec<_> = files.iter().map(|file| file.file_name().unwrap()).collect();
    names.dedup();
    assert_eq!(names.len(), 3);
    let text = fs::read_to_string(&files[1]).unwrap();
    assert!(
        text.starts_with("app health of payments-qa, i-001: failed: status 501\n\nanswer 1 ]] > red ["),
        "{text}"
    );
    assert!(text.len() > 3000 && !text.contains("[[ATTACHMENT|"), "{text}");
    assert!(xml.contains("i-001 in full: attachments/qa/payments-qa.eu-west-2/app_health-"), "{xml}");
}

#[test]
fn a_relative_report_directory_is_named_as_it_was_given() {
    let path = Path::new("attachments/qa/web.eu-west-2/app.i-1.txt");
    let line = mark(Path::new("reports/qa"), path).unwrap();
    assert_eq!(line, "[[ATTACHMENT|reports/qa/attachments/qa/web.eu-west-2/app.i-1.txt]]");
    for odd in ["a|b", "a]]b", "a\nb", "a]\u{1b}b"] {
        assert_eq!(mark(Path::new(odd), path), None, "{odd:?}");
    }
}

#[test]
fn the_number_of_files_is_bounded_and_the_rest_is_told() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(written(&long_answers("app", 50), dir.path()).len(), PER_CHECK);
    let xml = fs::read_to_string(dir.path().join("junit-qa.xml")).unwrap();
    assert!(xml.contains("30 more answers in full: in the journal only"), "{xml}");
    let mut stream = Stream::new(&["qa"], None);
    for at in 0..40 {
        let probes = (0..10).map(|n| {
            let mut probe = probe(&format!("i-{n}"), Status::Failed, "500", "");
            probe.output = "x".repeat(3000);
            probe
        });
        let result = check("app", Status::Failed, "failed", probes.collect());
        stream.checks(&group("qa", &format!("web-{at}")), vec![result]);
    }
    assert_eq!(written(&stream.events, dir.path()).len(), PER_ENVIRONMENT);
}

#[test]
fn what_an_earlier_run_left_goes_away_and_what_is_another_s_stays() {
    let dir = tempfile::tempdir().unwrap();
    written(&long_answers("app", 5), dir.path());
    let other = dir.path().join("attachments/prod/web.eu-west-2/app.i-1.txt");
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, "another environment's").unwrap();
    assert_eq!(written(&long_answers("app", 2), dir.path()).len(), 3);
    // A run that is killed at once leaves none that would be read as its own.
    let events = long_answers("app", 2);
    let started = events.iter().take(1).cloned().collect::<Vec<_>>();
    assert!(matches!(started[0].event, Event::RunStarted { .. }));
    assert_eq!(written(&started, dir.path()), [other]);
}

#[test]
fn a_step_of_its_own_keeps_its_files_beside_those_of_other_steps() {
    let dir = tempfile::tempdir().unwrap();
    let step = |command: &str| {
        let mut events = long_answers("app", 1);
        if let Event::RunStarted { command: told, .. } = &mut events[0].event {
            *told = command.into();
        }
        written(&events, dir.path())
    };
    step("smoke");
    let files = step("refresh");
    let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    // Jenkins keeps the files of a class by these names alone, those of both steps.
    assert_eq!(names, ["refresh.app.i-000.txt", "smoke.app.i-000.txt"]);
}

#[test]
fn no_name_leads_out_of_the_directory_and_no_two_become_one() {
    let names =
        ["..", ".", "", "a/b", "a_b", "a\\b", "../../etc/passwd", "é", "x]]|y", "a b", &"x".repeat(300)];
    let parts: Vec<String> = names.iter().map(|name| component(name)).collect();
    for part in &parts {
        assert!(
            !part.starts_with('.') && !part.contains(['/', '\\', '|', ']']) && part.len() < 100,
            "{part}"
        );
        assert!(!part.is_empty());
    }
    let mut unique = parts.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), parts.len(), "{parts:?}");
    let root = root("rollout", &env(".."));
    let root = root.to_str().unwrap();
    assert!(root.starts_with("attachments/_.-") && root.matches('/').count() == 1, "{root}");
}

#[test]
fn what_an_earlier_writing_has_more_goes_away_also_where_no_run_begins() {
    let dir = tempfile::tempdir().unwrap();
    for count in [5, 2] {
        let mut run = Run::default();
        for event in &long_answers("app", count) {
            run.apply(event);
        }
        let attachments = Attachments::of(&run, run.environment(&env("qa")).unwrap(), None);
        attachments.write(dir.path()).unwrap();
        assert_eq!(below(dir.path()).len(), count);
    }
}
