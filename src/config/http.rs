//! Reads `http` checks: the address, and what the answer must be.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::capture;
use super::checks::{answer_time, regex, transpose};
use super::fleet::{Expected, HttpCheck, Scope};
use super::reader::Node;
use super::template;
use super::tree::{Tree, Value};

type Range = (u16, u16);

pub(super) fn http(node: Node<'_>, on: Scope) -> Option<HttpCheck> {
    let mut map = node.map()?;
    let url = map.required("url").and_then(|node| template::url(node, on));
    let status = map.optional("status").map_or_else(|| Some(vec![(200, 200)]), statuses);
    let contains = map.optional("body").map(|node| node.text().map(ToOwned::to_owned));
    let matches = map.optional("matches").map(regex);
    let headers = map.optional("headers").map_or_else(|| Some(BTreeMap::new()), headers);
    let json = map.optional("json").map_or_else(|| Some(Vec::new()), json);
    let capture = map.optional("capture").map_or_else(|| Some(Vec::new()), capture::read);
    let within = answer_time(&mut map);
    map.finish();
    Some(HttpCheck {
        url: url?,
        status: status?,
        body_contains: transpose(contains)?,
        body_matches: transpose(matches)?,
        headers: headers?,
        json: json?,
        capture: capture?,
        within: within?,
    })
}

/// One status or a list; each a number such as `200` or a range such as `"200-299"`.
fn statuses(node: Node<'_>) -> Option<Vec<Range>> {
    let Value::List(_) = node.value() else { return Some(vec![status(node)?]) };
    let items = node.list();
    if node.is_empty() {
        node.wrong_key("`status` needs at least one status", None);
        return None;
    }
    let read: Vec<Option<Range>> = items.into_iter().map(status).collect();
    read.into_iter().collect()
}

fn status(node: Node<'_>) -> Option<Range> {
    let range = match node.value() {
        Value::Whole(number) => u16::try_from(*number).ok().map(|one| (one, one)),
        Value::Text(text) => parse_range(text),
        Value::Null | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => None,
    };
    let range = range.filter(|(low, high)| (100..=599).contains(low) && low <= high && *high <= 599);
    if range.is_none() {
        node.expected("a status such as `200`, or a range such as `\"200-299\"`, from 100 to 599");
    }
    range
}

fn parse_range(text: &str) -> Option<Range> {
    let number = |text: &str| match text.as_bytes() {
        [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'] => text.parse().ok(),
        _ => None,
    };
    match text.split_once('-') {
        Some((low, high)) => Some((number(low)?, number(high)?)),
        None => number(text).map(|one| (one, one)),
    }
}

fn headers(node: Node<'_>) -> Option<BTreeMap<String, String>> {
    if !matches!(node.value(), Value::Map(_)) {
        node.expected("a mapping of header names to values");
        return None;
    }
    let read: Vec<_> = node.entries().into_iter().map(header).collect();
    read.into_iter().collect()
}

fn header(node: Node<'_>) -> Option<(String, String)> {
    let name = node.name();
    if !header_name(name, |message| node.wrong_key(message, None)) {
        return None;
    }
    let value = node.text()?;
    if HeaderValue::from_str(value).is_err() {
        node.wrong(format!("no header can have the value of `{name}`"), None);
        return None;
    }
    Some((name.to_owned(), value.to_owned()))
}

/// Whether it is the name of a header; reports it when not.
pub(super) fn header_name(name: &str, report: impl FnOnce(String)) -> bool {
    let good = HeaderName::from_bytes(name.as_bytes()).is_ok();
    if !good {
        report(format!("`{name}` is not the name of a header"));
    }
    good
}

/// The JSON path that is written so; reports it when it is none.
pub(super) fn json_path(text: &str, report: impl FnOnce(String, Option<String>)) -> Option<JsonPath> {
    match JsonPath::parse(text) {
        Ok(path) => Some(path),
        Err(error) => {
            let reason = error.to_string().replace('\n', " ");
            report(format!("`{text}` is not a JSON path: {reason}"), Some("as in `$.status`".to_owned()));
            None
        }
    }
}

fn json(node: Node<'_>) -> Option<Vec<Expected>> {
    if !matches!(node.value(), Value::Map(_)) {
        node.expected("a mapping of JSON paths to values");
        return None;
    }
    let read: Vec<_> = node.entries().into_iter().map(expected).collect();
    read.into_iter().collect()
}

fn expected(node: Node<'_>) -> Option<Expected> {
    let text = node.name();
    let path = json_path(text, |message, hint| node.wrong_key(message, hint))?;
    let Some(value) = to_json(node.value()) else {
        node.wrong(format!("JSON has no value like that of `{text}`"), None);
        return None;
    };
    Some(Expected { text: text.to_owned(), path, value })
}

/// The value as JSON has it; `None` for what JSON lacks: infinities, keys that are no text.
pub(super) fn to_json(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Whole(number) => match (i64::try_from(*number), u64::try_from(*number)) {
            (Ok(number), _) => Json::from(number),
            (_, Ok(number)) => Json::from(number),
            (Err(_), Err(_)) => return None,
        },
        Value::Float(number) => Json::Number(serde_json::Number::from_f64(*number)?),
        Value::Text(text) => Json::String(text.clone()),
        Value::List(items) => {
            Json::Array(items.iter().map(|item| to_json(&item.value)).collect::<Option<_>>()?)
        }
        Value::Map(entries) => Json::Object(entries.iter().map(json_entry).collect::<Option<_>>()?),
    })
}

fn json_entry((key, value): &(Tree, Tree)) -> Option<(String, Json)> {
    match &key.value {
        Value::Text(key) => Some((key.clone(), to_json(&value.value)?)),
        Value::Null | Value::Bool(_) | Value::Whole(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {
            None
        }
    }
}
