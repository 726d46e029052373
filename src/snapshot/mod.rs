//! A fleet as it was found, in a file: what `snapshot` writes and a rehearsal is set up from.
//!
//! [`Fleet`] is the file. [`take()`] asks AWS for what is in it, read-only; user data and what
//! looks like a secret never get that far (`redact`). Never decides what a rollout does.

mod file;
mod read;
mod redact;
mod take;
#[cfg(test)]
mod tests;

pub use file::{
    Alarm, Fleet, Group, Hook, Image, Instances, Maintenance, Place, Template, TemplateName, Version,
    WarmPool,
};
pub use read::FileError;
pub use redact::{REDACTED, Redaction};
pub use take::{Asked, take};
