//! Whole rehearsals: for every scenario the journal, the end state of the world, the verdict.

use std::collections::{BTreeMap, BTreeSet};

use ami_refresh::gate::State;
use ami_refresh::model::{Exit, ImageId, RefreshStatus, Tracking, Verdict};
use ami_refresh::sim::{FleetSpec, Scenario};

use crate::rehearsal_story::{block, count, in_order, scenario, story_of, told_verdict};
use crate::rehearsal_wire::{Wire, changing_calls, forward, refreshes, versions};
use crate::stage::{CONFIG, NEW, REGION, Stage};
use crate::truth::{self, Stands};

const GROUPS: [&str; 3] = ["catalog-dev", "orders-dev", "payments-dev"];

/// A rehearsal that has ended, and kept every promise.
pub(crate) struct Rehearsal {
    pub(crate) stage: Stage,
    pub(crate) wire: Wire,
    pub(crate) first: BTreeMap<String, Stands>,
    pub(crate) verdicts: Vec<Verdict>,
}

impl Rehearsal {
    pub(crate) async fn of(config: &str, scenario: Scenario) -> Self {
        Self::with(config, scenario, |_| {}).await
    }

    pub(crate) async fn with(config: &str, scenario: Scenario, change: impl FnOnce(&mut FleetSpec)) -> Self {
        let stage = Stage::with(config, scenario, 7, change).await;
        Self::on(stage).await
    }

    pub(crate) async fn on(mut stage: Stage) -> Self {
        let wire = Wire::tap(&mut stage).await;
        let first = stage.simulator.inspect(truth::groups);
        let verdicts = stage.rollout().await;
        assert_eq!(wire.check(&first), Ok(()));
        Self { stage, wire, first, verdicts }
    }

    /// The promises of every rollout, whatever happened.
    #[track_caller]
    pub(crate) fn keeps_its_promises(&self) {
        assert_eq!(truth::check(&self.stage, &self.first, &self.verdicts), Ok(()));
    }

    /// The same, of every group but these: one that is not ours stays on its own image.
    #[track_caller]
    pub(crate) fn keeps_its_promises_but_for(&self, left_alone: &[&str]) {
        let kept = truth::check(&self.stage, &self.first, &self.verdicts);
        let excused =
            |why: &String| left_alone.iter().any(|name| why.starts_with(&format!("{name} did not get")));
        assert!(kept.as_ref().is_ok() || kept.as_ref().is_err_and(excused), "{kept:?}");
    }

    pub(crate) fn story(&self, subject: &str) -> Vec<String> {
        story_of(&self.stage, subject)
    }

    /// The group as it stands now.
    pub(crate) fn now(&self, group: &str) -> Stands {
        self.stage.simulator.inspect(|world| truth::groups(world)[group].clone())
    }

    /// What became of the gate, and the record's words.
    pub(crate) fn gate(&self, environment: &str) -> Option<(State, String)> {
        let gates = self.stage.simulator.inspect(truth::gates);
        gates.get(environment).map(|record| (record.state, record.detail.clone()))
    }

    /// Asserts that the group serves that image only, follows it, and names its version so.
    #[track_caller]
    pub(crate) fn is_whole(&self, group: &str, image: &ImageId, tracking: Tracking) {
        let now = self.now(group);
        assert_eq!((&now.serves, &now.follows), (&BTreeSet::from([image.clone()]), image), "{group}");
        assert_eq!((now.tracking, now.marked, now.active), (tracking, false, false), "{group}");
    }
}

pub(crate) fn new() -> ImageId {
    NEW.into()
}

pub(crate) fn old() -> ImageId {
    FleetSpec::previous_image(&REGION.into())
}

