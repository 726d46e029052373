//! A world as a fleet's description says, at its first moment.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::groups::Happened;
use super::{
    Around, Data, Dice, Group, GroupKey, Image, Life, Place, Template, TemplateRef, TemplateVersion, World,
    before,
};
use crate::model::{TemplateId, Tracking};
use crate::sim::fleet::{FleetSpec, GroupSpec, ImageSpec, TemplateSpec};
use crate::sim::scenario::{EffectKind, ForeignStart, Scenario};

const DAY: i64 = 86_400;

impl World {
    /// The world at `now`: every group has its instances, in service for a day.
    pub fn new(
        fleet: &FleetSpec,
        scenario: Scenario,
        seed: u64,
        loopback: Option<u16>,
        now: Timestamp,
    ) -> Self {
        let mut world = Self {
            now,
            home: fleet.home.clone(),
            roles: fleet.roles.clone(),
            sessions: BTreeMap::new(),
            images: BTreeMap::new(),
            templates: BTreeMap::new(),
            groups: BTreeMap::new(),
            gone: BTreeMap::new(),
            hosts: BTreeMap::new(),
            scenario,
            tokens: BTreeMap::new(),
            dice: Dice::new(seed, loopback),
            agenda: std::collections::BTreeSet::new(),
            forgets: now,
        };
        for spec in &fleet.images {
            let image = image(spec, now);
            world.images.insert((image.region.clone(), image.id.clone()), image);
        }
        for spec in &fleet.templates {
            world.add_template(spec);
        }
        for (at, spec) in fleet.groups.iter().enumerate() {
            let key = world.add_group(spec, at);
            let hosts = fleet.hosts.iter().filter(|(_, index)| **index == at);
            world.hosts.extend(hosts.map(|(host, _)| (host.clone(), key.clone())));
        }
        for key in world.groups.keys().cloned().collect::<Vec<_>>() {
            world.foreign_refresh(&key, ForeignStart::Start);
        }
        world
    }

    /// Adds a launch template and returns its id.
    pub fn add_template(&mut self, spec: &TemplateSpec) -> TemplateId {
        let id = TemplateId::new(format!("lt-0{}", self.dice.hex(16)));
        let place = Place { account: spec.account.clone(), region: spec.region.clone() };
        let created = before(self.now, 30 * DAY);
        let versions = (1..).zip(&spec.versions).map(|(number, version)| {
            let data =
                Data::from_flat(version.data.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            let description = version.description.clone();
            (number, TemplateVersion { number, description, created, data })
        });
        let template = Template {
            id: id.clone(),
            name: spec.name.clone(),
            created,
            versions: versions.collect(),
            default_version: spec.default_version,
            past: None,
        };
        self.templates.insert((place, id.clone()), template);
        id
    }

    /// Adds a group with its instances; `at` is its place among the groups, for what goes in turns.
    pub fn add_group(&mut self, spec: &GroupSpec, at: usize) -> GroupKey {
        let place = Place { account: spec.account.clone(), region: spec.region.clone() };
        let key = GroupKey { place, name: spec.name.clone() };
        let mut group = self.empty_group(spec, &key);
        if let Some(change) = group.effect(&self.scenario, EffectKind::tracking) {
            let follow = change.follow.get(at % change.follow.len().max(1)).copied();
            group.template.tracking = match follow {
                Some(Tracking::Latest) => Tracking::Latest,
                Some(Tracking::Default) => Tracking::Default,
                Some(Tracking::Pinned(_)) | None => Tracking::Pinned(self.resolved(&group)),
            };
        }
        self.groups.insert(key.clone(), group);
        self.with_group(&key, |group, around| group.populate(spec.protected, around));
        key
    }

    fn resolved(&self, group: &Group) -> u64 {
        let template = self.template(&group.key.place, &group.template.id);
        template.map_or(1, |template| template.resolve(group.template.tracking))
    }

    fn empty_group(&mut self, spec: &GroupSpec, key: &GroupKey) -> Group {
        let named = |(place, _): &(&(Place, TemplateId), &Template)| place.0 == key.place;
        let found = self.templates.iter().filter(named).find(|(_, template)| template.name == spec.template);
        let id = found
            .map_or_else(|| TemplateId::new("lt-00000000000000000"), |(_, template)| template.id.clone());
        let region = &spec.region;
        let account = &spec.account;
        let arn = |name: &String, hash: String| {
            format!("arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{name}/{hash}")
        };
        let dice = &mut self.dice;
        Group {
            key: key.clone(),
            created: before(self.now, 30 * DAY),
            template: TemplateRef { id, name: spec.template.clone(), tracking: spec.tracking },
            mixed: spec.mixed,
            launch_configuration: spec.launch_configuration.clone(),
            min: spec.capacity.0,
            desired: spec.capacity.1,
            max: spec.capacity.2,
            tags: spec.tags.clone(),
            target_groups: spec.target_groups.iter().map(|name| arn(name, dice.hex(16))).collect(),
            suspended: spec.suspended.clone(),
            deleting: spec.deleting,
            boot: spec.boot,
            default_warmup: spec.default_warmup,
            grace: spec.grace,
            apps: spec.apps.clone(),
            instances: Vec::new(),
            refreshes: Vec::new(),
            activities: Vec::new(),
            first_image: None,
            failures: 0,
            troubled_since: None,
            retry_at: None,
            happened: Happened::default(),
            past: None,
            agenda: None,
        }
    }
}

impl Group {
    /// Gives a new group its instances, in service for a day.
    fn populate(&mut self, protected: u32, around: &mut Around<'_>) {
        let number = self.resolve(&self.template, around);
        let template = self.find(&self.template, around);
        self.first_image = template.and_then(|template| template.versions.get(&number)?.image());
        let now = around.now;
        around.now = before(now, DAY);
        let suspended = std::mem::take(&mut self.suspended);
        around.calm = true;
        self.keep_capacity(around);
        around.calm = false;
        self.suspended = suspended;
        for (at, instance) in (0..).zip(&mut self.instances) {
            instance.life = Life::InService;
            instance.serving_since = Some(around.now);
            instance.due = None;
            instance.doomed = None;
            instance.protected = at < protected;
        }
        self.activities.clear();
        around.now = now;
    }
}

fn image(spec: &ImageSpec, now: Timestamp) -> Image {
    Image {
        id: spec.id.clone(),
        name: spec.name.clone(),
        region: spec.region.clone(),
        architecture: spec.architecture.clone(),
        owner: spec.owner.clone(),
        state: spec.state.clone(),
        created: spec.created.unwrap_or_else(|| before(now, DAY)),
        deprecated: spec.deprecated,
        shared_with: spec.shared_with.clone(),
        tags: spec.tags.clone(),
        past: None,
    }
}
