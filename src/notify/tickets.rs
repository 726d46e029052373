//! Change tickets: one per environment, by a template of any JSON API.
//!
//! A ticket is found or opened when its environment begins, hears of failures, quarantine and
//! overridden freezes, and is closed at the end. What stays to be done is left open for the
//! run that goes on with it. Nothing here changes a verdict.

mod api;
mod due;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use self::api::Api;
use self::due::{Act, Kind, Stands, Ticket};
use self::words::Words;
use super::listener::Listener;
use super::post::Post;
use super::secrets::Secrets;
use super::story::Story;
use super::tally::{Inbox, Tally};
use crate::config::Tickets;
use crate::model::Problem;

/// As people are told who it is.
pub(super) const SINK: &str = "tickets";

/// The tickets of one run.
pub(super) struct TicketSink {
    tickets: Tickets,
    zone: TimeZone,
    api: Api,
}

/// What was done so far, by the environment's place in the story.
#[derive(Debug, Clone, Default)]
struct Done {
    of: Vec<Ticket>,
    /// What was told to be undelivered: once each.
    failed: BTreeSet<String>,
}

/// A ticket that is there now.
struct Opened {
    ticket: String,
    /// Whether an earlier run opened it.
    is_adopted: bool,
}

impl TicketSink {
    /// Reads the secrets of the headers.
    ///
    /// # Errors
    /// When one is missing.
    pub(super) fn new(
        tickets: &Tickets,
        zone: &TimeZone,
        secrets: Secrets,
        post: Post,
    ) -> Result<Self, Problem> {
        let api = Api::new(tickets, secrets, post)?;
        Ok(Self { tickets: tickets.clone(), zone: zone.clone(), api })
    }

    /// Does what is to be done, until no more events come and all is done.
    pub(super) async fn run(self, inbox: Inbox, tally: Tally) {
        let (mut listener, mut done) = (Listener::new(inbox, tally), Done::default());
        loop {
            let Some((place, act)) = self.next(&listener.story, &mut done) else {
                if !listener.is_open() {
                    return;
                }
                listener.hear(|story| self.waiting(story, &done, None)).await;
                continue;
            };
            let Some(words) = self.words(&listener.story, place, &act) else { continue };
            let still = |story: &Story| self.waiting(story, &done, Some(&act.what));
            let outcome = listener.meanwhile(self.act(&act, &words), still).await;
            if let Err(problem) = &outcome
                && done.failed.insert(act.what.clone())
            {
                listener.tally.failed(act.what.clone(), problem.clone());
            }
            if act.kind == Kind::Open {
                let ticket = &mut done.of[place];
                ticket.stands = match outcome {
                    Ok(Some(opened)) => {
                        ticket.is_adopted = opened.is_adopted;
                        Stands::Open(opened.ticket)
                    }
                    Ok(None) | Err(_) => Stands::Done,
                };
            }
        }
    }

    /// What the act's variables stand for, as things are now.
    fn words(&self, story: &Story, place: usize, act: &Act) -> Option<Words> {
        let ticket = match &act.kind {
            Kind::Open => "",
            Kind::Comment(ticket) | Kind::Close(ticket) => ticket.as_str(),
        };
        let said = (ticket, act.message.as_str(), act.text.as_str());
        Some(Words::of(story.facts()?, &story.environments()[place], &self.tickets, said))
    }

    /// Does it; an opening gives the ticket.
    async fn act(&self, act: &Act, words: &Words) -> Result<Option<Opened>, Problem> {
        match &act.kind {
            Kind::Open => {
                if let Some(ticket) = self.api.find(&act.what, words).await? {
                    return Ok(Some(Opened { ticket, is_adopted: true }));
                }
                let ticket = self.api.create(&act.what, words, &act.text).await?;
                Ok(Some(Opened { ticket, is_adopted: false }))
            }
            Kind::Comment(_) => self.api.comment(&act.what, words, &act.text).await.map(|()| None),
            Kind::Close(_) => self.api.close(&act.what, words, &act.text).await.map(|()| None),
        }
    }

    /// The next thing to do, and with which environment's ticket. It counts as done.
    fn next(&self, story: &Story, done: &mut Done) -> Option<(usize, Act)> {
        if !story.is_spoken_of() {
            return None;
        }
        let facts = story.facts()?;
        done.of.resize_with(story.environments().len(), Ticket::default);
        story.environments().iter().zip(&mut done.of).enumerate().find_map(
            |(place, (environment, ticket))| {
                let has_one = self.tickets.environments.contains(&environment.name);
                let act = has_one.then(|| ticket.next(facts, environment, &self.zone))??;
                Some((place, act))
            },
        )
    }

    /// What would be undone if the run's end waited no longer.
    fn waiting(&self, story: &Story, done: &Done, doing: Option<&String>) -> Vec<String> {
        let mut done = done.clone();
        let mut whats: Vec<String> = doing.into_iter().cloned().collect();
        while let Some((place, act)) = self.next(story, &mut done) {
            if act.kind == Kind::Open {
                done.of[place].stands = Stands::Open(String::new());
            }
            if !whats.contains(&act.what) {
                whats.push(act.what);
            }
        }
        whats
    }
}
