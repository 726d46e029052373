//! What people are told of reports that were made again: the runs, their environments, the files.

use std::path::{Path, PathBuf};

use super::super::evidence::simulation_mark;
use super::super::style::{Style, add_line, count};
use super::super::table::{Cell, Lean, Table};
use super::super::{clean, environments, moment, relative};
use super::{Folded, command, merge};
use crate::model::Exit;

/// More files than this are counted, not listed.
const LISTED: usize = 8;

/// The whole text, ended by a newline.
pub(super) fn of(runs: &[Folded], written: &[PathBuf], report_dir: &Path, color: bool) -> String {
    let mut text = String::new();
    add_line(&mut text, &format!("{}, in order of time", count(runs.len(), "run")));
    add_line(&mut text, &table_of_runs(runs).render(color));
    let all = merge::labelled(runs);
    if !all.is_empty() {
        let rows = all.into_iter().map(|(folded, record, label)| (&folded.run, record, label));
        add_line(&mut text, &environments::table(rows, None).render(color));
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
            cell(&folded.source.display().to_string()),
        ]);
    }
    table
}

/// How the run ended, or that it did not as far as its journal goes.
fn end(folded: &Folded) -> Cell {
    let (Some((exit, _)), false) = (&folded.run.ended, folded.cut_off) else {
        let cut_off = if folded.cut_off { ": the journal is cut off" } else { "" };
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

fn files(written: &[PathBuf], report_dir: &Path) -> String {
    let names: Vec<String> =
        written.iter().map(|path| clean::line(&relative(path, report_dir).display().to_string())).collect();
    let more = names.len().saturating_sub(LISTED);
    let more = if more == 0 { String::new() } else { format!(" and {}", count(more, "more file")) };
    let shown = names.into_iter().take(LISTED).collect::<Vec<_>>().join(", ");
    format!("reports: {shown}{more} in {}", clean::line(&report_dir.display().to_string()))
}
