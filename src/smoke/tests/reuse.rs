//! Connections that are used again where askings queue: never at the price of a wrong result.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::http::Method;
use tokio::io::AsyncWriteExt;

use super::network::{answer, request, reset, server};
use super::*;

/// What a server does with a connection after its first answer.
#[derive(Debug, Clone, Copy)]
enum Then {
    Answers,
    /// Closes, without having said that it would.
    Closes,
    /// Hears the next request, and resets.
    Resets,
    /// Hears the next request, and begins an answer that breaks off.
    BreaksOff,
}

/// A server that counts connections and requests; each answer says which connection it came over.
struct Counting {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

async fn counting(then: Then) -> Counting {
    let (connections, requests) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let (opened, counted) = (Arc::clone(&connections), Arc::clone(&requests));
    let address = server(move |mut stream| {
        let number = opened.fetch_add(1, Ordering::SeqCst);
        let counted = Arc::clone(&counted);
        async move {
            for turn in 0.. {
                let head = request(&mut stream).await;
                if head.is_empty() {
                    return;
                }
                counted.fetch_add(1, Ordering::SeqCst);
                match then {
                    Then::Resets if turn > 0 => return reset(stream),
                    Then::BreaksOff if turn > 0 => {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nno").await;
                        return;
                    }
                    Then::Answers | Then::Closes | Then::Resets | Then::BreaksOff => {}
                }
                let said = answer("200 OK", &format!("{number} {}", head.contains("connection: close")));
                let _ = stream.write_all(said.as_bytes()).await;
                if matches!(then, Then::Closes) {
                    return;
                }
            }
        }
    })
    .await;
    Counting { address, connections, requests }
}

/// Asks so many checks of one server; each must have passed.
async fn ask(runner: &Runner, http: HttpCheck, count: usize) -> Vec<String> {
    let one = check("health", CheckKind::Http(http), Scope::Group, once());
    let (expect, checks) = (expectation(), vec![&one; count]);
    let results = runner.run_with(calls(|_| Err(throttled())), &expect, &checks, |_| ()).await;
    assert!(results.iter().all(|result| result.status == Status::Passed), "{results:?}");
    results.iter().map(|result| result.probes[0].evidence.clone()).collect()
}

fn at(server: &Counting) -> HttpCheck {
    get(&format!("http://{}/", server.address))
}

#[tokio::test]
async fn askings_that_do_not_queue_have_a_connection_each_and_say_that_it_is_their_last() {
    let server = counting(Then::Answers).await;
    let told = ask(&runner(), at(&server), 20).await;
    assert_eq!(server.connections.load(Ordering::SeqCst), 20);
    assert!(told.iter().all(|evidence| evidence.ends_with(" true")), "{told:?}");
}

#[tokio::test]
async fn askings_that_queue_take_over_connections_and_none_is_left_behind() {
    let server = counting(Then::Answers).await;
    let runner = runner().with_limit(4);
    ask(&runner, at(&server), 200).await;
    let opened = server.connections.load(Ordering::SeqCst);
    assert!((1..=50).contains(&opened), "{opened} connections");
    assert_eq!(server.requests.load(Ordering::SeqCst), 200);
    assert_eq!(runner.pool.count(), 0);
}

#[tokio::test]
async fn what_breaks_off_on_a_used_connection_is_asked_again_on_a_new_one() {
    for then in [Then::Closes, Then::Resets, Then::BreaksOff] {
        let server = counting(then).await;
        let told = ask(&runner().with_limit(2), at(&server), 50).await;
        assert!(told.iter().all(|evidence| evidence.starts_with("HTTP/1.1 200 OK\n\n")), "{told:?}");
        let opened = server.connections.load(Ordering::SeqCst);
        assert!((25..=50).contains(&opened), "{then:?}: {opened} connections");
    }
}

#[tokio::test]
async fn what_breaks_off_on_a_new_connection_has_broken_off() {
    let address = server(|mut stream| async move {
        request(&mut stream).await;
        reset(stream);
    })
    .await;
    let one = check("health", CheckKind::Http(get(&format!("http://{address}/"))), Scope::Group, once());
    let (expect, checks) = (expectation(), vec![&one; 10]);
    let runner = runner().with_limit(1);
    let results = runner.run_with(calls(|_| Err(throttled())), &expect, &checks, |_| ()).await;
    assert!(results.iter().all(|result| result.status == Status::Errored), "{results:?}");
}

#[tokio::test]
async fn what_may_not_be_asked_twice_has_a_connection_of_its_own() {
    let server = counting(Then::Answers).await;
    let http = HttpCheck { method: Method::POST, ..at(&server) };
    ask(&runner().with_limit(1), http, 20).await;
    assert_eq!(server.connections.load(Ordering::SeqCst), 20);
}

#[tokio::test]
async fn a_connection_that_waited_too_long_is_not_used() {
    let server = counting(Then::Answers).await;
    let mut slow = check("slow", CheckKind::Http(at(&server)), Scope::Group, retry(3600, 60, 2));
    // Sixty seconds on this clock are more than a second of the machine's.
    let runner = runner().with_limit(1);
    slow.retry.consecutive = 2;
    let (expect, checks) = (expectation(), [&slow]);
    runner.run_with(calls(|_| Err(throttled())), &expect, &checks, |_| ()).await;
    assert_eq!(server.requests.load(Ordering::SeqCst), 2);
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_answer_that_says_more_than_it_promised_is_no_answer_to_the_next() {
    let connections = Arc::<AtomicUsize>::default();
    let opened = Arc::clone(&connections);
    let address = server(move |mut stream| {
        opened.fetch_add(1, Ordering::SeqCst);
        async move {
            while !request(&mut stream).await.is_empty() {
                let twice = [answer("200 OK", "right"), answer("500 Oh", "wrong")].concat();
                let _ = stream.write_all(twice.as_bytes()).await;
            }
        }
    })
    .await;
    ask(&runner().with_limit(1), get(&format!("http://{address}/")), 20).await;
    assert_eq!(connections.load(Ordering::SeqCst), 20);
}
