//! Reads `http` checks: the request, how it is made, and what the answer must be.

mod expect;
mod headers;
mod send;

use std::time::Duration;

use http::Method;

use super::capture;
use super::checks::{answer_time, regex, transpose};
use super::fleet::Scope;
use super::network::{HttpCheck, HttpVersion, Sent, SentBody};
use super::reader::{Map, Node};
use super::scalars::parse_duration;
use super::template;
use super::tls;
use super::tree::Value;

pub(super) use self::expect::{json_path, to_json};
pub(super) use self::headers::header_name;

type Range = (u16, u16);

/// As many as browsers follow.
const MOST_REDIRECTS: u32 = 20;
const METHODS: [(&str, usize); 7] =
    [("GET", 0), ("HEAD", 1), ("POST", 2), ("PUT", 3), ("PATCH", 4), ("DELETE", 5), ("OPTIONS", 6)];

pub(super) fn http(node: Node<'_>, on: Scope) -> Option<HttpCheck> {
    let mut map = node.map()?;
    let url = map.required("url");
    let address = url.and_then(|node| template::url(node, on));
    let sent = map.optional("send").map_or_else(|| Some(Sent::default()), |node| send::send(node, on));
    let method = method(&mut map, sent.as_ref());
    let redirects = map.optional("redirects").map_or(Some(0), redirects);
    let version = map.optional("http_version").map_or(Some(HttpVersion::One), version);
    let tls_node = map.optional("tls");
    let tls = tls_node.map_or_else(|| Some(tls::ReadTls::default()), tls::tls);
    let status = map.optional("status").map_or_else(|| Some(vec![(200, 200)]), statuses);
    let body = BodyTests::read(&mut map);
    let headers = map.optional("headers").map_or_else(|| Some(Vec::new()), headers::tests);
    let json = expect::json(map.optional("json"), map.optional("compare"));
    let capture = map.optional("capture").map_or_else(|| Some(Vec::new()), capture::read);
    let faster = map.optional("answer_time");
    let answer_time_wanted = faster.map(milliseconds);
    let within = answer_time(&mut map);
    map.finish();
    if let (Some(node), Some(url), Some(0)) = (tls_node, address.as_deref(), redirects)
        && url.starts_with("http:")
    {
        node.wrong_key("`tls` is for https, and `url` is http", Some("leave one of them".to_owned()));
        return None;
    }
    let (method, tls, body) = (method?, tls?, body?);
    let check = HttpCheck {
        url: address?,
        send: sent?,
        redirects: redirects?,
        version: version?,
        tls: tls.settings,
        certificate_valid: tls.certificate_valid,
        status: status?,
        body_contains: body.contains,
        body_lacks: body.lacks,
        body_matches: body.matches,
        headers: headers?,
        json: json?,
        capture: capture?,
        answer_time: transpose(answer_time_wanted)?,
        within: within?,
        method,
    };
    sound(&check, node, faster).then_some(check)
}

/// What the settings must be to each other.
fn sound(check: &HttpCheck, node: Node<'_>, faster: Option<Node<'_>>) -> bool {
    let of_text = [&check.body_contains, &check.body_lacks].iter().any(|texts| !texts.is_empty());
    let of_body = of_text || !check.body_matches.is_empty() || !check.json.is_empty();
    if check.method == Method::HEAD && of_body {
        let hint = Some("ask with `method: GET`, or leave the body alone".to_owned());
        node.wrong_key("an answer to HEAD has no body to look at", hint);
        return false;
    }
    if let (Some(node), Some(wanted)) = (faster, check.answer_time)
        && wanted > check.within
    {
        let hint = Some("after `within` the answer is no longer waited for".to_owned());
        node.wrong("`answer_time` must be no longer than `within`", hint);
        return false;
    }
    true
}

/// `GET`, or `POST` when a body is sent and nothing else is said.
fn method(map: &mut Map<'_>, sent: Option<&Sent>) -> Option<Method> {
    let has_body = sent.is_some_and(|sent| !matches!(sent.body, SentBody::Nothing));
    let Some(node) = map.optional("method") else {
        return Some(if has_body { Method::POST } else { Method::GET });
    };
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    let method = known.get(node.choice(&METHODS)?)?.clone();
    if has_body && method == Method::HEAD {
        node.wrong("HEAD carries no body", Some("send none, or use `POST`".to_owned()));
        return None;
    }
    Some(method)
}

