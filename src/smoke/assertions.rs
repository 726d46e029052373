//! What was heard over HTTP, and whether it is as the check expects.
//!
//! [`Heard`] holds a bounded part of an answer. [`judge`] is pure.

use std::time::Duration;

use http::{HeaderMap, StatusCode, Version};
use serde_json::Value;

use super::answer::{Answer, millis, quoted};
use crate::config::{Expected, HttpCheck};

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
}

impl Heard {
    /// Keeps what still fits, and says whether all of it did.
    pub(super) fn keep(&mut self, data: &[u8]) -> bool {
        let room = LARGEST_BODY - self.body.len();
        self.body.extend_from_slice(&data[..data.len().min(room)]);
        self.cut = data.len() > room;
        !self.cut
    }

    /// The status line and the beginning of the body; empty when nothing was heard.
    pub(super) fn evidence(&self) -> String {
        let Some(status) = self.status else { return String::new() };
        let body = String::from_utf8_lossy(&self.body);
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
    for (name, expected) in &check.headers {
        wrong.extend(wrong_header(&heard.headers, name, expected));
    }
    wrong.extend(wrong_body(check, &heard.body));
    wrong.extend(wrong_json(&check.json, &heard.body));
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

fn wrong_header(headers: &HeaderMap, name: &str, expected: &str) -> Option<String> {
    let values = headers.get_all(name);
    if values.iter().any(|value| value.as_bytes() == expected.as_bytes()) {
        return None;
    }
    Some(match values.iter().next() {
        Some(value) => {
            let value = String::from_utf8_lossy(value.as_bytes());
            format!("header {name} was {}, expected {}", quoted(&value), quoted(expected))
        }
        None => format!("header {name} is absent, expected {}", quoted(expected)),
    })
}

fn wrong_body(check: &HttpCheck, body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body);
    let missing = check.body_contains.as_ref().filter(|wanted| !text.contains(wanted.as_str()));
    let unmatched = check.body_matches.as_ref().filter(|regex| !regex.is_match(&text));
    let missing = missing.map(|wanted| format!("body does not contain {}", quoted(wanted)));
    let unmatched = unmatched.map(|regex| format!("body does not match {}", quoted(regex.as_str())));
    missing.into_iter().chain(unmatched).collect()
}

fn wrong_json(expected: &[Expected], body: &[u8]) -> Vec<String> {
    if expected.is_empty() {
        return Vec::new();
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => expected.iter().filter_map(|one| wrong_node(one, &value)).collect(),
        Err(error) => vec![format!("body is not JSON: {error}")],
    }
}

fn wrong_node(expected: &Expected, body: &Value) -> Option<String> {
    let Expected { text, path, value } = expected;
    let nodes = path.query(body);
    let wanted = shown(value);
    if nodes.is_empty() {
        return Some(format!("{text} selected nothing, expected {wanted}"));
    }
    let other = nodes.iter().find(|node| !same(node, value))?;
    Some(format!("{text} was {}, expected {wanted}", shown(other)))
}

/// Whether two values are equal; 1 and 1.0 are.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        other => {
            let text = other.to_string();
            text.char_indices().nth(120).map_or(text.clone(), |(end, _)| format!("{}…", &text[..end]))
        }
    }
}

#[cfg(test)]
#[path = "tests/assertions.rs"]
mod tests;