/// Every group of both environments is on the new image after one refresh and one version each.
#[track_caller]
fn everything_passed(rehearsal: &Rehearsal) {
    rehearsal.keeps_its_promises();
    assert_eq!(rehearsal.verdicts, [Verdict::Passed, Verdict::Passed]);
    assert!(rehearsal.verdicts.iter().all(|verdict| verdict.exit() == Exit::Done));
    assert_eq!(rehearsal.gate("dev"), Some((State::Passed, "3/3".into())));
    assert_eq!(rehearsal.gate("qa"), Some((State::Passed, "1/1".into())));
    for group in GROUPS.into_iter().chain(["payments-qa"]) {
        assert_eq!(refreshes(&rehearsal.stage, group), [RefreshStatus::Successful], "{group}");
        let story = rehearsal.story(group);
        let told = [
            "step template passed",
            "checks asked",
            "step refresh passed",
            "step prove passed",
            "ended refreshed",
        ];
        in_order(&story, &told);
        // A start whose answer was lost is found again, and told as adopted.
        assert_eq!(count(&story, "started") + count(&story, "adopted"), 1, "{story:#?}");
        assert_eq!((count(&story, "ended"), count(&story, "rollback")), (1, 0), "{story:#?}");
    }
    in_order(
        &rehearsal.story("qa"),
        &["begun", "step gate passed", "step plan passed", "step record passed", "over, passed"],
    );
    let made = versions(&rehearsal.stage);
    assert_eq!(GROUPS.map(|group| made[group]), [2, 3, 2]);
    assert_eq!(
        (made["payments-qa"], made["orders-qa"]),
        (3, 3),
        "orders-qa has no group, and keeps its versions"
    );
}

/// One group of the first environment failed and is back on its old image; the others stay new.
#[track_caller]
fn payments_went_back(rehearsal: &Rehearsal) {
    rehearsal.keeps_its_promises();
    assert_eq!(rehearsal.verdicts, [Verdict::RolledBack, Verdict::NotReached]);
    assert_eq!(rehearsal.verdicts[0].exit(), Exit::RolledBack);
    rehearsal.is_whole("payments-dev", &old(), Tracking::Pinned(1));
    rehearsal.is_whole("catalog-dev", &new(), Tracking::Default);
    rehearsal.is_whole("orders-dev", &new(), Tracking::Latest);
    assert_eq!(rehearsal.now("payments-qa"), rehearsal.first["payments-qa"]);
    assert_eq!(rehearsal.gate("dev"), Some((State::Failed, "payments-dev".into())));
    assert_eq!(rehearsal.gate("qa"), None);
    assert_eq!(forward(&rehearsal.stage, "payments-dev"), 1);
    in_order(&rehearsal.story("payments-dev"), &["step rollback passed", "ended rolled back"]);
    in_order(
        &rehearsal.story("dev"),
        &["step record passed: failed", "over, rolled back: 2 refreshed, 1 rolled back"],
    );
    in_order(&rehearsal.story("qa"), &["over, not reached: dev ended as rolled back"]);
    let (_, _, next) = told_verdict(&rehearsal.stage, "dev").expect("an end");
    assert!(next.iter().any(|next| next.contains("ami-refresh rollout --env dev")), "{next:?}");
}

macro_rules! rehearsals {
    ($($test:ident: $name:literal on $groups:literal, $check:expr;)*) => {
        $(#[test]
        fn $test() {
            block(async {
                let rehearsal = Rehearsal::of(CONFIG, scenario($name, $groups)).await;
                let check: fn(&Rehearsal) = $check;
                check(&rehearsal);
            });
        })*

        #[test]
        fn every_scenario_is_rehearsed() {
            assert_eq!(Scenario::NAMES, [$($name),*]);
        }
    };
}

