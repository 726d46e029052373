//! Applications that answer a configuration's checks rightly.
//!
//! From each check's URL come the port and the path; its first accepted status, its headers,
//! body text and JSON values make the answer. Of a regular expression only the literal text in
//! it can be guessed; a check that needs more fails in a rehearsal, and says so there.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::config::{
    self, Capture, CaptureFrom, CheckKind, Environment, HeaderTest, HttpCheck, JsonType, NumberTest, Scope,
    TcpCheck, ValueTest,
};
use crate::model::{GroupName, Region};
use crate::sim::fleet::{AppKind, AppSpec, GroupSpec};

/// What listens on a group's instances: what its checks ask for, and always the default.
pub(in crate::sim::fleet) fn apps(
    fleet: &config::Fleet,
    environment: &Environment,
    group: &GroupName,
) -> Vec<AppSpec> {
    let mut apps: BTreeMap<u16, AppSpec> = BTreeMap::new();
    for check in fleet.checks_of(environment, group) {
        let app = match &check.kind {
            CheckKind::Http(http) => http_app(http),
            CheckKind::Tcp(tcp) => Some(tcp_app(tcp)),
            CheckKind::Instances
            | CheckKind::Targets
            | CheckKind::Command(_)
            | CheckKind::Ssm(_)
            | CheckKind::Alarm(_) => None,
        };
        if let Some(app) = app {
            let merged = apps.remove(&app.port).map_or(app.clone(), |known| merge(known, app));
            apps.insert(merged.port, merged);
        }
    }
    let usual = AppSpec::up();
    apps.entry(usual.port).or_insert(usual);
    apps.into_values().collect()
}

/// The names, not addresses, that a group's checks ask for it under.
pub(in crate::sim::fleet) fn hosts(
    fleet: &config::Fleet,
    environment: &Environment,
    region: &Region,
    group: &GroupSpec,
) -> Vec<String> {
    let mut hosts = Vec::new();
    for check in
        fleet.checks_of(environment, &group.name).into_iter().filter(|check| check.on == Scope::Group)
    {
        let host = match &check.kind {
            CheckKind::Http(http) => split(&http.url).map(|parts| parts.host),
            CheckKind::Tcp(tcp) => Some(tcp.host.clone()),
            CheckKind::Instances
            | CheckKind::Targets
            | CheckKind::Command(_)
            | CheckKind::Ssm(_)
            | CheckKind::Alarm(_) => None,
        };
        hosts.extend(host.map(|host| {
            let host = group
                .tags
                .iter()
                .fold(host, |host, (key, value)| host.replace(&format!("{{tag:{key}}}"), value));
            host.replace("{group}", group.name.as_str())
                .replace("{environment}", environment.name.as_str())
                .replace("{region}", region.as_str())
        }));
    }
    hosts
}

/// The parts of a URL with variables in it.
struct Parts {
    host: String,
    port: u16,
    path: String,
}

fn split(url: &str) -> Option<Parts> {
    let (scheme, rest) = url.split_once("://")?;
    let usual = if scheme == "https" { 443 } else { 80 };
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (place, usual),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    Some(Parts { host: host.to_owned(), port, path: format!("/{path}") })
}

fn http_app(check: &HttpCheck) -> Option<AppSpec> {
    let parts = split(&check.url)?;
    let status = status(check);
    let mut headers: BTreeMap<String, String> = check
        .headers
        .iter()
        .filter_map(|(name, test)| Some((name.as_str().to_owned(), header(test)?)))
        .collect();
    let body = body(check, &mut headers);
    // A path with variables in it can't be known here: every path is answered.
    let path = (!parts.path.contains('{')).then_some(parts.path);
    Some(AppSpec { port: parts.port, kind: AppKind::Http { path, status, headers, body } })
}

/// A value that passes, if a header must be there.
fn header(test: &HeaderTest) -> Option<String> {
    match test {
        HeaderTest::Equals(value) | HeaderTest::Contains(value) => Some(value.clone()),
        HeaderTest::Matches(regex) => Some(literal(regex.as_str())),
        HeaderTest::Exists(true) => Some("there".to_owned()),
        HeaderTest::Not(value) => Some(format!("not-{value}")),
        HeaderTest::Exists(false) => None,
    }
}

/// A status that passes: 200 if it does, since others may not carry a body.
fn status(check: &HttpCheck) -> u16 {
    let usual = check.status.iter().any(|(low, high)| (*low..=*high).contains(&200));
    if usual { 200 } else { check.status.first().map_or(200, |(low, _)| *low) }
}

