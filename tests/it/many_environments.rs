//! Fleets of more environments than an image may have tags: every gate is recorded and read again, and
//! where there is no room nothing is begun.

use std::fmt::Write;

use ami_refresh::gate::{State, is_shared, judge, read};
use ami_refresh::model::Verdict;
use ami_refresh::rollout::{self, Scope, Steps};
use ami_refresh::sim::{FleetSpec, Scenario};

use crate::rehearsal_story::block;
use crate::rehearsal_wire::changing_calls;
use crate::resume_steps::problems;
use crate::stage::{CONFIG, NEW, Stage};
use crate::truth;

/// So many environments of one group each; every one requires the one before.
fn many(count: usize, chained: bool) -> String {
    let (head, rest) = CONFIG.split_once("environments:\n").expect("environments");
    let (_, checks) = rest.split_once("\nchecks:").expect("checks");
    let mut text = format!("{head}environments:\n");
    for at in 1..=count {
        let gate = if chained && at > 1 {
            format!("    gate: {{ requires: [env{:02}] }}\n", at - 1)
        } else {
            String::new()
        };
        writeln!(
            text,
            "  - name: env{at:02}\n    account: '2222222222{at:02}'\n    role_arn: arn:aws:iam::2222222222{at:02}:role/ami-refresh\n    \
             select: {{ tags: {{ Environment: env{at:02} }} }}\n{gate}    checks: [instances]"
        )
        .expect("text");
    }
    format!("{text}\nchecks:{checks}")
}

/// Lets the candidate's image have so many tags that so many are free.
fn leave_free(stage: &Stage, free: usize) {
    stage.simulator.change(|world| {
        let new = world.images.values_mut().find(|image| image.id.as_str() == NEW).expect("the image");
        let more = 50 - free - new.tags.len();
        new.tags.extend((0..more).map(|at| (format!("tag-{at}"), String::new())));
    });
}

fn tags(stage: &Stage) -> Vec<String> {
    stage.simulator.inspect(|world| world.image(&NEW.into()).expect("it").tags.keys().cloned().collect())
}

fn one(_: &mut FleetSpec) {}

#[test]
fn with_more_environments_than_free_tags_every_gate_is_passed() {
    for (count, free) in [(12, 8), (20, 7)] {
        block(async {
            let stage = Stage::with(&many(count, true), Scenario::clean(), 7, one).await;
            leave_free(&stage, free);
            assert_eq!(stage.rollout().await, vec![Verdict::Passed; count]);
            let gates = stage.simulator.inspect(truth::gates);
            assert_eq!(gates.len(), count);
            assert!(
                gates.values().all(|gate| gate.state == State::Passed && gate.detail == "1/1"),
                "{gates:?}"
            );
            let tags = tags(&stage);
            assert!(tags.len() < 50, "room is left for quarantine");
            assert!(tags.iter().any(|key| is_shared(key)) && tags.iter().any(|key| key.contains(":gate/")));
            // Whoever comes next finds them, and has nothing to do.
            let calls = changing_calls(&stage).len();
            assert_eq!(stage.rollout().await, vec![Verdict::Passed; count]);
            assert_eq!(changing_calls(&stage).len(), calls);
        });
    }
}

#[test]
fn without_room_for_its_record_an_environment_is_refused_before_anything_changes() {
    block(async {
        let stage = Stage::with(&many(2, false), Scenario::clean(), 7, one).await;
        leave_free(&stage, 0);
        let records = read(&stage.run().homes(), &stage.candidate).await.expect("the tags");
        let ami_refresh::gate::Verdict::Closed(planned) =
            judge(&stage.fleet.environments[0], &records, stage.clock.now())
        else {
            panic!("`plan` and `gate check` say that it is open")
        };
        assert_eq!(stage.rollout().await, [Verdict::Refused, Verdict::NotReached]);
        assert_eq!(changing_calls(&stage), [""; 0]);
        let problems = problems(&stage);
        assert_eq!(problems, planned);
        let told = problems[0].to_string();
        for part in [NEW, "eu-west-2", "env01", "50 tags", "remove a tag"] {
            assert!(told.contains(part), "{part}: {told}");
        }
        // One tag is enough for both.
        stage.simulator.change(|world| {
            let new = world.images.values_mut().find(|image| image.id.as_str() == NEW).expect("the image");
            new.tags.remove("tag-0");
        });
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
        assert_eq!(stage.simulator.inspect(truth::gates).len(), 2);
    });
}

#[test]
fn two_runs_that_record_in_one_tag_at_the_same_moment_lose_nothing() {
    block(async {
        let stage = Stage::with(&many(2, false), Scenario::clean(), 7, one).await;
        leave_free(&stage, 1);
        let roll = async |at: usize| {
            let run = stage.run();
            rollout::environment(&run, &stage.fleet.environments[at], &Scope::now(Steps::Rollout)).await
        };
        let verdicts = futures_util::future::join(roll(0), roll(1)).await;
        assert_eq!(verdicts, (Verdict::Passed, Verdict::Passed));
        let gates = stage.simulator.inspect(truth::gates);
        assert_eq!(gates.keys().collect::<Vec<_>>(), ["env01", "env02"]);
        assert_eq!(tags(&stage).iter().filter(|key| is_shared(key)).count(), 1);
    });
}
