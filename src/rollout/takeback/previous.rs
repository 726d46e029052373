//! What the groups of an environment were given by rollouts, without a candidate to say so:
//! what `rollback --to-previous` takes back. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::super::patience::patiently;
use super::super::smoke::nobody;
use super::super::{Run, Stop, survey};
use super::explicit::TAKEN_BACK;
use super::source::{names_source, source_of};
use crate::config::Environment;
use crate::gate::{self, Before, Replaced, State};
use crate::model::{
    EnvironmentName, Group, GroupName, GroupTemplate, Image, ImageId, Region, TemplateId, Version,
};
use crate::plan::{Marker, Survey};

/// What an environment's groups were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The groups that can go back, and the image that a rollout gave each.
    pub groups: BTreeMap<(Region, GroupName), ImageId>,
    /// The groups that a rollout only held still, and that are to float again; and those of
    /// which nobody can read what a rollout did.
    pub held: BTreeSet<(Region, GroupName)>,
    /// The groups that are back already, and from which image: they go no further.
    pub back: BTreeMap<(Region, GroupName), ImageId>,
    /// The groups that would go back onto an image in quarantine, and that image: they stay.
    pub stuck: BTreeMap<(Region, GroupName), ImageId>,
    /// Whether any of these could go further.
    pub further: bool,
    /// How many groups were looked at.
    pub looked_at: usize,
}

/// Looks what each group runs that a rollout gave it; `only` narrows it to one group.
///
/// A group whose image another one took over from, and was taken back to, stays: asked for
/// twice, an environment must not go back two steps. Unless that image is in quarantine.
///
/// # Errors
/// As a rollback's: no such group, credentials, a role or an account that is wrong; AWS out of reach.
pub async fn given(
    run: &Run<'_>,
    environment: &Environment,
    only: Option<&GroupName>,
) -> Result<Given, Stop> {
    let mut given = Given::default();
    for (region, account) in run.accounts(environment) {
        let mut survey = survey::look_in_right_account(run, environment, &account).await?;
        let groups = survey.groups.iter().filter(|group| environment.select.matches(&group.tags));
        let groups: Vec<Group> =
            groups.filter(|group| only.is_none_or(|only| *only == group.name)).cloned().collect();
        given.looked_at += groups.len();
        let templates: BTreeSet<TemplateId> =
            groups.iter().flat_map(Group::templates).map(|template| template.id.clone()).collect();
        for template in templates {
            for version in patiently(run.clock, async || account.versions(&template).await).await? {
                survey.versions.insert((template.clone(), version.number), version);
            }
        }
        let images = images(run, &region, &survey, &groups).await?;
        for group in groups {
            let key = (region.clone(), group.name.clone());
            match stands(&group, &survey, &images, &environment.name) {
                Stands::Given { before: Some(before), .. } if is_bad(&before, &images) => {
                    drop(given.stuck.insert(key, before));
                }
                // Of what is not known the rollback tells that, and leaves the group.
                Stands::Given { image, .. } | Stands::Unknown { image } => {
                    drop(given.groups.insert(key, image));
                }
                Stands::Held => drop(given.held.insert(key)),
                Stands::Back { from, further, .. } => {
                    given.back.insert(key, from);
                    given.further |= further;
                }
                Stands::Untouched => {}
            }
        }
    }
    if given.looked_at == 0 {
        return Err(Stop::Refused(vec![nobody(environment, only)]));
    }
    Ok(given)
}

