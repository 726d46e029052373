//! The pace: how many looks it takes, and how late an end is seen.

use proptest::prelude::*;

use super::*;
use crate::config::Fleet;

/// Preferences of this warmup and bake, in seconds.
pub(super) fn preferences(warmup: Option<u64>, bake: u64) -> Preferences {
    let text = "
version: 1
families: { base: { previous: { name: 'base-*', owners: [self] } } }
environments:
  - name: dev
    account: '111111111111'
    regions: [eu-west-2]
    select: { tags: { Environment: dev } }
";
    let fleet = Fleet::parse(std::path::Path::new("test.yaml"), text).expect("a configuration");
    let usual = fleet.environments[0].refresh.preferences.clone();
    Preferences {
        warmup: warmup.map(Duration::from_secs),
        bake: Duration::from_secs(bake),
        checkpoints: Vec::new(),
        ..usual
    }
}

/// A refresh of so many steps of so many seconds each, with pauses at checkpoints.
struct Refresh {
    /// When each step is done, in seconds.
    steps: Vec<f64>,
    preferences: Preferences,
}

impl Refresh {
    fn new(steps: u32, step: f64, preferences: Preferences) -> Self {
        let mut now = 5.0;
        let mut done = Vec::new();
        let pausing = preferences.checkpoints.split_last().map_or(&[][..], |(_, pausing)| pausing);
        for number in 1..=steps {
            now += step;
            done.push(now);
            let (percent, before) = (number * 100 / steps, (number - 1) * 100 / steps);
            let reached = pausing.iter().filter(|&&one| (before + 1..=percent).contains(&one.into())).count();
            now += preferences.checkpoint_delay.as_secs_f64() * f64::from(u32::try_from(reached).unwrap());
        }
        Self { steps: done, preferences }
    }

    fn replaced(&self) -> f64 {
        self.steps.last().copied().unwrap_or_default()
    }

    fn end(&self) -> f64 {
        self.replaced() + self.preferences.bake.as_secs_f64()
    }

    fn look(&self, now: f64) -> Look {
        let done = self.steps.iter().filter(|step| **step <= now).count();
        let status = if now >= self.end() {
            RefreshStatus::Successful
        } else if now >= self.replaced() {
            RefreshStatus::Baking
        } else {
            RefreshStatus::InProgress
        };
        let percent = u8::try_from(done * 100 / self.steps.len()).unwrap();
        Look { status, percent, elapsed: Duration::from_secs_f64(now) }
    }

    /// Follows it from `from` seconds on: when it was looked at.
    fn follow(&self, from: f64) -> Vec<f64> {
        let (mut now, mut known, mut looks) = (from, None, Vec::new());
        while now < self.end() {
            let pause = pause(known, Duration::from_secs_f64(now - from), &self.preferences);
            assert!(pause >= Duration::from_secs(15) && looks.len() < 500, "{pause:?} after {looks:?}");
            now += pause.as_secs_f64();
            looks.push(now);
            let mut look = self.look(now);
            look.elapsed = Duration::from_secs_f64(now - from);
            known = Some(Known::after(known, look, &self.preferences));
        }
        looks
    }
}

#[test]
fn half_an_hour_takes_nine_looks_and_ends_in_time() {
    for (steps, step, warmup) in [(4, 280.0, 200), (2, 580.0, 500), (3, 390.0, 300), (1, 1_150.0, 900)] {
        let refresh = Refresh::new(steps, step, preferences(Some(warmup), 600));
        let looks = refresh.follow(0.0);
        let late = looks.last().unwrap() - refresh.end();
        assert!(looks.len() <= 10, "{steps} steps: {looks:?}");
        assert!(late <= 0.02 * refresh.end(), "{steps} steps: {late} s late, {looks:?}");
    }
}

#[test]
fn checkpoints_and_their_ends_are_aimed_at() {
    let mut preferences = preferences(Some(60), 300);
    preferences.checkpoints = vec![20, 50, 100];
    preferences.checkpoint_delay = Duration::from_secs(900);
    let refresh = Refresh::new(10, 120.0, preferences);
    let looks = refresh.follow(0.0);
    for reached in [refresh.steps[1], refresh.steps[4], refresh.end()] {
        let seen = looks.iter().find(|look| **look >= reached).unwrap();
        assert!(seen - reached <= 100.0, "{reached} was seen at {seen}: {looks:?}");
    }
    assert!(looks.len() <= 22, "{looks:?}");
}

#[test]
fn nothing_replaced_yet_is_looked_at_every_four_minutes_at_least() {
    let refresh = Refresh::new(1, 20_000.0, preferences(Some(3_600), 0));
    let looks = refresh.follow(0.0);
    assert!(looks.windows(2).all(|two| two[1] - two[0] <= 240.0), "{looks:?}");
}

proptest! {
    #[test]
    fn the_end_is_seen_in_time_however_it_goes(
        steps in 1_u32..30,
        step in 40.0_f64..900.0,
        warmup in prop::option::of(0_u32..900),
        bake in prop_oneof![Just(0_u64), 60_u64..1_800],
        from in prop_oneof![Just(0.0), 0.0_f64..0.9],
    ) {
        // A step takes its warmup at the least.
        let warmup = warmup.filter(|warmup| step >= f64::from(*warmup) + 30.0).map(u64::from);
        let refresh = Refresh::new(steps, step, preferences(warmup, bake));
        let looks = refresh.follow(from * refresh.end());
        let late = looks.last().unwrap() - refresh.end();
        // One that is adopted with nothing replaced yet is taken for one that has just begun.
        let begun = warmup.map_or(WARMUP, |warmup| Duration::from_secs(warmup).as_secs_f64()) + LAUNCHES_WITHIN;
        let least = if from > 0.0 { begun + 1.0 } else { 60.0 };
        prop_assert!(late <= least.max(0.25 * refresh.end()), "{} s late of {}: {:?}", late, refresh.end(), looks);
        let count = f64::from(u32::try_from(looks.len()).unwrap());
        prop_assert!(count <= 25.0 + refresh.end() / 300.0, "{:?}", looks);
    }
}
