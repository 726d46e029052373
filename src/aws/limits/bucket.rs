//! One bucket: who may call when, and how that changes with AWS's answers. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

/// How many calls may go at once, and how many every second, before AWS has said anything:
/// more than it bears of some calls, since nobody knows what it bears of which.
const MOST: f64 = 200.0;
/// What is left of that after AWS has throttled a call.
const SLOWER: f64 = 0.5;
/// How much comes back with every call that waited and AWS takes, in calls a second: at a limit
/// of ten a second that is one throttled call in a hundred, and where one call in a hundred is
/// throttled whatever the rate, it settles at ten a second.
const FASTER: f64 = 0.05;
/// What is always left: a call every two seconds, as with the SDK's own limiter.
const LEAST: f64 = 0.5 / MOST;
/// Sums of fractions are never exact.
const NEARLY: f64 = 1e-6;

/// A bucket of calls. Whoever wants to call gets in line, and goes when it is his turn.
#[derive(Debug)]
pub(super) struct Bucket {
    /// The part of [`MOST`] that AWS bears, as far as is known.
    share: f64,
    /// How many calls may go now.
    left: f64,
    /// When that was so.
    at: Timestamp,
    /// Those in line, by their numbers.
    line: BTreeSet<u64>,
    /// The last number that was given.
    last: u64,
    /// When it was slowed last.
    slowed: Option<Timestamp>,
}

impl Bucket {
    /// A bucket that nothing was taken from.
    pub(super) fn full(now: Timestamp) -> Self {
        Self { share: 1.0, left: MOST, at: now, line: BTreeSet::new(), last: 0, slowed: None }
    }

    /// How many calls a second it lets go.
    pub(super) fn rate(&self) -> f64 {
        MOST * self.share
    }

    /// How many it lets go at once after a rest.
    fn burst(&self) -> f64 {
        (MOST * self.share).max(1.0)
    }

    /// Gets in line, with a number.
    pub(super) fn enter(&mut self) -> u64 {
        self.last += 1;
        self.line.insert(self.last);
        self.last
    }

    /// Goes, when it is that number's turn; else how long that takes, as far as is known now.
    pub(super) fn go(&mut self, number: u64, now: Timestamp) -> Option<Duration> {
        self.fill(now);
        let before = u32::try_from(self.line.range(..number).count()).unwrap_or(u32::MAX);
        let missing = f64::from(before) + 1.0 - self.left;
        if missing > NEARLY {
            return Some(Duration::from_secs_f64(missing / self.rate()));
        }
        self.left = (self.left - 1.0).max(0.0);
        self.leave(number);
        None
    }

    /// Gets out of the line.
    pub(super) fn leave(&mut self, number: u64) {
        self.line.remove(&number);
    }

    /// AWS took a call. Only one that had waited for its turn says that more may be borne: else
    /// a quiet hour would end in a burst.
    pub(super) fn answered(&mut self, waited: bool) {
        if waited {
            self.share = (self.share + FASTER / MOST).min(1.0);
        }
    }

    /// AWS throttled a call that was sent then; gives whether that slows the bucket: of
    /// several that were on their way together only the first does.
    pub(super) fn throttled(&mut self, sent: Timestamp, now: Timestamp) -> bool {
        self.fill(now);
        // AWS's own bucket is empty, so nobody goes at once.
        self.left = 0.0;
        if self.slowed.is_some_and(|slowed| sent <= slowed) {
            return false;
        }
        self.slowed = Some(now);
        self.share = (self.share * SLOWER).max(LEAST);
        true
    }

    fn fill(&mut self, now: Timestamp) {
        let passed = now.duration_since(self.at).as_secs_f64().max(0.0);
        self.left = (self.left + passed * self.rate()).min(self.burst());
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: f64) -> Timestamp {
        let start: Timestamp = "2026-11-22T19:00:00Z".parse().expect("a time");
        start + jiff::SignedDuration::from_secs_f64(seconds)
    }

    /// A server that takes so many calls at once, and so many a second.
    struct Server {
        burst: f64,
        rate: f64,
        left: f64,
        at: f64,
    }

    impl Server {
        fn takes(&mut self, now: f64) -> bool {
            self.left = (self.left + (now - self.at) * self.rate).min(self.burst);
            self.at = now;
            let takes = self.left >= 1.0;
            self.left -= if takes { 1.0 } else { 0.0 };
            takes
        }
    }

