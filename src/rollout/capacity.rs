//! What a group runs at a moment, and whether that is worth telling. Pure.

use std::collections::BTreeMap;

use crate::model::{Group, ImageId, Member};

/// A group of hundreds changes at every look: what moved by less than this part of it since it was
/// told is told with the next, …
const PART: u32 = 50;
/// … and more often than this not at all, but for its end.
const MOST: usize = 120;

/// What a group runs at a moment, in units of capacity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Capacity {
    pub(super) desired: u32,
    pub(super) in_service: u32,
    /// By image, whatever the state of the instances; those of which it is not known are left out.
    pub(super) images: BTreeMap<ImageId, u32>,
}

impl Capacity {
    /// What the group runs, as far as `image_of` tells.
    pub(super) fn of<'i>(group: &Group, image_of: impl Fn(&Member) -> Option<&'i ImageId>) -> Self {
        let mut images = BTreeMap::new();
        for member in &group.members {
            if let Some(image) = image_of(member) {
                *images.entry(image.clone()).or_insert(0) += member.weight;
            }
        }
        let in_service = group.in_service().map(|member| member.weight).sum();
        Self { desired: group.desired, in_service, images }
    }

    /// How much differs at most, of what serves or of an image.
    fn distance(&self, other: &Self) -> u32 {
        let count = |it: &Self, image: &ImageId| it.images.get(image).copied().unwrap_or(0);
        let images = self.images.keys().chain(other.images.keys());
        let most = images.map(|image| count(self, image).abs_diff(count(other, image))).max();
        most.unwrap_or(0).max(self.in_service.abs_diff(other.in_service))
    }
}

/// What was told of a group's capacity.
#[derive(Debug, Default)]
pub(super) struct ToldCapacity {
    last: Option<Capacity>,
    times: usize,
}

impl ToldCapacity {
    /// Whether nothing was told yet.
    pub(super) fn is_nothing(&self) -> bool {
        self.last.is_none()
    }

    /// Whether what is seen is to be told; notes it, if so. What a proof sees is told if it is
    /// another at all.
    pub(super) fn takes(&mut self, seen: &Capacity, proved: bool) -> bool {
        let is_news = match &self.last {
            None => true,
            Some(last) if proved || last.desired != seen.desired => last != seen,
            Some(last) => {
                let enough = (last.desired / PART).max(1);
                self.times < MOST && last.distance(seen) >= enough
            }
        };
        if is_news {
            self.last = Some(seen.clone());
            self.times += 1;
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(in_service: u32, old: u32, new: u32) -> Capacity {
        let images = [("ami-0", old), ("ami-1", new)];
        let images = images.into_iter().filter(|(_, count)| *count > 0);
        Capacity {
            desired: 4,
            in_service,
            images: images.map(|(id, count)| (ImageId::new(id), count)).collect(),
        }
    }

    #[test]
    fn what_is_the_same_as_before_is_told_once() {
        let mut told = ToldCapacity::default();
        assert!(told.takes(&capacity(4, 4, 0), false));
        assert!(!told.takes(&capacity(4, 4, 0), false));
        assert!(told.takes(&capacity(4, 4, 1), false), "one more is launched");
        assert!(told.takes(&capacity(3, 4, 1), false), "one serves no more");
        assert!(!told.takes(&capacity(3, 4, 1), true), "a proof tells nothing twice either");
    }

    #[test]
    fn a_large_group_is_told_by_parts_and_to_its_end() {
        let large = |new: u32| Capacity { desired: 1_000, ..capacity(1_000, 1_000 - new, new) };
        let mut told = ToldCapacity::default();
        let times = (0..=990).filter(|new| told.takes(&large(*new), false)).count();
        assert_eq!(times, 50, "every twentieth of a thousand");
        assert!(told.takes(&large(1_000), true), "the last ten are told by the proof");
    }

    #[test]
    fn what_goes_up_and_down_for_ever_is_not_told_for_ever() {
        let mut told = ToldCapacity::default();
        let times = (0..10_000).filter(|at| told.takes(&capacity(4 - at % 2, 4, 0), false)).count();
        assert_eq!(times, MOST);
        assert!(told.takes(&capacity(4, 0, 4), true), "but how it ended is");
    }
}
