//! How much may still be put on the page, so that it stays small whatever the run held.

use std::cell::Cell;

use maud::Markup;

/// The most bytes of a page.
pub(super) const PAGE: usize = 1_850_000;

/// What is left of it. What matters most takes first.
#[derive(Debug)]
pub(super) struct Room {
    left: Cell<usize>,
}

impl Room {
    pub(super) fn new(bytes: usize) -> Self {
        Self { left: Cell::new(bytes) }
    }

    /// The markup if there is room for it, which is taken then.
    pub(super) fn take(&self, markup: Markup) -> Option<Markup> {
        let left = self.left.get().checked_sub(markup.0.len())?;
        self.left.set(left);
        Some(markup)
    }

    /// As many of these as there is room for, and how many had none.
    pub(super) fn take_all(&self, markups: impl Iterator<Item = Markup>) -> (Vec<Markup>, usize) {
        let (mut taken, mut left_out) = (Vec::new(), 0);
        for markup in markups {
            match self.take(markup).filter(|_| left_out == 0) {
                Some(markup) => taken.push(markup),
                None => left_out += 1,
            }
        }
        (taken, left_out)
    }
}

#[cfg(test)]
mod tests {
    use maud::PreEscaped;

    use super::*;

    #[test]
    fn what_has_no_room_is_counted() {
        let room = Room::new(10);
        let (taken, left_out) =
            room.take_all(["1234", "5678", "90ab", "c"].map(|one| PreEscaped(one.to_owned())).into_iter());
        assert_eq!((taken.len(), left_out), (2, 2));
    }
}
