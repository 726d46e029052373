//! Reads a [`Tree`] key by key, and remembers every mistake instead of stopping at one.
//!
//! A [`Node`] is a value under a name; a [`Map`] is a mapping whose keys are asked for one
//! after another, so that [`Map::finish`] knows which ones nothing reads. A getter that
//! finds something else says so in the [`Log`] and gives `None`. Knows no key by name.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::place::Place;
use super::tree::{Tree, Value};
use super::words::{did_you_mean, nearest, quoted};

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(super) struct Log {
    mistakes: RefCell<BTreeSet<(Place, String, Option<String>)>>,
    /// What no message may show of the file.
    hidden: RefCell<Vec<Place>>,
    /// The variables that checks capture, and whether one of those is asked of the group.
    captured: RefCell<BTreeMap<String, bool>>,
    /// The captured variables that were named since they were last taken.
    named: RefCell<BTreeSet<String>>,
    /// Every key that was asked for: the documentation must know each.
    #[cfg(test)]
    pub(super) asked: RefCell<BTreeSet<&'static str>>,
}

impl Log {
    /// Notes a mistake; the same one at the same place counts once.
    pub(super) fn add(&self, place: Place, message: impl Into<String>, hint: Option<String>) {
        self.mistakes.borrow_mut().insert((place, message.into(), hint));
    }

    /// Makes a captured variable known.
    pub(super) fn capture(&self, name: &str, of_group: bool) {
        *self.captured.borrow_mut().entry(name.to_owned()).or_default() |= of_group;
    }

    /// Keeps what is there from being shown with a mistake in its line.
    pub(super) fn hide(&self, place: Place) {
        self.hidden.borrow_mut().push(place);
    }

    /// The lines of the file as they may be shown, as long as they are.
    pub(super) fn masked<'t>(&self, lines: Vec<&'t str>) -> Vec<Cow<'t, str>> {
        let mut lines: Vec<Cow<'t, str>> = lines.into_iter().map(Cow::Borrowed).collect();
        for place in self.hidden.borrow().iter() {
            let Some(line) = place.line.checked_sub(1).and_then(|index| lines.get_mut(index)) else {
                continue;
            };
            let hidden = place.column..place.column.saturating_add(place.length);
            let masked = line.chars().zip(1..).map(|(c, at)| if hidden.contains(&at) { '*' } else { c });
            *line = Cow::Owned(masked.collect());
        }
        lines
    }

    pub(super) fn is_empty(&self) -> bool {
        self.mistakes.borrow().is_empty()
    }

    pub(super) fn into_mistakes(self) -> BTreeSet<(Place, String, Option<String>)> {
        self.mistakes.into_inner()
    }
}

/// A value, what it is called, and where to say what is wrong with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a> {
    tree: &'a Tree,
    log: &'a Log,
    name: &'a str,
    /// Where its key is, or itself when it has none.
    named_at: Place,
    /// Whether it is an item of the list of that name.
    is_item: bool,
}

impl<'a> Node<'a> {
    pub(super) fn root(tree: &'a Tree, log: &'a Log) -> Self {
        Self { tree, log, name: "the configuration", named_at: tree.place, is_item: false }
    }

