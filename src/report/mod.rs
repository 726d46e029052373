//! Everything that is printed or written about a run, from its events alone.
//!
//! [`Reporters`] takes each event to the journal first, then to the terminal, and writes a
//! JUnit file per environment, the page for people, and `summary.json`. [`problems()`] prints errors. Decides nothing:
//! no report changes how a run goes, and a disk or pipe that fails does not stop it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::event::{Event, GroupRef, Stamped};
use crate::journal::{FILE_NAME, Journal};
use crate::model::{EnvironmentName, Problem};

mod again;
mod alike;
mod attachments;
mod cases;
pub(crate) mod clean;
mod collect;
mod compare;
mod environments;
mod evidence;
mod files;
mod gates;
#[cfg(test)]
pub(crate) mod hostile;
mod html;
mod junit;
mod plan;
mod problems;
mod record;
#[cfg(test)]
pub(crate) mod samples;
mod schedule;
mod status;
#[cfg(test)]
pub(crate) mod stream;
pub(crate) mod style;
pub mod summary;
mod table;
mod terminal;

pub use again::{Made, Past, again};
use attachments::Attachments;
use collect::Run;
pub use compare::{Comparison, compare};
pub use gates::{GateRow, GatesText, Held, gates, moment, one_line, quarantine};
pub use plan::{PlanText, plan};
pub use problems::problems;
use record::EnvironmentRecord;
pub use schedule::{ScheduleText, schedule, span};
pub use status::{StatusText, status};
pub(crate) use style::count;
pub use terminal::{Detail, TerminalMode};

/// What a rehearsal would have told people outside, written by what would have sent it.
pub(crate) const MESSAGES: &str = "messages.txt";

/// How a run is reported.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the journal and the reports go; made when absent.
    pub report_dir: PathBuf,
    /// What the terminal shows.
    pub terminal: TerminalMode,
    /// How much of it.
    pub detail: Detail,
    /// Whether colour is used.
    pub color: bool,
    /// The zone in which people are shown times.
    pub timezone: TimeZone,
    /// Whether this is a rehearsal: every report is marked so.
    pub simulated: bool,
}

/// What went wrong with the reports: each with the file, the reason and the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl std::fmt::Display for ReportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let texts: Vec<String> = self.problems.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join("\n"))
    }
}

impl std::error::Error for ReportError {}

/// The journal, the terminal and the files of one run.
#[derive(Debug)]
pub struct Reporters {
    settings: Settings,
    /// `None` where the events come from one.
    journal: Option<Journal>,
    /// The journal that the events come from, as it was named.
    source: Option<PathBuf>,
    terminal: terminal::Terminal,
    run: Run,
    /// The first failure of the journal; one is enough to know.
    journal_failed: Option<Problem>,
}

impl Reporters {
    /// Opens the journal and prints to the standard output.
    ///
    /// # Errors
    /// When the report directory can't be made or written.
    pub fn new(settings: Settings) -> Result<Self, ReportError> {
        Self::with_output(settings, Box::new(io::stdout()))
    }

    /// Opens the journal and prints to `output`.
    ///
    /// # Errors
    /// When the report directory can't be made or written.
    pub fn with_output(settings: Settings, output: Box<dyn Write + Send>) -> Result<Self, ReportError> {
        let journal = Journal::create(&settings.report_dir).map_err(|error| {
            let what = format!(
                "failed to begin a journal in the report directory {}",
                settings.report_dir.display()
            );
            let next = "make it a directory that can be written, or name another with --report-dir";
            ReportError { problems: vec![Problem::new(what, error.to_string(), next)] }
        })?;
        let terminal = terminal::Terminal::new(&settings, output);
        let run = Run::default();
        Ok(Self { settings, journal: Some(journal), source: None, terminal, run, journal_failed: None })
    }

    /// Makes the files again, from events that the journal `source` holds already; prints nothing.
    fn again(settings: Settings, source: PathBuf) -> Self {
        let settings = Settings { terminal: TerminalMode::Silent, ..settings };
        let terminal = terminal::Terminal::new(&settings, Box::new(io::sink()));
        let run = Run::default();
        Self { settings, journal: None, source: Some(source), terminal, run, journal_failed: None }
    }