rehearsals! {
    clean: "clean" on "*", clean_run;
    bad_image: "bad-image" on "payments-dev", |rehearsal| {
        payments_went_back(rehearsal);
        let story = rehearsal.story("payments-dev");
        let launch = "launch failed: Instance became unhealthy while waiting for instance to be in InService state.";
        in_order(&story, &["started to 2", launch, launch, launch, "step refresh failed: launches fail", "rollback native"]);
        assert_eq!(count(&story, "checks asked"), 0, "an image that does not boot is not asked");
        assert_eq!(refreshes(&rehearsal.stage, "payments-dev"), [RefreshStatus::RollbackSuccessful]);
    };
    app_down: "app-down" on "payments-dev", |rehearsal| {
        payments_went_back(rehearsal);
        in_order(&rehearsal.story("payments-dev"), &[
            "step template passed", "started to 2", "moved Baking 100%", "checks asked", "check instances passed",
            "check app-health failed: 2 of 2 instances failed: status 503", "step refresh passed",
            "rollback native: check app-health", "moved RollbackInProgress", "moved RollbackSuccessful",
            "step rollback passed", "ended rolled back (check app-health",
        ]);
        assert_eq!(refreshes(&rehearsal.stage, "payments-dev"), [RefreshStatus::RollbackSuccessful]);
        assert_eq!(rehearsal.wire.of("RollbackInstanceRefresh").len(), 1);
    };
    slow_boot: "slow-boot" on "payments-dev", |rehearsal| {
        everything_passed(rehearsal);
        let took = rehearsal.stage.simulator.inspect(|world| {
            let refresh = &world.group("payments-dev").expect("the group").refreshes[0];
            refresh.ended.expect("an end").duration_since(refresh.started).as_secs()
        });
        assert!(took > 2 * 12 * 60, "two boots of 12 minutes, and took {took} s");
    };
    no_capacity: "no-capacity" on "payments-dev", |rehearsal| {
        payments_went_back(rehearsal);
        let story = rehearsal.story("payments-dev");
        let words = "launch failed: Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently";
        in_order(&story, &["started to 2", words, "step refresh failed: launches fail", "rollback native", words]);
        in_order(&story, &["rollback native", "moved RollbackSuccessful", "step rollback passed"]);
        assert_eq!(refreshes(&rehearsal.stage, "payments-dev"), [RefreshStatus::RollbackSuccessful]);
    };
    throttled: "throttled" on "*", |rehearsal| {
        let struck = rehearsal.stage.simulator.calls().iter().filter(|call| call.fault.is_some()).count();
        assert!(struck > 0, "no call was throttled");
        everything_passed(rehearsal);
    };
    server_errors: "server-errors" on "*", troubled;
    lost_answers: "lost-answers" on "*", troubled;
    eventual_consistency: "eventual-consistency" on "*", everything_passed;
    stuck: "stuck" on "payments-dev", |rehearsal| {
        payments_went_back(rehearsal);
        in_order(&rehearsal.story("payments-dev"), &[
            "started to 2", "moved InProgress 50%", "step refresh failed: the refresh is InProgress at 50% after",
            "rollback native", "moved RollbackSuccessful",
        ]);
        assert_eq!(refreshes(&rehearsal.stage, "payments-dev"), [RefreshStatus::RollbackSuccessful]);
    };
    rollback_fails: "rollback-fails" on "payments-dev", |rehearsal| {
        payments_went_back(rehearsal);
        in_order(&rehearsal.story("payments-dev"), &[
            "check app-health failed", "rollback native", "moved RollbackFailed", "rollback by a new refresh",
            "started to 1", "moved Successful", "step rollback passed",
        ]);
        let both = [RefreshStatus::RollbackFailed, RefreshStatus::Successful];
        assert_eq!(refreshes(&rehearsal.stage, "payments-dev"), both);
    };
    scale_out: "scale-out" on "*-dev", |rehearsal| {
        everything_passed(rehearsal);
        let sizes = rehearsal.stage.simulator.inspect(|world| GROUPS.map(|group| world.group(group).map(|g| g.serving().count())));
        assert_eq!(sizes, [Some(4), Some(4), Some(4)]);
        in_order(&rehearsal.story("orders-dev"), &["check instances passed: 4 of 4", "ended refreshed (4)"]);
    };
    foreign_refresh: "foreign-refresh" on "payments-dev", |rehearsal| {
        assert_eq!(rehearsal.verdicts, [Verdict::Refused, Verdict::NotReached]);
        assert_eq!(rehearsal.verdicts[0].exit(), Exit::Refused);
        in_order(&rehearsal.story("dev"), &["step gate passed", "step plan failed: group payments-dev is busy: refresh", "refused"]);
        assert_eq!(changing_calls(&rehearsal.stage), [""; 0]);
        assert_eq!(rehearsal.stage.simulator.inspect(truth::gates).len(), 0);
    };
    instance_dies: "instance-dies" on "payments-dev", everything_passed;
    mixed_tracking: "mixed-tracking" on "*", |rehearsal| {
        rehearsal.keeps_its_promises();
        assert_eq!(rehearsal.verdicts, [Verdict::Passed, Verdict::Passed]);
        rehearsal.is_whole("payments-dev", &new(), Tracking::Latest);
        rehearsal.is_whole("orders-dev", &new(), Tracking::Default);
        let pinned = rehearsal.now("catalog-dev").tracking;
        assert_eq!(pinned, Tracking::Pinned(2), "a pinned group names the new version");
        pins_come_first(rehearsal, "dev", &["orders-dev", "payments-dev"]);
        pins_come_first(rehearsal, "qa", &["payments-qa"]);
    };
    // A rollout takes images that are built already.
    image_build_fails: "image-build-fails" on "*", clean_run;
    image_build_slow: "image-build-slow" on "*", clean_run;
    mixed: "mixed" on "*", |rehearsal| {
        rehearsal.keeps_its_promises();
        // Of two units one instance of the second environment's group may be both.
        assert_eq!(rehearsal.verdicts, [Verdict::Passed, Verdict::Refused]);
        let story = rehearsal.story("qa");
        assert!(story.iter().any(|line| line.contains("counts for 2 units, and 2 are desired")), "{story:#?}");
    };
    warm_pools: "warm-pools" on "*", |rehearsal| {
        everything_passed(rehearsal);
        rehearsal.stage.simulator.inspect(|world| {
            for name in GROUPS {
                let pool: Vec<_> = world.group(name).expect("the group").warm_pool_instances().collect();
                assert_eq!((pool.len(), pool.iter().all(|one| one.image == new())), (2, true), "{name}");
            }
        });
    };
    lifecycle_hooks: "lifecycle-hooks" on "*", everything_passed;
    hook_abandons: "hook-abandons" on "payments-dev", payments_went_back;
    // Where nobody names alarms nobody minds them.
    alarm_fires: "alarm-fires" on "*", everything_passed;
    alarm_firing: "alarm-firing" on "*", everything_passed;
    standby_and_protected: "standby-and-protected" on "*", everything_passed;
    suspended: "suspended" on "payments-dev", |rehearsal| payments_is_refused(rehearsal, "has suspended Launch, Terminate");
    parameter_images: "parameter-images" on "payments-dev", |rehearsal| payments_is_refused(rehearsal, "Parameter Store");
    launch_configurations: "launch-configurations" on "payments-dev", |rehearsal| payments_is_refused(rehearsal, "launch configuration");
    one_instance: "one-instance" on "*", everything_passed;
    deleting: "deleting" on "payments-dev", |rehearsal| payments_is_refused(rehearsal, "deleted");
    scaling: "scaling" on "*", everything_passed;
    maintenance_policy: "maintenance-policy" on "*", everything_passed;
}

