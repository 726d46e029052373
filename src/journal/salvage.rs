//! Reads what can be read of a journal, and says line by line what can't.
//!
//! A journal may have been cut off in the middle of a line, come from a newer version, be several
//! joined together, or be damaged. [`salvage`] never stops at the first of these; what to make of
//! them is for whoever asked. Knows nothing of what the events mean.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde_json::Value;

use crate::event::{Event, Stamped};

/// No line of ours is longer: a longer one is not looked at whole.
const LONGEST: u64 = 64 * 1024 * 1024;

/// What could be read, and what not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Salvage {
    /// The events of each run, in the file's order; a run begins with `run_started`.
    pub runs: Vec<Vec<Stamped>>,
    /// The last line, where it was cut off: the run was killed while writing it.
    pub cut_off: Option<u64>,
    /// Lines that a newer version wrote and this one does not know.
    pub newer: Vec<Unread>,
    /// Lines that are no events.
    pub damaged: Vec<Unread>,
}

/// A line that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Its number, from 1.
    pub line: u64,
    /// Why, in a few words.
    pub why: String,
}

/// Reads a journal, whatever is wrong with it.
///
/// # Errors
/// When the file itself can't be read.
pub fn salvage(path: &Path) -> io::Result<Salvage> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut found = Salvage::default();
    let mut by_newer = false;
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if reader.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        match serde_json::from_slice::<Stamped>(&line) {
            Ok(event) => {
                if let Event::RunStarted { version, .. } = &event.event {
                    by_newer = is_newer(version, env!("CARGO_PKG_VERSION"));
                    found.runs.push(Vec::new());
                }
                match found.runs.last_mut() {
                    Some(run) => run.push(event),
                    // Its beginning is lost; what follows is worth having.
                    None => found.runs.push(vec![event]),
                }
            }
            Err(_) if line.trim_ascii().is_empty() => {}
            Err(_) if !line.ends_with(b"\n") => found.cut_off = Some(number),
            Err(error) => match unknown(&line, by_newer, &error) {
                Some(why) => found.newer.push(Unread { line: number, why }),
                None => found.damaged.push(Unread { line: number, why: damage(&line, &error) }),
            },
        }
    }
    Ok(found)
}

/// What is new in the line, if it is whole and only says something that this version does not know.
fn unknown(line: &[u8], by_newer: bool, error: &serde_json::Error) -> Option<String> {
    let value: Value = serde_json::from_slice(line).ok()?;
    value.get("at")?.as_str()?.parse::<jiff::Timestamp>().ok()?;
    let kind = value.get("event")?.as_str()?;
    // Of an event of this kind alone, only the kind can be what is not known.
    let bare = serde_json::json!({ "event": kind });
    let refused = serde_json::from_value::<Event>(bare).err().map(|error| error.to_string());
    if refused.is_some_and(|why| why.starts_with("unknown variant")) {
        return Some(format!("an event of the unknown kind {kind:?}"));
    }
    by_newer.then(|| format!("a {kind:?} in a form that is not known: {error}"))
}

/// The damage in words that tell a person what to look for.
fn damage(line: &[u8], error: &serde_json::Error) -> String {
    if std::str::from_utf8(line).is_err() {
        return "it is not UTF-8".to_owned();
    }
    // The number of the line within the line would mislead.
    let why = error.to_string();
    why.split_once(" at line ").map_or(why.as_str(), |(why, _)| why).to_owned()
}

