//! When a group may be refreshed: its window from its tags, freezes, business hours. Pure.
//!
//! [`Agenda::judge`] says of one group whether it is due, and why not and when next;
//! [`found`] reads a group's tags. Nothing here asks AWS, a clock, or the rollout.

mod judge;
mod tags;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::config::{Environment, Fleet};
use crate::model::{Freeze, Problem, Span, Window};

pub use self::tags::found;
pub use self::words::time_text;

/// Which groups a run takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// All of them: windows do not matter. Freezes do.
    Now,
    /// Those that are due.
    Scheduled,
}

/// Where a value of a group's window comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The tag of this key, of the team's own set.
    Team(String),
    /// The tag of this key, of the set that the platform puts on every group.
    Platform(String),
    /// The environment's `schedule` in the configuration.
    Environment,
}

/// A group's window, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Every tag on the group that has to do with windows, by key, as it was found.
    pub tags: BTreeMap<String, String>,
    /// Where the day comes from; `None` when nothing says one.
    pub day: Option<Source>,
    /// Where the time comes from; `None` when nothing says one.
    pub time: Option<Source>,
    /// What the values that won say.
    pub reading: Reading,
}

/// What a group's tags and its environment say of its window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// This window.
    Window(Window),
    /// Nothing says a day, or a time, or either.
    None,
    /// The group opted out, by the tag of this key.
    OptedOut(String),
    /// A tag can't be read, or two of the team's own disagree: who, what, and the next step.
    Unreadable(Vec<Problem>),
}

/// Whether a group may be started now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It may, until then; `None` is for ever. `why` says so where it is worth a word.
    Due {
        /// When its window closes or the next freeze begins.
        until: Option<Timestamp>,
        /// `caught up: its window of Mon 23 Nov 15:00 was missed`; may be empty.
        why: String,
    },
    /// It may not yet.
    NotDue {
        /// Why: `its window opens Mon 23 Nov 15:00 (AMI_update_time)`, a freeze, …
        why: String,
        /// When it may be started next; `None` when that is not known. It ends at
        /// [`Timestamp::MAX`] when nothing ends it.
        next: Option<Span>,
    },
    /// It is never refreshed by schedule, and holds up nobody.
    OptedOut {
        /// By which tag.
        why: String,
    },
    /// It can't be known, or its window lies in business hours. It holds up nobody.
    Unreadable(Vec<Problem>),
}

/// Everything that the groups of one environment are judged by.
#[derive(Debug, Clone, Copy)]
pub struct Agenda<'a> {
    /// The configuration.
    pub fleet: &'a Fleet,
    /// The environment.
    pub environment: &'a Environment,
    /// Which groups are taken.
    pub when: When,
    /// The time.
    pub now: Timestamp,
    /// Since when the image might have been rolled out here: a window that closed after
    /// that was missed. `None` when that is not known: nothing was missed.
    pub ready_since: Option<Timestamp>,
    /// Whether freezes are overridden.
    pub override_freeze: bool,
}

impl<'a> Agenda<'a> {
    /// The freeze that holds for the environment now, and its stretch, overridden or not.
    pub fn freeze(&self) -> Option<(&'a Freeze, Span)> {
        self.freeze_at(self.now)
    }
}
