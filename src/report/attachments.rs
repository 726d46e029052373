//! Long answers as files beside the test cases, in the form that Jenkins' junit-attachments reads.
//!
//! [`Attachments::of`] chooses which answers of an environment become files, and names them;
//! [`Attachments::write`] puts them below `attachments/` in the report directory and takes away
//! what an earlier run left there. That plugin keeps the files of a class by their bare names, so
//! those are unique in it; and it looks for its mark in all that a test printed, which is why
//! [`super::clean`] lets no other text hold one.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::cases::single_step;
use super::collect::Run;
use super::record::{EnvironmentRecord, GroupRecord, status_word};
use super::{clean, files};
use crate::event::{GroupRef, Probe};
use crate::model::EnvironmentName;

/// The directory in the report directory.
pub(super) const DIR: &str = "attachments";
/// The most files of one check, …
const PER_CHECK: usize = 20;
/// … and of an environment.
const PER_ENVIRONMENT: usize = 200;
/// The longest part of a path that is made of a name, in bytes.
const LONGEST: usize = 80;

/// The attachments of an environment.
#[derive(Debug, Default)]
pub(super) struct Attachments {
    /// Where the environment's are, relative to the report directory.
    root: PathBuf,
    /// The paths, relative to the report directory, and what is in them.
    files: BTreeMap<PathBuf, String>,
    /// Of each group's checks: whose answers are in which file, and how many found no room.
    of_checks: BTreeMap<(GroupRef, String), OfCheck>,
}

/// The attachments of one check of one group.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct OfCheck {
    /// The subject and its file, relative to the report directory.
    pub(super) files: Vec<(String, PathBuf)>,
    /// How many more long answers there are.
    pub(super) left_out: usize,
}

impl Attachments {
    /// Chooses and names them.
    pub(super) fn of(run: &Run, environment: &EnvironmentRecord, mark: Option<&str>) -> Self {
        let root = root(&run.command, &environment.name);
        let mut all = Self { root, ..Self::default() };
        for group in &environment.groups {
            for check in &group.checks {
                for probe in check.result.probes.iter().filter(|probe| !probe.output.is_empty()) {
                    all.add(run, group, &check.result.check, probe, mark);
                }
            }
        }
        all
    }

    fn add(&mut self, run: &Run, group: &GroupRecord, check: &str, probe: &Probe, mark: Option<&str>) {
        let of_check = self.of_checks.entry((group.group.clone(), check.to_owned())).or_default();
        if of_check.files.len() >= PER_CHECK || self.files.len() >= PER_ENVIRONMENT {
            of_check.left_out += 1;
            return;
        }
        let at = &group.group;
        let place = format!("{}.{}", component(at.group.as_str()), component(at.region.as_str()));
        let step = single_step(&run.command).map_or(String::new(), |step| format!("{}.", component(step)));
        let name = format!("{step}{}.{}.txt", component(check), component(&probe.subject));
        let path = self.root.join(place).join(name);
        let status = status_word(probe.status);
        let head =
            format!("{check} of {}, {}: {status}: {}", group.group.group, probe.subject, probe.message);
        let mark = mark.map_or(String::new(), |mark| format!("{}\n", clean::line(mark)));
        let text = format!("{mark}{}\n\n{}\n", clean::line(&head), clean::text(&probe.output));
        if self.files.insert(path.clone(), text).is_none() {
            of_check.files.push((probe.subject.clone(), path));
        }
    }

    /// Whether there are any.
    pub(super) fn any(&self) -> bool {
        !self.files.is_empty()
    }

    /// Those of a check; empty where it has none.
    pub(super) fn of_check(&self, group: &GroupRef, check: &str) -> OfCheck {
        self.of_checks.get(&(group.clone(), check.to_owned())).cloned().unwrap_or_default()
    }

    /// Writes all of them below the report directory, and leaves nothing else of the environment there.
    ///
    /// # Errors
    /// The first that could not be written or taken away, with its path.
    pub(super) fn write(&self, report_dir: &Path) -> Result<(), (PathBuf, io::Error)> {
        let root = report_dir.join(&self.root);
        if self.files.is_empty() {
            return remove(&root).map_err(|error| (root, error));
        }
        for (path, text) in &self.files {
            let path = report_dir.join(path);
            let parent = path.parent().unwrap_or(report_dir);
            fs::create_dir_all(parent)
                .and_then(|()| files::replace(&path, text.as_bytes()))
                .map_err(|error| (path, error))?;
        }
        self.remove_others(report_dir).map_err(|error| (root, error))
    }

    /// What an earlier writing left and this one has not.
    fn remove_others(&self, report_dir: &Path) -> io::Result<()> {
        for group in fs::read_dir(report_dir.join(&self.root))? {
            let group = group?;
            if !group.file_type()?.is_dir() {
                fs::remove_file(group.path())?;
                continue;
            }
            for file in fs::read_dir(group.path())? {
                let path = file?.path();
                let is_ours = path.strip_prefix(report_dir).is_ok_and(|path| self.files.contains_key(path));
                if !is_ours {
                    fs::remove_file(path)?;
                }
            }
            if fs::read_dir(group.path())?.next().is_none() {
                fs::remove_dir(group.path())?;
            }
        }
        Ok(())
    }
}

/// Takes the attachments of an earlier run of the environment away.
///
/// # Errors
/// When they can't be.
pub(super) fn remove_stale(
    report_dir: &Path,
    command: &str,
    environment: &EnvironmentName,
) -> io::Result<()> {
    remove(&report_dir.join(root(command, environment)))
}

/// Removes a directory with what is in it, and the one around it where that is empty then.
fn remove(root: &Path) -> io::Result<()> {
    match fs::remove_dir_all(root) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    if let Some(all) = root.parent() {
        // Another environment's may be in it.
        let _not_empty = fs::remove_dir(all);
    }
    Ok(())
}

/// `attachments/qa`, and `attachments/qa.smoke` of a single step: as the files with test cases.
fn root(command: &str, environment: &EnvironmentName) -> PathBuf {
    let environment = component(environment.as_str());
    Path::new(DIR).join(match single_step(command) {
        Some(step) => format!("{environment}.{}", component(step)),
        None => environment,
    })
}

/// The line by which Jenkins finds the file: its path as the report directory was named, which is
/// relative to the workspace where the program runs in it. `None` where that would not be read.
pub(super) fn mark(report_dir: &Path, path: &Path) -> Option<String> {
    let path = report_dir.join(path);
    let path = path.to_str()?;
    let is_readable = !path.contains(['|', '\n', '\r']) && !path.contains("]]") && clean::line(path) == path;
    is_readable.then(|| format!("{}{path}]]", clean::ATTACHMENT))
}

/// A name as a part of a path: what had to be changed or cut gets a digest of the whole, so that
/// no two names become one.
fn component(name: &str) -> String {
    let safe = clean::file_name(name);
    let safe = if safe.starts_with('.') { safe.replacen('.', "_", 1) } else { safe };
    let cut = &safe[..safe.floor_char_boundary(LONGEST)];
    if cut == name && !cut.is_empty() {
        return cut.to_owned();
    }
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    format!("{cut}-{:08x}", u32::from_be_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests;
