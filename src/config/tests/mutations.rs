//! The shipped file, broken at random: never a panic, and a misspelt key is always found.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// Every key of the shipped file that the reader knows, with its line and column.
fn known_keys() -> Vec<(usize, usize, String)> {
    let log = Log::default();
    read_text(Path::new("shipped"), SHIPPED, &log).unwrap();
    let asked = log.asked.borrow();
    let mut keys = Vec::new();
    for (index, line) in SHIPPED.lines().enumerate() {
        let code = line.split(" #").next().unwrap_or_default();
        for (at, _) in code.match_indices(": ").chain(code.ends_with(':').then(|| (code.len() - 1, ":"))) {
            let start = code[..at]
                .rfind(|c: char| !c.is_ascii_lowercase() && !"_-".contains(c))
                .map_or(0, |at| at + 1);
            let key = &code[start..at];
            if asked.contains(key) && !code.starts_with('#') {
                keys.push((index + 1, start + 1, key.to_owned()));
            }
        }
    }
    keys
}

#[test]
fn the_keys_of_the_shipped_file_are_found() {
    let keys = known_keys();
    for key in ["version", "previous", "min_healthy", "soak", "url", "consecutive", "match"] {
        assert!(keys.iter().any(|(_, _, found)| found == key), "{key}");
    }
    assert!(keys.len() > 100, "{}", keys.len());
}

#[test]
fn a_value_of_any_other_kind_never_panics() {
    for (line, column, key) in known_keys() {
        for value in ["", "~", "5", "-1", "1.5", "true", "x", "[]", "[[]]", "[~]", "{}", "{ x: y }", "[x, x]"]
        {
            let rows = SHIPPED.lines().enumerate().map(|(index, row)| {
                let here = index + 1 == line;
                if here { format!("{}{key}: {value}", &row[..column - 1]) } else { row.to_owned() }
            });
            check_never_panics(rows.collect::<Vec<_>>().join("\n").as_bytes());
        }
    }
}

proptest! {
    #[test]
    fn a_misspelt_key_is_reported_in_its_line(
        (line, column, key) in select(known_keys()),
        at in any::<Index>(),
        letter in "[a-z]",
        how in 0..3,
    ) {
        let mut chars: Vec<char> = key.chars().collect();
        let at = at.index(chars.len());
        let letter = letter.chars().next().unwrap();
        match how {
            0 => chars[at] = letter,
            1 => chars.insert(at, letter),
            _ => { chars.remove(at); }
        }
        let wrong: String = chars.into_iter().collect();
        prop_assume!(wrong != key && !wrong.is_empty());
        let mut text = String::new();
        for (index, row) in SHIPPED.lines().enumerate() {
            if index + 1 == line {
                let end = column - 1 + key.len();
                writeln!(text, "{}{wrong}{}", &row[..column - 1], &row[end..]).unwrap();
            } else {
                writeln!(text, "{row}").unwrap();
            }
        }
        let errors = parse(&text).unwrap_err();
        let found = errors.mistakes.iter().any(|mistake| {
            (mistake.line, mistake.column) == (Some(line), Some(column)) && mistake.message == format!("unknown key `{wrong}`")
        });
        prop_assert!(found, "{errors}");
    }

    #[test]
    fn mutated_bytes_never_panic(changes in prop::collection::vec((any::<Index>(), 0..4, any::<u8>()), 1..6)) {
        let mut bytes = SHIPPED.as_bytes().to_vec();
        for (at, how, byte) in changes {
            let at = at.index(bytes.len());
            // Characters with a meaning in YAML break more than others.
            let meant = b"{}[]:,&*!|>-?#\"'%@`\n\t <~\xef\x85";
            let byte = if how == 3 { byte } else { meant[usize::from(byte) % meant.len()] };
            match how {
                1 => bytes.insert(at, byte),
                2 => { bytes.remove(at); }
                _ => bytes[at] = byte,
            }
        }
        check_never_panics(&bytes);
    }

    #[test]
    fn a_file_cut_short_never_panics(at in any::<Index>()) {
        check_never_panics(&SHIPPED.as_bytes()[..at.index(SHIPPED.len())]);
    }
}

/// Reads the bytes as a file would be, and shows every mistake.
fn check_never_panics(bytes: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fleet.yaml");
    std::fs::write(&path, bytes).unwrap();
    if let Err(errors) = Fleet::read(&path) {
        assert!(!errors.mistakes.is_empty());
        let text = errors.to_string();
        assert!(text.matches("error: ").count() >= errors.mistakes.len(), "{text}");
    }
}
