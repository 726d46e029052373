//! Reads `environments`, `defaults`, `families` and `overrides`.
//!
//! A value that can't be read is replaced by a harmless one, after its mistake is noted, so
//! that the positions in the lists stay and the rules between them can still be checked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::model::{AccountId, EnvironmentName, Region};

use super::fleet::{CheckChanges, Environment, ExternalId, Family, GatePolicy, Override, Selector};
use super::notify;
use super::preferences::PreferenceChanges;
use super::reader::{Map, Node};
use super::refresh::{self, Settings};
use super::scalars::{
    TWO_DAYS, account, duration, is_account, is_external_id, is_name, is_region, name_mistake, role_account,
    timezone,
};
use super::schedule;
use super::tree::Value;

/// What holds in every environment that does not say otherwise.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    /// `None` when they name none; empty when they do and it can't be read.
    regions: Option<Vec<Region>>,
    regions_in_order: Option<bool>,
    times: schedule::Settings,
    refresh: Settings,
    checks_deadline: Option<Duration>,
}

impl Defaults {
    pub(super) fn read(node: Node<'_>) -> Self {
        let Some(mut map) = node.map() else {
            return Self { regions: Some(Vec::new()), ..Self::default() };
        };
        let defaults = Self {
            regions: map.optional("regions").map(regions),
            regions_in_order: in_order(&mut map),
            times: schedule::Settings::read(&mut map),
            refresh: map.optional("refresh").map(Settings::read).unwrap_or_default(),
            checks_deadline: checks_deadline(&mut map),
        };
        map.finish();
        defaults
    }
}

/// The families by name, at least one.
pub(super) fn families(node: Node<'_>) -> BTreeMap<String, Family> {
    let entries = node.entries();
    if node.is_empty() {
        node.wrong_key("`families` needs at least one family", None);
    }
    entries.into_iter().filter_map(|entry| Some((entry.name().to_owned(), family(entry)?))).collect()
}

fn family(node: Node<'_>) -> Option<Family> {
    check_name(node.name(), |message, hint| node.wrong_key(message, hint));
    let mut map = node.map()?;
    let previous = map.required("previous");
    map.finish();
    let mut previous = previous?.map()?;
    let name = previous.required("name").and_then(|node| node.text());
    let owners = previous.required("owners").map(owners);
    previous.finish();
    Some(Family { name_glob: name?.to_owned(), owners: owners? })
}

fn owners(node: Node<'_>) -> Vec<String> {
    let items = node.list();
    if node.is_empty() {
        node.wrong_key("`owners` needs at least one account, or `self`", None);
    }
    let owner = |item: Node<'_>| {
        let text = if let Value::Whole(_) = item.value() { account(item)? } else { item.text()? };
        if text != "self" && !is_account(text) {
            let message =
                format!("`{text}` owns no images here: an account number of twelve digits, or `self`");
            item.wrong(message, None);
        }
        Some(text.to_owned())
    };
    items.into_iter().filter_map(owner).collect()
}

/// The environments in order, at least one.
pub(super) fn environments(node: Node<'_>, defaults: &Defaults, zone: &TimeZone) -> Vec<Environment> {
    let items = node.list();
    if node.is_empty() {
        node.wrong_key("`environments` needs at least one environment", None);
    }
    items.into_iter().map(|item| environment(item, defaults, zone)).collect()
}

