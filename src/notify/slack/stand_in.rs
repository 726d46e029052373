//! A server on loopback that answers by a function: it plays Slack, or a ticket system.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::notify::post::locked;

/// A request as it came.
#[derive(Debug, Clone)]
pub(in crate::notify) struct Came {
    /// `POST`, …
    pub(in crate::notify) method: String,
    /// The path and the query.
    pub(in crate::notify) path: String,
    pub(in crate::notify) head: String,
    pub(in crate::notify) body: Value,
}

impl Came {
    /// The value of a header, by its name in lower case.
    pub(in crate::notify) fn header(&self, name: &str) -> String {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.to_lowercase() == name).map_or(String::new(), |(_, value)| value.to_owned())
    }

    pub(in crate::notify) fn text(&self, key: &str) -> &str {
        self.body[key].as_str().unwrap_or_default()
    }
}

/// A server that serves until the test ends.
#[derive(Debug, Clone)]
pub(in crate::notify) struct StandIn {
    pub(in crate::notify) address: SocketAddr,
    came: Arc<Mutex<Vec<Came>>>,
}

/// A whole answer: `status` with a body, and more headers, each ended by `\r\n`.
pub(in crate::notify) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

impl StandIn {
    /// Answers the n-th request, from 0, as the function says; an empty answer closes.
    pub(in crate::notify) async fn start(
        answers: impl Fn(usize, &Came) -> String + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { address: listener.local_addr().unwrap(), came: Arc::default() };
        let (came, answers) = (Arc::clone(&server.came), Arc::new(answers));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (came, answers) = (Arc::clone(&came), Arc::clone(&answers));
                tokio::spawn(async move { serve(stream, &came, &*answers).await });
            }
        });
        server
    }

    pub(in crate::notify) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(in crate::notify) fn came(&self) -> Vec<Came> {
        locked(&self.came).clone()
    }
}

async fn serve(mut stream: TcpStream, came: &Mutex<Vec<Came>>, answers: &impl Fn(usize, &Came) -> String) {
    stream.set_nodelay(true).unwrap();
    while let Some(request) = read(&mut stream).await {
        let number = {
            let mut came = locked(came);
            came.push(request.clone());
            came.len() - 1
        };
        let answer = answers(number, &request);
        if answer.is_empty() || stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Came> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await.ok().filter(|length| *length > 0)?;
        bytes.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let wanted =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() < wanted.unwrap_or(0) {
            continue;
        }
        let mut words = head.split_whitespace().map(ToOwned::to_owned);
        let (method, path) = (words.next()?, words.next()?);
        let body = serde_json::from_str(body).unwrap_or(Value::Null);
        return Some(Came { method, path, head: head.to_owned(), body });
    }
}
