//! What a valid configuration says: environments in order, checks, policies.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::glob::glob_matches;
use super::network::{HttpCheck, TcpCheck};
use super::notify::{Notify, SecretSource};
use super::preferences::{PreferenceChanges, RefreshPolicy};
use super::scalars::is_external_id;
use super::windows::{SchedulePolicy, WindowTags};
use crate::model::{AccountId, EnvironmentName, Freeze, GroupName, Region};

/// A validated configuration.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// The file it was read from.
    pub file: PathBuf,
    /// The time zone in which people are shown times.
    pub timezone: TimeZone,
    /// The families of images, by name.
    pub families: BTreeMap<String, Family>,
    /// The environments, in rollout order.
    pub environments: Vec<Environment>,
    /// Settings by group name, in order; a later match wins.
    pub overrides: Vec<Override>,
    /// When nothing may be started.
    pub freezes: Vec<Freeze>,
    /// The keys of the tags that say when a group may be refreshed.
    pub window_tags: WindowTags,
    /// Who is told, and by which way.
    pub notify: Notify,
    /// Every check that an environment may name, the built-in ones included.
    pub checks: BTreeMap<String, Check>,
}

/// A line of images built from one template.
#[derive(Debug, Clone)]
pub struct Family {
    /// A glob that the names of the family's images match, such as `dept-base-*`.
    pub name_glob: String,
    /// Who may own its images: account numbers or `self` (the home account).
    pub owners: Vec<String>,
}

/// One environment: an account, a role, regions, and the groups in them.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Its name.
    pub name: EnvironmentName,
    /// The account it is in.
    pub account: AccountId,
    /// The role that is assumed there; `None` when the home credentials serve.
    pub role_arn: Option<String>,
    /// What the role's trust policy asks for beside the credentials.
    pub external_id: Option<ExternalId>,
    /// Its regions in the order in which they are written, at least one.
    pub regions: Vec<Region>,
    /// Whether a region begins only when the one before it is done.
    pub regions_in_order: bool,
    /// Which groups belong to it.
    pub select: Selector,
    /// Which gates it needs, and how its own is passed.
    pub gate: GatePolicy,
    /// When its groups may be refreshed.
    pub schedule: SchedulePolicy,
    /// From what age on the image that it runs is flagged.
    pub max_age: Option<Duration>,
    /// Whether a rollout that fails there quarantines the image.
    pub quarantine_on_failure: bool,
    /// How its groups are refreshed, before overrides.
    pub refresh: RefreshPolicy,
    /// The names of its checks, in order; each is in [`Fleet::checks`].
    pub checks: Vec<String>,
}

/// The external id that a role is assumed with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExternalId {
    /// This text.
    Plain(String),
    /// What is found there when the role is assumed.
    Kept(SecretSource),
}

/// Which groups belong to an environment: those that carry all of these tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// Tag key to value, at least one; a value may be a glob.
    pub tags: BTreeMap<String, String>,
}

/// Which gates an environment needs, and how its own is passed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatePolicy {
    /// The environments whose gates must be passed for this very image.
    pub requires: Vec<EnvironmentName>,
    /// How long ago they must have passed at least.
    pub soak: Duration,
    /// Whether the gate may be passed when nothing was proved.
    pub allow_empty: bool,
}

/// Settings for the groups whose name matches.
#[derive(Debug, Clone)]
pub struct Override {
    /// A glob over group names.
    pub name_glob: String,
    /// Applied over the environment's own settings.
    pub refresh: PreferenceChanges,
}

/// Who a check is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every in-service instance.
    Instance,
    /// The group, once.
    Group,
}

/// A smoke check.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its name: the stable name of its JUnit case.
    pub name: String,
    /// What is asked.
    pub kind: CheckKind,
    /// Who is asked.
    pub on: Scope,
    /// How long and how often.
    pub retry: RetryPolicy,
}

/// How long, how often, and how many passes in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Until when a check that does not pass is asked again, from its first time.
    pub within: Duration,
    /// How long between two askings.
    pub every: Duration,
    /// How many passes in a row count as passed, at least 1.
    pub consecutive: u32,
}

/// What a check asks.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there are a few per configuration")]
pub enum CheckKind {
    /// As many in service and healthy as desired, EC2's status checks ok, image and version right.
    Instances,
    /// Every instance healthy in every target group of the group.
    Targets,
    /// An HTTP request, and what its answer must be.
    Http(HttpCheck),
    /// A TCP connection, and what it must say.
    Tcp(TcpCheck),
}

impl Fleet {
    /// The environment of that name.
    pub fn environment(&self, name: &str) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name.as_str() == name)
    }

    /// How a group of the environment is refreshed, overrides applied.
    pub fn policy(&self, environment: &Environment, group: &GroupName) -> RefreshPolicy {
        let mut policy = environment.refresh.clone();
        for change in &self.overrides {
            if glob_matches(&change.name_glob, group.as_str()) {
                change.refresh.apply(&mut policy);
            }
        }
        policy
    }

    /// The environment's checks, in order.
    pub fn checks_of(&self, environment: &Environment) -> Vec<&Check> {
        environment.checks.iter().filter_map(|name| self.checks.get(name)).collect()
    }
}

impl ExternalId {
    /// Whether STS takes the text as one.
    pub fn fits(text: &str) -> bool {
        is_external_id(text)
    }
}

impl Selector {
    /// Whether a group with these tags is selected.
    pub fn matches(&self, tags: &BTreeMap<String, String>) -> bool {
        self.tags.iter().all(|(key, glob)| tags.get(key).is_some_and(|value| glob_matches(glob, value)))
    }
}
