//! Finds images as the home account has them: by id, and the others of their builds.

use super::same_build;
use crate::aws::{Account, Error};
use crate::config::Family;
use crate::model::{Image, ImageId};

/// The images of these ids, in their order; those that no region has are left out.
///
/// `homes` holds the home account in every region that is to be searched.
pub async fn find(homes: &[Account], ids: &[ImageId]) -> Result<Vec<Image>, Error> {
    let mut found: Vec<Image> = Vec::new();
    for home in homes {
        found.extend(home.images(ids).await?.into_values());
    }
    found.sort_by_key(|image| ids.iter().position(|id| *id == image.id));
    Ok(found)
}

/// The images, and behind them the others of their builds: every region and architecture.
pub async fn whole_builds<'f>(
    homes: &[Account],
    families: impl IntoIterator<Item = &'f Family>,
    images: Vec<Image>,
) -> Result<Vec<Image>, Error> {
    let mut whole = images.clone();
    for family in families {
        for home in homes {
            for image in home.images_named(&family.name_glob, &family.owners).await? {
                let known = whole.iter().any(|one| one.id == image.id && one.region == image.region);
                if !known && images.iter().any(|one| same_build(one, &image)) {
                    whole.push(image);
                }
            }
        }
    }
    Ok(whole)
}
