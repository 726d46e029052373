//! What a rollout that went back leaves: an image that is blamed only for what it did.

use ami_refresh::event::Event;
use ami_refresh::model::Verdict;
use ami_refresh::rollout::{self, Steps};
use ami_refresh::sim::Scenario;

use crate::rehearsal_story::block;
use crate::resume::{killed_when, told};
use crate::resume_steps::step;
use crate::rules_fleet::until;
use crate::stage::{CONFIG, Stage};

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