fn environment(node: Node<'_>, defaults: &Defaults, zone: &TimeZone) -> Environment {
    let Some(mut map) = node.map() else { return unreadable() };
    let zone = map.optional("timezone").and_then(timezone).unwrap_or_else(|| zone.clone());
    let said = schedule::Settings::read(&mut map).over(&defaults.times, zone);
    let account = map.required("account").and_then(account);
    let environment = Environment {
        name: EnvironmentName::new(map.required("name").and_then(name).unwrap_or_default()),
        account: AccountId::new(account.unwrap_or_default()),
        role_arn: map.optional("role_arn").and_then(|node| role(node, account)),
        external_id: map.optional("external_id").and_then(|node| external_id(node, map.node())),
        regions: environment_regions(&mut map, defaults),
        regions_in_order: in_order(&mut map).or(defaults.regions_in_order).unwrap_or_default(),
        select: map.required("select").map(select).unwrap_or_default(),
        gate: map.optional("gate").map(gate).unwrap_or_default(),
        schedule: said.schedule,
        max_age: said.max_age,
        quarantine_on_failure: said.quarantine_on_failure,
        refresh: map
            .optional("refresh")
            .map(Settings::read)
            .unwrap_or_default()
            .over(defaults.refresh.over(refresh::standard())),
        checks: map.optional("checks").map_or_else(|| vec!["instances".to_owned()], |node| node.texts()),
        checks_deadline: checks_deadline(&mut map).or(defaults.checks_deadline),
    };
    map.finish();
    environment
}

/// Stands for an item that is no mapping.
fn unreadable() -> Environment {
    let nothing = schedule::Settings::default();
    Environment {
        name: "".into(),
        account: "".into(),
        role_arn: None,
        external_id: None,
        regions: Vec::new(),
        regions_in_order: false,
        select: Selector::default(),
        gate: GatePolicy::default(),
        schedule: nothing.over(&nothing, TimeZone::UTC).schedule,
        max_age: None,
        quarantine_on_failure: false,
        refresh: refresh::standard(),
        checks: Vec::new(),
        checks_deadline: None,
    }
}

fn checks_deadline(map: &mut Map<'_>) -> Option<Duration> {
    map.optional("checks_deadline").and_then(|node| duration(node, Duration::from_secs(1), TWO_DAYS))
}

fn name(node: Node<'_>) -> Option<String> {
    let text = node.text()?;
    check_name(text, |message, hint| node.wrong(message, hint));
    Some(text.to_owned())
}

/// Reports a name that has not the shape of one.
pub(super) fn check_name(text: &str, report: impl FnOnce(String, Option<String>)) {
    if !is_name(text) {
        let (message, hint) = name_mistake(text);
        report(message, hint);
    }
}

fn role(node: Node<'_>, account: Option<&str>) -> Option<String> {
    let arn = node.text()?;
    match (role_account(arn), account) {
        (None, _) => {
            let hint = account.map(|account| format!("as in `arn:aws:iam::{account}:role/ami-refresh`"));
            node.wrong(format!("`{arn}` is not the ARN of a role"), hint);
        }
        (Some(of), Some(account)) if of != account => {
            node.wrong(format!("the role is in account {of}, the environment in {account}"), None);
        }
        (Some(_), _) => {}
    }
    Some(arn.to_owned())
}

/// As STS takes it; text, or where it is kept.
fn external_id(node: Node<'_>, environment: Node<'_>) -> Option<ExternalId> {
    if environment.get("role_arn").is_none() {
        let message = "`external_id` is for a role, and the environment has no `role_arn`";
        node.wrong_key(message, Some("add the role, or leave it out".to_owned()));
    }
    if let Value::Map(_) = node.value() {
        return notify::source(node).map(ExternalId::Kept);
    }
    let text = node.text()?;
    if !is_external_id(text) {
        let message = "STS takes no such external id: 2 to 1224 letters, digits and `_+=,.@:/-`";
        node.wrong(message, None);
    }
    Some(ExternalId::Plain(text.to_owned()))
}

fn in_order(map: &mut Map<'_>) -> Option<bool> {
    map.optional("regions_in_order").and_then(|node| node.boolean())
}

fn environment_regions(map: &mut Map<'_>, defaults: &Defaults) -> Vec<Region> {
    if let Some(node) = map.optional("regions") {
        return regions(node);
    }
    defaults.regions.clone().unwrap_or_else(|| {
        let hint = "add `regions: [eu-west-2]` here or to the defaults";
        map.node().wrong_key("the environment has no region", Some(hint.to_owned()));
        Vec::new()
    })
}

