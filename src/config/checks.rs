//! Reads `checks`: what each asks, of whom, and how long.
//!
//! `instances` and `targets` are built in; only how they are asked may be changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use regex::Regex;

use super::capture;
use super::environments::check_name;
use super::fleet::{Check, CheckKind, RetryPolicy, Scope};
use super::reader::{Map, Node};
use super::scalars::{TWO_DAYS, duration, show};
use super::words::quoted;
use super::{alarm, command, http, ssm, tcp};

const SECOND: Duration = Duration::from_secs(1);
/// The longest that one answer is waited for.
const LONGEST_ANSWER: Duration = Duration::from_secs(300);
const STANDARD_WITHIN: Duration = Duration::from_secs(5);

const BUILT_IN: [(&str, CheckKind); 2] =
    [("instances", CheckKind::Instances), ("targets", CheckKind::Targets)];

fn standard_retry() -> RetryPolicy {
    RetryPolicy { within: Duration::from_secs(300), every: Duration::from_secs(10), consecutive: 1 }
}

/// The checks by name, the built-in ones included.
pub(super) fn checks(node: Option<Node<'_>>) -> BTreeMap<String, Check> {
    let built_in = BUILT_IN.map(|(name, kind)| (name.to_owned(), Manners::default().check(name, kind)));
    let mut checks = BTreeMap::from(built_in);
    let entries = node.map(|node| node.entries()).unwrap_or_default();
    // A check may name what another captures, wherever that one is written.
    for entry in &entries {
        capture::announce(*entry);
    }
    for entry in entries {
        let known = BUILT_IN.into_iter().find(|(name, _)| *name == entry.name());
        let check = match known {
            Some((_, kind)) => redefined(entry, kind),
            None => check(entry),
        };
        if let Some(check) = check {
            checks.insert(check.name.clone(), check);
        }
    }
    checks
}

/// How a check is asked, whatever it asks.
#[derive(Debug)]
struct Manners {
    retry: RetryPolicy,
    deadline: Option<Duration>,
    baseline: bool,
    allow_preexisting: bool,
}

impl Default for Manners {
    fn default() -> Self {
        Self { retry: standard_retry(), deadline: None, baseline: false, allow_preexisting: false }
    }
}

impl Manners {
    fn read(map: &mut Map<'_>) -> Option<Self> {
        let retry = map.optional("retry").map_or_else(|| Some(standard_retry()), retry);
        let limit = map.optional("deadline");
        let deadline = transpose(limit.map(|node| duration(node, SECOND, TWO_DAYS)));
        if let (Some(retry), Some(Some(deadline)), Some(node)) = (&retry, deadline, limit) {
            has_time_to_pass(retry, deadline, node, "deadline");
        }
        let mut flag = |key| map.optional(key).map_or(Some(false), |node| node.boolean());
        let (baseline, allow) = (flag("baseline"), flag("allow_preexisting"));
        if let (Some(false), Some(true)) = (baseline, allow) {
            let hint = Some("add `baseline: true`, or leave it out".to_owned());
            map.node().wrong_key("`allow_preexisting` is for a check with `baseline`", hint);
        }
        Some(Self { retry: retry?, deadline: deadline?, baseline: baseline?, allow_preexisting: allow? })
    }

    /// A check of the group that names nothing captured.
    fn check(self, name: &str, kind: CheckKind) -> Check {
        let Self { retry, deadline, baseline, allow_preexisting } = self;
        let (name, on, uses) = (name.to_owned(), Scope::Group, BTreeSet::new());
        Check { name, kind, on, retry, deadline, baseline, allow_preexisting, uses }
    }
}

fn redefined(node: Node<'_>, kind: CheckKind) -> Option<Check> {
    let mut map = node.map()?;
    let manners = Manners::read(&mut map);
    map.note("this check is built in: only how it is asked can be changed");
    map.finish();
    if node.is_empty() {
        node.wrong_key(format!("`{}` changes nothing", node.name()), Some("add `retry`".to_owned()));
    }
    Some(manners?.check(node.name(), kind))
}

fn check(node: Node<'_>) -> Option<Check> {
    check_name(node.name(), |message, hint| node.wrong_key(message, hint));
    let mut map = node.map()?;
    let on = map.optional("on").map_or(Some(Scope::Instance), |node| node.choice(&SCOPES));
    let manners = Manners::read(&mut map);
    node.take_named();
    let kind = kind(&mut map, on.unwrap_or(Scope::Instance));
    let on = if matches!(kind, Some(CheckKind::Alarm(_))) { Some(of_alarm(node, on)) } else { on };
    let uses = node.take_named();
    Some(Check { on: on?, uses, ..manners?.check(node.name(), kind?) })
}

