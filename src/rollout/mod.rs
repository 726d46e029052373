//! Takes the candidate through environments: the one place that acts.
//!
//! [`run`] goes through environments in order. For one environment, [`environment()`] asks
//! the gate, surveys and plans, prepares templates, drives every group (`group`, which
//! obeys the pure `machine`), settles tracking and records the gate. Everything that
//! happens is told as an event; nothing here prints, and nothing decides what the plan or
//! the machine can decide. Dropping a run at any point loses nothing: what it did is
//! found again in AWS by the next.

mod abort;
mod before;
mod board;
mod capacity;
mod described;
mod ends;
mod environment;
mod events;
mod group;
mod homes;
mod machine;
mod order;
mod pace;
mod patience;
mod prepare;
mod proof;
mod record;
mod running;
mod settle;
mod smoke;
mod survey;
mod takeback;

pub use abort::abandon;
pub use ends::Steps;
pub use environment::{Scope, environment, frozen};
pub use events::Events;
pub use homes::homes;
pub use order::run;
pub use record::{pass_by_proof, pass_what_was_due_by_proof};
pub use running::{Running, Sight, family, groups, running};
pub use smoke::{ListedGroup, list, no_candidate, smoke};
pub use survey::plan;
pub(crate) use survey::right_account;
pub use takeback::{Given, TAKEN_BACK, given, rollback, rollback_to_previous};

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::aws::{Account, Cloud, Error, Kind};
use crate::clock::Clock;
use crate::config::{Environment, Family, Fleet};
use crate::event::ByHand;
use crate::gate::Record;
use crate::model::{Candidate, EnvironmentName, Problem, Region};
use crate::smoke::Runner;

/// Everything that a run works with.
#[derive(Debug)]
pub struct Run<'a> {
    /// The configuration.
    pub fleet: &'a Fleet,
    /// The images.
    pub candidate: &'a Candidate,
    /// The way to AWS.
    pub cloud: &'a Cloud,
    /// The time.
    pub clock: Clock,
    /// Who asks the checks.
    pub probes: Runner,
    /// Where events go.
    pub events: Events,
    /// The step whose command goes on where this run ends: `rollout`, `rollback`, …
    pub again: &'static str,
    /// The options that this run's steps were given and the next must be given too.
    pub options: String,
    /// What stands where, for whoever must clean up when the run is dropped.
    pub board: board::Board,
    /// The gate records that this run wrote: what AWS shows may be older for a while.
    pub kept: RefCell<BTreeMap<EnvironmentName, Record>>,
    /// Who overrode a freeze of which environment, and why: the gate's record says so.
    pub overridden: RefCell<BTreeMap<EnvironmentName, ByHand>>,
    /// The images that were told of.
    pub described: described::Described,
}

/// Why a run could not go on with an environment at all.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// Refused before anything changed: exit 3.
    #[error("refused")]
    Refused(Vec<Problem>),
    /// The set-up is wrong: credentials, a role, an account: exit 2.
    #[error("{0}")]
    SetUp(Problem),
    /// AWS could not be asked before anything changed: exit 1.
    #[error(transparent)]
    Aws(#[from] Error),
}

impl From<prepare::Failure> for Stop {
    fn from(failure: prepare::Failure) -> Self {
        match failure {
            prepare::Failure::Aws(error) => Self::Aws(error),
            prepare::Failure::Wrong(what) => {
                Self::Refused(vec![Problem::new(what, "", "look at the group in AWS, and run this again")])
            }
        }
    }
}

impl Stop {
    /// What a failed call to the home account means.
    fn from_home(error: Error) -> Self {
        match error.kind {
            Kind::NoAnswer | Kind::Answered => Self::Aws(error),
            Kind::Credentials => Self::SetUp(Problem::new(
                "failed to use the home account's credentials",
                error.to_string(),
                "give valid AWS credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret)",
            )),
        }
    }
}

impl<'a> Run<'a> {
    /// A run that has not begun.
    pub fn new(
        fleet: &'a Fleet,
        candidate: &'a Candidate,
        cloud: &'a Cloud,
        clock: Clock,
        probes: Runner,
        events: Events,
    ) -> Self {
        Self {
            fleet,
            candidate,
            cloud,
            clock,
            probes,
            events,
            again: "rollout",
            options: String::new(),
            board: board::Board::default(),
            kept: RefCell::default(),
            overridden: RefCell::default(),
            described: described::Described::default(),
        }
    }

    /// The same run, gone on with by another step than `rollout`.
    #[must_use]
    pub fn again_by(mut self, step: &'static str) -> Self {
        self.again = step;
        self
    }

    /// The same run, of steps that were given these options, as in ` --when scheduled`.
    #[must_use]
    pub fn given(mut self, options: String) -> Self {
        self.options = options;
        self
    }

    /// The command that goes on in the environment with what this run was asked for.
    pub(crate) fn go_on(&self, environment: &EnvironmentName) -> String {
        format!("ami-refresh {} --env {environment}{}", self.again, self.options)
    }

    /// The command of a whole rollout of the environment, as this run would do it.
    pub(crate) fn whole(&self, environment: &EnvironmentName) -> String {
        format!("ami-refresh rollout --env {environment}{}", self.options)
    }

    /// The family of the candidate.
    ///
    /// # Errors
    /// When the configuration does not know it.
    pub fn family(&self) -> Result<&'a Family, Stop> {
        self.fleet.families.get(&self.candidate.family).ok_or_else(|| {
            let known: Vec<&str> = self.fleet.families.keys().map(String::as_str).collect();
            Stop::SetUp(Problem::new(
                format!(
                    "the candidate is of family {:?}, which the configuration does not name",
                    self.candidate.family
                ),
                format!("it names {}", known.join(", ")),
                "add the family to the configuration, or make the candidate again with --family",
            ))
        })
    }

    /// The environment's account in each of its regions.
    pub fn accounts(&self, environment: &Environment) -> BTreeMap<Region, Account> {
        let account = |region: &Region| (region.clone(), self.cloud.assume(environment, region));
        environment.regions.iter().map(account).collect()
    }

    /// The home account in each region that holds one of the candidate's images.
    pub fn homes(&self) -> Vec<Account> {
        let mut regions: Vec<&Region> = self.candidate.images.iter().map(|image| &image.region).collect();
        regions.dedup();
        regions.into_iter().map(|region| self.cloud.home(region)).collect()
    }
}

/// A moment as people are told it: `Mon 23 Nov 15:00`, in the configuration's zone.
pub(crate) fn local(run: &Run<'_>, at: Timestamp) -> String {
    at.to_zoned(run.fleet.timezone.clone()).strftime("%a %d %b %H:%M").to_string()
}
