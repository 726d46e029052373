//! Templates: marks groups, pins those that float, makes the new versions, reads them back.
//!
//! The order is what keeps it safe: the marker before the pin, every pin seen before a
//! version exists, the version compared field by field before a group is refreshed to it.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::Run;
use super::board::Standing;
use super::patience::{patiently, until};
use crate::aws::{self, Account, Error, TagChange};
use crate::event::Event;
use crate::model::{GroupName, ImageId, Region, Target, TemplateId, Tracking, Version};
use crate::plan::{Change, GroupPlan, MARKER_TAG, Plan};

/// How long AWS may show the state before a change.
pub(super) const SETTLES_WITHIN: Duration = Duration::from_secs(60);

/// What the description of every version that a rollout made begins with.
pub(super) const OURS: &str = "ami-refresh: ";

/// The target of every group that is to be refreshed.
pub(super) type Targets = BTreeMap<(Region, GroupName), Target>;

/// Why templates could not be prepared.
pub(super) enum Failure {
    /// AWS could not be asked, or refused.
    Aws(Error),
    /// AWS did something else than it was asked for.
    Wrong(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Aws(error)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Aws(error) => error.fmt(f),
            Self::Wrong(what) => f.write_str(what),
        }
    }
}

/// Prepares every group of the plan that is touched, and gives the targets.
pub(super) async fn prepare(
    run: &Run<'_>,
    plan: &Plan,
    accounts: &BTreeMap<Region, Account>,
) -> Result<Targets, Failure> {
    let mut targets = Targets::new();
    for (region, account) in accounts {
        let groups: Vec<&GroupPlan> =
            plan.in_region(region).filter(|group| group.touched().is_some()).collect();
        for group in &groups {
            mark(run, account, group).await?;
        }
        pin(run, account, &groups).await?;
        let mut made: BTreeMap<(TemplateId, u64, ImageId), u64> = BTreeMap::new();
        for group in groups {
            let Some(change) = group.change() else { continue };
            let key = (change.template.clone(), change.source, change.to.clone());
            let version = match made.get(&key) {
                Some(version) => *version,
                None => ready_version(run, plan, account, change).await?,
            };
            made.insert(key, version);
            let target = Target { template: change.template.clone(), version };
            targets.insert((region.clone(), group.group.name.clone()), target);
        }
    }
    Ok(targets)
}

pub(super) async fn mark(run: &Run<'_>, account: &Account, group: &GroupPlan) -> Result<(), Failure> {
    let Some(change) = group.touched() else { return Ok(()) };
    // What an earlier run wrote is the truth about what the group had: never written over.
    if group.group.tags.contains_key(MARKER_TAG) {
        return Ok(());
    }
    run.board.stands(&group.at, Standing::begun("marked, nothing changed yet"));
    let value = TagChange::Set(change.marker(false).to_tag());
    patiently(run.clock, async || account.change_group_tag(&group.group.name, MARKER_TAG, &value).await)
        .await?;
    Ok(())
}

/// Pins every group that floats to the number it resolves to, and sees that it is so.
async fn pin(run: &Run<'_>, account: &Account, groups: &[&GroupPlan]) -> Result<(), Failure> {
    let mut pinned: BTreeMap<GroupName, Tracking> = BTreeMap::new();
    for group in groups {
        let (Some(change), Some(template)) = (group.touched(), group.group.template.as_ref()) else {
            continue;
        };
        // A rollout that goes on may have ended it and put its tracking back already.
        if !template.tracking.floats() || group.names_new {
            continue;
        }
        let tracking = Tracking::Pinned(change.source);
        let name = &group.group.name;
        patiently(run.clock, async || account.set_tracking(name, &change.template, tracking).await).await?;
        run.board.stands(&group.at, Standing::begun("pinned, not refreshed yet"));
        pinned.insert(name.clone(), tracking);
        run.events.emit(Event::Pinned {
            group: group.at.clone(),
            tracking: change.tracking,
            version: change.source,
        });
    }
    see_tracking(run, account, &pinned).await
}

