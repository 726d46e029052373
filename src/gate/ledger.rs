//! The tags that hold the records, on every image of the candidate.

use std::collections::BTreeMap;

use super::{GATE_PREFIX, QUARANTINE_TAG, Quarantine, Record, quarantined};
use crate::aws::{Account, Error};
use crate::model::{Candidate, EnvironmentName, Image, ImageId, Problem, Region};

/// What the tags of a candidate's images say of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// What became of it in each environment.
    pub gates: BTreeMap<EnvironmentName, Record>,
    /// Those of its images that are in quarantine.
    pub quarantined: BTreeMap<ImageId, Quarantine>,
}

impl Records {
    /// The record of an environment.
    pub fn get(&self, environment: &EnvironmentName) -> Option<&Record> {
        self.gates.get(environment)
    }

    /// Why the candidate passes nowhere: a problem for each image in quarantine.
    pub fn in_quarantine(&self, environment: Option<&EnvironmentName>) -> Vec<Problem> {
        let held = self.quarantined.iter();
        held.map(|(image, quarantine)| quarantined(image, quarantine, environment)).collect()
    }
}

/// Every gate's record for this candidate, and whether it is in quarantine.
///
/// `homes` holds the home account in each of the candidate's regions. Where the images
/// disagree, the least of them counts: all images must have passed.
pub async fn read(homes: &[Account], candidate: &Candidate) -> Result<Records, Error> {
    let mut per_image = Vec::new();
    let mut quarantined = BTreeMap::new();
    for image in &candidate.images {
        let Some(home) = homes.iter().find(|home| home.region == image.region) else { continue };
        let found = home.images(std::slice::from_ref(&image.id)).await?.remove(&image.id);
        if let Some(quarantine) = found.as_ref().and_then(in_quarantine) {
            quarantined.insert(image.id.clone(), quarantine);
        }
        per_image.push(found.map(|image| records(&image.tags)).unwrap_or_default());
    }
    Ok(Records { gates: merge(per_image), quarantined })
}

/// Writes an environment's record on every image of the candidate.
pub async fn write(
    homes: &[Account],
    candidate: &Candidate,
    environment: &EnvironmentName,
    record: &Record,
) -> Result<(), Error> {
    let tag = BTreeMap::from([(format!("{GATE_PREFIX}{environment}"), record.to_tag())]);
    for image in &candidate.images {
        for home in homes.iter().filter(|home| home.region == image.region) {
            home.tag_image(&image.id, &tag).await?;
        }
    }
    Ok(())
}

/// Puts images into quarantine, or lifts it, as the record says.
pub async fn quarantine(
    homes: &[Account],
    images: &[(Region, ImageId)],
    record: &Quarantine,
) -> Result<(), Error> {
    let tag = BTreeMap::from([(QUARANTINE_TAG.to_owned(), record.to_tag())]);
    for (region, image) in images {
        for home in homes.iter().filter(|home| home.region == *region) {
            home.tag_image(image, &tag).await?;
        }
    }
    Ok(())
}

/// The quarantine that holds for an image.
pub fn in_quarantine(image: &Image) -> Option<Quarantine> {
    Quarantine::of(&image.tags).filter(|quarantine| quarantine.holds)
}

/// Every gate's record among an image's tags.
pub fn records(tags: &BTreeMap<String, String>) -> BTreeMap<EnvironmentName, Record> {
    tags.iter()
        .filter_map(|(key, value)| Some((key.strip_prefix(GATE_PREFIX)?.into(), Record::from_tag(value)?)))
        .collect()
}

/// An environment that one image has no record of has none; else the worst, newest record counts.
fn merge(per_image: Vec<BTreeMap<EnvironmentName, Record>>) -> BTreeMap<EnvironmentName, Record> {
    let mut images = per_image.into_iter();
    let mut merged = images.next().unwrap_or_default();
    for records in images {
        merged.retain(|name, _| records.contains_key(name));
        for (name, record) in records {
            if let Some(known) = merged.get_mut(&name)
                && (record.state, record.at) > (known.state, known.at)
            {
                *known = record;
            }
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::State;

    #[test]
    fn all_images_must_have_passed() {
        let tag = |text: &str| BTreeMap::from([(format!("{GATE_PREFIX}qa"), text.to_owned())]);
        let passed = records(&tag("passed 2026-11-23T15:41:07Z 3/3"));
        let failed = records(&tag("failed 2026-11-23T15:42:07Z payments"));
        assert_eq!(merge(vec![passed.clone(), failed])[&"qa".into()].state, State::Failed);
        assert!(merge(vec![passed, BTreeMap::new()]).is_empty());
    }
}
