//! Slack: teams hear of their groups in the words that they know, in few messages.
//!
//! Each channel is a sink of its own: it folds every event that has come into the run's
//! story, also while a message is under way, and says what the story holds and the channel
//! has not heard. So a slow one says less, and newer things. Nothing here changes a verdict.

mod api;
pub(crate) mod channel;
pub(super) mod lists;
pub(crate) mod message;
mod said;
mod speaker;
#[cfg(test)]
pub(super) mod stand_in;
#[cfg(test)]
mod tests;
pub(super) mod texts;

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use self::api::{Meaning, Posted, Refusal};
use self::channel::{Channel, Way, channels};
use self::said::{Said, Say};
use self::texts::View;
use super::listener::Listener;
use super::story::{Audience, Story};
use super::tally::{Inbox, Tally};
use crate::config::Notify;
use crate::model::Problem;

pub(crate) use self::speaker::Speaker;

/// One channel, for one run.
pub(super) struct SlackSink {
    view: ChannelView,
    speaker: Speaker,
}

/// A channel, and what is told there.
struct ChannelView {
    channel: Channel,
    audience: Audience,
    zone: TimeZone,
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
        });
        (name, sink)
    };
    channels(notify).into_iter().map(sink).collect()
}

impl SlackSink {
    /// Says what is to be said, until no more events come and all is said.
    pub(super) async fn run(self, inbox: Inbox, tally: Tally) {
        let Self { view, speaker } = self;
        let (mut listener, mut heard) = (Listener::new(inbox, tally), Heard::default());
        loop {
            let Some((place, say)) = next(&listener.story, &view, &mut heard) else {
                if !listener.is_open() {
                    return;
                }
                listener.hear(|story| waiting(story, &view, &heard, None)).await;
                continue;
            };
            let work = speaker.say(&view.channel, &say.what, &say.call, &say.message);
            let still = |story: &Story| waiting(story, &view, &heard, Some(&say.what));
            let said = listener.meanwhile(work, still).await;
            settle(&mut heard, place, say, said, &listener.tally);
            if view.is_bot() && listener.is_open() && !listener.story.is_over() {
                listener.meanwhile(speaker.pause(), |story| waiting(story, &view, &heard, None)).await;
            }
        }
    }
}

/// What would be undelivered if the run's end waited no longer: what is being sent, and more.
fn waiting(story: &Story, view: &ChannelView, heard: &Heard, sending: Option<&String>) -> Vec<String> {
    let mut heard = heard.clone();
    let mut whats: Vec<String> = sending.into_iter().cloned().collect();
    while let Some((place, say)) = next(story, view, &mut heard) {
        if say.is_parent {
            // As if it had been taken: what hangs on it is waiting too.
            heard.of[place].posted(Posted::default());
        }
        if !whats.contains(&say.what) {
            whats.push(say.what);
        }
    }
    whats
}

fn settle(heard: &mut Heard, place: usize, say: Say, said: Result<Option<Posted>, Refusal>, tally: &Tally) {
    match said {
        Ok(Some(posted)) if say.is_parent => heard.of[place].posted(posted),
        Ok(_) => {}
        Err(refusal) => {
            heard.dead |= refusal.meaning == Meaning::Lasting;
            if heard.failed.insert(say.what.clone()) {
                tally.failed(say.what, refusal.problem);
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
