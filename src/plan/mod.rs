//! What would change, group by group, and what is refused: pure.
//!
//! [`make`] turns the configuration, the candidate and what AWS says (a [`Survey`] a
//! region) into a [`Plan`]. The plan is the dry run: nothing here or below it asks AWS.

mod change;
mod environment;
mod group;
mod marker;
mod notes;
mod places;
mod refusals;
mod resume;
mod root_volume;
mod states;
mod way_back;

use std::collections::BTreeMap;

pub use change::{Change, OverrideChange, TemplateChange};
pub use environment::make;
pub use marker::{Baseline, MARKER_TAG, MARKER_TAGS, Marker};
pub use resume::{Resumed, leads_back, leads_to, resumed};
pub use way_back::replaced;

use jiff::Timestamp;

use crate::config::{Check, RefreshPolicy, Strategy};
use crate::event::{GroupRef, PlannedAction, PlannedGroup, RollbackRoute};
use crate::model::{
    AlarmState, EnvironmentName, Group, GroupName, GroupTemplate, Image, ImageId, InstanceId, Problem,
    Refresh, Region, TemplateId, Tracking, Version,
};
use crate::schedule::When;

/// What AWS says of one region of an environment's account.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// Every group there, whoever selects it, by name.
    pub groups: Vec<Group>,
    /// The versions that matter: what groups resolve to, and the newest of each template.
    pub versions: BTreeMap<(TemplateId, u64), Version>,
    /// The number of each template's newest version.
    pub latest: BTreeMap<TemplateId, u64>,
    /// The number of each template's default version.
    pub default: BTreeMap<TemplateId, u64>,
    /// The images that those versions name, and the candidate's, as that account sees them.
    pub images: BTreeMap<ImageId, Image>,
    /// The refreshes that are active on selected groups.
    pub active: BTreeMap<GroupName, Refresh>,
    /// The newest refreshes of selected groups, active or not, newest first.
    pub recent: BTreeMap<GroupName, Vec<Refresh>>,
    /// The images of instances that versions don't tell: of groups whose overrides name images of the
    /// candidate.
    pub runs: BTreeMap<InstanceId, ImageId>,
    /// The state of the alarms that refreshes are to be watched by; one that is absent is not there.
    pub alarms: BTreeMap<String, AlarmState>,
}

impl Survey {
    /// The number that a tracking of this template stands for now.
    pub fn resolve(&self, template: &TemplateId, tracking: Tracking) -> Option<u64> {
        match tracking {
            Tracking::Pinned(number) => Some(number),
            Tracking::Latest => self.latest.get(template).copied(),
            Tracking::Default => self.default.get(template).copied(),
        }
    }

    /// The version that a reference to a template stands for now, when it is known.
    pub fn present(&self, template: &GroupTemplate) -> Option<&Version> {
        let number = self.resolve(&template.id, template.tracking)?;
        self.versions.get(&(template.id.clone(), number))
    }

    /// Whether a group's instance types are chosen by attributes, in an override or in a version of
    /// a template that it names. Of what AWS then refuses no document says that it depends on where.
    pub fn chooses_by_attributes(&self, group: &Group) -> bool {
        let present = |template| self.present(template);
        group.chooses_by_attributes()
            || group.templates().filter_map(present).any(Version::chooses_by_attributes)
    }

    /// The images of those versions that the group's instances were launched from, as far as both
    /// are known. Not where overrides name images themselves: a version then tells nothing.
    pub fn launched(&self, group: &Group) -> BTreeMap<(TemplateId, u64), ImageId> {
        if group.own_images().next().is_some() {
            return BTreeMap::new();
        }
        let image = |version: &(TemplateId, u64)| self.versions.get(version)?.image.clone();
        let versions = group.members.iter().filter_map(|member| member.launched_from.clone());
        versions.filter_map(|version| Some((version.clone(), image(&version)?))).collect()
    }

    /// The versions that are a copy of `source` with this image, ordered by number.
    pub fn copies_with_image(&self, source: &Version, image: &ImageId) -> Vec<u64> {
        let of_template = self.versions.values().filter(|version| version.template == source.template);
        of_template
            .filter(|version| version.is_copy_with_image(source, image))
            .map(|version| version.number)
            .collect()
    }
}

