//! Values that are captured from answers, for the checks after them.
//!
//! [`take`] finds them in an answer, pure. [`Captured`] keeps them for one round of a group's
//! checks, each for the instance it came from, and lets a check wait for them. Never tells
//! anybody a value: what is secret is masked wherever it stands (`secrets`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::Notify;

use super::answer::Answer;
use super::assertions::Heard;
use super::secrets::{Secrets, forms};
use crate::config::{Capture, CaptureFrom};
use crate::event::Status;
use crate::model::InstanceId;

/// The longest value that is captured, in bytes.
const LONGEST: usize = 16 * 1024;

/// A value that was found in an answer.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) secret: bool,
}

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Taken").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Finds what the check captures in the answer; one that passed fails when something is not there.
///
/// What was heard is not shown when a secret may be in it that can't be masked.
pub(super) fn take(captures: &[Capture], heard: &Heard, mut answer: Answer) -> Answer {
    if captures.is_empty() {
        return answer;
    }
    let body = String::from_utf8_lossy(&heard.body);
    let (mut absent, mut hides) = (Vec::new(), false);
    for capture in captures {
        match find(&capture.from, heard, &body) {
            Ok(value) => {
                // One that the server wrote in another way would be missed by the mask.
                let maskable = matches!(capture.from, CaptureFrom::Header(_))
                    || forms(&value).iter().any(|form| body.contains(form.as_str()));
                hides |= capture.secret && !maskable;
                let (name, secret) = (capture.name.clone(), capture.secret);
                answer.taken.push(Taken { name, value, secret });
            }
            Err(why) => {
                hides |= capture.secret;
                absent.push(format!("{{{}}} can't be captured: {why}", capture.name));
            }
        }
    }
    if hides && !answer.evidence.is_empty() {
        let first = answer.evidence.lines().next().unwrap_or_default();
        answer.evidence =
            format!("{first}\n\n(not shown: what the check captures can't be masked in it)").into();
    }
    if answer.status == Status::Passed && !absent.is_empty() {
        answer.status = Status::Failed;
        answer.message = absent.join("; ");
    }
    answer
}

fn find(from: &CaptureFrom, heard: &Heard, body: &str) -> Result<String, String> {
    let value = match from {
        CaptureFrom::Json(text, path) => {
            let json: Value = serde_json::from_slice(&heard.body).map_err(|_| "the body is not JSON")?;
            match path.query(&json).first() {
                Some(Value::String(value)) => value.clone(),
                Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
                Some(_) => return Err(format!("{text} selects no text, number, or yes or no")),
                None => return Err(format!("{text} selects nothing")),
            }
        }
        CaptureFrom::Regex(regex) => match regex.captures(body).and_then(|found| found.get(1)) {
            Some(found) => found.as_str().to_owned(),
            None => return Err("the body does not match".to_owned()),
        },
        CaptureFrom::Header(name) => match heard.headers.get(name).map(|value| value.to_str()) {
            Some(Ok(value)) => value.to_owned(),
            Some(Err(_)) => return Err(format!("header {name} is no text")),
            None => return Err(format!("header {name} is absent")),
        },
    };
    match value.len() {
        0 => Err("it is empty".to_owned()),
        1..=LONGEST => Ok(value),
        long => Err(format!("it is {long} bytes long, and {LONGEST} are the most")),
    }
}

/// Whose value it is; `None` for the group's.
type Whose = Option<InstanceId>;

/// What the checks of one round captured.
#[derive(Debug, Default)]
pub(super) struct Captured {
    known: Mutex<Known>,
    changed: Notify,
}

#[derive(Default)]
struct Known {
    values: BTreeMap<(usize, Whose), Vec<Taken>>,
    /// Of whom a check, by its place, has its last answer.
    settled: BTreeSet<(usize, Whose)>,
    /// The checks that have ended.
    ended: BTreeSet<usize>,
    secrets: Secrets,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("settled", &self.settled).finish_non_exhaustive()
    }
}

/// How the wait for a value ended.
#[derive(PartialEq, Eq)]
pub(super) enum Wait {
    /// It is there.
    Value(String),
    /// The check that captures it did not pass there.
    NotPassed,
    /// The check ended without asking there.
    NotAsked,
}

impl Captured {
    /// Keeps what an answer gave: to be masked in any case, to be used when it passed.
    pub(super) fn keep(&self, place: usize, whose: Option<&InstanceId>, answer: &Answer) {
        if answer.taken.is_empty() {
            return;
        }
        let mut known = self.lock();
        for taken in answer.taken.iter().filter(|taken| taken.secret) {
            known.secrets.add(&taken.value);
        }
        let key = (place, whose.cloned());
        if answer.status == Status::Passed {
            known.values.insert(key, answer.taken.clone());
        } else {
            known.values.remove(&key);
        }
    }

    /// Tells that a check has its last answer of somebody.
    pub(super) fn settle(&self, place: usize, whose: Option<&InstanceId>, status: Status) {
        let mut known = self.lock();
        let key = (place, whose.cloned());
        if status != Status::Passed {
            known.values.remove(&key);
        }
        known.settled.insert(key);
        drop(known);
        self.changed.notify_waiters();
    }

    /// Tells that a check has ended.
    pub(super) fn end(&self, place: usize) {
        self.lock().ended.insert(place);
        self.changed.notify_waiters();
    }

    /// Waits until the check of that place has its last answer of somebody, or has ended.
    pub(super) async fn wait(&self, place: usize, whose: Option<&InstanceId>, variable: &str) -> Wait {
        loop {
            // Made before it is looked: a change in between is not missed.
            let changed = self.changed.notified();
            if let Some(wait) = self.look(place, whose, variable) {
                return wait;
            }
            changed.await;
        }
    }

    fn look(&self, place: usize, whose: Option<&InstanceId>, variable: &str) -> Option<Wait> {
        let known = self.lock();
        let key = (place, whose.cloned());
        if !known.settled.contains(&key) {
            return known.ended.contains(&place).then_some(Wait::NotAsked);
        }
        let value = known.values.get(&key).and_then(|taken| taken.iter().find(|one| one.name == variable));
        Some(value.map_or(Wait::NotPassed, |taken| Wait::Value(taken.value.clone())))
    }

    /// The text with every secret that was captured so far masked.
    pub(super) fn masked(&self, text: String) -> String {
        self.lock().secrets.masked(text)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
