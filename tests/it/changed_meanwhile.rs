//! What somebody changes in a group while its rollout waits, or is over, is theirs: it is left as it
//! is, and a person is told.

use ami_refresh::model::{ImageId, RefreshStatus, Tracking, Verdict};
use ami_refresh::plan::MARKER_TAG;
use ami_refresh::rollout::{self, Scope, Steps};
use ami_refresh::sim::{Group, Scenario};

use crate::mixed::every_kind;
use crate::rehearsal::{new, old};
use crate::rehearsal_story::{block, in_order, story_of, told_verdict};
use crate::rehearsal_wire::{refreshes, snapshot};
use crate::resume::told;
use crate::resume_steps::problems;
use crate::rules_fleet::{FOREIGN, refresh, until};
use crate::stage::{CONFIG, Stage};
use crate::truth;

/// Changes the group as soon as it is so: somebody else's hand.
async fn changed_when(
    stage: &Stage,
    so: impl Fn(&Stage) -> bool,
    name: &str,
    change: impl FnOnce(&mut Group),
) {
    until(stage, so).await;
    stage.simulator.change(|world| {
        let key = world.key(name).expect("the group");
        change(world.groups.get_mut(&key).expect("the group"));
    });
}

/// Rolls the first environment while somebody changes a group.
async fn rolled(
    stage: &Stage,
    so: impl Fn(&Stage) -> bool,
    name: &str,
    change: impl FnOnce(&mut Group),
) -> Verdict {
    let (run, names) = (stage.run(), stage.names());
    let scope = Scope::now(Steps::Rollout);
    let changed = changed_when(stage, so, name, change);
    let (verdicts, ()) = tokio::join!(rollout::run(&run, &names[..1], &scope), changed);
    verdicts[0].1
}

fn pin_to_the_first(group: &mut Group) {
    group.template.tracking = Tracking::Pinned(1);
}

fn tracking(stage: &Stage, name: &str) -> (Tracking, bool) {
    stage.simulator.inspect(|world| {
        let group = world.group(name).expect("the group");
        (group.template.tracking, group.tags.contains_key(MARKER_TAG))
    })
}

#[test]
fn a_version_that_somebody_gave_a_finished_group_is_not_written_over() {
    block(async {
        let stage = Stage::new(&refresh("bake: 10m, groups_at_once: 1"), Scenario::clean(), 7).await;
        // Others are still rolled then, so that its tracking was not put back yet.
        let ended = told("orders-dev", "ended refreshed");
        assert_eq!(rolled(&stage, ended, "orders-dev", pin_to_the_first).await, Verdict::NeedsPerson);
        assert_eq!(tracking(&stage, "orders-dev"), (Tracking::Pinned(1), true));
        let story = story_of(&stage, "orders-dev");
        in_order(&story, &["ended refreshed", "step tracking errored", "ended needing a person"]);
        let why = story.last().expect("an end");
        assert!(why.contains("somebody changed what group orders-dev launches from meanwhile"), "{why}");
        assert!(why.contains("version 1, not ") && why.contains("left as it is"), "{why}");
        let (_, _, next) = told_verdict(&stage, "dev").expect("an end");
        assert!(next.iter().any(|next| next.contains("rollout --env dev")), "{next:?}");

        // Going on says what to do about it, and changes nothing either.
        let before = stage.simulator.inspect(snapshot);
        let environment = stage.fleet.environment("dev").expect("the environment");
        let again = rollout::environment(&stage.run(), environment, &Scope::now(Steps::Rollout)).await;
        assert_eq!(again, Verdict::Refused);
        let problems = problems(&stage);
        assert!(problems[0].what.contains("names version 1 of its template"), "{problems:?}");
        assert!(problems[0].next.contains("pin it to version 2"), "{problems:?}");
        assert!(problems[0].next.contains(MARKER_TAG), "{problems:?}");
        assert_eq!(stage.simulator.inspect(snapshot), before);
    });
}

