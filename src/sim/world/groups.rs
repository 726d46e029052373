//! Auto Scaling groups: what they are, and one round of what they do by themselves.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::policy::{Policy, Target};
use super::settings::Settings;
use super::{Activity, Around, Configuration, GroupKey, Instance, Life, Refresh, Template};
use crate::model::{ImageId, TemplateId, Tracking};
use crate::sim::fleet::{AppSpec, HookSpec, ProgramSpec, WarmPoolSpec};
use crate::sim::scenario::{EffectKind, Scenario};

/// The template that a group, or a refresh, launches from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateRef {
    /// Its id.
    pub id: TemplateId,
    /// Its name.
    pub name: String,
    /// How the version is named.
    pub tracking: Tracking,
}

impl TemplateRef {
    /// What stands for the template of a group that has none.
    pub(super) fn nowhere() -> Self {
        let id = TemplateId::new("lt-00000000000000000");
        Self { id, name: String::new(), tracking: Tracking::Pinned(0) }
    }
}

/// An Auto Scaling group.
#[derive(Debug, Clone)]
pub struct Group {
    /// What tells it from every other.
    pub key: GroupKey,
    /// When it was made.
    pub created: Timestamp,
    /// The template it launches from; with a mixed instances policy, the policy's own.
    pub template: TemplateRef,
    /// Its mixed instances policy.
    pub policy: Option<Policy>,
    /// A launch configuration that it launches from instead of a template.
    pub launch_configuration: Option<String>,
    /// The image that the launch configuration names.
    pub configuration_image: Option<ImageId>,
    /// Its smallest capacity.
    pub min: u32,
    /// How many instances it should have.
    pub desired: u32,
    /// Its largest capacity.
    pub max: u32,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The keys of those that its instances do not get.
    pub own_tags: BTreeSet<String>,
    /// What has no part in which image it launches.
    pub settings: Settings,
    /// The ARNs of its target groups.
    pub target_groups: Vec<String>,
    /// Its suspended processes.
    pub suspended: Vec<String>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether it is gone once it has no instance left.
    pub(super) ends: bool,
    /// How long an instance takes into service, in seconds.
    pub boot: u32,
    /// Its default instance warmup in seconds.
    pub default_warmup: Option<u32>,
    /// Its health check grace period in seconds.
    pub grace: u32,
    /// Its warm pool.
    pub warm_pool: Option<WarmPoolSpec>,
    /// Its lifecycle hooks.
    pub hooks: Vec<HookSpec>,
    /// Its instance maintenance policy: the least and the largest healthy percentage.
    pub maintenance: Option<(u8, u8)>,
    /// What listens on its instances.
    pub apps: Vec<AppSpec>,
    /// How the programs end that its checks run.
    pub programs: Vec<ProgramSpec>,
    /// Its instances, oldest first; those of its warm pool are among them.
    pub instances: Vec<Instance>,
    /// Its refreshes, oldest first.
    pub refreshes: Vec<Refresh>,
    /// Its scaling activities, oldest first.
    pub activities: Vec<Activity>,
    /// The images that it launched when the world began.
    pub first_images: BTreeSet<ImageId>,
    /// Whose turn it is among the overrides of its policy.
    pub(super) turn: usize,
    /// How many launches failed in a row.
    pub(super) failures: u32,
    /// When its first launch failed.
    pub(super) troubled_since: Option<Timestamp>,
    /// Before when it does not try to launch again.
    pub(super) retry_at: Option<Timestamp>,
    /// The scenario's one-time events that have happened to it.
    pub(super) happened: Happened,
    /// What a stale read still sees, and until when.
    pub(super) past: Option<(Timestamp, Box<Group>)>,
    pub(super) agenda: Option<Timestamp>,
}

/// The scenario's one-time events that have happened to a group.
#[derive(Debug, Clone, Default)]
pub(super) struct Happened {
    pub(super) scaled: bool,
    pub(super) died: bool,
    pub(super) foreign: bool,
}

/// How long a group waits after its first failed launch, in seconds, and at most.
const RETRY: (u32, u32) = (15, 240);

impl Group {
    /// Does everything that is due now.
    pub(super) fn settle(&mut self, around: &mut Around<'_>) {
        // Every round that changes something brings instances or the refresh forward, so this ends.
        loop {
            let mut changed = self.progress_instances(around);
            changed |= self.scenario_events(around);
            changed |= self.progress_refresh(around);
            changed |= self.keep_capacity(around);
            changed |= self.keep_warm_pool(around);
            if !changed {
                break;
            }
        }
    }

