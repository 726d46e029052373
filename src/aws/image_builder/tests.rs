//! The client against the simulator: throttling, tokens, order.

use jiff::Timestamp;

use super::*;
use crate::aws::{Cloud, Settings};
use crate::clock::Clock;
use crate::sim::{
    Fault, FaultKind, FleetSpec, HOME_KEY, HOME_SECRET, PastBuild, PipelineSpec, Scenario, Setup, Simulator,
};

const HOME: &str = "100000000000";

async fn bench(past: &[(&str, BuildState)]) -> (Simulator, Account, PipelineArn) {
    let clock = Clock::starting_at("2026-11-22T19:00:00Z".parse().unwrap(), 1.0);
    let mut fleet = FleetSpec::empty(HOME.into());
    let mut pipeline = PipelineSpec::new(HOME.into(), "eu-west-2".into(), "base", "dept-base-*");
    pipeline.past = past
        .iter()
        .map(|(created, state)| PastBuild {
            created: created.parse().unwrap(),
            state: state.clone(),
            reason: "a reason".to_owned(),
            images: Vec::new(),
        })
        .collect();
    let arn = PipelineArn::parse(&pipeline.arn()).unwrap();
    fleet.pipelines.push(pipeline);
    let simulator = Simulator::new(Setup::new(fleet, Scenario::clean(), 7), clock);
    let settings = Settings {
        clock,
        http_client: Some(simulator.http_client()),
        credentials: Some((HOME_KEY.to_owned(), HOME_SECRET.to_owned())),
        session_name: "test".to_owned(),
    };
    let home = Cloud::new(settings).await.home(&"eu-west-2".into());
    (simulator, home, arn)
}

#[tokio::test(start_paused = true)]
async fn throttled_calls_are_made_again_with_pauses() {
    let (simulator, home, arn) = bench(&[]).await;
    for at_call in 1..=4 {
        simulator.inject(Fault { at_call, kind: FaultKind::Throttle });
    }
    let begun = tokio::time::Instant::now();
    home.start_pipeline(&arn, "t-1").await.expect("it is started in the end");
    let calls = simulator.calls();
    assert_eq!(calls.len(), 5, "{calls:?}");
    let waits: Vec<i128> =
        calls.windows(2).map(|two| two[1].at.duration_since(two[0].at).as_millis()).collect();
    assert!(waits.iter().all(|wait| *wait > 0), "each try waits: {waits:?}");
    assert!(begun.elapsed().as_millis() > 1000, "and longer than a moment in all: {waits:?}");
    assert_eq!(simulator.inspect(|world| world.pipelines[arn.as_str()].builds.len()), 1);
}

#[tokio::test(start_paused = true)]
async fn throttling_without_an_end_is_told_in_aws_words() {
    let (simulator, home, arn) = bench(&[]).await;
    for at_call in 1..=20 {
        simulator.inject(Fault { at_call, kind: FaultKind::Throttle });
    }
    let error = home.image_builds(&arn).await.unwrap_err();
    assert!(error.is("CallRateLimitExceededException") && error.may_pass(), "{error}");
    assert_eq!(simulator.calls().len(), 8, "eight tries in all");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again_with_the_same_token() {
    let (simulator, home, arn) = bench(&[]).await;
    simulator.inject(Fault { at_call: 1, kind: FaultKind::LoseAnswer });
    let build = home.start_pipeline(&arn, "t-1").await.expect("a build");
    assert_eq!(simulator.calls().len(), 2);
    assert_eq!(simulator.inspect(|world| world.pipelines[arn.as_str()].builds.len()), 1);
    assert!(build.ends_with("/1"), "{build}");
}

#[tokio::test(start_paused = true)]
async fn builds_come_newest_first_from_every_page() {
    let day = |day: u32| format!("2026-{:02}-{:02}T19:20:00Z", 1 + day / 28, 1 + day % 28);
    let days: Vec<String> = (0..30).map(day).collect();
    let past: Vec<(&str, BuildState)> = days.iter().map(|day| (day.as_str(), BuildState::Failed)).collect();
    let (simulator, home, arn) = bench(&past).await;
    let builds = home.image_builds(&arn).await.unwrap();
    assert_eq!((builds.len(), simulator.calls().len()), (30, 2));
    let newest: Timestamp = days[29].parse().unwrap();
    assert_eq!((builds[0].created, builds[0].short()), (Some(newest), "base/1.0.0/30"));
    assert_eq!(builds[0].told(), "FAILED (a reason)");
}

#[tokio::test(start_paused = true)]
async fn a_build_of_the_same_moment_goes_by_its_number() {
    let at = "2026-11-14T19:20:00Z";
    let past: Vec<(&str, BuildState)> = (0..11).map(|_| (at, BuildState::Available)).collect();
    let (_, home, arn) = bench(&past).await;
    assert_eq!(home.image_builds(&arn).await.unwrap()[0].short(), "base/1.0.0/11");
}
