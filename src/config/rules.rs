//! The rules between the parts of a configuration: gates, names, selectors.
//!
//! Works on what was read, and finds the places again by the same positions. Empty names
//! stand for what could not be read; they have been reported, and break no rule here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::fleet::{Environment, Fleet};
use super::reader::Node;
use super::schedule;
use super::sound;
use super::tree::Value;
use super::words::{did_you_mean, nearest};
use crate::model::EnvironmentName;

/// Checks every rule and reports each breach.
pub(super) fn check(fleet: &Fleet, root: Node<'_>) {
    let Some(list) = root.get("environments") else { return };
    let items = fleet.environments.iter().enumerate().filter_map(|(at, environment)| {
        let node = list.item(at)?;
        Some((at, environment, node))
    });
    for (at, environment, node) in items {
        unique_name(fleet, at, environment, node);
        distinct_groups(fleet, at, environment, node);
        requirements(fleet, environment, node);
        sound::refresh(environment, node, root);
        schedule::check(environment, node, root);
    }
    cycles(fleet, root);
    known_in_freezes(fleet, root);
    sound::overrides(fleet, root);
    sound::delays(fleet, root);
}

fn unique_name(fleet: &Fleet, at: usize, environment: &Environment, node: Node<'_>) {
    let name = environment.name.as_str();
    let twin = fleet.environments[..at].iter().any(|earlier| earlier.name == environment.name);
    if let (true, false, Some(node)) = (twin, name.is_empty(), node.get("name")) {
        node.wrong(format!("there is an environment `{name}` before this one"), None);
    }
}

/// Two environments that select by the same tags in one place would fight over the groups.
fn distinct_groups(fleet: &Fleet, at: usize, environment: &Environment, node: Node<'_>) {
    let tags = &environment.select.tags;
    let twin = fleet.environments[..at].iter().find(|earlier| {
        earlier.account == environment.account
            && earlier.select.tags == *tags
            && earlier.regions.iter().any(|region| environment.regions.contains(region))
    });
    let readable = !tags.is_empty() && !environment.account.as_str().is_empty();
    if let (Some(twin), true, Some(node)) = (twin, readable, node.get("select")) {
        let message = format!(
            "`{}` and `{}` select the same groups: same account, same tags, a common region",
            twin.name, environment.name
        );
        node.wrong_key(message, None);
    }
}

fn requirements(fleet: &Fleet, environment: &Environment, node: Node<'_>) {
    let Some(list) = node.get("gate").and_then(|gate| gate.get("requires")) else { return };
    let names: Vec<&str> = fleet.environments.iter().map(|environment| environment.name.as_str()).collect();
    for (index, required) in environment.gate.requires.iter().enumerate() {
        let required = required.as_str();
        let Some(item) = list.item(index) else { continue };
        if required.is_empty() {
            continue;
        }
        if environment.gate.requires[..index].iter().any(|earlier| earlier.as_str() == required) {
            item.wrong(format!("`{required}` is required twice"), None);
        }
        // It may be one of those whose name could not be read.
        if !names.contains(&required) && !names.contains(&"") {
            let hint = nearest(required, names.iter().copied());
            item.wrong(format!("there is no environment `{required}`"), hint.map(did_you_mean));
        }
    }
}

/// Reports each cycle of requirements once, at the first environment of it.
fn cycles(fleet: &Fleet, root: Node<'_>) {
    let mut reported: BTreeSet<usize> = BTreeSet::new();
    for (at, environment) in fleet.environments.iter().enumerate() {
        let cycle =
            required(fleet, at).into_iter().find_map(|(index, next)| Some((index, way(fleet, next, at)?)));
        let Some((index, cycle)) = cycle.filter(|_| !reported.contains(&at)) else { continue };
        let list = root.get("environments").and_then(|list| list.item(at));
        let list = list.and_then(|node| node.get("gate")?.get("requires"));
        if let Some(item) = list.and_then(|list| list.item(index)) {
            item.wrong(cycle_message(fleet, environment, &cycle), None);
        }
        reported.extend(cycle);
    }
}

fn cycle_message(fleet: &Fleet, environment: &Environment, cycle: &[usize]) -> String {
    let name = &environment.name;
    if cycle.len() == 1 {
        return format!("`{name}` requires itself, and could never start");
    }
    let way: Vec<String> = cycle.iter().map(|at| format!("`{}`", fleet.environments[*at].name)).collect();
    format!("`{name}` requires {}: none of them could ever start", way.join(", which requires "))
}

/// What an environment requires: positions in its list, and in the file.
fn required(fleet: &Fleet, at: usize) -> Vec<(usize, usize)> {
    let position = |name: &EnvironmentName| {
        let named = |environment: &Environment| environment.name == *name;
        fleet.environments.iter().position(named).filter(|_| !name.as_str().is_empty())
    };
    let required = fleet.environments[at].gate.requires.iter().enumerate();
    required.filter_map(|(index, name)| Some((index, position(name)?))).collect()
}

/// The shortest way from one environment to another by what they require, both included.
fn way(fleet: &Fleet, from: usize, to: usize) -> Option<Vec<usize>> {
    let mut before: BTreeMap<usize, usize> = BTreeMap::from([(from, from)]);
    let mut open = VecDeque::from([from]);
    while let Some(at) = open.pop_front() {
        for (_, next) in required(fleet, at) {
            before.entry(next).or_insert_with(|| {
                open.push_back(next);
                at
            });
        }
    }
    let mut way = vec![to];
    let mut at = to;
    while at != from {
        at = *before.get(&at)?;
        way.push(at);
    }
    way.reverse();
    Some(way)
}

/// The order of the file, except that an environment comes after all that it requires.
pub(super) fn rollout_order(mut environments: Vec<Environment>) -> Vec<Environment> {
    let mut ordered: Vec<Environment> = Vec::new();
    let placed = |ordered: &[Environment], environment: &Environment| {
        let there = |name: &EnvironmentName| ordered.iter().any(|earlier| earlier.name == *name);
        environment.gate.requires.iter().all(there)
    };
    while let Some(next) = environments.iter().position(|environment| placed(&ordered, environment)) {
        ordered.push(environments.remove(next));
    }
    // What is left requires itself or something unknown, and has been reported.
    ordered.append(&mut environments);
    ordered
}

/// The environments that freezes name.
fn known_in_freezes(fleet: &Fleet, root: Node<'_>) {
    let Some(list) = root.get("freezes") else { return };
    let names: Vec<&str> = fleet.environments.iter().map(|environment| environment.name.as_str()).collect();
    let lists = (0..).map_while(|at| list.item(at)).filter_map(|freeze| freeze.get("environments"));
    for item in lists.flat_map(|list| (0..).map_while(move |at| list.item(at))) {
        if let Value::Text(name) = item.value()
            && !names.contains(&name.as_str())
            && !names.contains(&"")
            && !name.is_empty()
        {
            let hint = nearest(name, names.iter().copied()).map(did_you_mean);
            item.wrong(format!("there is no environment `{name}`"), hint);
        }
    }
}