    /// Its key, or that of the list it is in.
    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    pub(super) fn log(&self) -> &'a Log {
        self.log
    }

    /// The captured variables, and whether a check of the group captures each.
    pub(super) fn captured(&self) -> BTreeMap<String, bool> {
        self.log.captured.borrow().clone()
    }

    /// Notes that a captured variable is named here.
    pub(super) fn names(&self, variable: &str) {
        self.log.named.borrow_mut().insert(variable.to_owned());
    }

    /// The captured variables that were named since the last time.
    pub(super) fn take_named(&self) -> BTreeSet<String> {
        self.log.named.take()
    }

    /// What a message calls it.
    pub(super) fn called(&self) -> String {
        if self.is_item { format!("an item of `{}`", self.name) } else { format!("`{}`", self.name) }
    }

    pub(super) fn value(&self) -> &'a Value {
        &self.tree.value
    }

    /// Whether it is a list or a mapping with nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        match self.value() {
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
            Value::Null | Value::Bool(_) | Value::Whole(_) | Value::Float(_) | Value::Text(_) => false,
        }
    }

    /// Says what is wrong with the value.
    pub(super) fn wrong(&self, message: impl Into<String>, hint: Option<String>) {
        self.log.add(self.tree.place, message, hint);
    }

    /// Says what is wrong with the key or with what the value lacks.
    pub(super) fn wrong_key(&self, message: impl Into<String>, hint: Option<String>) {
        self.log.add(self.named_at, message, hint);
    }

    /// Says that the value is of another kind than it must be.
    pub(super) fn expected(&self, what: impl Display) {
        self.wrong(format!("{} must be {what}", self.called()), Some(format!("this is {}", self.value())));
    }

    /// The value under a key, for rules that look at what was read before.
    pub(super) fn get(&self, wanted: &str) -> Option<Self> {
        let Value::Map(entries) = self.value() else { return None };
        entries.iter().find_map(|(key, tree)| match &key.value {
            Value::Text(text) if text == wanted => {
                Some(Self { tree, log: self.log, name: text, named_at: key.place, is_item: false })
            }
            _ => None,
        })
    }

    /// The item of a list, likewise.
    pub(super) fn item(&self, index: usize) -> Option<Self> {
        let Value::List(items) = self.value() else { return None };
        items.get(index).map(|tree| Self { tree, named_at: tree.place, is_item: true, ..*self })
    }

    /// A mapping with known keys.
    pub(super) fn map(&self) -> Option<Map<'a>> {
        if let Value::Map(_) = self.value() {
            return Some(Map { node: *self, known: Vec::new(), missing: Vec::new(), note: None });
        }
        self.expected("a mapping of keys to values");
        None
    }

    /// The entries of a mapping whose keys are the user's own; a key that is there twice
    /// comes once.
    pub(super) fn entries(&self) -> Vec<Self> {
        let Value::Map(entries) = self.value() else {
            self.expected("a mapping of names to values");
            return Vec::new();
        };
        let mut seen = BTreeSet::new();
        let texts = entries.iter().filter_map(|(key, tree)| match &key.value {
            Value::Text(text) => {
                Some(Self { tree, log: self.log, name: text, named_at: key.place, is_item: false })
            }
            _ => None,
        });
        texts.filter(|node| seen.insert(node.name)).collect()
    }

    /// The keys of a mapping, for rules that look at what was read before.
    pub(super) fn keys(&self) -> Vec<&'a str> {
        let Value::Map(entries) = self.value() else { return Vec::new() };
        let text = |(key, _): &'a (Tree, Tree)| match &key.value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        };
        entries.iter().filter_map(text).collect()
    }

    /// The items of a list.
    pub(super) fn list(&self) -> Vec<Self> {
        if let Value::List(items) = self.value() {
            return items
                .iter()
                .map(|tree| Self { tree, named_at: tree.place, is_item: true, ..*self })
                .collect();
        }
        self.expected("a list");
        Vec::new()
    }

    /// Text that is not empty.
    pub(super) fn text(&self) -> Option<&'a str> {
        match self.value() {
            Value::Text(text) if !text.is_empty() => Some(text),
            Value::Bool(_) | Value::Whole(_) | Value::Float(_) => {
                let message = format!("{} must be text, and this is {}", self.called(), self.value());
                self.wrong(message, Some("put it in quotes".to_owned()));
                None
            }
            Value::Text(_) | Value::Null | Value::List(_) | Value::Map(_) => {
                self.expected("text that is not empty");
                None
            }
        }
    }

    /// The items of a list of texts, each at its own position: one that is no text comes as
    /// an empty one.
    pub(super) fn texts(&self) -> Vec<String> {
        self.list().iter().map(|item| item.text().unwrap_or_default().to_owned()).collect()
    }

    /// A text, or a list of texts.
    pub(super) fn text_or_texts(&self) -> Vec<String> {
        match self.value() {
            Value::List(_) => self.texts(),
            Value::Text(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Whole(_)
            | Value::Float(_)
            | Value::Map(_) => self.text().map(ToOwned::to_owned).into_iter().collect(),
        }
    }

    /// A whole number within limits, both included.
    pub(super) fn whole<T: TryFrom<i128>>(&self, least: u32, most: u32) -> Option<T> {
        if let Value::Whole(number) = self.value()
            && (i128::from(least)..=i128::from(most)).contains(number)
        {
            return T::try_from(*number).ok();
        }
        if most == u32::MAX {
            self.expected(format_args!("a whole number, at least {least}"));
        } else {
            self.expected(format_args!("a whole number from {least} to {most}"));
        }
        None
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        if let Value::Bool(value) = self.value() {
            return Some(*value);
        }
        self.expected("`true` or `false`");
        None
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let known = words.iter().map(|(word, _)| *word);
            let hint = nearest(text, known.clone()).map(did_you_mean);
            self.wrong(format!("{} is `{text}`, but may be {}", self.called(), quoted(known, "or")), hint);
        }
        found.map(|(_, value)| *value)
    }
}

/// A mapping that is being read: every key is asked for once, then it is finished.
#[derive(Debug)]
pub(super) struct Map<'a> {
    node: Node<'a>,
    known: Vec<&'static str>,
    missing: Vec<&'static str>,
    note: Option<&'static str>,
}

impl<'a> Map<'a> {
    /// The mapping as a node.
    pub(super) fn node(&self) -> Node<'a> {
        self.node
    }

    /// The value of a key that may be absent.
    pub(super) fn optional(&mut self, key: &'static str) -> Option<Node<'a>> {
        #[cfg(test)]
        self.node.log.asked.borrow_mut().insert(key);
        self.known.push(key);
        self.node.get(key)
    }

    /// The value of a key that must be there.
    pub(super) fn required(&mut self, key: &'static str) -> Option<Node<'a>> {
        let found = self.optional(key);
        if found.is_none() {
            self.missing.push(key);
        }
        found
    }

    /// What is said of an unknown key that is like no known one.
    pub(super) fn note(&mut self, note: &'static str) {
        self.note = Some(note);
    }

    /// Reports the keys that nothing asked for, and those that are missing. `true` when
    /// there were none of either.
    pub(super) fn finish(&mut self) -> bool {
        let mut clean = true;
        for node in self.node.entries() {
            // A merge key has been reported as such.
            if self.known.contains(&node.name) || node.name == "<<" {
                continue;
            }
            clean = false;
            let near = nearest(node.name, self.known.iter().copied());
            // A misspelt key is one mistake, not two.
            self.missing.retain(|missing| Some(*missing) != near);
            let hint = match (near, self.note) {
                (Some(near), _) => did_you_mean(near),
                (None, Some(note)) => note.to_owned(),
                (None, None) => format!("known here: {}", quoted(self.known.iter().copied(), "and")),
            };
            node.wrong_key(format!("unknown key `{}`", node.name), Some(hint));
        }
        for missing in &self.missing {
            clean = false;
            self.node.wrong_key(format!("`{missing}` is missing"), Some(format!("add `{missing}: …` here")));
        }
        clean
    }
}
