//! Judges one group at one time: due, not due yet and when, opted out, or not to be known.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::words::sources;
use super::{Agenda, Found, Reading, Standing, When, found, time_text};
use crate::config::Missed;
use crate::model::{BusinessHours, Freeze, Problem, Span, Window};

/// How far ahead the next opening is looked for.
const AHEAD: Duration = Duration::from_hours(2 * 366 * 24);
/// How far ahead a window must keep out of business hours: a year, and the weeks by which the
/// changes of the clock move from one to the next.
const A_YEAR: Duration = Duration::from_hours(54 * 7 * 24);

impl<'a> Agenda<'a> {
    /// Judges a group by its name (for problems) and its tags.
    pub fn judge(&self, group: &str, tags: &BTreeMap<String, String>) -> Standing {
        if self.when == When::Now {
            return self.unscheduled();
        }
        let found = found(self.fleet, self.environment, group, tags);
        match &found.reading {
            Reading::Unreadable(problems) => Standing::Unreadable(problems.clone()),
            Reading::OptedOut(key) => Standing::OptedOut { why: format!("its tag {key} opts out") },
            Reading::None => Standing::NotDue { why: nothing_says(&found), next: None },
            Reading::Window(window) => match self.in_business_hours(group, &found, window) {
                Some(problem) => Standing::Unreadable(vec![problem]),
                None => self.scheduled(&found, window),
            },
        }
    }

    /// What holds for every group when windows do not matter.
    fn unscheduled(&self) -> Standing {
        if let Some(why) = self.frozen() {
            let next = self.thawed(self.now).map(|from| self.until(from, None));
            return Standing::NotDue { why, next };
        }
        Standing::Due { until: self.next_freeze(self.now), why: String::new() }
    }

    fn scheduled(&self, found: &Found, window: &Window) -> Standing {
        if let Some((span, why)) = self.due_at(window, self.now) {
            let until = Some(span.to).filter(|until| *until < Timestamp::MAX);
            return Standing::Due { until, why };
        }
        let next = self.next_due(window);
        let why = self.frozen().or_else(|| self.missed_at_work(window)).unwrap_or_else(|| {
            let from = sources(found.day.as_ref(), found.time.as_ref());
            self.opens_later(window, next.as_ref(), &from)
        });
        Standing::NotDue { why, next }
    }

    /// From when to when a group with this window may be started, if it may be then.
    fn due_at(&self, window: &Window, at: Timestamp) -> Option<(Span, String)> {
        if self.counting_freeze(at).is_some() {
            return None;
        }
        if let Some(open) = window.open_at(at) {
            return Some((self.until(at, Some(open.to)), String::new()));
        }
        let missed = self.missed_by(window, at)?;
        let work = self.hours().and_then(|hours| hours.overlap(&Span { from: at, to: Timestamp::MAX }));
        if work.is_some_and(|work| work.contains(at)) {
            return None;
        }
        let why = format!("caught up: its window of {} was missed", self.shown(missed.from));
        Some((self.until(at, work.map(|work| work.from)), why))
    }

    /// The window that closed while the image waited, where such ones are caught up.
    fn missed_by(&self, window: &Window, at: Timestamp) -> Option<Span> {
        let since = self.ready_since?;
        match self.environment.schedule.missed {
            Missed::Wait => None,
            Missed::CatchUp => Some(window.last_before(at)).filter(|last| last.to > since),
        }
    }

    /// When a group with this window may be started next, by the rules that hold now too:
    /// from one thing that may change to the next.
    fn next_due(&self, window: &Window) -> Option<Span> {
        let mut at = self.now;
        let last = ahead(self.now, AHEAD);
        while at <= last {
            if let Some((span, _)) = self.due_at(window, at) {
                return Some(span);
            }
            let opens = window.next_after(at).from;
            let thaws = self.counting_freeze(at).map(|(_, span)| span.to);
            let work_ends =
                self.working(at).filter(|_| self.missed_by(window, at).is_some()).map(|work| work.to);
            // In a freeze it is the freeze's end alone that counts, and no window of a group that
            // is judged opens in business hours.
            at = thaws.or(work_ends).unwrap_or(opens);
        }
        None
    }

    /// From a moment to the next freeze, or to an earlier end.
    fn until(&self, from: Timestamp, end: Option<Timestamp>) -> Span {
        let to = [end, self.next_freeze(from)].into_iter().flatten().min();
        Span { from, to: to.unwrap_or(Timestamp::MAX) }
    }

