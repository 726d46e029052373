//! Texts with variables among braces of their own: arguments, shell lines, names.
//!
//! A program's arguments and a shell's lines are full of braces that are nobody's variables. So
//! only `{name}` with the name of a variable is one, and never `${name}`, which is a shell's. A
//! name that is much like a variable's is a mistake.

use super::fleet::Scope;
use super::reader::Node;
use super::template;
use super::tree::Value;

/// A text, in the pieces that it is put together from when it is asked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(pub Vec<Piece>);

/// A piece of a [`Line`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text as it is.
    Text(String),
    /// A variable, by its name without the braces.
    Variable(String),
}

impl Line {
    /// A text without variables.
    pub fn plain(text: &str) -> Self {
        Self(vec![Piece::Text(text.to_owned())])
    }

    /// The text, with what `value` gives for each variable.
    ///
    /// # Errors
    /// As `value` says.
    pub fn fill<E>(&self, value: impl Fn(&str) -> Result<String, E>) -> Result<String, E> {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => Ok(text.clone()),
            Piece::Variable(name) => value(name),
        };
        self.0.iter().map(piece).collect()
    }

    /// The text when it has no variables.
    pub fn as_plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text as it is written.
    pub fn written(&self) -> String {
        let written = self.fill(|name| Ok::<_, std::convert::Infallible>(format!("{{{name}}}")));
        written.unwrap_or_else(|never| match never {})
    }
}

/// A line that is not empty.
pub(super) fn line(node: Node<'_>, on: Scope) -> Option<Line> {
    read(node, node.text()?, on)
}

/// A line that may be empty, as an argument may.
pub(super) fn maybe_empty(node: Node<'_>, on: Scope) -> Option<Line> {
    match node.value() {
        Value::Text(text) if text.is_empty() => Some(Line::plain("")),
        _ => line(node, on),
    }
}

fn read(node: Node<'_>, text: &str, on: Scope) -> Option<Line> {
    if text.contains('\0') {
        node.wrong(format!("{} holds a null character, which no program can be given", node.called()), None);
        return None;
    }
    let mut pieces = Vec::new();
    let (mut before, mut rest, mut good) = (String::new(), text, true);
    while let Some((ahead, inside)) = rest.split_once('{') {
        before.push_str(ahead);
        let named = inside.split_once('}').filter(|_| !before.ends_with('$'));
        match named {
            Some((name, after)) if is_a_name(name) && template::is_meant(node, name) => {
                match template::value_of(node, name, on) {
                    Ok(_) => {
                        pieces.push(Piece::Text(std::mem::take(&mut before)));
                        pieces.push(Piece::Variable(name.to_owned()));
                    }
                    Err((message, hint)) => {
                        node.wrong(message, Some(hint));
                        good = false;
                    }
                }
                rest = after;
            }
            _ => {
                before.push('{');
                rest = inside;
            }
        }
    }
    before.push_str(rest);
    pieces.push(Piece::Text(before));
    pieces.retain(|piece| *piece != Piece::Text(String::new()));
    good.then_some(Line(pieces))
}

/// Whether it could be a variable's name, and not a part of something with braces of its own.
fn is_a_name(text: &str) -> bool {
    text.starts_with(template::TAG) || text.chars().all(|c| c.is_ascii_alphanumeric() || "_-:.".contains(c))
}
