//! Slack: teams hear of their groups in the words that they know, in few messages.
//!
//! [`SlackSink::tell`] folds an event into the run's story and returns at once. Each channel
//! works by itself ([`SlackSink::work`]): it says what the story holds and the channel has not
//! heard, so that a slow one says less and newer things. Nothing here changes a verdict.

mod api;
pub(crate) mod channel;
mod lists;
pub(crate) mod message;
mod said;
pub(crate) mod speaker;
#[cfg(test)]
mod tests;
mod texts;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::tz::TimeZone;
use tokio::sync::watch;

use self::api::Meaning;
use self::channel::{Channel, Way, channels};
use self::said::{Said, Say};
use self::speaker::Speaker;
use self::texts::View;
use super::story::{Audience, Story};
use crate::clock::Clock;
use crate::config::Notify;
use crate::event::{Event, Stamped};
use crate::model::Problem;

/// How long a bot waits after a call, so that the next one says more at once.
const SPACING: Duration = Duration::from_secs(1);

/// Gets an [`Event::NotDelivered`] for everything that a sink could not tell.
pub(crate) type Undelivered = Arc<dyn Fn(Event) + Send + Sync>;

/// Slack, for one run.
pub(crate) struct SlackSink {
    story: Mutex<Story>,
    zone: TimeZone,
    speaker: Speaker,
    clock: Clock,
    lanes: Vec<Lane>,
    news: watch::Sender<()>,
    undelivered: Undelivered,
}

/// One channel.
struct Lane {
    channel: Channel,
    audience: Audience,
    heard: Mutex<Heard>,
}

/// What a channel has heard.
#[derive(Debug, Clone, Default)]
struct Heard {
    /// By the environment's place in the story.
    of: Vec<Said>,
    /// What is being sent now.
    sending: Option<String>,
    /// What was told to be undelivered: once each.
    failed: BTreeSet<String>,
    /// Nothing gets through there any more.
    dead: bool,
}

impl SlackSink {
    /// The sink of a configuration; `None` when it does not use Slack.
    pub(crate) fn new(
        notify: &Notify,
        zone: TimeZone,
        (speaker, clock): (Speaker, Clock),
        undelivered: Undelivered,
    ) -> Option<Self> {
        let lanes = channels(notify).into_iter();
        let lanes: Vec<Lane> =
            lanes.map(|(channel, audience)| Lane { channel, audience, heard: Mutex::default() }).collect();
        if lanes.is_empty() {
            return None;
        }
        let (story, news) = (Mutex::default(), watch::Sender::new(()));
        Some(Self { story, zone, speaker, clock, lanes, news, undelivered })
    }

    /// Takes an event in. Never waits.
    pub(crate) fn tell(&self, event: &Stamped) {
        lock(&self.story).fold(event);
        self.news.send_replace(());
    }

    /// Nothing more comes: [`SlackSink::work`] ends when everything is said.
    pub(crate) fn end(&self) {
        lock(&self.story).end();
        self.news.send_replace(());
    }

    /// Says what is to be said in every channel until the run is over and all is said.
    pub(crate) async fn work(&self) {
        join_all(self.lanes.iter().map(|lane| self.speak(lane))).await;
    }

    /// What is not said yet: to whom, and what.
    pub(crate) fn pending(&self) -> Vec<(String, String)> {
        let mut pending = Vec::new();
        for lane in &self.lanes {
            let mut heard = lock(&lane.heard).clone();
            let sending = heard.sending.take();
            let mut whats: Vec<String> = sending.into_iter().collect();
            while let Some((place, say)) = self.next(lane, &mut heard) {
                if say.is_parent {
                    // As if it had been taken: what hangs on it is pending too.
                    let (channel, ts) = (String::new(), String::new());
                    heard.of[place].posted(api::Posted { channel, ts });
                }
                if !whats.contains(&say.what) {
                    whats.push(say.what);
                }
            }
            pending.extend(whats.into_iter().map(|what| (lane.channel.sink.clone(), what)));
        }
        pending
    }

    async fn speak(&self, lane: &Lane) {
        let mut news = self.news.subscribe();
        loop {
            news.mark_unchanged();
            loop {
                let say = self.next(lane, &mut lock(&lane.heard));
                let Some((place, say)) = say else { break };
                self.send(lane, place, say).await;
                let is_bot = matches!(lane.channel.way, Way::Bot { .. });
                if is_bot && !lock(&self.story).is_over() {
                    self.clock.sleep(SPACING).await;
                }
            }
            if lock(&self.story).is_over() || lock(&lane.heard).dead {
                return;
            }
            if news.changed().await.is_err() {
                return;
            }
        }
    }

    /// The next thing to say in the channel, and of which environment.
    fn next(&self, lane: &Lane, heard: &mut Heard) -> Option<(usize, Say)> {
        let story = lock(&self.story);
        if heard.dead || !story.is_spoken_of() {
            return None;
        }
        let facts = story.facts()?;
        heard.of.resize_with(story.environments().len(), Said::default);
        story.environments().iter().zip(&mut heard.of).enumerate().find_map(|(place, (environment, said))| {
            let view = View { facts, environment, audience: &lane.audience, zone: &self.zone };
            let say = match lane.channel.way {
                Way::Webhook(_) => said.next_by_webhook(&view),
                Way::Bot { .. } => said.next_by_bot(&view),
            };
            say.map(|say| (place, say))
        })
    }

    async fn send(&self, lane: &Lane, place: usize, say: Say) {
        lock(&lane.heard).sending = Some(say.what.clone());
        let said = self.speaker.say(&lane.channel, &say.what, &say.call, &say.message).await;
        let mut heard = lock(&lane.heard);
        heard.sending = None;
        match said {
            Ok(Some(posted)) if say.is_parent => heard.of[place].posted(posted),
            Ok(_) => {}
            Err(refusal) => {
                heard.dead |= refusal.meaning == Meaning::Lasting;
                if heard.failed.insert(say.what.clone()) {
                    drop(heard);
                    self.tell_undelivered(lane, say.what, refusal.problem);
                }
            }
        }
    }

    fn tell_undelivered(&self, lane: &Lane, what: String, problem: Problem) {
        (self.undelivered)(Event::NotDelivered { sink: lane.channel.sink.clone(), what, problem });
    }
}

/// The value, even where somebody panicked while holding it: it is only ever whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
