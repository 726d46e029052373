//! Crash sweeps of what the plain ones leave out: a template that several groups share, the
//! steps as runs of their own, and a rollback that was asked for.

use std::fmt::Write;

use ami_refresh::gate::State;
use ami_refresh::model::{Tracking, Verdict};
use ami_refresh::rollout::{self, Scope, Steps};
use ami_refresh::sim::{Fault, FaultKind, FleetSpec, Scenario};

use crate::stage::{CONFIG, Stage};
use crate::sweep::block;
use crate::truth;
use crate::windows::{in_time, roll, scheduled};

const SEED: u64 = 11;
const BOTH: [FaultKind; 2] = [FaultKind::CrashBefore, FaultKind::CrashAfter];
/// The harder of the two, for what takes many calls.
const AFTER: [FaultKind; 1] = [FaultKind::CrashAfter];

/// In the first environment all groups share one template: one follows `$Latest`, one is
/// pinned, and one follows `$Latest` without any instance.
fn shared(spec: &mut FleetSpec) {
    let template =
        spec.groups.iter().find(|group| group.name.as_str() == "payments-dev").unwrap().template.clone();
    let newest = spec.templates.iter().find(|one| one.name == template).unwrap().versions.len() as u64;
    for group in spec.groups.iter_mut().filter(|group| group.name.as_str().ends_with("-dev")) {
        group.template.clone_from(&template);
        group.tracking = match group.name.as_str() {
            "payments-dev" => Tracking::Pinned(newest),
            _ => Tracking::Latest,
        };
        if group.name.as_str() == "catalog-dev" {
            group.capacity = (0, 0, 2);
        }
    }
}

async fn stage(config: &str, scenario: &Scenario, change: fn(&mut FleetSpec)) -> Stage {
    Stage::with(config, scenario.clone(), SEED, change).await
}

/// Runs `work` to its end once to learn how many calls it makes; then, for every k, kills it
/// at the k-th call, runs it again, and checks what must be true.
#[expect(clippy::needless_pass_by_value, reason = "closures are handed over, once")]
fn crash_sweep_of<W, C>(
    config: &str,
    scenario: &Scenario,
    change: fn(&mut FleetSpec),
    kinds: &[FaultKind],
    work: W,
    check: C,
) where
    W: AsyncFn(&Stage) -> Vec<Verdict>,
    C: Fn(&Stage, &std::collections::BTreeMap<String, truth::Stands>, &[Verdict]) -> Result<(), String>,
{
    let calls = block(async {
        let stage = stage(config, scenario, change).await;
        let first = stage.simulator.inspect(truth::groups);
        let verdicts = work(&stage).await;
        check(&stage, &first, &verdicts).expect("the promises hold without a crash");
        stage.simulator.calls().len() as u64
    });
    let mut broken = String::new();
    for k in 1..=calls {
        for &kind in kinds {
            let kept = block(async {
                let stage = stage(config, scenario, change).await;
                let first = stage.simulator.inspect(truth::groups);
                stage.simulator.inject(Fault { at_call: k, kind });
                tokio::select! {
                    biased;
                    () = stage.simulator.crashed() => {}
                    verdicts = work(&stage) => return Err(format!("it was not killed: {verdicts:?}")),
                }
                stage.clock.sleep(std::time::Duration::from_secs(120 * (k % 4))).await;
                let verdicts = work(&stage).await;
                check(&stage, &first, &verdicts)
            });
            if let Err(why) = kept {
                writeln!(broken, "seed {SEED}, call {k} of {calls}, {kind:?}: {why}").unwrap();
            }
        }
    }
    assert!(broken.is_empty(), "{broken}");
}

/// The same with the usual configuration.
fn crash_sweep<W, C>(scenario: &Scenario, change: fn(&mut FleetSpec), kinds: &[FaultKind], work: W, check: C)
where
    W: AsyncFn(&Stage) -> Vec<Verdict>,
    C: Fn(&Stage, &std::collections::BTreeMap<String, truth::Stands>, &[Verdict]) -> Result<(), String>,
{
    crash_sweep_of(CONFIG, scenario, change, kinds, work, check);
}

