//! Steps of their own: what goes first is proved, checks and all, before what follows begins.

use ami_refresh::gate::State;
use ami_refresh::model::{RefreshStatus, Tracking, Verdict};
use ami_refresh::rollout::Steps;
use ami_refresh::sim::Scenario;

use crate::regions::{IMAGES, config, rename};
use crate::rehearsal_story::{block, count, in_order, scenario, story, story_of, told_verdict};
use crate::rehearsal_wire::refreshes;
use crate::resume::told;
use crate::resume_steps::{pass, problems, smoke, step};
use crate::rules_fleet::{FOREIGN, foreign_image, only, ran, shared, until};
use crate::stage::{CONFIG, NEW, Stage};
use crate::truth;

#[test]
fn the_canary_is_proved_before_the_others_begin_to_bake() {
    for steps in [Steps::RefreshToBaking, Steps::RefreshToEnd] {
        block(async {
            let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
            step(&stage, "dev", Steps::Templates).await;
            assert_eq!(step(&stage, "dev", steps).await, Verdict::Partial);
            let story = story(&stage);
            in_order(
                &story,
                &[
                    "catalog-dev: started to",
                    "catalog-dev: check app-health passed",
                    "catalog-dev: step prove passed",
                    "catalog-dev: ended refreshed",
                    "orders-dev: started to",
                ],
            );
            let asked =
                count(&story, "orders-dev: checks asked") + count(&story, "payments-dev: checks asked");
            assert_eq!(asked, 0, "those of the others are asked by the step for it");
        });
    }
}

#[test]
fn a_canary_whose_checks_fail_stops_a_step_as_it_stops_a_rollout() {
    for steps in [Steps::RefreshToBaking, Steps::RefreshToEnd] {
        block(async {
            let failing = || scenario("app-down", "catalog-dev");
            let whole = Stage::new(CONFIG, failing(), 7).await;
            whole.rollout().await;
            let stage = Stage::new(CONFIG, failing(), 7).await;
            step(&stage, "dev", Steps::Templates).await;
            assert_eq!(step(&stage, "dev", steps).await, Verdict::RolledBack);
            assert_eq!(ran(&stage).order, ["catalog-dev"]);
            assert_eq!(refreshes(&stage, "catalog-dev"), [RefreshStatus::RollbackSuccessful]);
            assert_eq!(stage.simulator.inspect(truth::groups), whole.simulator.inspect(truth::groups));
            let gates = |stage: &Stage| stage.simulator.inspect(truth::gates)["dev"].state;
            assert_eq!((gates(&stage), gates(&whole)), (State::Failed, State::Failed));
            let words =
                |stage: &Stage| told_verdict(stage, "dev").map(|(verdict, message, _)| (verdict, message));
            assert_eq!(words(&stage), words(&whole));
        });
    }
}

#[test]
fn a_canary_that_was_left_by_a_run_that_was_killed_is_proved_first() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        step(&stage, "dev", Steps::Templates).await;
        tokio::select! {
            biased;
            () = until(&stage, told("catalog-dev", "moved Baking")) => {}
            verdict = step(&stage, "dev", Steps::RefreshToBaking) => panic!("ended as {verdict}"),
        }
        stage.events.borrow_mut().clear();
        assert_eq!(step(&stage, "dev", Steps::RefreshToBaking).await, Verdict::Partial);
        in_order(
            &story(&stage),
            &[
                "catalog-dev: check app-health passed",
                "catalog-dev: ended refreshed",
                "orders-dev: started to",
            ],
        );
    });
}

#[test]
fn a_region_is_proved_before_the_next_one_begins() {
    block(async {
        let config = config("  regions_in_order: true\n");
        let stage = Stage::with_images(&config, Scenario::clean(), 7, &IMAGES, rename).await;
        step(&stage, "dev", Steps::Templates).await;
        assert_eq!(step(&stage, "dev", Steps::RefreshToBaking).await, Verdict::Partial);
        let east = ["catalog-east-dev", "orders-east-dev", "payments-east-dev"];
        let told = story(&stage);
        let first = told.iter().position(|line| line.starts_with("catalog-dev: started")).expect("a start");
        for group in east {
            in_order(
                &told[..first],
                &[&format!("{group}: check app-health passed"), &format!("{group}: ended refreshed")],
            );
        }
        for group in ["catalog-dev", "orders-dev", "payments-dev"] {
            in_order(&story_of(&stage, group), &["ended left (Baking"]);
        }
        assert_eq!(smoke(&stage, "dev").await, Verdict::Partial);
        assert_eq!(step(&stage, "dev", Steps::RefreshToEnd).await, Verdict::Partial);
        assert_eq!(pass(&stage, "dev").await, Verdict::Passed);
    });
}

