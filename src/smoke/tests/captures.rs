//! Values that one check captures and another needs.

use super::network::{answer, answers, request, server};
use super::*;
use crate::config::{Capture, CaptureFrom};

/// A check that captures `{token}` from `$.token`.
fn login(url: &str, on: Scope) -> Check {
    let path = serde_json_path::JsonPath::parse("$.token").unwrap();
    let from = CaptureFrom::Json("$.token".into(), path);
    let capture = vec![Capture { name: "token".into(), from, secret: true }];
    check("login", CheckKind::Http(HttpCheck { capture, ..get(url) }), on, once())
}

/// A check that names `{token}`.
fn uses(url: &str, on: Scope) -> Check {
    let asks = check("app", CheckKind::Http(get(url)), on, once());
    Check { uses: BTreeSet::from(["token".to_owned()]), ..asks }
}

/// A login that gives each instance a token of its own, a moment late, and an application that
/// takes only that.
async fn application() -> String {
    let address = server(|mut stream| async move {
        let head = request(&mut stream).await;
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let parts: Vec<&str> = path.split('/').collect();
        let text = match parts.as_slice() {
            ["", "login", id] => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                answer("200 OK", &format!(r#"{{"token": "secret-of-{id}"}}"#))
            }
            ["", "app", id, token] if *token == format!("secret-of-{id}") => answer("200 OK", "welcome"),
            _ => answer("403 Forbidden", &format!("not with {path}")),
        };
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes()).await;
    })
    .await;
    format!("http://{{private_ip}}:{}", address.port())
}

/// Runs both, and gives the results; no result may hold a part of a token.
async fn run(calls: Calls<'static>, checks: &[&Check]) -> Vec<CheckResult> {
    let results = runner().run_with(calls, &expectation(), checks, |_| {}).await;
    let told = format!("{results:?}");
    assert!(!told.contains("secret"), "{told}");
    results
}

