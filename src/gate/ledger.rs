//! The tags that hold the records, on every image of the candidate.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::{
    QUARANTINE_TAG, Quarantine, Record, State, TAGS, gate_key, is_shared, quarantined, records, tag_over,
};
use crate::aws::{Account, Error, Kind};
use crate::clock::Clock;
use crate::model::{Candidate, EnvironmentName, Image, ImageId, Problem, Region};

/// How many other images are asked for beside one of the candidate's: all fit into one call.
const BESIDE: usize = 100;
/// How often a record is written into a tag that others write, too.
pub const TRIES: usize = 3;
/// How long another run may take from reading a shared tag to writing it.
pub const OTHERS_WRITE_WITHIN: Duration = Duration::from_secs(5);

/// What the tags of a candidate's images say of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// What became of it in each environment.
    pub gates: BTreeMap<EnvironmentName, Record>,
    /// Those of its images that are in quarantine.
    pub quarantined: BTreeMap<ImageId, Quarantine>,
    /// All the tags that they have.
    pub tags: Tags,
}

impl Records {
    /// What these tags say.
    pub fn of(tags: &Tags) -> Self {
        let quarantined = tags.iter().filter_map(|((_, image), tags)| {
            let quarantine = Quarantine::of(tags).filter(|quarantine| quarantine.holds)?;
            Some((image.clone(), quarantine))
        });
        let quarantined = quarantined.collect();
        Self { gates: merge(tags.values().map(records).collect()), quarantined, tags: tags.clone() }
    }

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

impl Records {
    /// Which images have no room for a record of this environment, and how to make it.
    pub fn without_room(&self, environment: &EnvironmentName) -> Vec<Problem> {
        let record = Record { state: State::Passed, at: Timestamp::UNIX_EPOCH, detail: String::new() };
        let full = self.tags.iter().filter(|(_, tags)| tag_over(tags, environment, &record, []).is_none());
        let full = full.map(|((region, image), tags)| {
            Problem::new(
                format!(
                    "image {image} in {region} has no room to record what becomes of it in {environment}"
                ),
                format!("EC2 lets an image have {TAGS} tags, it has {}, and none has room", tags.len()),
                format!(
                    "remove a tag that nobody needs from {image} in the home account, or give what builds \
                     images fewer tags, and run this again"
                ),
            )
        });
        full.collect()
    }
}

/// The tags of images, each by its region and id.
pub type Tags = BTreeMap<(Region, ImageId), BTreeMap<String, String>>;

/// Every gate's record for this candidate, and whether it is in quarantine.
///
/// `homes` holds the home account in each of the candidate's regions. Where the images
/// disagree, the least of them counts: all images must have passed.
pub async fn read(homes: &[Account], candidate: &Candidate) -> Result<Records, Error> {
    Ok(Records::of(&read_tags(homes, candidate).await?))
}

/// The tags of the candidate's images; one that is gone has none.
pub async fn read_tags(homes: &[Account], candidate: &Candidate) -> Result<Tags, Error> {
    Ok(read_images(homes, candidate, &[]).await?.0)
}

/// The same, and all that the home account sees of these images and of others, by their region and
/// id, in the same calls; one that it does not see is left out.
pub async fn read_images(
    homes: &[Account],
    candidate: &Candidate,
    others: &[(Region, ImageId)],
) -> Result<(Tags, Vec<Image>), Error> {
    let (mut tags, mut images) = (Tags::new(), Vec::new());
    for image in &candidate.images {
        let Some(home) = homes.iter().find(|home| home.region == image.region) else { continue };
        let beside = others.iter().filter(|(region, id)| *region == image.region && *id != image.id);
        let ids = beside.map(|(_, id)| id).take(BESIDE).chain([&image.id]).cloned().collect::<Vec<_>>();
        let found = home.images(&ids).await?;
        let own = found.get(&image.id).map(|image| image.tags.clone()).unwrap_or_default();
        tags.insert((image.region.clone(), image.id.clone()), own);
        images.extend(found.into_values());
    }
    Ok((tags, images))
}

/// Writes an environment's record on every image of the candidate; `environments` are all that it may pass.
///
/// A tag that others share is looked at again, and written again where somebody else's write took it away.
///
/// # Errors
/// When AWS fails, or the record does not stay.
pub async fn write<'e>(
    clock: Clock,
    (homes, candidate): (&[Account], &Candidate),
    environments: impl Iterator<Item = &'e EnvironmentName> + Clone,
    (environment, record): (&EnvironmentName, &Record),
) -> Result<(), Error> {
    for _ in 0..TRIES {
        let mut tags = Tags::new();
        for (image, there) in read_tags(homes, candidate).await? {
            tags.insert(image, BTreeMap::from([gate_tag(&there, environment, record, environments.clone())]));
        }
        write_tags(homes, &tags).await?;
        if !tags.values().any(|tags| tags.keys().any(|key| is_shared(key))) {
            return Ok(());
        }
        clock.sleep(OTHERS_WRITE_WITHIN).await;
        if show(&read_tags(homes, candidate).await?, environment, record) {
            return Ok(());
        }
    }
    Err(lost(environment))
}

/// Whether every image shows this record.
pub fn show(tags: &Tags, name: &EnvironmentName, record: &Record) -> bool {
    tags.values().all(|tags| records(tags).get(name).is_some_and(|shown| shown.is_same_as(record)))
}

/// That a record does not stay in the tag that it shares.
pub fn lost(environment: &EnvironmentName) -> Error {
    Error {
        operation: "CreateTags",
        kind: Kind::Answered,
        code: "RecordLost".into(),
        message: format!(
            "the record of {environment} does not stay in the tag that several environments share: other runs \
             write it at the same time; run it again when they have ended"
        ),
        request_id: String::new(),
    }
}

/// The tag that holds an environment's record, over those that an image has. Where there is no room
/// it is one more, so that EC2 says why not.
pub fn gate_tag<'e>(
    there: &BTreeMap<String, String>,
    environment: &EnvironmentName,
    record: &Record,
    environments: impl Iterator<Item = &'e EnvironmentName>,
) -> (String, String) {
    tag_over(there, environment, record, environments)
        .unwrap_or_else(|| (gate_key(environment), record.to_tag()))
}

/// Writes tags on images, over what they have; all of an image's in one call.
pub async fn write_tags(homes: &[Account], tags: &Tags) -> Result<(), Error> {
    for ((region, image), tags) in tags {
        for home in homes.iter().filter(|home| home.region == *region) {
            home.tag_image(image, tags).await?;
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
    let tags = images.iter().map(|image| (image.clone(), tag.clone())).collect();
    write_tags(homes, &tags).await
}

/// The quarantine that holds for an image.
pub fn in_quarantine(image: &Image) -> Option<Quarantine> {
    Quarantine::of(&image.tags).filter(|quarantine| quarantine.holds)
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
    use crate::gate::GATE_PREFIX;

    #[test]
    fn all_images_must_have_passed() {
        let tag = |text: &str| BTreeMap::from([(format!("{GATE_PREFIX}qa"), text.to_owned())]);
        let passed = records(&tag("passed 2026-11-23T15:41:07Z 3/3"));
        let failed = records(&tag("failed 2026-11-23T15:42:07Z payments"));
        assert_eq!(merge(vec![passed.clone(), failed])[&"qa".into()].state, State::Failed);
        assert!(merge(vec![passed, BTreeMap::new()]).is_empty());
    }
}
