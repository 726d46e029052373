//! The moment at which a clock on the wall shows a date and a time.
//!
//! A clock that is put forward skips times: each of them is the moment at which it is put
//! forward. One that is put back shows times twice: the caller says which it means.

use std::time::Duration;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};

/// Which moment is meant by a time that the clock shows twice.
#[derive(Debug, Clone, Copy)]
pub(super) enum Twice {
    /// The first of the two.
    First,
    /// The second, from when on the clock shows no less again.
    Last,
}

/// When the clock of the zone shows that, or would if it did not skip it.
pub(super) fn moment(zone: &TimeZone, at: DateTime, twice: Twice) -> Timestamp {
    match (zone.to_ambiguous_timestamp(at).offset(), twice) {
        (AmbiguousOffset::Unambiguous { offset }, _) => timestamp(offset, at),
        (AmbiguousOffset::Fold { before, .. }, Twice::First) => timestamp(before, at),
        (AmbiguousOffset::Fold { before, after }, Twice::Last) => {
            let last = timestamp(after, at);
            // The time that the clock is put back to: it is reached at first, and shows no less again.
            let is_change = zone.to_offset(earlier(last, Duration::from_nanos(1))) == before;
            if is_change { timestamp(before, at) } else { last }
        }
        (AmbiguousOffset::Gap { before, after }, _) => gap_end(zone, at, before, after),
    }
}

/// The moment at which the clock is put forward over a time.
fn gap_end(zone: &TimeZone, at: DateTime, before: Offset, after: Offset) -> Timestamp {
    // By the later offset the time lies before the change, by the earlier one behind it.
    let (early, late) = (timestamp(after, at), timestamp(before, at));
    let mut changes = zone.following(early).map(|change| change.timestamp());
    let skips = |change: &Timestamp| before.to_datetime(*change) <= at && at < after.to_datetime(*change);
    changes.find(skips).unwrap_or(late)
}

/// Whether the zone had that day at all: some have changed sides of the date line.
pub(super) fn exists(zone: &TimeZone, day: Date) -> bool {
    let midnight = day.to_datetime(Time::midnight());
    let AmbiguousOffset::Gap { after, .. } = zone.to_ambiguous_timestamp(midnight).offset() else {
        return true;
    };
    after.to_datetime(moment(zone, midnight, Twice::First)).date() <= day
}

/// The dates from some days before the one that the clock shows, in order.
///
/// A clock that is put back or forward over midnight shows the date of a moment that came
/// before or comes later, so callers begin and end some days further away.
pub(super) fn days_from(zone: &TimeZone, at: Timestamp, days_before: i32) -> impl Iterator<Item = Date> {
    let first = shifted(zone.to_datetime(at).date(), -days_before);
    std::iter::successors(Some(first), |day| day.tomorrow().ok())
}

/// The dates from some days after the one that the clock shows, backwards.
pub(super) fn days_back(zone: &TimeZone, at: Timestamp, days_after: i32) -> impl Iterator<Item = Date> {
    let last = shifted(zone.to_datetime(at).date(), days_after);
    std::iter::successors(Some(last), |day| day.yesterday().ok())
}

fn shifted(day: Date, days: i32) -> Date {
    day.saturating_add(days.days())
}

/// The moment so much later, or the last there is.
pub(super) fn later(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// The moment so much earlier, or the first there is.
pub(super) fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

fn timestamp(offset: Offset, at: DateTime) -> Timestamp {
    let beyond = if at.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
    offset.to_timestamp(at).unwrap_or(beyond)
}
