//! The `http` check against servers that behave, and misbehave.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json_path::JsonPath;
use tokio::io::AsyncWriteExt;

use super::network::{answer, answers, nobody, request, reset, server};
use super::*;
use crate::config::{Expected, ValueTest};
use crate::event::Probe;

fn at(address: SocketAddr) -> HttpCheck {
    get(&format!("http://{address}/health"))
}

pub(super) async fn asked_with(runner: &Runner, http: HttpCheck) -> Probe {
    let one = check("health", CheckKind::Http(http), Scope::Group, once());
    let mut result = run_one(runner, calls(|_| Err(throttled())), &one).await;
    assert_eq!(result.status, result.probes[0].status);
    result.probes.remove(0)
}

async fn asked(http: HttpCheck) -> Probe {
    asked_with(&runner(), http).await
}

/// Asserts that it could not be asked, and why.
async fn errs(http: HttpCheck, why: &str) -> Probe {
    let probe = asked(http).await;
    assert_eq!(probe.status, Status::Errored, "{probe:?}");
    assert!(probe.message.contains(why), "{why:?} is not in {probe:?}");
    probe
}

#[tokio::test]
async fn a_good_answer_passes_with_its_evidence() {
    let address = answers(answer("200 OK", "{\"status\":\"UP\"}")).await;
    let probe = asked(at(address)).await;
    assert_eq!(probe.status, Status::Passed, "{probe:?}");
    assert!(probe.message.starts_with("200 OK in "), "{probe:?}");
    assert_eq!(probe.subject, address.to_string());
    assert_eq!(probe.evidence, "HTTP/1.1 200 OK\n\n{\"status\":\"UP\"}");
}

#[tokio::test]
async fn the_request_says_who_asks_whom_for_what() {
    let address = server(|mut stream| async move {
        let head = request(&mut stream).await;
        stream.write_all(answer("200 OK", &head).as_bytes()).await.unwrap();
    })
    .await;
    let probe = asked(get(&format!("http://{address}/{{group}}?in={{region}}"))).await;
    assert!(probe.evidence.contains("\n\nGET /web?in=eu-west-2 HTTP/1.1\r\n"), "{probe:?}");
    assert!(probe.evidence.contains(&format!("\r\nhost: {address}\r\n")), "{probe:?}");
    let agent = concat!("\r\nuser-agent: ami-refresh/", env!("CARGO_PKG_VERSION"), "\r\n");
    assert!(probe.evidence.contains(agent), "{probe:?}");
}

#[tokio::test]
async fn a_wrong_answer_fails_with_what_it_said() {
    let address = answers(answer("503 Service Unavailable", "warming up")).await;
    let probe = asked(at(address)).await;
    assert_eq!((probe.status, probe.message.as_str()), (Status::Failed, "status 503, expected 200"));
    assert_eq!(probe.evidence, "HTTP/1.1 503 Service Unavailable\n\nwarming up");
}

#[tokio::test]
async fn wrong_json_fails() {
    let mut http = at(answers(answer("200 OK", "{\"status\":\"DOWN\"}")).await);
    let path = JsonPath::parse("$.status").unwrap();
    http.json = vec![Expected { text: "$.status".into(), path, tests: vec![ValueTest::Equals("UP".into())] }];
    let probe = asked(http.clone()).await;
    assert_eq!(probe.message, "$.status was \"DOWN\", expected \"UP\"");
    http.url = at(answers(answer("200 OK", "UP")).await).url;
    let probe = asked(http).await;
    assert_eq!(probe.status, Status::Failed);
    assert!(probe.message.starts_with("body is not JSON: "), "{probe:?}");
}

#[tokio::test]
async fn a_redirect_is_a_status_and_not_followed() {
    let elsewhere = answers(answer("200 OK", "")).await;
    let moved = format!("HTTP/1.1 302 Found\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n\r\n");
    let probe = asked(at(answers(moved).await)).await;
    assert_eq!((probe.status, probe.message.as_str()), (Status::Failed, "status 302, expected 200"));
}

#[tokio::test]
async fn an_answer_that_ends_with_the_connection_is_whole() {
    let address = answers("HTTP/1.0 200 OK\r\n\r\nall of it").await;
    let mut http = at(address);
    http.body_contains = vec!["all of it".into()];
    assert_eq!(asked(http).await.status, Status::Passed);
}

#[tokio::test]
async fn nobody_there_is_an_error() {
    let address = nobody().await;
    errs(at(address), &format!("failed to connect to {address}: connection refused")).await;
}

