//! Mixed instances policies: every place moves to the image of its architecture, and nothing else.

use std::collections::BTreeSet;

use ami_refresh::event::{Event, PlannedGroup, RollbackRoute};
use ami_refresh::model::{Architecture, ImageId, Outcome, RefreshStatus, Tracking, Verdict};
use ami_refresh::sim::{FleetSpec, GroupSpec, OverrideSpec, PolicySpec, Scenario};

use crate::rehearsal::{Rehearsal, old};
use crate::rehearsal_story::{block, in_order, scenario, story_of};
use crate::rehearsal_wire::refreshes;
use crate::rules_fleet::group_mut;
use crate::stage::{CONFIG, NEW, NEW_ARM, REGION, Stage};

/// The older arm64 image.
pub(crate) fn old_arm() -> ImageId {
    FleetSpec::previous_image_of(&REGION.into(), &Architecture::Arm64)
}

/// A copy of a group's template under another name, on arm64.
fn arm_template(spec: &mut FleetSpec, group: &str, name: &str) {
    let template = group_mut(spec, group).template.clone();
    let mut copy = spec.templates.iter().find(|one| one.name == template).expect("its template").clone();
    name.clone_into(&mut copy.name);
    for version in &mut copy.versions {
        version.data.insert("ImageId".into(), old_arm().to_string());
        version.data.insert("InstanceType".into(), "m7g.large".into());
    }
    spec.templates.push(copy);
}

