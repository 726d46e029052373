//! Who is told outside, and what a run says of those who were not: never a secret.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ami_refresh::event::Event;
use ami_refresh::model::Verdict;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::place::{CONFIG, Place, closed_port};
use super::simulator::Simulator;

const KEY: &str = "hush-signing-key";
/// What is secret about an address.
const PATH: &str = "hush-path";

/// A request as it came: the headers in lower case, and the body.
#[derive(Debug, Clone)]
struct Came {
    head: String,
    body: String,
}

impl Came {
    fn header(&self, name: &str) -> &str {
        let found = self.head.lines().find_map(|line| line.split_once(": ").filter(|(key, _)| *key == name));
        found.map_or("", |(_, value)| value)
    }
}

/// A receiver on loopback that keeps what comes; one that `answers` takes it with thanks.
fn receiver(answers: bool) -> (String, Arc<Mutex<Vec<Came>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/{PATH}", listener.local_addr().expect("an address"));
    let came = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&came);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || serve(stream, answers, &kept));
        }
    });
    (url, came)
}

fn serve(stream: TcpStream, answers: bool, kept: &Mutex<Vec<Came>>) {
    stream.set_nodelay(true).expect("a socket");
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a length");
            }
            head.push_str(&line.replace("\r\n", "\n"));
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        kept.lock().unwrap().push(Came { head, body: String::from_utf8(body).expect("UTF-8") });
        if answers && reader.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").is_err() {
            return;
        }
    }
}

/// Adds webhooks with these addresses to the place; `None` is one whose variable is not set.
fn with_webhooks(place: &mut Place, deadline: &str, urls: &[Option<&str>]) {
    let mut config = format!("{CONFIG}notify:\n  deadline: {deadline}\n  webhooks:\n");
    for (index, url) in urls.iter().enumerate() {
        writeln!(config, "    - {{ url: {{ env: HOOK_{index} }}, secret: {{ file: key }} }}").unwrap();
        if let Some(url) = url {
            place.set(&format!("HOOK_{index}"), url);
        }
    }
    place.write("environments.yaml", &config);
    place.write("key", &format!("  {KEY}\n"));
}

fn assert_no_secret(what: &str, text: &str) {
    for secret in [KEY, PATH] {
        assert!(!text.contains(secret), "{what} holds {secret}");
    }
}

#[test]
fn a_run_tells_who_can_be_told_and_says_who_could_not() {
    let (url, came) = receiver(true);
    let mut place = Place::new();
    let refused = format!("http://127.0.0.1:{}/{PATH}", closed_port());
    with_webhooks(&mut place, "1m", &[Some(&refused), Some(&url), None]);
    let _simulator = Simulator::start(&mut place, 60, "");
    place.run("candidate --from-packer manifest.json").exits(0);
    let ran = place.run("-vvv rollout --env sandbox").exits(0);

    assert!(ran.out.contains("done (exit 0)"), "{}", ran.out);
    for line in [
        "events: no connection could be made: connection refused",
        "not delivered to webhook 3: everything: the secret of notify.webhooks[2].url is missing",
        "not everything was delivered to webhook 3, webhook 1 (the rollout is not affected)\n",
        "  webhook 3: next: set HOOK_2",
        "  webhook 1: next: ",
    ] {
        assert!(ran.out.contains(line), "{line}: {}", ran.out);
    }
    let events = place.journal();
    assert!(matches!(events.last(), Some(Event::RunEnded { .. })));
    let passed = |event: &Event| matches!(event, Event::EnvironmentEnded { verdict: Verdict::Passed, .. });
    assert!(events.iter().any(passed));
    let summary: Value = serde_json::from_str(&place.read("reports/summary.json")).unwrap();
    assert_eq!(summary["exit"], 0);
    let sinks: Vec<&Value> =
        summary["undelivered"].as_array().unwrap().iter().map(|one| &one["sink"]).collect();
    assert_eq!(sinks, ["webhook 3", "webhook 1"]);

    assert_no_secret("the standard output", &ran.out);
    assert_no_secret("the standard error", &ran.err);
    for name in place.reports("") {
        assert_no_secret(&name, &place.read(&format!("reports/{name}")));
    }
    assert!(!place.path("reports/messages.jsonl").exists(), "that is for rehearsals");
    assert_received(&came.lock().unwrap(), &events);
}

/// That every event came, in order and signed, but for those that nobody is told of.
fn assert_received(came: &[Came], events: &[Event]) {
    let mut ids = Vec::new();
    let mut received = Vec::new();
    for one in came {
        let (id, time) = (one.header("webhook-id"), one.header("webhook-timestamp"));
        let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
        mac.update(format!("{id}.{time}.{}", one.body).as_bytes());
        let signature = one.header("webhook-signature").strip_prefix("v1,").expect("a version");
        mac.verify_slice(&BASE64_STANDARD.decode(signature).unwrap()).expect("a right signature");
        let body: Value = serde_json::from_str(&one.body).unwrap();
        assert_eq!((&body["id"], &body["source"]), (&id.into(), &"/ami-refresh/base".into()));
        // One that was sent again is the same.
        if !ids.contains(&id) {
            ids.push(id);
            received.push(serde_json::from_value::<Event>(body["data"].clone()).expect("an event"));
        }
    }
    let told: Vec<&Event> =
        events.iter().filter(|event| !matches!(event, Event::NotDelivered { .. })).collect();
    assert_eq!(received.iter().collect::<Vec<_>>(), told);
}

#[test]
fn a_rehearsal_writes_what_it_would_send_and_sends_nothing() {
    let (url, came) = receiver(true);
    let mut place = Place::new();
    with_webhooks(&mut place, "10s", &[Some(&url), None]);
    let ran = place.run("-vvv rehearse --from-packer manifest.json").exits(0);
    assert!(!ran.out.contains("delivered"), "{}", ran.out);
    assert!(came.lock().unwrap().is_empty());
    let lines = place.read("reports/messages.jsonl");
    assert_eq!(lines.lines().count(), 2 * place.journal().len());
    assert!(lines.contains("\"url\":\"http://127.0.0.1\"") && lines.contains("\"url\":\"-\""), "{lines}");
    assert_no_secret("messages.jsonl", &lines);
    assert_no_secret("the standard error", &ran.err);
    // Who is told of it changes nothing about a rehearsal, its times included.
    let with = place.read("reports/journal.jsonl");
    place.write("environments.yaml", CONFIG);
    place.run("rehearse --from-packer manifest.json").exits(0);
    assert_eq!(place.read("reports/journal.jsonl"), with);
}

#[test]
fn a_receiver_that_never_answers_does_not_hold_up_an_abort() {
    let (url, came) = receiver(false);
    let mut place = Place::new();
    with_webhooks(&mut place, "5m", &[Some(&url)]);
    let _simulator = Simulator::start(&mut place, 10, "");
    place.run("candidate --from-packer manifest.json").exits(0);
    let mut command = place.command(&["rollout", "--env", "sandbox"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let begun = Instant::now();
    while came.lock().unwrap().is_empty() && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let kill = format!("kill -TERM {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    let sent = Instant::now();
    let output = child.wait_with_output().expect("it ends");
    assert!(sent.elapsed() < Duration::from_secs(4), "{:?}", sent.elapsed());
    let out = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(6), "{out}");
    assert!(out.contains("not delivered to webhook 1: "), "{out}");
}
