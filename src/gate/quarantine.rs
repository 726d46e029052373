//! Quarantine: an image that must not go anywhere again, and how a tag holds that.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{LIMIT, clean};
use crate::model::{EnvironmentName, ImageId, Problem};

/// The tag's key.
pub const QUARANTINE_TAG: &str = "ami-refresh:quarantine";

/// Whether the image is in quarantine, since when, by whom and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// Whether it holds; `false` once somebody lifted it.
    pub holds: bool,
    /// Since when; `None` when somebody wrote the tag in a form of their own.
    pub at: Option<Timestamp>,
    /// Who, and why: `jane: kernel panics, INC0815`.
    pub detail: String,
}

impl Quarantine {
    /// A quarantine that holds (or was lifted, `holds: false`) since then, by whom and why.
    pub fn new(holds: bool, at: Timestamp, who: &str, why: &str) -> Self {
        Self { holds, at: Some(at), detail: format!("{who}: {why}") }
    }

    /// Who did it; empty when somebody wrote the tag in a form of their own.
    pub fn who(&self) -> &str {
        self.parts().0
    }

    /// Why.
    pub fn why(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        let parts = self.at.and_then(|_| self.detail.split_once(": "));
        parts.unwrap_or(("", &self.detail))
    }

    /// The tag's value: `quarantined 2026-11-23T15:41:07Z jane: kernel panics`.
    pub fn to_tag(&self) -> String {
        let state = if self.holds { "quarantined" } else { "lifted" };
        let at = self.at.and_then(|at| Timestamp::from_second(at.as_second()).ok());
        let at = at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let text = format!("{state} {at} {}", clean(&self.detail));
        let text: String = text.chars().take(LIMIT).collect();
        text.trim_end().to_owned()
    }

    /// What an image's tags say; `None` when it never was in quarantine.
    ///
    /// A value that this program did not write holds: somebody wanted the image stopped.
    pub fn of(tags: &BTreeMap<String, String>) -> Option<Self> {
        let text = tags.get(QUARANTINE_TAG)?;
        let mut words = text.splitn(3, ' ');
        let holds = match words.next() {
            Some("quarantined") => true,
            Some("lifted") => false,
            Some(_) | None => {
                return Some(Self { holds: true, at: None, detail: text.clone() });
            }
        };
        let at = words.next().and_then(|at| at.parse().ok());
        Some(Self { holds, at, detail: words.next().unwrap_or_default().to_owned() })
    }
}

/// Why an image that is in quarantine goes nowhere.
pub fn quarantined(
    image: &ImageId,
    quarantine: &Quarantine,
    environment: Option<&EnvironmentName>,
) -> Problem {
    let since = quarantine.at.map_or_else(String::new, |at| format!(" since {at}"));
    let back = environment.map_or_else(String::new, |environment| {
        format!("; groups that run it go back with 'ami-refresh rollback --env {environment} --to-previous'")
    });
    Problem::new(
        format!("image {image} is in quarantine{since}"),
        quarantine.detail.clone(),
        format!("build another, or 'ami-refresh quarantine lift {image} --reason \"…\"'{back}"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(tag: String) -> Option<Quarantine> {
        Quarantine::of(&BTreeMap::from([(QUARANTINE_TAG.to_owned(), tag)]))
    }

    proptest! {
        #[test]
        fn a_quarantine_survives_its_tag(seconds in 0_i64..4_000_000_000, detail in ".{0,400}", holds: bool) {
            let at = Timestamp::from_second(seconds).ok();
            let tag = Quarantine { holds, at, detail }.to_tag();
            prop_assert!(tag.chars().count() <= LIMIT);
            let found = read(tag.clone()).unwrap();
            prop_assert_eq!((found.holds, found.at), (holds, at));
            prop_assert_eq!(found.to_tag(), tag);
        }
    }

    #[test]
    fn who_and_why_are_told_apart_where_this_program_wrote_them() {
        let ours = Quarantine::new(true, Timestamp::UNIX_EPOCH, "jane", "it panics: INC0815");
        let shown = read(ours.to_tag()).unwrap();
        assert_eq!((shown.who(), shown.why()), ("jane", "it panics: INC0815"));
        let other = read("yes: since monday".to_owned()).unwrap();
        assert_eq!((other.who(), other.why()), ("", "yes: since monday"));
    }

    #[test]
    fn what_somebody_else_wrote_holds() {
        for text in ["", "yes", "true since monday"] {
            assert!(read(text.to_owned()).unwrap().holds, "{text}");
        }
        assert_eq!(Quarantine::of(&BTreeMap::new()), None);
    }
}
