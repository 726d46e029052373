//! Overrides that name images themselves go back to what they named, when their gate was passed long
//! ago: the image that replaced it remembers.

use std::collections::BTreeMap;

use ami_refresh::config::Environment;
use ami_refresh::event::{Event, Status, Step};
use ami_refresh::gate::{QUARANTINE_TAG, State};
use ami_refresh::model::{Build, Candidate, CandidateImage, ImageId, Outcome, Verdict};
use ami_refresh::rollout::{self, Given, Scope, Steps};
use ami_refresh::sim::{FleetSpec, GroupSpec, ImageSpec, OverrideSpec, PolicySpec, Scenario};

use crate::mixed::old_arm;
use crate::rehearsal::old;
use crate::rehearsal_story::{block, scenario};
use crate::rules_fleet::{group_mut, only};
use crate::stage::{CONFIG, HOME, NEW, NEW_ARM, REGION, Stage};
use crate::truth::{self, Stands};

/// Another image of the family, older than what the templates name.
pub(crate) const OLDER: &str = "ami-0cccccccccccccccc";
/// A later build's image.
const NEWER: &str = "ami-0bbbbbbbbbbbbbbbb";
const TAG: &str = "ami-refresh:replaced/dev";

type Stood = BTreeMap<String, Stands>;

pub(crate) fn own(kind: &str, image: ImageId) -> OverrideSpec {
    OverrideSpec { image: Some(image), ..OverrideSpec::of_type(kind) }
}

pub(crate) fn give(group: &mut GroupSpec, overrides: Vec<OverrideSpec>) {
    group.policy = Some(PolicySpec { overrides, ..PolicySpec::default() });
}

/// Further images of the family.
pub(crate) fn images(spec: &mut FleetSpec) {
    for (id, name) in [(OLDER, "dept-base-older"), (NEWER, "dept-base-newer")] {
        let mut image = ImageSpec::new(id.into(), name, REGION.into(), HOME.into());
        image.shared_with = vec!["111111111111".into(), "222222222222".into()];
        spec.images.push(image);
    }
}

/// One group whose overrides name the same image, one whose overrides name different ones and the
/// candidate already, and one of two architectures.
pub(crate) fn every_kind(spec: &mut FleetSpec) {
    images(spec);
    give(
        group_mut(spec, "catalog-dev"),
        vec![own("m6i.large", old()), own("m6i.xlarge", old()), OverrideSpec::of_type("m6i.2xlarge")],
    );
    give(
        group_mut(spec, "orders-dev"),
        vec![own("m6i.large", OLDER.into()), own("m6i.xlarge", NEW.into()), own("m6i.2xlarge", old())],
    );
    give(group_mut(spec, "payments-dev"), vec![own("m7g.large", old_arm()), own("m6i.large", OLDER.into())]);
    for group in &mut spec.groups {
        group.boot = 20;
    }
}

pub(crate) async fn stage() -> Stage {
    Stage::of_both(&short(), Scenario::clean(), 7, every_kind).await
}

pub(crate) fn short() -> String {
    CONFIG.replace("bake: 10m,", "bake: 5m, warmup: 15s,")
}

fn dev(stage: &Stage) -> &Environment {
    stage.fleet.environment("dev").expect("the environment")
}

pub(crate) async fn roll(stage: &Stage) -> Verdict {
    rollout::environment(&stage.run(), dev(stage), &Scope::now(Steps::Rollout)).await
}

pub(crate) async fn back(stage: &Stage) -> Verdict {
    rollout::rollback(&stage.run(), dev(stage), None).await
}

pub(crate) async fn given(stage: &Stage) -> Given {
    rollout::given(&stage.run(), dev(stage), None).await.expect("what the groups run")
}

pub(crate) async fn back_to_previous(stage: &Stage) -> Verdict {
    let builds = std::slice::from_ref(&stage.candidate);
    rollout::rollback_to_previous(&stage.run(), dev(stage), &given(stage).await, builds).await
}

