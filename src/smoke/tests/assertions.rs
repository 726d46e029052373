use http::{HeaderName, HeaderValue};
use regex::Regex;
use serde_json::{Value, json};
use serde_json_path::JsonPath;

use super::*;
use crate::config::{Expected, HeaderTest, JsonType, NumberTest, ValueTest};
use crate::event::Status;

fn check() -> HttpCheck {
    HttpCheck::get("http://{private_ip}/", Duration::from_secs(2))
}

fn heard(status: u16, body: &str) -> Heard {
    let status = Some(StatusCode::from_u16(status).unwrap());
    Heard { status, body: body.as_bytes().to_vec(), ..Heard::default() }
}

fn expected(path: &str, value: Value) -> Expected {
    Expected {
        text: path.into(),
        path: JsonPath::parse(path).unwrap(),
        tests: vec![ValueTest::Equals(value)],
    }
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
    check.body_contains = vec!["ready".into()];
    check.body_matches = vec![Regex::new("v[0-9]+").unwrap()];
    assert_eq!(wrong(&check, &heard(200, "v7 is ready")), None);
    assert_eq!(
        wrong(&check, &heard(200, "no")).unwrap(),
        "body does not contain \"ready\"; body does not match \"v[0-9]+\""
    );
}

#[test]
fn of_a_body_that_was_not_read_to_its_end_nothing_is_said_that_needs_it() {
    let mut check = check();
    check.body_lacks = vec!["error".into()];
    check.json = vec![expected("$.a", json!(1))];
    let cut = Heard { cut: true, ..heard(200, "{}") };
    assert_eq!(
        wrong(&check, &cut).unwrap(),
        "the body is longer than 256 KiB: what it lacks is not known; the body is longer than 256 KiB: it can't \
         be read as JSON"
    );
    let cut = Heard { cut: true, ..heard(200, "ready") };
    check = HttpCheck { body_contains: vec!["ready".into()], ..self::check() };
    assert_eq!(wrong(&check, &cut), None);
}

#[test]
fn a_certificate_that_nobody_showed_is_none_that_lasts() {
    let check = HttpCheck { certificate_valid: Some(Duration::from_secs(86_400)), ..check() };
    assert_eq!(wrong(&check, &heard(200, "")).unwrap(), "no certificate was shown");
    // One that was shown before a redirect was looked at there.
    let mut seen = Heard { certified: true, ..heard(301, "") };
    seen.begin_again();
    assert_eq!(wrong(&check, &Heard { certified: seen.certified, ..heard(200, "") }), None);
}

#[test]
fn a_body_that_is_not_utf8_can_be_searched() {
    let mut check = check();
    check.body_contains = vec!["ok".into()];
    let mut heard = heard(200, "");
    heard.body = b"\xff\xfe ok".to_vec();
    assert_eq!(wrong(&check, &heard), None);
}

#[test]
fn one_of_a_headers_values_must_be_the_expected_one() {
    let mut check = check();
    check.headers = vec![(HeaderName::from_static("x-version"), HeaderTest::Equals("7".into()))];
    let mut heard = heard(200, "");
    assert_eq!(wrong(&check, &heard).unwrap(), "header x-version is absent, expected \"7\"");
    heard.headers.append("x-version", "6".parse().unwrap());
    assert_eq!(wrong(&check, &heard).unwrap(), "header x-version was \"6\", expected \"7\"");
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
    let evidence = heard.evidence(&Secrets::default());
    assert!(evidence.starts_with("HTTP/1.1 200 OK\n\naaa"), "{evidence}");
    assert!(evidence.ends_with("…\n(only the first 262144 bytes of the body were looked at)"));
    assert!(evidence.chars().count() < SHOWN + 120);
}

#[test]
fn nothing_heard_is_no_evidence() {
    assert_eq!(Heard::default().evidence(&Secrets::default()), "");
}

fn compared(test: ValueTest, body: &str) -> Option<String> {
    let json =
        vec![Expected { text: "$.a".into(), path: JsonPath::parse("$.a").unwrap(), tests: vec![test] }];
    wrong(&HttpCheck { json, ..check() }, &heard(200, body))
}

