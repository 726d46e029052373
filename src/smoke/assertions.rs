//! What was heard over HTTP, and whether it is as the check expects.
//!
//! [`Heard`] holds a bounded part of an answer. [`judge`] is pure.

mod headers;
mod values;

use std::time::Duration;

use http::{HeaderMap, StatusCode, Version};

use super::answer::{Answer, millis, quoted};
use super::reach::Stage;
use super::secrets::Secrets;
use crate::config::HttpCheck;

/// How much of a body is kept, in bytes.
pub(super) const LARGEST_BODY: usize = 256 * 1024;
/// How many characters of it are handed on; fewer are shown.
const SHOWN: usize = 64 * 1024;

/// An answer, as far as it was heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) version: Version,
    /// `None` until the head is there.
    pub(super) status: Option<StatusCode>,
    pub(super) headers: HeaderMap,
    /// At most [`LARGEST_BODY`] bytes.
    pub(super) body: Vec<u8>,
    /// Whether there was more.
    pub(super) cut: bool,
    /// How far the asking came.
    pub(super) stage: Stage,
    /// What is wrong with the servers' certificates: a clause each.
    pub(super) wrong_certificates: Vec<String>,
    /// Whether a server showed one, here or on the way here.
    pub(super) certified: bool,
}

impl Heard {
    /// Keeps what still fits, and says whether all of it did.
    pub(super) fn keep(&mut self, data: &[u8]) -> bool {
        let room = LARGEST_BODY - self.body.len();
        self.body.extend_from_slice(&data[..data.len().min(room)]);
        self.cut = data.len() > room;
        !self.cut
    }

    /// Forgets the answer, for the next one on the way.
    pub(super) fn begin_again(&mut self) {
        let wrong_certificates = std::mem::take(&mut self.wrong_certificates);
        *self = Self { wrong_certificates, certified: self.certified, ..Self::default() };
    }

    /// The status line and the beginning of the body; empty when nothing was heard.
    pub(super) fn evidence(&self, secrets: &Secrets) -> String {
        let Some(status) = self.status else { return String::new() };
        let body = secrets.masked(String::from_utf8_lossy(&self.body).into_owned());
        let mut text = format!("{:?} {}\n\n", self.version, line(status));
        text.extend(body.chars().take(SHOWN));
        if body.chars().nth(SHOWN).is_some() {
            text.push('…');
        }
        if self.cut {
            return format!("{text}\n(only the first {LARGEST_BODY} bytes of the body were looked at)");
        }
        text
    }
}

/// Holds the answer against every assertion of the check; one that fails is a clause each.
pub(super) fn judge(check: &HttpCheck, heard: &Heard, took: Duration) -> Answer {
    let Some(status) = heard.status else { return Answer::errored("no answer") };
    let mut wrong: Vec<String> = wrong_status(check, status).into_iter().collect();
    wrong.extend(wrong_time(check, took));
    wrong.extend(heard.wrong_certificates.iter().cloned());
    if check.certificate_valid.is_some() && !heard.certified {
        wrong.push("no certificate was shown".to_owned());
    }
    wrong.extend(check.headers.iter().filter_map(|(name, test)| headers::wrong(&heard.headers, name, test)));
    wrong.extend(wrong_body(check, &heard.body));
    if heard.cut {
        wrong.extend(unread(check));
    } else {
        wrong.extend(values::wrong(&check.json, &heard.body));
    }
    if wrong.is_empty() {
        return Answer::passed(format!("{} in {} ms", line(status), millis(took)));
    }
    Answer::failed(wrong.join("; "))
}

/// `503 Service Unavailable`, or the bare number when nobody named it.
fn line(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_str().to_owned(),
    }
}

fn wrong_status(check: &HttpCheck, status: StatusCode) -> Option<String> {
    let code = status.as_u16();
    if check.status.iter().any(|(from, to)| (*from..=*to).contains(&code)) {
        return None;
    }
    let range = |(from, to): &(u16, u16)| if from == to { from.to_string() } else { format!("{from}-{to}") };
    let expected: Vec<String> = check.status.iter().map(range).collect();
    Some(format!("status {code}, expected {}", expected.join(", ")))
}

fn wrong_time(check: &HttpCheck, took: Duration) -> Option<String> {
    let wanted = check.answer_time.filter(|wanted| took > *wanted)?;
    Some(format!("answered, but in {} ms, expected within {} ms", millis(took), millis(wanted)))
}

fn wrong_body(check: &HttpCheck, body: &[u8]) -> Vec<String> {
    if check.body_contains.is_empty() && check.body_lacks.is_empty() && check.body_matches.is_empty() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(body);
    let missing = check.body_contains.iter().filter(|wanted| !text.contains(wanted.as_str()));
    let missing = missing.map(|wanted| format!("body does not contain {}", quoted(wanted)));
    let there = check.body_lacks.iter().filter(|unwanted| text.contains(unwanted.as_str()));
    let there = there.map(|unwanted| format!("body contains {}", quoted(unwanted)));
    let unmatched = check.body_matches.iter().filter(|regex| !regex.is_match(&text));
    let unmatched = unmatched.map(|regex| format!("body does not match {}", quoted(regex.as_str())));
    missing.chain(there).chain(unmatched).collect()
}

/// What can't be told of a body of which only the beginning was read.
fn unread(check: &HttpCheck) -> Vec<String> {
    let longer = format!("the body is longer than {} KiB", LARGEST_BODY / 1024);
    let lacks = (!check.body_lacks.is_empty()).then(|| format!("{longer}: what it lacks is not known"));
    let json = (!check.json.is_empty()).then(|| format!("{longer}: it can't be read as JSON"));
    lacks.into_iter().chain(json).collect()
}

#[cfg(test)]
#[path = "tests/assertions.rs"]
mod tests;
