//! How requests leave when all is well, and how they are spaced.

use super::server::{Server, answer, ok};
use super::*;

#[tokio::test]
async fn a_request_arrives_as_it_was_made_and_its_answer_comes_back() {
    let server = Server::start(vec![answer("201 Created", "", r#"{"key":"CHG-1"}"#)]).await;
    let answer = Post::new(fast(), Outlet::Network).send(&request(&server.url())).await.unwrap();
    assert_eq!(answer, Answer { status: 201, body: br#"{"key":"CHG-1"}"#.to_vec() });
    let came = server.came().remove(0);
    assert!(came.head.starts_with("POST /services/path-secret HTTP/1.1\r\n"), "{}", came.head);
    assert_eq!(came.body, r#"{"text":"hello"}"#);
    assert_eq!(came.header("authorization"), "Bearer xoxb-header-secret");
    assert_eq!(came.header("content-type"), "application/json");
    assert_eq!(came.header("user-agent"), format!("ami-refresh/{}", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn a_get_has_no_body() {
    let server = Server::start(vec![ok()]).await;
    let get = Request { method: Method::Get, body: Vec::new(), ..request(&server.url()) };
    Post::new(fast(), Outlet::Network).send(&get).await.unwrap();
    let came = server.came().remove(0);
    assert!(came.head.starts_with("GET "), "{}", came.head);
    assert_eq!((came.body.as_str(), came.header("content-length")), ("", ""));
}

#[tokio::test]
async fn requests_of_one_sink_are_a_second_apart_on_one_connection() {
    let server = Server::start(vec![ok()]).await;
    let post = Post::new(fast(), Outlet::Network);
    let first = request(&server.url());
    let others = [post.clone(), post.clone(), post.clone()];
    let sends = others.iter().map(|post| post.send(&first));
    for sent in futures_util::future::join_all(sends).await {
        sent.unwrap();
    }
    let gaps = server.gaps(SPEED);
    assert_eq!(gaps.len(), 2);
    assert!(gaps.iter().all(|gap| *gap >= 1.0), "{gaps:?}");
    assert!(server.came().iter().all(|came| came.connection == 0), "{:?}", server.came());
}

#[tokio::test]
async fn requests_of_different_sinks_and_prompt_ones_do_not_wait() {
    let server = Server::start(vec![ok()]).await;
    // So slow that a second of waiting would be seen.
    let post = Post::new(Clock::starting_at(begin(), 1.0), Outlet::Network);
    let started = std::time::Instant::now();
    for number in 0..5 {
        let sink = format!("slack #{number}");
        post.send(&Request { sink, ..request(&server.url()) }).await.unwrap();
    }
    for _ in 0..5 {
        let sink = "webhook 1".to_owned();
        post.send_promptly(&Request { sink, ..request(&server.url()) }).await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
    assert_eq!(server.came().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_writes_what_it_would_send_and_keeps_the_spacing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("reports");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("messages.txt"), "from an earlier rehearsal").unwrap();
    let clock = Clock::starting_at(begin(), 1.0);
    let zone = jiff::tz::TimeZone::get("Europe/Paris").unwrap();
    let post = Post::in_zone(clock, Outlet::Files(path.clone()), zone);
    let hook = "https://hooks.slack.com/services/T0/B0/path-secret";
    let answer = post.send(&request(hook)).await.unwrap();
    assert_eq!(answer, Answer { status: 200, body: br#"{"ok":true}"#.to_vec() });
    let silent = Request {
        url: "made up".into(),
        body: b"plain".to_vec(),
        text: String::new(),
        headers: Vec::new(),
        ..request("")
    };
    post.send(&silent).await.unwrap();
    assert_eq!(clock.since(begin()), seconds(1));
    let text = std::fs::read_to_string(path.join("messages.txt")).unwrap();
    assert_eq!(
        text,
        "Sun 22 Nov 20:00  slack #payments-alerts\n    Starting ASG Refresh\n      4 groups\n\n"
    );
    let lines = std::fs::read_to_string(path.join("messages.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = serde_json::json!({
        "time": "2026-11-22T19:00:00Z", "sink": "slack #payments-alerts", "what": "start of qa",
        "method": "POST", "url": "https://hooks.slack.com",
        "headers": ["Content-Type", "Authorization"], "body": { "text": "hello" },
    });
    assert_eq!(lines[0], expected);
    assert_eq!((&lines[1]["url"], &lines[1]["body"]), (&"-".into(), &"plain".into()));
    assert_eq!(lines.len(), 2);
}

#[tokio::test]
async fn a_rehearsal_that_can_t_write_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    std::fs::write(&path, "in the way").unwrap();
    let problem = Post::new(fast(), Outlet::Files(path)).send(&request("")).await.unwrap_err();
    assert!(problem.what.starts_with("failed to write messages.jsonl"), "{problem}");
}
