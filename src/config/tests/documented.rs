//! The documentation and the reader know the same keys, and its examples are right.

use std::collections::BTreeSet;

use super::*;

const GUIDE: &str = include_str!("../../../docs/configuration.md");

/// What stands for the certificates of the examples: they are read with the configuration.
const FILES: [(&str, &str); 3] =
    [("ca.pem", "localhost.pem"), ("client.pem", "localhost.pem"), ("client-key.pem", "localhost-key.pem")];

/// The whole configurations among the examples.
fn examples() -> Vec<String> {
    let blocks = GUIDE.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let found = |block: &str| {
        FILES.iter().fold(block.to_owned(), |block, (name, file)| {
            let file = format!("{}/src/smoke/testdata/{file}", env!("CARGO_MANIFEST_DIR"));
            block.replace(&format!("/etc/ami-refresh/{name}"), &file)
        })
    };
    blocks.map(|(block, _)| found(block)).collect()
}

#[test]
fn every_example_is_a_right_configuration() {
    assert!(examples().len() >= 2);
    for example in examples() {
        assert_eq!(mistakes(&example), Vec::<String>::new(), "{example}");
    }
}

#[test]
fn the_keys_in_the_tables_are_those_that_the_reader_asks_for() {
    let log = Log::default();
    for example in examples() {
        read_text(Path::new("example"), &example, &log);
    }
    let asked: BTreeSet<&str> = log.asked.borrow().clone();
    let first_cell = |line: &'static str| line.strip_prefix("| `")?.split('`').next();
    let tables: BTreeSet<&str> = GUIDE.lines().filter_map(first_cell).collect();
    assert!(asked.len() > 45, "{asked:?}");
    assert_eq!(tables, asked);
}

#[test]
fn the_last_example_uses_every_key_that_can_be_written() {
    let log = Log::default();
    let example = examples().pop().unwrap();
    read_text(Path::new("example"), &example, &log);
    for key in log.asked.borrow().iter() {
        let uses = [" ", "{", "\n"].iter().any(|before| example.contains(&format!("{before}{key}:")));
        assert!(uses || *key == "version", "{key}");
    }
}
