//! Auto Scaling: launch templates and mixed instances policies, in and out.
//!
//! A policy is kept as the tree that it came as, and written back as one: what the simulator
//! does not know of it comes back too.

use std::collections::BTreeMap;

use super::Ask;
use super::errors::Error;
use super::query::Params;
use super::xml::Xml;
use crate::model::{ImageId, Tracking};
use crate::sim::world::{Configuration, Data, Override, Policy, Target, TemplateRef};

type Parts = BTreeMap<String, Data>;

/// Reads what a group or a refresh is to launch; `None` when nothing is said of it.
pub(super) fn read(ask: &Ask<'_>, params: &Params) -> Result<Option<Configuration>, Error> {
    let template = params.tree("LaunchTemplate")?;
    let policy = params.tree("MixedInstancesPolicy")?;
    match (template.is_empty(), policy.is_empty()) {
        (true, true) => Ok(None),
        (false, true) => Ok(Some(read_template(ask, template)?.into())),
        (true, false) => read_policy(ask, policy).map(Some),
        (false, false) => {
            let message = "You can specify a LaunchTemplate or a MixedInstancesPolicy, not both.";
            Err(Error::new("ValidationError", message))
        }
    }
}

fn read_policy(ask: &Ask<'_>, mut rest: Parts) -> Result<Configuration, Error> {
    let mut launch = take_parts(&mut rest, "LaunchTemplate");
    let own = take_parts(&mut launch, "LaunchTemplateSpecification");
    if own.is_empty() {
        let message = "A MixedInstancesPolicy must have a LaunchTemplateSpecification.";
        return Err(Error::new("ValidationError", message));
    }
    let template = read_template(ask, own)?;
    let members = take_parts(&mut launch, "Overrides").remove("member");
    let members = match members {
        Some(Data::List(members)) => members,
        Some(Data::Value(_) | Data::Parts(_)) | None => Vec::new(),
    };
    let overrides = members.into_iter().map(|member| read_override(ask, member)).collect::<Result<_, _>>()?;
    if !launch.is_empty() {
        rest.insert("LaunchTemplate".to_owned(), Data::Parts(launch));
    }
    let mut policy = Policy { overrides, rest };
    policy.fill_in();
    Ok(Configuration { template, policy: Some(policy) })
}

fn read_override(ask: &Ask<'_>, member: Data) -> Result<Override, Error> {
    let Data::Parts(mut rest) = member else {
        return Err(Error::new("ValidationError", "An override must be a structure."));
    };
    let template = take_parts(&mut rest, "LaunchTemplateSpecification");
    let weight = take_text(&mut rest, "WeightedCapacity").map(|text| {
        let message = format!("WeightedCapacity must be a number, not {text}.");
        text.parse().map_err(|_| Error::new("ValidationError", message))
    });
    Ok(Override {
        instance_type: take_text(&mut rest, "InstanceType"),
        weight: weight.transpose()?,
        template: if template.is_empty() { None } else { Some(read_template(ask, template)?) },
        image: take_text(&mut rest, "ImageId").map(ImageId::new),
        rest,
    })
}

/// Reads a launch template specification: a template that is there, and a version.
fn read_template(ask: &Ask<'_>, mut parts: Parts) -> Result<TemplateRef, Error> {
    let id = take_text(&mut parts, "LaunchTemplateId");
    let name = take_text(&mut parts, "LaunchTemplateName");
    let here = ask.world.templates.iter().filter(|((place, _), _)| *place == ask.place);
    let mut known = here.map(|(_, template)| template);
    let found = known.find(|template| {
        id.as_deref() == Some(template.id.as_str()) || name.as_ref() == Some(&template.name)
    });
    let template = found.ok_or_else(|| {
        Error::new("ValidationError", "You must use a valid fully-formed launch template. It does not exist.")
    })?;
    let text = take_text(&mut parts, "Version").unwrap_or_default();
    let tracking = Tracking::parse(&text)
        .ok_or_else(|| Error::new("ValidationError", format!("not a launch template version: {text}")))?;
    Ok(TemplateRef { id: template.id.clone(), name: template.name.clone(), tracking })
}

/// Takes a structure out; empty when it is not there, or none.
fn take_parts(from: &mut Parts, name: &str) -> Parts {
    match from.remove(name) {
        Some(Data::Parts(parts)) => parts,
        Some(Data::Value(_) | Data::List(_)) | None => Parts::new(),
    }
}

fn take_text(from: &mut Parts, name: &str) -> Option<String> {
    match from.remove(name) {
        Some(Data::Value(text)) => Some(text),
        Some(Data::Parts(_) | Data::List(_)) | None => None,
    }
}

/// Writes what a group or a refresh launches.
pub(super) fn write(xml: &mut Xml, target: Target<'_>) {
    match target.policy {
        None => xml.node("LaunchTemplate", |xml| write_template(xml, target.template)),
        Some(policy) => xml.node("MixedInstancesPolicy", |xml| {
            for (name, data) in &policy.tree(target.template) {
                write_data(xml, name, data);
            }
        }),
    };
}

fn write_template(xml: &mut Xml, template: &TemplateRef) {
    xml.leaf("LaunchTemplateId", &template.id)
        .leaf("LaunchTemplateName", &template.name)
        .leaf("Version", template.tracking);
}

/// Writes a tree under the names that it came with; a list's elements are called `member`.
fn write_data(xml: &mut Xml, name: &str, data: &Data) {
    match data {
        Data::Value(text) => {
            xml.leaf(name, text);
        }
        Data::Parts(parts) => {
            xml.node(name, |xml| parts.iter().for_each(|(name, data)| write_data(xml, name, data)));
        }
        Data::List(items) if name == "member" => write_members(xml, items),
        Data::List(items) => {
            xml.node(name, |xml| write_members(xml, items));
        }
    }
}

fn write_members(xml: &mut Xml, items: &[Data]) {
    for item in items {
        match item {
            Data::List(inner) => {
                xml.node("member", |xml| write_members(xml, inner));
            }
            Data::Value(_) | Data::Parts(_) => write_data(xml, "member", item),
        }
    }
}
