//! The boundaries of docs/architecture.md, held against the source.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The files of `src` in which a line of code names the word, by their path below `src`.
fn naming(word: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 50, "the sources were found");
    let names = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("a readable file");
        text.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| line.contains(word))
    };
    let below = |path: PathBuf| path.strip_prefix(&root).expect("below src").display().to_string();
    files.into_iter().filter(names).map(below).collect()
}

fn only_in(word: &str, allowed: &[&str]) {
    let strays: Vec<String> = naming(word)
        .into_iter()
        .filter(|file| !allowed.iter().any(|place| file.starts_with(place)))
        .collect();
    assert!(strays.is_empty(), "{word} is named in {strays:?}");
    assert!(!naming(word).is_empty(), "{word} is named nowhere: is this test still about something?");
}

#[test]
fn only_aws_and_the_simulator_know_the_sdk() {
    only_in("aws_sdk_", &["aws/", "sim/"]);
    for crate_name in ["async", "http_client", "runtime_api", "types"] {
        only_in(&format!("aws_smithy_{crate_name}::"), &["aws/", "sim/"]);
    }
    for crate_name in ["config", "types", "credential_types"] {
        only_in(&format!("aws_{crate_name}::"), &["aws/", "sim/"]);
    }
}

#[test]
fn only_the_command_line_knows_clap() {
    only_in("clap::", &["cli.rs", "commands/", "main.rs"]);
}

#[test]
fn only_the_configuration_reads_yaml() {
    only_in("serde_yaml", &["config/"]);
    only_in("saphyr_parser", &["config/"]);
}

#[test]
fn what_decides_neither_waits_nor_asks() {
    for word in ["tokio::", "crate::aws", ".await"] {
        let deciding = ["plan/", "schedule/", "model/", "rollout/machine", "rollout/pace", "gate/policy"];
        let strays: Vec<String> = naming(word)
            .into_iter()
            .filter(|file| deciding.iter().any(|place| file.starts_with(place)))
            .collect();
        assert!(strays.is_empty(), "{word} is named in {strays:?}");
    }
}

#[test]
fn one_clock_asks_the_system_for_the_time() {
    for word in ["Timestamp::now()", "SystemTime::now()", "Zoned::now()"] {
        let strays: Vec<String> = naming(word)
            .into_iter()
            .filter(|file| !["clock.rs", "commands/context.rs"].contains(&file.as_str()))
            .filter(|file| !file.contains("tests"))
            .collect();
        assert!(strays.is_empty(), "{word} is named in {strays:?}");
    }
}