    /// Makes calls one after the other for so long: how many were taken, how many throttled
    /// after the first half minute.
    fn press(server: &mut Server, bucket: &mut Bucket, seconds: f64) -> (u32, u32) {
        let (mut now, mut taken, mut throttled) = (0.0, 0, 0);
        while now < seconds {
            let number = bucket.enter();
            let mut waited = false;
            while let Some(wait) = bucket.go(number, at(now)) {
                now += wait.as_secs_f64().max(0.001);
                waited = true;
            }
            if server.takes(now) {
                bucket.answered(waited);
                taken += 1;
            } else {
                bucket.throttled(at(now), at(now));
                throttled += u32::from(now > 30.0);
            }
        }
        (taken, throttled)
    }

    #[test]
    fn it_finds_what_aws_bears_and_stays_below() {
        for rate in [2.0, 5.0, 10.0, 20.0, 100.0] {
            let mut server = Server { burst: 50.0, rate, left: 50.0, at: 0.0 };
            let (taken, throttled) = press(&mut server, &mut Bucket::full(at(0.0)), 600.0);
            let borne = rate * 600.0;
            assert!(f64::from(taken) > 0.6 * borne, "{rate}: {taken} of {borne} were made");
            assert!(f64::from(throttled) < 0.11 / rate * f64::from(taken), "{rate}: {throttled} of {taken}");
        }
    }

    #[test]
    fn it_recovers_when_aws_bears_more_again() {
        let mut bucket = Bucket::full(at(0.0));
        let mut server = Server { burst: 10.0, rate: 2.0, left: 10.0, at: 0.0 };
        press(&mut server, &mut bucket, 60.0);
        assert!(bucket.rate() < 4.0, "{}", bucket.rate());
        let slow = bucket.rate();
        (0..4_000).for_each(|_| bucket.answered(false));
        assert!((bucket.rate() - slow).abs() < NEARLY, "calls that need not wait say nothing");
        (0..4_000).for_each(|_| bucket.answered(true));
        assert!(bucket.rate() >= MOST - NEARLY, "{}", bucket.rate());
    }

    #[test]
    fn calls_that_were_throttled_together_slow_it_once() {
        let mut bucket = Bucket::full(at(0.0));
        let slowed = (0..50).filter(|_| bucket.throttled(at(1.0), at(1.1))).count();
        assert_eq!(slowed, 1);
        assert!(bucket.throttled(at(1.2), at(1.3)), "one that was sent after that slows it again");
    }

    #[test]
    fn who_gets_out_of_the_line_lets_those_behind_move_up_and_nobody_else() {
        let mut bucket = Bucket::full(at(0.0));
        bucket.throttled(at(0.0), at(0.0));
        let line: Vec<u64> = (0..4).map(|_| bucket.enter()).collect();
        let wait = |bucket: &mut Bucket, number| bucket.go(number, at(0.0)).expect("a wait");
        let before = line.iter().map(|&number| wait(&mut bucket, number)).collect::<Vec<_>>();
        bucket.leave(line[1]);
        let after = [0, 2, 3].map(|place| wait(&mut bucket, line[place]));
        assert_eq!(after[..], before[..3]);
        for place in [0, 2, 3] {
            bucket.leave(line[place]);
        }
        let number = bucket.enter();
        assert_eq!(wait(&mut bucket, number), before[0], "those who left have not gone");
    }

    proptest! {
        #[test]
        fn it_never_lets_more_go_than_its_rate(
            gaps in prop::collection::vec(0.0_f64..3.0, 1..300),
            slowed in 0_u32..12,
        ) {
            let mut bucket = Bucket::full(at(0.0));
            for time in 0..slowed {
                bucket.throttled(at(f64::from(time) + 0.5), at(f64::from(time) + 0.5));
            }
            let (rate, burst) = (bucket.rate(), bucket.burst());
            let mut now = 20.0;
            let mut gone: Vec<f64> = Vec::new();
            for gap in gaps {
                now += gap;
                let number = bucket.enter();
                while let Some(wait) = bucket.go(number, at(now)) {
                    now += wait.as_secs_f64().max(0.001);
                }
                gone.push(now);
            }
            for (first, from) in gone.iter().enumerate() {
                for (last, to) in gone.iter().enumerate().skip(first) {
                    let count = u32::try_from(last - first + 1).expect("few");
                    prop_assert!(f64::from(count) <= burst + (to - from) * rate + 0.01);
                }
            }
        }
    }
}
