//! The end of a run's output: the table of environments, the way on, where the reports are.

use std::path::PathBuf;

use super::super::collect::{Counts, Run};
use super::super::record::EnvironmentRecord;
use super::super::style::{Style, add_line, duration};
use super::super::table::{Cell, Lean, Table};
use super::super::{clean, evidence};
use super::plain::Plain;
use crate::model::{Exit, Verdict};

/// More JUnit files than this are counted, not listed.
const LISTED: usize = 3;

/// The whole text.
pub(super) fn text(plain: &Plain, run: &Run, written: &[PathBuf]) -> String {
    let mut text = String::from("\n");
    if !run.environments.is_empty() {
        add_line(&mut text, &table(plain, run).render(plain.color));
    }
    text.push_str(&ending(plain, run));
    let mut label = "next:   ";
    for next in run.environments.iter().flat_map(|environment| &environment.next) {
        add_line(&mut text, &format!("{label} {}", clean::line(next)));
        label = "        ";
    }
    for line in undelivered(run) {
        add_line(&mut text, &Style::Odd.paint(&line, plain.color));
    }
    add_line(&mut text, &format!("reports: {}", reports(plain, written)));
    if let Some(mark) = evidence::simulation_mark(run, plain.simulated) {
        add_line(&mut text, &Style::Odd.paint(&clean::line(&mark), plain.color));
    }
    text
}

fn table(plain: &Plain, run: &Run) -> Table {
    let mut table = Table::new(&[
        ("environment", Lean::Left),
        ("verdict", Lean::Left),
        ("refreshed", Lean::Right),
        ("skipped", Lean::Right),
        ("failed", Lean::Right),
        ("duration", Lean::Right),
        ("ended", Lean::Left),
    ]);
    for environment in &run.environments {
        table.row(row(plain, run, environment));
    }
    table
}

fn row(plain: &Plain, run: &Run, environment: &EnvironmentRecord) -> Vec<Cell> {
    let name = Cell::new(clean::line(environment.name.as_str()));
    let verdict = match (environment.verdict, environment.started) {
        (Some(verdict), _) => Cell::styled(verdict.as_str(), Style::of(verdict)),
        (None, Some(_)) => Cell::styled("not finished", Style::Odd),
        (None, None) => Cell::styled(Verdict::NotReached.as_str(), Style::Dim),
    };
    if environment.started.is_none() || environment.verdict == Some(Verdict::NotReached) {
        return vec![name, verdict];
    }
    let counts = Counts::of(environment);
    let number = |number: usize| Cell::new(number.to_string());
    vec![
        name,
        verdict,
        number(counts.refreshed),
        number(counts.skipped),
        match if run.command == "rollback" { counts.needs_person } else { counts.failed() } {
            0 => Cell::new("0"),
            failed => Cell::styled(failed.to_string(), Style::Bad),
        },
        Cell::new(if environment.ended.is_some() { duration(environment.took_ms) } else { String::new() }),
        Cell::new(environment.ended.map_or(String::new(), |at| plain.clock(at))),
    ]
}

fn ending(plain: &Plain, run: &Run) -> String {
    let Some((exit, message)) = &run.ended else {
        let words = "stopped: the run was ended before it was done; run it again to go on";
        return format!("{}\n", Style::Odd.paint(words, plain.color));
    };
    let (word, style) = match exit {
        Exit::Done => ("done", Style::Good),
        Exit::Unexpected => ("unexpected", Style::Bad),
        Exit::Usage => ("usage", Style::Bad),
        Exit::Refused => ("refused", Style::Odd),
        Exit::RolledBack => ("rolled back", Style::Bad),
        Exit::NeedsPerson => ("needs a person", Style::Bad),
        Exit::Aborted => ("aborted", Style::Odd),
    };
    let message = clean::line(message);
    let told = match message.strip_prefix(word) {
        Some(rest) => format!("{}{rest}", style.paint(word, plain.color)),
        None => format!("{}: {message}", style.paint(word, plain.color)),
    };
    format!("{told} (exit {})\n", exit.code())
}

/// Who was not told everything, that it changed nothing, and what to do about each cause.
fn undelivered(run: &Run) -> Vec<String> {
    let mut sinks: Vec<&str> = Vec::new();
    let mut causes: Vec<(&str, &str)> = Vec::new();
    for (sink, _, problem) in &run.undelivered {
        if !sinks.contains(&sink.as_str()) {
            sinks.push(sink);
        }
        let known = causes.iter().any(|(_, next)| *next == problem.next);
        if !known && !problem.next.is_empty() {
            causes.push((sink, &problem.next));
        }
    }
    if sinks.is_empty() {
        return Vec::new();
    }
    let head = format!("not everything was delivered to {} (the rollout is not affected)", sinks.join(", "));
    let lines =
        causes.iter().map(|(sink, next)| format!("  {}", clean::line(&format!("{sink}: next: {next}"))));
    std::iter::once(clean::line(&head)).chain(lines).collect()
}

/// `reports/journal.jsonl, summary.json, junit-qa.xml`, the directory said once.
fn reports(plain: &Plain, written: &[PathBuf]) -> String {
    let names: Vec<String> = written.iter().map(|path| plain.shown_path(path)).collect();
    let (junit, mut others): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| name.starts_with("junit-"));
    if junit.len() > LISTED {
        others.push(format!("junit-<environment>.xml ({} files)", junit.len()));
    } else {
        others.extend(junit);
    }
    let dir = clean::line(&plain.report_dir.display().to_string());
    format!("{} in {dir}", others.join(", "))
}
