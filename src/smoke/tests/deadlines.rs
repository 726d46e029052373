//! Deadlines: what a check says when its time is over, whatever it was waiting for.

use std::net::SocketAddr;

use super::network::{answer, answers, request, server};
use super::*;

/// Takes a connection, and never says anything.
async fn silent() -> SocketAddr {
    server(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await
}

fn asks(address: SocketAddr, retry: RetryPolicy, deadline: Option<u64>) -> Check {
    let url = format!("http://{{private_ip}}:{}/", address.port());
    let deadline = deadline.map(Duration::from_secs);
    Check { deadline, ..check("app", CheckKind::Http(get(&url)), Scope::Instance, retry) }
}

async fn run(check: &Check, shared: Option<u64>) -> CheckResult {
    let expect = Expectation { deadline: shared.map(Duration::from_secs), ..expectation() };
    let calls = calls(|_| Ok(sighting(&["i-1"], "127.0.0.1")));
    let work = async { runner().run_with(calls, &expect, &[check], |_| {}).await };
    // Of this machine's: twenty times what the deadlines here come to.
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("it ends").remove(0)
}

#[tokio::test]
async fn who_does_not_answer_is_waited_for_no_longer_than_the_deadline() {
    let result = run(&asks(silent().await, retry(3000, 5, 1), Some(20)), None).await;
    let message = "no answer before its deadline of 20s was over";
    assert_eq!((result.status, result.probes[0].message.as_str()), (Status::Errored, message));
    assert!((20_000..40_000).contains(&result.took_ms), "{result:?}");
}

#[tokio::test]
async fn the_last_answer_stands_and_the_deadline_is_named() {
    let address = answers(answer("503 Service Unavailable", "starting")).await;
    let result = run(&asks(address, retry(3000, 5, 1), None), Some(22)).await;
    let message = "status 503, expected 200; the deadline of all checks, 22s, was over then";
    assert_eq!((result.status, result.probes[0].message.as_str()), (Status::Failed, message));
    assert_eq!(result.probes[0].subject, "i-1");
    assert!(result.probes[0].attempts >= 2 && result.probes[0].evidence.contains("starting"), "{result:?}");
}

#[tokio::test]
async fn passes_that_are_not_enough_in_time_are_no_pass() {
    let address = answers(answer("200 OK", "")).await;
    let result = run(&asks(address, retry(3000, 5, 100), Some(22)), Some(3000)).await;
    assert_eq!(result.status, Status::Errored);
    let message = &result.probes[0].message;
    assert!(message.ends_with("but not often enough before its deadline of 22s was over"), "{message}");
}

#[tokio::test]
async fn the_instances_and_an_answer_in_time_are_not_disturbed_by_it() {
    let address = answers(answer("200 OK", "")).await;
    let result = run(&asks(address, once(), Some(200)), Some(300)).await;
    assert_eq!(result.status, Status::Passed);
    let wanted = Check {
        deadline: Some(Duration::from_secs(20)),
        ..check("instances", CheckKind::Instances, Scope::Group, retry(3000, 5, 1))
    };
    let expect = expectation();
    let few = |_| {
        let mut few = sighting(&["i-1"], "127.0.0.1");
        few.group.desired = 2;
        Ok(few)
    };
    let result = runner().run_with(calls(few), &expect, &[&wanted], |_| {}).await.remove(0);
    let messages: Vec<&str> = result.probes.iter().map(|probe| probe.message.as_str()).collect();
    assert_eq!(messages[1], "1 in service and healthy, 2 desired; its deadline of 20s was over then");
    // What is as it should be is not blamed for the rest.
    assert_eq!((result.status, result.probes[0].status), (Status::Failed, Status::Passed));
}

#[tokio::test]
async fn a_successor_that_has_not_come_is_no_pass() {
    let address = answers(answer("503 Service Unavailable", "")).await;
    let calls = calls(|k| {
        let mut seen = sighting(&["i-1"], "127.0.0.1");
        if k > 0 {
            seen.group.members.clear();
        }
        Ok(seen)
    });
    let check = asks(address, retry(3000, 5, 1), Some(60));
    let result = runner().run_with(calls, &expectation(), &[&check], |_| {}).await.remove(0);
    let probes: Vec<(&str, Status)> =
        result.probes.iter().map(|probe| (probe.subject.as_str(), probe.status)).collect();
    assert_eq!(probes, [("i-1", Status::Skipped), ("in place of i-1", Status::Errored)]);
}

/// What each subject said.
fn said(result: &CheckResult) -> Vec<(&str, Status, &str)> {
    result.probes.iter().map(|probe| (probe.subject.as_str(), probe.status, probe.message.as_str())).collect()
}

#[tokio::test]
async fn who_was_done_before_is_not_blamed_for_who_was_not() {
    let address = server(|mut stream| async move {
        let head = request(&mut stream).await;
        let text = match head.split(' ').nth(1).unwrap_or_default() {
            "/i-1" => answer("200 OK", ""),
            "/i-2" => answer("503 Service Unavailable", ""),
            _ => return tokio::time::sleep(Duration::from_secs(60)).await,
        };
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes()).await;
    })
    .await;
    let url = format!("http://{{private_ip}}:{}/{{instance_id}}", address.port());
    let check = check("app", CheckKind::Http(get(&url)), Scope::Instance, once());
    let check = Check { deadline: Some(Duration::from_secs(40)), ..check };
    let three = calls(|_| Ok(sighting(&["i-1", "i-2", "i-3"], "127.0.0.1")));
    let result = run_one(&runner(), three, &check).await;
    let said = said(&result);
    assert!(said[0].1 == Status::Passed && said[0].2.starts_with("200 OK in "), "{said:?}");
    assert_eq!(
        said[1..],
        [
            ("i-2", Status::Failed, "status 503, expected 200"),
            ("i-3", Status::Errored, "no answer before its deadline of 40s was over"),
        ]
    );
}

