//! Reads `capture`: what of an answer becomes a variable of the checks after it.
//!
//! [`announce`] makes the names known before any check is read, since a check may name what
//! another captures. Whether that other one comes first is for the lists of checks (`sets`).

use serde_json_path::JsonPath;

use super::checks::{SCOPES, regex};
use super::fleet::{Capture, CaptureFrom, Scope};
use super::http::{header_name, json_path};
use super::reader::Node;
use super::template::is_variable;
use super::tree::Value;

/// Makes known what a check captures, and of whom.
pub(super) fn announce(check: Node<'_>) {
    let Some(capture) = check.get("http").and_then(|http| http.get("capture")) else { return };
    let on = check.get("on");
    let says = |word: &str| on.is_some_and(|on| matches!(on.value(), Value::Text(text) if text == word));
    let of_group = SCOPES.iter().any(|(word, scope)| *scope == Scope::Group && says(word));
    for name in capture.keys() {
        check.log().capture(name, of_group);
    }
}

/// Every captured variable of a check.
pub(super) fn read(node: Node<'_>) -> Option<Vec<Capture>> {
    if !matches!(node.value(), Value::Map(_)) {
        node.expected("a mapping of variables to where their values are");
        return None;
    }
    if node.is_empty() {
        node.wrong_key("`capture` captures nothing", Some("as in `token: { json: $.token }`".to_owned()));
        return None;
    }
    let read: Vec<_> = node.entries().into_iter().map(one).collect();
    read.into_iter().collect()
}

fn one(node: Node<'_>) -> Option<Capture> {
    let name = node.name();
    let shape = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(shape) || name.len() > 40 {
        let message = format!("`{name}` is no variable: lower case letters, digits and `_`, at most 40");
        node.wrong_key(message, None);
    } else if is_variable(name) {
        node.wrong_key(format!("`{{{name}}}` is known already, and can't be captured"), None);
    }
    let mut map = node.map()?;
    let (json, pattern, header) = (map.optional("json"), map.optional("regex"), map.optional("header"));
    let secret = map.optional("secret").map_or(Some(true), |node| node.boolean());
    let clean = map.finish();
    let from = match (json, pattern, header) {
        (Some(node), None, None) => self::json(node),
        (None, Some(node), None) => one_group(node),
        (None, None, Some(node)) => header_of(node),
        (None, None, None) if !clean => None,
        _ => {
            node.wrong_key(format!("`{name}` needs exactly one of `json`, `regex` and `header`"), None);
            None
        }
    };
    Some(Capture { name: name.to_owned(), from: from?, secret: secret? })
}

fn json(node: Node<'_>) -> Option<CaptureFrom> {
    let text = node.text()?;
    let path: JsonPath = json_path(text, |message, hint| node.wrong(message, hint))?;
    Some(CaptureFrom::Json(text.to_owned(), path))
}

/// The value is what the expression's one group matches.
fn one_group(node: Node<'_>) -> Option<CaptureFrom> {
    let regex = regex(node)?;
    if regex.captures_len() != 2 {
        let hint = "as in `token=([0-9a-f]+)`; `(?:…)` is no such group".to_owned();
        node.wrong("`regex` needs exactly one group, which is the value", Some(hint));
        return None;
    }
    Some(CaptureFrom::Regex(regex))
}

fn header_of(node: Node<'_>) -> Option<CaptureFrom> {
    let text = node.text()?;
    header_name(text, |message| node.wrong(message, None)).then(|| CaptureFrom::Header(text.to_owned()))
}
