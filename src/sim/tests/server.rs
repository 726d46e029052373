//! The loopback server, over real sockets.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::support::{GROUP, fleet};
use crate::clock::Clock;
use crate::sim::{HOME_KEY, HOME_SECRET, Scenario, Setup, Simulator, serve};

#[tokio::test]
async fn the_wire_and_the_applications_answer_on_sockets() {
    let start = "2026-11-22T19:00:00Z".parse().expect("a time");
    let setup = Setup { loopback_block: Some(4570), ..Setup::new(fleet(2, |_| {}), Scenario::clean(), 7) };
    let simulator = Simulator::new(setup, Clock::starting_at(start, 60.0));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(simulator.clone(), listener, async {
        let _ = stopped.await;
    }));
    let config = aws_config::SdkConfig::builder()
        .endpoint_url(format!("http://{address}"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(aws_config::Region::new("eu-west-2"))
        .behavior_version(aws_config::BehaviorVersion::latest())
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            HOME_KEY,
            HOME_SECRET,
            None,
            None,
            "test",
        )))
        .build();
    let scaling = aws_sdk_autoscaling::Client::new(&config);
    let groups = scaling.describe_auto_scaling_groups().send().await.expect("groups");
    assert_eq!(groups.auto_scaling_groups()[0].auto_scaling_group_name(), Some(GROUP));
    let instance = simulator.inspect(|world| world.group(GROUP).map(|group| group.instances[0].address));
    let instance = instance.expect("an instance");
    assert!(instance.is_loopback());
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut stream = TcpStream::connect((instance, 8080)).await.expect("an application");
    stream
        .write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .expect("a request");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("an answer");
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with(r#"{"status":"UP"}"#), "{text}");
    stop.send(()).expect("a server");
    server.await.expect("no panic").expect("a quiet end");
}

#[tokio::test]
async fn simulators_of_different_ports_give_no_address_twice() {
    let addresses = |block: u16| -> BTreeSet<Ipv4Addr> {
        let setup =
            Setup { loopback_block: Some(block), ..Setup::new(fleet(2, |_| {}), Scenario::clean(), 7) };
        let simulator = Simulator::new(setup, Clock::starting_at(Timestamp::UNIX_EPOCH, 1.0));
        simulator.inspect(|world| {
            world
                .groups
                .values()
                .flat_map(|group| &group.instances)
                .map(|instance| instance.address)
                .collect()
        })
    };
    for (one, other) in [(4570, 4571), (1024, 65_535), (0, 3999)] {
        let (one, other) = (addresses(one), addresses(other));
        assert!(!one.is_empty() && one.is_disjoint(&other), "{one:?} {other:?}");
        assert!(one.iter().chain(&other).all(|address| address.octets()[1] > 0 && address.is_loopback()));
    }
}
