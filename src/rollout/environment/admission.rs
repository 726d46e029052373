//! Whether a group may still be begun when its turn comes.
//!
//! A rollout takes hours: its window closes, a freeze begins, somebody puts the image into
//! quarantine. What runs is finished; nothing new is begun.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::super::patience::patiently;
use super::super::{Run, local};
use crate::config::Environment;
use crate::model::Outcome;
use crate::plan::{GroupPlan, Timing};
use crate::schedule::{Agenda, Standing};

/// For how long an answer about quarantine counts.
const FRESH: Duration = Duration::from_secs(60);

/// Lets groups begin, or says why not.
pub(super) struct Admission<'a> {
    run: &'a Run<'a>,
    pub(super) environment: &'a Environment,
    timing: Timing,
    ready_since: Option<Timestamp>,
    /// When quarantine was last asked for, and why nothing may begin any more.
    asked: Mutex<(Timestamp, Option<String>)>,
}

impl<'a> Admission<'a> {
    /// The gate has just said that the image is in no quarantine.
    pub(super) fn new(
        run: &'a Run<'a>,
        environment: &'a Environment,
        timing: Timing,
        ready_since: Option<Timestamp>,
    ) -> Self {
        let asked = Mutex::new((timing.now, None));
        Self { run, environment, timing, ready_since, asked }
    }

    /// What becomes of the group instead, when it may not begin any more.
    pub(super) async fn holds(&self, group: &GroupPlan) -> Option<Outcome> {
        if let Some(why) = self.quarantine().await {
            return Some(Outcome::NotStarted { why });
        }
        let now = self.run.clock.now();
        let over = group.until.filter(|until| *until <= now)?;
        let agenda = Agenda {
            fleet: self.run.fleet,
            environment: self.environment,
            when: self.timing.when,
            now,
            ready_since: self.ready_since,
            override_freeze: self.timing.override_freeze,
        };
        let next = match agenda.judge(group.at.group.as_str(), &group.group.tags) {
            Standing::NotDue { next, .. } => next.map(|next| next.from),
            // What is missed may be caught up, by a run of its own.
            Standing::Due { .. } => Some(now),
            Standing::OptedOut { .. } | Standing::Unreadable(_) => None,
        };
        let why = format!("its turn did not come until {}, when its time was over", local(self.run, over));
        Some(Outcome::Deferred { why, next })
    }

    /// Why nothing of this image may begin any more. One group asks for all.
    async fn quarantine(&self) -> Option<String> {
        let mut asked = self.asked.lock().await;
        if asked.1.is_none() && self.run.clock.since(asked.0) >= FRESH {
            let homes = self.run.homes();
            let read = patiently(self.run.clock, async || self.run.gates(&homes).await).await;
            let why = match read {
                Ok(records) => records.quarantined.into_iter().next().map(|(image, quarantine)| {
                    format!("{image} was put into quarantine meanwhile: {}", quarantine.detail)
                }),
                Err(error) => Some(format!("whether the image is in quarantine could not be read: {error}")),
            };
            *asked = (self.run.clock.now(), why);
        }
        asked.1.clone()
    }
}
