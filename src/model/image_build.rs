//! Image Builder's pipelines, and the builds that they made.

use std::fmt;

use jiff::Timestamp;

use super::{AccountId, ImageId, Region};

/// The ARN of an image pipeline, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PipelineArn {
    text: String,
    /// The region that the pipeline is in.
    pub region: Region,
    /// The account that the pipeline is in.
    pub account: AccountId,
    /// Its name, as ARNs write it.
    pub name: String,
}

impl PipelineArn {
    /// Reads an ARN; `None` when it is not an image pipeline's.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "imagebuilder", region, account, resource] = parts.as_slice() else {
            return None;
        };
        let name = resource.strip_prefix("image-pipeline/")?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        let is_sound = partition.starts_with("aws")
            && !region.is_empty()
            && region.chars().all(plain)
            && account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit())
            && !name.is_empty()
            && name.chars().all(plain);
        is_sound.then(|| Self {
            text: text.to_owned(),
            region: Region::new(*region),
            account: AccountId::new(*account),
            name: name.to_owned(),
        })
    }

    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for PipelineArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// The state of an image build, as Image Builder names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum BuildState {
    Pending,
    Creating,
    Building,
    Testing,
    Distributing,
    Integrating,
    Available,
    Cancelled,
    Failed,
    Deprecated,
    Deleted,
    Disabled,
    /// One that Image Builder had not when this was written, as it names it.
    Other(String),
}

impl BuildState {
    /// Every state that Image Builder documents.
    pub const ALL: [Self; 12] = [
        Self::Pending,
        Self::Creating,
        Self::Building,
        Self::Testing,
        Self::Distributing,
        Self::Integrating,
        Self::Available,
        Self::Cancelled,
        Self::Failed,
        Self::Deprecated,
        Self::Deleted,
        Self::Disabled,
    ];

    /// Reads the API's name.
    pub fn parse(text: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .unwrap_or_else(|| Self::Other(text.to_owned()))
    }

    /// The API's name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "PENDING",
            Self::Creating => "CREATING",
            Self::Building => "BUILDING",
            Self::Testing => "TESTING",
            Self::Distributing => "DISTRIBUTING",
            Self::Integrating => "INTEGRATING",
            Self::Available => "AVAILABLE",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
            Self::Deprecated => "DEPRECATED",
            Self::Deleted => "DELETED",
            Self::Disabled => "DISABLED",
            Self::Other(text) => text,
        }
    }

    /// Whether the build goes on by itself from here. A state that is not known may: whoever
    /// waits has a limit of their own.
    pub fn is_under_way(&self) -> bool {
        match self {
            Self::Pending
            | Self::Creating
            | Self::Building
            | Self::Testing
            | Self::Distributing
            | Self::Integrating
            | Self::Other(_) => true,
            Self::Available
            | Self::Cancelled
            | Self::Failed
            | Self::Deprecated
            | Self::Deleted
            | Self::Disabled => false,
        }
    }
}

impl fmt::Display for BuildState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An AMI that a build made, as Image Builder tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// The region it is in.
    pub region: Region,
    /// Its id.
    pub id: ImageId,
    /// The account that it was made in or distributed to, when that is told.
    pub account: Option<AccountId>,
    /// Its name.
    pub name: String,
}

/// One build of an image: what an execution of a pipeline makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageBuild {
    /// Its ARN: `arn:…:image/NAME/1.0.0/3`.
    pub arn: String,
    /// Its state.
    pub state: BuildState,
    /// Why it is in that state, in Image Builder's words; empty when there are none.
    pub reason: String,
    /// When it was begun.
    pub created: Option<Timestamp>,
    /// The AMIs that it made; none before it is available.
    pub images: Vec<BuiltImage>,
}

impl ImageBuild {
    /// Name, version and number without the rest of the ARN: `dept-base/1.0.0/3`.
    pub fn short(&self) -> &str {
        self.arn.split_once(":image/").map_or(&self.arn, |(_, rest)| rest)
    }

    /// Its state, and why where that is said: `FAILED (the tests timed out)`.
    pub fn told(&self) -> String {
        if self.reason.is_empty() {
            self.state.to_string()
        } else {
            format!("{} ({})", self.state, self.reason)
        }
    }
}

/// An image pipeline, as Image Builder describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePipeline {
    /// Its name, as people gave it.
    pub name: String,
    /// Whether it is enabled.
    pub enabled: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_of_a_pipeline_says_where_it_is() {
        let arn = PipelineArn::parse("arn:aws:imagebuilder:eu-west-2:100000000000:image-pipeline/dept-base")
            .unwrap();
        assert_eq!((arn.region.as_str(), arn.account.as_str()), ("eu-west-2", "100000000000"));
        assert_eq!(arn.name, "dept-base");
        assert!(
            PipelineArn::parse("arn:aws-us-gov:imagebuilder:us-gov-west-1:100000000000:image-pipeline/a")
                .is_some()
        );
    }

    #[test]
    fn other_arns_and_texts_are_none() {
        for bad in [
            "",
            "dept-base",
            "arn:aws:imagebuilder:eu-west-2:100000000000:image-recipe/dept-base/1.0.0",
            "arn:aws:imagebuilder:eu-west-2:100000000000:image/dept-base/1.0.0/1",
            "arn:aws:imagebuilder:eu-west-2:100000000000:image-pipeline/",
            "arn:aws:imagebuilder:eu-west-2:100000000000:image-pipeline/dept-base/1.0.0",
            "arn:aws:imagebuilder:eu-west-2:1:image-pipeline/dept-base",
            "arn:aws:imagebuilder::100000000000:image-pipeline/dept-base",
            "arn:aws:codepipeline:eu-west-2:100000000000:image-pipeline/dept-base",
            "arn:aws:imagebuilder:eu-west-2:100000000000:image-pipeline/a b",
        ] {
            assert!(PipelineArn::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn every_state_is_read_as_it_is_written() {
        for state in BuildState::ALL {
            assert_eq!(BuildState::parse(state.as_str()), state);
        }
        let new = BuildState::parse("SCANNING");
        assert_eq!((new.as_str(), new.is_under_way()), ("SCANNING", true));
    }
}
