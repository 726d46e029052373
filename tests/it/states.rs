//! The states that groups are in, and what a refresh is asked to respect: checkpoints, alarms,
//! root volumes, warm pools, and what the plan says of each.

use ami_refresh::event::{Event, PlannedGroup};
use ami_refresh::model::{Exit, RefreshStatus, Tracking, Verdict};
use ami_refresh::sim::{AlarmSpec, AlarmState, FleetSpec, OverrideSpec, PolicySpec, Scenario};

use crate::rehearsal::{Rehearsal, new, old};
use crate::rehearsal_story::{block, in_order, scenario, story_of};
use crate::rehearsal_wire::{changing_calls, refreshes};
use crate::resume_steps::problems;
use crate::rules_fleet::{group_mut, refresh};
use crate::stage::{CONFIG, Stage};

fn planned(stage: &Stage, group: &str) -> PlannedGroup {
    let of = |event: &Event| match event {
        Event::Planned { groups, .. } => groups.iter().find(|one| one.group.group.as_str() == group).cloned(),
        _ => None,
    };
    stage.told(of).into_iter().next().expect("a plan of the group")
}

/// Four instances in each group, so that a half is two of them.
fn four(spec: &mut FleetSpec) {
    for group in &mut spec.groups {
        group.capacity = (1, 4, 8);
    }
}

fn noted(stage: &Stage, group: &str, words: &str) {
    let notes = planned(stage, group).notes;
    assert!(notes.iter().any(|note| note.contains(words)), "{words:?} is not in {notes:?}");
}

#[test]
fn the_checks_run_at_a_checkpoint_and_again_in_the_bake() {
    block(async {
        let config = refresh("bake: 10m, checkpoints: [50, 100], checkpoint_delay: 10m");
        let done = Rehearsal::with(&config, Scenario::clean(), four).await;
        done.keeps_its_promises();
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed]);
        in_order(
            &done.story("payments-dev"),
            &[
                "moved InProgress 50%",
                "checks asked",
                "check app-health passed",
                "moved Baking",
                "checks asked",
                "ended refreshed",
            ],
        );
        // What is not replaced yet is not asked at a checkpoint.
        let asked = done.stage.told(|event| match event {
            Event::CheckEnded { group, result }
                if group.group.as_str() == "payments-dev" && result.check == "instances" =>
            {
                Some(result.probes.len())
            }
            _ => None,
        });
        assert_eq!(asked, [2, 4]);
    });
}

#[test]
fn checks_that_fail_at_a_checkpoint_take_the_group_back_before_the_rest_is_replaced() {
    block(async {
        let config = refresh("bake: 10m, checkpoints: [50, 100], checkpoint_delay: 10m");
        let done = Rehearsal::with(&config, scenario("app-down", "payments-dev"), four).await;
        done.keeps_its_promises();
        assert_eq!(done.verdicts, [Verdict::RolledBack, Verdict::NotReached]);
        done.is_whole("payments-dev", &old(), Tracking::Pinned(1));
        assert_eq!(refreshes(&done.stage, "payments-dev"), [RefreshStatus::RollbackSuccessful]);
        let story = done.story("payments-dev");
        in_order(
            &story,
            &["moved InProgress 50%", "check app-health failed", "rollback native", "ended rolled back"],
        );
        assert!(!story.iter().any(|line| line.contains("Baking") || line.contains("100%")), "{story:#?}");
    });
}

/// An alarm in the first environment's account.
fn alarm(state: AlarmState) -> AlarmSpec {
    AlarmSpec { account: "111111111111".into(), region: "eu-west-2".into(), name: "errors".into(), state }
}

/// The configuration with an alarm in the first environment.
fn watched() -> String {
    CONFIG.replacen(
        "    checks: [instances, targets, app-health]",
        "    refresh: { alarms: [errors] }\n    checks: [instances, targets, app-health]",
        1,
    )
}

#[test]
fn an_alarm_that_fires_rolls_the_group_back_and_is_no_hindrance_to_that() {
    block(async {
        let scenario = Scenario::from_yaml(
            "name: fires\nabout: fires\neffects:\n  - groups: payments-dev\n    alarm: { name: errors, state: ALARM, on: new, after: 1m }\n",
        )
        .expect("a scenario");
        let done = Rehearsal::with(&watched(), scenario, four).await;
        done.keeps_its_promises();
        assert_eq!(
            done.verdicts,
            [Verdict::RolledBack, Verdict::NotReached],
            "{:#?}",
            done.story("payments-dev")
        );
        done.is_whole("payments-dev", &old(), Tracking::Pinned(1));
    });
}

#[test]
fn an_alarm_that_fires_already_or_is_absent_refuses_the_environment() {
    for (state, words) in [
        (Some(AlarmState::Alarm), "it is ALARM"),
        (Some(AlarmState::InsufficientData), "it is INSUFFICIENT_DATA"),
        (None, "there is no such alarm in eu-west-2"),
    ] {
        block(async {
            let stage = Stage::with(&watched(), Scenario::clean(), 7, |spec| {
                spec.alarms.clear();
                spec.alarms.extend(state.map(alarm));
            })
            .await;
            let verdicts = stage.rollout().await;
            assert_eq!(verdicts, [Verdict::Refused, Verdict::NotReached]);
            assert_eq!(verdicts[0].exit(), Exit::Refused);
            assert_eq!(changing_calls(&stage), [""; 0]);
            let told = problems(&stage);
            let names =
                ["alarm errors of group catalog-dev", "orders-dev and payments-dev", words, "`alarms`"];
            crate::refusals::only(&told, &names);
        });
    }
}

