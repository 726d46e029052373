//! The one clock: what time it is, and how to wait.
//!
//! On AWS it is the system's. In a rehearsal it stands on tokio's paused time and starts
//! where the rehearsal says. Against a simulator on loopback it runs as much faster as the
//! simulator's own. Nothing else in the program asks the system for the time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// For how long the system's clock is not looked at while it is waited for: a machine that
/// slept, or whose clock was put right, is not late by more.
const SLICE: Duration = Duration::from_secs(60);

/// A clock; copies of one agree.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// What time it was on this clock, and at which instant of the runtime's; `None` for the
    /// system's clock, which is asked each time.
    base: Option<(Timestamp, Instant)>,
    /// How many of its seconds pass in one of the runtime's.
    speed: f64,
}

impl Clock {
    /// The system's time.
    pub fn system() -> Self {
        Self { base: None, speed: 1.0 }
    }

    /// A clock that shows `base` now and runs `speed` times as fast as the runtime's.
    pub fn starting_at(base: Timestamp, speed: f64) -> Self {
        Self { base: Some((base, Instant::now())), speed }
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        let Some((base, start)) = self.base else { return Timestamp::now() };
        let passed = start.elapsed().as_secs_f64() * self.speed;
        SignedDuration::try_from_secs_f64(passed)
            .ok()
            .and_then(|passed| base.checked_add(passed).ok())
            .unwrap_or(Timestamp::MAX)
    }

    /// How many of its seconds pass in one of the runtime's.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// How long the runtime has to wait for `duration` to pass on this clock.
    pub fn real(&self, duration: Duration) -> Duration {
        duration.div_f64(self.speed)
    }

    /// Waits until `duration` has passed on this clock.
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(self.real(duration)).await;
    }

    /// Waits until it shows that time, at least, whatever happens to it meanwhile.
    pub async fn sleep_until(&self, then: Timestamp) {
        loop {
            let left = Duration::try_from(then.duration_since(self.now())).unwrap_or_default();
            if left.is_zero() {
                return;
            }
            let slice = if self.base.is_none() { left.min(SLICE) } else { left };
            // What is rounded on the way must not make it look again at once, and again.
            self.sleep(slice.max(Duration::from_millis(1))).await;
        }
    }

    /// How long ago `then` was; zero when it is still to come.
    pub fn since(&self, then: Timestamp) -> Duration {
        Duration::try_from(self.now().duration_since(then)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_fast_clock_passes_an_hour_in_a_minute() {
        let base: Timestamp = "2026-11-22T19:00:00Z".parse().unwrap_or_default();
        let clock = Clock::starting_at(base, 60.0);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(clock.since(base), Duration::from_secs(3600));
        let before = Instant::now();
        clock.sleep(Duration::from_secs(120)).await;
        assert_eq!(before.elapsed(), Duration::from_secs(2));
    }
}
