//! The journal: every event of a run, one JSON object a line, on disk before anything else.
//!
//! [`Journal`] writes it, [`read`] reads it back, also when the run was killed in the middle of
//! a line. Every other report can be made from it. Knows nothing of what the events mean.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::event::Stamped;

mod salvage;
pub use salvage::{Salvage, Unread, salvage};

/// The name of the file in the report directory.
pub const FILE_NAME: &str = "journal.jsonl";

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    /// Whether a line was begun that the disk did not take whole.
    torn: bool,
}

/// What [`read`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The events, in order.
    pub events: Vec<Stamped>,
    /// Whether the last line was cut off (the run was killed while writing it) and left out.
    pub cut_off: bool,
}

impl Journal {
    /// Begins a new journal in the directory, which is made when it is absent.
    ///
    /// An earlier run's journal is kept: it is renamed to `journal-<its first time>.jsonl`.
    ///
    /// # Errors
    /// When the directory or the file can't be made, or the earlier journal can't be moved.
    pub fn create(report_dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(report_dir)?;
        let path = report_dir.join(FILE_NAME);
        move_aside(&path)?;
        let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        Ok(Self { file, path, torn: false })
    }

    /// One whose disk is full.
    #[cfg(test)]
    pub(crate) fn failing() -> Self {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().append(true).open(&path).unwrap();
        Self { file, path, torn: false }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one event and hands it to the operating system before it returns.
    ///
    /// # Errors
    /// When the disk does not take the whole line. The next call starts a line of its own.
    pub fn write(&mut self, event: &Stamped) -> io::Result<()> {
        let mut line = Vec::with_capacity(256);
        if self.torn {
            line.push(b'\n');
        }
        serde_json::to_writer(&mut line, event)?;
        line.push(b'\n');
        self.torn = true;
        // One call, unbuffered: a run that is killed loses at most the line it was writing.
        self.file.write_all(&line)?;
        self.torn = false;
        Ok(())
    }
}

/// Reads a journal back.
///
/// # Errors
/// When the file can't be read, or a line other than a cut-off last one is not an event: the
/// error names the line.
pub fn read(path: &Path) -> io::Result<Replay> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut replay = Replay { events: Vec::new(), cut_off: false };
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        match serde_json::from_slice(&line) {
            Ok(event) => replay.events.push(event),
            Err(_) if line.trim_ascii().is_empty() => {}
            Err(_) if !line.ends_with(b"\n") => replay.cut_off = true,
            Err(error) => {
                let why = format!("{} line {number} is not an event: {error}", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
        }
    }
    Ok(replay)
}

/// Renames an earlier journal, if there is one with anything in it.
fn move_aside(path: &Path) -> io::Result<()> {
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if found.is_file() && found.len() == 0 {
        return fs::remove_file(path);
    }
    let first = match first_timestamp(path)? {
        Some(first) => first,
        None => Timestamp::try_from(found.modified()?).map_err(io::Error::other)?,
    };
    fs::rename(path, free_name(path, first))
}

/// When its first event happened; `None` when its first line is not an event.
fn first_timestamp(path: &Path) -> io::Result<Option<Timestamp>> {
    let mut line = Vec::new();
    BufReader::new(File::open(path)?).read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice::<Stamped>(&line).ok().map(|first| first.at))
}

/// A name beside `path` that nothing has yet. Rehearsals all start at one time, hence the counter.
fn free_name(path: &Path, first: Timestamp) -> PathBuf {
    let base = format!("journal-{}", first.strftime("%Y%m%dT%H%M%SZ"));
    let mut name = path.with_file_name(format!("{base}.jsonl"));
    let mut count = 1;
    while name.symlink_metadata().is_ok() {
        count += 1;
        name = path.with_file_name(format!("{base}-{count}.jsonl"));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::report::samples;

    fn note(second: i64, text: &str) -> Stamped {
        Stamped {
            at: Timestamp::from_second(second).unwrap(),
            event: Event::Note { environment: None, text: text.into() },
        }
    }

    #[test]
    fn it_reads_back_every_kind_of_event_that_it_wrote() {
        let dir = tempfile::tempdir().unwrap();
        let events = samples::all();
        let mut journal = Journal::create(dir.path()).unwrap();
        for event in &events {
            journal.write(event).unwrap();
        }
        let replay = read(journal.path()).unwrap();
        assert_eq!(replay, Replay { events, cut_off: false });
    }

    #[test]
    fn every_event_is_on_disk_when_write_returns() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(dir.path()).unwrap();
        for count in 1..4 {
            journal.write(&note(count, "line\nbreak")).unwrap();
            assert_eq!(i64::try_from(read(journal.path()).unwrap().events.len()).unwrap(), count);
        }
    }

    #[test]
    fn a_line_that_was_cut_off_at_the_end_is_left_out_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(dir.path()).unwrap();
        journal.write(&note(1, "whole")).unwrap();
        let whole = fs::read(journal.path()).unwrap();
        journal.write(&note(2, "cut – here")).unwrap();
        let both = fs::read(journal.path()).unwrap();
        for end in whole.len() + 1..both.len() - 1 {
            fs::write(journal.path(), &both[..end]).unwrap();
            let replay = read(journal.path()).unwrap();
            assert_eq!(replay, Replay { events: vec![note(1, "whole")], cut_off: true }, "{end}");
        }
    }

    #[test]
    fn a_bad_line_in_the_middle_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        let good = serde_json::to_string(&note(1, "good")).unwrap();
        fs::write(&path, format!("{good}\nnot json\n{good}\n")).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("journal.jsonl line 2 is not an event"), "{error}");
    }

    #[test]
    fn an_earlier_journal_is_kept_under_its_first_time() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["first", "second", "third"] {
            Journal::create(dir.path()).unwrap().write(&note(0, text)).unwrap();
        }
        for (file, text) in [
            ("journal-19700101T000000Z.jsonl", "first"),
            ("journal-19700101T000000Z-2.jsonl", "second"),
            ("journal.jsonl", "third"),
        ] {
            assert_eq!(read(&dir.path().join(file)).unwrap().events, [note(0, text)]);
        }
    }

    #[test]
    fn an_earlier_file_that_is_no_journal_is_kept_too_and_an_empty_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE_NAME), "something else").unwrap();
        drop(Journal::create(dir.path()).unwrap());
        drop(Journal::create(dir.path()).unwrap());
        let files = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(files, 2);
    }
}
