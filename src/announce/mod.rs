//! Tells each team what will be refreshed in the next days: once a window, in its channel.
//!
//! `upcoming` works out which windows come, `decide` compares them with what was told
//! (both pure), `memory` keeps that in the tags of the family's images (`ledger` reads and
//! writes them), `words` says it. Starts nothing, and judges no gate: a window that comes is
//! announced, whatever else may hold the image up.

mod decide;
mod ledger;
mod memory;
mod tell;
#[cfg(test)]
mod tests;
mod upcoming;
mod words;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use crate::config::{Environment, Fleet};
use crate::event::Simulation;
use crate::model::{Candidate, EnvironmentName, GroupName, Problem, Region};
use crate::rollout::Stop;

pub use tell::run;

/// What is to be announced.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The configuration.
    pub fleet: &'a Fleet,
    /// The environments, in the configuration's order.
    pub environments: &'a [&'a Environment],
    /// The images; groups that are on them already are told of nothing.
    pub candidate: Option<&'a Candidate>,
    /// For how many days ahead.
    pub days: u16,
    /// Whether nothing is sent, and nothing remembered.
    pub dry_run: bool,
    /// What it is rehearsed on; `None` on AWS.
    pub simulation: Option<&'a Simulation>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Announced {
    /// Every message, in the order of environments.
    pub messages: Vec<Told>,
    /// What was sent and could not be remembered: the next run says it again.
    pub forgotten: Vec<Problem>,
    /// Groups whose tags can't be read: nothing is announced of them.
    pub unreadable: Vec<Problem>,
    /// The environments that could not be looked at: nothing was said of them.
    pub unseen: Vec<(EnvironmentName, Stop)>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Its environment.
    pub environment: EnvironmentName,
    /// To whom: `slack #payments-alerts`.
    pub to: String,
    /// What it says.
    #[serde(flatten)]
    pub notice: Notice,
    /// The message as a person reads it.
    pub text: String,
    /// Why it was not delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// What a message says of a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "says", rename_all = "snake_case")]
pub enum Notice {
    /// It comes.
    Announced(Planned),
    /// It takes other groups than was said.
    Changed(Planned),
    /// It opens at another time than was said.
    Moved {
        /// When it was said to open.
        moved_from: Timestamp,
        /// When it opens.
        #[serde(flatten)]
        to: Planned,
    },
    /// It does not come.
    Cancelled {
        /// When it was said to open.
        opens: Timestamp,
    },
}

/// A window that comes, as far as one channel is concerned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// When it opens.
    pub opens: Timestamp,
    /// When it closes; `None` where nothing ends it.
    pub closes: Option<Timestamp>,
    /// The channel's groups in it.
    pub groups: BTreeSet<Place>,
}

/// A group, by its region and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Its region.
    pub region: Region,
    /// Its name.
    pub group: GroupName,
}
