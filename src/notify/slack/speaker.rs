//! Sends one message to one channel, and says what became of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::api::{self, Call, Meaning, Posted, Refusal};
use super::channel::{Channel, Way};
use super::message::Message;
use crate::clock::Clock;
use crate::model::Problem;
use crate::notify::{Post, Secrets};

/// How often a message is sent that Slack does not want yet.
const TRIES: u32 = 3;

/// How long there is at least between two calls of a bot: Slack takes 50 changes a minute.
const SPACING: Duration = Duration::from_secs(2);

/// The longest that Slack may ask to wait before that.
const LONGEST: u64 = 300;

/// Sends messages to Slack; copies share what they send by.
#[derive(Debug, Clone)]
pub(crate) struct Speaker {
    post: Post,
    clock: Clock,
    secrets: Secrets,
    /// Numbers the messages of a rehearsal.
    sent: Arc<AtomicU64>,
}

impl Speaker {
    /// Nothing is read or sent yet.
    pub(crate) fn new(post: Post, clock: Clock, secrets: Secrets) -> Self {
        Self { post, clock, secrets, sent: Arc::default() }
    }

    /// Sends one message to one channel, whatever reaches it.
    ///
    /// # Errors
    /// Why it was not taken, and what to do about it.
    pub(crate) async fn announce(
        &self,
        channel: &Channel,
        what: &str,
        message: &Message,
    ) -> Result<(), Problem> {
        let said = self.say(channel, what, &Call::Post, message).await;
        said.map(drop).map_err(|refusal| refusal.problem)
    }

    /// Whether the secret that reaches the channel is there.
    pub(super) fn can_reach(&self, channel: &Channel) -> Result<(), Problem> {
        let source = match &channel.way {
            Way::Webhook(source) | Way::Bot { token: source, .. } => source,
        };
        self.secrets.read(source, &channel.place).map(drop)
    }

    /// Waits until Slack may be called again, so that one call says more.
    pub(super) async fn pause(&self) {
        self.clock.sleep(SPACING).await;
    }

    /// Sends a message; a webhook takes only new ones, and names none.
    pub(super) async fn say(
        &self,
        channel: &Channel,
        what: &str,
        call: &Call,
        message: &Message,
    ) -> Result<Option<Posted>, Refusal> {
        let mut tries = 0;
        loop {
            tries += 1;
            let refusal = match self.once(channel, what, call, message).await {
                Ok(posted) => return Ok(posted),
                Err(refusal) => refusal,
            };
            match refusal.meaning {
                Meaning::Again(after) if tries < TRIES => {
                    self.clock.sleep(Duration::from_secs(after.min(LONGEST))).await;
                }
                Meaning::Again(_) | Meaning::Once | Meaning::Lasting => return Err(refusal),
            }
        }
    }

    async fn once(
        &self,
        channel: &Channel,
        what: &str,
        call: &Call,
        message: &Message,
    ) -> Result<Option<Posted>, Refusal> {
        let sink = channel.sink.as_str();
        // A secret that can't be read now can't be read later either.
        let unread = |problem| Refusal { problem, meaning: Meaning::Lasting };
        match &channel.way {
            Way::Webhook(url) => {
                let url = self.secrets.read(url, &channel.place).map_err(unread)?;
                let request = api::to_webhook(url, sink, what, message);
                let answer = self.post.send(&request).await.map_err(api::not_sent)?;
                api::webhook_answer(&request, &answer).map(|()| None)
            }
            Way::Bot { token, api, name } => {
                let token = self.secrets.read(token, &channel.place).map_err(unread)?;
                let number = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
                let request = api::to_bot((&token, api, name), (sink, what), (call, message), number);
                let answer = self.post.send(&request).await.map_err(api::not_sent)?;
                api::bot_answer(&request, &answer).map(Some)
            }
        }
    }
}
