//! Redirects: followed as far as the check says, without taking secrets along.

use std::net::SocketAddr;

use ::http::header::{AUTHORIZATION, COOKIE};
use ::http::{HeaderName, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::http::asked_with;
use super::network::{answer, server};
use super::*;
use crate::config::{SecretSource, Sent, SentBody, SentValue};
use crate::event::Probe;

/// A request with its body, as it came.
async fn whole_request(stream: &mut TcpStream) -> String {
    let (mut asked, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        asked.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        let Some((head, body)) = asked.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if read == 0 || body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return asked;
        }
    }
}

/// Redirects from each path to a location with a status; elsewhere says the request back.
async fn site(routes: Vec<(&'static str, u16, String)>) -> SocketAddr {
    server(move |mut stream| {
        let routes = routes.clone();
        async move {
            let asked = whole_request(&mut stream).await;
            let path = asked.split(' ').nth(1).unwrap_or_default();
            let said = match routes.iter().find(|(from, _, _)| *from == path) {
                Some((_, status, to)) => {
                    format!("HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
                }
                None => answer("200 OK", &asked),
            };
            let _ = stream.write_all(said.as_bytes()).await;
        }
    })
    .await
}

async fn asked(address: SocketAddr, http: HttpCheck) -> Probe {
    asked_with(&runner(), HttpCheck { url: format!("http://{address}/start"), ..http }).await
}

fn following(redirects: u32) -> HttpCheck {
    HttpCheck { redirects, ..get("") }
}

#[tokio::test]
async fn as_many_as_allowed_are_followed_and_told() {
    let routes = vec![("/start", 302, "b?token=1".to_owned()), ("/b?token=1", 301, "/c/d/../end".to_owned())];
    let site = site(routes).await;
    let probe = asked(site, following(2)).await;
    assert_eq!(probe.status, Status::Passed, "{probe:?}");
    let chain = format!("GET http://{site}/start 302\nGET http://{site}/b?… 301\n\nHTTP/1.1 200 OK\n\n");
    assert!(probe.evidence.starts_with(&chain), "{}", probe.evidence);
    assert!(probe.evidence.contains("GET /c/end HTTP/1.1"), "{}", probe.evidence);
    let probe = asked(site, following(1)).await;
    let chain =
        format!("GET http://{site}/start 302 -> GET http://{site}/b?… 301 -> GET http://{site}/c/end");
    assert_eq!((probe.status, probe.message), (Status::Failed, format!("more than 1 redirect: {chain}")));
    let probe = asked(site, following(0)).await;
    assert_eq!(probe.message, "status 302, expected 200");
}

#[tokio::test]
async fn a_circle_fails_and_shows_the_chain() {
    let site = site(vec![("/start", 302, "/b".to_owned()), ("/b", 307, "/start".to_owned())]).await;
    let probe = asked(site, following(20)).await;
    let expected = format!(
        "redirected in a circle: GET http://{site}/start 302 -> GET http://{site}/b 307 -> GET http://{site}/start"
    );
    assert_eq!((probe.status, probe.message), (Status::Failed, expected));
    let to_itself = self::site(vec![("/start", 308, String::new())]).await;
    let probe = asked(to_itself, following(20)).await;
    assert!(probe.message.starts_with("redirected in a circle: "), "{probe:?}");
}

#[tokio::test]
async fn a_redirect_without_end_fails() {
    let address = server(|mut stream| async move {
        let asked = whole_request(&mut stream).await;
        let path = asked.split(' ').nth(1).unwrap_or_default();
        let said = format!("HTTP/1.1 302 Found\r\nLocation: {path}x\r\nContent-Length: 0\r\n\r\n");
        let _ = stream.write_all(said.as_bytes()).await;
    })
    .await;
    let probe = asked(address, following(20)).await;
    assert!(probe.message.starts_with("more than 20 redirects: "), "{probe:?}");
}

#[tokio::test]
async fn a_redirect_to_nowhere_fails() {
    for nowhere in ["ftp://a/", "http://", "a b"] {
        let site = site(vec![("/start", 302, nowhere.to_owned())]).await;
        let probe = asked(site, following(3)).await;
        assert_eq!(probe.status, Status::Failed, "{probe:?}");
        assert!(probe.message.contains("the redirect leads to not a URL that can be asked"), "{probe:?}");
    }
    let gone = network::nobody().await;
    let site = site(vec![("/start", 302, format!("http://{gone}/"))]).await;
    let probe = asked(site, following(3)).await;
    let expected =
        format!("failed to connect to {gone}: connection refused, behind GET http://{site}/start 302");
    assert_eq!((probe.status, probe.message), (Status::Errored, expected));
}

#[tokio::test]
async fn the_method_and_the_body_change_as_the_status_says() {
    for (status, method, sent, then, carries) in [
        (301, Method::POST, "body", "GET", false),
        (302, Method::POST, "body", "GET", false),
        (303, Method::POST, "body", "GET", false),
        (303, Method::PUT, "body", "GET", false),
        (301, Method::PUT, "body", "PUT", true),
        (307, Method::POST, "body", "POST", true),
        (308, Method::PATCH, "body", "PATCH", true),
    ] {
        let site = site(vec![("/start", status, "/end".to_owned())]).await;
        let body = SentBody::Text(SentValue::Plain { text: sent.to_owned(), secret: false });
        let send = Sent { headers: Vec::new(), body };
        let probe = asked(site, HttpCheck { method: method.clone(), send, ..following(1) }).await;
        assert_eq!(probe.status, Status::Passed, "{probe:?}");
        assert!(probe.evidence.contains(&format!("\n{then} /end HTTP/1.1")), "{status} {method}: {probe:?}");
        assert_eq!(probe.evidence.ends_with("body"), carries, "{status} {method}: {probe:?}");
        assert_eq!(
            probe.evidence.contains("content-type: text/plain"),
            carries,
            "{status} {method}: {probe:?}"
        );
    }
}

fn plain(text: &str) -> SentValue {
    SentValue::Plain { text: text.to_owned(), secret: false }
}

#[tokio::test]
async fn credentials_go_to_their_own_origin_and_to_no_other() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "kept-in-a-file").unwrap();
    let headers = || {
        vec![
            (AUTHORIZATION, plain("Bearer one")),
            (COOKIE, plain("two=2")),
            (HeaderName::from_static("x-key"), SentValue::Kept(SecretSource::File(secret.path().into()))),
            (HeaderName::from_static("x-plain"), plain("for everybody")),
        ]
    };
    let http = || HttpCheck { send: Sent { headers: headers(), body: SentBody::Nothing }, ..following(3) };
    let own = site(vec![("/start", 302, "/end".to_owned())]).await;
    let told = asked(own, http()).await.evidence;
    for there in [
        "authorization: Bearer [redacted, 3 characters]",
        "cookie: [redacted, 5 characters]",
        "x-key: ***",
        "x-plain: for everybody",
    ] {
        assert!(told.contains(there), "{there} is not in {told}");
    }
    let other = site(Vec::new()).await;
    let leading = site(vec![("/start", 302, format!("http://{other}/end"))]).await;
    let probe = asked(leading, http()).await;
    assert_eq!(probe.status, Status::Passed, "{probe:?}");
    for gone in ["authorization", "cookie", "x-key"] {
        assert!(!probe.evidence.contains(gone), "{gone} is in {}", probe.evidence);
    }
    assert!(probe.evidence.contains("x-plain: for everybody"), "{}", probe.evidence);
}

