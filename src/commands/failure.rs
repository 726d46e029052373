//! What stops a step: problems to be told, and the exit code.

use crate::aws;
use crate::candidate;
use crate::config::ConfigErrors;
use crate::model::{CandidateError, Exit, Problem};
use crate::report::ReportError;
use crate::rollout::Stop;

/// Why a step stopped.
#[derive(Debug)]
pub enum Failure {
    /// Everything that is wrong, and the exit code.
    Told(Exit, Vec<Problem>),
    /// The configuration is wrong: printed as it is, exit 2.
    Config(ConfigErrors),
    /// Something that this program did not expect: exit 1.
    Unexpected(anyhow::Error),
}

impl Failure {
    /// A mistake in how the program is used.
    pub fn usage(what: impl Into<String>, why: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Told(Exit::Usage, vec![Problem::new(what, why, next)])
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Told(exit, _) => *exit,
            Self::Config(_) => Exit::Usage,
            Self::Unexpected(_) => Exit::Unexpected,
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Unexpected(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Unexpected(error.into())
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self::Config(errors)
    }
}

impl From<CandidateError> for Failure {
    fn from(error: CandidateError) -> Self {
        let text = error.to_string();
        let (what, next) = text.split_once("\n  next: ").unwrap_or((&text, ""));
        Self::usage(what, "", next)
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        Self::Told(Exit::Usage, error.problems)
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused(problems) => Self::Told(Exit::Refused, problems),
            Stop::SetUp(problem) => Self::Told(Exit::Usage, vec![problem]),
            Stop::Aws(error) => error.into(),
        }
    }
}

impl From<aws::Error> for Failure {
    fn from(error: aws::Error) -> Self {
        let (exit, what, next) = match error.kind {
            aws::Kind::Credentials => (
                Exit::Usage,
                "failed to use the AWS credentials",
                "give valid AWS credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret)",
            ),
            aws::Kind::Answered => {
                (Exit::Unexpected, "AWS refused a request", "look at AWS's words, and run this again")
            }
            aws::Kind::NoAnswer => (
                Exit::Unexpected,
                "AWS could not be asked",
                "look whether AWS can be reached from here (network, proxy, AWS_ENDPOINT_URL), and run this again",
            ),
        };
        Self::Told(exit, vec![Problem::new(what, error.to_string(), next)])
    }
}

impl From<candidate::Error> for Failure {
    fn from(error: candidate::Error) -> Self {
        match error {
            candidate::Error::Input(problem) => Self::Told(Exit::Usage, vec![problem]),
            candidate::Error::Unfit(problems) => Self::Told(Exit::Refused, problems),
            candidate::Error::Failed(problems) => Self::Told(Exit::NeedsPerson, problems),
            candidate::Error::Aws(error) => error.into(),
        }
    }
}
