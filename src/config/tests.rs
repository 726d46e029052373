//! Behaviour of the reader as a whole, on the shipped file and on small ones.

use std::path::Path;

use super::document::read_text;
use super::reader::Log;
use super::*;

mod access;
mod checks;
mod checks_run;
mod documented;
mod files;
mod freezes;
mod mutations;
mod network;
mod notify;
mod order;
mod refresh;
mod rules;
mod schedule;
mod sets;
mod shipped;
mod snapshot;

/// The configuration that the product ships with.
const SHIPPED: &str = include_str!("../../pipeline/environments.yaml");

/// The smallest configuration that is right; tests replace a part of it.
const SMALL: &str = r#"version: 1
families:
  base:
    previous: { name: "dept-base-*", owners: [self] }
defaults:
  regions: [eu-west-2]
environments:
  - name: dev
    account: "111111111111"
    select: { tags: { Environment: dev } }
  - name: prod
    account: "222222222222"
    role_arn: arn:aws:iam::222222222222:role/ami-refresh
    select: { tags: { Environment: prod } }
    gate: { requires: [dev], soak: 1h, allow_empty: true }
    checks: [instances, web]
overrides: []
checks:
  web:
    http: { url: "http://{private_ip}/" }
"#;

fn parse(text: &str) -> Result<Fleet, ConfigErrors> {
    Fleet::parse(Path::new("fleet.yaml"), text)
}

/// The small configuration with one part replaced, which must be there exactly once.
fn small_with(part: &str, by: &str) -> String {
    assert_eq!(SMALL.matches(part).count(), 1, "{part}");
    SMALL.replace(part, by)
}

/// `line:column message (hint)` for every mistake.
fn mistakes(text: &str) -> Vec<String> {
    let Err(errors) = parse(text) else { return Vec::new() };
    let place = |number: Option<usize>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let show = |mistake: &Mistake| {
        let hint = mistake.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}:{} {}{hint}", place(mistake.line), place(mistake.column), mistake.message)
    };
    errors.mistakes.iter().map(show).collect()
}

#[test]
fn the_small_configuration_is_right() {
    assert_eq!(mistakes(SMALL), Vec::<String>::new());
}
