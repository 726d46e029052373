//! Progress that moves: a line for the environment and one per running group, on the standard
//! error, with the lines of the log above them.
//!
//! [`Live`] draws; what the lines say is [`Plain`]'s business. Where the standard error is no
//! terminal nothing is drawn, and the lines are all there is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::collect::{Counts, Run};
use super::super::record::GroupRecord;
use super::super::{Settings, clean};
use super::plain::Plain;
use crate::event::{Event, GroupRef, Stamped};
use crate::model::{EnvironmentName, RefreshStatus};

/// More running groups than this are only counted: they would scroll the view away.
const SHOWN: usize = 15;

/// How often elapsed times move on.
const TICK: Duration = Duration::from_secs(1);

/// The live view.
#[derive(Debug)]
pub(super) struct Live {
    plain: Plain,
    progress: MultiProgress,
    environment: Option<(EnvironmentName, ProgressBar)>,
    groups: BTreeMap<GroupRef, ProgressBar>,
    color: bool,
}

impl Live {
    pub(super) fn new(settings: &Settings) -> Self {
        Self::drawing_to(settings, ProgressDrawTarget::stderr())
    }

    fn drawing_to(settings: &Settings, target: ProgressDrawTarget) -> Self {
        let progress = MultiProgress::with_draw_target(target);
        let mut plain = Plain::new(settings);
        plain.signs_of_life &= progress.is_hidden();
        Self { plain, progress, environment: None, groups: BTreeMap::new(), color: settings.color }
    }

    /// Moves the view, and prints the event's lines above it.
    pub(super) fn event(&mut self, stamped: &Stamped, run: &Run, print: impl FnMut(&str)) {
        let text = self.plain.event(stamped, run);
        if !text.is_empty() {
            self.above(&text, print);
        }
        self.draw(&stamped.event, run);
    }

    /// Prints lines above the view.
    pub(super) fn above(&self, text: &str, mut print: impl FnMut(&str)) {
        self.progress.suspend(|| print(text));
    }

    /// Takes the view away, and prints how it all ended.
    pub(super) fn closing(&mut self, run: &Run, written: &[PathBuf], mut print: impl FnMut(&str)) {
        self.clear();
        print(&self.plain.closing(run, written));
    }

    fn draw(&mut self, event: &Event, run: &Run) {
        match event {
            Event::EnvironmentStarted { environment } => self.begin(environment),
            Event::RefreshStarted { group, .. }
            | Event::RefreshMoved { group, .. }
            | Event::ChecksStarted { group, .. }
            | Event::CheckEnded { group, .. }
            | Event::RollbackStarted { group, .. }
            | Event::GroupEnded { group, .. } => {
                self.draw_group(group, event, run);
                self.draw_environment(run);
            }
            Event::Planned { .. } => self.draw_environment(run),
            Event::EnvironmentWaits { .. } | Event::EnvironmentEnded { .. } | Event::RunEnded { .. } => {
                self.clear();
            }
            Event::RunStarted { .. }
            | Event::Refused { .. }
            | Event::Pinned { .. }
            | Event::VersionReady { .. }
            | Event::CapacitySeen { .. }
            | Event::ImageDescribed { .. }
            | Event::LaunchFailed { .. }
            | Event::GroupStep { .. }
            | Event::EnvironmentStep { .. }
            | Event::FreezeOverridden { .. }
            | Event::Quarantined { .. }
            | Event::NotDelivered { .. }
            | Event::Note { .. }
            | Event::Aborting { .. } => {}
        }
    }

    fn begin(&mut self, name: &EnvironmentName) {
        self.clear();
        let bar = self.progress.add(ProgressBar::new(0));
        bar.set_style(style("{prefix}  looking at the groups  {elapsed}"));
        bar.set_prefix(clean::line(name.as_str()));
        bar.enable_steady_tick(TICK);
        self.environment = Some((name.clone(), bar));
    }

    fn draw_environment(&self, run: &Run) {
        let Some((name, bar)) = &self.environment else { return };
        let Some(record) = run.environment(name) else { return };
        bar.set_style(style("{prefix}  {pos} of {len} groups ended{msg}  {elapsed}"));
        let unfinished = Counts::of(record).unfinished;
        bar.set_length(record.groups.len() as u64);
        bar.set_position((record.groups.len() - unfinished) as u64);
        let running = record.groups.iter().filter(|group| group.is_running()).count();
        bar.set_message(if running == 0 { String::new() } else { format!(", {running} running") });
    }

    fn draw_group(&mut self, group: &GroupRef, event: &Event, run: &Run) {
        let Some(record) = run.group(group) else { return };
        if record.outcome.is_some() {
            if let Some(bar) = self.groups.remove(group) {
                self.progress.remove(&bar);
            }
            return;
        }
        if !self.groups.contains_key(group) {
            if self.groups.len() >= SHOWN {
                return;
            }
            let bar = self.add_group(group);
            self.groups.insert(group.clone(), bar);
        }
        if let Some(bar) = self.groups.get(group) {
            bar.set_position(u64::from(record.percent.min(100)));
            bar.set_message(phase(record, event));
        }
    }

    fn add_group(&self, group: &GroupRef) -> ProgressBar {
        let bar = self.progress.add(ProgressBar::new(100));
        let fill = if self.color { "{bar:20.green}" } else { "{bar:20}" };
        bar.set_style(style(&format!("  {{prefix:24}}  {fill} {{pos:>3}}%  {{msg}}  {{elapsed}}")));
        bar.set_prefix(self.plain.name(group));
        bar.enable_steady_tick(TICK);
        bar
    }

    fn clear(&mut self) {
        for (_, bar) in std::mem::take(&mut self.groups) {
            self.progress.remove(&bar);
        }
        if let Some((_, bar)) = self.environment.take() {
            self.progress.remove(&bar);
        }
        // A terminal that is gone needs no clearing.
        let _gone = self.progress.clear();
    }
}

/// What the group is at, in a word or two.
fn phase(record: &GroupRecord, event: &Event) -> String {
    if record.rollback.is_some() {
        return "rolling back".to_owned();
    }
    if matches!(event, Event::ChecksStarted { .. }) {
        return "checks".to_owned();
    }
    match record.status() {
        None => "starting".to_owned(),
        Some(RefreshStatus::InProgress) => "refreshing".to_owned(),
        Some(status) => status.to_string(),
    }
}

/// The style of a template; the templates are constants, a test holds that they are right.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

#[cfg(test)]
mod tests;
