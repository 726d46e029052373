//! What overrides named is recorded whole, whenever a run is killed around the record and whatever old
//! answers it gets; and a rollback that reads it can be killed too.

use ami_refresh::model::Verdict;
use ami_refresh::sim::{Fault, FaultKind, FleetSpec, Scenario};

use crate::overrides_back::{
    OLDER, back, back_to_previous, every_kind, give, given, images, moved, own, recorded, roll, short, stage,
    stood,
};
use crate::rehearsal_story::block;
use crate::rules_fleet::{group_mut, only};
use crate::stage::{NEW, Stage};

/// Everything from the gate's record on, and a rollback after it.
#[test]
fn a_run_that_is_killed_around_the_record_loses_no_way_back() {
    let calls = block(async {
        let stage = stage().await;
        assert_eq!(roll(&stage).await, Verdict::Passed);
        stage.simulator.calls()
    });
    let record = calls.iter().find(|call| call.action == "CreateTags").expect("the record").number;
    let last = calls.len() as u64;
    assert!(last > record + 4, "reads and markers after the record: {record} of {last}");
    for at_call in record - 3..=last {
        for kind in [FaultKind::CrashBefore, FaultKind::CrashAfter, FaultKind::LoseAnswer] {
            block(async {
                let stage = stage().await;
                let before = stood(&stage);
                stage.simulator.inject(Fault { at_call, kind });
                tokio::select! {
                    biased;
                    () = stage.simulator.crashed() => {}
                    verdict = roll(&stage) => {
                        assert_eq!((kind, verdict), (FaultKind::LoseAnswer, Verdict::Passed), "call {at_call}");
                    }
                }
                assert_eq!(roll(&stage).await, Verdict::Passed, "call {at_call}, {kind:?}");
                let now = stood(&stage);
                assert!(now.values().all(|stands| !stands.marked), "call {at_call}, {kind:?}");
                assert_eq!(back(&stage).await, Verdict::Partial, "call {at_call}, {kind:?}");
                assert_eq!(moved(&stage, &before), [""; 0], "call {at_call}, {kind:?}");
            });
        }
    }
}

/// Everything of a rollback until its first refresh was started.
#[test]
fn a_rollback_that_is_killed_before_it_moves_anything_can_be_run_again() {
    let quick = |spec: &mut FleetSpec| {
        images(spec);
        only(spec, &["orders-dev"]);
        give(group_mut(spec, "orders-dev"), vec![own("m6i.large", OLDER.into())]);
        group_mut(spec, "orders-dev").boot = 20;
    };
    let passed = async || {
        let stage = Stage::with(&short(), Scenario::clean(), 7, quick).await;
        let before = stood(&stage);
        assert_eq!(roll(&stage).await, Verdict::Passed);
        let calls = stage.simulator.calls().len();
        (stage, before, calls)
    };
    let calls = block(async {
        let (stage, _, calls) = passed().await;
        assert_eq!(back_to_previous(&stage).await, Verdict::Partial);
        let more = stage.simulator.calls().split_off(calls);
        more.iter().position(|call| call.action == "StartInstanceRefresh").expect("a refresh") as u64
    });
    for at_call in 1..=calls + 1 {
        for kind in [FaultKind::CrashBefore, FaultKind::CrashAfter] {
            block(async {
                let (stage, before, _) = passed().await;
                stage.simulator.inject(Fault { at_call, kind });
                tokio::select! {
                    biased;
                    () = stage.simulator.crashed() => {}
                    verdict = back_to_previous(&stage) => panic!("call {at_call}: ended as {verdict}"),
                }
                assert_eq!(back_to_previous(&stage).await, Verdict::Partial, "call {at_call}, {kind:?}");
                assert_eq!(moved(&stage, &before), [""; 0], "call {at_call}, {kind:?}");
                let found = given(&stage).await;
                assert_eq!((found.groups.len(), found.back.len()), (0, 1), "call {at_call}, {kind:?}");
            });
        }
    }
}

#[test]
fn a_read_that_shows_the_time_before_wipes_nothing_out() {
    let scenario =
        "name: stale\nabout: answers are old\neffects:\n  - stale_reads: { lasts: 20s, share: 50 }\n";
    for seed in 1..6 {
        block(async {
            let scenario = Scenario::from_yaml(scenario).expect("a scenario");
            let stage = Stage::of_both(&short(), scenario, seed, every_kind).await;
            let before = stood(&stage);
            // Killed when the first marker is away, and gone on with at once.
            let first_away = |stage: &Stage| {
                let now = stood(stage);
                let marked = now.values().filter(|stands| stands.marked).count();
                recorded(stage, NEW).is_some() && marked < 3
            };
            tokio::select! {
                biased;
                () = crate::rules_fleet::until(&stage, first_away) => {}
                verdict = roll(&stage) => assert_eq!(verdict, Verdict::Passed),
            }
            // Where nothing was left to do it may not see the gate yet.
            let again = roll(&stage).await;
            assert!(matches!(again, Verdict::Passed | Verdict::Unproved), "seed {seed}: {again}");
            assert_eq!(back(&stage).await, Verdict::Partial, "seed {seed}");
            assert_eq!(moved(&stage, &before), [""; 0], "seed {seed}");
        });
    }
}
