//! Auto Scaling: tags of groups.

use std::collections::BTreeMap;

use super::autoscaling::no_group;
use super::ec2_tags::MOST_TAGS;
use super::errors::Error;
use super::paging::Size;
use super::xml::Xml;
use super::{Answer, Ask};
use crate::sim::world::{Group, GroupKey};

const FILTERS: [&str; 4] = ["auto-scaling-group", "key", "value", "propagate-at-launch"];
const SIZE: Size = Size { parameter: "MaxRecords", token: "NextToken", usual: 50, most: 100 };

pub(super) fn write_tag(xml: &mut Xml, group: &Group, key: &str, value: &str) {
    xml.leaf("ResourceId", &group.key.name)
        .leaf("ResourceType", "auto-scaling-group")
        .leaf("Key", key)
        .leaf("Value", value)
        .leaf("PropagateAtLaunch", !group.own_tags.contains(key));
}

pub(super) fn change_tags(ask: &mut Ask<'_>, set: bool) -> Answer {
    let until = ask.world.stale_until();
    for tag in ask.params.structures("Tags.member") {
        let name = tag.require("ResourceId")?;
        let key = GroupKey { place: ask.place.clone(), name: name.into() };
        let tag_key = tag.require("Key")?.to_owned();
        let value = tag.get("Value").unwrap_or_default().to_owned();
        let tags = ask.world.groups.get(&key).map(|group| &group.tags);
        if set && tags.is_some_and(|tags| tags.len() >= MOST_TAGS && !tags.contains_key(&tag_key)) {
            return Err(Error::new("LimitExceeded", format!("More than {MOST_TAGS} tags for {name}")));
        }
        ask.world
            .with_group(&key, |group, _| {
                group.remember(until);
                group.own_tags.remove(&tag_key);
                if !set {
                    group.tags.remove(&tag_key);
                    return;
                }
                if tag.flag("PropagateAtLaunch") != Some(true) {
                    group.own_tags.insert(tag_key.clone());
                }
                group.tags.insert(tag_key, value);
            })
            .ok_or_else(|| no_group(name))?;
    }
    Ok(Xml::new())
}

pub(super) fn describe_tags(ask: &mut Ask<'_>) -> Answer {
    let filters = ask.params.filters("Filters.member", "Values.member").only(&FILTERS)?;
    let mut found = Vec::new();
    for group in ask.world.groups.values().filter(|group| group.key.place == ask.place) {
        let group = group.seen(ask.stale);
        for (key, value) in &group.tags {
            let passes = filters.pass(&BTreeMap::new(), |name| match name {
                "auto-scaling-group" => Some(group.key.name.as_str().into()),
                "key" => Some(key.as_str().into()),
                "value" => Some(value.as_str().into()),
                "propagate-at-launch" => Some((!group.own_tags.contains(key)).to_string().into()),
                _ => None,
            });
            if passes {
                found.push((group, key, value));
            }
        }
    }
    let page = ask.page(found, SIZE)?;
    let mut xml = Xml::new();
    xml.list("Tags", "member", page.items, |xml, (group, key, value)| write_tag(xml, group, key, value));
    xml.maybe("NextToken", page.next);
    Ok(xml)
}
