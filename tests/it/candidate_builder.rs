//! Candidates from Image Builder: found, built once whatever goes wrong, verified and tagged.

use std::cell::RefCell;
use std::time::Duration;

use ami_refresh::aws::Account;
use ami_refresh::candidate::image_builder::{Patience, build, newest};
use ami_refresh::candidate::{Error, Progress, outputs, tag, verify};
use ami_refresh::gate::FAMILY_TAG;
use ami_refresh::model::{
    Architecture, Build, BuildState, Candidate, ImageBuild, PipelineArn, Problem, Verdict,
};
use ami_refresh::rollout::homes;
use ami_refresh::sim::{FleetSpec, PastBuild, PipelineSpec, Scenario};

use crate::regions;
use crate::stage::{CONFIG, HOME, NEW, NEW_ARM, REGION, Stage};
use crate::sweep::block;

const PIPELINE: &str = "arn:aws:imagebuilder:eu-west-2:100000000000:image-pipeline/base";
pub(crate) const OURS: &str = "https://jenkins.example/job/base/812/";

pub(crate) async fn stage(scenario: Scenario, change: impl FnOnce(&mut FleetSpec)) -> Stage {
    Stage::with(CONFIG, scenario, 7, change).await
}

pub(crate) async fn clean() -> Stage {
    stage(Scenario::clean(), |_| {}).await
}

fn arn(name: &str) -> PipelineArn {
    PipelineArn::parse(&PIPELINE.replace("/base", &format!("/{name}"))).expect("an ARN")
}

/// What `candidate --from-image-builder … --start` does, and what it tells on the way.
pub(crate) async fn started(
    stage: &Stage,
    names: &[&str],
    ours: &str,
    timeout: Duration,
) -> (Result<Candidate, Error>, Vec<String>) {
    let told = RefCell::new(Vec::new());
    let tell = |progress: &Progress| told.borrow_mut().push(progress.to_string());
    let pipelines: Vec<(Account, PipelineArn)> =
        names.iter().map(|name| (stage.cloud.home(&REGION.into()), arn(name))).collect();
    let patience = Patience { clock: stage.clock, timeout };
    let end = match build(&pipelines, ours, patience, &tell).await {
        Ok(builds) => candidate(stage, &builds).await,
        Err(error) => Err(error),
    };
    (end, told.into_inner())
}

/// What it does without `--start`.
async fn found(stage: &Stage) -> Result<(Candidate, Vec<ImageBuild>), Error> {
    let found = newest(&stage.cloud.home(&REGION.into()), &arn("base")).await?;
    Ok((candidate(stage, &[found.build]).await?, found.passed_over))
}

async fn candidate(stage: &Stage, builds: &[ImageBuild]) -> Result<Candidate, Error> {
    let homes = homes(&stage.cloud, &stage.fleet);
    let identity = homes[0].identity().await?;
    let family = &stage.fleet.families["base"];
    let chosen = outputs(&stage.fleet, &identity.account, family, builds)?;
    let images = verify(&homes, &identity, family, &chosen.images).await?;
    let candidate = Candidate::new("base".into(), images, Build::default(), "Image Builder".into());
    tag(&homes, &candidate).await?;
    Ok(candidate)
}

pub(crate) fn executions(stage: &Stage) -> usize {
    stage.simulator.inspect(|world| {
        world.pipelines.values().flat_map(|one| &one.builds).filter(|build| !build.way.is_empty()).count()
    })
}

/// Whether the candidate is the last build's image, and tagged.
pub(crate) fn is_right(stage: &Stage, candidate: &Candidate) -> Result<(), String> {
    let made = stage.simulator.inspect(|world| world.pipelines[PIPELINE].builds.last().cloned());
    let made = made.map(|build| build.images).unwrap_or_default();
    let images: Vec<_> =
        candidate.images.iter().map(|image| (image.region.clone(), image.id.clone())).collect();
    if images.is_empty() || images != made {
        return Err(format!("it is {images:?}, and made was {made:?}"));
    }
    let tags = stage.simulator.inspect(|world| world.image(&images[0].1).map(|image| image.tags.clone()));
    let tags = tags.unwrap_or_default();
    if tags.get(FAMILY_TAG).is_none_or(|family| family != "base") {
        return Err(format!("its tags are {tags:?}"));
    }
    Ok(())
}

pub(crate) const LONG: Duration = Duration::from_secs(4 * 3600);

fn problems(error: Error) -> Vec<Problem> {
    match error {
        Error::Input(problem) => vec![problem],
        Error::Unfit(problems) | Error::Failed(problems) => problems,
        Error::Aws(error) => panic!("{error}"),
    }
}

