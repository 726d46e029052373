//! What is noted of checks from before a refresh, when it is not, and for how long.

use std::path::Path;

use ami_refresh::config::Fleet;
use ami_refresh::model::Verdict;
use ami_refresh::plan::MARKER_TAG;
use ami_refresh::sim::Scenario;

use crate::baseline::{ill, ill_at, marker, with};
use crate::rehearsal_story::{block, count, in_order, story, story_of};
use crate::rehearsal_wire::refreshes;
use crate::resume::{killed_when, told};
use crate::stage::{CONFIG, NEW, Stage};
use crate::states::{in_place, root_volumes};
use crate::truth;

const NOT_KNOWN: &str =
    "it was begun already, and what app-health answered before is not known: a failure counts";

/// The lines that speak of what was before a refresh.
fn before(stage: &Stage) -> Vec<String> {
    story(stage).into_iter().filter(|line| line.contains("before its refresh")).collect()
}

fn noted(stage: &Stage, group: &str, text: &str) -> usize {
    count(&story(stage), &format!("dev: note: {group}: {text}"))
}

/// Takes the group's marker away: what is under way there is nobody's that is known.
fn unmark(stage: &Stage, name: &str) {
    stage.simulator.change(|world| {
        let key = world.key(name).expect("the group");
        world.groups.get_mut(&key).expect("the group").tags.remove(MARKER_TAG).expect("a marker");
    });
}

/// The configuration of another run.
fn configure(stage: &mut Stage, config: &str) {
    stage.fleet = Fleet::parse(Path::new("later.yaml"), config).expect("a configuration");
    stage.events.borrow_mut().clear();
}

#[test]
fn a_refresh_of_somebody_else_that_is_adopted_with_new_instances_is_no_baseline() {
    block(async {
        let mut stage = Stage::new(CONFIG, ill("new"), 7).await;
        killed_when(&stage, told("orders-dev", "moved Baking")).await;
        unmark(&stage, "orders-dev");
        configure(&mut stage, &with("baseline: true"));
        let first = stage.simulator.inspect(truth::groups);
        assert_eq!(stage.rollout().await, [Verdict::RolledBack, Verdict::NotReached], "{first:#?}");
        assert_eq!(noted(&stage, "orders-dev", NOT_KNOWN), 1, "{:#?}", story(&stage));
        assert_eq!(noted(&stage, "orders-dev", "failed before its refresh"), 0);
        in_order(
            &story_of(&stage, "orders-dev"),
            &["adopted to", "check app-health failed: 2 of 2", "rollback"],
        );
    });
}

#[test]
fn what_was_replaced_while_the_group_waited_for_its_turn_is_no_baseline_either() {
    block(async {
        let mut stage = Stage::new(CONFIG, ill_at("payments-dev", "new"), 7).await;
        killed_when(&stage, told("payments-dev", "started to")).await;
        unmark(&stage, "payments-dev");
        // Another goes first now, bake and all.
        let config = with("baseline: true").replace("timeout: 1h }", "timeout: 1h, groups_at_once: 1 }");
        configure(&mut stage, &config);
        assert_eq!(stage.rollout().await, [Verdict::RolledBack, Verdict::NotReached]);
        assert_eq!(noted(&stage, "payments-dev", NOT_KNOWN), 1, "{:#?}", story(&stage));
        assert_eq!(noted(&stage, "payments-dev", "failed before its refresh"), 0);
    });
}

#[test]
fn what_was_replaced_while_it_was_asked_is_no_baseline_either() {
    block(async {
        let mut stage = Stage::new(CONFIG, ill_at("catalog-dev", "new"), 7).await;
        killed_when(&stage, told("catalog-dev", "started to")).await;
        unmark(&stage, "catalog-dev");
        // The old ones pass, but are gone before they did so often enough.
        let config =
            with("baseline: true").replace("for: 1m, every: 10s", "for: 10m, every: 1m, consecutive: 9");
        configure(&mut stage, &config);
        assert_eq!(stage.rollout().await, [Verdict::RolledBack, Verdict::NotReached]);
        assert_eq!(noted(&stage, "catalog-dev", NOT_KNOWN), 1, "{:#?}", story(&stage));
        assert_eq!(noted(&stage, "catalog-dev", "failed before its refresh"), 0);
    });
}

