//! Puts tracking back as it was found, template by template.
//!
//! A group that followed `$Default` or `$Latest` was pinned while it was refreshed. Before
//! it may float again, what it would float to must be the image that it runs.

use std::collections::BTreeMap;

use super::Run;
use super::ends::{GroupEnd, Side};
use super::events::StepEnd;
use super::patience::{patiently, until};
use super::prepare::{Failure, OURS, SETTLES_WITHIN, publish, see_tracking};
use crate::aws::Account;
use crate::event::{Event, Step};
use crate::model::{GroupName, ImageId, Outcome, Region, TemplateId, Tracking, Version};
use crate::plan::{Change, Decision};

/// How often a template that moves meanwhile is looked at again.
const TRIES: u32 = 3;

/// Puts the tracking of every group that floated back, unless the group needs a person.
///
/// A group whose tracking can't be put back safely needs a person from then on.
pub(super) async fn tracking(run: &Run<'_>, accounts: &BTreeMap<Region, Account>, ends: &mut [GroupEnd<'_>]) {
    sides_of_held_groups(ends);
    hold_deferred(run, ends);
    let published = published(ends);
    let begun = run.clock.now();
    for end in ends.iter_mut() {
        let Some(change) = end.plan.touched().filter(|change| change.tracking.floats()) else { continue };
        let Some(account) = accounts.get(&end.plan.at.region) else { continue };
        let at = &end.plan.at;
        if end.side == Side::Unknown {
            tell_held(run, end);
            continue;
        }
        let wish = Wish {
            change,
            side: end.side,
            target: end.target.as_ref().map(|target| target.version),
            published: published
                .get(&(at.region.clone(), change.template.clone()))
                .cloned()
                .unwrap_or_default(),
        };
        match restore(run, account, &at.group, &wish).await {
            Ok(message) => run.events.step(at, Step::Tracking, begun, StepEnd::passed(message)),
            Err(failure) => {
                let why = format!("its tracking could not be put back to {}: {failure}", change.tracking);
                run.events.step(at, Step::Tracking, begun, StepEnd::errored(why.clone()));
                let next = run.go_on(&at.environment);
                end.outcome = Outcome::NeedsPerson { why, next };
                end.side = Side::Unknown;
                tell_again(run, end);
            }
        }
    }
}

/// Keeps groups pinned that were not begun, where another group of their template was: what
/// they follow names the new image by now. They keep their marker, and go on in their time.
fn hold_deferred(run: &Run<'_>, ends: &mut [GroupEnd<'_>]) {
    let begun = run.clock.now();
    let key = |end: &GroupEnd<'_>, change: &Change| (end.plan.at.region.clone(), change.template.clone());
    let moved: Vec<_> = ends
        .iter()
        .filter(|end| end.side != Side::Old)
        .filter_map(|end| Some(key(end, end.plan.change()?)))
        .collect();
    for end in ends.iter_mut().filter(|end| matches!(end.outcome, Outcome::Deferred { .. })) {
        let Some(change) = end.plan.change().filter(|change| change.tracking.floats()) else { continue };
        if moved.contains(&key(end, change)) {
            let message = format!(
                "it stays pinned to version {} until its turn comes: {} of its template is the new image",
                change.source, change.tracking
            );
            run.events.step(&end.plan.at, Step::Tracking, begun, StepEnd::skipped(message));
            end.side = Side::Unknown;
        }
    }
}

/// Tells of a group that was only held still that it stays pinned, since its template's
/// rollout is not over.
fn tell_held(run: &Run<'_>, end: &mut GroupEnd<'_>) {
    if !matches!(end.plan.decision, Decision::HoldStill(..)) {
        return;
    }
    let at = &end.plan.at;
    end.outcome = Outcome::Left {
        state: "it stays pinned, for the rollout of its template is not over".into(),
        next: run.go_on(&at.environment),
    };
    tell_again(run, end);
}

/// Tells an end that is another than was told before.
fn tell_again(run: &Run<'_>, end: &GroupEnd<'_>) {
    run.events.emit(Event::GroupEnded {
        group: end.plan.at.clone(),
        outcome: end.outcome.clone(),
        images: BTreeMap::new(),
        stragglers: Vec::new(),
        took_ms: 0,
    });
}

/// How one group's tracking is to be.
struct Wish<'a> {
    change: &'a Change,
    side: Side,
    /// The version that it was refreshed to.
    target: Option<u64>,
    /// The images that this rollout published on its template.
    published: Vec<ImageId>,
}

impl Wish<'_> {
    /// Whether the group was only held still while its template changed.
    fn held(&self) -> bool {
        self.change.from == self.change.to
    }

    /// The image that the group is on.
    fn image(&self) -> &ImageId {
        if self.side == Side::New { &self.change.to } else { &self.change.from }
    }

    /// Whether the group may follow the version: what it had, with the image that it is on.
    fn allows(&self, version: &Version, versions: &[Version]) -> bool {
        let source = versions.iter().find(|version| version.number == self.change.source);
        let Some(source) = source else { return false };
        // Held still beside groups that went forward, it goes where the template goes.
        let held_forward = self.held() && self.side == Side::New;
        version.is_copy_with_image(source, self.image())
            || (held_forward && self.published.iter().any(|image| version.is_copy_with_image(source, image)))
    }
}

