//! The marker: tags on a group while a rollout of it is under way.
//!
//! It says what the group had before anything changed, so that a run that was killed can
//! be gone on with, or taken back, by anybody. It is set first and removed last.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::model::{ImageId, Refresh, Tracking};

/// The tag's key.
pub const MARKER_TAG: &str = "ami-refresh:rollout";

/// The keys of the further tags of a group with a mixed instances policy: its images and its own
/// template, and its overrides.
const POLICY_TAG: &str = "ami-refresh:rollout-policy";
const OVERRIDES_TAG: &str = "ami-refresh:rollout-overrides";

/// Every key that a marker may have.
pub const MARKER_TAGS: [&str; 3] = [MARKER_TAG, POLICY_TAG, OVERRIDES_TAG];

/// What a tag's value can hold.
const ROOM: usize = 256;

/// What the tag says when checks passed after the refresh, and when they did but for those that
/// failed before it too.
const CHECKED: &str = " checks=passed";
const HELD: &str = " checks=held";

/// What the tag of the overrides says where there are none.
const NONE: &str = "none";

/// What a marker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The image that the rollout takes the group to: of several, the first.
    pub to: ImageId,
    /// The image that it had in that one's place.
    pub from: ImageId,
    /// The version that it had of its own template, or its policy's, resolved to a number.
    pub version: u64,
    /// How it named that version.
    pub tracking: Tracking,
    /// Whether the checks passed on the new image, as far as a step recorded it.
    pub checked: bool,
    /// When the group was last told what to launch and a refresh without a desired configuration
    /// was due, where AWS takes none; to the second.
    pub told: Option<Timestamp>,
    /// Which of the checks that are asked before a refresh failed then; `None` while none was asked.
    pub baseline: Option<Baseline>,
    /// What its mixed instances policy had, if it has one.
    pub slots: Option<Slots>,
}

/// The checks that failed before a group's refresh.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    /// Their names.
    pub failed: BTreeSet<String>,
    /// Whether more failed, for which the tag had no room: of any other check it is not known.
    pub more: bool,
    /// Whether its rollout ended well but for these: all other checks passed after it, and every
    /// instance was proved.
    pub holds: bool,
}

/// What a policy had, place by place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    /// The images that change, and what they become.
    pub pairs: Vec<(ImageId, ImageId)>,
    /// Its own template.
    pub own: SlotMark,
    /// Its overrides, in order.
    pub overrides: Vec<SlotMark>,
}

/// What one place of a policy had.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlotMark {
    /// The version of its template, how it was named, and which pair its image is of; no pair
    /// when it stays.
    pub template: Option<(u64, Tracking, Option<usize>)>,
    /// Which pair its own image is of, if it names one that changes.
    pub image: Option<usize>,
}

impl Marker {
    /// The tags: each key and value.
    pub fn to_tags(&self) -> Vec<(&'static str, String)> {
        let holds = self.baseline.as_ref().is_some_and(|baseline| baseline.holds);
        let checked = match (self.checked, holds) {
            (true, _) => CHECKED,
            (false, true) => HELD,
            (false, false) => "",
        };
        let told = self.told.map_or_else(String::new, |told| format!(" told={}", told.as_second()));
        let tracking = match self.tracking {
            Tracking::Latest => "latest".to_owned(),
            Tracking::Default => "default".to_owned(),
            Tracking::Pinned(number) => number.to_string(),
        };
        let mut main = format!(
            "to={} from={} version={} tracking={tracking}{checked}{told}",
            self.to, self.from, self.version
        );
        if let Some(baseline) = &self.baseline {
            // What is known from before must not become less by what is noted later.
            let room = (ROOM - CHECKED.len() + checked.len()).saturating_sub(main.len());
            main.push_str(&baseline.to_text(room));
        }
        let mut tags = vec![(MARKER_TAG, main)];
        if let Some(slots) = &self.slots {
            let (policy, overrides) = slots.to_tags();
            tags.extend([(POLICY_TAG, policy), (OVERRIDES_TAG, overrides)]);
        }
        tags
    }

    /// Whether a refresh that goes to what the group says is this rollout's: it began after the
    /// group was told. One that AWS shows to have begun before is somebody else's.
    pub fn began(&self, refresh: &Refresh) -> bool {
        // The clocks of AWS and of this machine may differ a little.
        let slack = SignedDuration::from_secs(60);
        let after = |(told, started): (Timestamp, Timestamp)| started + slack >= told;
        !refresh.has_desired && self.told.zip(refresh.started).is_some_and(after)
    }

    /// Whether its tags have room for it.
    pub fn fits(&self) -> bool {
        self.to_tags().iter().all(|(_, value)| value.len() <= ROOM)
    }