/// Waits until AWS shows these groups with this tracking.
pub(super) async fn see_tracking(
    run: &Run<'_>,
    account: &Account,
    wanted: &BTreeMap<GroupName, Tracking>,
) -> Result<(), Failure> {
    if wanted.is_empty() {
        return Ok(());
    }
    let names: Vec<GroupName> = wanted.keys().cloned().collect();
    let wrong = |groups: &Vec<crate::model::Group>| {
        let right = |name: &GroupName, tracking: Tracking| {
            let group = groups.iter().find(|group| group.name == *name);
            group
                .and_then(|group| group.template.as_ref())
                .is_some_and(|template| template.tracking == tracking)
        };
        wanted
            .iter()
            .find(|&(name, &tracking)| !right(name, tracking))
            .map(|(name, tracking)| (name.clone(), *tracking))
    };
    let ask = async || account.groups_named(&names).await;
    let seen = until(run.clock, SETTLES_WITHIN, ask, |groups| wrong(groups).is_none()).await?;
    match wrong(&seen) {
        None => Ok(()),
        Some((name, tracking)) => {
            Err(Failure::Wrong(format!("AWS took version {tracking} for group {name}, and does not show it")))
        }
    }
}

/// Finds or makes the version with the new image, and compares it with its source.
async fn ready_version(
    run: &Run<'_>,
    plan: &Plan,
    account: &Account,
    change: &Change,
) -> Result<u64, Failure> {
    let ready = |version, reused| Event::VersionReady {
        environment: plan.environment.clone(),
        region: account.region.clone(),
        template: change.template.clone(),
        source: change.source,
        version,
        image: change.to.clone(),
        reused,
    };
    if let Some(version) = change.existing {
        run.events.emit(ready(version, true));
        return Ok(version);
    }
    let versions = patiently(run.clock, async || account.versions(&change.template).await).await?;
    let source = versions.iter().find(|version| version.number == change.source);
    let source = source
        .ok_or_else(|| Failure::Wrong(format!("version {} of {} is gone", change.source, change.template)))?;
    // The plan knew the newest and the default version only.
    if let Some(copy) = versions.iter().rfind(|version| version.is_copy_with_image(source, &change.to)) {
        run.events.emit(ready(copy.number, true));
        return Ok(copy.number);
    }
    let description = describe(run, change);
    let version = publish(run, account, source, &change.to, &description).await?;
    run.events.emit(ready(version, false));
    Ok(version)
}

/// Makes a copy of a version with an image in it, reads it back, and compares.
pub(super) async fn publish(
    run: &Run<'_>,
    account: &Account,
    source: &Version,
    image: &ImageId,
    description: &str,
) -> Result<u64, Failure> {
    let token = token(source, image, description);
    let number =
        patiently(run.clock, async || account.create_version(source, image, description, &token).await)
            .await?;
    let ask = async || account.versions(&source.template).await;
    let there = |versions: &Vec<Version>| versions.iter().any(|version| version.number == number);
    let versions = until(run.clock, SETTLES_WITHIN, ask, there).await?;
    let Some(made) = versions.into_iter().find(|version| version.number == number) else {
        let what = format!("AWS made version {number} of {}, and does not show it", source.template);
        return Err(Failure::Wrong(what));
    };
    if made.is_copy_with_image(source, image) {
        return Ok(number);
    }
    Err(Failure::Wrong(format!(
        "version {number} of {} is not version {} with image {image}: it differs in {}",
        source.template,
        source.number,
        made.differing_fields(source).join(", "),
    )))
}

/// The same wish gives the same token, in this run and the next: AWS then makes one version.
fn token(source: &Version, image: &ImageId, description: &str) -> String {
    let wish = format!("{} {} {image} {description}", source.template, source.number);
    let digest = Sha256::digest(wish.as_bytes());
    aws::hex(&digest[..24])
}

/// What the version came from, within EC2's 255 characters.
fn describe(run: &Run<'_>, change: &Change) -> String {
    let build =
        run.candidate.build.number.as_ref().map_or_else(String::new, |number| format!(", build {number}"));
    let text =
        format!("ami-refresh: from version {}, {} -> {}{build}", change.source, change.from, change.to);
    text.chars().take(255).collect()
}
