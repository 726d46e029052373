//! Events as signed `CloudEvents`, and receivers that are down.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::server::{Came, Server, answer, ok};
use super::*;
use crate::config::{Fleet, SecretSource, Webhook};
use crate::event::{Event, GroupRef, Stamped};
use crate::model::{Build, EnvironmentName, GroupName, Region};

const FLEET: &str = r#"
version: 1
families:
  base:
    previous: { name: "dept-base-*", owners: [self] }
environments:
  - name: qa
    account: "111111111111"
    regions: [eu-west-2]
    select: { tags: { Environment: qa } }
"#;

pub(super) fn fleet(webhooks: Vec<Webhook>) -> Fleet {
    let mut fleet = Fleet::parse(Path::new("fleet.yaml"), FLEET).unwrap();
    fleet.notify.webhooks = webhooks;
    fleet
}

/// A webhook whose secrets are in files of that directory.
pub(super) fn webhook(directory: &Path, url: &str, secret: &str) -> Webhook {
    let file = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        SecretSource::File(path)
    };
    Webhook { url: file("url", url), secret: file("secret", secret) }
}

pub(super) fn note(number: i64) -> Stamped {
    let at = Timestamp::from_second(begin().as_second() + number).unwrap();
    Stamped { at, event: Event::Note { environment: None, text: format!("note {number}") } }
}

fn started() -> Event {
    Event::RunStarted {
        command: "rollout".to_owned(),
        version: "1".to_owned(),
        simulation: None,
        family: "base".to_owned(),
        images: Vec::new(),
        build: Build::default(),
        environments: vec!["qa".into()],
        simulated: false,
        timezone: None,
    }
}

fn events() -> Vec<Stamped> {
    let group = GroupRef {
        environment: EnvironmentName::from("qa"),
        region: Region::from("eu-west-2"),
        group: GroupName::from("web"),
    };
    let events = [
        started(),
        Event::EnvironmentStarted { environment: "qa".into() },
        Event::ChecksStarted { group, checks: vec!["instances".to_owned()] },
        Event::Note { environment: None, text: "ünï".to_owned() },
    ];
    events.map(|event| Stamped { at: begin(), event }).into()
}

/// Tells these to a webhook with that secret, and gives what the server saw.
async fn received(secret: &str, events: &[Stamped]) -> Vec<Came> {
    let server = Server::start(vec![ok()]).await;
    let directory = tempfile::tempdir().unwrap();
    let hooks = vec![webhook(directory.path(), &server.url(), secret)];
    let notifier = Notifier::start(&fleet(hooks), fast(), Outlet::Network);
    tell_all(&notifier, events.to_vec());
    assert_eq!(notifier.finish(seconds(600)).await, []);
    server.came()
}

#[tokio::test]
async fn every_event_arrives_in_order_as_a_cloud_event() {
    let came = received("secret", &events()).await;
    let bodies: Vec<Value> = came.iter().map(|came| serde_json::from_str(&came.body).unwrap()).collect();
    let types: Vec<&str> = bodies.iter().map(|body| body["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "ami-refresh.run_started",
            "ami-refresh.environment_started",
            "ami-refresh.checks_started",
            "ami-refresh.note",
        ]
    );
    let group = serde_json::json!({
        "specversion": "1.0", "id": came[2].header("webhook-id"),
        "source": "/ami-refresh/base", "type": "ami-refresh.checks_started",
        "subject": "qa/eu-west-2/web", "time": "2026-11-22T19:00:00Z", "datacontenttype": "application/json",
        "data": {
            "event": "checks_started", "environment": "qa", "region": "eu-west-2", "group": "web",
            "checks": ["instances"],
        },
    });
    assert_eq!(bodies[2], group);
    assert_eq!(bodies[1]["subject"], "qa");
    assert_eq!(bodies[3].get("subject"), None);
    assert!(came.iter().all(|came| came.header("content-type").starts_with("application/cloudevents+json")));
    assert!(came.iter().all(|came| came.connection == 0), "one connection serves all");
}

#[tokio::test]
async fn an_id_is_of_one_event_of_one_run() {
    let ids = async |events: &[Stamped]| -> Vec<String> {
        let came = received("secret", events).await;
        came.iter().map(|came| came.header("webhook-id").to_owned()).collect()
    };
    // The same event twice is two events.
    let twice = [events(), events()].concat();
    let first = ids(&twice).await;
    let distinct: std::collections::BTreeSet<&String> = first.iter().collect();
    assert_eq!(distinct.len(), 8);
    assert_eq!(ids(&twice).await, first);
    let mut later = events();
    later[0].at = Timestamp::UNIX_EPOCH;
    assert!(ids(&later).await.iter().all(|id| !first.contains(id)));
}

