//! Every place in which a group names an image, and what becomes of each.

use std::collections::BTreeSet;

use super::GroupPlan;
use super::change::{Change, OverrideChange, TemplateChange};
use super::group::{Judge, Stop};
use super::refusals::{
    image_gone, names_no_image, no_architecture, not_available, not_shared, parameter_image, runs_others,
    template_gone, too_much_to_remember,
};
use crate::config::glob_matches;
use crate::model::{Group, GroupTemplate, Image, ImageId, ImageState, Lifecycle, Member, PolicyOverride};

/// What was found in the places of a group.
pub(super) enum Found {
    /// These places change.
    Changes(Change),
    /// Every place of the family names the candidate's image already: this one, among others.
    There(ImageId),
    /// No place is of the family: why.
    NotOurs(String),
}

/// What becomes of one image.
enum Fate {
    Becomes(ImageId),
    There,
    NotOurs(String),
}

/// What was seen while going through the places.
#[derive(Default)]
struct Tally {
    there: Option<ImageId>,
    not_ours: Vec<String>,
}

impl Judge<'_> {
    /// Looks at every place of the group; the plan's notes get what people should know of them.
    ///
    /// Where root volumes are replaced in place, instances must go on matching the versions that
    /// they were launched from: templates whose image is never launched stay as they are.
    pub(super) fn places(&self, group: &Group, plan: &mut GroupPlan) -> Result<Found, Stop> {
        let stays = plan.keeps_instances();
        let mut tally = Tally::default();
        let own = group.template.as_ref().ok_or_else(|| Stop::Refuse(template_gone(group)))?;
        let present: &[PolicyOverride] =
            group.policy.as_ref().map(|policy| policy.overrides.as_slice()).unwrap_or_default();
        // With an override that names neither, or without any, the policy's own image is launched.
        let is_used =
            present.is_empty() || present.iter().any(|one| one.template.is_none() && one.image.is_none());
        let who = format!("group {}", group.name);
        let own = self.template(group, &who, own, (is_used, stays), &mut tally)?;
        let mut overrides = Vec::new();
        for (at, one) in present.iter().enumerate() {
            let who = format!("override {} ({}) of group {}", at + 1, one.label(), group.name);
            let template = match &one.template {
                Some(template) => {
                    Some(self.template(group, &who, template, (one.image.is_none(), stays), &mut tally)?)
                }
                None => None,
            };
            let image = match &one.image {
                Some(image) => {
                    let to = self.image(group, &who, image, &mut tally)?;
                    let from = self.ran_before(group, image, plan)?;
                    Some((from.unwrap_or_else(|| image.clone()), to))
                }
                None => None,
            };
            overrides.push(OverrideChange { template, image });
        }
        let overrides = group.policy.as_ref().map(|_| overrides);
        // The first image that changes stands for all of them.
        let mut change = Change { own, overrides, from: ImageId::new(""), to: ImageId::new("") };
        let pairs = change.images();
        let Some((from, to)) = pairs.first().cloned() else {
            return Ok(match (tally.there, tally.not_ours.into_iter().next()) {
                (Some(there), _) => Found::There(there),
                (None, why) => Found::NotOurs(why.unwrap_or_else(|| "it names no image".to_owned())),
            });
        };
        change.from = from;
        change.to = to;
        if !change.marker(true).fits() {
            return Err(Stop::Refuse(too_much_to_remember(group)));
        }
        plan.notes.extend(tally.not_ours.into_iter().map(|why| format!("stays as it is: {why}")));
        if pairs.len() > 1 {
            plan.notes.extend(pairs.iter().skip(1).map(|(from, to)| format!("also {from} -> {to}")));
        }
        Ok(Found::Changes(change))
    }

    /// A reference to a template; one whose image is never launched may be anything.
    fn template(
        &self,
        group: &Group,
        who: &str,
        named: &GroupTemplate,
        (is_used, stays): (bool, bool),
        tally: &mut Tally,
    ) -> Result<TemplateChange, Stop> {
        let gone = || Stop::Refuse(template_gone(group));
        let number = self.survey.resolve(&named.id, named.tracking).ok_or_else(gone)?;
        let version = self.survey.versions.get(&(named.id.clone(), number)).ok_or_else(gone)?;
        let still = || TemplateChange::still(named.id.clone(), number, named.tracking, version.image.clone());
        if version.image_is_parameter() {
            return if is_used { Err(Stop::Refuse(parameter_image(who))) } else { Ok(still()) };
        }
        let Some(from) = &version.image else {
            return if is_used { Err(Stop::Refuse(names_no_image(who, named, number))) } else { Ok(still()) };
        };
        let gone = self.survey.images.get(from).is_none_or(|image| image.state != ImageState::Available);
        if !is_used && (stays || gone) {
            return Ok(still());
        }
        let to = self.image(group, who, from, tally)?;
        if to == *from {
            return Ok(still());
        }
        let existing = self.survey.copies_with_image(version, &to).last().copied();
        Ok(TemplateChange {
            template: named.id.clone(),
            source: number,
            tracking: named.tracking,
            from: Some(from.clone()),
            to: Some(to),
            existing,
        })
    }

    /// What an image becomes: itself, where it stays.
    fn image(&self, group: &Group, who: &str, id: &ImageId, tally: &mut Tally) -> Result<ImageId, Stop> {
        match self.fate(group, who, id)? {
            Fate::Becomes(to) => Ok(to),
            Fate::There => {
                tally.there.get_or_insert_with(|| id.clone());
                Ok(id.clone())
            }
            Fate::NotOurs(why) => {
                if !tally.not_ours.contains(&why) {
                    tally.not_ours.push(why);
                }
                Ok(id.clone())
            }
        }
    }

    /// The image that instances still run where an override names the candidate's already; `None`
    /// where all of them run what the group names.
    ///
    /// That is what the override had, as far as anybody knows, and what it is taken back to.
    fn ran_before(
        &self,
        group: &Group,
        named: &ImageId,
        plan: &mut GroupPlan,
    ) -> Result<Option<ImageId>, Stop> {
        if !self.candidate.contains(named) {
            return Ok(None);
        }
        let known = |id: &ImageId| self.survey.images.get(id);
        let architecture = known(named).map(|image| &image.architecture);
        let old = not_named(group, self.survey).into_iter().filter(|(_, id)| {
            let image = known(id).filter(|image| image.state == ImageState::Available);
            image.is_some_and(|image| {
                Some(&image.architecture) == architecture
                    && (self.candidate.contains(id) || glob_matches(&self.family.name_glob, &image.name))
            })
        });
        let old: Vec<(&Member, ImageId)> = old.collect();
        let mut images: Vec<&ImageId> = old.iter().map(|(_, image)| image).collect();
        images.sort();
        images.dedup();
        match images.as_slice() {
            [] => Ok(None),
            [only] => {
                let note = format!(
                    "names {named} already, while {} run {only}: it names that again until it is refreshed",
                    old.iter().map(|(member, _)| member.id.as_str()).collect::<Vec<_>>().join(", ")
                );
                if !plan.notes.contains(&note) {
                    plan.notes.push(note);
                }
                Ok(Some((*only).clone()))
            }
            [..] => Err(Stop::Refuse(runs_others(group, old.iter().map(|(member, _)| *member)))),
        }
    }

    fn fate(&self, group: &Group, who: &str, id: &ImageId) -> Result<Fate, Stop> {
        if id.as_str().starts_with("resolve:") {
            return Err(Stop::Refuse(parameter_image(who)));
        }
        let found = self.survey.images.get(id).filter(|image| image.state == ImageState::Available);
        let image = found.ok_or_else(|| Stop::Refuse(image_gone(who, id)))?;
        if !self.candidate.contains(id) && !glob_matches(&self.family.name_glob, &image.name) {
            let why = format!("not ours: {} ({id}) is not of family {}", image.name, self.candidate.family);
            return Ok(Fate::NotOurs(why));
        }
        let to = self.new_image(group, who, image)?;
        Ok(if to == *id { Fate::There } else { Fate::Becomes(to) })
    }

    /// The candidate's image for the region and architecture, as the account sees it.
    fn new_image(&self, group: &Group, who: &str, present: &Image) -> Result<ImageId, Stop> {
        let Some(image) = self.candidate.image(&group.region, &present.architecture) else {
            return Err(Stop::Refuse(no_architecture(self.candidate, group, who, &present.architecture)));
        };
        let Some(seen) = self.survey.images.get(&image.id) else {
            return Err(Stop::Refuse(not_shared(who, &image.id, &self.environment.account)));
        };
        if seen.state != ImageState::Available {
            return Err(Stop::Refuse(not_available(who, seen)));
        }
        Ok(image.id.clone())
    }
}