fn redirects(node: Node<'_>) -> Option<u32> {
    match node.value() {
        Value::Text(text) if text == "none" => Some(0),
        Value::Whole(number) if (0..=i128::from(MOST_REDIRECTS)).contains(number) => {
            u32::try_from(*number).ok()
        }
        _ => {
            node.expected(format_args!("`none`, or how many are followed at most, to {MOST_REDIRECTS}"));
            None
        }
    }
}

fn version(node: Node<'_>) -> Option<HttpVersion> {
    match node.value() {
        Value::Whole(2) => Some(HttpVersion::Two),
        Value::Float(number) if (*number - 1.1).abs() < f64::EPSILON => Some(HttpVersion::One),
        Value::Text(text) => match text.as_str() {
            "1.1" => Some(HttpVersion::One),
            "2" => Some(HttpVersion::Two),
            "auto" => Some(HttpVersion::Auto),
            _ => unknown_version(node),
        },
        _ => unknown_version(node),
    }
}

fn unknown_version(node: Node<'_>) -> Option<HttpVersion> {
    node.expected("`1.1`, `2` or `auto`");
    None
}

/// A duration in milliseconds or longer units, such as `300ms` or `2s`.
fn milliseconds(node: Node<'_>) -> Option<Duration> {
    let read = match node.value() {
        Value::Text(text) => match text.strip_suffix("ms").map(str::parse) {
            Some(Ok(number)) => Some(Duration::from_millis(number)),
            Some(Err(_)) => None,
            None => parse_duration(text),
        },
        _ => None,
    };
    let read = read.filter(|duration| !duration.is_zero());
    if read.is_none() {
        node.expected("a duration such as `300ms` or `2s`");
    }
    read
}

/// What is asked of the body as a text.
struct BodyTests {
    contains: Vec<String>,
    lacks: Vec<String>,
    matches: Vec<regex::Regex>,
}

impl BodyTests {
    fn read(map: &mut Map<'_>) -> Option<Self> {
        let contains = map.optional("body").map_or_else(|| Some(Vec::new()), texts);
        let lacks = map.optional("lacks").map_or_else(|| Some(Vec::new()), texts);
        let matches =
            map.optional("matches").map_or_else(|| Some(Vec::new()), |node| one_or_more(node, regex));
        Some(Self { contains: contains?, lacks: lacks?, matches: matches? })
    }
}

fn texts(node: Node<'_>) -> Option<Vec<String>> {
    one_or_more(node, |node| node.text().map(ToOwned::to_owned))
}

/// One, or a list of at least one.
fn one_or_more<T>(node: Node<'_>, read: impl Fn(Node<'_>) -> Option<T>) -> Option<Vec<T>> {
    let Value::List(_) = node.value() else { return Some(vec![read(node)?]) };
    if node.is_empty() {
        node.wrong_key(format!("`{}` needs at least one {}", node.name(), node.name()), None);
        return None;
    }
    let read: Vec<Option<T>> = node.list().into_iter().map(read).collect();
    read.into_iter().collect()
}

/// One status or a list; each a number such as `200` or a range such as `"200-299"`.
fn statuses(node: Node<'_>) -> Option<Vec<Range>> {
    one_or_more(node, status)
}

fn status(node: Node<'_>) -> Option<Range> {
    let range = match node.value() {
        Value::Whole(number) => u16::try_from(*number).ok().map(|one| (one, one)),
        Value::Text(text) => parse_range(text),
        Value::Null | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => None,
    };
    let range = range.filter(|(low, high)| (100..=599).contains(low) && low <= high && *high <= 599);
    if range.is_none() {
        node.expected("a status such as `200`, or a range such as `\"200-299\"`, from 100 to 599");
    }
    range
}

fn parse_range(text: &str) -> Option<Range> {
    let number = |text: &str| match text.as_bytes() {
        [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'] => text.parse().ok(),
        _ => None,
    };
    match text.split_once('-') {
        Some((low, high)) => Some((number(low)?, number(high)?)),
        None => number(text).map(|one| (one, one)),
    }
}
