//! What is refused before anything changes: images, groups, templates, gates. Each refusal
//! names the thing, says why and what to do next, and leaves AWS as it was.

use ami_refresh::gate::State;
use ami_refresh::model::{Exit, Problem, Tracking, Verdict};
use ami_refresh::plan::MARKER_TAG;
use ami_refresh::rollout::{self, Scope, Steps};
use ami_refresh::sim::{FleetSpec, OverrideSpec, PolicySpec, Scenario, World};

use crate::rehearsal::old;
use crate::rehearsal_story::{block, in_order, story_of};
use crate::rehearsal_wire::{changing_calls, snapshot};
use crate::resume_steps::problems;
use crate::rules_fleet::group_mut;
use crate::stage::{CONFIG, NEW, Stage};
use crate::truth;

/// A stage of this configuration whose fleet, and then whose world, somebody changed.
pub(crate) async fn stage(
    config: &str,
    fleet: impl FnOnce(&mut FleetSpec),
    world: impl FnOnce(&mut World),
) -> Stage {
    let stage = Stage::with(config, Scenario::clean(), 7, fleet).await;
    stage.simulator.change(world);
    stage
}

/// Rolls out, and gives the problems of the refusal, after asserting that nothing was touched.
pub(crate) async fn refused(stage: &Stage, verdict: Verdict, exit: Exit) -> Vec<Problem> {
    let before = stage.simulator.inspect(snapshot);
    let verdicts = stage.rollout().await;
    assert_eq!(verdicts, [verdict, Verdict::NotReached], "{:#?}", problems(stage));
    assert_eq!(verdicts[0].exit(), exit);
    unchanged(stage, &before);
    let problems = problems(stage);
    assert!(!problems.is_empty());
    for problem in &problems {
        let parts = [&problem.what, &problem.why, &problem.next];
        assert!(parts.iter().all(|part| !part.trim().is_empty()), "{problem:?}");
    }
    problems
}

pub(crate) fn unchanged(stage: &Stage, before: &str) {
    assert_eq!(changing_calls(stage), [""; 0]);
    assert_eq!(stage.simulator.inspect(snapshot), before);
}

/// The one problem there is, which names all of these.
#[track_caller]
pub(crate) fn only(problems: &[Problem], names: &[&str]) {
    let [problem] = problems else { panic!("{problems:#?}") };
    let text = problem.to_string();
    for name in names {
        assert!(text.contains(name), "{name:?} is not in {text}");
    }
}

fn with_group(world: &mut World, name: &str, change: impl FnOnce(&mut ami_refresh::sim::Group)) {
    let key = world.key(name).expect("the group");
    change(world.groups.get_mut(&key).expect("the group"));
}

fn with_image(world: &mut World, id: &str, change: impl FnOnce(&mut ami_refresh::sim::Image)) {
    change(world.images.values_mut().find(|image| image.id.as_str() == id).expect("the image"));
}

/// A change to the fleet or the world that makes one group unfit, and what must be said of it.
macro_rules! refusals {
    ($($test:ident: $fleet:expr, $world:expr => $names:expr;)*) => {
        $(#[test]
        fn $test() {
            block(async {
                let fleet: fn(&mut FleetSpec) = $fleet;
                let world: fn(&mut World) = $world;
                let stage = stage(CONFIG, fleet, world).await;
                only(&refused(&stage, Verdict::Refused, Exit::Refused).await, &$names);
            });
        })*
    };
}

