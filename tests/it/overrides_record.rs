//! What overrides named is recorded once, at home, with the gate, before a marker goes away; and where it
//! can't be, that is told.

use ami_refresh::model::Verdict;
use ami_refresh::sim::{FleetSpec, Scenario};

use crate::overrides_back::{back, every_kind, give, moved, notes, own, recorded, roll, short, stage, stood};
use crate::regions;
use crate::rehearsal::old;
use crate::rehearsal_story::{block, scenario};
use crate::rules_fleet::{group_mut, only};
use crate::stage::{HOME, NEW, NEW_ARM, Stage};

#[test]
fn a_run_that_finds_nothing_to_do_leaves_the_record_as_it_is() {
    block(async {
        let stage = stage().await;
        assert_eq!(roll(&stage).await, Verdict::Passed);
        let tags = [recorded(&stage, NEW), recorded(&stage, NEW_ARM)];
        assert!(tags.iter().all(Option::is_some), "{tags:?}");
        let calls = stage.simulator.calls().len();
        assert_eq!(roll(&stage).await, Verdict::Passed);
        let more = stage.simulator.calls().split_off(calls);
        assert!(more.iter().all(|call| call.action != "CreateTags"), "{more:?}");
        assert_eq!([recorded(&stage, NEW), recorded(&stage, NEW_ARM)], tags);
    });
}

#[test]
fn the_record_is_written_at_home_with_the_gate_whatever_the_number_of_groups() {
    let writes = |groups: &'static [&'static str]| {
        block(async {
            let several = |spec: &mut FleetSpec| {
                only(spec, groups);
                for name in groups {
                    give(group_mut(spec, name), vec![own("m6i.large", old())]);
                }
            };
            let stage = Stage::with(&short(), Scenario::clean(), 7, several).await;
            assert_eq!(roll(&stage).await, Verdict::Passed);
            let calls = stage.simulator.calls();
            // Until then quarantine is looked for, from time to time.
            let last =
                calls.iter().rposition(|call| call.action == "StartInstanceRefresh").expect("a refresh");
            let at_home = calls[last..].iter().filter(|call| call.account.as_str() == HOME);
            let at_home: Vec<String> = at_home.map(|call| call.action.clone()).collect();
            let elsewhere =
                |call: &&ami_refresh::sim::Call| call.action == "CreateTags" && call.account.as_str() != HOME;
            assert_eq!(calls.iter().filter(elsewhere).count(), 0);
            at_home
        })
    };
    let one = writes(&["a-dev"]);
    assert_eq!(one, writes(&["a-dev", "b-dev", "c-dev", "d-dev", "e-dev"]));
    assert_eq!(one.iter().filter(|action| *action == "CreateTags").count(), 1, "{one:?}");
}

#[test]
fn where_an_image_has_no_room_that_is_told_and_the_gate_is_recorded() {
    block(async {
        let stage = stage().await;
        stage.simulator.change(|world| {
            let new = world.images.values_mut().find(|image| image.id.as_str() == NEW).expect("the image");
            // Fifty are the most: room is left for the gate's own.
            let free = 49 - new.tags.len();
            new.tags.extend((0..free).map(|at| (format!("tag-{at}"), String::new())));
        });
        assert_eq!(roll(&stage).await, Verdict::Passed);
        assert_eq!(recorded(&stage, NEW), None);
        let told = notes(&stage);
        let what = format!("{NEW} has no room to record what overrides named");
        let named = "catalog-dev, orders-dev and payments-dev";
        assert!(told.iter().any(|note| note.contains(&what) && note.contains(named)), "{told:?}");
        let now = stood(&stage);
        assert!(now.values().all(|stands| !stands.marked));
        stage.events.borrow_mut().clear();
        assert_eq!(back(&stage).await, Verdict::Refused, "nobody can go back");
    });
}

#[test]
fn where_the_gate_cannot_be_recorded_the_markers_stay() {
    block(async {
        let stage = stage().await;
        let before = stood(&stage);
        let denied = "name: denied\nabout: nothing is recorded\neffects:\n  - calls: { share: 100, fault: server_error, actions: CreateTags }\n";
        let denied = Scenario::from_yaml(denied);
        stage.simulator.change(|world| world.scenario = denied.expect("a scenario"));
        assert_eq!(roll(&stage).await, Verdict::NeedsPerson);
        let now = stood(&stage);
        let dev = || now.iter().filter(|(name, _)| name.ends_with("-dev"));
        assert!(dev().all(|(_, stands)| stands.marked), "{now:?}");
        stage.simulator.change(|world| world.scenario = Scenario::clean());
        assert_eq!(roll(&stage).await, Verdict::Passed);
        assert_eq!(back(&stage).await, Verdict::Partial);
        assert_eq!(moved(&stage, &before), [""; 0]);
    });
}

#[test]
fn a_group_that_went_on_keeps_its_marker_until_the_record_can_be_written() {
    block(async {
        let stage = Stage::of_both(&short(), Scenario::clean(), 7, every_kind).await;
        let before = stood(&stage);
        let trouble = "name: trouble\nabout: one application is down, and nothing is recorded\neffects:\n  \
                       - calls: { share: 100, fault: server_error, actions: CreateTags }\n  \
                       - application: { on: new, status: 503 }\n    groups: payments-dev\n";
        let trouble = Scenario::from_yaml(trouble).expect("a scenario");
        stage.simulator.change(|world| world.scenario = trouble);
        assert_eq!(roll(&stage).await, Verdict::RolledBack);
        let now = stood(&stage);
        let marked = ["catalog-dev", "orders-dev", "payments-dev"].map(|name| now[name].marked);
        assert!(marked[0] && marked[1], "{marked:?}");
        stage.simulator.change(|world| world.scenario = Scenario::clean());
        assert_eq!(roll(&stage).await, Verdict::Passed);
        assert!(stood(&stage).values().all(|stands| !stands.marked));
        assert_eq!(back(&stage).await, Verdict::Partial);
        assert_eq!(moved(&stage, &before), [""; 0]);
    });
}

#[test]
fn a_group_that_went_on_beside_one_that_failed_can_go_back_too() {
    block(async {
        let trouble = scenario("app-down", "payments-dev");
        let stage = Stage::of_both(&short(), trouble, 7, every_kind).await;
        let before = stood(&stage);
        assert_eq!(roll(&stage).await, Verdict::RolledBack);
        assert_eq!(moved(&stage, &before), ["catalog-dev", "orders-dev"]);
        assert_eq!(back(&stage).await, Verdict::Partial);
        assert_eq!(moved(&stage, &before), [""; 0]);
    });
}

#[test]
fn every_region_remembers_its_own() {
    block(async {
        let with_overrides = |spec: &mut FleetSpec| {
            regions::rename(spec);
            for group in spec.groups.iter_mut().filter(|group| group.name.as_str().ends_with("-dev")) {
                let old = FleetSpec::previous_image(&group.region);
                give(group, vec![own("m6i.large", old)]);
                group.boot = 20;
            }
        };
        let config = regions::config("");
        let stage = Stage::with_images(&config, Scenario::clean(), 7, &regions::IMAGES, with_overrides).await;
        let before = stood(&stage);
        assert_eq!(roll(&stage).await, Verdict::Passed);
        assert_eq!(moved(&stage, &before).len(), 6);
        assert_eq!(back(&stage).await, Verdict::Partial);
        assert_eq!(moved(&stage, &before), [""; 0]);
    });
}
