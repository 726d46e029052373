//! Which image an environment runs, how old it is, and what became of it there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::freezes::FreezeAhead;
use super::images::{Family, Kin};
use super::windows::{EnvironmentWindows, State};
use crate::config::Environment;
use crate::gate::{self, Quarantine, Record};
use crate::model::{EnvironmentName, GroupName, Image, ImageId, Problem, Region};
use crate::plan::{MARKER_TAG, Marker};
use crate::rollout::{Running, Sight};

/// Seconds in a day.
const DAY: i64 = 24 * 3_600;

/// The image that most groups of an environment are on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunImage {
    /// Its name; empty when it is gone.
    pub name: String,
    /// Its ids there: more than one with several regions or architectures.
    pub ids: BTreeSet<ImageId>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// How many whole days ago that was.
    pub age_days: Option<i64>,
    /// Whether it is older than the environment's `max_age`.
    pub too_old: bool,
    /// The environment's gate for it.
    pub gate: Option<Record>,
    /// Its quarantine, if one holds.
    pub quarantine: Option<Quarantine>,
}

/// A group that is on another image, or on more than one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Other {
    /// Its name.
    pub group: GroupName,
    /// Its region.
    pub region: Region,
    /// The images it is on, by id, with their names as far as they are known.
    pub images: BTreeMap<ImageId, String>,
}

/// The newest record of any image of the family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastRollout {
    /// What became of it.
    #[serde(flatten)]
    pub record: Record,
    /// The image's name.
    pub image: String,
    /// Its id.
    pub id: ImageId,
}

/// A group that a rollout is under way on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnderWay {
    /// Its name.
    pub group: GroupName,
    /// Its region.
    pub region: Region,
    /// The image that it goes to; `None` where the marker can't be read.
    pub to: Option<ImageId>,
}

/// What one environment runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnvironmentStatus {
    /// Which environment.
    pub environment: EnvironmentName,
    /// The image that most of its groups are on; `None` when it has no groups of the family.
    pub image: Option<RunImage>,
    /// How many of its groups are of the family.
    pub groups: usize,
    /// How many of those are on that image and nothing else.
    pub on_it: usize,
    /// The others.
    pub others: Vec<Other>,
    /// How many of its groups are of other families.
    pub other_families: usize,
    /// The newest record of any image of the family there.
    pub last_rollout: Option<LastRollout>,
    /// The groups that a rollout is under way on.
    pub under_way: Vec<UnderWay>,
    /// When its next window opens, or the open one did.
    pub opens: Option<Timestamp>,
    /// When that closes.
    pub closes: Option<Timestamp>,
    /// Whether it is open now.
    pub is_open: bool,
    /// Its freezes that hold, or come soon.
    pub freezes: Vec<FreezeAhead>,
    /// Why it could not be looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

impl EnvironmentStatus {
    /// Whether its image is older than its `max_age`.
    pub fn is_too_old(&self) -> bool {
        self.image.as_ref().is_some_and(|image| image.too_old)
    }
}

/// What an environment runs; `windows` are those of its groups.
pub fn standing(
    environment: &Environment,
    family: &Family,
    sight: &Sight,
    windows: EnvironmentWindows,
    now: Timestamp,
) -> EnvironmentStatus {
    let kins: Vec<(&Running, BTreeSet<Kin>)> =
        sight.groups.iter().map(|one| (one, kins(one, family, sight))).collect();
    let is_other = |kins: &BTreeSet<Kin>| !kins.is_empty() && kins.iter().all(|kin| *kin == Kin::Other);
    let (others, ours): (Vec<_>, Vec<_>) = kins.into_iter().partition(|(_, kins)| is_other(kins));
    let most = most(&ours);
    let is_on_it = |(one, kins): &&(&Running, BTreeSet<Kin>)| {
        one.unknown == 0 && most.is_some_and(|most| kins.iter().all(|kin| *kin == most) && !kins.is_empty())
    };
    let on_it: Vec<&Running> = ours.iter().filter(is_on_it).map(|(one, _)| *one).collect();
    let not = ours.iter().filter(|one| !is_on_it(one)).map(|(one, _)| other(one, family, sight));
    let next = windows.next();
    EnvironmentStatus {
        environment: environment.name.clone(),
        image: most.map(|most| run_image(environment, family, sight, (most, &ours), now)),
        groups: ours.len(),
        on_it: on_it.len(),
        others: not.collect(),
        other_families: others.len(),
        last_rollout: last_rollout(environment, family),
        under_way: sight.groups.iter().filter_map(under_way).collect(),
        opens: next.and_then(|next| next.opens),
        closes: next.and_then(|next| next.closes),
        is_open: next.is_some_and(|next| next.state == State::Due),
        freezes: windows.freezes,
        problems: windows.problems,
    }
}

