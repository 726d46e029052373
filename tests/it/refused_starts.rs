//! Refreshes that AWS refuses to start after the plan was made: nothing was begun, and that says
//! nothing of the image.

use std::rc::Rc;

use ami_refresh::event::Event;
use ami_refresh::gate::State;
use ami_refresh::model::{AccountId, Exit, Outcome, RefreshStatus, Tracking, Verdict};
use ami_refresh::rollout::{self, Events, Scope, Steps};
use ami_refresh::sim::{AlarmState, FleetSpec, Place, PolicySpec, Scenario, World};

use crate::rehearsal::{new, old};
use crate::rehearsal_story::{block, count, in_order, story_of, told_verdict};
use crate::rehearsal_wire::refreshes;
use crate::rules_fleet::{group_mut, only};
use crate::stage::{CONFIG, REGION, Stage};
use crate::truth;

/// A failure puts the image into quarantine, and an alarm watches every refresh.
fn config(settings: &str) -> String {
    let config = CONFIG.replace("{ bake: 10m, timeout: 1h }", &format!("{{ timeout: 1h, {settings} }}"));
    let made = config.replace("  - name: dev\n", "  - name: dev\n    quarantine_on_failure: true\n");
    assert!(config != CONFIG && made != config);
    made
}

/// Rolls, while somebody else changes the world as soon as such an event is told.
pub(crate) async fn rolled_with(
    stage: &Stage,
    when: impl Fn(&Event) -> bool + 'static,
    change: impl Fn(&mut World) + 'static,
) -> Vec<Verdict> {
    let (sink, simulator) = (Rc::clone(&stage.events), stage.simulator.clone());
    let mut run = stage.run();
    run.events = Events::new(stage.clock, move |told| {
        if when(&told.event) {
            simulator.change(|world| change(world));
        }
        sink.borrow_mut().push(told);
    });
    let verdicts = rollout::run(&run, &stage.names(), &Scope::now(Steps::Rollout)).await;
    verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}

/// The alarm of the first environment fires.
fn fires(world: &mut World) {
    let place = Place { account: AccountId::from("111111111111"), region: REGION.into() };
    world.set_alarm(&place, "errors", AlarmState::Alarm, "5 errors a minute");
}

/// What is told after the plan, and before any refresh is started.
fn is_version(event: &Event) -> bool {
    matches!(event, Event::VersionReady { .. })
}

/// The image goes on being welcome everywhere.
#[track_caller]
fn is_not_quarantined(stage: &Stage) {
    assert_eq!(stage.told(|event| matches!(event, Event::Quarantined { .. }).then_some(())), []);
    let tags = stage.simulator.inspect(|world| world.image(&new()).expect("the image").tags.clone());
    assert!(!tags.contains_key("ami-refresh:quarantine"), "{tags:?}");
}

#[test]
fn an_alarm_that_fires_between_plan_and_start_leaves_everything_as_it_was() {
    block(async {
        let stage = Stage::new(&config("alarms: [errors]"), Scenario::clean(), 7).await;
        let first = stage.simulator.inspect(truth::groups);
        let verdicts = rolled_with(&stage, is_version, fires).await;
        assert_eq!(verdicts, [Verdict::RolledBack, Verdict::NotReached]);
        assert_eq!(verdicts[0].exit(), Exit::RolledBack);
        assert_eq!(truth::check(&stage, &first, &verdicts), Ok(()));
        assert_eq!(stage.simulator.inspect(truth::groups), first, "put back as they were found");
        let story = story_of(&stage, "catalog-dev");
        in_order(
            &story,
            &["step refresh failed: it could not be started", "ended refused", "step tracking passed"],
        );
        let end = story.iter().find(|line| line.starts_with("ended refused")).expect("an end");
        for told in ["StartInstanceRefresh", "ValidationError", "alarm errors is in the ALARM", "(request "] {
            assert!(end.contains(told), "{told} in {end}");
        }
        assert_eq!(count(&story, "rollback"), 0, "{story:#?}");
        in_order(&story_of(&stage, "payments-dev"), &["ended not started (another group failed"]);
        let gates = stage.simulator.inspect(truth::gates);
        assert_eq!((gates["dev"].state, gates["dev"].detail.as_str()), (State::Failed, "catalog-dev"));
        let (_, message, next) = told_verdict(&stage, "dev").expect("an end");
        assert_eq!(message, "1 refused, 2 not started");
        assert_eq!(next, ["ami-refresh rollout --env dev, when the cause is mended"]);
        is_not_quarantined(&stage);
    });
}

