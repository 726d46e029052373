//! One gate's record, and how a tag holds it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// EC2's limit on a tag's value, in characters.
pub(super) const LIMIT: usize = 256;

/// What became of an image in an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It passed.
    Passed,
    /// A part of the environment is on it, proved; the rest was not due.
    Partial,
    /// It passed once, and somebody or a failed re-run took that back.
    Revoked,
    /// It failed.
    Failed,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "passed",
            Self::Partial => "partial",
            Self::Revoked => "revoked",
            Self::Failed => "failed",
        })
    }
}

/// A gate's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What became of the image.
    pub state: State,
    /// When.
    pub at: Timestamp,
    /// `14/14 build 812`, or who did it by hand and why.
    pub detail: String,
}

impl Record {
    /// Whether both say the same of the same moment: a tag knows whole seconds, and cuts details.
    pub fn is_same_as(&self, other: &Self) -> bool {
        (self.state, self.at.as_second()) == (other.state, other.at.as_second())
    }

    /// The tag's value: `passed 2026-11-23T15:41:07Z 14/14 build 812`.
    pub fn to_tag(&self) -> String {
        let at = Timestamp::from_second(self.at.as_second()).unwrap_or(self.at);
        let text = format!("{} {at} {}", self.state, clean(&self.detail));
        let text: String = text.chars().take(LIMIT).collect();
        text.trim_end().to_owned()
    }

    /// Reads a tag's value; `None` when somebody else wrote it.
    pub fn from_tag(text: &str) -> Option<Self> {
        let mut words = text.splitn(3, ' ');
        let state = match words.next()? {
            "passed" => State::Passed,
            "partial" => State::Partial,
            "revoked" => State::Revoked,
            "failed" => State::Failed,
            _ => return None,
        };
        let at = words.next()?.parse().ok()?;
        Some(Self { state, at, detail: words.next().unwrap_or_default().to_owned() })
    }
}

/// A reason as a tag holds it; `None` when nothing of it is left.
pub fn reason(text: &str) -> Option<String> {
    Some(clean(text)).filter(|text| text.chars().any(char::is_alphanumeric))
}

/// Keeps to the characters that every AWS service takes in tags; others become spaces.
pub(super) fn clean(text: &str) -> String {
    let keep = |c: char| if c.is_alphanumeric() || "+-=._:/@ ".contains(c) { c } else { ' ' };
    text.chars().map(keep).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_record_survives_its_tag(seconds in 0_i64..4_000_000_000, detail in ".{0,400}", state in 0..4) {
            let state = [State::Passed, State::Partial, State::Revoked, State::Failed][usize::try_from(state).unwrap()];
            let record = Record { state, at: Timestamp::from_second(seconds).unwrap(), detail };
            let tag = record.to_tag();
            prop_assert!(tag.chars().count() <= LIMIT);
            let read = Record::from_tag(&tag).unwrap();
            prop_assert_eq!((read.state, read.at), (record.state, record.at));
            prop_assert_eq!(read.to_tag(), tag);
        }
    }

    #[test]
    fn regression_a_detail_that_is_cut_at_a_space_survives() {
        // State, time and the blanks behind them take 28 characters.
        let detail = format!("{} y", "x".repeat(LIMIT - 28 - 1));
        let record = Record { state: State::Passed, at: Timestamp::UNIX_EPOCH, detail };
        let tag = record.to_tag();
        assert_eq!(tag.chars().count(), LIMIT - 1);
        assert_eq!(Record::from_tag(&tag).unwrap().to_tag(), tag);
    }

    #[test]
    fn a_reason_of_which_nothing_is_left_is_none() {
        for text in ["", " \t ", "!?", " - "] {
            assert_eq!(reason(text), None, "{text:?}");
        }
        assert_eq!(reason(" it panics! (INC0815)").as_deref(), Some("it panics INC0815"));
    }

    #[test]
    fn what_somebody_else_wrote_is_no_record() {
        for text in ["", "passed", "passed yesterday", "ok 2026-11-23T15:41:07Z"] {
            assert_eq!(Record::from_tag(text), None, "{text}");
        }
    }
}