#[test]
fn a_run_that_was_killed_before_the_refresh_began_does_not_ask_again() {
    block(async {
        let stage = Stage::new(&with("baseline: true"), ill("all"), 7).await;
        let is_noted =
            |stage: &Stage| marker(stage, "orders-dev").is_some_and(|text| text.contains("baseline="));
        killed_when(&stage, is_noted).await;
        assert_eq!(refreshes(&stage, "orders-dev"), []);
        stage.events.borrow_mut().clear();
        assert_eq!(stage.rollout().await, [Verdict::Unproved, Verdict::NotReached]);
        assert_eq!(noted(&stage, "orders-dev", "failed before its refresh"), 0, "{:#?}", story(&stage));
        in_order(&story_of(&stage, "orders-dev"), &["started to", "check app-health failed: failed before"]);
    });
}

#[test]
fn where_root_volumes_are_replaced_nobody_can_tell_what_a_begun_group_runs() {
    block(async {
        let mut stage = Stage::with(&root_volumes(CONFIG), ill_at("payments-dev", "all"), 7, in_place).await;
        killed_when(&stage, |stage| marker(stage, "payments-dev").is_some()).await;
        assert_eq!(refreshes(&stage, "payments-dev"), []);
        configure(&mut stage, &root_volumes(&with("baseline: true")));
        assert_eq!(stage.rollout().await[0], Verdict::RolledBack);
        assert_eq!(noted(&stage, "payments-dev", NOT_KNOWN), 1, "{:#?}", story(&stage));
        assert_eq!(noted(&stage, "payments-dev", "failed before its refresh"), 0);
    });
}

#[test]
fn groups_whose_overrides_name_their_images_have_a_baseline_too() {
    block(async {
        let config = root_volumes(&with("baseline: true"));
        // In one with its root volumes replaced, in the other with new instances.
        for config in [config.clone(), config.replace("replace-root-volume", "rolling")] {
            let stage = Stage::with(&config, ill_at("payments-dev", "all"), 7, in_place).await;
            assert_eq!(stage.rollout().await, [Verdict::Unproved, Verdict::NotReached]);
            assert_eq!(noted(&stage, "payments-dev", NOT_KNOWN), 0, "{:#?}", story(&stage));
            assert_eq!(noted(&stage, "payments-dev", "failed before its refresh: app-health"), 1);
        }
    });
}

#[test]
fn the_old_image_is_as_it_should_be_before_a_refresh_to_another() {
    block(async {
        let config = CONFIG.to_owned() + "  instances: { baseline: true }\n";
        let stage = Stage::new(&config, Scenario::clean(), 7).await;
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
        assert_eq!(before(&stage), [""; 0]);
    });
}

#[test]
fn what_a_baseline_needs_is_asked_for_it_and_is_none_itself() {
    let config = |from: &str| {
        let asks = "http: { url: 'http://{private_ip}:8080/health'";
        with("baseline: true")
            .replace("targets, app-health]", "targets, login, app-health]")
            .replace(asks, &format!("{asks}, send: {{ headers: {{ x-state: '{{state}}' }} }}"))
            + &format!(
                "  login:\n    {asks}, capture: {{ state: {{ {from}, secret: false }} }} }}\n    retry: {{ for: 10s, every: 5s }}\n"
            )
    };
    block(async {
        let stage = Stage::new(&config("json: $.state"), Scenario::clean(), 7).await;
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed], "{:#?}", story(&stage));
        assert_eq!(before(&stage), [""; 0]);
    });
    block(async {
        // One that fails before and after, and is no baseline: what needs it could not be asked.
        let stage = Stage::new(&config("regex: 'never=(.)'"), Scenario::clean(), 7).await;
        let is_noted =
            |stage: &Stage| marker(stage, "catalog-dev").is_some_and(|text| text.contains("baseline="));
        killed_when(&stage, is_noted).await;
        let text = marker(&stage, "catalog-dev").expect("it");
        assert!(text.ends_with(" baseline=-"), "{text}");
        let told = before(&stage);
        assert!(told.iter().all(|line| !line.contains("login:")), "{told:#?}");
    });
}

#[test]
fn a_gate_that_a_person_passed_takes_the_marker_of_what_held_it_away() {
    block(async {
        let stage = Stage::new(&with("baseline: true"), ill("all"), 7).await;
        assert_eq!(stage.rollout().await, [Verdict::Unproved, Verdict::NotReached]);
        assert!(marker(&stage, "orders-dev").is_some());
        stage.simulator.change(|world| {
            let image = world.images.values_mut().find(|one| one.id.as_str() == NEW).expect("the image");
            image.tags.insert("ami-refresh:gate/dev".into(), "passed 2026-11-22T19:00:00Z by hand".into());
        });
        assert_eq!(stage.rollout().await[0], Verdict::Passed);
        assert_eq!(marker(&stage, "orders-dev"), None);
    });
}
