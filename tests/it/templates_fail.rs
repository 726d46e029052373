//! Templates that can't be prepared: no group is refreshed, and everything is put back as it was found.

use ami_refresh::model::{Exit, Outcome, Verdict};
use ami_refresh::sim::Scenario;

use crate::rehearsal_story::{block, in_order, story_of, told_verdict};
use crate::rehearsal_wire::refreshes;
use crate::resume::{killed_when, told};
use crate::stage::{CONFIG, Stage};
use crate::truth;
use crate::windows::outcome;

/// EC2 makes no version.
fn no_versions() -> Scenario {
    let text = "name: none\nabout: no version is made\neffects:\n  - calls: { share: 100, fault: server_error, actions: CreateLaunchTemplateVersion }\n";
    Scenario::from_yaml(text).expect("a scenario")
}

#[test]
fn everything_is_as_it_was_found_and_nobody_is_needed() {
    block(async {
        let stage = Stage::new(CONFIG, no_versions(), 7).await;
        let first = stage.simulator.inspect(truth::groups);
        let verdicts = stage.rollout().await;
        assert_eq!(verdicts, [Verdict::RolledBack, Verdict::NotReached]);
        assert_eq!(verdicts[0].exit(), Exit::RolledBack);
        assert_eq!(stage.simulator.inspect(truth::groups), first);
        for group in ["catalog-dev", "orders-dev", "payments-dev"] {
            assert!(matches!(outcome(&stage, group), Outcome::NotStarted { .. }), "{group}");
            in_order(&story_of(&stage, group), &["step template errored", "ended not started"]);
        }
        let (_, message, next) = told_verdict(&stage, "dev").expect("an end");
        assert!(message.starts_with("templates could not be prepared: "), "{message}");
        assert_eq!(next, ["ami-refresh rollout --env dev"]);
        // Once versions are made again, it goes on as if nothing had been.
        stage.simulator.change(|world| world.scenario = Scenario::clean());
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
    });
}

#[test]
fn a_group_that_was_begun_before_is_looked_after_all_the_same() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        // The canary is under way; templates of the others have their versions.
        killed_when(&stage, told("catalog-dev", "moved InProgress 50%")).await;
        stage.simulator.change(|world| {
            world.scenario = no_versions();
            let template = world.template_of(world.group("orders-dev").expect("it")).expect("it").id.clone();
            let key = world.templates.iter().find(|(_, one)| one.id == template).map(|(key, _)| key.clone());
            let versions = &mut world.templates.get_mut(&key.expect("it")).expect("it").versions;
            let newest = *versions.keys().next_back().expect("one");
            versions.remove(&newest);
        });
        stage.events.borrow_mut().clear();
        let verdicts = stage.rollout().await;
        assert_eq!(verdicts[0].exit(), Exit::NeedsPerson, "{:?}", told_verdict(&stage, "dev"));
        let Outcome::NeedsPerson { next, .. } = outcome(&stage, "catalog-dev") else {
            panic!("it was begun")
        };
        assert_eq!(next, "ami-refresh rollout --env dev");
        assert_eq!(refreshes(&stage, "orders-dev"), []);
    });
}
