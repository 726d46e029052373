//! What became of one environment, and of one group: the records that [`super::collect`] fills.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::event::{CheckResult, Event, GroupRef, PlannedGroup, RollbackRoute, Status, Step};
use crate::model::{
    EnvironmentName, GroupName, ImageId, InstanceId, Outcome, Problem, RefreshId, RefreshStatus, Region,
    Target, TemplateId, Tracking, Verdict,
};

/// What became of an environment.
#[derive(Debug, Clone)]
pub(super) struct EnvironmentRecord {
    pub(super) name: EnvironmentName,
    /// Its first event; `None` when it was not reached.
    pub(super) started: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    /// Its groups, in the order of the plan.
    pub(super) groups: Vec<GroupRecord>,
    /// Where in `groups` each is.
    index: BTreeMap<(Region, GroupName), usize>,
    pub(super) refused: bool,
    pub(super) problems: Vec<Problem>,
    pub(super) steps: Vec<StepRecord>,
    pub(super) versions: Vec<VersionRecord>,
    pub(super) notes: Vec<String>,
    /// Until when it waits, and what for, as last told.
    pub(super) waits: Option<(Timestamp, String)>,
    /// Every wait: from when, until when (its end, once that came), and what for.
    pub(super) pauses: Vec<(Timestamp, Timestamp, String)>,
    pub(super) verdict: Option<Verdict>,
    pub(super) message: String,
    pub(super) next: Vec<String>,
    pub(super) took_ms: u64,
}

/// What became of a group.
#[derive(Debug, Clone)]
pub(super) struct GroupRecord {
    pub(super) group: GroupRef,
    pub(super) started: Option<Timestamp>,
    pub(super) planned: Option<PlannedGroup>,
    /// What it followed, and the number it was pinned to.
    pub(super) pinned: Option<(Tracking, u64)>,
    /// Its refresh, what it goes to, and whether it was adopted. Not a rollback's.
    pub(super) refresh: Option<(RefreshId, Target, bool)>,
    /// When that refresh was started or found.
    pub(super) refresh_began: Option<Timestamp>,
    /// Every status it went through: when, percent and AWS's reason at the change.
    pub(super) moves: Vec<(Timestamp, RefreshStatus, u8, String)>,
    /// Percent of the replacements done, as last heard.
    pub(super) percent: u8,
    /// What it ran, whenever that was another than before.
    pub(super) capacity: Vec<CapacityRecord>,
    /// AWS's words on failed launches, each once, and when first.
    pub(super) launch_failures: Vec<(Timestamp, String)>,
    /// The last result of each check, in the order they first ended.
    pub(super) checks: Vec<CheckRecord>,
    /// Results of checks on the image that the group was taken back to.
    pub(super) checks_after_rollback: Vec<CheckResult>,
    pub(super) rollback: Option<(RollbackRoute, String)>,
    /// When it was begun to be taken back.
    pub(super) rollback_began: Option<Timestamp>,
    pub(super) steps: Vec<StepRecord>,
    pub(super) outcome: Option<Outcome>,
    pub(super) images: BTreeMap<ImageId, u32>,
    pub(super) stragglers: Vec<InstanceId>,
    pub(super) took_ms: u64,
    /// When its end was told.
    pub(super) ended: Option<Timestamp>,
}

/// What a group ran from a moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CapacityRecord {
    pub(super) at: Timestamp,
    pub(super) desired: u32,
    pub(super) in_service: u32,
    /// Instances by image, those that are not in service included.
    pub(super) images: BTreeMap<ImageId, u32>,
}

/// A check's last result, and what it had said before.
#[derive(Debug, Clone)]
pub(super) struct CheckRecord {
    pub(super) result: CheckResult,
    /// When that result came.
    pub(super) ended: Timestamp,
    /// Earlier results, as lines.
    pub(super) earlier: Vec<String>,
}

/// A step that ended.
#[derive(Debug, Clone)]
pub(super) struct StepRecord {
    pub(super) step: Step,
    pub(super) status: Status,
    pub(super) message: String,
    pub(super) evidence: Vec<String>,
    pub(super) took_ms: u64,
    /// When its end was told.
    pub(super) ended: Timestamp,
}

