//! Keeps what was sent in secret out of what is told: a server may say it back.

use secrecy::{ExposeSecret, SecretString};

/// What stands where a secret was.
const HIDDEN: &str = "***";
/// The shortest beginning of a secret, in characters, that is looked for where a text was cut.
const SHORTEST: usize = 3;

/// The secrets of one asking.
#[derive(Debug, Default)]
pub(in crate::smoke) struct Secrets {
    forms: Vec<SecretString>,
}

impl Secrets {
    /// Adds one, in every form in which it may come back.
    pub(super) fn add(&mut self, secret: &str) {
        let debug = format!("{secret:?}");
        let json = serde_json::Value::from(secret).to_string();
        let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let inner = |quoted: &str| quoted[1..quoted.len() - 1].to_owned();
        // "Bearer abc": `abc` alone says all of it.
        let credentials = secret.split_once(' ').map(|(_, rest)| rest.trim().to_owned());
        let forms =
            [Some(secret.to_owned()), Some(inner(&debug)), Some(inner(&json)), Some(form), credentials];
        for form in forms.into_iter().flatten().filter(|form| !form.is_empty()) {
            if !self.forms.iter().any(|known| known.expose_secret() == form) {
                self.forms.push(form.into());
            }
        }
        // The longest first: none may be hidden in part.
        self.forms.sort_by_key(|form| std::cmp::Reverse(form.expose_secret().len()));
    }

    /// The text without any of them, nor the beginning of one where the text was cut.
    pub(in crate::smoke) fn hidden_in(&self, text: String) -> String {
        self.forms.iter().fold(text, |text, form| {
            let form = form.expose_secret();
            let text = if text.contains(form) { text.replace(form, HIDDEN) } else { text };
            without_beginnings(text, form)
        })
    }
}

/// Hides beginnings of the secret in front of `…`, which is written where something was cut.
fn without_beginnings(text: String, secret: &str) -> String {
    if !text.contains('…') {
        return text;
    }
    let mut parts: Vec<String> = text.split('…').map(str::to_owned).collect();
    let last = parts.len() - 1;
    for part in &mut parts[..last] {
        let (body, quote) = part.strip_suffix('"').map_or((part.as_str(), ""), |body| (body, "\""));
        let cuts = secret.char_indices().map(|(at, _)| at).skip(SHORTEST);
        if let Some(at) = cuts.filter(|at| body.ends_with(&secret[..*at])).last() {
            *part = format!("{}{HIDDEN}{quote}", &body[..body.len() - at]);
        }
    }
    parts.join("…")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(secret: &str, text: &str) -> String {
        let mut secrets = Secrets::default();
        secrets.add(secret);
        secrets.hidden_in(text.to_owned())
    }

    #[test]
    fn a_secret_is_hidden_in_every_form() {
        assert_eq!(hidden("Bearer abc", "was \"Bearer abc\", or abc"), "was \"***\", or ***");
        assert_eq!(hidden("a\"b c", r#"{"x":"a\"b c"}"#), r#"{"x":"***"}"#);
        assert_eq!(hidden("p&q=r", "user=x&password=p%26q%3Dr"), "user=x&password=***");
    }

    #[test]
    fn the_beginning_of_one_is_hidden_where_the_text_was_cut() {
        assert_eq!(hidden("s3cret-token", "body was \"xx s3cret\"…, and so"), "body was \"xx ***\"…, and so");
        assert_eq!(hidden("s3cret-token", "xx s3cre…"), "xx ***…");
        assert_eq!(hidden("s3cret-token", "no secret…"), "no secret…");
    }
}
