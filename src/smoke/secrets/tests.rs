//! What is masked, in which forms, and what is not.

use proptest::prelude::*;

use super::*;

fn secrets(values: &[&str]) -> Secrets {
    let mut secrets = Secrets::default();
    for value in values {
        secrets.add(value);
    }
    secrets
}

#[test]
fn a_secret_is_masked_in_every_form_and_where_it_is_cut() {
    let secrets = secrets(&["tok/en \"7\"", "0123456789abcdef"]);
    for (text, masked) in [
        ("a tok/en \"7\" b", "a *** b"),
        ("/x?t=tok%2Fen%20%227%22&y", "/x?t=***&y"),
        (r#"{"t":"tok/en \"7\""}"#, r#"{"t":"***"}"#),
        ("was \"0123456789…", "was \"***…"),
        ("01234 is no secret", "01234 is no secret"),
    ] {
        assert_eq!(secrets.masked(text.to_owned()), masked);
    }
}

#[test]
fn a_short_secret_is_masked_whole_only_and_a_very_short_one_where_it_stands_alone() {
    assert_eq!(secrets(&["abcd"]).masked("abc abcd abcde".to_owned()), "abc *** ***e");
    let of = |value: &str, text: &str| secrets(&[value]).masked(text.to_owned());
    assert_eq!(of("7", "pin=7, 17 of 70 in 7 ms"), "pin=***, 17 of 70 in *** ms");
    assert_eq!(of("abc", "abc abcd xabc \"abc\""), "*** abcd xabc \"***\"");
}

#[test]
fn many_secrets_and_a_long_text_take_no_longer_than_both_together() {
    let mut secrets = Secrets::default();
    for number in 0..20_000 {
        secrets.add(&format!("eyJhbGciOi-{number:08}"));
    }
    let text = "eyJha eyJhbG ".repeat(5_000) + "eyJhbGciOi-00019999";
    let began = std::time::Instant::now();
    let masked = secrets.masked(text);
    assert!(masked.ends_with("***") && !masked.contains("00019999"));
    // Each with each, it is minutes.
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
}

fn hidden(secret: &str, text: &str) -> String {
    let mut secrets = Secrets::default();
    secrets.add_sent(secret);
    secrets.masked(text.to_owned())
}

#[test]
fn what_was_sent_is_hidden_in_every_form() {
    assert_eq!(hidden("Bearer abc", "was \"Bearer abc\", or abc"), "was \"***\", or ***");
    assert_eq!(hidden("a\"b c", r#"{"x":"a\"b c"}"#), r#"{"x":"***"}"#);
    assert_eq!(hidden("p&q=r", "user=x&password=p%26q%3Dr"), "user=x&password=***");
    assert_eq!(hidden("p&q r", "/x?password=p%26q%20r, or p%26q+r"), "/x?password=***, or ***");
}

#[test]
fn the_word_before_what_was_sent_is_no_beginning_of_it() {
    assert_eq!(
        hidden("Bearer 0123456789", "Bearer realm, not Bearer 0123456789, nor 0123456"),
        "Bearer realm, not ***, nor ***"
    );
}

#[test]
fn the_beginning_of_one_is_hidden_where_the_text_was_cut() {
    assert_eq!(hidden("s3cret-token", "body was \"xx s3cret\"…, and so"), "body was \"xx ***\"…, and so");
    assert_eq!(hidden("s3cret-token", "xx s3cre…"), "xx ***…");
    assert_eq!(hidden("s3cret-token", "xx s3cre\"…, s3cr"), "xx ***\"…, s3cr");
    assert_eq!(hidden("Bearer 0123456789", "was \"Beare…"), "was \"***…");
    assert_eq!(hidden("s3cret-token", "no secret…"), "no secret…");
    // The same of what was captured.
    assert_eq!(secrets(&["s3cret-token"]).masked("xx s3c…".to_owned()), "xx ***…");
}

#[test]
fn nothing_of_a_secret_is_in_what_is_written_of_them_for_those_who_debug() {
    let mut secrets = secrets(&["tok/en", "abc"]);
    secrets.add_sent("Bearer 0123456789");
    let written = format!("{secrets:?}");
    assert!(["tok", "abc", "0123", "Bearer"].iter().all(|secret| !written.contains(secret)), "{written}");
}

proptest! {
    #[test]
    fn no_secret_that_was_sent_is_left_wherever_it_stands(
        before in ".{0,20}", secret in "[!-)+-~]{4,40}", after in ".{0,20}", scheme in "(Bearer |Basic )?",
    ) {
        let whole = format!("{scheme}{secret}");
        let mut secrets = Secrets::default();
        secrets.add_sent(&whole);
        for form in forms(&secret).into_iter().chain(forms(&whole)) {
            let masked = secrets.masked(format!("{before}{form}{after}"));
            prop_assert!(!masked.contains(&form), "{masked:?} holds {form:?}");
        }
    }

    #[test]
    fn no_secret_is_left_wherever_it_stands(
        before in ".{0,20}", secret in "[^*]{4,40}", after in ".{0,20}", other in "[^*]{1,12}",
    ) {
        let secrets = secrets(&[&secret, &other]);
        for form in forms(&secret) {
            let masked = secrets.masked(format!("{before}{form}{after}"));
            prop_assert!(!masked.contains(&form), "{masked:?} holds {form:?}");
        }
    }
}