    /// When it next changes by itself, after now.
    pub(super) fn next_change(&self, around: &Around<'_>) -> Option<Timestamp> {
        let instances = self.instances.iter().filter_map(|instance| instance.due);
        instances
            .chain(self.retry_at)
            .chain(self.next_refresh_change(around))
            .chain(self.next_scenario_event(around))
            .chain(self.next_alarm(around))
            .filter(|when| *when > around.now)
            .min()
    }

    /// Of the scenario's effects on it, the last that is of the kind picked.
    pub(crate) fn effect<'a, T>(
        &self,
        scenario: &'a Scenario,
        pick: impl Fn(&'a EffectKind) -> Option<&'a T>,
    ) -> Option<&'a T> {
        scenario.last(&self.key, &self.tags, pick)
    }

    /// Whether it launches, or would be refreshed to, versions of that template that are named by no number.
    pub(super) fn follows(&self, template: &TemplateId) -> bool {
        let names = |target: Target<'_>| target.templates().any(|one| one.id == *template);
        let desired = self.active_refresh().and_then(|refresh| refresh.desired.as_ref());
        names(self.own()) || desired.is_some_and(|desired| names(desired.target()))
    }

    /// The refresh that is active.
    pub fn active_refresh(&self) -> Option<&Refresh> {
        self.refreshes.last().filter(|refresh| refresh.status.is_active())
    }

    /// The refresh that is active, to change.
    pub(super) fn active_refresh_mut(&mut self) -> Option<&mut Refresh> {
        self.refreshes.last_mut().filter(|refresh| refresh.status.is_active())
    }

    /// What it says that it launches.
    pub(crate) fn own(&self) -> Target<'_> {
        Target { template: &self.template, policy: self.policy.as_ref() }
    }

    /// What a launch uses now: the active refresh's desired configuration, else the group's own.
    pub(super) fn target(&self) -> Target<'_> {
        let desired = self.active_refresh().and_then(Refresh::launches);
        desired.map_or_else(|| self.own(), Configuration::target)
    }

    /// Makes a configuration its own.
    pub(crate) fn configure(&mut self, configuration: Configuration) {
        self.template = configuration.template;
        self.policy = configuration.policy;
        self.launch_configuration = None;
        self.configuration_image = None;
    }

    /// The number of the version that a reference stands for now; 0 when the template is gone.
    pub(super) fn resolve(&self, reference: &TemplateRef, around: &Around<'_>) -> u64 {
        self.find(reference, around).map_or(0, |template| template.resolve(reference.tracking))
    }

    pub(super) fn find<'a>(&self, reference: &TemplateRef, around: &Around<'a>) -> Option<&'a Template> {
        around.templates.get(&(self.key.place.clone(), reference.id.clone()))
    }

    /// Notes that a launch failed or an instance did not last.
    pub(super) fn note_failure(&mut self, around: &Around<'_>) {
        let delay = RETRY.0.saturating_mul(1 << self.failures.min(5)).min(RETRY.1);
        self.failures += 1;
        self.troubled_since.get_or_insert(around.now);
        self.retry_at = Some(super::after(around.now, delay));
        if let Some(refresh) = self.active_refresh_mut() {
            refresh.failing_since.get_or_insert(around.now);
        }
    }

    /// The instances that serve and are healthy.
    pub fn serving(&self) -> impl Iterator<Item = &Instance> {
        self.instances.iter().filter(|instance| instance.serves())
    }

    /// The images of its in-service instances, each once.
    pub fn images(&self) -> BTreeSet<&ImageId> {
        self.instances.iter().filter(|i| i.life == Life::InService).map(|i| &i.image).collect()
    }

    /// The group as a read at `stale` still sees it, when it does.
    pub(crate) fn seen(&self, stale: Option<Timestamp>) -> &Self {
        match (&self.past, stale) {
            (Some((until, past)), Some(now)) if now < *until => past,
            (Some(_) | None, Some(_) | None) => self,
        }
    }

    /// Keeps what a stale read sees until then.
    pub(crate) fn remember(&mut self, until: Option<Timestamp>) {
        if let Some(until) = until {
            self.past = None;
            self.past = Some((until, Box::new(self.clone())));
        }
    }
}