/// A group whose root volumes can be replaced: an image in every override, no balancer.
pub(crate) fn in_place(spec: &mut FleetSpec) {
    four(spec);
    for group in &mut spec.groups {
        group.target_groups.clear();
    }
    let kind = spec.templates.iter().find(|one| one.name == "payments-dev").expect("it").versions[0].data["InstanceType"].clone();
    let only = OverrideSpec { image: Some(old()), ..OverrideSpec::of_type(&kind) };
    group_mut(spec, "payments-dev").policy =
        Some(PolicySpec { overrides: vec![only], ..PolicySpec::default() });
}

/// The configuration with root volumes replaced in one group.
pub(crate) fn root_volumes(config: &str) -> String {
    config.replace(
        "checks:\n  app-health:",
        "overrides:\n  - match: { name: payments-dev }\n    refresh: { strategy: replace-root-volume }\nchecks:\n  app-health:",
    )
}

#[test]
fn root_volumes_are_replaced_in_place() {
    block(async {
        let stage = Stage::with(&root_volumes(CONFIG), Scenario::clean(), 7, in_place).await;
        let ids = |stage: &Stage| {
            stage.simulator.inspect(|world| {
                let group = world.group("payments-dev").expect("the group");
                group.instances.iter().map(|instance| instance.id.to_string()).collect::<Vec<_>>()
            })
        };
        let before = ids(&stage);
        let done = Rehearsal::on(stage).await;
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed], "{:#?}", done.story("payments-dev"));
        assert_eq!(ids(&done.stage), before, "the instances stay");
        let now = done.now("payments-dev");
        assert_eq!(now.serves, std::collections::BTreeSet::from([new()]));
        assert_eq!(now.overrides, [(None, new())]);
        // Instances must go on matching the version that they were launched from.
        assert_eq!((now.tracking, &now.follows), (Tracking::Pinned(1), &done.first["payments-dev"].follows));
        assert!(!now.marked && !now.active && now.rest == done.first["payments-dev"].rest);
        noted(&done.stage, "payments-dev", "new root volumes");
    });
}

#[test]
fn root_volumes_go_back_too() {
    block(async {
        let done =
            Rehearsal::with(&root_volumes(CONFIG), scenario("app-down", "payments-dev"), in_place).await;
        done.keeps_its_promises();
        assert_eq!(
            done.verdicts,
            [Verdict::RolledBack, Verdict::NotReached],
            "{:#?}",
            done.story("payments-dev")
        );
    });
}

#[test]
fn root_volumes_that_can_not_be_replaced_are_refused_with_the_condition() {
    type Change = fn(&mut FleetSpec);
    let cases: [(Change, &str); 4] = [
        (|spec| group_mut(spec, "payments-dev").policy = None, "it has no mixed instances policy"),
        (
            |spec| {
                let policy = group_mut(spec, "payments-dev").policy.as_mut().expect("one");
                policy.overrides.push(OverrideSpec::of_type("m6i.large"));
            },
            "override 2 (m6i.large) names no image of its own",
        ),
        (
            |spec| group_mut(spec, "payments-dev").target_groups = vec!["payments-dev".into()],
            "it is behind arn:",
        ),
        (|spec| spec.images.iter_mut().for_each(|image| image.volumes = 2), "has 2 volumes"),
    ];
    for (change, words) in cases {
        block(async {
            let stage = Stage::with(&root_volumes(CONFIG), Scenario::clean(), 7, |spec| {
                in_place(spec);
                change(spec);
            })
            .await;
            assert_eq!(stage.rollout().await, [Verdict::Refused, Verdict::NotReached]);
            assert_eq!(changing_calls(&stage), [""; 0]);
            let story = story_of(&stage, "dev");
            assert!(story.iter().any(|line| line.contains(words)), "{words}: {story:#?}");
        });
    }
}

#[test]
fn what_is_particular_of_a_group_is_in_the_plan() {
    for (name, words) in [
        ("warm-pools", "its warm pool of 2 is replaced after the instances that serve"),
        ("standby-and-protected", "1 in standby: terminated and replaced"),
        ("standby-and-protected", "1 protected from scale-in: replaced with the others"),
        ("one-instance", "its only instance is out of service while it is replaced"),
        ("scaling", "it is scaling: 1 of 2 instances are in service"),
        (
            "maintenance-policy",
            "its maintenance policy keeps 100 to 120 percent healthy; this refresh asks for at least 90",
        ),
    ] {
        block(async {
            let done = Rehearsal::of(CONFIG, scenario(name, "*")).await;
            assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed], "{name}");
            noted(&done.stage, "payments-dev", words);
        });
    }
}

#[test]
fn a_group_of_which_nothing_is_to_serve_is_skipped_though_some_stand_by() {
    block(async {
        let aside = |spec: &mut FleetSpec| {
            let group = group_mut(spec, "payments-dev");
            group.capacity = (0, 0, 4);
            group.standby = 1;
        };
        let done = Rehearsal::with(CONFIG, Scenario::clean(), aside).await;
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed], "{:#?}", done.story("payments-dev"));
        assert_eq!(refreshes(&done.stage, "payments-dev"), []);
        assert!(planned(&done.stage, "payments-dev").why.contains("nothing of it is to serve"));
    });
}
