//! Instances: from launch to termination.

use std::net::Ipv4Addr;

use jiff::Timestamp;

use super::{ActivityStatus, Around, Group, GroupKey, after, passed};
use crate::model::{ImageId, InstanceId, TemplateId};
use crate::sim::scenario::EffectKind;

/// Where an instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Launched, and not in service yet.
    Pending,
    /// Serving.
    InService,
    /// Set aside by somebody.
    Standby,
    /// Getting another root volume, out of service.
    ReplacingRoot,
    /// Being terminated.
    Terminating,
    /// Gone.
    Terminated,
}

impl Life {
    /// Auto Scaling's name of the state.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InService => "InService",
            Self::Standby => "Standby",
            Self::ReplacingRoot => "ReplacingRootVolume",
            Self::Terminating => "Terminating",
            Self::Terminated => "Terminated",
        }
    }

    /// EC2's name of the state, and its code.
    pub fn ec2(self) -> (&'static str, u8) {
        match self {
            // Auto Scaling's Pending spans EC2's pending and the boot: EC2 says running by then.
            Self::Pending | Self::InService | Self::Standby | Self::ReplacingRoot => ("running", 16),
            Self::Terminating => ("shutting-down", 32),
            Self::Terminated => ("terminated", 48),
        }
    }
}

/// Where an instance has its image from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFrom {
    /// Its template's version names it.
    Template,
    /// An override, or a root volume that was replaced.
    Override,
}

/// An instance.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// The group it belongs, or belonged, to.
    pub group: GroupKey,
    /// The image it runs.
    pub image: ImageId,
    /// Whether that is another image than the group had when the world began.
    pub image_is_new: bool,
    /// Where it has its image from.
    pub image_from: ImageFrom,
    /// The image of the root volume that it is getting.
    pub(super) next_image: Option<ImageId>,
    /// The template it was launched from.
    pub template: TemplateId,
    /// The template's name.
    pub template_name: String,
    /// The version it was launched from.
    pub version: u64,
    /// Its type.
    pub instance_type: String,
    /// How many units of capacity it counts, in a group with weights.
    pub weight: Option<u32>,
    /// Its availability zone.
    pub zone: String,
    /// Its private address.
    pub address: Ipv4Addr,
    /// Where it is in its life.
    pub life: Life,
    /// Whether Auto Scaling calls it healthy.
    pub healthy: bool,
    /// Whether it is protected from scale-in.
    pub protected: bool,
    /// When it was launched.
    pub launched: Timestamp,
    /// Since when it has been in service.
    pub serving_since: Option<Timestamp>,
    /// When it was gone.
    pub ended: Option<Timestamp>,
    /// When its life changes next by itself.
    pub(super) due: Option<Timestamp>,
    /// What becomes of it instead of going into service, in AWS's words.
    pub(super) doomed: Option<String>,
}

/// How long terminating takes, in seconds; longer when load balancers drain first.
const SHUTDOWN: u32 = 20;
const DRAIN: u32 = 40;
/// How long a failed health check takes to be acted on, in seconds.
const NOTICED: u32 = 20;

impl Instance {
    /// Whether it serves and is healthy.
    pub fn serves(&self) -> bool {
        self.life == Life::InService && self.healthy
    }

    /// Whether it has served for at least that many seconds.
    pub(super) fn warm(&self, now: Timestamp, warmup: u32) -> bool {
        self.serves() && self.serving_since.is_some_and(|since| passed(since, warmup, now))
    }

    /// How many units of capacity it counts.
    pub fn units(&self) -> usize {
        self.weight.unwrap_or(1) as usize
    }

    /// Whether it counts towards its group's desired capacity.
    pub(super) fn counts(&self) -> bool {
        match self.life {
            Life::Pending | Life::InService | Life::ReplacingRoot => true,
            Life::Standby | Life::Terminating | Life::Terminated => false,
        }
    }
}

