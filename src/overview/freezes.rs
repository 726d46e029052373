//! The freezes of an environment that hold, or come soon.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::config::Fleet;
use crate::model::{EnvironmentName, Span};

/// How far ahead freezes are shown.
pub const AHEAD: Duration = Duration::from_hours(14 * 24);

/// A freeze that holds, or comes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FreezeAhead {
    /// From when to when.
    #[serde(flatten)]
    pub span: Span,
    /// Why, for people.
    pub reason: String,
    /// Whether it holds now.
    pub holds: bool,
}

/// The freezes that hold for the environment now or begin within [`AHEAD`], the earliest first.
pub fn freezes(fleet: &Fleet, environment: &EnvironmentName, now: Timestamp) -> Vec<FreezeAhead> {
    let ahead = SignedDuration::try_from(AHEAD).unwrap_or(SignedDuration::MAX);
    let last = now.checked_add(ahead).unwrap_or(Timestamp::MAX);
    let mut found = Vec::new();
    for freeze in fleet.freezes.iter().filter(|freeze| freeze.concerns(environment)) {
        let told = |span, holds| FreezeAhead { span, reason: freeze.reason.clone(), holds };
        found.extend(freeze.covering(now).map(|span| told(span, true)));
        let mut after = now;
        while let Some(span) = freeze.next_after(after).filter(|span| span.from <= last) {
            found.push(told(span, false));
            after = span.from;
        }
    }
    found.sort();
    found
}
