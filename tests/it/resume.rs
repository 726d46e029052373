//! A run that is killed and started again finds its own work, and ends right.

use std::time::Duration;

use ami_refresh::model::{RefreshStatus, Tracking, Verdict};
use ami_refresh::rollout::Steps;
use ami_refresh::sim::{Fault, FaultKind, Scenario};

use crate::rehearsal::{new, old};
use crate::rehearsal_story::{block, count, in_order, scenario, story_of};
use crate::rehearsal_wire::{forward, refreshes};
use crate::resume_steps::{pass, smoke, step};
use crate::rules_fleet::{ran, until};
use crate::stage::{CONFIG, Stage};
use crate::truth;

/// Runs the rollout and drops it as soon as it is so.
pub(crate) async fn killed_when(stage: &Stage, so: impl Fn(&Stage) -> bool) {
    tokio::select! {
        biased;
        () = until(stage, so) => {}
        verdicts = stage.rollout() => panic!("it was not killed, and ended as {verdicts:?}"),
    }
}

/// The number of the n-th call of that action, in a rollout that nobody kills.
pub(crate) async fn call_number(scenario: &Scenario, action: &str, n: usize) -> u64 {
    let stage = Stage::new(CONFIG, scenario.clone(), 7).await;
    stage.rollout().await;
    let calls = stage.simulator.calls();
    calls.iter().filter(|call| call.action == action).nth(n).expect("such a call").number
}

/// Whether the story of the group holds a line that begins so.
pub(crate) fn told(group: &'static str, prefix: &'static str) -> impl Fn(&Stage) -> bool {
    move |stage| count(&story_of(stage, group), prefix) > 0
}

/// Runs it again, from a clean sheet of events.
async fn again(stage: &Stage) -> Vec<Verdict> {
    stage.events.borrow_mut().clear();
    stage.rollout().await
}

#[test]
fn a_run_killed_as_its_refresh_was_started_adopts_it() {
    for kind in [FaultKind::CrashAfter, FaultKind::CrashBefore] {
        block(async {
            let at_call = call_number(&Scenario::clean(), "StartInstanceRefresh", 0).await;
            let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
            let first = stage.simulator.inspect(truth::groups);
            stage.simulator.inject(Fault { at_call, kind });
            assert_eq!(stage.rollout_or_crash().await, None);
            stage.clock.sleep(Duration::from_secs(60)).await;
            let verdicts = again(&stage).await;
            assert_eq!(verdicts, [Verdict::Passed, Verdict::Passed]);
            assert_eq!(truth::check(&stage, &first, &verdicts), Ok(()));
            let story = story_of(&stage, "catalog-dev");
            let adopted = kind == FaultKind::CrashAfter;
            assert_eq!(count(&story, "adopted to 2"), usize::from(adopted), "{story:#?}");
            assert_eq!(count(&story, "started to"), usize::from(!adopted), "{story:#?}");
            assert_eq!(forward(&stage, "catalog-dev"), 1);
        });
    }
}

#[test]
fn what_was_marked_but_never_started_still_waits_for_the_canary() {
    block(async {
        let at_call = call_number(&Scenario::clean(), "StartInstanceRefresh", 0).await;
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        stage.simulator.inject(Fault { at_call, kind: FaultKind::CrashAfter });
        assert_eq!(stage.rollout_or_crash().await, None);
        assert_eq!(again(&stage).await, [Verdict::Passed, Verdict::Passed]);
        let ran = ran(&stage);
        assert_eq!(ran.order[0], "catalog-dev");
        assert_eq!(ran.beside[..3], [0, 0, 1], "{ran:?}");
    });
}

