//! Crash sweeps of what the plain ones leave out: a template that several groups share, the
//! steps as runs of their own, and a rollback that was asked for.

use std::fmt::Write;

use ami_refresh::gate::State;
use ami_refresh::model::{Tracking, Verdict};
use ami_refresh::rollout::{self, Scope, Steps};
use ami_refresh::sim::{Fault, FaultKind, FleetSpec, Scenario};

use crate::mixed::{by_attributes, every_kind};
use crate::regions;
use crate::stage::{CONFIG, NEW, NEW_ARM, REGION, Stage};
use crate::sweep::block;
use crate::truth;
use crate::windows::{in_time, roll, scheduled};

const SEED: u64 = 11;
const BOTH: [FaultKind; 2] = [FaultKind::CrashBefore, FaultKind::CrashAfter];
const FAULTS: [FaultKind; 3] = [FaultKind::ServerError, FaultKind::Throttle, FaultKind::LoseAnswer];
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

/// How every group stood at first, by name.
type Stood = std::collections::BTreeMap<String, truth::Stands>;

/// What is swept over.
struct Sweep<'a> {
    config: &'a str,
    images: &'a [(&'a str, &'a str)],
    change: fn(&mut FleetSpec),
    kinds: &'a [FaultKind],
}

impl Sweep<'_> {
    async fn stage(&self, scenario: &Scenario) -> Stage {
        Stage::with_images(self.config, scenario.clone(), SEED, self.images, self.change).await
    }

    /// Runs `work` to its end once to learn how many calls it makes; then, for every k, lets the
    /// k-th call go wrong, and checks what must be true.
    #[expect(clippy::needless_pass_by_value, reason = "closures are handed over, once")]
    fn each<W, O, C>(&self, scenario: &Scenario, work: W, one: O, check: C)
    where
        W: AsyncFn(&Stage) -> Vec<Verdict>,
        O: AsyncFn(&Stage, u64, FaultKind) -> Result<Vec<Verdict>, String>,
        C: Fn(&Stage, &Stood, &[Verdict]) -> Result<(), String>,
    {
        let calls = block(async {
            let stage = self.stage(scenario).await;
            let first = stage.simulator.inspect(truth::groups);
            let verdicts = work(&stage).await;
            check(&stage, &first, &verdicts).expect("the promises hold without trouble");
            stage.simulator.calls().len() as u64
        });
        let mut broken = String::new();
        for k in 1..=calls {
            for &kind in self.kinds {
                let kept = block(async {
                    let stage = self.stage(scenario).await;
                    let first = stage.simulator.inspect(truth::groups);
                    stage.simulator.inject(Fault { at_call: k, kind });
                    let verdicts = one(&stage, k, kind).await?;
                    check(&stage, &first, &verdicts)
                });
                if let Err(why) = kept {
                    writeln!(broken, "seed {SEED}, call {k} of {calls}, {kind:?}: {why}").unwrap();
                }
            }
        }
        assert!(broken.is_empty(), "{broken}");
    }

    /// Kills `work` at every call, and runs it again.
    #[expect(clippy::needless_pass_by_value, reason = "closures are handed over, once")]
    fn crashes<W, C>(&self, scenario: &Scenario, work: W, check: C)
    where
        W: AsyncFn(&Stage) -> Vec<Verdict>,
        C: Fn(&Stage, &Stood, &[Verdict]) -> Result<(), String>,
    {
        let one = async |stage: &Stage, k: u64, _: FaultKind| {
            tokio::select! {
                biased;
                () = stage.simulator.crashed() => {}
                verdicts = work(stage) => return Err(format!("it was not killed: {verdicts:?}")),
            }
            stage.clock.sleep(std::time::Duration::from_secs(120 * (k % 4))).await;
            Ok(work(stage).await)
        };
        self.each(scenario, &work, one, check);
    }

    /// Lets every call go wrong once.
    #[expect(clippy::needless_pass_by_value, reason = "closures are handed over, once")]
    fn faults<W, C>(&self, scenario: &Scenario, work: W, check: C)
    where
        W: AsyncFn(&Stage) -> Vec<Verdict>,
        C: Fn(&Stage, &Stood, &[Verdict]) -> Result<(), String>,
    {
        let one = async |stage: &Stage, _: u64, _: FaultKind| Ok(work(stage).await);
        self.each(scenario, &work, one, check);
    }
}