impl Group {
    /// Lets the instances whose time has come change; returns whether any did.
    pub(super) fn progress_instances(&mut self, around: &mut Around<'_>) -> bool {
        let due: Vec<InstanceId> = self
            .instances
            .iter()
            .filter(|instance| instance.due.is_some_and(|due| due <= around.now))
            .map(|instance| instance.id.clone())
            .collect();
        for id in &due {
            self.progress_instance(id, around);
        }
        !due.is_empty()
    }

    fn progress_instance(&mut self, id: &InstanceId, around: &mut Around<'_>) {
        let now = around.now;
        let unhealthy_after = self.unhealthy_after(id, around);
        let Some(at) = self.instances.iter().position(|instance| instance.id == *id) else { return };
        let instance = &mut self.instances[at];
        instance.due = None;
        match (instance.life, instance.doomed.take()) {
            (Life::Pending, None) => {
                instance.life = Life::InService;
                instance.serving_since = Some(now);
                instance.due = unhealthy_after.map(|seconds| after(now, seconds));
                self.end_activity(id, now, ActivityStatus::Successful, "");
                self.failures = 0;
            }
            (Life::Pending, Some(why)) => {
                let instance = self.instances.remove(at);
                bury(instance, around);
                self.end_activity(id, now, ActivityStatus::Failed, &why);
                self.note_failure(around);
            }
            (Life::InService | Life::Standby, _) if instance.healthy => {
                instance.healthy = false;
                instance.due = Some(after(now, NOTICED));
            }
            (Life::InService | Life::Standby, _) => {
                let cause = format!(
                    "At {now:.0} an instance was taken out of service in response to an EC2 instance status checks \
                     failure."
                );
                self.terminate(id, cause, around);
                self.note_failure(around);
            }
            (Life::ReplacingRoot, _) => self.boot_from_new_root(id, around),
            (Life::Terminating, _) => {
                let instance = self.instances.remove(at);
                bury(instance, around);
                self.end_activity(id, now, ActivityStatus::Successful, "");
            }
            (Life::Terminated, _) => {}
        }
    }

    fn unhealthy_after(&self, id: &InstanceId, around: &Around<'_>) -> Option<u32> {
        let instance = self.instances.iter().find(|instance| instance.id == *id)?;
        let trouble = self.effect(around.scenario, EffectKind::unhealthy)?;
        trouble.on.hits(instance.image_is_new).then_some(trouble.after)
    }

    /// Begins to terminate an instance.
    pub(super) fn terminate(&mut self, id: &InstanceId, cause: String, around: &mut Around<'_>) {
        let now = around.now;
        let drain = if self.target_groups.is_empty() { 0 } else { DRAIN };
        let Some(instance) = self.instances.iter_mut().find(|instance| instance.id == *id) else { return };
        if instance.life == Life::Terminating {
            return;
        }
        instance.life = Life::Terminating;
        instance.doomed = None;
        instance.due = Some(after(now, SHUTDOWN + drain));
        let copy = instance.clone();
        // A launch that is cut short was not a failure of the launch.
        self.end_activity(id, now, ActivityStatus::Successful, "");
        let activity = around.dice.uuid();
        self.note_termination(activity, now, &copy, cause);
    }

    /// Sets instances aside, and asks for as many fewer if told so.
    pub(crate) fn enter_standby(&mut self, ids: &[InstanceId], shrink: bool) {
        for instance in self.instances.iter_mut().filter(|i| ids.contains(&i.id) && i.life == Life::InService)
        {
            instance.life = Life::Standby;
            if shrink {
                self.desired = self.desired.saturating_sub(instance.weight.unwrap_or(1)).max(self.min);
            }
        }
    }

    /// An instance stops working, from one moment to the next.
    pub fn strike(&mut self, id: &InstanceId, now: Timestamp) {
        if let Some(instance) = self.instances.iter_mut().find(|instance| instance.id == *id) {
            instance.healthy = false;
            instance.due = Some(after(now, NOTICED));
        }
    }
}

fn bury(mut instance: Instance, around: &mut Around<'_>) {
    instance.life = Life::Terminated;
    instance.ended = Some(around.now);
    around.gone.insert(instance.id.clone(), instance);
}
