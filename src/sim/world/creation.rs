//! Templates and groups that callers make and delete while the world goes on.

use std::collections::{BTreeMap, BTreeSet};

use super::settings::Settings;
use super::{Around, Configuration, Data, Group, GroupKey, Place, Refusal, Template, TemplateVersion, World};
use crate::model::{GroupName, RefreshStatus, TemplateId};
use crate::sim::fleet::GroupSpec;

/// What a group is to be.
#[derive(Debug, Clone)]
pub(crate) struct NewGroup {
    pub(crate) name: GroupName,
    pub(crate) configuration: Configuration,
    /// Least, desired and most.
    pub(crate) sizes: (u32, u32, u32),
    pub(crate) settings: Settings,
    pub(crate) tags: BTreeMap<String, String>,
    /// The keys of the tags that its instances do not get.
    pub(crate) own_tags: BTreeSet<String>,
    pub(crate) warmup: Option<u32>,
    pub(crate) grace: u32,
    pub(crate) maintenance: Option<(u8, u8)>,
}

impl World {
    /// Makes a template with that one version, and returns its id. The name must be free.
    pub(crate) fn create_template(
        &mut self,
        place: &Place,
        name: &str,
        description: &str,
        data: BTreeMap<String, Data>,
        tags: BTreeMap<String, String>,
    ) -> TemplateId {
        let id = TemplateId::new(format!("lt-0{}", self.dice.hex(16)));
        let created = self.now;
        let first = TemplateVersion { number: 1, description: description.to_owned(), created, data };
        let template = Template {
            id: id.clone(),
            name: name.to_owned(),
            created,
            versions: BTreeMap::from([(1, first)]),
            default_version: 1,
            tags,
            past: None,
        };
        self.templates.insert((place.clone(), id.clone()), template);
        id
    }

    /// Deletes a template with all of its versions. Groups that name it can't launch any more.
    pub(crate) fn delete_template(&mut self, place: &Place, id: &TemplateId) {
        self.templates.remove(&(place.clone(), id.clone()));
    }

    /// Makes a group, which begins to launch. The name must be free.
    pub(crate) fn create_group(&mut self, place: &Place, new: NewGroup) -> Result<GroupKey, Refusal> {
        let key = GroupKey { place: place.clone(), name: new.name.clone() };
        self.check_configuration(&key, &new.configuration)?;
        let mut group = self.group_of(&key, new);
        group.first_images = self.images_of_new(&group)?;
        self.groups.insert(key.clone(), group);
        self.settle(&key);
        Ok(key)
    }

    fn group_of(&mut self, key: &GroupKey, new: NewGroup) -> Group {
        let Place { account, region } = key.place.clone();
        let template = &new.configuration.template.name;
        let mut spec = GroupSpec::new(account, region, new.name.as_str(), template, 0);
        spec.capacity = new.sizes;
        spec.tags = new.tags;
        (spec.default_warmup, spec.grace, spec.maintenance) = (new.warmup, new.grace, new.maintenance);
        let mut group = self.empty_group(&spec, key);
        group.created = self.now;
        group.settings = new.settings;
        group.own_tags = new.own_tags;
        group.configure(new.configuration);
        group
    }

    /// The images that a new group launches. AWS tries at once whether it could launch any.
    fn images_of_new(&mut self, group: &Group) -> Result<BTreeSet<crate::model::ImageId>, Refusal> {
        let Self { now, dice, scenario, templates, images, parameters, gone, .. } = self;
        let around = Around { now: *now, dice, scenario, templates, images, parameters, gone, calm: false };
        let launch = group.clone().choose(&around);
        launch.map_err(|why| {
            Refusal::Validation(format!("You must use a valid fully-formed launch template. {why}"))
        })?;
        Ok(group.images_of(group.own(), &around))
    }

    /// Deletes a group: what it has is terminated, and then it is gone.
    pub(crate) fn delete_group(&mut self, key: &GroupKey) {
        self.with_group(key, |group, around| {
            let now = around.now;
            group.ends = true;
            group.deleting = true;
            (group.min, group.desired, group.max) = (0, 0, 0);
            group.warm_pool = None;
            if let Some(refresh) = group.active_refresh_mut() {
                refresh.end(RefreshStatus::Cancelled, "The group was deleted.".to_owned(), now);
            }
            let all: Vec<_> = group.instances.iter().map(|instance| instance.id.clone()).collect();
            for id in all {
                let cause =
                    format!("At {now:.0} an instance was taken out of service as its group was deleted.");
                group.terminate(&id, cause, around);
            }
        });
    }
}