#[tokio::test]
async fn what_was_captured_goes_to_its_own_origin_and_to_no_other() {
    let (group, tags) = (expectation().group, BTreeMap::new());
    let captured = BTreeMap::from([("token".to_owned(), "s3cret".to_owned())]);
    let variables = Variables { group: &group, tags: &tags, instance: None, captured: &captured };
    let ask = async |to: SocketAddr, send: Sent| {
        let url = format!("http://{to}/start");
        let check = HttpCheck { method: Method::POST, send, url, ..following(3) };
        super::super::http::ask(&runner(), &check, &variables).await
    };
    let own = site(vec![("/start", 307, "/end".to_owned())]).await;
    let other = site(Vec::new()).await;
    let leading = site(vec![("/start", 307, format!("http://{other}/end"))]).await;
    let header = || vec![(HeaderName::from_static("x-token"), plain("Token {token}"))];
    let in_header = || Sent { headers: header(), body: SentBody::Nothing };
    assert!(ask(own, in_header()).await.evidence.contains("x-token: Token s3cret"));
    let answer = ask(leading, in_header()).await;
    assert_eq!(answer.status, Status::Passed, "{answer:?}");
    assert!(!answer.evidence.contains("s3cret"), "{answer:?}");
    for body in [
        SentBody::Text(plain("t={token}")),
        SentBody::Json(serde_json::json!({ "a": [{ "t": "{token}" }] })),
        SentBody::Form(vec![("t".to_owned(), plain("{token}"))]),
    ] {
        let send = || Sent { headers: Vec::new(), body: body.clone() };
        assert!(ask(own, send()).await.evidence.contains("s3cret"), "{body:?}");
        let answer = ask(leading, send()).await;
        assert_eq!(answer.status, Status::Errored, "{answer:?}");
        assert!(answer.message.contains("the secret in the body is not sent there"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_secret_in_the_body_is_not_sent_to_another_origin() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "pass").unwrap();
    let fields = vec![("password".to_owned(), SentValue::Kept(SecretSource::File(secret.path().into())))];
    let send = Sent { headers: Vec::new(), body: SentBody::Form(fields) };
    let other = site(Vec::new()).await;
    let leading = site(vec![("/start", 307, format!("http://{other}/end"))]).await;
    let probe = asked(leading, HttpCheck { method: Method::POST, send, ..following(3) }).await;
    assert_eq!(probe.status, Status::Errored, "{probe:?}");
    assert!(probe.message.contains("the secret in the body is not sent there"), "{probe:?}");
}
