//! A group's story: what happened to it, moment by moment.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::super::evidence::route_words;
use super::super::record::{GroupRecord, status_word};
use super::words::{clock, line};

/// The most lines of a story.
const LINES: usize = 60;

/// The lines, in the order in which they happened.
pub(super) fn story(group: &GroupRecord, zone: &TimeZone) -> Markup {
    let mut lines = lines(group);
    lines.sort_by_key(|(at, _)| *at);
    let left_out = lines.len().saturating_sub(LINES);
    html! {
        ol.story {
            @for (at, text) in lines.iter().take(LINES) {
                li { time { (clock(*at, zone)) } " " (line(text)) }
            }
            @if left_out > 0 { li { "and " (left_out) " more, in journal.jsonl" } }
        }
    }
}

fn lines(group: &GroupRecord) -> Vec<(Timestamp, String)> {
    let mut lines = Vec::new();
    if let (Some(at), Some((id, target, adopted))) = (group.refresh_began, &group.refresh) {
        let how = if *adopted { "found under way" } else { "started" };
        lines.push((at, format!("refresh {id} {how}, to {target}")));
    }
    for (at, status, percent, reason) in &group.moves {
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        lines.push((*at, format!("AWS: {status}, {percent}%{reason}")));
    }
    for (at, message) in &group.launch_failures {
        lines.push((*at, format!("AWS: a launch failed: {message}")));
    }
    for check in &group.checks {
        let status = status_word(check.result.status);
        let slowest = check.result.probes.iter().map(|probe| probe.latency_ms).max().unwrap_or(0);
        let slowest = if slowest > 0 { format!(" (slowest answer {slowest} ms)") } else { String::new() };
        let text = format!("check {} {status}: {}{slowest}", check.result.check, check.result.message);
        lines.push((check.ended, text));
    }
    if let (Some(at), Some((route, why))) = (group.rollback_began, &group.rollback) {
        lines.push((at, format!("{}, since: {why}", route_words(*route))));
    }
    for step in &group.steps {
        let status = status_word(step.status);
        let evidence = match step.evidence.as_slice() {
            [] => String::new(),
            evidence => {
                format!(" ({})", evidence.iter().take(3).map(String::as_str).collect::<Vec<_>>().join("; "))
            }
        };
        lines.push((step.ended, format!("{} {status}: {}{evidence}", step.step.as_str(), step.message)));
    }
    lines
}
