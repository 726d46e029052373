//! Whole runs through [`Reporters`]: what is on disk and what was printed.

use std::fs;
use std::io;
use std::sync::{Arc, Mutex};

use insta::assert_snapshot;

use super::*;
use crate::event::Simulation;
use crate::journal;
use crate::report::samples::{self, Stream, env, group, planned};

/// What was printed, shared with the test.
#[derive(Debug, Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn settings(dir: &Path) -> Settings {
    Settings {
        report_dir: dir.to_owned(),
        terminal: TerminalMode::Plain,
        detail: Detail::Steps,
        color: false,
        timezone: TimeZone::get("Europe/London").unwrap(),
        simulated: false,
    }
}

fn emit_all(reporters: &mut Reporters, events: impl IntoIterator<Item = Stamped>) {
    for event in events {
        reporters.emit(event);
    }
}

/// Runs the events through, and gives what was printed.
fn printed(settings: Settings, events: Vec<Stamped>) -> String {
    let printed = Printed::default();
    let dir = settings.report_dir.display().to_string();
    let mut reporters = Reporters::with_output(settings, Box::new(printed.clone())).unwrap();
    emit_all(&mut reporters, events);
    reporters.finish().unwrap();
    printed.text().replace(&dir, "reports")
}

fn plain(events: Vec<Stamped>) -> String {
    let dir = tempfile::tempdir().unwrap();
    printed(settings(dir.path()), events)
}

#[test]
fn plain_output_of_a_clean_environment() {
    assert_snapshot!(plain(samples::clean(None)));
}

#[test]
fn plain_output_of_a_failed_check_with_native_rollback() {
    assert_snapshot!(plain(samples::failed_check()));
}

#[test]
fn plain_output_of_a_refusal() {
    assert_snapshot!(plain(samples::refused()));
}

#[test]
fn plain_output_of_an_abort() {
    assert_snapshot!(plain(samples::aborted()));
}

#[test]
fn plain_output_of_a_rehearsal_is_a_line_per_group() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { detail: Detail::Groups, simulated: true, ..settings(dir.path()) };
    let simulation = Some(Simulation { scenario: "clean".into(), seed: 7 });
    assert_snapshot!(printed(settings, samples::clean(simulation)));
}

#[test]
fn the_summary_of_a_failed_check() {
    let dir = tempfile::tempdir().unwrap();
    printed(settings(dir.path()), samples::failed_check());
    assert_snapshot!(fs::read_to_string(dir.path().join("summary.json")).unwrap());
}

#[test]
fn no_colour_is_used_unless_asked_for_and_colour_changes_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let escapes = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    for events in [samples::clean(None), samples::failed_check(), samples::refused(), samples::aborted()] {
        let without = printed(settings(dir.path()), events.clone());
        let with = printed(Settings { color: true, ..settings(dir.path()) }, events);
        assert!(!without.contains('\u{1b}'));
        assert!(with.contains("\u{1b}["));
        let stripped = escapes.replace_all(&with, "").into_owned();
        let trimmed: Vec<&str> = stripped.lines().map(str::trim_end).collect();
        assert_eq!(trimmed, without.lines().collect::<Vec<_>>());
    }
}

#[test]
fn a_live_view_without_a_terminal_prints_the_same_lines() {
    let dir = tempfile::tempdir().unwrap();
    let live = Settings { terminal: TerminalMode::Live, ..settings(dir.path()) };
    assert_eq!(printed(live, samples::failed_check()), plain(samples::failed_check()));
}

#[test]
fn silent_prints_nothing_and_writes_everything() {
    let dir = tempfile::tempdir().unwrap();
    let silent = Settings { terminal: TerminalMode::Silent, ..settings(dir.path()) };
    assert_eq!(printed(silent, samples::failed_check()), "");
    for file in ["journal.jsonl", "summary.json", "junit-qa.xml", "junit-prod.xml"] {
        assert!(dir.path().join(file).is_file(), "{file}");
    }
}

#[test]
fn percentages_are_no_lines_but_a_sign_of_life_comes_after_a_silence() {
    let mut stream = Stream::new(&["qa"], None);
    let payments = group("qa", "payments-qa");
    stream.start("qa", vec![planned("qa", "payments-qa", crate::event::PlannedAction::Refresh)]);
    stream.refresh(&payments);
    for percent in 0..60 {
        stream.wait(29).moved(&payments, crate::model::RefreshStatus::InProgress, percent);
    }
    let text = plain(stream.events);
    let lines = text.lines().filter(|line| line.contains('…')).count();
    // 60 moves in half an hour: a sign after five minutes, and one a quarter of an hour after that.
    assert_eq!(lines, 2, "{text}");
}

