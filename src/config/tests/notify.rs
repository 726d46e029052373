//! `notify`: what is read, what is refused, and that no mistake shows a secret.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::config::{Call, HeaderValue, SlackWay, TeamChannel};

const HOOK: &str = "https://hooks.slack.com/services/T0/B0/hush";

/// The small configuration with this under `notify`.
fn with(notify: &str) -> String {
    let indented: Vec<String> = notify.trim_matches('\n').lines().map(|line| format!("  {line}")).collect();
    format!("{SMALL}notify:\n{}\n", indented.join("\n"))
}

fn read(notify: &str) -> Notify {
    parse(&with(notify)).unwrap_or_else(|errors| panic!("{errors}")).notify
}

/// Every mistake without its place.
fn wrong(notify: &str) -> Vec<String> {
    let all = mistakes(&with(notify));
    all.iter().map(|mistake| mistake.split_once(' ').unwrap().1.to_owned()).collect()
}

fn env(name: &str) -> SecretSource {
    SecretSource::Env(name.to_owned())
}

const TICKETS: &str = "
tickets:
  environments: [dev, prod]
  headers: { Authorization: { env: JIRA_AUTH }, X-Plain: text, X-More: { file: /run/more } }
  outcomes: { passed: Done }
  find: { url: 'https://jira.example/search?q={key}', id: '$.issues[0].key' }
  create:
    method: PUT
    url: https://jira.example/issue
    body: { fields: { summary: 'AMI {images} in {environment}', n: 5, literal: '{{x}}', list: ['{ended}', null] } }
    id: $.key
  comment: { url: 'https://jira.example/issue/{ticket}/comment', body: '{text}' }
  close: { url: 'https://jira.example/issue/{ticket}' }
";

#[test]
fn without_notify_nobody_is_told_and_the_deadline_is_ten_seconds() {
    let notify = parse(SMALL).unwrap().notify;
    assert!(notify.slack.is_none() && notify.webhooks.is_empty() && notify.tickets.is_none());
    assert_eq!((notify.deadline, notify.teams), (Duration::from_secs(10), Teams::default()));
}

#[test]
fn slack_is_reached_by_a_webhook_or_a_token() {
    let slack = read("deadline: 1m\nslack: { channel: '#ami-refresh', webhook: { env: HOOK } }");
    assert_eq!(slack.deadline, Duration::from_secs(60));
    let slack = slack.slack.unwrap();
    assert_eq!((slack.channel.as_str(), slack.api.as_str()), ("ami-refresh", "https://slack.com/api"));
    assert_eq!(slack.way, SlackWay::Webhook(env("HOOK")));
    let bot = "slack: { channel: C0123ABCD, token: { file: /run/token }, api: 'http://127.0.0.1:1/api/' }";
    let slack = read(bot).slack.unwrap();
    assert_eq!((slack.channel.as_str(), slack.api.as_str()), ("C0123ABCD", "http://127.0.0.1:1/api"));
    assert_eq!(slack.way, SlackWay::Token(SecretSource::File(PathBuf::from("/run/token"))));
}

#[test]
fn teams_have_channels_or_webhooks_of_their_own() {
    let teams = read(
        "slack: { channel: a, token: { env: T } }\n\
         teams: { tag: Owner, channels: { payments: '#pay', search: { webhook: { env: S } } } }",
    );
    assert_eq!(teams.teams.tag, "Owner");
    let channels: Vec<_> = teams.teams.channels.into_iter().collect();
    let expected = [
        ("payments".to_owned(), TeamChannel::Named("pay".to_owned())),
        ("search".to_owned(), TeamChannel::Webhook(env("S"))),
    ];
    assert_eq!(channels, expected);
}

#[test]
fn webhooks_have_an_address_and_a_secret() {
    let webhooks = read("webhooks:\n- { url: { env: U }, secret: { env: S } }").webhooks;
    assert_eq!(webhooks, [Webhook { url: env("U"), secret: env("S") }]);
    let missing = wrong("webhooks: [{ url: { env: U } }]");
    assert_eq!(missing, ["`secret` is missing (add `secret: …` here)"]);
}

