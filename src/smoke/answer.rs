//! What a subject answered, and how the answers of a check add up to its result.
//!
//! [`Answer`] is one asking's end, [`Asked`] a subject with its last answer. Pure: nothing
//! here asks anybody.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::captured::Taken;
use crate::event::{CheckResult, Probe, Status};
use crate::model::InstanceId;
use crate::redact::redact;

/// How many characters of what a subject answered stand beside its message.
pub(super) const EVIDENCE: usize = 2000;
/// How many bytes are told of what one subject answered that did not pass, …
pub(super) const OUTPUT: usize = 64 * 1024;
/// … and of all of a check together.
pub(super) const OUTPUTS: usize = 512 * 1024;
/// How many bytes more are looked at than are told: a secret that is cut there is seen whole.
pub(super) const MARGIN: usize = 1024;

/// How one asking ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: Status,
    /// One line for people.
    pub(super) message: String,
    /// What was answered, as much of it as is held; may be empty.
    pub(super) evidence: Arc<str>,
    /// How many bytes of it are not held.
    pub(super) left_out: usize,
    /// Whether no more is held than stands beside the message.
    pub(super) is_brief: bool,
    /// How long it took.
    pub(super) took: Duration,
    /// What was captured from it, also when it is not as it should be.
    pub(super) taken: Vec<Taken>,
    /// Whether the instance itself was reached, and refused the connection: nothing listens there.
    pub(super) refused: bool,
}

impl Answer {
    fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            evidence: Arc::default(),
            left_out: 0,
            is_brief: false,
            took: Duration::ZERO,
            taken: Vec::new(),
            refused: false,
        }
    }

    /// It answered as it should.
    pub(super) fn passed(message: impl Into<String>) -> Self {
        Self::new(Status::Passed, message)
    }

    /// It answered, and wrongly.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::new(Status::Failed, message)
    }

    /// It could not be asked.
    pub(super) fn errored(message: impl Into<String>) -> Self {
        Self::new(Status::Errored, message)
    }

    /// There was nothing to ask.
    pub(super) fn skipped(message: impl Into<String>) -> Self {
        Self::new(Status::Skipped, message)
    }

    pub(super) fn with_evidence(self, evidence: impl Into<Arc<str>>) -> Self {
        Self { evidence: evidence.into(), ..self }
    }

    pub(super) fn refused(self, refused: bool) -> Self {
        Self { refused, ..self }
    }

    pub(super) fn in_time(self, took: Duration) -> Self {
        Self { took, ..self }
    }
}

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// One instance.
    Instance(InstanceId),
    /// An alarm, by its name.
    Alarm(String),
    /// The group as a whole: its name, or the address that stands for it.
    Whole(String),
}

/// A subject with its last answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) subject: Subject,
    pub(super) answer: Answer,
    pub(super) attempts: u32,
}

/// The worst of the statuses; skipped only when all are.
pub(super) fn worst(statuses: impl IntoIterator<Item = Status>) -> Status {
    let weight = |status: &Status| match status {
        Status::Skipped => 0,
        Status::Passed => 1,
        Status::Failed => 2,
        Status::Errored => 3,
    };
    statuses.into_iter().max_by_key(weight).unwrap_or(Status::Skipped)
}

/// The result of a check as it is put together, subject by subject.
///
/// What a subject answered is let go of as soon as its probe is made.
#[derive(Debug)]
pub(super) struct Told {
    /// Without what they answered.
    asked: Vec<Asked>,
    probes: Vec<Probe>,
    /// The outputs so far.
    outputs: BTreeSet<String>,
    /// How many bytes those have.
    size: usize,
}

impl Told {
    /// Room for so many subjects and no more: a result is kept for as long as the run takes.
    pub(super) fn of(subjects: usize) -> Self {
        let (asked, probes) = (Vec::with_capacity(subjects), Vec::with_capacity(subjects));
        Self { asked, probes, outputs: BTreeSet::new(), size: 0 }
    }

