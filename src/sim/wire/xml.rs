//! XML, written element by element.

use std::collections::BTreeMap;
use std::fmt::Display;

use jiff::Timestamp;
use quick_xml::escape::escape;
use serde_json::Value;

use super::{Service, cbor};

/// A piece of XML.
#[derive(Debug, Clone, Default)]
pub(super) struct Xml(String);

/// Whether XML 1.0 can carry a character.
fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..) && !matches!(c, '\u{fffe}' | '\u{ffff}')
}

impl Xml {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// An element with text in it.
    pub(super) fn leaf(&mut self, name: &str, value: impl Display) -> &mut Self {
        self.node(name, |xml| {
            xml.value(value);
        })
    }

    /// Text alone: what a list of plain values has in its elements.
    pub(super) fn value(&mut self, value: impl Display) -> &mut Self {
        // What XML can't carry at all would make the whole answer unreadable.
        let text: String = value.to_string().chars().filter(|c| is_legal(*c)).collect();
        self.0.push_str(&escape(text.as_str()));
        self
    }

    /// An element with text in it, when there is a value.
    pub(super) fn maybe(&mut self, name: &str, value: Option<impl Display>) -> &mut Self {
        if let Some(value) = value {
            self.leaf(name, value);
        }
        self
    }

    /// An element with text in it, unless the text is empty.
    pub(super) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.maybe(name, (!value.is_empty()).then_some(value))
    }

    /// A moment.
    pub(super) fn time(&mut self, name: &str, value: Timestamp) -> &mut Self {
        self.leaf(name, format_args!("{value:.3}"))
    }

    /// An element with others in it.
    pub(super) fn node(&mut self, name: &str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.0.extend(["<", name, ">"]);
        fill(self);
        self.0.extend(["</", name, ">"]);
        self
    }

    /// A list: an element with one named `item` for each.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        item: &str,
        items: impl IntoIterator<Item = T>,
        mut fill: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.node(name, |xml| {
            for one in items {
                xml.node(item, |xml| fill(xml, one));
            }
        })
    }

    /// Tags as EC2 writes them.
    pub(super) fn ec2_tags(&mut self, tags: &BTreeMap<String, String>) -> &mut Self {
        self.list("tagSet", "item", tags, |xml, (key, value)| {
            xml.leaf("key", key).leaf("value", value);
        })
    }

    /// A document's fields: a list has its items in elements named `member`.
    pub(super) fn tree(&mut self, document: &Value) -> &mut Self {
        for (name, value) in document.as_object().into_iter().flatten() {
            self.node(name, |xml| xml.part(name, value));
        }
        self
    }

    fn part(&mut self, name: &str, value: &Value) {
        match value {
            Value::Null => {}
            Value::Bool(flag) => {
                self.value(flag);
            }
            Value::Number(number) => {
                let moment = number.as_i64().filter(|_| cbor::is_moment(name));
                match moment.and_then(|seconds| Timestamp::from_second(seconds).ok()) {
                    Some(moment) => self.value(format_args!("{moment:.3}")),
                    None => self.value(number),
                };
            }
            Value::String(text) => {
                self.value(text);
            }
            Value::Array(items) => {
                for item in items {
                    self.node("member", |xml| xml.part(name, item));
                }
            }
            Value::Object(_) => {
                self.tree(value);
            }
        }
    }

    /// The piece as it is.
    pub(super) fn into_text(self) -> String {
        self.0
    }

    /// The whole answer to an action.
    pub(super) fn envelope(self, service: Service, action: &str, request: &str) -> String {
        let (inner, namespace) = (self.0, service.namespace());
        let head = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
        match service {
            Service::Ec2 => format!(
                r#"{head}<{action}Response xmlns="{namespace}"><requestId>{request}</requestId>{inner}</{action}Response>"#
            ),
            Service::AutoScaling
            | Service::LoadBalancing
            | Service::Sts
            | Service::ImageBuilder
            | Service::CloudWatch
            | Service::Ssm => format!(
                r#"{head}<{action}Response xmlns="{namespace}"><{action}Result>{inner}</{action}Result><ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></{action}Response>"#
            ),
        }
    }
}
