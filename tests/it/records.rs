//! What gates' records say when an environment is done in parts, or AWS refused a part of it.

use ami_refresh::gate::State;
use ami_refresh::model::Verdict;
use ami_refresh::rollout::{self, Scope, Steps};
use ami_refresh::sim::{FleetSpec, Scenario};

use crate::rehearsal_story::block;
use crate::resume_steps::{problems, smoke};
use crate::stage::Stage;
use crate::truth;
use crate::windows::{at, in_time, roll, scheduled, tag};

fn late(spec: &mut FleetSpec) {
    tag(spec, "orders-dev", "AMI_refresh_time", "23:00");
}

fn dev(stage: &Stage) -> State {
    stage.simulator.inspect(truth::gates)["dev"].state
}

#[test]
fn that_a_part_failed_stands_until_all_of_it_is_proved_by_steps() {
    block(async {
        let ill = "name: ill\nabout: an application is ill\neffects:\n  - groups: payments-dev\n    application: { on: new, status: 500 }\n";
        let stage = Stage::with(&scheduled(""), Scenario::from_yaml(ill).expect("a scenario"), 7, late).await;
        assert_eq!(roll(&stage, &in_time(false)).await[0], Verdict::RolledBack);
        assert_eq!(dev(&stage), State::Failed);
        stage.simulator.change(|world| world.scenario = Scenario::clean());
        let environment = stage.fleet.environment("dev").expect("it");
        let steps = async || {
            for steps in [Steps::Templates, Steps::RefreshToBaking] {
                let scope = Scope { steps, ..in_time(false) };
                assert_eq!(rollout::environment(&stage.run(), environment, &scope).await, Verdict::Partial);
            }
            assert_eq!(smoke(&stage, "dev").await, Verdict::Partial);
            let scope = Scope { steps: Steps::RefreshToEnd, ..in_time(false) };
            assert_eq!(rollout::environment(&stage.run(), environment, &scope).await, Verdict::Partial);
            rollout::pass_what_was_due_by_proof(&stage.run(), environment).await
        };
        // The one that failed is proved now, and another is still to come.
        assert_eq!(steps().await, Verdict::Partial, "{:#?}", problems(&stage));
        assert_eq!(dev(&stage), State::Failed);
        stage.clock.sleep_until(at("2026-11-22T23:01:00Z")).await;
        assert_eq!(steps().await, Verdict::Passed);
        assert_eq!(dev(&stage), State::Passed);
    });
}
