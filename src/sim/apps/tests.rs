//! Connections to applications, as probes make them.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::clock::Clock;
use crate::model::ImageId;
use crate::sim::{
    AppKind, AppSpec, FleetSpec, GroupSpec, ImageSpec, Scenario, Setup, Simulator, TemplateSpec, VersionSpec,
};

const OLD: &str = "ami-0aaaaaaaaaaaaaaaa";
const NEW: &str = "ami-0bbbbbbbbbbbbbbbb";

/// One group `web` of one instance with an HTTP and a TCP application, and a host name.
fn simulator(scenario: &str) -> Simulator {
    with(Scenario::named(scenario).expect("a scenario"))
}

fn with(scenario: Scenario) -> Simulator {
    let (account, region) = ("000000000000", "eu-west-2");
    let mut fleet = FleetSpec::empty(account.into());
    for image in [OLD, NEW] {
        fleet.images.push(ImageSpec::new(ImageId::new(image), image, region.into(), account.into()));
    }
    let version = |image: &str| VersionSpec {
        data: [("ImageId".to_owned(), image.to_owned())].into(),
        ..VersionSpec::default()
    };
    fleet.templates.push(TemplateSpec {
        id: None,
        account: account.into(),
        region: region.into(),
        name: "web".to_owned(),
        versions: vec![version(OLD), version(NEW)],
        default_version: 1,
    });
    let mut group = GroupSpec::new(account.into(), region.into(), "web", "web", 1);
    group.apps.push(AppSpec { port: 25, kind: AppKind::Tcp { banner: "220 ready\r\n".to_owned() } });
    fleet.groups.push(group);
    fleet.hosts.insert("web.example.internal".to_owned(), 0);
    let clock = Clock::starting_at("2026-11-22T19:00:00Z".parse().expect("a time"), 1.0);
    Simulator::new(Setup::new(fleet, scenario, 1), clock)
}

async fn ask(simulator: &Simulator, host: &str, port: u16) -> io::Result<String> {
    let mut stream = simulator.applications().connect(host, port).await?;
    if port == 8080 {
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await?;
    }
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

fn address(simulator: &Simulator) -> String {
    let found = simulator.inspect(|world| world.group("web").map(|group| group.instances[0].address));
    found.expect("an instance").to_string()
}

/// Scales out by one instance on the new image, and returns its address.
fn scale_out(simulator: &Simulator) -> String {
    simulator.change(|world| {
        let key = world.key("web").expect("the group");
        let group = world.groups.get_mut(&key).expect("the group");
        group.template.tracking = crate::model::Tracking::Pinned(2);
        group.desired = 2;
    });
    simulator.inspect(|world| world.group("web").expect("the group").instances[1].address.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_healthy_application_answers_http_and_tcp() {
    let simulator = simulator("clean");
    let host = address(&simulator);
    let text = ask(&simulator, &host, 8080).await.expect("an answer");
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.ends_with(r#"{"status":"UP"}"#), "{text}");
    assert_eq!(ask(&simulator, &host, 25).await.expect("a banner"), "220 ready\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_port_without_application_and_a_booting_instance_refuse() {
    let simulator = simulator("clean");
    let refused = ask(&simulator, &address(&simulator), 9999).await.expect_err("a refusal");
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    let booting = scale_out(&simulator);
    let refused = ask(&simulator, &booting, 8080).await.expect_err("a refusal");
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert!(ask(&simulator, &booting, 8080).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_address_that_nobody_has_never_answers_and_a_name_is_not_found() {
    let simulator = simulator("clean");
    let silent = tokio::time::timeout(Duration::from_secs(3600), ask(&simulator, "10.99.99.99", 8080)).await;
    assert!(silent.is_err());
    let unknown = ask(&simulator, "nobody.example", 8080).await.expect_err("no such host");
    assert_eq!(unknown.kind(), io::ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn on_the_new_image_the_application_is_down_when_the_scenario_says_so() {
    let simulator = simulator("app-down");
    let new = scale_out(&simulator);
    tokio::time::sleep(Duration::from_secs(70)).await;
    let text = ask(&simulator, &new, 8080).await.expect("an answer");
    assert!(text.starts_with("HTTP/1.1 503") && text.ends_with(r#"{"status":"DOWN"}"#), "{text}");
    let old = ask(&simulator, &address(&simulator), 8080).await.expect("an answer");
    assert!(old.starts_with("HTTP/1.1 200"), "{old}");
    let balanced = ask(&simulator, "web.example.internal", 8080).await.expect("an answer");
    assert!(balanced.starts_with("HTTP/1.1 503"), "the newest instance answers for the group: {balanced}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_when_its_peer_goes_away() {
    let simulator = simulator("clean");
    let host = address(&simulator);
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    for _ in 0..20 {
        drop(simulator.applications().connect(&host, 8080).await.expect("a connection"));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), before);
}

/// A world in which the application is changed on every image.
fn changed(how: &str) -> Simulator {
    let text = format!("name: x\nabout: x\neffects:\n  - application: {{ on: all, {how} }}");
    with(Scenario::from_yaml(&text).expect("a scenario"))
}

#[tokio::test(start_paused = true)]
async fn an_application_can_refuse_stay_silent_or_be_late() {
    let refusing = changed("refuse: true");
    let refused = ask(&refusing, &address(&refusing), 8080).await.expect_err("a refusal");
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    let silent = changed("silent: true");
    let host = address(&silent);
    let answer = tokio::time::timeout(Duration::from_secs(600), ask(&silent, &host, 8080)).await;
    assert!(answer.is_err());
    let late = changed("delay: 30s");
    let asked = tokio::time::Instant::now();
    let text = ask(&late, &address(&late), 8080).await.expect("an answer");
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert_eq!(asked.elapsed().as_secs(), 30);
}
