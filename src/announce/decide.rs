//! What is to be said, by what was said: pure.
//!
//! Every window is announced once. One that moves is told as moved, and one that goes away as
//! cancelled, to those who were told of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::memory::{Entry, Mark, Memory, Minute};
use super::{Notice, Planned};
use crate::model::EnvironmentName;

/// A message, and what is remembered once it is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// To whom, by the channel's name.
    pub(super) to: String,
    /// What it says.
    pub(super) notice: Notice,
    /// What no longer holds then.
    pub(super) forget: Vec<Entry>,
    /// What holds then.
    pub(super) remember: Option<Entry>,
}

impl Step {
    /// Keeps in mind that it was delivered.
    pub(super) fn delivered(&self, memory: &mut Memory) {
        for entry in &self.forget {
            memory.entries.remove(entry);
        }
        memory.entries.extend(self.remember);
    }
}

/// What is known of one environment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    /// The environment.
    pub(super) environment: &'a EnvironmentName,
    /// The windows that come, for every channel there is: as far as the horizon and the last
    /// window that was told of, and the first behind that.
    pub(super) upcoming: &'a BTreeMap<String, Vec<Planned>>,
    /// The time.
    pub(super) now: Timestamp,
    /// How far ahead windows are announced.
    pub(super) horizon: Timestamp,
}

/// The messages that are due, by what was told before.
///
/// A channel that is not in [`Facts::upcoming`] is not there any more: nobody can be told.
pub(super) fn decide(facts: &Facts<'_>, memory: &Memory) -> Vec<Step> {
    let told: BTreeSet<Entry> = memory.clone().without_past(facts.now).entries;
    let mut steps = Vec::new();
    for (to, windows) in facts.upcoming {
        let who = Mark::of_channel(to, facts.environment.as_str());
        let told = told.iter().copied().filter(|entry| entry.who == who).collect();
        let coming = windows.iter().filter(|window| Minute::of(window.opens) > Minute::of(facts.now));
        let coming = coming.map(|window| (entry(who, window), window)).collect();
        steps.extend(of_channel(to, told, coming, Minute::of(facts.horizon)));
    }
    steps
}

fn entry(who: Mark, window: &Planned) -> Entry {
    Entry { opens: Minute::of(window.opens), who, groups: Mark::of_groups(&window.groups) }
}

fn of_channel(
    to: &str,
    mut told: Vec<Entry>,
    mut coming: Vec<(Entry, &Planned)>,
    horizon: Minute,
) -> Vec<Step> {
    let step = |notice, forget: &[Entry], remember| Step {
        to: to.to_owned(),
        notice,
        forget: forget.to_vec(),
        remember,
    };
    let mut steps = Vec::new();
    // What is as it was told, or takes other groups.
    let mut kept = BTreeSet::new();
    coming.retain(|(entry, window)| {
        let same: Vec<Entry> = told.iter().copied().filter(|told| told.opens == entry.opens).collect();
        told.retain(|told| told.opens != entry.opens);
        if same.is_empty() {
            return true;
        }
        kept.insert(entry.groups);
        if !same.contains(entry) {
            steps.push(step(Notice::Changed((*window).clone()), &same, Some(*entry)));
        }
        false
    });
    // What was told and does not come then.
    for gone in told {
        let distance = |entry: &Entry| entry.opens.moment().duration_since(gone.opens.moment()).abs();
        let may_be_it = |(entry, _): &&(Entry, &Planned)| {
            // Behind the horizon a window is news only where the groups have no other.
            entry.groups == gone.groups && (entry.opens <= horizon || !kept.contains(&gone.groups))
        };
        let it = coming.iter().filter(may_be_it).min_by_key(|(entry, _)| distance(entry)).copied();
        let notice = match it {
            Some((_, window)) => Notice::Moved { moved_from: gone.opens.moment(), to: window.clone() },
            None => Notice::Cancelled { opens: gone.opens.moment() },
        };
        let now = it.map(|(entry, _)| entry);
        coming.retain(|(entry, _)| Some(*entry) != now);
        kept.extend(now.map(|entry| entry.groups));
        steps.push(step(notice, &[gone], now));
    }
    let near = coming.into_iter().filter(|(entry, _)| entry.opens <= horizon);
    steps.extend(near.map(|(entry, window)| step(Notice::Announced(window.clone()), &[], Some(entry))));
    steps
}
