//! What a rollout that went back leaves: the good version on top of every template, and an image that is
//! blamed only for what it did.

use ami_refresh::event::Event;
use ami_refresh::model::Verdict;
use ami_refresh::rollout::{self, Steps};
use ami_refresh::sim::{FleetSpec, Scenario};

use crate::rehearsal::old;
use crate::rehearsal_story::{block, scenario};
use crate::resume::{killed_when, told};
use crate::resume_steps::step;
use crate::rules_fleet::{held, shared, until};
use crate::stage::{CONFIG, NEW, Stage};

const GROUPS: [&str; 3] = ["catalog-dev", "orders-dev", "payments-dev"];

/// The image and the description of the newest version of the group's template, and the image of the
/// version that it was made from.
fn newest(stage: &Stage, group: &str) -> (String, String) {
    let versions = held(stage, group);
    let (_, newest) = versions.last_key_value().expect("a version");
    (newest.image.to_string(), newest.description.clone())
}

#[test]
fn the_newest_version_of_every_template_is_the_good_one_again() {
    block(async {
        let config = CONFIG.replace("{ bake: 10m,", "{ on_failure: environment, canary: 3, bake: 10m,");
        assert_ne!(config, CONFIG);
        let stage = Stage::new(&config, scenario("app-down", "*-dev"), 7).await;
        let before = GROUPS.map(|group| held(&stage, group));
        assert_eq!(stage.rollout().await[0], Verdict::RolledBack);
        for (group, before) in GROUPS.iter().zip(&before) {
            let now = held(&stage, group);
            let (image, description) = newest(&stage, group);
            assert_eq!(image, old().as_str(), "{group}: {now:#?}");
            assert!(description.starts_with("ami-refresh: version "), "{group}: {description}");
            assert_eq!(now.len(), before.len() + 2, "{group}");
            let (_, source) = before.last_key_value().expect("one");
            assert_eq!(now.last_key_value().expect("one").1.fields, source.fields, "{group}");
        }
        // What finds everything in place adds nothing; and the same image may come again.
        let environment = stage.fleet.environment("dev").expect("it");
        assert_eq!(rollout::rollback(&stage.run(), environment, None).await, Verdict::Partial);
        for (group, before) in GROUPS.iter().zip(&before) {
            assert_eq!(held(&stage, group).len(), before.len() + 2, "{group}");
        }
        stage.simulator.change(|world| world.scenario = Scenario::clean());
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
    });
}

#[test]
fn a_template_that_another_group_went_forward_with_is_left() {
    block(async {
        let two = |spec: &mut FleetSpec| {
            use ami_refresh::model::Tracking::Pinned;
            shared(spec, &[("left-dev", Pinned(1)), ("right-dev", Pinned(1))]);
        };
        let ill = "name: ill\nabout: an application is ill\neffects:\n  - groups: right-dev\n    application: { on: new, status: 500 }\n";
        let stage = Stage::with(CONFIG, Scenario::from_yaml(ill).expect("a scenario"), 7, two).await;
        let before = held(&stage, "left-dev");
        assert_eq!(stage.rollout().await[0], Verdict::RolledBack);
        let (image, _) = newest(&stage, "right-dev");
        assert_eq!(image, NEW);
        let (before, now) = (before.len(), held(&stage, "left-dev").len());
        assert_eq!(now, before + 1);
    });
}

fn quarantines(stage: &Stage) -> usize {
    stage.told(|event| matches!(event, Event::Quarantined { .. }).then_some(())).len()
}

#[test]
fn a_rollback_that_a_person_began_blames_no_image_whoever_finishes_it() {
    block(async {
        let config = CONFIG.replace("defaults:", "defaults:\n  quarantine_on_failure: true");
        let stage = Stage::new(&config, Scenario::clean(), 7).await;
        step(&stage, "dev", Steps::Templates).await;
        step(&stage, "dev", Steps::RefreshToBaking).await;
        let environment = stage.fleet.environment("dev").expect("the environment");
        tokio::select! {
            biased;
            () = until(&stage, told("orders-dev", "moved RollbackInProgress")) => {}
            verdict = async { rollout::rollback(&stage.run(), environment, None).await } => panic!("ended as {verdict}"),
        }
        stage.events.borrow_mut().clear();
        assert_eq!(stage.rollout().await[0], Verdict::RolledBack);
        assert_eq!(quarantines(&stage), 0);
    });
}

#[test]
fn a_rollback_that_the_rollout_began_itself_blames_the_image_though_it_was_killed() {
    block(async {
        let config = CONFIG.replace("defaults:", "defaults:\n  quarantine_on_failure: true");
        let ill = "name: ill\nabout: an application is ill\neffects:\n  - groups: orders-dev\n    application: { on: new, status: 500 }\n";
        let stage = Stage::new(&config, Scenario::from_yaml(ill).expect("a scenario"), 7).await;
        killed_when(&stage, told("orders-dev", "moved RollbackInProgress")).await;
        stage.events.borrow_mut().clear();
        assert_eq!(stage.rollout().await[0], Verdict::RolledBack);
        assert_eq!(quarantines(&stage), 1);
    });
}
