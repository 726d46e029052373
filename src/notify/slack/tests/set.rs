//! Channels set up on a server that plays Slack, and runs told to them.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::play::london;
use crate::clock::Clock;
use crate::config::{Notify, SecretSource, Slack, SlackWay, TeamChannel};
use crate::event::Stamped;
use crate::model::Problem;
use crate::notify::slack::sinks;
use crate::notify::slack::speaker::Speaker;
use crate::notify::slack::stand_in::{Came, StandIn, answer};
use crate::notify::tally::{Inbox, Tally};
use crate::notify::{Outlet, Post, Secrets, Undelivered};

/// The clock of these tests runs so much faster: a second of spacing takes 5 ms.
pub(super) const SPEED: f64 = 200.0;

/// A configuration whose secrets are files.
pub(super) struct Set {
    folder: TempDir,
    pub(super) notify: Notify,
}

pub(super) fn file(folder: &TempDir, name: &str, secret: &str) -> SecretSource {
    let path: PathBuf = folder.path().join(name);
    std::fs::write(&path, secret).unwrap();
    SecretSource::File(path)
}

impl Set {
    pub(super) fn webhook(server: &StandIn) -> Self {
        let folder = TempDir::new().unwrap();
        let way = SlackWay::Webhook(file(&folder, "main", &format!("{}/services/main", server.url())));
        Self::of(folder, way, server)
    }

    pub(super) fn bot(server: &StandIn) -> Self {
        let folder = TempDir::new().unwrap();
        let way = SlackWay::Token(file(&folder, "token", "xoxb-very-secret"));
        Self::of(folder, way, server)
    }

    pub(super) fn of(folder: TempDir, way: SlackWay, server: &StandIn) -> Self {
        let api = format!("{}/api", server.url());
        let slack = Some(Slack { channel: "ami-refresh".into(), way, api });
        Self { folder, notify: Notify { slack, ..Notify::default() } }
    }

    pub(super) fn team(mut self, name: &str, channel: TeamChannel) -> Self {
        self.notify.teams.channels.insert(name.into(), channel);
        self
    }

    pub(super) fn team_webhook(self, name: &str, server: &StandIn) -> Self {
        let source = file(&self.folder, name, &format!("{}/services/{name}", server.url()));
        self.team(name, TeamChannel::Webhook(source))
    }

    /// Tells the events as they come, `pace` apart, and gives what was not delivered.
    pub(super) async fn run(&self, events: Vec<Stamped>, pace: Duration) -> Vec<Undelivered> {
        let clock = Clock::starting_at(events[0].at, SPEED);
        let secrets = Secrets::of(&Outlet::Network);
        // The clock makes ten seconds of a try 50 ms, in which a busy machine answers nobody.
        let post = Post::new(clock, Outlet::Network).trying_for(Duration::from_secs(10).mul_f64(SPEED));
        let speaker = Speaker::new(post, clock, secrets);
        let zone = london();
        let (mut tallies, mut queues, mut tasks) = (Vec::new(), Vec::new(), Vec::new());
        for (name, sink) in sinks(&self.notify, &zone, &speaker) {
            let (queue, receiver) = tokio::sync::mpsc::channel(100_000);
            let tally = Tally::default();
            tasks.push(tokio::spawn(sink.unwrap().run(Inbox::new(receiver, tally.clone()), tally.clone())));
            queues.push(queue);
            tallies.push((name, tally));
        }
        for event in events {
            for queue in &queues {
                queue.try_send(event.clone()).unwrap();
            }
            if !pace.is_zero() {
                tokio::time::sleep(pace).await;
            }
        }
        drop(queues);
        for task in tasks {
            tokio::time::timeout(Duration::from_secs(60), task).await.expect("it ends").unwrap();
        }
        let late = Problem::new("late", "", "");
        let ended = tallies.into_iter().inspect(|(_, tally)| tally.ended());
        ended.flat_map(|(name, tally)| tally.undelivered(&name, &late)).collect()
    }
}

/// A Slack that takes everything, and checks what it gets.
pub(super) async fn slack() -> StandIn {
    StandIn::start(|number, came| {
        assert_eq!(came.method, "POST");
        assert_eq!(came.header("content-type"), "application/json; charset=utf-8");
        good(number, came)
    })
    .await
}

pub(super) fn good(number: usize, came: &Came) -> String {
    if came.path.starts_with("/services/") {
        assert_eq!(came.header("authorization"), "");
        return answer("200 OK", "", "ok");
    }
    assert_eq!(came.header("authorization"), "Bearer xoxb-very-secret");
    let ts = if came.path == "/api/chat.update" { came.text("ts").to_owned() } else { format!("{number}.5") };
    answer("200 OK", "", &json!({ "ok": true, "channel": "C0MAIN", "ts": ts }).to_string())
}

pub(super) fn titles(came: &[Came], path: &str) -> Vec<String> {
    came.iter().filter(|came| came.path == path).map(|came| came.text("text").to_owned()).collect()
}
