//! The `http` check: a GET, and the answer as far as it was heard.
//!
//! One connection per asking, no redirect followed. [`super::assertions`] judges.

use std::error::Error as _;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::Runner;
use super::answer::Answer;
use super::assertions::{self, Heard};
use super::captured;
use super::variables::Variables;
use crate::config::HttpCheck;
use crate::net::Stream;

/// How large the head of an answer may be, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    tls: bool,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    /// What the `Host` header says.
    authority: String,
    /// Path and query.
    path: String,
}

/// The address that the request goes to.
///
/// # Errors
/// When the URL is not one.
pub(super) fn address(check: &HttpCheck, variables: &Variables<'_>) -> Result<String, String> {
    let place = Place::read(&variables.in_url(&check.url)?)?;
    Ok(place.address())
}

/// Asks once, within the check's time from connecting to the last byte.
pub(super) async fn ask(runner: &Runner, check: &HttpCheck, variables: &Variables<'_>) -> Answer {
    let place = match variables.in_url(&check.url).and_then(|url| Place::read(&url)) {
        Ok(place) => place,
        Err(why) => return Answer::errored(why),
    };
    let _permit = runner.permit().await;
    let began = runner.clock.now();
    let mut heard = Heard::default();
    let limit = runner.clock.real(check.within);
    let ended = tokio::time::timeout(limit, exchange(runner, &place, &mut heard)).await;
    let took = runner.clock.since(began);
    let answer = match ended {
        Ok(Ok(())) => assertions::judge(check, &heard, took),
        Ok(Err(why)) => Answer::errored(why),
        Err(_) => Answer::errored(late(&heard, check.within)),
    };
    captured::take(&check.capture, &heard, answer.with_evidence(heard.evidence())).in_time(took)
}

fn late(heard: &Heard, within: Duration) -> String {
    match heard.status {
        Some(status) => {
            let bytes = heard.body.len();
            format!("the answer did not end within {within:?}: {status}, {bytes} bytes of the body")
        }
        None => format!("no answer within {within:?}"),
    }
}

/// Connects, asks, and hears the answer out, or as much of it as is kept.
async fn exchange(runner: &Runner, place: &Place, heard: &mut Heard) -> Result<(), String> {
    let stream = connect(runner, &place.host, place.port).await?;
    let stream = if place.tls { runner.tls.wrap(&place.host, stream).await? } else { stream };
    let request = place.request()?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(LARGEST_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| words(&error))?;
    let answering = async {
        let response = sender.send_request(request).await.map_err(|error| words(&error))?;
        hear(response, heard).await
    };
    alongside(connection, answering).await
}

/// Connects over the runner's network.
pub(super) async fn connect(runner: &Runner, host: &str, port: u16) -> Result<Stream, String> {
    let failed = |error| format!("failed to connect to {}: {}", joined(host, port), io_words(&error));
    runner.network.connect(host, port).await.map_err(failed)
}

async fn hear(response: Response<Incoming>, heard: &mut Heard) -> Result<(), String> {
    let (parts, mut body) = response.into_parts();
    heard.version = parts.version;
    heard.status = Some(parts.status);
    heard.headers = parts.headers;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| words(&error))?;
        if let Some(data) = frame.data_ref()
            && !heard.keep(data)
        {
            // The rest is not for us, and it may never end.
            return Ok(());
        }
    }
    Ok(())
}

/// Drives the connection while the answer is awaited; it ends with the answer.
async fn alongside<T>(connection: impl Future, answering: impl Future<Output = T>) -> T {
    let (mut connection, mut answering) = (pin!(connection), pin!(answering));
    let mut open = true;
    loop {
        tokio::select! {
            biased;
            answer = &mut answering => return answer,
            // Why it ended is told to whoever awaits the answer.
            _ = &mut connection, if open => open = false,
        }
    }
}

impl Place {
    fn read(url: &str) -> Result<Self, String> {
        // The URL itself is not shown: it may hold a password or a token.
        let invalid = |why: &str| format!("not a URL that can be asked: {why}");
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| invalid(&error.to_string()))?;
        let (tls, standard) = match uri.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            Some(_) | None => return Err(invalid("it begins with neither http:// nor https://")),
        };
        let authority = uri.authority().ok_or_else(|| invalid("it names no host"))?.as_str();
        // A user name is nobody's business but the server's; none is sent.
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(invalid("it names no host"));
        }
        Ok(Self {
            tls,
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(standard),
            authority: authority.to_owned(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }

    fn address(&self) -> String {
        joined(&self.host, self.port)
    }

    fn request(&self) -> Result<Request<Empty<Bytes>>, String> {
        Request::get(&self.path)
            .header(HOST, &self.authority)
            .header(USER_AGENT, concat!("ami-refresh/", env!("CARGO_PKG_VERSION")))
            .header(CONNECTION, "close")
            .body(Empty::new())
            .map_err(|error| format!("{} can't be asked: {error}", self.address()))
    }
}

/// Host and port as one text.
pub(super) fn joined(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Why the exchange broke off, in one line.
fn words(error: &hyper::Error) -> String {
    if error.is_parse() {
        return format!("the answer is not HTTP: {error}");
    }
    let closed = || "the connection was closed before the answer ended".to_owned();
    if error.is_incomplete_message() {
        return closed();
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            let ended = error.kind() == io::ErrorKind::UnexpectedEof;
            return if ended { closed() } else { io_words(error) };
        }
        cause = inner.source();
    }
    error.to_string()
}

/// An I/O error without the system's number for it.
pub(super) fn io_words(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    match error.kind() {
        kind @ (Kind::ConnectionRefused
        | Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::TimedOut
        | Kind::BrokenPipe) => kind.to_string(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_to_go() {
        let place = Place::read("http://10.0.0.1:8080/health?deep=1").unwrap();
        assert_eq!((place.tls, place.host.as_str(), place.port), (false, "10.0.0.1", 8080));
        assert_eq!((place.authority.as_str(), place.path.as_str()), ("10.0.0.1:8080", "/health?deep=1"));
        let place = Place::read("https://app.example").unwrap();
        assert_eq!((place.tls, place.port, place.path.as_str()), (true, 443, "/"));
    }

    #[test]
    fn an_ipv6_literal_keeps_its_brackets_in_the_header_only() {
        let place = Place::read("http://[fd00::1]:81/x").unwrap();
        assert_eq!(
            (place.host.as_str(), place.port, place.authority.as_str()),
            ("fd00::1", 81, "[fd00::1]:81")
        );
        assert_eq!(place.address(), "[fd00::1]:81");
    }

    #[test]
    fn a_user_name_is_not_sent() {
        assert_eq!(Place::read("http://me:secret@app/").unwrap().authority, "app");
    }

    #[test]
    fn what_is_no_url_is_said() {
        for url in
            ["", "app/health", "ftp://app/", "http://", "http:///x", "http://a b/", "http://:80/", "/x"]
        {
            assert!(Place::read(url).is_err_and(|why| why.contains("not a URL")), "{url}");
        }
    }
}
