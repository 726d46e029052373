//! What is left behind when time runs out in the middle: who shares a template, who was only
//! marked, what a later run makes of it, and the steps as runs of their own.

use std::time::Duration;

use ami_refresh::event::{Event, Status, Step};
use ami_refresh::gate::State;
use ami_refresh::model::{ImageId, Outcome, Tracking, Verdict};
use ami_refresh::rollout::{self, Scope, Steps};
use ami_refresh::sim::{FleetSpec, Scenario};

use crate::rehearsal::old;
use crate::resume_steps::problems;
use crate::rules_fleet::{follows, group_mut, only, shared};
use crate::stage::{CONFIG, NEW, Stage};
use crate::truth;
use crate::windows::{at, begun, in_time, outcome, roll, scheduled, step, tag};

const SALE: &str =
    "freezes:\n  - { from: 2026-11-22T19:10, to: 2026-11-24T08:00, environments: [dev], reason: 'big sale' }";

/// Drops a run after six minutes, when its first refresh is active.
async fn killed(stage: &Stage, scope: &Scope) {
    let (run, names) = (stage.run(), stage.names());
    tokio::select! {
        verdicts = rollout::run(&run, &names, scope) => panic!("it ended: {verdicts:?}"),
        () = stage.clock.sleep(Duration::from_secs(360)) => {}
    }
}

/// A canary on a template of its own, and two that follow another; the left one's window
/// closes while the canary is refreshed.
fn parted(spec: &mut FleetSpec) {
    shared(
        spec,
        &[("aaa-dev", Tracking::Latest), ("left-dev", Tracking::Latest), ("right-dev", Tracking::Latest)],
    );
    let canary = group_mut(spec, "aaa-dev");
    canary.template = "aaa-dev-own".into();
    canary.tracking = Tracking::Pinned(1);
    tag(spec, "left-dev", "AMI_refresh_time", "17:04");
}

async fn one(stage: &Stage, scope: &Scope) -> Verdict {
    rollout::environment(&stage.run(), &stage.fleet.environments[0], scope).await
}

#[tokio::test(start_paused = true)]
async fn groups_that_only_share_a_template_begin_each_in_its_own_time() {
    let fleet = |spec: &mut FleetSpec| {
        shared(spec, &[("left-dev", Tracking::Pinned(2)), ("right-dev", Tracking::Pinned(2))]);
    };
    let stage = Stage::with(&scheduled(SALE), Scenario::clean(), 7, fleet).await;
    assert_eq!(roll(&stage, &Scope::now(Steps::Rollout)).await[0], Verdict::Partial);
    assert_eq!(begun(&stage).len(), 1, "nothing begins in a freeze");
}

