//! How tags hold what an image replaced.
//!
//! `ami-0aaa/ami-0bbb 0:q8Xw2cPPk1Zs 3Fa0-1:x81Lqe more`: the images that were replaced; then
//! for each pattern the groups, six letters each. A pattern is the place of the one image that all
//! overrides of a group named, or three letters for the overrides and a place, or `-`, for each.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::super::TAGS;
use super::super::shared::kept_free;
use super::{Before, LIMIT, MOST_TAGS, PREFIX, Replaced};
use crate::model::{EnvironmentName, ImageId};

/// What says that there were more groups.
const MORE: &str = "more";
/// What a tag says that is not needed any more.
const NOTHING: &str = "none";
/// How long a group's mark is.
const MARK: usize = 6;
/// How long the digest of a group's overrides is.
const SHAPE: usize = 3;
/// Of which digests are made, and places: all of them are allowed in tags.
const LETTERS: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/";

/// So many letters of a text's digest, ten at most.
pub(super) fn digest(text: &str, letters: usize) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let bits = digest.iter().take(8).fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
    (0..letters.min(10)).map(|at| letter((bits >> (58 - 6 * at)) & 63)).collect()
}

fn letter(at: u64) -> char {
    usize::try_from(at).ok().and_then(|at| LETTERS.get(at)).map_or('?', |letter| char::from(*letter))
}

fn place(letter: char) -> Option<usize> {
    LETTERS.iter().position(|known| char::from(*known) == letter)
}

pub(super) fn key(environment: &EnvironmentName, part: usize) -> String {
    if part == 0 { format!("{PREFIX}{environment}") } else { format!("{PREFIX}{environment}.{}", part + 1) }
}

/// One tag's value.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    images: Vec<ImageId>,
    /// The marks of the groups of each pattern, one behind the other.
    groups: BTreeMap<String, String>,
}

impl Part {
    /// The same with one group more; `None` when there is no room for it.
    fn with(&self, mark: &str, before: &Before) -> Option<Self> {
        let mut part = self.clone();
        let pattern = match before {
            Before::All(image) => part.place(image)?.to_string(),
            Before::Each { shape, images } => {
                let place = |image: &Option<ImageId>| match image {
                    Some(image) => part.place(image),
                    None => Some('-'),
                };
                format!("{shape}{}", images.iter().map(place).collect::<Option<String>>()?)
            }
        };
        part.groups.entry(pattern).or_default().push_str(mark);
        // One of them may have to say that there were more.
        (part.to_text().len() + 1 + MORE.len() <= LIMIT).then_some(part)
    }

    fn place(&mut self, image: &ImageId) -> Option<char> {
        let at = self.images.iter().position(|known| known == image).unwrap_or_else(|| {
            self.images.push(image.clone());
            self.images.len() - 1
        });
        (at < LETTERS.len()).then(|| letter(at as u64))
    }

    fn to_text(&self) -> String {
        let images: Vec<&str> = self.images.iter().map(ImageId::as_str).collect();
        let groups = self.groups.iter().map(|(pattern, marks)| format!(" {pattern}:{marks}"));
        images.join("/") + &groups.collect::<String>()
    }
}

impl Replaced {
    /// What an image's tags say of an environment.
    pub fn of(tags: &BTreeMap<String, String>, environment: &EnvironmentName) -> Self {
        let mut replaced = Self::default();
        for part in 0..MOST_TAGS {
            let Some(text) = tags.get(&key(environment, part)) else { continue };
            match parse(text) {
                Some((groups, more)) => {
                    replaced.more |= more;
                    for (mark, before) in groups {
                        replaced.insert(mark, before);
                    }
                }
                // Somebody else wrote it, or a later version of this program.
                None => replaced.more = true,
            }
        }
        replaced
    }

