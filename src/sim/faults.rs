//! Faults: what goes wrong with single calls, by number or by the scenario's dice.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::scenario::{CallTrouble, CallTroubleKind, EffectKind, Scenario};
use super::wire::Service;
use super::world::Dice;
use crate::config::glob_matches;
use crate::model::{AccountId, Region};

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// HTTP 500 or 503, without effect.
    ServerError,
    /// Throttled, without effect.
    Throttle,
    /// Throttled since it was one too many for the scenario's rate limits, without effect.
    OverLimit,
    /// HTTP 500 `ResourceContention`, without effect.
    Contention,
    /// It takes effect, and the connection breaks before the answer.
    LoseAnswer,
    /// The credentials have expired; without effect.
    Expired,
    /// It never returns, without effect, and [`super::Simulator::crashed`] resolves.
    CrashBefore,
    /// It never returns, with effect, and [`super::Simulator::crashed`] resolves.
    CrashAfter,
}

/// A fault that strikes once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// At which call from now on: 1 is the next.
    pub at_call: u64,
    /// How.
    pub kind: FaultKind,
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its number, from 1.
    pub number: u64,
    /// The service.
    pub service: Service,
    /// The API action.
    pub action: String,
    /// The account it acted in.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// When it was made.
    pub at: Timestamp,
    /// The group or other resource that it names, if it does.
    pub resource: Option<String>,
    /// What went wrong with it on purpose.
    pub fault: Option<FaultKind>,
}

/// The faults to come.
#[derive(Debug, Default)]
pub(super) struct Faults(BTreeMap<u64, FaultKind>);

impl Faults {
    /// Notes a fault; `made` is how many calls have been made.
    pub(super) fn add(&mut self, fault: Fault, made: u64) {
        self.0.insert(made + fault.at_call.max(1), fault.kind);
    }

    /// The fault that strikes the call of that number.
    pub(super) fn take(&mut self, number: u64) -> Option<FaultKind> {
        self.0.remove(&number)
    }
}

/// Whether a call that names these things is hit by an effect on these groups.
pub(super) fn in_scope(groups: &str, names: &[String]) -> bool {
    groups == "*" || names.iter().any(|name| glob_matches(groups, name))
}

/// The fault that the scenario's dice give a call.
pub(super) fn by_scenario(
    scenario: &Scenario,
    dice: &mut Dice,
    action: &str,
    names: &[String],
) -> Option<FaultKind> {
    let hits = |trouble: &CallTrouble, groups: &str| {
        in_scope(groups, names) && glob_matches(&trouble.actions, action)
    };
    let troubles =
        scenario.effects.iter().filter_map(|effect| Some((EffectKind::calls(&effect.kind)?, &effect.groups)));
    for (trouble, groups) in troubles {
        if hits(trouble, groups) && dice.chance(trouble.share) {
            return Some(match trouble.fault {
                CallTroubleKind::Throttle => FaultKind::Throttle,
                CallTroubleKind::ServerError => FaultKind::ServerError,
                CallTroubleKind::LoseAnswer => FaultKind::LoseAnswer,
                CallTroubleKind::Contention => FaultKind::Contention,
            });
        }
    }
    None
}
