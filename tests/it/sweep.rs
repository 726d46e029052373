//! The sweeps: every AWS call of a rollout goes wrong once, in every way; the run is killed
//! at every call, and started again. The promises must hold each time.

use std::fmt::Write;

use ami_refresh::model::Verdict;
use ami_refresh::sim::{Fault, FaultKind, Scenario};

use crate::stage::{CONFIG, Stage};
use crate::truth;

const SEED: u64 = 7;

/// The small stage with quick instances: every look at a refresh that is saved is saved at
/// every k, in every run.
async fn stage(name: &str) -> Stage {
    let config = CONFIG.replace("bake: 10m,", "bake: 5m, warmup: 15s,");
    Stage::with(&config, scenario(name), SEED, |spec| {
        for group in &mut spec.groups {
            group.boot = 20;
        }
    })
    .await
}

fn scenario(name: &str) -> Scenario {
    let found = Scenario::named(name).expect("a scenario");
    // What fails does so in the first environment, so that the second must stay untouched.
    if name == "clean" { found } else { found.scoped("payments-dev") }
}

pub(crate) fn block<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(work)
}

/// The verdicts without any fault, and how many calls that took.
fn baseline(name: &str) -> (Vec<Verdict>, u64) {
    block(async {
        let stage = stage(name).await;
        let first = stage.simulator.inspect(truth::groups);
        let verdicts = stage.rollout().await;
        truth::check(&stage, &first, &verdicts).expect("the promises hold without a fault");
        (verdicts, stage.simulator.calls().len() as u64)
    })
}

/// One rollout in which the k-th call goes wrong.
fn with_fault(name: &str, k: u64, kind: FaultKind, expected: &[Verdict]) -> Result<(), String> {
    block(async {
        let stage = stage(name).await;
        let first = stage.simulator.inspect(truth::groups);
        stage.simulator.inject(Fault { at_call: k, kind });
        let verdicts = stage.rollout().await;
        truth::check(&stage, &first, &verdicts)?;
        // One call that goes wrong must not change how the rollout ends.
        if verdicts == expected { Ok(()) } else { Err(format!("ended as {verdicts:?}, not {expected:?}")) }
    })
}

/// One rollout that is killed at the k-th call, and run again.
fn with_crash(name: &str, k: u64, kind: FaultKind, expected: &[Verdict]) -> Result<(), String> {
    block(async {
        let stage = stage(name).await;
        let first = stage.simulator.inspect(truth::groups);
        stage.simulator.inject(Fault { at_call: k, kind });
        if let Some(verdicts) = stage.rollout_or_crash().await {
            return Err(format!("it was not killed, and ended as {verdicts:?}"));
        }
        // The next build comes a while later.
        stage.clock.sleep(std::time::Duration::from_secs(90 * (k % 5))).await;
        let verdicts = stage.rollout().await;
        truth::check(&stage, &first, &verdicts)?;
        if verdicts == expected { Ok(()) } else { Err(format!("ended as {verdicts:?}, not {expected:?}")) }
    })
}

fn sweep(
    name: &str,
    kinds: &[FaultKind],
    one: impl Fn(&str, u64, FaultKind, &[Verdict]) -> Result<(), String>,
) {
    let (expected, calls) = baseline(name);
    assert!(calls > 30, "a rollout of six groups makes more calls than {calls}");
    let mut broken = String::new();
    for k in 1..=calls {
        for kind in kinds {
            if let Err(why) = one(name, k, *kind, &expected) {
                writeln!(broken, "seed {SEED}, call {k} of {calls}, {kind:?}: {why}").unwrap();
            }
        }
    }
    assert!(broken.is_empty(), "scenario {name}:\n{broken}");
}

macro_rules! sweeps {
    ($($test:ident: $name:literal),* $(,)?) => {
        mod faults {
            use super::*;
            $(#[test]
            fn $test() {
                sweep($name, &[FaultKind::ServerError, FaultKind::Throttle, FaultKind::LoseAnswer], with_fault);
            })*
        }

        mod crashes {
            use super::*;
            $(#[test]
            fn $test() {
                sweep($name, &[FaultKind::CrashBefore, FaultKind::CrashAfter], with_crash);
            })*
        }
    };
}

sweeps! {
    clean: "clean",
    app_down: "app-down",
    bad_image: "bad-image",
    instance_dies: "instance-dies",
    rollback_fails: "rollback-fails",
    scale_out: "scale-out",
}
