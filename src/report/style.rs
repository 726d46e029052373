//! Colour, durations and counts as people read them.

use crate::event::Status;
use crate::model::Verdict;

/// What a piece of text is, and so its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    /// Headings.
    Bold,
    /// What matters less.
    Dim,
    /// Green.
    Good,
    /// Yellow.
    Odd,
    /// Red.
    Bad,
}

impl Style {
    /// The text in this style's colour, or as it is.
    pub(super) fn paint(self, text: &str, color: bool) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Odd => "33",
            Self::Bad => "31",
        };
        if color && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// The style of a verdict.
    pub(super) fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Passed | Verdict::Partial => Self::Good,
            Verdict::Unproved | Verdict::Refused | Verdict::Aborted => Self::Odd,
            Verdict::RolledBack | Verdict::NeedsPerson | Verdict::SetUp | Verdict::Unreachable => Self::Bad,
            Verdict::NotDue | Verdict::NotReached => Self::Dim,
        }
    }

    /// The style of a step's or check's status.
    pub(super) fn of_status(status: Status) -> Self {
        match status {
            Status::Passed => Self::Good,
            Status::Skipped => Self::Dim,
            Status::Failed | Status::Errored => Self::Bad,
        }
    }
}

/// `45s`, `12m 04s`, `3h 07m`, `2d 03h`: the two units that matter.
pub(crate) fn duration(ms: u64) -> String {
    let seconds = ms.saturating_add(500) / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {:02}s", seconds % 60),
        (0, _, _) => format!("{hours}h {:02}m", minutes % 60),
        (_, _, _) => format!("{days}d {:02}h", hours % 24),
    }
}

/// `1 group`, `3 groups`.
pub(crate) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Adds a line and its end.
pub(super) fn add_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// The text with every line indented by `by` blanks.
pub(super) fn indent(text: &str, by: usize) -> String {
    let mut indented = String::new();
    for line in text.lines() {
        add_line(&mut indented, &format!("{:by$}{line}", ""));
    }
    indented
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_shows_the_two_units_that_matter() {
        for (ms, text) in [
            (0, "0s"),
            (499, "0s"),
            (59_499, "59s"),
            (59_500, "1m 00s"),
            (724_000, "12m 04s"),
            (11_220_000, "3h 07m"),
            (183_600_000, "2d 03h"),
        ] {
            assert_eq!(duration(ms), text);
        }
        assert!(!duration(u64::MAX).is_empty());
    }
}
