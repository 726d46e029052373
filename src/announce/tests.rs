//! Sequences of runs over a fleet that changes: what is said, and that it is said once.

use crate::model::{Architecture, Image, ImageState};

/// An image with that many tags of others'.
pub(super) fn image(id: &str, tags: usize) -> Image {
    Image {
        id: id.into(),
        name: "dept-base-1".into(),
        region: "eu-west-2".into(),
        state: ImageState::Available,
        architecture: Architecture::X86_64,
        owner: "100000000000".into(),
        created: None,
        deprecated_from: None,
        tags: (0..tags).map(|tag| (format!("tag{tag:02}"), String::new())).collect(),
    }
}