#[tokio::test(start_paused = true)]
async fn who_is_not_begun_in_time_stays_pinned_until_its_turn_and_nobody_goes_back_for_it() {
    let config = scheduled("").replace("defaults:", "defaults:\n  quarantine_on_failure: true");
    let stage = Stage::with(&config, Scenario::clean(), 7, parted).await;
    assert_eq!(roll(&stage, &in_time(false)).await[0], Verdict::Partial);
    let stands = stage.simulator.inspect(truth::groups);
    let (left, right) = (&stands["left-dev"], &stands["right-dev"]);
    assert!(matches!(left.tracking, Tracking::Pinned(_)) && left.marked, "{left:?}");
    assert_eq!((left.follows.clone(), left.refreshes), (old(), 0));
    assert_eq!((right.tracking, right.marked, right.follows.as_str()), (Tracking::Latest, false, NEW));
    assert_eq!(step(&stage, "left-dev", Step::Tracking).0, Status::Skipped);
    let gates = stage.simulator.inspect(truth::gates);
    assert_eq!((gates["dev"].state, gates["dev"].detail.as_str()), (State::Partial, "2/3"));
    // A week later it goes, and everything is as if it had gone with the others.
    stage.clock.sleep_until(at("2026-11-29T17:30:00Z")).await;
    assert_eq!(roll(&stage, &in_time(false)).await[0], Verdict::Passed);
    for (name, group) in stage.simulator.inspect(truth::groups) {
        if ["left-dev", "right-dev"].contains(&name.as_str()) {
            assert_eq!(
                (group.tracking, group.marked, group.follows.as_str()),
                (Tracking::Latest, false, NEW)
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_gone_on_with_parts_nobody_either() {
    let fleet = |spec: &mut FleetSpec| {
        shared(spec, &[("left-dev", Tracking::Latest), ("right-dev", Tracking::Latest)]);
    };
    let config =
        scheduled("").replace("defaults:", "defaults:\n  window: 14m\n  quarantine_on_failure: true");
    let stage = Stage::with(&config, Scenario::clean(), 7, fleet).await;
    killed(&stage, &in_time(false)).await;
    assert_eq!(roll(&stage, &in_time(false)).await[0], Verdict::Partial);
    assert!(matches!(outcome(&stage, "left-dev"), Outcome::Refreshed { .. }));
    let back = stage.told(|event| {
        matches!(event, Event::RollbackStarted { .. } | Event::Quarantined { .. }).then_some(())
    });
    assert_eq!(back.len(), 0);
    stage.clock.sleep_until(at("2026-11-29T19:01:00Z")).await;
    assert_eq!(roll(&stage, &in_time(false)).await[0], Verdict::Passed);
}

#[tokio::test(start_paused = true)]
async fn single_steps_do_not_reach_who_is_not_due() {
    let stage = Stage::with(&scheduled(""), Scenario::clean(), 7, parted).await;
    for steps in [Steps::Templates, Steps::RefreshToBaking] {
        one(&stage, &Scope { steps, ..in_time(false) }).await;
    }
    let environment = &stage.fleet.environments[0];
    let smoke = rollout::smoke(&stage.run(), environment, None).await;
    assert!(matches!(smoke, Verdict::Passed | Verdict::Partial), "it fails on who was only marked: {smoke}");
    one(&stage, &Scope { steps: Steps::RefreshToEnd, ..in_time(false) }).await;
    assert_eq!(follows(&stage, "right-dev").image, ImageId::from(NEW));
    let left = stage.simulator.inspect(truth::groups).remove("left-dev").expect("the group");
    assert_eq!((left.follows, left.refreshes, left.marked), (old(), 0, true));
    assert_eq!(rollout::pass_by_proof(&stage.run(), environment).await, Verdict::Refused);
    let told = problems(&stage);
    assert!(told.iter().any(|problem| problem.to_string().contains("left-dev")), "{told:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_only_marked_when_its_time_ran_out_is_let_go() {
    let config = scheduled("").replace("defaults:", "defaults:\n  window: 15m");
    let first = Stage::new(&config, Scenario::clean(), 7).await;
    let before = first.simulator.inspect(truth::groups);
    killed(&first, &in_time(false)).await;
    let canary = begun(&first)[0].0.clone();
    first.clock.sleep_until(at("2026-11-22T20:00:00Z")).await;
    assert_eq!(roll(&first, &in_time(false)).await[0], Verdict::Partial);
    for (name, group) in first.simulator.inspect(truth::groups) {
        if name.ends_with("-dev") && name != canary {
            assert_eq!((group.tracking, group.marked), (before[&name].tracking, false), "{name}");
            assert_eq!((group.follows, group.refreshes), (before[&name].follows.clone(), 0), "{name}");
            assert!(matches!(outcome(&first, &name), Outcome::Deferred { .. }), "{name}");
        }
    }
    first.clock.sleep_until(at("2026-11-29T19:01:00Z")).await;
    assert_eq!(roll(&first, &in_time(true)).await[0], Verdict::Passed);
}

#[tokio::test(start_paused = true)]
async fn a_gate_is_passed_by_parts_though_the_last_group_opts_out() {
    let late = |spec: &mut FleetSpec| tag(spec, "orders-dev", "AMI_refresh_time", "23:00");
    let stage = Stage::with(&scheduled(""), Scenario::clean(), 7, late).await;
    assert_eq!(roll(&stage, &in_time(false)).await[0], Verdict::Partial);
    stage.simulator.change(|world| {
        let group = world.groups.values_mut().find(|group| group.key.name.as_str() == "orders-dev").unwrap();
        group.tags.insert("AMI_refresh_enabled".into(), "false".into());
    });
    assert_eq!(roll(&stage, &in_time(false)).await[0], Verdict::Passed);
    // With nothing proved before, nothing is.
    let none = |spec: &mut FleetSpec| {
        for name in ["payments-dev", "orders-dev", "catalog-dev"] {
            tag(spec, name, "AMI_refresh_enabled", "false");
        }
    };
    let stage = Stage::with(&scheduled(""), Scenario::clean(), 7, none).await;
    assert_eq!(roll(&stage, &in_time(false)).await[0], Verdict::Unproved);
}

#[tokio::test(start_paused = true)]
async fn who_opted_out_does_not_hold_up_a_gate_that_is_passed_by_proof() {
    let out = |spec: &mut FleetSpec| tag(spec, "orders-dev", "ASG_refresh_enabled", "false");
    let stage = Stage::with(&scheduled(""), Scenario::clean(), 7, out).await;
    let environment = &stage.fleet.environments[0];
    for steps in [Steps::Templates, Steps::RefreshToBaking] {
        one(&stage, &Scope { steps, ..in_time(false) }).await;
    }
    rollout::smoke(&stage.run(), environment, None).await;
    one(&stage, &Scope { steps: Steps::RefreshToEnd, ..in_time(false) }).await;
    let verdict = rollout::pass_by_proof(&stage.run(), environment).await;
    assert_eq!(verdict, Verdict::Passed, "{:#?}", problems(&stage));
    let out = stage.simulator.inspect(truth::groups).remove("orders-dev").expect("the group");
    assert_eq!((out.refreshes, out.follows), (0, old()));
}

/// What is due of the first environment, by the steps as runs of their own.
async fn by_steps(stage: &Stage) -> Verdict {
    let environment = &stage.fleet.environments[0];
    for steps in [Steps::Templates, Steps::RefreshToBaking] {
        one(stage, &Scope { steps, ..in_time(false) }).await;
    }
    rollout::smoke(&stage.run(), environment, None).await;
    one(stage, &Scope { steps: Steps::RefreshToEnd, ..in_time(false) }).await;
    rollout::pass_what_was_due_by_proof(&stage.run(), environment).await
}

#[tokio::test(start_paused = true)]
async fn steps_by_schedule_record_a_part_and_pass_the_gate_with_the_rest() {
    let gate = |stage: &Stage| {
        let mut gates = stage.simulator.inspect(truth::gates);
        gates.remove("dev").map(|record| (record.state, record.detail))
    };
    // It comes while the others bake, late at night, or never.
    for (opens, opts_out) in [("19:10", false), ("23:00", false), ("23:00", true)] {
        let late = |spec: &mut FleetSpec| tag(spec, "orders-dev", "AMI_refresh_time", opens);
        let stage = Stage::with(&scheduled(""), Scenario::clean(), 7, late).await;
        assert_eq!(by_steps(&stage).await, Verdict::Partial, "{opens} {:#?}", problems(&stage));
        assert_eq!(gate(&stage), Some((State::Partial, "2/3".to_owned())));
        let groups = stage.simulator.inspect(truth::groups);
        assert!(groups.values().all(|group| !group.marked), "what is done needs nothing more: {groups:#?}");
        assert_eq!((groups["orders-dev"].refreshes, groups["orders-dev"].follows.clone()), (0, old()));
        let environment = &stage.fleet.environments[0];
        assert_eq!(rollout::pass_by_proof(&stage.run(), environment).await, Verdict::Refused);
        if opts_out {
            stage.simulator.change(|world| {
                let mut groups = world.groups.values_mut();
                let group = groups.find(|group| group.key.name.as_str() == "orders-dev").unwrap();
                group.tags.insert("AMI_refresh_enabled".into(), "false".into());
            });
            let verdict = rollout::pass_what_was_due_by_proof(&stage.run(), environment).await;
            assert_eq!(verdict, Verdict::Passed, "{:#?}", problems(&stage));
        } else {
            if opens == "23:00" {
                stage.clock.sleep_until(at("2026-11-22T23:10:00Z")).await;
            }
            assert_eq!(by_steps(&stage).await, Verdict::Passed, "{opens} {:#?}", problems(&stage));
            let orders = follows(&stage, "orders-dev").image;
            assert_eq!(orders, ImageId::from(NEW));
        }
        assert_eq!(gate(&stage).map(|(state, _)| state), Some(State::Passed));
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_hands_over_does_not_wait_while_groups_bake() {
    let late = |spec: &mut FleetSpec| tag(spec, "orders-dev", "AMI_refresh_time", "23:00");
    let stage = Stage::with(&scheduled(""), Scenario::clean(), 7, late).await;
    for steps in [Steps::Templates, Steps::RefreshToBaking] {
        assert_eq!(one(&stage, &Scope { steps, ..in_time(true) }).await, Verdict::Partial, "{steps:?}");
    }
    assert!(stage.clock.now() < at("2026-11-22T20:00:00Z"), "{}", stage.clock.now());
}

#[tokio::test(start_paused = true)]
async fn going_on_in_a_freeze_is_no_failure() {
    let stage = Stage::with(&scheduled(SALE), Scenario::clean(), 7, |spec| only(spec, &["left-dev"])).await;
    killed(&stage, &Scope::now(Steps::Rollout)).await;
    stage.clock.sleep_until(at("2026-11-22T19:15:00Z")).await;
    assert_eq!(roll(&stage, &Scope::now(Steps::Rollout)).await[0], Verdict::Passed);
    assert_eq!(step(&stage, "dev", Step::Freeze).0, Status::Skipped);
}

#[tokio::test(start_paused = true)]
async fn the_way_on_is_told_with_what_this_run_was_asked_for() {
    let late = |spec: &mut FleetSpec| tag(spec, "orders-dev", "AMI_refresh_time", "23:00");
    let stage = Stage::with(&scheduled(""), Scenario::clean(), 7, late).await;
    let run = stage.run().given(" --when scheduled".to_owned());
    rollout::run(&run, &stage.names(), &in_time(false)).await;
    let next = stage.told(|event| match event {
        Event::EnvironmentEnded { environment, next, .. } if environment.as_str() == "dev" => {
            Some(next.join("; "))
        }
        _ => None,
    });
    assert_eq!(next, ["ami-refresh rollout --env dev --when scheduled, from Sun 22 Nov 23:00 on"]);
}

#[tokio::test(start_paused = true)]
async fn an_abort_while_a_part_waits_is_told_as_one_with_the_way_on() {
    let late = |spec: &mut FleetSpec| tag(spec, "orders-dev", "AMI_refresh_time", "23:00");
    let stage = Stage::with(&scheduled(""), Scenario::clean(), 7, late).await;
    let (run, names) = (stage.run(), stage.names());
    let scope = in_time(true);
    tokio::select! {
        verdicts = rollout::run(&run, &names, &scope) => panic!("it ended: {verdicts:?}"),
        () = stage.clock.sleep_until(at("2026-11-22T22:00:00Z")) => {}
    }
    rollout::abandon(&run, &names, "SIGTERM").await;
    let ended = stage.told(|event| match event {
        Event::EnvironmentEnded { environment, verdict, next, .. } => {
            Some((environment.to_string(), *verdict, next.len()))
        }
        _ => None,
    });
    assert_eq!(ended, [("dev".to_owned(), Verdict::Aborted, 1), ("qa".to_owned(), Verdict::NotReached, 0)]);
}

#[tokio::test(start_paused = true)]
async fn the_way_back_never_leads_onto_an_image_in_quarantine() {
    let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
    assert_eq!(stage.rollout().await[0], Verdict::Passed);
    let environment = &stage.fleet.environments[0];
    let given = rollout::given(&stage.run(), environment, None).await.expect("what it was given");
    assert_eq!((given.groups.len(), given.stuck.len()), (3, 0));
    stage.simulator.change(|world| {
        let image = world.images.values_mut().find(|image| image.id == old()).expect("the old image");
        image
            .tags
            .insert("ami-refresh:quarantine".into(), "quarantined 2026-11-22T21:00:00Z jane: bad".into());
    });
    let given = rollout::given(&stage.run(), environment, None).await.expect("what it was given");
    assert_eq!((given.groups.len(), given.stuck.len()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn what_was_proved_in_part_does_not_count_after_the_way_back() {
    let late = |spec: &mut FleetSpec| tag(spec, "orders-dev", "AMI_refresh_time", "23:00");
    let stage = Stage::with(&scheduled(""), Scenario::clean(), 7, late).await;
    assert_eq!(roll(&stage, &in_time(false)).await[0], Verdict::Partial);
    rollout::rollback(&stage.run(), &stage.fleet.environments[0], None).await;
    assert_eq!(stage.simulator.inspect(truth::gates)["dev"].state, State::Revoked);
}
