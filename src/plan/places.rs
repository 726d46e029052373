//! Every place in which a group names an image, and what becomes of each.

use super::GroupPlan;
use super::change::{Change, OverrideChange, TemplateChange};
use super::group::{Judge, Stop};
use super::refusals::{
    image_gone, names_no_image, no_architecture, not_available, not_shared, parameter_image, template_gone,
    too_much_to_remember,
};
use crate::config::glob_matches;
use crate::model::{Group, GroupTemplate, Image, ImageId, ImageState, PolicyOverride};

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
                Some(image) => Some((image.clone(), self.image(group, &who, image, &mut tally)?)),
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
