//! An environment in two regions: together, or in the order of the configuration.

use std::collections::{BTreeMap, BTreeSet};

use ami_refresh::event::Event;
use ami_refresh::gate::State;
use ami_refresh::model::{ImageId, Outcome, Tracking, Verdict};
use ami_refresh::sim::{Call, Fault, FaultKind, FleetSpec, Scenario, World};
use jiff::Timestamp;

use crate::rehearsal_story::{block, scenario};
use crate::resume_steps::problems;
use crate::stage::{CONFIG, NEW, REGION, Stage};
use crate::truth;

/// The first region of the configuration, and the last by name.
const EAST: &str = "us-east-1";
const NEW_EAST: &str = "ami-0e1e2d3c4b5a69788";
pub(crate) const IMAGES: [(&str, &str); 2] = [(EAST, NEW_EAST), (REGION, NEW)];

/// One environment in both regions, with these settings beside them.
pub(crate) fn config(settings: &str) -> String {
    let regions = format!("  regions: [{EAST}, {REGION}]\n{settings}");
    let (before, _) = CONFIG.split_once("  - name: qa").expect("the second environment");
    let (_, checks) = CONFIG.split_once("\nchecks:").expect("the checks");
    let config = format!("{before}checks:{checks}").replace("  regions: [eu-west-2]\n", &regions);
    assert_ne!(config, CONFIG);
    config
}

/// The groups of the east are called so: `orders-east-dev`.
async fn stage(config: &str, scenario: Scenario, images: &[(&str, &str)]) -> Stage {
    Stage::with_images(config, scenario, 7, images, rename).await
}

/// Names the groups of the east so.
pub(crate) fn rename(spec: &mut FleetSpec) {
    for group in spec.groups.iter_mut().filter(|group| group.region.as_str() == EAST) {
        group.name = group.name.as_str().replace("-dev", "-east-dev").into();
    }
}

fn starts(stage: &Stage) -> Vec<Call> {
    let calls = stage.simulator.calls().into_iter();
    calls.filter(|call| call.action == "StartInstanceRefresh").collect()
}

/// The region of each start, without repetitions in a row.
fn order(stage: &Stage) -> Vec<String> {
    let mut regions: Vec<String> = starts(stage).iter().map(|call| call.region.to_string()).collect();
    regions.dedup();
    regions
}

/// When the last refresh of a region ended.
fn ended(world: &World, region: &str) -> Timestamp {
    let here = world.groups.iter().filter(|(key, _)| key.place.region.as_str() == region);
    let ends = here.flat_map(|(_, group)| &group.refreshes).filter_map(|refresh| refresh.ended);
    ends.max().expect("refreshes that ended")
}

/// Every group serves its region's new image, follows it as it followed the old one, and is let go.
#[track_caller]
fn all_new(stage: &Stage, first: &BTreeMap<String, truth::Stands>) {
    assert_eq!(all_passed(stage, first, &[Verdict::Passed]), Ok(()));
}

/// The same, for those who go on after one that is not so.
pub(crate) fn all_passed(
    stage: &Stage,
    first: &BTreeMap<String, truth::Stands>,
    verdicts: &[Verdict],
) -> Result<(), String> {
    for (name, now) in stage.simulator.inspect(truth::groups) {
        let image = ImageId::from(if name.ends_with("-east-dev") { NEW_EAST } else { NEW });
        let floats = |tracking: Tracking| tracking.floats().then_some(tracking);
        let right = now.serves == BTreeSet::from([image.clone()])
            && now.follows == image
            && floats(now.tracking) == floats(first[&name].tracking)
            && !now.marked
            && !now.active;
        if !right {
            return Err(format!("{name} is not whole on {image}: {now:?}"));
        }
    }
    if verdicts == [Verdict::Passed] { Ok(()) } else { Err(format!("{verdicts:?}")) }
}

fn gate(stage: &Stage) -> Option<State> {
    stage.simulator.inspect(truth::gates).get("dev").map(|record| record.state)
}

#[test]
fn regions_go_together_unless_they_are_to_go_in_order() {
    block(async {
        let stage = stage(&config(""), Scenario::clean(), &IMAGES).await;
        let first = stage.simulator.inspect(truth::groups);
        assert_eq!(first.len(), 6);
        assert_eq!(stage.rollout().await, [Verdict::Passed]);
        all_new(&stage, &first);
        let starts = starts(&stage);
        assert_eq!(starts.len(), 6);
        // The canary alone, then all the others before any of them has ended.
        let others: BTreeSet<&str> = starts[1..].iter().map(|call| call.region.as_str()).collect();
        assert_eq!(others, BTreeSet::from([EAST, REGION]));
        let (from, to) = (starts[1].at, starts[5].at);
        assert!(to.duration_since(from).as_secs() < 60, "{from} to {to}");
        assert_eq!(gate(&stage), Some(State::Passed));
    });
}

