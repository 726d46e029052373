//! Reads `notify`: the deadline, Slack, teams, webhooks.

use std::collections::BTreeMap;
use std::time::Duration;

use super::secrets::source;
use super::tickets::{tickets, whole_url};
use super::{Notify, Slack, SlackWay, TeamChannel, Teams, Webhook};
use crate::config::fleet::Environment;
use crate::config::reader::{Map, Node};
use crate::config::scalars::duration;
use crate::config::tree::Value;

const SLACK: &str = "https://slack.com/api";
/// The longest name that Slack gives a channel.
const LONGEST_CHANNEL: usize = 80;
const SHORTEST_DEADLINE: Duration = Duration::from_secs(1);
const LONGEST_DEADLINE: Duration = Duration::from_secs(300);

/// `notify`; what can't be read is reported, and left out.
pub(in crate::config) fn notify(node: Node<'_>, environments: &[Environment]) -> Notify {
    let mut read = Notify::default();
    let Some(mut map) = node.map() else { return read };
    let deadline = map.optional("deadline").map(|node| duration(node, SHORTEST_DEADLINE, LONGEST_DEADLINE));
    read.deadline = deadline.flatten().unwrap_or(read.deadline);
    let slack = map.optional("slack");
    read.slack = slack.and_then(self::slack);
    if let Some(node) = map.optional("teams") {
        read.teams = teams(node, read.slack.as_ref()).unwrap_or_default();
        if slack.is_none() {
            let hint = "add `slack: …` to `notify`, or leave `teams` out".to_owned();
            node.wrong_key("`teams` are told by Slack, and there is no `slack`", Some(hint));
        }
    }
    if let Some(node) = map.optional("webhooks") {
        read.webhooks = node.list().into_iter().filter_map(webhook).collect();
    }
    read.tickets = map.optional("tickets").and_then(|node| tickets(node, environments));
    map.finish();
    read
}

fn slack(node: Node<'_>) -> Option<Slack> {
    let mut map = node.map()?;
    let channel = map.required("channel").and_then(channel);
    let api = map.optional("api").map_or_else(|| Some(SLACK.to_owned()), api);
    let way = way(&mut map);
    Some(Slack { channel: channel?, way: way?, api: api? })
}

/// Finishes the mapping, too: an unknown key may be a misspelt way.
fn way(map: &mut Map<'_>) -> Option<SlackWay> {
    let node = map.node();
    let (webhook, token) = (map.optional("webhook"), map.optional("token"));
    let clean = map.finish();
    match (webhook, token) {
        (Some(webhook), None) => source(webhook).map(SlackWay::Webhook),
        (None, Some(token)) => source(token).map(SlackWay::Token),
        (Some(webhook), Some(token)) => {
            source(webhook);
            source(token);
            token.wrong_key("`slack` has both `webhook` and `token`", Some("leave one out".to_owned()));
            None
        }
        (None, None) => {
            if clean {
                let hint = "add `webhook: { env: NAME }` or `token: { env: NAME }`".to_owned();
                node.wrong_key("`slack` says no way to reach it", Some(hint));
            }
            None
        }
    }
}

/// The name or the id of a channel, without `#`.
fn channel(node: Node<'_>) -> Option<String> {
    if let Value::Null = node.value() {
        let hint = "in YAML, `#` begins a comment: leave it out";
        node.wrong_key(format!("{} is empty", node.called()), Some(hint.to_owned()));
        return None;
    }
    let text = node.text()?;
    let name = text.strip_prefix('#').unwrap_or(text);
    let fits = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().count() <= LONGEST_CHANNEL && name.chars().all(fits) {
        return Some(name.to_owned());
    }
    let message = if text.contains("://") {
        format!("{} must be the name of a channel", node.called())
    } else {
        format!("`{text}` is not the name of a channel")
    };
    let hint =
        "letters, digits, `-` and `_`, at most 80, as in `payments-alerts`; or an id such as `C0123ABCD`";
    node.wrong(message, Some(hint.to_owned()));
    None
}

fn api(node: Node<'_>) -> Option<String> {
    let text = node.text()?;
    whole_url(node, text)?;
    Some(text.trim_end_matches('/').to_owned())
}

fn teams(node: Node<'_>, slack: Option<&Slack>) -> Option<Teams> {
    let mut map = node.map()?;
    let standard = Teams::default();
    let tag = map.optional("tag").map_or(Some(standard.tag), |node| node.text().map(str::to_owned));
    let channels = map.required("channels").map(|node| {
        let named = |node: Node<'_>| Some((node.name().to_owned(), team(node, slack)?));
        node.entries().into_iter().filter_map(named).collect::<BTreeMap<_, _>>()
    });
    map.finish();
    Some(Teams { tag: tag?, channels: channels? })
}

/// Where a team is told: a channel's name, or a webhook of its own.
fn team(node: Node<'_>, slack: Option<&Slack>) -> Option<TeamChannel> {
    if let Value::Map(_) = node.value() {
        let mut map = node.map()?;
        let webhook = map.required("webhook").and_then(source);
        map.finish();
        return webhook.map(TeamChannel::Webhook);
    }
    if let Value::Text(text) = node.value()
        && text.contains("://")
    {
        let message = format!("{} is a webhook's address, which is a secret", node.called());
        node.wrong(message, Some("name where it is read from: `{ webhook: { env: NAME } }`".to_owned()));
        return None;
    }
    let name = channel(node)?;
    if let Some(Slack { way: SlackWay::Webhook(_), .. }) = slack {
        let message = format!("the channel `{name}` can't be reached by the webhook of `slack`");
        let hint = "a webhook posts to one channel only: give the team one of its own, \
                    `{ webhook: { env: NAME } }`, or give `slack` a `token`";
        node.wrong(message, Some(hint.to_owned()));
        return None;
    }
    Some(TeamChannel::Named(name))
}

fn webhook(node: Node<'_>) -> Option<Webhook> {
    let mut map = node.map()?;
    let url = map.required("url").and_then(source);
    let secret = map.required("secret").and_then(source);
    map.finish();
    Some(Webhook { url: url?, secret: secret? })
}
