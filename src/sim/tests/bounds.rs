//! Whatever a refresh is asked to respect, it ends, and keeps its bounds on the way.

use std::time::Duration;

use super::support::{GROUP, NEW, OLD, REGION, fleet};
use crate::clock::Clock;
use crate::model::{ImageId, RefreshStatus, Tracking};
use crate::sim::world::{Data, StartRequest};
use crate::sim::{GroupSpec, Life, Preferences, Reserved, Scenario, Setup, Simulator, TemplateRef, World};

fn preferences(dice: &mut fastrand::Rng) -> Preferences {
    let min = dice.u8(0..=100);
    let max = dice.bool().then(|| dice.u8(100.max(min)..=(min + 100).min(200)));
    let mut checkpoints: Vec<u8> = (0..dice.usize(0..3)).map(|_| dice.u8(1..=100)).collect();
    checkpoints.sort_unstable();
    checkpoints.dedup();
    Preferences {
        min_healthy: min,
        max_healthy: max,
        warmup: dice.bool().then(|| dice.u32(0..300)),
        skip_matching: dice.bool(),
        auto_rollback: dice.bool(),
        checkpoints,
        checkpoint_delay: dice.u32(0..1800),
        bake: dice.u32(0..1200),
        protected: *dice.choice(&[Reserved::Replace, Reserved::Ignore, Reserved::Wait]).expect("one"),
        ..Preferences::default()
    }
}

/// Publishes the new image and starts a refresh to it.
fn begin(world: &mut World, preferences: Preferences) {
    let key = world.key(GROUP).expect("the group");
    let template = world.group(GROUP).expect("the group").template.clone();
    let data = [("ImageId", NEW), ("InstanceType", "m5.large")];
    world.add_version(&key.place, &template.id, "", Data::from_flat(data));
    let desired = Some(TemplateRef { tracking: Tracking::Pinned(2), ..template }.into());
    let request = StartRequest { desired, preferences, ..StartRequest::default() };
    world.start_refresh(&key, request).expect("a refresh");
}

/// The least and the most instances that the bounds allow.
fn allowed(preferences: &Preferences, desired: usize) -> (usize, usize) {
    let min = (desired * usize::from(preferences.min_healthy)).div_ceil(100).min(desired.saturating_sub(1));
    let max =
        preferences.max_healthy.map_or(desired, |max| (desired * usize::from(max) / 100).max(desired + 1));
    (min, max)
}

async fn follow(simulator: &Simulator, watch: impl Fn(&World)) -> RefreshStatus {
    // Three weeks, in steps that are finer than any boot.
    for _ in 0..60_000 {
        let status = simulator.inspect(|world| {
            watch(world);
            world.group(GROUP).and_then(|group| group.refreshes.last()).expect("a refresh").status
        });
        if !status.is_active() {
            return status;
        }
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    panic!("a refresh never ends");
}

fn simulator(seed: u64, scenario: Scenario, dice: &mut fastrand::Rng) -> (Simulator, usize) {
    let desired = dice.u32(0..12);
    let spec = fleet(desired, |group: &mut GroupSpec| group.protected = u32::from(seed.is_multiple_of(7)));
    let clock = Clock::starting_at("2026-11-22T19:00:00Z".parse().expect("a time"), 1.0);
    (Simulator::new(Setup::new(spec, scenario, seed), clock), desired as usize)
}

#[tokio::test(start_paused = true)]
async fn a_clean_refresh_ends_well_and_keeps_its_bounds() {
    for seed in 0..300 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let (simulator, desired) = simulator(seed, Scenario::clean(), &mut dice);
        let preferences = preferences(&mut dice);
        let told = format!("seed {seed}: {desired} instances, {preferences:?}");
        let (min, max) = allowed(&preferences, desired);
        simulator.change(|world| begin(world, preferences.clone()));
        let ended = follow(&simulator, |world| {
            let group = world.group(GROUP).expect("the group");
            let living =
                group.instances.iter().filter(|i| matches!(i.life, Life::Pending | Life::InService)).count();
            assert!(group.serving().count() >= min && living <= max, "{living} of {min}..={max}, {told}");
        })
        .await;
        let group = simulator.inspect(|world| world.group(GROUP).cloned()).expect("the group");
        let reserved = group.instances.iter().any(|instance| instance.protected);
        // One that waits for protected instances ends well only if its last checkpoint comes before them.
        let waits = preferences.protected == Reserved::Wait && reserved;
        let all = preferences.checkpoints.last().is_none_or(|last| *last == 100);
        if waits && (all || ended != RefreshStatus::Successful) {
            assert_ne!(ended, RefreshStatus::Successful, "{told}");
            continue;
        }
        assert_eq!(ended, RefreshStatus::Successful, "{told}");
        assert_eq!(group.template.tracking, Tracking::Pinned(2), "{told}");
        if all && !reserved {
            assert!(group.images().into_iter().all(|image| *image == ImageId::new(NEW)), "{told}");
        }
        assert_eq!(group.serving().count(), desired, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_trouble_ends_too_and_a_rollback_is_whole() {
    for seed in 0..20 {
        for name in
            ["bad-image", "no-capacity", "instance-dies", "scale-out", "stuck", "slow-boot", "rollback-fails"]
        {
            let mut dice = fastrand::Rng::with_seed(seed);
            let scenario = Scenario::named(name).expect("a scenario");
            let (simulator, desired) = simulator(seed, scenario, &mut dice);
            let preferences = preferences(&mut dice);
            let told = format!("{name}, seed {seed}: {desired} instances, {preferences:?}");
            simulator.change(|world| begin(world, preferences.clone()));
            tokio::time::sleep(Duration::from_secs(dice.u64(0..2000))).await;
            let asked = dice.bool();
            if asked {
                let key = simulator.inspect(|world| world.key(GROUP)).expect("the group");
                let _ = simulator.change(|world| world.roll_back_refresh(&key));
            }
            let ended = follow(&simulator, |_| {}).await;
            let group = simulator.inspect(|world| world.group(GROUP).cloned()).expect("the group");
            assert_eq!(group.key.place.region.as_str(), REGION);
            if ended == RefreshStatus::RollbackSuccessful {
                let old = group.images().into_iter().all(|image| *image == ImageId::new(OLD));
                assert!(old || preferences.protected == Reserved::Ignore, "{told}");
                assert_eq!(group.template.tracking, Tracking::Pinned(1), "{told}");
            }
        }
    }
}