#[test]
fn checks_that_fail_in_the_first_region_keep_a_step_out_of_the_second() {
    block(async {
        let config = config("  regions_in_order: true\n");
        let failing = scenario("app-down", "payments-east-dev");
        let stage = Stage::with_images(&config, failing, 7, &IMAGES, rename).await;
        let first = stage.simulator.inspect(truth::groups);
        step(&stage, "dev", Steps::Templates).await;
        assert_eq!(step(&stage, "dev", Steps::RefreshToBaking).await, Verdict::RolledBack);
        let now = stage.simulator.inspect(truth::groups);
        for group in ["catalog-dev", "orders-dev", "payments-dev", "payments-east-dev"] {
            assert_eq!(now[group].serves, first[group].serves, "{group}");
            assert!(!now[group].active && !now[group].marked, "{group}");
        }
        in_order(&story_of(&stage, "orders-dev"), &["ended not started (a group failed in a region before"]);
    });
}

#[test]
fn a_proved_canary_stays_beside_those_of_its_template_that_bake() {
    for tracking in [Tracking::Latest, Tracking::Default] {
        block(async {
            let floating = [("a-dev", tracking), ("b-dev", tracking), ("c-dev", tracking)];
            let stage = Stage::with(CONFIG, Scenario::clean(), 7, |spec| shared(spec, &floating)).await;
            step(&stage, "dev", Steps::Templates).await;
            assert_eq!(step(&stage, "dev", Steps::RefreshToBaking).await, Verdict::Partial);
            let now = stage.simulator.inspect(truth::groups);
            assert!(now["a-dev"].serves.iter().all(|image| image.as_str() == NEW), "{:?}", now["a-dev"]);
            let smoked = smoke(&stage, "dev").await;
            assert_eq!(smoked, Verdict::Partial, "{tracking}: {:#?}", story(&stage));
            stage.events.borrow_mut().clear();
            assert_eq!(step(&stage, "dev", Steps::RefreshToEnd).await, Verdict::Partial);
            let passed = pass(&stage, "dev").await;
            assert_eq!(passed, Verdict::Passed, "{tracking}: {:?} {:#?}", problems(&stage), story(&stage));
        });
    }
}

#[test]
fn checks_of_a_group_that_is_not_part_of_the_rollout_are_no_verdict_on_it() {
    block(async {
        let ill = "
name: ill
about: the application of one group answers 500 on the old image too
effects:
  - groups: b-dev
    application: { on: all, status: 500 }
";
        let ill = Scenario::from_yaml(ill).expect("a scenario");
        let stage = Stage::with(CONFIG, ill, 7, |spec| {
            only(spec, &["a-dev", "b-dev"]);
            foreign_image(spec);
            let own = spec.templates.iter_mut().find(|template| template.name == "b-dev-own").expect("it");
            own.versions[0].data.insert("ImageId".into(), FOREIGN.into());
        })
        .await;
        assert_eq!(smoke(&stage, "dev").await, Verdict::NeedsPerson, "without a rollout all count");
        step(&stage, "dev", Steps::Templates).await;
        step(&stage, "dev", Steps::RefreshToBaking).await;
        stage.events.borrow_mut().clear();
        assert_eq!(smoke(&stage, "dev").await, Verdict::Partial);
        in_order(&story_of(&stage, "b-dev"), &["check app-health failed"]);
        let (_, message, _) = told_verdict(&stage, "dev").expect("a verdict");
        assert_eq!(message, "1 group passed; 1 that are not part of the rollout did not pass");
        step(&stage, "dev", Steps::RefreshToEnd).await;
        assert_eq!(pass(&stage, "dev").await, Verdict::Passed);
    });
}
