//! Where secrets are written: by reference only, and kept from being shown otherwise.

use std::path::PathBuf;

use super::SecretSource;
use crate::config::place::Place;
use crate::config::reader::{Log, Node};
use crate::config::tree::{Tree, Value};

/// The keys in `notify` whose value is a secret's source.
const SECRET_KEYS: [&str; 3] = ["webhook", "token", "secret"];
/// How well-known secrets begin.
const MARKS: [&str; 7] = ["xoxb-", "xoxp-", "xoxe", "xapp-", "whsec_", "hooks.slack.com/", "Bearer "];
/// Parts of the names of headers that hold secrets.
const SECRET_HEADERS: [&str; 8] =
    ["authorization", "cookie", "token", "secret", "api-key", "apikey", "password", "credential"];

const HOW: &str = "name where it is read from: `{ env: NAME }` or `{ file: path }`";

/// Where a secret is read from: `{ env: NAME }` or `{ file: path }`.
pub(in crate::config) fn source(node: Node<'_>) -> Option<SecretSource> {
    if let Value::Text(_) | Value::Whole(_) | Value::Float(_) | Value::Bool(_) = node.value() {
        let message = format!("{} is a secret, and may not be written here", node.called());
        node.wrong(message, Some(HOW.to_owned()));
        return None;
    }
    let mut map = node.map()?;
    let (env, file) = (map.optional("env"), map.optional("file"));
    map.note(HOW);
    let clean = map.finish();
    match (env, file) {
        (Some(env), None) => variable(env).map(SecretSource::Env),
        (None, Some(file)) => path(file).map(SecretSource::File),
        (Some(_), Some(file)) => {
            file.wrong_key(
                format!("{} has both `env` and `file`", node.called()),
                Some("leave one out".to_owned()),
            );
            None
        }
        (None, None) => {
            if clean {
                node.wrong_key(
                    format!("{} says no place to read it from", node.called()),
                    Some(HOW.to_owned()),
                );
            }
            None
        }
    }
}

fn variable(node: Node<'_>) -> Option<String> {
    let text = node.text()?;
    if is_variable(text) {
        return Some(text.to_owned());
    }
    let hint = "letters, digits and `_`, as in `SLACK_TOKEN`: the name, not the secret itself";
    node.wrong("`env` must be the name of an environment variable", Some(hint.to_owned()));
    None
}

fn path(node: Node<'_>) -> Option<PathBuf> {
    let text = node.text()?;
    if !is_telling(text) {
        return Some(text.into());
    }
    node.wrong("`file` must be the path of a file", Some("the path, not the secret itself".to_owned()));
    None
}

fn is_variable(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.bytes().all(fits) && text.starts_with(|c: char| !c.is_ascii_digit())
}

/// Whether the text looks like a secret.
fn is_telling(text: &str) -> bool {
    text.contains("://") || MARKS.iter().any(|mark| text.contains(mark))
}

/// Whether a header of that name holds a secret.
pub(in crate::config) fn is_secret_header(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_HEADERS.iter().any(|part| name.contains(part))
}

/// What is known of a value by the keys that it is under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Anything.
    Open,
    /// Anything in `notify`: addresses there may be secret.
    Notify,
    /// What a check sends.
    Sent,
    /// An address that is none.
    Address,
    /// The list of webhooks: their addresses are secret.
    Webhooks,
    /// The headers of calls.
    Headers,
    /// A secret's source, or by mistake the secret.
    Secret,
    /// The name of a variable, …
    Env,
    /// … or a path, if it is what it should be.
    File,
}

/// Keeps every text that may be a secret from being shown, whatever is wrong around it.
pub(in crate::config) fn hide(tree: &Tree, log: &Log) {
    hide_in(tree, Kind::Open, log);
}

/// Keeps well-known secrets in the lines of a file that can't be read from being shown.
pub(in crate::config) fn hide_marked(lines: &[&str], log: &Log) {
    for (line, number) in lines.iter().zip(1..) {
        let Some(at) = MARKS.iter().filter_map(|mark| line.find(mark)).min() else { continue };
        let column = line[..at].chars().count() + 1;
        log.hide(Place { line: number, column, length: usize::MAX });
    }
}

fn hide_in(tree: &Tree, kind: Kind, log: &Log) {
    match &tree.value {
        Value::Map(entries) => {
            for (key, value) in entries {
                if let Value::Text(key) = &key.value {
                    hide_in(value, below(kind, key), log);
                }
                // A secret that became a key, by a colon in it.
                if kind == Kind::Secret {
                    hide_in(key, Kind::File, log);
                }
            }
        }
        Value::List(items) => items.iter().for_each(|item| hide_in(item, kind, log)),
        Value::Text(text) => {
            let hidden = match kind {
                Kind::Open => MARKS.iter().any(|mark| text.contains(mark)),
                Kind::Notify | Kind::Webhooks | Kind::Headers | Kind::File => is_telling(text),
                Kind::Sent => MARKS.iter().any(|mark| text.contains(mark)),
                Kind::Address => text.contains('@') || MARKS.iter().any(|mark| text.contains(mark)),
                Kind::Secret => true,
                Kind::Env => !is_variable(text),
            };
            if hidden {
                log.hide(tree.place);
            }
        }
        Value::Whole(_) | Value::Float(_) | Value::Bool(_) if kind == Kind::Secret => log.hide(tree.place),
        Value::Null | Value::Bool(_) | Value::Whole(_) | Value::Float(_) => {}
    }
}

fn below(kind: Kind, key: &str) -> Kind {
    match (kind, key) {
        (Kind::Open, "notify") => Kind::Notify,
        (Kind::Open, "send") | (Kind::Sent, "body") => Kind::Sent,
        (Kind::Sent, "headers" | "form") => Kind::Headers,
        (Kind::Open, _) | (Kind::Notify, "body") | (Kind::Sent, "json") => Kind::Open,
        (Kind::Secret | Kind::Headers, "env") => Kind::Env,
        (Kind::Secret | Kind::Headers, "file") => Kind::File,
        (Kind::Secret, _) | (Kind::Webhooks, "url") => Kind::Secret,
        (Kind::Headers, name) if is_secret_header(name) => Kind::Secret,
        (_, key) if SECRET_KEYS.contains(&key) => Kind::Secret,
        (Kind::Notify, "webhooks") => Kind::Webhooks,
        (Kind::Notify, "headers") => Kind::Headers,
        (Kind::Notify, "url" | "api") => Kind::Address,
        (kind, _) => kind,
    }
}
