//! Image Builder on the wire: states, AMIs, tokens, pages, and errors in its own words.

use std::time::Duration;

use aws_sdk_imagebuilder::types::{ImageStatus, PipelineStatus};
use aws_smithy_types::retry::RetryConfig;

use super::support::{Bench, HOME, OLD, QA, REGION, code, fleet};
use crate::model::{Architecture, BuildState};
use crate::sim::wire::Request;
use crate::sim::{
    BuildEnd, Fault, FaultKind, FleetSpec, HOME_KEY, HOME_SECRET, Outcome, OutputSpec, PastBuild,
    PipelineSpec, Scenario, Simulator,
};

const PIPELINE: &str = "arn:aws:imagebuilder:eu-west-2:000000000000:image-pipeline/base";

fn output(region: &str, architecture: Architecture, account: &str) -> OutputSpec {
    OutputSpec {
        region: region.into(),
        architecture,
        account: account.into(),
        shared_with: vec![HOME.into(), QA.into()],
    }
}

fn with_pipeline(change: impl FnOnce(&mut PipelineSpec)) -> FleetSpec {
    let mut spec = fleet(1, |_| {});
    let mut pipeline = PipelineSpec::new(HOME.into(), REGION.into(), "base", "dept-base-*");
    pipeline.outputs = vec![
        output(REGION, Architecture::X86_64, HOME),
        output("eu-west-1", Architecture::X86_64, HOME),
        output(REGION, Architecture::X86_64, QA),
    ];
    change(&mut pipeline);
    spec.pipelines.push(pipeline);
    spec
}

/// A client that tries once only.
fn client(simulator: &Simulator) -> aws_sdk_imagebuilder::Client {
    let credentials = aws_credential_types::Credentials::new(HOME_KEY, HOME_SECRET, None, None, "test");
    let config = aws_sdk_imagebuilder::Config::builder()
        .http_client(simulator.http_client())
        .region(aws_config::Region::new(REGION))
        .behavior_version(aws_config::BehaviorVersion::latest())
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .retry_config(RetryConfig::disabled())
        .credentials_provider(credentials);
    aws_sdk_imagebuilder::Client::from_conf(config.build())
}

async fn start(client: &aws_sdk_imagebuilder::Client, token: &str) -> Result<String, String> {
    let call = client.start_image_pipeline_execution().image_pipeline_arn(PIPELINE).client_token(token);
    let answer = call.send().await.map_err(|error| code(&error))?;
    Ok(answer.image_build_version_arn().expect("an ARN").to_owned())
}

async fn image(client: &aws_sdk_imagebuilder::Client, arn: &str) -> aws_sdk_imagebuilder::types::Image {
    let answer = client.get_image().image_build_version_arn(arn).send().await.expect("an image");
    answer.image().expect("an image").clone()
}

#[tokio::test(start_paused = true)]
async fn a_build_goes_through_its_states_and_its_images_exist_at_the_end() {
    let bench = Bench::new(with_pipeline(|_| {}), Scenario::clean());
    let client = client(&bench.simulator);
    let arn = start(&client, "t-1").await.expect("a build");
    assert_eq!(arn, "arn:aws:imagebuilder:eu-west-2:000000000000:image/base/1.0.0/1");
    let mut seen = Vec::new();
    let made = loop {
        let image = image(&client, &arn).await;
        let status = image.state().and_then(|state| state.status()).expect("a status").clone();
        if seen.last() != Some(&status) {
            seen.push(status.clone());
        }
        if status == ImageStatus::Available {
            break image;
        }
        assert!(image.output_resources().is_none(), "no image is there before the end");
        tokio::time::sleep(Duration::from_secs(5)).await;
    };
    let names: Vec<&str> = seen.iter().map(ImageStatus::as_str).collect();
    let way = ["PENDING", "CREATING", "BUILDING", "TESTING", "DISTRIBUTING", "INTEGRATING", "AVAILABLE"];
    assert_eq!(names, way);
    let amis = made.output_resources().expect("resources").amis().to_vec();
    let told: Vec<_> = amis.iter().map(|ami| (ami.region().unwrap(), ami.account_id().unwrap())).collect();
    assert_eq!(told, [(REGION, HOME), ("eu-west-1", HOME), (REGION, QA)]);
    for ami in &amis {
        let id = ami.image().expect("an id");
        let found = bench.simulator.inspect(|world| world.image(&id.into()).cloned()).expect("the AMI");
        assert_eq!((found.region.as_str(), found.state.as_str()), (ami.region().unwrap(), "available"));
        assert_eq!(found.tags["Ec2ImageBuilderArn"], arn);
    }
    let id = amis[2].image().expect("an id");
    let seen = bench.ec2.describe_images().image_ids(id).send().await.expect("it is shared");
    assert_eq!(seen.images()[0].owner_id(), Some(QA));
}

