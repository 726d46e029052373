use std::collections::BTreeMap;

use regex::Regex;
use serde_json::json;
use serde_json_path::JsonPath;

use super::*;
use crate::event::Status;

fn check() -> HttpCheck {
    HttpCheck {
        url: "http://{private_ip}/".into(),
        status: vec![(200, 200)],
        body_contains: None,
        body_matches: None,
        headers: BTreeMap::new(),
        json: Vec::new(),
        capture: Vec::new(),
        within: Duration::from_secs(2),
    }
}

fn heard(status: u16, body: &str) -> Heard {
    let status = Some(StatusCode::from_u16(status).unwrap());
    Heard { status, body: body.as_bytes().to_vec(), ..Heard::default() }
}

fn expected(path: &str, value: Value) -> Expected {
    Expected { text: path.into(), path: JsonPath::parse(path).unwrap(), value }
}

/// The message of a failure; `None` when it passed.
fn wrong(check: &HttpCheck, heard: &Heard) -> Option<String> {
    let answer = judge(check, heard, Duration::from_millis(12));
    match answer.status {
        Status::Passed => None,
        Status::Failed => Some(answer.message),
        Status::Skipped | Status::Errored => panic!("{answer:?}"),
    }
}

#[test]
fn a_right_answer_passes_with_status_and_time() {
    let answer = judge(&check(), &heard(200, "ok"), Duration::from_millis(12));
    assert_eq!((answer.status, answer.message.as_str()), (Status::Passed, "200 OK in 12 ms"));
}

#[test]
fn the_status_must_be_in_one_of_the_ranges() {
    let mut check = check();
    assert_eq!(wrong(&check, &heard(503, "")).unwrap(), "status 503, expected 200");
    check.status = vec![(200, 299), (404, 404)];
    for good in [200, 299, 404] {
        assert_eq!(wrong(&check, &heard(good, "")), None);
    }
    assert_eq!(wrong(&check, &heard(302, "")).unwrap(), "status 302, expected 200-299, 404");
}

#[test]
fn the_body_must_contain_the_text_and_match_the_expression() {
    let mut check = check();
    check.body_contains = Some("ready".into());
    check.body_matches = Some(Regex::new("v[0-9]+").unwrap());
    assert_eq!(wrong(&check, &heard(200, "v7 is ready")), None);
    assert_eq!(
        wrong(&check, &heard(200, "no")).unwrap(),
        "body does not contain \"ready\"; body does not match \"v[0-9]+\""
    );
}

#[test]
fn a_body_that_is_not_utf8_can_be_searched() {
    let mut check = check();
    check.body_contains = Some("ok".into());
    let mut heard = heard(200, "");
    heard.body = b"\xff\xfe ok".to_vec();
    assert_eq!(wrong(&check, &heard), None);
}

#[test]
fn one_of_a_headers_values_must_be_the_expected_one() {
    let mut check = check();
    check.headers.insert("X-Version".into(), "7".into());
    let mut heard = heard(200, "");
    assert_eq!(wrong(&check, &heard).unwrap(), "header X-Version is absent, expected \"7\"");
    heard.headers.append("x-version", "6".parse().unwrap());
    assert_eq!(wrong(&check, &heard).unwrap(), "header X-Version was \"6\", expected \"7\"");
    heard.headers.append("x-version", "7".parse().unwrap());
    assert_eq!(wrong(&check, &heard), None);
}

#[test]
fn every_node_that_a_path_selects_must_be_equal_and_one_must_be_selected() {
    let mut check = check();
    check.json = vec![expected("$.status", json!("UP")), expected("$.parts[*].ok", json!(true))];
    let good = r#"{"status":"UP","parts":[{"ok":true},{"ok":true}]}"#;
    assert_eq!(wrong(&check, &heard(200, good)), None);
    let one_part_down = r#"{"status":"UP","parts":[{"ok":true},{"ok":false}]}"#;
    assert_eq!(wrong(&check, &heard(200, one_part_down)).unwrap(), "$.parts[*].ok was false, expected true");
    assert_eq!(
        wrong(&check, &heard(200, r#"{"status":"DOWN","parts":[]}"#)).unwrap(),
        "$.status was \"DOWN\", expected \"UP\"; $.parts[*].ok selected nothing, expected true"
    );
}

#[test]
fn numbers_are_compared_by_value() {
    let mut check = check();
    check.json = vec![expected("$.n", json!(1))];
    assert_eq!(wrong(&check, &heard(200, r#"{"n":1.0}"#)), None);
    assert_eq!(wrong(&check, &heard(200, r#"{"n":"1"}"#)).unwrap(), "$.n was \"1\", expected 1");
}

#[test]
fn a_body_that_is_not_json_is_a_failure() {
    let mut check = check();
    check.json = vec![expected("$.status", json!("UP"))];
    let nested = "[".repeat(100_000);
    for body in ["", "<html>", "{\"status\":\"UP\"", nested.as_str()] {
        assert!(wrong(&check, &heard(200, body)).unwrap().starts_with("body is not JSON: "));
    }
}

#[test]
fn everything_wrong_is_said_and_long_values_are_cut() {
    let mut check = check();
    check.json = vec![expected("$", json!("UP"))];
    let body = json!({ "filler": "é".repeat(5000) }).to_string();
    let message = wrong(&check, &heard(500, &body)).unwrap();
    assert!(message.starts_with("status 500, expected 200; $ was {\"filler\":\"é"), "{message}");
    assert!(message.chars().count() < 250, "{message}");
}

#[test]
fn only_so_much_of_a_body_is_kept_and_the_evidence_says_so() {
    let mut heard = heard(200, "");
    assert!(heard.keep(&vec![b'a'; LARGEST_BODY]));
    assert!(!heard.cut);
    assert!(!heard.keep(b"b"));
    assert_eq!((heard.body.len(), heard.cut), (LARGEST_BODY, true));
    let evidence = heard.evidence();
    assert!(evidence.starts_with("HTTP/1.1 200 OK\n\naaa"), "{evidence}");
    assert!(evidence.ends_with("…\n(only the first 262144 bytes of the body were looked at)"));
    assert!(evidence.chars().count() < SHOWN + 120);
}

#[test]
fn nothing_heard_is_no_evidence() {
    assert_eq!(Heard::default().evidence(), "");
}
