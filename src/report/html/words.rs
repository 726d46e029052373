//! Small pieces that every section uses: cleaned texts, marks of how something ended, times.
//!
//! Every text that came from outside goes through [`line()`] or [`block`]: cleaned, bounded, and
//! escaped by the markup.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::super::clean;
use super::super::collect::{Counts, Run};
use super::super::record::{EnvironmentRecord, GroupRecord, status_word};
use crate::event::Status;
use crate::model::{Outcome, Verdict};

/// How good or bad something is: a class of the stylesheet, and a sign for those who see no colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    Good,
    Dim,
    Odd,
    Bad,
}

impl Tone {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Dim => "dim",
            Self::Odd => "odd",
            Self::Bad => "bad",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Dim => "–",
            Self::Odd => "!",
            Self::Bad => "✗",
        }
    }

    pub(super) fn of_verdict(verdict: Option<Verdict>) -> Self {
        match verdict {
            Some(Verdict::Passed | Verdict::Partial) => Self::Good,
            Some(Verdict::Unproved | Verdict::Refused | Verdict::Aborted) => Self::Odd,
            Some(Verdict::RolledBack | Verdict::NeedsPerson | Verdict::SetUp | Verdict::Unreachable) => {
                Self::Bad
            }
            Some(Verdict::NotDue | Verdict::NotReached) | None => Self::Dim,
        }
    }

    pub(super) fn of_status(status: Status) -> Self {
        match status {
            Status::Passed => Self::Good,
            Status::Skipped => Self::Dim,
            Status::Failed | Status::Errored => Self::Bad,
        }
    }
}

/// A word with its sign and colour.
pub(super) fn badge(tone: Tone, word: &str) -> Markup {
    html! { span class={ "badge " (tone.class()) } { span aria-hidden="true" { (tone.sign()) } " " (word) } }
}

/// How a step or check ended.
pub(super) fn status_badge(status: Status) -> Markup {
    badge(Tone::of_status(status), status_word(status))
}

/// How an environment ended, in a word.
pub(super) fn verdict_word(environment: &EnvironmentRecord) -> &'static str {
    match (environment.verdict, environment.started) {
        (Some(verdict), _) => verdict.as_str(),
        (None, Some(_)) => "not finished",
        (None, None) => Verdict::NotReached.as_str(),
    }
}

/// How an environment ended.
pub(super) fn verdict_badge(environment: &EnvironmentRecord) -> Markup {
    let tone = match (environment.verdict, environment.started) {
        (None, Some(_)) => Tone::Odd,
        (verdict, _) => Tone::of_verdict(verdict),
    };
    badge(tone, verdict_word(environment))
}

/// How a group of a run ended: tone, word, and why where there is a why.
pub(super) fn outcome<'a>(run: &Run, group: &'a GroupRecord) -> (Tone, &'static str, &'a str) {
    match &group.outcome {
        // That is what was asked for.
        Some(Outcome::RolledBack { why }) if run.command == "rollback" => (Tone::Good, "taken back", why),
        Some(Outcome::Refreshed { .. }) => (Tone::Good, "refreshed", ""),
        // 'smoke' changes nothing: what counts are its checks.
        Some(Outcome::Skipped { .. }) if run.command == "smoke" && has_passed(group) => {
            (Tone::Good, "passed", "")
        }
        Some(Outcome::Skipped { why }) => (Tone::Dim, "skipped", why),
        Some(Outcome::RolledBack { why }) => (Tone::Bad, "rolled back", why),
        Some(Outcome::Refused { why }) => (Tone::Bad, "not started by AWS", why),
        Some(Outcome::NeedsPerson { why, .. }) => (Tone::Bad, "needs a person", why),
        Some(Outcome::Left { state, .. }) => (Tone::Odd, "left to AWS", state),
        Some(Outcome::Deferred { why, .. }) => (Tone::Dim, "not due", why),
        Some(Outcome::NotStarted { why }) => (Tone::Dim, "not started", why),
        None if group.is_running() => (Tone::Odd, "not finished", ""),
        None => (Tone::Dim, "untouched", ""),
    }
}

/// Whether checks were asked of it, and all that count passed.
fn has_passed(group: &GroupRecord) -> bool {
    let statuses = || group.checks.iter().map(|check| check.result.status);
    statuses().any(|status| status == Status::Passed) && statuses().all(|status| status <= Status::Skipped)
}

/// Whether a group ended, or stands, as nobody wants it.
pub(super) fn is_trouble(run: &Run, group: &GroupRecord) -> bool {
    outcome(run, group).0 >= Tone::Odd
}

/// One cleaned line.
pub(super) fn line(raw: &str) -> String {
    clean::line(raw)
}

