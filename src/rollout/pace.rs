//! When to look at a refresh again: seldom while nothing can have changed, and close to where
//! it stops next. Pure.
//!
//! AWS replaces instances in equal steps. Two looks, one before and one after a step, say
//! how long a percent takes at least and at most; every further look narrows that. The next
//! look is aimed at the next stop: a checkpoint, the beginning of the bake, its end.

mod watch;

use std::time::Duration;

pub(super) use watch::{Course, Next, Sign, Watch};

use crate::config::Preferences;
use crate::model::RefreshStatus;

/// The least pause, in seconds.
const SOONEST: f64 = 15.0;
/// The longest pause before anything was replaced, when launches may fail, …
const LATEST_AT_FIRST: f64 = 240.0;
/// … and after that, of a refresh that is not long.
const LATEST: f64 = 480.0;
/// How long a launch takes at the least, before it warms up.
const LAUNCHES_WITHIN: f64 = 30.0;
/// The warmup that is reckoned with where the group's own is used: a short one.
const WARMUP: f64 = 60.0;
/// Which part of the whole an end may be seen late.
const LATE: f64 = 0.007;

/// What is known of a refresh from the looks at it so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    status: RefreshStatus,
    percent: u8,
    /// How long it had run, in seconds.
    elapsed: f64,
    /// From which percentage on it was followed, and since when.
    base: (u8, f64),
    /// How many seconds one percent takes, at least and at most.
    pace: Option<(f64, f64)>,
    /// The smallest step that was seen.
    step: u8,
    /// When the bake began, at the earliest and at the latest.
    baking: Option<(f64, f64)>,
}

/// What one look showed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// The status.
    pub(super) status: RefreshStatus,
    /// Percent done.
    pub(super) percent: u8,
    /// How long it has run.
    pub(super) elapsed: Duration,
}

impl Known {
    /// What the last look showed.
    pub(super) fn seen(self) -> (RefreshStatus, u8) {
        (self.status, self.percent)
    }

    /// What was known, and what one more look showed.
    pub(super) fn after(known: Option<Self>, look: Look, preferences: &Preferences) -> Self {
        let elapsed = look.elapsed.as_secs_f64();
        let percent = look.percent.min(100);
        // One that is adopted has run for longer than is known.
        let base = known.map_or((percent, if percent == 0 { 0.0 } else { elapsed }), |known| known.base);
        let before = known.map_or(base, |known| (known.percent, known.elapsed));
        let mut next = Self {
            status: look.status,
            percent,
            elapsed,
            base,
            pace: known.and_then(|known| known.pace),
            step: known.map_or(100, |known| known.step),
            baking: known.and_then(|known| known.baking),
        };
        match look.status {
            RefreshStatus::Pending | RefreshStatus::InProgress => next.measure(before, preferences),
            RefreshStatus::Baking if next.baking.is_none() => {
                let whole = next.stop(100, preferences).map_or(0.0, |(earliest, _)| earliest.min(elapsed));
                // One that is adopted may have baked for nearly all the time.
                let earliest =
                    known.map_or(elapsed - preferences.bake.as_secs_f64(), |_| before.1.max(whole));
                next.baking = Some((earliest, elapsed));
            }
            RefreshStatus::Baking
            | RefreshStatus::Cancelling
            | RefreshStatus::RollbackInProgress
            | RefreshStatus::Successful
            | RefreshStatus::Failed
            | RefreshStatus::Cancelled
            | RefreshStatus::RollbackSuccessful
            | RefreshStatus::RollbackFailed => {}
        }
        next
    }

    /// The same, when it is known otherwise that its bake had not begun by then.
    pub(super) fn not_baking_by(mut self, moment: f64) -> Self {
        self.baking = self.baking.map(|(earliest, latest)| (earliest.max(moment).min(latest), latest));
        self
    }

    /// Narrows how long a percent takes.
    fn measure(&mut self, before: (u8, f64), preferences: &Preferences) {
        let done = f64::from(self.percent.saturating_sub(self.base.0));
        let worked = |it: &Self, at: f64, stop: u8| (at - it.base.1 - it.paused(stop, preferences)).max(0.0);
        if self.percent > before.0 && done > 0.0 {
            self.step = self.step.min(self.percent - before.0);
            let seen = (
                worked(self, before.1, self.percent) / done,
                worked(self, self.elapsed, self.percent) / done,
            );
            let both = self.pace.map(|(least, most)| (least.max(seen.0), most.min(seen.1)));
            // Where they don't go together, it does not move evenly: the newer one counts.
            self.pace = Some(both.filter(|(least, most)| least <= most).unwrap_or(seen));
        }
        if let Some((least, most)) = self.pace {
            // The next step has not come yet.
            let next = self.percent.saturating_add(self.step).min(100);
            let still = worked(self, self.elapsed, next) / f64::from(next - self.base.0).max(1.0) * 0.97;
            self.pace = Some((least.max(still), most));
        }
    }

