//! Servers that refuse, stall, lie and break: what is tried how often, and what is told.

use std::sync::Arc;

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::ring};

use super::server::{Does, Server, answer, ok};
use super::*;
use crate::model::Problem;
use crate::net;

/// What a failure may never show.
const SECRETS: [&str; 3] = ["path-secret", "header-secret", "127.0.0.1:"];

/// Sends one request to a server that does these things; how often it came, and what was told.
async fn sent(deeds: Vec<Does>) -> (Server, Result<Answer, Problem>) {
    let server = Server::start(deeds).await;
    let post = Post::new(fast(), Outlet::Network);
    let sent = post.send(&request(&server.url())).await;
    assert_eq!(post.trouble("slack").is_some(), sent.is_err());
    if let Err(problem) = &sent {
        let told = format!("{problem} {problem:?} {post:?} {:?}", request(&server.url()));
        assert!(SECRETS.iter().all(|secret| !told.contains(secret)), "{told}");
        assert!(!problem.next.is_empty() && !problem.what.is_empty(), "{problem}");
    }
    (server, sent)
}

/// The gaps of five tries: 1, 2, 4 and 8 s, each up to a quarter more, and what a busy
/// machine adds.
fn assert_backed_off(server: &Server, each_took: f64) {
    let gaps = server.gaps(SPEED);
    assert_eq!(gaps.len(), 4, "{gaps:?}");
    for (gap, base) in gaps.iter().zip([1.0, 2.0, 4.0, 8.0]) {
        // The server sees a request a while after its time began to count.
        let least = base * 0.9 + each_took / 2.0;
        assert!(*gap >= least && *gap < base * 1.25 + each_took + 40.0, "{gap} for {base}: {gaps:?}");
    }
}

#[tokio::test]
async fn a_server_that_had_trouble_gets_it_again() {
    let (server, sent) = sent(vec![answer("500 Oops", "Connection: close\r\n", ""), ok()]).await;
    assert_eq!(sent.unwrap().body, b"ok");
    assert_eq!(server.came().len(), 2);
}

#[tokio::test]
async fn a_server_that_stays_in_trouble_is_tried_five_times() {
    let (server, sent) =
        sent(vec![answer("503 Service Unavailable", "", "\n  down for path-secret \u{7}\nmore")]).await;
    let problem = sent.unwrap_err();
    assert_eq!(problem.what, "the server answered 503 Service Unavailable: down for […]");
    assert_eq!(problem.why, "tried 5 times");
    assert_backed_off(&server, 0.0);
}

#[tokio::test]
async fn what_is_refused_for_good_is_tried_once() {
    for (status, next) in [
        ("400 Bad Request", "look what the server expects: it refused what it was sent"),
        ("404 Not Found", "look whether the address is right, and still valid"),
        ("403 Forbidden", "look whether the token or the secret address is right, and still valid"),
        ("302 Found", "redirects are not followed: give the address that it leads to"),
    ] {
        let headers = "Location: http://127.0.0.1:9/elsewhere\r\n";
        let (server, sent) = sent(vec![answer(status, headers, "no_service")]).await;
        let problem = sent.unwrap_err();
        assert_eq!(problem.what, format!("the server answered {status}: no_service"));
        assert_eq!((problem.why.as_str(), problem.next.as_str()), ("tried once", next));
        assert_eq!(server.came().len(), 1);
    }
}