#[test]
fn a_pipeline_is_started_followed_and_told_and_its_image_is_the_candidate() {
    block(async {
        let stage = clean().await;
        let begun = stage.clock.now();
        let (end, told) = started(&stage, &["base"], OURS, LONG).await;
        let candidate = end.expect("a candidate");
        is_right(&stage, &candidate).expect("the image that was built");
        assert_ne!(candidate.images[0].id.as_str(), NEW, "not the one that was there");
        let states: Vec<&str> = [
            "is the image build for https://jenkins.example/job/base/812/",
            "PENDING",
            "CREATING",
            "BUILDING",
            "BUILDING, waited 1",
            "TESTING",
            "DISTRIBUTING",
            "AVAILABLE",
        ]
        .to_vec();
        let mut told = told.iter();
        for state in states {
            assert!(told.any(|line| line.contains(state)), "{state} was not told in its place");
        }
        let calls = stage.simulator.calls();
        let looks = calls.iter().filter(|call| call.action == "GetImage").count();
        assert!(looks < 60, "{looks} looks");
        let took = stage.clock.since(begun).as_secs();
        assert!((1500..1570).contains(&took), "seen {took} s after the start of a build of 1500 s");
    });
}

#[test]
fn the_same_build_of_ours_is_built_once_and_the_next_one_anew() {
    block(async {
        let stage = clean().await;
        let first = started(&stage, &["base"], OURS, LONG).await.0.expect("a candidate");
        let begun = stage.clock.now();
        let again = started(&stage, &["base"], OURS, LONG).await.0.expect("a candidate");
        assert_eq!((first.images, executions(&stage)), (again.images.clone(), 1));
        assert!(stage.clock.since(begun).is_zero(), "there is nothing to wait for");
        let next = started(&stage, &["base"], "https://jenkins.example/job/base/813/", LONG).await.0;
        assert_ne!(next.expect("a candidate").images, again.images);
        assert_eq!(executions(&stage), 2);
    });
}

/// Every call of the way fails once, in every way: one execution, and the same end.
/// It is killed at every call, and run again: one execution, and the same end.
/// More calls fail than the SDK tries: the wait goes on, and says so once.
#[test]
fn two_pipelines_are_built_side_by_side_for_two_architectures() {
    block(async {
        let stage = stage(Scenario::clean(), |spec| {
            let mut arm = PipelineSpec::new(HOME.into(), REGION.into(), "base-arm64", "dept-base-arm64-*");
            arm.outputs = spec.pipelines[0].outputs.clone();
            arm.outputs[0].architecture = Architecture::Arm64;
            spec.pipelines.push(arm);
        })
        .await;
        let begun = stage.clock.now();
        let candidate = started(&stage, &["base", "base-arm64"], OURS, LONG).await.0.expect("a candidate");
        let made: Vec<&Architecture> = candidate.images.iter().map(|image| &image.architecture).collect();
        assert_eq!(made, [&Architecture::X86_64, &Architecture::Arm64]);
        assert!(stage.clock.since(begun) < Duration::from_secs(1700), "side by side");
    });
}

#[test]
fn builds_that_were_there_already_are_a_candidate_for_every_region_and_architecture() {
    block(async {
        let images = [(REGION, NEW), (REGION, NEW_ARM)];
        let config = regions::config("");
        let stage = Stage::with_images(&config, Scenario::clean(), 7, &images, regions::rename).await;
        // The pipelines are where the configuration's first region is.
        let home = stage.cloud.home(&"us-east-1".into());
        let mut builds = Vec::new();
        for name in ["base", "base-arm64"] {
            let arn = arn(name).as_str().replace(REGION, "us-east-1");
            builds.push(newest(&home, &PipelineArn::parse(&arn).expect("an ARN")).await.expect("one").build);
        }
        let candidate = candidate(&stage, &builds).await.expect("a candidate");
        let mut places: Vec<(&str, Architecture)> = candidate
            .images
            .iter()
            .map(|image| (image.region.as_str(), image.architecture.clone()))
            .collect();
        places.sort();
        let both = [Architecture::X86_64, Architecture::Arm64];
        let wanted: Vec<(&str, Architecture)> = [REGION, "us-east-1"]
            .into_iter()
            .flat_map(|region| both.clone().map(|kind| (region, kind)))
            .collect();
        assert_eq!(places, wanted);
        // What the fleet was made with is among them.
        for known in [NEW, NEW_ARM] {
            assert!(candidate.images.iter().any(|image| image.id.as_str() == known), "{known}");
        }
        let stage = Stage { candidate, ..stage };
        assert_eq!(stage.rollout().await, [Verdict::Passed]);
    });
}

