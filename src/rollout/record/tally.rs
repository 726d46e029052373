//! How many groups ended in which way, and what that makes of the environment: pure.

use super::super::ends::{GroupEnd, Steps};
use crate::model::{Outcome, Verdict};

/// How many groups ended in which way.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) refreshed: usize,
    /// How many of those nothing holds.
    pub(super) proved: usize,
    pub(super) skipped: usize,
    /// How many of those run the image already.
    pub(super) current: usize,
    pub(super) rolled_back: Vec<String>,
    /// Those of which no refresh could be started.
    pub(super) refused: Vec<String>,
    pub(super) needing: Vec<String>,
    pub(super) left: usize,
    pub(super) deferred: usize,
    pub(super) not_started: usize,
    /// Those that hold the gate, with the checks that failed before the refresh too.
    pub(super) held: Vec<String>,
}

impl Tally {
    pub(super) fn of(ends: &[GroupEnd<'_>]) -> Self {
        let mut tally = Self::default();
        for end in ends {
            let name = end.plan.at.group.to_string();
            if !end.held.is_empty() {
                tally.held.push(format!("{name} ({})", end.held.join(", ")));
            }
            match &end.outcome {
                Outcome::Refreshed { .. } => {
                    tally.refreshed += 1;
                    tally.proved += usize::from(end.held.is_empty());
                }
                Outcome::Skipped { .. } => {
                    tally.skipped += 1;
                    tally.current += usize::from(end.plan.is_current);
                }
                Outcome::RolledBack { .. } => tally.rolled_back.push(name),
                Outcome::Refused { .. } => tally.refused.push(name),
                Outcome::NeedsPerson { .. } => tally.needing.push(name),
                Outcome::Left { .. } => tally.left += 1,
                Outcome::Deferred { .. } => tally.deferred += 1,
                Outcome::NotStarted { .. } => tally.not_started += 1,
            }
        }
        tally
    }

    pub(super) fn verdict(&self, steps: Steps, proved_before: bool) -> Verdict {
        let failed = !self.rolled_back.is_empty() || !self.refused.is_empty() || self.not_started > 0;
        if !self.needing.is_empty() || (failed && self.left > 0) {
            // Groups that bake for a next step which will not come end unwatched.
            Verdict::NeedsPerson
        } else if failed {
            // Also where AWS refused to start anything: by then groups were marked and pinned, and
            // templates have a version, all of which was put back or stays for ever.
            Verdict::RolledBack
        } else if !self.held.is_empty() && steps == Steps::Rollout {
            Verdict::Unproved
        } else if self.deferred > 0 && self.refreshed + self.left == 0 {
            Verdict::NotDue
        } else if self.deferred > 0 || steps != Steps::Rollout {
            Verdict::Partial
        } else if self.refreshed > 0 || proved_before {
            Verdict::Passed
        } else {
            Verdict::Unproved
        }
    }

    /// How many groups are on the image and held by nothing, of how many: `13/14`.
    pub(super) fn share(&self) -> String {
        format!("{}/{}", self.proved + self.current, self.refreshed + self.skipped + self.deferred)
    }

    pub(super) fn words(&self) -> String {
        let mut words = Vec::new();
        let mut say = |count: usize, what: &str| {
            if count > 0 {
                words.push(format!("{count} {what}"));
            }
        };
        say(self.refreshed, "refreshed");
        say(self.left, "left to the next step");
        say(self.skipped, "skipped");
        say(self.deferred, "not due");
        say(self.rolled_back.len(), "rolled back");
        say(self.refused.len(), "refused");
        say(self.needing.len(), "needing a person");
        say(self.not_started, "not started");
        if words.is_empty() { "nothing to do".to_owned() } else { words.join(", ") }
    }
}
