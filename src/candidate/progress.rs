//! What is told while an image is built, for people: one line each.

use std::fmt;
use std::time::Duration;

use crate::aws;
use crate::model::{ImageBuild, PipelineArn};

/// Something to tell about a build that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It was begun, by this run or an earlier one of the same build of ours.
    Begun {
        /// The pipeline.
        pipeline: PipelineArn,
        /// The build's ARN.
        arn: String,
        /// The page or number of the build of ours.
        whose: String,
    },
    /// It came to another state, or has been in it for long.
    State {
        /// The build.
        build: ImageBuild,
        /// How long it has been waited for.
        waited: Duration,
    },
    /// It can't be looked at just now, and will be tried again.
    Trouble {
        /// The build's ARN.
        arn: String,
        /// Why.
        error: aws::Error,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begun { pipeline, arn, whose } => {
                write!(f, "image pipeline {}: {arn} is the image build for {whose}", pipeline.name)
            }
            Self::State { build, waited } => {
                write!(f, "image build {}: {}", build.short(), build.told())?;
                let minutes = waited.as_secs() / 60;
                if build.state.is_under_way() && minutes > 0 {
                    write!(f, ", waited {minutes} min")?;
                }
                Ok(())
            }
            Self::Trouble { arn, error } => {
                let short = arn.split_once(":image/").map_or(arn.as_str(), |(_, rest)| rest);
                write!(f, "image build {short}: can't be looked at, and is tried again: {error}")
            }
        }
    }
}
