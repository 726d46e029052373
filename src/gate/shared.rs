//! How the records of more environments than an image has tags for share tags: pure.
//!
//! A record has a tag of its own as long as the image has room for one of every environment. Where
//! it has not, several share one, `ami-refresh:gates/1` and on:
//! `qa passed 2026-11-23T15:41:07Z 14/14 build 812 + dev failed …`. What is recorded is written
//! again where it is. Whoever reads only tags of one environment takes the others for not passed.

use std::collections::{BTreeMap, BTreeSet};

use super::record::LIMIT;
use super::{GATE_PREFIX, QUARANTINE_TAG, Record, TAGS, gate_key};
use crate::model::EnvironmentName;

/// What the keys of shared tags begin with; a number follows.
const PREFIX: &str = "ami-refresh:gates/";
/// What stands between two records; no record has it.
const AND: &str = " + ";
/// To how many characters a record is cut in a shared tag: a long reason must leave room for others.
const MOST: usize = 82;
/// What a tag keeps free so that each of its records, seven at most, finds room again when `passed`
/// becomes `revoked`.
const GROWTH: usize = 8;
/// How many share a tag at least, by ordinary names and details.
const IN_ONE: usize = 3;

/// Whether a tag of this key holds records of several environments.
pub fn is_shared(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// Every gate's record among an image's tags; of two the newer.
pub fn records(tags: &BTreeMap<String, String>) -> BTreeMap<EnvironmentName, Record> {
    let own = tags.iter().filter_map(|(key, value)| Some((key.strip_prefix(GATE_PREFIX)?, value.as_str())));
    let shared = tags.iter().filter(|(key, _)| is_shared(key)).flat_map(|(_, value)| value.split(AND));
    let shared = shared.filter_map(|entry| entry.split_once(' '));
    let mut records: BTreeMap<EnvironmentName, Record> = BTreeMap::new();
    for (name, value) in shared.chain(own) {
        let Some(record) = Record::from_tag(value) else { continue };
        let name = EnvironmentName::from(name);
        if records.get(&name).is_none_or(|known| known.at <= record.at) {
            records.insert(name, record);
        }
    }
    records
}

/// The tag that holds an environment's record over those that an image has, which is to be written
/// whole; `None` where there is no room for it.
///
/// `environments` are all that the image may pass.
pub fn tag_over<'e>(
    there: &BTreeMap<String, String>,
    environment: &EnvironmentName,
    record: &Record,
    environments: impl IntoIterator<Item = &'e EnvironmentName>,
) -> Option<(String, String)> {
    let own = gate_key(environment);
    if there.contains_key(&own) {
        return Some((own, record.to_tag()));
    }
    let tags = || there.iter().filter(|(key, _)| is_shared(key));
    let is_its = |entry: &&str| entry.split(' ').next() == Some(environment.as_str());
    let without = |value: &str| value.split(AND).filter(|entry| !is_its(entry)).collect::<Vec<_>>().join(AND);
    if let Some((key, value)) = tags().find(|(_, value)| value.split(AND).any(|entry| is_its(&entry))) {
        let others = without(value);
        let room = (LIMIT - GROWTH).saturating_sub(others.chars().count() + AND.len());
        let entry = entry(environment, record, room.min(MOST));
        return joined(&others, &entry, LIMIT).map(|value| (key.clone(), value));
    }
    let (gates, quarantine) = to_come(there, environments);
    if gates + quarantine <= free(there) {
        return Some((own, record.to_tag()));
    }
    let beside = |entry: &str| {
        tags().find_map(|(key, value)| Some((key.clone(), joined(value, entry, LIMIT - GROWTH)?)))
    };
    let new = || {
        let key =
            (1..=TAGS).map(|number| format!("{PREFIX}{number}")).find(|key| !there.contains_key(key))?;
        (free(there) > 0).then(|| (key, entry(environment, record, MOST)))
    };
    beside(&entry(environment, record, MOST)).or_else(new).or_else(|| beside(&entry(environment, record, 0)))
}

/// How many tags the records of so many environments may take on an image that has little else, with
/// quarantine.
pub fn tags_of(environments: usize) -> usize {
    1 + if environments < TAGS * 4 / 5 { environments } else { environments.div_ceil(IN_ONE) }
}

/// How many tags an image must keep for records that are still to come, and for quarantine.
pub(super) fn kept_free<'e>(
    there: &BTreeMap<String, String>,
    environments: impl IntoIterator<Item = &'e EnvironmentName>,
) -> usize {
    let (gates, quarantine) = to_come(there, environments);
    if gates + quarantine <= free(there) { gates + quarantine } else { gates.div_ceil(IN_ONE) + quarantine }
}

/// How many environments have no record yet, and whether there may be quarantine: `(12, 1)`.
fn to_come<'e>(
    there: &BTreeMap<String, String>,
    environments: impl IntoIterator<Item = &'e EnvironmentName>,
) -> (usize, usize) {
    let known = records(there);
    // A tag of its own has its place whoever wrote it.
    let has_place = |name: &EnvironmentName| known.contains_key(name) || there.contains_key(&gate_key(name));
    let gates: BTreeSet<_> = environments.into_iter().filter(|name| !has_place(name)).collect();
    (gates.len(), usize::from(!there.contains_key(QUARANTINE_TAG)))
}

fn free(there: &BTreeMap<String, String>) -> usize {
    TAGS.saturating_sub(there.len())
}

/// A record in a shared tag, cut to so many characters; state and time are never cut.
fn entry(environment: &EnvironmentName, record: &Record, most: usize) -> String {
    let least = format!("{environment} {}", Record { detail: String::new(), ..record.clone() }.to_tag());
    let tag = record.to_tag();
    let words: Vec<&str> = tag.split(' ').filter(|word| *word != AND.trim()).collect();
    let whole = format!("{environment} {}", words.join(" "));
    let cut: String = whole.chars().take(most.max(least.chars().count())).collect();
    cut.trim_end_matches([' ', '+']).to_owned()
}

/// One more record behind others, where that is no longer than so many characters.
fn joined(others: &str, entry: &str, limit: usize) -> Option<String> {
    let value = if others.is_empty() { entry.to_owned() } else { format!("{others}{AND}{entry}") };
    (value.chars().count() <= limit).then_some(value)
}

#[cfg(test)]
mod tests;
