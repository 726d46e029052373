//! Variables in braces, in the addresses and bodies of a ticket's calls.

use crate::config::reader::Node;
use crate::config::tree::Value;
use crate::config::words::{did_you_mean, nearest, quoted};

/// What a call may say.
const NAMES: [&str; 16] = [
    "environment",
    "family",
    "images",
    "build",
    "build_url",
    "commit",
    "key",
    "ticket",
    "verdict",
    "outcome",
    "message",
    "text",
    "groups",
    "started",
    "ended",
    "program",
];

/// Checks the variables of a text; the text with an example for each.
pub(super) fn example(node: Node<'_>, text: &str) -> Option<String> {
    let mut example = String::new();
    let mut rest = text;
    let mut good = true;
    while let Some(at) = rest.find(['{', '}']) {
        example.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            example.push_str(brace);
            rest = after;
            continue;
        }
        let Some((name, after)) = (brace == "{").then(|| rest.split_once('}')).flatten() else {
            let hint = "a brace that is none of a variable's is written twice: `{{` or `}}`";
            node.wrong(format!("{} has a brace without its other", node.called()), Some(hint.to_owned()));
            return None;
        };
        good &= is_known(node, name);
        example.push('x');
        rest = after;
    }
    example.push_str(rest);
    good.then_some(example)
}

fn is_known(node: Node<'_>, name: &str) -> bool {
    if NAMES.contains(&name) {
        return true;
    }
    let hint = nearest(name, NAMES.into_iter()).map_or_else(
        || format!("known here: {}", quoted(NAMES, "and")),
        |near| did_you_mean(&format!("{{{near}}}")),
    );
    // A whole piece of text between braces is no name, and too long to be told.
    let short: String = name.chars().take(40).collect();
    node.wrong(format!("unknown variable `{{{short}}}`"), Some(hint));
    false
}

/// Checks every text of a body.
pub(super) fn body(node: Node<'_>) -> Option<()> {
    let below = match node.value() {
        Value::Text(text) => return example(node, text).map(drop),
        Value::List(_) => node.list(),
        Value::Map(_) => node.entries(),
        Value::Null | Value::Bool(_) | Value::Whole(_) | Value::Float(_) => Vec::new(),
    };
    let read: Vec<Option<()>> = below.into_iter().map(body).collect();
    read.into_iter().collect()
}
