//! Masks secrets in texts: pure.
//!
//! Texts are cut when they are long, so the beginning of a secret counts as one too.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::variables::percent_encoded;

/// What stands where a secret was.
const MASK: &str = "***";
/// How many bytes of a secret's beginning are enough to be masked.
const ENOUGH: usize = 6;

/// Shorter ones, in bytes, are masked only where they stand alone: a text is full of them by chance.
const ALONE: usize = 4;

/// The secrets, in every form in which a text may hold them, in order.
///
/// Of all that are in order, those next to a text share its longest beginning: no others are looked at.
#[derive(Default)]
pub(super) struct Secrets {
    /// Those of which a beginning is enough.
    long: BTreeSet<String>,
    /// Shorter than [`ENOUGH`].
    short: BTreeSet<String>,
}

/// The forms in which a text may hold a value: as it is, in a URL, in JSON, in quotes.
pub(super) fn forms(value: &str) -> Vec<String> {
    let json = serde_json::Value::String(value.to_owned()).to_string();
    let forms = [value.to_owned(), percent_encoded(value), strip(&json), strip(&format!("{value:?}"))];
    forms.into_iter().filter(|form| !form.is_empty()).collect()
}

/// The text without the quotes around it.
fn strip(quoted: &str) -> String {
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(quoted).to_owned()
}

impl Secrets {
    pub(super) fn add(&mut self, value: &str) {
        for form in forms(value) {
            let kept = if form.len() < ENOUGH { &mut self.short } else { &mut self.long };
            kept.insert(form);
        }
    }

    /// The text with each secret masked, and with what may be the beginning of one.
    pub(super) fn masked(&self, text: String) -> String {
        if self.long.is_empty() && self.short.is_empty() {
            return text;
        }
        let mut masked = String::with_capacity(text.len());
        let mut rest = text.as_str();
        let mut before = None;
        while let Some(first) = rest.chars().next() {
            let hidden = self.long(rest).max(self.short(before, rest));
            let step = if hidden == 0 { first.len_utf8() } else { hidden };
            masked.push_str(if hidden == 0 { &rest[..step] } else { MASK });
            before = rest[..step].chars().next_back();
            rest = &rest[step..];
        }
        masked
    }

    /// How many bytes of a long secret the text begins with, when they are enough to tell.
    fn long(&self, text: &str) -> usize {
        let next = (Bound::Included(text), Bound::Unbounded);
        let last = (Bound::Unbounded, Bound::Excluded(text));
        let next = self.long.range::<str, _>(next).next();
        let near = next.into_iter().chain(self.long.range::<str, _>(last).next_back());
        near.map(|secret| common(text, secret)).filter(|bytes| *bytes >= ENOUGH).max().unwrap_or_default()
    }

    /// How many bytes of the text, which has that before it, are a short secret.
    fn short(&self, before: Option<char>, text: &str) -> usize {
        let is_one = |bytes: &usize| {
            let Some((secret, after)) = text.split_at_checked(*bytes) else { return false };
            self.short.contains(secret) && (*bytes >= ALONE || stands_alone(before, secret, after))
        };
        (1..ENOUGH).rev().find(is_one).unwrap_or_default()
    }
}

/// Whether it is no part of a longer word or number.
fn stands_alone(before: Option<char>, text: &str, after: &str) -> bool {
    let joined = |a: Option<char>, b: Option<char>| {
        a.is_some_and(char::is_alphanumeric) && b.is_some_and(char::is_alphanumeric)
    };
    !joined(before, text.chars().next()) && !joined(text.chars().next_back(), after.chars().next())
}

/// How many bytes they have in common from the beginning.
fn common(text: &str, secret: &str) -> usize {
    let pairs = text.chars().zip(secret.chars());
    pairs.take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum()
}

#[cfg(test)]
mod tests {
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

    proptest! {
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
}
