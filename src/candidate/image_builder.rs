//! Image Builder's builds: the newest of a pipeline, or one that is begun here and waited for.
//!
//! Which of a build's AMIs a candidate takes is said by [`outputs`](super::outputs()).

mod follow;

use std::time::Duration;

use futures_util::future::join_all;
use sha2::{Digest, Sha256};

use super::Error;
use super::progress::Progress;
use crate::aws::{self, Account};
use crate::clock::Clock;
use crate::model::{Build, BuildState, ImageBuild, PipelineArn, Problem};
use follow::follow;

/// The newest available build of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// The build.
    pub build: ImageBuild,
    /// Newer ones that are not available.
    pub passed_over: Vec<ImageBuild>,
}

/// How a build that was begun is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The clock that is waited on.
    pub clock: Clock,
    /// For how long.
    pub timeout: Duration,
}

/// What tells one build of ours from the next: the build's page, or else its number.
///
/// Not the commit: the same one is built every week.
pub fn build_name(build: &Build) -> Option<&str> {
    let given = |text: &'_ Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
    [&build.url, &build.number].into_iter().find(|text| given(text))?.as_deref()
}

/// The client token of a pipeline's execution for a build of ours: at most 64 characters.
fn token(pipeline: &PipelineArn, build: &str) -> String {
    let digest = Sha256::digest(format!("{pipeline}\n{build}").as_bytes());
    format!("ami-refresh-{}", &aws::hex(&digest)[..40])
}

/// The newest available build of the pipeline, which `home` is in the region of.
///
/// # Errors
/// When the pipeline can't be looked at, or has no available build.
pub async fn newest(home: &Account, pipeline: &PipelineArn) -> Result<Newest, Error> {
    let builds = home.image_builds(pipeline).await.map_err(|error| refused(pipeline, error))?;
    let Some(at) = builds.iter().position(|build| build.state == BuildState::Available) else {
        return Err(Error::Unfit(vec![none_available(pipeline, builds.first())]));
    };
    // The list tells less than the build itself, on some servers.
    let build = home.image_build(&builds[at].arn).await?;
    let passed_over = builds.into_iter().take(at).collect();
    if build.state != BuildState::Available {
        return Err(Error::Unfit(vec![none_available(pipeline, Some(&build))]));
    }
    Ok(Newest { build, passed_over })
}

fn none_available(pipeline: &PipelineArn, last: Option<&ImageBuild>) -> Problem {
    let why = match last {
        Some(build) => format!("its newest, {}, is {}", build.short(), build.told()),
        None => "it has built nothing yet".to_owned(),
    };
    let under_way = last.is_some_and(|build| build.state.is_under_way());
    let next = if under_way {
        "wait until that is available, then run this again"
    } else {
        "build one with --start, or look at the pipeline in Image Builder"
    };
    Problem::new(format!("the image pipeline {} has no available image", pipeline.name), why, next)
}

/// Starts the pipelines, once for each `name` of a build of ours, and waits for all their builds.
///
/// `pipelines` come with the account that each is in. Dropping the future leaves the builds to
/// Image Builder, where the next call with the same `name` finds them.
///
/// # Errors
/// When one can't be started: then nothing more is. When builds end otherwise than available, or
/// take too long: all of them, with Image Builder's reasons.
pub async fn build(
    pipelines: &[(Account, PipelineArn)],
    name: &str,
    patience: Patience,
    tell: &dyn Fn(&Progress),
) -> Result<Vec<ImageBuild>, Error> {
    let mut begun = Vec::new();
    for (home, pipeline) in pipelines {
        let arn = start(home, pipeline, &token(pipeline, name)).await?;
        tell(&Progress::Begun { pipeline: pipeline.clone(), arn: arn.clone(), whose: name.to_owned() });
        begun.push((home, arn));
    }
    let followed = begun.iter().map(|(home, arn)| follow(home, arn, patience, tell));
    let mut builds = Vec::new();
    let mut problems = Vec::new();
    for end in join_all(followed).await {
        match end {
            Ok(build) => builds.push(build),
            Err(Error::Failed(more)) => problems.extend(more),
            Err(error) => return Err(error),
        }
    }
    if problems.is_empty() { Ok(builds) } else { Err(Error::Failed(problems)) }
}

