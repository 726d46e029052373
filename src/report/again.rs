//! Makes reports again from the events that journals hold, of one run or of several together.
//!
//! [`again()`] writes the files. Those of a single run are made by what made them the first time,
//! and are the same to the byte. Several runs become one set, in order of time: where two of them
//! write the same file, the later one has it, and the earlier one's goes to [`EARLIER`]. Never
//! reads a journal, never prints.

mod merge;
mod steps;
mod text;

pub(super) use steps::rollouts;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::collect::Run;
use super::record::EnvironmentRecord;
use super::{
    Detail, ReportError, Reporters, Settings, TerminalMode, attachments, html, junit, summary, write_problem,
};
use crate::event::{Event, Stamped};
use crate::model::{EnvironmentName, Problem};

/// Where files go that a later run in the same set has replaced.
pub(crate) const EARLIER: &str = "earlier-runs";
/// The page of a set, whichever steps its runs were.
pub(super) const PAGE: &str = "report.html";

/// A run as its journal tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// The journal, as it was named.
    pub source: PathBuf,
    /// Its events, in order; at least one.
    pub events: Vec<Stamped>,
    /// Whether the journal was cut off in the middle of a line.
    pub cut_off: bool,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The files.
    pub written: Vec<PathBuf>,
    /// What people are told of it, ended by a newline.
    pub text: String,
}

/// A past run, folded.
#[derive(Debug, Clone)]
pub(super) struct Folded {
    /// Its place in the order of time, from 1.
    pub(super) number: usize,
    /// The journal, as it was named.
    pub(super) source: PathBuf,
    /// Whether the journal was cut off in the middle of a line.
    pub(super) cut_off: bool,
    /// The events of a single step, which may go on what an earlier step began; of others none are kept.
    events: Vec<Stamped>,
    pub(super) run: Run,
    pub(super) simulated: bool,
    pub(super) zone: TimeZone,
}

/// Makes the reports of these runs in a directory, which is made when it is absent.
///
/// # Errors
/// Every file that could not be written; the others are.
pub fn again(runs: Vec<Past>, report_dir: &Path, color: bool) -> Result<Made, ReportError> {
    fs::create_dir_all(report_dir).map_err(|error| one(report_dir, &error.to_string()))?;
    let (folded, written) = match <[Past; 1]>::try_from(runs) {
        Ok([only]) => as_it_was(only, report_dir)?,
        Err(several) => {
            let folded = fold(several);
            let written = as_one_set(&folded, report_dir)?;
            (folded, written)
        }
    };
    Ok(Made { text: text::of(&folded, &written, report_dir, color), written })
}

/// The runs in order of time.
pub(super) fn fold(mut pasts: Vec<Past>) -> Vec<Folded> {
    let began = |past: &Past| past.events.first().map(|event| event.at);
    pasts.sort_by(|one, other| (began(one), &one.source).cmp(&(began(other), &other.source)));
    let numbered = pasts.into_iter().enumerate();
    numbered
        .map(|(at, past)| {
            let mut run = Run::default();
            past.events.iter().for_each(|event| run.apply(event));
            let (simulated, zone) = where_and_when(&past.events);
            // Others are told by what became of them alone.
            let events = if steps::is_step(&run) { past.events } else { Vec::new() };
            let Past { source, cut_off, .. } = past;
            Folded { number: at + 1, source, cut_off, events, run, simulated, zone }
        })
        .collect()
}

/// Whether it was simulated, and the zone of its times.
fn where_and_when(events: &[Stamped]) -> (bool, TimeZone) {
    let started = events.iter().find_map(|stamped| match &stamped.event {
        Event::RunStarted { simulated, simulation, timezone, .. } => {
            Some((*simulated || simulation.is_some(), timezone.as_deref()))
        }
        _ => None,
    });
    let (simulated, zone) = started.unwrap_or((false, None));
    let zone = zone.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    (simulated, zone)
}

/// The reports of a single run. Its events are given up one by one: they may be large.
fn as_it_was(only: Past, report_dir: &Path) -> Result<(Vec<Folded>, Vec<PathBuf>), ReportError> {
    forget_earlier(report_dir)?;
    let Past { source, events, cut_off } = only;
    let (simulated, zone) = where_and_when(&events);
    let settings = Settings {
        report_dir: report_dir.to_owned(),
        terminal: TerminalMode::Silent,
        detail: Detail::Groups,
        color: false,
        timezone: zone.clone(),
        simulated,
    };
    let mut reporters = Reporters::again(settings, source.clone());
    for event in events {
        reporters.emit(event);
    }
    let written = reporters.finish()?;
    let run = reporters.run;
    Ok((vec![Folded { number: 1, source, cut_off, events: Vec::new(), run, simulated, zone }], written))
}