/// The images that the templates and the groups name, as the home account has them; with all of
/// their families where overrides name images, for no version tells which one followed another.
async fn images(
    run: &Run<'_>,
    region: &Region,
    survey: &Survey,
    groups: &[Group],
) -> Result<BTreeMap<ImageId, Image>, Stop> {
    let home = run.cloud.home(region);
    let of_overrides: Vec<&ImageId> = groups.iter().flat_map(Group::own_images).collect();
    let of_versions = survey.versions.values().filter_map(|version| version.image.as_ref());
    let named: BTreeSet<&ImageId> = of_versions.chain(of_overrides.iter().copied()).collect();
    let named: Vec<ImageId> = named.into_iter().filter(|id| id.is_well_formed()).cloned().collect();
    let images = patiently(run.clock, async || home.images(&named).await).await;
    let mut images = images.map_err(Stop::from_home)?;
    if of_overrides.is_empty() {
        return Ok(images);
    }
    for family in run.fleet.families.values() {
        let ask = async || home.images_named(&family.name_glob, &family.owners).await;
        let all = patiently(run.clock, ask).await.map_err(Stop::from_home)?;
        images.extend(all.into_iter().map(|image| (image.id.clone(), image)));
    }
    Ok(images)
}

/// Where a group stands.
enum Stands {
    /// On the image that a rollout gave it, or on its way there; and what it had before.
    Given { image: ImageId, before: Option<ImageId> },
    /// Pinned by a rollout of others, or it can't be read.
    Held,
    /// On what it had before another image, which was taken back.
    Back { image: ImageId, from: ImageId, further: bool },
    /// On an image of which it can't be told what it replaced there, though it replaced something.
    Unknown { image: ImageId },
    /// On what no rollout gave it.
    Untouched,
}

fn stands(
    group: &Group,
    survey: &Survey,
    images: &BTreeMap<ImageId, Image>,
    environment: &EnvironmentName,
) -> Stands {
    match Marker::of(&group.tags) {
        Ok(Some(marker)) if marker.from == marker.to => return Stands::Held,
        Ok(Some(marker)) => return Stands::Given { image: marker.to, before: Some(marker.from) },
        // The rollback tells that it can't be read, and leaves the group.
        Err(_) => return Stands::Held,
        Ok(None) => {}
    }
    let named = group.templates().map(|template| stands_of(template, survey, images, environment));
    let own: BTreeSet<&ImageId> = group.own_images().collect();
    let own = own.into_iter().map(|image| stands_of_own(group, image, images, environment));
    of_all(named.chain(own).collect(), images)
}

/// Of several places, the first that a rollout gave an image to stands for all of them; before it
/// one that must not go back to what it had.
fn of_all(mut all: Vec<Stands>, images: &BTreeMap<ImageId, Image>) -> Stands {
    let same = |one: &ImageId, other: &ImageId| {
        let both = images.get(one).zip(images.get(other));
        one == other || both.is_some_and(|(one, other)| gate::same_build(one, other))
    };
    let is_back = |image: &ImageId| {
        all.iter().any(|one| matches!(one, Stands::Back { image: back, .. } if same(back, image)))
    };
    // Not every place of a group remembers that it went back.
    let given = |one: &Stands| matches!(one, Stands::Given { image, .. } if !is_back(image));
    let bad = |one: &Stands| {
        given(one) && matches!(one, Stands::Given { before: Some(before), .. } if is_bad(before, images))
    };
    let back = |one: &Stands| matches!(one, Stands::Back { .. });
    let unknown = |one: &Stands| matches!(one, Stands::Unknown { .. });
    let at = all.iter().position(bad).or(all.iter().position(given));
    let at = at.or(all.iter().position(back)).or(all.iter().position(unknown));
    at.map_or(Stands::Untouched, |at| all.swap_remove(at))
}

