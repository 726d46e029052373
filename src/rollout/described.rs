//! Tells what EC2 says of the images of a run, from descriptions that are fetched anyway.
//!
//! Never makes a call of its own: [`Run::gates`] reads the candidate's images for their gates, and
//! takes in the others that are known by then in the same call.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::Run;
use crate::aws::{Account, Error};
use crate::event::Event;
use crate::gate::{self, BUILD_TAG, BUILD_URL_TAG, COMMIT_TAG, FAMILY_TAG, Records};
use crate::model::{Image, ImageFacts, ImageId, Region};

/// The images that were told of, by region and id, and whether with tags.
#[derive(Debug, Default)]
pub struct Described(RefCell<BTreeMap<(Region, ImageId), bool>>);

impl Described {
    /// Whether the image is to be told: it was not yet, or by an account that does not see its tags.
    fn is_news(&self, facts: &ImageFacts) -> bool {
        let (mut known, has_tags) = (self.0.borrow_mut(), !facts.tags.is_empty());
        match known.get_mut(&(facts.region.clone(), facts.id.clone())) {
            None => {
                known.insert((facts.region.clone(), facts.id.clone()), has_tags);
                true
            }
            Some(with_tags) => {
                let is_news = has_tags && !*with_tags;
                *with_tags |= has_tags;
                is_news
            }
        }
    }

    /// Those that were told without tags.
    fn without_tags(&self) -> Vec<(Region, ImageId)> {
        let known = self.0.borrow();
        known.iter().filter(|(_, with_tags)| !**with_tags).map(|(key, _)| key.clone()).collect()
    }
}

impl Run<'_> {
    /// Tells of each image that was not told yet: once, and again when its tags are seen at last.
    pub(super) fn describe<'a>(&self, images: impl Iterator<Item = &'a Image>) {
        for image in images.map(facts) {
            if self.described.is_news(&image) {
                self.events.emit(Event::ImageDescribed { image });
            }
        }
    }

    /// Every gate's record for the candidate; tells what the home account sees of its images.
    pub(super) async fn gates(&self, homes: &[Account]) -> Result<Records, Error> {
        let others = self.described.without_tags();
        let (tags, images) = gate::read_images(homes, self.candidate, &others).await?;
        self.describe(images.iter());
        Ok(Records::of(&tags))
    }
}

/// What reports tell of an image. What rollouts note on it is left out: that changes while they run.
fn facts(image: &Image) -> ImageFacts {
    let origin = [FAMILY_TAG, BUILD_TAG, BUILD_URL_TAG, COMMIT_TAG];
    let is_its_own = |key: &str| !key.starts_with("ami-refresh:") || origin.contains(&key);
    let tags = image.tags.iter().filter(|(key, _)| is_its_own(key));
    ImageFacts {
        id: image.id.clone(),
        region: image.region.clone(),
        name: image.name.clone(),
        description: image.description.clone(),
        created: image.created,
        tags: tags.map(|(key, value)| (key.clone(), value.clone())).collect(),
    }
}
