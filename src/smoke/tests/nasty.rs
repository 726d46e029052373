//! Servers that mean no good: each asking ends in time, holds little, and says what happened.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use super::http::asked_with;
use super::network::{answers, request, server};
use super::*;
use crate::config::HttpVersion;
use crate::event::Probe;

/// Asks with so many seconds of the check's time; fifty are one of the machine's.
async fn asked_within(seconds: u64, scheme: &str, address: SocketAddr, version: HttpVersion) -> Probe {
    let http = HttpCheck {
        within: Duration::from_secs(seconds),
        version,
        ..get(&format!("{scheme}://{address}/health"))
    };
    let probe = asked_with(&runner(), http).await;
    assert_eq!(probe.status, Status::Errored, "{probe:?}");
    assert!(probe.latency_ms < (seconds + 100) * 1000, "{probe:?}");
    assert!(probe.evidence.chars().count() < 2_300, "{}", probe.evidence.len());
    probe
}

/// Asks a server that breaks off by itself: the time is ample.
async fn asked(scheme: &str, address: SocketAddr, version: HttpVersion) -> Probe {
    asked_within(250, scheme, address, version).await
}

async fn plain(address: SocketAddr) -> String {
    asked("http", address, HttpVersion::One).await.message
}

/// Asks a server that does not end by itself.
async fn late(address: SocketAddr) -> String {
    asked_within(10, "http", address, HttpVersion::One).await.message
}

/// Writes the beginning, then the rest again and again as fast as it goes.
async fn endless(first: &'static [u8], again: &'static [u8]) -> SocketAddr {
    server(move |mut stream| async move {
        request(&mut stream).await;
        let _ = stream.write_all(first).await;
        let many = again.repeat(64 * 1024 / again.len());
        while stream.write_all(&many).await.is_ok() {}
    })
    .await
}

/// Writes byte after byte, with a pause in between, then nothing.
async fn dripping(bytes: Vec<u8>) -> SocketAddr {
    server(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            request(&mut stream).await;
            for byte in bytes {
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            std::future::pending::<()>().await;
        }
    })
    .await
}

/// Accepts, and does nothing more.
async fn mute() -> SocketAddr {
    server(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await
}

#[tokio::test]
async fn one_that_accepts_no_more_connections() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    // The queue is full when a connection is no longer established.
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
    {
        queued.push(stream.unwrap());
        assert!(queued.len() < 100, "the queue is never full");
    }
    assert_eq!(late(address).await, format!("no connection to {address} within 10s"));
}

#[tokio::test]
async fn one_that_never_answers() {
    assert_eq!(late(mute().await).await, "no answer within 10s");
}

#[tokio::test]
async fn one_that_drips_a_head_byte_by_byte() {
    let head = format!("HTTP/1.1 200 OK\r\nX-Long: {}", "x".repeat(1000));
    assert_eq!(late(dripping(head.into_bytes()).await).await, "no answer within 10s");
}

#[tokio::test]
async fn one_whose_headers_never_end() {
    for again in [b"X-More: of the same\r\n".as_slice(), b"x"] {
        let message = plain(endless(b"HTTP/1.1 200 OK\r\nX: ", again).await).await;
        assert!(message.starts_with("the answer's headers are more than 65536 bytes"), "{message}");
    }
}

#[tokio::test]
async fn one_that_sends_interim_answers_without_end() {
    for interim in
        [b"HTTP/1.1 100 Continue\r\n\r\n".as_slice(), b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"]
    {
        let message = plain(endless(b"", interim).await).await;
        assert!(message.starts_with("no final answer in the first 262144 bytes"), "{message}");
    }
    let slowly = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000);
    assert_eq!(late(dripping(slowly).await).await, "no answer within 10s");
}

#[tokio::test]
async fn one_that_promises_more_than_it_sends() {
    let less = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    let message = plain(answers(less).await).await;
    assert_eq!(message, "the connection was closed before the answer ended");
    let waiting = server(move |mut stream| async move {
        request(&mut stream).await;
        let _ = stream.write_all(less.as_bytes()).await;
        std::future::pending::<()>().await;
    })
    .await;
    let message = late(waiting).await;
    assert_eq!(message, "the answer did not end within 10s: 200 OK, 4 bytes of the body");
    for lie in ["-1", "18446744073709551616", "1, 2", "x"] {
        let message =
            plain(answers(format!("HTTP/1.1 200 OK\r\nContent-Length: {lie}\r\n\r\nab")).await).await;
        assert!(message.starts_with("the answer is not HTTP: "), "{lie}: {message}");
    }
}