/// Starts the pipeline, unless this token did that before, and returns the build's ARN.
async fn start(home: &Account, pipeline: &PipelineArn, token: &str) -> Result<String, Error> {
    match home.start_pipeline(pipeline, token).await {
        Ok(arn) => Ok(arn),
        Err(error) if error.is("ResourceInUseException") => {
            let problem = Problem::new(
                format!("the image pipeline {} is busy", pipeline.name),
                error.to_string(),
                "wait until its build under way has ended, then run this again, or without --start to take what that made",
            );
            Err(Error::Unfit(vec![problem]))
        }
        Err(error) if is_disabled(home, pipeline, &error).await => {
            let problem = Problem::new(
                format!("the image pipeline {} is disabled", pipeline.name),
                error.to_string(),
                "enable it in Image Builder, or leave out --start to take the newest image that it made",
            );
            Err(Error::Unfit(vec![problem]))
        }
        Err(error) => Err(refused(pipeline, error)),
    }
}

/// Whether a refused start is one of a disabled pipeline: Image Builder has no code for that.
async fn is_disabled(home: &Account, pipeline: &PipelineArn, error: &aws::Error) -> bool {
    let codes = ["InvalidRequestException", "ClientException", "ForbiddenException"];
    codes.into_iter().any(|code| error.is(code))
        && home.image_pipeline(pipeline).await.is_ok_and(|found| !found.enabled)
}

/// What a call about a pipeline that was refused means, where that can be said.
fn refused(pipeline: &PipelineArn, error: aws::Error) -> Error {
    let PipelineArn { name, region, account, .. } = pipeline;
    let is_any = |codes: &[&str]| codes.iter().any(|code| error.is(code));
    let problem = if is_any(&["ResourceNotFoundException"]) {
        Problem::new(
            format!("there is no image pipeline {name} in {region} of account {account}"),
            error.to_string(),
            "give --from-image-builder the ARN that 'aws imagebuilder list-image-pipelines' shows",
        )
    } else if is_any(&[
        "AccessDeniedException",
        "AccessDenied",
        "ForbiddenException",
        "UnauthorizedOperation",
    ]) {
        Problem::new(
            format!("the credentials may not use the image pipeline {name}"),
            error.to_string(),
            "allow them imagebuilder:ListImagePipelineImages and GetImage, and for --start StartImagePipelineExecution and GetImagePipeline",
        )
    } else {
        return Error::Aws(error);
    };
    Error::Input(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline() -> PipelineArn {
        PipelineArn::parse("arn:aws:imagebuilder:eu-west-2:100000000000:image-pipeline/base").unwrap()
    }

    #[test]
    fn a_token_is_the_builds_and_the_pipelines() {
        let one = token(&pipeline(), "https://jenkins/job/base/812/");
        assert_eq!(one, token(&pipeline(), "https://jenkins/job/base/812/"));
        assert_ne!(one, token(&pipeline(), "https://jenkins/job/base/813/"));
        let other =
            PipelineArn::parse("arn:aws:imagebuilder:eu-west-2:100000000000:image-pipeline/base-arm64");
        assert_ne!(one, token(&other.unwrap(), "https://jenkins/job/base/812/"));
        assert!(one.len() <= 64 && one.is_ascii(), "{one}");
    }

    #[test]
    fn a_build_is_named_by_its_page_before_its_number_and_never_by_its_commit() {
        let build = |url: Option<&str>, number: Option<&str>| Build {
            url: url.map(str::to_owned),
            number: number.map(str::to_owned),
            commit: Some("0f1e2d3".to_owned()),
        };
        assert_eq!(build_name(&build(Some("https://j/1/"), Some("1"))), Some("https://j/1/"));
        assert_eq!(build_name(&build(Some(""), Some("1"))), Some("1"));
        assert_eq!(build_name(&build(None, Some(" "))), None);
        assert_eq!(build_name(&build(None, None)), None);
    }
}
