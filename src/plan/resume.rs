//! What a marked group's rollout is about, and how far it came: pure.

use super::Survey;
use super::change::{Change, OverrideChange, TemplateChange};
use super::marker::{Marker, SlotMark, Slots};
use crate::model::{Group, GroupTemplate, ImageId, PolicyOverride, RefreshStatus, Target, Version};

/// A rollout that was begun on a group before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// What it changes.
    pub change: Change,
    /// Whether it may have moved the group: a refresh is active, or an instance or the group
    /// itself is on the new version.
    pub under_way: bool,
    /// Whether the group itself names what it is taken to: its refresh ended well before, or it
    /// was told so by us, where AWS takes no desired configuration.
    pub names_new: bool,
}

/// Reads a group's marker against the survey; `None` when what it had is gone, or the group names
/// templates in other places than it did.
///
/// The survey must hold every version of the group's templates.
pub fn resumed(group: &Group, marker: &Marker, survey: &Survey) -> Option<Resumed> {
    let change = change_of(group, marker, survey)?;
    let active = survey.active.get(&group.name);
    let aimed = active.and_then(|refresh| refresh.target.as_ref());
    let named = named_now(group, survey);
    let change = with_known_versions(change, group, [aimed, named.as_ref()], survey);
    let still = change.is_still();
    let names_new = !still && named.as_ref().is_some_and(|named| leads_to(&change, named, survey));
    let launched = group.members.iter().filter_map(|member| member.launched_from.as_ref());
    let copies = |one: &TemplateChange| copies(one, survey);
    let moved = launched.into_iter().any(|(template, number)| {
        change.changing().any(|one| one.template == *template && copies(one).contains(number))
    });
    let under_way =
        !still && (active.is_some() || names_new || moved || was_refreshed(&change, group, survey));
    Some(Resumed { change, under_way, names_new })
}

/// Whether the target is what the change leads to: of equal versions, any will do.
pub fn leads_to(change: &Change, target: &Target, survey: &Survey) -> bool {
    let right = |one: &TemplateChange, version: u64| {
        if one.changes() { copies(one, survey).contains(&version) } else { one.source == version }
    };
    fits(change, target, right, |image| &image.1)
}

/// Whether the target is what the group had.
pub fn leads_back(change: &Change, target: &Target) -> bool {
    fits(change, target, |one, version| one.source == version, |image| &image.0)
}

