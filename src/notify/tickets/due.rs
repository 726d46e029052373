//! What is still to be done with one environment's ticket. Pure.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use crate::model::Verdict;
use crate::notify::slack::texts::View;
use crate::notify::story::{Audience, Ended, EnvironmentStory, Facts, State};

/// A ticket, as far as it has come.
#[derive(Debug, Clone, Default)]
pub(super) struct Ticket {
    pub(super) stands: Stands,
    /// Whether an earlier run opened it: it hears that this one goes on.
    pub(super) is_adopted: bool,
    /// What was said in it: once each.
    said: BTreeSet<String>,
}

/// Where a ticket stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Stands {
    /// Nothing was asked for yet.
    #[default]
    None,
    /// It is there, by that name.
    Open(String),
    /// Nothing more is done with it: it is closed, left open, or could not be opened.
    Done,
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Act {
    pub(super) what: String,
    pub(super) kind: Kind,
    /// One line.
    pub(super) message: String,
    /// The same for people with time, in several lines.
    pub(super) text: String,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is found, or opened.
    Open,
    /// Something is said in it.
    Comment(String),
    /// It is closed.
    Close(String),
}

impl Ticket {
    /// The next thing to do. It counts as done.
    pub(super) fn next(
        &mut self,
        facts: &Facts,
        environment: &EnvironmentStory,
        zone: &TimeZone,
    ) -> Option<Act> {
        let name = &environment.name;
        let told = View { facts, environment, audience: &Audience::Everybody, zone };
        let ticket = match &self.stands {
            Stands::Done => return None,
            Stands::None => {
                if !environment.is_begun(&Audience::Everybody) {
                    return None;
                }
                let (message, text) = told.started().plain();
                return Some(Act { what: format!("ticket of {name}"), kind: Kind::Open, message, text });
            }
            Stands::Open(ticket) => ticket.clone(),
        };
        if self.is_adopted && self.said.insert("adopted".to_owned()) {
            let (message, text) = told.started().plain();
            let what = format!("comment on the ticket of {name}");
            return Some(Act { what, kind: Kind::Comment(ticket), message, text });
        }
        if let Some((once, message, text)) =
            news(&told).into_iter().find(|(once, ..)| !self.said.contains(once))
        {
            self.said.insert(once);
            let what = format!("comment on the ticket of {name}");
            return Some(Act { what, kind: Kind::Comment(ticket), message, text });
        }
        let ended = environment.ended.as_ref()?;
        self.stands = Stands::Done;
        if stays_open(environment, ended) {
            let message =
                format!("{}: the ticket stays open, and a later run goes on with it", ended.verdict);
            let text = format!("{message}\n{}", told.ended(ended).plain().1);
            let what = format!("comment on the ticket of {name}");
            return Some(Act { what, kind: Kind::Comment(ticket), message: above(&told, message), text });
        }
        let (message, text) = told.ended(ended).plain();
        let what = format!("closing of the ticket of {name}");
        Some(Act { what, kind: Kind::Close(ticket), message, text })
    }
}

/// What is said in a ticket when it happens: by what it is known, in one line, in several.
fn news(told: &View<'_>) -> Vec<(String, String, String)> {
    let environment = told.environment;
    let mut news = Vec::new();
    let mut say = |once: String, line: String| {
        let line = above(told, line);
        news.push((once, line.clone(), line));
    };
    for notice in told.notices() {
        let line = notice.reading();
        say(line.clone(), line);
    }
    if !told.facts.is_rollback() && !environment.failures(&Audience::Everybody).is_empty() {
        let (message, text) = told.failed().plain();
        news.push(("failure".to_owned(), message, text));
    }
    news
}

fn above(told: &View<'_>, line: String) -> String {
    match told.above() {
        Some(above) => format!("{}; {line}", above.reading()),
        None => line,
    }
}

/// Whether a later run goes on with what the ticket stands for.
fn stays_open(environment: &EnvironmentStory, ended: &Ended) -> bool {
    let left = || environment.groups(&Audience::Everybody).iter().any(|group| group.state == State::Left);
    match ended.verdict {
        Verdict::Aborted | Verdict::NotDue => true,
        Verdict::Partial => left(),
        Verdict::Passed
        | Verdict::Unproved
        | Verdict::Refused
        | Verdict::SetUp
        | Verdict::Unreachable
        | Verdict::RolledBack
        | Verdict::NeedsPerson
        | Verdict::NotReached => false,
    }
}