/// The images that the groups of each template were to get.
fn published(ends: &[GroupEnd<'_>]) -> BTreeMap<(Region, TemplateId), Vec<ImageId>> {
    let mut published: BTreeMap<(Region, TemplateId), Vec<ImageId>> = BTreeMap::new();
    for end in ends {
        if let Some(change) = end.plan.change() {
            let key = (end.plan.at.region.clone(), change.template.clone());
            published.entry(key).or_default().push(change.to.clone());
        }
    }
    published
}

/// A group that was only held still goes where its template's other groups went.
fn sides_of_held_groups(ends: &mut [GroupEnd<'_>]) {
    let key = |end: &GroupEnd<'_>, change: &Change| (end.plan.at.region.clone(), change.template.clone());
    let mut sides: BTreeMap<(Region, TemplateId), Vec<Side>> = BTreeMap::new();
    for end in ends.iter() {
        if let Some(change) = end.plan.change() {
            sides.entry(key(end, change)).or_default().push(end.side);
        }
    }
    for end in ends.iter_mut() {
        let Decision::HoldStill(change, _) = &end.plan.decision else { continue };
        let others = sides.get(&key(end, change)).map(Vec::as_slice).unwrap_or_default();
        end.side = if others.contains(&Side::Unknown) {
            Side::Unknown
        } else if others.contains(&Side::New) {
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
    wish: &Wish<'_>,
) -> Result<String, Failure> {
    let change = wish.change;
    let tracking = change.tracking;
    if wish.held() {
        let named = std::slice::from_ref(group);
        let now = patiently(run.clock, async || account.groups_named(named).await).await?;
        let now = now.first().and_then(|group| group.template.as_ref()).map(|template| template.tracking);
        // An earlier run let it go already.
        if now == Some(tracking) {
            return Ok(format!("it follows {tracking}"));
        }
    }
    for _ in 0..TRIES {
        let versions = patiently(run.clock, async || account.versions(&change.template).await).await?;
        match tracking {
            Tracking::Default => point_default(run, account, wish, &versions).await?,
            Tracking::Latest => point_latest(run, account, wish, &versions).await?,
            Tracking::Pinned(_) => return Ok("it is pinned".into()),
        }
        patiently(run.clock, async || account.set_tracking(group, &change.template, tracking).await).await?;
        see_tracking(run, account, &BTreeMap::from([(group.clone(), tracking)])).await?;
        // What was read before may have been old, and so may be what is read next: what it
        // follows once AWS shows it is what counts.
        let ask = async || account.versions(&change.template).await;
        let right = |versions: &Vec<Version>| {
            followed(tracking, versions).is_some_and(|version| wish.allows(version, versions))
        };
        if right(&until(run.clock, SETTLES_WITHIN, ask, right).await?) {
            return Ok(format!("it follows {tracking} again"));
        }
    }
    Err(Failure::Wrong(format!("somebody else moves {} at the same time", change.template)))
}

/// The version behind a tracking.
fn followed(tracking: Tracking, versions: &[Version]) -> Option<&Version> {
    match tracking {
        Tracking::Latest => versions.last(),
        Tracking::Default => versions.iter().find(|version| version.is_default),
        Tracking::Pinned(number) => versions.iter().find(|version| version.number == number),
    }
}

/// Makes the template's default version one that the group may follow.
async fn point_default(
    run: &Run<'_>,
    account: &Account,
    wish: &Wish<'_>,
    versions: &[Version],
) -> Result<(), Failure> {
    let change = wish.change;
    let Some(default) = versions.iter().find(|version| version.is_default) else {
        return Err(Failure::Wrong(format!("{} has no default version", change.template)));
    };
    if wish.allows(default, versions) {
        return Ok(());
    }
    // Where it stood when the rollout began is known; else only what we made is ours to move.
    if default.number != change.source && !ours(default) {
        return Err(foreign(change, "the default version", default));
    }
    let version = if wish.side == Side::New { wish.target.unwrap_or(change.source) } else { change.source };
    patiently(run.clock, async || account.set_default_version(&change.template, version).await).await?;
    let ask = async || account.versions(&change.template).await;
    let moved = |versions: &Vec<Version>| versions.iter().any(|v| v.is_default && v.number == version);
    let seen = until(run.clock, SETTLES_WITHIN, ask, moved).await?;
    if moved(&seen) {
        return Ok(());
    }
    Err(Failure::Wrong(format!(
        "AWS took {version} as the default of {}, and does not show it",
        change.template
    )))
}

/// Makes the template's newest version one that the group may follow.
async fn point_latest(
    run: &Run<'_>,
    account: &Account,
    wish: &Wish<'_>,
    versions: &[Version],
) -> Result<(), Failure> {
    let change = wish.change;
    let Some(newest) = versions.last() else {
        return Err(Failure::Wrong(format!("{} is gone", change.template)));
    };
    if wish.allows(newest, versions) {
        return Ok(());
    }
    let source = versions.iter().find(|version| version.number == change.source);
    let (true, Some(source)) = (ours(newest), source) else {
        return Err(foreign(change, "the newest version", newest));
    };
    // `$Latest` must be neither the image that failed nor what another group was given: what
    // this group is on is published on top.
    let (from, image) = (&change.from, wish.image());
    let description = if image == from {
        format!("{OURS}version {} again, after version {}", source.number, newest.number)
    } else {
        // A rollback reads the source from here.
        format!("{OURS}from version {}, {from} -> {image}, after version {}", source.number, newest.number)
    };
    publish(run, account, source, image, &description).await?;
    Ok(())
}

/// Whether a version is one that a rollout made, and not somebody else's.
fn ours(version: &Version) -> bool {
    version.description.starts_with(OURS)
}

fn foreign(change: &Change, what: &str, version: &Version) -> Failure {
    let image = version.image.as_ref().map_or("no image", |image| image.as_str());
    Failure::Wrong(format!(
        "{what} of {} is {} with {image}, which this rollout did not make; the group stays pinned",
        change.template, version.number
    ))
}