#[tokio::test]
async fn the_signature_is_over_id_time_and_body() {
    let encoded = format!("whsec_{}", BASE64_STANDARD.encode(b"sixteen bytes or"));
    for (secret, key) in [("plain text", &b"plain text"[..]), (&encoded, b"sixteen bytes or")] {
        for came in received(secret, &events()).await {
            let time = came.header("webhook-timestamp");
            let age = time.parse::<i64>().unwrap() - begin().as_second();
            assert!((0..600).contains(&age), "{time}");
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            mac.update(format!("{}.{time}.{}", came.header("webhook-id"), came.body).as_bytes());
            let signature = came.header("webhook-signature").strip_prefix("v1,").unwrap();
            mac.verify_slice(&BASE64_STANDARD.decode(signature).unwrap()).unwrap();
        }
    }
}

#[tokio::test]
async fn a_secret_that_is_missing_or_wrong_is_told_once() {
    let server = Server::start(vec![ok()]).await;
    let directory = tempfile::tempdir().unwrap();
    let mut hooks = vec![
        webhook(directory.path(), &server.url(), "whsec_?private?"),
        Webhook {
            url: SecretSource::Env("AMI_REFRESH_NEVER_SET".to_owned()),
            secret: SecretSource::Env("AMI_REFRESH_NEVER_SET".to_owned()),
        },
    ];
    let fine = tempfile::tempdir().unwrap();
    hooks.push(webhook(fine.path(), &server.url(), "secret"));
    let notifier = Notifier::start(&fleet(hooks), fast(), Outlet::Network);
    tell_all(&notifier, events());
    let undelivered = notifier.finish(seconds(600)).await;
    assert_eq!(
        told(&undelivered),
        [
            "webhook 1: everything: the secret of notify.webhooks[0].secret is not as it says",
            "webhook 2: everything: the secret of notify.webhooks[1].url is missing",
        ]
    );
    assert!(!format!("{undelivered:?}").contains("?private?"), "{undelivered:?}");
    assert_eq!(server.came().len(), 4);
}

#[tokio::test]
async fn a_dead_receiver_is_left_alone_for_a_while() {
    let server = Server::start(vec![answer("410 Gone", "", "moved out")]).await;
    let directory = tempfile::tempdir().unwrap();
    let clock = fast();
    let hooks = vec![webhook(directory.path(), &server.url(), "secret")];
    let notifier = Notifier::start(&fleet(hooks), clock, Outlet::Network);
    tell_all(&notifier, (0..20).map(note));
    while server.came().len() < 3 {
        clock.sleep(seconds(1)).await;
    }
    clock.sleep(seconds(60)).await;
    assert_eq!(server.came().len(), 3);
    // It gets another chance then, and one only.
    tell_all(&notifier, (0..20).map(note));
    let undelivered = notifier.finish(seconds(600)).await;
    assert_eq!(server.came().len(), 4);
    assert_eq!(told(&undelivered), ["webhook 1: 40 events: the server answered 410 Gone: moved out"]);
}

#[tokio::test]
async fn a_receiver_that_recovers_gets_what_comes_then() {
    let down = answer("404 Not Found", "Connection: close\r\n", "");
    let server = Server::start(vec![down.clone(), down.clone(), ok()]).await;
    let directory = tempfile::tempdir().unwrap();
    let hooks = vec![webhook(directory.path(), &server.url(), "secret")];
    let notifier = Notifier::start(&fleet(hooks), fast(), Outlet::Network);
    tell_all(&notifier, (0..6).map(note));
    let undelivered = notifier.finish(seconds(600)).await;
    assert_eq!(server.came().len(), 6);
    assert_eq!(told(&undelivered), ["webhook 1: 2 events: the server answered 404 Not Found"]);
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_needs_neither_a_receiver_nor_its_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let absent = || SecretSource::File(directory.path().join("none"));
    let hooks = vec![Webhook { url: absent(), secret: absent() }];
    let clock = Clock::starting_at(begin(), 1.0);
    let outlet = Outlet::Files(directory.path().to_owned());
    let notifier = Notifier::start(&fleet(hooks), clock, outlet);
    tell_all(&notifier, events());
    assert_eq!(notifier.finish(seconds(10)).await, []);
    assert_eq!(clock.since(begin()), Duration::ZERO, "events need no second each");
    let lines = std::fs::read_to_string(directory.path().join("messages.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 4);
    assert_eq!(std::fs::read_to_string(directory.path().join("messages.txt")).unwrap(), "");
}
