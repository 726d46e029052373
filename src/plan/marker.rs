//! The marker: a tag on a group while a rollout of it is under way.
//!
//! It says what the group had before anything changed, so that a run that was killed can
//! be gone on with, or taken back, by anybody. It is set first and removed last.

use std::collections::BTreeMap;

use crate::model::{ImageId, Tracking};

/// The tag's key.
pub const MARKER_TAG: &str = "ami-refresh:rollout";

/// What a marker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The image that the rollout takes the group to.
    pub to: ImageId,
    /// The image that it had.
    pub from: ImageId,
    /// The template version that it had, resolved to a number.
    pub version: u64,
    /// How it named that version.
    pub tracking: Tracking,
    /// Whether the checks passed on the new image, as far as a step recorded it.
    pub checked: bool,
}

impl Marker {
    /// The tag's value, well under AWS's 256 characters.
    pub fn to_tag(&self) -> String {
        let tracking = match self.tracking {
            Tracking::Latest => "latest".to_owned(),
            Tracking::Default => "default".to_owned(),
            Tracking::Pinned(number) => number.to_string(),
        };
        let checked = if self.checked { " checks=passed" } else { "" };
        format!("to={} from={} version={} tracking={tracking}{checked}", self.to, self.from, self.version)
    }

    /// Reads the tag among a group's tags.
    ///
    /// # Errors
    /// The value, when there is a tag of this key that no version of this program wrote.
    pub fn of(tags: &BTreeMap<String, String>) -> Result<Option<Self>, String> {
        let Some(text) = tags.get(MARKER_TAG) else { return Ok(None) };
        Self::parse(text).map(Some).ok_or_else(|| text.clone())
    }

    fn parse(text: &str) -> Option<Self> {
        let parts: BTreeMap<&str, &str> = text.split(' ').filter_map(|part| part.split_once('=')).collect();
        let tracking = match *parts.get("tracking")? {
            "latest" => Tracking::Latest,
            "default" => Tracking::Default,
            number => Tracking::Pinned(number.parse().ok()?),
        };
        Some(Self {
            to: (*parts.get("to")?).into(),
            from: (*parts.get("from")?).into(),
            version: parts.get("version")?.parse().ok()?,
            tracking,
            checked: parts.get("checks") == Some(&"passed"),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_marker_survives_its_tag(version in 1_u64..100_000, floats in 0..3, checked: bool) {
            let tracking = [Tracking::Latest, Tracking::Default, Tracking::Pinned(version)][usize::try_from(floats).unwrap()];
            let marker = Marker { to: "ami-0abc1234def567890".into(), from: "ami-0abc1234".into(), version, tracking, checked };
            let tags = BTreeMap::from([(MARKER_TAG.to_owned(), marker.to_tag())]);
            prop_assert_eq!(Marker::of(&tags), Ok(Some(marker)));
        }
    }

    #[test]
    fn a_marker_that_cannot_be_read_is_not_taken_for_none() {
        assert_eq!(Marker::of(&BTreeMap::new()), Ok(None));
        let tags = BTreeMap::from([(MARKER_TAG.to_owned(), "to=ami-1".to_owned())]);
        assert_eq!(Marker::of(&tags), Err("to=ami-1".to_owned()));
    }
}
