//! Reads `ssm` checks: what the instances run through Systems Manager.

use std::collections::BTreeMap;
use std::time::Duration;

use super::command::{end, run_time};
use super::fleet::Scope;
use super::kinds::SsmCheck;
use super::line::{self, Line};
use super::reader::Node;
use super::tree::Value;

const STANDARD_WITHIN: Duration = Duration::from_secs(60);
const STANDARD_DOCUMENT: &str = "AWS-RunShellScript";
/// What the lines of `run` are called in those documents that run scripts.
pub(super) const COMMANDS: &str = "commands";

pub(super) fn ssm(node: Node<'_>, on: Scope) -> Option<SsmCheck> {
    if on == Scope::Group {
        let message = "`ssm` runs on instances, and this check is `on: group`";
        node.wrong_key(message, Some("leave `on` out".to_owned()));
    }
    let mut map = node.map()?;
    let document = map.optional("document").map_or_else(|| Some(STANDARD_DOCUMENT.to_owned()), document);
    let run_at = map.optional("run");
    let run = run_at.map(lines);
    let given_at = map.optional("parameters");
    let given = given_at.map_or_else(|| Some(BTreeMap::new()), parameters);
    let end = end(&mut map);
    let within = run_time(&mut map, STANDARD_WITHIN);
    if !map.finish() {
        return None;
    }
    let (document, mut parameters) = (document?, given?);
    if let Some(run) = run {
        if parameters.insert(COMMANDS.to_owned(), run?).is_some() {
            given_at.unwrap_or(node).wrong_key("the lines are in `run` and in `parameters` as well", None);
            return None;
        }
    } else if is_script(&document) && !parameters.contains_key(COMMANDS) {
        let hint = "add `run: [\"systemctl is-active app\"]` here".to_owned();
        node.wrong_key(format!("`{document}` needs lines to run"), Some(hint));
        return None;
    }
    Some(SsmCheck { document, parameters, end: end?, within: within? })
}

/// Whether the document runs a script of lines, and takes an `executionTimeout`.
pub(super) fn is_script(document: &str) -> bool {
    matches!(document, STANDARD_DOCUMENT | "AWS-RunPowerShellScript")
}

/// A document's name, or the ARN of one that is another account's.
fn document(node: Node<'_>) -> Option<String> {
    let text = node.text()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-.:/".contains(c);
    if !(3..=128).contains(&text.len()) || !text.chars().all(fits) {
        let hint = format!("as in `{STANDARD_DOCUMENT}`");
        node.wrong(format!("`{text}` is not the name of a document"), Some(hint));
        return None;
    }
    Some(text.to_owned())
}

/// Lines of a script: a text, or a list of them.
fn lines(node: Node<'_>) -> Option<Vec<Line>> {
    let Value::List(_) = node.value() else { return Some(vec![line::line(node, Scope::Instance)?]) };
    if node.is_empty() {
        node.wrong_key(format!("`{}` needs at least one line", node.name()), None);
        return None;
    }
    let read: Vec<Option<Line>> =
        node.list().into_iter().map(|item| line::maybe_empty(item, Scope::Instance)).collect();
    read.into_iter().collect()
}

fn parameters(node: Node<'_>) -> Option<BTreeMap<String, Vec<Line>>> {
    if !matches!(node.value(), Value::Map(_)) {
        node.expected("a mapping of the document's parameters to texts or lists");
        return None;
    }
    let one = |entry: Node<'_>| Some((entry.name().to_owned(), lines(entry)?));
    let read: Vec<_> = node.entries().into_iter().map(one).collect();
    read.into_iter().collect()
}
