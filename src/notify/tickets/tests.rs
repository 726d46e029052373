//! Tickets against servers that play ticket systems, with the templates of the documentation.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::{SINK, TicketSink};
use crate::clock::Clock;
use crate::config::{Fleet, HeaderValue, SecretSource, Tickets};
use crate::event::{ByHand, Event, Stamped};
use crate::model::{Exit, Problem, Verdict};
use crate::notify::slack::stand_in::{Came, StandIn, answer};
use crate::notify::tally::{Inbox, Tally};
use crate::notify::{Notifier, Outlet, Post, Secrets, Undelivered};
use crate::report::samples;
use crate::report::stream::{NEW, Stream, env};

const GUIDE: &str = include_str!("../../../docs/notifications-slack.md");

const FLEET: &str = r#"version: 1
families: { base: { previous: { name: "dept-base-*", owners: [self] } } }
environments:
  - { name: qa, account: "111111111111", regions: [eu-west-2], select: { tags: { Environment: qa } } }
  - { name: stage, account: "222222222222", regions: [eu-west-2], select: { tags: { Environment: stage } } }
  - { name: prod, account: "333333333333", regions: [eu-west-2], select: { tags: { Environment: prod } } }
"#;

/// The configurations of the guide.
fn documented() -> Vec<Fleet> {
    let fences = GUIDE.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let parse = |yaml: &str| {
        let text = format!("{FLEET}{yaml}");
        Fleet::parse(Path::new("fleet.yaml"), &text).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
    };
    fences.map(parse).collect()
}

/// The documented template whose addresses name that host, sent to the server instead.
fn template(host: &str, server: &StandIn, folder: &TempDir) -> Tickets {
    let found = documented().into_iter().filter_map(|fleet| fleet.notify.tickets);
    let mut tickets = found.into_iter().find(|tickets| tickets.create.url.contains(host)).unwrap();
    let here = |url: &mut String| *url = url.replace(&format!("https://{host}"), &server.url());
    here(&mut tickets.create.url);
    here(&mut tickets.close.url);
    tickets.find.iter_mut().chain(&mut tickets.comment).for_each(|call| here(&mut call.url));
    tickets.environments = vec!["qa".into()];
    let path = folder.path().join("authorization");
    std::fs::write(&path, "Basic very-secret").unwrap();
    let secret = HeaderValue::Secret(SecretSource::File(path));
    assert_eq!(tickets.headers.len(), 1);
    tickets.headers.insert("Authorization".into(), secret);
    tickets
}

const JIRA: &str = "example.atlassian.net";
const SERVICENOW: &str = "example.service-now.com";

async fn run(tickets: &Tickets, events: Vec<Stamped>, outlet: Outlet) -> Vec<Undelivered> {
    let clock = Clock::starting_at(events[0].at, 200.0);
    let post = Post::new(clock, outlet.clone());
    let zone = jiff::tz::TimeZone::get("Europe/London").unwrap();
    let sink = TicketSink::new(tickets, &zone, Secrets::of(&outlet), post).unwrap();
    let (queue, receiver) = tokio::sync::mpsc::channel(10_000);
    let tally = Tally::default();
    for event in events {
        queue.try_send(event).unwrap();
    }
    drop(queue);
    let work = sink.run(Inbox::new(receiver, tally.clone()), tally.clone());
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("it ends");
    tally.ended();
    tally.undelivered(SINK, &Problem::new("late", "", ""))
}