#[tokio::test(start_paused = true)]
async fn a_token_begins_one_build_and_another_waits_for_it() {
    let bench = Bench::new(with_pipeline(|_| {}), Scenario::clean());
    let client = client(&bench.simulator);
    let first = start(&client, "t-1").await.expect("a build");
    assert_eq!(start(&client, "t-1").await, Ok(first.clone()));
    assert_eq!(start(&client, "t-2").await, Err("ResourceInUseException".to_owned()));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(start(&client, "t-1").await, Ok(first.clone()), "a token outlives its build");
    let second = start(&client, "t-2").await.expect("another build");
    assert_ne!(first, second);
    assert_eq!(bench.simulator.inspect(|world| world.pipelines[PIPELINE].builds.len()), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_has_begun_the_build() {
    let bench = Bench::new(with_pipeline(|_| {}), Scenario::clean());
    let client = client(&bench.simulator);
    bench.simulator.inject(Fault { at_call: 1, kind: FaultKind::LoseAnswer });
    assert_eq!(start(&client, "t-1").await, Err("no code".to_owned()));
    assert_eq!(bench.simulator.inspect(|world| world.pipelines[PIPELINE].builds.len()), 1);
    assert!(start(&client, "t-1").await.is_ok_and(|arn| arn.ends_with("/1")));
}

#[tokio::test(start_paused = true)]
async fn faults_are_told_in_image_builders_words() {
    let bench = Bench::new(with_pipeline(|_| {}), Scenario::clean());
    let client = client(&bench.simulator);
    for (kind, codes) in [
        (FaultKind::Throttle, vec!["CallRateLimitExceededException"]),
        (FaultKind::ServerError, vec!["ServiceException", "ServiceUnavailableException"]),
        (FaultKind::Expired, vec!["ExpiredTokenException"]),
    ] {
        bench.simulator.inject(Fault { at_call: 1, kind });
        let error = client.list_image_pipelines().send().await.expect_err("a fault");
        let status = error.raw_response().expect("an answer").status().as_u16();
        assert!(codes.contains(&code(&error).as_str()), "{kind:?}: {}", code(&error));
        assert_eq!(status == 429, kind == FaultKind::Throttle, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_or_not_allowed_is_refused() {
    let bench = Bench::new(with_pipeline(|_| {}), Scenario::clean());
    let client = client(&bench.simulator);
    let get = async |arn: &str| {
        client
            .get_image_pipeline()
            .image_pipeline_arn(arn)
            .send()
            .await
            .map_or_else(|e| code(&e), |_| "ok".into())
    };
    assert_eq!(get(PIPELINE).await, "ok");
    assert_eq!(get(&format!("{PIPELINE}-other")).await, "ResourceNotFoundException");
    assert_eq!(get(&PIPELINE.replace(HOME, QA)).await, "AccessDeniedException");
    assert_eq!(get("base").await, "InvalidParameterValueException");
    let no_build = client
        .get_image()
        .image_build_version_arn(PIPELINE.replace("image-pipeline/base", "image/base/1.0.0/9"));
    assert_eq!(code(&no_build.send().await.expect_err("none")), "ResourceNotFoundException");
    bench.simulator.change(|world| world.pipelines.get_mut(PIPELINE).expect("it").spec.enabled = false);
    assert_eq!(start(&client, "t-1").await, Err("InvalidRequestException".to_owned()));
    let answer = client.get_image_pipeline().image_pipeline_arn(PIPELINE).send().await.expect("a pipeline");
    assert_eq!(answer.image_pipeline().expect("one").status(), Some(&PipelineStatus::Disabled));
    bench.simulator.change(|world| world.pipelines.get_mut(PIPELINE).expect("it").spec.denied = true);
    assert_eq!(get(PIPELINE).await, "AccessDeniedException");
}

#[tokio::test(start_paused = true)]
async fn builds_come_in_pages_and_through_filters() {
    let past = |state: &BuildState| PastBuild {
        created: "2026-11-14T19:20:00Z".parse().expect("a time"),
        state: state.clone(),
        reason: String::new(),
        images: vec![(REGION.into(), OLD.into())],
    };
    let spec = with_pipeline(|pipeline| pipeline.past = BuildState::ALL[6..].iter().map(past).collect());
    let bench = Bench::new(spec, Scenario::clean());
    let client = client(&bench.simulator);
    let list = || client.list_image_pipeline_images().image_pipeline_arn(PIPELINE);
    let mut pages = list().max_results(4).into_paginator().send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(page.expect("a page").image_summary_list().len());
    }
    assert_eq!(sizes, [4, 2]);
    let filter = aws_sdk_imagebuilder::types::Filter::builder();
    let version = filter.clone().name("version").values("1.0.0/1").build();
    let found = list().filters(version).send().await.expect("a page");
    let [only] = found.image_summary_list() else { panic!("{found:?}") };
    assert_eq!(only.output_resources().expect("some").amis()[0].image(), Some(OLD));
    let unknown = list().filters(filter.name("colour").values("red").build()).send().await;
    assert_eq!(code(&unknown.expect_err("unknown")), "InvalidParameterValueException");
    let token = list().next_token("nonsense").send().await;
    assert_eq!(code(&token.expect_err("no token")), "InvalidPaginationTokenException");
    let images = client.list_images().send().await.expect("images");
    assert_eq!(
        images.image_version_list()[0].arn(),
        Some("arn:aws:imagebuilder:eu-west-2:000000000000:image/base/1.0.0")
    );
}

#[tokio::test(start_paused = true)]
async fn a_scenario_fails_builds_or_makes_them_slow() {
    for (name, groups, ends, minutes) in [
        ("image-build-fails", "*", ImageStatus::Failed, 20),
        ("image-build-fails", "other", ImageStatus::Available, 26),
        ("image-build-slow", "*", ImageStatus::Available, 195),
    ] {
        let scenario = Scenario::named(name).expect("a scenario").scoped(groups);
        let bench = Bench::new(with_pipeline(|_| {}), scenario);
        let client = client(&bench.simulator);
        let arn = start(&client, "t-1").await.expect("a build");
        tokio::time::sleep(Duration::from_secs((minutes - 4) * 60)).await;
        let early = image(&client, &arn).await;
        assert_ne!(early.state().and_then(|state| state.status()), Some(&ends), "{name}");
        tokio::time::sleep(Duration::from_secs(240)).await;
        let late = image(&client, &arn).await;
        let state = late.state().expect("a state");
        assert_eq!(state.status(), Some(&ends), "{name} on {groups}");
        let failed = ends == ImageStatus::Failed;
        assert_eq!(state.reason().is_some_and(|reason| reason.contains("boots-and-answers")), failed);
        assert_eq!(late.output_resources().is_some_and(|made| !made.amis().is_empty()), !failed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_can_end_otherwise() {
    let ends = BuildEnd::Other {
        at: BuildState::Building,
        state: BuildState::Cancelled,
        reason: "Cancelled by user".to_owned(),
    };
    let bench = Bench::new(with_pipeline(|pipeline| pipeline.ends = ends), Scenario::clean());
    let client = client(&bench.simulator);
    let arn = start(&client, "t-1").await.expect("a build");
    tokio::time::sleep(Duration::from_secs(1000)).await;
    let state = image(&client, &arn).await.state().expect("a state").clone();
    assert_eq!((state.status(), state.reason()), (Some(&ImageStatus::Cancelled), Some("Cancelled by user")));
}

#[tokio::test(start_paused = true)]
async fn a_document_that_cannot_be_read_and_a_path_that_is_not_there_are_refused() {
    let bench = Bench::new(with_pipeline(|_| {}), Scenario::clean());
    let header = |name: &str| {
        let authorization = "Credential=K/20261122/eu-west-2/imagebuilder/aws4_request,";
        (name == "authorization").then(|| authorization.to_owned())
    };
    let long = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    for (method, path, body, status, error) in [
        ("POST", "/ListImages", "{", 400, "SerializationException"),
        ("POST", "/ListImages", "[1]", 400, "SerializationException"),
        ("POST", "/ListImages", long.as_str(), 400, "SerializationException"),
        ("GET", "/ListImages", "", 404, "UnknownOperationException"),
        ("PUT", "/CreateImage", "{}", 404, "UnknownOperationException"),
        ("PUT", "/StartImagePipelineExecution", "{}", 400, "InvalidRequestException"),
        ("POST", "/ListImages", r#"{"maxResults": 101}"#, 400, "InvalidParameterValueException"),
        ("POST", "/ListImages", r#"{"maxResults": null, "owner": "Self"}"#, 200, ""),
    ] {
        let request = Request::new(method, path, header, body.as_bytes().to_vec());
        let Outcome::Answered(reply) = bench.simulator.call(&request) else { panic!("no answer") };
        assert_eq!(reply.status, status, "{method} {path} {}", &body[..body.len().min(40)]);
        let document: serde_json::Value = serde_json::from_str(&reply.text()).expect("JSON");
        assert_eq!(document["__type"].as_str().unwrap_or_default(), error);
        let told = reply.headers.iter().find(|(name, _)| *name == "x-amzn-errortype");
        assert_eq!(told.map_or("", |(_, value)| value.as_str()), error);
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_has_tags_of_its_own_on_a_shared_image() {
    let bench = Bench::new(fleet(1, |_| {}), Scenario::clean());
    bench.simulator.change(|world| {
        let image = world.images.values_mut().find(|image| image.id.as_str() == OLD).expect("the image");
        image.owner = QA.into();
        image.shared_with = vec![HOME.into()];
    });
    let tag = aws_sdk_ec2::types::Tag::builder().key("gate").value("passed").build();
    bench.ec2.create_tags().resources(OLD).tags(tag).send().await.expect("tags");
    let seen = bench.ec2.describe_images().image_ids(OLD).send().await.expect("the image");
    let keys: Vec<_> = seen.images()[0].tags().iter().filter_map(|tag| tag.key()).collect();
    assert_eq!(keys, ["gate"], "its own, and not the owner's");
    let owners = bench.simulator.inspect(|world| world.image(&OLD.into()).expect("it").tags.clone());
    assert!(owners.contains_key("family") && !owners.contains_key("gate"), "{owners:?}");
}