/// What is to happen to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is refreshed.
    Refresh(Change),
    /// A rollout of this very image was begun on it, and goes on.
    Resume(Change),
    /// Nothing is done to it but that it is pinned while its template gets a version, for it
    /// floats on a template of another group's.
    HoldStill(Change, String),
    /// It is not due: nothing is done yet.
    Defer(Deferral),
    /// Nothing is done, and why.
    Skip(String),
}

/// Why a group that is to change is not begun yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferral {
    /// Why.
    pub why: String,
    /// When it may be begun; `None` when that is not known.
    pub next: Option<Timestamp>,
}

/// What a run asks of windows and freezes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Which groups are taken.
    pub when: When,
    /// The time.
    pub now: Timestamp,
    /// Since when the gates would have let the image in, as far as they say.
    pub open_since: Option<Timestamp>,
    /// Whether freezes are overridden.
    pub override_freeze: bool,
}

/// One group's plan.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "facts that any group may or may not have")]
pub struct GroupPlan {
    /// The group as it was found.
    pub group: Group,
    /// Where it stands.
    pub at: GroupRef,
    /// How it is refreshed, overrides applied.
    pub policy: RefreshPolicy,
    /// The version it resolves to now.
    pub version: Option<u64>,
    /// The image that it names now.
    pub image: Option<ImageId>,
    /// That image's name.
    pub image_name: String,
    /// The images of those versions that its instances were launched from, as far as they are known.
    pub launched: BTreeMap<(TemplateId, u64), ImageId>,
    /// What is to happen.
    pub decision: Decision,
    /// Whether a rollout that was begun before may have moved it: a refresh is active, or an
    /// instance or the group itself is on the new version. Such a group is not simply old.
    pub under_way: bool,
    /// Whether the group itself names the new version: its refresh ended well before.
    pub names_new: bool,
    /// Whether it names the candidate's image already, with no rollout of it under way.
    pub is_current: bool,
    /// Whether its instance types are chosen by attributes.
    pub by_attributes: bool,
    /// Whether its window, a freeze or its tags keep it from the new image for now.
    pub stays: bool,
    /// What a rollout that was begun on it would change, where it is kept back from that now.
    pub marked: Option<Change>,
    /// Why it is not begun yet, where it is only released from what was begun on it.
    pub deferral: Option<Deferral>,
    /// Until when it may be begun, if it may: its window closes, or a freeze begins.
    pub until: Option<Timestamp>,
    /// Why its tags can't be read, where they can't: it is skipped, and holds up nobody.
    pub unreadable: Vec<Problem>,
    /// What is particular about it, a line each: what people should know before it is refreshed.
    pub notes: Vec<String>,
}

