//! EC2: launch templates are made and deleted.

use super::ec2_tags::specified;
use super::ec2_templates::{by_name, description, made_before, named, remember, write_template};
use super::errors::Error;
use super::xml::Xml;
use super::{Answer, Ask};
use crate::model::TemplateId;
use crate::sim::world::Data;

pub(super) fn create(ask: &mut Ask<'_>) -> Answer {
    let name = ask.params.require("LaunchTemplateName")?;
    if let Some((id, _)) = made_before(ask)? {
        return Ok(shown(ask, &id));
    }
    check_name(name)?;
    let description = description(ask)?;
    let mut data = ask.params.tree("LaunchTemplateData")?;
    if data.is_empty() {
        return Err(Error::missing("LaunchTemplateData"));
    }
    // A value that is sent empty is as if it were not sent.
    data.retain(|_, value| *value != Data::Value(String::new()));
    let tags = specified(ask, "launch-template")?;
    ask.stale = None;
    if by_name(ask, name).is_ok() {
        let message = "Launch template name already in use.";
        return Err(Error::new("InvalidLaunchTemplateName.AlreadyExistsException", message));
    }
    let id = ask.world.create_template(&ask.place, name, description, data, tags);
    remember(ask, &id, 1);
    Ok(shown(ask, &id))
}

pub(super) fn delete(ask: &mut Ask<'_>) -> Answer {
    ask.stale = None;
    let template = named(ask, ask.params)?.ok_or_else(|| Error::missing("LaunchTemplateId"))?;
    let answer = shown(ask, &template.id);
    ask.world.delete_template(&ask.place, &template.id);
    Ok(answer)
}

fn shown(ask: &Ask<'_>, id: &TemplateId) -> Xml {
    let mut xml = Xml::new();
    if let Some(template) = ask.world.template(&ask.place, id) {
        xml.node("launchTemplate", |xml| write_template(ask, xml, template));
    }
    xml
}

fn check_name(name: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "().-/_".contains(c);
    if (3..=128).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    let message = "Launch template names have 3 to 128 letters, digits and ( ) . - / _";
    Err(Error::new("InvalidLaunchTemplateName.MalformedException", message))
}
