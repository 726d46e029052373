//! EC2: launch templates and their versions.

use std::collections::BTreeMap;

use super::errors::Error;
use super::paging::Size;
use super::query::Params;
use super::xml::Xml;
use super::{Answer, Ask};
use crate::model::{TemplateId, Tracking};
use crate::sim::world::{Data, Place, Template, TemplateVersion};

const SIZE: Size = Size { parameter: "MaxResults", token: "NextToken", usual: 200, most: 200 };

/// The templates of the place, as this read sees them, by id.
fn templates(ask: &Ask<'_>) -> Vec<Template> {
    let here = |(place, _): &&(Place, TemplateId)| *place == ask.place;
    let found = ask.world.templates.iter().filter(|(key, _)| here(key));
    found.map(|(_, template)| template.seen(ask.stale)).collect()
}

pub(super) fn by_id(ask: &Ask<'_>, id: &str) -> Result<Template, Error> {
    let found = ask.world.template(&ask.place, &id.into()).map(|template| template.seen(ask.stale));
    found.ok_or_else(|| {
        let message = format!("The specified launch template, with template ID {id}, does not exist.");
        Error::new("InvalidLaunchTemplateId.NotFound", message)
    })
}

pub(super) fn by_name(ask: &Ask<'_>, name: &str) -> Result<Template, Error> {
    templates(ask).into_iter().find(|template| template.name == name).ok_or_else(|| {
        let message = format!("The specified launch template, with template name {name}, does not exist.");
        Error::new("InvalidLaunchTemplateName.NotFoundException", message)
    })
}

/// The template that is named by id or by name; `None` when neither is given.
pub(super) fn named(ask: &Ask<'_>, params: &Params) -> Result<Option<Template>, Error> {
    match (params.get("LaunchTemplateId"), params.get("LaunchTemplateName")) {
        (Some(_), Some(_)) => {
            Err(Error::new("InvalidParameterCombination", "Give the template's id or its name, not both."))
        }
        (Some(id), None) => by_id(ask, id).map(Some),
        (None, Some(name)) => by_name(ask, name).map(Some),
        (None, None) => Ok(None),
    }
}

/// The version that a launch template specification names; `None` when it names no template.
pub(super) fn find_version(ask: &Ask<'_>, params: &Params) -> Result<Option<TemplateVersion>, Error> {
    let template = named(ask, params)?;
    let text = params.get("Version").unwrap_or_default();
    template.map(|template| version_of(&template, text).cloned()).transpose()
}

