//! What must be true of the world whenever a rollout has ended, however it went.

use std::collections::{BTreeMap, BTreeSet};

use ami_refresh::event::Event;
use ami_refresh::gate::{Record, State};
use ami_refresh::model::{ImageId, Outcome, Tracking, Verdict};
use ami_refresh::plan::MARKER_TAG;
use ami_refresh::sim::{Group, World};

use crate::stage::{NEW, Stage};

/// One group as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stands {
    pub(crate) tracking: Tracking,
    pub(crate) follows: ImageId,
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

/// The gate records on the new image.
pub(crate) fn gates(world: &World) -> BTreeMap<String, Record> {
    let image = world.image(&NEW.into()).expect("the new image");
    image
        .tags
        .iter()
        .filter_map(|(key, value)| {
            Some((key.strip_prefix("ami-refresh:gate/")?.to_owned(), Record::from_tag(value)?))
        })
        .collect()
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
    let new = BTreeSet::from([ImageId::from(NEW)]);
    // A group without instances is where its template is.
    let serves_new = now.serves == new || (now.serves.is_empty() && first.serves.is_empty());
    let whole_new = serves_new && now.follows == ImageId::from(NEW);
    let whole_old = now.serves == first.serves && now.follows == first.follows;
    let tracked = now.tracking == first.tracking
        || matches!((first.tracking, now.tracking), (Tracking::Pinned(_), Tracking::Pinned(_)));
    let settled = (whole_new || whole_old) && tracked && !now.marked && !now.active;
    if verdict == Verdict::Passed && !whole_new && !first.serves.is_empty() {
        return Err(format!("{name} did not get the image, and its environment passed: {now:?}"));
    }
    if settled || (verdict == Verdict::NeedsPerson && needing) {
        return Ok(());
    }
    Err(format!("{name} is neither whole nor reported: {first:?} -> {now:?}, verdict {verdict}"))
}
