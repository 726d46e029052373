//! The table of environments that ends what people are told: of a run, and of several.
//!
//! [`table`] has a row for each environment with its verdict, its groups and how long it took.

use jiff::Timestamp;

use super::clean;
use super::collect::{Counts, Run};
use super::record::EnvironmentRecord;
use super::style::{Style, duration};
use super::table::{Cell, Lean, Table};
use crate::model::Verdict;

/// The table of these environments, each of a run and under the name that it is shown by; with a
/// column of when they ended where `clock` says times.
pub(super) fn table<'a>(
    rows: impl IntoIterator<Item = (&'a Run, &'a EnvironmentRecord, String)>,
    clock: Option<&dyn Fn(Timestamp) -> String>,
) -> Table {
    let mut columns = vec![
        ("environment", Lean::Left),
        ("verdict", Lean::Left),
        ("refreshed", Lean::Right),
        ("skipped", Lean::Right),
        ("failed", Lean::Right),
        ("duration", Lean::Right),
    ];
    columns.extend(clock.map(|_| ("ended", Lean::Left)));
    let mut table = Table::new(&columns);
    for (run, environment, name) in rows {
        table.row(row(run, environment, &name, clock));
    }
    table
}

fn row(
    run: &Run,
    environment: &EnvironmentRecord,
    name: &str,
    clock: Option<&dyn Fn(Timestamp) -> String>,
) -> Vec<Cell> {
    let (name, verdict) = (Cell::new(clean::line(name)), verdict(environment));
    if environment.started.is_none() || environment.verdict == Some(Verdict::NotReached) {
        return vec![name, verdict];
    }
    let counts = Counts::of(environment);
    // A rollback that was asked for is no failure.
    let failed = if run.command == "rollback" { counts.needs_person } else { counts.failed() };
    let number = |number: usize| Cell::new(number.to_string());
    let took = environment.ended.map(|_| duration(environment.took_ms));
    let ended = clock.map(|clock| Cell::new(environment.ended.map_or(String::new(), clock)));
    [
        name,
        verdict,
        number(counts.refreshed),
        number(counts.skipped),
        if failed == 0 { number(0) } else { Cell::styled(failed.to_string(), Style::Bad) },
        Cell::new(took.unwrap_or_default()),
    ]
    .into_iter()
    .chain(ended)
    .collect()
}

fn verdict(environment: &EnvironmentRecord) -> Cell {
    match (environment.verdict, environment.started) {
        (Some(verdict), _) => Cell::styled(verdict.as_str(), Style::of(verdict)),
        (None, Some(_)) => Cell::styled("not finished", Style::Odd),
        (None, None) => Cell::styled(Verdict::NotReached.as_str(), Style::Dim),
    }
}
