//! Instance refreshes.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{RefreshId, TemplateId};

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

/// The template version that a refresh takes its group to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The template.
    pub template: TemplateId,
    /// The version's number.
    pub version: u64,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} version {}", self.template, self.version)
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
