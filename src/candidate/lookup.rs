//! The newest image of a family, as EC2 has it.

use super::Error;
use crate::aws::Account;
use crate::config::Family;
use crate::gate::BUILD_TAG;
use crate::model::{Image, ImageId, ImageState, Problem, Region};

/// The newest available image of the family in each region, and those of the same build.
///
/// # Errors
/// When a region has none: an old image is never kept in silence.
pub async fn lookup(homes: &[Account], name: &str, family: &Family) -> Result<Vec<(Region, ImageId)>, Error> {
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for home in homes {
        let images = home.images_named(&family.name_glob, &family.owners).await?;
        let chosen = newest_build(images, home.clock_now());
        if chosen.is_empty() {
            problems.push(Problem::new(
                format!("no image of family {name} in {}", home.region),
                format!(
                    "none that is available is named {}, owned by {}",
                    family.name_glob,
                    family.owners.join(", ")
                ),
                "build one, or correct the family's name and owners in the configuration",
            ));
        }
        found.extend(chosen.into_iter().map(|id| (home.region.clone(), id)));
    }
    if problems.is_empty() { Ok(found) } else { Err(Error::Unfit(problems)) }
}

/// The newest image, and the other architectures of its build where tags say which those are.
fn newest_build(images: Vec<Image>, now: jiff::Timestamp) -> Vec<ImageId> {
    let mut fit =
        images.into_iter().filter(|image| image.state == ImageState::Available && !image.is_deprecated(now));
    let Some(newest) = fit.next() else { return Vec::new() };
    let build = newest.tags.get(BUILD_TAG).cloned();
    let others = fit.filter(|image| {
        build.is_some()
            && image.tags.get(BUILD_TAG) == build.as_ref()
            && image.architecture != newest.architecture
    });
    let others: Vec<ImageId> = others.map(|image| image.id).collect();
    std::iter::once(newest.id.clone()).chain(others).collect()
}
