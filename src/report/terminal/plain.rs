//! Sparse lines with their time: what matters of each event, in the words of the product.
//!
//! [`Plain`] turns an event into the text to print, often none. It prints nothing itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::collect::{Counts, Run, display_name, name_counts};
use super::super::record::EnvironmentRecord;
use super::super::style::{Style, add_line, count, duration, indent};
use super::super::{Settings, clean, evidence, problems};
use super::words::{count_words, plan_words};
use super::{Detail, closing};
use crate::event::{CheckResult, Event, GroupRef, PlannedAction, PlannedGroup, Stamped, Status, Step};
use crate::model::{EnvironmentName, ImageId, Outcome, Problem, Verdict};

/// The widest column of group names, in characters.
const WIDEST: usize = 40;

/// How far lines without a time of their own are indented: under the text of those that have, …
const UNDER: usize = 25;
/// … with its day or without.
const UNDER_BRIEF: usize = 14;

/// How many lines of a screenful are left to groups that go well: 24 less those of the environment
/// itself and of signs of life.
const ROOM: usize = 24 - 3 - 5;
/// How many lines a group that changes has where each step is told, …
const STEPS: usize = 5;
/// … and where its pin and end are.
const PIN_AND_END: usize = 2;
/// How many groups may be there for each end to be told in a rehearsal.
const SOME: usize = 10;

/// How much is said of groups that go well. What fails is always told in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Starts, bakes, checks and ends.
    Steps,
    /// That they were pinned, and ends.
    Groups,
    /// How many ended, whenever another tenth did.
    Tenths,
}

impl Told {
    /// Of an environment of so many groups, so many of which change.
    fn of(detail: Detail, all: usize, changing: usize) -> Self {
        let lines = |of_one: usize| of_one * changing + all.saturating_sub(changing);
        match detail {
            Detail::Steps if lines(STEPS) <= ROOM => Self::Steps,
            Detail::Steps if lines(PIN_AND_END) <= ROOM => Self::Groups,
            Detail::Groups if all <= SOME => Self::Groups,
            Detail::Steps | Detail::Groups => Self::Tenths,
        }
    }
}

/// Turns events into lines.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "settings that any log may or may not have")]
pub(super) struct Plain {
    pub(super) zone: TimeZone,
    pub(super) color: bool,
    pub(super) simulated: bool,
    pub(super) report_dir: PathBuf,
    pub(super) detail: Detail,
    /// Whether a sign of life is wanted: not where a live view is one.
    pub(super) signs_of_life: bool,
    /// Whether lines have the time of day only: somebody looks on.
    pub(super) brief: bool,
    /// How many columns there are, where that is known.
    pub(super) columns: Option<usize>,
    /// How many signs of life were given in the environment that is under way.
    pub(super) signs: u32,
    /// How much is said of groups that go well in the environment that is under way.
    pub(super) told: Told,
    /// How many tenths of its groups had ended when that was last said.
    pub(super) tenths: usize,
    /// The width of the column of group names.
    width: usize,
    names: BTreeMap<GroupRef, String>,
    /// The checks that a group still waits for, and the results so far.
    pub(super) checks: BTreeMap<GroupRef, (usize, Vec<CheckResult>)>,
    /// What was said of a group, so that nothing is said twice.
    pub(super) said: BTreeSet<(GroupRef, String)>,
    /// When the last line was printed.
    pub(super) last: Option<Timestamp>,
}

