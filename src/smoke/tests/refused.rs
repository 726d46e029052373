//! Whose refusal of a connection says that the instance's application does not run.

use std::net::SocketAddr;

use super::network::server;
use super::*;
use crate::config::TcpCheck;

/// An address where nothing listens.
async fn nobody() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// Asks an instance of that address; the status, and whether it counts as refused by the instance.
async fn asked(kind: CheckKind, on: Scope, own: &'static str) -> (Status, bool) {
    let one = check("health", kind, on, once());
    let result = run_one(&runner(), calls(move |_| Ok(sighting(&["i-1"], own))), &one).await;
    (result.status, result.probes[0].refused)
}

fn following(address: SocketAddr) -> CheckKind {
    CheckKind::Http(HttpCheck { redirects: 1, ..get(&format!("http://{address}/")) })
}

#[tokio::test]
async fn only_the_instance_itself_says_that_nothing_listens_there() {
    use Scope::{Group, Instance};
    use Status::Errored;

    let port = nobody().await.port();
    let http = |host: &str| CheckKind::Http(get(&format!("http://{host}:{port}/")));
    let tcp = TcpCheck {
        host: "{private_ip}".into(),
        port,
        banner: None,
        send: None,
        tls: None,
        certificate_valid: None,
        within: Duration::from_secs(200),
    };
    assert_eq!(asked(http("{private_ip}"), Instance, "127.0.0.1").await, (Errored, true));
    assert_eq!(asked(CheckKind::Tcp(tcp), Instance, "127.0.0.1").await, (Errored, true));
    // A proxy, a tunnel, a balancer.
    assert_eq!(asked(http("127.0.0.1"), Instance, "127.0.0.2").await, (Errored, false));
    assert_eq!(asked(http("127.0.0.1"), Group, "127.0.0.1").await, (Errored, false));
}

#[tokio::test]
async fn what_refuses_behind_a_redirect_or_breaks_off_is_no_such_word() {
    let gone = nobody().await;
    let login = server(move |mut stream| async move {
        network::request(&mut stream).await;
        let said = format!("HTTP/1.1 302 Found\r\nLocation: http://{gone}/\r\nContent-Length: 0\r\n\r\n");
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, said.as_bytes()).await;
    })
    .await;
    assert_eq!(asked(following(login), Scope::Instance, "127.0.0.1").await, (Status::Errored, false));
    let resets = server(|mut stream| async move {
        network::request(&mut stream).await;
        network::reset(stream);
    })
    .await;
    assert_eq!(asked(following(resets), Scope::Instance, "127.0.0.1").await, (Status::Errored, false));
}
