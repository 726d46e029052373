//! What a group had whose rollout is over: the versions that it names say where they come from.

use super::previous::source_of;
use crate::model::{Candidate, Group, GroupTemplate, ImageId, Tracking, Version};
use crate::plan::{Change, Marker, OverrideChange, Survey, TemplateChange};

/// The marker that the group had, as the versions with the candidate's images tell it; `None` when
/// they don't, or when an override names one of these itself, for nothing says what it named before.
pub(super) fn marker(group: &Group, candidate: &Candidate, survey: &Survey) -> Option<Marker> {
    let own = template(group.template.as_ref()?, candidate, survey)?;
    let mut overrides = Vec::new();
    for one in group.policy.iter().flat_map(|policy| &policy.overrides) {
        let template = match &one.template {
            Some(named) => Some(template(named, candidate, survey)?),
            None => None,
        };
        let image = one.image.clone().map(|image| (image.clone(), image));
        overrides.push(OverrideChange { template, image });
    }
    let overrides = group.policy.as_ref().map(|_| overrides);
    let mut change = Change { own, overrides, from: ImageId::new(""), to: ImageId::new("") };
    let (from, to) = change.images().into_iter().next()?;
    let mut own = change.overrides().iter().filter_map(|one| one.image.as_ref());
    if own.any(|(image, _)| candidate.contains(image)) {
        return None;
    }
    change.from = from;
    change.to = to;
    Some(change.marker(false))
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
