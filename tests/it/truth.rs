//! What must be true of the world whenever a rollout has ended, however it went.

use std::collections::{BTreeMap, BTreeSet};

use ami_refresh::event::Event;
use ami_refresh::gate::{self, Record, State};
use ami_refresh::model::{ImageId, Outcome, Tracking, Verdict};
use ami_refresh::plan::MARKER_TAG;
use ami_refresh::sim::{Group, World};

use crate::stage::{NEW, NEW_ARM, Stage};

/// One group as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stands {
    pub(crate) tracking: Tracking,
    pub(crate) follows: ImageId,
    /// What the overrides of its mixed instances policy name for themselves: how, and the image.
    pub(crate) overrides: Vec<(Option<Tracking>, ImageId)>,
    /// The rest of its policy, which nobody may change.
    pub(crate) rest: String,
    pub(crate) serves: BTreeSet<ImageId>,
    pub(crate) refreshes: usize,
    pub(crate) marked: bool,
    pub(crate) active: bool,
}

/// Every group of the world, by name.
pub(crate) fn groups(world: &World) -> BTreeMap<String, Stands> {
    world
        .groups
        .values()
        .map(|group| {
            let template = &group.template;
            let stands = Stands {
                tracking: template.tracking,
                follows: follows(world, group),
                overrides: overrides(world, group),
                rest: rest(group),
                serves: group.images().into_iter().cloned().collect(),
                refreshes: group.refreshes.len(),
                marked: group.tags.contains_key(MARKER_TAG),
                active: group.refreshes.iter().any(|refresh| refresh.status.is_active()),
            };
            (group.key.name.to_string(), stands)
        })
        .collect()
}

/// The image that a group launches now.
fn follows(world: &World, group: &Group) -> ImageId {
    if let Some(image) = &group.configuration_image {
        return image.clone();
    }
    let held = world.template_of(group).expect("the template exists");
    let number = held.resolve(group.template.tracking);
    held.versions[&number].image().expect("an image")
}

/// What each override launches now.
fn overrides(world: &World, group: &Group) -> Vec<(Option<Tracking>, ImageId)> {
    let own = follows(world, group);
    let one = |one: &ami_refresh::sim::Override| {
        let template = one.template.as_ref().map(|named| {
            let held = world.template(&group.key.place, &named.id).expect("the template exists");
            held.versions[&held.resolve(named.tracking)].image().expect("an image")
        });
        let image = one.image.clone().or(template).unwrap_or_else(|| own.clone());
        (one.template.as_ref().map(|named| named.tracking), image)
    };
    group.policy.iter().flat_map(|policy| &policy.overrides).map(one).collect()
}

/// The policy without versions and images.
fn rest(group: &Group) -> String {
    let mut policy = group.policy.clone();
    for one in policy.iter_mut().flat_map(|policy| &mut policy.overrides) {
        one.image = one.image.take().map(|_| "an image".into());
        if let Some(template) = &mut one.template {
            template.tracking = Tracking::Default;
        }
    }
    format!("{policy:?}")
}

/// The gate records on the new image.
pub(crate) fn gates(world: &World) -> BTreeMap<String, Record> {
    let image = world.image(&NEW.into()).expect("the new image");
    gate::records(&image.tags).into_iter().map(|(name, record)| (name.to_string(), record)).collect()
}

/// Checks every promise; `first` is the world before anything was done.
pub(crate) fn check(
    stage: &Stage,
    first: &BTreeMap<String, Stands>,
    verdicts: &[Verdict],
) -> Result<(), String> {
    let (now, gates) = stage.simulator.inspect(|world| (groups(world), gates(world)));
    let needing: BTreeSet<String> = stage
        .told(|event| match event {
            Event::GroupEnded { group, outcome: Outcome::NeedsPerson { .. }, .. } => {
                Some(group.group.to_string())
            }
            _ => None,
        })
        .into_iter()
        .collect();
    for (environment, verdict) in stage.names().iter().zip(verdicts) {
        let of = |name: &&String| name.ends_with(&format!("-{environment}"));
        for name in now.keys().filter(of) {
            group(name, &first[name], &now[name], *verdict, needing.contains(name))?;
        }
        let passed = gates.get(environment.as_str()).is_some_and(|record| record.state == State::Passed);
        if passed != (*verdict == Verdict::Passed) {
            return Err(format!("gate {environment} is passed: {passed}, and the verdict is {verdict}"));
        }
    }
    Ok(())
}

fn group(name: &str, first: &Stands, now: &Stands, verdict: Verdict, needing: bool) -> Result<(), String> {
    let untouched =
        matches!(verdict, Verdict::NotReached | Verdict::Refused | Verdict::SetUp | Verdict::Unreachable);
    if untouched {
        return if now == first { Ok(()) } else { Err(format!("{name} was touched: {first:?} -> {now:?}")) };
    }
    if now.rest != first.rest {
        return Err(format!("{name}: more than versions and images changed: {} -> {}", first.rest, now.rest));
    }
    let is_new = |image: &ImageId| [NEW, NEW_ARM].contains(&image.as_str());
    let named = |stands: &Stands| {
        let overrides = stands.overrides.iter().map(|(_, image)| image.clone());
        std::iter::once(stands.follows.clone()).chain(overrides).collect::<Vec<ImageId>>()
    };
    // A group without instances is where its template is.
    let serves_new = now.serves.iter().all(is_new) && (!now.serves.is_empty() || first.serves.is_empty());
    let whole_new = serves_new && named(now).iter().all(is_new);
    // Which of the overrides an instance is launched from is for AWS to choose.
    let before: BTreeSet<ImageId> = named(first).into_iter().chain(first.serves.iter().cloned()).collect();
    let serves_old = now.serves.is_subset(&before) && (!now.serves.is_empty() || first.serves.is_empty());
    let whole_old = serves_old && named(now) == named(first);
    let as_before = |first: Tracking, now: Tracking| {
        now == first || matches!((first, now), (Tracking::Pinned(_), Tracking::Pinned(_)))
    };
    let mut own =
        first.overrides.iter().zip(&now.overrides).filter_map(|(first, now)| Some((first.0?, now.0?)));
    let tracked = as_before(first.tracking, now.tracking) && own.all(|(first, now)| as_before(first, now));
    let settled = (whole_new || whole_old) && tracked && !now.marked && !now.active;
    if verdict == Verdict::Passed && !whole_new && !first.serves.is_empty() {
        return Err(format!("{name} did not get the image, and its environment passed: {now:?}"));
    }
    if settled || (verdict == Verdict::NeedsPerson && needing) {
        return Ok(());
    }
    Err(format!("{name} is neither whole nor reported: {first:?} -> {now:?}, verdict {verdict}"))
}
