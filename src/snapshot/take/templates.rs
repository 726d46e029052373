//! The launch templates of a place, and the versions of them that matter.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::super::file::{Template, Version};
use super::AT_ONCE;
use crate::aws::{Account, Error, FoundGroup, FoundVersion};
use crate::model::{TemplateId, Tracking};

/// The templates that the groups name, with the versions that matter.
pub(super) async fn templates(account: &Account, groups: &[FoundGroup]) -> Result<Vec<Template>, Error> {
    let mut named: BTreeMap<TemplateId, BTreeSet<u64>> = BTreeMap::new();
    for group in groups {
        for (template, version) in names(group) {
            named.entry(template).or_default().extend(version);
        }
    }
    let mut versions: BTreeMap<TemplateId, BTreeMap<u64, FoundVersion>> = BTreeMap::new();
    for version in account.found_floating_versions().await? {
        if named.contains_key(&version.template) {
            versions.entry(version.template.clone()).or_default().insert(version.number, version);
        }
    }
    let missing: Vec<(&TemplateId, Vec<u64>)> = named
        .iter()
        .map(|(template, numbers)| {
            let known = versions.get(template);
            let lacks = |number: &&u64| known.is_none_or(|known| !known.contains_key(number));
            (template, numbers.iter().filter(lacks).copied().collect::<Vec<_>>())
        })
        .filter(|(_, numbers)| !numbers.is_empty())
        .collect();
    let mut further = stream::iter(missing)
        .map(async |(template, numbers): (&TemplateId, Vec<u64>)| {
            let bounds = (numbers.first().copied().unwrap_or(1), numbers.last().copied().unwrap_or(1));
            let mut found = account.found_versions_between(template, bounds).await?;
            found.retain(|version| numbers.contains(&version.number));
            Ok::<_, Error>(found)
        })
        .buffered(AT_ONCE);
    while let Some(found) = further.try_next().await? {
        for version in found {
            versions.entry(version.template.clone()).or_default().insert(version.number, version);
        }
    }
    Ok(versions.into_values().filter_map(template).collect())
}

/// The templates that a group or one of its instances names, and the numbers.
fn names(group: &FoundGroup) -> Vec<(TemplateId, Option<u64>)> {
    let number = |tracking: Tracking| match tracking {
        Tracking::Pinned(number) => Some(number),
        Tracking::Latest | Tracking::Default => None,
    };
    let own = group.template.iter().map(|template| (template.id.clone(), number(template.tracking)));
    // Every specification in a policy has its template's id, and beside it the version.
    let in_policy = group.policy.iter().filter_map(|(name, id)| {
        let place = name.strip_suffix("LaunchTemplateId")?;
        let version = group.policy.get(&format!("{place}Version")).map_or("", String::as_str);
        Some((TemplateId::new(id), Tracking::parse(version).and_then(number)))
    });
    let launched = group.instances.iter().filter_map(|instance| {
        let (template, version) = instance.launched_from.clone()?;
        Some((template, Some(version)))
    });
    own.chain(in_policy).chain(launched).collect()
}

fn template(versions: BTreeMap<u64, FoundVersion>) -> Option<Template> {
    let any = versions.values().next()?;
    let default = versions.values().find(|version| version.is_default)?.number;
    let (id, name) = (any.template.clone(), any.template_name.clone());
    let versions = versions.into_values().map(|version| Version {
        number: version.number,
        description: version.description,
        created: version.created,
        data: version.data,
    });
    Some(Template { id, name, default, versions: versions.collect() })
}