/// What a set that was made there before left of its earlier runs is none of this one's.
fn forget_earlier(report_dir: &Path) -> Result<(), ReportError> {
    let earlier = report_dir.join(EARLIER);
    match fs::remove_dir_all(&earlier) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(one(&earlier, &error.to_string())),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn as_one_set(several: &[Folded], report_dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    forget_earlier(report_dir)?;
    let (mut written, mut problems) = (Vec::new(), Vec::new());
    let mut note = |result: Result<PathBuf, Problem>| match result {
        Ok(path) => written.push(path),
        Err(problem) => problems.push(problem),
    };
    let bytes = summary::of_several(several).map_err(|error| error.to_string());
    note(super::write_file(report_dir.join(summary::FILE_NAME), bytes));
    for folded in several {
        for record in &folded.run.environments {
            note(environment_of(folded, record, several, report_dir));
        }
    }
    note(page_of(several, report_dir));
    if problems.is_empty() { Ok(written) } else { Err(ReportError { problems }) }
}

/// Writes the page of all runs and its stylesheet; the page's path.
fn page_of(several: &[Folded], report_dir: &Path) -> Result<PathBuf, Problem> {
    let rollouts = rollouts(several);
    let runs: Vec<&Run> = rollouts.iter().map(|folded| &folded.run).collect();
    let zone = several.last().map_or(TimeZone::UTC, |folded| folded.zone.clone());
    let names = |folded: &Folded| -> Vec<String> {
        let environments = folded.run.environments.iter();
        environments.map(|one| junit::file_name(&folded.run.command, &one.name)).collect()
    };
    let mut cases: Vec<String> = several.iter().flat_map(names).collect();
    cases.sort();
    cases.dedup();
    let simulated = several.iter().any(|folded| folded.simulated);
    let look = html::Look {
        timezone: zone,
        simulated,
        is_mixed: simulated && several.iter().any(|folded| !folded.simulated),
        of_set: Some(cases),
        journal: None,
        has_attachments: report_dir.join(attachments::DIR).is_dir(),
    };
    for (file, bytes) in html::write(PAGE, &runs, &look) {
        super::write_file(report_dir.join(file), Ok(bytes))?;
    }
    Ok(report_dir.join(PAGE))
}

/// Writes an environment's test cases where they belong.
fn environment_of(
    folded: &Folded,
    record: &EnvironmentRecord,
    several: &[Folded],
    report_dir: &Path,
) -> Result<PathBuf, Problem> {
    let name = &record.name;
    let later = later(folded, name, several);
    let dir = match later {
        None => report_dir.to_owned(),
        Some(_) => report_dir.join(EARLIER).join(format!("run-{}", folded.number)),
    };
    fs::create_dir_all(&dir)
        .map_err(|error| write_problem(&dir.display().to_string(), &error.to_string()))?;
    let Some(later) = later else {
        return super::write_environment(&folded.run, record, &dir, folded.simulated);
    };
    let mut record = record.clone();
    record.notes.push(if later.number > folded.number {
        format!("{} of {name} came after this one", title(later))
    } else {
        format!("{name} was not reached, {} was the last that did", title(later))
    });
    super::write_environment(&folded.run, &record, &dir, folded.simulated)
}

/// The other run that has this environment's file: the last that reached it.
pub(super) fn later<'a>(
    folded: &Folded,
    name: &EnvironmentName,
    several: &'a [Folded],
) -> Option<&'a Folded> {
    let file = junit::file_name(&folded.run.command, name);
    let same_file = several.iter().filter(|other| {
        other.run.environment(name).is_some() && junit::file_name(&other.run.command, name) == file
    });
    let last = same_file.max_by_key(|other| (reached(other, name), other.number))?;
    (last.number != folded.number).then_some(last)
}

pub(super) fn reached(folded: &Folded, name: &EnvironmentName) -> bool {
    folded.run.environment(name).is_some_and(|record| record.started.is_some())
}

/// `run 2 (rollout, begun 2026-11-22T19:00:00Z)`.
pub(super) fn title(folded: &Folded) -> String {
    let began = folded
        .run
        .started
        .map_or_else(String::new, |at: Timestamp| format!(", begun {}", at.strftime("%Y-%m-%dT%H:%M:%SZ")));
    format!("run {} ({}{began})", folded.number, command(&folded.run))
}

/// The step that it was, in a word.
pub(super) fn command(run: &Run) -> &str {
    if run.command.is_empty() { "its beginning is lost" } else { &run.command }
}

fn one(path: &Path, why: &str) -> ReportError {
    ReportError { problems: vec![write_problem(&path.display().to_string(), why)] }
}

#[cfg(test)]
mod tests;
