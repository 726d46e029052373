//! What a check captures comes before what names it, in every list that a group can have.
//!
//! Overrides are tried as they can meet: each alone, and each after each other one before it.

use std::collections::BTreeMap;

use super::super::fleet::{Check, Fleet, Override, Scope};
use super::super::reader::Node;
use super::super::sound::can_meet;
use super::Named;

/// What is wrong in a list, and with which check of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Breach {
    check: String,
    message: String,
    hint: String,
}

/// Reports the lists of environments, each where the check is named.
pub(super) fn environments(fleet: &Fleet, lists: &[(Option<Node<'_>>, Vec<Named>)]) {
    for (list, named) in lists {
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        for breach in breaches(fleet, &names) {
            let at = named.iter().find(|(name, _)| *name == breach.check).map(|(_, at)| *at);
            if let Some(item) = at.and_then(|at| list.as_ref()?.item(at)) {
                item.wrong(breach.message, Some(breach.hint));
            }
        }
    }
}

/// Reports what overrides make of the environments' lists, and what they remove from none.
pub(super) fn overrides(fleet: &Fleet, root: Node<'_>) {
    let Some(list) = root.get("overrides") else { return };
    for (at, change) in fleet.overrides.iter().enumerate().filter(|(_, change)| change.checks.changes()) {
        let Some(node) = list.item(at).and_then(|item| item.get("checks")) else { continue };
        let earlier = fleet.overrides[..at]
            .iter()
            .filter(|earlier| earlier.checks.changes() && can_meet(&earlier.name_glob, &change.name_glob));
        let before: Vec<Option<&Override>> = std::iter::once(None).chain(earlier.map(Some)).collect();
        let mut found: BTreeMap<Breach, Vec<&str>> = BTreeMap::new();
        for environment in &fleet.environments {
            for breach in new_breaches(fleet, &environment.checks, &before, change) {
                let names = found.entry(breach).or_default();
                if !names.contains(&environment.name.as_str()) {
                    names.push(environment.name.as_str());
                }
            }
        }
        for (breach, names) in found {
            let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
            let first = names.first().copied().unwrap_or_default();
            node.wrong_key(format!("{} (in `{first}`{more})", breach.message), Some(breach.hint));
        }
        removes_something(fleet, &before, change, node);
    }
}

/// What is wrong with a list because of the override, and would not be without it.
fn new_breaches(
    fleet: &Fleet,
    own: &[String],
    before: &[Option<&Override>],
    change: &Override,
) -> Vec<Breach> {
    let mut found = Vec::new();
    for earlier in before {
        let mut names = own.to_vec();
        if let Some(earlier) = earlier {
            earlier.checks.apply(&mut names);
        }
        let known = breaches(fleet, &texts(&names));
        change.checks.apply(&mut names);
        found.extend(breaches(fleet, &texts(&names)).into_iter().filter(|breach| !known.contains(breach)));
    }
    found
}

fn removes_something(fleet: &Fleet, before: &[Option<&Override>], change: &Override, node: Node<'_>) {
    let there = |name: &String| {
        let added = |other: &&Override| {
            other.checks.add.contains(name) || other.checks.replace.iter().flatten().any(|one| one == name)
        };
        fleet.environments.iter().any(|environment| environment.checks.contains(name))
            || before.iter().flatten().any(added)
    };
    for name in change.checks.remove.iter().filter(|name| fleet.checks.contains_key(*name)) {
        if let (false, Some(remove)) = (there(name), node.get("remove")) {
            remove.wrong_key(format!("`{name}` is in no list that this changes"), None);
        }
    }
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// Every captured variable of a list that is not there when it is named, or captured twice.
fn breaches(fleet: &Fleet, names: &[&str]) -> Vec<Breach> {
    let checks: Vec<&Check> = names.iter().filter_map(|name| fleet.checks.get(*name)).collect();
    let mut found = Vec::new();
    for (at, check) in checks.iter().enumerate() {
        for variable in &check.uses {
            let suits = |other: &&&Check| {
                captures(other, variable) && (other.on == Scope::Group || check.on == Scope::Instance)
            };
            if checks[..at].iter().any(|other| suits(&other)) {
                continue;
            }
            let later = checks[at..].iter().find(suits).copied();
            found.push(absent(fleet, check, variable, later));
        }
        for capture in check.kind.captures() {
            if let Some(twin) = checks[..at].iter().find(|other| captures(other, &capture.name)) {
                found.push(Breach {
                    check: check.name.clone(),
                    message: format!(
                        "`{}` captures `{{{}}}`, and so does `{}` before it",
                        check.name, capture.name, twin.name
                    ),
                    hint: "give one of them another name".to_owned(),
                });
            }
        }
    }
    found
}

fn captures(check: &Check, variable: &str) -> bool {
    check.kind.captures().iter().any(|capture| capture.name == variable)
}

/// What is said of a check that names a variable which nothing before it captures.
fn absent(fleet: &Fleet, check: &Check, variable: &str, later: Option<&Check>) -> Breach {
    let name = &check.name;
    let (message, hint) = match later {
        Some(other) if other.name == *name => (
            format!("`{name}` names `{{{variable}}}`, which it captures itself"),
            "a value is there for the checks after it only".to_owned(),
        ),
        Some(other) if other.uses.iter().any(|needed| captures(check, needed)) => (
            format!("`{name}` and `{}` name what the other captures: neither can be first", other.name),
            "take what both need out of a check of its own".to_owned(),
        ),
        Some(other) => (
            format!("`{name}` names `{{{variable}}}`, which `{}` captures only after it", other.name),
            format!("put `{}` before `{name}`", other.name),
        ),
        None => {
            let by = fleet.checks.values().find(|other| captures(other, variable));
            let by = by.map_or_else(String::new, |other| other.name.clone());
            (
                format!("`{name}` names `{{{variable}}}`, which no check before it captures"),
                format!("put `{by}` before it"),
            )
        }
    };
    Breach { check: name.clone(), message, hint }
}
