//! Masks secrets in texts: pure.
//!
//! Texts are cut when they are long, so the beginning of a secret counts as one too.

use std::collections::BTreeSet;

use super::variables::percent_encoded;

/// What stands where a secret was.
const MASK: &str = "***";
/// How many bytes of a secret's beginning are enough to be masked.
const ENOUGH: usize = 6;

/// The secrets, in every form in which a text may hold them.
#[derive(Default)]
pub(super) struct Secrets(BTreeSet<String>);

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
        self.0.extend(forms(value));
    }

    /// The text with each secret masked, and with what may be the beginning of one.
    pub(super) fn masked(&self, text: String) -> String {
        if self.0.is_empty() {
            return text;
        }
        let mut masked = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let hidden = self.0.iter().map(|secret| common(rest, secret)).max().unwrap_or_default();
            if hidden == 0 {
                masked.push(first);
                rest = &rest[first.len_utf8()..];
            } else {
                masked.push_str(MASK);
                rest = &rest[hidden..];
            }
        }
        masked
    }
}

/// How many bytes of the secret the text begins with, when they are enough to tell.
fn common(text: &str, secret: &str) -> usize {
    let pairs = text.chars().zip(secret.chars());
    let common = pairs.take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    if common >= ENOUGH.min(secret.len()) { common } else { 0 }
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
    fn a_short_secret_is_masked_whole_only() {
        assert_eq!(secrets(&["abc"]).masked("ab abc abcd".to_owned()), "ab *** ***d");
    }

    proptest! {
        #[test]
        fn no_secret_is_left_wherever_it_stands(
            before in ".{0,20}", secret in "[^*]{1,40}", after in ".{0,20}", other in "[^*]{1,12}",
        ) {
            let secrets = secrets(&[&secret, &other]);
            for form in forms(&secret) {
                let masked = secrets.masked(format!("{before}{form}{after}"));
                prop_assert!(!masked.contains(&form), "{masked:?} holds {form:?}");
            }
        }
    }
}
