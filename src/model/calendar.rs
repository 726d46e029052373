//! Days, times, weekly windows, freezes and business hours: civil time made exact.
//!
//! Everything here is pure, and exact across changes of the offset: an opening that falls
//! into skipped time opens at its end, and one in doubled time opens once, the first time.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

/// Days of the week, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(u8);

/// A stretch of time, its end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Span {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
}

/// A window that opens on some days of each week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The days on which it opens.
    pub days: Days,
    /// When it opens on each of them, by the clock on the wall.
    pub time: Time,
    /// How long it stays open, as time passes, whatever the clock on the wall does meanwhile.
    pub length: Duration,
    /// The zone of that clock.
    pub zone: TimeZone,
}

/// The hours of a week in which people work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessHours {
    /// On which days.
    pub days: Days,
    /// From when.
    pub from: Time,
    /// To when, later than `from`.
    pub to: Time,
    /// The zone of the clock.
    pub zone: TimeZone,
}

/// A moment that comes round again, by the clock on the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A date and a time: it comes once.
    Once(jiff::civil::DateTime),
    /// Each week, on that day.
    Weekly(Weekday, Time),
    /// Each month, on that day from 1; one that a month lacks is its last.
    Monthly(i8, Time),
    /// Each year, in that month and on that day; 29 February is the 28th where there is none.
    Yearly(i8, i8, Time),
}

/// A stretch of time in which nothing may be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// When it begins.
    pub from: Moment,
    /// When it ends: a moment of the same kind.
    pub to: Moment,
    /// The zone of the clock.
    pub zone: TimeZone,
    /// The environments that it holds for; `None` for all of them.
    pub environments: Option<Vec<super::EnvironmentName>>,
    /// Why, for people.
    pub reason: String,
}

impl Days {
    /// Reads `mon`, `tues`, `Thursday`, `mon, wed`, `mon-fri`: the usual names in any case.
    ///
    /// # Errors
    /// What is wrong with the text, in words that begin with it in backticks.
    pub fn parse(text: &str) -> Result<Self, String> {
        unimplemented!("{text}")
    }

    /// Whether the day is one of them.
    pub fn contains(self, day: Weekday) -> bool {
        unimplemented!("{day:?} {self:?}")
    }
}

impl std::fmt::Display for Days {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let _ = f;
        unimplemented!()
    }
}

/// Reads `HH:MM`, 24 hours.
///
/// # Errors
/// What is wrong with the text, in words that begin with it in backticks.
pub fn time_of_day(text: &str) -> Result<Time, String> {
    unimplemented!("{text}")
}

impl Span {
    /// Whether the moment lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// Whether the two have a moment in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from < other.to && other.from < self.to
    }
}

impl Window {
    /// The opening that the moment lies in; the later one where two overlap.
    pub fn open_at(&self, at: Timestamp) -> Option<Span> {
        unimplemented!("{at}")
    }

    /// The first opening that begins after the moment.
    pub fn next_after(&self, at: Timestamp) -> Span {
        unimplemented!("{at}")
    }

    /// The last opening that had closed by the moment.
    pub fn last_before(&self, at: Timestamp) -> Span {
        unimplemented!("{at}")
    }
}

impl Freeze {
    /// Whether it holds for the environment.
    pub fn concerns(&self, environment: &super::EnvironmentName) -> bool {
        self.environments.as_ref().is_none_or(|names| names.contains(environment))
    }

    /// The stretch that the moment lies in.
    pub fn covering(&self, at: Timestamp) -> Option<Span> {
        unimplemented!("{at}")
    }

    /// The first stretch that begins after the moment; `None` when there is none any more.
    pub fn next_after(&self, at: Timestamp) -> Option<Span> {
        unimplemented!("{at}")
    }
}

impl BusinessHours {
    /// The first stretch of business hours that overlaps the span.
    pub fn overlap(&self, span: &Span) -> Option<Span> {
        unimplemented!("{span:?}")
    }
}
