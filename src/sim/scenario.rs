//! What goes wrong: scenarios by name, or read from YAML.
//!
//! A [`Scenario`] is a list of [`Effect`]s, each with a scope. The named ones are YAML texts
//! of the same kind that anyone can write. Pure data and lookups: the world asks.

mod effects;
mod named;
mod read;
mod states;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use effects::{
    AnswerChange, BootChange, CallTrouble, CallTroubleKind, Death, EffectKind, ForeignRefresh, ForeignStart,
    ImageBuildTrouble, Images, LaunchTrouble, PolicyChange, PolicyKind, RateLimit, RateLimits,
    RollbackTrouble, Scaling, StaleReads, Stuck, TrackingChange, Unhealthy,
};

pub(crate) use read::{maybe_seconds, seconds};
pub use states::{
    AgentTrouble, AlarmChange, ConfigurationChange, Count, DeletingChange, HooksChange, MaintenanceChange,
    ParameterChange, ProgramChange, SuspendedChange, WarmPoolChange,
};

use super::world::GroupKey;
use crate::config::{glob_matches, read_yaml};
use crate::model::AccountId;

/// What goes wrong, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it is, in a line.
    pub about: String,
    /// What goes wrong; when several of a kind hit a group, the last counts.
    #[serde(default)]
    pub effects: Vec<Effect>,
}

/// One thing that goes wrong, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "read::RawEffect")]
pub struct Effect {
    /// A glob that the names of the groups it hits match.
    pub groups: String,
    /// The account it is limited to.
    pub account: Option<AccountId>,
    /// Tags that the groups it hits carry; values may be globs.
    pub tags: BTreeMap<String, String>,
    /// What goes wrong.
    pub kind: EffectKind,
}

impl Scenario {
    /// The scenario in which nothing goes wrong.
    pub fn clean() -> Self {
        Self { name: "clean".to_owned(), about: "nothing goes wrong".to_owned(), effects: Vec::new() }
    }

    /// Reads a scenario from YAML.
    ///
    /// # Errors
    /// What is wrong with it, with line and column where they are known; an unknown key is an error.
    pub fn from_yaml(text: &str) -> Result<Self, String> {
        read_yaml(text)
    }

    /// The same scenario, hitting only the groups whose name matches the glob. Troubled calls
    /// and stale reads are then limited to calls that name such a group.
    #[must_use]
    pub fn scoped(mut self, groups_glob: &str) -> Self {
        for effect in &mut self.effects {
            groups_glob.clone_into(&mut effect.groups);
        }
        self
    }

    /// Of the effects that hit a group, the last that is of the kind picked.
    pub(crate) fn last<'a, T>(
        &'a self,
        key: &GroupKey,
        tags: &BTreeMap<String, String>,
        pick: impl Fn(&'a EffectKind) -> Option<&'a T>,
    ) -> Option<&'a T> {
        let hits = self.effects.iter().rev().filter(|effect| effect.hits(key, tags));
        hits.map(|effect| &effect.kind).find_map(pick)
    }

    /// How reads are stale, if they are, and of which groups.
    pub(crate) fn stale_reads(&self) -> Option<(&StaleReads, &str)> {
        let found = |effect: &'_ Effect| effect.kind.stale_reads().is_some();
        let effect = self.effects.iter().rev().find(|effect| found(effect))?;
        effect.kind.stale_reads().map(|stale| (stale, effect.groups.as_str()))
    }
}

impl Effect {
    pub(crate) fn hits(&self, key: &GroupKey, tags: &BTreeMap<String, String>) -> bool {
        glob_matches(&self.groups, key.name.as_str())
            && self.account.as_ref().is_none_or(|account| *account == key.place.account)
            && self
                .tags
                .iter()
                .all(|(name, glob)| tags.get(name).is_some_and(|value| glob_matches(glob, value)))
    }
}