#[tokio::test]
async fn a_later_check_is_asked_with_what_the_earlier_one_captured_of_the_same_instance() {
    let base = application().await;
    let login = login(&format!("{base}/login/{{instance_id}}"), Scope::Instance);
    let app = uses(&format!("{base}/app/{{instance_id}}/{{token}}"), Scope::Instance);
    let results = run(calls(|_| Ok(sighting(&["i-1", "i-2", "i-3"], "127.0.0.1"))), &[&login, &app]).await;
    assert!(results.iter().all(|result| result.status == Status::Passed), "{results:?}");
    assert_eq!(results[1].message, "3 of 3 instances passed");
    assert!(results[0].probes[0].evidence.contains(r#"{"token": "***"}"#), "{results:?}");
}

#[tokio::test]
async fn a_secret_is_in_no_answer_that_repeats_it() {
    let base = application().await;
    let login = login(&format!("{base}/login/{{instance_id}}"), Scope::Instance);
    // Of another instance than it is for: refused, and the answer names it.
    let app = uses(&format!("{base}/app/i-9/{{token}}"), Scope::Instance);
    let results = run(calls(|_| Ok(sighting(&["i-1"], "127.0.0.1"))), &[&login, &app]).await;
    assert_eq!(results[1].status, Status::Failed);
    assert!(results[1].probes[0].evidence.contains("not with /app/i-9/***"), "{results:?}");
}

#[tokio::test]
async fn where_nothing_was_captured_the_later_check_is_not_asked() {
    let address = answers(answer("200 OK", r#"{"token": {"secret": 1}}"#)).await;
    let base = format!("http://{{private_ip}}:{}", address.port());
    let (login, app) = (login(&base, Scope::Instance), uses(&format!("{base}/{{token}}"), Scope::Instance));
    let results = run(calls(|_| Ok(sighting(&["i-1"], "127.0.0.1"))), &[&login, &app]).await;
    let message = "{token} can't be captured: $.token selects no text, number, or yes or no";
    assert_eq!((results[0].status, results[0].probes[0].message.as_str()), (Status::Failed, message));
    let message = "not asked: check login, which captures {token}, did not pass";
    assert_eq!((results[1].status, results[1].probes[0].message.as_str()), (Status::Errored, message));
}

#[tokio::test]
async fn what_the_group_captured_is_there_for_its_instances() {
    let base = application().await;
    let address = base.replace("{private_ip}", "127.0.0.1");
    let login = login(&format!("{address}/login/i-1"), Scope::Group);
    let app = uses(&format!("{base}/app/{{instance_id}}/{{token}}"), Scope::Instance);
    let results = run(calls(|_| Ok(sighting(&["i-1"], "127.0.0.1"))), &[&login, &app]).await;
    assert!(results.iter().all(|result| result.status == Status::Passed), "{results:?}");
}

#[tokio::test]
async fn an_instance_that_came_late_is_asked_for_what_it_needs() {
    let base = application().await;
    let login = login(&format!("{base}/login/{{instance_id}}"), Scope::Instance);
    let app = uses(&format!("{base}/app/{{instance_id}}/{{token}}"), Scope::Instance);
    // The first that sees the group sees i-1; it has left when the application was asked.
    let failing = uses(&format!("{base}/app/i-9/{{token}}"), Scope::Instance);
    let sight =
        |k| Ok(if k == 0 { sighting(&["i-1"], "127.0.0.1") } else { sighting(&["i-2"], "127.0.0.1") });
    let results = run(calls(sight), &[&login, &failing]).await;
    assert_eq!(results[0].message, "1 of 1 instances passed");
    let asked: Vec<&str> = results[1].probes.iter().map(|probe| probe.subject.as_str()).collect();
    assert_eq!(asked, ["i-1", "i-2"]);
    assert_eq!(results[1].probes[1].message, "status 403, expected 200");
    let results = run(calls(|_| Ok(sighting(&["i-2"], "127.0.0.1"))), &[&login, &app]).await;
    assert_eq!(results[1].status, Status::Passed);
}

#[tokio::test]
async fn an_instance_that_came_late_is_asked_for_it_until_it_is_ready() {
    let asked = Arc::new(Mutex::new(0));
    let address = server(move |mut stream| {
        let asked = Arc::clone(&asked);
        async move {
            let head = request(&mut stream).await;
            let text = match head.split(' ').nth(1).unwrap_or_default() {
                "/login/i-2"
                    if {
                        *asked.lock().unwrap() += 1;
                        *asked.lock().unwrap() < 3
                    } =>
                {
                    answer("503 Service Unavailable", "starting")
                }
                "/login/i-1" | "/login/i-2" => answer("200 OK", r#"{"token": "secret"}"#),
                "/app/i-2/secret" => answer("200 OK", "welcome"),
                _ => answer("403 Forbidden", ""),
            };
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes()).await;
        }
    })
    .await;
    let base = format!("http://{{private_ip}}:{}", address.port());
    let login = login(&format!("{base}/login/{{instance_id}}"), Scope::Instance);
    let login = Check { retry: retry(300, 5, 1), ..login };
    let app = uses(&format!("{base}/app/{{instance_id}}/{{token}}"), Scope::Instance);
    let sight =
        |k| Ok(if k == 0 { sighting(&["i-1"], "127.0.0.1") } else { sighting(&["i-2"], "127.0.0.1") });
    let results = run(calls(sight), &[&login, &app]).await;
    let probes = &results[1].probes;
    let last = probes.last().expect("a probe");
    assert_eq!((last.subject.as_str(), last.status), ("i-2", Status::Passed), "{results:?}");
}

/// What is said where a login did not pass.
const NOT_PASSED: &str = "not asked: check login, which captures {token}, did not pass";

/// A server that takes connections and never answers, and how many it took.
async fn mute() -> (std::net::SocketAddr, Arc<Mutex<u32>>) {
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let address = server(move |stream| {
        *count.lock().unwrap() += 1;
        async move {
            tokio::time::sleep(Duration::from_secs(60)).await;
            drop(stream);
        }
    })
    .await;
    (address, asked)
}

#[tokio::test]
async fn a_check_of_the_group_whose_time_was_over_is_not_asked_again_for_others() {
    let (address, asked) = mute().await;
    let login = login(&format!("http://127.0.0.1:{}/", address.port()), Scope::Group);
    let login = Check { deadline: Some(Duration::from_secs(20)), ..login };
    let app = uses("http://{private_ip}:1/{token}", Scope::Instance);
    let results = run(calls(|_| Ok(sighting(&["i-1"], "127.0.0.1"))), &[&login, &app]).await;
    assert_eq!((results[1].status, results[1].probes[0].message.as_str()), (Status::Errored, NOT_PASSED));
    assert_eq!(*asked.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_tag_that_the_group_does_not_have_is_an_error() {
    let base = application().await;
    let asks = check("app", CheckKind::Http(get(&format!("{base}/{{tag:Team}}"))), Scope::Instance, once());
    let result = run_one(&runner(), calls(|_| Ok(sighting(&["i-1"], "127.0.0.1"))), &asks).await;
    let message = "the group has no tag Team, which {tag:Team} stands for";
    assert_eq!((result.status, result.probes[0].message.as_str()), (Status::Errored, message));
}

#[tokio::test]
async fn what_a_failed_answer_gave_is_masked_and_nobody_is_asked_with_it() {
    let address = answers(answer("503 Service Unavailable", r#"{"token": "secret-of-i-1"}"#)).await;
    let base = format!("http://{{private_ip}}:{}", address.port());
    let login = login(&base, Scope::Instance);
    // It would be asked for five minutes, if there were anything to ask with.
    let app = Check { retry: retry(300, 5, 1), ..uses(&format!("{base}/{{token}}"), Scope::Instance) };
    let results = run(calls(|_| Ok(sighting(&["i-1"], "127.0.0.1"))), &[&login, &app]).await;
    assert_eq!(results[0].probes[0].message, "status 503, expected 200");
    assert!(results[0].probes[0].evidence.contains(r#"{"token": "***"}"#), "{results:?}");
    let probe = &results[1].probes[0];
    assert_eq!((probe.status, probe.message.as_str(), probe.attempts), (Status::Errored, NOT_PASSED, 1));
}

#[tokio::test]
async fn a_value_of_passes_that_were_not_enough_is_not_used() {
    let base = application().await;
    let login = login(&format!("{base}/login/{{instance_id}}"), Scope::Instance);
    let login = Check { retry: retry(3000, 5, 100), deadline: Some(Duration::from_secs(30)), ..login };
    let app = uses(&format!("{base}/app/{{instance_id}}/{{token}}"), Scope::Instance);
    let results = run(calls(|_| Ok(sighting(&["i-1"], "127.0.0.1"))), &[&login, &app]).await;
    let message = &results[0].probes[0].message;
    assert!(message.ends_with("but not often enough before its deadline of 30s was over"), "{message}");
    assert_eq!((results[1].status, results[1].probes[0].message.as_str()), (Status::Errored, NOT_PASSED));
}

#[tokio::test]
async fn an_instance_whose_time_was_over_is_not_asked_again_for_others() {
    let (address, asked) = mute().await;
    let login = login(&format!("http://{{private_ip}}:{}/", address.port()), Scope::Instance);
    let login = Check { deadline: Some(Duration::from_secs(20)), ..login };
    let app = uses("http://{private_ip}:1/{token}", Scope::Instance);
    let results = run(calls(|_| Ok(sighting(&["i-1"], "127.0.0.1"))), &[&login, &app]).await;
    assert_eq!((results[1].status, results[1].probes[0].message.as_str()), (Status::Errored, NOT_PASSED));
    assert_eq!(*asked.lock().unwrap(), 1);
}

#[tokio::test]
async fn an_instance_that_has_its_value_waits_for_no_other() {
    let asked = Arc::new(tokio::sync::Notify::new());
    let address = server(move |mut stream| {
        let asked = Arc::clone(&asked);
        async move {
            let head = request(&mut stream).await;
            match head.split(' ').nth(1).unwrap_or_default() {
                "/login/i-2" => asked.notified().await,
                "/app/i-1" => asked.notify_one(),
                _ => {}
            }
            let text = answer("200 OK", r#"{"token": "secret"}"#);
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes()).await;
        }
    })
    .await;
    let base = format!("http://{{private_ip}}:{}", address.port());
    let login = login(&format!("{base}/login/{{instance_id}}"), Scope::Instance);
    let app = uses(&format!("{base}/app/{{instance_id}}"), Scope::Instance);
    let results = run(calls(|_| Ok(sighting(&["i-1", "i-2"], "127.0.0.1"))), &[&login, &app]).await;
    assert!(results.iter().all(|result| result.status == Status::Passed), "{results:?}");
}

#[tokio::test]
async fn a_secret_in_an_address_is_masked_in_the_subject_and_in_what_is_said() {
    // Nobody listens there.
    let address = answers(answer("200 OK", r#"{"token": "127.0.0.99"}"#)).await;
    let login = login(&format!("http://127.0.0.1:{}/", address.port()), Scope::Group);
    let app = uses("http://{token}:1/", Scope::Group);
    let results = run(calls(|_| Ok(sighting(&["i-1"], "127.0.0.1"))), &[&login, &app]).await;
    let probe = &results[1].probes[0];
    assert_eq!((probe.status, probe.subject.as_str()), (Status::Errored, "***:1"));
    assert!(probe.message.contains("***:1"), "{probe:?}");
    assert!(!format!("{results:?}").contains("127.0.0.99"), "{results:?}");
}

#[tokio::test]
async fn a_value_may_stand_behind_what_is_held_of_an_answer() {
    let address = server(|mut stream| async move {
        let head = request(&mut stream).await;
        let text = match head.split(' ').nth(1).unwrap_or_default() {
            "/login" => {
                answer("200 OK", &format!(r#"{{"pad": "{}", "token": "secret"}}"#, "x".repeat(100_000)))
            }
            "/app/secret" => answer("200 OK", "welcome"),
            _ => answer("403 Forbidden", ""),
        };
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes()).await;
    })
    .await;
    let base = format!("http://{{private_ip}}:{}", address.port());
    let login = login(&format!("{base}/login"), Scope::Instance);
    let app = uses(&format!("{base}/app/{{token}}"), Scope::Instance);
    let results = run(calls(|_| Ok(sighting(&["i-1"], "127.0.0.1"))), &[&login, &app]).await;
    assert!(results.iter().all(|result| result.status == Status::Passed), "{results:?}");
}

#[tokio::test]
async fn an_instance_that_came_late_is_not_asked_with_what_a_failed_answer_gave() {
    let address = server(|mut stream| async move {
        let head = request(&mut stream).await;
        let text = match head.split(' ').nth(1).unwrap_or_default() {
            "/login/i-1" => answer("200 OK", r#"{"token": "secret"}"#),
            "/login/i-2" => answer("503 Service Unavailable", r#"{"token": "secret"}"#),
            "/app/i-2/secret" => answer("200 OK", "welcome"),
            _ => answer("403 Forbidden", ""),
        };
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes()).await;
    })
    .await;
    let base = format!("http://{{private_ip}}:{}", address.port());
    let login = login(&format!("{base}/login/{{instance_id}}"), Scope::Instance);
    let app = uses(&format!("{base}/app/{{instance_id}}/{{token}}"), Scope::Instance);
    let sight =
        |k| Ok(if k == 0 { sighting(&["i-1"], "127.0.0.1") } else { sighting(&["i-2"], "127.0.0.1") });
    let results = run(calls(sight), &[&login, &app]).await;
    let last = results[1].probes.last().expect("a probe");
    let message = format!("{NOT_PASSED}: status 503, expected 200");
    assert_eq!((last.subject.as_str(), last.status, &last.message), ("i-2", Status::Errored, &message));
}
