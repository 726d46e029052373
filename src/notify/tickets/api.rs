//! The calls of a ticket's API: filled in, sent, and their answers read.

use std::sync::atomic::{AtomicU64, Ordering};

use secrecy::SecretString;
use serde_json::{Value, json};
use serde_json_path::JsonPath;

use super::SINK;
use super::words::Words;
use crate::config::{Call, HeaderValue, Tickets};
use crate::model::Problem;
use crate::notify::post::{Answer, Method, Post, Request};
use crate::notify::secrets::Secrets;

/// A ticket system.
pub(super) struct Api {
    post: Post,
    headers: Vec<(String, SecretString)>,
    find: Option<Call>,
    create: Call,
    comment: Option<Call>,
    close: Call,
    /// How many tickets a rehearsal has opened.
    rehearsed: AtomicU64,
}

impl Api {
    pub(super) fn new(tickets: &Tickets, secrets: Secrets, post: Post) -> Result<Self, Problem> {
        let mut headers = Vec::new();
        for (name, value) in &tickets.headers {
            let value = match value {
                HeaderValue::Plain(text) => SecretString::from(text.as_str()),
                HeaderValue::Secret(source) => {
                    secrets.read(source, &format!("notify.tickets.headers.{name}"))?
                }
            };
            headers.push((name.to_lowercase(), value));
        }
        for name in ["accept", "content-type"] {
            if !headers.iter().any(|(known, _)| known == name) {
                headers.push((name.to_owned(), SecretString::from("application/json")));
            }
        }
        Ok(Self {
            post,
            headers,
            find: tickets.find.clone(),
            create: tickets.create.clone(),
            comment: tickets.comment.clone(),
            close: tickets.close.clone(),
            rehearsed: AtomicU64::new(0),
        })
    }

    /// The ticket that an earlier run opened, if there is one.
    pub(super) async fn find(&self, what: &str, words: &Words) -> Result<Option<String>, Problem> {
        let Some(call) = &self.find else { return Ok(None) };
        let mut request = self.request(call, what, words, "");
        request.rehearsed = json!({ "rehearsed": "nothing is found" }).to_string();
        let answer = match self.post.send(&request).await {
            Ok(answer) => answer,
            // Some say so when there is none.
            Err(problem) if problem.what.contains("answered 404") => return Ok(None),
            Err(problem) => return Err(problem),
        };
        let Some(body) = json_of(&answer) else {
            return Err(Problem::new(
                "the answer to notify.tickets.find is not JSON",
                "whether there is a ticket already is not known, and a second one is not opened",
                "look whether the address is right, and whether a sign-in page answers in its place",
            ));
        };
        Ok(call.id.as_ref().and_then(|path| id_in(path, &body)))
    }

    /// Opens a ticket; its name.
    pub(super) async fn create(&self, what: &str, words: &Words, text: &str) -> Result<String, Problem> {
        let mut request = self.request(&self.create, what, words, text);
        let made_up = format!("REHEARSAL-{}", self.rehearsed.fetch_add(1, Ordering::Relaxed) + 1);
        request.rehearsed = json!({ "rehearsed": made_up }).to_string();
        let answer = self.post.send(&request).await?;
        if answer.body == request.rehearsed.as_bytes() {
            // A file answers what it is told: no path of the configuration would find it there.
            return Ok(made_up);
        }
        let body = json_of(&answer);
        let id = body.and_then(|body| id_in(self.create.id.as_ref()?, &body));
        id.ok_or_else(|| {
            let path = self.create.id.as_ref().map(ToString::to_string).unwrap_or_default();
            Problem::new(
                "the answer to notify.tickets.create names no ticket",
                format!("it has no text or number at {path}; the ticket may be open all the same"),
                "correct notify.tickets.create.id, and close that ticket by hand",
            )
        })
    }

    /// Says something in it, if the configuration says how.
    pub(super) async fn comment(&self, what: &str, words: &Words, text: &str) -> Result<(), Problem> {
        let Some(call) = &self.comment else { return Ok(()) };
        self.post.send(&self.request(call, what, words, &words.inside(text))).await.map(drop)
    }

    /// Closes it.
    pub(super) async fn close(&self, what: &str, words: &Words, text: &str) -> Result<(), Problem> {
        self.post.send(&self.request(&self.close, what, words, &words.inside(text))).await.map(drop)
    }

    fn request(&self, call: &Call, what: &str, words: &Words, text: &str) -> Request {
        let body = call.body.as_ref().map(|body| words.body(body).to_string().into_bytes());
        Request {
            method: method(&call.method),
            url: SecretString::from(words.address(&call.url)),
            headers: self.headers.clone(),
            body: body.unwrap_or_default(),
            sink: SINK.to_owned(),
            what: what.to_owned(),
            text: text.to_owned(),
            rehearsed: "{}".to_owned(),
        }
    }
}

/// The configuration knows these four only.
fn method(name: &str) -> Method {
    [Method::Get, Method::Put, Method::Patch]
        .into_iter()
        .find(|method| method.as_str() == name)
        .unwrap_or(Method::Post)
}

fn json_of(answer: &Answer) -> Option<Value> {
    serde_json::from_slice(&answer.body).ok()
}

/// The first text or number at the path.
fn id_in(path: &JsonPath, body: &Value) -> Option<String> {
    path.query(body).all().into_iter().find_map(|found| match found {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}
