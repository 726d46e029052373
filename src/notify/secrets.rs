//! Reads secrets from where the configuration says, at the moment they are needed.
//!
//! What comes out shows itself in no `Debug`; what is told of a failure names the variable or
//! the file, never what was in it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use secrecy::SecretString;

use super::post::Outlet;
use crate::config::SecretSource;
use crate::model::Problem;

/// What a rehearsal uses where there is none.
const MADE_UP: &str = "made-up";
/// No secret is longer, and a file may be any.
const LONGEST: u64 = 64 * 1024;

/// The reader of secrets; a rehearsal's makes up what it can't read.
#[derive(Debug, Clone, Copy)]
pub struct Secrets {
    rehearsed: bool,
}

impl Secrets {
    /// For requests that leave by that way.
    pub fn of(outlet: &Outlet) -> Self {
        Self { rehearsed: matches!(outlet, Outlet::Files(_)) }
    }

    /// Reads a secret; `place` is where the configuration asks for it, `notify.slack.token`.
    ///
    /// # Errors
    /// When it is missing, empty or unreadable.
    pub fn read(self, source: &SecretSource, place: &str) -> Result<SecretString, Problem> {
        let read = match source {
            SecretSource::Env(name) => from_variable(name),
            SecretSource::File(path) => from_file(path),
        };
        match read {
            Err(_) if self.rehearsed => Ok(MADE_UP.into()),
            Err(why) => Err(Problem::new(
                format!("the secret of {place} is missing"),
                why,
                match source {
                    SecretSource::Env(name) => {
                        format!("set {name} where this runs, or name another source there")
                    }
                    SecretSource::File(path) => {
                        format!(
                            "put it into {} where this runs, or name another source there",
                            path.display()
                        )
                    }
                },
            )),
            Ok(secret) => Ok(secret),
        }
    }
}

fn from_variable(name: &str) -> Result<SecretString, String> {
    let Some(value) = std::env::var_os(name) else {
        return Err(format!("the environment variable {name} is not set"));
    };
    let Some(value) = value.to_str() else {
        return Err(format!("the environment variable {name} is not UTF-8"));
    };
    trimmed(value).ok_or_else(|| format!("the environment variable {name} is empty"))
}

fn from_file(path: &Path) -> Result<SecretString, String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text));
    let shown = path.display();
    match read {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(format!("the file {shown} is not UTF-8"))
        }
        Err(error) => Err(format!("failed to read the file {shown}: {error}")),
        Ok(length) if length as u64 > LONGEST => Err(format!("the file {shown} is too large for a secret")),
        Ok(_) => trimmed(&text).ok_or_else(|| format!("the file {shown} is empty")),
    }
}

fn trimmed(text: &str) -> Option<SecretString> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}
