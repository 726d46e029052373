//! What a check sends, and that what is secret in it is told to nobody but the server.

use std::net::SocketAddr;

use ::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use ::http::{HeaderName, Method};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::http::asked_with;
use super::network::{answer, server};
use super::*;
use crate::config::{HeaderTest, SecretSource, Sent, SentBody, SentValue};
use crate::event::Probe;

const SECRET: &str = "Bearer s3cr\"t/t0ken";

/// Says the request back, in the body and in a header.
async fn mirror() -> SocketAddr {
    server(|mut stream| async move {
        let mut buffer = vec![0; 64 * 1024];
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        let asked = String::from_utf8_lossy(&buffer[..read]).into_owned();
        let sent = asked.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap_or("none");
        let said = answer("200 OK", &asked).replacen("\r\n", &format!("\r\nX-Sent: {sent}\r\n"), 1);
        let _ = stream.write_all(said.as_bytes()).await;
    })
    .await
}

fn plain(text: &str) -> SentValue {
    SentValue::Plain { text: text.to_owned(), secret: false }
}

async fn asked(send: Sent, more: HttpCheck) -> Probe {
    let url = format!("http://{}/", mirror().await);
    asked_with(&runner(), HttpCheck { url, send, ..more }).await
}

#[tokio::test]
async fn headers_are_sent_with_their_variables_and_over_our_own() {
    let headers = vec![
        (HeaderName::from_static("x-of"), plain("{group} in {region}")),
        (HOST, plain("app.example")),
        (USER_AGENT, plain("somebody")),
    ];
    let probe = asked(Sent { headers, body: SentBody::Nothing }, get("")).await;
    for line in
        ["\r\nx-of: web in eu-west-2\r\n", "\r\nhost: app.example\r\n", "\r\nuser-agent: somebody\r\n"]
    {
        assert!(probe.evidence.contains(line), "{line} is not in {probe:?}");
    }
    assert_eq!(probe.evidence.matches("user-agent").count(), 1);
    assert!(!probe.evidence.contains("content-length: 0"), "a GET has no body: {probe:?}");
}

#[tokio::test]
async fn a_body_is_text_json_or_a_form() {
    let post = || HttpCheck { method: Method::POST, ..get("") };
    let send = |body| Sent { headers: Vec::new(), body };
    let probe = asked(send(SentBody::Text(plain("of {group}, {\"a\":1}"))), post()).await;
    assert!(probe.evidence.contains("\nPOST / HTTP/1.1"), "{probe:?}");
    assert!(probe.evidence.ends_with("of web, {\"a\":1}"), "{probe:?}");
    assert!(probe.evidence.contains("content-type: text/plain; charset=utf-8"), "{probe:?}");

    let body = json!({ "of": ["{group}", 1, null], "n": { "in": "{region}" } });
    let probe = asked(send(SentBody::Json(body)), post()).await;
    assert!(probe.evidence.ends_with(r#"{"of":["web",1,null],"n":{"in":"eu-west-2"}}"#), "{probe:?}");
    assert!(probe.evidence.contains("content-type: application/json"), "{probe:?}");

    let fields = vec![("a b".to_owned(), plain("{group}&c=d")), ("e".to_owned(), plain("é"))];
    let probe = asked(send(SentBody::Form(fields)), post()).await;
    assert!(probe.evidence.ends_with("a+b=web%26c%3Dd&e=%C3%A9"), "{probe:?}");
    assert!(probe.evidence.contains("content-type: application/x-www-form-urlencoded"), "{probe:?}");

    let own = vec![(CONTENT_TYPE, plain("application/vnd.x+json"))];
    let probe = asked(Sent { headers: own, body: SentBody::Json(json!({})) }, post()).await;
    assert!(probe.evidence.contains("content-type: application/vnd.x+json"), "{probe:?}");
    assert_eq!(probe.evidence.matches("content-type").count(), 1, "{probe:?}");
}

#[tokio::test]
async fn a_secret_reaches_the_server_and_shows_nowhere() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{SECRET}\n")).unwrap();
    let kept = || SentValue::Kept(SecretSource::File(file.path().into()));
    let send = || Sent {
        headers: vec![(AUTHORIZATION, kept())],
        body: SentBody::Form(vec![("token".to_owned(), kept())]),
    };
    // The server must have it, …
    let got = HeaderTest::Equals(SECRET.to_owned());
    let with = HttpCheck { headers: vec![(HeaderName::from_static("x-sent"), got)], ..get("") };
    let probe = asked(send(), with).await;
    assert_eq!(probe.status, Status::Passed, "{probe:?}");
    assert!(probe.evidence.contains("authorization: ***\r\n"), "{probe:?}");
    // … and what fails may show all of it but that.
    let with = HttpCheck {
        headers: vec![(HeaderName::from_static("x-sent"), HeaderTest::Exists(false))],
        body_contains: vec!["not there".to_owned()],
        ..get("")
    };
    let probe = asked(send(), with).await;
    assert!(probe.message.starts_with("header x-sent was \"***\", expected no such header; "), "{probe:?}");
    let told = format!("{probe:?}");
    for part in ["s3cr", "t0ken"] {
        assert!(!told.contains(part), "{told}");
    }
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_an_error_that_names_its_place() {
    let missing = SentValue::Kept(SecretSource::Env("AMI_REFRESH_NO_SUCH_TOKEN".to_owned()));
    let send = Sent { headers: vec![(AUTHORIZATION, missing)], body: SentBody::Nothing };
    let probe = asked(send, get("")).await;
    let expected = "the environment variable AMI_REFRESH_NO_SUCH_TOKEN is not set";
    assert_eq!((probe.status, probe.message.as_str()), (Status::Errored, expected));
}

#[tokio::test]
async fn a_slow_answer_has_failed_where_a_late_one_could_not_be_asked() {
    let address = server(|mut stream| async move {
        network::request(&mut stream).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        let _ = stream.write_all(answer("200 OK", "").as_bytes()).await;
    })
    .await;
    let http = |answer_time, within| HttpCheck {
        answer_time: Some(Duration::from_millis(answer_time)),
        within: Duration::from_secs(within),
        ..get(&format!("http://{address}/"))
    };
    // Sixty milliseconds of the machine's are three seconds on this clock.
    let probe = asked_with(&runner(), http(2_000, 100)).await;
    assert_eq!(probe.status, Status::Failed, "{probe:?}");
    assert!(probe.message.starts_with("answered, but in "), "{probe:?}");
    assert!(probe.message.ends_with(" ms, expected within 2000 ms"), "{probe:?}");
    assert_eq!(asked_with(&runner(), http(90_000, 100)).await.status, Status::Passed);
    let probe = asked_with(&runner(), http(1_000, 1)).await;
    assert_eq!((probe.status, probe.message.as_str()), (Status::Errored, "no answer within 1s"));
}

#[tokio::test]
async fn a_head_has_no_body_to_wait_for() {
    let address = network::answers("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
    let http = HttpCheck { method: Method::HEAD, ..get(&format!("http://{address}/")) };
    let probe = asked_with(&runner(), http).await;
    assert_eq!((probe.status, probe.evidence.as_str()), (Status::Passed, "HTTP/1.1 200 OK\n\n"));
}
