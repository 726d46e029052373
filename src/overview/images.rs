//! The images of a family, put together by the builds that made them.

use jiff::tz::TimeZone;

use crate::config::glob_matches;
use crate::gate::same_build;
use crate::model::{Image, ImageId};
use crate::rollout::Sight;

/// The images of a family, as the home account sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    glob: String,
    /// Each build's images, the newest build first.
    builds: Vec<Vec<Image>>,
}

/// What an image is to a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kin {
    /// It is of the build in this place.
    Build(usize),
    /// It is of the family, or gone: nobody can tell. No tags of it are known.
    Stray,
    /// It is of another family.
    Other,
}

impl Family {
    /// Puts the images together that are of one build; `images` has the newest first.
    pub fn new(glob: &str, images: Vec<Image>) -> Self {
        let mut builds: Vec<Vec<Image>> = Vec::new();
        for image in images {
            match builds.iter_mut().find(|build| build.iter().any(|known| same_build(known, &image))) {
                Some(build) => build.push(image),
                None => builds.push(vec![image]),
            }
        }
        Self { glob: glob.to_owned(), builds }
    }

    /// The builds, the newest first; each has at least one image.
    pub(super) fn builds(&self) -> &[Vec<Image>] {
        &self.builds
    }

    /// What an image that a group is on is to this family.
    pub(super) fn kin(&self, id: &ImageId, sight: &Sight) -> Kin {
        let of = |build: &Vec<Image>| build.iter().any(|image| image.id == *id);
        match (self.builds.iter().position(of), sight.images.get(id)) {
            (Some(place), _) => Kin::Build(place),
            (None, Some(image)) if !glob_matches(&self.glob, &image.name) => Kin::Other,
            (None, Some(_) | None) => Kin::Stray,
        }
    }
}

/// The zone's name, as people write it.
pub(super) fn zone_name(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").to_owned()
}
