//! Image builds while calls fail, runs are killed, and builds end badly: one build, and the truth.

use std::fmt::Write;
use std::time::Duration;

use ami_refresh::candidate::Error;
use ami_refresh::model::BuildState;
use ami_refresh::sim::{BuildEnd, Fault, FaultKind, Scenario};

use crate::candidate_builder::{LONG, OURS, clean, executions, is_right, stage, started};
use crate::sweep::block;

#[test]
fn every_call_may_go_wrong_and_the_image_is_built_once() {
    let calls = block(async {
        let stage = clean().await;
        started(&stage, &["base"], OURS, LONG).await.0.expect("a candidate");
        stage.simulator.calls().len() as u64
    });
    assert!(calls > 20, "{calls} calls are not much of a test");
    let mut broken = String::new();
    for k in 1..=calls {
        for kind in [FaultKind::ServerError, FaultKind::Throttle, FaultKind::LoseAnswer] {
            block(async {
                let stage = clean().await;
                stage.simulator.inject(Fault { at_call: k, kind });
                let (end, _) = started(&stage, &["base"], OURS, LONG).await;
                let right = match end {
                    Ok(candidate) => is_right(&stage, &candidate),
                    Err(error) => Err(error.to_string()),
                };
                if let (Err(_), _) | (_, 0 | 2..) = (&right, executions(&stage)) {
                    writeln!(broken, "call {k}, {kind:?}: {right:?}, {} builds", executions(&stage)).unwrap();
                }
            });
        }
    }
    assert!(broken.is_empty(), "{broken}");
}

#[test]
fn it_may_be_killed_at_every_call_and_goes_on_with_the_same_build() {
    let mut k = 0;
    loop {
        k += 1;
        let over = block(async {
            for kind in [FaultKind::CrashBefore, FaultKind::CrashAfter] {
                let stage = clean().await;
                stage.simulator.inject(Fault { at_call: k, kind });
                tokio::select! {
                    biased;
                    () = stage.simulator.crashed() => {}
                    (end, _) = started(&stage, &["base"], OURS, LONG) => {
                        end.expect("a candidate");
                        return true;
                    }
                }
                stage.clock.sleep(Duration::from_secs(90 * (k % 5))).await;
                let (end, _) = started(&stage, &["base"], OURS, LONG).await;
                is_right(&stage, &end.expect("a candidate")).expect("the image that was built");
                assert_eq!(executions(&stage), 1, "call {k}, {kind:?}");
            }
            false
        });
        if over {
            break;
        }
    }
    assert!(k > 20, "{k} calls are not much of a test");
}

#[test]
fn a_long_trouble_is_waited_out_and_told() {
    for kind in [FaultKind::Throttle, FaultKind::ServerError, FaultKind::LoseAnswer] {
        block(async {
            let stage = clean().await;
            (5..45).for_each(|at_call| stage.simulator.inject(Fault { at_call, kind }));
            let (end, told) = started(&stage, &["base"], OURS, LONG).await;
            is_right(&stage, &end.expect("a candidate")).expect("the image that was built");
            let troubles = told.iter().filter(|line| line.contains("can't be looked at")).count();
            assert_eq!(troubles, 1, "{kind:?}: {told:#?}");
        });
    }
}

#[test]
fn a_build_that_ends_badly_says_why_and_is_not_built_again_for_the_same_build() {
    let words = "the component ended with status Failed";
    for state in [BuildState::Failed, BuildState::Cancelled, BuildState::Deleted, BuildState::Disabled] {
        block(async {
            let ends =
                BuildEnd::Other { at: BuildState::Testing, state: state.clone(), reason: words.into() };
            let stage = stage(Scenario::clean(), |spec| spec.pipelines[0].ends = ends).await;
            for _ in 0..2 {
                let (end, _) = started(&stage, &["base"], OURS, LONG).await;
                let Err(Error::Failed(told)) = end else { panic!("{state}: {end:?}") };
                assert_eq!(told[0].what, format!("the image build base/1.0.0/2 ended {state}"));
                assert!(told[0].why.contains(words) && told[0].next.contains("build's number"), "{told:?}");
            }
            assert_eq!(executions(&stage), 1);
            let tagged = stage.simulator.calls().iter().any(|call| call.action == "CreateTags");
            assert!(!tagged, "nothing is tagged");
        });
    }
}

#[test]
fn a_slow_build_is_waited_for_as_long_as_told_and_gone_on_with() {
    block(async {
        let slow = Scenario::named("image-build-slow").expect("a scenario");
        let stage = stage(slow, |_| {}).await;
        let (end, told) = started(&stage, &["base"], OURS, Duration::from_secs(3600)).await;
        let Err(Error::Failed(problems)) = end else { panic!("{end:?}") };
        assert_eq!(problems[0].what, "the image build base/1.0.0/2 is not done after 60 minutes");
        assert!(problems[0].why.starts_with("it is BUILDING"), "{problems:?}");
        let signs = told.iter().filter(|line| line.contains("BUILDING")).count();
        assert!((4..8).contains(&signs), "a sign of life every ten minutes: {told:#?}");
        let (end, _) = started(&stage, &["base"], OURS, LONG).await;
        is_right(&stage, &end.expect("a candidate")).expect("the image that was built");
        assert_eq!(executions(&stage), 1);
    });
}
