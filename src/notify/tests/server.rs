//! A server on loopback that does what it is told, well or badly.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::notify::post::locked;

/// What a server does with a connection.
#[derive(Debug, Clone)]
pub(super) enum Does {
    /// Answers each request on it with these bytes.
    Answers(String),
    /// Answers with these bytes, and closes.
    AnswersAndCloses(Vec<u8>),
    /// Closes without a word, so that the other side sees a reset.
    Resets,
    /// Reads, and never answers.
    NeverAnswers,
    /// Answers with the head, then a byte of the body every 20 ms.
    Drips,
    /// Answers with a body that never ends.
    NeverEnds,
}

/// What came, as the server saw it.
#[derive(Debug, Clone)]
pub(super) struct Came {
    pub(super) at: Instant,
    /// The number of the connection, from 0.
    pub(super) connection: usize,
    pub(super) head: String,
    pub(super) body: String,
}

impl Came {
    /// The value of a header, by its name in lower case.
    pub(super) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.to_lowercase() == name).map_or("", |(_, value)| value)
    }
}

/// A server that serves until the test ends.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    came: Arc<Mutex<Vec<Came>>>,
}

/// `status` with a body and more headers, each ended by `\r\n`.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> Does {
    Does::Answers(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}

pub(super) fn ok() -> Does {
    answer("200 OK", "", "ok")
}

impl Server {
    /// One deed per connection, in order; the last goes on for ever.
    pub(super) async fn start(deeds: Vec<Does>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { address: listener.local_addr().unwrap(), came: Arc::default() };
        let came = Arc::clone(&server.came);
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let deed = deeds[connection.min(deeds.len() - 1)].clone();
                tokio::spawn(serve(stream, connection, deed, Arc::clone(&came)));
            }
        });
        server
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/services/path-secret", self.address)
    }

    pub(super) fn came(&self) -> Vec<Came> {
        locked(&self.came).clone()
    }

    /// How long there was between the requests, in seconds of a clock of that speed.
    pub(super) fn gaps(&self, speed: f64) -> Vec<f64> {
        let came = self.came();
        came.windows(2).map(|two| (two[1].at - two[0].at).as_secs_f64() * speed).collect()
    }
}

async fn serve(mut stream: TcpStream, connection: usize, deed: Does, came: Arc<Mutex<Vec<Came>>>) {
    stream.set_nodelay(true).unwrap();
    while let Some((head, body)) = read(&mut stream).await {
        locked(&came).push(Came { at: Instant::now(), connection, head, body });
        match &deed {
            Does::Answers(answer) => {
                let _ = stream.write_all(answer.as_bytes()).await;
            }
            Does::AnswersAndCloses(answer) => {
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
                return;
            }
            Does::Resets => {
                // Data that was never read makes the kernel reset instead of close.
                stream.set_zero_linger().unwrap();
                return;
            }
            Does::NeverAnswers => std::future::pending().await,
            Does::Drips => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n").await;
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            Does::NeverEnds => {
                let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                let _ = stream.write_all(head.as_bytes()).await;
                let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
                while stream.write_all(chunk.as_bytes()).await.is_ok() {}
            }
        }
    }
}

/// A request's head and body; `None` when the connection ended or it is no HTTP.
async fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await.ok().filter(|length| *length > 0)?;
        bytes.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if !text.starts_with(|c: char| c.is_ascii_uppercase()) {
            // TLS, where HTTP was expected: it is answered as servers do, and recorded.
            return Some((text, String::new()));
        }
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let wanted =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= wanted.unwrap_or(0) {
            return Some((head.to_owned(), body.to_owned()));
        }
    }
}
