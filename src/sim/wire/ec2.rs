//! EC2: which action is answered where, and tags.

use std::collections::BTreeMap;

use super::errors::Error;
use super::paging::Size;
use super::xml::Xml;
use super::{Answer, Ask, ec2_images, ec2_instances, ec2_templates};
use crate::model::{ImageId, Region};

pub(super) fn answer(ask: &mut Ask<'_>) -> Answer {
    match ask.action {
        "DescribeImages" => ec2_images::describe(ask),
        "DescribeInstances" => ec2_instances::describe(ask),
        "RunInstances" => ec2_instances::run(ask),
        "DescribeInstanceStatus" => ec2_instances::describe_status(ask),
        "DescribeLaunchTemplates" => ec2_templates::describe(ask),
        "DescribeLaunchTemplateVersions" => ec2_templates::describe_versions(ask),
        "CreateLaunchTemplateVersion" => ec2_templates::create_version(ask),
        "ModifyLaunchTemplate" => ec2_templates::modify(ask),
        "CreateTags" => change_tags(ask, |tags, key, value| {
            tags.insert(key, value.unwrap_or_default());
        }),
        "DeleteTags" => change_tags(ask, |tags, key, value| {
            // A value limits the deletion to tags that have it.
            if value.is_none_or(|value| tags.get(&key) == Some(&value)) {
                tags.remove(&key);
            }
        }),
        "DescribeTags" => describe_tags(ask),
        other => Err(Error::unknown_action(other)),
    }
}

/// Changes the account's tags of images that it sees: of those that are shared with it, it has
/// tags of its own.
fn change_tags(
    ask: &mut Ask<'_>,
    change: impl Fn(&mut BTreeMap<String, String>, String, Option<String>),
) -> Answer {
    let resources: Vec<String> = ask.params.list("ResourceId").into_iter().map(str::to_owned).collect();
    if resources.is_empty() {
        return Err(Error::missing("ResourceId"));
    }
    let until = ask.world.stale_until();
    let keys: Vec<(Region, ImageId)> =
        resources.iter().map(|id| (ask.place.region.clone(), ImageId::new(id))).collect();
    // All or nothing, as EC2 does it.
    for key in &keys {
        let visible = ask.world.images.get(key).is_some_and(|image| image.visible_in(&ask.place));
        if !visible {
            return Err(ec2_images::not_found(&[key.1.as_str()]));
        }
    }
    let tags = ask.params.structures("Tag");
    for tag in &tags {
        check_tag(tag.require("Key")?, tag.get("Value").unwrap_or_default())?;
    }
    for key in &keys {
        if let Some(image) = ask.world.images.get_mut(key) {
            let mut changed = image.tags_for(&ask.place.account, None);
            for tag in &tags {
                change(&mut changed, tag.require("Key")?.to_owned(), tag.get("Value").map(str::to_owned));
            }
            if changed.len() > MOST_TAGS {
                let message = format!("More than {MOST_TAGS} tags for {}", image.id);
                return Err(Error::new("TagLimitExceeded", message));
            }
            image.set_tags(&ask.place.account, changed, until);
        }
    }
    let mut xml = Xml::new();
    xml.leaf("return", true);
    Ok(xml)
}

/// How many tags a resource may have.
pub(super) const MOST_TAGS: usize = 50;

/// Refuses a tag that EC2 would not take.
fn check_tag(key: &str, value: &str) -> Result<(), Error> {
    let wrong = if key.is_empty() || key.starts_with("aws:") {
        "Tag keys may not be empty or begin with aws:"
    } else if key.chars().count() > 127 {
        "Tag keys have at most 127 characters"
    } else if value.chars().count() > 256 {
        "Tag values have at most 256 characters"
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("{wrong}: {key}")))
}

fn describe_tags(ask: &mut Ask<'_>) -> Answer {
    let filters =
        ask.params.filters("Filter", "Value").only(&["resource-id", "resource-type", "key", "value"])?;
    let account = &ask.place.account;
    let mut found = Vec::new();
    for image in ask.world.images.values().filter(|image| image.region == ask.place.region) {
        for (key, value) in image.tags_for(account, ask.stale) {
            let passes = filters.pass(&BTreeMap::new(), |name| match name {
                "resource-id" => Some(image.id.as_str().to_owned().into()),
                "resource-type" => Some("image".into()),
                "key" => Some(key.clone().into()),
                "value" => Some(value.clone().into()),
                _ => None,
            });
            if passes {
                found.push((image.id.clone(), key, value));
            }
        }
    }
    let page =
        ask.page(found, Size { parameter: "MaxResults", token: "NextToken", usual: 1000, most: 1000 })?;
    let mut xml = Xml::new();
    xml.list("tagSet", "item", page.items, |xml, (id, key, value)| {
        xml.leaf("resourceId", id).leaf("resourceType", "image").leaf("key", key).leaf("value", value);
    });
    xml.maybe("nextToken", page.next);
    Ok(xml)
}
