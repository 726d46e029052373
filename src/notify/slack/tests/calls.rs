//! Whole runs against a server that plays Slack, over HTTP on loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::play::{london, many};
use super::set::{Set, good, slack, titles};
use crate::clock::Clock;
use crate::config::TeamChannel;
use crate::model::Problem;
use crate::notify::slack::sinks;
use crate::notify::slack::speaker::Speaker;
use crate::notify::slack::stand_in::{Came, StandIn, answer};
use crate::notify::tally::{Inbox, Tally};
use crate::notify::{Outlet, Post, Secrets, Undelivered};
use crate::report::samples;

#[tokio::test]
async fn a_webhook_gets_one_message_a_phase_however_many_groups() {
    let server = slack().await;
    let mut set = Set::webhook(&server);
    for n in 0..4 {
        set = set.team_webhook(&format!("team-{n}"), &server);
    }
    let undelivered = set.run(many(500, |n| n % 100 == 11), Duration::ZERO).await;
    assert_eq!(undelivered, []);
    let failed = [
        "Starting ASG Refresh: *qa*",
        "ASG tests failed, starting rollback: *qa*",
        "ASG tests failed, rollback complete: *qa*",
    ];
    let well = ["Starting ASG Refresh: *qa*", "ASG tests passed, refresh complete: *qa*"];
    let came = server.came();
    assert_eq!(titles(&came, "/services/main"), failed);
    // Groups 11, 111, 211, … are team 1's.
    assert_eq!(titles(&came, "/services/team-1"), failed);
    for other in ["/services/team-0", "/services/team-2", "/services/team-3"] {
        assert_eq!(titles(&came, other), well, "{other}");
    }
    assert_eq!(came.len(), 3 + 3 + 3 * 2);
}

#[tokio::test]
async fn a_bot_keeps_one_message_up_to_date_and_joins_what_waits() {
    let server = slack().await;
    let set = Set::bot(&server).team("team-1", TeamChannel::Named("one".into()));
    let undelivered = set.run(many(500, |n| n == 11), Duration::ZERO).await;
    assert_eq!(undelivered, []);
    let came = server.came();
    // 6,000 events came at once: each channel said little more than how it ended.
    assert!(came.len() < 14, "{:?}", came.iter().map(|came| came.text("text")).collect::<Vec<_>>());
    for channel in ["#ami-refresh", "#one"] {
        let posts = came.iter().filter(|came| came.text("channel") == channel).count();
        assert_eq!(posts, 1, "one parent in {channel}");
    }
    let broadcasts: Vec<&Came> = came.iter().filter(|came| came.body["reply_broadcast"] == true).collect();
    assert_eq!(broadcasts.len(), 2);
    assert!(
        broadcasts
            .iter()
            .all(|came| came.path == "/api/chat.postMessage" && !came.text("thread_ts").is_empty())
    );
    for came in &came {
        assert_eq!((came.text("parse"), came.body["link_names"].as_bool()), ("none", Some(false)));
    }
}

