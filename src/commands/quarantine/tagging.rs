//! Writes quarantines on images, and looks until EC2 shows them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::aws::Account;
use crate::clock::Clock;
use crate::commands::Failure;
use crate::gate::{self, QUARANTINE_TAG, Quarantine};
use crate::model::{Exit, Image, ImageId, Problem};

/// How long EC2 may show the tags as they were before.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);
/// How often it is asked at least, however fast the clock.
const LOOKS: u32 = 5;

/// What a tag says.
pub(super) fn read(tag: &str) -> Option<Quarantine> {
    Quarantine::of(&BTreeMap::from([(QUARANTINE_TAG.to_owned(), tag.to_owned())]))
}

/// Writes each image's quarantine; one that can't be tagged does not keep the others from it.
pub(super) async fn write(
    clock: Clock,
    homes: &[Account],
    wishes: &[(Image, Quarantine)],
) -> Result<(), Failure> {
    let mut problems = Vec::new();
    let mut written = Vec::new();
    for wish in wishes {
        let (image, quarantine) = wish;
        match gate::quarantine(homes, &[(image.region.clone(), image.id.clone())], quarantine).await {
            Ok(()) => written.push(wish),
            Err(error) => problems.push(Problem::new(
                format!("image {} in {} could not be tagged", image.id, image.region),
                error.to_string(),
                "allow ec2:CreateTags on images to the home credentials, and run this again",
            )),
        }
    }
    problems.extend(unseen(clock, homes, &written).await?.iter().map(|image| {
        Problem::new(
            format!(
                "the quarantine of image {} in {} was written, and EC2 does not show it",
                image.id, image.region
            ),
            format!(
                "it was looked for during {} seconds; what starts meanwhile does not see it",
                SETTLES_WITHIN.as_secs()
            ),
            "look with 'ami-refresh quarantine list --all', and run this again",
        )
    }));
    if problems.is_empty() { Ok(()) } else { Err(Failure::Told(Exit::Unexpected, problems)) }
}

/// The images that EC2 does not show with their new tag by the end.
async fn unseen<'w>(
    clock: Clock,
    homes: &[Account],
    wishes: &[&'w (Image, Quarantine)],
) -> Result<Vec<&'w Image>, Failure> {
    let begun = clock.now();
    let ids: Vec<ImageId> = wishes.iter().map(|(image, _)| image.id.clone()).collect();
    let mut looks = 0;
    loop {
        let shown = gate::find(homes, &ids).await?;
        let is_shown = |(image, quarantine): &(Image, Quarantine)| {
            let now = shown.iter().find(|one| one.id == image.id && one.region == image.region);
            now.and_then(|one| one.tags.get(QUARANTINE_TAG)) == Some(&quarantine.to_tag())
        };
        let unseen: Vec<&Image> =
            wishes.iter().copied().filter(|wish| !is_shown(wish)).map(|(image, _)| image).collect();
        looks += 1;
        if unseen.is_empty() || (looks >= LOOKS && clock.since(begun) >= SETTLES_WITHIN) {
            return Ok(unseen);
        }
        clock.sleep(Duration::from_secs(3)).await;
    }
}
