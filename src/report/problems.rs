//! Errors as people read them: what happened, why, and what to do next.

use std::io::{self, Write};

use super::clean;
use super::style::Style;
use crate::model::Problem;

/// Prints each problem as a block of `error: …`, `  why:  …`, `  next: …`.
///
/// # Errors
/// When `out` does not take it.
pub fn problems(out: &mut dyn Write, color: bool, problems: &[Problem]) -> io::Result<()> {
    problems.iter().try_for_each(|problem| out.write_all(block(problem, color).as_bytes()))
}

/// One problem's block, each line ended by a newline.
pub(super) fn block(problem: &Problem, color: bool) -> String {
    let mut text = part("error: ", &problem.what, Style::Bad, color);
    text.push_str(&part("  why:  ", &problem.why, Style::Dim, color));
    text.push_str(&part("  next: ", &problem.next, Style::Dim, color));
    text
}

/// Lines after the first stand under the first's text: a caret points at its column.
fn part(label: &str, text: &str, style: Style, color: bool) -> String {
    let text = clean::text(text);
    let mut lines = text.lines();
    let Some(first) = lines.next() else { return String::new() };
    let mut part = format!("{}{first}\n", style.paint(label, color));
    for line in lines {
        let line = format!("{:width$}{line}", "", width = label.len());
        part.push_str(line.trim_end());
        part.push('\n');
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_what_why_and_what_next() {
        let mut out = Vec::new();
        let all = [
            Problem::new("no image\nanywhere", "AWS says \u{1b}[31mno", "build one"),
            Problem::new("only this", "", ""),
        ];
        problems(&mut out, false, &all).unwrap();
        let expected = "error: no image\n       anywhere\n  why:  AWS says no\n  next: build one\n\
                        error: only this\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn only_the_labels_are_coloured() {
        let mut out = Vec::new();
        problems(&mut out, true, &[Problem::new("w", "", "n")]).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "\u{1b}[31merror: \u{1b}[0mw\n\u{1b}[2m  next: \u{1b}[0mn\n");
    }
}
