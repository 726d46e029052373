//! What a group had whose rollout is over: the versions that it names say where they come from.

use std::collections::{BTreeMap, BTreeSet};

use super::super::patience::until;
use super::super::prepare::SETTLES_WITHIN;
use super::super::{Run, Stop};
use super::source::source_of;
use crate::config::Environment;
use crate::gate::{self, Replaced, Tags};
use crate::model::{Candidate, Group, GroupTemplate, ImageId, Region, Tracking, Version};
use crate::plan::{Change, MARKER_TAG, Marker, OverrideChange, Survey, TemplateChange};

/// What images are recorded to have replaced in overrides of the environment's groups.
pub(super) type Recorded = BTreeMap<(Region, ImageId), Replaced>;

/// Reads what the candidate's images replaced, where any of these groups is to be told from it.
pub(super) async fn recorded(
    run: &Run<'_>,
    environment: &Environment,
    groups: impl Iterator<Item = &Group>,
) -> Result<Recorded, Stop> {
    let mut wanted: Vec<(&Group, (Region, ImageId))> = Vec::new();
    for group in groups.filter(|group| !group.tags.contains_key(MARKER_TAG)) {
        let images: BTreeSet<&ImageId> =
            group.own_images().filter(|image| run.candidate.contains(image)).collect();
        wanted.extend(images.into_iter().map(|image| (group, (group.region.clone(), image.clone()))));
    }
    if wanted.is_empty() {
        return Ok(Recorded::new());
    }
    let (homes, name) = (run.homes(), &environment.name);
    let all = |tags: &Tags| {
        let replaced = |key| tags.get(key).map(|tags| Replaced::of(tags, name));
        let known = |replaced: &Replaced, group: &Group| replaced.of_group(&group.name).is_some();
        wanted.iter().all(|(group, key)| replaced(key).is_some_and(|replaced| known(&replaced, group)))
    };
    // Right after its gate was recorded an answer may be from before that.
    let ask = async || gate::read_tags(&homes, run.candidate).await;
    let tags = until(run.clock, SETTLES_WITHIN, ask, all).await.map_err(Stop::from_home)?;
    Ok(tags.into_iter().map(|(key, tags)| (key, Replaced::of(&tags, name))).collect())
}

/// The marker that the group had, as the versions with the candidate's images and the records of
/// these tell it; `None` when they don't.
///
/// # Errors
/// An image that overrides name themselves, and of which nothing says what it replaced in them.
pub(super) fn marker(
    group: &Group,
    candidate: &Candidate,
    survey: &Survey,
    recorded: &Recorded,
) -> Result<Option<Marker>, ImageId> {
    let images = images(group, candidate, recorded)?;
    Ok(change(group, candidate, survey, images).map(|change| change.marker(false)))
}

fn change(
    group: &Group,
    candidate: &Candidate,
    survey: &Survey,
    images: Vec<Option<(ImageId, ImageId)>>,
) -> Option<Change> {
    let own = template(group.template.as_ref()?, candidate, survey)?;
    let mut overrides = Vec::new();
    let present = group.policy.iter().flat_map(|policy| &policy.overrides);
    for (one, image) in present.zip(images) {
        let template = match &one.template {
            Some(named) => Some(template(named, candidate, survey)?),
            None => None,
        };
        overrides.push(OverrideChange { template, image });
    }
    let overrides = group.policy.as_ref().map(|_| overrides);
    let mut change = Change { own, overrides, from: ImageId::new(""), to: ImageId::new("") };
    let (from, to) = change.images().into_iter().next()?;
    change.from = from;
    change.to = to;
    Some(change)
}

/// For each override the image that it named itself before, and the one that it names now.
fn images(
    group: &Group,
    candidate: &Candidate,
    recorded: &Recorded,
) -> Result<Vec<Option<(ImageId, ImageId)>>, ImageId> {
    let mut before: BTreeMap<&ImageId, std::vec::IntoIter<ImageId>> = BTreeMap::new();
    // One that another candidate was given stays on that.
    for image in group.own_images().filter(|image| candidate.contains(image)) {
        let replaced = recorded.get(&(group.region.clone(), image.clone()));
        let told = replaced.and_then(|replaced| replaced.of_group(&group.name));
        let images = told.and_then(|told| told.images(&group.overrides_with(image), image));
        before.insert(image, images.ok_or_else(|| image.clone())?.into_iter());
    }
    let mut images = Vec::new();
    for one in group.policy.iter().flat_map(|policy| &policy.overrides) {
        images.push(one.image.as_ref().map(|image| {
            let before = before.get_mut(image).and_then(Iterator::next);
            (before.unwrap_or_else(|| image.clone()), image.clone())
        }));
    }
    Ok(images)
}

/// What a reference to a template had before, where a rollout made its version.
fn template(named: &GroupTemplate, candidate: &Candidate, survey: &Survey) -> Option<TemplateChange> {
    let find = |number: u64| survey.versions.get(&(named.id.clone(), number));
    let number = survey.resolve(&named.id, named.tracking)?;
    let present: &Version = find(number)?;
    // One that another candidate was given stays on that.
    let given = present.image.as_ref().is_some_and(|image| candidate.contains(image));
    let Some(source) = source_of(present, find).and_then(find).filter(|_| given) else {
        return Some(TemplateChange::still(named.id.clone(), number, named.tracking, present.image.clone()));
    };
    let tracking = match named.tracking {
        // It was pinned to a number before as well: to the one that it goes back to.
        Tracking::Pinned(_) => Tracking::Pinned(source.number),
        floating @ (Tracking::Latest | Tracking::Default) => floating,
    };
    Some(TemplateChange {
        template: named.id.clone(),
        source: source.number,
        tracking,
        from: source.image.clone(),
        to: present.image.clone(),
        existing: Some(number),
    })
}
