//! What [`Plain`] says of one group: how its refresh moves, its checks, how it ends.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::super::clean;
use super::super::collect::{Counts, Run};
use super::super::record::{GroupRecord, status_word};
use super::super::style::{Style, count, duration, indent};
use super::plain::{Plain, Told};
use super::view::phase;
use super::words::{SHOWN, count_words, failing, tally};
use crate::event::{CheckResult, GroupRef, Status, Step};
use crate::model::{Outcome, RefreshStatus};

/// How long the log may say nothing while groups are under way, …
const SILENCE: SignedDuration = SignedDuration::from_mins(5);
/// … and while everything waits; …
const RESTING: SignedDuration = SignedDuration::from_hours(1);
/// … so much longer each time that this is all there is to say, …
const LONGER: i32 = 3;
/// … and how often it is said in one environment: with all else a screenful.
const SIGNS: u32 = 5;

impl Plain {
    pub(super) fn moved(
        &mut self,
        at: Timestamp,
        group: &GroupRef,
        status: RefreshStatus,
        reason: &str,
        run: &Run,
    ) -> String {
        let told =
            |words: &str| if reason.is_empty() { words.to_owned() } else { format!("{words}: {reason}") };
        let ours = run.group(group).is_some_and(|record| record.rollback.is_some());
        let text = match status {
            RefreshStatus::Baking if self.told == Told::Steps => self.once(at, group, "baking"),
            RefreshStatus::RollbackInProgress if !ours => {
                self.once(at, group, &told("AWS rolls the refresh back"))
            }
            RefreshStatus::Failed | RefreshStatus::Cancelled | RefreshStatus::RollbackFailed => {
                self.once(at, group, &told(&format!("refresh {status}")))
            }
            RefreshStatus::Baking
            | RefreshStatus::RollbackInProgress
            | RefreshStatus::Pending
            | RefreshStatus::InProgress
            | RefreshStatus::Cancelling
            | RefreshStatus::Successful
            | RefreshStatus::RollbackSuccessful => String::new(),
        };
        if text.is_empty() && status.is_active() { self.alive(at, run) } else { text }
    }

    /// A line on what is under way, when nothing was said for long, which counts as said.
    pub(super) fn alive(&mut self, at: Timestamp, run: &Run) -> String {
        let text = self.sign_of_life(at, run);
        self.signs += u32::from(!text.is_empty());
        text
    }

    fn sign_of_life(&self, at: Timestamp, run: &Run) -> String {
        let wanted = self.signs_of_life && run.ended.is_none() && self.signs < SIGNS;
        let Some(last) = self.last.filter(|_| wanted) else {
            return String::new();
        };
        let asked = self.asked();
        let groups = run.environments.iter().flat_map(|environment| &environment.groups);
        let running = |group: &&GroupRecord| {
            group.outcome.is_none() && (group.is_running() || asked.contains(&group.group))
        };
        let running: Vec<String> =
            groups.filter(running).map(|group| self.under_way(group, &asked)).collect();
        // Where a window or a gate is waited for, hours may pass with nothing to say.
        let silence = if running.is_empty() { RESTING } else { SILENCE } * LONGER.pow(self.signs);
        if at.duration_since(last) < silence {
            return String::new();
        }
        let words = match running.len() {
            0 => self.resting(run),
            all => {
                let more = all.saturating_sub(SHOWN);
                let more = if more == 0 { String::new() } else { format!(", and {more} more") };
                format!("under way: {}{more}", running[..all.min(SHOWN)].join(", "))
            }
        };
        self.line(at, &Style::Dim.paint(&format!("  … {words}"), self.color))
    }

    /// `payments-qa refreshing 45%`.
    fn under_way(&self, group: &GroupRecord, asked: &BTreeSet<GroupRef>) -> String {
        let phase = phase(group, asked);
        let percent = if group.percent < 100 { format!(" {}%", group.percent) } else { String::new() };
        format!("{} {phase}{percent}", self.name(&group.group))
    }

    /// Which environments wait, or that nothing was heard.
    fn resting(&self, run: &Run) -> String {
        let open = run.environments.iter().filter(|one| one.verdict.is_none());
        let waits: Vec<String> = open
            .filter_map(|one| {
                let (until, _) = one.waits.as_ref()?;
                Some(format!("{} until {}", clean::line(one.name.as_str()), self.clock(*until)))
            })
            .collect();
        if waits.is_empty() { "still at it".to_owned() } else { format!("waiting: {}", waits.join(", ")) }
    }

    pub(super) fn check_ended(&mut self, at: Timestamp, group: &GroupRef, result: &CheckResult) -> String {
        let (expected, results) = self.checks.entry(group.clone()).or_insert((1, Vec::new()));
        results.push(result.clone());
        if results.len() >= *expected { self.flush_checks(at, group) } else { String::new() }
    }