fn body(check: &HttpCheck, headers: &mut BTreeMap<String, String>) -> String {
    let patterns = check.body_matches.iter().map(|regex| literal(regex.as_str()));
    let text = check.body_contains.iter().cloned().chain(patterns).collect::<Vec<_>>().join(" ");
    let samples: Vec<(String, Value)> = check.capture.iter().filter_map(|one| sample(one, headers)).collect();
    if check.json.is_empty() && samples.is_empty() {
        return text;
    }
    if !headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
        headers.insert("content-type".to_owned(), "application/json".to_owned());
    }
    let mut document = Value::Object(Map::new());
    for (path, value) in &samples {
        set(&mut document, path, value);
    }
    for expected in &check.json {
        if let Some(value) = expected.tests.iter().find_map(example) {
            set(&mut document, &expected.text, &value);
        }
    }
    // Text that is not in the document anyway becomes a part of it.
    let written = document.to_string();
    if let Value::Object(map) = &mut document
        && !text.is_empty()
        && !written.contains(&text)
    {
        map.insert("text".to_owned(), Value::String(text));
    }
    document.to_string()
}

/// Puts a value where a path of names and dots leads; other paths are left out.
fn set(document: &mut Value, path: &str, value: &Value) {
    let Some(path) = path.strip_prefix("$.") else { return };
    let mut place = document;
    for name in path.split('.') {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(map) = place else { return };
        place = map.entry(name).or_insert(Value::Null);
    }
    *place = value.clone();
}

/// A value that passes the test, if there must be one.
fn example(test: &ValueTest) -> Option<Value> {
    Some(match test {
        ValueTest::Equals(value) => value.clone(),
        ValueTest::Not(value) => Value::Array(vec![value.clone()]),
        ValueTest::Number(test) => number(test),
        ValueTest::Matches(regex) => Value::String(literal(regex.as_str())),
        ValueTest::Contains(part @ Value::String(_)) => part.clone(),
        ValueTest::Contains(item) => Value::Array(vec![item.clone()]),
        ValueTest::Type(kind) => match kind {
            JsonType::Null => Value::Null,
            JsonType::Boolean => true.into(),
            JsonType::Number | JsonType::Integer => 1.into(),
            JsonType::Text => "text".into(),
            JsonType::List => Value::Array(Vec::new()),
            JsonType::Object => Value::Object(Map::new()),
        },
        ValueTest::Exists(true) => true.into(),
        ValueTest::Exists(false) | ValueTest::Count(_) => return None,
    })
}

fn number(test: &NumberTest) -> Value {
    let (number, step) = match test {
        NumberTest::Equal(number) | NumberTest::AtMost(number) | NumberTest::AtLeast(number) => (number, 0),
        NumberTest::Below(number) => (number, -1),
        NumberTest::Above(number) => (number, 1),
    };
    match (number.as_i64(), number.as_f64()) {
        (Some(whole), _) => whole.saturating_add(step).into(),
        (None, Some(real)) => (real + if step < 0 { -1.0 } else { f64::from(step > 0) }).into(),
        (None, None) => number.clone().into(),
    }
}

/// Something to capture: in the headers, or at a path of the body. Of a regular expression none can
/// be guessed.
fn sample(capture: &Capture, headers: &mut BTreeMap<String, String>) -> Option<(String, Value)> {
    let value = format!("sample-{}", capture.name);
    match &capture.from {
        CaptureFrom::Json(text, _) => Some((text.clone(), Value::String(value))),
        CaptureFrom::Header(name) => {
            headers.entry(name.clone()).or_insert(value);
            None
        }
        CaptureFrom::Regex(_) => None,
    }
}

/// The text in a regular expression: its anchors and escapes taken away.
pub(super) fn literal(pattern: &str) -> String {
    pattern.trim_start_matches('^').trim_end_matches('$').replace('\\', "").replace(".*", "")
}

fn tcp_app(check: &TcpCheck) -> AppSpec {
    let banner = check.banner.as_ref().map(|regex| literal(regex.as_str())).unwrap_or_default();
    AppSpec { port: check.port, kind: AppKind::Tcp { banner } }
}

/// Two checks on one port: the first's answer, with what only the second's has, on every path when
/// they ask for different ones.
fn merge(first: AppSpec, second: AppSpec) -> AppSpec {
    match (first.kind, second.kind) {
        (
            AppKind::Http { path, status, mut headers, body },
            AppKind::Http { path: other, headers: others, body: second, .. },
        ) => {
            let path = path.filter(|path| other.as_ref() == Some(path));
            for (name, value) in others {
                headers.entry(name).or_insert(value);
            }
            let body = both(body, &second);
            AppSpec { port: first.port, kind: AppKind::Http { path, status, headers, body } }
        }
        (kind, _) => AppSpec { port: first.port, kind },
    }
}

/// The first body; of two documents, with what only the second has.
fn both(first: String, second: &str) -> String {
    let documents = (serde_json::from_str(&first), serde_json::from_str(second));
    let (Ok(Value::Object(mut map)), Ok(Value::Object(more))) = documents else {
        // Text alone is in no document's way.
        return if first.is_empty() { second.to_owned() } else { first };
    };
    for (key, value) in more {
        map.entry(key).or_insert(value);
    }
    Value::Object(map).to_string()
}