impl GroupPlan {
    /// The plan of a group on which nothing is decided yet.
    pub fn undecided(group: &Group, environment: &EnvironmentName, policy: RefreshPolicy) -> Self {
        let at = GroupRef {
            environment: environment.clone(),
            region: group.region.clone(),
            group: group.name.clone(),
        };
        Self {
            group: group.clone(),
            at,
            policy,
            version: None,
            image: None,
            image_name: String::new(),
            launched: BTreeMap::new(),
            decision: Decision::Skip(String::new()),
            under_way: false,
            names_new: false,
            is_current: false,
            by_attributes: group.chooses_by_attributes(),
            marked: None,
            deferral: None,
            stays: false,
            until: None,
            unreadable: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// How it would be taken back.
    pub fn route(&self) -> RollbackRoute {
        if self.by_attributes || self.policy.preferences.bake.is_zero() {
            RollbackRoute::NewRefresh
        } else {
            RollbackRoute::Native
        }
    }

    /// Whether its instances stay, and are given another image in place.
    pub fn keeps_instances(&self) -> bool {
        match self.policy.preferences.strategy {
            Strategy::ReplaceRootVolume => true,
            Strategy::Rolling => false,
        }
    }

    /// The change, when the group is to be on the new image at the end.
    pub fn change(&self) -> Option<&Change> {
        match &self.decision {
            Decision::Refresh(change) | Decision::Resume(change) => Some(change),
            Decision::HoldStill(..) | Decision::Defer(_) | Decision::Skip(_) => None,
        }
    }

    /// The change, when anything at all is done to the group.
    pub fn touched(&self) -> Option<&Change> {
        match &self.decision {
            Decision::Refresh(change) | Decision::Resume(change) | Decision::HoldStill(change, _) => {
                Some(change)
            }
            Decision::Defer(_) | Decision::Skip(_) => None,
        }
    }

    /// The plan as an event tells it; `team_tag` is the key of the tag that names its owner.
    pub fn told(&self, checks: &[&Check], team_tag: &str) -> PlannedGroup {
        let (action, why) = match &self.decision {
            Decision::Refresh(_) => (PlannedAction::Refresh, String::new()),
            Decision::Resume(_) => {
                (PlannedAction::Resume, "a rollout of this image was begun before".to_owned())
            }
            Decision::Defer(deferral) => (PlannedAction::Defer, deferral.why.clone()),
            Decision::HoldStill(_, why) if self.deferral.is_some() => (PlannedAction::Defer, why.clone()),
            Decision::HoldStill(_, why) | Decision::Skip(why) => (PlannedAction::Skip, why.clone()),
        };
        let template = self.group.template.as_ref();
        PlannedGroup {
            group: self.at.clone(),
            image: self.image.clone(),
            image_name: self.image_name.clone(),
            new_image: self.change().map(|change| change.to.clone()),
            template: template
                .map_or_else(String::new, |template| format!("{} ({})", template.name, template.id)),
            version: self.version,
            tracking: self
                .touched()
                .map(|change| change.own.tracking)
                .or(template.map(|template| template.tracking)),
            desired: self.group.desired,
            action,
            why,
            checks: checks.iter().filter(|_| self.change().is_some()).map(|one| one.name.clone()).collect(),
            rollback: self.change().map(|_| self.route()),
            notes: self.notes.clone(),
            team: self.group.tags.get(team_tag).filter(|team| !team.is_empty()).cloned(),
            opens: match (&self.decision, &self.deferral) {
                (Decision::Defer(deferral), _) | (_, Some(deferral)) => deferral.next,
                (_, None) => None,
            },
        }
    }
}

/// What would happen in one environment.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which environment.
    pub environment: EnvironmentName,
    /// Its groups, ordered by region and name.
    pub groups: Vec<GroupPlan>,
    /// Why it may not be done: all reasons at once. Empty when it may.
    pub refused: Vec<Problem>,
    /// Groups that somebody else refreshes, and that are waited for.
    pub busy: Vec<Problem>,
    /// Since when the image might have been rolled out here, as far as that is known.
    pub ready_since: Option<Timestamp>,
}

impl Plan {
    /// Whether anything is done to any group.
    pub fn touches_anything(&self) -> bool {
        self.groups.iter().any(|group| group.touched().is_some())
    }

    /// Whether any group would change.
    pub fn changes_anything(&self) -> bool {
        self.groups.iter().any(|group| group.change().is_some())
    }

    /// Why the tags of groups can't be read.
    pub fn unreadable(&self) -> impl Iterator<Item = &Problem> {
        self.groups.iter().flat_map(|group| &group.unreadable)
    }

    /// The groups that are not due, and why.
    pub fn deferred(&self) -> impl Iterator<Item = (&GroupPlan, &Deferral)> {
        self.groups.iter().filter_map(|group| match &group.decision {
            Decision::Defer(deferral) => Some((group, deferral)),
            Decision::Refresh(_) | Decision::Resume(_) | Decision::HoldStill(..) | Decision::Skip(_) => None,
        })
    }

    /// The groups of a region.
    pub fn in_region<'a>(&'a self, region: &'a Region) -> impl Iterator<Item = &'a GroupPlan> {
        self.groups.iter().filter(move |group| group.at.region == *region)
    }
}
