//! Groups whose instance types are chosen by attributes: in their templates too, and beside
//! refreshes of somebody else's.

use ami_refresh::event::{Event, PlannedGroup, RollbackRoute};
use ami_refresh::model::{Outcome, RefreshStatus, Verdict};
use ami_refresh::rollout::{self, Steps};
use ami_refresh::sim::{FleetSpec, OverrideSpec, PolicySpec, Scenario};

use crate::mixed::by_attributes;
use crate::rehearsal::old;
use crate::rehearsal_story::{block, count, in_order, scenario, story_of};
use crate::rehearsal_wire::refreshes;
use crate::resume::{killed_when, told};
use crate::resume_steps::step;
use crate::rules_fleet::group_mut;
use crate::stage::{CONFIG, Stage};
use crate::truth;

/// Makes a group's template choose its instance types.
fn choosing_template(spec: &mut FleetSpec, group: &str) {
    let name = group_mut(spec, group).template.clone();
    let template = spec.templates.iter_mut().find(|one| one.name == name).expect("its template");
    for version in &mut template.versions {
        version.data.remove("InstanceType");
        for (name, value) in [("VCpuCount.Min", "2"), ("MemoryMiB.Min", "4096")] {
            version.data.insert(format!("InstanceRequirements.{name}"), value.to_owned());
        }
    }
}

/// One group with a policy of its template alone, and one whose override has such a template.
fn by_templates(spec: &mut FleetSpec) {
    for group in ["payments-dev", "orders-dev"] {
        choosing_template(spec, group);
    }
    group_mut(spec, "orders-dev").policy = Some(PolicySpec::default());
    let own = group_mut(spec, "payments-dev");
    let (template, tracking) = (own.template.clone(), own.tracking);
    let other = OverrideSpec { template: Some((template, tracking)), ..OverrideSpec::default() };
    let overrides = vec![OverrideSpec::of_type("m6i.large"), other];
    group_mut(spec, "catalog-dev").policy = Some(PolicySpec { overrides, ..PolicySpec::default() });
}

fn planned(stage: &Stage, group: &str) -> PlannedGroup {
    let of = |event: &Event| match event {
        Event::Planned { groups, .. } => groups.iter().find(|one| one.group.group.as_str() == group).cloned(),
        _ => None,
    };
    stage.told(of).into_iter().next().expect("a plan of the group")
}

const CHOOSING: [&str; 3] = ["catalog-dev", "orders-dev", "payments-dev"];

#[test]
fn attributes_in_a_version_of_a_template_are_seen_and_the_group_is_told_first() {
    block(async {
        let stage = Stage::with(CONFIG, Scenario::clean(), 7, by_templates).await;
        let first = stage.simulator.inspect(truth::groups);
        let verdicts = stage.rollout().await;
        assert_eq!(verdicts, [Verdict::Passed, Verdict::Passed], "{:#?}", story_of(&stage, "dev"));
        assert_eq!(truth::check(&stage, &first, &verdicts), Ok(()));
        for name in CHOOSING {
            let planned = planned(&stage, name);
            assert_eq!(planned.rollback, Some(RollbackRoute::NewRefresh), "{name}");
            assert!(planned.notes.iter().any(|note| note.contains("by attributes")), "{:?}", planned.notes);
            assert_eq!(refreshes(&stage, name), [RefreshStatus::Successful], "{name}");
            let undirected = stage.simulator.inspect(|world| {
                let refresh = &world.group(name).expect("the group").refreshes[0];
                refresh.desired.is_none()
                    && !refresh.preferences.auto_rollback
                    && !refresh.preferences.skip_matching
            });
            assert!(undirected, "{name}");
        }
    });
}

#[test]
fn where_a_template_chooses_by_attributes_a_failure_leads_back_by_a_refresh() {
    for group in CHOOSING {
        block(async {
            let stage = Stage::with(CONFIG, scenario("app-down", group), 7, by_templates).await;
            let first = stage.simulator.inspect(truth::groups);
            let verdicts = stage.rollout().await;
            assert_eq!(verdicts, [Verdict::RolledBack, Verdict::NotReached], "{group}");
            assert_eq!(truth::check(&stage, &first, &verdicts), Ok(()));
            let now = stage.simulator.inspect(truth::groups);
            assert_eq!((&now[group].serves, now[group].tracking), (&[old()].into(), first[group].tracking));
            // It had the new image, and came back by a refresh of its own.
            in_order(
                &story_of(&stage, group),
                &["moved Baking", "rollback by a new refresh", "ended rolled back"],
            );
            assert_eq!(refreshes(&stage, group), [RefreshStatus::Cancelled, RefreshStatus::Successful]);
        });
    }
}

/// Somebody's refresh of `payments-dev` that begins when its version is made, and goes on for long.
fn theirs() -> Scenario {
    let yaml = "{ name: theirs, about: somebody refreshes too, effects: [\
        { groups: payments-dev, foreign_refresh: { begins: version, lasts: 20h } }] }";
    Scenario::from_yaml(yaml).expect("a scenario")
}