pub(crate) fn stood(stage: &Stage) -> Stood {
    stage.simulator.inspect(truth::groups)
}

/// Which groups of the first environment don't stand as before, but for the number of refreshes.
pub(crate) fn moved(stage: &Stage, before: &Stood) -> Vec<String> {
    let now = stood(stage);
    let dev = before.iter().filter(|(name, _)| name.ends_with("-dev"));
    let moved = dev.filter(|(name, was)| {
        let is = Stands { refreshes: was.refreshes, ..now[*name].clone() };
        // Which of its images an instance is launched from is for AWS to choose.
        let named: Vec<&ImageId> = was.overrides.iter().map(|(_, image)| image).collect();
        let serves = is.serves.iter().all(|image| named.contains(&image) || was.serves.contains(image));
        Stands { serves: was.serves.clone(), ..is } != **was || !serves
    });
    moved.map(|(name, _)| name.clone()).collect()
}

/// What an image says that it replaced.
pub(crate) fn recorded(stage: &Stage, image: &str) -> Option<String> {
    stage.simulator.inspect(|world| world.image(&image.into()).expect("the image").tags.get(TAG).cloned())
}

pub(crate) fn notes(stage: &Stage) -> Vec<String> {
    stage.told(|event| match event {
        Event::Note { text, .. } => Some(text.clone()),
        _ => None,
    })
}

#[test]
fn every_override_says_again_what_it_said() {
    block(async {
        let stage = stage().await;
        let before = stood(&stage);
        assert_eq!(roll(&stage).await, Verdict::Passed);
        let now = stood(&stage);
        for name in ["catalog-dev", "orders-dev", "payments-dev"] {
            let new = |image: &ImageId| [NEW, NEW_ARM].contains(&image.as_str());
            assert!(now[name].overrides.iter().all(|(_, image)| new(image)) && !now[name].marked, "{name}");
        }
        assert_eq!(notes(&stage), [""; 0]);
        assert_eq!(back(&stage).await, Verdict::Partial);
        assert_eq!(moved(&stage, &before), [""; 0]);
        assert_eq!(stage.simulator.inspect(truth::gates)["dev"].state, State::Revoked);
        assert_eq!(notes(&stage), [""; 0]);
    });
}

#[test]
fn without_a_candidate_they_go_back_one_step() {
    block(async {
        let stage = stage().await;
        let before = stood(&stage);
        assert_eq!(given(&stage).await, Given { looked_at: 3, ..Given::default() });
        assert_eq!(roll(&stage).await, Verdict::Passed);
        assert_eq!(given(&stage).await.groups.len(), 3);
        assert_eq!(back_to_previous(&stage).await, Verdict::Partial);
        assert_eq!(moved(&stage, &before), [""; 0]);
        let found = given(&stage).await;
        assert_eq!((found.groups.len(), found.back.len(), found.further), (0, 3, false), "{found:?}");
        // Whatever the gate says, an override that named the candidate before is no sign of its rollout.
        for image in [NEW, NEW_ARM] {
            passed_by_hand(&stage, image);
        }
        assert_eq!(given(&stage).await, Given { looked_at: 3, ..Given::default() });
        // With the candidate named nothing more is to be done either.
        assert_eq!(back(&stage).await, Verdict::Partial);
        assert_eq!(moved(&stage, &before), [""; 0]);
    });
}

/// A group of which nothing but the overrides is the family's, so that no version remembers.
fn overrides_alone(spec: &mut FleetSpec) {
    images(spec);
    only(spec, &["payments-dev"]);
    let mut foreign = ImageSpec::new("ami-0eeeeeeeeeeeeeeee".into(), "gpu-1", REGION.into(), HOME.into());
    foreign.shared_with = vec!["111111111111".into()];
    spec.images.push(foreign);
    let template = group_mut(spec, "payments-dev").template.clone();
    let template = spec.templates.iter_mut().find(|one| one.name == template).expect("its template");
    for version in &mut template.versions {
        version.data.insert("ImageId".into(), "ami-0eeeeeeeeeeeeeeee".into());
    }
    give(group_mut(spec, "payments-dev"), vec![own("m6i.large", old())]);
    group_mut(spec, "payments-dev").boot = 20;
}

