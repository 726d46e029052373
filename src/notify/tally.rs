//! What became of a sink's events, kept outside of its task: it is told even when the task
//! is cut off in the middle.

use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use super::hub::Undelivered;
use super::post::locked;
use crate::event::Stamped;
use crate::model::Problem;

/// What a sink could not deliver so far, and what it still has to; copies share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Events that were queued, …
    told: u64,
    /// … those the sink is done with, …
    settled: u64,
    /// … and those that found the queue full.
    overflow: u64,
    /// Events that were given up, and why the latest was.
    lost: u64,
    why_lost: Option<Problem>,
    failed: Vec<(String, Problem)>,
    waiting: Vec<String>,
    /// Whether the sink came to its end by itself.
    ended: bool,
}

impl Tally {
    /// An event was given up.
    pub(super) fn event_lost(&self, problem: Problem) {
        let mut state = locked(&self.state);
        state.lost += 1;
        state.why_lost = Some(problem);
    }

    /// A message was given up: `start of qa`.
    pub(super) fn failed(&self, what: impl Into<String>, problem: Problem) {
        locked(&self.state).failed.push((what.into(), problem));
    }

    /// The messages that are to be sent yet, in place of those that were named before.
    pub(super) fn waiting(&self, what: Vec<String>) {
        locked(&self.state).waiting = what;
    }

    /// An event was queued, or found no room.
    pub(super) fn told(&self, has_room: bool) {
        let mut state = locked(&self.state);
        if has_room {
            state.told += 1;
        } else {
            state.overflow += 1;
        }
    }

    /// The sink has nothing more to do.
    pub(super) fn ended(&self) {
        locked(&self.state).ended = true;
    }

    fn settle(&self, events: usize) {
        locked(&self.state).settled += events as u64;
    }

    /// Everything that was not delivered; `late` is why what was still waiting was not.
    pub(super) fn undelivered(&self, sink: &str, late: &Problem) -> Vec<Undelivered> {
        let state = locked(&self.state);
        let mut all = state.failed.clone();
        let mut left = if state.ended { 0 } else { state.told - state.settled };
        if let (1.., Some(why)) = (state.lost, &state.why_lost) {
            // Those that were given up and those that still wait are one when it is for one reason.
            let same = if why.what == late.what { std::mem::take(&mut left) } else { 0 };
            all.push((events(state.lost + same), why.clone()));
        }
        if state.overflow > 0 {
            let problem = Problem::new(
                "more events came than it could take",
                "its queue was full, and a rollout waits for nobody",
                "look why its server is slow",
            );
            all.push((events(state.overflow), problem));
        }
        if !state.ended {
            all.extend(state.waiting.iter().map(|what| (what.clone(), late.clone())));
        }
        if left > 0 {
            all.push((events(left), late.clone()));
        }
        let entry = |(what, problem)| Undelivered { sink: sink.to_owned(), what, problem };
        all.into_iter().map(entry).collect()
    }
}

fn events(count: u64) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
}

/// The queue of a sink, as the sink sees it.
#[derive(Debug)]
pub(super) struct Inbox {
    queue: mpsc::Receiver<Stamped>,
    tally: Tally,
    /// How many events were given and are not settled.
    open: usize,
}

impl Inbox {
    pub(super) fn new(queue: mpsc::Receiver<Stamped>, tally: Tally) -> Self {
        Self { queue, tally, open: 0 }
    }

    /// Waits for an event; `None` when no more come. The one before counts as done with.
    pub(super) async fn next(&mut self) -> Option<Stamped> {
        self.settle();
        let event = self.queue.recv().await;
        self.open = usize::from(event.is_some());
        event
    }

    /// Waits until there is an event, and takes all there are; empty when no more come. Those
    /// before count as done with: what is to be sent because of them is told by
    /// [`Tally::waiting`].
    pub(super) async fn drain(&mut self) -> Vec<Stamped> {
        self.settle();
        let mut events = Vec::new();
        self.open = self.queue.recv_many(&mut events, usize::MAX).await;
        events
    }

    fn settle(&mut self) {
        self.tally.settle(std::mem::take(&mut self.open));
    }
}
