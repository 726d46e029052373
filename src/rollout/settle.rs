//! Puts tracking back as it was found, template by template.
//!
//! A group that followed `$Default` or `$Latest` was pinned while it was refreshed. Before
//! it may float again, what it would float to must be the image that it runs.

mod seen;

use std::collections::{BTreeMap, BTreeSet};

use seen::Seen;

use super::Run;
use super::ends::{GroupEnd, Side};
use super::events::StepEnd;
use super::patience::{patiently, until};
use super::prepare::{Failure, OURS, SETTLES_WITHIN, left_as, publish, see_naming};
use crate::aws::Account;
use crate::event::{Event, Step};
use crate::model::{ImageId, Naming, Outcome, Region, Target, TemplateId, Tracking, Version};
use crate::plan::{Change, Decision, TemplateChange};

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
    let undecided = undecided(ends);
    let mut seen = Seen::of(ends);
    for end in ends.iter_mut() {
        let Some(change) = end.plan.touched().filter(|change| change.floats()) else { continue };
        let Some(account) = accounts.get(&end.plan.at.region) else { continue };
        let at = &end.plan.at;
        if end.side == Side::Unknown {
            tell_held(run, end);
            continue;
        }
        // It stays pinned until the step that ends the others of its template: it goes where they go.
        if keys(end, change.published()).iter().any(|key| undecided.contains(key)) {
            continue;
        }
        let group = Floating { end, change, published: &published };
        let named = seen.naming(run.clock, account, &at.group).await;
        match restore(run, account, &group, named).await {
            Ok(message) => run.events.step(at, Step::Tracking, begun, StepEnd::passed(message)),
            Err(failure) => {
                let why =
                    format!("its tracking could not be put back to {}: {failure}", followed_words(change));
                run.events.step(at, Step::Tracking, begun, StepEnd::errored(why.clone()));
                let next = run.go_on(&at.environment);
                end.outcome = Outcome::NeedsPerson { why, next };
                end.side = Side::Unknown;
                tell_again(run, end);
            }
        }
    }
}

/// The templates of groups that are left to bake: of those a next step says where they end.
fn undecided(ends: &[GroupEnd<'_>]) -> BTreeSet<(Region, TemplateId)> {
    let left = ends.iter().filter(|end| matches!(end.outcome, Outcome::Left { .. }));
    left.filter_map(|end| Some(keys(end, end.plan.change()?.published()))).flatten().collect()
}

/// What a group follows, in words.
fn followed_words(change: &Change) -> String {
    let floating: BTreeSet<String> =
        change.templates().filter(|one| one.tracking.floats()).map(|one| one.tracking.to_string()).collect();
    floating.into_iter().collect::<Vec<_>>().join(" and ")
}

/// Keeps groups pinned that were not begun, where another group of their template was: what
/// they follow names the new image by now. They keep their marker, and go on in their time.
fn hold_deferred(run: &Run<'_>, ends: &mut [GroupEnd<'_>]) {
    let begun = run.clock.now();
    let moved: BTreeSet<(Region, TemplateId)> = ends
        .iter()
        .filter(|end| end.side != Side::Old)
        .filter_map(|end| Some(keys(end, end.plan.change()?.published())))
        .flatten()
        .collect();
    for end in ends.iter_mut().filter(|end| matches!(end.outcome, Outcome::Deferred { .. })) {
        let Some(change) = end.plan.change() else { continue };
        let floating = change.templates().filter(|one| one.tracking.floats());
        let mut reached =
            floating.filter(|one| moved.contains(&(end.plan.at.region.clone(), one.template.clone())));
        if let Some(one) = reached.next() {
            let message = format!(
                "it stays pinned to version {} until its turn comes: {} of its template is the new image",
                one.source, one.tracking
            );
            run.events.step(&end.plan.at, Step::Tracking, begun, StepEnd::skipped(message));
            end.side = Side::Unknown;
        }
    }
}

/// Templates, where an end's group is.
fn keys(end: &GroupEnd<'_>, templates: BTreeSet<TemplateId>) -> Vec<(Region, TemplateId)> {
    templates.into_iter().map(|template| (end.plan.at.region.clone(), template)).collect()
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

/// The images that this rollout published on each template.
type Published = BTreeMap<(Region, TemplateId), Vec<ImageId>>;

/// A group whose tracking is to be put back.
struct Floating<'a> {
    end: &'a GroupEnd<'a>,
    change: &'a Change,
    published: &'a Published,
}

impl Floating<'_> {
    /// What the group is on.
    fn target(&self) -> Target {
        let there = self.end.target.clone().filter(|_| self.end.side == Side::New);
        there.unwrap_or_else(|| self.change.back())
    }

    /// What each reference to a template that floats is to be.
    fn wishes(&self) -> Vec<Wish<'_>> {
        let target = self.target();
        let mut wishes = Vec::new();
        for (change, (_, version)) in self.change.templates().zip(target.versions()) {
            if !change.tracking.floats() {
                continue;
            }
            let key = (self.end.plan.at.region.clone(), change.template.clone());
            let published = self.published.get(&key).map(Vec::as_slice).unwrap_or_default();
            wishes.push(Wish {
                change,
                side: self.end.side,
                version,
                published,
                held: self.change.is_still(),
            });
        }
        wishes
    }
}