    /// The first moment from this one on that is not frozen.
    fn thawed(&self, from: Timestamp) -> Option<Timestamp> {
        let last = ahead(from, AHEAD);
        let mut at = from;
        while let Some((_, span)) = self.counting_freeze(at) {
            at = span.to;
            if at > last {
                return None;
            }
        }
        Some(at)
    }

    fn next_freeze(&self, after: Timestamp) -> Option<Timestamp> {
        let starts = self.freezes().filter_map(|freeze| freeze.next_after(after)).map(|span| span.from);
        starts.filter(|_| !self.override_freeze).min()
    }

    /// The freeze that keeps a group from being started then.
    fn counting_freeze(&self, at: Timestamp) -> Option<(&'a Freeze, Span)> {
        if self.override_freeze { None } else { self.freeze_at(at) }
    }

    /// The freeze that holds then, the one that holds longest.
    pub(super) fn freeze_at(&self, at: Timestamp) -> Option<(&'a Freeze, Span)> {
        self.freezes()
            .filter_map(|freeze| Some((freeze, freeze.covering(at)?)))
            .max_by_key(|(_, span)| span.to)
    }

    fn freezes(&self) -> impl Iterator<Item = &'a Freeze> {
        let environment = &self.environment.name;
        self.fleet.freezes.iter().filter(move |freeze| freeze.concerns(environment))
    }

    fn hours(&self) -> Option<&'a BusinessHours> {
        self.environment.schedule.business_hours.as_ref()
    }

    /// The business hours that the moment lies in.
    fn working(&self, at: Timestamp) -> Option<Span> {
        let instant = Span { from: at, to: ahead(at, Duration::from_nanos(1)) };
        self.hours()?.overlap(&instant)
    }

    fn shown(&self, at: Timestamp) -> String {
        time_text(self.fleet, self.environment, at)
    }

    /// Why nothing may be started now, when a freeze holds.
    fn frozen(&self) -> Option<String> {
        let (freeze, span) = self.counting_freeze(self.now)?;
        Some(format!("freeze until {}: {}", self.shown(span.to), freeze.reason))
    }

    /// Why a missed window is not caught up now, when it is for business hours.
    fn missed_at_work(&self, window: &Window) -> Option<String> {
        let (hours, missed) = (self.hours()?, self.missed_by(window, self.now)?);
        self.working(self.now)?;
        let missed = self.shown(missed.from);
        Some(format!(
            "its window of {missed} was missed, and is caught up outside of business hours ({hours})"
        ))
    }

    /// Why a group whose window is not open is not due.
    fn opens_later(&self, window: &Window, next: Option<&Span>, from: &str) -> String {
        let first = window.next_after(self.now).from;
        let frozen = self.counting_freeze(first).map(|(freeze, _)| &freeze.reason);
        match (next, frozen) {
            (Some(next), Some(reason)) => format!(
                "its window of {} ({from}) is frozen: {reason}; it may be started {}",
                self.shown(first),
                self.shown(next.from)
            ),
            (Some(next), None) => format!("its window opens {} ({from})", self.shown(next.from)),
            (None, Some(reason)) => format!("its windows ({from}) are frozen for years: {reason}"),
            (None, None) => format!("its window ({from}) does not open for years"),
        }
    }

    /// What is wrong with a window that lies in the environment's business hours.
    fn in_business_hours(&self, group: &str, found: &Found, window: &Window) -> Option<Problem> {
        let hours = self.hours()?;
        let year = Span { from: self.now, to: ahead(self.now, A_YEAR) };
        let (opening, _) = window.first_within(hours, &year)?;
        let from = sources(found.day.as_ref(), found.time.as_ref());
        let values: Vec<String> =
            found.tags.iter().map(|(key, value)| format!("`{}` is `{}`", key.trim(), value.trim())).collect();
        let tags = if values.is_empty() { String::new() } else { format!("; {}", values.join(", ")) };
        Some(Problem::new(
            format!(
                "the window of `{group}` ({from}) lies in the business hours of `{}`",
                self.environment.name
            ),
            format!(
                "it is open from {} to {}, and the business hours are {hours}{tags}",
                self.shown(opening.from),
                self.shown(opening.to)
            ),
            "give the group a day or a time outside of them by its tags; until then it is not refreshed by schedule",
        ))
    }
}

fn nothing_says(found: &Found) -> String {
    let what = match (&found.day, &found.time) {
        (None, Some(_)) => "on which day",
        (Some(_), None) => "at what time",
        (None, None) | (Some(_), Some(_)) => "when",
    };
    format!("nothing says {what}: neither its tags nor the environment's schedule")
}

fn ahead(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
