//! What a marked group's rollout is about, and how far it came: pure.

use super::{Change, Marker, Survey};
use crate::model::{Group, Tracking, Version};

/// A rollout that was begun on a group before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// What it changes.
    pub change: Change,
    /// Every version that is its source with the new image: equal, so any of them will do.
    pub copies: Vec<u64>,
    /// Whether it may have moved the group: a refresh is active, or an instance or the group
    /// itself is on the new version.
    pub under_way: bool,
    /// Whether the group itself names the new version: its refresh ended well before.
    pub names_new: bool,
}

/// Reads a group's marker against the survey; `None` when the version that it had is gone.
///
/// The survey must hold every version of the group's template.
pub fn resumed(group: &Group, marker: &Marker, survey: &Survey) -> Option<Resumed> {
    let template = group.template.as_ref()?;
    let source = survey.versions.get(&(template.id.clone(), marker.version))?;
    let held = marker.from == marker.to;
    let copies = if held { Vec::new() } else { survey.copies_with_image(source, &marker.to) };
    let active = survey.active.get(&group.name);
    let aimed = active.and_then(|refresh| refresh.target.as_ref()).map(|target| target.version);
    let named = survey.resolve(&template.id, template.tracking);
    let launched = group.members.iter().filter_map(|member| member.launched_from.as_ref());
    let launched = launched.filter(|(id, _)| *id == template.id).map(|(_, number)| *number);
    let launched: Vec<u64> = launched.filter(|number| copies.contains(number)).collect();
    let known = |number: &u64| copies.contains(number);
    // Of equal versions, the one that the group is on its way to.
    let existing =
        aimed.filter(known).or(named.filter(known)).or(launched.last().copied()).or(copies.last().copied());
    let names_new = named.is_some_and(|number| copies.contains(&number));
    Some(Resumed {
        change: Change {
            template: template.id.clone(),
            source: marker.version,
            tracking: marker.tracking,
            from: marker.from.clone(),
            to: marker.to.clone(),
            existing,
        },
        under_way: !held && (active.is_some() || names_new || !launched.is_empty()),
        names_new,
        copies,
    })
}

/// Whether a group that floats would follow something that its rollout does not know.
pub(super) fn floats_elsewhere(group: &Group, resumed: &Resumed, survey: &Survey) -> Option<u64> {
    let template = group.template.as_ref()?;
    if let Tracking::Pinned(_) = template.tracking {
        return None;
    }
    let named = survey.resolve(&template.id, template.tracking)?;
    let equal = |number: u64, other: &Version| {
        let version = survey.versions.get(&(template.id.clone(), number));
        version.is_some_and(|version| version.is_copy_with_image(other, &resumed.change.from))
    };
    let source = survey.versions.get(&(template.id.clone(), resumed.change.source))?;
    let held = resumed.change.from == resumed.change.to;
    (!held && !resumed.copies.contains(&named) && !equal(named, source)).then_some(named)
}
