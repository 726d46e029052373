//! The rules of a rollout, one by one: who goes when, and what a failure does to the others.

use ami_refresh::gate::State;
use ami_refresh::model::{Exit, Outcome, RefreshStatus, Tracking, Verdict};
use ami_refresh::sim::Scenario;

use crate::rehearsal::{Rehearsal, new, old};
use crate::rehearsal_story::{block, count, ends, in_order, scenario, told_verdict};
use crate::rehearsal_wire::{changing_calls, forward, refreshes, snapshot};
use crate::rules_fleet::{follows, group_mut, held, only, ran, refresh, shared};
use crate::stage::{CONFIG, Stage};

const SEVEN: [&str; 7] = ["a-dev", "b-dev", "c-dev", "d-dev", "e-dev", "f-dev", "g-dev"];

#[test]
fn the_canaries_go_first_and_alone_and_then_so_many_at_once() {
    block(async {
        let config = refresh("canary: 2, groups_at_once: 3");
        let done = Rehearsal::with(&config, Scenario::clean(), |spec| only(spec, &SEVEN)).await;
        done.keeps_its_promises();
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed]);
        let mut ran = ran(&done.stage);
        // Those that begin beside each other do so in any order.
        ran.order[2..5].sort();
        assert_eq!(ran.order[..7], SEVEN);
        // Two canaries beside each other, then three of the rest, of which one starts as another
        // ends: whether the image may go on is asked in between, so that others may end meanwhile.
        assert_eq!(ran.beside[..5], [0, 1, 0, 1, 2], "{ran:?}");
        assert!(ran.beside[5..7].iter().all(|beside| *beside > 0), "{ran:?}");
        assert!(ran.beside.iter().all(|beside| *beside < 3), "{ran:?}");
    });
}

#[test]
fn without_a_canary_all_that_may_go_go_at_once() {
    block(async {
        let config = refresh("canary: 0, groups_at_once: 4");
        let done = Rehearsal::with(&config, Scenario::clean(), |spec| only(spec, &SEVEN)).await;
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed]);
        let ran = ran(&done.stage);
        assert_eq!(ran.beside[..5], [0, 1, 2, 3, 3], "{ran:?}");
        assert!(ran.beside.iter().all(|beside| *beside < 4), "{ran:?}");
    });
}

#[test]
fn no_group_is_started_after_so_many_failures() {
    for (allowed, failing, spared) in [(1, vec!["bad-1-dev"], 4), (2, vec!["bad-1-dev", "bad-2-dev"], 3)] {
        block(async {
            let config = refresh(&format!("groups_at_once: 1, max_failures: {allowed}"));
            let names = ["a-dev", "bad-1-dev", "bad-2-dev", "c-dev", "d-dev", "e-dev"];
            let done =
                Rehearsal::with(&config, scenario("app-down", "bad-*"), |spec| only(spec, &names)).await;
            done.keeps_its_promises();
            assert_eq!(done.verdicts, [Verdict::RolledBack, Verdict::NotReached]);
            let ran = ran(&done.stage);
            assert_eq!(ran.not_started, names[names.len() - spared..], "{allowed} allowed");
            assert_eq!(done.gate("dev"), Some((State::Failed, failing.join(" "))));
            for name in ran.not_started {
                assert_eq!(done.now(&name), done.first[&name], "{name} was touched");
            }
            done.is_whole("a-dev", &new(), Tracking::Pinned(2));
        });
    }
}

#[test]
fn a_canary_that_fails_stops_everything() {
    block(async {
        let config = refresh("groups_at_once: 3, max_failures: 5");
        let done = Rehearsal::with(&config, scenario("app-down", "a-dev"), |spec| only(spec, &SEVEN)).await;
        done.keeps_its_promises();
        assert_eq!(done.verdicts, [Verdict::RolledBack, Verdict::NotReached]);
        let ran = ran(&done.stage);
        assert_eq!(
            (ran.order, ran.not_started),
            (vec!["a-dev".to_owned()], SEVEN[1..].iter().map(|s| (*s).to_owned()).collect())
        );
    });
}

