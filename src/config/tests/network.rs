//! Each rule for what checks over the network send, trust and expect.

use ::http::Method;

use super::*;
use crate::config::{CheckKind, HttpVersion, SecretSource, SentBody, SentValue};

const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/smoke/testdata/localhost-key.pem");
const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/smoke/testdata/localhost.pem");

fn with(settings: &str) -> String {
    let check = format!("    http: {{ url: \"https://a/\", {settings} }}");
    small_with(r#"    http: { url: "http://{private_ip}/" }"#, &check)
}

/// What is said of these settings, without the place.
fn said(settings: &str) -> Vec<String> {
    mistakes(&with(settings)).iter().map(|mistake| mistake.split_once(' ').unwrap().1.to_owned()).collect()
}

fn read(settings: &str) -> HttpCheck {
    let fleet = parse(&with(settings)).unwrap_or_else(|errors| panic!("{errors}"));
    let CheckKind::Http(http) = &fleet.checks["web"].kind else { panic!() };
    http.clone()
}

#[test]
fn a_certificate_file_that_is_absent_or_something_else_is_a_mistake_with_its_place() {
    let absent = mistakes(&with("tls: { ca: /no/such/ca.pem }"));
    assert_eq!(absent.len(), 1, "{absent:?}");
    assert!(absent[0].starts_with("20:43 failed to read `/no/such/ca.pem`: No such file"), "{absent:?}");
    for (settings, expected) in [
        (format!("tls: {{ ca: {KEY} }}"), "holds no certificate (a PEM file has lines such as"),
        (format!("tls: {{ ca: {}/Cargo.toml }}", env!("CARGO_MANIFEST_DIR")), "holds no certificate"),
        (format!("tls: {{ certificate: {CERTIFICATE}, key: {CERTIFICATE} }}"), "holds no key"),
        (format!("tls: {{ certificate: {CERTIFICATE} }}"), "`certificate` needs `key` beside it"),
        (format!("tls: {{ key: {KEY} }}"), "`key` needs `certificate` beside it"),
        (format!("tls: {{ ca: {CERTIFICATE}, verify: false }}"), "what is not verified needs no `ca`"),
        ("tls: { server_name: \"a b\" }".to_owned(), "`a b` is no name that a certificate could have"),
        ("tls: { certificate_valid: 2h }".to_owned(), "`certificate_valid` must be from 1d"),
        ("tls: { trust: all }".to_owned(), "unknown key `trust`"),
    ] {
        let said = said(&settings);
        assert!(said.len() == 1 && said[0].contains(expected), "{settings}: {said:?}");
    }
    let broken = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(broken.path(), "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n").unwrap();
    let broken = said(&format!("tls: {{ ca: {} }}", broken.path().display()));
    assert!(broken.len() == 1 && broken[0].contains("is not PEM"), "{broken:?}");
    let garbage = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(garbage.path(), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let garbage = said(&format!("tls: {{ ca: {} }}", garbage.path().display()));
    assert!(garbage.len() == 1 && garbage[0].contains("a certificate that can't be read"), "{garbage:?}");
}

#[test]
fn a_key_must_be_that_of_the_certificate() {
    let other = rcgen::KeyPair::generate().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), other.serialize_pem()).unwrap();
    let said = said(&format!("tls: {{ certificate: {CERTIFICATE}, key: {} }}", file.path().display()));
    assert!(said.len() == 1 && said[0].contains("is not the key of the certificate"), "{said:?}");
    let http = read(&format!("tls: {{ certificate: {CERTIFICATE}, key: {KEY}, ca: {CERTIFICATE} }}"));
    assert!(http.tls.identity.is_some() && http.tls.ca.as_ref().is_some_and(|ca| ca.len() == 1));
}

#[test]
fn tls_is_for_https_unless_a_redirect_may_lead_there() {
    let plain = |settings: &str| mistakes(&with(settings).replace("https://a/", "http://a/"));
    assert_eq!(plain("tls: { verify: false }").len(), 1);
    assert_eq!(plain("tls: { verify: false }, redirects: 2"), Vec::<String>::new());
}