    /// The tags, so many at most: what was recorded first is in them, and of what there is no room
    /// for they say that there was more.
    pub fn to_tags(&self, environment: &EnvironmentName, most: usize) -> BTreeMap<String, String> {
        let (parts, without) = self.packed(most);
        let mut values: Vec<String> = parts.iter().map(Part::to_text).collect();
        if (self.more || !without.is_empty()) && most > 0 {
            match values.first_mut() {
                Some(first) => *first = format!("{first} {MORE}"),
                None => values.push(MORE.to_owned()),
            }
        }
        values.into_iter().enumerate().map(|(part, value)| (key(environment, part), value)).collect()
    }

    /// The values, and the marks of the groups that no tag has room for.
    pub(super) fn packed(&self, most: usize) -> (Vec<Part>, Vec<&str>) {
        let most = most.min(MOST_TAGS);
        let (mut parts, mut without): (Vec<Part>, _) = (Vec::new(), Vec::new());
        for (mark, before) in &self.groups {
            let fits = parts.iter().enumerate().find_map(|(at, part)| Some((at, part.with(mark, before)?)));
            match (fits, Part::default().with(mark, before)) {
                (Some((at, part)), _) => parts[at] = part,
                (None, Some(part)) if parts.len() < most => parts.push(part),
                (None, Some(_) | None) => without.push(mark.as_str()),
            }
        }
        (parts, without)
    }

    /// The tags, over those that an image has: one that is not needed any more says so. There are
    /// no more than leave room for a gate's record of each of `environments`, and for quarantine.
    pub fn to_tags_over<'e>(
        &self,
        there: &BTreeMap<String, String>,
        environment: &EnvironmentName,
        environments: impl IntoIterator<Item = &'e EnvironmentName>,
    ) -> BTreeMap<String, String> {
        let keys = || (0..MOST_TAGS).map(|part| key(environment, part));
        let own = keys().filter(|key| there.contains_key(key)).count();
        let room = TAGS.saturating_sub(there.len() + kept_free(there, environments));
        let mut tags = self.to_tags(environment, own + room);
        for key in keys().filter(|key| there.contains_key(key)) {
            tags.entry(key).or_insert_with(|| NOTHING.to_owned());
        }
        tags
    }
}

/// The groups' marks and what is recorded of each, and whether there were more.
fn parse(text: &str) -> Option<(Vec<(String, Before)>, bool)> {
    if text == NOTHING {
        return Some((Vec::new(), false));
    }
    let mut words: Vec<&str> = text.split(' ').collect();
    let more = words.last() == Some(&MORE);
    if more {
        words.pop();
    }
    let Some((images, patterns)) = words.split_first() else { return more.then(|| (Vec::new(), true)) };
    let images: Vec<ImageId> = images.split('/').map(ImageId::from).collect();
    if !images.iter().all(ImageId::is_well_formed) {
        return None;
    }
    let mut groups = Vec::new();
    for word in patterns {
        let (pattern, marks) = word.split_once(':')?;
        let before = before(pattern, &images)?;
        let letters: Vec<char> = marks.chars().collect();
        if letters.is_empty() || !letters.len().is_multiple_of(MARK) {
            return None;
        }
        groups.extend(letters.chunks(MARK).map(|mark| (mark.iter().collect(), before.clone())));
    }
    Some((groups, more))
}

fn before(pattern: &str, images: &[ImageId]) -> Option<Before> {
    let image = |letter: char| images.get(place(letter)?).cloned();
    let letters: Vec<char> = pattern.chars().collect();
    match letters.as_slice() {
        [only] => image(*only).map(Before::All),
        [..] if letters.len() > SHAPE => {
            let (shape, places) = letters.split_at(SHAPE);
            let one = |letter: &char| {
                if *letter == '-' { Some(None) } else { image(*letter).map(Some) }
            };
            let images = places.iter().map(one).collect::<Option<Vec<_>>>()?;
            Some(Before::Each { shape: shape.iter().collect(), images })
        }
        [..] => None,
    }
}