/// Cleaned lines of at most `most` characters in all; what is cut is said.
pub(super) fn block(raw: &str, most: usize) -> String {
    let text = clean::text(raw);
    match text.char_indices().nth(most) {
        None => text,
        Some((at, _)) => {
            let left_out = text[at..].chars().count();
            format!("{}\n[cut here: {left_out} more characters]", &text[..at])
        }
    }
}

/// What to do next: a command, and apart from it when or why; or what a person is to do.
pub(super) fn next_step(next: &str) -> Markup {
    let next = clean::text(next);
    let ends = [
        ", when ",
        ", if ",
        ", once ",
        ", for ",
        ", then ",
        ", or ",
        " to go on",
        " to take it back",
        " to look",
    ];
    let at = ends.iter().filter_map(|word| next.find(word)).min().unwrap_or(next.len());
    let (command, when) = (&next[..at], next[at..].trim_start_matches([',', ' ']));
    html! {
        @if !next.starts_with("ami-refresh ") {
            (quoted(&next))
        } @else {
            code.command { (command) }
            @if !when.is_empty() { " " span.when { (quoted(when)) } }
        }
    }
}

/// A text in which commands stand in quotes: `run 'ami-refresh plan'`, or after `or`.
fn quoted(text: &str) -> Markup {
    const COMMAND: &str = "'ami-refresh ";
    if let Some(command) = text.strip_prefix("or ami-refresh ") {
        let (command, when) = command.split_once(", ").unwrap_or((command, ""));
        return html! {
            "or " code.command { "ami-refresh " (command) }
            @if !when.is_empty() { " " span.when { (quoted(when)) } }
        };
    }
    let found = text.split_once(COMMAND).and_then(|(before, rest)| Some((before, rest.split_once('\'')?)));
    html! {
        @if let Some((before, (command, after))) = found {
            (before) code.command { "ami-refresh " (command) } (quoted(after))
        } @else {
            (text)
        }
    }
}

/// `Sun 22 Nov 19:00`.
pub(super) fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %-d %b %H:%M").to_string()
}

/// `19:00:15`.
pub(super) fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// `4 refreshed, 1 skipped`; empty when there are no groups.
pub(super) fn counted(counts: Counts) -> String {
    let parts = [
        (counts.needs_person, "in need of a person"),
        (counts.rolled_back, "rolled back"),
        (counts.refused, "not started by AWS"),
        (counts.refreshed, "refreshed"),
        (counts.left, "left to AWS"),
        (counts.skipped, "skipped"),
        (counts.not_due, "not due"),
        (counts.not_started, "not started"),
        (counts.unfinished, "untouched"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    parts.join(", ")
}

/// `a`, `a and b`, `a, b and 3 more`.
pub(super) fn list(names: &[String], most: usize) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [front @ .., last] if names.len() <= most => format!("{} and {last}", front.join(", ")),
        _ => format!("{} and {} more", names[..most].join(", "), names.len() - most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_step_is_a_command_and_apart_from_it_when() {
        let shown = next_step("ami-refresh rollout --env qa, when the cause is mended").into_string();
        assert_eq!(
            shown,
            "<code class=\"command\">ami-refresh rollout --env qa</code> \
             <span class=\"when\">when the cause is mended</span>"
        );
        for when in ["for the rest", "then look, when it has ended", "or leave it"] {
            let shown = next_step(&format!("ami-refresh status, {when}")).into_string();
            assert!(shown.starts_with("<code class=\"command\">ami-refresh status</code>"), "{shown}");
        }
        assert_eq!(next_step("resume it, if you may").into_string(), "resume it, if you may");
        let command = |command: &str| format!("<code class=\"command\">{command}</code>");
        for (said, shown) in [
            ("run 'ami-refresh plan', or wait", format!("run {}, or wait", command("ami-refresh plan"))),
            ("or ami-refresh status", format!("or {}", command("ami-refresh status"))),
            ("run 'ami-refresh <b>", "run 'ami-refresh &lt;b&gt;".to_owned()),
        ] {
            assert_eq!(next_step(said).into_string(), shown);
        }
    }

    #[test]
    fn a_list_says_how_many_it_leaves_out() {
        let names: Vec<String> = ["a", "b", "c", "d"].map(String::from).to_vec();
        assert_eq!(list(&names[..1], 3), "a");
        assert_eq!(list(&names[..3], 3), "a, b and c");
        assert_eq!(list(&names, 2), "a, b and 2 more");
    }

    #[test]
    fn a_long_block_is_cut_and_says_so() {
        assert_eq!(block("short\n", 10), "short");
        assert_eq!(block(&"é".repeat(12), 10), format!("{}\n[cut here: 2 more characters]", "é".repeat(10)));
    }
}