#[test]
fn a_group_that_failed_takes_back_its_environment_when_told_so() {
    block(async {
        let config = refresh("groups_at_once: 2, on_failure: environment");
        let names = ["a-dev", "b-dev", "c-dev"];
        let done = Rehearsal::with(&config, scenario("app-down", "b-dev"), |spec| only(spec, &names)).await;
        done.keeps_its_promises();
        assert_eq!(done.verdicts, [Verdict::RolledBack, Verdict::NotReached]);
        for name in names {
            done.is_whole(name, &old(), Tracking::Pinned(1));
            in_order(&done.story(name), &["ended rolled back"]);
        }
        let back = [RefreshStatus::Successful, RefreshStatus::Successful];
        assert_eq!(refreshes(&done.stage, "a-dev"), back);
        in_order(
            &done.story("a-dev"),
            &[
                "ended refreshed",
                "rollback by a new refresh: b-dev failed",
                "started to 1",
                "moved Successful",
                "step rollback passed",
                "ended rolled back (b-dev failed",
            ],
        );
        assert_eq!(refreshes(&done.stage, "b-dev"), [RefreshStatus::RollbackSuccessful]);
        assert_eq!(done.gate("dev").map(|(state, _)| state), Some(State::Failed));
        let (_, message, _) = told_verdict(&done.stage, "dev").expect("an end");
        assert!(message.contains("3 rolled back"), "{message}");
    });
}

#[test]
fn groups_that_share_a_floating_template_get_one_version_and_succeed_together() {
    block(async {
        let groups =
            [("a-dev", Tracking::Latest), ("b-dev", Tracking::Latest), ("c-dev", Tracking::Pinned(2))];
        let done = Rehearsal::with(CONFIG, Scenario::clean(), |spec| shared(spec, &groups)).await;
        done.keeps_its_promises();
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed]);
        done.is_whole("a-dev", &new(), Tracking::Latest);
        done.is_whole("b-dev", &new(), Tracking::Latest);
        done.is_whole("c-dev", &new(), Tracking::Pinned(3));
        assert_eq!(held(&done.stage, "a-dev").len(), 3);
    });
}

#[test]
fn groups_that_share_a_floating_template_go_back_together() {
    block(async {
        let groups =
            [("a-dev", Tracking::Latest), ("b-dev", Tracking::Latest), ("c-dev", Tracking::Pinned(2))];
        let done = Rehearsal::with(CONFIG, scenario("app-down", "b-dev"), |spec| shared(spec, &groups)).await;
        done.keeps_its_promises();
        assert_eq!(done.verdicts, [Verdict::RolledBack, Verdict::NotReached]);
        done.is_whole("a-dev", &old(), Tracking::Latest);
        done.is_whole("b-dev", &old(), Tracking::Latest);
        done.is_whole("c-dev", &old(), Tracking::Pinned(2));
        in_order(
            &done.story("a-dev"),
            &["ended refreshed", "rollback by a new refresh", "ended rolled back"],
        );
        // One equal copy of the old version serves both that follow the newest.
        let versions = held(&done.stage, "a-dev");
        assert_eq!(versions.len(), 4);
        assert_eq!((&versions[&4].image, &versions[&4].fields), (&versions[&2].image, &versions[&2].fields));
    });
}

#[test]
fn groups_on_templates_of_their_own_do_not_go_back_with_another() {
    block(async {
        let done =
            Rehearsal::with(CONFIG, scenario("app-down", "b-dev"), |spec| only(spec, &["a-dev", "b-dev"]))
                .await;
        done.keeps_its_promises();
        done.is_whole("a-dev", &new(), Tracking::Pinned(2));
        done.is_whole("b-dev", &old(), Tracking::Pinned(1));
    });
}

#[test]
fn a_second_rollout_of_the_same_image_changes_nothing() {
    block(async {
        let done = Rehearsal::of(CONFIG, Scenario::clean()).await;
        let (before, calls) = (done.stage.simulator.inspect(snapshot), changing_calls(&done.stage).len());
        done.stage.events.borrow_mut().clear();
        let again = done.stage.rollout().await;
        assert_eq!(again, [Verdict::Passed, Verdict::Passed]);
        assert!(again.iter().all(|verdict| verdict.exit() == Exit::Done));
        assert_eq!(done.stage.simulator.inspect(snapshot), before);
        assert_eq!(changing_calls(&done.stage).len(), calls);
        for name in ["dev", "qa"] {
            let (_, message, next) = told_verdict(&done.stage, name).expect("an end");
            assert!(message.contains("nothing to do"), "{message}");
            assert!(next.is_empty(), "{next:?}");
        }
        assert!(
            ends(&done.stage).iter().all(|end| end.ends_with("ended skipped")),
            "{:?}",
            ends(&done.stage)
        );
    });
}

