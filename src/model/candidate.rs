//! The candidate: the images of one build of a family, and its file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{AccountId, Architecture, ImageId, Region};

/// The version of the candidate file's format that this program writes and reads.
const FORMAT: u32 = 1;

/// Where the build came from, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The build's page, such as Jenkins' `BUILD_URL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The build's number, such as Jenkins' `BUILD_NUMBER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The commit that was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// One image of a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateImage {
    /// The region it is in.
    pub region: Region,
    /// Its id.
    pub id: ImageId,
    /// Its architecture, as EC2 says.
    pub architecture: Architecture,
    /// Its name.
    pub name: String,
    /// The account that owns it.
    pub owner: AccountId,
}

/// The images of one build of a family: one for each region and architecture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The format of this file; 1.
    pub version: u32,
    /// The family that the images belong to.
    pub family: String,
    /// The images, ordered by region and architecture.
    pub images: Vec<CandidateImage>,
    /// Where the build came from.
    #[serde(default)]
    pub build: Build,
    /// What the images were found by, for people: `packer manifest packer-manifest.json`.
    pub found_by: String,
}

/// Why a candidate's file can't be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum CandidateError {
    #[error(
        "no candidate at {path}\n  next: make one with 'ami-refresh candidate', or name it with --candidate"
    )]
    Missing { path: PathBuf },
    #[error("failed to read the candidate {path}: {source}\n  next: name its file with --candidate")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the candidate {path} is not valid: {why}\n  next: make it again with 'ami-refresh candidate'")]
    Invalid { path: PathBuf, why: String },
    #[error(
        "failed to write the candidate {path}: {source}\n  next: name a file in a folder that can be written with --candidate"
    )]
    Unwritable { path: PathBuf, source: std::io::Error },
}

impl Candidate {
    /// Puts the parts together, in the file's order.
    pub fn new(family: String, mut images: Vec<CandidateImage>, build: Build, found_by: String) -> Self {
        images.sort_by(|a, b| (&a.region, &a.architecture, &a.id).cmp(&(&b.region, &b.architecture, &b.id)));
        Self { version: FORMAT, family, images, build, found_by }
    }

    /// The image for a region and architecture.
    pub fn image(&self, region: &Region, architecture: &Architecture) -> Option<&CandidateImage> {
        self.images.iter().find(|image| image.region == *region && image.architecture == *architecture)
    }

    /// Whether the image is one of the candidate's.
    pub fn contains(&self, id: &ImageId) -> bool {
        self.images.iter().any(|image| image.id == *id)
    }

    /// Reads the file that [`Candidate::write`] wrote.
    ///
    /// # Errors
    /// When the file is absent, unreadable, or not a candidate of this format.
    pub fn read(path: &Path) -> Result<Self, CandidateError> {
        let text = std::fs::read_to_string(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => CandidateError::Missing { path: path.into() },
            _ => CandidateError::Unreadable { path: path.into(), source },
        })?;
        let invalid = |why: String| CandidateError::Invalid { path: path.into(), why };
        let candidate: Self = serde_json::from_str(&text).map_err(|error| invalid(error.to_string()))?;
        if candidate.version != FORMAT {
            return Err(invalid(format!("format {} is not {FORMAT}", candidate.version)));
        }
        if candidate.images.is_empty() {
            return Err(invalid("it names no image".into()));
        }
        Ok(candidate)
    }

    /// Tries whether the file could be written, and leaves it as it is.
    ///
    /// # Errors
    /// As [`Candidate::write`].
    pub fn writable(path: &Path) -> Result<(), CandidateError> {
        let unwritable = |source| CandidateError::Unwritable { path: path.into(), source };
        if path.is_dir() {
            return Err(unwritable(std::io::ErrorKind::IsADirectory.into()));
        }
        let beside = path.with_extension("json.new");
        std::fs::write(&beside, "").and_then(|()| std::fs::remove_file(&beside)).map_err(unwritable)
    }

    /// Writes the file whole, or not at all: to a neighbour first, then moved into place.
    ///
    /// # Errors
    /// When the folder can't be written.
    pub fn write(&self, path: &Path) -> Result<(), CandidateError> {
        let unwritable = |source| CandidateError::Unwritable { path: path.into(), source };
        let mut text =
            serde_json::to_string_pretty(self).map_err(|error| unwritable(std::io::Error::other(error)))?;
        text.push('\n');
        let beside = path.with_extension("json.new");
        std::fs::write(&beside, text).map_err(unwritable)?;
        std::fs::rename(&beside, path).map_err(unwritable)
    }
}