#[tokio::test]
async fn a_bot_tells_the_whole_story_of_a_slow_run() {
    let server = slack().await;
    let undelivered = Set::bot(&server).run(samples::failed_check(), Duration::from_millis(40)).await;
    assert_eq!(undelivered, []);
    let told: Vec<String> = server
        .came()
        .iter()
        .map(|came| {
            let path = came.path.trim_start_matches("/api/chat.");
            let place = if came.body["reply_broadcast"] == true {
                "thread and channel"
            } else if came.text("thread_ts").is_empty() {
                came.text("channel")
            } else {
                "thread"
            };
            let color = came.body["attachments"][0]["color"].as_str().unwrap_or_default().to_owned();
            format!("{path} {place} [{color}] {}", came.text("text"))
        })
        .collect();
    let at = |line: &str| {
        told.iter().position(|told| told == line).unwrap_or_else(|| panic!("{line} in {told:#?}"))
    };
    let start = at("postMessage #ami-refresh [#439fe0] Starting ASG Refresh: *qa*");
    let group = at("postMessage thread [#439fe0] Starting refresh of `payments-qa`");
    let failure = at("postMessage thread and channel [danger] ASG tests failed, starting rollback: *qa*");
    let danger = at("update C0MAIN [danger] ASG tests failed, starting rollback: *qa*");
    let end = at("update C0MAIN [danger] ASG tests failed, rollback complete: *qa*");
    assert!(start == 0 && start < group && group < failure && failure < danger && danger < end, "{told:#?}");
    let alone = |word: &str| told.iter().filter(|told| told.starts_with(word)).count() == 1;
    assert!(alone("postMessage #") && alone("postMessage thread and channel"), "{told:#?}");
    let came = server.came();
    let parent = came.iter().find(|came| came.path.ends_with("update")).unwrap().text("ts").to_owned();
    assert!(came.iter().skip(1).all(|came| came.text("channel") == "C0MAIN"), "the id that Slack gave");
    assert!(
        came.iter().skip(1).all(|came| [came.text("ts"), came.text("thread_ts")].contains(&parent.as_str()))
    );
}