    /// Reads the tags among a group's tags.
    ///
    /// # Errors
    /// The value, when there is a tag of this key that no version of this program wrote.
    pub fn of(tags: &BTreeMap<String, String>) -> Result<Option<Self>, String> {
        let Some(text) = tags.get(MARKER_TAG) else { return Ok(None) };
        let mut marker = Self::parse(text).ok_or_else(|| text.clone())?;
        if let Some(text) = tags.get(POLICY_TAG) {
            let overrides = tags.get(OVERRIDES_TAG).map_or("", String::as_str);
            marker.slots = Some(Slots::parse(text, overrides).ok_or_else(|| format!("{text} {overrides}"))?);
        }
        Ok(Some(marker))
    }

    fn parse(text: &str) -> Option<Self> {
        let parts = parts(text);
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
            told: match parts.get("told") {
                Some(second) => Some(Timestamp::from_second(second.parse().ok()?).ok()?),
                None => None,
            },
            baseline: parts.get("baseline").map(|text| Baseline {
                holds: parts.get("checks") == Some(&"held"),
                ..Baseline::parse(text)
            }),
            slots: None,
        })
    }
}

impl Baseline {
    /// ` baseline=-`, ` baseline=app/queue`, ` baseline=app/+`: what is left has no room there.
    fn to_text(&self, room: usize) -> String {
        let mut text = " baseline=".to_owned();
        let mut more = self.more;
        for name in &self.failed {
            // Behind it there must be room for a sign that there are more.
            if text.len() + name.len() + "/+".len() > room {
                more = true;
                break;
            }
            text.push_str(name);
            text.push('/');
        }
        match (more, self.failed.is_empty()) {
            (true, _) => text.push('+'),
            (false, true) => text.push('-'),
            (false, false) => text.truncate(text.len() - 1),
        }
        text
    }

    fn parse(text: &str) -> Self {
        let names = text.split('/').filter(|name| !matches!(*name, "" | "-" | "+"));
        Self { failed: names.map(ToOwned::to_owned).collect(), more: text.ends_with('+'), holds: false }
    }
}

impl Slots {
    /// `pairs=ami-1:ami-2 own=6l0` and `4p0/-/i0`: within what tags of groups may hold.
    fn to_tags(&self) -> (String, String) {
        let pairs: Vec<String> = self.pairs.iter().map(|(from, to)| format!("{from}:{to}")).collect();
        let overrides: Vec<String> = self.overrides.iter().map(SlotMark::to_text).collect();
        // A tag's value may not be empty everywhere.
        let overrides = if overrides.is_empty() { NONE.to_owned() } else { overrides.join("/") };
        (format!("pairs={} own={}", pairs.join("/"), self.own.to_text()), overrides)
    }

    fn parse(policy: &str, overrides: &str) -> Option<Self> {
        let parts = parts(policy);
        let pair = |text: &str| {
            let (from, to) = text.split_once(':')?;
            Some((ImageId::from(from), ImageId::from(to)))
        };
        let pairs = parts.get("pairs")?.split('/').filter(|part| !part.is_empty());
        let overrides = if overrides == NONE { Vec::new() } else { overrides.split('/').collect() };
        let slots = Self {
            pairs: pairs.map(pair).collect::<Option<_>>()?,
            own: SlotMark::parse(parts.get("own")?)?,
            overrides: overrides.into_iter().map(SlotMark::parse).collect::<Option<_>>()?,
        };
        let known = |at: Option<usize>| at.is_none_or(|at| at < slots.pairs.len());
        let sound = |mark: &SlotMark| known(mark.image) && known(mark.template.and_then(|(.., pair)| pair));
        (slots.own.template.is_some() && sound(&slots.own) && slots.overrides.iter().all(sound))
            .then_some(slots)
    }
}

impl SlotMark {
    /// `6l0`: version 6, `$Latest`, the first pair; `4p`: version 4, pinned, it stays; `i0`: its own
    /// image, of the first pair; `-`: nothing of its own that changes.
    fn to_text(&self) -> String {
        let mut text = String::new();
        if let Some((version, tracking, pair)) = &self.template {
            let letter = match tracking {
                Tracking::Latest => 'l',
                Tracking::Default => 'd',
                Tracking::Pinned(_) => 'p',
            };
            let pair = pair.map_or_else(String::new, |pair| pair.to_string());
            text = format!("{version}{letter}{pair}");
        }
        if let Some(pair) = self.image {
            text = format!("{text}i{pair}");
        }
        if text.is_empty() { "-".to_owned() } else { text }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "-" {
            return Some(Self::default());
        }
        let (template, image) = match text.split_once('i') {
            Some((template, image)) => (template, Some(image.parse().ok()?)),
            None => (text, None),
        };
        if template.is_empty() {
            return image.map(|pair| Self { template: None, image: Some(pair) });
        }
        let at = template.find(['l', 'd', 'p'])?;
        let (version, rest) = template.split_at(at);
        let version: u64 = version.parse().ok()?;
        let tracking = match rest.get(..1)? {
            "l" => Tracking::Latest,
            "d" => Tracking::Default,
            _ => Tracking::Pinned(version),
        };
        let pair = match rest.get(1..)? {
            "" => None,
            number => Some(number.parse().ok()?),
        };
        Some(Self { template: Some((version, tracking, pair)), image })
    }
}

