//! Reads what is asked of an answer's headers.

use http::{HeaderName, HeaderValue};

use crate::config::checks::{regex, transpose};
use crate::config::network::HeaderTest;
use crate::config::reader::Node;
use crate::config::tree::Value;

/// Header names, each with its exact value or a mapping of tests.
pub(super) fn tests(node: Node<'_>) -> Option<Vec<(HeaderName, HeaderTest)>> {
    if !matches!(node.value(), Value::Map(_)) {
        node.expected("a mapping of header names to values");
        return None;
    }
    let read: Vec<_> = node.entries().into_iter().map(of_one).collect();
    let read: Option<Vec<_>> = read.into_iter().collect();
    Some(read?.into_iter().flatten().collect())
}

fn of_one(node: Node<'_>) -> Option<Vec<(HeaderName, HeaderTest)>> {
    let name = name(node)?;
    let tests = match node.value() {
        Value::Map(_) => comparisons(node)?,
        _ => vec![HeaderTest::Equals(value(node)?)],
    };
    Some(tests.into_iter().map(|test| (name.clone(), test)).collect())
}

fn comparisons(node: Node<'_>) -> Option<Vec<HeaderTest>> {
    let mut map = node.map()?;
    let tests = [
        map.optional("equals").map(|node| Some(HeaderTest::Equals(value(node)?))),
        map.optional("not").map(|node| Some(HeaderTest::Not(value(node)?))),
        map.optional("contains").map(|node| Some(HeaderTest::Contains(value(node)?))),
        map.optional("matches").map(|node| Some(HeaderTest::Matches(regex(node)?))),
        map.optional("exists").map(|node| Some(HeaderTest::Exists(node.boolean()?))),
    ];
    let clean = map.finish();
    if clean && node.is_empty() {
        node.wrong_key(
            format!("nothing is asked of `{}`", node.name()),
            Some("as in `exists: true`".to_owned()),
        );
        return None;
    }
    let read: Option<Vec<_>> = tests.into_iter().map(transpose).collect();
    let read: Vec<HeaderTest> = read?.into_iter().flatten().collect();
    if read.len() > 1 && read.iter().any(|test| matches!(test, HeaderTest::Exists(false))) {
        node.wrong_key(format!("`{}` must not exist, and be something", node.name()), None);
        return None;
    }
    Some(read)
}

/// The name of a header that the node is under.
pub(super) fn name(node: Node<'_>) -> Option<HeaderName> {
    let name = node.name();
    let read = HeaderName::from_bytes(name.as_bytes()).ok();
    if read.is_none() {
        node.wrong_key(format!("`{name}` is not the name of a header"), None);
    }
    read
}

/// A text that a header can have.
pub(super) fn value(node: Node<'_>) -> Option<String> {
    let value = node.text()?;
    if HeaderValue::from_str(value).is_err() {
        node.wrong(format!("no header can have the value of `{}`", node.name()), None);
        return None;
    }
    Some(value.to_owned())
}

/// Whether it is the name of a header; reports it when not.
pub(in crate::config) fn header_name(name: &str, report: impl FnOnce(String)) -> bool {
    let good = HeaderName::from_bytes(name.as_bytes()).is_ok();
    if !good {
        report(format!("`{name}` is not the name of a header"));
    }
    good
}
