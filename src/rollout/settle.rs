//! Puts tracking back as it was found, template by template.
//!
//! A group that followed `$Default` or `$Latest` was pinned while it was refreshed. Before
//! it may float again, what it would float to must be the image that it runs.

use std::collections::BTreeMap;

use super::Run;
use super::environment::{GroupEnd, Side};
use super::events::StepEnd;
use super::patience::patiently;
use super::prepare::{Failure, publish, see_tracking};
use crate::aws::Account;
use crate::event::Step;
use crate::model::{Candidate, GroupName, ImageId, Outcome, Region, TemplateId, Tracking, Version};
use crate::plan::{Change, Decision};

/// Puts the tracking of every group that floated back, unless the group needs a person.
///
/// A group whose tracking can't be put back safely needs a person from then on.
pub(super) async fn tracking(run: &Run<'_>, accounts: &BTreeMap<Region, Account>, ends: &mut [GroupEnd<'_>]) {
    sides_of_held_groups(ends);
    let begun = run.clock.now();
    for end in ends.iter_mut() {
        let Some(change) = end.plan.touched().filter(|change| change.tracking.floats()) else { continue };
        let Some(account) = accounts.get(&end.plan.at.region) else { continue };
        if end.side == Side::Unknown {
            continue;
        }
        let at = &end.plan.at;
        match restore(run, account, &at.group, change, end.side, end.target.as_ref().map(|t| t.version)).await
        {
            Ok(message) => run.events.step(at, Step::Tracking, begun, StepEnd::passed(message)),
            Err(failure) => {
                let why = format!("its tracking could not be put back to {}: {failure}", change.tracking);
                run.events.step(at, Step::Tracking, begun, StepEnd::errored(why.clone()));
                let next = format!("ami-refresh rollout --env {}", at.environment);
                end.outcome = Outcome::NeedsPerson { why, next };
                end.side = Side::Unknown;
            }
        }
    }
}

/// A group that was only held still goes where the groups went that had its very version; it
/// stays with what it had where there are none.
fn sides_of_held_groups(ends: &mut [GroupEnd<'_>]) {
    let key = |end: &GroupEnd<'_>, change: &Change| (end.plan.at.region.clone(), change.template.clone());
    let mut sides: BTreeMap<(Region, TemplateId), Vec<(u64, Side)>> = BTreeMap::new();
    for end in ends.iter() {
        if let Some(change) = end.plan.change() {
            sides.entry(key(end, change)).or_default().push((change.source, end.side));
        }
    }
    for end in ends.iter_mut() {
        let Decision::HoldStill(change, _) = &end.plan.decision else { continue };
        let others = sides.get(&key(end, change)).map(Vec::as_slice).unwrap_or_default();
        end.side = if others.iter().any(|(_, side)| *side == Side::Unknown) {
            Side::Unknown
        } else if others.contains(&(change.source, Side::New)) {
            Side::New
        } else {
            Side::Old
        };
    }
}

async fn restore(
    run: &Run<'_>,
    account: &Account,
    group: &GroupName,
    change: &Change,
    side: Side,
    target: Option<u64>,
) -> Result<String, Failure> {
    let versions = patiently(run.clock, async || account.versions(&change.template).await).await?;
    match change.tracking {
        Tracking::Default => point_default(run, account, change, side, target, &versions).await?,
        Tracking::Latest => point_latest(run, account, change, side, &versions).await?,
        Tracking::Pinned(_) => return Ok("it is pinned".into()),
    }
    let tracking = change.tracking;
    patiently(run.clock, async || account.set_tracking(group, &change.template, tracking).await).await?;
    see_tracking(run, account, &BTreeMap::from([(group.clone(), tracking)])).await?;
    Ok(format!("it follows {tracking} again"))
}

async fn point_default(
    run: &Run<'_>,
    account: &Account,
    change: &Change,
    side: Side,
    target: Option<u64>,
    versions: &[Version],
) -> Result<(), Failure> {
    let wanted = if side == Side::New { &change.to } else { &change.from };
    let Some(default) = versions.iter().find(|version| version.is_default) else {
        return Err(Failure::Wrong(format!("{} has no default version", change.template)));
    };
    if default.image.as_ref() == Some(wanted) || change.from == change.to {
        return Ok(());
    }
    let version = if side == Side::New { target.unwrap_or(change.source) } else { change.source };
    let ours = [Some(&change.from), Some(&change.to)].contains(&default.image.as_ref());
    if !ours {
        return Err(foreign(change, "the default version", default));
    }
    patiently(run.clock, async || account.set_default_version(&change.template, version).await).await?;
    Ok(())
}

async fn point_latest(
    run: &Run<'_>,
    account: &Account,
    change: &Change,
    side: Side,
    versions: &[Version],
) -> Result<(), Failure> {
    let Some(newest) = versions.last() else {
        return Err(Failure::Wrong(format!("{} is gone", change.template)));
    };
    let Some(source) = versions.iter().find(|version| version.number == change.source) else {
        let what = format!("version {} of {} is gone", change.source, change.template);
        return Err(Failure::Wrong(what));
    };
    let wanted = wanted_of_latest(run.candidate, change, side, source, versions);
    // Not the image alone: the newest may have been made from another group's source.
    if newest.is_copy_with_image(source, wanted) {
        return Ok(());
    }
    let held = change.from == change.to;
    let made_here = newest
        .image
        .as_ref()
        .is_some_and(|image| run.candidate.contains(image) || (!held && *image == change.to));
    if !made_here {
        return Err(foreign(change, "the newest version", newest));
    }
    // `$Latest` must be what the group runs: that is published on top of what was made here.
    let description = if side == Side::New {
        format!("ami-refresh: from version {}, with {wanted}, after version {}", source.number, newest.number)
    } else {
        format!("ami-refresh: version {} again, after version {}", source.number, newest.number)
    };
    publish(run, account, source, wanted, &description).await?;
    Ok(())
}

/// The image that a copy of the group's source must have for the group to follow it.
fn wanted_of_latest<'c>(
    candidate: &'c Candidate,
    change: &'c Change,
    side: Side,
    source: &Version,
    versions: &[Version],
) -> &'c ImageId {
    let held = change.from == change.to;
    match side {
        // It was held still beside groups that had its very version: it gets what those got.
        Side::New if held => {
            let there = |image: &&ImageId| versions.iter().any(|v| v.is_copy_with_image(source, image));
            candidate.images.iter().map(|image| &image.id).find(there).unwrap_or(&change.to)
        }
        Side::New => &change.to,
        Side::Old | Side::Unknown => &change.from,
    }
}

fn foreign(change: &Change, what: &str, version: &Version) -> Failure {
    let image = version.image.as_ref().map_or("no image", |image| image.as_str());
    Failure::Wrong(format!(
        "{what} of {} is {} with {image}, which this rollout did not make; the group stays pinned",
        change.template, version.number
    ))
}