    /// For how long it pauses at checkpoints before it comes to that percentage.
    fn paused(&self, percent: u8, preferences: &Preferences) -> f64 {
        let Some((_, pausing)) = preferences.checkpoints.split_last() else { return 0.0 };
        let passed = pausing.iter().filter(|&&one| one >= self.base.0 && one < percent).count();
        preferences.checkpoint_delay.as_secs_f64() * f64::from(u32::try_from(passed).unwrap_or(u32::MAX))
    }

    /// When it comes to that percentage, at the earliest and at the latest.
    fn stop(&self, percent: u8, preferences: &Preferences) -> Option<(f64, f64)> {
        let (least, most) = self.pace?;
        let percents = f64::from(percent.saturating_sub(self.base.0));
        let begun = self.base.1 + self.paused(percent, preferences);
        Some((begun + percents * least, begun + percents * most))
    }
}

/// How long to wait before the next look at a refresh that runs for so long now.
pub(super) fn pause(known: Option<Known>, running: Duration, preferences: &Preferences) -> Duration {
    let seconds = known.map_or(SOONEST, |known| seconds(&known, running.as_secs_f64(), preferences));
    Duration::from_secs_f64(seconds.ceil())
}

fn seconds(known: &Known, elapsed: f64, preferences: &Preferences) -> f64 {
    let bake = preferences.bake.as_secs_f64();
    match known.status {
        RefreshStatus::Pending | RefreshStatus::InProgress => {
            let next = preferences.checkpoints.iter().find(|&&one| one > known.percent);
            match known.stop(next.copied().unwrap_or(100), preferences) {
                // At a checkpoint the checks are to be asked while it pauses.
                Some(window) => {
                    aim(elapsed, window, if next.is_some_and(|one| *one < 100) { 0.0 } else { bake })
                        .min(LATEST.max(elapsed / 6.0))
                }
                None => at_first(elapsed, preferences),
            }
        }
        RefreshStatus::Baking => {
            let (earliest, latest) = known.baking.unwrap_or((elapsed, elapsed));
            aim(elapsed, (earliest + bake, latest + bake), 0.0)
        }
        // The percentage falls during a rollback, and stands still while one is cancelled.
        RefreshStatus::RollbackInProgress if known.percent > 0 => f64::from(known.percent) * 1.2,
        RefreshStatus::Cancelling | RefreshStatus::RollbackInProgress => elapsed.clamp(30.0, 90.0),
        RefreshStatus::Successful
        | RefreshStatus::Failed
        | RefreshStatus::Cancelled
        | RefreshStatus::RollbackSuccessful
        | RefreshStatus::RollbackFailed => SOONEST,
    }
    .max(SOONEST)
}

/// Before anything is replaced: nothing can be before it is warm, but launches may fail.
fn at_first(elapsed: f64, preferences: &Preferences) -> f64 {
    let warm = preferences.warmup.map_or(WARMUP, |warmup| warmup.as_secs_f64()) + LAUNCHES_WITHIN;
    let pause = if elapsed < warm { warm - elapsed } else { elapsed / 5.0 };
    pause.clamp(SOONEST, LATEST_AT_FIRST)
}

/// How long to wait for something that comes between these moments, when `more` seconds are
/// still to follow it.
fn aim(now: f64, (earliest, latest): (f64, f64), more: f64) -> f64 {
    let near = SOONEST.max((latest + more) * LATE);
    let width = latest - earliest;
    if now >= latest {
        // It is slower than it seemed.
        return near.max((now - latest) / 2.0);
    }
    if width <= 2.0 * near {
        return latest - now + 2.0;
    }
    // What is seen late in the bake is only that it began: its end is aimed at anew.
    let coarse = if more > 0.0 { width / 3.0 } else { width / 8.0 };
    earliest.max(now) - now + coarse.max(2.0 * near)
}

#[cfg(test)]
mod tests;
