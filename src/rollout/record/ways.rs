//! Records what overrides named that name images themselves, before their groups' markers, which
//! say it until then, are taken away.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::super::Run;
use super::super::patience::{patiently, until};
use super::super::prepare::SETTLES_WITHIN;
use crate::aws::{Account, Error};
use crate::config::Environment;
use crate::event::Event;
use crate::gate::{self, Before, Replaced, Tags};
use crate::model::{Group, GroupName, ImageId, Region, listed};
use crate::plan::{GroupPlan, MARKER_TAG, replaced};

/// The ways back that are to be recorded.
#[derive(Default)]
pub(super) struct Ways<'a> {
    /// By the image that the groups got.
    of: BTreeMap<(Region, ImageId), Vec<(&'a GroupName, Before)>>,
    /// Groups that were found to name these images, without a marker: theirs were recorded before,
    /// if a rollout gave them the image.
    earlier: BTreeMap<(Region, ImageId), Vec<&'a GroupName>>,
    written: Cell<bool>,
}

impl<'a> Ways<'a> {
    /// The ways back of those whose rollout is over, among all groups of the environment.
    ///
    /// Of one that was taken back as well: so it is known that it went back, and goes no further.
    pub(super) fn new(
        over: impl IntoIterator<Item = &'a GroupPlan>,
        all: impl IntoIterator<Item = &'a Group>,
    ) -> Self {
        let mut ways = Self::default();
        for group in over {
            let Some(change) = group.change() else { continue };
            for (image, before) in replaced(&group.group, change) {
                let key = (group.at.region.clone(), image);
                ways.of.entry(key).or_default().push((&group.at.group, before));
            }
        }
        for group in all.into_iter().filter(|group| !group.tags.contains_key(MARKER_TAG)) {
            let named: BTreeSet<&ImageId> = group.own_images().collect();
            let keys = named.into_iter().map(|image| (group.region.clone(), image.clone()));
            for key in keys.filter(|key| ways.of.contains_key(key)) {
                ways.earlier.entry(key).or_default().push(&group.name);
            }
        }
        ways
    }

    /// Whether what this group had is told by its marker alone.
    pub(super) fn hangs_on_marker(&self, group: &GroupPlan) -> bool {
        let here = self.of.iter().filter(|((region, _), _)| *region == group.at.region);
        let mut names = here.flat_map(|(_, groups)| groups).map(|(name, _)| *name);
        !self.written.get() && names.any(|name| *name == group.at.group)
    }

    /// Says that the tags were written.
    pub(super) fn written(&self) {
        self.written.set(true);
    }

    /// The tags that hold them, over what is recorded of other groups; tells of groups for which
    /// there is no room.
    pub(super) async fn tags(
        &self,
        run: &Run<'_>,
        environment: &Environment,
        homes: &[Account],
    ) -> Result<Tags, Error> {
        if self.of.is_empty() {
            return Ok(Tags::new());
        }
        let name = &environment.name;
        let recorded = |tags: &Tags, (key, groups): (&(Region, ImageId), &Vec<&GroupName>)| {
            let replaced = tags.get(key).map(|tags| Replaced::of(tags, name)).unwrap_or_default();
            replaced.more || groups.iter().all(|group| replaced.of_group(group).is_some())
        };
        // An answer from before an earlier run's record would wipe that out.
        let ask = async || gate::read_tags(homes, run.candidate).await;
        let all = |tags: &Tags| self.earlier.iter().all(|earlier| recorded(tags, earlier));
        let there = until(run.clock, SETTLES_WITHIN, ask, all).await?;
        let mut tags = Tags::new();
        for (key, groups) in &self.of {
            // Of images of another build nothing was read.
            let Some(present) = there.get(key) else { continue };
            let mut replaced = Replaced::of(present, name);
            for (group, before) in groups {
                replaced.record(group, before.clone());
            }
            let environments = run.fleet.environments.iter().map(|environment| &environment.name);
            let written = replaced.to_tags_over(present, name, environments);
            let kept = Replaced::of(&written, name);
            let lost = groups.iter().map(|(group, _)| *group).filter(|group| kept.of_group(group).is_none());
            tell_lost(run, environment, &key.1, &lost.collect::<Vec<_>>());
            tags.insert(key.clone(), written);
        }
        Ok(tags)
    }

    /// Records them, where that was not done with the gate's record.
    pub(super) async fn keep(&self, run: &Run<'_>, environment: &Environment) -> Result<(), Error> {
        if self.of.is_empty() || self.written.get() {
            return Ok(());
        }
        let homes = run.homes();
        let tags = self.tags(run, environment, &homes).await?;
        patiently(run.clock, async || gate::write_tags(&homes, &tags).await).await?;
        shown(run, &homes, &tags).await?;
        self.written();
        Ok(())
    }
}

fn tell_lost(run: &Run<'_>, environment: &Environment, image: &ImageId, lost: &[&GroupName]) {
    if lost.is_empty() {
        return;
    }
    let text = format!(
        "{image} has no room to record what overrides named before it: from now on `rollback` can't take back {}",
        listed(lost)
    );
    run.events.emit(Event::Note { environment: Some(environment.name.clone()), text });
}

/// Waits until EC2 shows these tags: whoever comes next asks for them at once.
pub(super) async fn shown(run: &Run<'_>, homes: &[Account], tags: &Tags) -> Result<(), Error> {
    let ask = async || gate::read_tags(homes, run.candidate).await;
    let same = |shown: &Tags| {
        tags.iter().all(|(image, tags)| {
            shown
                .get(image)
                .is_some_and(|shown| tags.iter().all(|(key, value)| shown.get(key) == Some(value)))
        })
    };
    // What is not shown by then was written all the same: the next reader waits no longer than we did.
    until(run.clock, SETTLES_WITHIN, ask, same).await.map(drop)
}
