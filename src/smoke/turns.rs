//! Whose turn it is: how many askings are under way at once.
//!
//! Each holds a connection, and memory. What answers at once needs few of them to be asked as
//! fast as the machine can; what keeps one waiting must not hold up the others. So askings begin
//! in few places, and one that takes longer leaves its place to the next.

use std::time::Duration;

use tokio::sync::Semaphore;

use crate::clock::Clock;

/// How many askings are under way at once, unless told otherwise.
pub(super) const LIMIT: usize = 256;
/// How many of them may be young.
const YOUNG: usize = 64;
/// How long an asking is young.
const YOUTH: Duration = Duration::from_millis(250);

/// The places for askings.
#[derive(Debug)]
pub(super) struct Turns {
    clock: Clock,
    /// Where every asking begins.
    young: Semaphore,
    /// Where those are that take longer.
    old: Semaphore,
}

impl Turns {
    /// Places for so many askings, at least 1.
    pub(super) fn of(clock: Clock, limit: usize) -> Self {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS);
        let young = limit.min(YOUNG);
        Self { clock, young: Semaphore::new(young), old: Semaphore::new(limit - young) }
    }

    /// Begins the asking when it is its turn, and runs it. Dropped, it leaves its place.
    pub(super) async fn take<F: Future>(&self, begin: impl FnOnce() -> F) -> F::Output {
        // They fail only when a semaphore is closed, and nobody closes them.
        let place = self.young.acquire().await.ok();
        // Those that wait for their turn need no room for what only an asking holds.
        let mut asking = Box::pin(begin());
        if let Ok(answer) = tokio::time::timeout(self.clock.real(YOUTH), &mut asking).await {
            return answer;
        }
        tokio::select! {
            biased;
            answer = &mut asking => answer,
            older = self.old.acquire() => {
                drop(place);
                let answer = asking.await;
                drop(older);
                answer
            }
        }
    }

    /// Whether as many askings begin as may: others wait, or are about to.
    pub(super) fn is_full(&self) -> bool {
        self.young.available_permits() == 0
    }

    /// How many places are free.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.young.available_permits() + self.old.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use jiff::Timestamp;

    use super::*;

    /// So many askings that take so long, in milliseconds: the most at once, and the milliseconds of all.
    async fn run(limit: usize, count: usize, each: impl Fn(usize) -> u64) -> (usize, u128) {
        let turns = Turns::of(Clock::starting_at(Timestamp::UNIX_EPOCH, 1.0), limit);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let began = tokio::time::Instant::now();
        let asking = |at| {
            let (now, most, long) = (&now, &most, Duration::from_millis(each(at)));
            turns.take(async move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(long).await;
                now.fetch_sub(1, Ordering::SeqCst);
            })
        };
        join_all((0..count).map(asking)).await;
        (most.load(Ordering::SeqCst), began.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn what_answers_at_once_takes_few_places() {
        assert_eq!(run(LIMIT, 6400, |_| 100).await, (64, 10_000));
        assert_eq!(run(8, 80, |_| 100).await, (8, 1000));
        assert_eq!(run(0, 3, |_| 100).await, (1, 300));
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_long_takes_all_places_and_no_more() {
        // Four times 64 come every 250 ms: the last of 256 begins at 750 ms.
        assert_eq!(run(LIMIT, 256, |_| 10_000).await, (256, 10_750));
        let (most, took) = run(LIMIT, 1024, |_| 10_000).await;
        assert_eq!(most, 256);
        assert!((40_750..44_000).contains(&took), "{took}");
        assert_eq!(run(4, 8, |_| 10_000).await, (4, 20_000));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_slow_does_not_hold_up_what_is_quick() {
        // Half of the places are taken by what never ends in time.
        let (most, took) = run(LIMIT, 128 + 6400, |at| if at < 128 { 60_000 } else { 100 }).await;
        assert_eq!((most, took), (192, 60_250));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_asking_leaves_its_place() {
        let turns = Turns::of(Clock::starting_at(Timestamp::UNIX_EPOCH, 1.0), 1);
        let never = turns.take(std::future::pending::<()>);
        assert!(tokio::time::timeout(Duration::from_secs(1), never).await.is_err());
        assert!(!turns.is_full());
        turns.take(async || assert!(turns.is_full())).await;
    }
}
