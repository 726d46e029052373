//! Finds the images of one build, and proves that they are fit to be rolled out.
//!
//! [`packer`] reads a manifest, [`lookup()`] asks EC2, [`image_builder`] asks Image Builder; all
//! end in [`verify()`], which asks EC2 what every image is and refuses the unfit ones. Tags and writes nothing by itself
//! before all of them are found fit. [`known()`] makes candidates of images that were tagged before.

pub mod image_builder;
mod known;
mod lookup;
mod outputs;
pub mod packer;
mod progress;
mod verify;

pub use known::known;
pub use lookup::{Found, Skipped, lookup};
pub use outputs::{Outputs, outputs};
pub use progress::Progress;
pub use verify::{tag, verify};

use crate::model::Problem;

/// Why there is no candidate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was given can't be used: exit 2.
    #[error("{0}")]
    Input(Problem),
    /// AWS says that the images are not fit: exit 3.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Unfit(Vec<Problem>),
    /// An image was to be built, and was not: exit 5, for a person has to look why.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Failed(Vec<Problem>),
    /// AWS could not be asked.
    #[error(transparent)]
    Aws(#[from] crate::aws::Error),
}
