//! The windows that come, for each channel: pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Place, Planned};
use crate::config::{Notify, SlackWay, TeamChannel};
use crate::model::{Group, Span};
use crate::notify::{Channel, resolve_audience};
use crate::schedule::{Agenda, Standing};

/// The most windows of one group that are looked at.
const MOST: usize = 500;

/// Every channel that there is, by its name.
pub(super) fn channels(notify: &Notify) -> BTreeMap<String, Channel> {
    let teams = notify.teams.channels.keys().map(|team| channel(notify, Some(team)));
    let all = teams.chain([channel(notify, None)]).flatten();
    all.map(|channel| (channel.sink.clone(), channel)).collect()
}

/// Where a team is told. Teams that share a webhook share what is told there.
fn channel(notify: &Notify, team: Option<&str>) -> Option<Channel> {
    let own = team.and_then(|team| notify.teams.channels.get(team));
    let first = own.and_then(|own| notify.teams.channels.iter().find(|(_, other)| *other == own));
    let is_main = match (own, notify.slack.as_ref().map(|slack| &slack.way)) {
        (Some(TeamChannel::Webhook(own)), Some(SlackWay::Webhook(main))) => own == main,
        (Some(TeamChannel::Webhook(_) | TeamChannel::Named(_)) | None, _) => false,
    };
    let team = first.map(|(team, _)| team.as_str()).filter(|_| !is_main);
    resolve_audience(notify, team)
}

/// The windows of these groups for every channel, those without any included.
pub(super) fn upcoming(
    agenda: &Agenda<'_>,
    groups: &[&Group],
    until: Timestamp,
) -> BTreeMap<String, Vec<Planned>> {
    let notify = &agenda.fleet.notify;
    let mut planned: BTreeMap<String, BTreeMap<Timestamp, Planned>> =
        channels(notify).into_keys().map(|name| (name, BTreeMap::new())).collect();
    for group in groups {
        let team = group.tags.get(&notify.teams.tag).map(|team| team.trim());
        let Some(channel) = channel(notify, team) else { continue };
        let windows = planned.entry(channel.sink).or_default();
        for opening in openings(agenda, group, until) {
            let window = windows.entry(opening.from).or_insert_with(|| Planned {
                opens: opening.from,
                closes: Some(opening.to).filter(|to| *to < Timestamp::MAX),
                groups: std::collections::BTreeSet::new(),
            });
            window.groups.insert(Place { region: group.region.clone(), group: group.name.clone() });
        }
    }
    planned.into_iter().map(|(name, windows)| (name, windows.into_values().collect())).collect()
}

/// The group's openings up to that time, and the first behind it.
fn openings(agenda: &Agenda<'_>, group: &Group, until: Timestamp) -> Vec<Span> {
    let mut openings: Vec<Span> = Vec::new();
    let mut at = agenda.now;
    while openings.len() < MOST && openings.last().is_none_or(|last| last.from <= until) {
        let then = Agenda { now: at, ..*agenda };
        let behind = match then.judge(group.name.as_str(), &group.tags) {
            Standing::Due { until: Some(over), .. } => over,
            Standing::NotDue { next: Some(opening), .. } => {
                openings.push(opening);
                opening.to
            }
            // For ever, never, or nobody knows: no window comes.
            Standing::Due { until: None, .. }
            | Standing::NotDue { next: None, .. }
            | Standing::OptedOut { .. }
            | Standing::Unreadable(_) => break,
        };
        if behind <= at || behind == Timestamp::MAX {
            break;
        }
        at = behind;
    }
    openings
}
