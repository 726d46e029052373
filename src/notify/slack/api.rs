//! Slack's own words: requests as it wants them, and what its answers mean. Pure.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::channel::Way;
use super::message::Message;
use crate::model::Problem;
use crate::notify::post::{Answer, Method, Request};
use crate::report::clean;

/// What is asked of a bot's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    /// A new message in the channel.
    Post,
    /// A message in the thread of another, perhaps shown in the channel too.
    Reply { parent: Posted, broadcast: bool },
    /// That message is to say something else.
    Update(Posted),
}

/// A message that is there: Slack names it by its channel's id and its time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Posted {
    pub(super) channel: String,
    pub(super) ts: String,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) problem: Problem,
    pub(super) meaning: Meaning,
}

/// What a refusal means for what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing will ever get through there in this run.
    Lasting,
    /// This one did not.
    Once,
    /// It may be sent again after so many seconds.
    Again(u64),
}

/// The request to an incoming webhook.
pub(super) fn to_webhook(url: SecretString, sink: &str, what: &str, message: &Message) -> Request {
    Request {
        method: Method::Post,
        url,
        headers: vec![json_header()],
        body: message.payload().to_string().into_bytes(),
        sink: sink.to_owned(),
        what: what.to_owned(),
        text: message.reading(),
        rehearsed: "ok".to_owned(),
    }
}

/// The request to a bot's API; `number` counts a rehearsal's messages.
pub(super) fn to_bot(
    (token, api, name): (&SecretString, &str, &str),
    (sink, what): (&str, &str),
    (call, message): (&Call, &Message),
    number: u64,
) -> Request {
    let mut body = message.payload();
    body["parse"] = json!("none");
    body["link_names"] = json!(false);
    let method = match call {
        Call::Post => {
            body["channel"] = json!(Way::address(name));
            "chat.postMessage"
        }
        Call::Reply { parent, broadcast } => {
            body["channel"] = json!(parent.channel);
            body["thread_ts"] = json!(parent.ts);
            if *broadcast {
                body["reply_broadcast"] = json!(true);
            }
            "chat.postMessage"
        }
        Call::Update(posted) => {
            body["channel"] = json!(posted.channel);
            body["ts"] = json!(posted.ts);
            "chat.update"
        }
    };
    let bearer = SecretString::from(format!("Bearer {}", token.expose_secret()));
    let place = match call {
        Call::Post => "",
        Call::Reply { broadcast: false, .. } => "(in the thread)\n",
        Call::Reply { broadcast: true, .. } => "(in the thread, and in the channel)\n",
        Call::Update(_) => "(the message now says)\n",
    };
    Request {
        method: Method::Post,
        url: SecretString::from(format!("{api}/{method}")),
        headers: vec![json_header(), ("authorization".to_owned(), bearer)],
        body: body.to_string().into_bytes(),
        sink: sink.to_owned(),
        what: what.to_owned(),
        text: format!("{place}{}", message.reading()),
        rehearsed: json!({ "ok": true, "channel": "C0REHEARSE", "ts": format!("1.{number:06}") }).to_string(),
    }
}

fn json_header() -> (String, SecretString) {
    ("content-type".to_owned(), SecretString::from("application/json; charset=utf-8"))
}

/// What an incoming webhook's answer means.
pub(super) fn webhook_answer(request: &Request, answer: &Answer) -> Result<(), Refusal> {
    let body = String::from_utf8_lossy(&answer.body);
    if body.trim() == "ok" {
        return Ok(());
    }
    match known_in(&body) {
        Some(known) => Err(refused(request, known.name, known)),
        None => Err(nonsense(request, "'ok'")),
    }
}

/// What the API's answer means: the message that is there now, or why there is none.
pub(super) fn bot_answer(request: &Request, answer: &Answer) -> Result<Posted, Refusal> {
    let expected = "JSON with 'ok'";
    let parsed: Result<Value, _> = serde_json::from_slice(&answer.body);
    let Ok(body) = parsed else { return Err(nonsense(request, expected)) };
    let text = |key: &str| body[key].as_str().map(ToOwned::to_owned);
    match body["ok"].as_bool() {
        Some(true) => match (text("channel"), text("ts")) {
            (Some(channel), Some(ts)) => Ok(Posted { channel, ts }),
            _ => Err(nonsense(request, "'channel' and 'ts' of the message")),
        },
        Some(false) => {
            let error = text("error").unwrap_or_default();
            let after = body["retry_after"].as_u64();
            Err(match KNOWN.iter().find(|known| known.name == error) {
                Some(known) => {
                    let mut refusal = refused(request, &error, known);
                    if let (Meaning::Again(_), Some(after)) = (refusal.meaning, after) {
                        refusal.meaning = Meaning::Again(after);
                    }
                    refusal
                }
                None => unknown(request, &error),
            })
        }
        None => Err(nonsense(request, expected)),
    }
}

/// A failure to send, told with what Slack's word in it means.
pub(super) fn not_sent(problem: Problem) -> Refusal {
    match known_in(&format!("{} {}", problem.what, problem.why)) {
        Some(known) => Refusal {
            problem: Problem { next: known.next.to_owned(), ..problem },
            // The sending has tried again as often as there was a point.
            meaning: if known.lasting() { Meaning::Lasting } else { Meaning::Once },
        },
        None => Refusal { problem, meaning: Meaning::Once },
    }
}

