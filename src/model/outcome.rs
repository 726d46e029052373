//! How things end: a group, an environment, the process. Values, not errors.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The process's exit code: documented and stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Exit {
    /// 0: done, or nothing to do.
    Done,
    /// 1: something that this program did not expect.
    Unexpected,
    /// 2: usage, configuration or credentials.
    Usage,
    /// 3: refused before anything changed, or refreshed and the gate is not passed.
    Refused,
    /// 4: failed, and rolled back.
    RolledBack,
    /// 5: failed, and a person is needed.
    NeedsPerson,
    /// 6: aborted by a signal.
    Aborted,
}

impl Exit {
    /// The code that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::RolledBack => 4,
            Self::NeedsPerson => 5,
            Self::Aborted => 6,
        }
    }
}

/// How a group ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Every in-service instance runs the new image, and the checks passed.
    Refreshed {
        /// How many in-service instances were proved to run it.
        instances: u32,
    },
    /// Nothing was done, since nothing was to do: proof of nothing.
    Skipped {
        /// Why.
        why: String,
    },
    /// The group is on its old image again, whole.
    RolledBack {
        /// What failed.
        why: String,
    },
    /// No refresh of it could be started: nothing was begun, and it is on its old image, as it
    /// was found. That says nothing of the image.
    Refused {
        /// Who refused, and in which words.
        why: String,
    },
    /// The group is on neither image for certain: a person must look.
    NeedsPerson {
        /// What failed, and the state the group is in.
        why: String,
        /// The command that goes on from there.
        next: String,
    },
    /// Its refresh was left to AWS, since the run was aborted or told to stop there.
    Left {
        /// The state it was left in.
        state: String,
        /// The command that goes on from there.
        next: String,
    },
    /// It is not due: nothing was done yet.
    Deferred {
        /// Why.
        why: String,
        /// When it may be started; `None` when that is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<jiff::Timestamp>,
    },
    /// It was never started, since something else failed or the run was aborted.
    NotStarted {
        /// Why.
        why: String,
    },
}

/// How an environment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every group is on the new image, proved; the gate is passed.
    Passed,
    /// Nothing failed, and nothing was proved: the gate is not passed.
    Unproved,
    /// The step that was asked for is done, and more steps remain: no gate was due.
    Partial,
    /// Nothing there is due.
    NotDue,
    /// Refused before anything changed.
    Refused,
    /// Not begun: credentials, a role or an account is not as the configuration says.
    SetUp,
    /// Not begun: AWS could not be asked.
    Unreachable,
    /// It failed, and every group that failed is on the old image.
    RolledBack,
    /// It failed, and a person is needed.
    NeedsPerson,
    /// A signal ended it.
    Aborted,
    /// It was not reached, since an earlier one did not pass.
    NotReached,
}

impl Verdict {
    /// The exit code of a run whose worst environment ended so.
    pub fn exit(self) -> Exit {
        match self {
            Self::Passed | Self::Partial | Self::NotReached => Exit::Done,
            Self::Unproved | Self::NotDue | Self::Refused => Exit::Refused,
            Self::SetUp => Exit::Usage,
            Self::Unreachable => Exit::Unexpected,
            Self::RolledBack => Exit::RolledBack,
            Self::NeedsPerson => Exit::NeedsPerson,
            Self::Aborted => Exit::Aborted,
        }
    }

    /// The word that people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Unproved => "unproved",
            Self::Partial => "done",
            Self::NotDue => "not due",
            Self::Refused => "refused",
            Self::SetUp => "not begun",
            Self::Unreachable => "AWS out of reach",
            Self::RolledBack => "rolled back",
            Self::NeedsPerson => "needs a person",
            Self::Aborted => "aborted",
            Self::NotReached => "not reached",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
