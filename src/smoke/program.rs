//! How a program ended, held against what a check wants of it; here or on an instance.
//!
//! Pure: [`super::command`] and [`super::ssm`] run programs.

use std::time::Duration;

use super::answer::{Answer, millis, quoted};
use crate::config::ProgramEnd;

/// How many characters of what a program said are shown when it passed.
const SHOWN: usize = 2_000;

/// How a program ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub(super) exit: Option<i32>,
    /// The signal that ended it.
    pub(super) signal: Option<i32>,
    /// What it said, and what it said as errors.
    pub(super) output: String,
    pub(super) errors: String,
    /// Why not all that it said is here; empty when it is.
    pub(super) cut: String,
}

/// Holds the end against the check; what is wrong is a clause each.
pub(super) fn judge(end: &ProgramEnd, ended: &Ended, took: Duration) -> Answer {
    let mut wrong: Vec<String> = wrong_exit(end, ended).into_iter().collect();
    let said = |test: &dyn Fn(&str) -> bool| test(&ended.output) || test(&ended.errors);
    let cut = if ended.cut.is_empty() { String::new() } else { format!(" ({})", ended.cut) };
    if let Some(text) = &end.contains
        && !said(&|output| output.contains(text))
    {
        wrong.push(format!("the output lacks {}{cut}", quoted(text)));
    }
    if let Some(regex) = &end.matches
        && !said(&|output| regex.is_match(output))
    {
        wrong.push(format!("the output does not match {}{cut}", quoted(regex.as_str())));
    }
    if wrong.is_empty() {
        let message = format!("{} in {} ms", how(ended), millis(took));
        return Answer::passed(message).with_evidence(shortened(&evidence(ended)));
    }
    Answer::failed(wrong.join("; ")).with_evidence(evidence(ended))
}

/// `exit 3, expected 0: connection refused`, with the last thing that was said.
fn wrong_exit(end: &ProgramEnd, ended: &Ended) -> Option<String> {
    if ended.exit.is_some_and(|code| end.exit.contains(&code)) {
        return None;
    }
    let codes: Vec<String> = end.exit.iter().map(ToString::to_string).collect();
    let last = |text: &str| text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(quoted_plain);
    let said = last(&ended.errors).or_else(|| last(&ended.output));
    let said = said.map(|line| format!(": {line}")).unwrap_or_default();
    Some(format!("{}, expected {}{said}", how(ended), codes.join(" or ")))
}

/// A line as it is, at most 200 characters of it, without what moves a terminal's cursor.
fn quoted_plain(line: &str) -> String {
    const LONGEST: usize = 200;
    let mut text: String = line.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    if line.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}

fn how(ended: &Ended) -> String {
    match (ended.exit, ended.signal) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended without an exit code".to_owned(),
    }
}

/// How it ended and all that is known of what it said.
pub(super) fn evidence(ended: &Ended) -> String {
    let mut text = how(ended);
    for (name, said) in [("output", &ended.output), ("error output", &ended.errors)] {
        if !said.is_empty() {
            text.extend(["\n\n", name, ":\n", said.trim_end()]);
        }
    }
    if !ended.cut.is_empty() {
        text.extend(["\n\n(", &ended.cut, ")"]);
    }
    text
}

/// At most [`SHOWN`] characters, of the beginning.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;
    use crate::event::Status;

    fn wanted(exit: &[i32], contains: Option<&str>, matches: Option<&str>) -> ProgramEnd {
        ProgramEnd {
            exit: exit.to_vec(),
            contains: contains.map(str::to_owned),
            matches: matches.map(|text| Regex::new(text).unwrap()),
        }
    }

    fn ended(exit: i32, output: &str, errors: &str) -> Ended {
        Ended { exit: Some(exit), output: output.into(), errors: errors.into(), ..Ended::default() }
    }

    #[test]
    fn an_exit_code_passes_when_it_is_one_of_those() {
        let took = Duration::from_millis(12);
        let answer = judge(&wanted(&[0, 3], None, None), &ended(3, "", ""), took);
        assert_eq!((answer.status, answer.message.as_str()), (Status::Passed, "exit 3 in 12 ms"));
        let answer = judge(&wanted(&[0, 3], None, None), &ended(1, "a\nb\n", "\u{1b}[31mno route\n\n"), took);
        assert_eq!(answer.status, Status::Failed);
        assert_eq!(answer.message, "exit 1, expected 0 or 3: [31mno route");
        assert_eq!(&*answer.evidence, "exit 1\n\noutput:\na\nb\n\nerror output:\n\u{1b}[31mno route");
        let killed = Ended { signal: Some(9), ..Ended::default() };
        let answer = judge(&wanted(&[0], None, None), &killed, took);
        assert_eq!(answer.message, "ended by signal 9, expected 0");
    }

    #[test]
    fn both_streams_are_looked_at_and_a_cut_is_said() {
        let end = wanted(&[0], Some("ready"), Some("^v[0-9]+"));
        let took = Duration::ZERO;
        assert_eq!(judge(&end, &ended(0, "v12", "ready"), took).status, Status::Passed);
        let cut = Ended { cut: "the middle is missing".to_owned(), ..ended(0, "xv12", "") };
        assert_eq!(
            judge(&end, &cut, took).message,
            "the output lacks \"ready\" (the middle is missing); the output does not match \"^v[0-9]+\" \
             (the middle is missing)"
        );
    }

    #[test]
    fn what_passed_is_shown_in_short_and_what_failed_whole() {
        let long = "x".repeat(50_000);
        let of = |code| judge(&wanted(&[0], None, None), &ended(code, &long, ""), Duration::ZERO).evidence;
        assert_eq!(of(0).chars().count(), SHOWN + 1);
        assert!(of(1).len() > 50_000);
    }
}