#[test]
fn a_refresh_stops_at_its_checkpoints_and_ends_whole() {
    block(async {
        let config = refresh("bake: 10m, checkpoints: [50, 100], checkpoint_delay: 5m");
        let done = Rehearsal::of(&config, Scenario::clean()).await;
        done.keeps_its_promises();
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed]);
        let (checkpoints, took) = done.stage.simulator.inspect(|world| {
            let refresh = &world.group("payments-dev").expect("the group").refreshes[0];
            let took = refresh.ended.expect("an end").duration_since(refresh.started).as_secs();
            (refresh.preferences.checkpoints.clone(), took)
        });
        assert_eq!(checkpoints, [50, 100]);
        assert!(took > 15 * 60, "five minutes at the checkpoint and ten of baking, in {took} s");
        done.is_whole("orders-dev", &new(), Tracking::Latest);
    });
}

#[test]
fn without_a_bake_the_checks_come_after_the_end_and_a_new_refresh_leads_back() {
    block(async {
        let config = refresh("bake: 0s");
        let done = Rehearsal::of(&config, scenario("app-down", "orders-dev")).await;
        done.keeps_its_promises();
        assert_eq!(done.verdicts, [Verdict::RolledBack, Verdict::NotReached]);
        in_order(
            &done.story("catalog-dev"),
            &["moved Successful", "checks asked", "check app-health passed", "ended refreshed"],
        );
        let story = done.story("orders-dev");
        in_order(
            &story,
            &[
                "pinned $Latest to 2",
                "started to 3",
                "moved Successful",
                "checks asked",
                "check app-health failed",
                "rollback by a new refresh: check app-health",
                "started to 2",
                "moved Successful",
                "step rollback passed",
                "ended rolled back",
                "step tracking passed",
            ],
        );
        assert_eq!(count(&story, "moved Baking"), 0);
        let both = [RefreshStatus::Successful, RefreshStatus::Successful];
        assert_eq!(refreshes(&done.stage, "orders-dev"), both);
        assert_eq!(forward(&done.stage, "orders-dev"), 1);
        assert_eq!(done.wire.of("RollbackInstanceRefresh").len(), 0);
        done.is_whole("orders-dev", &old(), Tracking::Latest);
    });
}

#[test]
fn an_environment_of_empty_groups_proves_nothing_unless_that_is_allowed() {
    block(async {
        let empty = |spec: &mut ami_refresh::sim::FleetSpec| {
            only(spec, &["a-dev", "b-dev"]);
            for name in ["a-dev", "b-dev"] {
                group_mut(spec, name).capacity = (0, 0, 4);
            }
        };
        let done = Rehearsal::with(CONFIG, Scenario::clean(), empty).await;
        assert_eq!(done.verdicts, [Verdict::Unproved, Verdict::NotReached]);
        assert_eq!(done.verdicts[0].exit(), Exit::Refused);
        assert_eq!(changing_calls(&done.stage), [""; 0]);
        let (_, message, next) = told_verdict(&done.stage, "dev").expect("an end");
        assert!(message.contains("nothing was proved"), "{message}");
        assert!(next.iter().any(|next| next.contains("gate pass --env dev --reason")), "{next:?}");

        let config = CONFIG.replace(
            "checks: [instances, targets, app-health]\n  - name: qa",
            "gate: { allow_empty: true }\n  - name: qa",
        );
        assert_ne!(config, CONFIG);
        let done = Rehearsal::with(&config, Scenario::clean(), empty).await;
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed]);
        assert_eq!(done.gate("dev"), Some((State::Passed, "0/2".into())));
    });
}

#[test]
fn a_group_of_another_family_is_left_alone() {
    block(async {
        let done = Rehearsal::with(CONFIG, Scenario::clean(), |spec| {
            only(spec, &["a-dev", "b-dev"]);
            crate::rules_fleet::foreign_image(spec);
            let own =
                spec.templates.iter_mut().find(|template| template.name == "b-dev-own").expect("a template");
            own.versions[0].data.insert("ImageId".into(), crate::rules_fleet::FOREIGN.into());
        })
        .await;
        done.keeps_its_promises_but_for(&["b-dev"]);
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed]);
        assert_eq!(done.now("b-dev"), done.first["b-dev"]);
        in_order(&done.story("b-dev"), &["ended skipped (not ours: other-family-1"]);
        assert_eq!(done.gate("dev"), Some((State::Passed, "1/2".into())));
    });
}

#[test]
fn an_outcome_names_how_many_instances_were_proved() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        stage.rollout().await;
        let proved = stage.told(|event| match event {
            ami_refresh::event::Event::GroupEnded {
                outcome: Outcome::Refreshed { instances },
                images,
                stragglers,
                ..
            } => Some((*instances, images.get(&new()).copied(), stragglers.len())),
            _ => None,
        });
        assert_eq!(proved, [(2, Some(2), 0); 4]);
        assert_eq!(follows(&stage, "orders-dev").image, new());
    });
}