refusals! {
    a_group_of_which_one_instance_weighs_as_much_as_all:
        |spec| {
            let heavy = OverrideSpec { weight: Some(2), ..OverrideSpec::of_type("m6i.2xlarge") };
            let policy = PolicySpec { overrides: vec![heavy], ..PolicySpec::default() };
            group_mut(spec, "orders-dev").policy = Some(policy);
        }, |_| {}
        => ["an instance of m6i.2xlarge in group orders-dev counts for 2 units, and 2 are desired", "everything at once"];
    an_override_whose_architecture_the_candidate_lacks:
        |spec| {
            let mut arm = spec.images[0].clone();
            arm.id = "ami-0cccccccccccccccc".into();
            arm.architecture = ami_refresh::model::Architecture::Arm64;
            spec.images.push(arm);
            let graviton = OverrideSpec {
                image: Some("ami-0cccccccccccccccc".into()),
                ..OverrideSpec::of_type("m7g.large")
            };
            let policy = PolicySpec {
                overrides: vec![OverrideSpec::of_type("m6i.large"), graviton],
                ..PolicySpec::default()
            };
            group_mut(spec, "orders-dev").policy = Some(policy);
        }, |_| {}
        => ["no arm64 image in eu-west-2 for override 2 (m7g.large) of group orders-dev"];
    a_group_with_a_launch_configuration:
        |spec| group_mut(spec, "orders-dev").launch_configuration = Some("lc-2019".into()), |_| {}
        => ["group orders-dev uses launch configuration lc-2019"];
    a_group_that_is_being_deleted:
        |spec| group_mut(spec, "orders-dev").deleting = true, |_| {}
        => ["group orders-dev is being deleted"];
    a_group_that_can_not_launch:
        |spec| group_mut(spec, "orders-dev").suspended = vec!["Launch".into()], |_| {}
        => ["group orders-dev has suspended Launch", "resume Launch"];
    a_group_that_can_not_terminate:
        |spec| group_mut(spec, "orders-dev").suspended = vec!["Terminate".into(), "AZRebalance".into()], |_| {}
        => ["group orders-dev has suspended Terminate", "resume Terminate"];
    a_group_whose_template_is_gone:
        |_| {}, |world| {
            let id = world.group("orders-dev").expect("the group").template.id.clone();
            world.templates.retain(|(_, template), _| *template != id);
        }
        => ["the template of group orders-dev is gone", "$Latest"];
    a_group_whose_version_is_gone:
        |_| {}, |world| with_group(world, "payments-dev", |group| group.template.tracking = Tracking::Pinned(9))
        => ["the template of group payments-dev is gone", "version 9"];
    a_group_whose_image_is_a_parameter:
        |spec| {
            let own = spec.templates.iter_mut().find(|template| template.name == "catalog-dev").expect("it");
            own.versions[0].data.insert("ImageId".into(), "resolve:ssm:/images/base".into());
        }, |_| {}
        => ["group catalog-dev takes its image from Parameter Store"];
    a_group_on_the_image_of_another_rollout:
        |_| {}, |world| with_group(world, "payments-dev", |group| {
            let marker = "to=ami-0bbbbbbbbbbbbbbbb from=ami-0aaaaaaaaaaaaaaaa version=1 tracking=1";
            group.tags.insert(MARKER_TAG.into(), marker.into());
        })
        => ["a rollout of ami-0bbbbbbbbbbbbbbbb was begun on group payments-dev", "ami-refresh rollback"];
    a_group_whose_marker_can_not_be_read:
        |_| {}, |world| with_group(world, "payments-dev", |group| {
            group.tags.insert(MARKER_TAG.into(), "by hand".into());
        })
        => ["the tag ami-refresh:rollout of group payments-dev can't be read", "by hand"];
    an_image_of_the_wrong_architecture:
        |spec| {
            let mut arm = spec.images[0].clone();
            arm.id = "ami-0cccccccccccccccc".into();
            arm.architecture = ami_refresh::model::Architecture::Arm64;
            spec.images.push(arm);
            let own = spec.templates.iter_mut().find(|template| template.name == "payments-dev").expect("it");
            own.versions[0].data.insert("ImageId".into(), "ami-0cccccccccccccccc".into());
            own.versions[0].data.insert("InstanceType".into(), "m6g.large".into());
        }, |_| {}
        => ["no arm64 image in eu-west-2 for group payments-dev", "it has eu-west-2 x86_64"];
}

