//! Every event there is. The rollout emits them; nothing else prints or writes.
//!
//! An event holds facts for machines and people alike: each reporter, and whatever reads
//! the journal later, works from these alone. No event holds a secret.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    Build, CandidateImage, EnvironmentName, Exit, GroupName, ImageFacts, ImageId, InstanceId, Outcome,
    Problem, RefreshId, RefreshStatus, Region, Target, TemplateId, Tracking, Verdict,
};

/// An event with the moment it happened; one line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamped {
    /// When: the simulated time in a rehearsal.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// A group, where it stands in a run: groups of one name may exist in several regions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupRef {
    /// Its environment.
    pub environment: EnvironmentName,
    /// Its region.
    pub region: Region,
    /// Its name.
    pub group: GroupName,
}

/// What a run is being rehearsed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulation {
    /// The scenario's name.
    pub scenario: String,
    /// The seed of everything random in it.
    pub seed: u64,
}

/// What is to happen to one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedGroup {
    /// The group.
    #[serde(flatten)]
    pub group: GroupRef,
    /// Its present image.
    pub image: Option<ImageId>,
    /// Its present image's name.
    pub image_name: String,
    /// The image it will run; `None` when nothing changes.
    pub new_image: Option<ImageId>,
    /// The template's name and id.
    pub template: String,
    /// The version that it runs now.
    pub version: Option<u64>,
    /// How it names that version.
    pub tracking: Option<Tracking>,
    /// How many instances it should have.
    pub desired: u32,
    /// `refresh`, `resume` (a rollout that was begun goes on), or `skip`.
    pub action: PlannedAction,
    /// Why it is skipped, or what a resumed rollout stands at; may be empty.
    pub why: String,
    /// The checks that it must pass, in order.
    pub checks: Vec<String>,
    /// How it would be taken back; `None` when nothing changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackRoute>,
    /// What is particular about it, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The team that owns it, by its tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// When it may be started, if that is not now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<Timestamp>,
}

/// Somebody whose word counts, and why they gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByHand {
    /// Who: the name in the AWS session.
    pub who: String,
    /// Why.
    pub reason: String,
}

/// What a plan does with a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedAction {
    /// It is refreshed.
    Refresh,
    /// A rollout of this image was begun on it before, and goes on.
    Resume,
    /// It is not due: nothing is done yet.
    Defer,
    /// Nothing is done.
    Skip,
}

/// A step of a group's rollout, or of an environment's: a JUnit case each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Environment: the gates it needs are passed.
    Gate,
    /// Environment: no freeze holds, or it is overridden.
    Freeze,
    /// Environment: what is to be done is known, and may be done.
    Plan,
    /// Group: its window is open.
    Window,
    /// Group: pinned if it floated, its new version created and read back.
    Template,
    /// Group: the instance refresh, from its start to its end.
    Refresh,
    /// Group: every in-service instance was looked at.
    Prove,
    /// Group: taken back to the version it had.
    Rollback,
    /// Group: its tracking is as it was found.
    Tracking,
    /// Environment: the gate's record was written.
    Record,
}

impl Step {
    /// The stable name of the step in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Freeze => "freeze",
            Self::Plan => "plan",
            Self::Window => "window",
            Self::Template => "template",
            Self::Refresh => "refresh",
            Self::Prove => "prove",
            Self::Rollback => "rollback",
            Self::Tracking => "tracking",
            Self::Record => "record",
        }
    }
}

/// How a step or a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Passed,
    /// It was not run.
    Skipped,
    /// It answered wrongly.
    Failed,
    /// It could not be asked or done.
    Errored,
}

/// What one subject of a check (an instance, a target, the group) answered at last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Who was asked: an instance id, an address, or the group's name.
    pub subject: String,
    /// How it ended.
    pub status: Status,
    /// One line: `200 OK in 12 ms`, or what was wrong.
    pub message: String,
    /// How often it was asked.
    pub attempts: u32,
    /// How long the last answer took, in milliseconds.
    pub latency_ms: u64,
    /// Whether the instance itself was reached, and refused the connection: nothing listens there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// What it answered, shortened, without its secrets; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence: String,
    /// All of it, up to 64 KiB, where `evidence` is only its beginning. Kept of a subject that did
    /// not pass, unless another of the check answered the very same, or many did at length.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