/// A template version that was made or found.
#[derive(Debug, Clone)]
pub(super) struct VersionRecord {
    pub(super) region: Region,
    pub(super) template: TemplateId,
    pub(super) source: u64,
    pub(super) version: u64,
    pub(super) image: ImageId,
    pub(super) reused: bool,
}

impl EnvironmentRecord {
    pub(super) fn new(name: EnvironmentName) -> Self {
        Self {
            name,
            started: None,
            ended: None,
            groups: Vec::new(),
            index: BTreeMap::new(),
            refused: false,
            problems: Vec::new(),
            steps: Vec::new(),
            versions: Vec::new(),
            notes: Vec::new(),
            waits: None,
            pauses: Vec::new(),
            verdict: None,
            message: String::new(),
            next: Vec::new(),
            took_ms: 0,
        }
    }

    /// Whether nothing was begun in it, for a reason that was told.
    pub(super) fn was_refused(&self) -> bool {
        self.refused || self.verdict == Some(Verdict::Refused)
    }

    pub(super) fn step(&self, step: Step) -> Option<&StepRecord> {
        self.steps.iter().find(|record| record.step == step)
    }

    pub(super) fn group(&self, group: &GroupRef) -> Option<&GroupRecord> {
        let key = (group.region.clone(), group.group.clone());
        self.index.get(&key).and_then(|at| self.groups.get(*at))
    }

    pub(super) fn group_mut(&mut self, group: &GroupRef) -> &mut GroupRecord {
        let key = (group.region.clone(), group.group.clone());
        let at = *self.index.entry(key).or_insert_with(|| {
            self.groups.push(GroupRecord::new(group.clone()));
            self.groups.len() - 1
        });
        &mut self.groups[at]
    }

    /// The version of the group's template that was made or found for it.
    pub(super) fn version_for(&self, group: &GroupRecord) -> Option<&VersionRecord> {
        let template = match (&group.refresh, &group.planned) {
            (Some((_, target, _)), _) => target.template.as_str(),
            (None, Some(planned)) => planned.template.as_str(),
            (None, None) => return None,
        };
        self.versions.iter().find(|made| {
            // The plan names a template by name and id.
            made.region == group.group.region
                && template.split([' ', '(', ')']).any(|word| word == made.template.as_str())
        })
    }
}

impl GroupRecord {
    fn new(group: GroupRef) -> Self {
        Self {
            group,
            started: None,
            planned: None,
            pinned: None,
            refresh: None,
            refresh_began: None,
            moves: Vec::new(),
            percent: 0,
            capacity: Vec::new(),
            launch_failures: Vec::new(),
            checks: Vec::new(),
            checks_after_rollback: Vec::new(),
            rollback: None,
            rollback_began: None,
            steps: Vec::new(),
            outcome: None,
            images: BTreeMap::new(),
            stragglers: Vec::new(),
            took_ms: 0,
            ended: None,
        }
    }

    pub(super) fn step(&self, step: Step) -> Option<&StepRecord> {
        self.steps.iter().find(|record| record.step == step)
    }

    /// The status last heard of its refresh.
    pub(super) fn status(&self) -> Option<RefreshStatus> {
        self.moves.last().map(|(_, status, ..)| *status)
    }

    /// Whether its refresh was started and no end was reported.
    pub(super) fn is_running(&self) -> bool {
        self.outcome.is_none() && (self.refresh.is_some() || self.rollback.is_some())
    }

    /// Takes in what is to happen to it, maybe again, when its environment goes on.
    pub(super) fn plan(&mut self, planned: &PlannedGroup) {
        match &self.outcome {
            Some(Outcome::Refreshed { .. }) => return,
            Some(Outcome::Deferred { .. }) => self.outcome = None,
            Some(
                Outcome::Skipped { .. }
                | Outcome::RolledBack { .. }
                | Outcome::Refused { .. }
                | Outcome::NeedsPerson { .. }
                | Outcome::Left { .. }
                | Outcome::NotStarted { .. },
            )
            | None => {}
        }
        self.planned = Some(planned.clone());
    }

