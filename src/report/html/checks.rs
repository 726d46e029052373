//! What the checks of a group that failed said: each different answer once, and who gave it.

use maud::{Markup, html};

use super::super::alike::{Alike, alike};
use super::super::record::CheckRecord;
use super::super::style::count;
use super::words::{block, line, list, status_badge};
use crate::event::{Probe, Status};

/// How many different answers of a check are shown, and how many who gave them are named.
const ANSWERS: usize = 4;
const NAMED: usize = 4;
/// How much of an answer is shown, in characters.
const ANSWER: usize = 1500;

/// A check that did not pass: who answered what.
pub(super) fn failed(check: &CheckRecord) -> Markup {
    let answers = answers(&check.result.probes);
    let passed = check.result.probes.iter().filter(|probe| probe.status == Status::Passed).count();
    html! {
        div.check {
            p { (status_badge(check.result.status)) " " b { (line(&check.result.check)) } ": " (line(&check.result.message)) }
            @for earlier in check.earlier.iter().take(ANSWERS) { p.note { (line(earlier)) } }
            @if !answers.is_empty() {
                ul.answers {
                    @for answer in answers.iter().take(ANSWERS) { li { (one(answer, &check.result.message)) } }
                }
            }
            @if answers.len() > ANSWERS {
                p.note { (answers.len() - ANSWERS) " other answers are in the JUnit file." }
            }
            @if passed > 0 { p.note { (count(passed, "other")) " passed." } }
        }
    }
}

/// The answers that did not pass, the most frequent first.
fn answers(probes: &[Probe]) -> Vec<Alike<'_>> {
    let mut answers = alike(probes.iter().filter(|probe| probe.status > Status::Skipped));
    answers.sort_by_key(|answer| std::cmp::Reverse(answer.probes.len()));
    answers
}

/// An answer, less what is `said` of all of them already.
fn one(answer: &Alike<'_>, said: &str) -> Markup {
    let message = answer.message();
    let subjects: Vec<String> = answer.probes.iter().map(|probe| line(&probe.subject)).collect();
    let attempts = match answer.probes.iter().map(|probe| probe.attempts).max().unwrap_or(0) {
        0 | 1 => String::new(),
        times => format!(", asked {times} times"),
    };
    let evidence = answer.probes.first().map_or_else(String::new, |probe| block(&probe.evidence, ANSWER));
    html! {
        @if !said.ends_with(&message) { p { (line(&message)) } }
        @if !evidence.is_empty() { pre { (evidence) } }
        p.note { (list(&subjects, NAMED)) (attempts) }
    }
}
