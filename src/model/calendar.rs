//! Days, times, weekly windows, freezes and business hours: civil time made exact.
//!
//! Everything here is pure, and exact across changes of the offset: an opening that falls
//! into skipped time opens at its end, and one in doubled time opens once, the first time.
//! A day that a zone left out altogether has no opening. Never asks for the time.

mod civil;
mod days;
mod freeze;

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use self::civil::{Twice, days_back, days_from, earlier, exists, later, moment};
pub use self::days::{Days, time_of_day};
pub use self::freeze::{Freeze, Moment};

/// How far around a moment the clock's date may be from the dates that matter: a clock is put
/// back by a day at most.
const MARGIN: i32 = 2;

const A_DAY: Duration = Duration::from_hours(24);
const A_WEEK: Duration = Duration::from_hours(7 * 24);

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
        self.opened_by(at).filter(|span| span.contains(at))
    }

    /// The first opening that begins after the moment.
    pub fn next_after(&self, at: Timestamp) -> Span {
        let openings = days_from(&self.zone, at, MARGIN).filter_map(|day| self.opening(day));
        openings
            .into_iter()
            .find(|span| span.from > at)
            .unwrap_or(Span { from: Timestamp::MAX, to: Timestamp::MAX })
    }

    /// The last opening that had closed by the moment.
    pub fn last_before(&self, at: Timestamp) -> Span {
        // All are open for the same time, so it is the last that had opened so long before.
        let opened = self.opened_by(earlier(at, self.length));
        opened.unwrap_or(Span { from: Timestamp::MIN, to: Timestamp::MIN })
    }

    /// An opening that begins or is open within a time and overlaps business hours, and the
    /// hours that it overlaps.
    pub fn first_within(&self, hours: &BusinessHours, time: &Span) -> Option<(Span, Span)> {
        let overlapping = |from: Timestamp, to: Timestamp| {
            let first = self.open_at(from).unwrap_or_else(|| self.next_after(from));
            std::iter::successors(Some(first), |span| Some(self.next_after(span.from)))
                .take_while(|span| span.from < to)
                .find_map(|span| Some((span, hours.overlap(&span)?)))
        };
        // One week is like the other but for the changes of the clocks: one week from the
        // beginning on, and from each change on, with what was open before it.
        let zones = [&self.zone, &hours.zone];
        let changes = zones.into_iter().flat_map(|zone| {
            let changes = zone.following(time.from).map(|change| change.timestamp());
            changes.take_while(|change| *change < time.to)
        });
        let before = self.length.saturating_add(A_DAY);
        std::iter::once(time.from)
            .chain(changes.map(|change| earlier(change, before).max(time.from)))
            .filter_map(|from| {
                let week = later(from, before.saturating_add(A_WEEK).saturating_add(A_DAY));
                overlapping(from, week.min(time.to))
            })
            .min()
    }

    /// The last opening that had begun by the moment.
    fn opened_by(&self, at: Timestamp) -> Option<Span> {
        days_back(&self.zone, at, MARGIN).filter_map(|day| self.opening(day)).find(|span| span.from <= at)
    }

    fn opening(&self, day: Date) -> Option<Span> {
        if !self.days.contains(day.weekday()) || !exists(&self.zone, day) {
            return None;
        }
        let from = moment(&self.zone, day.to_datetime(self.time), Twice::First);
        Some(Span { from, to: later(from, self.length) })
    }
}

impl BusinessHours {
    /// The first stretch of business hours that overlaps the span.
    pub fn overlap(&self, span: &Span) -> Option<Span> {
        let last = self.zone.to_datetime(span.to).date().saturating_add(jiff::Span::new().days(MARGIN));
        let mut stretches = days_from(&self.zone, span.from, MARGIN)
            .take_while(|day| *day <= last)
            .filter_map(|day| self.stretch(day));
        stretches.find(|stretch| stretch.overlaps(span))
    }

    fn stretch(&self, day: Date) -> Option<Span> {
        if !self.days.contains(day.weekday()) {
            return None;
        }
        // An hour that comes twice is worked twice, to be on the safe side.
        let from = moment(&self.zone, day.to_datetime(self.from), Twice::First);
        let to = moment(&self.zone, day.to_datetime(self.to), Twice::Last);
        (from < to).then_some(Span { from, to })
    }
}

impl std::fmt::Display for BusinessHours {
    /// `mon-fri 08:00-18:00`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}-{}", self.days, self.from.strftime("%H:%M"), self.to.strftime("%H:%M"))
    }
}

#[cfg(test)]
mod tests;