#[test]
fn another_accounts_image_is_verified_through_its_sharing_and_tagged_for_the_home_account() {
    let owners = "owners: [self, '222222222222']";
    let config = CONFIG.replace("owners: [self]", owners);
    for shared in [true, false] {
        block(async {
            let stage = Stage::with(&config, Scenario::clean(), 7, |spec| {
                let output = &mut spec.pipelines[0].outputs[0];
                output.account = "222222222222".into();
                output.shared_with = if shared { vec![HOME.into()] } else { Vec::new() };
            })
            .await;
            let (end, _) = started(&stage, &["base"], OURS, LONG).await;
            if !shared {
                let told = problems(end.expect_err("it is not seen"));
                assert!(told[0].what.contains("does not exist in eu-west-2"), "{told:?}");
                return;
            }
            let candidate = end.expect("a candidate");
            let image = &candidate.images[0];
            assert_eq!(image.owner.as_str(), "222222222222");
            let (owners, ours) = stage.simulator.inspect(|world| {
                let image = world.image(&image.id).expect("the image");
                (image.tags.clone(), image.tags_of_others[&HOME.into()].clone())
            });
            assert!(ours.contains_key(FAMILY_TAG) && !owners.contains_key(FAMILY_TAG));
        });
    }
}

#[test]
fn without_a_start_the_newest_available_image_is_taken_and_newer_ones_are_told() {
    let past = |state: BuildState, reason: &str| PastBuild {
        created: "2026-11-22T09:00:00Z".parse().expect("a time"),
        state,
        reason: reason.to_owned(),
        images: Vec::new(),
    };
    block(async {
        let newer = past(BuildState::Failed, "no space left on device");
        let stage = stage(Scenario::clean(), |spec| spec.pipelines[0].past.push(newer)).await;
        let (candidate, passed_over) = found(&stage).await.expect("a candidate");
        assert_eq!(candidate.images[0].id.as_str(), NEW);
        assert_eq!(passed_over[0].told(), "FAILED (no space left on device)");
        assert_eq!(executions(&stage), 0);
    });
    for (last, says, next) in [
        (Some((BuildState::Failed, "no space")), "base/1.0.0/1, is FAILED (no space)", "--start"),
        (Some((BuildState::Deprecated, "")), "base/1.0.0/1, is DEPRECATED", "--start"),
        (None, "it has built nothing yet", "--start"),
    ] {
        block(async {
            let stage = stage(Scenario::clean(), |spec| {
                spec.pipelines[0].past = last.map(|(state, why)| past(state, why)).into_iter().collect();
            })
            .await;
            let told = problems(found(&stage).await.expect_err("no image"));
            assert_eq!(told[0].what, "the image pipeline base has no available image");
            assert!(told[0].why.contains(says) && told[0].next.contains(next), "{told:?}");
        });
    }
}

#[test]
fn a_pipeline_that_cannot_be_started_says_why() {
    let refused = |change: fn(&mut PipelineSpec)| {
        block(async {
            let stage = stage(Scenario::clean(), |spec| change(&mut spec.pipelines[0])).await;
            let (end, _) = started(&stage, &["base"], OURS, LONG).await;
            assert_eq!(executions(&stage), 0);
            problems(end.expect_err("it is refused")).remove(0)
        })
    };
    let disabled = refused(|pipeline| pipeline.enabled = false);
    assert_eq!(disabled.what, "the image pipeline base is disabled");
    let denied = refused(|pipeline| pipeline.denied = true);
    assert_eq!(denied.what, "the credentials may not use the image pipeline base");
    assert!(denied.next.contains("imagebuilder:"), "{denied}");
    let unknown = refused(|pipeline| pipeline.name = "other".to_owned());
    assert_eq!(unknown.what, "there is no image pipeline base in eu-west-2 of account 100000000000");
    block(async {
        let stage = clean().await;
        let other = "https://jenkins.example/job/base/811/";
        let (end, _) = started(&stage, &["base"], other, Duration::from_secs(60)).await;
        end.expect_err("it is not done so soon");
        let (end, _) = started(&stage, &["base"], OURS, LONG).await;
        let busy = problems(end.expect_err("it is busy")).remove(0);
        assert_eq!(busy.what, "the image pipeline base is busy");
        assert!(busy.why.contains("image/base/1.0.0/2"), "{busy}");
    });
}
