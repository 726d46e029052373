//! `check_sets`, and every list of checks: names become checks, in order.
//!
//! A list may name checks and sets; a set may name sets. Each list is taken apart here once,
//! so that nothing behind the configuration knows of sets. What a check captures must come
//! before what names it in every list that a group can end up with, overrides included.

mod order;

use std::collections::{BTreeMap, BTreeSet};

use super::environments::check_name;
use super::fleet::Fleet;
use super::reader::Node;
use super::words::{did_you_mean, nearest, quoted};

/// The sets as they are written, and the names of all checks.
struct Names<'a> {
    sets: BTreeMap<&'a str, (Node<'a>, Vec<String>)>,
    checks: BTreeSet<String>,
}

/// A name of a list that is taken apart, and the position in the list that it comes from.
type Named = (String, usize);

/// Takes every list of the configuration apart, and reports what is wrong in them.
pub(super) fn resolve(fleet: &mut Fleet, root: Node<'_>) {
    let names = Names::read(fleet, root);
    names.report_sets();
    let environments = root.get("environments");
    let mut lists = Vec::new();
    for (at, environment) in fleet.environments.iter_mut().enumerate() {
        let list = environments.and_then(|list| list.item(at)?.get("checks"));
        if let Some(list) = list {
            names.report(list, &environment.checks);
        }
        let apart = names.apart(&environment.checks);
        environment.checks = plain(&apart);
        lists.push((list, apart));
    }
    for (at, change) in fleet.overrides.iter_mut().enumerate() {
        let node = root.get("overrides").and_then(|list| list.item(at)?.get("checks"));
        let changes = &mut change.checks;
        let add = node.and_then(|node| node.get("add"));
        let remove = node.and_then(|node| node.get("remove"));
        for (list, written) in [(add, &mut changes.add), (remove, &mut changes.remove)] {
            names.take_apart(list, written);
        }
        if let Some(written) = &mut changes.replace {
            names.take_apart(node, written);
        }
    }
    order::environments(fleet, &lists);
    order::overrides(fleet, root);
}

fn plain(named: &[Named]) -> Vec<String> {
    named.iter().map(|(name, _)| name.clone()).collect()
}

impl<'a> Names<'a> {
    fn read(fleet: &Fleet, root: Node<'a>) -> Self {
        // A check whose definition has a mistake is not in the fleet, but is not unknown either.
        let written = root.get("checks").map(|checks| checks.keys()).unwrap_or_default();
        let checks = fleet.checks.keys().cloned().chain(written.into_iter().map(ToOwned::to_owned)).collect();
        let entries = root.get("check_sets").map(|sets| sets.entries()).unwrap_or_default();
        let sets = entries.into_iter().map(|node| (node.name(), (node, node.texts()))).collect();
        Self { sets, checks }
    }

    fn report_sets(&self) {
        for (name, (node, list)) in &self.sets {
            check_name(name, |message, hint| node.wrong_key(message, hint));
            if self.checks.contains(*name) {
                let hint = Some("a list could not tell which is meant".to_owned());
                node.wrong_key(format!("there is a check `{name}` too"), hint);
            }
            if node.is_empty() {
                node.wrong_key(format!("the set `{name}` has no check"), None);
            }
            self.report(*node, list);
            for (index, member) in list.iter().enumerate() {
                let mut way = vec![*name];
                let leads_back = self.leads_to(member, name, &mut way, &mut BTreeSet::new());
                // A cycle is told once: of its first set by name.
                let tells = leads_back && way.iter().all(|other| name <= other);
                if let (true, Some(item)) = (tells, node.item(index)) {
                    item.wrong(cycle(&way), None);
                    break;
                }
            }
        }
    }

    /// Whether a set is within another, and by which way.
    fn leads_to<'s>(
        &'s self,
        from: &'s str,
        to: &str,
        way: &mut Vec<&'s str>,
        seen: &mut BTreeSet<&'s str>,
    ) -> bool {
        if from == to {
            return true;
        }
        let Some((_, members)) = self.sets.get(from).filter(|_| seen.insert(from)) else { return false };
        way.push(from);
        if members.iter().any(|member| self.leads_to(member, to, way, seen)) {
            return true;
        }
        way.pop();
        false
    }

    /// Reports names that are unknown or there twice.
    fn report(&self, list: Node<'_>, written: &[String]) {
        for (index, name) in written.iter().enumerate() {
            let Some(item) = list.item(index).filter(|_| !name.is_empty()) else { continue };
            if written[..index].contains(name) {
                item.wrong(format!("`{name}` is there twice"), None);
            }
            if self.checks.contains(name) {
                let within = |set: &&String| self.is_set(set) && self.holds(set, name, list);
                if let Some(set) = written.iter().find(within) {
                    item.wrong(format!("`{name}` is there twice: it is in the set `{set}`"), None);
                }
            } else if !self.sets.contains_key(name.as_str()) {
                let known = || self.checks.iter().map(String::as_str).chain(self.sets.keys().copied());
                let hint = nearest(name, known())
                    .map_or_else(|| format!("defined are {}", quoted(known(), "and")), did_you_mean);
                item.wrong(format!("there is no check `{name}`"), Some(hint));
            }
        }
    }

    /// Whether the name is a set's; one that is a check's too has been reported.
    fn is_set(&self, name: &str) -> bool {
        self.sets.contains_key(name) && !self.checks.contains(name)
    }

    /// Whether the set holds the check, and not by way of the very list, which has been reported.
    fn holds(&self, set: &str, check: &str, list: Node<'_>) -> bool {
        let circles = self.leads_to(set, list.name(), &mut Vec::new(), &mut BTreeSet::new());
        !circles && self.apart(&[set.to_owned()]).iter().any(|(name, _)| name == check)
    }

    fn take_apart(&self, list: Option<Node<'_>>, written: &mut Vec<String>) {
        if let Some(list) = list {
            self.report(list, written);
        }
        *written = plain(&self.apart(written));
    }

    /// The checks of a list, each once, where it comes first.
    fn apart(&self, written: &[String]) -> Vec<Named> {
        let (mut named, mut seen) = (Vec::new(), BTreeSet::new());
        for (index, name) in written.iter().enumerate() {
            self.take(name, index, &mut named, &mut seen);
        }
        named
    }

    fn take<'s>(&'s self, name: &'s str, index: usize, named: &mut Vec<Named>, seen: &mut BTreeSet<&'s str>) {
        // What was taken apart adds nothing a second time; of a cycle, that has been reported.
        if !seen.insert(name) {
            return;
        }
        match self.sets.get(name).filter(|_| !self.checks.contains(name)) {
            Some((_, members)) => members.iter().for_each(|member| self.take(member, index, named, seen)),
            None => named.push((name.to_owned(), index)),
        }
    }
}

fn cycle(way: &[&str]) -> String {
    match way {
        [only] => format!("the set `{only}` is in itself"),
        [first, rest @ ..] => {
            let rest: Vec<String> = rest.iter().map(|name| format!("`{name}`")).collect();
            format!("the set `{first}` holds {}, which holds `{first}`", rest.join(", which holds "))
        }
        [] => String::new(),
    }
}
