//! Folds the events of a run into what became of each environment and group.
//!
//! [`Run`] holds [`EnvironmentRecord`]s, which hold [`GroupRecord`]s: the JUnit files, the
//! summary and the terminal read these. Pure: never prints, writes or cleans a text.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::record::{EnvironmentRecord, GroupRecord, StepRecord, VersionRecord};
use crate::event::{Event, GroupRef, Simulation, Stamped};
use crate::model::{Build, CandidateImage, EnvironmentName, Exit, ImageFacts, ImageId, Problem, Verdict};

/// What is known of a run so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Run {
    /// The step that was asked for; empty before the run began.
    pub(super) command: String,
    /// This program's version.
    pub(super) version: String,
    /// What it is rehearsed on.
    pub(super) simulation: Option<Simulation>,
    /// The candidate's family.
    pub(super) family: String,
    /// The candidate's images.
    pub(super) images: Vec<CandidateImage>,
    /// The build that made them.
    pub(super) build: Build,
    /// The environments, those that were not reached included, in order.
    pub(super) environments: Vec<EnvironmentRecord>,
    /// The first event's time.
    pub(super) started: Option<Timestamp>,
    /// The latest event's time.
    pub(super) latest: Option<Timestamp>,
    /// The signal that aborts the run, and what is done with running refreshes.
    pub(super) aborting: Option<(String, String)>,
    /// How it ended.
    pub(super) ended: Option<(Exit, String)>,
    /// What EC2 told of images.
    pub(super) described: BTreeMap<ImageId, ImageFacts>,
    /// Notes that concern no environment.
    pub(super) notes: Vec<String>,
    /// What could not be told to somebody outside: to whom, what, and why.
    pub(super) undelivered: Vec<(String, String, Problem)>,
}

impl Run {
    /// Takes in one event.
    pub(super) fn apply(&mut self, stamped: &Stamped) {
        let at = stamped.at;
        self.started.get_or_insert(at);
        self.latest = Some(at);
        match &stamped.event {
            Event::RunStarted {
                command, version, simulation, family, images, build, environments, ..
            } => {
                // Of the steps of one rollout, put together, the last has not ended when it begins.
                self.aborting = None;
                self.ended = None;
                self.command.clone_from(command);
                self.version.clone_from(version);
                self.simulation.clone_from(simulation);
                self.family.clone_from(family);
                self.images.clone_from(images);
                self.build.clone_from(build);
                for name in environments {
                    self.environment_mut(name);
                }
            }
            Event::Aborting { signal, on_abort } => {
                self.aborting = Some((signal.clone(), on_abort.clone()));
            }
            Event::RunEnded { exit, message } => self.ended = Some((*exit, message.clone())),
            Event::Note { environment: None, text } => self.notes.push(text.clone()),
            Event::ImageDescribed { image } => {
                self.described.insert(image.id.clone(), image.clone());
            }
            Event::NotDelivered { sink, what, problem } => {
                self.undelivered.push((sink.clone(), what.clone(), problem.clone()));
            }
            Event::Note { environment: Some(name), .. }
            | Event::EnvironmentStarted { environment: name }
            | Event::Planned { environment: name, .. }
            | Event::Refused { environment: name, .. }
            | Event::VersionReady { environment: name, .. }
            | Event::EnvironmentStep { environment: name, .. }
            | Event::EnvironmentWaits { environment: name, .. }
            | Event::FreezeOverridden { environment: name, .. }
            | Event::Quarantined { environment: name, .. }
            | Event::EnvironmentEnded { environment: name, .. } => {
                apply_to_environment(self.environment_mut(name), at, &stamped.event);
            }
            Event::Pinned { group, .. }
            | Event::RefreshStarted { group, .. }
            | Event::RefreshMoved { group, .. }
            | Event::CapacitySeen { group, .. }
            | Event::LaunchFailed { group, .. }
            | Event::ChecksStarted { group, .. }
            | Event::CheckEnded { group, .. }
            | Event::RollbackStarted { group, .. }
            | Event::GroupStep { group, .. }
            | Event::GroupEnded { group, .. } => self.group_mut(group, at).apply(at, &stamped.event),
        }
    }

    /// The environment of that name, if it is known.
    pub(super) fn environment(&self, name: &EnvironmentName) -> Option<&EnvironmentRecord> {
        self.environments.iter().find(|environment| environment.name == *name)
    }

    /// The group, if it is known.
    pub(super) fn group(&self, group: &GroupRef) -> Option<&GroupRecord> {
        self.environment(&group.environment)?.group(group)
    }

    fn environment_mut(&mut self, name: &EnvironmentName) -> &mut EnvironmentRecord {
        let found = self.environments.iter().position(|environment| environment.name == *name);
        let at = found.unwrap_or_else(|| {
            self.environments.push(EnvironmentRecord::new(name.clone()));
            self.environments.len() - 1
        });
        &mut self.environments[at]
    }

