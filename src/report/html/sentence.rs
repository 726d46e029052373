//! The sentence that the page begins with, and its title: what happened, to whom, and why. Pure.

use super::super::record::GroupRecord;
use super::super::style::count;
use super::view::{Entry, View};
use super::words::{Tone, line, list, moment, outcome};
use crate::event::Status;
use crate::model::{Outcome, Verdict};

/// How many environments are named.
const SHOWN: usize = 5;
/// How much of a reason is in the sentence, in characters.
const REASON: usize = 110;

/// The sentence of the page's title and heading.
pub(super) fn sentence(view: &View<'_>) -> (Tone, String) {
    let of = |verdict: Verdict| -> Vec<&Entry<'_>> {
        view.last().filter(|entry| entry.environment.verdict == Some(verdict)).collect()
    };
    let names = |entries: &[&Entry<'_>]| {
        let names: Vec<String> = entries.iter().map(|entry| line(entry.environment.name.as_str())).collect();
        list(&names, SHOWN)
    };
    let needing = of(Verdict::NeedsPerson);
    if !needing.is_empty() {
        let verb = if needing.len() == 1 { "needs" } else { "need" };
        return (Tone::Bad, format!("{} {verb} a person{}.", names(&needing), because(&needing)));
    }
    let aborted = of(Verdict::Aborted);
    let signal = view.runs.iter().rev().find_map(|run| run.aborting.as_ref());
    if let (false, Some((signal, _))) = (aborted.is_empty(), signal) {
        return (Tone::Odd, format!("Aborted by {} in {}.", line(signal), names(&aborted)));
    }
    let unfinished: Vec<&Entry<'_>> = view.last().filter(|entry| entry.is_unfinished()).collect();
    if !unfinished.is_empty() {
        return (Tone::Odd, format!("Not finished: {} {}.", names(&unfinished), standing(view, &unfinished)));
    }
    let back = of(Verdict::RolledBack);
    if !back.is_empty() {
        let said = format!(
            "{} failed and {} rolled back{}.",
            names(&back),
            agreeing("was", back.len()),
            because(&back)
        );
        return (Tone::Bad, said);
    }
    let told: [(Verdict, Tone, &str); 5] = [
        (Verdict::Unreachable, Tone::Bad, "could not be begun: AWS could not be asked"),
        (Verdict::SetUp, Tone::Bad, "could not be begun: the set-up is not as the configuration says"),
        (Verdict::Refused, Tone::Odd, "was refused before anything changed"),
        (Verdict::Unproved, Tone::Odd, "did not pass its gate"),
        (Verdict::NotDue, Tone::Dim, "has nothing that is due"),
    ];
    let well = [of(Verdict::Passed), of(Verdict::Partial)].concat();
    for (verdict, tone, words) in told {
        let entries = of(verdict);
        if !(entries.is_empty() || verdict == Verdict::NotDue && !well.is_empty()) {
            let why = match entries.as_slice() {
                [only] if only.environment.problems.is_empty() => because(&entries),
                [only] => first_problem(only),
                _ => String::new(),
            };
            return (tone, ended(format!("{} {}{why}", names(&entries), agreeing(words, entries.len()))));
        }
    }
    well_said(view, &well, &names(&well))
}

/// `: group search-qa has suspended Launch`, of an environment that was not begun.
fn first_problem(entry: &Entry<'_>) -> String {
    match entry.environment.problems.as_slice() {
        [] => String::new(),
        [only] => format!(": {}", cut(&line(&only.what), REASON)),
        [first, more @ ..] => {
            format!(": {}, and {} more", cut(&line(&first.what), REASON), count(more.len(), "reason"))
        }
    }
}

/// What those that have not ended were doing.
fn standing(view: &View<'_>, unfinished: &[&Entry<'_>]) -> String {
    let until = |entry: &&Entry<'_>| entry.waits_until().map(|until| moment(until, &view.look.timezone));
    match unfinished.iter().map(until).collect::<Option<Vec<String>>>().as_deref() {
        Some([until]) => format!("waits until {until}"),
        Some(_) => "wait".to_owned(),
        None => format!("{} still under way", agreeing("is", unfinished.len())),
    }
}

/// The sentence with its end.
fn ended(sentence: String) -> String {
    if sentence.ends_with('…') { sentence } else { sentence + "." }
}

