//! Freezes: stretches of time in which nothing may be started, once or again and again.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::Span;
use super::civil::{Twice, moment};
use crate::model::EnvironmentName;

/// A moment that comes round again, by the clock on the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A date and a time: it comes once.
    Once(DateTime),
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
    pub environments: Option<Vec<EnvironmentName>>,
    /// Why, for people.
    pub reason: String,
}

/// How many rounds are looked at behind and ahead of a moment. Ahead, it is years between
/// two leap days that count, when no leap year is left out and when one is.
const BEHIND: i32 = 2;
const AHEAD: i32 = 9;

impl Freeze {
    /// Whether it holds for the environment.
    pub fn concerns(&self, environment: &EnvironmentName) -> bool {
        self.environments.as_ref().is_none_or(|names| names.contains(environment))
    }

    /// The stretch that the moment lies in.
    pub fn covering(&self, at: Timestamp) -> Option<Span> {
        self.stretches(at).filter(|span| span.contains(at)).max_by_key(|span| span.to)
    }

    /// The first stretch that begins after the moment; `None` when there is none any more.
    pub fn next_after(&self, at: Timestamp) -> Option<Span> {
        self.stretches(at).find(|span| span.from > at)
    }

    /// The stretches around a moment, in order.
    fn stretches(&self, at: Timestamp) -> impl Iterator<Item = Span> {
        let here = self.zone.to_datetime(at).date();
        (-BEHIND..=AHEAD).filter_map(move |round| {
            let (from, to) = self.round(here, round)?;
            // A time that comes twice freezes both times, to be on the safe side.
            let from = moment(&self.zone, from, Twice::First);
            let to = moment(&self.zone, to, Twice::Last);
            (from < to).then_some(Span { from, to })
        })
    }

    /// Its beginning and end in the week, month or year so many after the one of a date.
    fn round(&self, here: Date, round: i32) -> Option<(DateTime, DateTime)> {
        let (from, to) = match (self.from, self.to) {
            (Moment::Once(from), Moment::Once(to)) => return (round == 0).then_some((from, to)),
            (Moment::Weekly(day, time), Moment::Weekly(end_day, end_time)) => {
                let at = |round, day: Weekday, time| Some(week_day(here, round, day)?.to_datetime(time));
                let written =
                    (day.to_monday_zero_offset(), time) < (end_day.to_monday_zero_offset(), end_time);
                (at(round, day, time)?, at(next_if(!written, round), end_day, end_time)?)
            }
            (Moment::Monthly(day, time), Moment::Monthly(end_day, end_time)) => {
                let at = |round, day, time| Some(month_day(here, round, day)?.to_datetime(time));
                let written = (day, time) < (end_day, end_time);
                (at(round, day, time)?, at(next_if(!written, round), end_day, end_time)?)
            }
            (Moment::Yearly(month, day, time), Moment::Yearly(end_month, end_day, end_time)) => {
                let at = |round, month, day, time| Some(year_day(here, round, month, day)?.to_datetime(time));
                let written = (month, day, time) < (end_month, end_day, end_time);
                (at(round, month, day, time)?, at(next_if(!written, round), end_month, end_day, end_time)?)
            }
            (Moment::Once(_) | Moment::Weekly(..) | Moment::Monthly(..) | Moment::Yearly(..), _) => {
                return None;
            }
        };
        Some((from, to))
    }
}

/// An end that is not after its beginning in one round is in the next.
fn next_if(next: bool, round: i32) -> i32 {
    if next { round + 1 } else { round }
}

fn week_day(here: Date, weeks: i32, day: Weekday) -> Option<Date> {
    let monday = here.checked_sub(i32::from(here.weekday().to_monday_zero_offset()).days()).ok()?;
    monday.checked_add((7 * weeks + i32::from(day.to_monday_zero_offset())).days()).ok()
}

fn month_day(here: Date, months: i32, day: i8) -> Option<Date> {
    let month = here.first_of_month().checked_add(months.months()).ok()?;
    last_if_lacking(month, day)
}

fn year_day(here: Date, years: i32, month: i8, day: i8) -> Option<Date> {
    let year = i16::try_from(i32::from(here.year()) + years).ok()?;
    last_if_lacking(Date::new(year, month, 1).ok()?, day)
}

fn last_if_lacking(month: Date, day: i8) -> Option<Date> {
    Date::new(month.year(), month.month(), day.min(month.days_in_month())).ok()
}