fn refused(request: &Request, error: &str, known: &Known) -> Refusal {
    let (sink, what) = (&request.sink, &request.what);
    Refusal {
        problem: Problem::new(
            format!("{sink} did not take the {what}"),
            format!("Slack answered {error}: {}", known.why),
            known.next,
        ),
        meaning: known.meaning,
    }
}

fn unknown(request: &Request, error: &str) -> Refusal {
    let error = clean::line(&request.without_secrets(error));
    let error = if error.is_empty() { "without saying why".to_owned() } else { format!("'{error}'") };
    Refusal {
        problem: Problem::new(
            format!("{} did not take the {}", request.sink, request.what),
            format!("Slack answered {error}"),
            "look the word up among the errors of chat.postMessage in Slack's documentation",
        ),
        meaning: Meaning::Once,
    }
}

fn nonsense(request: &Request, expected: &str) -> Refusal {
    Refusal {
        problem: Problem::new(
            format!("{} gave an answer to the {} that is not Slack's", request.sink, request.what),
            format!("the answer was expected to be {expected}"),
            "look whether the address is right, and whether a proxy answers in Slack's place",
        ),
        meaning: Meaning::Once,
    }
}

/// A word of Slack's that is known here.
struct Known {
    name: &'static str,
    why: &'static str,
    next: &'static str,
    meaning: Meaning,
}

impl Known {
    fn lasting(&self) -> bool {
        self.meaning == Meaning::Lasting
    }
}

/// The first known word in a text, as a whole word.
fn known_in(text: &str) -> Option<&'static Known> {
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    KNOWN.iter().find(|known| words.contains(&known.name))
}

const fn lasting(name: &'static str, why: &'static str, next: &'static str) -> Known {
    Known { name, why, next, meaning: Meaning::Lasting }
}

const fn once(name: &'static str, why: &'static str, next: &'static str) -> Known {
    Known { name, why, next, meaning: Meaning::Once }
}

const fn again(name: &'static str, why: &'static str, next: &'static str) -> Known {
    Known { name, why, next, meaning: Meaning::Again(30) }
}

const CHANNEL: &str = "correct the channel's name at notify.slack.channel or notify.teams.channels, \
    or invite the bot to the channel if it is private (/invite in the channel)";
const INVITE: &str = "invite the bot to the channel (/invite in the channel), or correct the channel's name \
    at notify.slack.channel or notify.teams.channels";
const TOKEN: &str =
    "put a bot token (xoxb-…) of an app that is installed where notify.slack.token reads it from";
const WEBHOOK: &str =
    "make a new incoming webhook for the channel and put its address where notify.slack reads it from";
const ARCHIVED: &str =
    "name another channel at notify.slack.channel or notify.teams.channels, or unarchive this one";
const ALLOW: &str =
    "ask the workspace's administrators to let the app post in that channel, or name another one";
const SHORTER: &str = "the whole story is in the reports: look there";
const LATER: &str = "nothing is to be done about this one message; where it comes back, \
    let fewer runs post in the channel at once";

/// What Slack may answer, and what to do about it.
const KNOWN: [Known; 31] = [
    lasting("channel_not_found", "it knows no such channel, or the bot may not see it", CHANNEL),
    lasting("not_in_channel", "the bot is not in the channel", INVITE),
    lasting("is_archived", "the channel is archived", ARCHIVED),
    lasting("channel_is_archived", "the channel is archived", ARCHIVED),
    lasting("restricted_action", "posting there is restricted", ALLOW),
    lasting("restricted_action_read_only_channel", "the channel is read-only", ALLOW),
    lasting("restricted_action_thread_locked", "the thread is locked", ALLOW),
    lasting("ekm_access_denied", "administrators have suspended posting", ALLOW),
    lasting("team_access_not_granted", "the app is not granted that workspace", ALLOW),
    lasting("action_prohibited", "the workspace restricts this webhook", ALLOW),
    lasting("posting_to_general_channel_denied", "the webhook may not post there", ALLOW),
    lasting("not_authed", "no token came with the message", TOKEN),
    lasting("invalid_auth", "the token is not valid, or not from this network", TOKEN),
    lasting("token_expired", "the token has expired", TOKEN),
    lasting("token_revoked", "the token was revoked", TOKEN),
    lasting("account_inactive", "the token's user or workspace is gone", TOKEN),
    lasting("not_allowed_token_type", "the token is of another kind than a bot's", TOKEN),
    lasting(
        "missing_scope",
        "the token lacks a scope",
        "give the app the scope chat:write, install it again, and put its new token in place",
    ),
    lasting("no_service", "the webhook is disabled, removed or wrong", WEBHOOK),
    lasting("no_service_id", "the webhook's address is not whole", WEBHOOK),
    lasting("no_team", "the webhook's workspace is gone", WEBHOOK),
    lasting("invalid_token", "the webhook's address is not valid", WEBHOOK),
    lasting("no_active_hooks", "the webhook is disabled", WEBHOOK),
    once("message_not_found", "the message that was to be changed is gone", SHORTER),
    once("cant_update_message", "the message belongs to somebody else now", SHORTER),
    once("msg_too_long", "the message is too long", SHORTER),
    once("invalid_blocks", "it can't show the message", SHORTER),
    once("invalid_payload", "it can't read the message", SHORTER),
    again("ratelimited", "too many messages came at once", LATER),
    again("rate_limited", "too many messages came at once", LATER),
    again("internal_error", "something broke at Slack's", LATER),
];
