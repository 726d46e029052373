//! Which of the AMIs that image builds made are a candidate's: pure.
//!
//! One build may distribute its image to several regions and accounts, and builds of several
//! pipelines make one candidate when each is of another architecture.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use crate::config::{Family, Fleet};
use crate::model::{AccountId, BuiltImage, ImageBuild, ImageId, Problem, Region};

/// The images to verify, and what was left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outputs {
    /// The images, by region.
    pub images: Vec<(Region, ImageId)>,
    /// What people should know of the others, a line each.
    pub notes: Vec<String>,
}

/// The AMIs of the builds for the regions of the configuration: of each build and region the home
/// account's own, or else one of another account that may own the family's images.
///
/// # Errors
/// When a build made no AMI; when a region of an environment gets none, or none that may be used.
pub fn outputs(
    fleet: &Fleet,
    home: &AccountId,
    family: &Family,
    builds: &[ImageBuild],
) -> Result<Outputs, Error> {
    let regions: BTreeSet<&Region> =
        fleet.environments.iter().flat_map(|environment| &environment.regions).collect();
    let mut found = Outputs::default();
    let mut problems = Vec::new();
    for build in builds {
        if build.images.is_empty() {
            problems.push(no_image(build));
            continue;
        }
        for (region, images) in by_region(build) {
            if regions.contains(region) {
                take(home, family, build, &images, &mut found, &mut problems);
            } else {
                found.notes.push(unused_region(&images));
            }
        }
        let missing: Vec<&Region> = regions
            .iter()
            .copied()
            .filter(|region| build.images.iter().all(|image| image.region != **region))
            .collect();
        // Where there are several families, an environment's region may be another one's.
        if fleet.families.len() == 1 {
            problems.extend(missing.into_iter().map(|region| missing_region(fleet, build, region)));
        } else {
            found.notes.extend(
                missing.into_iter().map(|region| format!("{} made no image in {region}", build.short())),
            );
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(Error::Unfit(problems)) }
}

fn by_region(build: &ImageBuild) -> BTreeMap<&Region, Vec<&BuiltImage>> {
    let mut regions: BTreeMap<&Region, Vec<&BuiltImage>> = BTreeMap::new();
    for image in &build.images {
        regions.entry(&image.region).or_default().push(image);
    }
    regions
}

/// Takes the images of one region, all of them of `build`.
fn take(
    home: &AccountId,
    family: &Family,
    build: &ImageBuild,
    images: &[&BuiltImage],
    found: &mut Outputs,
    problems: &mut Vec<Problem>,
) {
    // Where no account is told, it is the pipeline's own.
    let owner = |image: &BuiltImage| image.account.clone().unwrap_or_else(|| home.clone());
    let is_home = |image: &BuiltImage| owner(image) == *home;
    let may_own = |image: &BuiltImage| family.owners.iter().any(|allowed| allowed == owner(image).as_str());
    let mut taken: Vec<&BuiltImage> = images.iter().copied().filter(|image| is_home(image)).collect();
    if taken.is_empty() {
        taken.extend(images.iter().copied().find(|image| may_own(image)));
    }
    if taken.is_empty() {
        problems.push(only_others(build, images));
        return;
    }
    for image in images {
        if taken.iter().any(|one| one.id == image.id) {
            found.images.push((image.region.clone(), image.id.clone()));
            if !is_home(image) {
                found.notes.push(format!(
                    "{} in {} is account {}'s: tags that this account sets on it, gates too, are seen here only",
                    image.id, image.region, owner(image)
                ));
            }
        } else {
            found.notes.push(format!(
                "{} in {} is account {}'s copy, and left out: groups there get {}, which must be shared with that account",
                image.id, image.region, owner(image), taken[0].id
            ));
        }
    }
}

fn unused_region(images: &[&BuiltImage]) -> String {
    let ids: Vec<&str> = images.iter().map(|image| image.id.as_str()).collect();
    let region = images.first().map_or("", |image| image.region.as_str());
    format!("{} in {region} is left out: no environment is there", ids.join(", "))
}

fn no_image(build: &ImageBuild) -> Problem {
    Problem::new(
        format!("the image build {} made no AMI", build.short()),
        "it is available, and there is no AMI among its output resources",
        "name a pipeline with an AMI recipe and a distribution: containers can't be rolled out here",
    )
}

fn missing_region(fleet: &Fleet, build: &ImageBuild, region: &Region) -> Problem {
    let there: Vec<&str> = fleet
        .environments
        .iter()
        .filter(|environment| environment.regions.contains(region))
        .map(|environment| environment.name.as_str())
        .collect();
    let made: BTreeSet<&str> = build.images.iter().map(|image| image.region.as_str()).collect();
    Problem::new(
        format!("the image build {} made no image in {region}", build.short()),
        format!(
            "environments are there: {}; it made images in {}",
            there.join(", "),
            made.into_iter().collect::<Vec<_>>().join(", ")
        ),
        "add the region to the pipeline's distribution settings and build again",
    )
}

fn only_others(build: &ImageBuild, images: &[&BuiltImage]) -> Problem {
    let told: Vec<String> = images
        .iter()
        .map(|image| {
            let account = image.account.as_ref().map_or("another account", AccountId::as_str);
            format!("{} of {account}", image.id)
        })
        .collect();
    let region = images.first().map_or("", |image| image.region.as_str());
    Problem::new(
        format!("the images that {} made in {region} are all other accounts'", build.short()),
        format!("they are {}, and none may own the family's images", told.join(", ")),
        "let the pipeline keep one in its own account and share it; or add the owner to the family in the configuration and share the image with this account",
    )
}

#[cfg(test)]
mod tests;
