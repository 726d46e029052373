//! Root volumes that are replaced in place: the instance stays, its image changes.

use super::{Activity, Around, Group, ImageFrom, Life, Step, after};
use crate::model::InstanceId;
use crate::sim::fleet::Transition;
use crate::sim::scenario::LaunchTrouble;

/// How long a root volume takes to be replaced, in seconds; then the instance boots.
pub(super) const REPLACING: u32 = 45;

impl Group {
    /// Takes an instance out of service to give it the root volume of its target's image.
    pub(super) fn replace_root(&mut self, id: &InstanceId, around: &mut Around<'_>) {
        let found = self.instances.iter().find(|instance| instance.id == *id);
        // What is in standby is to be terminated, if anything.
        let found = found.filter(|instance| instance.life != Life::Standby);
        let image = found.and_then(|instance| self.image_for(instance, self.target(), around));
        let Some(image) = image else {
            // The target has nothing like it: it makes room for one that is.
            let cause = format!(
                "At {:.0} an instance was taken out of service in response to an instance refresh.",
                around.now
            );
            return self.terminate(id, cause, around);
        };
        let Some(at) = self.instances.iter().position(|instance| instance.id == *id) else { return };
        let instance = &mut self.instances[at];
        instance.life = Life::ReplacingRoot;
        instance.step = Step::Plain;
        instance.next_image = Some(image);
        instance.serving_since = None;
        instance.doomed = None;
        instance.due = Some(after(around.now, REPLACING));
        let zone = instance.zone.clone();
        if let Some(refresh) = self.active_refresh_mut() {
            refresh.old.remove(id);
        }
        let activity = around.dice.uuid();
        self.note(Activity::of_root_volume(activity, id, &zone, around.now));
        // The hooks of a termination hold this up too.
        self.begin_wait(at, Transition::Terminating, around);
    }

    /// The new root volume is attached: the instance boots from it.
    pub(super) fn boot_from_new_root(&mut self, id: &InstanceId, around: &mut Around<'_>) {
        let Some(at) = self.instances.iter().position(|instance| instance.id == *id) else { return };
        let Some(image) = self.instances[at].next_image.take() else { return };
        let is_new = self.is_new(&image);
        let kind = self.instances[at].instance_type.clone();
        let zone = self.instances[at].zone.clone();
        let words = |trouble: &LaunchTrouble| trouble.words(&kind, &zone);
        let (boot, doomed) = match self.launch_trouble(is_new, around) {
            Some(trouble) => (trouble.after.unwrap_or(0), Some(words(trouble))),
            None => (self.boot_time(is_new, around), None),
        };
        let instance = &mut self.instances[at];
        instance.image = image;
        instance.image_is_new = is_new;
        instance.image_from = ImageFrom::Override;
        instance.life = Life::Pending;
        instance.step = Step::Plain;
        (instance.alive, instance.healthy) = (true, true);
        instance.due = Some(after(around.now, boot));
        instance.doomed = doomed;
    }
}
