//! `report`: makes reports again from journals, and shows two rollouts side by side.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Failure, Output};
use crate::cli::{Format, Global};
use crate::journal::{self, Salvage, Unread};
use crate::model::{Exit, Problem};
use crate::report::{self, Past};

/// How deep below a directory journals are looked for.
const DEEPEST: usize = 8;
/// The most damaged lines that are told one by one.
const TOLD: usize = 5;

/// Make every report again from journals, or compare two rollouts
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Several journals become one set of reports, in order of time. A journal that was cut off is
reported as far as it goes. Needs no configuration and no AWS.

Examples:
  ami-refresh report reports/journal.jsonl
  ami-refresh report build-811/reports build-812/reports --report-dir both
  ami-refresh report --compare build-811/reports build-812/reports")]
pub struct Args {
    /// Journals, and directories with journals in or below them
    #[arg(required = true, value_name = "JOURNAL|DIR")]
    journals: Vec<PathBuf>,

    /// Show two rollouts, a journal or directory each, side by side; writes nothing
    #[arg(long)]
    compare: bool,

    /// How a comparison is printed
    #[arg(long, value_name = "FORMAT", default_value = "text", requires = "compare")]
    format: Format,

    /// Leave out lines that can't be read, where a journal is damaged in its middle
    #[arg(long)]
    skip_damaged: bool,
}

pub(super) fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let output = Output::new(global);
    if args.compare {
        return compare(args, output);
    }
    let runs = read_all(&args.journals, args.skip_damaged, output)?;
    let made = report::again(runs, &global.report_dir, output.color())?;
    output.text(&made.text)?;
    Ok(Exit::Done)
}

fn compare(args: &Args, output: Output) -> Result<Exit, Failure> {
    let [a, b] = args.journals.as_slice() else {
        return Err(Failure::usage(
            format!("--compare takes two rollouts, and was given {}", args.journals.len()),
            "",
            "name two journals, or two directories with the journals of a rollout each",
        ));
    };
    let side = |path: &PathBuf| read_all(std::slice::from_ref(path), args.skip_damaged, output);
    let comparison = report::compare(side(a)?, side(b)?);
    match args.format {
        Format::Json => output.json(&comparison)?,
        Format::Text => output.text(&comparison.text(output.color()))?,
    }
    Ok(Exit::Done)
}

/// The runs of all journals; what could not be read, but stops nothing, is told beside.
fn read_all(paths: &[PathBuf], skip_damaged: bool, output: Output) -> Result<Vec<Past>, Failure> {
    let mut problems = Vec::new();
    let mut runs: Vec<Past> = Vec::new();
    for path in found(paths)? {
        match journal::salvage(&path) {
            Err(error) => problems.push(unreadable(&path, &error)),
            Ok(salvage) => {
                for note in notes(&path, &salvage, skip_damaged) {
                    output.note(&note);
                }
                if !skip_damaged {
                    problems.extend(damaged(&path, &salvage.damaged));
                }
                take(&path, salvage, &mut runs, &mut problems, output);
            }
        }
    }
    if problems.is_empty() { Ok(runs) } else { Err(Failure::Told(Exit::Usage, problems)) }
}

/// Takes the runs of a journal, each once: archives hold copies.
fn take(path: &Path, salvage: Salvage, runs: &mut Vec<Past>, problems: &mut Vec<Problem>, output: Output) {
    if salvage.runs.is_empty() && salvage.damaged.is_empty() {
        problems.push(Problem::new(
            format!("the journal {} holds no run", path.display()),
            "it has no event that can be read",
            "name a journal.jsonl that a step of ami-refresh wrote, or leave this one out",
        ));
    }
    let last = salvage.runs.len().saturating_sub(1);
    for (at, events) in salvage.runs.into_iter().enumerate() {
        let cut_off = salvage.cut_off.is_some() && at == last;
        let past = Past { source: path.to_owned(), events, cut_off };
        // A copy may have been made while the run was under way.
        let is_same = |known: &Past| {
            let told = known.events.len().min(past.events.len());
            told > 0 && known.events[..told] == past.events[..told]
        };
        match runs.iter_mut().find(|known| is_same(known)) {
            Some(known) => {
                let (path, other) = (path.display(), known.source.display());
                let longer = if known.events.len() == past.events.len() { "" } else { ": the longer one" };
                output
                    .note(&format!("note: {path} tells the same run as {other}, which counts once{longer}"));
                if past.events.len() > known.events.len() {
                    *known = past;
                }
            }
            None => runs.push(past),
        }
    }
}

/// What a reader should know of a journal that can be used all the same.
fn notes(path: &Path, salvage: &Salvage, skip_damaged: bool) -> Vec<String> {
    let shown = path.display();
    let mut notes = Vec::new();
    if let Some(line) = salvage.cut_off {
        notes.push(format!(
            "note: {shown}:{line}: cut off in the middle of the line, which is left out: the run was \
             killed there, or the file was not copied whole"
        ));
    }
    for newer in &salvage.newer {
        notes.push(format!(
            "note: {shown}:{}: left out, {}: a newer ami-refresh wrote it, and that one knows it",
            newer.line, newer.why
        ));
    }
    if skip_damaged {
        for damaged in &salvage.damaged {
            notes.push(format!("note: {shown}:{}: damaged and left out: {}", damaged.line, damaged.why));
        }
    }
    notes
}

fn damaged(path: &Path, lines: &[Unread]) -> Vec<Problem> {
    let shown = path.display();
    let next = "take the journal from where the run wrote it; or give --skip-damaged, and reports are made \
                of the lines that can be read";
    let mut problems: Vec<Problem> = lines
        .iter()
        .take(TOLD)
        .map(|line| Problem::new(format!("{shown}:{} is not an event", line.line), line.why.clone(), next))
        .collect();
    if lines.len() > TOLD {
        let more = lines.len() - TOLD;
        problems.push(Problem::new(format!("{shown}: {more} more lines are not events"), "", next));
    }
    problems
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(
        format!("failed to read the journal {}", path.display()),
        error.to_string(),
        "name a journal.jsonl, or a directory with one in or below it",
    )
}

/// The journals that are meant, each once: those named, and those of directories in the order
/// of their names.
fn found(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let (mut all, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match of(path) {
            Ok(journals) => all.extend(journals),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(Failure::Told(Exit::Usage, problems));
    }
    let mut seen = Vec::new();
    all.retain(|path: &PathBuf| {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let new = !seen.contains(&real);
        seen.push(real);
        new
    });
    Ok(all)
}

fn of(path: &Path) -> Result<Vec<PathBuf>, Problem> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut journals = Vec::new();
    below(path, 0, &mut journals).map_err(|error| unreadable(path, &error))?;
    journals.sort();
    if journals.is_empty() {
        return Err(Problem::new(
            format!("there is no journal in {}", path.display()),
            format!("nothing in or below it is named {} or journal-TIME.jsonl", journal::FILE_NAME),
            "name the report directory of a run, or a journal itself",
        ));
    }
    Ok(journals)
}

fn below(dir: &Path, depth: usize, journals: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        let name = name.to_string_lossy();
        let is_journal =
            name == journal::FILE_NAME || (name.starts_with("journal-") && name.ends_with(".jsonl"));
        if kind.is_dir() && depth < DEEPEST {
            below(&entry.path(), depth + 1, journals)?;
        } else if kind.is_file() && is_journal {
            journals.push(entry.path());
        }
    }
    Ok(())
}