    fn group_mut(&mut self, group: &GroupRef, at: Timestamp) -> &mut GroupRecord {
        let environment = self.environment_mut(&group.environment);
        environment.started.get_or_insert(at);
        environment.group_mut(group)
    }
}

/// Takes in an event of an environment; those of groups and of the run mean nothing here.
fn apply_to_environment(record: &mut EnvironmentRecord, at: Timestamp, event: &Event) {
    match event {
        // What an earlier step made of it stays where a later one does not reach it.
        Event::EnvironmentEnded { verdict: Verdict::NotReached, .. } if record.verdict.is_some() => return,
        Event::EnvironmentEnded { verdict, message, next, took_ms, .. } => {
            record.verdict = Some(*verdict);
            record.message.clone_from(message);
            record.next.clone_from(next);
            record.took_ms = *took_ms;
            record.ended = Some(at);
            return;
        }
        Event::Planned { groups, .. } => {
            for planned in groups {
                record.group_mut(&planned.group).plan(planned);
            }
        }
        Event::Refused { problems, .. } => {
            record.refused = true;
            record.problems.extend(problems.iter().cloned());
        }
        Event::VersionReady { region, template, source, version, image, reused, .. } => {
            record.versions.push(VersionRecord {
                region: region.clone(),
                template: template.clone(),
                source: *source,
                version: *version,
                image: image.clone(),
                reused: *reused,
            });
        }
        Event::EnvironmentStep { step, status, message, evidence, took_ms, .. } => {
            record.steps.retain(|known| known.step != *step);
            record.steps.push(StepRecord {
                step: *step,
                status: *status,
                message: message.clone(),
                evidence: evidence.clone(),
                took_ms: *took_ms,
                ended: at,
            });
        }
        Event::Note { text, .. } => record.notes.push(text.clone()),
        Event::EnvironmentWaits { until, message, .. } => {
            record.waits = Some((*until, message.clone()));
            record.pauses.push((at, (*until).max(at), message.clone()));
        }
        Event::FreezeOverridden { freeze, by, .. } => {
            record.notes.push(format!("freeze {freeze:?} overridden by {}: {}", by.who, by.reason));
        }
        Event::Quarantined { images, reason, .. } => {
            let images: Vec<&str> = images.iter().map(ImageId::as_str).collect();
            record.notes.push(format!("{} quarantined: {reason}", images.join(", ")));
        }
        Event::EnvironmentStarted { .. } => {
            record.verdict = None;
            if let Some((from, until, _)) = record.pauses.last_mut() {
                *until = at.max(*from);
            }
        }
        Event::RunStarted { .. }
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
        | Event::NotDelivered { .. }
        | Event::Aborting { .. }
        | Event::RunEnded { .. } => {}
    }
    record.started.get_or_insert(at);
}

/// How many groups ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Counts {
    /// On the new image, proved.
    pub(super) refreshed: usize,
    /// Nothing was to do.
    pub(super) skipped: usize,
    /// Failed, and on the old image again.
    pub(super) rolled_back: usize,
    /// No refresh could be started.
    pub(super) refused: usize,
    /// A person must look.
    pub(super) needs_person: usize,
    /// Left to AWS.
    pub(super) left: usize,
    /// Not due yet.
    pub(super) not_due: usize,
    /// Never started.
    pub(super) not_started: usize,
    /// Known, but no end was reported.
    pub(super) unfinished: usize,
}

impl Counts {
    /// Counts the groups of an environment.
    pub(super) fn of(environment: &EnvironmentRecord) -> Self {
        use crate::model::Outcome;
        let mut counts = Self::default();
        for group in &environment.groups {
            *match &group.outcome {
                Some(Outcome::Refreshed { .. }) => &mut counts.refreshed,
                Some(Outcome::Skipped { .. }) => &mut counts.skipped,
                Some(Outcome::RolledBack { .. }) => &mut counts.rolled_back,
                Some(Outcome::Refused { .. }) => &mut counts.refused,
                Some(Outcome::NeedsPerson { .. }) => &mut counts.needs_person,
                Some(Outcome::Left { .. }) => &mut counts.left,
                Some(Outcome::Deferred { .. }) => &mut counts.not_due,
                Some(Outcome::NotStarted { .. }) => &mut counts.not_started,
                None => &mut counts.unfinished,
            } += 1;
        }
        counts
    }

    /// Those that failed.
    pub(super) fn failed(self) -> usize {
        self.rolled_back + self.refused + self.needs_person
    }
}

/// How often each group name occurs in an environment: more than once when it is in several regions.
pub(super) fn name_counts(environment: &EnvironmentRecord) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for group in &environment.groups {
        *counts.entry(group.group.group.as_str()).or_default() += 1;
    }
    counts
}

/// The group's name, with its region only where its environment has several groups of that name.
pub(super) fn display_name(group: &GroupRecord, counts: &BTreeMap<&str, usize>) -> String {
    let name = group.group.group.as_str();
    if counts.get(name).is_some_and(|count| *count > 1) {
        format!("{name}@{}", group.group.region)
    } else {
        name.to_owned()
    }
}
