//! What is taken from an answer, and what of the answer is shown then.

use ::http::HeaderValue;

use super::super::answer::Answer;
use super::super::assertions::Heard;
use super::super::captured::take;
use super::*;
use crate::config::{Capture, CaptureFrom};

const HEAD: &str = "HTTP/1.1 200 OK";
const HIDDEN: &str = "HTTP/1.1 200 OK\n\n(not shown: what the check captures can't be masked in it)";

fn capture(name: &str, from: CaptureFrom, secret: bool) -> Capture {
    Capture { name: name.into(), from, secret }
}

fn json(path: &str) -> CaptureFrom {
    CaptureFrom::Json(path.into(), serde_json_path::JsonPath::parse(path).unwrap())
}

/// What becomes of an answer with this body and the header `x-token: abcdef`.
fn taken(captures: &[Capture], body: &str, answer: Answer) -> Answer {
    let mut heard = Heard { body: body.into(), ..Heard::default() };
    heard.headers.insert("x-token", HeaderValue::from_static("abcdef"));
    take(captures, &heard, answer.with_evidence(format!("{HEAD}\n\n{body}")))
}

#[test]
fn an_answer_is_not_shown_where_a_secret_may_be_in_it_that_can_not_be_masked() {
    // What a path selects, written in a way that is none of ours.
    let escaped = r#"{"token":"\u0073ecret"}"#;
    let shown = |body: &str| format!("{HEAD}\n\n{body}");
    for (from, secret, body, evidence) in [
        (json("$.token"), true, escaped, HIDDEN.to_owned()),
        (json("$.token"), false, escaped, shown(escaped)),
        // Who knows what is there in its place.
        (json("$.absent"), true, escaped, HIDDEN.to_owned()),
        (json("$.absent"), false, escaped, shown(escaped)),
        // What can be found can be masked, and a header is not in the body.
        (json("$.token"), true, r#"{"token":"secret"}"#, shown(r#"{"token":"secret"}"#)),
        (CaptureFrom::Header("x-token".into()), true, "hello", shown("hello")),
        (CaptureFrom::Header("x-other".into()), true, "hello", HIDDEN.to_owned()),
    ] {
        let answer = taken(&[capture("token", from, secret)], body, Answer::passed("200 OK"));
        assert_eq!(*answer.evidence, evidence, "{secret} {body}");
    }
}

#[test]
fn a_pass_without_its_value_is_a_failure_and_a_failure_keeps_its_own_words() {
    let long = format!(r#"{{"a":"","b":"{}","c":"{}"}}"#, "x".repeat(16 * 1024), "x".repeat(16 * 1024 + 1));
    let all = [("a", "$.a"), ("b", "$.b"), ("c", "$.c"), ("d", "$.d")];
    let captures = all.map(|(name, path)| capture(name, json(path), true));
    let answer = taken(&captures, &long, Answer::passed("200 OK in 3 ms"));
    let message = "{a} can't be captured: it is empty; \
                   {c} can't be captured: it is 16385 bytes long, and 16384 are the most; \
                   {d} can't be captured: $.d selects nothing";
    assert_eq!((answer.status, answer.message.as_str()), (Status::Failed, message));
    let names: Vec<&str> = answer.taken.iter().map(|taken| taken.name.as_str()).collect();
    assert_eq!(names, ["b"]);
    let answer = taken(&captures, "no JSON", Answer::failed("status 503, expected 200"));
    assert_eq!((answer.status, answer.message.as_str()), (Status::Failed, "status 503, expected 200"));
}
