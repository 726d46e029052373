//! EC2: tags of images and of launch templates.

use std::collections::BTreeMap;

use super::errors::Error;
use super::paging::Size;
use super::query::Params;
use super::xml::Xml;
use super::{Answer, Ask, ec2_images, ec2_templates};
use crate::model::{ImageId, Region, TemplateId};
use crate::sim::world::Place;

type Tags = BTreeMap<String, String>;

/// How many tags a resource may have.
pub(super) const MOST_TAGS: usize = 50;

/// Something with tags, by what it is kept under.
enum Resource {
    Image((Region, ImageId)),
    Template((Place, TemplateId)),
}

impl Resource {
    /// The resource of that id; it must be there for the account.
    fn find(ask: &Ask<'_>, id: &str) -> Result<Self, Error> {
        if id.starts_with("lt-") {
            ec2_templates::by_id(ask, id)?;
            return Ok(Self::Template((ask.place.clone(), TemplateId::new(id))));
        }
        let key = (ask.place.region.clone(), ImageId::new(id));
        let visible = ask.world.images.get(&key).is_some_and(|image| image.visible_in(&ask.place));
        if visible { Ok(Self::Image(key)) } else { Err(ec2_images::not_found(&[id])) }
    }

    /// The account's tags of it: of an image that is shared with it, it has tags of its own.
    fn tags(&self, ask: &Ask<'_>) -> Tags {
        match self {
            Self::Image(key) => {
                ask.world.images.get(key).map(|image| image.tags_for(&ask.place.account, None))
            }
            Self::Template(key) => ask.world.templates.get(key).map(|template| template.tags.clone()),
        }
        .unwrap_or_default()
    }

    fn set(&self, ask: &mut Ask<'_>, tags: Tags, until: Option<jiff::Timestamp>) {
        match self {
            Self::Image(key) => {
                if let Some(image) = ask.world.images.get_mut(key) {
                    image.set_tags(&ask.place.account, tags, until);
                }
            }
            Self::Template(key) => {
                if let Some(template) = ask.world.templates.get_mut(key) {
                    template.tags = tags;
                }
            }
        }
    }
}

pub(super) fn create(ask: &mut Ask<'_>) -> Answer {
    change(ask, |tags, key, value| {
        tags.insert(key, value.unwrap_or_default());
    })
}

pub(super) fn delete(ask: &mut Ask<'_>) -> Answer {
    change(ask, |tags, key, value| {
        // A value limits the deletion to tags that have it.
        if value.is_none_or(|value| tags.get(&key) == Some(&value)) {
            tags.remove(&key);
        }
    })
}

/// Changes the tags of resources: of all that are named, or of none.
fn change(ask: &mut Ask<'_>, change: impl Fn(&mut Tags, String, Option<String>)) -> Answer {
    let ids = ask.params.list("ResourceId");
    if ids.is_empty() {
        return Err(Error::missing("ResourceId"));
    }
    let until = ask.world.stale_until();
    // What is written to is looked up as it is, not as a stale read would have it.
    ask.stale = None;
    let resources = ids.iter().map(|id| Resource::find(ask, id)).collect::<Result<Vec<_>, _>>()?;
    let tags = ask.params.structures("Tag");
    for tag in &tags {
        check(tag.require("Key")?, tag.get("Value").unwrap_or_default())?;
    }
    let mut all = Vec::new();
    for (id, resource) in ids.iter().zip(resources) {
        let mut changed = resource.tags(ask);
        for tag in &tags {
            change(&mut changed, tag.require("Key")?.to_owned(), tag.get("Value").map(str::to_owned));
        }
        check_count(&changed, id)?;
        all.push((resource, changed));
    }
    for (resource, changed) in all {
        resource.set(ask, changed, until);
    }
    let mut xml = Xml::new();
    xml.leaf("return", true);
    Ok(xml)
}

/// The tags that a request to make something of that type has for it.
pub(super) fn specified(ask: &Ask<'_>, kind: &str) -> Result<Tags, Error> {
    let mut tags = Tags::new();
    for specification in ask.params.structures("TagSpecification") {
        if specification.require("ResourceType")? != kind {
            let message =
                format!("'{}' is not a valid taggable resource type", specification.require("ResourceType")?);
            return Err(Error::invalid(message));
        }
        for tag in specification.structures("Tag") {
            let (key, value) = key_and_value(&tag)?;
            tags.insert(key, value);
        }
    }
    check_count(&tags, kind)?;
    Ok(tags)
}

fn key_and_value(tag: &Params) -> Result<(String, String), Error> {
    let (key, value) = (tag.require("Key")?, tag.get("Value").unwrap_or_default());
    check(key, value)?;
    Ok((key.to_owned(), value.to_owned()))
}

fn check_count(tags: &Tags, of: &str) -> Result<(), Error> {
    if tags.len() <= MOST_TAGS {
        return Ok(());
    }
    Err(Error::new("TagLimitExceeded", format!("More than {MOST_TAGS} tags for {of}")))
}

/// Refuses a tag that EC2 would not take.
fn check(key: &str, value: &str) -> Result<(), Error> {
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

pub(super) fn describe(ask: &mut Ask<'_>) -> Answer {
    let filters =
        ask.params.filters("Filter", "Value").only(&["resource-id", "resource-type", "key", "value"])?;
    let mut found = everything(ask);
    found.retain(|(id, kind, key, value)| {
        filters.pass(&BTreeMap::new(), |name| match name {
            "resource-id" => Some(id.as_str().into()),
            "resource-type" => Some((*kind).into()),
            "key" => Some(key.as_str().into()),
            "value" => Some(value.as_str().into()),
            _ => None,
        })
    });
    let page =
        ask.page(found, Size { parameter: "MaxResults", token: "NextToken", usual: 1000, most: 1000 })?;
    let mut xml = Xml::new();
    xml.list("tagSet", "item", page.items, |xml, (id, kind, key, value)| {
        xml.leaf("resourceId", id).leaf("resourceType", kind).leaf("key", key).leaf("value", value);
    });
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

/// Every tag that the account sees in its region: whose, of which type, key and value.
fn everything(ask: &Ask<'_>) -> Vec<(String, &'static str, String, String)> {
    let world = &*ask.world;
    let images = world.images.values().filter(|image| image.region == ask.place.region);
    let images =
        images.map(|image| (image.id.to_string(), "image", image.tags_for(&ask.place.account, ask.stale)));
    let templates = world.templates.iter().filter(|((place, _), _)| *place == ask.place);
    let templates =
        templates.map(|(_, template)| (template.id.to_string(), "launch-template", template.tags.clone()));
    images
        .chain(templates)
        .flat_map(|(id, kind, tags)| tags.into_iter().map(move |(key, value)| (id.clone(), kind, key, value)))
        .collect()
}