#[test]
fn a_comparison_holds_for_what_it_says_and_for_nothing_else() {
    use NumberTest::{Above, AtLeast, AtMost, Below};
    use ValueTest::{Contains, Matches, Not, Number, Type};
    let five = || serde_json::Number::from(5);
    for (test, good, bad, said) in [
        (Number(Below(five())), "4.9", "5", "$.a was 5, expected a number below 5"),
        (Number(AtMost(five())), "5.0", "5.1", "$.a was 5.1, expected at most 5"),
        (Number(Above(five())), "6", "5", "$.a was 5, expected a number above 5"),
        (Number(AtLeast(five())), "5", "\"7\"", "$.a was \"7\", expected at least 5"),
        (Not(json!(1)), "2", "1.0", "$.a was 1.0, expected anything but 1"),
        (
            Matches(Regex::new("^v[0-9]").unwrap()),
            "\"v7\"",
            "7",
            "$.a was 7, expected text that matches \"^v[0-9]\"",
        ),
        (Contains(json!("up")), "\"it is up\"", "\"down\"", "$.a was \"down\", expected \"up\" in it"),
        (Contains(json!(2)), "[1, 2.0]", "[1, \"2\"]", "$.a was [1,\"2\"], expected 2 in it"),
        (Type(JsonType::Integer), "3.0", "3.5", "$.a was 3.5, expected a whole number"),
        (Type(JsonType::Text), "\"\"", "null", "$.a was null, expected text"),
        (Type(JsonType::Null), "null", "0", "$.a was 0, expected null"),
        (Type(JsonType::List), "[]", "{}", "$.a was {}, expected a list"),
        (Type(JsonType::Object), "{}", "[]", "$.a was [], expected an object"),
        (Type(JsonType::Boolean), "false", "0", "$.a was 0, expected true or false"),
        (Type(JsonType::Number), "0.5", "true", "$.a was true, expected a number"),
    ] {
        assert_eq!(compared(test.clone(), &format!("{{\"a\":{good}}}")), None, "{test:?}");
        assert_eq!(compared(test.clone(), &format!("{{\"a\":{bad}}}")).unwrap(), said);
        let nothing = compared(test.clone(), "{}").unwrap();
        assert!(nothing.starts_with("$.a selected nothing, expected "), "{test:?}: {nothing}");
    }
}

#[test]
fn large_whole_numbers_are_not_rounded() {
    let large = serde_json::Number::from(9_007_199_254_740_993_u64);
    let test = ValueTest::Number(NumberTest::Below(large));
    assert_eq!(compared(test.clone(), r#"{"a":9007199254740992}"#), None);
    assert!(compared(test, r#"{"a":9007199254740993}"#).is_some());
}

#[test]
fn existence_and_number_are_asked_of_all_together() {
    let at = |test, body: &str| {
        let path = JsonPath::parse("$.a[*]").unwrap();
        let json = vec![Expected { text: "$.a[*]".into(), path, tests: vec![test] }];
        wrong(&HttpCheck { json, ..check() }, &heard(200, body))
    };
    let count = |number: u32| ValueTest::Count(NumberTest::Equal(number.into()));
    assert_eq!(at(count(2), r#"{"a":[1,2]}"#), None);
    assert_eq!(at(count(0), r#"{"b":1}"#), None);
    assert_eq!(at(count(3), r#"{"a":[1,2]}"#).unwrap(), "$.a[*] selected 2, expected 3");
    let some = ValueTest::Count(NumberTest::AtLeast(1.into()));
    assert_eq!(at(some, r#"{"a":[]}"#).unwrap(), "$.a[*] selected 0, expected at least 1");
    assert_eq!(at(ValueTest::Exists(true), r#"{"a":[null]}"#), None);
    assert_eq!(at(ValueTest::Exists(true), "{}").unwrap(), "$.a[*] selected nothing, expected something");
    assert_eq!(at(ValueTest::Exists(false), "{}"), None);
    assert_eq!(at(ValueTest::Exists(false), r#"{"a":[7]}"#).unwrap(), "$.a[*] was 7, expected nothing");
}

#[test]
fn headers_are_tested_as_well() {
    let asked = |test: HeaderTest, values: &[&'static str]| {
        let mut heard = heard(200, "");
        for value in values {
            heard.headers.append("x-app", HeaderValue::from_static(value));
        }
        let headers = vec![(HeaderName::from_static("x-app"), test)];
        wrong(&HttpCheck { headers, ..check() }, &heard)
    };
    let text = |text: &str| text.to_owned();
    let matches = || HeaderTest::Matches(Regex::new("^[0-9]+$").unwrap());
    for (test, good, bad, said) in [
        (HeaderTest::Equals(text("7")), &["6", "7"][..], &["6"][..], "was \"6\", expected \"7\""),
        (HeaderTest::Not(text("7")), &["6"], &["6", "7"], "was \"6\", expected anything but \"7\""),
        (HeaderTest::Contains(text("b")), &["abc"], &["ac"], "was \"ac\", expected \"b\" in it"),
        (matches(), &["12"], &["1x"], "was \"1x\", expected a match of \"^[0-9]+$\""),
        (HeaderTest::Exists(true), &["x"], &[], "is absent, expected any value"),
        (HeaderTest::Exists(false), &[], &["x"], "was \"x\", expected no such header"),
    ] {
        assert_eq!(asked(test.clone(), good), None, "{test:?}");
        assert_eq!(asked(test, bad).unwrap(), format!("header x-app {said}"));
    }
    assert!(asked(HeaderTest::Not(text("7")), &[]).unwrap().contains("is absent"));
}

#[test]
fn a_body_is_searched_for_every_text_and_for_what_must_not_be_there() {
    let check = HttpCheck {
        body_contains: vec!["one".into(), "two".into()],
        body_lacks: vec!["Exception".into()],
        ..check()
    };
    assert_eq!(wrong(&check, &heard(200, "one, two")), None);
    assert_eq!(
        wrong(&check, &heard(200, "one Exception")).unwrap(),
        "body does not contain \"two\"; body contains \"Exception\""
    );
}