/// A crash sweep of the plain candidate with the usual configuration.
fn crash_sweep<W, C>(scenario: &Scenario, change: fn(&mut FleetSpec), kinds: &[FaultKind], work: W, check: C)
where
    W: AsyncFn(&Stage) -> Vec<Verdict>,
    C: Fn(&Stage, &Stood, &[Verdict]) -> Result<(), String>,
{
    Sweep { config: CONFIG, images: &[(REGION, NEW)], change, kinds }.crashes(scenario, work, check);
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
    let sweep = Sweep { config: &config, images: &[(REGION, NEW)], change: late, kinds: &AFTER };
    sweep.crashes(&Scenario::clean(), work, passed);
}

async fn rollout(stage: &Stage) -> Vec<Verdict> {
    stage.rollout().await
}

#[test]
fn a_shared_template_survives_every_crash() {
    crash_sweep(&Scenario::clean(), shared, &BOTH, rollout, passed);
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

/// Small groups of every kind of policy in the first environment, and one of the second.
fn mixed(spec: &mut FleetSpec) {
    every_kind(spec);
    quick(spec);
}

fn quick(spec: &mut FleetSpec) {
    for group in &mut spec.groups {
        group.boot = 20;
    }
}

fn chosen(spec: &mut FleetSpec) {
    spec.groups.retain(|group| group.name.as_str() != "catalog-dev");
    by_attributes(spec);
    quick(spec);
}

const BOTH_KINDS: [(&str, &str); 2] = [(REGION, NEW), (REGION, NEW_ARM)];

/// Short bakes: every look at a refresh that is saved is saved at every k.
fn short() -> String {
    CONFIG.replace("bake: 10m,", "bake: 5m, warmup: 15s,")
}

fn passed(stage: &Stage, first: &Stood, verdicts: &[Verdict]) -> Result<(), String> {
    truth::check(stage, first, verdicts)?;
    if verdicts.iter().all(|verdict| *verdict == Verdict::Passed) {
        Ok(())
    } else {
        Err(format!("{verdicts:?}"))
    }
}

fn went_back(stage: &Stage, first: &Stood, verdicts: &[Verdict]) -> Result<(), String> {
    truth::check(stage, first, verdicts)?;
    if verdicts[0] == Verdict::RolledBack { Ok(()) } else { Err(format!("{verdicts:?}")) }
}

#[test]
fn mixed_policies_survive_every_crash() {
    let sweep = Sweep { config: &short(), images: &BOTH_KINDS, change: mixed, kinds: &AFTER };
    sweep.crashes(&Scenario::clean(), rollout, passed);
}

#[test]
fn mixed_policies_go_back_whole_after_every_crash() {
    let sweep = Sweep { config: &short(), images: &BOTH_KINDS, change: mixed, kinds: &AFTER };
    sweep.crashes(&Scenario::named("app-down").unwrap().scoped("payments-dev"), rollout, went_back);
}

#[test]
fn mixed_policies_survive_every_fault() {
    let sweep = Sweep { config: &short(), images: &BOTH_KINDS, change: mixed, kinds: &FAULTS };
    sweep.faults(&Scenario::clean(), rollout, passed);
}

#[test]
fn groups_that_are_told_first_survive_every_crash() {
    let sweep = Sweep { config: &short(), images: &BOTH_KINDS, change: chosen, kinds: &BOTH };
    sweep.crashes(&Scenario::clean(), rollout, passed);
}

#[test]
fn groups_that_are_told_first_go_back_whole_after_every_crash() {
    let sweep = Sweep { config: &short(), images: &BOTH_KINDS, change: chosen, kinds: &BOTH };
    sweep.crashes(&Scenario::named("app-down").unwrap().scoped("payments-dev"), rollout, went_back);
}

#[test]
fn a_shared_template_survives_every_fault() {
    let sweep = Sweep { config: CONFIG, images: &[(REGION, NEW)], change: shared, kinds: &FAULTS };
    sweep.faults(&Scenario::clean(), rollout, passed);
}

/// Two regions, of which the second has another candidate's image.
fn two_regions(settings: &str) -> String {
    regions::config(settings).replace("bake: 10m,", "bake: 5m, warmup: 15s,")
}

fn in_the_east(spec: &mut FleetSpec) {
    regions::rename(spec);
    spec.groups.retain(|group| !group.name.as_str().starts_with("catalog"));
    quick(spec);
}

#[test]
fn two_regions_survive_every_crash() {
    let sweep =
        Sweep { config: &two_regions(""), images: &regions::IMAGES, change: in_the_east, kinds: &AFTER };
    sweep.crashes(&Scenario::clean(), rollout, regions::all_passed);
}

#[test]
fn two_regions_in_order_survive_every_fault() {
    let config = two_regions("  regions_in_order: true\n");
    let sweep = Sweep { config: &config, images: &regions::IMAGES, change: in_the_east, kinds: &FAULTS };
    sweep.faults(&Scenario::clean(), rollout, regions::all_passed);
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
