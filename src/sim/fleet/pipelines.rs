//! Image pipelines, as a fleet's description has them.

use jiff::Timestamp;

use crate::model::{AccountId, Architecture, BuildState, ImageId, Region};

/// An image pipeline of Image Builder.
#[derive(Debug, Clone)]
pub struct PipelineSpec {
    /// The account it is in.
    pub account: AccountId,
    /// The region it is in.
    pub region: Region,
    /// Its name.
    pub name: String,
    /// The name of its recipe, which is in the ARNs of its builds.
    pub recipe: String,
    /// A glob that the names of its AMIs match: the time takes the place of the star.
    pub image_name: String,
    /// The AMIs that each build makes.
    pub outputs: Vec<OutputSpec>,
    /// How many seconds a build is in each state, in order.
    pub takes: Vec<(BuildState, u32)>,
    /// How its builds end.
    pub ends: BuildEnd,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Whether nobody may use it: every call about it is denied.
    pub denied: bool,
    /// The builds that it made before the world began, oldest first.
    pub past: Vec<PastBuild>,
}

/// An AMI that each build of a pipeline makes.
#[derive(Debug, Clone)]
pub struct OutputSpec {
    /// The region it is distributed to.
    pub region: Region,
    /// Its architecture.
    pub architecture: Architecture,
    /// The account that owns it.
    pub account: AccountId,
    /// The accounts that it is shared with.
    pub shared_with: Vec<AccountId>,
}

/// How a build ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildEnd {
    /// `AVAILABLE`: its AMIs exist.
    Available,
    /// Another state, at the end of one on the way, without an AMI.
    Other {
        /// The state on the way that is the last.
        at: BuildState,
        /// The state that it ends in.
        state: BuildState,
        /// AWS's words.
        reason: String,
    },
}

/// A build that was made before the world began.
#[derive(Debug, Clone)]
pub struct PastBuild {
    /// When it was begun.
    pub created: Timestamp,
    /// Its state.
    pub state: BuildState,
    /// Why it is in that state; may be empty.
    pub reason: String,
    /// Its AMIs, which the fleet's images describe.
    pub images: Vec<(Region, ImageId)>,
}

impl PipelineSpec {
    /// An enabled pipeline whose builds take about 25 minutes and work, with no output yet.
    pub fn new(account: AccountId, region: Region, name: &str, image_name: &str) -> Self {
        Self {
            account,
            region,
            name: name.to_owned(),
            recipe: name.to_owned(),
            image_name: image_name.to_owned(),
            outputs: Vec::new(),
            takes: vec![
                (BuildState::Pending, 15),
                (BuildState::Creating, 90),
                (BuildState::Building, 720),
                (BuildState::Testing, 360),
                (BuildState::Distributing, 300),
                (BuildState::Integrating, 15),
            ],
            ends: BuildEnd::Available,
            enabled: true,
            denied: false,
            past: Vec::new(),
        }
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:imagebuilder:{}:{}:image-pipeline/{}", self.region, self.account, self.name)
    }
}