#[test]
fn every_reason_is_told_at_once() {
    block(async {
        let fleet = |spec: &mut FleetSpec| {
            group_mut(spec, "orders-dev").launch_configuration = Some("lc-2019".into());
            group_mut(spec, "catalog-dev").deleting = true;
            group_mut(spec, "payments-dev").suspended = vec!["Launch".into()];
        };
        let stage = stage(CONFIG, fleet, |_| {}).await;
        let problems = refused(&stage, Verdict::Refused, Exit::Refused).await;
        let named = ["catalog-dev", "orders-dev", "payments-dev"];
        assert_eq!(problems.len(), 3);
        assert!(
            problems.iter().zip(named).all(|(problem, name)| problem.what.contains(name)),
            "{problems:#?}"
        );
    });
}

#[test]
fn a_previous_image_that_is_gone_leaves_no_way_back() {
    let id = old();
    for state in [None, Some("deregistered"), Some("disabled"), Some("failed")] {
        block(async {
            let gone = |world: &mut World| match state {
                None => world.images.retain(|(_, image), _| *image != id),
                Some(state) => with_image(world, id.as_str(), |image| image.state = state.into()),
            };
            let stage = stage(CONFIG, |_| {}, gone).await;
            let problems = refused(&stage, Verdict::Refused, Exit::Refused).await;
            // One cause is told once, with the names of all.
            only(&problems, &["group catalog-dev runs", id.as_str(), "true of orders-dev and payments-dev"]);
            assert!(problems[0].why.contains("no way back"), "{}", problems[0]);
        });
    }
}

#[test]
fn a_candidate_that_is_gone_or_not_available_any_more_is_refused_in_the_plan() {
    for (state, says) in [
        (None, ""),
        (Some("pending"), "pending"),
        (Some("failed"), "failed"),
        (Some("deregistered"), "deregistered"),
    ] {
        block(async {
            let gone = |world: &mut World| match state {
                None => world.images.retain(|(_, image), _| image.as_str() != NEW),
                Some(state) => with_image(world, NEW, |image| image.state = state.into()),
            };
            let stage = stage(CONFIG, |_| {}, gone).await;
            let problems = refused(&stage, Verdict::Refused, Exit::Refused).await;
            for problem in &problems {
                assert!(problem.what.contains(NEW), "{state:?}: {problem}");
                assert!(problem.to_string().contains(says), "{state:?}: {problem}");
            }
        });
    }
}

#[test]
fn an_image_that_is_not_shared_with_the_account_is_refused() {
    block(async {
        let unshare = |world: &mut World| with_image(world, NEW, |image| image.shared_with.clear());
        let stage = stage(CONFIG, |_| {}, unshare).await;
        let problems = refused(&stage, Verdict::Refused, Exit::Refused).await;
        assert!(
            problems.iter().all(|problem| problem.what.contains("not shared with account 111111111111")),
            "{problems:#?}"
        );
        assert!(problems.iter().all(|problem| problem.next.contains("share the image")), "{problems:#?}");
    });
}

#[test]
fn a_selector_that_finds_no_group_is_refused() {
    block(async {
        let config = CONFIG
            .replace("select: { tags: { Environment: dev } }", "select: { tags: { Environment: devel } }");
        let unknown = |spec: &mut FleetSpec| {
            spec.groups.iter_mut().for_each(|group| {
                group.tags.insert("Environment".into(), "other".into());
            });
        };
        let stage = stage(&config, unknown, |_| {}).await;
        let names = ["no group in dev carries Environment=devel", "111111111111", "eu-west-2", "select"];
        only(&refused(&stage, Verdict::Refused, Exit::Refused).await, &names);
    });
}

#[test]
fn a_group_that_two_environments_select_is_refused() {
    block(async {
        let config = CONFIG
            .replace("'222222222222'", "'111111111111'")
            .replace("iam::222222222222", "iam::111111111111")
            .replace("{ tags: { Environment: qa } }", "{ tags: { Team: payments } }");
        let stage = stage(&config, |_| {}, |_| {}).await;
        let names = ["group payments-dev is selected by dev and by qa", "select"];
        only(&refused(&stage, Verdict::Refused, Exit::Refused).await, &names);
    });
}