fn statuses(stage: &Stage, group: &str) -> Vec<(bool, RefreshStatus)> {
    stage.simulator.inspect(|world| {
        let refreshes = &world.group(group).expect("the group").refreshes;
        refreshes.iter().map(|refresh| (refresh.foreign, refresh.status)).collect()
    })
}

async fn back(stage: &Stage) -> Verdict {
    let environment = stage.fleet.environment("dev").expect("the environment");
    rollout::rollback(&stage.run(), environment, None).await
}

#[test]
fn a_rollback_does_not_cancel_a_refresh_of_somebody_elses() {
    block(async {
        let stage = Stage::with(CONFIG, theirs(), 7, by_attributes).await;
        step(&stage, "dev", Steps::Templates).await;
        stage.clock.sleep(std::time::Duration::from_secs(900)).await;
        assert!(statuses(&stage, "payments-dev")[0].1.is_active());
        assert_eq!(back(&stage).await, Verdict::NeedsPerson);
        let left = statuses(&stage, "payments-dev");
        assert!(left.len() == 1 && left[0].0 && left[0].1.is_active(), "{left:?}");
        assert_eq!(
            stage.simulator.calls().iter().filter(|call| call.action == "CancelInstanceRefresh").count(),
            0
        );
        let told = stage.told(|event| match event {
            Event::GroupEnded { outcome: Outcome::NeedsPerson { why, .. }, .. } => Some(why.clone()),
            _ => None,
        });
        assert!(told.len() == 1 && told[0].contains("group payments-dev is busy: refresh"), "{told:?}");
        // The others are let go all the same.
        let now = stage.simulator.inspect(truth::groups);
        assert!(!now["orders-dev"].marked && !now["catalog-dev"].marked && now["payments-dev"].marked);
    });
}

#[test]
fn a_group_is_told_nothing_while_somebody_else_refreshes_it() {
    block(async {
        let stage = Stage::with(CONFIG, theirs(), 7, by_attributes).await;
        let first = stage.simulator.inspect(truth::groups);
        let verdicts = stage.rollout().await;
        assert_eq!(verdicts, [Verdict::RolledBack, Verdict::NotReached], "{:#?}", story_of(&stage, "dev"));
        in_order(
            &story_of(&stage, "payments-dev"),
            &["step refresh failed: it could not be started: refresh "],
        );
        let now = stage.simulator.inspect(truth::groups);
        assert_eq!(now["payments-dev"].follows, first["payments-dev"].follows);
        assert!(
            statuses(&stage, "payments-dev").iter().all(|(foreign, status)| *foreign && status.is_active())
        );
        let updates = stage.simulator.calls();
        let updates = updates.iter().filter(|call| {
            call.action == "UpdateAutoScalingGroup" && call.resource.as_deref() == Some("payments-dev")
        });
        assert_eq!(updates.count(), 0, "it was never told the new version");
    });
}

#[test]
fn a_rollback_cancels_the_refresh_that_the_rollout_began() {
    block(async {
        let stage = Stage::with(CONFIG, Scenario::clean(), 7, by_attributes).await;
        killed_when(&stage, told("payments-dev", "moved InProgress 50%")).await;
        stage.events.borrow_mut().clear();
        assert_eq!(back(&stage).await, Verdict::Partial, "{:#?}", story_of(&stage, "payments-dev"));
        let both = [RefreshStatus::Cancelled, RefreshStatus::Successful];
        assert_eq!(refreshes(&stage, "payments-dev"), both);
        let now = stage.simulator.inspect(truth::groups);
        assert_eq!((&now["payments-dev"].serves, now["payments-dev"].marked), (&[old()].into(), false));
    });
}

#[test]
fn a_rollback_that_was_killed_goes_on_with_the_refresh_that_it_began() {
    block(async {
        let stage = Stage::with(CONFIG, Scenario::clean(), 7, by_attributes).await;
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
        stage.events.borrow_mut().clear();
        tokio::select! {
            biased;
            () = crate::rules_fleet::until(&stage, told("payments-dev", "moved InProgress 50%")) => {}
            verdict = back(&stage) => panic!("ended as {verdict}"),
        }
        stage.events.borrow_mut().clear();
        assert_eq!(back(&stage).await, Verdict::Partial, "{:#?}", story_of(&stage, "payments-dev"));
        let both = [RefreshStatus::Successful, RefreshStatus::Successful];
        assert_eq!(refreshes(&stage, "payments-dev"), both, "the way back was not begun twice");
        assert_eq!(count(&story_of(&stage, "payments-dev"), "adopted"), 1);
        assert_eq!(stage.simulator.inspect(truth::groups)["payments-dev"].serves, [old()].into());
    });
}