#[tokio::test]
async fn who_is_all_right_but_not_often_enough_is_no_pass_of_the_group_either() {
    let wanted = Check {
        deadline: Some(Duration::from_secs(20)),
        ..check("instances", CheckKind::Instances, Scope::Group, retry(3000, 5, 100))
    };
    let result = run_one(&runner(), calls(|_| Ok(sighting(&["i-1"], "127.0.0.1"))), &wanted).await;
    assert_eq!(result.status, Status::Errored);
    for (subject, status, message) in said(&result) {
        assert_eq!(status, Status::Errored, "{subject}");
        assert!(
            message.ends_with("but not often enough before its deadline of 20s was over"),
            "{subject}: {message}"
        );
    }
}

#[tokio::test]
async fn what_was_waited_for_and_came_is_not_missed_when_the_time_is_over() {
    let silent = silent().await;
    let calls = calls(|k| {
        // Nobody serves at first; then i-1, which leaves; i-2 comes in its place, and is silent.
        let mut seen = sighting(if k < 2 { &["i-1"] } else { &["i-2"] }, "127.0.0.1");
        if k == 0 {
            seen.group.members.clear();
        }
        Ok(seen)
    });
    let url = format!("http://{{private_ip}}:{}/", silent.port());
    let http = HttpCheck::get(&url, Duration::from_secs(2));
    let check = check("app", CheckKind::Http(http), Scope::Instance, retry(3000, 5, 1));
    let check = Check { deadline: Some(Duration::from_secs(100)), ..check };
    let result = run_one(&runner(), calls, &check).await;
    let subjects: Vec<_> = said(&result).into_iter().map(|(subject, status, _)| (subject, status)).collect();
    assert_eq!(subjects, [("i-1", Status::Skipped), ("i-2", Status::Errored)], "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn the_time_of_all_checks_is_over_for_those_too_that_had_not_begun() {
    let clock = Clock::starting_at("2026-11-22T19:00:00Z".parse().unwrap(), 1.0);
    let wanted = check("instances", CheckKind::Instances, Scope::Group, retry(3000, 5, 1));
    let checks = vec![&wanted; BEGUN + 1];
    let expect = Expectation { deadline: Some(Duration::from_secs(20)), ..expectation() };
    let few = calls(|_| {
        let mut few = sighting(&["i-1"], "127.0.0.1");
        few.group.desired = 2;
        Ok(few)
    });
    let began = clock.now();
    let results = Runner::new(clock, Network::Sockets).run_with(few, &expect, &checks, |_| {}).await;
    assert_eq!(results.len(), BEGUN + 1);
    let not_passed = results.iter().filter(|result| result.status != Status::Passed).count();
    assert_eq!(not_passed, BEGUN + 1);
    let took = clock.since(began).as_secs();
    assert!((20..22).contains(&took), "{took} s");
}
