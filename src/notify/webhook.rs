//! Webhooks: every event as a cloud event in JSON, signed, one POST each, in order.
//!
//! The signature is that of Standard Webhooks. A receiver that is dead is left alone for a
//! while, so that it does not use up the time that the end of a run gives to all.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::post::{Method, Post, Request};
use super::secrets::Secrets;
use super::tally::{Inbox, Tally};
use crate::clock::Clock;
use crate::config::Webhook;
use crate::event::{Event, Stamped};
use crate::model::Problem;

/// A secret in base64 begins so.
const BASE64_MARK: &str = "whsec_";
/// After how many failures in a row the receiver is left alone, …
const FAILURES: u32 = 3;
/// … and for how long.
const PAUSE: Duration = Duration::from_secs(30);

/// One receiver.
pub(super) struct WebhookSink {
    name: String,
    url: SecretString,
    key: SecretSlice<u8>,
    post: Post,
    clock: Clock,
}

impl WebhookSink {
    /// Reads the secrets of the receiver, the `index`th of the configuration from 0.
    ///
    /// # Errors
    /// When one is missing or is not what it says.
    pub(super) fn new(
        name: &str,
        index: usize,
        webhook: &Webhook,
        secrets: Secrets,
        (post, clock): (Post, Clock),
    ) -> Result<Self, Problem> {
        let place = |key: &str| format!("notify.webhooks[{index}].{key}");
        let url = secrets.read(&webhook.url, &place("url"))?;
        let secret = secrets.read(&webhook.secret, &place("secret"))?;
        let key = key(&secret).ok_or_else(|| {
            Problem::new(
                format!("the secret of {} is not as it says", place("secret")),
                format!("it begins with {BASE64_MARK}, and the rest is not base64"),
                "give it as the receiver shows it",
            )
        })?;
        Ok(Self { name: name.to_owned(), url, key, post, clock })
    }

    /// Sends every event, until no more come.
    pub(super) async fn run(self, mut inbox: Inbox, tally: Tally) {
        let mut envelopes = Envelopes::default();
        let mut failures = 0;
        let mut resting: Option<(Timestamp, Problem)> = None;
        while let Some(event) = inbox.next().await {
            let envelope = envelopes.wrap(&event);
            if let Some((until, why)) = &resting
                && self.clock.now() < *until
            {
                tally.event_lost(why.clone());
                continue;
            }
            match self.post.send_promptly(&self.request(&envelope)).await {
                Ok(_) => failures = 0,
                Err(problem) => {
                    failures += 1;
                    tally.event_lost(problem.clone());
                    let until = self.clock.now().checked_add(PAUSE).unwrap_or(Timestamp::MAX);
                    resting = (failures >= FAILURES).then_some((until, problem));
                }
            }
        }
    }

    fn request(&self, envelope: &Envelope) -> Request {
        let body = envelope.json.to_string();
        let at = self.clock.now().as_second().to_string();
        let signature = sign(self.key.expose_secret(), &envelope.id, &at, &body);
        let headers = [
            ("Content-Type", "application/cloudevents+json; charset=utf-8"),
            ("webhook-id", &envelope.id),
            ("webhook-timestamp", &at),
            ("webhook-signature", &signature),
        ];
        Request {
            method: Method::Post,
            url: self.url.clone(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.into())).into(),
            body: body.into_bytes(),
            sink: self.name.clone(),
            what: envelope.name.clone(),
            // People would not read them, and there are many.
            text: String::new(),
            rehearsed: String::new(),
        }
    }
}

/// The bytes that sign; `None` when the secret says base64 and is none.
fn key(secret: &SecretString) -> Option<SecretSlice<u8>> {
    let secret = secret.expose_secret();
    match secret.strip_prefix(BASE64_MARK) {
        Some(encoded) => {
            BASE64_STANDARD.decode(encoded).ok().filter(|key| !key.is_empty()).map(SecretSlice::from)
        }
        None => Some(secret.as_bytes().to_vec().into()),
    }
}

/// `v1,` and the signature of `id.timestamp.body`.
fn sign(key: &[u8], id: &str, timestamp: &str, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        // A key of any length will do.
        return String::new();
    };
    for part in [id, ".", timestamp, ".", body] {
        mac.update(part.as_bytes());
    }
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

/// Makes `CloudEvents` of the events of one run.
#[derive(Default)]
struct Envelopes {
    /// What tells this run from every other: its first event, hashed.
    run: Option<Sha256>,
    family: String,
    sequence: u64,
}

/// An event in its envelope.
struct Envelope {
    id: String,
    /// `group_ended`.
    name: String,
    json: Value,
}

impl Envelopes {
    fn wrap(&mut self, event: &Stamped) -> Envelope {
        if let Event::RunStarted { family, .. } = &event.event {
            self.family.clone_from(family);
        }
        // Every event is plain data, which serializes.
        let data = serde_json::to_value(&event.event).unwrap_or_default();
        let id = self.id(event.at, &data);
        let field = |key: &str| data.get(key).and_then(Value::as_str);
        let name = field("event").unwrap_or_default().to_owned();
        let subject = match (field("environment"), field("region"), field("group")) {
            (Some(environment), Some(region), Some(group)) => Some(format!("{environment}/{region}/{group}")),
            (environment, ..) => environment.map(str::to_owned),
        };
        let mut json = json!({
            "specversion": "1.0",
            "id": id,
            "source": format!("/ami-refresh/{}", self.family),
            "type": format!("ami-refresh.{name}"),
        });
        if let Some(subject) = subject {
            json["subject"] = subject.into();
        }
        json["time"] = event.at.to_string().into();
        json["datacontenttype"] = "application/json".into();
        json["data"] = data;
        Envelope { id, name, json }
    }

    /// The same for the same event of the same run, and for no other.
    fn id(&mut self, at: Timestamp, data: &Value) -> String {
        let run = self.run.get_or_insert_with(|| Sha256::new().chain_update(format!("{at} {data}")));
        self.sequence += 1;
        let hash = run.clone().chain_update(self.sequence.to_be_bytes()).finalize();
        let mut id = String::new();
        for byte in hash.iter().take(16) {
            use std::fmt::Write as _;
            // Writing to memory does not fail.
            let _ = write!(id, "{byte:02x}");
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `openssl dgst -sha256 -mac HMAC`.
    #[test]
    fn the_signature_is_what_others_compute() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let key = key(&secret).unwrap();
        let body = r#"{"test": 2432232314}"#;
        let signed = sign(key.expose_secret(), "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
