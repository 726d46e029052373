//! What `command`, `ssm` and `alarm` checks ask, and how it must end.
//!
//! Types only: `command`, `ssm` and `alarm` beside this read them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;

use super::line::Line;
use super::ssm;

/// A command check: a program that is run where this one runs, without a shell.
#[derive(Debug, Clone)]
pub struct CommandCheck {
    /// The program and its arguments, at least the program.
    pub run: Vec<Line>,
    /// Variables that are added to the program's environment.
    pub env: BTreeMap<String, Line>,
    /// The folder that it runs in; `None` for this program's own.
    pub dir: Option<PathBuf>,
    /// How many bytes of each of its two streams are kept.
    pub output_limit: usize,
    /// How it must end.
    pub end: ProgramEnd,
    /// The time within which it must end.
    pub within: Duration,
}

/// How a program must end, and what it must say.
#[derive(Debug, Clone)]
pub struct ProgramEnd {
    /// The exit codes that pass, at least one.
    pub exit: Vec<i32>,
    /// Text that its output or its error output must contain.
    pub contains: Option<String>,
    /// A regular expression that its output or its error output must match.
    pub matches: Option<Regex>,
}

/// An SSM check: a document of Systems Manager that is run on every instance.
#[derive(Debug, Clone)]
pub struct SsmCheck {
    /// The document's name, or its ARN.
    pub document: String,
    /// Its parameters; the lines of a script are `commands`.
    pub parameters: BTreeMap<String, Vec<Line>>,
    /// How it must end on each instance.
    pub end: ProgramEnd,
    /// The time within which it must end, from when it is sent.
    pub within: Duration,
}

impl SsmCheck {
    /// Whether its document runs a script of lines, and can be told how long that may take.
    pub fn is_script(&self) -> bool {
        ssm::is_script(&self.document)
    }
}

/// An alarm check.
#[derive(Debug, Clone)]
pub struct AlarmCheck {
    /// The alarms' names, with variables of the group.
    pub names: Vec<Line>,
    /// What the names of further alarms begin with, at least one alarm.
    pub prefix: Option<Line>,
    /// Whether an alarm with too little data to tell passes.
    pub insufficient_data_passes: bool,
}
