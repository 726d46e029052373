//! How often something is asked, and when that ends.
//!
//! [`Retry`] counts askings and waits between them. It does not ask.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::config::RetryPolicy;
use crate::event::Status;

/// The shortest wait between two askings, so that a policy of "at once" can't spin.
const SHORTEST: Duration = Duration::from_millis(10);

/// The askings of one subject, from its first to its last.
#[derive(Debug)]
pub(super) struct Retry<'a> {
    clock: Clock,
    policy: &'a RetryPolicy,
    began: Timestamp,
    passes: u32,
    attempts: u32,
}

impl<'a> Retry<'a> {
    /// Starts with the first asking, now.
    pub(super) fn new(clock: Clock, policy: &'a RetryPolicy) -> Self {
        Self { clock, policy, began: clock.now(), passes: 0, attempts: 0 }
    }

    /// Counts an answer, and says whether another asking is due after [`Retry::wait`].
    ///
    /// A pass asks for more until enough came in a row, also when the time is up: a streak
    /// that began in time may end. Any other answer asks again only within the time.
    pub(super) fn again(&mut self, status: Status) -> bool {
        self.attempts = self.attempts.saturating_add(1);
        match status {
            Status::Passed => {
                self.passes += 1;
                self.passes < self.policy.consecutive
            }
            Status::Failed | Status::Errored => {
                self.passes = 0;
                self.clock.since(self.began).saturating_add(self.pause()) <= self.policy.within
            }
            Status::Skipped => false,
        }
    }

    /// Waits until the next asking is due.
    pub(super) async fn wait(&self) {
        self.clock.sleep(self.pause()).await;
    }

    /// How many answers were counted.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    fn pause(&self) -> Duration {
        self.policy.every.max(SHORTEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(within: u64, every: u64, consecutive: u32) -> RetryPolicy {
        RetryPolicy { within: Duration::from_secs(within), every: Duration::from_secs(every), consecutive }
    }

    /// Asks until the end; `answers` gives the k-th answer. The last answer, askings, seconds.
    async fn run(policy: &RetryPolicy, answers: impl Fn(u32) -> Status) -> (Status, u32, u64) {
        let clock = Clock::starting_at(Timestamp::UNIX_EPOCH, 1.0);
        let began = clock.now();
        let mut retry = Retry::new(clock, policy);
        loop {
            let status = answers(retry.attempts());
            if !retry.again(status) {
                return (status, retry.attempts(), clock.since(began).as_secs());
            }
            retry.wait().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn passes_in_a_row_end_it_and_a_failure_starts_the_count_anew() {
        use Status::{Failed, Passed};
        assert_eq!(run(&policy(300, 10, 3), |_| Passed).await, (Passed, 3, 20));
        let flapping = |k| if k == 2 { Failed } else { Passed };
        assert_eq!(run(&policy(300, 10, 3), flapping).await, (Passed, 6, 50));
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_last_answer_when_the_time_is_up() {
        use Status::{Errored, Failed};
        assert_eq!(run(&policy(60, 10, 1), |_| Failed).await, (Failed, 7, 60));
        assert_eq!(run(&policy(0, 10, 1), |_| Errored).await, (Errored, 1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_streak_that_began_in_time_may_end() {
        use Status::{Failed, Passed};
        let late = |k| if k < 6 { Failed } else { Passed };
        assert_eq!(run(&policy(60, 10, 3), late).await, (Passed, 9, 80));
        let broken = |k| if k < 6 || k == 8 { Failed } else { Passed };
        assert_eq!(run(&policy(60, 10, 3), broken).await, (Failed, 9, 80));
    }

    #[tokio::test(start_paused = true)]
    async fn no_pause_at_all_does_not_spin() {
        let (status, attempts, seconds) = run(&policy(1, 0, 1), |_| Status::Failed).await;
        assert_eq!((status, seconds), (Status::Failed, 1));
        assert!((90..=101).contains(&attempts), "{attempts}");
    }
}
