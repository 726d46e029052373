//! A document as `serde_yaml` reads it, with the places that `scan` found.
//!
//! [`Tree`] is like `serde_yaml::Value`, but keeps keys that are there twice, so that they
//! are reported together with everything else instead of ending the reading.

use std::fmt;

use serde::de::{Deserialize, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::place::{Place, Shape};

/// A value and where it is.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) value: Value,
    pub(super) place: Place,
}

/// A value.
#[derive(Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Whole(i128),
    Float(f64),
    Text(String),
    List(Vec<Tree>),
    Map(Vec<(Tree, Tree)>),
}

impl Tree {
    /// Gives every value its place; one that the shape lacks (an alias stands for more than
    /// it shows) gets the place of what it is in.
    pub(super) fn locate(&mut self, shape: Option<&Shape>, around: Place) {
        self.place = shape.map_or(around, |shape| shape.place);
        let around = self.place;
        let child = |index: usize| shape.and_then(|shape| shape.children.get(index));
        match &mut self.value {
            Value::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    item.locate(child(index), around);
                }
            }
            Value::Map(entries) => {
                for (index, (key, value)) in entries.iter_mut().enumerate() {
                    key.locate(child(2 * index), around);
                    value.locate(child(2 * index + 1), around);
                }
            }
            Value::Null | Value::Bool(_) | Value::Whole(_) | Value::Float(_) | Value::Text(_) => {}
        }
    }
}

impl fmt::Display for Value {
    /// As a message names it: the text of a simple value, the kind of another.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("empty"),
            Self::Bool(value) => write!(f, "the boolean `{value}`"),
            Self::Whole(value) => write!(f, "the number `{value}`"),
            Self::Float(value) => write!(f, "the number `{value}`"),
            Self::Text(text) => write!(f, "the text `{text}`"),
            Self::List(_) => f.write_str("a list"),
            Self::Map(_) => f.write_str("a mapping"),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl TreeVisitor {
    fn tree(value: Value) -> Tree {
        Tree { value, place: Place::START }
    }
}

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Self::tree(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Self::tree(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Self::tree(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Self::tree(Value::Whole(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Self::tree(Value::Whole(value.into())))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Tree, E> {
        Ok(Self::tree(Value::Whole(value)))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Tree, E> {
        // Beyond every limit that a reader sets, so how far beyond does not matter.
        Ok(Self::tree(Value::Whole(i128::try_from(value).unwrap_or(i128::MAX))))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Self::tree(Value::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Self::tree(Value::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Self::tree(Value::List(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Self::tree(Value::Map(entries)))
    }

    /// A value with a tag: the tag is reported by its place, the value read without it.
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Tree, A::Error> {
        let (_, contents) = access.variant::<String>()?;
        contents.newtype_variant()
    }
}