    /// The group's results in one line, and below it who did not pass.
    pub(super) fn flush_checks(&mut self, at: Timestamp, group: &GroupRef) -> String {
        let Some((_, mut results)) = self.checks.remove(group) else { return String::new() };
        let Some(worst) = results.iter().map(|result| result.status).max_by_key(|status| rank(*status))
        else {
            return String::new();
        };
        results.sort_by_key(|result| std::cmp::Reverse(result.status));
        let tallies: Vec<String> = results.iter().map(tally).collect();
        let word = Style::of_status(worst).paint(status_word(worst), self.color);
        let line = format!("checks {word}: {}", clean::line(&tallies.join(", ")));
        let failed = worst > Status::Skipped;
        if !failed && self.told != Told::Steps {
            return String::new();
        }
        let mut text = self.group_line(at, group, &line);
        for result in results.iter().filter(|result| result.status > Status::Skipped) {
            text.push_str(&indent(&failing(result), self.under()));
        }
        text
    }

    pub(super) fn group_step(
        &mut self,
        at: Timestamp,
        group: &GroupRef,
        (step, status): (Step, Status),
        message: &str,
        facts: &[String],
    ) -> String {
        match status {
            Status::Passed | Status::Skipped => return String::new(),
            Status::Failed | Status::Errored => {}
        }
        let word = status_word(status);
        let mut text = self.once(at, group, &format!("{} {word}: {message}", step.as_str()));
        let new: Vec<&String> =
            facts.iter().filter(|fact| self.said.insert((group.clone(), (*fact).clone()))).collect();
        for fact in new.iter().take(SHOWN) {
            text.push_str(&indent(&clean::line(fact), self.under()));
        }
        if let Some(more) = new.len().checked_sub(SHOWN + 1) {
            text.push_str(&indent(
                &format!("({} in the JUnit file)", count(more + 1, "more line")),
                self.under(),
            ));
        }
        text
    }

    /// `60 of 500 groups ended: 58 refreshed, 2 skipped`, when another tenth of them did.
    fn tenth(&mut self, at: Timestamp, group: &GroupRef, run: &Run) -> String {
        let Some(record) = run.environment(&group.environment) else { return String::new() };
        let counts = Counts::of(record);
        let (all, ended) = (record.groups.len(), record.groups.len() - counts.unfinished);
        let tenths = ended * 10 / all.max(1);
        // The end of the environment tells all.
        if tenths <= self.tenths || ended == all {
            return String::new();
        }
        self.tenths = tenths;
        let counts = count_words(Counts { unfinished: 0, ..counts });
        self.line(at, &format!("  {ended} of {all} groups ended{counts}"))
    }

    pub(super) fn group_ended(
        &mut self,
        at: Timestamp,
        group: &GroupRef,
        (outcome, took_ms): (&Outcome, u64),
        run: &Run,
    ) -> String {
        let (word, style, ran, words, next) = match outcome {
            Outcome::Refreshed { instances } => {
                let proved = count(usize::try_from(*instances).unwrap_or(usize::MAX), "instance");
                ("refreshed", Style::Good, true, proved, None)
            }
            Outcome::Skipped { why } => ("skipped", Style::Dim, false, why.clone(), None),
            Outcome::RolledBack { why } => ("rolled back", Style::Bad, true, why.clone(), None),
            Outcome::Refused { why } => ("refused", Style::Bad, true, why.clone(), None),
            Outcome::NeedsPerson { why, next } => {
                ("needs a person", Style::Bad, true, why.clone(), Some(next))
            }
            Outcome::Left { state, next } => ("left to AWS", Style::Odd, true, state.clone(), Some(next)),
            Outcome::Deferred { why, .. } => ("not due", Style::Dim, false, why.clone(), None),
            Outcome::NotStarted { why } => ("not started", Style::Dim, false, why.clone(), None),
        };
        if self.told == Told::Tenths && matches!(style, Style::Good | Style::Dim) {
            return self.tenth(at, group, run);
        }
        let took = if ran { duration(took_ms) } else { String::new() };
        let word = style.paint(&format!("{word:<14}"), self.color);
        let mut text = self.group_line(at, group, &format!("{word}  {took:>7}  {}", clean::line(&words)));
        if let Some(next) = next.filter(|next| !next.is_empty()) {
            text.push_str(&indent(&format!("next: {}", clean::line(next)), self.under()));
        }
        text
    }
}

/// How much a status counts for the word that stands for all: some passed matters more than that
/// others were skipped.
fn rank(status: Status) -> u8 {
    match status {
        Status::Skipped => 0,
        Status::Passed => 1,
        Status::Failed => 2,
        Status::Errored => 3,
    }
}
