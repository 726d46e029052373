//! Hears a run's events for a sink that speaks from the story: also while it is busy.

use std::pin::pin;

use super::story::Story;
use super::tally::{Inbox, Tally};
use crate::event::Stamped;

/// The story of a run, as far as it was heard.
pub(super) struct Listener {
    pub(super) story: Story,
    pub(super) tally: Tally,
    inbox: Inbox,
    is_open: bool,
}

impl Listener {
    pub(super) fn new(inbox: Inbox, tally: Tally) -> Self {
        Self { story: Story::default(), tally, inbox, is_open: true }
    }

    /// Whether more may come.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Waits for news; `waiting` says what is to be sent because of them.
    pub(super) async fn hear(&mut self, waiting: impl Fn(&Story) -> Vec<String>) {
        let events = self.inbox.drain().await;
        self.fold(&events, &waiting);
    }

    /// Does the work, and takes in what happens meanwhile.
    pub(super) async fn meanwhile<T>(
        &mut self,
        work: impl Future<Output = T>,
        waiting: impl Fn(&Story) -> Vec<String>,
    ) -> T {
        let mut work = pin!(work);
        self.tally.waiting(waiting(&self.story));
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                events = self.inbox.drain(), if self.is_open => self.fold(&events, &waiting),
            }
        }
    }

    fn fold(&mut self, events: &[Stamped], waiting: &impl Fn(&Story) -> Vec<String>) {
        if events.is_empty() {
            self.is_open = false;
            self.story.end();
        }
        for event in events {
            self.story.fold(event);
        }
        self.tally.waiting(waiting(&self.story));
    }
}
