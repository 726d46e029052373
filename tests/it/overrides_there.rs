//! Overrides that name the candidate's images before the rollout: what the instances run counts.

use ami_refresh::event::{Event, PlannedAction};
use ami_refresh::model::{RefreshStatus, Verdict};
use ami_refresh::sim::{Fault, FaultKind, FleetSpec, OverrideSpec, PolicySpec, Scenario};

use crate::rehearsal::{new, old};
use crate::rehearsal_story::{block, in_order, scenario, story_of};
use crate::rehearsal_wire::refreshes;
use crate::rules_fleet::{FOREIGN, foreign_image, group_mut, only};
use crate::stage::{CONFIG, Stage};
use crate::truth;

const GROUP: &str = "a-dev";

/// One group, every override of which has an image of its own; its template's is never launched.
fn own_images(spec: &mut FleetSpec) {
    only(spec, &[GROUP]);
    let image = |kind: &str| OverrideSpec { image: Some(old()), ..OverrideSpec::of_type(kind) };
    let overrides = vec![image("m5.large"), image("m6i.large")];
    group_mut(spec, GROUP).policy = Some(PolicySpec { overrides, ..PolicySpec::default() });
}

/// The same, with a template of another family, which no rollout changes.
fn foreign_template(spec: &mut FleetSpec) {
    own_images(spec);
    foreign_image(spec);
    let own = spec.templates.iter_mut().find(|one| one.name == format!("{GROUP}-own")).expect("a template");
    own.versions[0].data.insert("ImageId".into(), FOREIGN.into());
}

/// Somebody lets the overrides name the new image, and refreshes nothing.
fn name_new(stage: &Stage) {
    stage.simulator.change(|world| {
        let key = world.key(GROUP).expect("the group");
        let policy = world.groups.get_mut(&key).expect("the group").policy.as_mut().expect("a policy");
        policy.overrides.iter_mut().for_each(|one| one.image = Some(new()));
    });
}

async fn stage(scenario: Scenario, change: impl FnOnce(&mut FleetSpec)) -> Stage {
    let stage = Stage::with(CONFIG, scenario, 7, change).await;
    name_new(&stage);
    stage
}

#[track_caller]
fn serves_new(stage: &Stage) {
    let now = stage.simulator.inspect(truth::groups);
    assert_eq!(
        (&now[GROUP].serves, now[GROUP].marked),
        (&[new()].into(), false),
        "{:#?}",
        story_of(stage, GROUP)
    );
    assert!(now[GROUP].overrides.iter().all(|(_, image)| *image == new()));
}

#[test]
fn instances_that_run_the_old_image_are_seen_and_refreshed() {
    for fleet in [own_images, foreign_template] {
        block(async {
            let stage = stage(Scenario::clean(), fleet).await;
            assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
            assert_eq!(refreshes(&stage, GROUP), [RefreshStatus::Successful]);
            serves_new(&stage);
            let planned = stage.told(|event| match event {
                Event::Planned { groups, .. } => {
                    groups.iter().find(|one| one.group.group.as_str() == GROUP).cloned()
                }
                _ => None,
            });
            assert_eq!((planned[0].action, planned[0].image.clone()), (PlannedAction::Refresh, Some(old())));
            let told = format!("names {} already, while i-", new());
            assert!(planned[0].notes.iter().any(|note| note.starts_with(&told)), "{:?}", planned[0].notes);
        });
    }
}

#[test]
fn what_fails_then_goes_back_to_what_the_instances_ran() {
    for fleet in [own_images, foreign_template] {
        block(async {
            let stage = stage(scenario("app-down", GROUP), fleet).await;
            assert_eq!(stage.rollout().await, [Verdict::RolledBack, Verdict::NotReached]);
            assert_eq!(refreshes(&stage, GROUP), [RefreshStatus::RollbackSuccessful], "AWS could go back");
            let now = stage.simulator.inspect(truth::groups);
            assert_eq!((&now[GROUP].serves, now[GROUP].marked), (&[old()].into(), false));
            assert!(now[GROUP].overrides.iter().all(|(_, image)| *image == old()));
            in_order(&story_of(&stage, GROUP), &["rollback native", "ended rolled back"]);
        });
    }
}

#[test]
fn a_run_killed_while_the_old_images_are_named_again_is_gone_on_with() {
    for kind in [FaultKind::CrashBefore, FaultKind::CrashAfter] {
        for action in ["UpdateAutoScalingGroup", "CreateOrUpdateTags", "StartInstanceRefresh"] {
            block(async {
                let whole = stage(Scenario::clean(), foreign_template).await;
                whole.rollout().await;
                let calls = whole.simulator.calls();
                let at_call = calls.iter().find(|call| call.action == action).expect("such a call").number;
                let stage = stage(Scenario::clean(), foreign_template).await;
                stage.simulator.inject(Fault { at_call, kind });
                assert_eq!(stage.rollout_or_crash().await, None, "{action}");
                stage.clock.sleep(std::time::Duration::from_secs(60)).await;
                assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed], "{kind:?} {action}");
                serves_new(&stage);
            });
        }
    }
}

#[test]
fn a_group_whose_instances_all_run_what_it_names_is_current() {
    block(async {
        let stage = stage(Scenario::clean(), foreign_template).await;
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
        stage.events.borrow_mut().clear();
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
        in_order(&story_of(&stage, GROUP), &["ended skipped (already on the image)"]);
        assert_eq!(refreshes(&stage, GROUP).len(), 1);
    });
}

#[test]
fn instances_of_several_old_images_are_told_to_a_person() {
    block(async {
        let stage = stage(Scenario::clean(), own_images).await;
        stage.simulator.change(|world| {
            let mut image = world.image(&old()).expect("the image").clone();
            image.id = "ami-0123123123123123f".into();
            world.images.insert((crate::stage::REGION.into(), image.id.clone()), image.clone());
            let key = world.key(GROUP).expect("the group");
            world.groups.get_mut(&key).expect("the group").instances[0].image = image.id;
        });
        assert_eq!(stage.rollout().await, [Verdict::Refused, Verdict::NotReached]);
        let problems = crate::resume_steps::problems(&stage);
        assert!(problems[0].what.contains("names the image already, but i-"), "{problems:?}");
    });
}
