//! An environment goes back to what it had without a candidate, whatever happens on the way.

use ami_refresh::event::Event;
use ami_refresh::gate::{QUARANTINE_TAG, State};
use ami_refresh::model::{Outcome, Tracking, Verdict};
use ami_refresh::plan::MARKER_TAG;
use ami_refresh::rollout::{self, Given, Steps};
use ami_refresh::sim::{Data, Scenario};

use crate::rehearsal_story::block;
use crate::resume::{killed_when, told};
use crate::resume_steps::step;
use crate::rules_fleet::{group_mut, shared};
use crate::stage::{CONFIG, NEW, Stage};
use crate::truth;

async fn given(stage: &Stage) -> Given {
    let environment = stage.fleet.environment("dev").expect("the environment");
    rollout::given(&stage.run(), environment, None).await.expect("what the groups run")
}

/// Takes back whatever there is.
async fn back(stage: &Stage) -> Verdict {
    let given = given(stage).await;
    let environment = stage.fleet.environment("dev").expect("the environment");
    let builds = std::slice::from_ref(&stage.candidate);
    rollout::rollback_to_previous(&stage.run(), environment, &given, builds).await
}

/// Every group of the environment stands as before, but for the number of refreshes.
#[track_caller]
fn as_before(stage: &Stage, before: &std::collections::BTreeMap<String, truth::Stands>) {
    let now = stage.simulator.inspect(truth::groups);
    for (name, was) in before.iter().filter(|(name, _)| name.ends_with("-dev")) {
        let is = truth::Stands { refreshes: was.refreshes, ..now[name].clone() };
        assert_eq!(is, *was, "{name}");
    }
}

#[test]
fn a_passed_environment_goes_back_once() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        let before = stage.simulator.inspect(truth::groups);
        assert_eq!(given(&stage).await, Given { looked_at: 3, ..Given::default() });
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
        let found = given(&stage).await;
        assert_eq!(found.groups.len(), 3);
        assert!(found.groups.values().all(|image| image.as_str() == NEW), "{found:?}");
        assert_eq!(back(&stage).await, Verdict::Partial);
        as_before(&stage, &before);
        assert_eq!(stage.simulator.inspect(truth::gates)["dev"].state, State::Revoked);
        let found = given(&stage).await;
        assert_eq!((found.groups.len(), found.back.len(), found.further), (0, 3, false), "{found:?}");
    });
}

#[test]
fn a_way_back_that_is_killed_can_be_gone_again() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        let before = stage.simulator.inspect(truth::groups);
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
        stage.events.borrow_mut().clear();
        tokio::select! {
            biased;
            () = crate::rules_fleet::until(&stage, told("orders-dev", "moved InProgress 50%")) => {}
            verdict = back(&stage) => panic!("ended as {verdict}"),
        }
        assert_eq!(given(&stage).await.groups.len(), 3, "what is on its way back is not done");
        assert_eq!(back(&stage).await, Verdict::Partial);
        as_before(&stage, &before);
    });
}

#[test]
fn a_rollout_that_was_killed_is_taken_back_as_well_in_quarantine_too() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        let before = stage.simulator.inspect(truth::groups);
        killed_when(&stage, |stage| told("orders-dev", "moved InProgress 50%")(stage)).await;
        stage.simulator.change(|world| {
            for image in world.images.values_mut().filter(|image| image.id.as_str() == NEW) {
                image
                    .tags
                    .insert(QUARANTINE_TAG.to_owned(), "quarantined 2026-11-22T19:00:00Z jane: bad".into());
            }
        });
        assert_eq!(back(&stage).await, Verdict::Partial);
        as_before(&stage, &before);
    });
}

#[test]
fn a_group_that_was_only_held_still_floats_again() {
    block(async {
        let floating = [("a-dev", Tracking::Latest), ("idle-dev", Tracking::Latest)];
        let stage = Stage::with(CONFIG, Scenario::clean(), 7, |spec| {
            shared(spec, &floating);
            group_mut(spec, "idle-dev").capacity = (0, 0, 4);
        });
        let stage = stage.await;
        let before = stage.simulator.inspect(truth::groups);
        step(&stage, "dev", Steps::Templates).await;
        let found = given(&stage).await;
        assert_eq!((found.groups.len(), found.held.len()), (1, 1), "{found:?}");
        assert_eq!(back(&stage).await, Verdict::Partial);
        as_before(&stage, &before);
    });
}

#[test]
fn a_group_whose_tag_nobody_can_read_is_told_and_holds_up_nobody_else() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        stage.rollout().await;
        stage.simulator.change(|world| {
            let orders = world.groups.values_mut().find(|group| group.key.name.as_str() == "orders-dev");
            orders.expect("the group").tags.insert(MARKER_TAG.to_owned(), "to=ami-1".to_owned());
        });
        assert_eq!(back(&stage).await, Verdict::NeedsPerson);
        let told = stage.told(|event| match event {
            Event::GroupEnded { outcome: Outcome::NeedsPerson { why, .. }, .. } => Some(why.clone()),
            _ => None,
        });
        assert_eq!(told, ["the rollout tag of group orders-dev can't be read"]);
        let now = stage.simulator.inspect(truth::groups);
        assert!(now["orders-dev"].serves.iter().all(|image| image.as_str() == NEW));
        for name in ["catalog-dev", "payments-dev"] {
            assert!(now[name].serves.iter().all(|image| image.as_str() != NEW), "{name} went back");
        }
    });
}

#[test]
fn what_somebody_changed_beside_the_image_is_not_taken_back_whatever_its_version_says() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
        // As Terraform does, which ignores descriptions: it repeats the newest version's.
        stage.simulator.change(|world| {
            let id = world.group("orders-dev").expect("the group").template.id.clone();
            let template = world.templates.values_mut().find(|template| template.id == id);
            let mut versions = template.expect("the template").versions.iter_mut();
            let (_, newest) = versions.next_back().expect("a version");
            assert!(newest.description.starts_with("ami-refresh: from version"), "{}", newest.description);
            newest.data.insert("KeyName".into(), Data::Value("somebody-elses".into()));
        });
        stage.events.borrow_mut().clear();
        assert_eq!(back(&stage).await, Verdict::NeedsPerson);
        let told = stage.told(|event| match event {
            Event::GroupEnded { group, outcome: Outcome::NeedsPerson { why, .. }, .. } => {
                Some((group.group.to_string(), why.clone()))
            }
            _ => None,
        });
        let why = "nobody recorded what group orders-dev had before".to_owned();
        assert_eq!(told, [("orders-dev".to_owned(), why)]);
        let now = stage.simulator.inspect(truth::groups);
        assert!(now["orders-dev"].serves.iter().all(|image| image.as_str() == NEW));
        for name in ["catalog-dev", "payments-dev"] {
            assert!(now[name].serves.iter().all(|image| image.as_str() != NEW), "{name} went back");
        }
    });
}

#[test]
fn what_was_taken_back_before_any_gate_said_so_is_the_only_step() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        let before = stage.simulator.inspect(truth::groups);
        step(&stage, "dev", Steps::Templates).await;
        step(&stage, "dev", Steps::RefreshToBaking).await;
        assert!(!stage.simulator.inspect(truth::gates).contains_key("dev"));
        assert_eq!(back(&stage).await, Verdict::Partial);
        as_before(&stage, &before);
        assert_eq!(stage.simulator.inspect(truth::gates)["dev"].state, State::Revoked);
        let found = given(&stage).await;
        assert_eq!((found.groups.len(), found.back.len()), (0, 3), "{found:?}");
    });
}
