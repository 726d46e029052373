//! What a valid configuration says: environments in order, checks, policies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use regex::Regex;
use serde_json_path::JsonPath;

use super::glob::glob_matches;
use super::kinds::{AlarmCheck, CommandCheck, SsmCheck};
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
    /// The names of its checks, in order, sets taken apart; each is in [`Fleet::checks`].
    pub checks: Vec<String>,
    /// Within which time all checks of a group must have ended.
    pub checks_deadline: Option<Duration>,
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
    /// What becomes of the environment's checks.
    pub checks: CheckChanges,
    /// Within which time all checks of such a group must have ended, if another than elsewhere.
    pub checks_deadline: Option<Duration>,
}

/// What an override does with an environment's checks; names of checks, sets taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckChanges {
    /// These instead.
    pub replace: Option<Vec<String>>,
    /// Without these.
    pub remove: Vec<String>,
    /// With these at the end, but for those that are there.
    pub add: Vec<String>,
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
    /// Within which time it must have ended, whatever it is waiting for then.
    pub deadline: Option<Duration>,
    /// Whether it is asked before a refresh too: what failed before is not the image's doing.
    pub baseline: bool,
    /// Whether a failure that was there before the refresh lets the gate be passed.
    pub allow_preexisting: bool,
    /// The captured variables that it names.
    pub uses: BTreeSet<String>,
}

/// A value that is taken from an answer, for the checks after it.
#[derive(Debug, Clone)]
pub struct Capture {
    /// The variable that it becomes.
    pub name: String,
    /// Where it is.
    pub from: CaptureFrom,
    /// Whether no report may show it.
    pub secret: bool,
}

/// Where in an answer a captured value is.
#[derive(Debug, Clone)]
pub enum CaptureFrom {
    /// The first value that a JSON path selects in the body: as it is written, and as it is read.
    Json(String, JsonPath),
    /// What the one group of a regular expression matches in the body.
    Regex(Regex),
    /// The first value of a header.
    Header(String),
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
pub enum CheckKind {
    /// As many in service and healthy as desired, EC2's status checks ok, image and version right.
    Instances,
    /// Every instance healthy in every target group of the group.
    Targets,
    /// An HTTP request, and what its answer must be.
    Http(HttpCheck),
    /// A TCP connection, and what it must say.
    Tcp(TcpCheck),
    /// A program of the team's own, and how it must end.
    Command(CommandCheck),
    /// A command on the instances through Systems Manager, and how it must end.
    Ssm(SsmCheck),
    /// `CloudWatch` alarms that must be quiet.
    Alarm(AlarmCheck),
}

impl Fleet {
    /// The environment of that name.
    pub fn environment(&self, name: &str) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name.as_str() == name)
    }

    /// How a group of the environment is refreshed, overrides applied.
    pub fn policy(&self, environment: &Environment, group: &GroupName) -> RefreshPolicy {
        let mut policy = environment.refresh.clone();
        for change in self.overrides_of(group) {
            change.refresh.apply(&mut policy);
        }
        policy
    }

    /// The checks of a group of the environment, in order, overrides applied.
    pub fn checks_of(&self, environment: &Environment, group: &GroupName) -> Vec<&Check> {
        let mut names = environment.checks.clone();
        for change in self.overrides_of(group) {
            change.checks.apply(&mut names);
        }
        names.iter().filter_map(|name| self.checks.get(name)).collect()
    }

    /// Every check that some group of the environment may have.
    pub fn checks_of_any(&self, environment: &Environment) -> Vec<&Check> {
        let changed = self
            .overrides
            .iter()
            .flat_map(|change| change.checks.replace.iter().flatten().chain(&change.checks.add));
        let names: BTreeSet<&String> = environment.checks.iter().chain(changed).collect();
        names.into_iter().filter_map(|name| self.checks.get(name)).collect()
    }

    /// Within which time all checks of a group must have ended, overrides applied.
    pub fn checks_deadline(&self, environment: &Environment, group: &GroupName) -> Option<Duration> {
        let last = self.overrides_of(group).filter_map(|change| change.checks_deadline).last();
        last.or(environment.checks_deadline)
    }

    fn overrides_of(&self, group: &GroupName) -> impl Iterator<Item = &Override> {
        self.overrides.iter().filter(|change| glob_matches(&change.name_glob, group.as_str()))
    }
}

impl CheckChanges {
    /// Lays the changes over a list of names.
    pub(super) fn apply(&self, names: &mut Vec<String>) {
        if let Some(instead) = &self.replace {
            names.clone_from(instead);
        }
        names.retain(|name| !self.remove.contains(name));
        for name in &self.add {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }

    /// Whether it changes anything.
    pub(super) fn changes(&self) -> bool {
        self.replace.is_some() || !self.remove.is_empty() || !self.add.is_empty()
    }
}

impl CheckKind {
    /// What is taken from its answers for later checks.
    pub fn captures(&self) -> &[Capture] {
        match self {
            Self::Http(http) => &http.capture,
            Self::Instances
            | Self::Targets
            | Self::Tcp(_)
            | Self::Command(_)
            | Self::Ssm(_)
            | Self::Alarm(_) => &[],
        }
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
