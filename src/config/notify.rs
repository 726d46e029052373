//! Who is told of a rollout, and by which way: `notify`.
//!
//! Holds where secrets are, never one itself: one that is written directly is a mistake.

mod read;
mod secrets;
mod tickets;
mod variables;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub(super) use self::read::notify;
pub(super) use self::secrets::{hide, hide_marked, is_secret_header as is_secret_name, source};
use crate::model::EnvironmentName;

/// Who is told, and by which way.
#[derive(Debug, Clone)]
pub struct Notify {
    /// Slack, if it is used.
    pub slack: Option<Slack>,
    /// Everybody who gets every event as JSON.
    pub webhooks: Vec<Webhook>,
    /// Change tickets, if they are used.
    pub tickets: Option<Tickets>,
    /// Who owns which group.
    pub teams: Teams,
    /// How long the end of a run waits for what is not delivered yet.
    pub deadline: Duration,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            slack: None,
            webhooks: Vec::new(),
            tickets: None,
            teams: Teams::default(),
            deadline: Duration::from_secs(10),
        }
    }
}

/// Where a secret is read from when it is needed. Never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretSource {
    /// The environment variable of this name.
    Env(String),
    /// This file; blank space around it is cut off.
    File(PathBuf),
}

/// Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slack {
    /// The channel of everything, without `#`.
    pub channel: String,
    /// By which way.
    pub way: SlackWay,
    /// The address of its API, `https://slack.com/api`.
    pub api: String,
}

/// How Slack is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlackWay {
    /// An incoming webhook, whose address is the secret: one message per phase.
    Webhook(SecretSource),
    /// A bot's token: a message per environment that is kept up to date, its groups in its thread.
    Token(SecretSource),
}

/// Who owns which group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Teams {
    /// The key of the tag that names a group's team.
    pub tag: String,
    /// Where each team is told, by the tag's value.
    pub channels: BTreeMap<String, TeamChannel>,
}

impl Default for Teams {
    fn default() -> Self {
        Self { tag: "Team".to_owned(), channels: BTreeMap::new() }
    }
}

/// Where a team is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TeamChannel {
    /// In a channel of this name, by the bot.
    Named(String),
    /// By an incoming webhook of its own.
    Webhook(SecretSource),
}

/// Somebody who gets every event as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its address.
    pub url: SecretSource,
    /// What the events are signed with.
    pub secret: SecretSource,
}

/// Change tickets: one per environment, by a template of any JSON API.
#[derive(Debug, Clone)]
pub struct Tickets {
    /// The environments that get one.
    pub environments: Vec<EnvironmentName>,
    /// The headers of every call.
    pub headers: BTreeMap<String, HeaderValue>,
    /// Finds a ticket that an earlier run opened, by the variable `{key}`.
    pub find: Option<Call>,
    /// Opens one; its answer names the ticket.
    pub create: Call,
    /// Says something in it.
    pub comment: Option<Call>,
    /// Closes it.
    pub close: Call,
    /// What `{outcome}` stands for when the environment passed, and when it did not.
    pub outcomes: (String, String),
}

/// A header's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderValue {
    /// This text.
    Plain(String),
    /// A secret.
    Secret(SecretSource),
}

/// One call of a ticket's API, with variables in braces in its address and body.
#[derive(Debug, Clone)]
pub struct Call {
    /// `GET`, `POST`, `PUT` or `PATCH`.
    pub method: String,
    /// The address.
    pub url: String,
    /// The body; variables stand in its texts.
    pub body: Option<serde_json::Value>,
    /// Where the answer names the ticket.
    pub id: Option<serde_json_path::JsonPath>,
}