#[test]
fn a_canary_that_fails_after_a_resume_stops_everything_too() {
    block(async {
        let trouble = scenario("app-down", "catalog-dev");
        let at_call = call_number(&trouble, "StartInstanceRefresh", 0).await;
        let stage = Stage::new(CONFIG, trouble, 7).await;
        let first = stage.simulator.inspect(truth::groups);
        stage.simulator.inject(Fault { at_call, kind: FaultKind::CrashAfter });
        assert_eq!(stage.rollout_or_crash().await, None);
        let verdicts = again(&stage).await;
        assert_eq!(verdicts, [Verdict::RolledBack, Verdict::NotReached]);
        assert_eq!(truth::check(&stage, &first, &verdicts), Ok(()));
        for group in ["orders-dev", "payments-dev"] {
            in_order(&story_of(&stage, group), &["ended not started"]);
            assert_eq!(refreshes(&stage, group), [], "{group}");
        }
    });
}

#[test]
fn a_run_killed_in_the_bake_goes_on_with_the_checks() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        let first = stage.simulator.inspect(truth::groups);
        killed_when(&stage, told("orders-dev", "moved Baking")).await;
        let verdicts = again(&stage).await;
        assert_eq!(verdicts, [Verdict::Passed, Verdict::Passed]);
        assert_eq!(truth::check(&stage, &first, &verdicts), Ok(()));
        in_order(
            &story_of(&stage, "orders-dev"),
            &[
                "adopted to 3",
                "checks asked",
                "check app-health passed",
                "moved Successful",
                "step prove passed",
                "ended refreshed",
                "step tracking passed: it follows $Latest again",
            ],
        );
        assert_eq!(count(&story_of(&stage, "orders-dev"), "started"), 0);
        assert_eq!(refreshes(&stage, "orders-dev"), [RefreshStatus::Successful]);
        in_order(&story_of(&stage, "orders-dev"), &["step template passed", "adopted"]);
    });
}

#[test]
fn a_run_killed_after_it_asked_for_the_rollback_follows_that_to_its_end() {
    block(async {
        let trouble = scenario("app-down", "payments-dev");
        for (action, kind) in [("RollbackInstanceRefresh", FaultKind::CrashAfter)] {
            let at_call = call_number(&trouble, action, 0).await;
            let stage = Stage::new(CONFIG, trouble.clone(), 7).await;
            let first = stage.simulator.inspect(truth::groups);
            stage.simulator.inject(Fault { at_call, kind });
            assert_eq!(stage.rollout_or_crash().await, None);
            stage.clock.sleep(Duration::from_secs(20)).await;
            assert_eq!(refreshes(&stage, "payments-dev"), [RefreshStatus::RollbackInProgress]);
            let verdicts = again(&stage).await;
            assert_eq!(verdicts, [Verdict::RolledBack, Verdict::NotReached]);
            assert_eq!(truth::check(&stage, &first, &verdicts), Ok(()));
            in_order(
                &story_of(&stage, "payments-dev"),
                &[
                    "adopted to 2",
                    "rollback native: AWS rolls it back",
                    "step rollback passed",
                    "ended rolled back",
                ],
            );
            assert_eq!(refreshes(&stage, "payments-dev"), [RefreshStatus::RollbackSuccessful]);
        }
    });
}

#[test]
fn a_refresh_that_ended_well_while_nobody_looked_is_checked_and_passes() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        let first = stage.simulator.inspect(truth::groups);
        killed_when(&stage, told("payments-dev", "moved Baking")).await;
        stage.clock.sleep(Duration::from_secs(2 * 3600)).await;
        assert_eq!(refreshes(&stage, "payments-dev"), [RefreshStatus::Successful]);
        let verdicts = again(&stage).await;
        assert_eq!(verdicts, [Verdict::Passed, Verdict::Passed]);
        assert_eq!(truth::check(&stage, &first, &verdicts), Ok(()));
        for group in ["catalog-dev", "orders-dev", "payments-dev"] {
            let story = story_of(&stage, group);
            in_order(
                &story,
                &["checks asked", "check app-health passed", "step prove passed", "ended refreshed"],
            );
            assert_eq!(count(&story, "started"), 0, "{story:#?}");
        }
    });
}

