//! A signal ends a run: every group is told, refreshes are left or asked to roll back.

use ami_refresh::event::Event;
use ami_refresh::model::{EnvironmentName, Outcome, RefreshStatus, Verdict};
use ami_refresh::rollout::{self, Scope, Steps};
use ami_refresh::sim::{Fault, FaultKind, Scenario};

use crate::rehearsal_story::{block, in_order, story, story_of, told_verdict};
use crate::rehearsal_wire::{refreshes, snapshot};
use crate::resume::{call_number, told};
use crate::rules_fleet::{refresh, until};
use crate::stage::{CONFIG, Stage};
use crate::truth;

/// Runs the rollout, drops it as soon as it is so, and abandons it as a signal would.
async fn aborted(stage: &Stage, so: impl Future<Output = ()>) {
    let run = stage.run();
    let names: Vec<EnvironmentName> = stage.names();
    let scope = Scope { wait: true, ..Scope::now(Steps::Rollout) };
    tokio::select! {
        biased;
        () = so => {}
        verdicts = rollout::run(&run, &names, &scope) => panic!("it was not aborted, and ended as {verdicts:?}"),
    }
    rollout::abandon(&run, &names, "SIGTERM").await;
}

/// How often each group of the first environment was told to have ended.
fn ended(stage: &Stage, group: &str) -> Vec<Outcome> {
    stage.told(|event| match event {
        Event::GroupEnded { group: at, outcome, .. } if at.group.as_str() == group => Some(outcome.clone()),
        _ => None,
    })
}

#[test]
fn refreshes_are_left_to_aws_and_the_next_run_adopts_them() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        let first = stage.simulator.inspect(truth::groups);
        aborted(&stage, until(&stage, told("orders-dev", "moved InProgress 50%"))).await;
        assert!(matches!(ended(&stage, "catalog-dev")[..], [Outcome::Refreshed { .. }]));
        for group in ["orders-dev", "payments-dev"] {
            let ended = ended(&stage, group);
            let [Outcome::Left { state, next }] = &ended[..] else { panic!("{group}: {ended:?}") };
            assert!(state.contains("(refresh "), "{state}");
            assert_eq!(next, "ami-refresh rollout --env dev");
            assert!(matches!(
                refreshes(&stage, group)[..],
                [RefreshStatus::InProgress | RefreshStatus::Baking]
            ));
        }
        let (verdict, message, next) = told_verdict(&stage, "dev").expect("an end");
        assert_eq!((verdict, message.as_str()), (Verdict::Aborted, "SIGTERM ended the run"));
        assert_eq!(
            next,
            ["ami-refresh rollout --env dev to go on", "ami-refresh rollback --env dev to take it back"]
        );
        assert_eq!(told_verdict(&stage, "qa").map(|(verdict, ..)| verdict), Some(Verdict::NotReached));
        in_order(
            &story(&stage),
            &[
                "run: aborting on SIGTERM, leave",
                "orders-dev: ended left",
                "dev: over, aborted",
                "qa: over, not reached",
            ],
        );

        stage.events.borrow_mut().clear();
        let verdicts = stage.rollout().await;
        assert_eq!(verdicts, [Verdict::Passed, Verdict::Passed]);
        assert_eq!(truth::check(&stage, &first, &verdicts), Ok(()));
        in_order(&story_of(&stage, "orders-dev"), &["adopted to 3"]);
    });
}

#[test]
fn refreshes_are_asked_to_roll_back_when_told_so() {
    block(async {
        let config = refresh("bake: 10m, on_abort: rollback");
        let stage = Stage::new(&config, Scenario::clean(), 7).await;
        let first = stage.simulator.inspect(truth::groups);
        aborted(&stage, until(&stage, told("orders-dev", "moved InProgress 50%"))).await;
        for group in ["orders-dev", "payments-dev"] {
            let ended = ended(&stage, group);
            let [Outcome::Left { state, .. }] = &ended[..] else { panic!("{group}: {ended:?}") };
            assert!(state.contains("AWS was asked to roll it back"), "{state}");
            assert_eq!(refreshes(&stage, group), [RefreshStatus::RollbackInProgress]);
        }
        in_order(
            &story(&stage),
            &["run: aborting on SIGTERM, rollback", "dev: over, aborted", "qa: over, not reached"],
        );

        let verdicts = stage.rollout().await;
        assert_eq!(verdicts, [Verdict::RolledBack, Verdict::NotReached]);
        assert_eq!(truth::check(&stage, &first, &verdicts), Ok(()));
    });
}

#[test]
fn a_signal_before_anything_changed_leaves_the_world_as_it_was() {
    for on_abort in ["leave", "rollback"] {
        block(async {
            let config = refresh(&format!("bake: 10m, on_abort: {on_abort}"));
            // Killed as it asks for the refreshes of its groups: nothing is planned yet.
            let at_call = call_number(&Scenario::clean(), "DescribeInstanceRefreshes", 0).await;
            let stage = Stage::new(&config, Scenario::clean(), 7).await;
            let before = stage.simulator.inspect(snapshot);
            stage.simulator.inject(Fault { at_call, kind: FaultKind::CrashBefore });
            aborted(&stage, stage.simulator.crashed()).await;
            assert_eq!(stage.simulator.inspect(snapshot), before);
            let (verdict, _, next) = told_verdict(&stage, "dev").expect("an end");
            assert_eq!((verdict, next), (Verdict::Aborted, vec!["ami-refresh rollout --env dev".to_owned()]));
        });
    }
}

#[test]
fn groups_whose_turn_had_not_come_are_told_not_started() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        let at_call = call_number(&Scenario::clean(), "CreateOrUpdateTags", 0).await;
        stage.simulator.inject(Fault { at_call, kind: FaultKind::CrashAfter });
        aborted(&stage, stage.simulator.crashed()).await;
        assert!(
            matches!(ended(&stage, "catalog-dev")[..], [Outcome::Left { .. }]),
            "{:?}",
            ended(&stage, "catalog-dev")
        );
        for group in ["orders-dev", "payments-dev"] {
            assert!(
                matches!(ended(&stage, group)[..], [Outcome::NotStarted { .. }]),
                "{:?}",
                ended(&stage, group)
            );
        }
        let marked = stage.simulator.inspect(|world| truth::groups(world)["catalog-dev"].marked);
        assert!(marked);
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
    });
}

#[test]
fn an_environment_that_had_passed_is_not_told_again() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        aborted(&stage, until(&stage, told("payments-qa", "moved Baking"))).await;
        let over = |name: &str| {
            story_of(&stage, name).into_iter().filter(|line| line.starts_with("over")).collect::<Vec<_>>()
        };
        assert_eq!(over("dev"), ["over, passed: 3 refreshed"]);
        assert_eq!(over("qa"), ["over, aborted: SIGTERM ended the run"]);
        assert!(matches!(ended(&stage, "payments-qa")[..], [Outcome::Left { .. }]));
    });
}
