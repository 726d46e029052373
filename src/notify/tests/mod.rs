//! Sinks against servers on loopback that behave, and that misbehave in every way.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use super::*;
use crate::clock::Clock;
use crate::event::Stamped;

mod hub;
mod post;
mod secrets;
mod server;
mod trouble;
mod webhook;

/// How much faster than real the clock of a test runs.
const SPEED: f64 = 50.0;

/// When tests begin.
fn begin() -> Timestamp {
    "2026-11-22T19:00:00Z".parse().unwrap()
}

fn fast() -> Clock {
    Clock::starting_at(begin(), SPEED)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A request with a secret in its address and one in its header.
fn request(url: &str) -> Request {
    Request {
        method: Method::Post,
        url: SecretString::from(url),
        headers: vec![
            ("Content-Type".to_owned(), "application/json".into()),
            ("Authorization".to_owned(), "Bearer xoxb-header-secret".into()),
        ],
        body: br#"{"text":"hello"}"#.to_vec(),
        sink: "slack #payments-alerts".to_owned(),
        what: "start of qa".to_owned(),
        text: "Starting ASG Refresh\n  4 groups".to_owned(),
        rehearsed: r#"{"ok":true}"#.to_owned(),
    }
}

fn tell_all(notifier: &Notifier, events: impl IntoIterator<Item = Stamped>) {
    for event in events {
        notifier.tell(&event);
    }
}

/// Everything that is known of a sink's failure, as text.
fn told(undelivered: &[Undelivered]) -> Vec<String> {
    undelivered.iter().map(|one| format!("{}: {}: {}", one.sink, one.what, one.problem.what)).collect()
}