/// Where the overrides of a group that name this image themselves stand.
fn stands_of_own(
    group: &Group,
    image: &ImageId,
    images: &BTreeMap<ImageId, Image>,
    environment: &EnvironmentName,
) -> Stands {
    let replaced = |image: &Image| Replaced::of(&image.tags, environment);
    let here = images.get(image).map(replaced).unwrap_or_default();
    let told = here.of_group(&group.name);
    if told.is_some_and(|told| told.is_back(group.own_images(), image)) {
        return Stands::Untouched;
    }
    let before = told.and_then(|told| told.images(&group.overrides_with(image), image));
    let known = before.is_some();
    let before = before.and_then(|before| before.into_iter().find(|before| before != image));
    let follows = |follower: &&Image| {
        let replaced = replaced(follower);
        let named = replaced.of_group(&group.name).map(Before::named).unwrap_or_default();
        follower.id != *image && named.contains(&image) && taken_back(&follower.id, images, environment)
    };
    let from = images.values().find(follows).map(|follower| follower.id.clone());
    match stand(image, from, (before.is_some(), before), is_bad(image, images)) {
        // There was no room for it, or its overrides are others now.
        Stands::Untouched if !known && (told.is_some() || here.more) => {
            Stands::Unknown { image: image.clone() }
        }
        stands => stands,
    }
}

/// Where a place stands that names this image: `from` is the image that followed it and was taken
/// back; whether a rollout gave it this one, and what it had before that, as far as it is known.
fn stand(
    image: &ImageId,
    from: Option<ImageId>,
    (given, before): (bool, Option<ImageId>),
    bad: bool,
) -> Stands {
    let image = image.clone();
    match from {
        Some(from) if !(given && bad) => Stands::Back { image, from, further: given },
        Some(_) | None if given => Stands::Given { image, before },
        Some(_) | None => Stands::Untouched,
    }
}

fn stands_of(
    template: &GroupTemplate,
    survey: &Survey,
    images: &BTreeMap<ImageId, Image>,
    environment: &EnvironmentName,
) -> Stands {
    let of_template = versions_of(survey, &template.id);
    let present = survey.resolve(&template.id, template.tracking).and_then(of_template);
    let Some((present, image)) = present.and_then(|version| Some((version, version.image.clone()?))) else {
        return Stands::Untouched;
    };
    let source = source_of(present, of_template);
    let before = source.and_then(of_template).and_then(|version| version.image.clone());
    let from = taken_back_from(&template.id, &image, survey, images, environment);
    match stand(&image, from, (source.is_some(), before), is_bad(&image, images)) {
        // It is ours no more: somebody changed something else in it, or its source is gone.
        Stands::Untouched if names_source(present) => Stands::Unknown { image },
        stands => stands,
    }
}

/// Whether the image is in quarantine.
fn is_bad(image: &ImageId, images: &BTreeMap<ImageId, Image>) -> bool {
    images.get(image).is_some_and(|image| gate::in_quarantine(image).is_some())
}

/// The image that took over from this one in the template, and that the environment's gate
/// says was taken back.
fn taken_back_from(
    template: &TemplateId,
    image: &ImageId,
    survey: &Survey,
    images: &BTreeMap<ImageId, Image>,
    environment: &EnvironmentName,
) -> Option<ImageId> {
    let of_template = versions_of(survey, template);
    let of_this = survey.versions.values().filter(|version| version.template == *template);
    let followers = of_this.filter_map(|version| {
        let source = source_of(version, of_template).and_then(of_template)?;
        let follower = version.image.clone()?;
        (source.image.as_ref() == Some(image) && follower != *image).then_some(follower)
    });
    followers.into_iter().find(|follower| taken_back(follower, images, environment))
}

/// Whether the environment's gate says that the image was taken back.
fn taken_back(image: &ImageId, images: &BTreeMap<ImageId, Image>, environment: &EnvironmentName) -> bool {
    let record = images.get(image).and_then(|image| gate::records(&image.tags).remove(environment));
    // One that failed there was taken back by the rollout itself.
    record.is_some_and(|record| match record.state {
        State::Revoked => record.detail.starts_with(TAKEN_BACK),
        State::Failed => true,
        State::Passed | State::Partial => false,
    })
}

/// Finds a template's versions by number.
fn versions_of<'s>(
    survey: &'s Survey,
    template: &'s TemplateId,
) -> impl Fn(u64) -> Option<&'s Version> + Copy + 's {
    move |number| survey.versions.get(&(template.clone(), number))
}