#[test]
fn an_image_that_somebody_gave_an_override_of_a_finished_group_is_not_written_over() {
    block(async {
        let config = refresh("bake: 10m, groups_at_once: 1");
        let stage = Stage::of_both(&config, Scenario::clean(), 7, every_kind).await;
        let other = |group: &mut Group| {
            group.policy.as_mut().expect("a policy").overrides[1].image = Some(FOREIGN.into());
        };
        let verdict = rolled(&stage, told("orders-dev", "ended refreshed"), "orders-dev", other).await;
        assert_eq!(verdict, Verdict::NeedsPerson, "{:#?}", story_of(&stage, "orders-dev"));
        let named = stage.simulator.inspect(|world| {
            world.group("orders-dev").expect("the group").policy.as_ref().expect("a policy").overrides[1]
                .image
                .clone()
        });
        assert_eq!(named, Some(ImageId::from(FOREIGN)));
        let story = story_of(&stage, "orders-dev");
        let why = story.last().expect("an end");
        assert!(why.contains(&format!("override 2 names {FOREIGN}, not {}", new())), "{why}");
    });
}

#[test]
fn a_version_that_somebody_gave_a_waiting_group_is_not_refreshed_away() {
    block(async {
        let stage = Stage::new(&refresh("bake: 10m, groups_at_once: 1"), Scenario::clean(), 7).await;
        let canary = told("catalog-dev", "moved InProgress");
        assert_eq!(rolled(&stage, canary, "orders-dev", pin_to_the_first).await, Verdict::NeedsPerson);
        assert_eq!(refreshes(&stage, "orders-dev"), Vec::<RefreshStatus>::new());
        assert_eq!(tracking(&stage, "orders-dev"), (Tracking::Pinned(1), true));
        let now = stage.simulator.inspect(truth::groups);
        assert_eq!(now["orders-dev"].serves, [old()].into());
        in_order(
            &story_of(&stage, "orders-dev"),
            &[
                "step refresh failed: it could not be started: somebody changed",
                "ended refused",
                "step tracking errored",
                "ended needing a person",
            ],
        );
    });
}

#[test]
fn a_waiting_group_that_somebody_pinned_elsewhere_is_not_gone_on_with() {
    block(async {
        let stage = Stage::new(CONFIG, Scenario::clean(), 7).await;
        crate::resume_steps::step(&stage, "dev", Steps::Templates).await;
        changed_when(&stage, |_| true, "orders-dev", pin_to_the_first).await;
        let before = stage.simulator.inspect(snapshot);
        for steps in [Steps::RefreshToEnd, Steps::Rollout] {
            let verdict = crate::resume_steps::step(&stage, "dev", steps).await;
            assert_eq!(verdict, Verdict::Refused);
            assert!(
                problems(&stage)[0].what.contains("orders-dev names version 1"),
                "{:?}",
                problems(&stage)
            );
        }
        // Taking it back writes nothing over either.
        let environment = stage.fleet.environment("dev").expect("the environment");
        assert_eq!(rollout::rollback(&stage.run(), environment, None).await, Verdict::NeedsPerson);
        assert_eq!(tracking(&stage, "orders-dev"), (Tracking::Pinned(1), true));
        assert_eq!(tracking(&stage, "catalog-dev"), (Tracking::Default, false));
        assert_ne!(stage.simulator.inspect(snapshot), before, "the others were let go");
    });
}

#[test]
fn tracking_that_somebody_put_back_already_is_no_trouble() {
    block(async {
        let stage = Stage::new(&refresh("bake: 10m, groups_at_once: 1"), Scenario::clean(), 7).await;
        let float = |group: &mut Group| group.template.tracking = Tracking::Latest;
        let verdict = rolled(&stage, told("orders-dev", "ended refreshed"), "orders-dev", float).await;
        assert_eq!(verdict, Verdict::Passed);
        assert_eq!(tracking(&stage, "orders-dev"), (Tracking::Latest, false));
    });
}
