//! What was told, in as few characters as a tag has room for.
//!
//! A tag's value is a stamp and sections, with a blank between: `v1.5 kq3xk:AbCdEfGhI…`. The stamp
//! counts up: the values of the highest one are what holds, whatever older images still carry.
//! A section is an opening in minutes, in base 36, and what was told of it: nine characters
//! for each channel, five that stand for the channel and four for its groups.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Place;

/// EC2's limit on a tag's value, in characters.
pub(super) const LIMIT: usize = 256;
/// What a value begins with, before its stamp.
const FORM: &str = "v1.";
/// 2020-01-01T00:00:00Z, in minutes: openings are counted from there.
const EPOCH: i64 = 26_297_280;
/// Six bits a character, and none that a tag may not hold.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// The characters that stand for a channel, and for a set of groups.
const WIDTHS: (usize, usize) = (5, 4);

/// What a channel was told: that a window opens then, and takes these groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// When it opens, in minutes.
    pub(super) opens: Minute,
    /// Who was told.
    pub(super) who: Mark,
    /// Of which groups.
    pub(super) groups: Mark,
}

/// A minute since 2020.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Minute(u32);

/// A few characters that stand for something longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark(u32);

/// What was told of one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// How often it was written.
    pub(super) stamp: u64,
    /// What was told.
    pub(super) entries: BTreeSet<Entry>,
}

impl Minute {
    /// The minute that a moment lies in.
    pub(super) fn of(at: Timestamp) -> Self {
        let minutes = at.as_second().div_euclid(60) - EPOCH;
        Self(u32::try_from(minutes.max(0)).unwrap_or(u32::MAX))
    }

    /// Its first moment.
    pub(super) fn moment(self) -> Timestamp {
        Timestamp::from_second((i64::from(self.0) + EPOCH) * 60).unwrap_or(Timestamp::MAX)
    }
}

impl Mark {
    /// What stands for a channel in an environment.
    pub(super) fn of_channel(sink: &str, environment: &str) -> Self {
        Self::of([sink, environment].into_iter(), WIDTHS.0)
    }

    /// What stands for a set of groups.
    pub(super) fn of_groups(groups: &BTreeSet<Place>) -> Self {
        let names = groups.iter().flat_map(|place| [place.region.as_str(), place.group.as_str()]);
        Self::of(names, WIDTHS.1)
    }

    fn of<'t>(texts: impl Iterator<Item = &'t str>, width: usize) -> Self {
        let mut hash = Sha256::new();
        for text in texts {
            hash.update(text.as_bytes());
            // So that two texts never look like two others.
            hash.update([0]);
        }
        let bytes = hash.finalize();
        let number = bytes.iter().take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        Self(number >> (32 - 6 * width))
    }

    fn write(self, width: usize, text: &mut String) {
        for place in (0..width).rev() {
            let digit = self.0 >> (6 * place) & 63;
            text.push(char::from(ALPHABET[digit as usize]));
        }
    }

    fn read(text: &[u8]) -> Option<Self> {
        let digits = text.iter().map(|byte| ALPHABET.iter().position(|known| known == byte));
        let number = digits
            .map(|digit| u32::try_from(digit?).ok())
            .try_fold(0_u32, |number, digit| Some(number << 6 | digit?))?;
        Some(Self(number))
    }
}

impl Memory {
    /// The values of the tags that hold it: at least one.
    pub(super) fn write(&self) -> Vec<String> {
        let begin = || format!("{FORM}{}", base36(self.stamp));
        let mut values = vec![begin()];
        let mut open = None;
        for entry in &self.entries {
            let section = format!(" {}:", base36(entry.opens.0.into()));
            let mut told = String::new();
            entry.who.write(WIDTHS.0, &mut told);
            entry.groups.write(WIDTHS.1, &mut told);
            let last = values.last().map_or(0, String::len);
            let begins = if open == Some(entry.opens) { 0 } else { section.len() };
            if last + begins + told.len() > LIMIT {
                values.push(begin());
                open = None;
            }
            if let Some(value) = values.last_mut() {
                if open != Some(entry.opens) {
                    value.push_str(&section);
                }
                value.push_str(&told);
            }
            open = Some(entry.opens);
        }
        values
    }

    /// Reads the values of an environment's tags, of all images: the newest count. What can't
    /// be read was never told.
    pub(super) fn read<'v>(values: impl IntoIterator<Item = &'v str>) -> Self {
        let mut by_stamp: BTreeMap<u64, BTreeSet<Entry>> = BTreeMap::new();
        for value in values {
            let mut words = value.split(' ');
            let stamp = words.next().and_then(|stamp| stamp.strip_prefix(FORM));
            let stamp = stamp.and_then(|stamp| u64::from_str_radix(stamp, 36).ok());
            // One that somebody else wrote must not pass for the newest.
            if let (Some(stamp), Some(sections)) = (stamp, words.map(section).collect::<Option<Vec<_>>>()) {
                by_stamp.entry(stamp).or_default().extend(sections.into_iter().flatten());
            }
        }
        by_stamp.pop_last().map_or_else(Self::default, |(stamp, entries)| Self { stamp, entries })
    }

    /// Leaves out every window that has opened by then.
    pub(super) fn without_past(mut self, now: Timestamp) -> Self {
        self.entries.retain(|entry| entry.opens > Minute::of(now));
        self
    }
}

/// The entries of `kq3xk:AbCdEfGhI…`.
fn section(text: &str) -> Option<Vec<Entry>> {
    let (opens, told) = text.split_once(':')?;
    let opens = Minute(u32::from_str_radix(opens, 36).ok()?);
    let told = told.as_bytes().chunks(WIDTHS.0 + WIDTHS.1);
    let entry = |told: &[u8]| {
        let (who, groups) = told.split_at_checked(WIDTHS.0).filter(|(_, groups)| groups.len() == WIDTHS.1)?;
        Some(Entry { opens, who: Mark::read(who)?, groups: Mark::read(groups)? })
    };
    told.map(entry).collect()
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(number % 36).unwrap_or(0);
        digits.extend(char::from_digit(digit, 36));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}