/// The result of one check on one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The check's name in the configuration.
    pub check: String,
    /// The worst of its probes.
    pub status: Status,
    /// One line for people: `4 of 4 instances passed`.
    pub message: String,
    /// What each subject answered, in a stable order.
    pub probes: Vec<Probe>,
    /// How long the check took in all, in milliseconds.
    pub took_ms: u64,
}

/// How a group is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollbackRoute {
    /// AWS's own rollback of the active refresh.
    Native,
    /// A new refresh to the recorded version.
    NewRefresh,
}

impl Event {
    /// The event without what only reports want: answers in full.
    #[must_use]
    pub fn brief(mut self) -> Self {
        if let Self::CheckEnded { result, .. } = &mut self {
            result.probes.iter_mut().for_each(|probe| probe.output.clear());
        }
        self
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run began.
    RunStarted {
        /// The step: `rollout`, `refresh`, …
        command: String,
        /// This program's version.
        version: String,
        /// What it is rehearsed on; `None` on AWS.
        simulation: Option<Simulation>,
        /// The candidate's family.
        family: String,
        /// The candidate's images.
        images: Vec<CandidateImage>,
        /// The build that made them.
        build: Build,
        /// The environments, in order.
        environments: Vec<EnvironmentName>,
        /// Whether the simulator stood in for AWS, also where its scenario is not known.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        simulated: bool,
        /// The name of the zone in which people are shown times.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timezone: Option<String>,
    },
    /// An environment's turn came.
    EnvironmentStarted {
        /// Which.
        environment: EnvironmentName,
    },
    /// What is to be done in an environment.
    Planned {
        /// Which.
        environment: EnvironmentName,
        /// Its groups, in the order of the plan.
        groups: Vec<PlannedGroup>,
    },
    /// What is not done yet waits; the environment goes on then. Its end is still to come.
    EnvironmentWaits {
        /// Which.
        environment: EnvironmentName,
        /// Until when.
        until: Timestamp,
        /// What for, in one line.
        message: String,
    },
    /// A freeze holds, and was overridden by hand.
    FreezeOverridden {
        /// Which environment.
        environment: EnvironmentName,
        /// The freeze's own reason.
        freeze: String,
        /// When it ends.
        until: Timestamp,
        /// Who overrode it, and why.
        by: ByHand,
    },
    /// The images go nowhere any more.
    Quarantined {
        /// Which environment's rollout failed.
        environment: EnvironmentName,
        /// The images.
        images: Vec<ImageId>,
        /// Why.
        reason: String,
    },
    /// Something could not be told to somebody outside. It changes nothing else.
    NotDelivered {
        /// To whom: `slack #payments-alerts`, `webhook 1`, `tickets`. Never an address.
        sink: String,
        /// What: `start of qa`, `12 events`.
        what: String,
        /// Why not, and what to do about it.
        problem: Problem,
    },
    /// The environment was refused before anything changed.
    Refused {
        /// Which.
        environment: EnvironmentName,
        /// Every reason there is.
        problems: Vec<Problem>,
    },
    /// A group that floats was pinned to the number it resolved to.
    Pinned {
        /// The group.
        #[serde(flatten)]
        group: GroupRef,
        /// What it followed.
        tracking: Tracking,
        /// The number it is pinned to.
        version: u64,
    },
    /// The version with the new image exists and was read back.
    VersionReady {
        /// Its environment.
        environment: EnvironmentName,
        /// Its region.
        region: Region,
        /// The template.
        template: TemplateId,
        /// The version it was made from.
        source: u64,
        /// Its number.
        version: u64,
        /// Its image.
        image: ImageId,
        /// Whether it was there already.
        reused: bool,
    },
    /// A group's refresh was started, or found and adopted.
    RefreshStarted {
        /// The group.
        #[serde(flatten)]
        group: GroupRef,
        /// The refresh.
        refresh: RefreshId,
        /// What it takes the group to.
        target: Target,
        /// Whether it was active already.
        adopted: bool,
    },
    /// A refresh moved: its status or its percentage is another than before.
    RefreshMoved {
        /// The group.
        #[serde(flatten)]
        group: GroupRef,
        /// Its status.
        status: RefreshStatus,
        /// Percent of the replacements done.
        percent: u8,
        /// Instances still to be replaced.
        remaining: u32,
        /// AWS's reason; may be empty.
        reason: String,
    },
    /// What a group runs at a moment of its refresh: told when it is another than before. In units
    /// of capacity, as the group is: instances, where they are not weighted.
    CapacitySeen {
        /// The group.
        #[serde(flatten)]
        group: GroupRef,
        /// How many it should have.
        desired: u32,
        /// How many are in service.
        in_service: u32,
        /// How many, in whatever state, were launched from each image, as far as it is known.
        images: BTreeMap<ImageId, u32>,
    },
    /// What EC2 tells of an image of this run, the new or an earlier one.
    ImageDescribed {
        /// The image.
        image: ImageFacts,
    },
    /// A scaling activity of the group failed: AWS's words.
    LaunchFailed {
        /// The group.
        #[serde(flatten)]
        group: GroupRef,
        /// When AWS tried.
        started: Timestamp,
        /// What AWS says of it.
        message: String,
    },
    /// A group's checks began.
    ChecksStarted {
        /// The group.
        #[serde(flatten)]
        group: GroupRef,
        /// Their names, in order.
        checks: Vec<String>,
    },
    /// One check of a group ended.
    CheckEnded {
        /// The group.
        #[serde(flatten)]
        group: GroupRef,
        /// Its result.
        result: CheckResult,
    },
    /// A group is being taken back.
    RollbackStarted {
        /// The group.
        #[serde(flatten)]
        group: GroupRef,
        /// How.
        route: RollbackRoute,
        /// Why.
        why: String,
    },
    /// A step of a group ended: a JUnit case.
    GroupStep {
        /// The group.
        #[serde(flatten)]
        group: GroupRef,
        /// Which step.
        step: Step,
        /// How it ended.
        status: Status,
        /// One line for people.
        message: String,
        /// Facts: versions, instances, AWS's reasons; a line each.
        evidence: Vec<String>,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// A step of an environment ended: a JUnit case.
    EnvironmentStep {
        /// Which environment.
        environment: EnvironmentName,
        /// Which step.
        step: Step,
        /// How it ended.
        status: Status,
        /// One line for people.
        message: String,
        /// Facts, a line each.
        evidence: Vec<String>,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// A group's rollout ended.
    GroupEnded {
        /// The group.
        #[serde(flatten)]
        group: GroupRef,
        /// How.
        outcome: Outcome,
        /// How many of its in-service instances run each image at the end.
        images: BTreeMap<ImageId, u32>,
        /// The instances that run another image than they should.
        stragglers: Vec<InstanceId>,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// Something worth a line that no other event says.
    Note {
        /// The environment it concerns, if one.
        environment: Option<EnvironmentName>,
        /// The line.
        text: String,
    },
    /// A signal came: nothing new is started from here on.
    Aborting {
        /// The signal's name.
        signal: String,
        /// What is done with the refreshes that run: `leave` or `rollback`.
        on_abort: String,
    },
    /// An environment ended.
    EnvironmentEnded {
        /// Which.
        environment: EnvironmentName,
        /// How.
        verdict: Verdict,
        /// One line for people.
        message: String,
        /// Commands that go on from there; empty when all is well.
        next: Vec<String>,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// The run ended. Always the last event of a run that was not killed.
    RunEnded {
        /// The exit code's meaning.
        exit: Exit,
        /// One line for people.
        message: String,
    },
}