#[tokio::test]
async fn one_that_sends_more_than_it_promised_is_heard_as_far_as_it_promised() {
    let more = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour and more";
    let probe = asked_with(&runner(), get(&format!("http://{}/", answers(more).await))).await;
    assert_eq!((probe.status, probe.evidence.as_str()), (Status::Passed, "HTTP/1.1 200 OK\n\nfour"));
}

#[tokio::test]
async fn one_whose_chunks_are_too_large_or_no_chunks() {
    let chunked = |rest: &str| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{rest}");
    let message = plain(answers(chunked("fffffffffffffff0\r\nabc")).await).await;
    assert_eq!(message, "the connection was closed before the answer ended");
    for wrong in ["fffffffffffffffff\r\nabc", "xyz\r\nabc\r\n", "-5\r\nabc"] {
        let message = plain(answers(chunked(wrong)).await).await;
        assert!(message.contains("chunk"), "{wrong}: {message}");
    }
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;";
    let message = plain(endless(head, b"extension").await).await;
    assert!(message.contains("chunk"), "{message}");
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    let message = plain(endless(head, b"X-Trailer: again\r\n").await).await;
    assert!(message.contains("trailers"), "{message}");
}

#[tokio::test]
async fn one_that_closes_resets_or_switches_protocols() {
    assert!(plain(answers("HTTP/1.1 200 OK\r\nX").await).await.contains("closed before"));
    let switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
    let probe = asked_with(&runner(), get(&format!("http://{}/", answers(switching).await))).await;
    assert_ne!(probe.status, Status::Passed, "{probe:?}");
}

#[tokio::test]
async fn one_that_stalls_in_the_tls_handshake() {
    let stalled = "TLS with 127.0.0.1 failed: the handshake did not end within 10s";
    assert_eq!(asked_within(10, "https", mute().await, HttpVersion::One).await.message, stalled);
    // A handshake record that is announced and never comes.
    let halfway = server(|mut stream| async move {
        let _ = stream.write_all(b"\x16\x03\x03\x40\x00\x02").await;
        std::future::pending::<()>().await;
    })
    .await;
    assert_eq!(asked_within(10, "https", halfway, HttpVersion::One).await.message, stalled);
}

#[tokio::test]
async fn one_that_speaks_no_tls_or_closes_in_the_handshake() {
    let closed = server(|stream| async move { drop(stream) }).await;
    let message = asked("https", closed, HttpVersion::One).await.message;
    assert!(message.starts_with("TLS with 127.0.0.1 failed: "), "{message}");
    let talking = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 1024]).await;
    })
    .await;
    let message = asked("https", talking, HttpVersion::One).await.message;
    assert!(message.contains("the server does not speak TLS there"), "{message}");
}

/// The frames by which a server begins HTTP/2: its settings, and that it has seen ours.
const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0";

#[tokio::test]
async fn one_that_speaks_http_2_and_never_answers() {
    for said in [b"".as_slice(), SETTINGS] {
        let address = server(move |mut stream| async move {
            let _ = stream.write_all(said).await;
            std::future::pending::<()>().await;
            drop(stream);
        })
        .await;
        let probe = asked_within(10, "http", address, HttpVersion::Two).await;
        assert_eq!(probe.message, "no answer within 10s");
    }
}

#[tokio::test]
async fn one_that_floods_http_2_with_frames_that_are_no_answer() {
    // Pings, and settings that change nothing.
    for frame in [b"\0\0\x08\x06\0\0\0\0\0abcdefgh".as_slice(), b"\0\0\0\x04\0\0\0\0\0"] {
        let address = server(move |mut stream| async move {
            let _ = stream.write_all(SETTINGS).await;
            let many = frame.repeat(1000);
            let (mut reading, mut writing) = stream.split();
            let mut nowhere = tokio::io::sink();
            let drain = tokio::io::copy(&mut reading, &mut nowhere);
            let flood = async { while writing.write_all(&many).await.is_ok() {} };
            let _ = tokio::join!(drain, flood);
        })
        .await;
        let message = asked("http", address, HttpVersion::Two).await.message;
        assert!(message.contains("no final answer in the first 262144 bytes"), "{message}");
    }
}

#[tokio::test]
async fn one_that_speaks_the_other_http() {
    let one = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    let message = asked("http", one, HttpVersion::Two).await.message;
    assert!(message.starts_with("the answer is not HTTP/2: "), "{message}");
    let two = answers(SETTINGS).await;
    let message = plain(two).await;
    assert!(message.starts_with("the answer is not HTTP: "), "{message}");
}
