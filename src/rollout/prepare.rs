//! Templates: marks groups, pins those that float, makes the new versions, reads them back.
//!
//! The order is what keeps it safe: the marker before the pin, every pin seen before a
//! version exists, the version compared field by field before a group is refreshed to it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::Run;
use super::board::Standing;
use super::patience::{patiently, until};
use crate::aws::{self, Account, Error, TagChange};
use crate::event::Event;
use crate::model::{Glimpse, Group, GroupName, ImageId, Naming, Region, Target, TemplateId, Version};
use crate::plan::{Decision, GroupPlan, MARKER_TAG, Marker, Plan, TemplateChange};

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
            name_what_runs(run, account, group).await?;
            mark(run, account, group).await?;
        }
        pin(run, account, &groups).await?;
        let mut made: Made = BTreeMap::new();
        for group in groups {
            let Some(change) = group.change() else { continue };
            for one in change.changing() {
                if let Entry::Vacant(place) = made.entry(key(one)) {
                    place.insert(ready_version(run, plan, account, one).await?);
                }
            }
            let target = change.target(|one| made.get(&key(one)).copied());
            let target = target
                .ok_or_else(|| Failure::Wrong(format!("a version for {} is missing", group.at.group)))?;
            targets.insert((region.clone(), group.group.name.clone()), target);
        }
    }
    Ok(targets)
}

/// The versions that were made or found: of which template, from which version, with which image.
type Made = BTreeMap<(TemplateId, u64, Option<ImageId>), u64>;

fn key(one: &TemplateChange) -> (TemplateId, u64, Option<ImageId>) {
    (one.template.clone(), one.source, one.to.clone())
}

/// Lets overrides name again what their instances run, where they name the new image already: a
/// refresh can be rolled back to what the group says only.
///
/// Before the marker: a run that is killed in between leaves a group like any other.
async fn name_what_runs(run: &Run<'_>, account: &Account, group: &GroupPlan) -> Result<(), Failure> {
    let Decision::Refresh(change) = &group.decision else { return Ok(()) };
    let naming = change.settled_at(&change.back());
    if group.group.naming().as_ref() == Some(&naming) {
        return Ok(());
    }
    patiently(run.clock, async || account.set_naming(&group.group, &naming).await).await?;
    run.board.stands(&group.at, Standing::begun("its overrides name the old image again"));
    see_naming(run, account, &BTreeMap::from([(group.group.name.clone(), naming)])).await
}

pub(super) async fn mark(run: &Run<'_>, account: &Account, group: &GroupPlan) -> Result<(), Failure> {
    let Some(change) = group.touched() else { return Ok(()) };
    // What an earlier run wrote is the truth about what the group had: never written over.
    if group.group.tags.contains_key(MARKER_TAG) {
        return Ok(());
    }
    run.board.stands(&group.at, Standing::begun("marked, nothing changed yet"));
    set_marker(run, account, &group.group.name, &change.marker(false)).await?;
    Ok(())
}

/// Writes a group's marker, all of its tags at once.
pub(super) async fn set_marker(
    run: &Run<'_>,
    account: &Account,
    group: &GroupName,
    marker: &Marker,
) -> Result<(), Error> {
    let tags = marker.to_tags();
    let changes: Vec<(&str, TagChange)> =
        tags.into_iter().map(|(key, value)| (key, TagChange::Set(value))).collect();
    patiently(run.clock, async || account.change_group_tags(group, &changes).await).await
}

/// Pins every group that floats to the numbers that it resolves to, and sees that it is so.
async fn pin(run: &Run<'_>, account: &Account, groups: &[&GroupPlan]) -> Result<(), Failure> {
    let mut pinned: BTreeMap<GroupName, Naming> = BTreeMap::new();
    for group in groups {
        let Some(change) = group.touched() else { continue };
        // A rollout that goes on may have ended it and put its tracking back already.
        if !group.group.templates().any(|template| template.tracking.floats()) || group.names_new {
            continue;
        }
        // A refresh that was begun before may be active, and its images in overrides be there.
        let naming = change.pinned();
        patiently(run.clock, async || account.set_naming(&group.group, &naming).await).await?;
        run.board.stands(&group.at, Standing::begun("pinned, not refreshed yet"));
        pinned.insert(group.group.name.clone(), naming);
        let mut told: Vec<&TemplateId> = Vec::new();
        for one in change.templates().filter(|one| one.tracking.floats()) {
            if told.contains(&&one.template) {
                continue;
            }
            told.push(&one.template);
            let (tracking, version) = (one.tracking, one.source);
            run.events.emit(Event::Pinned { group: group.at.clone(), tracking, version });
        }
    }
    see_naming(run, account, &pinned).await
}

