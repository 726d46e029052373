//! Calls that go wrong, and what they leave behind.

use std::time::Duration;

use super::support::{Bench, GROUP, code, fleet, preferences};
use crate::sim::wire::Request;
use crate::sim::{Fault, FaultKind, Outcome, Scenario};

async fn list(bench: &Bench) -> String {
    match bench.scaling.describe_auto_scaling_groups().send().await {
        Ok(_) => "answered".to_owned(),
        Err(error) => code(&error),
    }
}

#[tokio::test(start_paused = true)]
async fn the_sdk_rides_over_single_troubles() {
    for kind in [FaultKind::ServerError, FaultKind::Throttle, FaultKind::Contention, FaultKind::LoseAnswer] {
        let bench = Bench::clean();
        bench.simulator.inject(Fault { at_call: 1, kind });
        assert_eq!(list(&bench).await, "answered");
        let calls = bench.simulator.calls();
        assert_eq!((calls.len(), calls[0].fault), (2, Some(kind)));
    }
}

#[tokio::test(start_paused = true)]
async fn three_troubles_in_a_row_come_through_in_the_services_words() {
    for (kind, scaling, ec2) in [
        (FaultKind::Throttle, "Throttling", "RequestLimitExceeded"),
        (FaultKind::Contention, "ResourceContention", "ResourceContention"),
    ] {
        let bench = Bench::clean();
        (1..=6).for_each(|at_call| bench.simulator.inject(Fault { at_call, kind }));
        assert_eq!(list(&bench).await, scaling);
        let answer = bench.ec2.describe_images().send().await;
        assert_eq!(code(&answer.expect_err("throttled")), ec2);
    }
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_strike_where_they_are_told_to() {
    let bench = Bench::clean();
    bench.simulator.inject(Fault { at_call: 2, kind: FaultKind::Expired });
    assert_eq!(list(&bench).await, "answered");
    assert_eq!(list(&bench).await, "ExpiredToken");
    assert_eq!(list(&bench).await, "answered");
}

#[tokio::test(start_paused = true)]
async fn a_start_whose_answer_is_lost_has_started() {
    let bench = Bench::clean();
    bench.publish().await;
    bench.simulator.inject(Fault { at_call: 1, kind: FaultKind::LoseAnswer });
    let call = bench.scaling.start_instance_refresh().auto_scaling_group_name(GROUP);
    let answer =
        call.desired_configuration(bench.desired("2")).preferences(preferences().build()).send().await;
    assert_eq!(code(&answer.expect_err("the second try finds the first")), "InstanceRefreshInProgress");
    assert!(bench.refresh().status.is_active());
}

#[tokio::test(start_paused = true)]
async fn a_version_whose_answer_is_lost_is_made_once() {
    let bench = Bench::clean();
    bench.simulator.inject(Fault { at_call: 1, kind: FaultKind::LoseAnswer });
    assert_eq!(bench.publish().await, 2, "the SDK's second try has the first one's token");
}

#[tokio::test(start_paused = true)]
async fn a_crash_stops_the_caller_with_or_without_effect() {
    for (kind, started) in [(FaultKind::CrashBefore, 0), (FaultKind::CrashAfter, 1)] {
        let bench = Bench::clean();
        bench.simulator.inject(Fault { at_call: 1, kind });
        let call = bench.scaling.start_instance_refresh().auto_scaling_group_name(GROUP).send();
        tokio::select! {
            () = bench.simulator.crashed() => {}
            _ = call => panic!("a crashed call never returns"),
        }
        let refreshes =
            bench.simulator.inspect(|world| world.group(GROUP).map(|group| group.refreshes.len()));
        assert_eq!(refreshes, Some(started));
        let again = tokio::time::timeout(Duration::from_secs(60), bench.simulator.crashed()).await;
        assert!(again.is_err(), "a crash is told of once");
        assert_eq!(list(&bench).await, "answered", "who comes next is answered");
    }
}

/// Every answer to the same calls at the same times, in a world in which much goes wrong.
async fn story(seed: u64) -> Vec<String> {
    let text = "
name: much
about: much goes wrong
effects:
  - calls: { share: 20, fault: throttle }
  - calls: { share: 10, fault: lose_answer, actions: 'Describe*' }
  - stale_reads: { lasts: 10s, share: 50 }
  - instance_dies: { after: 2m }
";
    let bench = Bench::seeded(fleet(4, |_| {}), Scenario::from_yaml(text).expect("a scenario"), seed);
    let start = format!("Action=StartInstanceRefresh&AutoScalingGroupName={GROUP}");
    let describe = |action: &str| format!("Action={action}&AutoScalingGroupName={GROUP}");
    let mut told = Vec::new();
    for _ in 0..60 {
        for form in [&start, &describe("DescribeInstanceRefreshes"), &describe("DescribeScalingActivities")] {
            // Without the SDK, whose back-off and tokens are random.
            let authorization = "Credential=K/20261122/eu-west-2/autoscaling/aws4_request,";
            let request = Request::form(Some(authorization), form.clone().into_bytes());
            told.push(match bench.simulator.call(&request) {
                Outcome::Answered(reply) => reply.text(),
                other @ (Outcome::Broken | Outcome::Silence) => format!("{other:?}"),
            });
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    told
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_and_calls_give_the_same_world() {
    let (once, again, other) = (story(3).await, story(3).await, story(4).await);
    assert_eq!(once, again);
    assert_ne!(once, other);
    for words in ["Throttling", "Broken", "status checks", "Successful"] {
        assert!(once.iter().any(|answer| answer.contains(words)), "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn stale_reads_see_what_was_before_and_then_what_is() {
    let bench = Bench::named("eventual-consistency", fleet(2, |_| {}));
    let started = bench.scaling.start_instance_refresh().auto_scaling_group_name(GROUP).send().await;
    started.expect("a refresh");
    let mut seen = Vec::new();
    for _ in 0..40 {
        let answer = bench.scaling.describe_instance_refreshes().auto_scaling_group_name(GROUP).send().await;
        seen.push(answer.expect("refreshes").instance_refreshes().len());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(seen[..20].contains(&0), "{seen:?}");
    assert!(seen[..20].contains(&1), "{seen:?}");
    assert!(seen[20..].iter().all(|count| *count == 1), "after ten seconds nothing is stale: {seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_version_may_not_be_found_at_once() {
    let bench = Bench::named("eventual-consistency", fleet(2, |_| {}));
    bench.publish().await;
    let mut codes = Vec::new();
    for _ in 0..20 {
        let call = bench.ec2.describe_launch_template_versions().launch_template_id(bench.template_id());
        codes.push(match call.versions("2").send().await {
            Ok(_) => "found".to_owned(),
            Err(error) => code(&error),
        });
    }
    assert!(codes.iter().any(|code| code == "InvalidLaunchTemplateId.VersionNotFound"), "{codes:?}");
    assert!(codes.iter().any(|code| code == "found"), "{codes:?}");
}