/// The first environment is refused for one of its groups, and nothing changes anywhere.
#[track_caller]
fn payments_is_refused(rehearsal: &Rehearsal, why: &str) {
    assert_eq!(rehearsal.verdicts, [Verdict::Refused, Verdict::NotReached]);
    assert_eq!(rehearsal.verdicts[0].exit(), Exit::Refused);
    let story = rehearsal.story("dev");
    let told = |line: &String| line.contains("payments-dev") && line.contains(why);
    assert!(story.iter().any(told), "{story:#?}");
    assert_eq!(changing_calls(&rehearsal.stage), [""; 0]);
    assert_eq!(rehearsal.stage.simulator.inspect(truth::gates).len(), 0);
}

#[test]
fn an_alarm_that_a_refresh_watches_takes_it_back() {
    block(async {
        let config = CONFIG.replace("timeout: 1h", "timeout: 1h, alarms: [errors]");
        let rehearsal = Rehearsal::of(&config, scenario("alarm-fires", "*")).await;
        rehearsal.keeps_its_promises();
        assert_eq!(rehearsal.verdicts, [Verdict::RolledBack, Verdict::NotReached]);
        let ends = GROUPS.map(|group| refreshes(&rehearsal.stage, group));
        assert_eq!(ends, [vec![RefreshStatus::RollbackSuccessful], vec![], vec![]], "the canary alone");
        rehearsal.is_whole("catalog-dev", &old(), Tracking::Default);
    });
}

