//! The rules about templates: what a version is made of, who is held still, who floats back.

use std::collections::BTreeSet;

use ami_refresh::event::Event;
use ami_refresh::model::{Outcome, Tracking, Verdict};
use ami_refresh::sim::{Data, FleetSpec, GroupSpec, Scenario};

use crate::rehearsal::{Rehearsal, new, old};
use crate::rehearsal_story::{block, in_order, scenario};
use crate::rehearsal_wire::{changing_calls, refreshes, snapshot};
use crate::rules_fleet::{FOREIGN, follows, foreign_image, group_mut, held, only, shared, until};
use crate::stage::{CONFIG, NEW, Stage};
use crate::truth;

#[test]
fn a_new_version_differs_from_its_source_in_the_image_only_and_names_it() {
    block(async {
        let done = Rehearsal::of(CONFIG, Scenario::clean()).await;
        for (group, source, version) in [("catalog-dev", 1, 2), ("orders-dev", 2, 3), ("payments-qa", 2, 3)] {
            let versions = held(&done.stage, group);
            assert_eq!(versions[&version].fields, versions[&source].fields, "{group}");
            assert!(versions[&version].fields.len() > 15, "{:?}", versions[&version].fields);
            assert_eq!(versions[&version].image, new());
            let description = &versions[&version].description;
            assert!(
                description.starts_with(&format!("ami-refresh: from version {source}, ")),
                "{description}"
            );
            assert!(description.contains(old().as_str()) && description.contains(NEW), "{description}");
        }
    });
}

#[test]
fn a_group_on_latest_follows_an_equal_copy_of_the_old_version_after_a_rollback() {
    block(async {
        let done = Rehearsal::of(CONFIG, scenario("app-down", "orders-dev")).await;
        done.keeps_its_promises();
        done.is_whole("orders-dev", &old(), Tracking::Latest);
        let versions = held(&done.stage, "orders-dev");
        assert_eq!(
            versions.keys().copied().collect::<Vec<u64>>(),
            [1, 2, 3, 4],
            "versions are never deleted"
        );
        assert_eq!((&versions[&4].image, &versions[&4].fields), (&old(), &versions[&2].fields));
        assert!(versions[&4].description.contains("version 2 again"), "{}", versions[&4].description);
        in_order(
            &done.story("orders-dev"),
            &["pinned $Latest to 2", "ended rolled back", "step tracking passed: it follows $Latest again"],
        );
    });
}

#[test]
fn a_group_on_default_finds_the_default_version_where_it_was_after_a_rollback() {
    block(async {
        let done = Rehearsal::of(CONFIG, scenario("app-down", "catalog-dev")).await;
        done.keeps_its_promises();
        done.is_whole("catalog-dev", &old(), Tracking::Default);
        let default = done.stage.simulator.inspect(|world| {
            world
                .template_of(world.group("catalog-dev").expect("the group"))
                .expect("a template")
                .default_version
        });
        assert_eq!(default, 1);
    });
}

#[test]
fn after_a_rollback_the_next_rollout_of_the_same_image_goes_through() {
    block(async {
        let done = Rehearsal::of(CONFIG, scenario("app-down", "*-dev")).await;
        assert_eq!(done.verdicts[0], Verdict::RolledBack);
        done.stage.simulator.change(|world| world.scenario = Scenario::clean());
        let verdicts = done.stage.rollout().await;
        assert_eq!(verdicts, [Verdict::Passed, Verdict::Passed]);
        assert_eq!(truth::check(&done.stage, &done.first, &verdicts), Ok(()));
        for (group, tracking) in [("catalog-dev", Tracking::Default), ("orders-dev", Tracking::Latest)] {
            done.is_whole(group, &new(), tracking);
        }
    });
}

#[test]
fn a_version_that_an_earlier_rollout_made_is_used_again_but_not_behind_the_newest() {
    block(async {
        let groups = [("a-dev", Tracking::Latest), ("c-dev", Tracking::Pinned(2))];
        let done = Rehearsal::with(CONFIG, scenario("app-down", "*-dev"), |spec| shared(spec, &groups)).await;
        assert_eq!(done.verdicts[0], Verdict::RolledBack);
        assert_eq!(held(&done.stage, "a-dev").len(), 4);
        done.stage.simulator.change(|world| world.scenario = Scenario::clean());
        let verdicts = done.stage.rollout().await;
        assert_eq!(verdicts, [Verdict::Passed, Verdict::Passed], "{:#?}", done.story("a-dev"));
        assert_eq!(truth::check(&done.stage, &done.first, &verdicts), Ok(()));
        done.is_whole("c-dev", &new(), Tracking::Pinned(3));
        done.is_whole("a-dev", &new(), Tracking::Latest);
        assert_eq!(done.stage.rollout().await, [Verdict::Passed, Verdict::Passed], "the third time");
    });
}