/// The stage with the later build's image as its candidate.
fn newer(stage: &mut Stage) {
    let image = CandidateImage {
        id: NEWER.into(),
        name: "dept-base-newer".into(),
        ..stage.candidate.images[0].clone()
    };
    stage.candidate = Candidate::new("base".into(), vec![image], Build::default(), "test".into());
}

#[test]
fn two_builds_go_back_one_by_one_and_what_is_in_quarantine_is_gone_past() {
    block(async {
        let mut stage = Stage::with(&short(), Scenario::clean(), 7, overrides_alone).await;
        let first = stood(&stage);
        assert_eq!(roll(&stage).await, Verdict::Passed);
        let second = stood(&stage);
        newer(&mut stage);
        assert_eq!(roll(&stage).await, Verdict::Passed);
        assert_eq!(back_to_previous(&stage).await, Verdict::Partial);
        assert_eq!(moved(&stage, &second), [""; 0]);
        let found = given(&stage).await;
        assert_eq!((found.groups.len(), found.back.len(), found.further), (0, 1, true), "{found:?}");
        quarantine(&stage, NEW);
        assert_eq!(given(&stage).await.groups.into_values().collect::<Vec<_>>(), [NEW.into()]);
        stage.candidate = Stage::with(&short(), Scenario::clean(), 7, overrides_alone).await.candidate;
        assert_eq!(back_to_previous(&stage).await, Verdict::Partial);
        assert_eq!(moved(&stage, &first), [""; 0]);
    });
}

fn quarantine(stage: &Stage, image: &str) {
    stage.simulator.change(|world| {
        let image = world.images.values_mut().find(|one| one.id.as_str() == image).expect("the image");
        image.tags.insert(QUARANTINE_TAG.into(), "quarantined 2026-11-22T19:00:00Z jane: bad".into());
    });
}

/// Somebody records that the image passed, without proof.
fn passed_by_hand(stage: &Stage, image: &str) {
    stage.simulator.change(|world| {
        let image = world.images.values_mut().find(|one| one.id.as_str() == image).expect("the image");
        image.tags.insert("ami-refresh:gate/dev".into(), "passed 2026-11-22T19:00:00Z by hand".into());
    });
}

#[test]
fn a_group_that_is_taken_back_by_its_marker_goes_no_further_either() {
    block(async {
        let mut stage = Stage::with(&short(), Scenario::clean(), 7, overrides_alone).await;
        assert_eq!(roll(&stage).await, Verdict::Passed);
        let second = stood(&stage);
        newer(&mut stage);
        for steps in [Steps::Templates, Steps::RefreshToBaking, Steps::RefreshToEnd] {
            rollout::environment(&stage.run(), dev(&stage), &Scope::now(steps)).await;
        }
        assert!(stood(&stage)["payments-dev"].marked);
        passed_by_hand(&stage, NEWER);
        assert_eq!(back_to_previous(&stage).await, Verdict::Partial);
        assert_eq!(moved(&stage, &second), [""; 0]);
        let found = given(&stage).await;
        assert_eq!((found.groups.len(), found.back.len(), found.further), (0, 1, true), "{found:?}");
    });
}

#[test]
fn a_group_that_a_failed_build_left_goes_no_further() {
    block(async {
        let trouble = Scenario::clean();
        let mut stage = Stage::with(&short(), trouble, 7, overrides_alone).await;
        assert_eq!(roll(&stage).await, Verdict::Passed);
        let second = stood(&stage);
        newer(&mut stage);
        assert_eq!(rolled_down(&stage).await, Verdict::RolledBack);
        assert_eq!(moved(&stage, &second), [""; 0]);
        let found = given(&stage).await;
        assert_eq!((found.groups.len(), found.back.len()), (0, 1), "{found:?}");
    });
}