    /// Takes in an event of this group.
    pub(super) fn apply(&mut self, at: Timestamp, event: &Event) {
        self.started.get_or_insert(at);
        match event {
            Event::Pinned { tracking, version, .. } => self.pinned = Some((*tracking, *version)),
            Event::RefreshStarted { refresh, target, adopted, .. } => {
                if self.rollback.is_none() {
                    self.refresh = Some((refresh.clone(), target.clone(), *adopted));
                    self.refresh_began = Some(at);
                }
            }
            Event::RefreshMoved { status, percent, reason, .. } => {
                self.percent = *percent;
                if self.status() != Some(*status) {
                    self.moves.push((at, *status, *percent, reason.clone()));
                }
            }
            Event::CapacitySeen { desired, in_service, images, .. } => {
                self.capacity.push(CapacityRecord {
                    at,
                    desired: *desired,
                    in_service: *in_service,
                    images: images.clone(),
                });
            }
            Event::LaunchFailed { started, message, .. } => {
                if !self.launch_failures.iter().any(|(_, known)| known == message) {
                    self.launch_failures.push((*started, message.clone()));
                }
            }
            Event::CheckEnded { result, .. } => self.add_check(at, result),
            Event::RollbackStarted { route, why, .. } => {
                self.rollback = Some((*route, why.clone()));
                self.rollback_began.get_or_insert(at);
            }
            Event::GroupStep { step, status, message, evidence, took_ms, .. } => {
                self.add_step(StepRecord {
                    step: *step,
                    status: *status,
                    message: message.clone(),
                    evidence: evidence.clone(),
                    took_ms: *took_ms,
                    ended: at,
                });
            }
            Event::GroupEnded { outcome, images, stragglers, took_ms, .. } => {
                // What was refreshed and is found so when its environment goes on stays refreshed.
                let refreshed = matches!(self.outcome, Some(Outcome::Refreshed { .. }));
                if refreshed && matches!(outcome, Outcome::Skipped { .. }) {
                    return;
                }
                self.outcome = Some(outcome.clone());
                self.images.clone_from(images);
                self.stragglers.clone_from(stragglers);
                self.took_ms = *took_ms;
                self.ended = Some(at);
            }
            Event::ChecksStarted { .. }
            | Event::ImageDescribed { .. }
            | Event::RunStarted { .. }
            | Event::EnvironmentStarted { .. }
            | Event::Planned { .. }
            | Event::Refused { .. }
            | Event::VersionReady { .. }
            | Event::EnvironmentStep { .. }
            | Event::EnvironmentWaits { .. }
            | Event::FreezeOverridden { .. }
            | Event::Quarantined { .. }
            | Event::NotDelivered { .. }
            | Event::Note { .. }
            | Event::Aborting { .. }
            | Event::EnvironmentEnded { .. }
            | Event::RunEnded { .. } => {}
        }
    }

    /// A check may be asked again: its last word counts, unless that is of the old image.
    fn add_check(&mut self, at: Timestamp, result: &CheckResult) {
        if self.rollback.is_some() {
            self.checks_after_rollback.push(result.clone());
            return;
        }
        match self.checks.iter_mut().find(|known| known.result.check == result.check) {
            Some(known) => {
                let status = status_word(known.result.status);
                known.earlier.push(format!("earlier: {status}: {}", known.result.message));
                known.result = result.clone();
                known.ended = at;
            }
            None => {
                self.checks.push(CheckRecord { result: result.clone(), ended: at, earlier: Vec::new() });
            }
        }
    }

    /// A step that is reported again replaces what was said, unless that is why the group is
    /// being taken back.
    fn add_step(&mut self, record: StepRecord) {
        let known = self.steps.iter_mut().find(|known| known.step == record.step);
        let is_way_back = matches!(record.step, Step::Rollback | Step::Tracking);
        match known {
            Some(known) if self.rollback.is_some() && !is_way_back && known.status > Status::Skipped => {
                let status = status_word(record.status);
                known.evidence.push(format!("after the rollback began: {status}: {}", record.message));
            }
            Some(known) => *known = record,
            None => self.steps.push(record),
        }
    }
}

/// The word that people read.
pub(super) fn status_word(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Skipped => "skipped",
        Status::Failed => "failed",
        Status::Errored => "errored",
    }
}