#[test]
fn an_alarm_that_fires_already_is_refused() {
    block(async {
        let config = CONFIG.replace("timeout: 1h", "timeout: 1h, alarms: [errors]");
        let rehearsal = Rehearsal::of(&config, scenario("alarm-firing", "payments-dev")).await;
        assert_eq!(rehearsal.verdicts, [Verdict::Refused, Verdict::NotReached]);
        let story = rehearsal.story("dev");
        assert!(story.iter().any(|line| line.contains("alarm errors")), "{story:#?}");
        assert_eq!(changing_calls(&rehearsal.stage), [""; 0]);
    });
}

/// Nothing goes wrong: every write is made once, and in its place.
fn clean_run(rehearsal: &Rehearsal) {
    everything_passed(rehearsal);
    rehearsal.is_whole("payments-dev", &new(), Tracking::Pinned(2));
    rehearsal.is_whole("catalog-dev", &new(), Tracking::Default);
    rehearsal.is_whole("orders-dev", &new(), Tracking::Latest);
    rehearsal.is_whole("payments-qa", &new(), Tracking::Pinned(3));
    pins_come_first(rehearsal, "dev", &["catalog-dev", "orders-dev"]);
    let once = |action: &str, key: &str| {
        let sent = rehearsal.wire.of(action);
        let distinct: BTreeSet<&String> = sent.iter().map(|(_, sent)| &sent[key]).collect();
        (sent.len(), distinct.len())
    };
    assert_eq!(once("CreateLaunchTemplateVersion", "LaunchTemplateId"), (4, 4));
    assert_eq!(once("StartInstanceRefresh", "AutoScalingGroupName"), (4, 4));
    assert_eq!(rehearsal.wire.of("RollbackInstanceRefresh").len(), 0);
    assert_eq!(rehearsal.wire.of("CancelInstanceRefresh").len(), 0);
    let starts = rehearsal.wire.of("StartInstanceRefresh");
    for (_, start) in &starts {
        assert_eq!(start["Preferences.AutoRollback"], "true");
        assert!(start["DesiredConfiguration.LaunchTemplate.Version"].parse::<u64>().is_ok(), "{start:?}");
    }
}

/// Everything passes although calls fail, and nothing is done twice.
fn troubled(rehearsal: &Rehearsal) {
    let struck = rehearsal.stage.simulator.calls().iter().filter(|call| call.fault.is_some()).count();
    assert!(struck > 5, "only {struck} calls went wrong");
    everything_passed(rehearsal);
}

/// Every floating group is pinned, and told so, before any version of the environment is made.
#[track_caller]
fn pins_come_first(rehearsal: &Rehearsal, environment: &str, floating: &[&str]) {
    let told = crate::rehearsal_story::story(&rehearsal.stage);
    let begun = told.iter().position(|line| *line == format!("{environment}: begun")).expect("a beginning");
    let story = &told[begun..];
    let first_version = story.iter().position(|line| line.contains(": made ")).expect("a version");
    let first_start = story.iter().position(|line| line.contains(": started to ")).expect("a start");
    assert!(first_version < first_start);
    for group in floating {
        let pin =
            story.iter().position(|line| line.starts_with(&format!("{group}: pinned $"))).expect("a pin");
        assert!(pin < first_version, "{group} was pinned after a version was made: {story:#?}");
    }
    assert_eq!(
        story[..first_version].iter().filter(|line| line.contains(": pinned ")).count(),
        floating.len()
    );
}

#[test]
fn a_foreign_refresh_is_waited_for_when_told_so() {
    block(async {
        let config = CONFIG.replace("timeout: 1h", "timeout: 1h, busy: wait");
        let rehearsal = Rehearsal::of(&config, scenario("foreign-refresh", "payments-dev")).await;
        everything_passed(&rehearsal);
        in_order(&rehearsal.story("dev"), &["note: waiting: group payments-dev is busy", "step plan passed"]);
    });
}

/// Whatever AWS shows late, and in whatever order: one read may be new, and the next one old.
#[test]
fn what_is_shown_late_changes_no_end() {
    for seed in 1..=60 {
        block(async {
            let scenario = Scenario::named("eventual-consistency").expect("the scenario");
            // Each is put back by what is read after it was written.
            let floating = |spec: &mut FleetSpec| {
                spec.groups.iter_mut().for_each(|group| group.tracking = Tracking::Default);
            };
            let stage = Stage::with(CONFIG, scenario, seed, floating).await;
            assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed], "seed {seed}");
        });
    }
}