    /// Tells the terminal how long each group bakes, so that it can say when it is likely to end.
    pub fn expect(&mut self, bakes: impl Fn(&GroupRef) -> Duration + Send + 'static) {
        self.terminal.expect(Box::new(bakes));
    }

    /// Tells the live view that the terminal has another size.
    pub fn resized(&mut self) {
        self.terminal.resized();
    }

    /// Tells the terminal the time: it moves on what it shows, and says what is under way where
    /// nothing was said for long.
    pub fn tick(&mut self, now: Timestamp) {
        self.terminal.tick(now, &self.run);
    }

    /// Takes an event to the journal, the terminal, and what the files are made of.
    ///
    /// The files of an environment are written as soon as it ends, so that a run that is
    /// killed leaves them. A disk that fails is told by [`Reporters::finish`].
    #[expect(clippy::needless_pass_by_value, reason = "an event is handed over, once")]
    pub fn emit(&mut self, event: Stamped) {
        if let Some(Err(error)) = self.journal.as_mut().map(|journal| journal.write(&event)) {
            self.journal_fails(&error);
        }
        self.run.apply(&event);
        self.terminal.event(&event, &self.run);
        match &event.event {
            Event::RunStarted { environments, .. } => self.remove_stale(environments),
            // Of what is over already, all is written at the end.
            Event::EnvironmentEnded { .. } if self.source.is_some() => {}
            Event::EnvironmentEnded { environment, .. } => {
                // What fails here is tried again, and told, at the end.
                let _retried = self.run.environment(environment).map(|one| self.write_environment(one));
                let _retried = self.write_summary();
                let _retried = self.write_page();
            }
            Event::EnvironmentStarted { .. }
            | Event::EnvironmentWaits { .. }
            | Event::FreezeOverridden { .. }
            | Event::Quarantined { .. }
            | Event::NotDelivered { .. }
            | Event::Planned { .. }
            | Event::Refused { .. }
            | Event::Pinned { .. }
            | Event::VersionReady { .. }
            | Event::RefreshStarted { .. }
            | Event::RefreshMoved { .. }
            | Event::CapacitySeen { .. }
            | Event::ImageDescribed { .. }
            | Event::LaunchFailed { .. }
            | Event::ChecksStarted { .. }
            | Event::CheckEnded { .. }
            | Event::RollbackStarted { .. }
            | Event::GroupStep { .. }
            | Event::EnvironmentStep { .. }
            | Event::GroupEnded { .. }
            | Event::Note { .. }
            | Event::Aborting { .. }
            | Event::RunEnded { .. } => {}
        }
    }

    /// Writes every file and prints the table of environments, the first time it is called.
    ///
    /// May be called at any time and more than once: the files then hold what is known by then,
    /// and what has not ended says so. Gives the paths of all reports, the journal first.
    ///
    /// # Errors
    /// Every file that could not be written, and the journal if it failed at any time. The
    /// files that could be written are.
    pub fn finish(&mut self) -> Result<Vec<PathBuf>, ReportError> {
        let mut written: Vec<PathBuf> =
            self.journal.iter().map(|journal| journal.path().to_owned()).collect();
        let mut problems: Vec<Problem> = self.journal_failed.iter().cloned().collect();
        let mut note = |result: Result<PathBuf, Problem>| match result {
            Ok(path) => written.push(path),
            Err(problem) => problems.push(problem),
        };
        note(self.write_summary());
        note(self.write_page());
        for environment in &self.run.environments {
            note(self.write_environment(environment));
        }
        if self.run.simulation.is_some() {
            // What a rehearsal would have told others, where anybody is told.
            let messages = self.settings.report_dir.join(MESSAGES);
            written.extend(Some(messages).filter(|messages| messages.exists()));
        }
        self.terminal.finish(&self.run, &written);
        if problems.is_empty() { Ok(written) } else { Err(ReportError { problems }) }
    }

    /// Tells at once, and the first time only: the run goes on without what it finds its way by.
    fn journal_fails(&mut self, error: &io::Error) {
        if self.journal_failed.is_none()
            && let Some(journal) = &self.journal
        {
            let path = journal.path().display().to_string();
            let problem = write_problem(&path, &error.to_string());
            self.terminal.problem(&problem, self.settings.color);
            self.journal_failed = Some(problem);
        }
    }

