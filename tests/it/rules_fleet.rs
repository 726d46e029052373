//! Fleets and configurations made for one rule, and how groups ran beside each other.

use std::collections::BTreeMap;

use ami_refresh::event::Event;
use ami_refresh::model::{AccountId, ImageId, Outcome, Tracking};
use ami_refresh::sim::{FleetSpec, GroupSpec, ImageSpec, TemplateSpec};

use crate::stage::{CONFIG, HOME, REGION, Stage};

/// An image of another family.
pub(crate) const FOREIGN: &str = "ami-0aaaaaaaaaaaaaaaa";

/// The configuration with this in place of its `refresh` settings.
pub(crate) fn refresh(settings: &str) -> String {
    let made = CONFIG.replace("{ bake: 10m, timeout: 1h }", &format!("{{ timeout: 1h, {settings} }}"));
    assert_ne!(made, CONFIG);
    made
}

/// Makes the first environment consist of groups of these names, each pinned to version 1 of a
/// template of its own and slower to boot than the one before; the second keeps its group.
pub(crate) fn only(spec: &mut FleetSpec, names: &[&str]) {
    let model = group(spec, "payments-dev").clone();
    let template = template(spec, "payments-dev").clone();
    spec.groups.retain(|group| !group.name.as_str().ends_with("-dev"));
    for (name, boot) in names.iter().zip((60..).step_by(30)) {
        spec.templates.push(TemplateSpec { name: format!("{name}-own"), ..template.clone() });
        let own = GroupSpec { name: (*name).into(), template: format!("{name}-own"), boot, ..model.clone() };
        spec.groups.push(own);
    }
}

/// Makes the first environment consist of groups on one template of two versions that differ in
/// more than the image; version 1 is the default.
pub(crate) fn shared(spec: &mut FleetSpec, groups: &[(&str, Tracking)]) {
    let names: Vec<&str> = groups.iter().map(|(name, _)| *name).collect();
    only(spec, &names);
    let mut template = template(spec, &format!("{}-own", names[0])).clone();
    template.name = "shared".into();
    let mut second = template.versions[0].clone();
    second.description = "terraform apply 2".into();
    second.data.insert("InstanceType".into(), "m7i.large".into());
    template.versions = vec![template.versions[0].clone(), second];
    template.default_version = 1;
    spec.templates.push(template);
    for (name, tracking) in groups {
        let group = group_mut(spec, name);
        group.template = "shared".into();
        group.tracking = *tracking;
    }
}

/// Adds an image of another family, which the first environment's account can launch.
pub(crate) fn foreign_image(spec: &mut FleetSpec) {
    let mut image = ImageSpec::new(FOREIGN.into(), "other-family-1", REGION.into(), HOME.into());
    image.shared_with = vec![AccountId::from("111111111111")];
    spec.images.push(image);
}

pub(crate) fn group<'a>(spec: &'a FleetSpec, name: &str) -> &'a GroupSpec {
    spec.groups.iter().find(|group| group.name.as_str() == name).expect("the group")
}

pub(crate) fn group_mut<'a>(spec: &'a mut FleetSpec, name: &str) -> &'a mut GroupSpec {
    spec.groups.iter_mut().find(|group| group.name.as_str() == name).expect("the group")
}

pub(crate) fn template<'a>(spec: &'a FleetSpec, name: &str) -> &'a TemplateSpec {
    spec.templates.iter().find(|template| template.name == name).expect("the template")
}

/// One version of a template in the world: its image, its description, and its other fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) image: ImageId,
    pub(crate) description: String,
    pub(crate) fields: BTreeMap<String, String>,
}

/// Every version of the template that a group is on.
pub(crate) fn held(stage: &Stage, group: &str) -> BTreeMap<u64, Held> {
    stage.simulator.inspect(|world| {
        let template = world.template_of(world.group(group).expect("the group")).expect("a template");
        let one = |version: &ami_refresh::sim::TemplateVersion| {
            let mut fields = version.fields();
            let image = fields.remove("ImageId").expect("an image");
            Held { image: image.into(), description: version.description.clone(), fields }
        };
        template.versions.iter().map(|(number, version)| (*number, one(version))).collect()
    })
}

/// The version that a group follows at this moment.
pub(crate) fn follows(stage: &Stage, group: &str) -> Held {
    let (number, tracking) = stage.simulator.inspect(|world| {
        let group = world.group(group).expect("the group");
        (
            world.template_of(group).expect("a template").resolve(group.template.tracking),
            group.template.tracking,
        )
    });
    held(stage, group)
        .remove(&number)
        .unwrap_or_else(|| panic!("{group} follows {tracking}, which is not there"))
}

/// How the groups' refreshes ran beside each other, from what was told.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    /// The groups in the order of their starts.
    pub(crate) order: Vec<String>,
    /// For each of those, how many ran already.
    pub(crate) beside: Vec<usize>,
    /// The groups that were never started.
    pub(crate) not_started: Vec<String>,
}

/// How the forward refreshes ran.
pub(crate) fn ran(stage: &Stage) -> Ran {
    let mut ran = Ran::default();
    let mut running: Vec<String> = Vec::new();
    let events = stage.told(|event| Some(event.clone()));
    for event in events {
        match event {
            Event::RefreshStarted { group, .. } if !running.contains(&group.group.to_string()) => {
                ran.order.push(group.group.to_string());
                ran.beside.push(running.len());
                running.push(group.group.to_string());
            }
            Event::GroupEnded { group, outcome, .. } => {
                if matches!(outcome, Outcome::NotStarted { .. }) {
                    ran.not_started.push(group.group.to_string());
                }
                running.retain(|name| name != group.group.as_str());
            }
            _ => {}
        }
    }
    ran
}

/// Waits, in steps of a second of the world's time, until it is so: a day of it at most, so that
/// a test of what never comes fails instead of hanging.
pub(crate) async fn until(stage: &Stage, so: impl Fn(&Stage) -> bool) {
    for _ in 0..86_400 {
        if so(stage) {
            return;
        }
        stage.clock.sleep(std::time::Duration::from_secs(1)).await;
    }
    panic!("it was never so: {:#?}", crate::rehearsal_story::story(stage));
}
