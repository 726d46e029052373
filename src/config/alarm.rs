//! Reads `alarm` checks: which `CloudWatch` alarms must be quiet.

use super::fleet::Scope;
use super::kinds::AlarmCheck;
use super::line::{self, Line};
use super::reader::Node;
use super::tree::Value;

/// The most characters that the name of an alarm has.
const LONGEST_NAME: usize = 255;

pub(super) fn alarm(node: Node<'_>) -> Option<AlarmCheck> {
    let mut map = node.map()?;
    let names = map.optional("names").map_or_else(|| Some(Vec::new()), names);
    let prefix = map.optional("prefix").map(name);
    let words = [("fail", false), ("pass", true)];
    let quiet = map.optional("insufficient_data").map_or(Some(false), |node| node.choice(&words));
    if !map.finish() {
        return None;
    }
    let (names, prefix) = (names?, super::checks::transpose(prefix)?);
    if names.is_empty() && prefix.is_none() {
        node.wrong_key(
            "`alarm` names no alarm",
            Some("add `names: [\"{group}-5xx\"]` or `prefix: …`".to_owned()),
        );
        return None;
    }
    Some(AlarmCheck { names, prefix, insufficient_data_passes: quiet? })
}

fn names(node: Node<'_>) -> Option<Vec<Line>> {
    let Value::List(_) = node.value() else { return Some(vec![name(node)?]) };
    if node.is_empty() {
        node.wrong_key("`names` needs at least one alarm", None);
        return None;
    }
    let read: Vec<Option<Line>> = node.list().into_iter().map(name).collect();
    read.into_iter().collect()
}

fn name(node: Node<'_>) -> Option<Line> {
    let line = line::line(node, Scope::Group)?;
    if line.written().chars().count() > LONGEST_NAME {
        node.wrong(format!("an alarm's name has at most {LONGEST_NAME} characters"), None);
        return None;
    }
    Some(line)
}
