//! Reads what is asked of a JSON body: `json` and `compare`.

use serde_json::{Number, Value as Json};
use serde_json_path::JsonPath;

use crate::config::checks::{regex, transpose};
use crate::config::network::{Expected, JsonType, NumberTest, ValueTest};
use crate::config::reader::{Map, Node};
use crate::config::tree::{Tree, Value};

const TYPES: [(&str, JsonType); 7] = [
    ("null", JsonType::Null),
    ("boolean", JsonType::Boolean),
    ("number", JsonType::Number),
    ("integer", JsonType::Integer),
    ("text", JsonType::Text),
    ("list", JsonType::List),
    ("object", JsonType::Object),
];

/// The paths of `json` with the value of each, then those of `compare` with their comparisons.
pub(super) fn json(equal: Option<Node<'_>>, compare: Option<Node<'_>>) -> Option<Vec<Expected>> {
    let equal = equal.map_or_else(|| Some(Vec::new()), |node| paths(node, "values", equals));
    let compare = compare.map_or_else(|| Some(Vec::new()), |node| paths(node, "comparisons", comparisons));
    let mut all = equal?;
    all.extend(compare?);
    Some(all)
}

fn paths(
    node: Node<'_>,
    what: &str,
    read: impl Fn(Node<'_>) -> Option<Vec<ValueTest>>,
) -> Option<Vec<Expected>> {
    if !matches!(node.value(), Value::Map(_)) {
        node.expected(format_args!("a mapping of JSON paths to {what}"));
        return None;
    }
    let one = |node: Node<'_>| {
        let (path, tests) = (path(node), read(node));
        Some(Expected { text: node.name().to_owned(), path: path?, tests: tests? })
    };
    let all: Vec<_> = node.entries().into_iter().map(one).collect();
    all.into_iter().collect()
}

fn path(node: Node<'_>) -> Option<JsonPath> {
    json_path(node.name(), |message, hint| node.wrong_key(message, hint))
}

/// The JSON path that is written so; reports it when it is none.
pub(in crate::config) fn json_path(
    text: &str,
    report: impl FnOnce(String, Option<String>),
) -> Option<JsonPath> {
    match JsonPath::parse(text) {
        Ok(path) => Some(path),
        Err(error) => {
            let reason = error.to_string().replace('\n', " ");
            report(format!("`{text}` is not a JSON path: {reason}"), Some("as in `$.status`".to_owned()));
            None
        }
    }
}

fn equals(node: Node<'_>) -> Option<Vec<ValueTest>> {
    value(node).map(|value| vec![ValueTest::Equals(value)])
}

fn value(node: Node<'_>) -> Option<Json> {
    let value = to_json(node.value());
    if value.is_none() {
        node.wrong(format!("JSON has no value like that of `{}`", node.name()), None);
    }
    value
}

fn comparisons(node: Node<'_>) -> Option<Vec<ValueTest>> {
    if !matches!(node.value(), Value::Map(_)) {
        node.wrong(
            format!("`{}` must be a mapping of comparisons", node.name()),
            Some("as in `{ at_least: 1 }`; a value to be equal to goes into `json`".to_owned()),
        );
        return None;
    }
    let mut map = node.map()?;
    let mut tests = vec![
        map.optional("equals").map(|node| Some(ValueTest::Equals(value(node)?))),
        map.optional("not").map(|node| Some(ValueTest::Not(value(node)?))),
        map.optional("exists").map(|node| Some(ValueTest::Exists(node.boolean()?))),
        map.optional("matches").map(|node| Some(ValueTest::Matches(regex(node)?))),
        map.optional("contains").map(|node| Some(ValueTest::Contains(value(node)?))),
        map.optional("type").map(|node| Some(ValueTest::Type(node.choice(&TYPES)?))),
    ];
    tests.extend(numbers(&mut map).into_iter().map(|test| test.map(|test| test.map(ValueTest::Number))));
    let count = map.optional("count").map_or_else(|| Some(Vec::new()), count);
    let clean = map.finish();
    if clean && node.is_empty() {
        node.wrong_key(
            format!("nothing is asked of `{}`", node.name()),
            Some("as in `{ exists: true }`".to_owned()),
        );
        return None;
    }
    let read: Option<Vec<_>> = tests.into_iter().map(transpose).collect();
    let mut read: Vec<ValueTest> = read?.into_iter().flatten().collect();
    read.extend(count?.into_iter().map(ValueTest::Count));
    if read.len() > 1 && read.iter().any(|test| matches!(test, ValueTest::Exists(false))) {
        node.wrong_key(format!("`{}` must not exist, and be something", node.name()), None);
        return None;
    }
    Some(read)
}

/// How many nodes there must be: a number, or a mapping of comparisons.
fn count(node: Node<'_>) -> Option<Vec<NumberTest>> {
    if let Value::Map(_) = node.value() {
        let mut map = node.map()?;
        let mut tests = numbers(&mut map);
        tests.push(map.optional("equals").map(|node| number(node).map(NumberTest::Equal)));
        let clean = map.finish();
        if clean && node.is_empty() {
            node.wrong_key("nothing is asked of `count`", Some("as in `count: { at_least: 1 }`".to_owned()));
            return None;
        }
        let read: Option<Vec<_>> = tests.into_iter().map(transpose).collect();
        return Some(read?.into_iter().flatten().collect());
    }
    let number: u32 = node.whole(0, u32::MAX)?;
    Some(vec![NumberTest::Equal(number.into())])
}

#[expect(clippy::option_option, reason = "absent and unreadable are different")]
fn numbers(map: &mut Map<'_>) -> Vec<Option<Option<NumberTest>>> {
    let read =
        |node: Option<Node<'_>>, test: fn(Number) -> NumberTest| node.map(|node| number(node).map(test));
    vec![
        read(map.optional("below"), NumberTest::Below),
        read(map.optional("at_most"), NumberTest::AtMost),
        read(map.optional("above"), NumberTest::Above),
        read(map.optional("at_least"), NumberTest::AtLeast),
    ]
}

fn number(node: Node<'_>) -> Option<Number> {
    if let Some(Json::Number(number)) = to_json(node.value()) {
        return Some(number);
    }
    node.expected("a number");
    None
}

/// The value as JSON has it; `None` for what JSON lacks: infinities, keys that are no text.
pub(in crate::config) fn to_json(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Whole(number) => match (i64::try_from(*number), u64::try_from(*number)) {
            (Ok(number), _) => Json::from(number),
            (_, Ok(number)) => Json::from(number),
            (Err(_), Err(_)) => return None,
        },
        Value::Float(number) => Json::Number(Number::from_f64(*number)?),
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
