//! The way back of overrides that name images themselves, once nothing else remembers it: pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, GroupPlan};
use crate::gate::{Before, MOST_TAGS, without_room};
use crate::model::{Candidate, Group, GroupName, ImageId, PolicyOverride};

/// What the change replaces in the group's overrides, for each image that it puts there: what is
/// recorded on that image when the group's marker goes away.
pub fn replaced(group: &Group, change: &Change) -> BTreeMap<ImageId, Before> {
    let brought: BTreeSet<ImageId> = change.images().into_iter().map(|(_, to)| to).collect();
    let mut places: BTreeMap<&ImageId, Vec<(&PolicyOverride, &ImageId)>> = BTreeMap::new();
    for (present, one) in overrides(group).zip(change.overrides()) {
        if let Some((from, to)) = one.image.as_ref().filter(|(_, to)| brought.contains(to)) {
            places.entry(to).or_default().push((present, from));
        }
    }
    let recorded = |(to, places): (&ImageId, Vec<_>)| Some((to.clone(), Before::of(&places, to)?));
    places.into_iter().filter_map(recorded).collect()
}

fn overrides(group: &Group) -> impl Iterator<Item = &PolicyOverride> {
    group.policy.iter().flat_map(|policy| &policy.overrides)
}

/// Tells of each group of a region what could not be recorded of it, since there are too many.
pub(super) fn note_without_room(groups: &mut [GroupPlan], candidate: &Candidate) {
    for image in &candidate.images {
        let coming = groups.iter().filter_map(|plan| {
            let before = replaced(&plan.group, plan.change()?).remove(&image.id)?;
            Some((&plan.group.name, before))
        });
        let coming: Vec<(&GroupName, Before)> = coming.collect();
        let Some((_, usual)) = coming.first().cloned() else { continue };
        // Those that are on it already are recorded, if a rollout put it there: the tags are the home
        // account's, so what they say is not known here.
        let there =
            |plan: &&GroupPlan| plan.change().is_none() && !plan.group.overrides_with(&image.id).is_empty();
        let there = groups.iter().filter(there).map(|plan| (&plan.group.name, usual.clone()));
        let without: Vec<GroupName> =
            without_room(there.chain(coming), MOST_TAGS).into_iter().cloned().collect();
        let lost = |plan: &&mut GroupPlan| plan.change().is_some() && without.contains(&plan.group.name);
        for plan in groups.iter_mut().filter(lost) {
            plan.notes.push(format!(
                "{} has no room to record what this group's overrides named: after its gate is passed, \
                 `rollback` can't tell",
                image.id
            ));
        }
    }
}
