//! Reads `checks`: what each asks, of whom, and how long.
//!
//! `instances` and `targets` are built in; only how they are asked may be changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use regex::Regex;

use super::capture;
use super::environments::check_name;
use super::fleet::{Check, CheckKind, RetryPolicy, Scope, TcpCheck};
use super::http;
use super::reader::{Map, Node};
use super::scalars::{TWO_DAYS, duration, show};
use super::template;

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
    let uses = node.take_named();
    Some(Check { on: on?, uses, ..manners?.check(node.name(), kind?) })
}

/// The words for who is asked.
pub(super) const SCOPES: [(&str, Scope); 2] = [("instance", Scope::Instance), ("group", Scope::Group)];

/// Finishes the mapping, too: an unknown key may be a misspelt kind.
fn kind(map: &mut Map<'_>, on: Scope) -> Option<CheckKind> {
    let node = map.node();
    let (http, tcp) = (map.optional("http"), map.optional("tcp"));
    let clean = map.finish();
    match (http, tcp) {
        (Some(http), None) => http::http(http, on).map(CheckKind::Http),
        (None, Some(tcp)) => self::tcp(tcp, on).map(CheckKind::Tcp),
        (Some(http), Some(tcp)) => {
            tcp.wrong_key(
                format!("`{}` has both `http` and `tcp`", node.name()),
                Some("make two checks of it".to_owned()),
            );
            http::http(http, on);
            self::tcp(tcp, on);
            None
        }
        (None, None) => {
            if clean {
                node.wrong_key(
                    format!("`{}` asks nothing", node.name()),
                    Some("add `http` or `tcp`".to_owned()),
                );
            }
            None
        }
    }
}

fn tcp(node: Node<'_>, on: Scope) -> Option<TcpCheck> {
    let mut map = node.map()?;
    let host = map.required("host").and_then(|node| template::host(node, on));
    let port = map.required("port").and_then(|node| node.whole(1, 65_535));
    let banner = map.optional("banner").map(regex);
    let within = answer_time(&mut map);
    map.finish();
    Some(TcpCheck { host: host?, port: port?, banner: transpose(banner)?, within: within? })
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
