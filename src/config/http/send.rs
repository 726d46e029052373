//! Reads `send`: the headers and the body of a request.
//!
//! A secret is written by where it is read from, never itself.

use http::HeaderName;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TE, TRANSFER_ENCODING, UPGRADE};

use super::expect::to_json;
use super::headers;
use crate::config::fleet::Scope;
use crate::config::network::{Sent, SentBody, SentValue};
use crate::config::notify::{is_secret_name, source};
use crate::config::reader::{Map, Node};
use crate::config::template;
use crate::config::tree::Value;

/// The headers that the connection's own business decides.
const OURS: [HeaderName; 6] = [CONNECTION, CONTENT_LENGTH, EXPECT, TE, TRANSFER_ENCODING, UPGRADE];

pub(super) fn send(node: Node<'_>, on: Scope) -> Option<Sent> {
    let mut map = node.map()?;
    let headers = map.optional("headers").map_or_else(|| Some(Vec::new()), |node| headers_of(node, on));
    let body = body(&mut map, on);
    Some(Sent { headers: headers?, body: body? })
}

/// Finishes the mapping, too.
fn body(map: &mut Map<'_>, on: Scope) -> Option<SentBody> {
    let (text, json, form) = (map.optional("body"), map.optional("json"), map.optional("form"));
    map.finish();
    let given: Vec<Node<'_>> = [text, json, form].into_iter().flatten().collect();
    if let [first, second, ..] = given[..] {
        let message =
            format!("a request has one body, and this has both `{}` and `{}`", first.name(), second.name());
        second.wrong_key(message, Some("leave one out".to_owned()));
        return None;
    }
    if let Some(node) = text {
        return sent_value(node, false, |node| template::text(node, on)).map(SentBody::Text);
    }
    if let Some(node) = json {
        let Some(value) = to_json(node.value()) else {
            node.wrong("JSON has no value like that of `json`", None);
            return None;
        };
        return template::texts_in(&value, node, on).then_some(SentBody::Json(value));
    }
    let Some(node) = form else { return Some(SentBody::Nothing) };
    if !matches!(node.value(), Value::Map(_)) {
        node.expected("a mapping of fields to values");
        return None;
    }
    let field = |node: Node<'_>| {
        let secret = is_secret_name(node.name());
        Some((node.name().to_owned(), sent_value(node, secret, |node| template::text(node, on))?))
    };
    let read: Vec<_> = node.entries().into_iter().map(field).collect();
    read.into_iter().collect::<Option<Vec<_>>>().map(SentBody::Form)
}

fn headers_of(node: Node<'_>, on: Scope) -> Option<Vec<(HeaderName, SentValue)>> {
    if !matches!(node.value(), Value::Map(_)) {
        node.expected("a mapping of header names to values");
        return None;
    }
    let header = |node: Node<'_>| {
        let name = headers::name(node)?;
        if OURS.contains(&name) {
            node.wrong_key(
                format!("`{}` is set by the connection itself", node.name()),
                Some("leave it out".to_owned()),
            );
            return None;
        }
        let secret = is_secret_name(node.name());
        let text = |node: Node<'_>| headers::value(node).and_then(|_| template::text(node, on));
        Some((name, sent_value(node, secret, text)?))
    };
    let read: Vec<_> = node.entries().into_iter().map(header).collect();
    read.into_iter().collect()
}

/// A text, or where it is read from. One whose name says that it is secret may be written only
/// with a variable in it.
fn sent_value<'a>(
    node: Node<'a>,
    secret: bool,
    text: impl Fn(Node<'a>) -> Option<String>,
) -> Option<SentValue> {
    match node.value() {
        Value::Map(_) => source(node).map(SentValue::Kept),
        Value::Text(written) if secret && !written.contains('{') => source(node).map(SentValue::Kept),
        _ => Some(SentValue::Plain { text: text(node)?, secret }),
    }
}
