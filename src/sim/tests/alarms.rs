//! Alarms as the SDK and other clients see them, and the refreshes that watch them.

use std::time::Duration;

use aws_sdk_autoscaling::types::AlarmSpecification;
use aws_sdk_cloudwatch::types::{AlarmType, StateValue};

use super::support::{Bench, GROUP, HOME, REGION, code, fleet, preferences};
use crate::model::{RefreshStatus, Tracking};
use crate::sim::wire::Request;
use crate::sim::{AlarmSpec, AlarmState, FleetSpec, Outcome, Place, Scenario};

fn place() -> Place {
    Place { account: HOME.into(), region: REGION.into() }
}

fn alarmed(state: AlarmState) -> FleetSpec {
    let mut spec = fleet(2, |_| {});
    let (account, region) = (HOME.into(), REGION.into());
    spec.alarms.push(AlarmSpec { account, region, name: "errors".to_owned(), state });
    spec
}

fn watching(name: &str) -> aws_sdk_autoscaling::types::builders::RefreshPreferencesBuilder {
    preferences().alarm_specification(AlarmSpecification::builder().alarms(name).build()).bake_time(600)
}

#[tokio::test(start_paused = true)]
async fn a_refresh_begins_only_while_its_alarms_are_quiet() {
    for (state, name) in [
        (AlarmState::Alarm, "errors"),
        (AlarmState::InsufficientData, "errors"),
        (AlarmState::Ok, "nobody-knows"),
    ] {
        let bench = Bench::new(alarmed(state), Scenario::clean());
        bench.publish().await;
        let call = bench.scaling.start_instance_refresh().auto_scaling_group_name(GROUP);
        let call = call.desired_configuration(bench.desired("2")).preferences(watching(name).build());
        assert_eq!(code(&call.send().await.expect_err("an alarm that is not quiet")), "ValidationError");
    }
}