/// How one reference to a template is to be named again.
struct Wish<'a> {
    change: &'a TemplateChange,
    side: Side,
    /// The version that the group is on.
    version: u64,
    /// The images that this rollout published on the template.
    published: &'a [ImageId],
    /// Whether the group was only held still while its template changed.
    held: bool,
}

impl Wish<'_> {
    /// The image that the group is on.
    fn image(&self) -> Option<&ImageId> {
        if self.side == Side::New { self.change.to.as_ref() } else { self.change.from.as_ref() }
    }

    /// Whether the group may follow the version: what it had, with the image that it is on.
    fn allows(&self, version: &Version, versions: &[Version]) -> bool {
        let source = versions.iter().find(|version| version.number == self.change.source);
        let (Some(source), Some(image)) = (source, self.image()) else {
            return version.number == self.change.source;
        };
        // Held still beside groups that went forward, it goes where the template goes.
        let held_forward = self.held && self.side == Side::New;
        version.is_copy_with_image(source, image)
            || (held_forward && self.published.iter().any(|image| version.is_copy_with_image(source, image)))
    }
}

/// The images that the groups of each template were to get.
fn published(ends: &[GroupEnd<'_>]) -> Published {
    let mut published = Published::new();
    for end in ends {
        for one in end.plan.change().into_iter().flat_map(Change::changing) {
            let key = (end.plan.at.region.clone(), one.template.clone());
            published.entry(key).or_default().extend(one.to.clone());
        }
    }
    published
}

/// A group that was only held still goes where its template's other groups went.
fn sides_of_held_groups(ends: &mut [GroupEnd<'_>]) {
    let mut sides: BTreeMap<(Region, TemplateId), Vec<Side>> = BTreeMap::new();
    for end in ends.iter() {
        if let Some(change) = end.plan.change() {
            for key in keys(end, change.published()) {
                sides.entry(key).or_default().push(end.side);
            }
        }
    }
    for end in ends.iter_mut() {
        let Decision::HoldStill(change, _) = &end.plan.decision else { continue };
        let followed: BTreeSet<TemplateId> =
            change.templates().filter(|one| one.tracking.floats()).map(|one| one.template.clone()).collect();
        let one = |key: &(Region, TemplateId)| {
            let others = sides.get(key)?;
            Some(if others.contains(&Side::Unknown) {
                Side::Unknown
            } else if others.contains(&Side::New) {
                Side::New
            } else {
                Side::Old
            })
        };
        let each: Vec<Side> = keys(end, followed).iter().filter_map(one).collect();
        end.side = match each.as_slice() {
            [] => Side::Old,
            [first, rest @ ..] if rest.iter().all(|side| side == first) => *first,
            // Its templates went different ways: it can follow neither.
            [..] => Side::Unknown,
        };
    }
}

async fn restore(
    run: &Run<'_>,
    account: &Account,
    group: &Floating<'_>,
    named: Option<Naming>,
) -> Result<String, Failure> {
    let (change, name) = (group.change, &group.end.plan.at.group);
    let words = followed_words(change);
    let naming = change.settled_at(&group.target());
    // What it was pinned to, or what an earlier run put back already.
    let ways = [change.pinned_to(&group.target()), naming.clone()];
    let now = match named.filter(|named| ways.contains(named)) {
        Some(named) => named,
        None => left_as(run, account, name, &ways).await?.0,
    };
    if change.is_still() && now == naming {
        return Ok(format!("it follows {words}"));
    }
    let wishes = group.wishes();
    for _ in 0..TRIES {
        for wish in &wishes {
            let template = &wish.change.template;
            let versions = patiently(run.clock, async || account.versions(template).await).await?;
            match wish.change.tracking {
                Tracking::Default => point_default(run, account, wish, &versions).await?,
                Tracking::Latest => point_latest(run, account, wish, &versions).await?,
                Tracking::Pinned(_) => {}
            }
        }
        let present = &group.end.plan.group;
        patiently(run.clock, async || account.set_naming(present, &naming).await).await?;
        see_naming(run, account, &BTreeMap::from([(name.clone(), naming.clone())])).await?;
        // What was read before may have been old, and so may be what is read next: what it
        // follows once AWS shows it is what counts.
        let mut right = true;
        for wish in &wishes {
            let ask = async || account.versions(&wish.change.template).await;
            let follows = |versions: &Vec<Version>| {
                followed(wish.change.tracking, versions).is_some_and(|version| wish.allows(version, versions))
            };
            right &= follows(&until(run.clock, SETTLES_WITHIN, ask, follows).await?);
        }
        if right {
            return Ok(format!("it follows {words} again"));
        }
    }
    Err(Failure::Wrong(format!("somebody else moves {} at the same time", change.own.template)))
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
    let version = wish.version;
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
    let (Some(from), Some(image)) = (&change.from, wish.image()) else {
        return Err(foreign(change, "the newest version", newest));
    };
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

fn foreign(change: &TemplateChange, what: &str, version: &Version) -> Failure {
    let image = version.image.as_ref().map_or("no image", |image| image.as_str());
    Failure::Wrong(format!(
        "{what} of {} is {} with {image}, which this rollout did not make; the group stays pinned",
        change.template, version.number
    ))
}
