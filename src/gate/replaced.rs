//! What an image replaced in overrides that name images themselves: pure.
//!
//! A template's version remembers what it came from; such an override has no such place. So the
//! image that was put there remembers it, for each group of an environment: [`Replaced`]. How tags
//! hold that is in `tags`. Nothing here guesses: what was not recorded is `None`.

mod tags;

use super::record::LIMIT;
use crate::model::{GroupName, ImageId, PolicyOverride};

/// What the tags' keys begin with; the environment's name follows, and `.2`, `.3`, … of more.
pub(super) const PREFIX: &str = "ami-refresh:replaced/";
/// How many tags there are at most for one environment on one image.
pub const MOST_TAGS: usize = 4;

/// What the overrides of one group that name an image named before it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Before {
    /// All of them the same image; this very one, where they named it already.
    All(ImageId),
    /// Each its own, in the policy's order.
    Each {
        /// A digest of these overrides: with others in their place nothing is recorded.
        shape: String,
        /// What each named; `None` where it named the image already.
        images: Vec<Option<ImageId>>,
    },
}

impl Before {
    /// What is to be recorded of overrides that name `to`: each, and what it named before, which
    /// may be the same. `None` when there are none.
    pub fn of(overrides: &[(&PolicyOverride, &ImageId)], to: &ImageId) -> Option<Self> {
        let (_, first) = overrides.first()?;
        if overrides.iter().all(|(_, from)| from == first) {
            return Some(Self::All((*first).clone()));
        }
        let shape = shape(overrides.iter().map(|(one, _)| *one));
        let changed = |from: &ImageId| Some(from).filter(|from| *from != to).cloned();
        Some(Self::Each { shape, images: overrides.iter().map(|(_, from)| changed(from)).collect() })
    }

    /// What each of the overrides that name `to` now named before, in their order; `None` when they
    /// are not those of which it was recorded.
    pub fn images(&self, overrides: &[&PolicyOverride], to: &ImageId) -> Option<Vec<ImageId>> {
        match self {
            Self::All(image) => Some(vec![image.clone(); overrides.len()]),
            Self::Each { shape: recorded, images } => {
                let same = images.len() == overrides.len() && *recorded == shape(overrides.iter().copied());
                let image = |image: &Option<ImageId>| image.clone().unwrap_or_else(|| to.clone());
                same.then(|| images.iter().map(image).collect())
            }
        }
    }

    /// Whether the overrides of a group are what they were before: those that named `to` already
    /// name it, and what else is recorded is named too.
    pub fn is_back<'o>(&self, overrides: impl Iterator<Item = &'o ImageId>, to: &ImageId) -> bool {
        let Self::Each { images, .. } = self else { return false };
        let now: Vec<&ImageId> = overrides.collect();
        let staying = images.iter().filter(|image| image.is_none()).count();
        let on_it = now.iter().filter(|image| **image == to).count();
        on_it == staying && images.iter().flatten().all(|image| now.contains(&image))
    }

    /// The images that it names.
    pub fn named(&self) -> Vec<&ImageId> {
        match self {
            Self::All(all) => vec![all],
            Self::Each { images, .. } => images.iter().flatten().collect(),
        }
    }
}

/// What one image replaced in the overrides of an environment's groups, in its region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replaced {
    /// By the group's mark, in the order in which they were recorded.
    groups: Vec<(String, Before)>,
    /// Whether there were more groups than are recorded, or something that can't be read.
    pub more: bool,
}

impl Replaced {
    /// What is recorded of a group.
    pub fn of_group(&self, group: &GroupName) -> Option<&Before> {
        let mark = mark(group);
        self.groups.iter().find(|(known, _)| *known == mark).map(|(_, before)| before)
    }

    /// Records a group, over what was recorded of it.
    pub fn record(&mut self, group: &GroupName, before: Before) {
        self.insert(mark(group), before);
    }

    fn insert(&mut self, mark: String, before: Before) {
        match self.groups.iter_mut().find(|(known, _)| *known == mark) {
            Some((_, known)) => *known = before,
            None => self.groups.push((mark, before)),
        }
    }
}

/// Which of these groups there is no room for in so many tags, when they are recorded in this order.
pub fn without_room<'g>(
    groups: impl IntoIterator<Item = (&'g GroupName, Before)>,
    tags: usize,
) -> Vec<&'g GroupName> {
    let mut replaced = Replaced::default();
    let mut names = Vec::new();
    for (group, before) in groups {
        replaced.record(group, before);
        names.push(group);
    }
    let (_, without) = replaced.packed(tags);
    names.into_iter().filter(|group| without.contains(&mark(group).as_str())).collect()
}

/// Six letters of a digest: 36 bits, so that a group that was not recorded is not taken for one
/// that was.
fn mark(group: &GroupName) -> String {
    tags::digest(group.as_str(), 6)
}

/// Three letters of a digest of what overrides are, images and versions aside.
fn shape<'o>(overrides: impl Iterator<Item = &'o PolicyOverride>) -> String {
    let one = |one: &PolicyOverride| {
        let template = one.template.as_ref().map_or("", |template| template.id.as_str());
        format!("{} {} {template}\n", one.label(), one.weight)
    };
    tags::digest(&overrides.map(one).collect::<String>(), 3)
}

#[cfg(test)]
mod tests;