fn jira(number: usize, came: &Came) -> String {
    assert_eq!(came.header("authorization"), "Basic very-secret", "{number}");
    assert_eq!(came.header("content-type"), "application/json");
    match (came.method.as_str(), came.path.as_str()) {
        ("GET", _) => answer("200 OK", "", r#"{"issues":[],"isLast":true}"#),
        ("POST", "/rest/api/3/issue") => answer("201 Created", "", r#"{"id":"10000","key":"OPS-24"}"#),
        ("POST", "/rest/api/3/issue/OPS-24/comment") => answer("201 Created", "", r#"{"id":"1"}"#),
        ("POST", "/rest/api/3/issue/OPS-24/transitions") => answer("204 No Content", "", ""),
        other => panic!("{other:?}"),
    }
}

/// The calls as one text: method, path, body.
fn shown(came: &[Came]) -> String {
    let body = |came: &Came| match &came.body {
        serde_json::Value::Null => String::new(),
        body => serde_json::to_string_pretty(body).unwrap(),
    };
    let calls = came.iter().map(|came| format!("{} {}\n{}\n", came.method, came.path, body(came)));
    calls.collect::<Vec<_>>().concat()
}

#[test]
fn the_guide_shows_configurations_that_are_read() {
    let fleets = documented();
    assert_eq!(fleets.len(), 5);
    assert_eq!(fleets.iter().filter(|fleet| fleet.notify.tickets.is_some()).count(), 2);
    assert_eq!(fleets.iter().filter(|fleet| fleet.notify.slack.is_some()).count(), 3);
}

#[tokio::test]
async fn jira_hears_of_a_failure() {
    let (server, folder) = (StandIn::start(jira).await, TempDir::new().unwrap());
    let tickets = template(JIRA, &server, &folder);
    assert_eq!(run(&tickets, samples::failed_check(), Outlet::Network).await, []);
    insta::assert_snapshot!(shown(&server.came()));
}

#[tokio::test]
async fn servicenow_hears_of_a_clean_rollout() {
    let server = StandIn::start(|_, came| match came.method.as_str() {
        "GET" => answer("200 OK", "", r#"{"result":[]}"#),
        _ => answer("200 OK", "", r#"{"result":{"sys_id":"abc123","number":"CHG1"}}"#),
    })
    .await;
    let folder = TempDir::new().unwrap();
    let tickets = template(SERVICENOW, &server, &folder);
    assert_eq!(run(&tickets, samples::clean(None), Outlet::Network).await, []);
    insta::assert_snapshot!(shown(&server.came()));
}

#[tokio::test]
async fn a_ticket_that_is_there_is_adopted_and_not_opened_again() {
    for found in [json!("OPS-7"), json!(7)] {
        let body = json!({ "issues": [{ "key": found }] }).to_string();
        let server = StandIn::start(move |_, came| match came.method.as_str() {
            "GET" => answer("200 OK", "", &body),
            _ => answer("201 Created", "", "{}"),
        })
        .await;
        let folder = TempDir::new().unwrap();
        let tickets = template(JIRA, &server, &folder);
        assert_eq!(run(&tickets, samples::clean(None), Outlet::Network).await, []);
        let id = found.as_str().map_or("7".to_owned(), ToOwned::to_owned);
        let paths: Vec<String> = server.came().into_iter().skip(1).map(|came| came.path).collect();
        let issue = format!("/rest/api/3/issue/{id}");
        assert_eq!(paths, [format!("{issue}/comment"), format!("{issue}/transitions")]);
        assert!(server.came()[0].path.contains(&format!("%22ami-refresh-qa-{NEW}%22")));
    }
}

#[tokio::test]
async fn a_ticket_stays_open_after_an_abort() {
    let (server, folder) = (StandIn::start(jira).await, TempDir::new().unwrap());
    let tickets = template(JIRA, &server, &folder);
    assert_eq!(run(&tickets, samples::aborted(), Outlet::Network).await, []);
    let came = server.came();
    assert!(came.iter().all(|came| !came.path.ends_with("/transitions")));
    let last = came.last().unwrap().body.to_string();
    assert!(last.contains("aborted: the ticket stays open, and a later run goes on with it"), "{last}");
}

#[tokio::test]
async fn a_freeze_and_quarantine_are_told_in_it() {
    let mut events = samples::failed_check();
    let mut more = Stream { at: 0, events: Vec::new() };
    let by = ByHand { who: "alice".into(), reason: "CVE \"1\"\n{ticket}".into() };
    let until = "2027-01-04T08:00:00Z".parse().unwrap();
    more.push(Event::FreezeOverridden { environment: env("qa"), freeze: "year-end".into(), until, by });
    let reason = "app-health failed".to_owned();
    more.push(Event::Quarantined { environment: env("qa"), images: vec![NEW.into()], reason });
    let end = events.len() - 3;
    events.insert(end, more.events.pop().unwrap());
    events.insert(2, more.events.pop().unwrap());
    let (server, folder) = (StandIn::start(jira).await, TempDir::new().unwrap());
    let tickets = template(JIRA, &server, &folder);
    assert_eq!(run(&tickets, events, Outlet::Network).await, []);
    let comments: Vec<String> = server
        .came()
        .into_iter()
        .filter(|came| came.path.ends_with("/comment"))
        .map(|came| came.body["body"]["content"][0]["content"][0]["text"].as_str().unwrap().to_owned())
        .collect();
    let [freeze, quarantine, failure] = comments.as_slice() else { panic!("{comments:?}") };
    assert!(
        freeze.starts_with("freeze overridden by alice: CVE \"1\" {ticket}. The freeze: year-end"),
        "{freeze}"
    );
    assert!(quarantine.starts_with(&format!("quarantined: {NEW}")), "{quarantine}");
    assert!(failure.starts_with("ASG tests failed, starting rollback: qa"), "{failure}");
}

#[tokio::test]
async fn what_a_ticket_system_answers_wrongly_is_told() {
    let folder = TempDir::new().unwrap();
    for (find, create, what, calls) in [
        (answer("404 Not Found", "", "none"), answer("200 OK", "", r#"{"key":{}}"#), "names no ticket", 2),
        (answer("200 OK", "", "<html>"), String::new(), "is not JSON", 1),
        (answer("401 Unauthorized", "", "no"), String::new(), "answered 401", 1),
        (
            answer("200 OK", "", "{}"),
            answer("400 Bad Request", "", "project is wrong"),
            "project is wrong",
            2,
        ),
    ] {
        let server = StandIn::start(move |_, came| match came.method.as_str() {
            "GET" => find.clone(),
            _ => create.clone(),
        })
        .await;
        let tickets = template(JIRA, &server, &folder);
        let undelivered = run(&tickets, samples::clean(None), Outlet::Network).await;
        let [one] = undelivered.as_slice() else { panic!("{undelivered:?}") };
        assert_eq!((one.sink.as_str(), one.what.as_str()), ("tickets", "ticket of qa"));
        let problem = one.problem.to_string();
        assert!(problem.contains(what) && !problem.contains("very-secret"), "{problem}");
        assert_eq!(server.came().len(), calls, "nothing is said in a ticket that is not there");
    }
}

#[tokio::test]
async fn environments_without_a_ticket_or_a_start_are_left_alone() {
    let (server, folder) = (StandIn::start(jira).await, TempDir::new().unwrap());
    let mut tickets = template(JIRA, &server, &folder);
    assert_eq!(run(&tickets, samples::refused(), Outlet::Network).await, []);
    let mut stream = Stream::new(&["qa"], None);
    stream.environment_ended("qa", Verdict::NotDue, "nothing is due", &[]);
    assert_eq!(run(&tickets, stream.run_ended(Exit::Refused, "not due"), Outlet::Network).await, []);
    tickets.environments = vec!["prod".into()];
    assert_eq!(run(&tickets, samples::clean(None), Outlet::Network).await, []);
    assert!(server.came().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_goes_to_the_end() {
    let folder = TempDir::new().unwrap();
    let found = documented().into_iter().filter_map(|fleet| fleet.notify.tickets);
    let mut rehearsed = 0;
    for mut tickets in found {
        tickets.environments = vec!["qa".into()];
        let outlet = Outlet::Files(folder.path().to_owned());
        assert_eq!(run(&tickets, samples::failed_check(), outlet).await, []);
        let text = std::fs::read_to_string(folder.path().join("messages.txt")).unwrap();
        let in_order = [
            "Starting ASG Refresh: qa",
            "(in REHEARSAL-1)",
            "starting rollback: qa",
            "rollback complete: qa",
        ];
        let mut rest = text.as_str();
        for wanted in in_order {
            let (_, after) = rest.split_once(wanted).unwrap_or_else(|| panic!("{wanted} in {text}"));
            rest = after;
        }
        let lines = std::fs::read_to_string(folder.path().join("messages.jsonl")).unwrap();
        assert_eq!(lines.lines().count(), 4, "{lines}");
        rehearsed += 1;
    }
    assert_eq!(rehearsed, 2);
}

#[tokio::test(start_paused = true)]
async fn the_notifier_tells_slack_and_tickets() {
    let folder = TempDir::new().unwrap();
    let fleets = documented();
    let mut fleet = fleets[2].clone();
    fleet.notify.tickets = fleets[3].notify.tickets.clone();
    fleet.notify.tickets.as_mut().unwrap().environments = vec!["qa".into()];
    let events = samples::failed_check();
    let clock = Clock::starting_at(events[0].at, 1.0);
    let notifier = Notifier::start(&fleet, clock, Outlet::Files(folder.path().to_owned()));
    for event in &events {
        notifier.tell(event);
    }
    assert_eq!(notifier.finish(Duration::from_secs(60)).await, []);
    let text = std::fs::read_to_string(folder.path().join("messages.txt")).unwrap();
    for sink in ["slack #ami-refresh", "tickets"] {
        assert!(text.contains(sink), "{text}");
    }
    // The samples' groups are of no team: only the main channel hears of them.
    assert!(!text.contains("payments-alerts"), "{text}");
}