#[tokio::test(start_paused = true)]
async fn an_alarm_fails_a_refresh_or_rolls_it_back() {
    for (auto, end) in [(false, RefreshStatus::Failed), (true, RefreshStatus::RollbackSuccessful)] {
        let scenario = Scenario::named("alarm-fires").expect("a scenario");
        let bench = Bench::new(alarmed(AlarmState::Ok), scenario);
        bench.publish().await;
        bench.start("2", watching("errors").auto_rollback(auto).build()).await;
        let seen = bench.until(end).await;
        assert!(seen.reason.contains("errors"), "{}", seen.reason);
        assert_eq!(bench.tracking(), Tracking::Pinned(1));
        let state = bench.simulator.inspect(|world| world.alarm(&place(), "errors").map(|alarm| alarm.state));
        let (images, expected) = (bench.images(), if auto { AlarmState::Ok } else { AlarmState::Alarm });
        assert_eq!(
            (images.0 == 2, state),
            (auto, Some(expected)),
            "quiet again when no new instance is left"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_alarm_counts_through_the_bake_and_not_afterwards() {
    for (wait, end) in [(300, RefreshStatus::Failed), (900, RefreshStatus::Successful)] {
        let bench = Bench::new(alarmed(AlarmState::Ok), Scenario::clean());
        bench.publish().await;
        bench.start("2", watching("errors").build()).await;
        bench.until(RefreshStatus::Baking).await;
        tokio::time::sleep(Duration::from_secs(wait)).await;
        bench.simulator.change(|world| world.set_alarm(&place(), "errors", AlarmState::Alarm, "too many"));
        assert_eq!(bench.refresh().status, end);
    }
}

#[tokio::test(start_paused = true)]
async fn alarms_are_described_in_pages_by_name_prefix_and_state() {
    let mut spec = alarmed(AlarmState::Ok);
    let first = spec.alarms[0].clone();
    for (name, state) in [("error-rate", AlarmState::InsufficientData), ("latency", AlarmState::Alarm)] {
        spec.alarms.push(AlarmSpec { name: name.to_owned(), state, ..first.clone() });
    }
    spec.alarms.push(AlarmSpec { region: "eu-west-1".into(), ..first });
    let bench = Bench::new(spec, Scenario::clean());
    let all = bench.watch.describe_alarms();
    let page = all.clone().max_records(2).send().await.expect("a page");
    let rest = all.clone().set_next_token(page.next_token().map(str::to_owned)).send().await.expect("a page");
    let both = [page.metric_alarms(), rest.metric_alarms()].concat();
    let names: Vec<_> = both.iter().filter_map(|alarm| alarm.alarm_name()).collect();
    assert_eq!((names, rest.next_token()), (vec!["error-rate", "errors", "latency"], None));
    assert_eq!(both[2].state_value(), Some(&StateValue::Alarm));
    let since = both[1].state_updated_timestamp().expect("since when").secs();
    let begun = bench.simulator.inspect(|world| world.now.as_second());
    assert_eq!(since, begun - 86_400);
    for (call, expected) in [
        (all.clone().alarm_names("latency").alarm_names("nobody"), vec!["latency"]),
        (all.clone().alarm_name_prefix("error"), vec!["error-rate", "errors"]),
        (all.clone().state_value(StateValue::Ok), vec!["errors"]),
        (all.clone().alarm_types(AlarmType::CompositeAlarm), Vec::new()),
    ] {
        let found = call.send().await.expect("alarms");
        assert_eq!(found.metric_alarms().iter().filter_map(|a| a.alarm_name()).collect::<Vec<_>>(), expected);
    }
    for (call, expected) in [
        (all.clone().next_token("nonsense"), "InvalidNextToken"),
        (all.clone().max_records(101), "ValidationError"),
        (all.clone().action_prefix("arn"), "ValidationError"),
        (all.alarm_names("a").alarm_name_prefix("b"), "ValidationError"),
    ] {
        assert_eq!(code(&call.send().await.expect_err(expected)), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_can_be_set() {
    let bench = Bench::new(alarmed(AlarmState::Ok), Scenario::clean());
    let call = bench.watch.set_alarm_state().state_value(StateValue::Alarm).state_reason("a drill");
    call.clone().alarm_name("errors").send().await.expect("it is set");
    let found = bench.watch.describe_alarms().send().await.expect("alarms");
    let alarm = &found.metric_alarms()[0];
    assert_eq!((alarm.state_value(), alarm.state_reason()), (Some(&StateValue::Alarm), Some("a drill")));
    let unknown = call.alarm_name("nobody").send().await.expect_err("no such alarm");
    assert_eq!(code(&unknown), "ResourceNotFound");
}

#[tokio::test(start_paused = true)]
async fn older_clients_ask_in_forms_and_json() {
    let bench = Bench::new(alarmed(AlarmState::Ok), Scenario::clean());
    let authorization = "Credential=K/20261122/eu-west-2/monitoring/aws4_request,";
    let ask = |request: Request| match bench.simulator.call(&request) {
        Outcome::Answered(reply) => reply.text(),
        other @ (Outcome::Broken | Outcome::Silence) => panic!("{other:?}"),
    };
    let form = b"Action=DescribeAlarms&AlarmNames.member.1=errors".to_vec();
    let xml = ask(Request::form(Some(authorization), form));
    assert!(xml.contains("<MetricAlarms><member>") && xml.contains("<StateValue>OK</StateValue>"), "{xml}");
    assert!(xml.contains("<StateUpdatedTimestamp>2026-11-21T19:00:00.000Z<"), "{xml}");
    let header = |name: &str| match name {
        "authorization" => Some(authorization.to_owned()),
        "x-amz-target" => Some("GraniteServiceVersion20100801.DescribeAlarms".to_owned()),
        "content-type" => Some("application/x-amz-json-1.0".to_owned()),
        _ => None,
    };
    let json = ask(Request::new("POST", "/", header, br#"{"AlarmNames":["errors"]}"#.to_vec()));
    assert!(json.contains(r#""AlarmName":"errors""#), "{json}");
}

#[tokio::test(start_paused = true)]
async fn calls_fail_in_its_own_words_too() {
    let text = "
name: rough
about: every call is throttled
effects:
  - calls: { share: 100, fault: throttle }
";
    let bench = Bench::new(alarmed(AlarmState::Ok), Scenario::from_yaml(text).expect("a scenario"));
    let throttled = bench.watch.describe_alarms().send().await.expect_err("throttled");
    assert_eq!(code(&throttled), "Throttling");
    assert!(bench.simulator.calls().len() > 1, "the SDK tries again");
}
