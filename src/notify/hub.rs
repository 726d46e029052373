//! Hands every event to every sink, and makes the run wait for none of them.
//!
//! A sink is a task with a queue. To add one: read its secrets in [`Notifier::start`], and
//! give [`Notifier::add`] what it does with its [`Inbox`]. Decides nothing about what is sent.

use std::fmt;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::post::{Outlet, Post};
use super::secrets::Secrets;
use super::slack::{self, Speaker};
use super::tally::{Inbox, Tally};
use super::tickets::{self, TicketSink};
use super::webhook::WebhookSink;
use crate::clock::Clock;
use crate::config::Fleet;
use crate::event::{Event, Stamped};
use crate::model::Problem;

/// How many events wait for a sink at most.
const QUEUE: usize = 10_000;

/// Something that somebody outside was not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// To whom: `slack #payments-alerts`, `webhook 1`. Never an address.
    pub sink: String,
    /// What: `start of qa`, `12 events`.
    pub what: String,
    /// Why not, and what to do about it.
    pub problem: Problem,
}

impl From<Undelivered> for Event {
    fn from(one: Undelivered) -> Self {
        Self::NotDelivered { sink: one.sink, what: one.what, problem: one.problem }
    }
}

/// Everybody outside who is told of a run.
pub struct Notifier {
    clock: Clock,
    post: Post,
    sinks: Vec<Sink>,
    /// Sinks that could not be begun.
    missing: Vec<Undelivered>,
}

/// A sink at work.
struct Sink {
    name: String,
    queue: mpsc::Sender<Stamped>,
    tally: Tally,
    task: JoinHandle<()>,
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.sinks.iter().map(|sink| sink.name.as_str()).collect();
        f.debug_struct("Notifier").field("sinks", &names).finish_non_exhaustive()
    }
}

impl Notifier {
    /// Begins every sink that the configuration names, on the runtime that it is called from.
    ///
    /// One whose secrets are missing is not begun; [`Notifier::finish`] tells of it.
    pub fn start(fleet: &Fleet, clock: Clock, outlet: Outlet) -> Self {
        let secrets = Secrets::of(&outlet);
        let post = Post::in_zone(clock, outlet, fleet.timezone.clone());
        let mut notifier = Self { clock, post, sinks: Vec::new(), missing: Vec::new() };
        for (index, webhook) in fleet.notify.webhooks.iter().enumerate() {
            let name = format!("webhook {}", index + 1);
            let sink = WebhookSink::new(&name, index, webhook, secrets, (notifier.post.clone(), clock));
            notifier.add(name, sink.map(|sink| |inbox, tally| sink.run(inbox, tally)));
        }
        let speaker = Speaker::new(notifier.post.clone(), clock, secrets);
        if let Some(tickets) = &fleet.notify.tickets {
            let sink = TicketSink::new(tickets, &fleet.timezone, secrets, notifier.post.clone());
            notifier.add(tickets::SINK.to_owned(), sink.map(|sink| |inbox, tally| sink.run(inbox, tally)));
        }
        for (name, sink) in slack::sinks(&fleet.notify, &fleet.timezone, &speaker) {
            notifier.add(name, sink.map(|sink| |inbox, tally| sink.run(inbox, tally)));
        }
        notifier
    }

    /// Begins a sink; one that is not `ready` is told as undelivered, and gets nothing.
    pub(super) fn add<W: Future<Output = ()> + Send + 'static>(
        &mut self,
        name: String,
        ready: Result<impl FnOnce(Inbox, Tally) -> W, Problem>,
    ) {
        let run = match ready {
            Ok(run) => run,
            Err(problem) => {
                let what = "everything".to_owned();
                return self.missing.push(Undelivered { sink: name, what, problem });
            }
        };
        let (queue, events) = mpsc::channel(QUEUE);
        let tally = Tally::default();
        let (work, ended) = (run(Inbox::new(events, tally.clone()), tally.clone()), tally.clone());
        let task = tokio::spawn(async move {
            work.await;
            ended.ended();
        });
        self.sinks.push(Sink { name, queue, tally, task });
    }

    /// Tells an event to every sink. Never waits and never fails: what finds no room is told
    /// by [`Notifier::finish`].
    pub fn tell(&self, event: &Stamped) {
        for sink in &self.sinks {
            sink.tally.told(sink.queue.try_send(event.clone()).is_ok());
        }
    }

    /// Waits until everybody is told, or `within` has passed; gives what was not delivered.
    pub async fn finish(self, within: Duration) -> Vec<Undelivered> {
        let clock = self.clock;
        self.finish_by(clock.sleep(within)).await
    }

    /// The same, until `over` comes: a signal, say.
    pub async fn finish_by(self, over: impl Future<Output = ()>) -> Vec<Undelivered> {
        let mut all = self.missing;
        let mut sinks = Vec::new();
        for Sink { name, queue, tally, task } in self.sinks {
            // That closes it: the sink works off what is in it, and ends.
            drop(queue);
            sinks.push((name, tally, task));
        }
        tokio::select! {
            biased;
            _ = join_all(sinks.iter_mut().map(|(_, _, task)| task)) => {}
            () = over => {}
        }
        for (name, tally, task) in sinks {
            let why = if task.is_finished() { broken() } else { late(self.post.trouble(&name)) };
            task.abort();
            all.extend(tally.undelivered(&name, &why));
        }
        all
    }
}

/// Why what was still waiting at the end was not delivered.
fn late(trouble: Option<Problem>) -> Problem {
    match trouble {
        Some(trouble) => Problem::new(
            trouble.what,
            "it was still being tried when the run's end waited no longer",
            trouble.next,
        ),
        None => Problem::new(
            "there was no time left",
            "the end of a run waits for what is not delivered yet, but no longer than `notify.deadline`",
            "look why its server is slow, or raise `notify.deadline`",
        ),
    }
}

fn broken() -> Problem {
    Problem::new(
        "the sink broke off",
        "this program did not expect it",
        "run it again with -v, and report what it says",
    )
}
