//! What the groups of an environment were given by rollouts, without a candidate to say so:
//! what `rollback --to-previous` takes back. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::super::patience::patiently;
use super::super::smoke::nobody;
use super::super::{Run, Stop, survey};
use super::explicit::TAKEN_BACK;
use crate::config::Environment;
use crate::gate::{self, State};
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
        let home = run.cloud.home(&region);
        let named: BTreeSet<ImageId> =
            survey.versions.values().filter_map(|version| version.image.clone()).collect();
        let named: Vec<ImageId> = named.into_iter().filter(ImageId::is_well_formed).collect();
        let images = patiently(run.clock, async || home.images(&named).await).await;
        let images = images.map_err(Stop::from_home)?;
        for group in groups {
            let key = (region.clone(), group.name.clone());
            match stands(&group, &survey, &images, &environment.name) {
                Stands::Given { before: Some(before), .. } if is_bad(&before, &images) => {
                    drop(given.stuck.insert(key, before));
                }
                Stands::Given { image, .. } => drop(given.groups.insert(key, image)),
                Stands::Held => drop(given.held.insert(key)),
                Stands::Back { from, further } => {
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

/// Where a group stands.
enum Stands {
    /// On the image that a rollout gave it, or on its way there; and what it had before.
    Given { image: ImageId, before: Option<ImageId> },
    /// Pinned by a rollout of others, or it can't be read.
    Held,
    /// On what it had before it was given that image.
    Back { from: ImageId, further: bool },
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
    // Of several templates, the first that a rollout gave a version to stands for all of them.
    let named = group.templates().map(|template| stands_of(template, survey, images, environment));
    let mut all: Vec<Stands> = named.collect();
    let given = all.iter().position(|one| matches!(one, Stands::Given { .. }));
    let back = all.iter().position(|one| matches!(one, Stands::Back { .. }));
    given.or(back).map_or(Stands::Untouched, |at| all.swap_remove(at))
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
    let given = source.is_some();
    let before = source.and_then(of_template).and_then(|version| version.image.clone());
    let bad = is_bad(&image, images);
    match taken_back_from(&template.id, &image, survey, images, environment) {
        Some(from) if !(given && bad) => Stands::Back { from, further: given },
        Some(_) | None if given => Stands::Given { image, before },
        Some(_) | None => Stands::Untouched,
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
    let taken_back = |image: &ImageId| {
        let record = images.get(image).and_then(|image| gate::records(&image.tags).remove(environment));
        // One that failed there was taken back by the rollout itself.
        record.is_some_and(|record| match record.state {
            State::Revoked => record.detail.starts_with(TAKEN_BACK),
            State::Failed => true,
            State::Passed | State::Partial => false,
        })
    };
    let of_this = survey.versions.values().filter(|version| version.template == *template);
    let followers = of_this.filter_map(|version| {
        let source = source_of(version, of_template).and_then(of_template)?;
        let follower = version.image.clone()?;
        (source.image.as_ref() == Some(image) && follower != *image).then_some(follower)
    });
    followers.into_iter().find(taken_back)
}

/// Finds a template's versions by number.
fn versions_of<'s>(
    survey: &'s Survey,
    template: &'s TemplateId,
) -> impl Fn(u64) -> Option<&'s Version> + Copy + 's {
    move |number| survey.versions.get(&(template.clone(), number))
}

/// The number of the version that a version was made from, as its description says.
///
/// `ami-refresh: from version 6, …`; of `ami-refresh: version 7 again, …` that of version 7.
pub(super) fn source_of<'v>(version: &'v Version, find: impl Fn(u64) -> Option<&'v Version>) -> Option<u64> {
    let mut version = version;
    loop {
        match said(&version.description)? {
            Said::From(number) => return Some(number),
            // Always an older one, so this ends.
            Said::Again(number) if number < version.number => version = find(number)?,
            Said::Again(_) => return None,
        }
    }
}

/// What a version's description says of where it comes from.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    From(u64),
    Again(u64),
}

fn said(description: &str) -> Option<Said> {
    let rest = description.strip_prefix("ami-refresh: ")?;
    if let Some(rest) = rest.strip_prefix("from version ") {
        return rest.split(',').next()?.trim().parse().ok().map(Said::From);
    }
    let (number, _) = rest.strip_prefix("version ")?.split_once(" again")?;
    number.parse().ok().map(Said::Again)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u64, description: &str) -> Version {
        Version {
            template: "lt-1".into(),
            template_name: "web".into(),
            number,
            is_default: false,
            description: description.to_owned(),
            image: None,
            fields: BTreeMap::new(),
        }
    }

    #[test]
    fn a_version_of_ours_names_its_source() {
        assert_eq!(said("ami-refresh: from version 6, ami-1 -> ami-2, build 8"), Some(Said::From(6)));
        assert_eq!(said("ami-refresh: version 7 again, after version 9"), Some(Said::Again(7)));
        for other in
            ["", "version 6", "from version 6, x", "ami-refresh: from version x", "ami-refresh: version 7"]
        {
            assert_eq!(said(other), None, "{other}");
        }
    }

    #[test]
    fn a_version_that_was_published_again_comes_from_where_the_first_did() {
        let versions = [
            version(1, ""),
            version(2, "ami-refresh: from version 1, ami-1 -> ami-2"),
            version(3, "ami-refresh: version 2 again, after version 9"),
            version(4, "ami-refresh: version 4 again, after version 9"),
            version(5, "ami-refresh: version 1 again, after version 2"),
        ];
        let find = |number: u64| versions.iter().find(|version| version.number == number);
        let sources: Vec<Option<u64>> = versions.iter().map(|version| source_of(version, find)).collect();
        assert_eq!(sources, [None, Some(1), Some(1), None, None]);
    }
}