/// The words for who is asked.
pub(super) const SCOPES: [(&str, Scope); 2] = [("instance", Scope::Instance), ("group", Scope::Group)];

/// Alarms are the group's, whether that is said or not.
fn of_alarm(node: Node<'_>, on: Option<Scope>) -> Scope {
    if let Some(written) = node.get("on").filter(|_| on == Some(Scope::Instance)) {
        written.wrong("`alarm` is asked of the group", Some("leave `on` out".to_owned()));
    }
    Scope::Group
}

/// Reads the settings of one kind.
type ReadKind = fn(Node<'_>, Scope) -> Option<CheckKind>;

/// Every kind that can be written, by its key.
const KINDS: [(&str, ReadKind); 5] = [
    ("http", |node, on| http::http(node, on).map(CheckKind::Http)),
    ("tcp", |node, on| tcp::tcp(node, on).map(CheckKind::Tcp)),
    ("command", |node, on| command::command(node, on).map(CheckKind::Command)),
    ("ssm", |node, on| ssm::ssm(node, on).map(CheckKind::Ssm)),
    ("alarm", |node, _| alarm::alarm(node).map(CheckKind::Alarm)),
];

/// Finishes the mapping, too: an unknown key may be a misspelt kind.
fn kind(map: &mut Map<'_>, on: Scope) -> Option<CheckKind> {
    let node = map.node();
    let found = KINDS.map(|(key, read)| Some((map.optional(key)?, read)));
    let clean = map.finish();
    let found: Vec<(Node<'_>, ReadKind)> = found.into_iter().flatten().collect();
    let names: Vec<&str> = found.iter().map(|(kind, _)| kind.name()).collect();
    let mut read = found.iter().map(|(kind, read)| read(*kind, on)).collect::<Vec<_>>();
    match (names.as_slice(), found.last()) {
        ([_], _) => read.pop().flatten(),
        (_, Some((last, _))) => {
            let has = quoted(names, "and");
            last.wrong_key(
                format!("`{}` has {} {has}", node.name(), if found.len() == 2 { "both" } else { "all of" }),
                Some("make a check of each".to_owned()),
            );
            None
        }
        (_, None) => {
            if clean {
                let kinds = quoted(KINDS.map(|(key, _)| key), "or");
                node.wrong_key(format!("`{}` asks nothing", node.name()), Some(format!("add {kinds}")));
            }
            None
        }
    }
}

/// `within`: how long one answer may take.
pub(super) fn answer_time(map: &mut Map<'_>) -> Option<Duration> {
    map.optional("within").map_or(Some(STANDARD_WITHIN), |node| duration(node, SECOND, LONGEST_ANSWER))
}

/// A setting that is absent is fine, one that could not be read is not.
#[expect(clippy::option_option, reason = "absent and unreadable are different")]
pub(super) fn transpose<T>(setting: Option<Option<T>>) -> Option<Option<T>> {
    setting.map_or(Some(None), |read| read.map(Some))
}

pub(super) fn regex(node: Node<'_>) -> Option<Regex> {
    let text = node.text()?;
    let problem = match Regex::new(text) {
        Ok(regex) => return Some(regex),
        Err(error) => error.to_string(),
    };
    // The crate's message draws the expression first; its last line is what is wrong.
    let reason = problem.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
    node.wrong(format!("`{}` is not a regular expression: {reason}", node.name()), None);
    None
}

fn retry(node: Node<'_>) -> Option<RetryPolicy> {
    let mut map = node.map()?;
    let standard = standard_retry();
    let within = map.optional("for");
    let lasting = within.map_or(Some(standard.within), |node| duration(node, Duration::ZERO, TWO_DAYS));
    let every = map.optional("every").map_or(Some(standard.every), |node| duration(node, SECOND, TWO_DAYS));
    let consecutive =
        map.optional("consecutive").map_or(Some(standard.consecutive), |node| node.whole(1, 1_000));
    map.finish();
    let retry = RetryPolicy { within: lasting?, every: every?, consecutive: consecutive? };
    has_time_to_pass(&retry, retry.within, within.unwrap_or(node), "for");
    Some(retry)
}

/// Reports a time in which not even passes in a row have room.
fn has_time_to_pass(retry: &RetryPolicy, time: Duration, node: Node<'_>, key: &str) {
    let least = retry.every * (retry.consecutive - 1);
    if time < least {
        let (count, every) = (retry.consecutive, show(retry.every));
        let message = format!("{count} passes in a row, one every {every}, take {}", show(least));
        node.wrong_key(message, Some(format!("`{key}` is {}", show(time))));
    }
}