fn parts(text: &str) -> BTreeMap<&str, &str> {
    text.split(' ').filter_map(|part| part.split_once('=')).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trackings(version: u64) -> impl Strategy<Value = Tracking> {
        prop_oneof![Just(Tracking::Latest), Just(Tracking::Default), Just(Tracking::Pinned(version))]
    }

    fn slot(pairs: usize) -> impl Strategy<Value = SlotMark> {
        let template = (1_u64..10_000).prop_flat_map(move |version| {
            (Just(version), trackings(version), proptest::option::of(0..pairs))
        });
        (proptest::option::of(template), proptest::option::of(0..pairs))
            .prop_map(|(template, image)| SlotMark { template, image })
    }

    fn slots() -> impl Strategy<Value = Slots> {
        let own = (1_u64..10_000).prop_flat_map(|version| (Just(version), trackings(version), Just(Some(0))));
        (own, proptest::collection::vec(slot(2), 0..40)).prop_map(|(own, overrides)| Slots {
            pairs: vec![("ami-1".into(), "ami-2".into()), ("ami-3".into(), "ami-4".into())],
            own: SlotMark { template: Some(own), image: None },
            overrides,
        })
    }

    proptest! {
        #[test]
        fn a_marker_survives_its_tags(version in 1_u64..100_000, floats in 0..3, checked: bool, holds: bool, told in proptest::option::of(0_i64..4_000_000_000), failed in proptest::option::of(proptest::collection::btree_set("[a-z][a-z0-9-]{0,8}[a-z]", 0..4)), slots in proptest::option::of(slots())) {
            let tracking = [Tracking::Latest, Tracking::Default, Tracking::Pinned(version)][usize::try_from(floats).unwrap()];
            let marker = Marker { to: "ami-0abc1234def567890".into(), from: "ami-0abc1234".into(), version, tracking, checked, told: told.map(|told| Timestamp::from_second(told).unwrap()), baseline: failed.map(|failed| Baseline { failed, more: false, holds: holds && !checked }), slots };
            let tags = marker.to_tags().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            prop_assert_eq!(Marker::of(&tags), Ok(Some(marker)));
        }

        #[test]
        fn a_policy_of_one_family_and_two_architectures_has_room(overrides in proptest::collection::vec(slot(2), 0..20)) {
            let id = |digit: char| ImageId::from(format!("ami-{}", digit.to_string().repeat(17)));
            let slots = Slots {
                pairs: vec![(id('1'), id('2')), (id('3'), id('4'))],
                own: SlotMark { template: Some((9_999, Tracking::Latest, Some(1))), image: None },
                overrides,
            };
            let marker = Marker {
                to: id('2'), from: id('1'), version: 9_999, tracking: Tracking::Latest, checked: true, told: Some(Timestamp::UNIX_EPOCH), baseline: None, slots: Some(slots),
            };
            prop_assert!(marker.fits(), "{:?}", marker.to_tags());
        }
    }

    #[test]
    fn a_marker_that_cannot_be_read_is_not_taken_for_none() {
        assert_eq!(Marker::of(&BTreeMap::new()), Ok(None));
        let tags = BTreeMap::from([(MARKER_TAG.to_owned(), "to=ami-1".to_owned())]);
        assert_eq!(Marker::of(&tags), Err("to=ami-1".to_owned()));
        let bad = [
            ("", "-"),
            ("pairs=a:b own=6x", "-"),
            ("pairs=a:b own=-", "-"),
            ("pairs=a:b own=6l1", "-"),
            ("pairs=a:b own=6l0", ""),
        ];
        for (policy, overrides) in bad {
            let tags = [
                (MARKER_TAG, "to=a from=b version=1 tracking=latest"),
                (POLICY_TAG, policy),
                (OVERRIDES_TAG, overrides),
            ];
            let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
            assert_eq!(Marker::of(&tags.into()), Err(format!("{policy} {overrides}")));
        }
    }

    proptest! {
        #[test]
        fn what_failed_before_has_room_or_says_that_there_was_more(failed in proptest::collection::btree_set("[a-z][a-z0-9-]{0,38}[a-z]", 0..40)) {
            let id = |digit: char| ImageId::from(format!("ami-{}", digit.to_string().repeat(17)));
            let marker = Marker {
                to: id('2'), from: id('1'), version: 9_999, tracking: Tracking::Latest, checked: true, told: Some(Timestamp::UNIX_EPOCH),
                baseline: Some(Baseline { failed: failed.clone(), more: false, holds: false }), slots: None,
            };
            prop_assert!(marker.fits(), "{:?}", marker.to_tags());
            let tags = marker.to_tags().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            let read = Marker::of(&tags).unwrap().unwrap().baseline.unwrap();
            prop_assert!(read.failed.is_subset(&failed) && read.more == (read.failed.len() < failed.len()), "{read:?}");
        }
    }
}