#[tokio::test]
async fn a_server_that_never_answers_is_an_error_in_time() {
    let address = server(|mut stream| async move {
        request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut http = at(address);
    http.within = Duration::from_secs(2);
    let probe = errs(http, "no answer within 2s").await;
    assert!((2000..20_000).contains(&probe.latency_ms), "{probe:?}");
}

#[tokio::test]
async fn an_answer_that_drips_does_not_end_in_time() {
    let address = server(|mut stream| async move {
        request(&mut stream).await;
        let drops =
            "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".bytes().chain(std::iter::repeat(b'x'));
        for byte in drops {
            if stream.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
            if byte == b'x' {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    })
    .await;
    let mut http = at(address);
    http.within = Duration::from_secs(20);
    let probe = errs(http, "the answer did not end within 20s: 200 OK, ").await;
    assert!(probe.evidence.starts_with("HTTP/1.1 200 OK\n\nx"), "{probe:?}");
}

#[tokio::test]
async fn an_endless_body_is_cut_and_judged() {
    let address = server(|mut stream| async move {
        request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 16 * 1024]).await.is_ok() {}
    })
    .await;
    let mut http = at(address);
    http.body_contains = vec!["xxx".into()];
    let probe = asked(http).await;
    assert_eq!(probe.status, Status::Passed, "{probe:?}");
    assert_eq!((probe.evidence.chars().count(), probe.output.len()), (2001, 0));
}

#[tokio::test]
async fn what_breaks_off_is_an_error() {
    let address = server(|mut stream| async move {
        request(&mut stream).await;
        reset(stream);
    })
    .await;
    errs(at(address), "connection reset").await;
    errs(at(answers("").await), "the connection was closed before the answer ended").await;
    let half = answers("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
    let probe = errs(at(half), "before the answer ended").await;
    assert_eq!(probe.evidence, "HTTP/1.1 200 OK\n\nhalf");
}

#[tokio::test]
async fn what_is_not_http_is_an_error() {
    for garbage in [
        "SSH-2.0-OpenSSH_9.6\r\n",
        "\0\x01\x02\x03\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 two\r\n\r\n",
    ] {
        errs(at(answers(garbage).await), "the answer is not HTTP").await;
    }
    let conflicting = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab";
    errs(at(answers(conflicting).await), "the answer is not HTTP").await;
}

#[tokio::test]
async fn huge_headers_are_an_error() {
    let huge = format!("HTTP/1.1 200 OK\r\nX-Huge: {}\r\n\r\n", "x".repeat(1024 * 1024));
    errs(at(answers(huge).await), "the answer's headers are more than 65536 bytes").await;
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Many: 1\r\n".repeat(5000));
    errs(at(answers(many).await), "the answer's headers are more than 65536 bytes, or more than 100").await;
}

#[tokio::test]
async fn an_address_that_makes_no_sense_is_an_error() {
    errs(get("ftp://app/"), "not a URL that can be asked").await;
    let probe = errs(get("http://{private_ip}/"), "{private_ip} needs a check on each instance").await;
    assert_eq!(probe.subject, "web");
}

#[tokio::test]
async fn it_is_asked_again_until_it_passed_often_enough_in_a_row() {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let address = server(|mut stream| async move {
        request(&mut stream).await;
        let up = !matches!(ASKED.fetch_add(1, Ordering::SeqCst), 0 | 1 | 3);
        let status = if up { "200 OK" } else { "503 Service Unavailable" };
        let _ = stream.write_all(answer(status, "").as_bytes()).await;
    })
    .await;
    let one = check("health", CheckKind::Http(at(address)), Scope::Group, retry(300, 1, 3));
    let result = run_one(&runner(), calls(|_| Err(throttled())), &one).await;
    assert_eq!((result.status, result.probes[0].attempts), (Status::Passed, 7));
}

#[tokio::test]
async fn dropping_a_run_drops_its_connections() {
    let (gone, mut told) = tokio::sync::mpsc::unbounded_channel();
    let address = server(move |mut stream| {
        let gone = gone.clone();
        async move {
            request(&mut stream).await;
            gone.send("asked").unwrap();
            request(&mut stream).await;
            gone.send("gone").unwrap();
        }
    })
    .await;
    let mut http = at(address);
    http.within = Duration::from_secs(3600);
    let one = check("health", CheckKind::Http(http), Scope::Group, once());
    let (runner, expect) = (runner(), expectation());
    {
        let checks = [&one];
        let run = runner.run_with(calls(|_| Err(throttled())), &expect, &checks, |_| ());
        tokio::select! {
            _ = run => panic!("nobody answered"),
            first = told.recv() => assert_eq!(first, Some("asked")),
        }
    }
    assert_eq!(told.recv().await, Some("gone"));
    assert_eq!(runner.turns.free(), LIMIT);
}
