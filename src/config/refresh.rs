//! Reads `refresh`: how groups are refreshed, and what AWS allows of it.
//!
//! The same keys serve the defaults, an environment and, as far as they are AWS's own, an
//! override; [`Settings`] holds those that were written, to be laid over one another.

use std::time::Duration;

use super::fleet::{
    Busy, OnAbort, OnFailure, PreferenceChanges, Preferences, Protected, RefreshPolicy, Standby,
};
use super::reader::{Map, Node};
use super::scalars::{TWO_DAYS, TWO_WEEKS, duration};
use super::tree::Value;

/// The settings of one `refresh` mapping; `None` for what it does not say.
#[derive(Debug, Default)]
pub(super) struct Settings {
    changes: PreferenceChanges,
    groups_at_once: Option<usize>,
    canary: Option<usize>,
    max_failures: Option<usize>,
    on_failure: Option<OnFailure>,
    on_abort: Option<OnAbort>,
    busy: Option<Busy>,
}

/// What holds where nothing is written.
pub(super) fn standard() -> RefreshPolicy {
    RefreshPolicy {
        preferences: Preferences {
            min_healthy: 90,
            max_healthy: None,
            warmup: None,
            bake: Duration::from_secs(600),
            checkpoints: Vec::new(),
            checkpoint_delay: Duration::from_secs(3_600),
            protected: Protected::Refresh,
            standby: Standby::Terminate,
        },
        timeout: Duration::from_secs(3 * 3_600),
        groups_at_once: 10,
        canary: 1,
        max_failures: 1,
        on_failure: OnFailure::Group,
        on_abort: OnAbort::Leave,
        busy: Busy::Refuse,
    }
}

impl Settings {
    /// Every key of `refresh`.
    pub(super) fn read(node: Node<'_>) -> Self {
        let Some(mut map) = node.map() else { return Self::default() };
        let settings = Self {
            changes: read_changes(&mut map),
            groups_at_once: map.optional("groups_at_once").and_then(|node| node.whole(1, 10_000)),
            canary: map.optional("canary").and_then(|node| node.whole(0, 10_000)),
            max_failures: map.optional("max_failures").and_then(|node| node.whole(1, 10_000)),
            on_failure: map.optional("on_failure").and_then(|node| {
                node.choice(&[("group", OnFailure::Group), ("environment", OnFailure::Environment)])
            }),
            on_abort: map
                .optional("on_abort")
                .and_then(|node| node.choice(&[("leave", OnAbort::Leave), ("rollback", OnAbort::Rollback)])),
            busy: map
                .optional("busy")
                .and_then(|node| node.choice(&[("wait", Busy::Wait), ("refuse", Busy::Refuse)])),
        };
        map.finish();
        settings
    }

    /// The policy with these settings laid over it.
    pub(super) fn over(&self, mut policy: RefreshPolicy) -> RefreshPolicy {
        self.changes.apply(&mut policy);
        policy.groups_at_once = self.groups_at_once.unwrap_or(policy.groups_at_once);
        policy.canary = self.canary.unwrap_or(policy.canary);
        policy.max_failures = self.max_failures.unwrap_or(policy.max_failures);
        policy.on_failure = self.on_failure.unwrap_or(policy.on_failure);
        policy.on_abort = self.on_abort.unwrap_or(policy.on_abort);
        policy.busy = self.busy.unwrap_or(policy.busy);
        policy
    }
}

/// The keys of an override's `refresh`: those that can differ from group to group.
pub(super) fn read_override(node: Node<'_>) -> PreferenceChanges {
    let Some(mut map) = node.map() else { return PreferenceChanges::default() };
    let changes = read_changes(&mut map);
    map.note("an override changes what AWS is asked for and `timeout`; the rest belongs to an environment");
    map.finish();
    if node.is_empty() {
        node.wrong_key("the override changes nothing", None);
    }
    changes
}

fn read_changes(map: &mut Map<'_>) -> PreferenceChanges {
    let lasting = |node, most| duration(node, Duration::ZERO, most);
    PreferenceChanges {
        min_healthy: map.optional("min_healthy").and_then(|node| node.whole(0, 100)),
        max_healthy: map.optional("max_healthy").and_then(|node| node.whole(100, 200)),
        warmup: map.optional("warmup").and_then(warmup),
        bake: map.optional("bake").and_then(|node| lasting(node, TWO_DAYS)),
        checkpoints: map.optional("checkpoints").and_then(checkpoints),
        checkpoint_delay: map.optional("checkpoint_delay").and_then(|node| lasting(node, TWO_DAYS)),
        protected: map.optional("protected").and_then(|node| {
            let words =
                [("refresh", Protected::Refresh), ("ignore", Protected::Ignore), ("wait", Protected::Wait)];
            node.choice(&words)
        }),
        standby: map.optional("standby").and_then(|node| {
            let words =
                [("terminate", Standby::Terminate), ("ignore", Standby::Ignore), ("wait", Standby::Wait)];
            node.choice(&words)
        }),
        timeout: map.optional("timeout").and_then(|node| duration(node, Duration::from_secs(60), TWO_WEEKS)),
    }
}

#[expect(clippy::option_option, reason = "unreadable, and the group's own, are different")]
fn warmup(node: Node<'_>) -> Option<Option<Duration>> {
    if matches!(node.value(), Value::Text(text) if text == "auto") {
        return Some(None);
    }
    duration(node, Duration::ZERO, TWO_WEEKS).map(Some)
}

/// Percentages, ascending; the last one is 100, since AWS ends a refresh at its last checkpoint.
fn checkpoints(node: Node<'_>) -> Option<Vec<u8>> {
    let Value::List(_) = node.value() else {
        node.expected("a list of percentages");
        return None;
    };
    let items = node.list();
    let values: Vec<u8> = items.iter().map(|item| item.whole(1, 100)).collect::<Option<_>>()?;
    for (pair, item) in values.windows(2).zip(items.iter().skip(1)) {
        if pair[0] >= pair[1] {
            item.wrong(format!("`checkpoints` must ascend: {} is not above {}", pair[1], pair[0]), None);
            return None;
        }
    }
    if let (Some(last @ ..100), Some(item)) = (values.last(), items.last()) {
        let message = format!(
            "the last of `checkpoints` is {last}: AWS ends the refresh there, and old instances stay"
        );
        item.wrong(message, Some("add 100 as the last".to_owned()));
        return None;
    }
    Some(values)
}

/// What AWS refuses of a policy as a whole: what is wrong, and the keys that it comes from.
pub(super) fn refused(policy: &RefreshPolicy) -> Vec<(String, [&'static str; 2])> {
    let mut found = Vec::new();
    let preferences = &policy.preferences;
    let min = preferences.min_healthy;
    if let Some(max) = preferences.max_healthy
        && max.saturating_sub(min) > 100
    {
        let message = format!(
            "`max_healthy` {max} is {} above `min_healthy` {min}, and AWS allows at most 100",
            max - min
        );
        found.push((message, ["min_healthy", "max_healthy"]));
    }
    if policy.timeout <= preferences.bake {
        let (timeout, bake) = (super::scalars::show(policy.timeout), super::scalars::show(preferences.bake));
        let message = format!("`timeout` {timeout} must be longer than `bake` {bake}, which is a part of it");
        found.push((message, ["timeout", "bake"]));
    }
    found
}