#[test]
fn a_refresh_that_ended_while_nobody_looked_and_fails_its_checks_is_taken_back() {
    block(async {
        let stage = Stage::new(CONFIG, scenario("app-down", "orders-dev"), 7).await;
        let first = stage.simulator.inspect(truth::groups);
        killed_when(&stage, told("orders-dev", "moved Baking")).await;
        stage.clock.sleep(Duration::from_secs(2 * 3600)).await;
        let verdicts = again(&stage).await;
        assert_eq!(verdicts, [Verdict::RolledBack, Verdict::NotReached]);
        assert_eq!(truth::check(&stage, &first, &verdicts), Ok(()));
        in_order(
            &story_of(&stage, "orders-dev"),
            &[
                "checks asked",
                "check app-health failed",
                "rollback by a new refresh",
                "started to 2",
                "ended rolled back",
            ],
        );
        let both = [RefreshStatus::Successful, RefreshStatus::Successful];
        assert_eq!(refreshes(&stage, "orders-dev"), both);
    });
}

#[test]
fn a_run_killed_before_its_tracking_was_put_back_puts_it_back() {
    block(async {
        let at_call = {
            let plain = Stage::new(CONFIG, Scenario::clean(), 7).await;
            plain.rollout().await;
            // The third update is the first that puts a tracking back: two pins came before.
            let calls = plain.simulator.calls();
            calls
                .iter()
                .filter(|call| call.action == "UpdateAutoScalingGroup")
                .nth(2)
                .expect("an update")
                .number
        };
        // Made now, it is at the same time when its rollout begins, and makes the same calls.
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        let first = stage.simulator.inspect(truth::groups);
        stage.simulator.inject(Fault { at_call, kind: FaultKind::CrashBefore });
        assert_eq!(stage.rollout_or_crash().await, None);
        let between = stage.simulator.inspect(truth::groups);
        assert_eq!(between["catalog-dev"].tracking, Tracking::Pinned(2));
        let verdicts = again(&stage).await;
        assert_eq!(verdicts, [Verdict::Passed, Verdict::Passed]);
        assert_eq!(truth::check(&stage, &first, &verdicts), Ok(()));
        let now = stage.simulator.inspect(truth::groups);
        assert_eq!((now["catalog-dev"].tracking, &now["catalog-dev"].follows), (Tracking::Default, &new()));
        assert_eq!(now["orders-dev"].tracking, Tracking::Latest);
        assert_ne!(now["orders-dev"].follows, old());
    });
}

/// An environment that bakes, with its checks passed.
async fn baking() -> Stage {
    let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
    assert_eq!(step(&stage, "dev", Steps::Templates).await, Verdict::Partial);
    assert_eq!(step(&stage, "dev", Steps::RefreshToBaking).await, Verdict::Partial);
    assert_eq!(smoke(&stage, "dev").await, Verdict::Partial);
    stage
}

#[test]
fn a_refresh_that_ends_between_two_looks_is_not_started_again() {
    let bakes_for = block(async {
        let stage = baking().await;
        let since = stage.clock.now();
        until(&stage, |stage| refreshes(stage, "orders-dev") == [RefreshStatus::Successful]).await;
        stage.clock.since(since)
    });
    // A call that is throttled is made again about a second later: of these, some have the bake
    // end after the group was planned with, and before its refreshes are looked at.
    for early in [400, 800, 1200, 1600] {
        for at_call in 1..=12 {
            block(async {
                let stage = baking().await;
                let before = Duration::from_millis(early);
                stage.clock.sleep(bakes_for.saturating_sub(before)).await;
                stage.simulator.inject(Fault { at_call, kind: FaultKind::Throttle });
                assert_eq!(step(&stage, "dev", Steps::RefreshToEnd).await, Verdict::Partial);
                assert_eq!(forward(&stage, "orders-dev"), 1, "call {at_call}, {early} ms before the end");
                assert_eq!(pass(&stage, "dev").await, Verdict::Passed);
            });
        }
    }
}
