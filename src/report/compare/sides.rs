//! One side of a comparison: its runs, and what counts of them.

use std::borrow::Cow;

use jiff::tz::TimeZone;

use super::super::again::{Folded, command, reached, rollouts};
use super::super::record::EnvironmentRecord;
use super::Side;
use crate::model::EnvironmentName;

/// The rollouts of a side, the steps of one put together, in order of time.
pub(super) struct Gathered<'a> {
    runs: &'a [Folded],
    rollouts: Vec<Cow<'a, Folded>>,
}

impl<'a> Gathered<'a> {
    pub(super) fn of(runs: &'a [Folded]) -> Self {
        Self { runs, rollouts: rollouts(runs) }
    }

    /// All environments, in the order in which they first come.
    pub(super) fn environments(&self) -> impl Iterator<Item = &EnvironmentName> {
        self.rollouts.iter().flat_map(|rollout| rollout.run.environments.iter().map(|record| &record.name))
    }

    /// What the last rollout that reached it made of the environment.
    pub(super) fn environment(&self, name: &EnvironmentName) -> Option<&EnvironmentRecord> {
        let with_it = self.rollouts.iter().filter(|rollout| rollout.run.environment(name).is_some());
        let last = with_it.max_by_key(|rollout| (reached(rollout, name), rollout.number))?;
        last.run.environment(name)
    }

    pub(super) fn zone(&self) -> TimeZone {
        self.runs.last().map_or(TimeZone::UTC, |last| last.zone.clone())
    }

    pub(super) fn side(&self) -> Side {
        let last = self.runs.last().map(|folded| &folded.run);
        Side {
            journals: self.runs.iter().map(|run| run.source.display().to_string()).collect(),
            cut_off: self.runs.iter().any(|run| run.cut_off),
            simulated: self.runs.iter().any(|run| run.simulated),
            commands: self.runs.iter().map(|run| command(&run.run).to_owned()).collect(),
            family: last.map_or_else(String::new, |run| run.family.clone()),
            build: last.and_then(|run| run.build.number.clone()),
            images: last.map_or_else(Vec::new, |run| run.images.clone()),
            began: self.runs.first().and_then(|first| first.run.started),
            last: self.runs.iter().filter_map(|run| run.run.latest).max(),
            exit: last.and_then(|run| run.ended.as_ref()).map(|(exit, _)| exit.code()),
        }
    }
}
