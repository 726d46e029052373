//! Tells what the group runs, from looks that are made anyway: never asks AWS itself.

use std::collections::BTreeMap;

use super::super::capacity::Capacity;
use super::Driver;
use crate::event::Event;
use crate::model::{Group, ImageId, TemplateId};

impl Driver<'_> {
    /// Tells what it ran before anything was done to it, unless something was told already.
    ///
    /// Where it waited for its turn that is too old to be told.
    pub(super) fn tell_first(&mut self) {
        if self.told_capacity.is_nothing() && !self.waited {
            self.tell_seen(&self.plan.group);
        }
    }

    /// Tells what Auto Scaling says that it runs: the versions tell the images.
    pub(super) fn tell_seen(&mut self, group: &Group) {
        let images = self.images_of_versions();
        let seen = Capacity::of(group, |member| images.get(member.launched_from.as_ref()?));
        self.tell_capacity(seen, false);
    }

    /// Tells what it was proved to run.
    pub(super) fn tell_proved(&mut self) {
        self.tell_capacity(self.proof.capacity.clone(), true);
    }

    fn tell_capacity(&mut self, seen: Capacity, proved: bool) {
        if !self.told_capacity.takes(&seen, proved) {
            return;
        }
        let Capacity { desired, in_service, images } = seen;
        self.run.events.emit(Event::CapacitySeen { group: self.at().clone(), desired, in_service, images });
    }

    /// The image of each version that an instance may have been launched from. One that stands for
    /// several images, as overrides name their own, is not there.
    fn images_of_versions(&self) -> BTreeMap<(TemplateId, u64), ImageId> {
        let ways = [self.change.back(), self.target.clone()];
        let launches: Vec<_> = ways.iter().flat_map(|target| self.change.launches(target)).collect();
        let mut images = self.plan.launched.clone();
        for launch in &launches {
            images.insert((launch.template.clone(), launch.version), launch.image.clone());
        }
        images.retain(|(template, version), image| {
            let of_version =
                launches.iter().filter(|one| one.template == *template && one.version == *version);
            of_version.map(|one| &one.image).all(|named| named == image)
        });
        images
    }
}
