//! What a valid configuration says: environments in order, checks, policies.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use regex::Regex;
use serde_json_path::JsonPath;

use super::glob::glob_matches;
use super::line::Line;
use super::notify::{Notify, SecretSource};
use super::preferences::{PreferenceChanges, RefreshPolicy};
use super::scalars::is_external_id;
use super::ssm;
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

/// An HTTP check: a GET, and every assertion on its answer.
#[derive(Debug, Clone)]
pub struct HttpCheck {
    /// The address, with variables in braces: `{private_ip}`, `{instance_id}`, `{group}`,
    /// `{environment}`, `{region}`.
    pub url: String,
    /// The statuses that pass, as inclusive ranges.
    pub status: Vec<(u16, u16)>,
    /// Text that the body must contain.
    pub body_contains: Option<String>,
    /// A regular expression that the body must match.
    pub body_matches: Option<Regex>,
    /// Header name to the exact value it must have.
    pub headers: BTreeMap<String, String>,
    /// JSON paths over the body, and what each must select.
    pub json: Vec<Expected>,
    /// The time within which the whole answer must be there.
    pub within: Duration,
}

/// A JSON path and the value that every node it selects must equal; at least one must be selected.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The path as it is written.
    pub text: String,
    /// The path.
    pub path: JsonPath,
    /// The value.
    pub value: serde_json::Value,
}

/// A TCP check.
#[derive(Debug, Clone)]
pub struct TcpCheck {
    /// The host, with the variables of [`HttpCheck::url`].
    pub host: String,
    /// The port.
    pub port: u16,
    /// A regular expression that the first bytes the server sends must match.
    pub banner: Option<Regex>,
    /// The time within which it must connect, and say so.
    pub within: Duration,
}

/// A command check: a program that is run where this one runs, without a shell.
#[derive(Debug, Clone)]
pub struct CommandCheck {
    /// The program and its arguments, at least the program.
    pub run: Vec<Line>,
    /// Variables that are added to the program's environment.
    pub env: BTreeMap<String, Line>,
    /// The folder that it runs in; `None` for this program's own.
    pub dir: Option<PathBuf>,
    /// How many bytes of each of its two streams are kept.
    pub output_limit: usize,
    /// How it must end.
    pub end: ProgramEnd,
    /// The time within which it must end.
    pub within: Duration,
}

/// How a program must end, and what it must say.
#[derive(Debug, Clone)]
pub struct ProgramEnd {
    /// The exit codes that pass, at least one.
    pub exit: Vec<i32>,
    /// Text that its output or its error output must contain.
    pub contains: Option<String>,
    /// A regular expression that its output or its error output must match.
    pub matches: Option<Regex>,
}

/// An SSM check: a document of Systems Manager that is run on every instance.
#[derive(Debug, Clone)]
pub struct SsmCheck {
    /// The document's name, or its ARN.
    pub document: String,
    /// Its parameters; the lines of a script are `commands`.
    pub parameters: BTreeMap<String, Vec<Line>>,
    /// How it must end on each instance.
    pub end: ProgramEnd,
    /// The time within which it must end, from when it is sent.
    pub within: Duration,
}

impl SsmCheck {
    /// Whether its document runs a script of lines, and can be told how long that may take.
    pub fn is_script(&self) -> bool {
        ssm::is_script(&self.document)
    }
}

/// An alarm check.
#[derive(Debug, Clone)]
pub struct AlarmCheck {
    /// The alarms' names, with variables of the group.
    pub names: Vec<Line>,
    /// What the names of further alarms begin with, at least one alarm.
    pub prefix: Option<Line>,
    /// Whether an alarm with too little data to tell passes.
    pub insufficient_data_passes: bool,
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
