//! The rules about proof: stragglers are named, and only what was replaced proves anything.

use ami_refresh::event::Event;
use ami_refresh::gate::State;
use ami_refresh::model::{Exit, InstanceId, Lifecycle, RefreshStatus, Tracking, Verdict};
use ami_refresh::sim::{FleetSpec, Life, Scenario};

use crate::rehearsal::{Rehearsal, new, old};
use crate::rehearsal_story::{block, count, in_order, story_of};
use crate::rehearsal_wire::refreshes;
use crate::rules_fleet::{group_mut, only, refresh, until};
use crate::stage::{CONFIG, Stage};
use crate::truth;

/// Two groups, of which the second has protected instances.
fn protected(spec: &mut FleetSpec, of: u32) {
    only(spec, &["a-dev", "b-dev"]);
    group_mut(spec, "b-dev").protected = of;
}

/// The instances of a group that run the old image.
fn on_old(stage: &Stage, group: &str) -> Vec<InstanceId> {
    stage.simulator.inspect(|world| {
        let group = world.group(group).expect("the group");
        group.instances.iter().filter(|instance| instance.image == old()).map(|i| i.id.clone()).collect()
    })
}

#[test]
fn protected_instances_are_replaced_unless_told_otherwise() {
    block(async {
        let done = Rehearsal::with(CONFIG, Scenario::clean(), |spec| protected(spec, 1)).await;
        done.keeps_its_promises();
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed]);
        done.is_whole("b-dev", &new(), Tracking::Pinned(2));
    });
}

#[test]
fn a_protected_instance_stays_old_only_where_the_configuration_ignores_it() {
    block(async {
        let config = refresh("bake: 10m, protected: ignore");
        let done = Rehearsal::with(&config, Scenario::clean(), |spec| protected(spec, 1)).await;
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed], "{:#?}", done.story("b-dev"));
        assert_eq!(on_old(&done.stage, "b-dev").len(), 1);
        in_order(
            &done.story("b-dev"),
            &["check instances passed", "step prove passed: 1 in-service", "ended refreshed (1)"],
        );
        let images = done.stage.told(|event| match event {
            Event::GroupEnded { group, images, .. } if group.group.as_str() == "b-dev" => {
                Some(images.clone())
            }
            _ => None,
        });
        assert_eq!((images[0][&new()], images[0][&old()]), (1, 1), "the report says which run what");
    });
}

#[test]
fn a_refresh_that_replaced_nothing_proves_nothing() {
    for allowed in [false, true] {
        block(async {
            let mut config = refresh("bake: 10m, protected: ignore");
            if allowed {
                config = config.replace(
                    "app-health]\n  - name: qa",
                    "app-health]\n    gate: { allow_empty: true }\n  - name: qa",
                );
            }
            let done = Rehearsal::with(&config, Scenario::clean(), |spec| {
                only(spec, &["b-dev"]);
                group_mut(spec, "b-dev").protected = 2;
            })
            .await;
            assert_eq!(on_old(&done.stage, "b-dev").len(), 2);
            in_order(
                &done.story("b-dev"),
                &["moved Successful", "ended skipped (the refresh replaced nothing"],
            );
            let verdict = done.verdicts[0];
            if allowed {
                assert_eq!((verdict, verdict.exit()), (Verdict::Passed, Exit::Done));
                assert_eq!(done.gate("dev"), Some((State::Passed, "0/1".into())));
            } else {
                assert_eq!((verdict, verdict.exit()), (Verdict::Unproved, Exit::Refused));
                assert_eq!(done.gate("dev"), None);
                assert_eq!(done.verdicts[1], Verdict::NotReached);
            }
        });
    }
}

#[test]
fn an_instance_that_runs_another_image_at_the_end_is_named_and_fails_the_group() {
    block(async {
        let stage = Stage::with(CONFIG, Scenario::clean(), 7, |spec| only(spec, &["a-dev"])).await;
        let first = stage.simulator.inspect(truth::groups);
        let meanwhile = async {
            until(&stage, |stage| count(&story_of(stage, "a-dev"), "check app-health passed") > 0).await;
            stage.clock.sleep(std::time::Duration::from_secs(5)).await;
            stage.simulator.change(|world| {
                let key = world.key("a-dev").expect("the group");
                let group = world.groups.get_mut(&key).expect("the group");
                let instance =
                    group.instances.iter_mut().find(|i| i.life == Life::InService).expect("an instance");
                instance.image = old();
                instance.version = 1;
                instance.id.clone()
            })
        };
        let (verdicts, straggler) = tokio::join!(stage.rollout(), meanwhile);
        assert_eq!(verdicts, [Verdict::RolledBack, Verdict::NotReached]);
        assert_eq!(truth::check(&stage, &first, &verdicts), Ok(()));
        let named = format!(
            "rollback by a new refresh: AWS called the refresh successful, but {straggler} runs {}",
            old()
        );
        in_order(
            &story_of(&stage, "a-dev"),
            &["moved Successful", "step prove failed", &named, "ended rolled back"],
        );
        assert_eq!(refreshes(&stage, "a-dev"), [RefreshStatus::Successful, RefreshStatus::Successful]);
    });
}

/// Sets one of the group's instances aside, as somebody would before the rollout.
fn set_aside(stage: &Stage, group: &str) -> InstanceId {
    stage.simulator.change(|world| {
        let key = world.key(group).expect("the group");
        let group = world.groups.get_mut(&key).expect("the group");
        group.instances[0].life = Life::Standby;
        group.desired -= 1;
        group.instances[0].id.clone()
    })
}

#[test]
fn an_instance_in_standby_stays_old_only_where_the_configuration_ignores_it() {
    assert_eq!(Lifecycle::parse("Standby"), Lifecycle::Standby);
    for (policy, stays) in [("ignore", true), ("terminate", false)] {
        block(async {
            let config = refresh(&format!("bake: 10m, standby: {policy}"));
            let stage = Stage::with(&config, Scenario::clean(), 7, |spec| only(spec, &["a-dev"])).await;
            let aside = set_aside(&stage, "a-dev");
            let done = Rehearsal::on(stage).await;
            assert_eq!(
                done.verdicts,
                [Verdict::Passed, Verdict::Passed],
                "{policy}: {:#?}",
                done.story("a-dev")
            );
            assert_eq!(on_old(&done.stage, "a-dev"), if stays { vec![aside] } else { vec![] }, "{policy}");
        });
    }
}

#[test]
fn what_is_waited_for_in_vain_is_rolled_back_in_time() {
    block(async {
        let config = refresh("bake: 10m, standby: wait");
        let stage = Stage::with(&config, Scenario::clean(), 7, |spec| only(spec, &["a-dev"])).await;
        set_aside(&stage, "a-dev");
        let done = Rehearsal::on(stage).await;
        assert_eq!(done.verdicts, [Verdict::RolledBack, Verdict::NotReached], "{:#?}", done.story("a-dev"));
        done.is_whole("a-dev", &old(), Tracking::Pinned(1));
    });
}
