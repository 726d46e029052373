//! The world: everything that exists in the simulated accounts, and how it changes.
//!
//! [`World`] is a discrete-event simulation: each group says when it next changes by
//! itself, and [`World::advance`] takes the groups through those moments in order. Knows
//! nothing of wires, sockets or runtimes; the same calls at the same times with the same
//! seed give the same world.

mod activities;
mod alarms;
mod batches;
mod build;
mod capacity;
mod changes;
mod creation;
mod events;
mod evolution;
mod groups;
mod hooks;
mod images;
mod instances;
mod life;
mod pipelines;
mod policy;
mod policy_build;
mod policy_rules;
mod programs;
mod refresh;
mod requests;
mod rollback;
mod roots;
mod settings;
mod slots;
mod standing;
mod suspension;
mod templates;
mod warm_pool;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};

use super::fleet::RoleSpec;
use super::scenario::Scenario;
use crate::model::{AccountId, GroupName, ImageId, InstanceId, Region, TemplateId};

pub use activities::{Activity, ActivityStatus};
pub use alarms::Alarm;
use changes::Parameters;
pub(super) use creation::NewGroup;
pub use groups::{Group, TemplateRef};
pub(super) use hooks::longest;
pub use hooks::{Step, Wait};
pub use images::Image;
pub use instances::{ImageFrom, Instance};
pub use life::Life;
pub(super) use pipelines::Denial;
pub use pipelines::{Build, Pipeline};
pub(super) use policy::Target;
pub use policy::{Configuration, Override, Policy};
pub use programs::{Ending, RemoteCommand, RemoteRun};
pub use refresh::{Preferences, Refresh, Reserved, RollbackDetails, Strategy};
pub(super) use requests::{Refusal, StartRequest};
pub use settings::Settings;
pub(super) use settings::zones;
pub(super) use slots::check_architecture;
pub(super) use suspension::PROCESSES;
pub use templates::{Data, Template, TemplateVersion};

/// An account in a region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
}

/// What tells one group from every other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    /// Where it is.
    pub place: Place,
    /// Its name.
    pub name: GroupName,
}

/// Credentials that were issued for a role.
#[derive(Debug, Clone)]
pub struct Session {
    /// The account that they act in.
    pub account: AccountId,
    /// The role's ARN.
    pub role: String,
    /// The session's name.
    pub name: String,
    /// Until when they are good.
    pub expires: Timestamp,
}

/// Everything that exists.
#[derive(Debug)]
pub struct World {
    /// What time it is.
    pub now: Timestamp,
    /// The account of the home credentials.
    pub home: AccountId,
    /// The roles that can be assumed.
    pub roles: BTreeMap<String, RoleSpec>,
    /// Issued credentials, by access key.
    pub sessions: BTreeMap<String, Session>,
    /// The images, by region and id.
    pub images: BTreeMap<(Region, ImageId), Image>,
    /// The launch templates.
    pub templates: BTreeMap<(Place, TemplateId), Template>,
    /// The groups, and in them their instances and refreshes.
    pub groups: BTreeMap<GroupKey, Group>,
    /// Terminated instances, as long as EC2 still describes them.
    pub gone: BTreeMap<InstanceId, Instance>,
    /// Host names that lead to a group.
    pub hosts: BTreeMap<String, GroupKey>,
    /// The image pipelines, by ARN.
    pub pipelines: BTreeMap<String, Pipeline>,
    /// The `CloudWatch` alarms as they were set; [`World::alarm`] says how they stand.
    pub alarms: BTreeMap<(Place, String), Alarm>,
    /// The SSM parameters that hold images' ids.
    pub parameters: BTreeMap<(Place, String), ImageId>,
    /// The commands that were sent through Systems Manager, by their ids.
    pub commands: BTreeMap<String, RemoteCommand>,
    /// What goes wrong.
    pub scenario: Scenario,
    /// Client tokens of template versions: what was asked for, and the version it made.
    pub(super) tokens: BTreeMap<(Place, String), (String, TemplateId, u64)>,
    /// Client tokens of image builds: what was asked for, and the build it began.
    pub(super) build_tokens: BTreeMap<(Place, String), (String, String)>,
    pub(super) dice: Dice,
    agenda: BTreeSet<(Timestamp, GroupKey)>,
    /// When the first of the terminated instances is forgotten; none is before.
    forgets: Timestamp,
}

/// Everything random, from one seed.
#[derive(Debug)]
pub(crate) struct Dice {
    rng: fastrand::Rng,
    loopback: Option<u16>,
    /// The groups that the addresses were given to, in order.
    addresses: Vec<GroupKey>,
}

/// What a group needs of the world while it changes.
pub(crate) struct Around<'a> {
    pub(super) now: Timestamp,
    pub(super) dice: &'a mut Dice,
    pub(super) scenario: &'a Scenario,
    templates: &'a BTreeMap<(Place, TemplateId), Template>,
    images: &'a BTreeMap<(Region, ImageId), Image>,
    parameters: &'a Parameters,
    gone: &'a mut BTreeMap<InstanceId, Instance>,
    /// Whether the scenario leaves launches alone, as before the world's first moment.
    calm: bool,
}

impl Around<'_> {
    /// What time it is.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }
}

/// How long EC2 still describes an instance that is terminated.
const REMEMBERED: u32 = 3600;

