//! What people are told of a run: its events folded into how each environment stands.
//!
//! Slack and the tickets speak from this alone. Whoever is slow reads the newest state
//! and misses nothing that still matters. Pure: it sends nothing and decides nothing.

mod environment;
mod group;

use std::collections::BTreeSet;

use crate::event::{Event, Simulation, Stamped};
use crate::model::{Build, CandidateImage, EnvironmentName};

pub(crate) use environment::{Ended, EnvironmentStory};
pub(crate) use group::{GroupStory, State};

/// The steps that people are told of as they happen.
const SPOKEN_OF: [&str; 4] = ["rollout", "refresh", "rollback", "rehearse"];

/// A run, as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Story {
    facts: Option<Facts>,
    environments: Vec<EnvironmentStory>,
    over: bool,
}

/// What is known of a run from its start.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// The step that runs.
    pub(crate) command: String,
    /// This program's version.
    pub(crate) version: String,
    /// What it is rehearsed on; `None` on AWS.
    pub(crate) simulation: Option<Simulation>,
    /// The candidate's family.
    pub(crate) family: String,
    /// Its images, at least one.
    pub(crate) images: Vec<CandidateImage>,
    /// The build that made them.
    pub(crate) build: Build,
}

/// Whose groups somebody is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Audience {
    /// All of them.
    Everybody,
    /// Those of these teams.
    Teams(BTreeSet<String>),
}

impl Audience {
    /// Whether it is told of everything.
    pub(crate) fn is_everybody(&self) -> bool {
        *self == Self::Everybody
    }

    /// Whether it is told of the group.
    pub(crate) fn hears_of(&self, group: &GroupStory) -> bool {
        match self {
            Self::Everybody => true,
            Self::Teams(teams) => group.team.as_ref().is_some_and(|team| teams.contains(team)),
        }
    }
}

impl Facts {
    /// Whether groups are to go back, by hand.
    pub(crate) fn is_rollback(&self) -> bool {
        self.command == "rollback"
    }
}

impl Story {
    /// What the run is about; `None` before its start.
    pub(crate) fn facts(&self) -> Option<&Facts> {
        self.facts.as_ref()
    }

    /// The environments, in order; one keeps its place.
    pub(crate) fn environments(&self) -> &[EnvironmentStory] {
        &self.environments
    }

    /// Whether this is a step that people are told of as it happens.
    pub(crate) fn is_spoken_of(&self) -> bool {
        self.facts.as_ref().is_some_and(|facts| SPOKEN_OF.contains(&facts.command.as_str()))
    }

    /// Whether nothing more will come.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Nothing more will come, whatever is missing.
    pub(crate) fn end(&mut self) {
        self.over = true;
    }

    /// Takes an event in.
    pub(crate) fn fold(&mut self, stamped: &Stamped) {
        let at = stamped.at;
        match &stamped.event {
            Event::RunStarted {
                command, version, simulation, family, images, build, environments, ..
            } => {
                self.facts = Some(Facts {
                    command: command.clone(),
                    version: version.clone(),
                    simulation: simulation.clone(),
                    family: family.clone(),
                    images: images.clone(),
                    build: build.clone(),
                });
                self.over = false;
                self.environments.extend(environments.iter().cloned().map(EnvironmentStory::new));
            }
            Event::RunEnded { .. } => self.over = true,
            Event::Aborting { signal, .. } => {
                for environment in &mut self.environments {
                    environment.abort(signal);
                }
            }
            Event::ImageDescribed { .. } | Event::Note { .. } | Event::NotDelivered { .. } => {}
            event @ (Event::EnvironmentStarted { environment }
            | Event::Planned { environment, .. }
            | Event::EnvironmentWaits { environment, .. }
            | Event::FreezeOverridden { environment, .. }
            | Event::Quarantined { environment, .. }
            | Event::Refused { environment, .. }
            | Event::VersionReady { environment, .. }
            | Event::EnvironmentStep { environment, .. }
            | Event::EnvironmentEnded { environment, .. }) => self.environment(environment).fold(at, event),
            event @ (Event::Pinned { group, .. }
            | Event::RefreshStarted { group, .. }
            | Event::RefreshMoved { group, .. }
            | Event::CapacitySeen { group, .. }
            | Event::LaunchFailed { group, .. }
            | Event::ChecksStarted { group, .. }
            | Event::CheckEnded { group, .. }
            | Event::RollbackStarted { group, .. }
            | Event::GroupStep { group, .. }
            | Event::GroupEnded { group, .. }) => {
                let by_hand = self.facts.as_ref().is_some_and(Facts::is_rollback);
                self.environment(&group.environment).fold_group(group, event, by_hand);
            }
        }
    }

    /// The environment of that name: the newest, since a rehearsal may run one again.
    fn environment(&mut self, name: &EnvironmentName) -> &mut EnvironmentStory {
        let at = self.environments.iter().rposition(|known| known.name == *name).unwrap_or_else(|| {
            self.environments.push(EnvironmentStory::new(name.clone()));
            self.environments.len() - 1
        });
        &mut self.environments[at]
    }
}
