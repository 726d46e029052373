//! The images that places name, the newest of the families, and who sees them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::file::{Image, Place};
use super::{Asked, Found};
use crate::aws::{Account, Error};
use crate::model::{self, AccountId, ImageId, Region};

/// How many images of each family are taken in each region, the newest first.
const NEWEST: usize = 5;

/// The images that the templates, policies and launch configurations name, or parameters lead to.
fn named_images(place: &Place) -> BTreeSet<ImageId> {
    let versions = place.templates.iter().flat_map(|template| &template.versions);
    let in_templates = versions.filter_map(|version| version.data.get("ImageId"));
    let in_policies = place.groups.iter().flat_map(|group| &group.mixed_instances_policy);
    let in_policies = in_policies.filter(|(name, _)| name.ends_with(".ImageId")).map(|(_, id)| id);
    let named = in_templates.chain(in_policies).map(|id| ImageId::new(id.as_str()));
    let in_configurations = place.groups.iter().filter_map(|group| group.launch_configuration_image.clone());
    let all = named.chain(in_configurations).chain(place.parameters.values().cloned());
    all.filter(ImageId::is_well_formed).collect()
}

/// What is known of the images, and who sees them.
pub(super) async fn images(
    asked: &Asked<'_>,
    homes: &[Account],
    home: &AccountId,
    found: &[Found],
) -> Result<Vec<Image>, Error> {
    let mut images: BTreeMap<(Region, ImageId), Image> = BTreeMap::new();
    let regions: BTreeSet<&Region> = found.iter().map(|found| &found.place.region).collect();
    for region in regions {
        let mut wanted: BTreeSet<ImageId> = BTreeSet::new();
        let there: Vec<&Found> = found.iter().filter(|found| found.place.region == *region).collect();
        wanted.extend(there.iter().flat_map(|found| named_images(&found.place)));
        let here = homes.iter().find(|account| account.region == *region);
        if let Some(account) = here {
            for family in asked.fleet.families.values() {
                let newest = account.images_named(&family.name_glob, &family.owners).await?;
                wanted.extend(newest.into_iter().take(NEWEST).map(|image| image.id));
            }
        }
        let wanted: Vec<ImageId> = wanted.into_iter().collect();
        let lookers = there.iter().map(|found| (&found.place.account, &found.account));
        for (looker, account) in lookers.chain(here.map(|account| (home, account))) {
            for (id, image) in account.images(&wanted).await? {
                let known = images.entry((region.clone(), id)).or_insert_with(|| read(&image));
                if image.owner == *looker {
                    known.tags = image.tags;
                } else if !known.visible_to.contains(looker) {
                    known.visible_to.push(looker.clone());
                }
            }
        }
    }
    let mut images: Vec<Image> = images.into_values().collect();
    for image in &mut images {
        image.visible_to.sort();
    }
    Ok(images)
}

fn read(image: &model::Image) -> Image {
    let state = match &image.state {
        model::ImageState::Available => "available",
        model::ImageState::Pending => "pending",
        model::ImageState::Failed(_) => "failed",
        model::ImageState::Other(state) => state,
    };
    Image {
        id: image.id.clone(),
        region: image.region.clone(),
        name: image.name.clone(),
        description: image.description.clone(),
        architecture: image.architecture.clone(),
        owner: image.owner.clone(),
        state: state.to_owned(),
        created: image.created,
        deprecated: image.deprecated_from,
        volumes: image.volumes,
        visible_to: Vec::new(),
        // Another account's tags are nobody's to see but the owner's.
        tags: BTreeMap::new(),
    }
}
