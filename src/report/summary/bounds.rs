//! How much of a run a summary holds, and what it leaves out.
//!
//! Every environment, group and step has its line, whatever their number. [`Bounds`] shares out
//! what may be said beside: lines of checks, those that did not pass first, and lengths of texts.

use std::borrow::Cow;
use std::cell::RefCell;

use serde::Serialize;

use super::super::collect::Run;
use crate::event::Status;

/// The most lines of checks.
pub(super) const CHECKS: usize = 10_000;
/// The most characters that messages of steps and checks have together, …
const MESSAGES: usize = 4 * 1024 * 1024;
/// … and of one what there is room for always, and what there is never more than.
const MESSAGE: (usize, usize) = (100, 2000);
/// The most entries of any other list: launches that failed of a group, problems of an environment,
/// and what was not delivered.
pub(super) const LISTED: usize = 100;

/// What was left out, for whoever reads the rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct LeftOut {
    /// Lines of checks; how many of each group is said there.
    pub(super) checks: usize,
    /// Messages that were cut: they end with `…`.
    pub(super) cut: usize,
    /// Entries of other lists.
    pub(super) entries: usize,
    /// Where all of it is.
    found_in: &'static str,
}

/// What is left of what may be said.
#[derive(Debug)]
pub(super) struct Bounds {
    message: usize,
    left: RefCell<Left>,
}

#[derive(Debug)]
struct Left {
    /// Lines of checks that did not pass, …
    bad: usize,
    /// … and of others.
    good: usize,
    out: LeftOut,
}

impl Bounds {
    /// Those of a run, one of so many in the file.
    pub(super) fn of(run: &Run, runs: usize) -> Self {
        let groups = || run.environments.iter().flat_map(|environment| &environment.groups);
        let checks = || groups().flat_map(|group| &group.checks);
        let steps = run.environments.iter().map(|one| one.steps.len()).sum::<usize>()
            + groups().map(|group| group.steps.len()).sum::<usize>();
        let most = CHECKS / runs.max(1);
        let bad = checks().filter(|check| is_bad(check.result.status)).count().min(most);
        let texts = steps + checks().count().min(most);
        let message = MESSAGES / runs.max(1) / texts.max(1);
        let out =
            LeftOut { found_in: "the journal; checks are in the JUnit files, too", ..LeftOut::default() };
        Self {
            message: message.clamp(MESSAGE.0, MESSAGE.1),
            left: RefCell::new(Left { bad, good: most - bad, out }),
        }
    }

    /// Whether there is room for the line of a check that ended so.
    pub(super) fn takes_check(&self, status: Status) -> bool {
        let left = &mut *self.left.borrow_mut();
        let room = if is_bad(status) { &mut left.bad } else { &mut left.good };
        if let Some(less) = room.checked_sub(1) {
            *room = less;
            return true;
        }
        left.out.checks += 1;
        false
    }

    /// The message, cut where it is too long.
    pub(super) fn message<'t>(&self, text: &'t str) -> Cow<'t, str> {
        // A text of few bytes has no more characters.
        if text.len() <= self.message || text.chars().nth(self.message).is_none() {
            return Cow::Borrowed(text);
        }
        self.left.borrow_mut().out.cut += 1;
        text.chars().take(self.message - 1).chain(['…']).collect::<String>().into()
    }

    /// As much of a list as there is room for.
    pub(super) fn list<'t, T>(&self, all: &'t [T]) -> &'t [T] {
        let shown = all.len().min(LISTED);
        self.left.borrow_mut().out.entries += all.len() - shown;
        &all[..shown]
    }

    /// What was left out; `None` when nothing was.
    pub(super) fn left_out(&self) -> Option<LeftOut> {
        let out = self.left.borrow().out;
        (out.checks + out.cut + out.entries > 0).then_some(out)
    }
}

fn is_bad(status: Status) -> bool {
    status > Status::Skipped
}
