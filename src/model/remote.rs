//! Commands on instances, as Systems Manager tells of them.

use jiff::Timestamp;

use super::InstanceId;

/// How far a command is on one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The instance.
    pub instance: InstanceId,
    /// How far it is.
    pub stage: InvocationStage,
    /// Systems Manager's own word for it, such as `Success` or `DeliveryTimedOut`.
    pub word: String,
    /// The step of the document that tells: the one that failed, or the last.
    pub step: Option<InvocationStep>,
}

/// The stages of a command on one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvocationStage {
    /// The instance's agent has not fetched it yet.
    Waiting,
    /// It runs.
    Running,
    /// The program ended, with whatever exit code.
    Ended,
    /// It was never run, or not to its end.
    Undone,
}

/// A step of a document on one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvocationStep {
    /// The plugin's name, by which its output is asked for.
    pub plugin: String,
    /// The exit code; `None` when there is none.
    pub exit: Option<i32>,
    /// What it said, at most the first 2,500 characters.
    pub output: String,
}

/// What a step said: the first 24,000 characters, and 8,000 of its errors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InvocationOutput {
    /// Its output.
    pub output: String,
    /// Its error output.
    pub errors: String,
}

/// What Systems Manager knows of an instance's agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// `Online`, `ConnectionLost` or `Inactive`.
    pub ping: String,
    /// When it was heard of last.
    pub last: Option<Timestamp>,
}

impl Managed {
    /// Whether it can be told to run something.
    pub fn is_online(&self) -> bool {
        self.ping == "Online"
    }
}
