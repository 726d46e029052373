//! EC2: images.

use super::errors::Error;
use super::paging::Size;
use super::query::Filters;
use super::xml::Xml;
use super::{Answer, Ask};
use crate::model::{AccountId, ImageId};
use crate::sim::world::Image;

const FILTERS: [&str; 9] = [
    "name",
    "architecture",
    "state",
    "owner-id",
    "image-id",
    "is-public",
    "image-type",
    "virtualization-type",
    "root-device-type",
];

pub(super) fn describe(ask: &mut Ask<'_>) -> Answer {
    let ids = ask.params.list("ImageId");
    if let Some(bad) = ids.iter().find(|id| !ImageId::new(**id).is_well_formed()) {
        return Err(Error::new("InvalidAMIID.Malformed", format!("Invalid id: \"{bad}\"")));
    }
    let missing: Vec<&str> = ids.iter().copied().filter(|id| !visible(ask, id)).collect();
    if !missing.is_empty() {
        return Err(not_found(&missing));
    }
    let owners = ask.params.list("Owner");
    let filters = ask.params.filters("Filter", "Value").only(&FILTERS)?;
    // Deprecated images of others are found by id only, or when they are asked for.
    let hides = ids.is_empty() && !ask.params.flag("IncludeDeprecated").unwrap_or(false);
    let images: Vec<Image> = ask
        .world
        .images
        .values()
        .filter(|image| image.visible_in(&ask.place))
        .filter(|image| ids.is_empty() || ids.contains(&image.id.as_str()))
        .filter(|image| owners.is_empty() || owners.iter().any(|owner| owns(ask, owner, &image.owner)))
        .filter(|image| passes(ask, image, &filters))
        .filter(|image| !hides || image.owner == ask.place.account || !is_deprecated(ask, image))
        .cloned()
        .collect();
    let page =
        ask.page(images, Size { parameter: "MaxResults", token: "NextToken", usual: 1000, most: 1000 })?;
    let mut xml = Xml::new();
    xml.list("imagesSet", "item", &page.items, |xml, image| write(ask, xml, image));
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

/// The error for images that are not there, or not for this account.
pub(super) fn not_found(ids: &[&str]) -> Error {
    let (noun, verb) = if ids.len() == 1 { ("id", "does") } else { ("ids", "do") };
    Error::new("InvalidAMIID.NotFound", format!("The image {noun} '[{}]' {verb} not exist", ids.join(", ")))
}

fn visible(ask: &Ask<'_>, id: &str) -> bool {
    let key = (ask.place.region.clone(), ImageId::new(id));
    ask.world.images.get(&key).is_some_and(|image| image.visible_in(&ask.place))
}

fn is_deprecated(ask: &Ask<'_>, image: &Image) -> bool {
    image.deprecated.is_some_and(|from| from <= ask.world.now)
}

fn owns(ask: &Ask<'_>, asked: &str, owner: &AccountId) -> bool {
    if asked == "self" { *owner == ask.place.account } else { asked == owner.as_str() }
}

fn passes(ask: &Ask<'_>, image: &Image, filters: &Filters) -> bool {
    let tags = image.tags_for(&ask.place.account, ask.stale);
    filters.pass(&tags, |name| match name {
        "name" => Some(image.name.as_str().into()),
        "architecture" => Some(image.architecture.to_string().into()),
        "state" => Some(image.state.as_str().into()),
        "owner-id" => Some(image.owner.as_str().into()),
        "image-id" => Some(image.id.as_str().into()),
        "is-public" => Some("false".into()),
        "image-type" => Some("machine".into()),
        "virtualization-type" => Some("hvm".into()),
        "root-device-type" => Some("ebs".into()),
        _ => None,
    })
}

/// A volume of an image; the first is the root volume.
fn write_volume(xml: &mut Xml, image: &Image, at: u32) {
    let letter = char::from_u32(u32::from('a') + at % 26).unwrap_or('a');
    let name = if at == 0 { "/dev/xvda".to_owned() } else { format!("/dev/sd{letter}") };
    let snapshot = image.id.as_str().replacen("ami-", "snap-", 1);
    xml.leaf("deviceName", name).node("ebs", |xml| {
        xml.leaf("snapshotId", snapshot)
            .leaf("volumeSize", 8)
            .leaf("volumeType", "gp3")
            .leaf("deleteOnTermination", true)
            .leaf("encrypted", false);
    });
}

fn write(ask: &Ask<'_>, xml: &mut Xml, image: &Image) {
    xml.leaf("imageId", &image.id)
        .leaf("imageLocation", format_args!("{}/{}", image.owner, image.name))
        .leaf("imageState", &image.state)
        .leaf("imageOwnerId", &image.owner)
        .time("creationDate", image.created)
        .leaf("isPublic", false)
        .leaf("architecture", &image.architecture)
        .leaf("imageType", "machine")
        .leaf("name", &image.name)
        .maybe("description", Some(&image.description).filter(|text| !text.is_empty()))
        .leaf("rootDeviceType", "ebs")
        .leaf("rootDeviceName", "/dev/xvda")
        .leaf("virtualizationType", "hvm")
        .leaf("hypervisor", "xen")
        .leaf("enaSupport", true)
        .list("blockDeviceMapping", "item", 0..image.volumes, |xml, at| write_volume(xml, image, at));
    if image.state == "failed" {
        xml.node("stateReason", |xml| {
            xml.leaf("code", "Client.InternalError").leaf("message", "The image could not be made");
        });
    }
    if let Some(deprecated) = image.deprecated {
        xml.time("deprecationTime", deprecated);
    }
    xml.ec2_tags(&image.tags_for(&ask.place.account, ask.stale));
}
