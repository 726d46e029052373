//! Reads and writes the file. What is wrong with one is said with its place.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::file::{FORMAT, Fleet, Place, Template};

/// Why a fleet's file can't be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum FileError {
    #[error("failed to read the fleet {path}: {source}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the fleet {path} is not valid: {why}")]
    Invalid { path: PathBuf, why: String },
    #[error("failed to write the fleet {path}: {source}")]
    Unwritable { path: PathBuf, source: std::io::Error },
}

impl FileError {
    /// What to do about it.
    pub fn next(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "name the file that 'ami-refresh snapshot' wrote",
            Self::Invalid { .. } => "correct it there, or take it again with 'ami-refresh snapshot'",
            Self::Unwritable { .. } => "name a file in a folder that can be written with --output",
        }
    }
}

/// What says which format the rest is in.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

impl Fleet {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is absent, unreadable, not of this format, or does not hold together.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| FileError::Unreadable { path: path.into(), source })?;
        Self::parse(&text).map_err(|why| FileError::Invalid { path: path.into(), why })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        // Of another format every key may be unknown: that it is another one comes first.
        if let Ok(Head { version }) = serde_json::from_str::<Head>(text)
            && version != FORMAT
        {
            return Err(format!("its format is {version}, and this program reads {FORMAT}"));
        }
        let fleet: Self = serde_json::from_str(text).map_err(|error| located(text, &error))?;
        let wrong: Vec<String> = fleet.places.iter().flat_map(wrong_in).collect();
        if wrong.is_empty() { Ok(fleet) } else { Err(wrong.join("; ")) }
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        // Plain data with texts for keys: this can't fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Writes the file whole, or not at all.
    ///
    /// # Errors
    /// When the folder can't be written.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let beside = beside(path);
        let unwritable = |source| FileError::Unwritable { path: path.into(), source };
        std::fs::write(&beside, self.to_text()).map_err(unwritable)?;
        std::fs::rename(&beside, path).map_err(unwritable)
    }

    /// Tries whether the file could be written, and leaves it as it is.
    ///
    /// # Errors
    /// As [`Fleet::write`].
    pub fn writable(path: &Path) -> Result<(), FileError> {
        let unwritable = |source| FileError::Unwritable { path: path.into(), source };
        if path.is_dir() {
            return Err(unwritable(std::io::ErrorKind::IsADirectory.into()));
        }
        let beside = beside(path);
        std::fs::write(&beside, "").and_then(|()| std::fs::remove_file(&beside)).map_err(unwritable)
    }
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension("json.new")
}

/// What is wrong, where, and the line itself.
fn located(text: &str, error: &serde_json::Error) -> String {
    let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default().trim();
    let line: String = line.chars().take(120).collect();
    format!("{error}: {line}")
}

/// What can't be, of a file that was changed by hand.
fn wrong_in(place: &Place) -> Vec<String> {
    let mut wrong = Vec::new();
    let at = format!("{} {}", place.account, place.region);
    let mut names = BTreeSet::new();
    for group in &place.groups {
        if !names.insert(&group.name) {
            wrong.push(format!("{at} has two groups {}", group.name));
        }
        if group.min > group.max || !(group.min..=group.max).contains(&group.desired) {
            let (min, desired, max) = (group.min, group.desired, group.max);
            wrong.push(format!("{} should have {desired} instances, from {min} to {max}", group.name));
        }
    }
    let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
    for template in &place.templates {
        if !ids.insert(&template.id) || !names.insert(&template.name) {
            wrong.push(format!("{at} has two templates {} ({})", template.name, template.id));
        }
        wrong.extend(wrong_versions(template));
    }
    wrong
}

fn wrong_versions(template: &Template) -> Option<String> {
    let numbers: Vec<u64> = template.versions.iter().map(|version| version.number).collect();
    let Template { id, default, .. } = template;
    if !numbers.contains(default) {
        return Some(format!("template {id} has version {default} as its default, and no such version"));
    }
    let rising = numbers.is_sorted_by(|a, b| a < b) && numbers.first().is_some_and(|first| *first > 0);
    (!rising).then(|| format!("the versions of template {id} are not in the order of their numbers, from 1"))
}
