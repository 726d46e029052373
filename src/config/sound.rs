//! The rules of `refresh` as it comes out: defaults, environment and overrides together.
//!
//! Says of each breach where it was written. What AWS refuses of one policy is `refresh`'s
//! to know.

use std::collections::BTreeMap;

use super::fleet::{Environment, Fleet, Override};
use super::reader::Node;
use super::refresh::refused;
use super::tree::Value;

/// What is wrong, and the keys that it comes from.
type Breach = (String, &'static [&'static str]);

/// Reports what AWS refuses where it was written: in the environment, else in the defaults.
pub(super) fn refresh(environment: &Environment, node: Node<'_>, root: Node<'_>) {
    let own = node.get("refresh");
    let shared = root.get("defaults").and_then(|defaults| defaults.get("refresh"));
    for (message, keys) in refused(&environment.refresh) {
        let written = |refresh: Option<Node<'_>>| {
            keys.iter().any(|key| refresh.is_some_and(|node| node.get(key).is_some()))
        };
        let refresh = if written(own) { own } else { shared };
        report(refresh, keys, message);
    }
}

fn report(refresh: Option<Node<'_>>, keys: &[&str], message: String) {
    if let Some(node) = refresh.and_then(|refresh| keys.iter().find_map(|key| refresh.get(key))) {
        node.wrong(message, None);
    }
}

/// What AWS would refuse of a group that an override matches. Every breach is between two
/// settings, so it is enough to try each override alone, and each two that can meet.
pub(super) fn overrides(fleet: &Fleet, root: Node<'_>) {
    let Some(list) = root.get("overrides") else { return };
    for (at, change) in fleet.overrides.iter().enumerate() {
        let Some(node) = list.item(at).and_then(|item| item.get("refresh")) else { continue };
        let earlier =
            fleet.overrides[..at].iter().filter(|earlier| can_meet(&earlier.name_glob, &change.name_glob));
        let before: Vec<Option<&Override>> = std::iter::once(None).chain(earlier.map(Some)).collect();
        let mut found: BTreeMap<Breach, Vec<&str>> = BTreeMap::new();
        for environment in &fleet.environments {
            if let Some(breach) = breach(environment, &before, change) {
                found.entry(breach).or_default().push(environment.name.as_str());
            }
        }
        for ((message, keys), names) in found {
            let others =
                if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
            let first = names.first().copied().unwrap_or_default();
            report(Some(node), keys, format!("{message} (in `{first}`{others})"));
        }
    }
}

/// The first thing that AWS would refuse of an environment's group because of the override.
fn breach(environment: &Environment, before: &[Option<&Override>], change: &Override) -> Option<Breach> {
    before.iter().find_map(|earlier| {
        let mut policy = environment.refresh.clone();
        if let Some(earlier) = earlier {
            earlier.refresh.apply(&mut policy);
        }
        // What is wrong without this override too is reported where it comes from.
        let known = refused(&policy);
        change.refresh.apply(&mut policy);
        let new = refused(&policy).into_iter().find(|breach| !known.contains(breach));
        new.map(|(message, keys)| match earlier {
            Some(earlier) => (format!("after `{}`, {message}", earlier.name_glob), keys),
            None => (message, keys),
        })
    })
}

/// Reports each `checkpoint_delay` that no refresh can pause by: AWS takes none without
/// checkpoints. Those may come from elsewhere, so it is enough that they can come at all.
pub(super) fn delays(fleet: &Fleet, root: Node<'_>) {
    let defaults = root.get("defaults");
    let environments = items(root, "environments");
    let overrides = items(root, "overrides");
    let pauses = |node: &Node<'_>| pauses(*node).or_else(|| pauses(defaults?)).unwrap_or_default();
    let adds = |node: &Node<'_>| self::pauses(*node).unwrap_or_default();
    let by_environment = environments.iter().any(pauses);
    let by_override = overrides.iter().any(adds);
    let idle_defaults = defaults.filter(|_| !by_environment && !by_override);
    let idle_environments = environments.iter().filter(|node| !by_override && !pauses(node));
    let globs = || fleet.overrides.iter().map(|change| change.name_glob.as_str());
    let idle_overrides = overrides.iter().zip(globs()).filter(|(_, glob)| {
        !by_environment
            && !overrides.iter().zip(globs()).any(|(node, other)| adds(node) && can_meet(other, glob))
    });
    let idle = idle_environments.chain(idle_overrides.map(|(node, _)| node)).chain(&idle_defaults);
    for node in idle.filter_map(|node| node.get("refresh")?.get("checkpoint_delay")) {
        let hint = "add `checkpoints: [50, 100]`, or leave it out".to_owned();
        node.wrong_key(
            "`checkpoint_delay` has no `checkpoints`, and AWS takes it only with them",
            Some(hint),
        );
    }
}

fn items<'a>(root: Node<'a>, list: &str) -> Vec<Node<'a>> {
    let list = root.get(list);
    (0..).map_while(|at| list?.item(at)).collect()
}

/// Whether the `refresh` of it has checkpoints, also such as can't be read; `None` when it
/// does not say.
fn pauses(of: Node<'_>) -> Option<bool> {
    let checkpoints = of.get("refresh")?.get("checkpoints")?;
    Some(!matches!(checkpoints.value(), Value::List(items) if items.is_empty()))
}

/// Whether some name matches both globs.
pub(super) fn can_meet(left: &str, right: &str) -> bool {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    // meet[j]: whether the rest of `left` from i and of `right` from j have a text in common.
    let mut after: Vec<bool> = Vec::new();
    for i in (0..=left.len()).rev() {
        let mut meet = vec![false; right.len() + 1];
        for j in (0..=right.len()).rev() {
            let below = |j: usize| after.get(j).copied().unwrap_or_default();
            let beside = meet.get(j + 1).copied().unwrap_or_default();
            meet[j] = match (left.get(i), right.get(j)) {
                (None, None) => true,
                (Some('*'), _) if below(j) => true,
                (_, Some('*')) if beside => true,
                (Some('*'), Some(_)) => beside,
                (Some(_), Some('*')) => below(j),
                (Some(a), Some(b)) => (*a == '?' || *b == '?' || a == b) && below(j + 1),
                (None, Some(_)) | (Some(_), None) => false,
            };
        }
        after = meet;
    }
    after.first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::can_meet;

    #[test]
    fn two_globs_meet_when_some_name_matches_both() {
        for (left, right) in
            [("*", "a"), ("a*", "*b"), ("*-batch-*", "pay-*"), ("a?c", "abc"), ("", "*"), ("a*b", "ab")]
        {
            assert!(can_meet(left, right) && can_meet(right, left), "{left} {right}");
        }
        for (left, right) in [("a*", "b*"), ("*a", "*b"), ("a", "aa"), ("a?c", "ac"), ("", "?")] {
            assert!(!can_meet(left, right) && !can_meet(right, left), "{left} {right}");
        }
    }
}
