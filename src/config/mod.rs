//! The configuration: a YAML file in, a validated [`Fleet`] out.
//!
//! The only user of `serde_yaml`. A key that nothing reads is an error, every mistake is
//! reported at once with its place, and what comes out needs no further checking. Never
//! talks to AWS.

mod alarm;
mod capture;
mod checks;
mod command;
mod document;
mod environments;
mod error;
mod fleet;
mod glob;
mod http;
mod kinds;
mod line;
mod network;
mod notify;
mod place;
mod preferences;
mod reader;
mod refresh;
mod rules;
mod scalars;
mod schedule;
mod sets;
mod sound;
mod ssm;
mod tcp;
mod template;
mod tls;
mod tree;
mod windows;
mod words;

#[cfg(test)]
mod tests;

pub use error::{ConfigErrors, Mistake};
pub use fleet::{
    Capture, CaptureFrom, Check, CheckChanges, CheckKind, Environment, ExternalId, Family, Fleet, GatePolicy,
    Override, RetryPolicy, Scope, Selector,
};
pub use glob::glob_matches;
pub use kinds::{AlarmCheck, CommandCheck, ProgramEnd, SsmCheck};
pub use line::{Line, Piece};
pub use network::{
    Expected, HeaderTest, HttpCheck, HttpVersion, Identity, JsonType, NumberTest, Sent, SentBody, SentValue,
    TcpCheck, TlsSettings, ValueTest,
};
pub use notify::{
    Call, HeaderValue, Notify, SecretSource, Slack, SlackWay, TeamChannel, Teams, Tickets, Webhook,
};
pub use preferences::{
    Busy, OnAbort, OnFailure, PreferenceChanges, Preferences, Protected, RefreshPolicy, Standby, Strategy,
};
pub use scalars::parse_duration;
pub use windows::{Missed, SchedulePolicy, WindowTags};

/// Reads a small YAML document, such as a scenario, into a type of its own.
///
/// # Errors
/// The parser's message, with line and column where it knows them.
pub fn read_yaml<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_yaml::from_str(text).map_err(|error| error.to_string())
}
