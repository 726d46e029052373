//! Sends requests to servers outside: patient, bounded, and silent about secrets.
//!
//! Each sink has a turn: its requests go one after another, and one that a server makes wait
//! holds up nobody else. In a rehearsal they go to files. Decides nothing about what is sent.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::files::Files;
use crate::clock::Clock;
use crate::model::Problem;

mod attempt;
mod failure;
mod wait;

use attempt::Client;
use failure::Failure;

/// How often a request is tried at most.
const TRIES: u32 = 5;
/// How long there is at least between two requests of a sink.
const SPACING: Duration = Duration::from_secs(1);
/// How long one try may take, from the connection to the last byte.
const TRY: Duration = Duration::from_secs(10);
/// A shorter text is no secret, and would be found everywhere.
const SHORTEST_SECRET: usize = 6;

/// Where requests go.
#[derive(Debug, Clone)]
pub enum Outlet {
    /// Over the network.
    Network,
    /// To `messages.jsonl` and `messages.txt` in this directory, as they would be sent.
    Files(PathBuf),
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "HTTP's own names")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
}

impl Method {
    /// As HTTP writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        }
    }
}

/// One request to somebody outside.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The address: secret as a whole, since a webhook's is.
    pub url: SecretString,
    /// Headers; every value may be a secret.
    pub headers: Vec<(String, SecretString)>,
    /// The body, sent as it is; empty for none. Holds no secret.
    pub body: Vec<u8>,
    /// Who it is for, as people are told: `slack #payments-alerts`. Requests of one name are
    /// sent one after another, at most one a second.
    pub sink: String,
    /// What it is, as people are told: `start of qa`.
    pub what: String,
    /// What is written for people in a rehearsal, several lines; empty to leave it out there.
    pub text: String,
    /// What a rehearsal takes for the answer's body.
    pub rehearsed: String,
}

impl Request {
    /// The text without the address, what is private in it, and the values of headers: a
    /// server may answer with what it was sent.
    pub fn without_secrets(&self, text: &str) -> String {
        let url = self.url.expose_secret();
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path = rest.split_once('/').map_or("", |(_, path)| path);
        let user = rest.split('/').next().and_then(|host| host.rsplit_once('@')).map_or("", |(user, _)| user);
        let mut secrets = vec![url, rest, path, user];
        secrets.extend(path.split(['/', '?', '&', '=', '#']));
        secrets.extend(user.split(':'));
        for (_, value) in &self.headers {
            secrets.push(value.expose_secret());
            secrets.extend(value.expose_secret().split([' ', ',', '=']));
        }
        secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
        // The longest first, so that none is left in part.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret, "[…]"))
    }
}

/// An answer that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// The first 64 KiB of its body.
    pub body: Vec<u8>,
}

/// Sends requests; copies share connections, limits and what was learnt of each server.
#[derive(Clone)]
pub struct Post {
    clock: Clock,
    /// How long one try may take.
    try_for: Duration,
    way: Arc<Way>,
    lanes: Arc<Mutex<BTreeMap<String, Arc<Lane>>>>,
}

/// How requests leave.
enum Way {
    Network(OnceLock<Client>),
    Files(Files),
}

/// The requests of one sink.
struct Lane {
    /// Held while one is sent; from when on the next may be.
    turn: tokio::sync::Mutex<Instant>,
    /// Why the latest try failed; `None` after one that did not.
    trouble: Mutex<Option<Problem>>,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").finish_non_exhaustive()
    }
}

impl Post {
    /// Nothing is sent and no file is made before the first request. Files show times in UTC.
    pub fn new(clock: Clock, outlet: Outlet) -> Self {
        Self::in_zone(clock, outlet, TimeZone::UTC)
    }

    /// The same, and files show people times in that zone.
    pub fn in_zone(clock: Clock, outlet: Outlet, zone: TimeZone) -> Self {
        let way = match outlet {
            Outlet::Network => Way::Network(OnceLock::new()),
            Outlet::Files(directory) => Way::Files(Files::new(directory, zone)),
        };
        Self { clock, try_for: TRY, way: Arc::new(way), lanes: Arc::default() }
    }