impl Plain {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            zone: settings.timezone.clone(),
            color: settings.color,
            simulated: settings.simulated,
            report_dir: settings.report_dir.clone(),
            detail: settings.detail,
            signs_of_life: settings.detail == Detail::Steps,
            brief: false,
            columns: None,
            signs: 0,
            told: Told::of(settings.detail, 0, 0),
            tenths: 0,
            width: 0,
            names: BTreeMap::new(),
            checks: BTreeMap::new(),
            said: BTreeSet::new(),
            last: None,
        }
    }

    /// The text to print for an event that `run` has taken in already; may be empty.
    pub(super) fn event(&mut self, stamped: &Stamped, run: &Run) -> String {
        let text = self.text(stamped.at, &stamped.event, run);
        if !text.is_empty() {
            self.last = Some(stamped.at);
        }
        text
    }

    /// A line on what is under way, where nothing was said for long; may be empty.
    pub(super) fn beat(&mut self, at: Timestamp, run: &Run) -> String {
        let text = self.alive(at, run);
        if !text.is_empty() {
            self.last = Some(at);
        }
        text
    }

    /// The groups whose checks are being asked.
    pub(super) fn asked(&self) -> BTreeSet<GroupRef> {
        self.checks.keys().cloned().collect()
    }

    /// The text that ends the run.
    pub(super) fn closing(&self, run: &Run, written: &[PathBuf]) -> String {
        closing::text(self, run, written)
    }

    fn text(&mut self, at: Timestamp, event: &Event, run: &Run) -> String {
        match event {
            Event::RunStarted { .. } => self.opening(run),
            Event::EnvironmentStarted { environment } => {
                self.signs = 0;
                self.heading(at, environment, run)
            }
            Event::Planned { environment, groups } => self.planned(at, environment, groups, run),
            Event::Refused { problems, .. } => self.refused(at, problems),
            Event::Pinned { .. } if self.told == Told::Tenths || self.detail == Detail::Groups => {
                String::new()
            }
            Event::Pinned { group, tracking, version } => {
                self.once(at, group, &format!("pinned to version {version} (followed {tracking})"))
            }
            Event::RefreshStarted { group, target, adopted: true, .. } if self.told != Told::Tenths => self
                .once(
                    at,
                    group,
                    &format!("refresh found running and adopted: to version {}", target.version),
                ),
            Event::RefreshStarted { group, target, .. } => {
                self.step_line(at, group, &format!("refresh started: to version {}", target.version))
            }
            Event::RefreshMoved { group, status, reason, .. } => self.moved(at, group, *status, reason, run),
            Event::CapacitySeen { .. } | Event::ImageDescribed { .. } => String::new(),
            Event::LaunchFailed { group, message, .. } => {
                self.once(at, group, &format!("launch failed: {message}"))
            }
            Event::ChecksStarted { group, checks } => {
                self.checks.insert(group.clone(), (checks.len(), Vec::new()));
                String::new()
            }
            Event::CheckEnded { group, result } => self.check_ended(at, group, result),
            Event::RollbackStarted { group, route, why } => {
                let words = format!("rollback: {}, since {why}", evidence::route_words(*route));
                self.flush_checks(at, group) + &self.once(at, group, &words)
            }
            Event::GroupStep { group, step, status, message, evidence, .. } => {
                self.group_step(at, group, (*step, *status), message, evidence)
            }
            // What this run refreshed before, and finds so when its environment goes on.
            Event::GroupEnded { group, outcome: Outcome::Skipped { .. }, .. }
                if matches!(
                    run.group(group).and_then(|known| known.outcome.as_ref()),
                    Some(Outcome::Refreshed { .. })
                ) =>
            {
                String::new()
            }
            Event::GroupEnded { group, outcome, took_ms, .. } => {
                self.flush_checks(at, group) + &self.group_ended(at, group, (outcome, *took_ms), run)
            }
            Event::EnvironmentStep { step: Step::Record, status, message, .. } => match status {
                Status::Failed | Status::Errored => self.bad_line(at, &format!("record: {message}")),
                Status::Passed | Status::Skipped => String::new(),
            },
            Event::EnvironmentWaits { until, message, .. } => {
                self.line(at, &format!("  waits until {}: {}", self.clock(*until), clean::line(message)))
            }
            Event::FreezeOverridden { freeze, until, by, .. } => {
                let words = format!(
                    "  freeze until {} ({freeze}) overridden by {}: {}",
                    self.clock(*until),
                    by.who,
                    by.reason
                );
                self.line(at, &Style::Odd.paint(&clean::line(&words), self.color))
            }
            Event::Quarantined { images, reason, .. } => {
                let images: Vec<&str> = images.iter().map(ImageId::as_str).collect();
                self.bad_line(at, &format!("quarantined {}: {reason}", images.join(", ")))
            }
            Event::NotDelivered { sink, what, problem } => {
                let why = if problem.why.is_empty() { String::new() } else { format!(": {}", problem.why) };
                let words = format!("not delivered to {sink}: {what}: {}{why}", problem.what);
                self.line(at, &Style::Odd.paint(&clean::line(&words), self.color))
            }
            Event::Note { text, .. } => self.line(at, &format!("  note: {}", clean::line(text))),
            Event::Aborting { signal, on_abort } => self.aborting(at, signal, on_abort),
            Event::EnvironmentEnded { environment, verdict, message, took_ms, .. } => {
                self.environment_ended(at, environment, *verdict, message, *took_ms, run)
            }
            // The version is told where a refresh goes to it; how a gate or plan failed, where
            // the environment is refused or ends; how the run ended, after its table.
            Event::VersionReady { .. } | Event::EnvironmentStep { .. } | Event::RunEnded { .. } => {
                String::new()
            }
        }
    }

    fn opening(&self, run: &Run) -> String {
        let mut text = String::new();
        if let Some(mark) = evidence::simulation_mark(run, self.simulated) {
            add_line(&mut text, &format!("{}\n", Style::Odd.paint(&clean::line(&mark), self.color)));
        }
        let build = run.build.number.as_ref().map_or(String::new(), |number| format!(", build {number}"));
        let head = format!("ami-refresh {}: {} of {}{build}", run.version, run.command, run.family);
        add_line(&mut text, &clean::line(&head));
        for image in &run.images {
            let line = format!("{}  {}  {}", image.id, image.region, image.architecture);
            add_line(&mut text, &format!("  {}: {}", clean::line(&image.name), clean::line(&line)));
        }
        let names: Vec<&str> = run.environments.iter().map(|one| one.name.as_str()).collect();
        let zone = self.zone.iana_name().map_or(String::new(), |zone| format!("; times in {zone}"));
        add_line(&mut text, &format!("  {}{zone}", clean::line(&names.join(", "))));
        text
    }

    fn heading(&self, at: Timestamp, name: &EnvironmentName, run: &Run) -> String {
        let of = run.environments.len();
        let place = run.environments.iter().position(|one| one.name == *name).map_or(of, |at| at + 1);
        let title = Style::Bold.paint(&clean::line(name.as_str()), self.color);
        let day = if self.brief {
            format!("  {}", at.to_zoned(self.zone.clone()).strftime("%a %d %b"))
        } else {
            String::new()
        };
        format!("\n{}", self.line(at, &format!("{title} ({place} of {of}){day}")))
    }

    fn planned(
        &mut self,
        at: Timestamp,
        name: &EnvironmentName,
        groups: &[PlannedGroup],
        run: &Run,
    ) -> String {
        if let Some(environment) = run.environment(name) {
            self.learn_names(environment);
        }
        let changes =
            |group: &&PlannedGroup| matches!(group.action, PlannedAction::Refresh | PlannedAction::Resume);
        self.told = Told::of(self.detail, groups.len(), groups.iter().filter(changes).count());
        self.tenths = 0;
        // Where nothing is due, what it waits for or how it ends says all there is.
        let is_done = |group: &PlannedGroup| group.action == PlannedAction::Skip;
        if groups.iter().any(|group| group.action == PlannedAction::Defer)
            && groups.iter().all(|group| group.action == PlannedAction::Defer || is_done(group))
        {
            return String::new();
        }
        self.line(at, &format!("  {}", clean::line(&plan_words(groups, run))))
    }

    fn learn_names(&mut self, environment: &EnvironmentRecord) {
        let counts = name_counts(environment);
        self.width = 0;
        for group in &environment.groups {
            let name = clean::line(&display_name(group, &counts));
            self.width = self.width.max(name.chars().count()).min(WIDEST);
            self.names.insert(group.group.clone(), name);
        }
    }

    fn refused(&self, at: Timestamp, all: &[Problem]) -> String {
        let head = format!("  refused before anything changed: {}", count(all.len(), "problem"));
        let blocks: String = all.iter().map(|problem| problems::block(problem, self.color)).collect();
        self.line(at, &Style::Odd.paint(&head, self.color)) + &indent(&blocks, self.under())
    }

    fn aborting(&self, at: Timestamp, signal: &str, on_abort: &str) -> String {
        let running = match on_abort {
            "leave" => "running refreshes are left to AWS",
            "rollback" => "running refreshes are rolled back",
            other => other,
        };
        let words = format!("aborted by {signal}: nothing new starts, {running}");
        self.line(at, &Style::Odd.paint(&clean::line(&words), self.color))
    }

    fn environment_ended(
        &self,
        at: Timestamp,
        name: &EnvironmentName,
        verdict: Verdict,
        message: &str,
        took_ms: u64,
        run: &Run,
    ) -> String {
        // One that was not reached has no heading; the table at the end has it.
        let Some(record) = run.environment(name).filter(|_| verdict != Verdict::NotReached) else {
            return String::new();
        };
        let name = clean::line(name.as_str());
        let word = Style::of(verdict).paint(verdict.as_str(), self.color);
        if record.refused {
            // The problems stand right above, and nothing took any time.
            return self.line(at, &format!("{name} {word}"));
        }
        let counts = count_words(Counts::of(record));
        let mut text = self.line(at, &format!("{name} {word} in {}{counts}", duration(took_ms)));
        if verdict != Verdict::Passed && !message.is_empty() && !counts.ends_with(message) {
            text.push_str(&indent(&clean::line(message), self.under() - 2));
        }
        for step in record.steps.iter().filter(|step| step.status > Status::Skipped) {
            let words = format!("{}: {}", step.step.as_str(), step.message);
            text.push_str(&indent(&clean::line(&words), self.under() - 2));
        }
        text
    }

    /// A line that is left out where only ends of groups are wanted.
    fn step_line(&mut self, at: Timestamp, group: &GroupRef, words: &str) -> String {
        if self.told == Told::Steps { self.once(at, group, words) } else { String::new() }
    }

    /// A line on a group, unless it was said before.
    pub(super) fn once(&mut self, at: Timestamp, group: &GroupRef, words: &str) -> String {
        if self.said.insert((group.clone(), words.to_owned())) {
            self.group_line(at, group, &clean::line(words))
        } else {
            String::new()
        }
    }

    pub(super) fn group_line(&self, at: Timestamp, group: &GroupRef, words: &str) -> String {
        self.line(at, &format!("  {:width$}  {words}", self.name(group), width = self.width))
    }

    fn bad_line(&self, at: Timestamp, words: &str) -> String {
        self.line(at, &Style::Bad.paint(&format!("  {}", clean::line(words)), self.color))
    }

    pub(super) fn name(&self, group: &GroupRef) -> String {
        self.names.get(group).cloned().unwrap_or_else(|| clean::line(group.group.as_str()))
    }

    pub(super) fn line(&self, at: Timestamp, words: &str) -> String {
        let at = if self.brief { self.time(at) } else { self.clock(at) };
        format!("{at}  {}\n", words.trim_end())
    }

    /// How far lines without a time of their own are indented.
    pub(super) fn under(&self) -> usize {
        if self.brief { UNDER_BRIEF } else { UNDER }
    }

    fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%H:%M:%S").to_string()
    }

    /// `Sun 22 Nov 19:04:11`, in the time zone of the configuration.
    pub(super) fn clock(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%a %d %b %H:%M:%S").to_string()
    }

    pub(super) fn shown_path(&self, path: &Path) -> String {
        clean::line(&super::super::relative(path, &self.report_dir).display().to_string())
    }
}
