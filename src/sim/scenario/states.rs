//! Effects that put groups into the states that real groups are in. They change what the
//! fleet says before the world begins; alarms alone follow what happens in it.

use serde::Deserialize;

use super::Images;
use super::read::{glob_of_all, seconds};
use crate::sim::fleet::{AlarmState, HookSpec, PoolState};

/// The groups have warm pools.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmPoolChange {
    /// How many instances a pool holds at least.
    #[serde(default)]
    pub min: u32,
    /// How many instances there are in group and pool at most.
    pub max_prepared: Option<u32>,
    /// In which state they wait, one group after the other; `Stopped` when left out.
    #[serde(default)]
    pub states: Vec<PoolState>,
}

/// The groups have lifecycle hooks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct HooksChange {
    /// Which.
    pub hooks: Vec<HookSpec>,
}

/// The groups have an instance maintenance policy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceChange {
    /// The least percentage of healthy instances.
    pub min: u8,
    /// The largest percentage of instances.
    pub max: u8,
}

/// So many of a group's instances.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// How many.
    pub count: u32,
}

/// Processes of the groups are suspended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspendedChange {
    /// Which, by AWS's names.
    pub processes: Vec<String>,
}

/// The groups' templates name their image by an SSM parameter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterChange {
    /// The parameter's name; `/images/TEMPLATE` when left out.
    pub name: Option<String>,
}

/// The groups launch from launch configurations instead of templates.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigurationChange {
    /// The configuration's name; the group's own when left out.
    pub name: Option<String>,
}

/// The groups are being deleted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeletingChange {}

/// An alarm leaves `OK` when instances have served for a while, and returns when none is left.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmChange {
    /// A glob that the alarm's name matches; one that is plain makes the alarm, too.
    #[serde(default = "glob_of_all")]
    pub name: String,
    /// The state that it goes into.
    #[serde(default = "alarm")]
    pub state: AlarmState,
    /// Instances on which images.
    #[serde(default)]
    pub on: Images,
    /// How many seconds after coming into service.
    #[serde(deserialize_with = "seconds")]
    pub after: u32,
}

fn alarm() -> AlarmState {
    AlarmState::Alarm
}

impl AlarmChange {
    /// The name of the alarm that it makes: globs of several make none.
    pub(crate) fn makes(&self) -> Option<&str> {
        (!self.name.contains(['*', '?'])).then_some(&self.name)
    }
}

/// Programs that checks run for the instances, or on them, end in another way.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramChange {
    /// Instances on which images.
    #[serde(default)]
    pub on: Images,
    /// How many of those at most, the ones that have served longest; all when left out.
    pub instances: Option<u32>,
    /// The exit code.
    #[serde(default = "failure")]
    pub exit: i32,
    /// What they say.
    #[serde(default)]
    pub output: String,
    /// What they say as errors.
    #[serde(default)]
    pub errors: String,
    /// After how many seconds they end.
    #[serde(default, deserialize_with = "seconds")]
    pub takes: u32,
    /// What is wrong with the agent of Systems Manager; programs end as ever then.
    pub agent: Option<AgentTrouble>,
}

/// What is wrong with an instance's agent of Systems Manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentTrouble {
    /// It never registered.
    Absent,
    /// It no longer fetches commands.
    Silent,
}

fn failure() -> i32 {
    1
}
