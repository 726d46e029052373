//! The lines of the live view, one per environment and group that is under way. Pure.
//!
//! What matters most stands first on a line: a narrow terminal shows its beginning.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::clean;
use super::super::collect::{Counts, Run};
use super::super::record::{EnvironmentRecord, GroupRecord};
use super::super::style::{Style, duration};
use super::expect::{Paces, is_to_change, left};
use super::plain::Plain;
use crate::event::{GroupRef, Step};
use crate::model::{EnvironmentName, RefreshStatus};

/// More running groups than this are only counted: with all else they fit on a terminal of 24 rows.
const SHOWN: usize = 15;
/// More environments that wait than this are only counted.
const WAITING: usize = 4;
/// The widest column of names.
const WIDEST: usize = 24;

/// What the view is made from, beside the run's records.
pub(super) struct Scene<'a> {
    pub(super) plain: &'a Plain,
    pub(super) run: &'a Run,
    pub(super) paces: &'a Paces,
    /// The environment that is under way.
    pub(super) current: Option<&'a EnvironmentName>,
    /// Those that wait, and until when.
    pub(super) waiting: &'a BTreeMap<EnvironmentName, Timestamp>,
    pub(super) now: Timestamp,
}

impl Scene<'_> {
    /// All of the lines; none where nothing is under way.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.waits();
        if let Some(environment) = self.current.and_then(|name| self.run.environment(name)) {
            lines.push(self.environment(environment));
            lines.extend(self.groups(environment));
        }
        lines
    }

    fn waits(&self) -> Vec<String> {
        let name = |name: &EnvironmentName| clean::line(name.as_str());
        let shown = self.waiting.iter().take(WAITING);
        let mut lines: Vec<String> = shown
            .map(|(environment, until)| {
                format!("{} waits until {}", name(environment), self.plain.clock(*until))
            })
            .collect();
        if let Some(more) = self.waiting.len().checked_sub(WAITING + 1) {
            lines.push(format!("and {} more environments wait", more + 1));
        }
        lines
    }

    /// `qa (3 of 9)  2 of 5 groups ended, 3 running  4m 10s  about 12 min left`.
    fn environment(&self, record: &EnvironmentRecord) -> String {
        let all = &self.run.environments;
        let place = all.iter().position(|one| one.name == record.name).map_or(0, |at| at + 1);
        let name = clean::line(record.name.as_str());
        let name = if all.len() > 1 { format!("{name} ({place} of {})", all.len()) } else { name };
        let mut parts = vec![self.doing(record)];
        parts.extend(record.started.map(|started| self.since(started)));
        parts.extend(self.paces.environment(record).and_then(|end| left(end, self.now)));
        format!("{}  {}", Style::Bold.paint(&name, self.plain.color), parts.join("  "))
    }

    fn doing(&self, record: &EnvironmentRecord) -> String {
        let counts = Counts::of(record);
        let (all, running) =
            (record.groups.len(), record.groups.iter().filter(|one| self.is_under_way(one)).count());
        if all == 0 {
            return "looking at the groups".to_owned();
        }
        let ended = all - counts.unfinished;
        let open = || record.groups.iter().filter(|group| group.outcome.is_none());
        if running == 0 && ended < all && open().all(|group| group.step(Step::Template).is_none()) {
            return if ended == 0 {
                "preparing templates".to_owned()
            } else {
                format!("{ended} of {all} groups ended")
            };
        }
        let waiting = open().filter(|group| !self.is_under_way(group) && is_to_change(group)).count();
        let mut words = format!("{ended} of {all} groups ended");
        for (count, what) in [(running, "running"), (waiting, "waiting"), (counts.failed(), "failed")] {
            if count > 0 {
                words = format!("{words}, {count} {what}");
            }
        }
        words
    }

    /// Those that run, what fails or goes back first, then as they began.
    fn groups(&self, record: &EnvironmentRecord) -> Vec<String> {
        let mut running: Vec<&GroupRecord> =
            record.groups.iter().filter(|group| self.is_under_way(group)).collect();
        running.sort_by_key(|group| (group.rollback.is_none(), group.started));
        let shown = &running[..running.len().min(SHOWN)];
        let names: Vec<String> = shown.iter().map(|group| short(&self.plain.name(&group.group))).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let mut lines: Vec<String> = shown
            .iter()
            .zip(&names)
            .map(|(group, name)| self.group(group, &format!("{name:width$}")))
            .collect();
        if running.len() > shown.len() {
            lines.push(format!("  and {} more groups running", running.len() - shown.len()));
        }
        lines
    }

    /// ` 45%  payments-qa  refreshing  3m 10s  about 12 min left`.
    fn group(&self, group: &GroupRecord, name: &str) -> String {
        let style = if group.rollback.is_some() { Style::Bad } else { Style::Good };
        let percent = style.paint(&format!("{:>4}%", group.percent.min(100)), self.plain.color);
        let mut parts = vec![percent, name.to_owned(), phase(group, &self.plain.asked())];
        parts.extend(self.paces.began(group).map(|began| self.since(began)));
        parts.extend(self.paces.group(group).and_then(|end| left(end, self.now)));
        parts.join("  ")
    }

    fn since(&self, started: Timestamp) -> String {
        let millis = self.now.duration_since(started).as_millis();
        duration(u64::try_from(millis).unwrap_or(0))
    }

    fn is_under_way(&self, group: &GroupRecord) -> bool {
        group.is_running() || (group.outcome.is_none() && self.plain.asked().contains(&group.group))
    }
}

/// What a group that is under way is at, in a word or two; `asked` are those whose checks are asked.
pub(super) fn phase(group: &GroupRecord, asked: &BTreeSet<GroupRef>) -> String {
    let checks = asked.contains(&group.group);
    if group.rollback.is_some() {
        return if checks { "rolled back, checks" } else { "rolling back" }.to_owned();
    }
    match group.status() {
        None if checks => "checks".to_owned(),
        Some(RefreshStatus::Pending | RefreshStatus::InProgress) if checks => {
            "at a checkpoint, checks".to_owned()
        }
        None | Some(RefreshStatus::Pending) => "starting".to_owned(),
        Some(RefreshStatus::InProgress) => "refreshing".to_owned(),
        Some(RefreshStatus::Baking) => if checks { "baking, checks" } else { "baking" }.to_owned(),
        Some(RefreshStatus::Successful) => if checks { "checks" } else { "proving" }.to_owned(),
        Some(
            status @ (RefreshStatus::Cancelling
            | RefreshStatus::RollbackInProgress
            | RefreshStatus::Failed
            | RefreshStatus::Cancelled
            | RefreshStatus::RollbackSuccessful
            | RefreshStatus::RollbackFailed),
        ) => status.to_string(),
    }
}

/// A long name without its middle: its beginning and its end tell groups apart.
fn short(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    if chars.len() <= WIDEST {
        return name.to_owned();
    }
    let head = (WIDEST - 1) / 2;
    let tail = WIDEST - 1 - head;
    chars[..head].iter().chain(&['…']).chain(&chars[chars.len() - tail..]).collect()
}
