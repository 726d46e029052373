//! What is asked of a JSON body.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::config::{Expected, JsonType, NumberTest, ValueTest};
use crate::smoke::answer::quoted;

/// A clause for each test that does not hold.
pub(super) fn wrong(expected: &[Expected], body: &[u8]) -> Vec<String> {
    if expected.is_empty() {
        return Vec::new();
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => expected.iter().flat_map(|one| wrong_path(one, &value)).collect(),
        Err(error) => vec![format!("body is not JSON: {error}")],
    }
}

fn wrong_path(expected: &Expected, body: &Value) -> Vec<String> {
    let Expected { text, path, tests } = expected;
    let nodes = path.query(body).all();
    tests.iter().filter_map(|test| wrong_nodes(text, test, &nodes)).collect()
}

fn wrong_nodes(path: &str, test: &ValueTest, nodes: &[&Value]) -> Option<String> {
    let wanted = || words(test);
    match test {
        ValueTest::Exists(true) => {
            nodes.is_empty().then(|| format!("{path} selected nothing, expected something"))
        }
        ValueTest::Exists(false) => {
            let first = nodes.first()?;
            Some(format!("{path} was {}, expected nothing", shown(first)))
        }
        ValueTest::Count(count) => {
            let good = holds(count, &Number::from(nodes.len()));
            (!good).then(|| format!("{path} selected {}, expected {}", nodes.len(), wanted()))
        }
        _ if nodes.is_empty() => Some(format!("{path} selected nothing, expected {}", wanted())),
        _ => {
            let other = nodes.iter().find(|node| !fits(test, node))?;
            Some(format!("{path} was {}, expected {}", shown(other), wanted()))
        }
    }
}

fn fits(test: &ValueTest, node: &Value) -> bool {
    match test {
        ValueTest::Equals(value) => same(node, value),
        ValueTest::Not(value) => !same(node, value),
        ValueTest::Number(test) => matches!(node, Value::Number(number) if holds(test, number)),
        ValueTest::Matches(regex) => matches!(node, Value::String(said) if regex.is_match(said)),
        ValueTest::Contains(part) => match (node, part) {
            (Value::String(said), Value::String(part)) => said.contains(part.as_str()),
            (Value::Array(items), part) => items.iter().any(|item| same(item, part)),
            _ => false,
        },
        ValueTest::Type(kind) => is_of(*kind, node),
        // How many there are is asked of all of them together.
        ValueTest::Exists(_) | ValueTest::Count(_) => true,
    }
}

fn holds(test: &NumberTest, number: &Number) -> bool {
    let is = |than: &Number, orders: &[Ordering]| {
        compare(number, than).is_some_and(|order| orders.contains(&order))
    };
    match test {
        NumberTest::Equal(than) => is(than, &[Ordering::Equal]),
        NumberTest::Below(than) => is(than, &[Ordering::Less]),
        NumberTest::AtMost(than) => is(than, &[Ordering::Less, Ordering::Equal]),
        NumberTest::Above(than) => is(than, &[Ordering::Greater]),
        NumberTest::AtLeast(than) => is(than, &[Ordering::Greater, Ordering::Equal]),
    }
}

/// Whole numbers are compared as such: doubles know them up to 2^53 only.
fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

/// Whether two values are equal; 1 and 1.0 are.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b) == Some(Ordering::Equal),
        _ => a == b,
    }
}

fn is_of(kind: JsonType, node: &Value) -> bool {
    match (kind, node) {
        (JsonType::Null, Value::Null)
        | (JsonType::Boolean, Value::Bool(_))
        | (JsonType::Number, Value::Number(_))
        | (JsonType::Text, Value::String(_))
        | (JsonType::List, Value::Array(_))
        | (JsonType::Object, Value::Object(_)) => true,
        (JsonType::Integer, Value::Number(number)) => {
            number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        _ => false,
    }
}

fn words(test: &ValueTest) -> String {
    match test {
        ValueTest::Equals(value) => shown(value),
        ValueTest::Not(value) => format!("anything but {}", shown(value)),
        ValueTest::Number(test) | ValueTest::Count(test) => number_words(test),
        ValueTest::Exists(true) => "something".to_owned(),
        ValueTest::Exists(false) => "nothing".to_owned(),
        ValueTest::Matches(regex) => format!("text that matches {}", quoted(regex.as_str())),
        ValueTest::Contains(part) => format!("{} in it", shown(part)),
        ValueTest::Type(kind) => {
            let kind = match kind {
                JsonType::Null => "null",
                JsonType::Boolean => "true or false",
                JsonType::Number => "a number",
                JsonType::Integer => "a whole number",
                JsonType::Text => "text",
                JsonType::List => "a list",
                JsonType::Object => "an object",
            };
            kind.to_owned()
        }
    }
}

fn number_words(test: &NumberTest) -> String {
    match test {
        NumberTest::Equal(than) => than.to_string(),
        NumberTest::Below(than) => format!("a number below {than}"),
        NumberTest::AtMost(than) => format!("at most {than}"),
        NumberTest::Above(than) => format!("a number above {than}"),
        NumberTest::AtLeast(than) => format!("at least {than}"),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        other => {
            let text = other.to_string();
            text.char_indices().nth(120).map_or(text.clone(), |(end, _)| format!("{}…", &text[..end]))
        }
    }
}
