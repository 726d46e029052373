//! Images: describing them, and the tags that hold gates and provenance.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, Image as SdkImage, ImageState as SdkState, Tag};

use super::{Account, Error};
use crate::model::{Image, ImageId, ImageState};

const DESCRIBE: &str = "DescribeImages";

impl Account {
    /// The images of these ids that exist and are visible here, by id.
    ///
    /// An id that EC2 does not know is left out, not an error: the caller knows what it means.
    pub async fn images(&self, ids: &[ImageId]) -> Result<BTreeMap<ImageId, Image>, Error> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        // A filter, unlike a list of ids, does not fail as a whole when one of them is gone.
        let ids: Vec<String> = ids.iter().map(|id| id.as_str().to_owned()).collect();
        let mut found = BTreeMap::new();
        for ids in ids.chunks(200) {
            let filter = Filter::builder().name("image-id").set_values(Some(ids.to_vec())).build();
            found.extend(self.describe_images(Vec::new(), filter, ids).await?);
        }
        Ok(found)
    }

    /// The images whose name matches the glob, of these owners (account numbers or `self`), newest first.
    pub async fn images_named(&self, glob: &str, owners: &[String]) -> Result<Vec<Image>, Error> {
        let filter = Filter::builder().name("name").values(glob).build();
        let images = self.describe_images(owners.to_vec(), filter, &[]).await?;
        let mut images: Vec<Image> = images.into_values().collect();
        images.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
        Ok(images)
    }

    async fn describe_images(
        &self,
        owners: Vec<String>,
        filter: Filter,
        wanted: &[String],
    ) -> Result<BTreeMap<ImageId, Image>, Error> {
        let mut found = BTreeMap::new();
        let owners = Some(owners).filter(|owners| !owners.is_empty());
        let request = self.ec2.describe_images().filters(filter).set_owners(owners);
        // Without this a deprecated image looks like one that does not exist.
        let mut pages = request.include_deprecated(true).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Error::from_sdk(DESCRIBE, error))?;
            for image in page.images() {
                let id = image.image_id().unwrap_or_default();
                // Some servers ignore filters: believe only what was asked for.
                if wanted.is_empty() || wanted.iter().any(|wanted| wanted == id) {
                    found.insert(id.into(), self.read_image(image));
                }
            }
        }
        Ok(found)
    }

    fn read_image(&self, image: &SdkImage) -> Image {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let state = match image.state() {
            Some(SdkState::Available) => ImageState::Available,
            Some(SdkState::Pending) => ImageState::Pending,
            Some(SdkState::Failed | SdkState::Error) => {
                ImageState::Failed(text(image.state_reason().and_then(|reason| reason.message())))
            }
            Some(other) => ImageState::Other(other.as_str().to_owned()),
            None => ImageState::Other("unknown".into()),
        };
        let tags = image.tags().iter().map(|tag| (text(tag.key()), text(tag.value()))).collect();
        Image {
            id: text(image.image_id()).into(),
            name: text(image.name()),
            description: text(image.description()),
            region: self.region.clone(),
            state,
            architecture: text(image.architecture().map(aws_sdk_ec2::types::ArchitectureValues::as_str))
                .into(),
            owner: text(image.owner_id()).into(),
            created: image.creation_date().and_then(|date| date.parse().ok()),
            deprecated_from: image.deprecation_time().and_then(|date| date.parse().ok()),
            volumes: u32::try_from(
                image.block_device_mappings().iter().filter(|one| one.ebs().is_some()).count(),
            )
            .unwrap_or(u32::MAX),
            tags,
        }
    }

    /// Sets tags on an image, over what it has.
    pub async fn tag_image(&self, image: &ImageId, tags: &BTreeMap<String, String>) -> Result<(), Error> {
        let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        let answer = self.ec2.create_tags().resources(image.as_str()).set_tags(Some(tags)).send().await;
        answer.map(drop).map_err(|error| Error::from_sdk("CreateTags", error))
    }
}