/// Whether a version, `1.2.3` or longer, is above another.
fn is_newer(version: &str, than: &str) -> bool {
    let parts = |text: &str| -> Vec<u64> {
        let core = text.split(['-', '+']).next().unwrap_or_default();
        core.split('.').map(|part| part.parse().unwrap_or(0)).collect()
    };
    parts(version) > parts(than)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::report::samples;

    /// The lines of a run's journal.
    fn lines(events: &[Stamped]) -> Vec<String> {
        events.iter().map(|event| serde_json::to_string(event).unwrap()).collect()
    }

    fn read(text: impl AsRef<[u8]>) -> Salvage {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        fs::write(&path, text).unwrap();
        salvage(&path).unwrap()
    }

    #[test]
    fn a_whole_journal_is_read_as_it_was_written() {
        let events = samples::clean(None);
        let found = read(lines(&events).join("\n") + "\n");
        assert_eq!(found, Salvage { runs: vec![events], ..Salvage::default() });
    }

    #[test]
    fn wherever_a_journal_is_cut_off_what_was_whole_is_there_and_the_line_is_named() {
        let events = samples::refused();
        let text = lines(&events).join("\n") + "\n";
        for end in 1..text.len() {
            let found = read(&text[..end]);
            let whole = text[..end].matches('\n').count();
            // Without its newline a line may still be whole.
            let ends_whole = text.as_bytes()[end] == b'\n';
            let ends_between = text[..end].ends_with('\n');
            let expected = whole + usize::from(ends_whole);
            assert_eq!(found.runs.first().map_or(0, Vec::len), expected, "{end}");
            let line = (!ends_whole && !ends_between).then_some(whole as u64 + 1);
            assert_eq!((found.cut_off, found.damaged.len()), (line, 0), "{end}");
        }
    }

    #[test]
    fn damage_is_told_line_by_line_and_the_rest_is_read() {
        let events = samples::refused();
        let mut lines = lines(&events);
        lines.insert(1, "not json".into());
        lines.insert(3, "{\"at\":\"2026-11-22T19:00:00Z\",\"event\":\"note\"}".into());
        let mut text = (lines.join("\n") + "\n").into_bytes();
        text.extend_from_slice(b"{\"\xff\"}\n");
        let found = read(text);
        assert_eq!(found.runs, [events]);
        let told: Vec<(u64, &str)> = found.damaged.iter().map(|one| (one.line, one.why.as_str())).collect();
        let last = lines.len() as u64 + 1;
        assert_eq!(told, [(2, "expected ident"), (4, "missing field `text`"), (last, "it is not UTF-8")]);
    }

    #[test]
    fn what_a_newer_version_says_is_told_apart_from_damage() {
        let mut events = samples::refused();
        let odd = "{\"at\":\"2026-11-22T19:00:00Z\",\"event\":\"moon_rose\",\"phase\":0.5}";
        let other_form = "{\"at\":\"2026-11-22T19:00:00Z\",\"event\":\"note\",\"words\":[]}";
        let mut same = lines(&events);
        same.extend([odd.to_owned(), other_form.to_owned()]);
        let found = read(same.join("\n") + "\n");
        assert_eq!(found.newer.len(), 1, "{found:?}");
        assert_eq!(found.newer[0].why, "an event of the unknown kind \"moon_rose\"");
        assert_eq!(found.damaged.len(), 1, "a known kind in another form is damage");

        if let Event::RunStarted { version, .. } = &mut events[0].event {
            *version = "99.0.0".into();
        }
        let mut newer = lines(&events);
        newer.extend([odd.to_owned(), other_form.to_owned()]);
        let found = read(newer.join("\n") + "\n");
        assert_eq!((found.newer.len(), found.damaged.len()), (2, 0), "{found:?}");
    }

    #[test]
    fn joined_journals_are_several_runs() {
        let (first, second) = (samples::refused(), samples::aborted());
        let text = [lines(&first), lines(&second)].concat().join("\n") + "\n";
        assert_eq!(read(text).runs, [first, second]);
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for (one, other) in [("0.10.0", "0.9.9"), ("1.0.0", "0.99.0"), ("0.1.1-rc", "0.1.0")] {
            assert!(is_newer(one, other) && !is_newer(other, one), "{one} {other}");
        }
        assert!(!is_newer("0.1.0", "0.1.0") && !is_newer("", "0.1.0"));
    }
}