pub(super) fn describe(ask: &mut Ask<'_>) -> Answer {
    let (ids, names) = (ask.params.list("LaunchTemplateId"), ask.params.list("LaunchTemplateName"));
    let mut found = Vec::new();
    for id in &ids {
        found.push(by_id(ask, id)?);
    }
    for name in &names {
        found.push(by_name(ask, name)?);
    }
    if ids.is_empty() && names.is_empty() {
        let filters = ask.params.filters("Filter", "Value").only(&["launch-template-name"])?;
        found = templates(ask);
        found.retain(|template| {
            filters.pass(&template.tags, |name| match name {
                "launch-template-name" => Some(template.name.as_str().into()),
                _ => None,
            })
        });
    }
    let page = ask.page(found, SIZE)?;
    let mut xml = Xml::new();
    xml.list("launchTemplates", "item", &page.items, |xml, template| write_template(ask, xml, template));
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

pub(super) fn write_template(ask: &Ask<'_>, xml: &mut Xml, template: &Template) {
    xml.leaf("launchTemplateId", &template.id)
        .leaf("launchTemplateName", &template.name)
        .time("createTime", template.created)
        .leaf("createdBy", format_args!("arn:aws:iam::{}:user/terraform", ask.place.account))
        .leaf("defaultVersionNumber", template.default_version)
        .leaf("latestVersionNumber", template.latest())
        .ec2_tags(&template.tags);
}

pub(super) fn describe_versions(ask: &mut Ask<'_>) -> Answer {
    let asked = ask.params.list("LaunchTemplateVersion");
    let rows = match named(ask, ask.params)? {
        Some(template) => of_one(ask, &template, &asked)?,
        None => of_all(ask, &asked)?,
    };
    let page = ask.page(rows, SIZE)?;
    let mut xml = Xml::new();
    xml.list("launchTemplateVersionSet", "item", &page.items, |xml, (template, version)| {
        write_version(ask, xml, template, version);
    });
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

type Row = (Template, TemplateVersion);

fn of_one(ask: &Ask<'_>, template: &Template, asked: &[&str]) -> Result<Vec<Row>, Error> {
    let row = |version: &TemplateVersion| (template.clone(), version.clone());
    if !asked.is_empty() {
        let versions = asked.iter().map(|text| version_of(template, text).map(row));
        return versions.collect();
    }
    let bound = |name| ask.params.get(name).map(|text| resolve(template, text)).transpose();
    let (low, high) = (bound("MinVersion")?.unwrap_or(0), bound("MaxVersion")?.unwrap_or(u64::MAX));
    let within = template.versions.values().rev().filter(|version| (low..=high).contains(&version.number));
    Ok(within.map(row).collect())
}

fn of_all(ask: &Ask<'_>, asked: &[&str]) -> Result<Vec<Row>, Error> {
    if asked.is_empty() || asked.iter().any(|text| !matches!(*text, "$Latest" | "$Default")) {
        let message = "Without a launch template, the versions $Latest and $Default can be described.";
        return Err(Error::new("InvalidParameterCombination", message));
    }
    let mut rows = Vec::new();
    for template in templates(ask) {
        let mut numbers = Vec::new();
        for text in asked {
            let number = resolve(&template, text)?;
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        for number in numbers {
            rows.extend(template.versions.get(&number).map(|version| (template.clone(), version.clone())));
        }
    }
    Ok(rows)
}

fn resolve(template: &Template, text: &str) -> Result<u64, Error> {
    Tracking::parse(text)
        .map(|tracking| template.resolve(tracking))
        .ok_or_else(|| Error::invalid(format!("not a launch template version: {text}")))
}

fn version_of<'a>(template: &'a Template, text: &str) -> Result<&'a TemplateVersion, Error> {
    let number = resolve(template, text)?;
    template.versions.get(&number).ok_or_else(|| {
        let message =
            format!("Could not find launch template version {number} for template {}.", template.id);
        Error::new("InvalidLaunchTemplateId.VersionNotFound", message)
    })
}

fn write_version(ask: &Ask<'_>, xml: &mut Xml, template: &Template, version: &TemplateVersion) {
    xml.leaf("launchTemplateId", &template.id)
        .leaf("launchTemplateName", &template.name)
        .leaf("versionNumber", version.number)
        .text("versionDescription", &version.description)
        .time("createTime", version.created)
        .leaf("createdBy", format_args!("arn:aws:iam::{}:user/terraform", ask.place.account))
        .leaf("defaultVersion", version.number == template.default_version)
        .node("launchTemplateData", |xml| write_data(xml, "", &resolved(ask, version)));
}

/// The version's data, with the image in place of a parameter that names it, where that is asked for.
fn resolved(ask: &Ask<'_>, version: &TemplateVersion) -> BTreeMap<String, Data> {
    let mut data = version.data.clone();
    let image = version.image().filter(|_| ask.params.flag("ResolveAlias") == Some(true));
    if let Some(image) = image.and_then(|named| ask.world.resolve_image(&ask.place, &named)) {
        data.insert("ImageId".to_owned(), Data::Value(image.to_string()));
    }
    data
}

/// Writes a tree with the response's names: those of the request with a small first letter,
/// and `Set` after those of lists. The API's model has three exceptions.
fn write_data(xml: &mut Xml, parent: &str, parts: &BTreeMap<String, Data>) {
    for (name, data) in parts {
        let mut letters = name.chars();
        let plain: String = letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect();
        match data {
            Data::Value(text) => {
                xml.leaf(&plain, text);
            }
            Data::Parts(parts) => {
                xml.node(&plain, |xml| write_data(xml, name, parts));
            }
            Data::List(items) => {
                let (list, item) = match (parent, name.as_str()) {
                    ("NetworkInterface", "SecurityGroupId") => ("groupSet".to_owned(), "groupId"),
                    ("SecondaryInterface", "PrivateIpAddress") => {
                        ("privateIpAddressesSet".to_owned(), "item")
                    }
                    ("", "LicenseSpecification") => ("licenseSet".to_owned(), "item"),
                    (_, _) => (format!("{plain}Set"), "item"),
                };
                write_list(xml, name, &list, item, items);
            }
        }
    }
}

fn write_list(xml: &mut Xml, name: &str, list: &str, item: &str, items: &[Data]) {
    xml.node(list, |xml| {
        for data in items {
            match data {
                Data::Value(text) => {
                    xml.leaf(item, text);
                }
                Data::Parts(parts) => {
                    xml.node(item, |xml| write_data(xml, name, parts));
                }
                Data::List(items) => write_list(xml, name, item, item, items),
            }
        }
    });
}

pub(super) fn create_version(ask: &mut Ask<'_>) -> Answer {
    let stale = ask.stale.take();
    let template = named(ask, ask.params)?.ok_or_else(|| Error::missing("LaunchTemplateId"))?;
    ask.stale = stale;
    if let Some((id, number)) = made_before(ask)? {
        return Ok(created(ask, &id, number));
    }
    let description = description(ask)?;
    let mut data = match ask.params.get("SourceVersion") {
        Some(source) => version_of(&template, source)?.data.clone(),
        None => BTreeMap::new(),
    };
    data.extend(ask.params.tree("LaunchTemplateData")?);
    let number = ask.world.add_version(&ask.place, &template.id, description, data);
    let number = number.ok_or_else(|| Error::missing("LaunchTemplateId"))?;
    remember(ask, &template.id, number);
    Ok(created(ask, &template.id, number))
}

/// The description that a version is to have.
pub(super) fn description<'a>(ask: &Ask<'a>) -> Result<&'a str, Error> {
    let description = ask.params.get("VersionDescription").unwrap_or_default();
    if description.chars().count() > 255 {
        return Err(Error::invalid("VersionDescription can have at most 255 characters"));
    }
    Ok(description)
}

