//! Scaling activities: what a group did, and what became of it, in AWS's words.

use jiff::Timestamp;

use super::Instance;
use crate::model::InstanceId;

/// What became of a scaling activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivityStatus {
    /// An instance is launched and not in service yet.
    PreInService,
    /// A lifecycle hook holds it up.
    MidLifecycleAction,
    /// It goes on.
    InProgress,
    /// It is done.
    Successful,
    /// It failed.
    Failed,
    /// A lifecycle hook gave it up.
    Cancelled,
}

impl ActivityStatus {
    /// The API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreInService => "PreInService",
            Self::MidLifecycleAction => "MidLifecycleAction",
            Self::InProgress => "InProgress",
            Self::Successful => "Successful",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
        }
    }
}

/// A scaling activity.
#[derive(Debug, Clone)]
pub struct Activity {
    /// Its id, a UUID.
    pub id: String,
    /// What is done.
    pub description: String,
    /// Why.
    pub cause: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What became of it.
    pub status: ActivityStatus,
    /// AWS's words on a failure; empty otherwise.
    pub message: String,
    /// The instance's subnet and zone, as JSON.
    pub details: String,
    /// The instance that it is about, if there is one.
    pub instance: Option<InstanceId>,
}

impl Activity {
    /// An instance gets a new root volume.
    pub(super) fn of_root_volume(id: String, instance: &InstanceId, zone: &str, now: Timestamp) -> Self {
        Self {
            id,
            description: format!("Replacing root volume of EC2 instance: {instance}"),
            cause: format!("At {now:.0} a root volume was replaced in response to an instance refresh."),
            started: now,
            ended: None,
            status: ActivityStatus::InProgress,
            message: String::new(),
            details: details(zone),
            instance: Some(instance.clone()),
        }
    }
}

/// How many activities a group remembers.
const REMEMBERED: usize = 1000;

impl super::Group {
    /// Notes that an instance is being launched.
    pub(super) fn note_launch(&mut self, id: String, instance: &Instance, cause: String) {
        self.note(Activity {
            id,
            description: format!("Launching a new EC2 instance: {}", instance.id),
            cause,
            started: instance.launched,
            ended: None,
            status: ActivityStatus::PreInService,
            message: String::new(),
            details: details(&instance.zone),
            instance: Some(instance.id.clone()),
        });
    }

    /// Notes that an instance could not be launched at all.
    pub(super) fn note_no_launch(
        &mut self,
        id: String,
        now: Timestamp,
        zone: &str,
        why: &str,
        cause: String,
    ) {
        self.note(Activity {
            id,
            description: format!("Launching a new EC2 instance.  Status Reason: {why}"),
            cause,
            started: now,
            ended: Some(now),
            status: ActivityStatus::Failed,
            message: why.to_owned(),
            details: details(zone),
            instance: None,
        });
    }

    /// Notes that an instance is being terminated.
    pub(super) fn note_termination(
        &mut self,
        id: String,
        now: Timestamp,
        instance: &Instance,
        cause: String,
    ) {
        self.note(Activity {
            id,
            description: format!("Terminating EC2 instance: {}", instance.id),
            cause,
            started: now,
            ended: None,
            status: ActivityStatus::InProgress,
            message: String::new(),
            details: details(&instance.zone),
            instance: Some(instance.id.clone()),
        });
    }

    /// Ends the activity that is going on for an instance.
    pub(super) fn end_activity(
        &mut self,
        instance: &InstanceId,
        now: Timestamp,
        status: ActivityStatus,
        message: &str,
    ) {
        let open = |activity: &&mut Activity| {
            activity.ended.is_none() && activity.instance.as_ref() == Some(instance)
        };
        if let Some(activity) = self.activities.iter_mut().rev().find(open) {
            activity.ended = Some(now);
            activity.status = status;
            message.clone_into(&mut activity.message);
            if !message.is_empty() {
                activity.description = format!("{}.  Status Reason: {message}", activity.description);
            }
        }
    }

    /// Changes the status of the activity that is going on for an instance.
    pub(super) fn mark_activity(&mut self, instance: &InstanceId, status: ActivityStatus) {
        let open = |activity: &&mut Activity| {
            activity.ended.is_none() && activity.instance.as_ref() == Some(instance)
        };
        if let Some(activity) = self.activities.iter_mut().rev().find(open) {
            activity.status = status;
        }
    }

    pub(super) fn note(&mut self, activity: Activity) {
        if self.activities.len() >= REMEMBERED {
            self.activities.remove(0);
        }
        self.activities.push(activity);
    }
}

fn details(zone: &str) -> String {
    format!(
        r#"{{"Subnet ID":"subnet-0{zone_hash:016x}","Availability Zone":"{zone}"}}"#,
        zone_hash = spread(zone)
    )
}

/// A number that stays the same for the same text.
fn spread(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
