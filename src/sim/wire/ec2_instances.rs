//! EC2: instances, and their status checks.

use std::collections::{BTreeMap, BTreeSet};

use super::errors::Error;
use super::paging::Size;
use super::xml::Xml;
use super::{Answer, Ask, ec2_images, ec2_templates};
use crate::model::ImageId;
use crate::sim::world::{Instance, Life, TemplateVersion, check_architecture};

const SIZE: Size = Size { parameter: "MaxResults", token: "NextToken", usual: 1000, most: 1000 };

const FILTERS: [&str; 6] = [
    "instance-id",
    "image-id",
    "instance-state-name",
    "instance-type",
    "private-ip-address",
    "availability-zone",
];

/// The instances that are asked for, by ids and filters.
fn found(ask: &Ask<'_>) -> Result<Vec<Instance>, Error> {
    let ids = ask.params.list("InstanceId");
    if let Some(bad) = ids.iter().find(|id| !well_formed(id)) {
        return Err(Error::new("InvalidInstanceID.Malformed", format!("Invalid id: \"{bad}\"")));
    }
    let filters = ask.params.filters("Filter", "Value").only(&FILTERS)?;
    // Most ask for few instances by id, and there may be thousands.
    let exact = filters.exact("instance-id");
    let wanted: BTreeSet<&str> = ids.iter().copied().collect();
    let is_exact = |id: &str| exact.as_ref().is_none_or(|exact| exact.contains(id));
    let asked = |id: &str| if wanted.is_empty() { is_exact(id) } else { wanted.contains(id) };
    let all = ask.world.instances_in(&ask.place).map(|instance| (instance.id.as_str(), instance));
    let found: BTreeMap<&str, &Instance> = all.filter(|(id, _)| asked(id)).collect();
    let missing: Vec<&str> = wanted.iter().copied().filter(|id| !found.contains_key(id)).collect();
    if !missing.is_empty() {
        let message = format!("The instance IDs '{}' do not exist", missing.join(", "));
        return Err(Error::new("InvalidInstanceID.NotFound", message));
    }
    let passes = |instance: &&Instance| {
        let tags = if filters.ask_for_tags() { tags(ask, instance) } else { BTreeMap::new() };
        filters.pass(&tags, |name| match name {
            "instance-id" => Some(instance.id.as_str().into()),
            "image-id" => Some(instance.image.as_str().into()),
            "instance-state-name" => Some(instance.ec2().0.into()),
            "instance-type" => Some(instance.instance_type.as_str().into()),
            "private-ip-address" => Some(instance.address.to_string().into()),
            "availability-zone" => Some(instance.zone.as_str().into()),
            _ => None,
        })
    };
    let named = found.into_iter().filter(|(id, _)| is_exact(id));
    Ok(named.map(|(_, instance)| instance).filter(passes).cloned().collect())
}

