//! Slack: teams hear of their groups in the words that they know, in few messages.
//!
//! Each channel is a sink of its own: it folds every event that has come into the run's
//! story, also while a message is under way, and says what the story holds and the channel
//! has not heard. So a slow one says less, and newer things. Nothing here changes a verdict.

mod api;
pub(crate) mod channel;
mod lists;
pub(crate) mod message;
mod said;
mod speaker;
#[cfg(test)]
pub(super) mod stand_in;
#[cfg(test)]
mod tests;
mod texts;

use std::collections::BTreeSet;
use std::pin::pin;

use jiff::tz::TimeZone;

use self::api::{Meaning, Posted, Refusal};
use self::channel::{Channel, Way, channels};
use self::said::{Said, Say};
use self::texts::View;
use super::story::{Audience, Story};
use super::tally::{Inbox, Tally};
use crate::config::Notify;
use crate::event::Stamped;
use crate::model::Problem;

pub(crate) use self::speaker::Speaker;

/// One channel, for one run.
pub(super) struct SlackSink {
    view: ChannelView,
    speaker: Speaker,
    story: Story,
    heard: Heard,
}

/// A channel, and what is told there.
struct ChannelView {
    channel: Channel,
    audience: Audience,
    zone: TimeZone,
}

/// Where the events come from, and where it is told what is not sent yet.
struct Queue<'a> {
    inbox: &'a mut Inbox,
    tally: &'a Tally,
    /// What is being sent now.
    sending: Option<String>,
    /// Whether more may come.
    is_open: bool,
}

/// What a channel has heard.
#[derive(Debug, Clone, Default)]
struct Heard {
    /// By the environment's place in the story.
    of: Vec<Said>,
    /// What was told to be undelivered: once each.
    failed: BTreeSet<String>,
    /// Nothing gets through there any more.
    dead: bool,
}

/// A sink for each channel of the configuration, with its name; one whose secret is not
/// there says why.
pub(super) fn sinks(
    notify: &Notify,
    zone: &TimeZone,
    speaker: &Speaker,
) -> Vec<(String, Result<SlackSink, Problem>)> {
    let sink = |(channel, audience): (Channel, Audience)| {
        let name = channel.sink.clone();
        let sink = speaker.can_reach(&channel).map(|()| SlackSink {
            view: ChannelView { channel, audience, zone: zone.clone() },
            speaker: speaker.clone(),
            story: Story::default(),
            heard: Heard::default(),
        });
        (name, sink)
    };
    channels(notify).into_iter().map(sink).collect()
}

impl SlackSink {
    /// Says what is to be said, until no more events come and all is said.
    pub(super) async fn run(mut self, mut inbox: Inbox, tally: Tally) {
        let mut queue = Queue { inbox: &mut inbox, tally: &tally, sending: None, is_open: true };
        loop {
            let Some((place, say)) = next(&self.story, &self.view, &mut self.heard) else {
                if !queue.is_open {
                    return;
                }
                let events = queue.inbox.drain().await;
                self.fold(&events, &mut queue);
                continue;
            };
            queue.sending = Some(say.what.clone());
            self.tell_waiting(&queue);
            let (speaker, channel) = (self.speaker.clone(), self.view.channel.clone());
            let work = speaker.say(&channel, &say.what, &say.call, &say.message);
            let said = self.meanwhile(work, &mut queue).await;
            queue.sending = None;
            self.settle(place, say, said, &tally);
            if self.view.is_bot() && queue.is_open && !self.story.is_over() {
                self.meanwhile(speaker.pause(), &mut queue).await;
            }
        }
    }

    /// Does that, and takes in what happens meanwhile.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>, queue: &mut Queue<'_>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                events = queue.inbox.drain(), if queue.is_open => self.fold(&events, queue),
            }
        }
    }

    fn fold(&mut self, events: &[Stamped], queue: &mut Queue<'_>) {
        if events.is_empty() {
            queue.is_open = false;
            self.story.end();
        }
        for event in events {
            self.story.fold(event);
        }
        self.tell_waiting(queue);
    }

    /// Says what would be undelivered if the run's end waited no longer.
    fn tell_waiting(&self, queue: &Queue<'_>) {
        let mut heard = self.heard.clone();
        let mut whats: Vec<String> = queue.sending.iter().cloned().collect();
        while let Some((place, say)) = next(&self.story, &self.view, &mut heard) {
            if say.is_parent {
                // As if it had been taken: what hangs on it is waiting too.
                heard.of[place].posted(Posted::default());
            }
            if !whats.contains(&say.what) {
                whats.push(say.what);
            }
        }
        queue.tally.waiting(whats);
    }

    fn settle(&mut self, place: usize, say: Say, said: Result<Option<Posted>, Refusal>, tally: &Tally) {
        match said {
            Ok(Some(posted)) if say.is_parent => self.heard.of[place].posted(posted),
            Ok(_) => {}
            Err(refusal) => {
                self.heard.dead |= refusal.meaning == Meaning::Lasting;
                if self.heard.failed.insert(say.what.clone()) {
                    tally.failed(say.what, refusal.problem);
                }
            }
        }
    }
}

impl ChannelView {
    fn is_bot(&self) -> bool {
        match self.channel.way {
            Way::Webhook(_) => false,
            Way::Bot { .. } => true,
        }
    }
}

/// The next thing to say in the channel, and of which environment. It counts as said.
fn next(story: &Story, to: &ChannelView, heard: &mut Heard) -> Option<(usize, Say)> {
    if heard.dead || !story.is_spoken_of() {
        return None;
    }
    let facts = story.facts()?;
    heard.of.resize_with(story.environments().len(), Said::default);
    story.environments().iter().zip(&mut heard.of).enumerate().find_map(|(place, (environment, said))| {
        let view = View { facts, environment, audience: &to.audience, zone: &to.zone };
        let say = if to.is_bot() { said.next_by_bot(&view) } else { said.next_by_webhook(&view) };
        say.map(|say| (place, say))
    })
}