/// Two architectures in every way: an override's own template, and images in overrides.
pub(crate) fn every_kind(spec: &mut FleetSpec) {
    arm_template(spec, "payments-dev", "payments-arm");
    let with = |overrides: Vec<OverrideSpec>| PolicySpec {
        overrides,
        distribution: [("SpotAllocationStrategy", "price-capacity-optimized"), ("OnDemandBaseCapacity", "1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    };
    let arm = |tracking| OverrideSpec {
        template: Some(("payments-arm".into(), tracking)),
        ..OverrideSpec::of_type("m7g.large")
    };
    let image =
        |kind: &str, image: ImageId| OverrideSpec { image: Some(image), ..OverrideSpec::of_type(kind) };
    let types = OverrideSpec::of_type("m6i.large");
    let give = |group: &mut GroupSpec, policy| group.policy = Some(policy);
    give(group_mut(spec, "payments-dev"), with(vec![types.clone(), arm(Tracking::Latest)]));
    give(group_mut(spec, "orders-dev"), with(vec![image("m7g.large", old_arm()), image("m6i.large", old())]));
    let weighted = OverrideSpec { weight: Some(2), ..OverrideSpec::of_type("m6i.xlarge") };
    let single = OverrideSpec { weight: Some(1), ..types };
    give(group_mut(spec, "catalog-dev"), with(vec![single, weighted]));
    group_mut(spec, "catalog-dev").capacity = (1, 4, 8);
}

/// One group whose types are chosen by attributes.
pub(crate) fn by_attributes(spec: &mut FleetSpec) {
    let requirements = [("VCpuCount.Min", "2"), ("MemoryMiB.Min", "4096")];
    let chosen = OverrideSpec {
        requirements: requirements.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..OverrideSpec::default()
    };
    for group in ["payments-dev", "orders-dev"] {
        let policy = PolicySpec { overrides: vec![chosen.clone()], ..PolicySpec::default() };
        group_mut(spec, group).policy = Some(policy);
    }
}

async fn rolled(scenario: Scenario, change: impl FnOnce(&mut FleetSpec)) -> Rehearsal {
    Rehearsal::on(Stage::of_both(CONFIG, scenario, 7, change).await).await
}

fn planned(stage: &Stage, group: &str) -> PlannedGroup {
    let of = |event: &Event| match event {
        Event::Planned { groups, .. } => groups.iter().find(|one| one.group.group.as_str() == group).cloned(),
        _ => None,
    };
    stage.told(of).into_iter().next().expect("a plan of the group")
}

#[test]
fn every_place_moves_to_the_image_of_its_architecture_and_back_to_its_tracking() {
    block(async {
        let done = rolled(Scenario::clean(), every_kind).await;
        done.keeps_its_promises();
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed], "{:#?}", story_of(&done.stage, "dev"));
        let payments = done.now("payments-dev");
        assert_eq!(payments.follows.as_str(), NEW);
        assert_eq!(payments.overrides[0].1.as_str(), NEW);
        assert_eq!(payments.overrides[1], (Some(Tracking::Latest), NEW_ARM.into()));
        let orders = done.now("orders-dev");
        let images: Vec<&str> = orders.overrides.iter().map(|(_, image)| image.as_str()).collect();
        assert_eq!(images, [NEW_ARM, NEW]);
        assert_eq!(orders.follows.as_str(), NEW, "the template that every override passes over moves too");
        let both = BTreeSet::from([ImageId::from(NEW), ImageId::from(NEW_ARM)]);
        assert_eq!((payments.serves, orders.serves), (both.clone(), both));
        for group in ["payments-dev", "orders-dev", "catalog-dev"] {
            assert_eq!(refreshes(&done.stage, group), [RefreshStatus::Successful], "{group}");
            assert_eq!(planned(&done.stage, group).rollback, Some(RollbackRoute::Native), "{group}");
        }
        let notes = planned(&done.stage, "payments-dev").notes;
        assert!(notes.iter().any(|note| note.contains(NEW_ARM)), "{notes:?}");
    });
}

#[test]
fn a_policy_goes_back_whole_when_its_application_fails() {
    for group in ["payments-dev", "orders-dev", "catalog-dev"] {
        block(async {
            let done = rolled(scenario("app-down", group), every_kind).await;
            done.keeps_its_promises();
            assert_eq!(done.verdicts, [Verdict::RolledBack, Verdict::NotReached]);
            let now = done.now(group);
            assert_eq!(
                (now.overrides, now.tracking),
                (done.first[group].overrides.clone(), done.first[group].tracking)
            );
            assert_eq!(refreshes(&done.stage, group), [RefreshStatus::RollbackSuccessful]);
        });
    }
}

#[test]
fn where_types_are_chosen_by_attributes_the_group_is_told_first() {
    block(async {
        let done = rolled(Scenario::clean(), by_attributes).await;
        done.keeps_its_promises();
        assert_eq!(
            done.verdicts,
            [Verdict::Passed, Verdict::Passed],
            "{:#?}",
            story_of(&done.stage, "payments-dev")
        );
        let planned = planned(&done.stage, "payments-dev");
        assert_eq!(planned.rollback, Some(RollbackRoute::NewRefresh));
        assert!(planned.notes.iter().any(|note| note.contains("by attributes")), "{:?}", planned.notes);
        done.stage.simulator.inspect(|world| {
            let refresh = &world.group("payments-dev").expect("the group").refreshes[0];
            assert!(
                refresh.desired.is_none()
                    && !refresh.preferences.auto_rollback
                    && !refresh.preferences.skip_matching
            );
        });
    });
}

#[test]
fn where_types_are_chosen_by_attributes_a_failure_leads_back_by_a_refresh() {
    for name in ["app-down", "bad-image"] {
        block(async {
            let done = rolled(scenario(name, "payments-dev"), by_attributes).await;
            done.keeps_its_promises();
            assert_eq!(
                done.verdicts,
                [Verdict::RolledBack, Verdict::NotReached],
                "{:#?}",
                story_of(&done.stage, "payments-dev")
            );
            let refreshes = refreshes(&done.stage, "payments-dev");
            assert_eq!(refreshes.last(), Some(&RefreshStatus::Successful), "{name}: {refreshes:?}");
            assert_eq!(refreshes.len(), 2);
            in_order(&done.story("payments-dev"), &["rollback", "ended rolled back"]);
        });
    }
}

#[test]
fn an_override_of_another_family_stays_and_the_rest_moves() {
    block(async {
        let strange = |spec: &mut FleetSpec| {
            let mut other = spec.images[0].clone();
            other.id = "ami-0eeeeeeeeeeeeeeee".into();
            other.name = "gpu-2026".into();
            spec.images.push(other);
            let gpu = OverrideSpec {
                image: Some("ami-0eeeeeeeeeeeeeeee".into()),
                ..OverrideSpec::of_type("g5.xlarge")
            };
            let overrides = vec![OverrideSpec::of_type("m6i.large"), gpu];
            group_mut(spec, "payments-dev").policy = Some(PolicySpec { overrides, ..PolicySpec::default() });
        };
        let done = rolled(Scenario::clean(), strange).await;
        assert_eq!(
            done.verdicts,
            [Verdict::Passed, Verdict::Passed],
            "{:#?}",
            story_of(&done.stage, "payments-dev")
        );
        let now = done.now("payments-dev");
        assert_eq!(now.overrides[0].1.as_str(), NEW);
        assert_eq!(now.overrides[1].1.as_str(), "ami-0eeeeeeeeeeeeeeee");
        assert_eq!(now.rest, done.first["payments-dev"].rest);
        let notes = planned(&done.stage, "payments-dev").notes;
        assert!(notes.iter().any(|note| note.contains("stays as it is: not ours: gpu-2026")), "{notes:?}");
    });
}

#[test]
fn a_policy_that_somebody_changes_meanwhile_is_not_written_over() {
    block(async {
        let stage = Stage::of_both(CONFIG, Scenario::clean(), 7, every_kind).await;
        let (run, names) = (stage.run(), stage.names());
        let scope = ami_refresh::rollout::Scope::now(ami_refresh::rollout::Steps::Rollout);
        let change = async {
            // After the plan, before its refresh is started.
            crate::rules_fleet::until(&stage, |stage| {
                stage.told(|event| matches!(event, Event::VersionReady { .. }).then_some(())).len() >= 2
            })
            .await;
            stage.simulator.change(|world| {
                let key = world.key("payments-dev").expect("the group");
                let group = world.groups.get_mut(&key).expect("the group");
                group.policy.as_mut().expect("a policy").overrides[0].instance_type =
                    Some("m7i.large".into());
            });
        };
        let (verdicts, ()) = tokio::join!(ami_refresh::rollout::run(&run, &names, &scope), change);
        assert_ne!(verdicts[0].1, Verdict::Passed);
        let kept = stage.simulator.inspect(|world| {
            let group = world.group("payments-dev").expect("the group");
            group.policy.as_ref().expect("a policy").overrides[0].instance_type.clone()
        });
        assert_eq!(kept.as_deref(), Some("m7i.large"), "what somebody changed is theirs");
        let why = stage.told(|event| match event {
            Event::GroupEnded {
                group,
                outcome: Outcome::RolledBack { why } | Outcome::NeedsPerson { why, .. },
                ..
            } if group.group.as_str() == "payments-dev" => Some(why.clone()),
            _ => None,
        });
        assert!(why.iter().any(|why| why.contains("InstanceType")), "{why:?}");
    });
}

#[test]
fn the_scenario_of_every_kind_passes_with_both_architectures() {
    block(async {
        let roomy =
            |spec: &mut FleetSpec| spec.groups.iter_mut().for_each(|group| group.capacity = (1, 4, 8));
        let done = rolled(Scenario::named("mixed").expect("the scenario"), roomy).await;
        done.keeps_its_promises();
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed]);
    });
}
