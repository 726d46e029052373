//! Why a try failed, and whether another has a point. Never shows an address.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use tokio_rustls::rustls;

use super::Request;
use crate::model::Problem;

/// The most characters that are shown of an answer.
const SHOWN: usize = 200;

const REACH: &str =
    "look whether the server is up and can be reached from here (network, proxy), and its address right";

/// A try that failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// What happened, in one line.
    reason: String,
    /// What to do about it.
    next: &'static str,
    /// Whether it is worth another try.
    pub(super) again: bool,
    /// When, if the server said so.
    pub(super) after: Option<Duration>,
}

impl Failure {
    /// Another try may do better.
    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), next: REACH, again: true, after: None }
    }

    /// No other try would do better.
    pub(super) fn lasting(reason: impl Into<String>, next: &'static str) -> Self {
        Self { reason: reason.into(), next, again: false, after: None }
    }

    /// A rehearsal's file could not be written.
    pub(super) fn file(reason: String) -> Self {
        Self::lasting(reason, "see that the report directory can be written and has room")
    }

    /// A status of 300 and above, with the first line of the answer.
    pub(super) fn status(status: http::StatusCode, body: &[u8], after: Option<Duration>) -> Self {
        let again = status == 429 || status.is_server_error();
        let next = match status.as_u16() {
            300..=399 => "redirects are not followed: give the address that it leads to",
            401 | 403 => "look whether the token or the secret address is right, and still valid",
            404 | 410 => "look whether the address is right, and still valid",
            429 => "the server takes no more requests for now: look what else uses it",
            500.. => "the server has trouble of its own: look whether it is up",
            _ => "look what the server expects: it refused what it was sent",
        };
        let said = first_line(body);
        let colon = if said.is_empty() { "" } else { ": " };
        Self { reason: format!("the server answered {status}{colon}{said}"), next, again, after }
    }

    /// A connection that broke, or never was one.
    pub(super) fn broken(error: reqwest::Error) -> Self {
        let connecting = error.is_connect();
        let error = error.without_url();
        let mut source = error.source();
        let mut words = None;
        while let Some(cause) = source {
            if let Some(cause) = cause.downcast_ref::<io::Error>() {
                if let Some(tls) = tls_error(cause) {
                    return Self::lasting(
                        format!("TLS failed: {tls}"),
                        "look whether the server speaks TLS, and whether this machine trusts its certificate",
                    );
                }
                words = Some(io_words(cause));
            } else if let Some(cause) = cause.downcast_ref::<hyper::Error>() {
                if cause.is_parse() {
                    return Self::lasting(
                        format!("the answer is not HTTP as it should be: {cause}"),
                        "look whether the address and its port are right",
                    );
                }
                if cause.is_incomplete_message() {
                    words = Some("the connection was closed before the answer was there".to_owned());
                }
            }
            source = cause.source();
        }
        let whole = if connecting { "no connection could be made" } else { "the connection broke" };
        match words {
            Some(words) => Self::passing(format!("{whole}: {words}")),
            None => Self::passing(whole),
        }
    }

    /// As people are told, after that many tries.
    pub(super) fn problem(self, request: &Request, tries: u32) -> Problem {
        let effort = if tries == 1 { "tried once".to_owned() } else { format!("tried {tries} times") };
        Problem::new(request.without_secrets(&self.reason), effort, self.next)
    }
}

/// The error of TLS that came up through the socket's, which may be wrapped in others.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner.downcast_ref::<rustls::Error>().or_else(|| tls_error(inner.downcast_ref::<io::Error>()?))
}

fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        io::ErrorKind::UnexpectedEof => "it was closed too early".to_owned(),
        _ => error.to_string(),
    }
}

/// The first line that says something, without control characters, cut to [`SHOWN`].
fn first_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(SHOWN * 16)]);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let kept: String = line.chars().filter(|c| !c.is_control()).collect();
    let kept = kept.trim();
    match kept.char_indices().nth(SHOWN) {
        Some(_) => kept.chars().take(SHOWN - 1).chain(['…']).collect(),
        None => kept.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_shown_by_its_first_line_cleaned_and_cut() {
        assert_eq!(first_line(b"\r\n  \x1b[31mno_service \x07\nmore"), "[31mno_service");
        assert_eq!(first_line(b""), "");
        assert_eq!(first_line(&[0xff, 0xfe, b'a']), "\u{fffd}\u{fffd}a");
        let long = first_line("é".repeat(5_000).as_bytes());
        assert_eq!(long.chars().count(), 200);
        assert!(long.ends_with('…'));
    }
}