/// The members that run an image which the group does not name now, as far as EC2 was asked.
pub(super) fn not_named<'g>(group: &'g Group, survey: &super::Survey) -> Vec<(&'g Member, ImageId)> {
    let version = |template: &GroupTemplate| {
        let number = survey.resolve(&template.id, template.tracking)?;
        survey.versions.get(&(template.id.clone(), number))?.image.clone()
    };
    // A template that every override passes over launches nothing.
    let own = group.template.as_ref().and_then(version);
    let launched = |one: &PolicyOverride| {
        let template = one.template.as_ref().map_or_else(|| own.clone(), version);
        one.image.clone().or(template)
    };
    let overrides = group.policy.iter().flat_map(|policy| &policy.overrides);
    let mut named: BTreeSet<ImageId> = overrides.filter_map(launched).collect();
    if group.policy.as_ref().is_none_or(|policy| policy.overrides.is_empty()) {
        named.extend(own.clone());
    }
    let serves = |member: &&Member| matches!(member.lifecycle, Lifecycle::InService | Lifecycle::Standby);
    let runs = |member: &'g Member| Some((member, survey.runs.get(&member.id)?.clone()));
    group.members.iter().filter(serves).filter_map(runs).filter(|(_, image)| !named.contains(image)).collect()
}

/// The change of a group that is left where it is while a template that it follows changes;
/// `None` when what it names is not known.
pub(super) fn still(group: &Group, survey: &super::Survey) -> Option<Change> {
    let template = |named: &GroupTemplate| {
        let number = survey.resolve(&named.id, named.tracking)?;
        let version = survey.versions.get(&(named.id.clone(), number))?;
        Some(TemplateChange::still(named.id.clone(), number, named.tracking, version.image.clone()))
    };
    let one = |one: &PolicyOverride| {
        let template = match &one.template {
            Some(named) => Some(template(named)?),
            None => None,
        };
        Some(OverrideChange { template, image: one.image.clone().map(|image| (image.clone(), image)) })
    };
    let own = template(group.template.as_ref()?)?;
    let overrides = match &group.policy {
        Some(policy) => Some(policy.overrides.iter().map(one).collect::<Option<Vec<_>>>()?),
        None => None,
    };
    let images =
        overrides.iter().flatten().filter_map(|one| one.image.as_ref().map(|(image, _)| image.clone()));
    let templates = overrides.iter().flatten().filter_map(|one| one.template.as_ref()?.from.clone());
    let image = own.from.clone().or_else(|| templates.chain(images).next())?;
    Some(Change { own, overrides, from: image.clone(), to: image })
}