/// A group outside the environment on the template of one inside.
fn outsider(spec: &mut FleetSpec, tracking: Tracking) {
    only(spec, &["a-dev", "b-dev"]);
    let mut outsider: GroupSpec = group_mut(spec, "a-dev").clone();
    outsider.name = "stranger".into();
    outsider.tags.insert("Environment".into(), "nobodys".into());
    outsider.tracking = tracking;
    spec.groups.push(outsider);
}

#[test]
fn a_template_that_a_group_outside_floats_on_is_refused_by_name() {
    for tracking in [Tracking::Latest, Tracking::Default] {
        block(async {
            let stage = Stage::with(CONFIG, Scenario::clean(), 7, |spec| outsider(spec, tracking)).await;
            let before = stage.simulator.inspect(snapshot);
            let verdicts = stage.rollout().await;
            assert_eq!(verdicts, [Verdict::Refused, Verdict::NotReached]);
            let problems = stage.told(|event| match event {
                Event::Refused { problems, .. } => Some(problems.clone()),
                _ => None,
            });
            assert_eq!(problems[0].len(), 1, "{problems:?}");
            let problem = &problems[0][0];
            assert!(problem.what.contains("group stranger follows"), "{problem}");
            assert!(problem.what.contains(&tracking.to_string()), "{problem}");
            assert!(problem.next.contains("pin stranger to version 1"), "{problem}");
            assert_eq!(stage.simulator.inspect(snapshot), before);
            assert_eq!(changing_calls(&stage), [""; 0]);
        });
    }
}

#[test]
fn a_pinned_group_outside_may_share_the_template() {
    block(async {
        let done =
            Rehearsal::with(CONFIG, Scenario::clean(), |spec| outsider(spec, Tracking::Pinned(1))).await;
        done.keeps_its_promises();
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed]);
        assert_eq!(done.now("stranger"), done.first["stranger"]);
    });
}

#[test]
fn a_bystander_that_floats_is_held_still_and_floats_again() {
    for tracking in [Tracking::Latest, Tracking::Default] {
        for (trouble, image) in [("clean", new()), ("app-down", old())] {
            block(async {
                let done = Rehearsal::with(CONFIG, scenario(trouble, "a-dev"), |spec| {
                    shared(spec, &[("a-dev", tracking), ("idle-dev", tracking)]);
                    group_mut(spec, "idle-dev").capacity = (0, 0, 4);
                })
                .await;
                done.keeps_its_promises();
                let story = done.story("idle-dev");
                in_order(
                    &story,
                    &[
                        &format!("pinned {tracking} to "),
                        "ended skipped (it has no instances",
                        "step tracking passed",
                    ],
                );
                assert_eq!(refreshes(&done.stage, "idle-dev"), []);
                let now = done.now("idle-dev");
                assert_eq!((now.tracking, now.marked, &now.follows), (tracking, false, &image), "{trouble}");
                done.is_whole("a-dev", &image, tracking);
            });
        }
    }
}

#[test]
fn an_idle_group_that_scales_out_in_the_middle_launches_its_old_version() {
    block(async {
        let change = |spec: &mut FleetSpec| {
            shared(spec, &[("a-dev", Tracking::Latest), ("idle-dev", Tracking::Latest)]);
            group_mut(spec, "idle-dev").capacity = (0, 0, 4);
        };
        let stage = Stage::with(CONFIG, Scenario::clean(), 7, change).await;
        let serves =
            |stage: &Stage| stage.simulator.inspect(|world| truth::groups(world)["idle-dev"].serves.clone());
        let meanwhile = async {
            until(&stage, |stage| {
                stage.simulator.inspect(|w| w.group("a-dev").is_some_and(|g| !g.refreshes.is_empty()))
            })
            .await;
            stage.simulator.change(|world| {
                let key = world.key("idle-dev").expect("the group");
                world.groups.get_mut(&key).expect("the group").desired = 1;
            });
            stage.clock.sleep(std::time::Duration::from_secs(180)).await;
            assert_eq!(serves(&stage), BTreeSet::from([old()]), "no gate has let the new image in there");
        };
        let (verdicts, ()) = tokio::join!(stage.rollout(), meanwhile);
        assert_eq!(verdicts[0], Verdict::Passed);
    });
}