fn kins(one: &Running, family: &Family, sight: &Sight) -> BTreeSet<Kin> {
    one.is_on().iter().map(|id| family.kin(id, sight)).collect()
}

/// What most groups are on: those that are on one thing alone count, where there are any.
fn most(groups: &[(&Running, BTreeSet<Kin>)]) -> Option<Kin> {
    let mut whole: BTreeMap<Kin, usize> = BTreeMap::new();
    let mut in_part = BTreeMap::new();
    for (_, kins) in groups {
        for kin in kins.iter().filter(|kin| **kin != Kin::Other) {
            *in_part.entry(*kin).or_default() += 1;
            if kins.len() == 1 {
                *whole.entry(*kin).or_default() += 1;
            }
        }
    }
    let counted = if whole.is_empty() { in_part } else { whole };
    // Of two that as many groups are on, the newer one comes first.
    counted.into_iter().min_by_key(|(kin, count)| (std::cmp::Reverse(*count), *kin)).map(|(kin, _)| kin)
}

fn run_image(
    environment: &Environment,
    family: &Family,
    sight: &Sight,
    (most, groups): (Kin, &[(&Running, BTreeSet<Kin>)]),
    now: Timestamp,
) -> RunImage {
    let on = groups.iter().flat_map(|(one, _)| one.is_on());
    let ids: BTreeSet<ImageId> = on.filter(|id| family.kin(id, sight) == most).collect();
    let build: Vec<&Image> = match most {
        Kin::Build(place) => family.builds()[place].iter().collect(),
        Kin::Stray | Kin::Other => ids.iter().filter_map(|id| sight.images.get(id)).collect(),
    };
    let created =
        build.iter().filter(|image| ids.contains(&image.id)).filter_map(|image| image.created).min();
    let age = created.map(|created| now.duration_since(created).as_secs().max(0));
    let max = environment.max_age.map(|max| i64::try_from(max.as_secs()).unwrap_or(i64::MAX));
    RunImage {
        name: build.first().map(|image| image.name.clone()).unwrap_or_default(),
        created,
        age_days: age.map(|age| age / DAY),
        too_old: age.zip(max).is_some_and(|(age, max)| age > max),
        // All images of a build must have passed: the worst record counts.
        gate: build
            .iter()
            .filter_map(|image| gate::records(&image.tags).remove(&environment.name))
            .max_by_key(|record| (record.state, record.at)),
        quarantine: build.iter().find_map(|image| gate::in_quarantine(image)),
        ids,
    }
}

fn other(one: &Running, family: &Family, sight: &Sight) -> Other {
    let name = |id: &ImageId| {
        let known = family.builds().iter().flatten().find(|image| image.id == *id);
        known.or_else(|| sight.images.get(id)).map(|image| image.name.clone()).unwrap_or_default()
    };
    Other {
        group: one.group.name.clone(),
        region: one.group.region.clone(),
        images: one.is_on().into_iter().map(|id| (id.clone(), name(&id))).collect(),
    }
}

fn last_rollout(environment: &Environment, family: &Family) -> Option<LastRollout> {
    let images = family.builds().iter().flatten();
    let records = images.filter_map(|image| {
        let record = gate::records(&image.tags).remove(&environment.name)?;
        Some(LastRollout { record, image: image.name.clone(), id: image.id.clone() })
    });
    // The images of one build were told at about one time: the first of them stands for all.
    records.max_by(|a, b| (a.record.at, &b.id).cmp(&(b.record.at, &a.id)))
}

fn under_way(one: &Running) -> Option<UnderWay> {
    let group = &one.group;
    group.tags.get(MARKER_TAG)?;
    let to = Marker::of(&group.tags).ok().flatten().map(|marker| marker.to);
    Some(UnderWay { group: group.name.clone(), region: group.region.clone(), to })
}
