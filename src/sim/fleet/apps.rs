//! What listens on a simulated instance.

use std::collections::BTreeMap;

/// Something that listens on a port of every instance of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppSpec {
    /// The port.
    pub port: u16,
    /// What it says when it is healthy.
    pub kind: AppKind,
}

/// What an application says when it is healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppKind {
    /// It answers HTTP.
    Http {
        /// The path it knows, without a query; anything else is 404. `None` for every path.
        path: Option<String>,
        /// The status of its answer.
        status: u16,
        /// Headers of its answer, besides its length.
        headers: BTreeMap<String, String>,
        /// The body of its answer.
        body: String,
    },
    /// It says something as soon as a client connects, and hangs up.
    Tcp {
        /// What it says; may be empty.
        banner: String,
    },
}

impl AppSpec {
    /// The default application: any GET on 8080 is answered with 200 `{"status":"UP"}`.
    pub fn up() -> Self {
        let headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
        let kind = AppKind::Http { path: None, status: 200, headers, body: r#"{"status":"UP"}"#.to_owned() };
        Self { port: 8080, kind }
    }
}

/// How a program ends that a check runs for, or on, a healthy instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramSpec {
    /// The program and its arguments, or the lines of a script; a word is a glob.
    pub words: Vec<String>,
    /// Its exit code.
    pub exit: i32,
    /// What it says.
    pub output: String,
}
