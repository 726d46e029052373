//! Where Slack is spoken to, and who hears what there.

use std::collections::BTreeSet;

use crate::config::{Notify, SecretSource, SlackWay, TeamChannel};
use crate::notify::story::Audience;

/// One place in Slack, with what reaches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Channel {
    /// As people are told: `slack #payments-alerts`, `slack team payments`.
    pub(crate) sink: String,
    pub(super) way: Way,
    /// Where the configuration says how it is reached.
    pub(super) place: String,
}

/// What reaches a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// An incoming webhook, which knows its channel.
    Webhook(SecretSource),
    /// A bot's token, at this API, for the channel of this name.
    Bot {
        /// The token.
        token: SecretSource,
        /// The address of Slack's API.
        api: String,
        /// The channel's name without `#`, or its id.
        name: String,
    },
}

impl Way {
    /// How Slack wants the channel named.
    pub(super) fn address(name: &str) -> String {
        let is_id = name.len() >= 9
            && name.starts_with(['C', 'G', 'D'])
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if is_id { name.to_owned() } else { format!("#{name}") }
    }
}

/// The channel of everything; `None` when Slack is not used.
fn main_channel(notify: &Notify) -> Option<Channel> {
    let slack = notify.slack.as_ref()?;
    let sink = format!("slack #{}", slack.channel);
    let (way, key) = match &slack.way {
        SlackWay::Webhook(url) => (Way::Webhook(url.clone()), "webhook"),
        SlackWay::Token(token) => (bot(token, &slack.api, &slack.channel), TOKEN),
    };
    Some(Channel { sink, way, place: format!("notify.slack.{key}") })
}

/// The key of the bot's token.
const TOKEN: &str = "token";

fn bot(token: &SecretSource, api: &str, name: &str) -> Way {
    Way::Bot { token: token.clone(), api: api.trim_end_matches('/').to_owned(), name: name.to_owned() }
}

/// A team's own channel; `None` when it has none that can be reached.
fn of_team(notify: &Notify, team: &str) -> Option<Channel> {
    let slack = notify.slack.as_ref()?;
    match (notify.teams.channels.get(team)?, &slack.way) {
        (TeamChannel::Webhook(url), _) => {
            let place = format!("notify.teams.channels.{team}");
            Some(Channel { sink: format!("slack team {team}"), way: Way::Webhook(url.clone()), place })
        }
        (TeamChannel::Named(name), SlackWay::Token(token)) => {
            let place = format!("notify.slack.{TOKEN}");
            Some(Channel { sink: format!("slack #{name}"), way: bot(token, &slack.api, name), place })
        }
        // Without a bot a name reaches nobody: the channel of everything serves.
        (TeamChannel::Named(_), SlackWay::Webhook(_)) => None,
    }
}

/// Where a team is told: in its own channel, or else in the channel of everything.
pub(crate) fn resolve_audience(notify: &Notify, team: Option<&str>) -> Option<Channel> {
    team.and_then(|team| of_team(notify, team)).or_else(|| main_channel(notify))
}

/// Every channel with who is told there: the channel of everything first, each one once.
pub(super) fn channels(notify: &Notify) -> Vec<(Channel, Audience)> {
    let Some(main) = main_channel(notify) else { return Vec::new() };
    let mut own: Vec<(Channel, BTreeSet<String>)> = Vec::new();
    for team in notify.teams.channels.keys() {
        let Some(channel) = of_team(notify, team).filter(|channel| channel.way != main.way) else { continue };
        match own.iter_mut().find(|(known, _)| known.way == channel.way) {
            Some((_, teams)) => {
                teams.insert(team.clone());
            }
            None => own.push((channel, BTreeSet::from([team.clone()]))),
        }
    }
    let teams = own.into_iter().map(|(channel, teams)| (channel, Audience::Teams(teams)));
    std::iter::once((main, Audience::Everybody)).chain(teams).collect()
}