#[test]
fn tickets_are_calls_with_variables() {
    let tickets = read(TICKETS).tickets.unwrap();
    assert_eq!(tickets.environments, ["dev".into(), "prod".into()]);
    assert_eq!(tickets.outcomes, ("Done".to_owned(), "unsuccessful".to_owned()));
    assert_eq!(tickets.headers["Authorization"], HeaderValue::Secret(env("JIRA_AUTH")));
    assert_eq!(tickets.headers["X-Plain"], HeaderValue::Plain("text".to_owned()));
    let shown =
        |call: &Call| (call.method.clone(), call.body.is_some(), call.id.as_ref().map(ToString::to_string));
    let path = |path: &str| Some(path.to_owned());
    assert_eq!(shown(&tickets.find.unwrap()), ("GET".to_owned(), false, path("$.issues[0].key")));
    assert_eq!(shown(&tickets.create), ("PUT".to_owned(), true, path("$.key")));
    assert_eq!(shown(&tickets.comment.unwrap()), ("POST".to_owned(), true, None));
    assert_eq!(shown(&tickets.close), ("POST".to_owned(), false, None));
    let body = serde_json::json!({ "fields": {
        "summary": "AMI {images} in {environment}", "n": 5, "literal": "{{x}}", "list": ["{ended}", null],
    } });
    assert_eq!(tickets.create.body.unwrap(), body);
}

#[test]
fn mistakes_say_what_would_be_right() {
    for (notify, expected) in [
        ("deadline: 10m", "`deadline` must be from 1s to 5m"),
        ("slak: {}", "unknown key `slak` (did you mean `slack`?)"),
        (
            "slack: { channel: a }",
            "`slack` says no way to reach it (add `webhook: { env: NAME }` or `token: { env: NAME }`)",
        ),
        ("slack: { channel: a, tokn: { env: T } }", "unknown key `tokn` (did you mean `token`?)"),
        (
            "slack: { channel: a, webhook: { env: T }, token: { env: T } }",
            "`slack` has both `webhook` and `token` (leave one out)",
        ),
        (
            "slack:\n  channel: #a\n  token: { env: T }",
            "`channel` is empty (in YAML, `#` begins a comment: leave it out)",
        ),
        (
            "slack: { channel: 'a b', token: { env: T } }",
            "`a b` is not the name of a channel (letters, digits, `-` and `_`, at most 80, as in `payments-alerts`; or an id such as `C0123ABCD`)",
        ),
        (
            "slack: { channel: a, token: { env: 5x } }",
            "`env` must be the name of an environment variable (letters, digits and `_`, as in `SLACK_TOKEN`: the name, not the secret itself)",
        ),
        (
            "slack: { channel: a, token: {} }",
            "`token` says no place to read it from (name where it is read from: `{ env: NAME }` or `{ file: path }`)",
        ),
        (
            "slack: { channel: a, token: { env: T, file: f } }",
            "`token` has both `env` and `file` (leave one out)",
        ),
        (
            "slack: { channel: a, token: { env: T }, api: 'ftp://x' }",
            "`api` is neither http nor https (as in `https://host.example/path`)",
        ),
        (
            "teams: { channels: {} }",
            "`teams` are told by Slack, and there is no `slack` (add `slack: …` to `notify`, or leave `teams` out)",
        ),
        (
            "slack: { channel: a, webhook: { env: W } }\nteams: { channels: { pay: pay-alerts } }",
            "the channel `pay-alerts` can't be reached by the webhook of `slack` (a webhook posts to one channel only: give the team one of its own, `{ webhook: { env: NAME } }`, or give `slack` a `token`)",
        ),
    ] {
        assert_eq!(wrong(notify), [expected], "{notify}");
    }
}

#[test]
fn mistakes_in_tickets_say_what_would_be_right() {
    for (part, by, expected) in [
        ("[dev, prod]", "[dve, prod]", "there is no environment `dve` (did you mean `dev`?)"),
        ("[dev, prod]", "[]", "`environments` needs at least one environment"),
        ("[dev, prod]", "[dev, dev]", "`dev` is there twice"),
        ("{images}", "{imges}", "unknown variable `{imges}` (did you mean `{images}`?)"),
        (
            "{ended}",
            "{ended",
            "an item of `list` has a brace without its other (a brace that is none of a variable's is written twice: `{{` or `}}`)",
        ),
        (
            "'{ended}'",
            "'a } b'",
            "an item of `list` has a brace without its other (a brace that is none of a variable's is written twice: `{{` or `}}`)",
        ),
        ("q={key}", "q={kee}", "unknown variable `{kee}` (did you mean `{key}`?)"),
        (
            "https://jira.example/search",
            "ftp://jira.example/search",
            "`url` is neither http nor https (as in `https://host.example/path`)",
        ),
        (
            "https://jira.example/search",
            "https://me:hush@jira.example/search",
            "`url` holds a user name (give the credentials as a header: `headers: { Authorization: { env: NAME } }`)",
        ),
        ("    id: $.key\n", "", "`id` is missing (add `id: …` here)"),
        ("$.key", "key", "`key` is not a JSON path: at position 0, parser error (as in `$.key`)"),
        ("method: PUT", "method: GET", "a `GET` has no body (leave it out, or use another `method`)"),
        (
            "method: PUT",
            "method: put",
            "`method` is `put`, but may be `GET`, `POST`, `PUT` or `PATCH` (did you mean `PUT`?)",
        ),
        (
            "{ env: JIRA_AUTH }",
            "Basic hush",
            "`Authorization` is a secret, and may not be written here (name where it is read from: `{ env: NAME }` or `{ file: path }`)",
        ),
        ("X-Plain:", "'X Plain':", "`X Plain` is not the name of a header"),
    ] {
        assert_eq!(TICKETS.matches(part).count(), 1, "{part}");
        let text = TICKETS.replace(part, by);
        assert_eq!(wrong(&text), [expected], "{by}");
        assert!(!parse(&with(&text)).unwrap_err().to_string().contains("hush"), "{by}");
    }
}