/// A rollout whose checks fail.
async fn rolled_down(stage: &Stage) -> Verdict {
    let health = |world: &mut ami_refresh::sim::World| world.scenario = scenario("app-down", "payments-dev");
    stage.simulator.change(health);
    roll(stage).await
}

#[test]
fn what_would_go_back_into_quarantine_stays_and_is_told() {
    block(async {
        let stage = stage().await;
        assert_eq!(roll(&stage).await, Verdict::Passed);
        let there = stood(&stage);
        quarantine(&stage, OLDER);
        let found = given(&stage).await;
        let stuck: Vec<&str> = found.stuck.keys().map(|(_, group)| group.as_str()).collect();
        assert_eq!((stuck, found.groups.len()), (vec!["orders-dev", "payments-dev"], 1), "{found:?}");
        stage.events.borrow_mut().clear();
        assert_eq!(back_to_previous(&stage).await, Verdict::NeedsPerson);
        assert_eq!(moved(&stage, &there), ["catalog-dev"]);
        assert_eq!(lost(&stage), ["orders-dev", "payments-dev"]);
    });
}

/// The groups of which it was told that they can't be taken back, as a step and as an end.
#[track_caller]
fn lost(stage: &Stage) -> Vec<String> {
    let steps = stage.told(|event| match event {
        Event::GroupStep { group, step: Step::Rollback, status: Status::Errored, .. } => {
            Some(group.group.to_string())
        }
        _ => None,
    });
    let ends = stage.told(|event| match event {
        Event::GroupEnded { group, outcome: Outcome::NeedsPerson { .. }, .. } => {
            Some(group.group.to_string())
        }
        _ => None,
    });
    assert_eq!(steps, ends);
    steps
}

#[test]
fn a_group_that_somebody_else_gave_the_image_is_told_and_the_others_go_back() {
    block(async {
        let late = |spec: &mut FleetSpec| {
            every_kind(spec);
            group_mut(spec, "catalog-dev").tags.insert("Environment".into(), "later".into());
        };
        let stage = Stage::of_both(&short(), Scenario::clean(), 7, late).await;
        let before = stood(&stage);
        assert_eq!(roll(&stage).await, Verdict::Passed);
        stage.simulator.change(|world| {
            let key = world.key("catalog-dev").expect("the group");
            let group = world.groups.get_mut(&key).expect("the group");
            group.tags.insert("Environment".into(), "dev".into());
            for one in &mut group.policy.as_mut().expect("a policy").overrides {
                one.image = one.image.take().map(|_| NEW.into());
            }
        });
        let there = stood(&stage)["catalog-dev"].clone();
        stage.events.borrow_mut().clear();
        assert_eq!(back(&stage).await, Verdict::NeedsPerson);
        assert_eq!(moved(&stage, &before), ["catalog-dev"]);
        assert_eq!(stood(&stage)["catalog-dev"], there);
        assert_eq!(lost(&stage), ["catalog-dev"]);
        let told = stage.told(|event| match event {
            Event::GroupStep { status: Status::Errored, message, .. } => Some(message.clone()),
            _ => None,
        });
        let what = format!("nobody recorded what the overrides of group catalog-dev named before {NEW}");
        assert_eq!(told, [what]);
    });
}

#[test]
fn overrides_that_are_others_now_are_not_guessed_at() {
    block(async {
        let stage = stage().await;
        assert_eq!(roll(&stage).await, Verdict::Passed);
        stage.simulator.change(|world| {
            let key = world.key("orders-dev").expect("the group");
            let policy = world.groups.get_mut(&key).expect("the group").policy.as_mut();
            policy.expect("a policy").overrides.swap(0, 2);
        });
        let there = stood(&stage);
        stage.events.borrow_mut().clear();
        assert_eq!(back(&stage).await, Verdict::NeedsPerson);
        assert_eq!(stood(&stage)["orders-dev"], there["orders-dev"]);
        assert_eq!(lost(&stage), ["orders-dev"]);
    });
}
