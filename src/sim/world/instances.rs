//! Instances: from launch to termination.

use std::net::Ipv4Addr;

use jiff::Timestamp;

use super::hooks::Waited;
use super::roots::REPLACING;
use super::{ActivityStatus, Around, Group, GroupKey, Life, Step, after, passed};
use crate::model::{ImageId, InstanceId, TemplateId};
use crate::sim::fleet::{PoolState, Transition};
use crate::sim::scenario::EffectKind;

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
#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
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
    /// In which state the warm pool that it is in keeps its instances; `None` in the group itself.
    pub pool: Option<PoolState>,
    /// How far hooks let it go.
    pub step: Step,
    /// The launch configuration that it was launched from, instead of a template.
    pub configuration: Option<String>,
    /// Whether it works, whatever Auto Scaling knows of that.
    pub alive: bool,
    /// Whether it was added to the group's target groups when it came into service.
    pub registered: bool,
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
/// How long an instance takes back from standby, in seconds.
const RETURNS: u32 = 5;
/// How long a failed health check takes to be acted on, in seconds.
pub(super) const NOTICED: u32 = 20;

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
            Life::Pending | Life::InService | Life::ReplacingRoot => self.pool.is_none(),
            Life::Standby | Life::Warmed | Life::Terminating | Life::Terminated => false,
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
        let keeps_unhealthy = self.keeps_unhealthy();
        let instance = &mut self.instances[at];
        let (life, healthy, waits) =
            (instance.life, instance.healthy, matches!(instance.step, Step::Waiting(_)));
        instance.due = None;
        match (instance.life, instance.doomed.take()) {
            (Life::Pending, None) => self.progress_launch(at, unhealthy_after, around),
            (Life::Pending, Some(why)) => {
                let instance = self.instances.remove(at);
                bury(instance, around);
                self.end_activity(id, now, ActivityStatus::Failed, &why);
                self.note_failure(around);
            }
            (Life::InService | Life::Standby, _) if healthy => self.strike(id, now),
            (Life::InService | Life::Standby, _) if keeps_unhealthy => {}
            (Life::InService | Life::Standby, _) => {
                let cause = format!(
                    "At {now:.0} an instance was taken out of service in response to an EC2 instance status checks \
                     failure."
                );
                self.terminate(id, cause, around);
                self.note_failure(around);
            }
            (Life::Terminating | Life::ReplacingRoot, _) if waits => {
                if let Waited::Over = self.look_at_waits(at, Transition::Terminating, now) {
                    let takes = if life == Life::Terminating { self.shutdown() } else { REPLACING };
                    self.instances[at].due = Some(after(now, takes));
                }
            }
            (Life::ReplacingRoot, _) => self.boot_from_new_root(id, around),
            (Life::Terminating, _) => {
                let instance = self.instances.remove(at);
                bury(instance, around);
                self.end_activity(id, now, ActivityStatus::Successful, "");
            }
            (Life::Warmed | Life::Terminated, _) => {}
        }
    }

    /// An instance has booted: hooks hold it up, or it goes into service, or is ready in the warm pool.
    fn progress_launch(&mut self, at: usize, unhealthy_after: Option<u32>, around: &mut Around<'_>) {
        let now = around.now;
        if matches!(self.instances[at].step, Step::Waiting(_)) {
            if let Waited::Abandoned(why) = self.look_at_waits(at, Transition::Launching, now) {
                self.abandon_launch(at, &why, around);
            }
            return;
        }
        if self.instances[at].step == Step::Plain && self.begin_wait(at, Transition::Launching, around) {
            return;
        }
        let registered = !self.is_suspended("AddToLoadBalancer");
        let instance = &mut self.instances[at];
        instance.step = Step::Plain;
        if instance.pool.is_some() {
            instance.life = Life::Warmed;
        } else {
            instance.life = Life::InService;
            instance.serving_since = Some(now);
            instance.registered = registered;
            instance.due = unhealthy_after.map(|seconds| after(now, seconds));
        }
        let id = instance.id.clone();
        self.end_activity(&id, now, ActivityStatus::Successful, "");
        self.failures = 0;
    }

    /// A hook gave a launch up: AWS calls the activity cancelled, and terminates the instance.
    fn abandon_launch(&mut self, at: usize, why: &str, around: &mut Around<'_>) {
        let id = self.instances[at].id.clone();
        self.end_activity(&id, around.now, ActivityStatus::Cancelled, why);
        let cause = format!(
            "At {:.0} an instance was taken out of service in response to a launch that was abandoned.",
            around.now
        );
        self.terminate(&id, cause, around);
        self.note_failure(around);
    }

    /// How long terminating takes.
    fn shutdown(&self) -> u32 {
        SHUTDOWN + if self.target_groups.is_empty() { 0 } else { DRAIN }
    }

    fn unhealthy_after(&self, id: &InstanceId, around: &Around<'_>) -> Option<u32> {
        let instance = self.instances.iter().find(|instance| instance.id == *id)?;
        let trouble = self.effect(around.scenario, EffectKind::unhealthy)?;
        trouble.on.hits(instance.image_is_new).then_some(trouble.after)
    }

    /// Begins to terminate an instance.
    pub(super) fn terminate(&mut self, id: &InstanceId, cause: String, around: &mut Around<'_>) {
        let now = around.now;
        let due = after(now, self.shutdown());
        let Some(at) = self.instances.iter().position(|instance| instance.id == *id) else { return };
        let instance = &mut self.instances[at];
        if instance.life == Life::Terminating {
            return;
        }
        instance.life = Life::Terminating;
        instance.step = Step::Plain;
        instance.doomed = None;
        instance.due = Some(due);
        let copy = instance.clone();
        // A launch that is cut short was not a failure of the launch.
        self.end_activity(id, now, ActivityStatus::Successful, "");
        let activity = around.dice.uuid();
        self.note_termination(activity, now, &copy, cause);
        self.begin_wait(at, Transition::Terminating, around);
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
        let checked = !self.is_suspended("HealthCheck");
        if let Some(instance) = self.instances.iter_mut().find(|instance| instance.id == *id) {
            instance.alive = false;
            instance.healthy &= !checked;
            instance.due = checked.then(|| after(now, NOTICED));
        }
    }

    /// Brings instances back from standby, and asks for as many more.
    pub(crate) fn exit_standby(&mut self, ids: &[InstanceId], now: Timestamp) {
        for instance in self.instances.iter_mut().filter(|i| ids.contains(&i.id) && i.life == Life::Standby) {
            instance.life = Life::Pending;
            instance.due = Some(after(now, RETURNS));
            self.desired += instance.weight.unwrap_or(1);
        }
    }
}

fn bury(mut instance: Instance, around: &mut Around<'_>) {
    instance.life = Life::Terminated;
    instance.ended = Some(around.now);
    around.gone.insert(instance.id.clone(), instance);
}