#[tokio::test]
async fn a_server_is_waited_for_as_long_as_it_says_within_reason() {
    for (says, least, most) in [
        ("7", 7.0, 45.0),
        ("Sun, 22 Nov 2026 19:00:20 GMT", 15.0, 58.0),
        ("in a while", 1.0, 40.0),
        ("86400", 60.0, 110.0),
    ] {
        for status in ["429 Too Many Requests", "503 Service Unavailable"] {
            let (server, sent) = sent(vec![
                answer(status, &format!("Connection: close\r\nRetry-After: {says}\r\n"), ""),
                ok(),
            ])
            .await;
            sent.unwrap();
            let gaps = server.gaps(SPEED);
            assert!(gaps.len() == 1 && gaps[0] >= least && gaps[0] < most, "{says}: {gaps:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_makes_one_sink_wait_holds_up_no_other() {
    let busy = Server::start(vec![answer("429 Too Many Requests", "Retry-After: 3600\r\n", "")]).await;
    let fine = Server::start(vec![ok()]).await;
    let post = Post::new(fast(), Outlet::Network);
    let (slow, url) = (post.clone(), busy.url());
    let waiting = tokio::spawn(async move { slow.send(&request(&url)).await });
    while busy.came().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let other = Request { sink: "slack #search".to_owned(), ..request(&fine.url()) };
    post.send(&other).await.unwrap();
    assert!(!waiting.is_finished());
    assert!(post.trouble("slack").unwrap().what.contains("429"));
    assert!(post.trouble("slack #search").is_none() && post.trouble("slac").is_none());
    waiting.abort();
}

#[tokio::test]
async fn a_refused_connection_is_tried_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/path-secret", listener.local_addr().unwrap());
    drop(listener);
    let clock = fast();
    let problem = Post::new(clock, Outlet::Network).send(&request(&url)).await.unwrap_err();
    assert_eq!(problem.what, "no connection could be made: connection refused");
    assert_eq!(problem.why, "tried 5 times");
    assert!(clock.since(begin()) >= seconds(15), "{:?}", clock.since(begin()));
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_again() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half".to_vec();
    for deed in [Does::Resets, Does::AnswersAndCloses(Vec::new()), Does::AnswersAndCloses(cut)] {
        let (server, ended) = sent(vec![deed.clone()]).await;
        let problem = ended.unwrap_err();
        assert!(problem.what.starts_with("the connection broke: "), "{deed:?}: {problem}");
        assert_eq!(problem.why, "tried 5 times");
        assert_backed_off(&server, 0.0);
        let (server, ended) = sent(vec![deed, ok()]).await;
        ended.unwrap();
        assert_eq!(server.came().len(), 2);
    }
}

#[tokio::test]
async fn a_server_that_stalls_is_given_ten_seconds_each_time() {
    for (deed, told) in
        [(Does::NeverAnswers, "no answer within 10s"), (Does::Drips, "the answer was not whole within 10s")]
    {
        let (server, sent) = sent(vec![deed]).await;
        assert_eq!(sent.unwrap_err().what, told);
        assert_backed_off(&server, 10.0);
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let (server, sent) = sent(vec![Does::NeverEnds]).await;
    assert_eq!(sent.unwrap().body.len(), 64 * 1024);
    assert_eq!(server.came().len(), 1);
}

#[tokio::test]
async fn what_is_not_http_is_not_tried_again() {
    let head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    for bytes in [b"220 mail.example ESMTP\r\n".to_vec(), head.into_bytes()] {
        let (server, sent) = sent(vec![Does::AnswersAndCloses(bytes)]).await;
        let problem = sent.unwrap_err();
        assert!(problem.what.starts_with("the answer is not HTTP as it should be"), "{problem}");
        assert_eq!(server.came().len(), 1);
    }
}

#[tokio::test]
async fn tls_where_there_is_none_is_not_tried_again() {
    let server = Server::start(vec![answer("400 Bad Request", "", "")]).await;
    let url = server.url().replace("http://", "https://");
    let problem = Post::new(fast(), Outlet::Network).send(&request(&url)).await.unwrap_err();
    assert!(problem.what.starts_with("TLS failed: "), "{problem}");
    assert_eq!((problem.why.as_str(), server.came().len()), ("tried once", 1));
}

#[tokio::test]
async fn an_address_or_header_that_can_t_be_sent_is_told_without_its_value() {
    let post = Post::new(fast(), Outlet::Network);
    for url in ["", "path-secret", "ftp://host/path-secret", "http://", "https:///path-secret:x:y"] {
        let problem = post.send(&request(url)).await.unwrap_err();
        assert!(problem.what.starts_with("its address is"), "{url}: {problem}");
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }
    let header = ("X-Key".to_owned(), SecretString::from("header-secret\nX-More: 1"));
    let broken = Request { headers: vec![header], ..request("http://127.0.0.1:9/") };
    let problem = post.send(&broken).await.unwrap_err();
    assert!(problem.what.starts_with("the header X-Key can't be sent"), "{problem}");
    assert!(!problem.to_string().contains("secret\n"), "{problem}");
}

fn pem(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/src/smoke/testdata/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[tokio::test]
async fn https_reaches_whom_the_roots_vouch_for_and_nobody_else() {
    let certificate = CertificateDer::from_pem_slice(&pem("localhost.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&pem("localhost-key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/path-secret", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                let _ = stream.shutdown().await;
            }
        }
    });
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let trusting = Post::trusting(fast(), net::tls_trusting(roots).unwrap());
    assert_eq!(trusting.send(&request(&url)).await.unwrap().body, b"ok");
    let doubting = Post::trusting(fast(), net::tls_trusting(RootCertStore::empty()).unwrap());
    let problem = doubting.send(&request(&url)).await.unwrap_err();
    assert!(problem.what.starts_with("TLS failed: "), "{problem}");
    assert_eq!(problem.why, "tried once");
}
