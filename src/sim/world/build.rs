//! A world as a fleet's description says, at its first moment.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::changes::{quiet, resolve_image};
use super::groups::Happened;
use super::settings::Settings;
use super::{
    Alarm, Around, Data, Dice, Group, GroupKey, Image, Instance, Life, Place, Template, TemplateRef,
    TemplateVersion, World, before,
};
use crate::model::{ImageId, TemplateId, Tracking};
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
            alarms: BTreeMap::new(),
            commands: BTreeMap::new(),
            parameters: BTreeMap::new(),
            scenario,
            pipelines: BTreeMap::new(),
            tokens: BTreeMap::new(),
            build_tokens: BTreeMap::new(),
            dice: Dice::new(seed, loopback),
            agenda: BTreeSet::new(),
            forgets: now,
        };
        for spec in &fleet.images {
            let image = image(spec, now);
            world.images.insert((image.region.clone(), image.id.clone()), image);
        }
        for spec in &fleet.pipelines {
            world.add_pipeline(spec);
        }
        for spec in &fleet.alarms {
            let place = Place { account: spec.account.clone(), region: spec.region.clone() };
            let alarm = Alarm { state: spec.state, ..quiet(&spec.name, before(now, DAY)) };
            world.alarms.insert((place, spec.name.clone()), alarm);
        }
        for spec in &fleet.parameters {
            let place = Place { account: spec.account.clone(), region: spec.region.clone() };
            world.parameters.insert((place, spec.name.clone()), spec.image.clone());
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
        // An id is thrown whether it is needed or not: what chance decides later stays the same.
        let made_up = TemplateId::new(format!("lt-0{}", self.dice.hex(16)));
        let id = spec.id.clone().unwrap_or(made_up);
        let place = Place { account: spec.account.clone(), region: spec.region.clone() };
        let created = before(self.now, 30 * DAY);
        let mut last = 0;
        let versions = spec.versions.iter().map(|version| {
            let number = version.number.unwrap_or(last + 1);
            last = number;
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
            tags: BTreeMap::new(),
            past: None,
        };
        self.templates.insert((place, id.clone()), template);
        id
    }

    /// Adds a group with its instances; `at` is its place among the groups, for what goes in turns.
    pub fn add_group(&mut self, spec: &GroupSpec, at: usize) -> GroupKey {
        let place = Place { account: spec.account.clone(), region: spec.region.clone() };
        let key = GroupKey { place, name: spec.name.clone() };
        let spec = &self.as_the_scenario_has_it(&key, spec, at);
        let mut group = self.empty_group(spec, &key);
        if let Some(change) = group.effect(&self.scenario, EffectKind::tracking) {
            let follow = change.follow.get(at % change.follow.len().max(1)).copied();
            group.template.tracking = match follow {
                Some(Tracking::Latest) => Tracking::Latest,
                Some(Tracking::Default) => Tracking::Default,
                Some(Tracking::Pinned(_)) | None => Tracking::Pinned(self.resolved(&group)),
            };
        }
        self.give_policy(&mut group, at);
        self.groups.insert(key.clone(), group);
        self.with_group(&key, |group, around| group.populate(spec, around));
        key
    }

    fn resolved(&self, group: &Group) -> u64 {
        let template = self.template(&group.key.place, &group.template.id);
        template.map_or(1, |template| template.resolve(group.template.tracking))
    }

    pub(super) fn empty_group(&mut self, spec: &GroupSpec, key: &GroupKey) -> Group {
        // A group with a launch configuration has no template, whatever there is of its name.
        let template = match spec.launch_configuration {
            Some(_) => TemplateRef::nowhere(),
            None => self.template_ref(&key.place, &spec.template, spec.tracking),
        };
        let policy = spec.policy.as_ref().map(|policy| self.policy_of(&key.place, policy));
        let region = &spec.region;
        let account = &spec.account;
        let arn = |name: &String, hash: String| {
            format!("arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{name}/{hash}")
        };
        let dice = &mut self.dice;
        Group {
            key: key.clone(),
            created: before(self.now, 30 * DAY),
            template,
            policy,
            launch_configuration: spec.launch_configuration.clone(),
            configuration_image: spec.configuration_image.clone(),
            min: spec.capacity.0,
            desired: spec.capacity.1,
            max: spec.capacity.2,
            tags: spec.tags.clone(),
            own_tags: BTreeSet::new(),
            settings: Settings::usual(region, !spec.target_groups.is_empty()),
            target_groups: spec.target_groups.iter().map(|name| arn(name, dice.hex(16))).collect(),
            suspended: spec.suspended.clone(),
            deleting: spec.deleting,
            ends: false,
            boot: spec.boot,
            default_warmup: spec.default_warmup,
            grace: spec.grace,
            warm_pool: spec.warm_pool,
            hooks: spec.hooks.clone(),
            maintenance: spec.maintenance,
            apps: spec.apps.clone(),
            programs: spec.programs.clone(),
            instances: Vec::new(),
            refreshes: Vec::new(),
            activities: Vec::new(),
            first_images: BTreeSet::new(),
            turn: 0,
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
    fn populate(&mut self, spec: &GroupSpec, around: &mut Around<'_>) {
        self.first_images = match &self.launch_configuration {
            Some(_) => self.configuration_image.iter().cloned().collect(),
            None => self.images_of(self.own(), around),
        };
        let now = around.now;
        around.now = before(now, DAY);
        let suspended = std::mem::take(&mut self.suspended);
        around.calm = true;
        // Those on their way in are launched later, when the world begins.
        let serving = self.desired.saturating_sub(spec.launching) as usize;
        if serving > 0 {
            self.launch(serving, None, around);
        }
        let serving = self.instances.len();
        self.launch(spec.standby as usize, None, around);
        for (at, instance) in (0..).zip(&mut self.instances) {
            instance.life = if at < serving { Life::InService } else { Life::Standby };
            instance.serving_since = Some(around.now);
            instance.due = None;
            instance.doomed = None;
            instance.protected = at < spec.protected as usize;
        }
        self.age(&spec.of_other_versions, around);
        self.keep_warm_pool(around);
        for instance in self.instances.iter_mut().filter(|instance| instance.pool.is_some()) {
            instance.life = Life::Warmed;
            instance.due = None;
        }
        around.calm = false;
        self.suspended = suspended;
        self.activities.clear();
        (self.failures, self.troubled_since, self.retry_at) = (0, None, None);
        around.now = now;
    }

    /// Lets some of the instances be of other versions than the group names.
    fn age(&mut self, versions: &[(u64, u32)], around: &Around<'_>) {
        let template = self.find(&self.template, around);
        let own = |one: &&mut Instance| one.life == Life::InService && one.template == self.template.id;
        let mut instances = self.instances.iter_mut().filter(own);
        for (number, count) in versions {
            let named = template.and_then(|template| template.versions.get(number)?.image());
            let Some(named) = named else { continue };
            let image = resolve_image(around.parameters, &self.key.place, named.as_str());
            for instance in instances.by_ref().take(*count as usize) {
                instance.version = *number;
                instance.image = image.map_or_else(|| named.clone(), ImageId::from);
            }
        }
    }
}

fn image(spec: &ImageSpec, now: Timestamp) -> Image {
    Image {
        id: spec.id.clone(),
        name: spec.name.clone(),
        description: spec.description.clone(),
        region: spec.region.clone(),
        architecture: spec.architecture.clone(),
        owner: spec.owner.clone(),
        state: spec.state.clone(),
        created: spec.created.unwrap_or_else(|| before(now, DAY)),
        deprecated: spec.deprecated,
        volumes: spec.volumes,
        shared_with: spec.shared_with.clone(),
        tags: spec.tags.clone(),
        tags_of_others: BTreeMap::new(),
        past: None,
    }
}
