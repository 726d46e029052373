//! Reads `refresh`: how groups are refreshed, and what AWS allows of it.
//!
//! The same keys serve the defaults, an environment and, as far as they are AWS's own, an
//! override; [`Settings`] holds those that were written, to be laid over one another.

use std::collections::BTreeSet;
use std::time::Duration;

use super::preferences::{
    Busy, OnAbort, OnFailure, PreferenceChanges, Preferences, Protected, RefreshPolicy, Standby, Strategy,
};
use super::reader::{Map, Node};
use super::scalars::{TWO_DAYS, TWO_WEEKS, duration, show};
use super::tree::Value;

/// The most alarms that AWS takes for one refresh.
const MOST_ALARMS: usize = 10;
/// The longest name of an alarm that AWS takes.
const LONGEST_ALARM: usize = 255;

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
            strategy: Strategy::Rolling,
            min_healthy: 90,
            max_healthy: None,
            warmup: None,
            bake: Duration::from_secs(600),
            checkpoints: Vec::new(),
            checkpoint_delay: Duration::from_secs(3_600),
            protected: Protected::Refresh,
            standby: Standby::Terminate,
            alarms: Vec::new(),
            skip_matching: true,
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
        strategy: map.optional("strategy").and_then(|node| {
            let words =
                [("rolling", Strategy::Rolling), ("replace-root-volume", Strategy::ReplaceRootVolume)];
            node.choice(&words)
        }),
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
        alarms: map.optional("alarms").and_then(alarms),
        skip_matching: map.optional("skip_matching").and_then(|node| node.boolean()),
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

/// The names of alarms, as many as AWS takes, each once.
fn alarms(node: Node<'_>) -> Option<Vec<String>> {
    let Value::List(_) = node.value() else {
        node.expected("a list of names of CloudWatch alarms");
        return None;
    };
    let items = node.list();
    if let Some(item) = items.get(MOST_ALARMS) {
        let message = format!("there are {} `alarms`, and AWS takes at most {MOST_ALARMS}", items.len());
        item.wrong(message, Some("a composite alarm can stand for several".to_owned()));
    }
    let mut seen = BTreeSet::new();
    items.into_iter().map(|item| alarm(item, &mut seen)).collect()
}

fn alarm<'a>(item: Node<'a>, seen: &mut BTreeSet<&'a str>) -> Option<String> {
    let name = item.text()?;
    if !seen.insert(name) {
        item.wrong(format!("`{name}` is there twice"), None);
    } else if name.starts_with("arn:") {
        item.wrong(
            "an alarm is named by its name, not by its ARN",
            Some("the last part of the ARN".to_owned()),
        );
    } else if name.chars().count() > LONGEST_ALARM || name.chars().any(char::is_control) {
        item.wrong(format!("the name of an alarm has at most {LONGEST_ALARM} characters on one line"), None);
    }
    Some(name.to_owned())
}

/// What is refused of a policy as a whole: what is wrong, and the keys that it comes from.
pub(super) fn refused(policy: &RefreshPolicy) -> Vec<(String, &'static [&'static str])> {
    let mut found: Vec<(String, &'static [&'static str])> = Vec::new();
    let preferences = &policy.preferences;
    let min = preferences.min_healthy;
    if let Some(max) = preferences.max_healthy
        && max.saturating_sub(min) > 100
    {
        let message = format!(
            "`max_healthy` {max} is {} above `min_healthy` {min}, and AWS allows at most 100",
            max - min
        );
        found.push((message, &["min_healthy", "max_healthy"]));
    }
    // AWS waits at each checkpoint but the last, where nothing is left to go on with.
    let pauses = u32::try_from(preferences.checkpoints.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let in_all = preferences.checkpoint_delay.saturating_mul(pauses);
    if policy.timeout <= preferences.bake.saturating_add(in_all) {
        let (timeout, bake) = (show(policy.timeout), show(preferences.bake));
        if in_all.is_zero() {
            let message =
                format!("`timeout` {timeout} must be longer than `bake` {bake}, which is a part of it");
            found.push((message, &["timeout", "bake"]));
        } else {
            let each = show(preferences.checkpoint_delay);
            let pauses = if pauses == 1 { each } else { format!("{pauses} times {each}") };
            let message = format!(
                "`timeout` {timeout} must be longer than `bake` {bake} and the pauses at `checkpoints`, {pauses}, \
                 which are parts of it"
            );
            found.push((message, &["timeout", "checkpoint_delay", "checkpoints", "bake"]));
        }
    }
    found
}