    /// The same with another time for one try: a fast clock leaves a server on a busy machine none.
    #[cfg(test)]
    pub(super) fn trying_for(mut self, time: Duration) -> Self {
        self.try_for = time;
        self
    }

    /// Over the network, trusting that TLS client's roots.
    #[cfg(test)]
    pub(super) fn trusting(clock: Clock, tls: tokio_rustls::rustls::ClientConfig) -> Self {
        let post = Self::new(clock, Outlet::Network);
        if let Way::Network(client) = &*post.way {
            client.get_or_init(|| Client::new(Ok(tls)));
        }
        post
    }

    /// Sends it until it is answered with a status under 300, or there is no more point.
    ///
    /// Waits for its turn (one request a second and sink), honours `Retry-After`, tries
    /// again after 429, 5xx and broken connections, and redirects nowhere. A request whose
    /// answer was lost is sent again: whoever gets it may get it twice.
    ///
    /// # Errors
    /// Why it was given up: the status and the first words of the answer, or what broke.
    /// Never with the address or a header.
    pub async fn send(&self, request: &Request) -> Result<Answer, Problem> {
        self.deliver(request, SPACING).await
    }

    /// The same without the second between requests, for machines that take many.
    ///
    /// # Errors
    /// As [`Post::send`].
    pub async fn send_promptly(&self, request: &Request) -> Result<Answer, Problem> {
        self.deliver(request, Duration::ZERO).await
    }

    /// Why the latest try failed of this sink or of one whose name goes on from it, such as
    /// `slack #payments` from `slack`; `None` when none did, or a later one did not.
    pub fn trouble(&self, sink: &str) -> Option<Problem> {
        let is_of =
            |name: &str| name.strip_prefix(sink).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
        let lanes = locked(&self.lanes);
        let mut of_sink = lanes.iter().filter(|(name, _)| is_of(name));
        of_sink.find_map(|(_, lane)| locked(&lane.trouble).clone())
    }

    async fn deliver(&self, request: &Request, spacing: Duration) -> Result<Answer, Problem> {
        let lane = self.lane(&request.sink);
        let mut turn = lane.turn.lock().await;
        let mut tries = 0;
        loop {
            tokio::time::sleep_until(*turn).await;
            tries += 1;
            let outcome = self.once(request).await;
            // The second counts from the answer: the server took it before that for certain.
            *turn = self.after(spacing);
            let failure = match outcome {
                Ok(answer) => {
                    *locked(&lane.trouble) = None;
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            if failure.again {
                let wait = failure.after.unwrap_or_else(|| wait::backoff(tries));
                *turn = self.after(wait.max(spacing));
            }
            let (again, problem) = (failure.again, failure.problem(request, tries));
            tracing::debug!(sink = request.sink, tries, again, problem = problem.what, "not sent");
            *locked(&lane.trouble) = Some(problem.clone());
            if !again || tries == TRIES {
                return Err(problem);
            }
        }
    }

    async fn once(&self, request: &Request) -> Result<Answer, Failure> {
        match &*self.way {
            Way::Files(files) => files.write(self.clock.now(), request).map_err(Failure::file),
            Way::Network(client) => {
                let client = client.get_or_init(|| Client::new(crate::net::tls_of_machine()));
                client.attempt(request, &self.clock, self.after(self.try_for)).await
            }
        }
    }

    fn lane(&self, sink: &str) -> Arc<Lane> {
        let mut lanes = locked(&self.lanes);
        let new = || Arc::new(Lane { turn: Instant::now().into(), trouble: Mutex::default() });
        Arc::clone(lanes.entry(sink.to_owned()).or_insert_with(new))
    }

    fn after(&self, duration: Duration) -> Instant {
        Instant::now() + self.clock.real(duration)
    }
}

/// The value, whoever panicked while holding it: nothing here is left half done.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