/// What was made under the request's client token, when the same was asked for before.
pub(super) fn made_before(ask: &Ask<'_>) -> Result<Option<(TemplateId, u64)>, Error> {
    let Some((print, token)) = token(ask) else { return Ok(None) };
    match ask.world.tokens.get(&token) {
        Some((asked, ..)) if *asked != print => {
            let message = "Client token already used before with different parameters.";
            Err(Error::new("IdempotentParameterMismatch", message))
        }
        Some((_, id, number)) => Ok(Some((id.clone(), *number))),
        None => Ok(None),
    }
}

/// Remembers what the request's client token made.
pub(super) fn remember(ask: &mut Ask<'_>, id: &TemplateId, number: u64) {
    if let Some((print, token)) = token(ask) {
        ask.world.tokens.insert(token, (print, id.clone(), number));
    }
}

/// What is asked for, and the client token that it is asked under.
fn token(ask: &Ask<'_>) -> Option<(String, (Place, String))> {
    let token = ask.params.get("ClientToken")?.to_owned();
    Some((ask.params.fingerprint("ClientToken"), (ask.place.clone(), token)))
}

fn created(ask: &Ask<'_>, id: &TemplateId, number: u64) -> Xml {
    let mut xml = Xml::new();
    let template = ask.world.template(&ask.place, id);
    if let Some((template, version)) = template.and_then(|t| Some((t, t.versions.get(&number)?))) {
        xml.node("launchTemplateVersion", |xml| write_version(ask, xml, template, version));
    }
    xml
}

pub(super) fn modify(ask: &mut Ask<'_>) -> Answer {
    ask.stale = None;
    let template = named(ask, ask.params)?.ok_or_else(|| Error::missing("LaunchTemplateId"))?;
    let number = version_of(&template, ask.params.require("SetDefaultVersion")?)?.number;
    ask.world.set_default_version(&ask.place, &template.id, number);
    let mut xml = Xml::new();
    if let Some(template) = ask.world.template(&ask.place, &template.id) {
        xml.node("launchTemplate", |xml| write_template(ask, xml, template));
    }
    Ok(xml)
}