/// The words that go with that many.
fn agreeing(words: &str, number: usize) -> String {
    if number == 1 {
        return words.to_owned();
    }
    let (verb, rest) = words.split_once(' ').unwrap_or((words, ""));
    let verb = match verb {
        "was" => "were",
        "is" => "are",
        "has" => "have",
        other => other,
    };
    format!("{verb} {rest}").replace(" its gate", " their gates").trim_end().to_owned()
}

/// The sentence where nothing failed.
fn well_said(view: &View<'_>, well: &[&Entry<'_>], names: &str) -> (Tone, String) {
    let passed = well.iter().filter(|entry| entry.environment.verdict == Some(Verdict::Passed)).count();
    let command = well.last().map_or("", |entry| entry.run.command.as_str());
    if well.is_empty() {
        return match view.runs.last().and_then(|run| run.ended.as_ref()) {
            Some((_, message)) => (Tone::Odd, format!("Nothing was reached: {}.", line(message))),
            None => (Tone::Dim, "Nothing has been reached yet.".to_owned()),
        };
    }
    if passed == 0 {
        let said = match command {
            "rollback" => format!("{names} {} taken back, as asked.", agreeing("was", well.len())),
            "smoke" => format!("{names}: every check that counts passed."),
            _ => format!("{names}: '{}' is done, and the rollout goes on.", line(command)),
        };
        return (Tone::Good, said);
    }
    let all = view.last().count();
    let said = match (passed, all) {
        (1, 1) => format!("{names} passed"),
        (passed, all) if passed == all => format!("All {all} environments passed"),
        (passed, all) => format!("{passed} of {all} environments passed"),
    };
    match view.last().map(|entry| entry.excused().len()).sum::<usize>() {
        0 => (Tone::Good, ended(said)),
        1 => (Tone::Good, format!("{said}; 1 group fails a check as it did before, which is allowed.")),
        more => {
            (Tone::Good, format!("{said}; {more} groups fail a check as they did before, which is allowed."))
        }
    }
}

/// `: payments-qa (check app-health: …)`, of the first group that failed.
fn because(entries: &[&Entry<'_>]) -> String {
    let troubles = entries.iter().flat_map(|entry| {
        entry.troubles().into_iter().map(|(_, name, group)| (name, why(entry, group), group))
    });
    let mut groups: Vec<_> = troubles.collect();
    // Who waits for somebody comes first, whatever else failed before.
    groups.sort_by_key(|(_, _, group)| !matches!(group.outcome, Some(Outcome::NeedsPerson { .. })));
    let mut groups = groups.into_iter().map(|(name, why, _)| (name, why));
    let Some((name, why)) = groups.next() else { return String::new() };
    let more = match groups.count() {
        0 => String::new(),
        more => format!(", and {}", count(more, "more group")),
    };
    // The sentence is to be read at a glance: the rest of the reason stands below.
    let short = match why.strip_prefix("check ").and_then(|check| check.split_once(": ")) {
        Some((check, _)) => format!(" failed check {}", line(check)),
        None if why.is_empty() => String::new(),
        None => format!(": {}", head(&line(&why))),
    };
    format!(": {}{}{more}", line(&name), cut(&short, REASON))
}

/// Why a group is in trouble: what became of it; of one without such words, or one that `smoke` looked
/// at, the check that failed.
fn why(entry: &Entry<'_>, group: &GroupRecord) -> String {
    let told = outcome(entry.run, group).2;
    let failing = group.checks.iter().find(|check| check.result.status > Status::Skipped);
    match failing {
        Some(check) if told.is_empty() || told.starts_with(&format!("{}: ", check.result.check)) => {
            format!("check {}: {}", check.result.check, check.result.message)
        }
        _ => told.to_owned(),
    }
}

/// What a long reason begins with, where its rest is the detail: `launches fail`.
fn head(why: &str) -> &str {
    let head = why.split(": ").next().unwrap_or(why);
    if why.chars().count() > 60 && head.chars().count() >= 8 { head } else { why }
}

/// At most that many characters, whole words where that is possible.
fn cut(text: &str, most: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(most) else { return text.to_owned() };
    let end = text[..end].rfind(' ').filter(|end| *end > 0).unwrap_or(end);
    format!("{}…", &text[..end])
}