impl Dice {
    fn new(seed: u64, loopback: Option<u16>) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed), loopback, addresses: Vec::new() }
    }

    /// That many lowercase hexadecimal digits.
    pub(super) fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| char::from_digit(self.rng.u32(0..16), 16).unwrap_or('0')).collect()
    }

    /// A random UUID's text.
    pub(super) fn uuid(&mut self) -> String {
        let parts: Vec<String> = [8, 4, 4, 4, 12].into_iter().map(|n| self.hex(n)).collect();
        parts.join("-")
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        self.rng.u32(low..=high)
    }

    /// Whether something that happens in `percent` of cases happens now.
    pub(super) fn chance(&mut self, percent: u8) -> bool {
        self.rng.u8(0..100) < percent
    }

    /// An address that was never used before, for an instance of that group.
    fn address(&mut self, group: &GroupKey) -> Ipv4Addr {
        self.addresses.push(group.clone());
        let number = u32::try_from(self.addresses.len()).unwrap_or(u32::MAX);
        Ipv4Addr::from(self.before_addresses().saturating_add(number))
    }

    /// The group whose instance was given that address.
    fn group_at(&self, address: Ipv4Addr) -> Option<&GroupKey> {
        let number = u32::from(address).checked_sub(self.before_addresses())?.checked_sub(1)?;
        self.addresses.get(usize::try_from(number).ok()?)
    }

    /// The address before the first that is given.
    fn before_addresses(&self) -> u32 {
        match self.loopback {
            None => u32::from(Ipv4Addr::new(10, 0, 1, 0)),
            // 127.0.x.y is left to real servers on the machine. A block is room for 4,096 instances.
            Some(block) => u32::from(Ipv4Addr::new(127, 1, 1, 0)) + u32::from(block % 4000) * 0x1000,
        }
    }
}

impl World {
    /// Lets everything happen that happens by `to`, in the order of time.
    pub fn advance(&mut self, to: Timestamp) {
        while let Some((when, key)) = self.agenda.first().cloned() {
            if when > to {
                break;
            }
            self.agenda.pop_first();
            self.now = self.now.max(when);
            self.settle(&key);
        }
        self.now = self.now.max(to);
        self.end_builds();
        // The world is asked at every call: it looks through what is gone only when some of it is to go.
        if self.now >= self.forgets {
            let forgotten = before(self.now, REMEMBERED.into());
            self.gone.retain(|_, instance| instance.ended.is_none_or(|ended| ended > forgotten));
            let oldest = self.gone.values().filter_map(|instance| instance.ended).min();
            self.forgets = after(oldest.unwrap_or(self.now), REMEMBERED);
        }
    }

    /// Lets a group do what is due now, and notes when it changes next. Call it after every
    /// change to a group from outside.
    pub fn settle(&mut self, key: &GroupKey) {
        let Self { now, dice, scenario, templates, images, parameters, gone, groups, agenda, .. } = self;
        let mut around =
            Around { now: *now, dice, scenario, templates, images, parameters, gone, calm: false };
        if let Some(group) = groups.get_mut(key) {
            group.settle(&mut around);
            if let Some(when) = group.next_change(&around)
                && group.agenda != Some(when)
            {
                group.agenda = Some(when);
                agenda.insert((when, key.clone()));
            }
            if group.ends && group.instances.is_empty() {
                groups.remove(key);
            }
        }
        self.watch_alarms();
    }

    /// Lets every group settle, after changes from outside.
    pub fn settle_all(&mut self) {
        for key in self.groups.keys().cloned().collect::<Vec<_>>() {
            self.settle(&key);
        }
    }

    /// A group, by its name alone; the first of that name in the order of places.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.values().find(|group| group.key.name.as_str() == name)
    }

    /// The key of a group, by its name alone.
    pub fn key(&self, name: &str) -> Option<GroupKey> {
        self.group(name).map(|group| group.key.clone())
    }

    /// An image, by its id alone.
    pub fn image(&self, id: &ImageId) -> Option<&Image> {
        self.images.values().find(|image| image.id == *id)
    }

    /// A template, by where it is and its id.
    pub fn template(&self, place: &Place, id: &TemplateId) -> Option<&Template> {
        self.templates.get(&(place.clone(), id.clone()))
    }

    /// The template that a group launches from.
    pub fn template_of(&self, group: &Group) -> Option<&Template> {
        self.template(&group.key.place, &group.template.id)
    }

    /// Every instance that EC2 describes in that place, in no order.
    pub fn instances_in<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = &'a Instance> {
        let here = self.groups.values().filter(move |group| group.key.place == *place);
        let gone = self.gone.values().filter(move |instance| instance.group.place == *place);
        here.flat_map(|group| group.instances.iter()).chain(gone)
    }

    /// The living instance at that address, and its group.
    pub fn at_address(&self, address: Ipv4Addr) -> Option<(&Group, &Instance)> {
        let group = self.groups.get(self.dice.group_at(address)?)?;
        group.instances.iter().find(|instance| instance.address == address).map(|found| (group, found))
    }
}

/// That many seconds later.
pub(super) fn after(time: Timestamp, seconds: u32) -> Timestamp {
    time.checked_add(SignedDuration::from_secs(i64::from(seconds))).unwrap_or(Timestamp::MAX)
}

/// Whether that many seconds have passed. Asked of every instance at every step: plain numbers
/// are much faster than the calendar's arithmetic.
pub(super) fn passed(since: Timestamp, seconds: u32, now: Timestamp) -> bool {
    now.as_nanosecond() - since.as_nanosecond() >= i128::from(seconds) * 1_000_000_000
}

/// That many seconds earlier.
pub(super) fn before(time: Timestamp, seconds: i64) -> Timestamp {
    time.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MIN)
}
