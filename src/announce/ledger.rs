//! The tags that hold what was told, on the family's images in the home account.

use std::collections::BTreeMap;

use super::memory::Memory;
use crate::aws::{Cloud, Error};
use crate::clock::Clock;
use crate::config::Fleet;
use crate::gate::{self, TAGS};
use crate::model::{EnvironmentName, Image, ImageState};
use crate::rollout::{self, Stop};

/// What the tags' keys begin with; the environment's name follows, and `.2`, `.3`, … of more.
const PREFIX: &str = "ami-refresh:announced/";

/// The images that are remembered on, the newest first.
#[derive(Debug)]
pub(super) struct Ledger {
    images: Vec<Image>,
    /// How many tags of its own an image may still get: for each environment a gate and what was
    /// replaced there, and quarantine. They matter more than what was told.
    reserved: usize,
}

impl Ledger {
    /// Reads the tags of every image of every family.
    pub(super) async fn read(cloud: &Cloud, clock: Clock, fleet: &Fleet) -> Result<Self, Stop> {
        let mut images = Vec::new();
        for family in fleet.families.values() {
            images.extend(rollout::family(cloud, clock, fleet, family).await?);
        }
        images.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
        // Two families may claim an image.
        images.dedup_by(|a, b| a.id == b.id && a.region == b.region);
        let gates = gate::tags_of(fleet.environments.len());
        // Few environments have anything to remember of overrides: that takes no more than half.
        let reserved = (gates + fleet.environments.len()).min(TAGS / 2).max(gates);
        Ok(Self { images, reserved })
    }

    /// Whether there is an image to remember on.
    pub(super) fn can_write(&self) -> bool {
        self.images.iter().any(|image| image.state == ImageState::Available)
    }

    /// What was told of an environment.
    pub(super) fn of(&self, environment: &EnvironmentName) -> Memory {
        let tags = self.images.iter().flat_map(|image| &image.tags);
        Memory::read(tags.filter(|(key, _)| is_of(key, environment)).map(|(_, value)| value.as_str()))
    }

    /// Remembers what was told of an environment, instead of what was before.
    pub(super) async fn write(
        &mut self,
        cloud: &Cloud,
        environment: &EnvironmentName,
        memory: &Memory,
    ) -> Result<(), Error> {
        for (place, tags) in self.places(environment, &memory.write()) {
            let image = &mut self.images[place];
            cloud.home(&image.region).tag_image(&image.id, &tags).await?;
            image.tags.extend(tags);
        }
        Ok(())
    }

    /// How much room an image must keep for gates and quarantine.
    fn kept_free(&self, image: &Image) -> usize {
        let there = image.tags.keys().filter(|key| gate::is_record(key)).count();
        self.reserved.saturating_sub(there).min(TAGS)
    }

    /// Which tags go onto which image: the newest takes as many as it has room for.
    fn places(
        &self,
        environment: &EnvironmentName,
        values: &[String],
    ) -> BTreeMap<usize, BTreeMap<String, String>> {
        let mut places: BTreeMap<usize, BTreeMap<String, String>> = BTreeMap::new();
        let available =
            self.images.iter().enumerate().filter(|(_, image)| image.state == ImageState::Available);
        let mut available = available.peekable();
        for (part, value) in values.iter().enumerate() {
            let key = key(environment, part);
            while let Some((place, image)) = available.peek() {
                let new = places
                    .get(place)
                    .map_or(0, |tags| tags.keys().filter(|key| !image.tags.contains_key(*key)).count());
                if image.tags.contains_key(&key) || image.tags.len() + new < TAGS - self.kept_free(image) {
                    places.entry(*place).or_default().insert(key.clone(), value.clone());
                    break;
                }
                available.next();
            }
        }
        places
    }
}

fn key(environment: &EnvironmentName, part: usize) -> String {
    if part == 0 { format!("{PREFIX}{environment}") } else { format!("{PREFIX}{environment}.{}", part + 1) }
}

fn is_of(key: &str, environment: &EnvironmentName) -> bool {
    let rest = key.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix(environment.as_str()));
    rest.is_some_and(|rest| {
        rest.is_empty() || rest.strip_prefix('.').is_some_and(|part| part.parse::<usize>().is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::announce::tests::image;

    #[test]
    fn an_environments_tags_are_not_anothers() {
        let qa: EnvironmentName = "qa".into();
        for yes in ["ami-refresh:announced/qa", "ami-refresh:announced/qa.2", "ami-refresh:announced/qa.12"] {
            assert!(is_of(yes, &qa), "{yes}");
        }
        for no in ["ami-refresh:announced/qa2", "ami-refresh:announced/qa.x", "ami-refresh:gate/qa", "qa"] {
            assert!(!is_of(no, &qa), "{no}");
        }
    }

    #[test]
    fn what_the_newest_image_has_no_room_for_goes_onto_the_next() {
        let mut images = vec![image("ami-3", 47), image("ami-2", 50), image("ami-1", 10)];
        images[0].tags.insert("ami-refresh:announced/qa".to_owned(), "1".to_owned());
        let ledger = Ledger { images, reserved: 0 };
        let values: Vec<String> = (0..5).map(|part| part.to_string()).collect();
        let places = ledger.places(&"qa".into(), &values);
        let keys = |place: usize| places[&place].keys().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(
            keys(0),
            ["ami-refresh:announced/qa", "ami-refresh:announced/qa.2", "ami-refresh:announced/qa.3"]
        );
        assert_eq!(keys(2), ["ami-refresh:announced/qa.4", "ami-refresh:announced/qa.5"]);
        assert_eq!(places.len(), 2);
    }

    #[test]
    fn only_an_available_image_is_written_to_and_all_are_read() {
        let mut images = vec![image("ami-2", 0), image("ami-1", 0)];
        images[0].state = ImageState::Pending;
        images[1].tags.insert("ami-refresh:announced/qa".to_owned(), "v1.7".to_owned());
        let ledger = Ledger { images, reserved: 0 };
        assert_eq!(ledger.of(&"qa".into()).stamp, 7);
        assert_eq!(ledger.places(&"qa".into(), &["x".to_owned()]).into_keys().collect::<Vec<_>>(), [1]);
    }
}
