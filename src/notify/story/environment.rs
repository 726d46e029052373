//! One environment, as people are told of it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Audience, GroupStory, State};
use crate::event::{ByHand, Event, GroupRef, Status, Step};
use crate::model::{EnvironmentName, ImageId, Problem, Verdict};

/// An environment in a run's story.
#[derive(Debug)]
pub(crate) struct EnvironmentStory {
    /// Which.
    pub(crate) name: EnvironmentName,
    /// When it began.
    pub(crate) began: Option<Timestamp>,
    /// Until when it waits now, and what for.
    pub(crate) waits: Option<(Timestamp, String)>,
    /// The freezes that were overridden for it.
    pub(crate) overridden: Vec<Override>,
    /// The images that go nowhere any more, and why.
    pub(crate) quarantined: Option<(Vec<ImageId>, String)>,
    /// Why it was refused.
    pub(crate) refused: Vec<Problem>,
    /// The signal that stopped it.
    pub(crate) aborted_by: Option<String>,
    /// How it ended.
    pub(crate) ended: Option<Ended>,
    groups: Vec<GroupStory>,
    places: BTreeMap<GroupRef, usize>,
    /// The groups that failed, the first one first.
    failures: Vec<usize>,
    /// Whether something is really to be done, or waited for: the plan stands.
    firm: bool,
    /// Whether it has waited: its groups that are not due are told of too.
    has_waited: bool,
}

/// A freeze that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Override {
    /// Its own reason.
    pub(crate) freeze: String,
    /// When it ends.
    pub(crate) until: Timestamp,
    /// Who overrode it, and why.
    pub(crate) by: ByHand,
}

/// How an environment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// How.
    pub(crate) verdict: Verdict,
    /// One line.
    pub(crate) message: String,
    /// Commands that go on from there.
    pub(crate) next: Vec<String>,
    /// When.
    pub(crate) at: Timestamp,
    /// How long it took, in milliseconds.
    pub(crate) took_ms: u64,
}

impl EnvironmentStory {
    pub(super) fn new(name: EnvironmentName) -> Self {
        Self {
            name,
            began: None,
            waits: None,
            overridden: Vec::new(),
            quarantined: None,
            refused: Vec::new(),
            aborted_by: None,
            ended: None,
            groups: Vec::new(),
            places: BTreeMap::new(),
            failures: Vec::new(),
            firm: false,
            has_waited: false,
        }
    }

    /// The groups that the audience is told of, in the order of the plan.
    pub(crate) fn groups(&self, audience: &Audience) -> Vec<&GroupStory> {
        self.groups.iter().filter(|group| audience.hears_of(group)).collect()
    }

    /// The groups that failed, the first one first.
    pub(crate) fn failures(&self, audience: &Audience) -> Vec<&GroupStory> {
        let failed = self.failures.iter().map(|at| &self.groups[*at]);
        failed.filter(|group| audience.hears_of(group)).collect()
    }

    /// Whether there is something to tell this audience: a group of theirs has its turn.
    pub(crate) fn is_begun(&self, audience: &Audience) -> bool {
        let mut groups = self.groups.iter().filter(|group| audience.hears_of(group));
        let waits = |group: &GroupStory| self.has_waited && group.state == State::NotDue;
        self.firm
            && (groups.any(|group| group.concerned || waits(group))
                || (self.has_waited && audience.is_everybody()))
    }

    /// Whether it ended before it was begun in a way that somebody must hear of.
    pub(crate) fn is_trouble(&self) -> bool {
        self.ended.as_ref().is_some_and(|ended| match ended.verdict {
            Verdict::Refused
            | Verdict::SetUp
            | Verdict::Unreachable
            | Verdict::Unproved
            | Verdict::RolledBack
            | Verdict::NeedsPerson => true,
            Verdict::Passed | Verdict::Partial | Verdict::NotDue | Verdict::Aborted | Verdict::NotReached => {
                false
            }
        })
    }

    pub(super) fn abort(&mut self, signal: &str) {
        if self.ended.is_none() {
            self.aborted_by = Some(signal.to_owned());
            self.waits = None;
        }
    }

    /// Takes one of its own events in.
    pub(super) fn fold(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::Planned { groups, .. } => {
                self.waits = None;
                for plan in groups {
                    match self.places.get(&plan.group) {
                        Some(place) => self.groups[*place].plan(plan),
                        None => self.add(GroupStory::planned(plan)),
                    }
                }
            }
            Event::EnvironmentWaits { until, message, .. } => {
                self.waits = Some((*until, message.clone()));
                self.has_waited = true;
                self.firm = true;
            }
            Event::FreezeOverridden { freeze, until, by, .. } => {
                let (freeze, until, by) = (freeze.clone(), *until, by.clone());
                let overridden = Override { freeze, until, by };
                if !self.overridden.contains(&overridden) {
                    self.overridden.push(overridden);
                }
            }
            Event::Quarantined { images, reason, .. } => {
                self.quarantined = Some((images.clone(), reason.clone()));
            }
            Event::Refused { problems, .. } => self.refused.clone_from(problems),
            Event::EnvironmentStep { step: Step::Plan, status: Status::Passed, .. }
            | Event::VersionReady { .. } => self.firm = true,
            Event::EnvironmentEnded { verdict, message, next, took_ms, .. } => {
                self.waits = None;
                self.ended = Some(Ended {
                    verdict: *verdict,
                    message: message.clone(),
                    next: next.clone(),
                    at,
                    took_ms: *took_ms,
                });
            }
            Event::EnvironmentStarted { .. } => self.began = Some(at),
            Event::EnvironmentStep { .. }
            | Event::RunStarted { .. }
            | Event::NotDelivered { .. }
            | Event::Pinned { .. }
            | Event::RefreshStarted { .. }
            | Event::RefreshMoved { .. }
            | Event::CapacitySeen { .. }
            | Event::ImageDescribed { .. }
            | Event::LaunchFailed { .. }
            | Event::ChecksStarted { .. }
            | Event::CheckEnded { .. }
            | Event::RollbackStarted { .. }
            | Event::GroupStep { .. }
            | Event::GroupEnded { .. }
            | Event::Note { .. }
            | Event::Aborting { .. }
            | Event::RunEnded { .. } => {}
        }
    }

    /// Takes an event of one of its groups in.
    pub(super) fn fold_group(&mut self, at: &GroupRef, event: &Event, by_hand: bool) {
        if !self.places.contains_key(at) {
            self.add(GroupStory::unplanned(at));
        }
        let place = self.places[at];
        let group = &mut self.groups[place];
        let was_final = group.state.is_final();
        group.fold(event, by_hand);
        if group.failed && !self.failures.contains(&place) {
            self.failures.push(place);
        }
        if group.touched && !was_final && group.concerned {
            self.firm = true;
            if !group.state.is_final() {
                self.waits = None;
            }
        }
    }

    fn add(&mut self, group: GroupStory) {
        self.places.insert(group.at.clone(), self.groups.len());
        self.groups.push(group);
    }
}