#[test]
fn regions_in_order_begin_one_after_the_other_as_they_are_written() {
    block(async {
        let stage = stage(&config("  regions_in_order: true\n"), Scenario::clean(), &IMAGES).await;
        let first = stage.simulator.inspect(truth::groups);
        assert_eq!(stage.rollout().await, [Verdict::Passed]);
        all_new(&stage, &first);
        assert_eq!(order(&stage), [EAST, REGION], "not by name");
        let starts = starts(&stage);
        let at = starts.iter().find(|call| call.region.as_str() == REGION).expect("a start").at;
        let east = stage.simulator.inspect(|world| ended(world, EAST));
        assert!(at >= east, "{REGION} began at {at}, {EAST} ended at {east}");
        // The canary is one of the first region, and goes alone; there is none in the second.
        assert!(starts[1].at.duration_since(starts[0].at).as_secs() > 600, "{starts:#?}");
        assert!(starts[5].at.duration_since(starts[3].at).as_secs() < 60, "{starts:#?}");
    });
}

#[test]
fn a_failure_in_the_first_region_leaves_the_second_as_it_was() {
    // The last of three, so that what was allowed to fail does not matter.
    for failures in [1, 3] {
        block(async {
            let settings = "  regions_in_order: true\n";
            let config = config(settings).replace(
                "{ bake: 10m, timeout: 1h }",
                &format!("{{ timeout: 1h, max_failures: {failures} }}"),
            );
            let stage = stage(&config, scenario("app-down", "payments-east-dev"), &IMAGES).await;
            let first = stage.simulator.inspect(truth::groups);
            assert_eq!(stage.rollout().await, [Verdict::RolledBack]);
            assert_eq!(order(&stage), [EAST]);
            let now = stage.simulator.inspect(truth::groups);
            for (name, was) in first.iter().filter(|(name, _)| !name.ends_with("-east-dev")) {
                assert_eq!(&now[name], was, "{name}");
            }
            let told = stage.told(|event| match event {
                Event::GroupEnded { group, outcome: Outcome::NotStarted { why }, .. } => {
                    Some((group.region.to_string(), why.clone()))
                }
                _ => None,
            });
            let why = format!("a group failed in a region before {REGION}: it is not begun");
            assert_eq!(told, vec![(REGION.to_owned(), why); 3]);
            assert_eq!(gate(&stage), Some(State::Failed));
        });
    }
}

#[test]
fn a_run_that_was_killed_in_the_second_region_goes_on_there() {
    for kind in [FaultKind::CrashAfter, FaultKind::CrashBefore] {
        block(async {
            let config = config("  regions_in_order: true\n");
            let rehearsed = stage(&config, Scenario::clean(), &IMAGES).await;
            rehearsed.rollout().await;
            let later = starts(&rehearsed).into_iter().find(|call| call.region.as_str() == REGION);
            let at_call = later.expect("a start").number;
            let stage = stage(&config, Scenario::clean(), &IMAGES).await;
            let first = stage.simulator.inspect(truth::groups);
            stage.simulator.inject(Fault { at_call, kind });
            assert_eq!(stage.rollout_or_crash().await, None);
            stage.clock.sleep(std::time::Duration::from_secs(60)).await;
            assert_eq!(stage.rollout().await, [Verdict::Passed]);
            all_new(&stage, &first);
            assert_eq!(order(&stage), [EAST, REGION], "{kind:?}");
            let refreshes = stage.simulator.inspect(|world| {
                world.groups.values().map(|group| group.refreshes.len()).collect::<Vec<_>>()
            });
            assert_eq!(refreshes, [1; 6], "nothing is done twice");
        });
    }
}

#[test]
fn a_run_that_was_killed_in_the_first_region_ends_that_before_the_second_begins() {
    block(async {
        let config = config("  regions_in_order: true\n");
        let stage = stage(&config, Scenario::clean(), &IMAGES).await;
        let first = stage.simulator.inspect(truth::groups);
        let third = async {
            crate::rules_fleet::until(&stage, |stage| starts(stage).len() >= 2).await;
        };
        tokio::select! {
            biased;
            () = third => {}
            verdicts = stage.rollout() => panic!("it was not killed: {verdicts:?}"),
        }
        assert_eq!(stage.rollout().await, [Verdict::Passed]);
        all_new(&stage, &first);
        assert_eq!(order(&stage), [EAST, REGION]);
        let at = starts(&stage).iter().find(|call| call.region.as_str() == REGION).expect("a start").at;
        let east = stage.simulator.inspect(|world| ended(world, EAST));
        assert!(at >= east, "{REGION} began at {at}, {EAST} ended at {east}");
    });
}

#[test]
fn a_region_without_an_image_of_the_candidate_refuses_the_environment() {
    for settings in ["", "  regions_in_order: true\n"] {
        block(async {
            let stage = stage(&config(settings), Scenario::clean(), &[(REGION, NEW)]).await;
            let first = stage.simulator.inspect(crate::rehearsal_wire::snapshot);
            assert_eq!(stage.rollout().await, [Verdict::Refused]);
            let problems = problems(&stage);
            assert!(!problems.is_empty());
            for problem in &problems {
                assert!(problem.to_string().contains(EAST), "{problem}");
            }
            assert_eq!(stage.simulator.inspect(crate::rehearsal_wire::snapshot), first);
            assert_eq!(starts(&stage), []);
        });
    }
}
