//! `announce`: Slack, played on loopback, hears of each window once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::place::Place;
use super::schedule::with_windows;
use super::simulator::Simulator;

/// Slack: takes every message, except those to channels that it does not let the bot into.
struct Slack {
    port: u16,
    heard: Arc<Mutex<Vec<Value>>>,
    closed: Arc<Mutex<String>>,
}

impl Slack {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let slack = Self { port, heard: Arc::default(), closed: Arc::default() };
        let (heard, closed) = (Arc::clone(&slack.heard), Arc::clone(&slack.closed));
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (heard, closed) = (Arc::clone(&heard), Arc::clone(&closed));
                std::thread::spawn(move || answer(stream, &heard, &closed));
            }
        });
        slack
    }

    /// What was heard since it was last asked: channel and first line.
    fn heard(&self) -> Vec<String> {
        let mut heard: Vec<String> = std::mem::take(&mut *self.heard.lock().unwrap())
            .iter()
            .map(|body| format!("{} {}", body["channel"].as_str().unwrap(), body["text"].as_str().unwrap()))
            .collect();
        heard.sort();
        heard
    }
}

/// Answers the requests of one connection.
fn answer(mut stream: std::net::TcpStream, heard: &Mutex<Vec<Value>>, closed: &Mutex<String>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        let text = if body["channel"] == closed.lock().unwrap().as_str() {
            r#"{"ok":false,"error":"not_in_channel"}"#
        } else {
            heard.lock().unwrap().push(body);
            r#"{"ok":true,"channel":"C1","ts":"1.1"}"#
        };
        let first = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            text.len()
        );
        if stream.write_all((first + text).as_bytes()).is_err() {
            return;
        }
    }
}

fn config(slack: &Slack) -> String {
    let port = slack.port;
    with_windows()
        + &format!(
            "notify:\n  slack: {{ channel: platform, token: {{ env: SLACK_TOKEN }}, api: 'http://127.0.0.1:{port}' }}\n  \
             teams: {{ channels: {{ payments: payments-alerts }} }}\n"
        )
}

fn stage() -> (Place, Simulator, Slack) {
    let slack = Slack::listen();
    let mut place = Place::new();
    place.write("environments.yaml", &config(&slack));
    place.set("SLACK_TOKEN", "xoxb-a-secret-of-slack");
    let simulator = Simulator::start(&mut place, 1, "--seed 4");
    (place, simulator, slack)
}

const SANDBOX: &str = "Refresh of *sandbox* planned for *Mon 23 Nov 15:00 - 17:00* (Europe/London)";

#[test]
fn each_window_is_announced_once_in_each_channel_and_corrected_when_it_moves() {
    let (place, simulator, slack) = stage();
    let dry = place.run("announce --days 1 --dry-run").exits(0);
    dry.says(&["to slack #payments-alerts:", "payments-batch-sandbox, payments-sandbox", "AMI_refresh_day"]);
    assert_eq!(slack.heard(), [""; 0], "nothing was sent");
    assert!(!simulator.image_tags().contains("announced"), "and nothing remembered");

    let ran = place.run("announce --days 1 --env sandbox").exits(0);
    ran.says(&["slack #payments-alerts: sandbox announced Mon 23 Nov 15:00"]);
    let both = ["#payments-alerts", "#platform"].map(|channel| format!("{channel} {SANDBOX}"));
    assert_eq!(slack.heard(), both);
    assert!(simulator.image_tags().contains("ami-refresh:announced/sandbox"));
    place.run("announce --days 1").exits(0).says(&["nothing new to announce"]);
    assert_eq!(slack.heard(), [""; 0]);

    // A freeze moves it by a week, and so would an hour of the configuration's.
    let freeze = "freezes:\n  - { from: 2026-11-23T12:00, to: 2026-11-23T20:00, environments: [sandbox], reason: stocktaking }\n";
    place.write("environments.yaml", &(config(&slack) + freeze));
    place.run("announce --days 1").exits(0).says(&["sandbox moved Mon 23 Nov 15:00 to Mon 30 Nov 15:00"]);
    let moved = "Correction: the refresh of *sandbox* moved from *Mon 23 Nov 15:00* to *Mon 30 Nov 15:00* (Europe/London)";
    assert_eq!(slack.heard(), ["#payments-alerts", "#platform"].map(|channel| format!("{channel} {moved}")));
    place.run("announce --days 1").exits(0);
    assert_eq!(slack.heard(), [""; 0]);

    // Nothing says a time any more.
    let none = config(&slack).replace("    schedule: { day: mon, time: '15:00' }\n", "");
    let none = none.replace("version: 1\n", "version: 1\nwindow_tags: { platform: { time: no-such-tag } }\n");
    place.write("environments.yaml", &none);
    let cancelled = place.run("announce --days 1 --format json").exits(0).json();
    let says: Vec<&Value> =
        cancelled["messages"].as_array().unwrap().iter().map(|one| &one["says"]).collect();
    assert_eq!(says, ["cancelled", "cancelled"]);
    assert_eq!(slack.heard().len(), 2);
}

#[test]
fn what_is_not_delivered_is_said_and_tried_again() {
    let (place, _simulator, slack) = stage();
    "#payments-alerts".clone_into(&mut slack.closed.lock().unwrap());
    let ran = place.run("announce --days 1").exits(1);
    let ran = ran.says(&["slack #payments-alerts", "not delivered", "not_in_channel", "next:"]);
    assert!(!format!("{}{}", ran.out, ran.err).contains("a-secret-of-slack"));
    assert_eq!(slack.heard(), [format!("#platform {SANDBOX}")], "the others are told all the same");
    slack.closed.lock().unwrap().clear();
    place.run("announce --days 1").exits(0);
    assert_eq!(slack.heard(), [format!("#payments-alerts {SANDBOX}")]);
}

#[test]
fn an_environment_that_can_not_be_reached_is_left_as_it_was_told() {
    let (place, _simulator, slack) = stage();
    place.run("announce --days 1").exits(0);
    assert_eq!(slack.heard().len(), 2);
    let broken = config(&slack).replace("111111111111:role/ami-refresh", "111111111111:role/other");
    place.write("environments.yaml", &broken);
    let ran = place.run("announce --days 2").exits(2);
    ran.says(&["sandbox: failed to use role", "dev announced Tue 24 Nov 04:30"]);
    assert_eq!(slack.heard().len(), 2, "dev only: nothing of sandbox is cancelled");
    place.write("environments.yaml", &config(&slack));
    place.run("announce --days 2").exits(0).says(&["nothing new to announce"]);
}