async fn environment(stage: &Stage, name: &str, wait: bool) -> Verdict {
    let environment = stage.fleet.environment(name).expect("the environment");
    rollout::environment(&stage.run(), environment, &Scope { wait, ..Scope::now(Steps::Rollout) }).await
}

#[test]
fn a_gate_that_is_not_passed_is_refused_and_says_how_to_pass_it() {
    for wait in [false, true] {
        block(async {
            let stage = stage(CONFIG, |_| {}, |_| {}).await;
            let before = stage.simulator.inspect(snapshot);
            let verdict = environment(&stage, "qa", wait).await;
            assert_eq!((verdict, verdict.exit()), (Verdict::Refused, Exit::Refused));
            unchanged(&stage, &before);
            let names =
                ["gate dev is not passed for this image", "qa requires it", "gate pass --env dev --reason"];
            only(&problems(&stage), &names);
            in_order(
                &story_of(&stage, "qa"),
                &["step gate failed: gate dev is not passed", "refused", "over, refused"],
            );
        });
    }
}

#[test]
fn a_gate_that_failed_says_since_when() {
    block(async {
        let down = crate::rehearsal_story::scenario("app-down", "payments-dev");
        let stage = Stage::new(CONFIG, down, 7).await;
        assert_eq!(environment(&stage, "dev", false).await, Verdict::RolledBack);
        let at = stage.simulator.inspect(truth::gates)["dev"].at.to_string();
        let before = (stage.simulator.inspect(snapshot), changing_calls(&stage).len());
        assert_eq!(environment(&stage, "qa", true).await, Verdict::Refused);
        assert_eq!((stage.simulator.inspect(snapshot), changing_calls(&stage).len()), before);
        only(&problems(&stage), &["gate dev is not passed", &at, "payments-dev"]);
    });
}

#[test]
fn a_gate_that_soaks_is_refused_or_waited_for() {
    block(async {
        let config = CONFIG.replace("gate: { requires: [dev] }", "gate: { requires: [dev], soak: 2h }");
        let stage = stage(&config, |_| {}, |_| {}).await;
        assert_eq!(environment(&stage, "dev", false).await, Verdict::Passed);
        let passed = stage.simulator.inspect(truth::gates)["dev"].clone();
        assert_eq!(passed.state, State::Passed);
        let before = (stage.simulator.inspect(snapshot), changing_calls(&stage).len());
        assert_eq!(environment(&stage, "qa", false).await, Verdict::Refused);
        assert_eq!((stage.simulator.inspect(snapshot), changing_calls(&stage).len()), before);
        only(&problems(&stage), &["gate dev has not soaked yet", &passed.at.to_string(), "--wait"]);

        stage.events.borrow_mut().clear();
        assert_eq!(environment(&stage, "qa", true).await, Verdict::Passed);
        in_order(&story_of(&stage, "qa"), &["waits until", "step gate passed", "over, passed"]);
        let soaked = stage.clock.now().duration_since(passed.at).as_secs();
        assert!(soaked > 2 * 3600, "{soaked} s after the gate was passed");
    });
}

#[test]
fn the_gate_of_another_image_opens_nothing() {
    block(async {
        let passed = |world: &mut World| {
            let id = old();
            with_image(world, id.as_str(), |image| {
                image.tags.insert("ami-refresh:gate/dev".into(), "passed 2026-11-20T10:00:00Z 3/3".into());
            });
        };
        let stage = stage(CONFIG, |_| {}, passed).await;
        let before = stage.simulator.inspect(snapshot);
        assert_eq!(environment(&stage, "qa", false).await, Verdict::Refused);
        unchanged(&stage, &before);
        only(&problems(&stage), &["gate dev is not passed for this image"]);
    });
}
