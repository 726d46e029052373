//! What the groups of an environment were given by rollouts, without a candidate to say so:
//! what `rollback --to-previous` takes back. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::super::patience::patiently;
use super::super::smoke::nobody;
use super::super::{Run, Stop, survey};
use super::explicit::TAKEN_BACK;
use crate::config::Environment;
use crate::gate::{self, State};
use crate::model::{EnvironmentName, Group, GroupName, Image, ImageId, Region, TemplateId, Version};
use crate::plan::{Marker, Survey};

/// What an environment's groups were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The groups that can go back, and the image that a rollout gave each.
    pub groups: BTreeMap<(Region, GroupName), ImageId>,
    /// The groups that are back already, and from which image: they go no further.
    pub back: BTreeMap<(Region, GroupName), ImageId>,
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
    for (region, account) in run.accounts(environment).await {
        let mut survey = survey::look_in_right_account(run, environment, &account).await?;
        let groups = survey.groups.iter().filter(|group| environment.select.matches(&group.tags));
        let groups: Vec<Group> =
            groups.filter(|group| only.is_none_or(|only| *only == group.name)).cloned().collect();
        given.looked_at += groups.len();
        for template in groups.iter().filter_map(|group| group.template.as_ref()) {
            let versions = patiently(run.clock, async || account.versions(&template.id).await).await?;
            for version in versions {
                survey.versions.insert((template.id.clone(), version.number), version);
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
            let Some((image, marked)) = image_given(&group, &survey) else { continue };
            let left =
                if marked { None } else { left_for(&group, &image, &survey, &images, &environment.name) };
            match left {
                Some(from) => given.back.insert(key, from),
                None => given.groups.insert(key, image),
            };
        }
    }
    if given.looked_at == 0 {
        return Err(Stop::Refused(vec![nobody(environment, only)]));
    }
    Ok(given)
}

/// The image that a rollout gave the group, and whether that rollout is still under way.
fn image_given(group: &Group, survey: &Survey) -> Option<(ImageId, bool)> {
    let template = group.template.as_ref()?;
    if let Ok(Some(marker)) = Marker::of(&group.tags)
        && marker.from != marker.to
    {
        return Some((marker.to, true));
    }
    let number = survey.resolve(&template.id, template.tracking)?;
    let of_template = versions_of(survey, &template.id);
    let present = of_template(number)?;
    source_of(present, of_template)?;
    Some((present.image.clone()?, false))
}

/// The image that the group was taken back from, if its present one is what it had before.
fn left_for(
    group: &Group,
    present: &ImageId,
    survey: &Survey,
    images: &BTreeMap<ImageId, Image>,
    environment: &EnvironmentName,
) -> Option<ImageId> {
    if images.get(present).is_some_and(|image| gate::in_quarantine(image).is_some()) {
        return None;
    }
    let template = &group.template.as_ref()?.id;
    let of_template = versions_of(survey, template);
    let taken_back = |image: &ImageId| {
        let record = images.get(image).and_then(|image| gate::records(&image.tags).remove(environment));
        record.is_some_and(|record| record.state == State::Revoked && record.detail.starts_with(TAKEN_BACK))
    };
    let of_this = survey.versions.values().filter(|version| version.template == *template);
    of_this
        .filter_map(|version| {
            let source = source_of(version, of_template).and_then(of_template)?;
            let image = version.image.clone()?;
            (source.image.as_ref() == Some(present) && image != *present).then_some(image)
        })
        .find(taken_back)
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