#[test]
fn a_rehearsal_is_marked_in_every_report() {
    let dir = tempfile::tempdir().unwrap();
    let simulation = Some(Simulation { scenario: "app-down".into(), seed: 41 });
    let settings = Settings { simulated: true, ..settings(dir.path()) };
    let text = printed(settings, samples::clean(simulation));
    let mark = "SIMULATION: scenario app-down, seed 41.";
    assert!(text.starts_with(mark) && text.trim_end().lines().last().unwrap().starts_with(mark), "{text}");
    let xml = fs::read_to_string(dir.path().join("junit-qa.xml")).unwrap();
    assert_eq!(xml.matches(mark).count(), xml.matches("<testsuite ").count());
    let summary = fs::read_to_string(dir.path().join("summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["simulated"], true);
    assert_eq!(summary["simulation"]["seed"], 41);
}

#[test]
fn a_run_that_is_killed_leaves_the_files_of_environments_that_ended_and_none_of_an_earlier_run() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("junit-prod.xml"), "an earlier run's").unwrap();
    fs::write(dir.path().join("junit-other.xml"), "another step's").unwrap();
    let mut reporters = Reporters::with_output(settings(dir.path()), Box::new(Printed::default())).unwrap();
    let events = samples::failed_check();
    let ended = |event: &Stamped| matches!(event.event, Event::EnvironmentEnded { .. });
    let until = events.iter().position(ended).unwrap();
    emit_all(&mut reporters, events.into_iter().take(until + 1));
    drop(reporters);
    assert!(fs::read_to_string(dir.path().join("junit-qa.xml")).unwrap().contains("</testsuites>"));
    assert!(!dir.path().join("junit-prod.xml").exists());
    assert!(dir.path().join("junit-other.xml").exists());
    let summary = fs::read_to_string(dir.path().join("summary.json")).unwrap();
    assert!(summary.contains("\"verdict\": \"rolled_back\"") && summary.contains("\"exit\": null"));
}

#[test]
fn finish_may_be_called_at_any_time_and_again() {
    let dir = tempfile::tempdir().unwrap();
    let printed = Printed::default();
    let mut reporters = Reporters::with_output(settings(dir.path()), Box::new(printed.clone())).unwrap();
    assert_eq!(reporters.finish().unwrap().len(), 3);
    for event in samples::failed_check() {
        reporters.emit(event);
        reporters.finish().unwrap();
    }
    let files = reporters.finish().unwrap();
    assert_eq!(files.len(), 5);
    assert!(files.iter().all(|file| file.is_file()), "{files:?}");
    assert_eq!(printed.text().matches("reports: ").count(), 1);
    assert_eq!(journal::read(&files[0]).unwrap().events, samples::failed_check());
}

#[test]
fn a_report_directory_that_is_a_file_is_refused_with_the_next_step() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "").unwrap();
    let error = Reporters::with_output(settings(&path), Box::new(io::sink())).unwrap_err();
    assert!(error.problems[0].what.contains(&path.display().to_string()));
    assert!(!error.problems[0].why.is_empty());
    assert!(error.problems[0].next.contains("--report-dir"));
}

#[test]
fn a_file_that_cannot_be_written_is_told_and_the_others_are_written() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("junit-qa.xml/taken")).unwrap();
    let mut reporters = Reporters::with_output(settings(dir.path()), Box::new(io::sink())).unwrap();
    emit_all(&mut reporters, samples::failed_check());
    let error = reporters.finish().unwrap_err();
    assert_eq!(error.problems.len(), 1);
    assert!(error.problems[0].what.ends_with("junit-qa.xml"), "{error}");
    assert!(dir.path().join("junit-prod.xml").is_file());
}

