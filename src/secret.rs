//! Reads what the configuration says is kept elsewhere, at the moment it is needed.
//!
//! What comes out shows itself in no `Debug`; a failure names the variable or the file, never
//! what was in it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use secrecy::SecretString;

use crate::config::SecretSource;

/// No secret is longer, and a file may be any.
const LONGEST: u64 = 64 * 1024;

/// Reads it, without the blank space around it.
///
/// # Errors
/// Why it can't be had: missing, empty or unreadable.
pub fn read(source: &SecretSource) -> Result<SecretString, String> {
    match source {
        SecretSource::Env(name) => from_variable(name),
        SecretSource::File(path) => from_file(path),
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