fn fits(
    change: &Change,
    target: &Target,
    right: impl Fn(&TemplateChange, u64) -> bool,
    image: impl Fn(&(ImageId, ImageId)) -> &ImageId,
) -> bool {
    let overrides = change.overrides();
    let same = overrides.iter().zip(&target.overrides).all(|(one, target)| {
        let template = match (&one.template, &target.template) {
            (Some(one), Some((template, version))) => one.template == *template && right(one, *version),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        template && one.image.as_ref().map(&image) == target.image.as_ref()
    });
    target.template == change.own.template
        && right(&change.own, target.version)
        && overrides.len() == target.overrides.len()
        && same
}

/// The versions that are the source with the new image.
fn copies(one: &TemplateChange, survey: &Survey) -> Vec<u64> {
    let source = survey.versions.get(&(one.template.clone(), one.source));
    match (source, &one.to) {
        (Some(source), Some(to)) if one.changes() => survey.copies_with_image(source, to),
        (Some(_) | None, Some(_) | None) => Vec::new(),
    }
}

/// What the group names now, by numbers.
pub(super) fn named_now(group: &Group, survey: &Survey) -> Option<Target> {
    let number = |template: &GroupTemplate| survey.resolve(&template.id, template.tracking);
    let own = group.template.as_ref()?;
    let one = |one: &PolicyOverride| {
        let template = match &one.template {
            Some(template) => Some((template.id.clone(), number(template)?)),
            None => None,
        };
        Some(crate::model::OverrideTarget { template, image: one.image.clone() })
    };
    let overrides = group.policy.iter().flat_map(|policy| &policy.overrides).map(one);
    Some(Target {
        template: own.id.clone(),
        version: number(own)?,
        overrides: overrides.collect::<Option<_>>()?,
    })
}

/// Of equal versions, the one that the group is on its way to.
fn with_known_versions(
    mut change: Change,
    group: &Group,
    aims: [Option<&Target>; 2],
    survey: &Survey,
) -> Change {
    let choose = |one: &mut TemplateChange, aimed: [Option<u64>; 2]| {
        if !one.changes() {
            return;
        }
        let copies = copies(one, survey);
        let launched = group.members.iter().filter_map(|member| member.launched_from.as_ref());
        let launched = launched.filter(|(id, number)| *id == one.template && copies.contains(number));
        let launched = launched.map(|(_, number)| *number).next_back();
        let aimed = aimed.into_iter().flatten().find(|number| copies.contains(number));
        one.existing = aimed.or(launched).or(copies.last().copied());
    };
    choose(&mut change.own, aims.map(|aim| aim.map(|aim| aim.version)));
    for (at, one) in change.overrides.iter_mut().flatten().enumerate() {
        let Some(template) = &mut one.template else { continue };
        let version =
            |aim: Option<&Target>| aim?.overrides.get(at)?.template.as_ref().map(|(_, version)| *version);
        choose(template, aims.map(version));
    }
    change
}

/// Whether AWS was ever asked for what instances' versions don't show: other images in overrides,
/// or a refresh to what the group says.
fn was_refreshed(change: &Change, group: &Group, survey: &Survey) -> bool {
    let newest = survey.recent.get(&group.name).map(Vec::as_slice).unwrap_or_default();
    if !change.overrides().iter().any(|one| one.image.as_ref().is_some_and(|(from, to)| from != to)) {
        return false;
    }
    newest.iter().take(1).any(|refresh| match &refresh.target {
        Some(target) => {
            let back = leads_back(change, target) && refresh.status != RefreshStatus::Successful;
            back || (leads_to(change, target, survey) && refresh.status != RefreshStatus::RollbackSuccessful)
        }
        // It went to what the group said then, which the group does not say any more.
        None => !refresh.has_desired,
    })
}

/// The change that a marker speaks of, with no version known yet.
fn change_of(group: &Group, marker: &Marker, survey: &Survey) -> Option<Change> {
    let own = group.template.as_ref()?;
    let slots = match (&marker.slots, &group.policy) {
        (Some(slots), Some(_)) => slots.clone(),
        (None, None) => {
            let pair = (marker.from != marker.to).then_some(0);
            Slots {
                pairs: vec![(marker.from.clone(), marker.to.clone())],
                own: SlotMark { template: Some((marker.version, marker.tracking, pair)), image: None },
                overrides: Vec::new(),
            }
        }
        (Some(_), None) | (None, Some(_)) => return None,
    };
    let template = |mark: &SlotMark, template: &GroupTemplate| {
        let (version, tracking, pair) = mark.template.as_ref()?;
        let source = survey.versions.get(&(template.id.clone(), *version))?;
        let pair = pair.and_then(|pair| slots.pairs.get(pair));
        // A version of that number in another template is not what was recorded.
        if pair.is_some_and(|(from, _)| source.image.as_ref() != Some(from)) {
            return None;
        }
        let to = pair.map(|(_, to)| to.clone());
        Some(TemplateChange {
            template: template.id.clone(),
            source: *version,
            tracking: *tracking,
            from: source.image.clone(),
            existing: to.is_none().then_some(*version),
            to: to.or_else(|| source.image.clone()),
        })
    };
    let one = |(mark, present): (&SlotMark, &PolicyOverride)| {
        let template = match (&mark.template, &present.template) {
            (Some(_), Some(named)) => Some(template(mark, named)?),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return None,
        };
        let image = match (mark.image.and_then(|pair| slots.pairs.get(pair)), &present.image) {
            (Some(pair), Some(now)) if [&pair.0, &pair.1].contains(&now) => Some(pair.clone()),
            (None, Some(stays)) => Some((stays.clone(), stays.clone())),
            (None, None) => None,
            (Some(_), Some(_) | None) => return None,
        };
        Some(OverrideChange { template, image })
    };
    let present = group.policy.as_ref().map(|policy| policy.overrides.as_slice());
    let overrides = match present {
        Some(present) if present.len() == slots.overrides.len() => {
            Some(slots.overrides.iter().zip(present).map(one).collect::<Option<Vec<_>>>()?)
        }
        Some(_) => return None,
        None => None,
    };
    let own = template(&slots.own, own)?;
    Some(Change { own, overrides, from: marker.from.clone(), to: marker.to.clone() })
}

/// The number that a group names or follows, where its rollout does not know it.
pub(super) fn names_elsewhere(group: &Group, resumed: &Resumed, survey: &Survey) -> Option<u64> {
    if resumed.change.is_still() {
        return None;
    }
    let mut present = group.templates().zip(resumed.change.templates());
    present.find_map(|(named, one)| {
        let number = survey.resolve(&named.id, named.tracking)?;
        let source = survey.versions.get(&(one.template.clone(), one.source))?;
        let equal = |other: &Version| {
            one.from
                .as_ref()
                .map_or(other.number == one.source, |from| other.is_copy_with_image(source, from))
        };
        let version = survey.versions.get(&(named.id.clone(), number));
        // It was pinned to that very number.
        let old = if named.tracking.floats() { version.is_some_and(equal) } else { number == one.source };
        let known = old || copies(one, survey).contains(&number);
        (!known).then_some(number)
    })
}
