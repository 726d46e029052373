//! Instance refreshes.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ImageId, RefreshId, TemplateId};

/// The state of an instance refresh, as AWS names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum RefreshStatus {
    Pending,
    InProgress,
    Baking,
    Cancelling,
    RollbackInProgress,
    Successful,
    Failed,
    Cancelled,
    RollbackSuccessful,
    RollbackFailed,
}

impl RefreshStatus {
    /// Every status there is.
    pub const ALL: [Self; 10] = [
        Self::Pending,
        Self::InProgress,
        Self::Baking,
        Self::Cancelling,
        Self::RollbackInProgress,
        Self::Successful,
        Self::Failed,
        Self::Cancelled,
        Self::RollbackSuccessful,
        Self::RollbackFailed,
    ];

    /// Whether the refresh may still change the group.
    pub fn is_active(self) -> bool {
        match self {
            Self::Pending | Self::InProgress | Self::Baking | Self::Cancelling | Self::RollbackInProgress => {
                true
            }
            Self::Successful
            | Self::Failed
            | Self::Cancelled
            | Self::RollbackSuccessful
            | Self::RollbackFailed => false,
        }
    }

    /// The API's name of the status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Baking => "Baking",
            Self::Cancelling => "Cancelling",
            Self::RollbackInProgress => "RollbackInProgress",
            Self::Successful => "Successful",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
            Self::RollbackSuccessful => "RollbackSuccessful",
            Self::RollbackFailed => "RollbackFailed",
        }
    }

    /// Reads the API's name of a status.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl fmt::Display for RefreshStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a refresh takes its group to: a version of every template, and image, that it names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The group's own template, or its policy's.
    pub template: TemplateId,
    /// The version's number.
    pub version: u64,
    /// One for each override of the group's mixed instances policy, in order; empty without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<OverrideTarget>,
}

/// What a refresh takes one override to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OverrideTarget {
    /// Its own template, and the version's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<(TemplateId, u64)>,
    /// Its own image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageId>,
}

impl Target {
    /// A version of the one template of a group without a policy.
    pub fn plain(template: TemplateId, version: u64) -> Self {
        Self { template, version, overrides: Vec::new() }
    }

    /// Every version that it names, its own first.
    pub fn versions(&self) -> impl Iterator<Item = (&TemplateId, u64)> {
        let overrides = self.overrides.iter().filter_map(|one| one.template.as_ref());
        std::iter::once((&self.template, self.version))
            .chain(overrides.map(|(template, version)| (template, *version)))
    }
}

/// One way in which a group launches an instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Launch {
    /// The template.
    pub template: TemplateId,
    /// The version's number.
    pub version: u64,
    /// The image.
    pub image: ImageId,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = vec![format!("{} version {}", self.template, self.version)];
        for one in &self.overrides {
            let template =
                one.template.iter().map(|(template, version)| format!("{template} version {version}"));
            let part =
                template.chain(one.image.iter().map(ToString::to_string)).collect::<Vec<_>>().join(" with ");
            if !part.is_empty() && !parts.contains(&part) {
                parts.push(part);
            }
        }
        f.pad(&parts.join(", "))
    }
}

/// An instance refresh as AWS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    /// Its id.
    pub id: RefreshId,
    /// Its state.
    pub status: RefreshStatus,
    /// Its desired configuration; `None` when it has none, or one that names no number.
    pub target: Option<Target>,
    /// Whether it has a desired configuration at all.
    pub has_desired: bool,
    /// Percent of the replacements that are healthy and warmed up, 0 to 100.
    pub percent: u8,
    /// How many instances are still to be replaced.
    pub remaining: u32,
    /// AWS's reason for the status; empty when it gives none.
    pub reason: String,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}