#[test]
fn a_request_has_a_method_and_one_body() {
    assert_eq!(read("status: 200").method, Method::GET);
    assert_eq!(read("send: { form: { a: b } }").method, Method::POST);
    assert_eq!(read("send: { body: x }, method: PUT").method, Method::PUT);
    for (settings, expected) in [
        ("method: get", "`method` is `get`, but may be"),
        ("method: HEAD, send: { body: x }", "HEAD carries no body"),
        ("method: HEAD, body: ok", "an answer to HEAD has no body to look at"),
        ("method: HEAD, lacks: no", "an answer to HEAD has no body to look at"),
        ("send: { body: x, json: {} }", "this has both `body` and `json`"),
        ("send: { json: { a: .inf } }", "JSON has no value like that of `json`"),
        ("send: { form: [a] }", "`form` must be a mapping of fields to values"),
        ("send: { headers: { Content-Length: \"1\" } }", "`Content-Length` is set by the connection itself"),
        ("send: { headers: { X: \"a\\nb\" } }", "no header can have the value of `X`"),
        ("send: { body: \"of {grup}\" }", "unknown variable `{grup}`"),
        ("send: { json: { a: [\"{grup}\"] } }", "unknown variable `{grup}`"),
        ("send: { headers: { X: \"{grup}\" } }", "unknown variable `{grup}`"),
    ] {
        let said = said(settings);
        assert!(said.len() == 1 && said[0].contains(expected), "{settings}: {said:?}");
    }
    let SentBody::Text(text) = read(r#"send: { body: "{\"a\": {}, {group}" }"#).send.body else { panic!() };
    assert_eq!(text, SentValue::Plain { text: r#"{"a": {}, {group}"#.to_owned(), secret: false });
}

#[test]
fn a_secret_is_named_by_its_place_or_made_of_variables_and_never_shown() {
    let http = read("send: { headers: { Authorization: { env: TOKEN }, X-Token: \"Bearer {group}\" } }");
    assert_eq!(http.send.headers[0].1, SentValue::Kept(SecretSource::Env("TOKEN".to_owned())));
    let made = SentValue::Plain { text: "Bearer {group}".to_owned(), secret: true };
    assert_eq!(http.send.headers[1].1, made);
    for settings in [
        "send: { headers: { Authorization: \"Basic hunter2hunter2\" } }",
        "send: { form: { password: hunter2hunter2 } }",
        "send: { headers: { X-Api-Key: hunter2hunter2 } }",
    ] {
        let errors = parse(&with(settings)).unwrap_err();
        assert!(errors.to_string().contains("is a secret, and may not be written here"), "{errors}");
        assert!(!errors.to_string().contains("hunter2"), "{errors}");
    }
    // A mistake elsewhere in the line shows no more.
    let errors = parse(&with("send: { headers: { Cookie: \"id=hunter2\" } }, sttus: 1")).unwrap_err();
    assert!(!errors.to_string().contains("hunter2"), "{errors}");
}

#[test]
fn versions_redirects_and_times_have_their_words() {
    for (text, version) in [
        ("1.1", HttpVersion::One),
        ("\"2\"", HttpVersion::Two),
        ("2", HttpVersion::Two),
        ("auto", HttpVersion::Auto),
    ] {
        assert_eq!(read(&format!("http_version: {text}")).version, version, "{text}");
    }
    assert_eq!(read("redirects: none").redirects, 0);
    assert_eq!(read("redirects: 20").redirects, 20);
    assert_eq!(read("answer_time: 250ms").answer_time, Some(std::time::Duration::from_millis(250)));
    for wrong in [
        "http_version: 3",
        "http_version: 1.0",
        "redirects: 21",
        "redirects: all",
        "redirects: -1",
        "answer_time: 0ms",
        "answer_time: 5",
        "answer_time: 6s",
    ] {
        assert_eq!(said(wrong).len(), 1, "{wrong}");
    }
}

#[test]
fn comparisons_are_known_and_make_sense() {
    for (settings, expected) in [
        ("compare: { \"$.a\": 1 }", "a value to be equal to goes into `json`"),
        ("compare: { \"$.a\": {} }", "nothing is asked of `$.a`"),
        ("compare: { \"a\": { exists: true } }", "`a` is not a JSON path"),
        ("compare: { \"$.a\": { atleast: 1 } }", "did you mean `at_least`?"),
        ("compare: { \"$.a\": { below: ten } }", "`below` must be a number"),
        ("compare: { \"$.a\": { type: string } }", "`type` is `string`, but may be"),
        ("compare: { \"$.a\": { matches: \"(\" } }", "is not a regular expression"),
        ("compare: { \"$.a\": { count: -1 } }", "`count` must be a whole number"),
        ("compare: { \"$.a\": { count: {} } }", "nothing is asked of `count`"),
        ("compare: { \"$.a\": { exists: false, type: text } }", "`$.a` must not exist, and be something"),
        ("headers: { X: {} }", "nothing is asked of `X`"),
        ("headers: { X: { exists: false, equals: a } }", "`X` must not exist, and be something"),
        ("headers: { X: { like: a } }", "unknown key `like`"),
        ("body: []", "`body` needs at least one"),
        ("matches: [a, \"(\"]", "is not a regular expression"),
    ] {
        let said = said(settings);
        assert!(said.len() == 1 && said[0].contains(expected), "{settings}: {said:?}");
    }
    // A mapping is a value to be equal to in `json`, whatever its keys are.
    assert_eq!(read("json: { \"$.a\": { type: text, count: 1 } }").json.len(), 1);
}

#[test]
fn a_tcp_check_has_the_same_tls() {
    let tcp = |settings: &str| {
        let check = format!("    tcp: {{ host: a, port: 1, {settings} }}");
        parse(&small_with(r#"    http: { url: "http://{private_ip}/" }"#, &check))
    };
    let fleet = tcp("tls: { certificate_valid: 30d, verify: false }, send: \"is {group}\"").unwrap();
    let CheckKind::Tcp(check) = &fleet.checks["web"].kind else { panic!() };
    assert!(check.tls.as_ref().is_some_and(|tls| !tls.verify));
    assert_eq!(check.certificate_valid, Some(std::time::Duration::from_secs(30 * 86_400)));
    assert_eq!(check.send.as_deref(), Some("is {group}"));
    let CheckKind::Tcp(check) = &tcp("tls: true").unwrap().checks["web"].kind.clone() else { panic!() };
    assert!(check.tls.as_ref().is_some_and(|tls| tls.verify));
    for wrong in ["tls: false", "tls: { ca: /no/such }", "send: \"{grup}\"", "send: \"\""] {
        assert!(tcp(wrong).is_err(), "{wrong}");
    }
}