    /// Reports of an earlier run would be read as this one's if it were killed.
    fn remove_stale(&self, environments: &[EnvironmentName]) {
        for name in environments {
            let _told_later = attachments::remove_stale(&self.settings.report_dir, &self.run.command, name);
        }
        let names = environments.iter().map(|name| junit::file_name(&self.run.command, name));
        for name in names.chain([summary::FILE_NAME.to_owned(), html::file_name(&self.run.command)]) {
            // One that can't be removed can't be replaced either, which the end will tell.
            let _told_later = std::fs::remove_file(self.settings.report_dir.join(name));
        }
    }

    fn write_environment(&self, environment: &EnvironmentRecord) -> Result<PathBuf, Problem> {
        write_environment(&self.run, environment, &self.settings.report_dir, self.settings.simulated)
    }

    /// The page and its stylesheet; the page's path.
    fn write_page(&self) -> Result<PathBuf, Problem> {
        let look = html::Look {
            timezone: self.settings.timezone.clone(),
            simulated: self.settings.simulated,
            is_mixed: false,
            of_set: None,
            journal: Some(self.journal_at()),
            has_attachments: self
                .run
                .environments
                .iter()
                .any(|one| Attachments::of(&self.run, one, None).any()),
        };
        let name = html::file_name(&self.run.command);
        let page = self.settings.report_dir.join(&name);
        for (file, bytes) in html::write(&name, &[&self.run], &look) {
            write_file(self.settings.report_dir.join(file), Ok(bytes))?;
        }
        Ok(page)
    }

    fn journal_at(&self) -> html::JournalAt {
        let Some(source) = &self.source else { return html::JournalAt::Beside(FILE_NAME.to_owned()) };
        let real = |path: &Path| std::fs::canonicalize(path).ok();
        let is_beside = real(source).is_some_and(|real_source| {
            real_source.parent().map(Path::to_owned) == real(&self.settings.report_dir)
        });
        match source.file_name().and_then(|name| name.to_str()) {
            Some(name) if is_beside && clean::file_name(name) == name => {
                html::JournalAt::Beside(name.to_owned())
            }
            Some(_) | None => html::JournalAt::Elsewhere(source.display().to_string()),
        }
    }

    fn write_summary(&self) -> Result<PathBuf, Problem> {
        let bytes = summary::write(&self.run, self.settings.simulated);
        let path = self.settings.report_dir.join(summary::FILE_NAME);
        write_file(path, bytes.map_err(|error| error.to_string()))
    }
}

/// Writes an environment's test cases, and what hangs on them, into the directory.
fn write_environment(
    run: &Run,
    environment: &EnvironmentRecord,
    dir: &Path,
    simulated: bool,
) -> Result<PathBuf, Problem> {
    let path = dir.join(junit::file_name(&run.command, &environment.name));
    let told =
        |path: &Path, error: &io::Error| write_problem(&path.display().to_string(), &error.to_string());
    let mark = evidence::simulation_mark(run, simulated);
    let attachments = Attachments::of(run, environment, mark.as_deref());
    // Before the cases that name them, which are written whatever becomes of these.
    let attached = attachments.write(dir).map_err(|(path, error)| told(&path, &error));
    let write = |file: &mut dyn Write| {
        junit::write(run, environment, simulated, &attachments, dir, file).map_err(io::Error::other)
    };
    files::replace_by(&path, write).map_err(|error| told(&path, &error))?;
    attached.map(|()| path)
}

fn write_file(path: PathBuf, bytes: Result<Vec<u8>, String>) -> Result<PathBuf, Problem> {
    let written = bytes.and_then(|bytes| files::replace(&path, &bytes).map_err(|error| error.to_string()));
    match written {
        Ok(()) => Ok(path),
        Err(why) => Err(write_problem(&path.display().to_string(), &why)),
    }
}

fn write_problem(path: &str, why: &str) -> Problem {
    Problem::new(
        format!("failed to write the report {path}"),
        why,
        "see that the directory exists, can be written and has room; the run itself was not affected",
    )
}

/// The paths as they are shown: relative to the report directory.
fn relative<'a>(path: &'a Path, report_dir: &Path) -> &'a Path {
    path.strip_prefix(report_dir).unwrap_or(path)
}

#[cfg(test)]
mod tests;