#[test]
fn a_report_directory_that_goes_away_is_told_and_nothing_panics() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("gone");
    let mut reporters = Reporters::with_output(settings(&dir), Box::new(io::sink())).unwrap();
    let mut events = samples::failed_check().into_iter();
    reporters.emit(events.next().unwrap());
    fs::remove_dir_all(&dir).unwrap();
    emit_all(&mut reporters, events);
    let told: Vec<String> =
        reporters.finish().unwrap_err().problems.into_iter().map(|problem| problem.what).collect();
    assert_eq!(told.len(), 4, "{told:?}");
}

/// A pipe that nobody reads any more.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn an_output_that_is_closed_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut reporters = Reporters::with_output(settings(dir.path()), Box::new(Closed)).unwrap();
    emit_all(&mut reporters, samples::clean(None));
    assert_eq!(reporters.finish().unwrap().len(), 4);
}

#[test]
fn an_escape_sequence_in_an_event_never_reaches_the_terminal() {
    let mut stream = Stream::new(&["qa"], None);
    let text = "\u{1b}]0;owned\u{7}\u{1b}[2Jreal\u{9b}31m\r\nwords".to_owned();
    stream.push(Event::Note { environment: Some(env("qa")), text });
    let text = plain(stream.events);
    assert!(text.contains("note: real words\n"), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{9b}', '\r', '\u{7}']));
}

proptest::proptest! {
    #[test]
    fn whatever_the_texts_are_the_terminal_gets_lines_and_the_summary_is_json(text in hostile::any_text()) {
        let dir = tempfile::tempdir().unwrap();
        let events = hostile::hostile(&text);
        let text = printed(settings(dir.path()), events.clone());
        assert!(text.chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control()), "{text:?}");
        let summary = fs::read_to_string(dir.path().join("summary.json")).unwrap();
        let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
        assert_eq!(summary["exit"], 5);
        assert_eq!(journal::read(&dir.path().join("journal.jsonl")).unwrap().events, events);
    }
}

#[test]
fn a_journal_that_fails_is_told_at_once_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let printed = Printed::default();
    let mut reporters = Reporters::with_output(settings(dir.path()), Box::new(printed.clone())).unwrap();
    reporters.journal = Some(Journal::failing());
    emit_all(&mut reporters, samples::clean(None));
    assert_eq!(printed.text().matches("error: failed to write the report").count(), 1);
    let error = reporters.finish().unwrap_err();
    assert_eq!(error.problems.len(), 1, "{error}");
    assert!(dir.path().join("junit-qa.xml").is_file());
}

#[test]
fn what_was_not_delivered_is_told_at_the_end_and_in_the_summary() {
    let dir = tempfile::tempdir().unwrap();
    let mut events = samples::clean(None);
    let end = events.pop().unwrap();
    for what in ["start of qa", "12 events"] {
        let problem = Problem::new("the server answered 404 Not Found", "tried once", "look at its address");
        let event = Event::NotDelivered { sink: "slack #a\u{1b}[31m".into(), what: what.into(), problem };
        events.push(Stamped { at: end.at, event });
    }
    events.push(end);
    let text = printed(settings(dir.path()), events);
    assert!(
        text.contains(
            "not delivered to slack #a: 12 events: the server answered 404 Not Found: tried once\n"
        ),
        "{text}"
    );
    let line = "not everything was delivered to slack #a (the rollout is not affected)\n  \
                slack #a: next: look at its address\n";
    assert!(text.contains(line), "{text}");
    let summary = fs::read_to_string(dir.path().join(summary::FILE_NAME)).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["undelivered"].as_array().unwrap().len(), 2);
    assert_eq!(summary["undelivered"][0]["what"], "start of qa");
    assert_eq!(summary["undelivered"][0]["problem"]["next"], "look at its address");
    assert_eq!(summary["exit"], 0);
}

#[test]
fn test_cases_are_written_where_attachments_can_not_be() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = Run::default();
    let mut events = samples::failed_check();
    for stamped in &mut events {
        if let Event::CheckEnded { result, .. } = &mut stamped.event {
            result.probes.iter_mut().for_each(|probe| probe.output = "x".repeat(5000));
        }
    }
    for event in &events {
        run.apply(event);
    }
    // A file where the directory should be.
    fs::write(dir.path().join(attachments::DIR), "").unwrap();
    let qa = run.environment(&env("qa")).unwrap();
    let problem = write_environment(&run, qa, dir.path(), false).unwrap_err();
    assert!(problem.what.contains("attachments"), "{problem:?}");
    assert!(dir.path().join("junit-qa.xml").exists());
}