fn regions(node: Node<'_>) -> Vec<Region> {
    let items = node.list();
    if node.is_empty() {
        node.wrong_key("`regions` needs at least one region", None);
    }
    let mut seen = BTreeSet::new();
    let region = |item: Node<'_>| {
        let text = item.text().map(ToOwned::to_owned)?;
        if !is_region(&text) {
            item.wrong(format!("`{text}` is not a region"), Some("as in `eu-west-2`".to_owned()));
        } else if !seen.insert(text.clone()) {
            item.wrong(format!("`{text}` is there twice"), None);
        }
        Some(Region::new(text))
    };
    items.into_iter().filter_map(region).collect()
}

fn select(node: Node<'_>) -> Selector {
    let Some(mut map) = node.map() else { return Selector::default() };
    let tags = map.required("tags");
    map.finish();
    let Some(tags) = tags else { return Selector::default() };
    let entries = tags.entries();
    if tags.is_empty() {
        tags.wrong_key("`tags` needs at least one tag: without any, every group would be selected", None);
    }
    let tag = |entry: Node<'_>| Some((entry.name().to_owned(), entry.text()?.to_owned()));
    Selector { tags: entries.into_iter().filter_map(tag).collect() }
}

fn gate(node: Node<'_>) -> GatePolicy {
    let Some(mut map) = node.map() else { return GatePolicy::default() };
    let requires = map.optional("requires").map(|node| node.texts()).unwrap_or_default();
    let soak = map.optional("soak").and_then(|node| duration(node, Duration::ZERO, ONE_YEAR));
    let policy = GatePolicy {
        requires: requires.into_iter().map(EnvironmentName::new).collect(),
        soak: soak.unwrap_or_default(),
        allow_empty: map.optional("allow_empty").and_then(|node| node.boolean()).unwrap_or_default(),
    };
    map.finish();
    policy
}

const ONE_YEAR: Duration = Duration::from_secs(365 * 86_400);

/// The overrides, in order.
pub(super) fn overrides(node: Node<'_>) -> Vec<Override> {
    node.list().into_iter().map(read_override).collect()
}

fn read_override(node: Node<'_>) -> Override {
    let mut change = Override {
        name_glob: String::new(),
        refresh: PreferenceChanges::default(),
        checks: CheckChanges::default(),
        checks_deadline: None,
    };
    let Some(mut map) = node.map() else { return change };
    let glob = map.required("match").and_then(|node| {
        let mut map = node.map()?;
        let name = map.required("name").and_then(|node| node.text());
        map.finish();
        name
    });
    glob.unwrap_or_default().clone_into(&mut change.name_glob);
    let (refresh, checks) = (map.optional("refresh"), map.optional("checks"));
    change.refresh = refresh.map(refresh::read_override).unwrap_or_default();
    change.checks = checks.map(check_changes).unwrap_or_default();
    change.checks_deadline = checks_deadline(&mut map);
    let says = refresh.is_some() || checks.is_some() || node.get("checks_deadline").is_some();
    if map.finish() && !says {
        let hint = "add `refresh`, `checks` or `checks_deadline`".to_owned();
        node.wrong_key("the override changes nothing", Some(hint));
    }
    change
}

/// A list that stands for the environment's own, or what is added to that and removed from it.
fn check_changes(node: Node<'_>) -> CheckChanges {
    if let Value::List(_) = node.value() {
        return CheckChanges { replace: Some(node.texts()), ..CheckChanges::default() };
    }
    let Value::Map(_) = node.value() else {
        node.expected("a list of checks, or `{ add: [], remove: [] }`");
        return CheckChanges::default();
    };
    let Some(mut map) = node.map() else { return CheckChanges::default() };
    let mut names = |key| map.optional(key).map(|node| node.texts()).unwrap_or_default();
    let changes = CheckChanges { replace: None, remove: names("remove"), add: names("add") };
    if map.finish() && !changes.changes() {
        node.wrong_key("`checks` changes nothing", Some("add `add` or `remove`".to_owned()));
    }
    changes
}
