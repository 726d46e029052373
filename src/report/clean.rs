//! Makes any text safe to print and to write.
//!
//! AWS's reasons and applications' answers may hold anything. [`line()`] and [`text()`] take out
//! terminal escape sequences, control characters and what XML can't hold, make `]]>` harmless,
//! and bound the length. Every text passes here once, at the moment it is printed or written.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

/// The most characters that a line keeps.
pub(crate) const LINE: usize = 400;

/// The most bytes that a text keeps, before the note that it was cut.
pub(super) const TEXT: usize = 64 * 1024;

/// What makes a line of a test's output the name of a file that Jenkins takes.
pub(super) const ATTACHMENT: &str = "[[ATTACHMENT|";

/// How far the end of an escape sequence's string is looked for, in characters.
const LONGEST_STRING: usize = 4096;

/// One line of at most [`LINE`] characters: runs of white space become one space.
pub(crate) fn line(raw: &str) -> String {
    line_within(raw, LINE)
}

/// One line of at most so many characters.
pub(super) fn line_within(raw: &str, longest: usize) -> String {
    // What can't survive need not be looked at: escape sequences are short.
    let bounded: String = raw.chars().take(longest * 16).collect();
    let kept = visible(&bounded);
    let mut words = kept.split_whitespace();
    let mut line = words.next().unwrap_or_default().to_owned();
    for word in words {
        line.push(' ');
        line.push_str(word);
    }
    let line = defuse(line);
    match line.char_indices().nth(longest) {
        Some(_) => line.chars().take(longest.saturating_sub(1)).chain(['…']).collect(),
        None => line,
    }
}

/// Lines of at most [`TEXT`] bytes in all; what is longer is cut, and says so.
pub(crate) fn text(raw: &str) -> String {
    text_within(raw, TEXT)
}

/// Lines of at most so many bytes in all.
pub(super) fn text_within(raw: &str, longest: usize) -> String {
    let mut text = defuse(visible(raw));
    text.truncate(text.trim_end().len());
    if text.len() > longest {
        let end = text.floor_char_boundary(longest);
        let left_out = text.len() - end;
        text.truncate(end);
        text += "\n[cut here: ";
        text += &left_out.to_string();
        text += " more bytes are left out]";
    }
    text
}

/// A name that is safe as a file's: letters, digits, `.`, `_` and `-`.
pub(super) fn file_name(raw: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    raw.chars().map(safe).collect()
}

/// Ends CDATA sections nowhere, and has Jenkins' junit-attachments take no file of the agent's.
/// Done last: taking something out may bring such a mark together.
fn defuse(text: String) -> String {
    let text = if text.contains("]]>") { text.replace("]]>", "]] >") } else { text };
    if text.contains(ATTACHMENT) { text.replace(ATTACHMENT, "[ [ATTACHMENT|") } else { text }
}

/// The text without escape sequences, controls other than tab and newline, and noncharacters.
fn visible(raw: &str) -> String {
    let raw: Cow<'_, str> =
        if raw.contains('\r') { raw.replace("\r\n", "\n").replace('\r', "\n").into() } else { raw.into() };
    let mut kept = String::with_capacity(raw.len());
    let mut rest = raw.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_control_sequence(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut rest),
            '\u{85}' | '\u{2028}' | '\u{2029}' => kept.push('\n'),
            '\n' | '\t' => kept.push(c),
            _ if c.is_control() || is_noncharacter(c) => {}
            _ => kept.push(c),
        }
    }
    kept
}

/// Skips what follows an escape character and belongs to it.
fn skip_escape(rest: &mut Peekable<Chars<'_>>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_control_sequence(rest);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.next();
            skip_string(rest);
        }
        _ => {
            while rest.next_if(|c| (' '..='/').contains(c)).is_some() {}
            rest.next_if(|c| ('0'..='~').contains(c));
        }
    }
}

/// Skips parameters, intermediates and the final character: `31;1m`.
fn skip_control_sequence(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|c| (' '..='?').contains(c)).is_some() {}
    rest.next_if(|c| ('@'..='~').contains(c));
}

/// Skips a string up to its end: a bell or a string terminator. One that has no end on its
/// line is text that somebody wants to read, and stays.
fn skip_string(rest: &mut Peekable<Chars<'_>>) {
    let mut ahead = rest.clone();
    for _ in 0..LONGEST_STRING {
        let Some(c) = ahead.next() else { return };
        let ended = match c {
            '\u{7}' | '\u{9c}' => true,
            '\u{1b}' => ahead.next_if_eq(&'\\').is_some(),
            '\n' => return,
            _ => false,
        };
        if ended {
            *rest = ahead;
            return;
        }
    }
}

/// Whether Unicode will never give the code point a meaning; XML forbids the first of them.
fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_escape_sequences_are_taken_out() {
        for (raw, kept) in [
            ("\u{1b}[31;1mred\u{1b}[0m", "red"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{7}", "link"),
            ("\u{1b}]0;title without an end", "0;title without an end"),
            ("\u{1b}(B\u{1b}=plain", "plain"),
            ("\u{9b}2Kc1", "c1"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
        ] {
            assert_eq!(line(raw), kept, "{raw:?}");
        }
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line(" a\r\nb\tc\u{0}\u{85}d\u{2028}e "), "a b c d e");
        let long = line(&"é".repeat(LINE + 1));
        assert_eq!(long.chars().count(), LINE);
        assert!(long.ends_with('…'));
        assert_eq!(line(&"x".repeat(LINE)), "x".repeat(LINE));
    }

    #[test]
    fn nothing_that_is_taken_out_brings_the_end_of_cdata_together() {
        assert_eq!(text("a]]\u{1b}[0m>b"), "a]] >b");
        assert_eq!(text("]]]]>>"), "]]]] >>");
    }

    #[test]
    fn no_text_names_a_file_for_jenkins_to_take() {
        for raw in ["x [[ATTACHMENT|/etc/passwd]]", "[[ATTACH\u{0}MENT|/etc/passwd]]", "[[[ATTACHMENT|a]]"] {
            assert!(!line(raw).contains(ATTACHMENT) && !text(raw).contains(ATTACHMENT), "{raw:?}");
            assert!(line(raw).contains("[ [ATTACHMENT|"), "it can still be read");
        }
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let cut = text(&"é".repeat(TEXT));
        assert!(cut.len() < TEXT + 64);
        assert!(cut.ends_with("[cut here: 65536 more bytes are left out]"), "{}", &cut[TEXT - 2..]);
    }

    #[test]
    fn a_file_name_holds_no_separator() {
        assert_eq!(file_name("../qa 2/x"), ".._qa_2_x");
    }

    proptest! {
        #[test]
        fn whatever_comes_in_only_harmless_text_comes_out(raw in "\\PC*|(?s:.)*|[\\x1b\\]\\[>\\\\m;\\x07 ]*") {
            for kept in [line(&raw), text(&raw)] {
                prop_assert!(!kept.contains("]]>") && !kept.contains(ATTACHMENT));
                prop_assert!(kept.chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control()));
                prop_assert!(!kept.chars().any(is_noncharacter));
            }
            prop_assert!(!line(&raw).contains(['\n', '\t']));
            prop_assert_eq!(line(&line(&raw)), line(&raw));
        }

        #[test]
        fn text_that_is_harmless_is_kept(raw in "[a-zA-Z0-9 äöü€<>&\"'/=]{0,80}") {
            prop_assert_eq!(text(&raw), raw.trim_end());
        }
    }
}
