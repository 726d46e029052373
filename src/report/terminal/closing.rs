//! The end of a run's output: the table of environments, the way on, where the reports are.

use std::path::PathBuf;

use super::super::collect::Run;
use super::super::style::{Style, add_line};
use super::super::{clean, environments, evidence};
use super::plain::Plain;
use crate::model::Exit;

/// More JUnit files than this are counted, not listed.
const LISTED: usize = 3;

/// The whole text.
pub(super) fn text(plain: &Plain, run: &Run, written: &[PathBuf]) -> String {
    let mut text = String::from("\n");
    if !run.environments.is_empty() {
        let rows = run.environments.iter().map(|one| (run, one, one.name.to_string()));
        let table = environments::table(rows, Some(&|at| plain.clock(at)));
        add_line(&mut text, &table.render_within(plain.color, plain.columns.unwrap_or(usize::MAX)));
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