/// Windows so short that the canary alone is begun in the first.
#[test]
fn a_week_of_short_windows_survives_every_crash() {
    let config = scheduled("").replace("defaults:", "defaults:\n  window: 15m");
    let late = |spec: &mut FleetSpec| {
        spec.groups.retain(|group| group.name.as_str() != "catalog-dev");
        for group in &mut spec.groups {
            group.boot = 20;
            if group.name.as_str() == "orders-dev" {
                group.tags.insert("AMI_refresh_day".into(), "mon".into());
            }
        }
    };
    let work = async |stage: &Stage| roll(stage, &in_time(true)).await;
    crash_sweep_of(&config, &Scenario::clean(), late, &AFTER, work, |stage, first, verdicts| {
        truth::check(stage, first, verdicts)?;
        if verdicts == [Verdict::Passed, Verdict::Passed] { Ok(()) } else { Err(format!("{verdicts:?}")) }
    });
}

async fn rollout(stage: &Stage) -> Vec<Verdict> {
    stage.rollout().await
}

#[test]
fn a_shared_template_survives_every_crash() {
    crash_sweep(&Scenario::clean(), shared, &BOTH, rollout, |stage, first, verdicts| {
        truth::check(stage, first, verdicts)?;
        if verdicts == [Verdict::Passed, Verdict::Passed] { Ok(()) } else { Err(format!("{verdicts:?}")) }
    });
}

#[test]
fn a_shared_template_goes_back_whole_after_every_crash() {
    let scenario = Scenario::named("app-down").unwrap().scoped("payments-dev");
    crash_sweep(&scenario, shared, &BOTH, rollout, |stage, first, verdicts| {
        truth::check(stage, first, verdicts)?;
        if verdicts == [Verdict::RolledBack, Verdict::NotReached] {
            Ok(())
        } else {
            Err(format!("{verdicts:?}"))
        }
    });
}

/// Every step as a run of its own, for the first environment; the last verdict is the gate's.
async fn steps(stage: &Stage) -> Vec<Verdict> {
    let environment = &stage.fleet.environments[0];
    for steps in [Steps::Templates, Steps::RefreshToBaking] {
        rollout::environment(&stage.run(), environment, &Scope::now(steps)).await;
    }
    rollout::smoke(&stage.run(), environment, None).await;
    let end = Scope::now(Steps::RefreshToEnd);
    rollout::environment(&stage.run(), environment, &end).await;
    // Killed after its bake was over, a group's checks may be still to be asked.
    rollout::smoke(&stage.run(), environment, None).await;
    let mut verdict = rollout::pass_by_proof(&stage.run(), environment).await;
    let passed = stage.simulator.inspect(truth::gates).get("dev").is_some_and(|r| r.state == State::Passed);
    if passed && verdict == Verdict::Refused {
        // Killed between the record and the last marker: nothing is left to prove.
        verdict = Verdict::Passed;
    }
    vec![verdict, Verdict::NotReached]
}

#[test]
fn the_steps_one_by_one_survive_every_crash() {
    crash_sweep(
        &Scenario::clean(),
        |_| {},
        &AFTER,
        steps,
        |stage, first, verdicts| {
            truth::check(stage, first, verdicts)?;
            if verdicts[0] == Verdict::Passed { Ok(()) } else { Err(format!("{verdicts:?}")) }
        },
    );
}

/// A rollout of the first environment that passed, and then the rollback that somebody asked for.
async fn back(stage: &Stage) -> Vec<Verdict> {
    let environment = &stage.fleet.environments[0];
    let gate = stage.simulator.inspect(truth::gates).get("dev").map(|record| record.state);
    if gate.is_none() {
        rollout::environment(&stage.run(), environment, &Scope::now(Steps::Rollout)).await;
    }
    vec![rollout::rollback(&stage.run(), environment, None).await]
}

#[test]
fn a_rollback_survives_every_crash() {
    crash_sweep(
        &Scenario::clean(),
        |_| {},
        &AFTER,
        back,
        |stage, first, verdicts| {
            let (now, gates) = stage.simulator.inspect(|world| (truth::groups(world), truth::gates(world)));
            if verdicts != [Verdict::Partial] {
                return Err(format!("{verdicts:?}"));
            }
            if gates.get("dev").is_some_and(|record| record.state == State::Passed) {
                return Err("the gate is still passed".into());
            }
            for (name, stands) in now.iter().filter(|(name, _)| name.ends_with("-dev")) {
                let was = &first[name];
                let back = (&stands.serves, &stands.follows, stands.tracking)
                    == (&was.serves, &was.follows, was.tracking);
                if !back || stands.marked || stands.active {
                    return Err(format!("{name}: {was:?} -> {stands:?}"));
                }
            }
            Ok(())
        },
    );
}
