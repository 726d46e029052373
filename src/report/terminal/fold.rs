//! Lines that are no wider than the terminal. Pure.
//!
//! [`fold`] breaks a longer one between words and goes on below it, indented, so that the times at
//! the beginning of lines stay a column of their own. Colours take no room.

/// How far a line that begins with its time is indented where it goes on, …
const UNDER_TIME: usize = 10;
/// … and which part of the width an indent may take at most.
const PART: usize = 5;

/// The text with every line within `width` columns.
pub(super) fn fold(text: &str, width: usize) -> String {
    let mut folded = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (words, end) = line.strip_suffix('\n').map_or((line, ""), |words| (words, "\n"));
        if visible(words) <= width {
            folded.push_str(words);
        } else {
            one(&mut folded, words, width.max(PART));
        }
        folded.push_str(end);
    }
    folded
}

/// Adds one line that is too long.
fn one(folded: &mut String, line: &str, width: usize) {
    let blanks = line.len() - line.trim_start_matches(' ').len();
    let most = width / PART;
    let under = if blanks > 0 { blanks } else { UNDER_TIME }.min(most);
    let mut column = blanks.min(most);
    folded.extend(std::iter::repeat_n(' ', column));
    let mut gap = 0;
    for (at, word) in line.trim_start_matches(' ').split(' ').enumerate() {
        gap += usize::from(at > 0);
        if word.is_empty() {
            continue;
        }
        let wide = visible(word);
        if column + gap + wide <= width {
            folded.extend(std::iter::repeat_n(' ', gap));
            folded.push_str(word);
            column += gap + wide;
        } else {
            if column > under {
                begin(folded, under);
                column = under;
            }
            column = put(folded, word, column, (under, width));
        }
        gap = 0;
    }
}

/// Adds a word, broken where it is too long for a line of its own; the column behind it.
fn put(folded: &mut String, word: &str, mut column: usize, (under, width): (usize, usize)) -> usize {
    for (part, is_shown) in parts(word) {
        if is_shown && column >= width {
            begin(folded, under);
            column = under;
        }
        folded.push_str(part);
        column += usize::from(is_shown);
    }
    column
}

fn begin(folded: &mut String, under: usize) {
    folded.push('\n');
    folded.extend(std::iter::repeat_n(' ', under));
}

/// How many columns it takes.
fn visible(text: &str) -> usize {
    parts(text).filter(|(_, is_shown)| *is_shown).count()
}

/// Characters and whole colour sequences, and whether each is shown.
fn parts(mut rest: &str) -> impl Iterator<Item = (&str, bool)> {
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let is_shown = first != '\u{1b}';
        let end = match rest.find(|c: char| c.is_ascii_alphabetic()) {
            Some(last) if !is_shown => last + 1,
            _ => first.len_utf8(),
        };
        let (part, after) = rest.split_at(end);
        rest = after;
        Some((part, is_shown))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_fits_stays_as_it_is() {
        let text = "19:00:00  a\n\n  \u{1b}[31mb\u{1b}[0m   c\n";
        assert_eq!(fold(text, 11), text);
    }

    #[test]
    fn a_long_line_goes_on_under_its_words() {
        let line = "19:00:00    payments-qa  \u{1b}[31mrolled back\u{1b}[0m     12m 04s  app-health: 503\n";
        let wide = [
            "19:00:00    payments-qa  \u{1b}[31mrolled back\u{1b}[0m\n",
            "        12m 04s  app-health: 503\n",
        ];
        assert_eq!(fold(line, 40), wide.concat());
        let narrow = [
            "19:00:00\n",
            "    payments-qa\n",
            "    \u{1b}[31mrolled back\u{1b}[0m\n",
            "    12m 04s\n",
            "    app-health: 503\n",
        ];
        assert_eq!(fold(line, 20), narrow.concat());
    }

    #[test]
    fn an_indent_leaves_room_and_a_word_without_end_is_broken() {
        let line = format!("{:25}{}", "", "x".repeat(40));
        let folded = fold(&line, 20);
        assert_eq!(folded, format!("    {}\n    {}\n    {}", "x".repeat(16), "x".repeat(16), "x".repeat(8)));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_too_wide(
            text in "([a-zé]{0,30} {0,4}|\u{1b}\\[31m|\u{1b}\\[0m|\n){0,20}",
            width in 5_usize..100,
        ) {
            let folded = fold(&text, width);
            prop_assert!(folded.lines().all(|line| visible(line) <= width), "{:?}", folded);
            let dense = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(dense(&folded), dense(&text));
        }
    }
}
