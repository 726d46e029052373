//! Reads `notify.tickets`: which environments get one, and the calls of the ticket's API.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue as HttpValue};
use serde_json_path::JsonPath;

use super::secrets::{is_secret_header, source};
use super::{Call, HeaderValue, Tickets, variables};
use crate::config::checks::transpose;
use crate::config::fleet::Environment;
use crate::config::http::to_json;
use crate::config::reader::Node;
use crate::config::template::check_url;
use crate::config::tree::Value;
use crate::config::words::{did_you_mean, nearest, quoted};
use crate::model::EnvironmentName;

const METHODS: [(&str, &str); 4] = [("GET", "GET"), ("POST", "POST"), ("PUT", "PUT"), ("PATCH", "PATCH")];

pub(super) fn tickets(node: Node<'_>, known: &[Environment]) -> Option<Tickets> {
    let mut map = node.map()?;
    let environments = map.required("environments").and_then(|node| names(node, known));
    let headers = map.optional("headers").map_or_else(|| Some(BTreeMap::new()), headers);
    let outcomes = map.optional("outcomes").map_or_else(|| Some(standard_outcomes()), outcomes);
    let find = map.optional("find").map(|node| call(node, "GET", true));
    let create = map.required("create").and_then(|node| call(node, "POST", true));
    let comment = map.optional("comment").map(|node| call(node, "POST", false));
    let close = map.required("close").and_then(|node| call(node, "POST", false));
    map.finish();
    Some(Tickets {
        environments: environments?,
        headers: headers?,
        find: transpose(find)?,
        create: create?,
        comment: transpose(comment)?,
        close: close?,
        outcomes: outcomes?,
    })
}

fn names(node: Node<'_>, known: &[Environment]) -> Option<Vec<EnvironmentName>> {
    let items = node.list();
    if node.is_empty() {
        node.wrong_key("`environments` needs at least one environment", None);
    }
    let mut names: Vec<EnvironmentName> = Vec::new();
    let mut good = !items.is_empty();
    for item in items {
        let Some(text) = item.text() else {
            good = false;
            continue;
        };
        let name = EnvironmentName::from(text);
        if names.contains(&name) {
            item.wrong(format!("`{text}` is there twice"), None);
            good = false;
        } else if !known.iter().any(|environment| environment.name == name) {
            let words = || known.iter().map(|environment| environment.name.as_str());
            let hint = nearest(text, words())
                .map_or_else(|| format!("there are {}", quoted(words(), "and")), did_you_mean);
            item.wrong(format!("there is no environment `{text}`"), Some(hint));
            good = false;
        }
        names.push(name);
    }
    good.then_some(names)
}

fn headers(node: Node<'_>) -> Option<BTreeMap<String, HeaderValue>> {
    let Value::Map(_) = node.value() else {
        node.expected("a mapping of header names to values");
        return None;
    };
    let read: Vec<_> = node.entries().into_iter().map(header).collect();
    read.into_iter().collect()
}

fn header(node: Node<'_>) -> Option<(String, HeaderValue)> {
    let name = node.name();
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        node.wrong_key(format!("`{name}` is not the name of a header"), None);
        return None;
    }
    let value = if is_secret_header(name) || matches!(node.value(), Value::Map(_)) {
        HeaderValue::Secret(source(node)?)
    } else {
        let text = node.text()?;
        if HttpValue::from_str(text).is_err() {
            node.wrong(format!("no header can have the value of `{name}`"), None);
            return None;
        }
        HeaderValue::Plain(text.to_owned())
    };
    Some((name.to_owned(), value))
}

fn standard_outcomes() -> (String, String) {
    ("successful".to_owned(), "unsuccessful".to_owned())
}

fn outcomes(node: Node<'_>) -> Option<(String, String)> {
    let mut map = node.map()?;
    let (passed, failed) = standard_outcomes();
    let text = |node: Node<'_>| node.text().map(str::to_owned);
    let passed = map.optional("passed").map_or(Some(passed), text);
    let failed = map.optional("failed").map_or(Some(failed), text);
    map.finish();
    Some((passed?, failed?))
}

/// A call; one whose answer `names` the ticket says where.
fn call(node: Node<'_>, method: &str, names: bool) -> Option<Call> {
    let mut map = node.map()?;
    let method = map.optional("method").map_or(Some(method), |node| node.choice(&METHODS));
    let address = map.required("url").and_then(url);
    let content = map.optional("body");
    let body = content.map(body);
    let id = if names { Some(map.required("id").and_then(path)) } else { None };
    map.finish();
    if let (Some("GET"), Some(content)) = (method, content) {
        content.wrong_key("a `GET` has no body", Some("leave it out, or use another `method`".to_owned()));
        return None;
    }
    Some(Call { method: method?.to_owned(), url: address?, body: transpose(body)?, id: transpose(id)? })
}

fn body(node: Node<'_>) -> Option<serde_json::Value> {
    variables::body(node)?;
    let json = to_json(node.value());
    if json.is_none() {
        node.wrong("`body` holds a value that JSON lacks", None);
    }
    json
}

/// An address with variables.
fn url(node: Node<'_>) -> Option<String> {
    let text = node.text()?;
    let example = variables::example(node, text)?;
    whole_url(node, &example).map(|()| text.to_owned())
}

/// Says what keeps the text from being an address, without repeating it: it may hold a secret.
pub(super) fn whole_url(node: Node<'_>, text: &str) -> Option<()> {
    let Err((reason, hint)) = check_url(text) else { return Some(()) };
    let hint = if reason == "holds a user name" {
        "give the credentials as a header: `headers: { Authorization: { env: NAME } }`"
    } else if hint.starts_with("as in") {
        "as in `https://host.example/path`"
    } else {
        hint
    };
    node.wrong(format!("{} {reason}", node.called()), Some(hint.to_owned()));
    None
}

fn path(node: Node<'_>) -> Option<JsonPath> {
    let text = node.text()?;
    match JsonPath::parse(text) {
        Ok(path) => Some(path),
        Err(error) => {
            let reason = error.to_string().replace('\n', " ");
            node.wrong(format!("`{text}` is not a JSON path: {reason}"), Some("as in `$.key`".to_owned()));
            None
        }
    }
}