fn well_formed(id: &str) -> bool {
    id.strip_prefix("i-")
        .is_some_and(|hex| matches!(hex.len(), 8 | 17) && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn tags(ask: &Ask<'_>, instance: &Instance) -> BTreeMap<String, String> {
    let group = ask.world.groups.get(&instance.group);
    let mut tags = group.map(|group| group.tags.clone()).unwrap_or_default();
    tags.retain(|key, _| !group.is_some_and(|group| group.own_tags.contains(key)));
    tags.insert("aws:autoscaling:groupName".to_owned(), instance.group.name.to_string());
    if instance.configuration.is_none() {
        tags.insert("aws:ec2launchtemplate:id".to_owned(), instance.template.to_string());
        tags.insert("aws:ec2launchtemplate:version".to_owned(), instance.version.to_string());
    }
    tags
}

pub(super) fn describe(ask: &mut Ask<'_>) -> Answer {
    let page = ask.page(found(ask)?, SIZE)?;
    let mut xml = Xml::new();
    xml.list("reservationSet", "item", &page.items, |xml, instance| {
        let reservation = instance.id.as_str().replacen("i-", "r-", 1);
        xml.leaf("reservationId", reservation).leaf("ownerId", &ask.place.account);
        xml.list("instancesSet", "item", [instance], |xml, instance| write(ask, xml, instance));
    });
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

fn write(ask: &Ask<'_>, xml: &mut Xml, instance: &Instance) {
    let (state, code) = instance.ec2();
    xml.leaf("instanceId", &instance.id).leaf("imageId", &instance.image);
    xml.node("instanceState", |xml| {
        xml.leaf("code", code).leaf("name", state);
    });
    xml.leaf("instanceType", &instance.instance_type).time("launchTime", instance.launched);
    xml.node("placement", |xml| {
        xml.leaf("availabilityZone", &instance.zone).leaf("tenancy", "default");
    });
    let image = ask.world.images.get(&(ask.place.region.clone(), instance.image.clone()));
    xml.maybe("architecture", image.map(|image| &image.architecture)).leaf("rootDeviceType", "ebs");
    // EC2 takes the address away from an instance that is gone.
    if instance.life != Life::Terminated {
        xml.leaf("privateIpAddress", instance.address);
        let dashed = instance.address.to_string().replace('.', "-");
        xml.leaf("privateDnsName", format_args!("ip-{dashed}.{}.compute.internal", ask.place.region));
    }
    xml.ec2_tags(&tags(ask, instance));
}

/// Says whether a template's version could be launched; nothing is ever launched.
pub(super) fn run(ask: &mut Ask<'_>) -> Answer {
    if !ask.params.flag("DryRun").unwrap_or(false) {
        return Err(Error::new("UnsupportedOperation", "the simulator launches instances in groups only"));
    }
    let asked = ask.params.structure("LaunchTemplate");
    let version = ec2_templates::find_version(ask, &asked)?;
    let own = version.as_ref().and_then(TemplateVersion::image);
    let own_type = version.as_ref().and_then(|version| version.value("InstanceType"));
    let instance_type = ask.params.get("InstanceType").or(own_type);
    let image = ask.params.get("ImageId").map(ImageId::from).or(own);
    let named = image.ok_or_else(|| Error::missing("ImageId"))?;
    let image = ask.world.resolve_image(&ask.place, &named);
    let image = image.ok_or_else(|| ec2_images::not_found(&[named.as_str()]))?;
    let key = (ask.place.region.clone(), image.clone());
    let found = ask.world.images.get(&key).filter(|image| image.visible_in(&ask.place));
    if let (Some(found), Some(name)) = (found, instance_type) {
        check_architecture(name, &found.architecture).map_err(|why| Error::invalid(format!("{why}.")))?;
    }
    match found.map(|image| image.state.as_str()) {
        None => Err(ec2_images::not_found(&[image.as_str()])),
        Some("available") => {
            let message = "Request would have succeeded, but DryRun flag is set.";
            Err(Error::with_status(412, "DryRunOperation", message))
        }
        Some(state) => {
            let message = format!("Image {image} is {state}, not available");
            Err(Error::new("InvalidAMIID.Unavailable", message))
        }
    }
}

pub(super) fn describe_status(ask: &mut Ask<'_>) -> Answer {
    let all = ask.params.flag("IncludeAllInstances").unwrap_or(false);
    let mut instances = found(ask)?;
    instances.retain(|instance| all || instance.ec2().0 == "running");
    let page = ask.page(instances, SIZE)?;
    let mut xml = Xml::new();
    xml.list("instanceStatusSet", "item", &page.items, write_status);
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

fn write_status(xml: &mut Xml, instance: &Instance) {
    let (state, code) = instance.ec2();
    let (summary, check) = match (instance.life, instance.alive) {
        _ if state != "running" => ("not-applicable", "insufficient-data"),
        (Life::Pending | Life::ReplacingRoot, _) => ("initializing", "initializing"),
        (Life::InService | Life::Standby | Life::Warmed | Life::Terminating | Life::Terminated, true) => {
            ("ok", "passed")
        }
        (Life::InService | Life::Standby | Life::Warmed | Life::Terminating | Life::Terminated, false) => {
            ("impaired", "failed")
        }
    };
    xml.leaf("instanceId", &instance.id).leaf("availabilityZone", &instance.zone);
    xml.node("instanceState", |xml| {
        xml.leaf("code", code).leaf("name", state);
    });
    for name in ["systemStatus", "instanceStatus"] {
        xml.node(name, |xml| {
            xml.leaf("status", summary).list("details", "item", [check], |xml, check| {
                xml.leaf("name", "reachability").leaf("status", check);
            });
        });
    }
}
