//! What people are told of reports that were made again: the runs, their environments, the files.

use std::path::{Path, PathBuf};

use super::super::collect::{Counts, Run};
use super::super::evidence::simulation_mark;
use super::super::record::EnvironmentRecord;
use super::super::style::{Style, add_line, count, duration};
use super::super::table::{Cell, Lean, Table};
use super::super::{clean, moment, relative};
use super::{Folded, command, merge};
use crate::model::{Exit, Verdict};

/// More files than this are counted, not listed.
const LISTED: usize = 8;

/// The whole text, ended by a newline.
pub(super) fn of(runs: &[Folded], written: &[PathBuf], report_dir: &Path, color: bool) -> String {
    let mut text = String::new();
    add_line(&mut text, &format!("{}, in order of time", count(runs.len(), "run")));
    add_line(&mut text, &table_of_runs(runs).render(color));
    let all = merge::merged(runs);
    if !all.environments.is_empty() {
        add_line(&mut text, &table_of_environments(&all).render(color));
    }
    for folded in runs.iter().filter(|folded| folded.simulated) {
        let mark = simulation_mark(&folded.run, true).unwrap_or_default();
        let line = clean::line(&format!("run {}: {mark}", folded.number));
        add_line(&mut text, &Style::Odd.paint(&line, color));
    }
    add_line(&mut text, &files(written, report_dir));
    text
}

fn table_of_runs(runs: &[Folded]) -> Table {
    let mut table = Table::new(&[
        ("run", Lean::Right),
        ("step", Lean::Left),
        ("family", Lean::Left),
        ("build", Lean::Left),
        ("began", Lean::Left),
        ("end", Lean::Left),
        ("journal", Lean::Left),
    ]);
    for folded in runs {
        let run = &folded.run;
        let cell = |text: &str| Cell::new(clean::line(text));
        table.row(vec![
            Cell::new(folded.number.to_string()),
            cell(command(run)),
            cell(&run.family),
            cell(run.build.number.as_deref().unwrap_or("-")),
            Cell::new(run.started.map_or_else(String::new, |at| moment(at, &folded.zone))),
            end(folded),
            cell(&folded.past.source.display().to_string()),
        ]);
    }
    table
}

/// How the run ended, or that it did not as far as its journal goes.
fn end(folded: &Folded) -> Cell {
    let (Some((exit, _)), false) = (&folded.run.ended, folded.past.cut_off) else {
        let cut_off = if folded.past.cut_off { ": the journal is cut off" } else { "" };
        let words = format!("not finished{cut_off}");
        return Cell::styled(words, Style::Odd);
    };
    let (words, style) = match exit {
        Exit::Done => ("done", Style::Good),
        Exit::Unexpected => ("unexpected", Style::Bad),
        Exit::Usage => ("usage", Style::Bad),
        Exit::Refused => ("refused", Style::Odd),
        Exit::RolledBack => ("rolled back", Style::Bad),
        Exit::NeedsPerson => ("needs a person", Style::Bad),
        Exit::Aborted => ("aborted", Style::Odd),
    };
    Cell::styled(format!("{words} (exit {})", exit.code()), style)
}

fn table_of_environments(run: &Run) -> Table {
    let mut table = Table::new(&[
        ("environment", Lean::Left),
        ("verdict", Lean::Left),
        ("refreshed", Lean::Right),
        ("skipped", Lean::Right),
        ("failed", Lean::Right),
        ("duration", Lean::Right),
    ]);
    for environment in &run.environments {
        table.row(row(environment));
    }
    table
}

fn row(environment: &EnvironmentRecord) -> Vec<Cell> {
    let name = Cell::new(clean::line(environment.name.as_str()));
    let verdict = verdict(environment);
    if environment.started.is_none() || environment.verdict == Some(Verdict::NotReached) {
        return vec![name, verdict];
    }
    let counts = Counts::of(environment);
    let took = if environment.ended.is_some() { duration(environment.took_ms) } else { String::new() };
    let number = |number: usize| Cell::new(number.to_string());
    vec![
        name,
        verdict,
        number(counts.refreshed),
        number(counts.skipped),
        number(counts.failed()),
        Cell::new(took),
    ]
}

fn verdict(environment: &EnvironmentRecord) -> Cell {
    match (environment.verdict, environment.started) {
        (Some(verdict), _) => Cell::styled(verdict.as_str(), Style::of(verdict)),
        (None, Some(_)) => Cell::styled("not finished", Style::Odd),
        (None, None) => Cell::styled(Verdict::NotReached.as_str(), Style::Dim),
    }
}

fn files(written: &[PathBuf], report_dir: &Path) -> String {
    let names: Vec<String> =
        written.iter().map(|path| clean::line(&relative(path, report_dir).display().to_string())).collect();
    let more = names.len().saturating_sub(LISTED);
    let more = if more == 0 { String::new() } else { format!(" and {}", count(more, "more file")) };
    let shown = names.into_iter().take(LISTED).collect::<Vec<_>>().join(", ");
    format!("reports: {shown}{more} in {}", clean::line(&report_dir.display().to_string()))
}