#[test]
fn groups_with_different_sources_on_one_template_each_keep_their_own_fields() {
    for groups in [
        [("a-dev", Tracking::Latest), ("b-dev", Tracking::Default)],
        [("a-dev", Tracking::Default), ("b-dev", Tracking::Latest)],
        [("a-dev", Tracking::Latest), ("b-dev", Tracking::Pinned(1))],
        [("a-dev", Tracking::Default), ("b-dev", Tracking::Pinned(2))],
    ] {
        for (trouble, image) in [("clean", new()), ("app-down", old())] {
            block(async {
                let done =
                    Rehearsal::with(CONFIG, scenario(trouble, "*-dev"), |spec| shared(spec, &groups)).await;
                done.keeps_its_promises();
                let versions = held(&done.stage, "a-dev");
                for (name, tracking) in groups {
                    let source = match tracking {
                        Tracking::Pinned(number) => number,
                        Tracking::Latest => 2,
                        Tracking::Default => 1,
                    };
                    let follows = follows(&done.stage, name);
                    assert_eq!(follows.image, image, "{name} in {groups:?}, {trouble}");
                    assert_eq!(follows.fields, versions[&source].fields, "{name} in {groups:?}, {trouble}");
                }
                if trouble == "clean" {
                    let again = done.stage.rollout().await;
                    assert_eq!(again, [Verdict::Passed, Verdict::Passed], "{groups:?}: the second time");
                }
            });
        }
    }
}

#[test]
fn a_group_of_another_family_that_floats_on_the_template_keeps_its_image_and_fields() {
    for (trouble, image) in [("clean", new()), ("app-down", old())] {
        block(async {
            let done = Rehearsal::with(CONFIG, scenario(trouble, "a-dev"), |spec| {
                shared(spec, &[("a-dev", Tracking::Pinned(1)), ("theirs-dev", Tracking::Latest)]);
                foreign_image(spec);
                let shared =
                    spec.templates.iter_mut().find(|template| template.name == "shared").expect("it");
                shared.versions[1].data.insert("ImageId".into(), FOREIGN.into());
            })
            .await;
            let follows = follows(&done.stage, "theirs-dev");
            assert_eq!((follows.image, done.now("theirs-dev").tracking), (FOREIGN.into(), Tracking::Latest));
            assert_eq!(follows.fields, held(&done.stage, "theirs-dev")[&2].fields);
            assert_eq!(done.now("theirs-dev").serves, done.first["theirs-dev"].serves);
            assert!(!done.now("theirs-dev").marked);
            assert_eq!(done.now("a-dev").serves, BTreeSet::from([image]));
        });
    }
}

#[test]
fn a_group_whose_template_somebody_else_moved_stays_pinned_and_needs_a_person() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        let publish = async {
            until(&stage, |stage| {
                let told = stage.told(|event| match event {
                    Event::ChecksStarted { group, .. } => Some(group.group.to_string()),
                    _ => None,
                });
                told.contains(&"orders-dev".to_owned())
            })
            .await;
            stage.simulator.change(|world| {
                let group = world.group("orders-dev").expect("the group");
                let (place, id) = (group.key.place.clone(), group.template.id.clone());
                let template = world.template(&place, &id).expect("its template");
                let newest = template.versions.values().next_back().expect("a version").data.clone();
                world.add_version(&place, &id, "terraform apply", newest).expect("a version");
                let theirs = world.templates.values_mut().find(|template| template.id == id).expect("it");
                let theirs = theirs.versions.values_mut().next_back().expect("a version");
                theirs.data.insert("KeyName".into(), Data::Value("somebody-elses".into()));
            });
        };
        let (verdicts, ()) = tokio::join!(stage.rollout(), publish);
        assert_eq!(verdicts, [Verdict::NeedsPerson, Verdict::NotReached]);
        let ends = stage.told(|event| match event {
            Event::GroupEnded { group, outcome, .. } if group.group.as_str() == "orders-dev" => {
                Some(outcome.clone())
            }
            _ => None,
        });
        let Some(Outcome::NeedsPerson { why, next }) = ends.last() else { panic!("{ends:?}") };
        assert!(why.contains("did not make; the group stays pinned"), "{why}");
        assert!(next.contains("--env dev"), "{next}");
        let now = &stage.simulator.inspect(truth::groups)["orders-dev"];
        assert_eq!((now.tracking, now.marked), (Tracking::Pinned(3), true));
        assert_eq!(follows(&stage, "orders-dev").image, new());
    });
}
