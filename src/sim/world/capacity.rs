//! Capacity: a group launches what it lacks and terminates what it has too much of.

use super::batches::Mode;
use super::slots::Launch;
use super::{Around, Group, Instance, Life, Step, after};
use crate::model::{ImageId, InstanceId};
use crate::sim::fleet::PoolState;
use crate::sim::scenario::{EffectKind, LaunchTrouble};

impl Group {
    /// Launches or terminates towards the desired capacity; returns whether anything changed.
    pub(super) fn keep_capacity(&mut self, around: &mut Around<'_>) -> bool {
        let wanted = self.desired as usize + self.surge(around);
        let units = |chosen: fn(&Instance) -> bool| -> usize {
            self.members().filter(|instance| chosen(instance)).map(Instance::units).sum()
        };
        let living = units(Instance::counts);
        let leaving = units(|instance| instance.life == Life::Terminating);
        let waiting = if self.mode() == Mode::TerminateFirst { leaving } else { 0 };
        // What the last instance brought too much stays: its weight was not to be had smaller.
        if living >= wanted + self.heaviest() {
            return self.terminate_surplus(living - wanted, around);
        }
        let lacking = wanted.saturating_sub(living + waiting);
        if lacking == 0 || self.retry_at.is_some_and(|at| around.now < at) || self.is_suspended("Launch") {
            return false;
        }
        self.retry_at = None;
        self.launch(lacking, None, around)
    }

    /// The most units that an instance of it counts.
    pub(super) fn heaviest(&self) -> usize {
        let weights = self.instances.iter().map(Instance::units);
        let said = self.own().heaviest().max(self.target().heaviest());
        weights.chain([said as usize]).max().unwrap_or(1)
    }

    /// Terminates what there is too much of; returns whether anything could be.
    fn terminate_surplus(&mut self, mut surplus: usize, around: &mut Around<'_>) -> bool {
        let mut living: Vec<&Instance> =
            self.instances.iter().filter(|i| i.counts() && !i.protected && !self.stays(i)).collect();
        // The default policy: what does not serve anyway, then the oldest template version, then the oldest.
        living.sort_by_key(|i| (i.life == Life::InService, i.version, i.launched));
        let mut ids: Vec<InstanceId> = Vec::new();
        for instance in living {
            if let Some(left) = surplus.checked_sub(instance.units()) {
                surplus = left;
                ids.push(instance.id.clone());
            }
        }
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

    /// Whether a suspended process keeps it from being terminated: only what serves is kept.
    fn stays(&self, instance: &Instance) -> bool {
        instance.life == Life::InService && self.is_suspended("Terminate")
    }

    /// Launches instances until as much is there, into a warm pool if told so; returns whether
    /// any is there now.
    pub(super) fn launch(
        &mut self,
        mut lacking: usize,
        pool: Option<PoolState>,
        around: &mut Around<'_>,
    ) -> bool {
        let mut launched = false;
        while lacking > 0 {
            if pool.is_none()
                && let Some(units) = self.take_warm(around)
            {
                lacking = lacking.saturating_sub(units);
                launched = true;
                continue;
            }
            let cause = self.launch_cause(around);
            let instance = self.new_instance(around);
            let activity = around.dice.uuid();
            match instance {
                Ok(mut instance) => {
                    instance.pool = pool;
                    self.note_launch(activity, &instance, cause);
                    // A pool counts its instances, a group their units.
                    lacking = lacking.saturating_sub(if pool.is_some() { 1 } else { instance.units() });
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

    fn new_instance(&mut self, around: &mut Around<'_>) -> Result<Instance, (String, String)> {
        let zones = &self.settings.zones;
        let at = around.dice.between(0, 2) as usize % zones.len().max(1);
        let zone = zones.get(at).cloned().unwrap_or_default();
        let configuration = self.launches_configuration().cloned();
        let Launch { template, version, image, image_from, instance_type, weight } = match self.choose(around)
        {
            Ok(launch) => launch,
            Err(why) => return Err((zone, format!("{why}. Launching EC2 instance failed."))),
        };
        let image_is_new = self.is_new(&image);
        let words = |trouble: &LaunchTrouble| trouble.words(&instance_type, &zone);
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
            image_from,
            next_image: None,
            template: template.id,
            template_name: template.name,
            version,
            instance_type,
            weight,
            zone,
            address: around.dice.address(&self.key),
            life: Life::Pending,
            healthy: true,
            protected: self.settings.protects_new,
            pool: None,
            step: Step::Plain,
            configuration,
            alive: true,
            registered: true,
            launched: around.now,
            serving_since: None,
            ended: None,
            due: Some(after(around.now, boot)),
            doomed,
        })
    }

    pub(super) fn launch_cause(&self, around: &Around<'_>) -> String {
        let why = if self.active_refresh().is_some() {
            "an instance refresh replacing instances"
        } else {
            "a difference between desired and actual capacity, increasing the capacity"
        };
        format!("At {:.0} an instance was started in response to {why}.", around.now)
    }

    /// Whether that is another image than its instances ran when the world began.
    pub(super) fn is_new(&self, image: &ImageId) -> bool {
        !self.first_images.is_empty() && !self.first_images.contains(image)
    }

    pub(super) fn launch_trouble<'a>(&self, is_new: bool, around: &Around<'a>) -> Option<&'a LaunchTrouble> {
        let trouble = self.effect(around.scenario, EffectKind::launch_fails)?;
        let over = trouble
            .lasts
            .zip(self.troubled_since)
            .is_some_and(|(lasts, since)| after(since, lasts) <= around.now);
        (trouble.on.hits(is_new) && !over && !around.calm).then_some(trouble)
    }

    /// How long this launch takes into service: about as long as the group's launches do.
    pub(super) fn boot_time(&self, is_new: bool, around: &mut Around<'_>) -> u32 {
        let slow = self.effect(around.scenario, EffectKind::boot).filter(|slow| slow.on.hits(is_new));
        let usual = slow.map_or(self.boot, |slow| slow.takes);
        around.dice.between(usual - usual / 10, usual + usual / 10)
    }
}
