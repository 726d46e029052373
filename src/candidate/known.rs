//! Candidates of images that exist already, as EC2 and their tags describe them: pure.

use std::collections::BTreeMap;

use crate::config::{Fleet, glob_matches};
use crate::gate::{BUILD_TAG, BUILD_URL_TAG, COMMIT_TAG, FAMILY_TAG, same_build};
use crate::model::{Build, Candidate, CandidateImage, Image, Problem};

/// A candidate for each build among the images, in the order of their first images.
///
/// # Errors
/// When an image's family can't be known.
pub fn known(fleet: &Fleet, images: &[Image]) -> Result<Vec<Candidate>, Problem> {
    let mut builds: Vec<Vec<&Image>> = Vec::new();
    for image in images {
        match builds.iter_mut().find(|build| same_build(build[0], image)) {
            Some(build) => build.push(image),
            None => builds.push(vec![image]),
        }
    }
    builds.into_iter().map(|build| candidate(fleet, &build)).collect()
}

fn candidate(fleet: &Fleet, images: &[&Image]) -> Result<Candidate, Problem> {
    let first = images[0];
    let family = family(fleet, first).ok_or_else(|| unknown_family(fleet, first))?;
    let tag = |key: &str| first.tags.get(key).cloned();
    let build = Build { url: tag(BUILD_URL_TAG), number: tag(BUILD_TAG), commit: tag(COMMIT_TAG) };
    let images = images.iter().map(|image| CandidateImage {
        region: image.region.clone(),
        id: image.id.clone(),
        architecture: image.architecture.clone(),
        name: image.name.clone(),
        owner: image.owner.clone(),
    });
    Ok(Candidate::new(family, images.collect(), build, "the tags of its images".to_owned()))
}

/// The family that the image's tag says, else the one that its name matches, else the only one.
fn family(fleet: &Fleet, image: &Image) -> Option<String> {
    let families = &fleet.families;
    let tagged = image.tags.get(FAMILY_TAG).filter(|name| families.contains_key(*name));
    let matching = || {
        families.iter().find(|(_, family)| glob_matches(&family.name_glob, &image.name)).map(|(name, _)| name)
    };
    let only = || families.keys().next().filter(|_| families.len() == 1);
    tagged.or_else(matching).or_else(only).cloned()
}

fn unknown_family(fleet: &Fleet, image: &Image) -> Problem {
    let known: BTreeMap<&str, &str> =
        fleet.families.iter().map(|(name, family)| (name.as_str(), family.name_glob.as_str())).collect();
    let known: Vec<String> = known.into_iter().map(|(name, glob)| format!("{name} ({glob})")).collect();
    Problem::new(
        format!("of which family is image {} ({})?", image.id, image.name),
        format!("it has no tag {FAMILY_TAG} of a family of the configuration's: {}", known.join(", ")),
        "make a candidate of it with 'ami-refresh candidate --ami … --family NAME'",
    )
}
