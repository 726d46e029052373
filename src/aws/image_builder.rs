//! Image Builder: starting a pipeline, and looking at the builds that it made.

use std::cmp::Reverse;

use aws_config::SdkConfig;
use aws_sdk_imagebuilder::types::{Ami, ImageState, OutputResources, PipelineStatus};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use jiff::Timestamp;

use super::{Account, Error};
use crate::model::{BuildState, BuiltImage, ImageBuild, ImagePipeline, PipelineArn};

/// The status of Image Builder's `CallRateLimitExceededException`.
const TOO_MANY_REQUESTS: u16 = 429;

/// Takes every HTTP 429 for throttling: the SDK does not know Image Builder's code for it.
#[derive(Debug)]
struct TooManyRequests;

impl ClassifyRetry for TooManyRequests {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response().map(|response| response.status().as_u16()) {
            Some(TOO_MANY_REQUESTS) => RetryAction::throttling_error(),
            Some(_) | None => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "Image Builder's throttling"
    }
}

/// The client, which is throttled and comes again.
pub(super) fn client(config: &SdkConfig) -> aws_sdk_imagebuilder::Client {
    let config = aws_sdk_imagebuilder::config::Builder::from(config).retry_classifier(TooManyRequests);
    aws_sdk_imagebuilder::Client::from_conf(config.build())
}

impl Account {
    /// Starts a pipeline and returns its build's ARN. The same token gives the same build, whatever
    /// became of it.
    pub async fn start_pipeline(&self, pipeline: &PipelineArn, token: &str) -> Result<String, Error> {
        const OPERATION: &str = "StartImagePipelineExecution";
        let request = self.image_builder.start_image_pipeline_execution();
        let answer = request.image_pipeline_arn(pipeline.as_str()).client_token(token).send().await;
        let answer = answer.map_err(|error| Error::from_sdk(OPERATION, error))?;
        let arn = answer.image_build_version_arn();
        arn.map(str::to_owned).ok_or_else(|| Error::unexpected(OPERATION, "no ARN of a build"))
    }

    /// A build as it is now.
    pub async fn image_build(&self, arn: &str) -> Result<ImageBuild, Error> {
        const OPERATION: &str = "GetImage";
        let answer = self.image_builder.get_image().image_build_version_arn(arn).send().await;
        let answer = answer.map_err(|error| Error::from_sdk(OPERATION, error))?;
        let image = answer.image().ok_or_else(|| Error::unexpected(OPERATION, "no image"))?;
        Ok(ImageBuild {
            // An ARN without a number is answered for the newest number.
            arn: image.arn().unwrap_or(arn).to_owned(),
            state: read_state(image.state()),
            reason: read_reason(image.state()),
            created: read_time(image.date_created()),
            images: read_outputs(image.output_resources()),
        })
    }

    /// Every build of a pipeline, newest first.
    pub async fn image_builds(&self, pipeline: &PipelineArn) -> Result<Vec<ImageBuild>, Error> {
        let request = self.image_builder.list_image_pipeline_images().image_pipeline_arn(pipeline.as_str());
        let mut pages = request.into_paginator().send();
        let mut builds = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Error::from_sdk("ListImagePipelineImages", error))?;
            builds.extend(page.image_summary_list().iter().map(|image| ImageBuild {
                arn: image.arn().unwrap_or_default().to_owned(),
                state: read_state(image.state()),
                reason: read_reason(image.state()),
                created: read_time(image.date_created()),
                images: read_outputs(image.output_resources()),
            }));
        }
        builds.sort_by_key(|build| Reverse((build.created, number(&build.arn))));
        Ok(builds)
    }

    /// What Image Builder says of a pipeline.
    pub async fn image_pipeline(&self, pipeline: &PipelineArn) -> Result<ImagePipeline, Error> {
        const OPERATION: &str = "GetImagePipeline";
        let request = self.image_builder.get_image_pipeline().image_pipeline_arn(pipeline.as_str());
        let answer = request.send().await.map_err(|error| Error::from_sdk(OPERATION, error))?;
        let found = answer.image_pipeline().ok_or_else(|| Error::unexpected(OPERATION, "no pipeline"))?;
        Ok(ImagePipeline {
            name: found.name().unwrap_or(&pipeline.name).to_owned(),
            enabled: found.status() != Some(&PipelineStatus::Disabled),
        })
    }
}

/// The number at the end of a build's ARN.
fn number(arn: &str) -> u64 {
    arn.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn read_state(state: Option<&ImageState>) -> BuildState {
    let status = state.and_then(ImageState::status);
    BuildState::parse(status.map_or("unknown", aws_sdk_imagebuilder::types::ImageStatus::as_str))
}

fn read_reason(state: Option<&ImageState>) -> String {
    state.and_then(ImageState::reason).unwrap_or_default().trim().to_owned()
}

fn read_time(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(|text| text.parse().ok())
}

fn read_outputs(outputs: Option<&OutputResources>) -> Vec<BuiltImage> {
    outputs.map(OutputResources::amis).unwrap_or_default().iter().filter_map(read_ami).collect()
}

/// An AMI; one that has no id yet, or never had, is none.
fn read_ami(ami: &Ami) -> Option<BuiltImage> {
    Some(BuiltImage {
        region: ami.region()?.into(),
        id: ami.image().filter(|id| !id.is_empty())?.into(),
        account: ami.account_id().filter(|account| !account.is_empty()).map(Into::into),
        name: ami.name().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests;