#[test]
fn a_secret_that_is_written_directly_is_not_repeated() {
    let hook = HOOK;
    for notify in [
        format!("slack: {{ channel: a, webhook: {hook} }}"),
        format!("slack:\n  channel: a\n  webhook: '{hook}'"),
        format!("slack: {{ channel: {hook}, webhook: {{ env: A }} }}"),
        format!("slack: {{ channel: a, webhook: {{ env: '{hook}' }} }}"),
        format!("slack: {{ channel: a, webhook: {{ url: '{hook}' }} }}"),
        format!("slack: {{ channel: a, webhook: [ {hook} ] }}"),
        format!("slack: {{ channel: a, webhook: {{ file: '{hook}' }} }}"),
        format!("slack: {{ chanel: a, webhook: {{ env: A }}, webhook: {hook} }}"),
        "slack: { channel: a, token: xoxb-hush }".to_owned(),
        "slack: { chanel: a, token: hush }".to_owned(),
        "slack: { channel: a, token: { env: xoxb-hush } }".to_owned(),
        "slack: { channel: a, token: { file: xoxb-hush } }".to_owned(),
        "slack: { channel: a, token: { vault: hush } }".to_owned(),
        "slack: { channel: a, token: { env: T }, api: 'https://u:hush@h/' }".to_owned(),
        format!("slack: {{ channel: a, token: {{ env: T }} }}\nteams: {{ channels: {{ pay: '{hook}' }} }}"),
        format!(
            "slack: {{ channel: a, token: {{ env: T }} }}\nteams: {{ channels: {{ pay: {{ webhook: '{hook}' }} }} }}"
        ),
        "webhooks: [{ url: https://receiver.example/hush, secret: { env: S } }]".to_owned(),
        "webhooks: [{ url: { env: U }, secret: whsec_hush, more: 1 }]".to_owned(),
        "webhooks: { url: https://receiver.example/hush }".to_owned(),
        format!("{{ slak: {hook} }}").replace("{ ", "").replace(" }", ""),
    ] {
        let errors = parse(&with(&notify)).unwrap_err();
        let shown = format!("{errors}\n{}", serde_json::to_string(&errors).unwrap());
        assert!(!shown.contains("hush"), "{notify}:\n{shown}");
    }
}

#[test]
fn a_secret_is_not_shown_when_the_file_is_no_yaml() {
    for secret in ["xoxb-hush", HOOK] {
        let text = with(&format!("slack: {{ channel: a, token: \"{secret}"));
        let shown = parse(&text).unwrap_err().to_string();
        assert!(!shown.contains("hush"), "{shown}");
        let text = with(&format!("slack: {{ channel: a, token: {secret} }}]"));
        let shown = parse(&text).unwrap_err().to_string();
        assert!(!shown.contains("hush") && shown.contains("**"), "{shown}");
    }
}

#[test]
fn a_secret_is_not_shown_when_notify_itself_is_misspelt() {
    let text = with(&format!("slack: {{ channel: a, webhook: {HOOK} }}"));
    let text = text.replace("notify:\n  ", "notfy: { ") + "}";
    let shown = parse(&text).unwrap_err().to_string();
    assert!(shown.contains("did you mean `notify`?") && !shown.contains("hush"), "{shown}");
}

#[test]
fn a_hidden_secret_leaves_the_rest_of_its_line_and_the_caret_in_place() {
    let shown = parse(&with("slack: { channel: a, token: xoxb-hush, chanel: b }")).unwrap_err().to_string();
    assert!(shown.contains("|   slack: { channel: a, token: *********, chanel: b }\n"), "{shown}");
    assert!(shown.contains("|                               ^^^^^^^^^ name where"), "{shown}");
}
