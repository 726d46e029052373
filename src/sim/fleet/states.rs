//! The states that real groups are in besides serving: warm pools, lifecycle hooks; and what
//! they lean on outside themselves: alarms and parameters.

use serde::Deserialize;

use crate::model::{AccountId, ImageId, Region};
use crate::sim::scenario::{Images, maybe_seconds, seconds};

/// In which state a warm pool keeps its instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum PoolState {
    #[default]
    Stopped,
    Running,
    Hibernated,
}

impl PoolState {
    /// The API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "Stopped",
            Self::Running => "Running",
            Self::Hibernated => "Hibernated",
        }
    }
}

/// A warm pool: instances that have booted and wait beside the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarmPoolSpec {
    /// How many it holds at least.
    pub min: u32,
    /// How many instances there are in group and pool at most; `None` for the group's largest capacity.
    pub max_prepared: Option<u32>,
    /// In which state they wait.
    pub state: PoolState,
}

/// When a lifecycle hook holds an instance up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transition {
    /// On its way into service.
    Launching,
    /// On its way out.
    Terminating,
}

impl Transition {
    /// The API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Launching => "autoscaling:EC2_INSTANCE_LAUNCHING",
            Self::Terminating => "autoscaling:EC2_INSTANCE_TERMINATING",
        }
    }
}

/// How the action of a lifecycle hook ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HookResult {
    /// The instance goes on.
    Continue,
    /// A launch is given up; a termination goes on at once.
    #[default]
    Abandon,
}

impl HookResult {
    /// The API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Continue => "CONTINUE",
            Self::Abandon => "ABANDON",
        }
    }

    /// Reads the API's name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Continue, Self::Abandon].into_iter().find(|result| result.as_str() == text)
    }
}

/// A lifecycle hook, and how somebody outside answers it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookSpec {
    /// Its name.
    pub name: String,
    /// When it holds an instance up.
    pub transition: Transition,
    /// After how many seconds without a word the default result counts.
    #[serde(default = "hour", deserialize_with = "seconds")]
    pub timeout: u32,
    /// The result that counts then.
    #[serde(default)]
    pub default: HookResult,
    /// After how many seconds somebody completes it with `CONTINUE`; `None` for never.
    #[serde(default, deserialize_with = "maybe_seconds")]
    pub completes: Option<u32>,
    /// On which images somebody does.
    #[serde(default = "all")]
    pub on: Images,
}

fn hour() -> u32 {
    3600
}

fn all() -> Images {
    Images::All
}

impl HookSpec {
    /// A hook that nobody ever completes, with AWS's defaults: an hour, then `ABANDON`.
    pub fn new(name: &str, transition: Transition) -> Self {
        let (timeout, default) = (hour(), HookResult::default());
        Self { name: name.to_owned(), transition, timeout, default, completes: None, on: all() }
    }
}

/// The state of a `CloudWatch` alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmState {
    /// All is well.
    #[default]
    Ok,
    /// The threshold is crossed.
    Alarm,
    /// Not enough is known.
    InsufficientData,
}

impl AlarmState {
    /// The API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }

    /// Reads the API's name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Ok, Self::Alarm, Self::InsufficientData].into_iter().find(|state| state.as_str() == text)
    }
}

/// A `CloudWatch` alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmSpec {
    /// The account it is in.
    pub account: AccountId,
    /// The region it is in.
    pub region: Region,
    /// Its name.
    pub name: String,
    /// Its state at first, and whenever no effect of the scenario says otherwise.
    pub state: AlarmState,
}

/// An SSM parameter that holds an image's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterSpec {
    /// The account it is in.
    pub account: AccountId,
    /// The region it is in.
    pub region: Region,
    /// Its name, with slashes.
    pub name: String,
    /// The image's id.
    pub image: ImageId,
}
