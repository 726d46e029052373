//! When to look at a refresh again: often near its end, seldom before. Pure.

use std::time::Duration;

use crate::model::RefreshStatus;

const SOONEST: Duration = Duration::from_secs(15);
const LATEST: Duration = Duration::from_secs(240);

/// What is known of a refresh when it was looked at last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Its status.
    pub(super) status: RefreshStatus,
    /// Percent done.
    pub(super) percent: u8,
    /// How long it has run.
    pub(super) elapsed: Duration,
    /// How much of the bake is left, while it bakes.
    pub(super) bake_left: Duration,
}

/// How long to wait before the next look.
///
/// Aims at the expected end by a bit more than halves, so that the number of looks grows
/// with the logarithm of the time that is left, not with the time.
pub(super) fn pause(known: Option<Known>) -> Duration {
    let Some(known) = known else { return SOONEST };
    let left = match known.status {
        // AWS ends the bake by the clock: one look just after is enough.
        RefreshStatus::Baking => return known.bake_left.clamp(Duration::from_secs(5), LATEST),
        RefreshStatus::Pending | RefreshStatus::InProgress if known.percent > 0 => {
            known.elapsed.mul_f64(f64::from(100 - known.percent.min(100)) / f64::from(known.percent))
        }
        // The percentage falls during a rollback, and stands still while one is cancelled.
        RefreshStatus::RollbackInProgress if known.percent > 0 => {
            Duration::from_secs(u64::from(known.percent) * 2)
        }
        RefreshStatus::Pending
        | RefreshStatus::InProgress
        | RefreshStatus::Cancelling
        | RefreshStatus::RollbackInProgress => {
            return known.elapsed.clamp(Duration::from_secs(30), Duration::from_secs(90));
        }
        RefreshStatus::Successful
        | RefreshStatus::Failed
        | RefreshStatus::Cancelled
        | RefreshStatus::RollbackSuccessful
        | RefreshStatus::RollbackFailed => return SOONEST,
    };
    left.mul_f64(0.6).clamp(SOONEST, LATEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at a refresh that moves evenly and ends after `total` seconds: how often, how late.
    fn follow(total: u64) -> (u32, u64) {
        let (mut now, mut looks, mut known) = (0_u64, 0, None);
        while now < total {
            now += pause(known).as_secs();
            looks += 1;
            let percent = u8::try_from((now * 100 / total).min(100)).unwrap();
            let status = if now < total { RefreshStatus::InProgress } else { RefreshStatus::Successful };
            known =
                Some(Known { status, percent, elapsed: Duration::from_secs(now), bake_left: Duration::ZERO });
        }
        (looks, now - total)
    }

    #[test]
    fn the_end_is_seen_soon_and_with_few_looks() {
        for minutes in [2, 10, 20, 30, 60, 180] {
            let (looks, late) = follow(minutes * 60);
            // AWS rounds to whole percents, which nobody can look behind.
            let allowed = SOONEST.as_secs().max(minutes * 60 / 100);
            assert!(late <= allowed, "{minutes} minutes: seen {late} s late");
            assert!(looks <= 10 + u32::try_from(minutes).unwrap() / 4, "{minutes} minutes: {looks} looks");
        }
    }
}
