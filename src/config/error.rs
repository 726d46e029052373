//! What is wrong with a configuration, for people and for programs.
//!
//! [`ConfigErrors`] holds every [`Mistake`] in one file. Displayed, each comes with its
//! place, the line and a caret; serialized, with line, column, message and hint. Knows
//! nothing of YAML.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::place::Place;

/// Everything that is wrong with a configuration, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigErrors {
    /// The file.
    pub file: PathBuf,
    /// The mistakes in it, at least one.
    pub mistakes: Vec<Mistake>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// The line, from 1; `None` when it is about the file as a whole.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What would be right, where that is known.
    pub hint: Option<String>,
    #[serde(skip)]
    excerpt: Option<Excerpt>,
}

/// The line that a mistake is in, made safe to print, and how much of it is underlined.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Excerpt {
    text: String,
    length: usize,
}

impl ConfigErrors {
    /// One mistake about the file as a whole.
    pub(super) fn whole(file: &Path, message: String, hint: &str) -> Self {
        let hint = Some(hint.to_owned());
        let mistake = Mistake { line: None, column: None, message, hint, excerpt: None };
        Self { file: file.to_owned(), mistakes: vec![mistake] }
    }

    /// Mistakes in any order; they are sorted by place.
    pub(super) fn new(file: &Path, mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
        Self { file: file.to_owned(), mistakes }
    }
}

impl Mistake {
    /// A mistake at a place in the lines of the file.
    pub(super) fn new(place: Place, message: String, hint: Option<String>, lines: &[&str]) -> Self {
        let line = place.line.checked_sub(1).and_then(|index| lines.get(index));
        let excerpt = line.map(|text| {
            let rest = text.trim_end().chars().count().saturating_sub(place.column.saturating_sub(1));
            Excerpt { text: printable(text), length: place.length.min(rest).max(1) }
        });
        Self { line: Some(place.line), column: Some(place.column), message, hint, excerpt }
    }
}

/// The text without characters that would move the cursor or change the terminal.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    text.trim_end().chars().map(shown).collect()
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        for mistake in &self.mistakes {
            writeln!(f, "error: {}", printable(&mistake.message))?;
            mistake.show_place(f, &file)?;
            writeln!(f)?;
        }
        let count = self.mistakes.len();
        write!(f, "{count} {} in {file}", if count == 1 { "mistake" } else { "mistakes" })
    }
}

impl Mistake {
    fn show_place(&self, f: &mut fmt::Formatter<'_>, file: &dyn fmt::Display) -> fmt::Result {
        let hint = printable(self.hint.as_deref().unwrap_or_default());
        let (Some(line), Some(column)) = (self.line, self.column) else {
            return if hint.is_empty() { Ok(()) } else { writeln!(f, "  = {hint}") };
        };
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "{margin}--> {file}:{line}:{column}")?;
        let Some(excerpt) = &self.excerpt else {
            return if hint.is_empty() { Ok(()) } else { writeln!(f, "{margin} = {hint}") };
        };
        // A tab before the place stays a tab, so that the caret is under it however wide tabs are.
        let before = excerpt.text.chars().chain(std::iter::repeat(' ')).take(column.saturating_sub(1));
        let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let under = format!("{indent}{} {hint}", "^".repeat(excerpt.length));
        writeln!(f, "{margin} |\n{number} | {}\n{margin} | {}", excerpt.text, under.trim_end())
    }
}
