//! Images (AMIs) as EC2 describes them.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AccountId, ImageId, Region};

/// The processor architecture that an image runs on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Architecture {
    /// `x86_64`.
    X86_64,
    /// `arm64`.
    Arm64,
    /// Any other that EC2 names, as it names it.
    Other(String),
}

impl From<String> for Architecture {
    fn from(text: String) -> Self {
        match text.as_str() {
            "x86_64" => Self::X86_64,
            "arm64" => Self::Arm64,
            _ => Self::Other(text),
        }
    }
}

impl From<Architecture> for String {
    fn from(architecture: Architecture) -> Self {
        architecture.to_string()
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
            Self::Other(text) => text,
        })
    }
}

/// Whether an image can be launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageState {
    /// It can.
    Available,
    /// It is still being made.
    Pending,
    /// It could not be made, with EC2's reason.
    Failed(String),
    /// Any other state (`deregistered`, `disabled`, …), as EC2 names it.
    Other(String),
}

impl fmt::Display for ImageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Available => f.write_str("available"),
            Self::Pending => f.write_str("pending"),
            Self::Failed(reason) if reason.is_empty() => f.write_str("failed"),
            Self::Failed(reason) => write!(f, "failed ({reason})"),
            Self::Other(state) => f.write_str(state),
        }
    }
}

/// An image as one account sees it in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its id.
    pub id: ImageId,
    /// Its name, such as `dept-base-20261121194500`; empty when EC2 gives none.
    pub name: String,
    /// Its description, as whoever built it wrote it; empty when it has none.
    pub description: String,
    /// The region it is in.
    pub region: Region,
    /// Whether it can be launched.
    pub state: ImageState,
    /// The architecture it runs on.
    pub architecture: Architecture,
    /// The account that owns it.
    pub owner: AccountId,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// From when on EC2 calls it deprecated.
    pub deprecated_from: Option<Timestamp>,
    /// How many volumes an instance of it gets.
    pub volumes: u32,
    /// Its tags, as the asking account sees them (tags are not shared across accounts).
    pub tags: BTreeMap<String, String>,
}

/// What reports tell of an image.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImageFacts {
    /// Its id.
    pub id: ImageId,
    /// The region it is in.
    pub region: Region,
    /// Its name; empty when EC2 gives none.
    pub name: String,
    /// Its description; empty when it has none.
    pub description: String,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Its tags, as the asking account sees them (tags are not shared across accounts).
    pub tags: BTreeMap<String, String>,
}

impl Image {
    /// Whether EC2 calls the image deprecated at `now`.
    pub fn is_deprecated(&self, now: Timestamp) -> bool {
        self.deprecated_from.is_some_and(|from| from <= now)
    }
}