#[test]
fn what_is_taken_back_beside_a_refused_group_does_not_blame_the_image() {
    block(async {
        let config = config("alarms: [errors], groups_at_once: 1, on_failure: environment");
        let stage = Stage::with(&config, Scenario::clean(), 7, |spec| only(spec, &["a-dev", "b-dev"])).await;
        let first = stage.simulator.inspect(truth::groups);
        let refreshed =
            |event: &Event| matches!(event, Event::GroupEnded { outcome: Outcome::Refreshed { .. }, .. });
        let verdicts = rolled_with(&stage, refreshed, fires).await;
        assert_eq!(verdicts, [Verdict::RolledBack, Verdict::NotReached]);
        assert_eq!(truth::check(&stage, &first, &verdicts), Ok(()));
        in_order(&story_of(&stage, "b-dev"), &["ended refused"]);
        in_order(
            &story_of(&stage, "a-dev"),
            &["ended refreshed", "rollback by a new refresh: b-dev failed", "ended rolled back"],
        );
        assert_eq!(refreshes(&stage, "b-dev"), []);
        is_not_quarantined(&stage);
    });
}

#[test]
fn a_policy_that_somebody_changed_before_the_start_is_left_to_them_and_blames_no_image() {
    block(async {
        let mixed = |spec: &mut FleetSpec| {
            only(spec, &["a-dev"]);
            group_mut(spec, "a-dev").policy = Some(PolicySpec::of_types(&["m5.large", "m6i.large"]));
        };
        let stage = Stage::with(&config("bake: 10m"), Scenario::clean(), 7, mixed).await;
        let change = |world: &mut World| {
            let key = world.key("a-dev").expect("the group");
            let policy = world.groups.get_mut(&key).expect("the group").policy.as_mut();
            policy.expect("a policy").overrides[1].instance_type = Some("m7i.large".into());
        };
        let verdicts = rolled_with(&stage, is_version, change).await;
        assert_eq!(verdicts[0], Verdict::RolledBack);
        let story = story_of(&stage, "a-dev");
        in_order(&story, &["ended refused"]);
        let end = story.iter().find(|line| line.starts_with("ended refused")).expect("an end");
        assert!(end.contains("was changed meanwhile: Overrides[1].InstanceType"), "{end}");
        assert_eq!(refreshes(&stage, "a-dev"), Vec::<RefreshStatus>::new());
        let now = stage.simulator.inspect(truth::groups).remove("a-dev").expect("the group");
        assert!(now.rest.contains("m7i.large") && !now.marked, "{now:?}");
        assert_eq!((now.tracking, now.follows), (Tracking::Pinned(1), old()));
        is_not_quarantined(&stage);
    });
}

#[test]
fn an_image_that_failed_its_checks_is_quarantined_still() {
    block(async {
        let scenario = crate::rehearsal_story::scenario("app-down", "catalog-dev");
        let stage = Stage::new(&config("bake: 10m"), scenario, 7).await;
        assert_eq!(stage.rollout().await, [Verdict::RolledBack, Verdict::NotReached]);
        let told = stage.told(|event| matches!(event, Event::Quarantined { .. }).then_some(()));
        assert_eq!(told.len(), 1);
    });
}
