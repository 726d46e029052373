//! Facts in words: what a plan does, how checks stand, who did not pass, how groups ended.

use std::collections::BTreeSet;

use super::super::alike::alike;
use super::super::clean;
use super::super::collect::{Counts, Run};
use super::super::style::{add_line, count};
use crate::event::{CheckResult, PlannedAction, PlannedGroup, Probe, Status};

/// How many failing subjects of a check, or facts of a step, are shown.
pub(super) const SHOWN: usize = 5;

/// `2 groups to refresh, 8 instances: dept-base-1 -> dept-base-2; 1 group to skip`.
pub(super) fn plan_words(groups: &[PlannedGroup], run: &Run) -> String {
    let of = |action: PlannedAction| groups.iter().filter(move |group| group.action == action);
    let mut parts = Vec::new();
    for (action, what) in [(PlannedAction::Refresh, "refresh"), (PlannedAction::Resume, "resume")] {
        let number = of(action).count();
        if number > 0 {
            let instances: usize = of(action).map(|group| group.desired as usize).sum();
            let change = image_words(&of(action).collect::<Vec<_>>(), run);
            parts.push(format!(
                "{} to {what}, {}: {change}",
                count(number, "group"),
                count(instances, "instance")
            ));
        }
    }
    for (action, what) in [(PlannedAction::Defer, "not due"), (PlannedAction::Skip, "to skip")] {
        match of(action).count() {
            0 => {}
            number => parts.push(format!("{} {what}", count(number, "group"))),
        }
    }
    if parts.is_empty() { "no groups".to_owned() } else { parts.join("; ") }
}

fn image_words(groups: &[&PlannedGroup], run: &Run) -> String {
    let old: BTreeSet<&str> = groups.iter().map(|group| group.image_name.as_str()).collect();
    let new: BTreeSet<&str> = groups
        .iter()
        .filter_map(|group| group.new_image.as_ref())
        .map(|id| run.images.iter().find(|image| image.id == *id).map_or(id.as_str(), |image| &image.name))
        .collect();
    let words = |names: BTreeSet<&str>| match names.len() {
        1 => {
            names.into_iter().next().filter(|name| !name.is_empty()).unwrap_or("an unnamed image").to_owned()
        }
        0 => "no image".to_owned(),
        number => count(number, "image"),
    };
    format!("{} -> {}", words(old), words(new))
}

/// `app-health 3/4`, or `targets skipped`.
pub(super) fn tally(result: &CheckResult) -> String {
    if result.status == Status::Skipped {
        return format!("{} skipped", result.check);
    }
    let passed = result.probes.iter().filter(|probe| probe.status == Status::Passed).count();
    match result.probes.len() {
        0 => result.check.clone(),
        all => format!("{} {passed}/{all}", result.check),
    }
}

/// Who did not pass a check, a line each, and the first line of what they answered.
pub(super) fn failing(result: &CheckResult) -> String {
    let bad: Vec<&Probe> = result.probes.iter().filter(|probe| probe.status > Status::Skipped).collect();
    let mut text = String::new();
    if bad.is_empty() {
        add_line(&mut text, &clean::line(&format!("{}: {}", result.check, result.message)));
    }
    let groups = alike(bad.iter().copied());
    for group in groups.iter().take(SHOWN) {
        let Some(first) = group.probes.first() else { continue };
        let answer = first.evidence.lines().next().map_or(String::new(), |line| format!(": {line}"));
        let who = match group.probes.len() {
            1 => first.subject.clone(),
            number => count(number, group.noun()),
        };
        let line = format!("{}  {who}: {}{answer}", result.check, group.message());
        add_line(&mut text, &clean::line(&line));
        if group.probes.len() > 1 {
            let subjects = group.probes.iter().take(SHOWN).map(|probe| probe.subject.as_str());
            let subjects = subjects.collect::<Vec<_>>().join(", ");
            let more = group.probes.len().saturating_sub(SHOWN);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            add_line(&mut text, &format!("  {}{more}", clean::line(&subjects)));
        }
    }
    if groups.len() > SHOWN {
        let more: usize = groups.iter().skip(SHOWN).map(|group| group.probes.len()).sum();
        add_line(&mut text, &format!("{}  and {more} more", clean::line(&result.check)));
    }
    text
}

/// `: 3 refreshed, 1 skipped`; empty when there are no groups.
pub(super) fn count_words(counts: Counts) -> String {
    let parts: Vec<String> = [
        (counts.refreshed, "refreshed"),
        (counts.skipped, "skipped"),
        (counts.rolled_back, "rolled back"),
        (counts.refused, "refused"),
        (counts.needs_person, "in need of a person"),
        (counts.left, "left to AWS"),
        (counts.not_due, "not due"),
        (counts.not_started, "not started"),
        (counts.unfinished, "untouched"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{number} {what}"))
    .collect();
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(messages: &[&str]) -> CheckResult {
        let probe = |(at, message): (usize, &&str)| Probe {
            subject: format!("i-{at}"),
            status: Status::Failed,
            message: (*message).to_owned(),
            attempts: 1,
            latency_ms: 1,
            refused: false,
            evidence: String::new(),
            output: String::new(),
        };
        CheckResult {
            check: "app-health".into(),
            status: Status::Failed,
            message: String::new(),
            probes: messages.iter().enumerate().map(probe).collect(),
            took_ms: 1,
        }
    }

    #[test]
    fn what_answered_otherwise_is_told_by_name() {
        let text = failing(&result(&["503 in 12 ms", "404 in 12 ms"]));
        assert_eq!(text, "app-health i-0: 503 in 12 ms\napp-health i-1: 404 in 12 ms\n");
    }
}
