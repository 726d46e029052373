//! What a subject answered, and how the answers of a check add up to its result.
//!
//! [`Answer`] is one asking's end, [`Asked`] a subject with its last answer. Pure: nothing
//! here asks anybody.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use super::captured::Taken;
use crate::config::Check;
use crate::event::{CheckResult, Probe, Status};
use crate::model::InstanceId;
use crate::redact::redact;

/// How many characters of what a subject answered stand beside its message.
const EVIDENCE: usize = 2000;
/// How many bytes are kept of what one subject answered that did not pass, …
const OUTPUT: usize = 64 * 1024;
/// … and of all of a check together.
const OUTPUTS: usize = 512 * 1024;

/// How one asking ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: Status,
    /// One line for people.
    pub(super) message: String,
    /// What was answered, as long as it is; may be empty.
    pub(super) evidence: String,
    /// How long it took.
    pub(super) took: Duration,
    /// What was captured from it, also when it is not as it should be.
    pub(super) taken: Vec<Taken>,
    /// Whether the machine was reached, and refused the connection: nothing listens there.
    pub(super) refused: bool,
}

impl Answer {
    fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            evidence: String::new(),
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

    pub(super) fn with_evidence(self, evidence: impl Into<String>) -> Self {
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

/// The result of a check whose subjects answered so, in this order.
pub(super) fn result(check: &Check, asked: Vec<Asked>, took: Duration) -> CheckResult {
    named(&check.name, asked, took)
}

fn named(check: &str, mut asked: Vec<Asked>, took: Duration) -> CheckResult {
    for one in &mut asked {
        // What is said of an answer may quote it.
        if let Cow::Owned(redacted) = redact(&one.answer.message) {
            one.answer.message = redacted;
        }
    }
    CheckResult {
        check: check.to_owned(),
        status: worst(asked.iter().map(|one| one.answer.status)),
        message: summary(&asked),
        probes: probes(asked),
        took_ms: millis(took),
    }
}

/// The probes of a check: its subjects' answers, cut, without secrets, long ones whole as far as
/// there is room.
fn probes(asked: Vec<Asked>) -> Vec<Probe> {
    let mut room = OUTPUTS;
    let mut kept: BTreeSet<String> = BTreeSet::new();
    let one = |asked| {
        let mut probe = probe(asked);
        let size = probe.output.len();
        if size > room || kept.contains(&probe.output) {
            probe.output.clear();
        } else if size > 0 {
            room -= size;
            kept.insert(probe.output.clone());
        }
        probe
    };
    asked.into_iter().map(one).collect()
}

fn probe(asked: Asked) -> Probe {
    let Asked { subject, answer, attempts } = asked;
    // Of what passed nobody wants more than the beginning.
    let longest = if answer.status == Status::Passed { 2 * EVIDENCE } else { OUTPUT };
    let whole = answer.evidence;
    let cut = &whole[..whole.floor_char_boundary(longest)];
    // Before anything is cut close: half of a secret does not look like one.
    let redacted = redact(cut);
    let end = redacted.char_indices().nth(EVIDENCE).map(|(end, _)| end);
    let evidence = end.map_or_else(|| redacted.as_ref().to_owned(), |end| format!("{}…", &redacted[..end]));
    let mut output = String::new();
    if answer.status != Status::Passed && end.is_some() {
        output = redacted.into_owned();
        if whole.len() > longest {
            let left_out = whole.len() - cut.len();
            output = format!("{output}\n[cut here: {left_out} more bytes are left out]");
        }
    }
    Probe {
        subject: match subject {
            Subject::Instance(id) => id.to_string(),
            Subject::Whole(name) | Subject::Alarm(name) => redact(&name).into_owned(),
        },
        status: answer.status,
        message: answer.message,
        attempts,
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
mod tests {
    use super::*;

    fn instance(id: &str, answer: Answer) -> Asked {
        Asked { subject: Subject::Instance(id.into()), answer, attempts: 1 }
    }

    fn whole(answer: Answer) -> Asked {
        Asked { subject: Subject::Whole("web".into()), answer, attempts: 1 }
    }

    fn judged(answers: Vec<Answer>) -> CheckResult {
        let number = |(at, answer): (usize, Answer)| instance(&format!("i-{at}"), answer);
        let asked: Vec<Asked> = answers.into_iter().enumerate().map(number).collect();
        named("app", asked, Duration::ZERO)
    }

    #[test]
    fn no_secret_goes_further_than_the_result_in_message_evidence_or_output() {
        let secret = "Zq9fT2kLw8XvB3nM";
        let body = format!("{{\"password\":\"{secret}\",\"text\":\"{}\"}}", "x".repeat(9000));
        let message = format!("header x-api-key was \"{secret}\", expected \"b\"");
        let result = judged(vec![
            Answer::failed(message.clone()).with_evidence(body.clone()),
            Answer::errored(message).with_evidence(format!("{}{body}", " ".repeat(1990))),
            Answer::passed("ok").with_evidence(body),
        ]);
        let json = serde_json::to_string(&result).unwrap();
        assert!(!json.contains(secret), "{json}");
        assert!(json.contains("[redacted, 16 characters]") && result.message.contains("[redacted, 16"));
        assert!(result.probes[0].output.len() > 9000 && result.probes[2].output.is_empty());
    }

    #[test]
    fn long_answers_of_what_failed_are_kept_whole_within_bounds_and_the_same_one_once() {
        let long = |c: char, length: usize| Answer::failed("500").with_evidence(c.to_string().repeat(length));
        let result = judged(vec![long('a', 5000), long('a', 5000), long('é', 5_000_000), long('b', 2000)]);
        let sizes: Vec<usize> = result.probes.iter().map(|probe| probe.output.len()).collect();
        assert_eq!((sizes[0], sizes[1], sizes[3]), (5000, 0, 0));
        assert!(sizes[2] > OUTPUT - 2 && sizes[2] < OUTPUT + 60, "{sizes:?}");
        assert!(result.probes[2].output.ends_with("[cut here: 9934464 more bytes are left out]"));
        assert!(result.probes.iter().all(|probe| probe.evidence.chars().count() <= EVIDENCE + 1));
        let many =
            (0..40).map(|n| Answer::failed("500").with_evidence(format!("{n}{}", "x".repeat(100_000))));
        let result = judged(many.collect());
        let bytes: usize = result.probes.iter().map(|probe| probe.output.len()).sum();
        assert!(bytes > OUTPUTS / 2 && bytes <= OUTPUTS, "{bytes}");
    }

    #[test]
    fn the_worst_counts_and_skipped_only_when_all_are() {
        use Status::{Errored, Failed, Passed, Skipped};
        assert_eq!(worst([Passed, Skipped]), Passed);
        assert_eq!(worst([Failed, Passed, Skipped]), Failed);
        assert_eq!(worst([Failed, Errored, Passed]), Errored);
        assert_eq!(worst([Skipped, Skipped]), Skipped);
        assert_eq!(worst([]), Skipped);
    }

    #[test]
    fn the_summary_counts_instances_and_gives_a_cause_each() {
        let good = || Answer::passed("200 OK in 3 ms");
        assert_eq!(summary(&[instance("i-1", good()), instance("i-2", good())]), "2 of 2 instances passed");
        let mixed = [
            instance("i-1", good()),
            instance("i-2", Answer::failed("status 503, expected 200")),
            instance("i-3", Answer::failed("status 500, expected 200")),
            instance("i-4", Answer::errored("connection refused")),
        ];
        assert_eq!(
            summary(&mixed),
            "2 of 4 instances failed: status 503, expected 200; 1 of 4 instances could not be asked: \
             connection refused"
        );
    }

    #[test]
    fn an_instance_that_left_is_not_counted() {
        let asked = [
            instance("i-1", Answer::skipped("no longer in service")),
            instance("i-2", Answer::passed("200 OK in 3 ms")),
        ];
        assert_eq!(summary(&asked), "1 of 1 instances passed");
        assert_eq!(summary(&asked[..1]), "no longer in service");
    }

    #[test]
    fn what_the_group_answered_as_a_whole_comes_first() {
        assert_eq!(summary(&[whole(Answer::skipped("no target groups"))]), "no target groups");
        let asked =
            [instance("i-1", Answer::failed("unhealthy")), whole(Answer::failed("0 of 1 in service"))];
        assert_eq!(summary(&asked), "0 of 1 in service; 1 of 1 instances failed: unhealthy");
        assert_eq!(summary(&[]), "nothing to ask");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(quoted("a\"b"), r#""a\"b""#);
        assert_eq!(quoted(&"é".repeat(200)), format!("\"{}\"…", "é".repeat(120)));
    }
}
