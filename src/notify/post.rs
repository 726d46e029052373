//! Sends requests to servers outside: patient, bounded, and silent about secrets.

use std::path::PathBuf;

use secrecy::SecretString;

use crate::clock::Clock;
use crate::model::Problem;

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

/// An answer that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// The first 64 KiB of its body.
    pub body: Vec<u8>,
}

/// Sends requests; copies share connections, limits and what was learnt of each server.
#[derive(Debug, Clone)]
pub struct Post {
    clock: Clock,
    outlet: Outlet,
}

impl Post {
    /// Nothing is sent and no file is made before the first request.
    pub fn new(clock: Clock, outlet: Outlet) -> Self {
        Self { clock, outlet }
    }

    /// Sends it until it is answered with a status under 300, or there is no more point.
    ///
    /// Waits for its turn (one request a second and sink), honours `Retry-After`, tries
    /// again after 429, 5xx and broken connections, and redirects nowhere.
    ///
    /// # Errors
    /// Why it was given up: the status and the first words of the answer, or what broke.
    /// Never with the address or a header.
    pub async fn send(&self, request: &Request) -> Result<Answer, Problem> {
        unimplemented!("{} {:?} {:?}", request.what, self.clock, self.outlet)
    }
}
