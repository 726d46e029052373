//! The `tcp` check against servers that behave, and misbehave.

use regex::Regex;
use tokio::io::AsyncWriteExt;

use super::network::{nobody, reset, server};
use super::*;

fn tcp(address: std::net::SocketAddr, banner: Option<&str>) -> Check {
    let kind = CheckKind::Tcp(TcpCheck {
        host: address.ip().to_string(),
        port: address.port(),
        tls: None,
        certificate_valid: None,
        send: None,
        banner: banner.map(|regex| Regex::new(regex).unwrap()),
        within: Duration::from_secs(100),
    });
    check("port", kind, Scope::Group, once())
}

async fn asked(address: std::net::SocketAddr, banner: Option<&str>) -> (Status, String) {
    let result = run_one(&runner(), calls(|_| Err(throttled())), &tcp(address, banner)).await;
    assert_eq!(result.probes[0].subject, address.to_string());
    (result.status, result.message)
}

async fn silent() -> std::net::SocketAddr {
    server(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await
}

#[tokio::test]
async fn a_port_that_connects_passes() {
    let (status, message) = asked(silent().await, None).await;
    assert_eq!(status, Status::Passed);
    assert!(message.starts_with("connected in "), "{message}");
}

#[tokio::test]
async fn a_port_on_which_nobody_listens_is_an_error() {
    let address = nobody().await;
    let expected = format!("failed to connect to {address}: connection refused");
    assert_eq!(asked(address, None).await, (Status::Errored, expected));
}

#[tokio::test]
async fn a_banner_is_read_until_it_matches_however_slowly_it_comes() {
    let address = server(|mut stream| async move {
        for byte in b"SSH-2.0-OpenSSH\r\n" {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        std::future::pending::<()>().await;
    })
    .await;
    let (status, message) = asked(address, Some("^SSH-2\\.0-Open")).await;
    assert_eq!(status, Status::Passed, "{message}");
    let (status, message) = asked(address, Some("^SSH-1")).await;
    assert_eq!(status, Status::Failed);
    assert_eq!(message, "banner was \"SSH-2.0-OpenSSH\" within 100s, expected a match of \"^SSH-1\"");
}

#[tokio::test]
async fn a_server_that_says_nothing_fails_within_the_time() {
    let expected = "sent nothing within 100s, expected a match of \"hello\"".to_owned();
    assert_eq!(asked(silent().await, Some("hello")).await, (Status::Failed, expected));
}

#[tokio::test]
async fn a_server_that_closes_early_fails() {
    let address = server(|mut stream| async move { stream.write_all(b"bye").await.unwrap() }).await;
    let expected = "banner was \"bye\" before the server closed, expected a match of \"hello\"".to_owned();
    assert_eq!(asked(address, Some("hello")).await, (Status::Failed, expected));
}

#[tokio::test]
async fn an_endless_banner_is_cut() {
    let address =
        server(|mut stream| async move { while stream.write_all(&[b'x'; 999]).await.is_ok() {} }).await;
    let result = run_one(&runner(), calls(|_| Err(throttled())), &tcp(address, Some("hello"))).await;
    assert_eq!(result.status, Status::Failed);
    assert!(result.message.contains("in its first 4096 bytes"), "{}", result.message);
    assert_eq!(result.probes[0].output.len(), 4096);
}

#[tokio::test]
async fn a_reset_is_an_error() {
    let address = server(|stream| async move { reset(stream) }).await;
    let (status, message) = asked(address, Some("hello")).await;
    assert_eq!((status, message.as_str()), (Status::Errored, "failed to read the banner: connection reset"));
}