#[tokio::test]
async fn a_channel_that_is_not_there_is_asked_once_and_holds_up_no_other() {
    let server = StandIn::start(|number, came| match came.text("channel") {
        "#typo" => answer("200 OK", "", r#"{"ok":false,"error":"channel_not_found"}"#),
        _ => good(number, came),
    })
    .await;
    let set = Set::bot(&server).team("team-1", TeamChannel::Named("typo".into()));
    let undelivered = set.run(many(20, |_| false), Duration::from_millis(2)).await;
    let [one] = undelivered.as_slice() else { panic!("{undelivered:?}") };
    assert_eq!((one.sink.as_str(), one.what.as_str()), ("slack #typo", "start of qa"));
    assert!(one.problem.why.contains("channel_not_found"), "{}", one.problem);
    assert!(one.problem.next.contains("notify.teams.channels"), "{}", one.problem);
    let came = server.came();
    assert_eq!(came.iter().filter(|came| came.text("channel") == "#typo").count(), 1);
    assert!(came.last().unwrap().text("text").starts_with("ASG tests passed"));
}

/// What is told when Slack answers so to everything.
async fn undelivered_by(status: &'static str, body: &'static str, bot: bool) -> (Vec<Undelivered>, usize) {
    let server = StandIn::start(move |_, _| answer(status, "", body)).await;
    let set = if bot { Set::bot(&server) } else { Set::webhook(&server) };
    let undelivered = set.run(samples::clean(None), Duration::ZERO).await;
    (undelivered, server.came().len())
}

#[tokio::test]
async fn every_answer_is_told_with_what_to_do() {
    for (status, body, bot, why, next, calls) in [
        ("200 OK", r#"{"ok":false,"error":"not_in_channel"}"#, true, "not_in_channel", "invite the bot", 1),
        ("200 OK", r#"{"ok":false,"error":"invalid_auth"}"#, true, "invalid_auth", "bot token", 1),
        ("200 OK", r#"{"ok":false,"error":"token_revoked"}"#, true, "token_revoked", "bot token", 1),
        ("200 OK", r#"{"ok":false,"error":"account_inactive"}"#, true, "account_inactive", "bot token", 1),
        ("200 OK", r#"{"ok":false,"error":"missing_scope"}"#, true, "lacks a scope", "chat:write", 1),
        ("200 OK", r#"{"ok":false,"error":"is_archived"}"#, true, "archived", "another channel", 1),
        ("200 OK", r#"{"ok":false,"error":"msg_too_long"}"#, true, "too long", "reports", 1),
        ("200 OK", r#"{"ok":false,"error":"brand_new"}"#, true, "'brand_new'", "documentation", 1),
        ("200 OK", "<html>Sign in</html>", true, "expected to be JSON", "proxy", 1),
        ("200 OK", r#"{"ok":true}"#, true, "'channel' and 'ts'", "proxy", 1),
        ("200 OK", "", true, "expected to be JSON", "proxy", 1),
        ("200 OK", "<html>Sign in</html>", false, "expected to be 'ok'", "proxy", 2),
        ("404 Not Found", "no_service", false, "no_service", "new incoming webhook", 1),
        ("403 Forbidden", "action_prohibited", false, "action_prohibited", "administrators", 1),
        ("410 Gone", "channel_is_archived", false, "channel_is_archived", "another channel", 1),
        ("400 Bad Request", "invalid_payload", false, "invalid_payload", "reports", 2),
    ] {
        let (undelivered, came) = undelivered_by(status, body, bot).await;
        assert_eq!(came, calls, "{body}");
        assert_eq!(undelivered.len(), calls, "{undelivered:?}");
        let problem = undelivered[0].problem.to_string();
        assert!(problem.contains(why) && undelivered[0].problem.next.contains(next), "{body}: {problem}");
        assert!(!problem.contains("very-secret") && !problem.contains("services/main"), "{problem}");
    }
}

#[tokio::test]
async fn a_slack_that_wants_it_later_gets_it_later() {
    let limited = r#"{"ok":false,"error":"ratelimited","retry_after":2}"#;
    for first in [
        answer("200 OK", "", limited),
        answer("429 Too Many Requests", "Retry-After: 2\r\n", limited),
        String::new(),
    ] {
        let refused = Arc::new(AtomicBool::new(false));
        let once = Arc::clone(&refused);
        let server = StandIn::start(move |number, came| {
            if once.swap(true, Ordering::Relaxed) { good(number, came) } else { first.clone() }
        })
        .await;
        let undelivered = Set::bot(&server).run(samples::clean(None), Duration::ZERO).await;
        assert_eq!(undelivered, []);
        let came = server.came();
        assert_eq!(came[0].body, came[1].body, "the same message again");
    }
}

#[tokio::test]
async fn a_parent_that_was_refused_is_posted_with_the_next_news() {
    let server = StandIn::start(|number, came| match number {
        0 => answer("200 OK", "", r#"{"ok":false,"error":"msg_too_long"}"#),
        _ => good(number, came),
    })
    .await;
    let undelivered = Set::bot(&server).run(samples::clean(None), Duration::from_millis(20)).await;
    assert_eq!(undelivered.len(), 1, "{undelivered:?}");
    let came = server.came();
    assert_eq!(came.iter().filter(|came| came.text("channel") == "#ami-refresh").count(), 2);
    assert!(came.iter().any(|came| came.path == "/api/chat.update"
        && came.text("text") == "ASG tests passed, refresh complete: *qa*"));
}

#[tokio::test]
async fn what_still_waits_is_named() {
    let server = StandIn::start(|_, _| answer("503 Unavailable", "Retry-After: 3600\r\n", "")).await;
    let set = Set::webhook(&server);
    let clock = Clock::starting_at("2026-11-22T19:00:00Z".parse().unwrap(), 1.0);
    let speaker = Speaker::new(Post::new(clock, Outlet::Network), clock, Secrets::of(&Outlet::Network));
    let (name, sink) = sinks(&set.notify, &london(), &speaker).remove(0);
    let (queue, receiver) = tokio::sync::mpsc::channel(1000);
    let tally = Tally::default();
    let task = tokio::spawn(sink.unwrap().run(Inbox::new(receiver, tally.clone()), tally.clone()));
    for event in samples::clean(None) {
        tally.told(queue.try_send(event).is_ok());
    }
    drop(queue);
    while server.came().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    task.abort();
    let late = Problem::new("late", "", "");
    let whats: Vec<String> = tally.undelivered(&name, &late).into_iter().map(|one| one.what).collect();
    assert_eq!(whats, ["start of qa", "end of qa"]);
}
