//! Where things are in the file.
//!
//! [`scan`] gives the [`Shape`] of a document: a tree of places, in the same order as the
//! tree of values that `serde_yaml` reads. Never says what a value is: that is
//! `serde_yaml`'s word alone.

use saphyr_parser::{Event, Parser, Span};

/// A stretch of one line. Line and column count from 1, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    /// In characters; more than the line has means to its end.
    pub(super) length: usize,
}

impl Place {
    /// The first character of the file.
    pub(super) const START: Self = Self { line: 1, column: 1, length: 1 };

    fn of(span: Span) -> Self {
        let one_line = span.start.line() == span.end.line();
        let length = if one_line { span.end.col().saturating_sub(span.start.col()) } else { usize::MAX };
        Self { line: span.start.line(), column: span.start.col() + 1, length }
    }
}

/// The place of a value and of what is in it: the items of a list, or the keys and values
/// of a mapping in turn.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) place: Place,
    pub(super) children: Vec<Shape>,
}

impl Shape {
    /// A block collection has no bracket to point at: its first key or item stands for it.
    fn closed(mut self) -> Self {
        if let (0, Some(first)) = (self.place.length, self.children.first()) {
            self.place = first.place;
        }
        self
    }
}

/// Something that YAML has and a configuration may not use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forbidden {
    /// `&name`, a value to be used again.
    Anchor,
    /// `*name`, a value from elsewhere.
    Alias,
    /// `!name`, a type.
    Tag,
    /// `---` for another document.
    Document,
}

/// What [`scan`] found, as far as it came.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) root: Option<Shape>,
    pub(super) forbidden: Vec<(Place, Forbidden)>,
}

/// Reads the places of the first document, and what is forbidden anywhere.
///
/// Text that this parser can't read further gives what was whole until then; the caller
/// has heard of syntax errors from `serde_yaml`.
pub(super) fn scan(text: &str) -> Scan {
    let mut scanner = Scanner::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(Ok((event, span))) = parser.next_event() {
        scanner.take(&event, span);
    }
    // The root of a document that broke off is worth having too.
    while let Some(shape) = scanner.open.pop() {
        scanner.close(shape);
    }
    scanner.scan
}

#[derive(Default)]
struct Scanner {
    scan: Scan,
    open: Vec<Shape>,
    documents: usize,
}

impl Scanner {
    fn take(&mut self, event: &Event<'_>, span: Span) {
        let place = Place::of(span);
        let leaf = Shape { place, children: Vec::new() };
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) => {
                self.documents += 1;
                self.forbid(place, self.documents > 1, Forbidden::Document);
            }
            Event::Alias(_) => {
                self.forbid(place, true, Forbidden::Alias);
                self.close(leaf);
            }
            Event::Scalar(_, _, anchor, tag) => {
                self.forbid(place, *anchor > 0, Forbidden::Anchor);
                self.forbid(place, tag.is_some(), Forbidden::Tag);
                self.close(leaf);
            }
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                self.forbid(place, *anchor > 0, Forbidden::Anchor);
                self.forbid(place, tag.is_some(), Forbidden::Tag);
                // Of a flow collection, the bracket alone.
                let place = Place { length: place.length.min(1), ..place };
                self.open.push(Shape { place, ..leaf });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(shape) = self.open.pop() {
                    self.close(shape);
                }
            }
        }
    }

    fn forbid(&mut self, place: Place, found: bool, what: Forbidden) {
        if found {
            self.scan.forbidden.push((place, what));
        }
    }

    fn close(&mut self, shape: Shape) {
        let shape = shape.closed();
        match self.open.last_mut() {
            Some(parent) => parent.children.push(shape),
            None => {
                self.scan.root.get_or_insert(shape);
            }
        }
    }
}