/// Waits until AWS shows these groups with this naming.
pub(super) async fn see_naming(
    run: &Run<'_>,
    account: &Account,
    wanted: &BTreeMap<GroupName, Naming>,
) -> Result<(), Failure> {
    if wanted.is_empty() {
        return Ok(());
    }
    let names: Vec<GroupName> = wanted.keys().cloned().collect();
    let wrong = |groups: &Vec<Group>| {
        let right = |name: &GroupName, naming: &Naming| {
            let group = groups.iter().find(|group| group.name == *name);
            group.and_then(Group::naming).is_some_and(|shown| shown == *naming)
        };
        wanted
            .iter()
            .find(|(name, naming)| !right(name, naming))
            .map(|(name, naming)| (name.clone(), naming.clone()))
    };
    let ask = async || account.groups_named(&names).await;
    let seen = until(run.clock, SETTLES_WITHIN, ask, |groups| wrong(groups).is_none()).await?;
    match wrong(&seen) {
        None => Ok(()),
        Some((name, naming)) => Err(Failure::Wrong(format!(
            "AWS took version {} for group {name}, and does not show it",
            naming.own.tracking
        ))),
    }
}

/// How the group names what it launches from, and the group as it was seen: one of the ways in which a rollout may have left it.
///
/// # Errors
/// When it names anything else: somebody changed it meanwhile, and that is theirs.
pub(super) async fn left_as(
    run: &Run<'_>,
    account: &Account,
    group: &GroupName,
    ways: &[Naming],
) -> Result<(Naming, Group), Failure> {
    // Groups come to this point together: they are asked for in one call.
    let ask = async || account.glimpse(group).await;
    let is_left = |seen: &Glimpse| seen.group.naming().is_some_and(|named| ways.contains(&named));
    let seen = until(run.clock, SETTLES_WITHIN, ask, is_left).await?;
    let group_now = seen.group;
    let Some(now) = group_now.naming() else {
        return Err(Failure::Wrong(format!("group {group} names no template any more")));
    };
    if ways.contains(&now) {
        return Ok((now, group_now));
    }
    let otherwise = ways.first().map(|left| now.difference(left)).unwrap_or_default();
    Err(Failure::Wrong(format!(
        "somebody changed what group {group} launches from meanwhile, and that is left as it is: {otherwise}"
    )))
}

/// Finds or makes the version with the new image, and compares it with its source.
async fn ready_version(
    run: &Run<'_>,
    plan: &Plan,
    account: &Account,
    change: &TemplateChange,
) -> Result<u64, Failure> {
    let Some(to) = &change.to else {
        return Err(Failure::Wrong(format!(
            "version {} of {} names no image",
            change.source, change.template
        )));
    };
    let ready = |version, reused| Event::VersionReady {
        environment: plan.environment.clone(),
        region: account.region.clone(),
        template: change.template.clone(),
        source: change.source,
        version,
        image: to.clone(),
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
    if let Some(copy) = versions.iter().rfind(|version| version.is_copy_with_image(source, to)) {
        run.events.emit(ready(copy.number, true));
        return Ok(copy.number);
    }
    let description = describe(run, source, to);
    let version = publish(run, account, source, to, &description).await?;
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
fn describe(run: &Run<'_>, source: &Version, to: &ImageId) -> String {
    let build =
        run.candidate.build.number.as_ref().map_or_else(String::new, |number| format!(", build {number}"));
    let from = source.image.as_ref().map_or("no image", ImageId::as_str);
    let text = format!("{OURS}from version {}, {from} -> {to}{build}", source.number);
    text.chars().take(255).collect()
}
