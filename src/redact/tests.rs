//! What is redacted, what is not, and that whatever stands around it changes nothing.

use proptest::prelude::*;

use super::*;

/// Texts with a secret at `§`, and what has to be readable of them afterwards.
const PLACES: [(&str, &str); 34] = [
    ("Authorization: Bearer §", "Authorization: Bearer ["),
    ("authorization: §", "authorization: ["),
    ("> Proxy-Authorization: Basic §", "> Proxy-Authorization: Basic ["),
    ("Cookie: session=§; theme=dark", "Cookie: ["),
    ("set-cookie: id=§; HttpOnly", "set-cookie: ["),
    ("X-Api-Key: §", "X-Api-Key: ["),
    ("x-auth-token:§", "x-auth-token:["),
    ("X-Amz-Security-Token: §", "X-Amz-Security-Token: ["),
    (r#"{"password":"§","status":"DOWN"}"#, r#""status":"DOWN""#),
    (r#"{"db": {"userPassword" : "§"}, "up": false}"#, r#""up": false"#),
    (r#"{"access_token":"§","expires_in":3600}"#, r#""expires_in":3600"#),
    (r#"{"client-secret":"x\"§"}"#, r#"{"client-secret":"["#),
    (r#"{"log":"{\"token\":\"§\",\"n\":1}"}"#, r#"\",\"n\":1}"#),
    (r#"{"api_key":"§"#, r#"{"api_key":"["#),
    (r#"{"refreshTokens":["§","§"],"a":1}"#, r#"],"a":1}"#),
    (r"{'secret': '§'}", "'}"),
    ("<Password>§</Password>", "<Password>["),
    ("user=me&password=§&next=/home", "&next=/home"),
    ("GET /login?token=§&lang=en 500", "&lang=en 500"),
    ("https://s3.example/x?X-Amz-Credential=a&X-Amz-Signature=§", "https://s3.example/x?"),
    ("DB_PASSWORD=§", "DB_PASSWORD=["),
    ("export AWS_SECRET_ACCESS_KEY='§'", "export AWS_SECRET_ACCESS_KEY='["),
    ("jdbc:postgresql://db:5432/x?user=a&password=§", "user=a&password=["),
    ("tool --api-token § --verbose", "--verbose"),
    ("curl -u admin:§ http://app/", "http://app/"),
    ("spring.datasource.password: §", "spring.datasource.password: ["),
    ("password = \"§\"", "password = \"["),
    ("failed to connect to postgres://app:§@db.internal:5432/x", "@db.internal:5432/x"),
    ("https://§@github.com/a/b.git", "@github.com/a/b.git"),
    (r#"header x-api-key was "§", expected "x""#, "header x-api-key was \"["),
    (r#"$.token was "x", expected "§""#, "expected \"["),
    (r#"$['secret'] was "§", expected "x""#, "$['secret'] was \"["),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE§\n§\n-----END RSA PRIVATE KEY-----\nafter", "-----\nafter"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\n§\n", "-----BEGIN OPENSSH PRIVATE KEY-----["),
];

#[test]
fn every_rule_compiles_and_redacts_something_and_the_quick_look_misses_none() {
    let written = [blocks(), json(), told(), assigned(), looks()].concat();
    assert_eq!(RULES.all.len(), written.len());
    assert!(RULES.maybe.is_some());
    let secret = "Zq9fT2kLw8XvB3nM";
    let mut texts: Vec<String> = PLACES.iter().map(|(place, _)| place.replace('§', secret)).collect();
    texts.extend(SHAPES.iter().map(|(text, _)| (*text).to_owned()));
    texts.push(r#"{"pin": 482913}"#.to_owned());
    for rule in &RULES.all {
        let hit = texts.iter().any(|text| rule.apply(text).as_ref() != text.as_str());
        assert!(hit, "{} redacts nothing here", rule.regex);
    }
    for text in &texts {
        assert_ne!(redact(text).as_ref(), text.as_str(), "{text}");
    }
}

/// What is a secret whatever its name, and what becomes of it. Made up, all of it.
const SHAPES: [(&str, &str); 6] = [
    ("got AKIAIOSFODNN7EXAMPLE back", "got [redacted, 20 characters] back"),
    ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "[redacted, 40 characters]"),
    ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln, then", "jwt [redacted, 41 characters], then"),
    ("sent ghp_0123456789abcdefghijABCDEF", "sent [redacted, 30 characters]"),
    ("Bearer abcdefghijklmnopqrstuv", "Bearer [redacted, 22 characters]"),
    ("cut eyJhbGciOiJIUzI1NiJ9.eyJzd", "cut [redacted, 26 characters]"),
];

#[test]
fn what_looks_like_a_secret_is_one() {
    for (text, expected) in SHAPES {
        assert_eq!(redact(text), expected);
    }
}

#[test]
fn what_is_no_secret_stays() {
    for text in [
        "",
        "HTTP/1.1 503 Service Unavailable\n\n{\"status\":\"DOWN\",\"author\":\"me\",\"pinned\":true}",
        "unexpected token: }",
        "invalid token: expired",
        "commit 4f2a9c1e0b7d8a6f5e4d3c2b1a09f8e7d6c5b4a3",
        "/usr/lib/x86_64-linux-gnu/security/pam_unix.so",
        "password: null, token: \"\"",
        "{\"password\":\"********\",\"secret\":null}",
        "the password was wrong, and the token expired",
        "https://app.example/a@b?c=d",
        "tokens_per_second: 12 {\"token_count\": 12}",
        "i-0123456789abcdef0 in service, healthy, ami-0f1e2d3c4b5a69788",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn a_person_sees_what_it_was_and_how_long() {
    assert_eq!(
        redact("token=0123456789012345678901234567890123456789abc"),
        "token=[redacted, 43 characters]"
    );
    assert_eq!(
        redact("HTTP/1.1 401 Unauthorized\nSet-Cookie: a=b\n\n{\"error\":\"bad token\",\"token\":\"x1\"}"),
        "HTTP/1.1 401 Unauthorized\nSet-Cookie: [redacted, 3 characters]\n\n{\"error\":\"bad token\",\"token\":\
         \"[redacted, 2 characters]\"}"
    );
}

#[test]
fn a_header_of_a_secret_name_is_one_whatever_it_says_and_a_token_is_one_in_any_text() {
    assert_eq!(redact("x-session-token: letmein"), "x-session-token: [redacted, 7 characters]");
    assert_eq!(redact("got session_id: Zq9fT2kLw8XvB3nM"), "got session_id: [redacted, 16 characters]");
}

proptest! {
    #[test]
    fn no_secret_passes_wherever_it_stands(
        secret in "[A-Za-z0-9][A-Za-z0-9_+/-]{10,60}[A-Za-z0-9]",
        place in 0..PLACES.len(),
        before in "(?s).{0,60}",
        after in "(?s).{0,60}",
    ) {
        let (place, readable) = PLACES[place];
        let text = place.replace('§', &secret);
        // In a URL a slash would end the user.
        prop_assume!(!place.contains("§@") || !secret.contains('/'));
        prop_assume!(!before.contains(secret.as_str()) && !after.contains(secret.as_str()));
        let text = format!("{before}\n{text}\n{after}");
        let redacted = redact(&text);
        prop_assert!(!redacted.contains(secret.as_str()), "{:?}", redacted);
        prop_assert!(redacted.contains("[redacted, "));
        // A quote or a key block without an end, before it, may have taken the rest along.
        if !before.contains(['"', '\'', '\\', '<', '-', ':', '=']) && !before.to_lowercase().contains("pin") {
            prop_assert!(redacted.contains(readable), "{:?} in {:?}", readable, redacted);
        }
    }

    #[test]
    fn redacting_twice_changes_nothing(
        parts in prop::collection::vec((0..PLACES.len(), "[ -~]{0,20}", "[A-Za-z0-9=\"'\\\\ ]{1,30}"), 1..5)
    ) {
        let text: Vec<String> = parts
            .iter()
            .map(|(at, around, secret)| format!("{around}\n{}\n", PLACES[*at].0.replace('§', secret)))
            .collect();
        let text = text.concat();
        let once = redact(&text).into_owned();
        prop_assert_eq!(redact(&once).into_owned(), once);
    }

    #[test]
    fn it_holds_for_any_text(text in "(?s).{0,200}") {
        let once = redact(&text).into_owned();
        prop_assert!(once.len() <= text.len() * 8 + 64);
    }
}