    /// Adds a subject; they are told in this order.
    pub(super) fn add(&mut self, mut one: Asked) {
        // What is said of an answer may quote it.
        if let Cow::Owned(redacted) = redact(&one.answer.message) {
            one.answer.message = redacted;
        }
        let mut probe = probe(&one);
        let size = probe.output.len();
        if size > OUTPUTS - self.size || self.outputs.contains(&probe.output) {
            probe.output.clear();
        } else if size > 0 {
            self.size += size;
            self.outputs.insert(probe.output.clone());
        }
        self.probes.push(probe);
        one.answer.evidence = Arc::default();
        self.asked.push(one);
    }

    /// The result of the check of that name.
    pub(super) fn result(self, check: &str, took: Duration) -> CheckResult {
        CheckResult {
            check: check.to_owned(),
            status: worst(self.asked.iter().map(|one| one.answer.status)),
            message: summary(&self.asked),
            probes: self.probes,
            took_ms: millis(took),
        }
    }
}

/// What is told of one subject: its answer, cut, without secrets, a long one also as an output.
fn probe(asked: &Asked) -> Probe {
    let Asked { subject, answer, attempts } = asked;
    // Of what passed nobody wants more than the beginning.
    let longest = if answer.status == Status::Passed { 4 * EVIDENCE } else { OUTPUT };
    let whole = &answer.evidence;
    let seen = &whole[..whole.floor_char_boundary(longest + MARGIN)];
    // Before anything is cut close: half of a secret does not look like one.
    let redacted = redact(seen);
    let end = redacted.char_indices().nth(EVIDENCE).map(|(end, _)| end);
    let evidence = end.map_or_else(|| redacted.as_ref().to_owned(), |end| format!("{}…", &redacted[..end]));
    let mut output = String::new();
    if answer.status != Status::Passed && end.is_some() && !answer.is_brief {
        let cut = redacted.floor_char_boundary(longest);
        redacted[..cut].clone_into(&mut output);
        let left_out = answer.left_out + (whole.len() - seen.len()) + (redacted.len() - cut);
        if left_out > 0 {
            output = format!("{output}\n[cut here: {left_out} more bytes are left out]");
        }
    }
    Probe {
        subject: match subject {
            Subject::Instance(id) => id.to_string(),
            Subject::Whole(name) | Subject::Alarm(name) => redact(name).into_owned(),
        },
        status: answer.status,
        message: answer.message.clone(),
        attempts: *attempts,
        latency_ms: millis(answer.took),
        refused: answer.refused,
        evidence,
        output,
    }
}

/// One line over all answers: the group's own first, then how many of the others did what.
fn summary(asked: &[Asked]) -> String {
    let (mut whole, mut instances, mut alarms) = (Vec::new(), Vec::new(), Vec::new());
    for one in asked {
        match &one.subject {
            Subject::Whole(_) => whole.push(&one.answer),
            Subject::Instance(_) => instances.push(&one.answer),
            Subject::Alarm(_) => alarms.push(&one.answer),
        }
    }
    let mut parts: Vec<String> = whole.iter().map(|answer| answer.message.clone()).collect();
    parts.extend(bad(&instances, "instances"));
    parts.extend(bad(&alarms, "alarms"));
    if parts.is_empty() {
        parts.extend(good(&instances, "instances"));
        parts.extend(good(&alarms, "alarms"));
    }
    if parts.is_empty() {
        let cause = instances.first().map_or("nothing to ask", |answer| answer.message.as_str());
        parts.push(cause.to_owned());
    }
    parts.join("; ")
}

/// How many did not pass, and a cause each.
fn bad(answers: &[&Answer], what: &str) -> Vec<String> {
    let counted = counted(answers);
    let one = |(status, words): (Status, &str)| {
        let mut such = answers.iter().filter(|answer| answer.status == status);
        let first = such.next()?;
        Some(format!("{} of {counted} {what} {words}: {}", 1 + such.count(), first.message))
    };
    [(Status::Failed, "failed"), (Status::Errored, "could not be asked")]
        .into_iter()
        .filter_map(one)
        .collect()
}

fn good(answers: &[&Answer], what: &str) -> Option<String> {
    let counted = counted(answers);
    (counted > 0).then(|| format!("{counted} of {counted} {what} passed"))
}

fn counted(answers: &[&Answer]) -> usize {
    answers.iter().filter(|answer| answer.status != Status::Skipped).count()
}

/// The text in quotes, at most 120 characters of it.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 120;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The duration in whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
