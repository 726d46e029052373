//! Reads secrets from where the configuration says, at the moment they are needed.
//!
//! What comes out shows itself in no `Debug`; what is told of a failure names the variable or
//! the file, never what was in it.

use secrecy::SecretString;

use super::post::Outlet;
use crate::config::SecretSource;
use crate::model::Problem;
use crate::secret;

/// What a rehearsal uses where there is none.
const MADE_UP: &str = "made-up";

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
        match secret::read(source) {
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
