//! Capacity: a group launches what it lacks and terminates what it has too much of.

use super::batches::Mode;
use super::{Around, Group, Instance, Life, TemplateRef, after};
use crate::model::{ImageId, InstanceId};
use crate::sim::scenario::{EffectKind, LaunchTrouble};

impl Group {
    /// Launches or terminates towards the desired capacity; returns whether anything changed.
    pub(super) fn keep_capacity(&mut self, around: &mut Around<'_>) -> bool {
        let wanted = self.desired as usize + self.surge(around);
        let living = self.instances.iter().filter(|instance| instance.counts()).count();
        let leaving = self.instances.iter().filter(|instance| instance.life == Life::Terminating).count();
        let waiting = if self.mode() == Mode::TerminateFirst { leaving } else { 0 };
        if living > wanted {
            return self.terminate_surplus(living - wanted, around);
        }
        let lacking = wanted.saturating_sub(living + waiting);
        if lacking == 0 || self.retry_at.is_some_and(|at| around.now < at) || self.is_suspended("Launch") {
            return false;
        }
        self.retry_at = None;
        self.launch(lacking, around)
    }

    pub(super) fn is_suspended(&self, process: &str) -> bool {
        self.suspended.iter().any(|suspended| suspended == process)
    }

    /// Terminates what there is too much of; returns whether anything could be.
    fn terminate_surplus(&mut self, count: usize, around: &mut Around<'_>) -> bool {
        let mut living: Vec<&Instance> =
            self.instances.iter().filter(|i| i.counts() && !i.protected).collect();
        // The default policy: what does not serve anyway, then the oldest template version, then the oldest.
        living.sort_by_key(|i| (i.life == Life::InService, i.version, i.launched));
        let ids: Vec<InstanceId> = living.into_iter().take(count).map(|i| i.id.clone()).collect();
        let any = !ids.is_empty();
        for id in ids {
            let cause = format!(
                "At {:.0} an instance was taken out of service in response to a difference between desired and \
                 actual capacity, shrinking the capacity.",
                around.now
            );
            self.terminate(&id, cause, around);
        }
        any
    }

    /// Launches instances; returns whether any is there now.
    fn launch(&mut self, count: usize, around: &mut Around<'_>) -> bool {
        let mut launched = false;
        for _ in 0..count {
            let cause = self.launch_cause(around);
            let instance = self.new_instance(around);
            let activity = around.dice.uuid();
            match instance {
                Ok(instance) => {
                    self.note_launch(activity, &instance, cause);
                    self.instances.push(instance);
                    launched = true;
                }
                Err((zone, why)) => {
                    self.note_no_launch(activity, around.now, &zone, &why, cause);
                    self.note_failure(around);
                    // One failed request stands for the batch: AWS does not try the others then either.
                    break;
                }
            }
        }
        launched
    }

    fn new_instance(&self, around: &mut Around<'_>) -> Result<Instance, (String, String)> {
        let reference = self.launches_from().clone();
        let number = self.resolve(&reference, around);
        let letter = ["a", "b", "c"][around.dice.between(0, 2) as usize];
        let zone = format!("{}{letter}", self.key.place.region);
        let (image, instance_type) = match self.launchable(&reference, number, around) {
            Ok(found) => found,
            Err(why) => return Err((zone, format!("{why}. Launching EC2 instance failed."))),
        };
        let image_is_new = self.first_image.as_ref().is_some_and(|first| *first != image);
        let words = |trouble: &LaunchTrouble| {
            trouble.message.replace("{type}", &instance_type).replace("{zone}", &zone)
        };
        let (boot, doomed) = match self.launch_trouble(image_is_new, around) {
            Some(trouble) => match trouble.after {
                Some(seconds) => (seconds, Some(words(trouble))),
                None => return Err((zone.clone(), words(trouble))),
            },
            None => (self.boot_time(image_is_new, around), None),
        };
        Ok(Instance {
            id: InstanceId::new(format!("i-0{}", around.dice.hex(16))),
            group: self.key.clone(),
            image,
            image_is_new,
            template: reference.id,
            template_name: reference.name,
            version: number,
            instance_type,
            zone,
            address: around.dice.address(&self.key),
            life: Life::Pending,
            healthy: true,
            protected: false,
            launched: around.now,
            serving_since: None,
            ended: None,
            due: Some(after(around.now, boot)),
            doomed,
        })
    }

    /// The image and the type that a version launches, or why it can't.
    fn launchable(
        &self,
        reference: &TemplateRef,
        number: u64,
        around: &Around<'_>,
    ) -> Result<(ImageId, String), String> {
        let version = self.find(reference, around).and_then(|template| template.versions.get(&number));
        let version = version.ok_or("The launch template version does not exist")?;
        let image = version.image().ok_or("The launch template version names no image")?;
        if !self.can_launch(&image, around) {
            return Err(format!("The image id '[{image}]' does not exist"));
        }
        Ok((image, version.value("InstanceType").unwrap_or("m5.large").to_owned()))
    }

    fn can_launch(&self, image: &ImageId, around: &Around<'_>) -> bool {
        around
            .images
            .get(&(self.key.place.region.clone(), image.clone()))
            .is_some_and(|image| image.visible_in(&self.key.place) && image.state == "available")
    }

    fn launch_cause(&self, around: &Around<'_>) -> String {
        let why = if self.active_refresh().is_some() {
            "an instance refresh replacing instances"
        } else {
            "a difference between desired and actual capacity, increasing the capacity"
        };
        format!("At {:.0} an instance was started in response to {why}.", around.now)
    }

    fn launch_trouble<'a>(&self, is_new: bool, around: &Around<'a>) -> Option<&'a LaunchTrouble> {
        let trouble = self.effect(around.scenario, EffectKind::launch_fails)?;
        let over = trouble
            .lasts
            .zip(self.troubled_since)
            .is_some_and(|(lasts, since)| after(since, lasts) <= around.now);
        (trouble.on.hits(is_new) && !over && !around.calm).then_some(trouble)
    }

    /// How long this launch takes into service: about as long as the group's launches do.
    fn boot_time(&self, is_new: bool, around: &mut Around<'_>) -> u32 {
        let slow = self.effect(around.scenario, EffectKind::boot).filter(|slow| slow.on.hits(is_new));
        let usual = slow.map_or(self.boot, |slow| slow.takes);
        around.dice.between(usual - usual / 10, usual + usual / 10)
    }
}
