//! A ticket's variables, and the calls in which they stand.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::Tickets;
use crate::model::Verdict;
use crate::notify::slack::lists::plain_names;
use crate::notify::story::{Audience, EnvironmentStory, Facts};
use crate::report::clean;

/// What stands for each variable, as the configuration names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words(BTreeMap<&'static str, String>);

impl Words {
    /// The words of an environment; `message` is one line, `text` may be several.
    pub(super) fn of(
        facts: &Facts,
        environment: &EnvironmentStory,
        tickets: &Tickets,
        (ticket, message, text): (&str, &str, &str),
    ) -> Self {
        let ended = environment.ended.as_ref();
        let passed = is_success(facts, environment);
        let outcome = if passed { &tickets.outcomes.0 } else { &tickets.outcomes.1 };
        let images: Vec<&str> = facts.images.iter().map(|image| image.id.as_str()).collect();
        let (build, line) = (&facts.build, |text: &str| clean::line(text));
        let optional = |text: &Option<String>| text.as_deref().map(line).unwrap_or_default();
        Self(BTreeMap::from([
            ("environment", environment.name.to_string()),
            ("family", line(&facts.family)),
            ("images", images.join(", ")),
            ("build", optional(&build.number)),
            ("build_url", optional(&build.url)),
            ("commit", optional(&build.commit)),
            ("key", key(facts, environment)),
            ("ticket", ticket.to_owned()),
            ("verdict", ended.map(|ended| ended.verdict.to_string()).unwrap_or_default()),
            ("outcome", outcome.clone()),
            ("message", line(message)),
            ("text", clean::text(text)),
            ("groups", plain_names(&environment.groups(&Audience::Everybody))),
            ("started", environment.began.map(|at| at.to_string()).unwrap_or_default()),
            ("ended", ended.map(|ended| ended.at.to_string()).unwrap_or_default()),
            ("program", format!("ami-refresh {}", facts.version)),
        ]))
    }

    /// The text as people read it in a rehearsal, with the ticket that it stands in.
    pub(super) fn inside(&self, text: &str) -> String {
        format!("(in {})\n{text}", self.0.get("ticket").map_or("", String::as_str))
    }

    /// The text with its variables, as they are.
    fn filled(&self, text: &str) -> String {
        self.fill(text, &|word, into| into.push_str(word))
    }

    /// The address with its variables, which can't leave the place where they stand.
    pub(super) fn address(&self, text: &str) -> String {
        self.fill(text, &|word, into| encode(word, into))
    }

    /// The body with the variables of its texts; keys and all else are left alone.
    pub(super) fn body(&self, body: &Value) -> Value {
        match body {
            Value::String(text) => Value::String(self.filled(text)),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.body(item)).collect()),
            Value::Object(entries) => {
                Value::Object(entries.iter().map(|(key, value)| (key.clone(), self.body(value))).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => body.clone(),
        }
    }

    fn fill(&self, text: &str, put: &dyn Fn(&str, &mut String)) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            filled.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                filled.push_str(brace);
                rest = after;
                continue;
            }
            let named = rest.split_once('}').filter(|_| brace == "{");
            // The configuration has seen to it that every other brace is a variable's.
            match named.and_then(|(name, after)| Some((self.0.get(name)?, after))) {
                Some((word, after)) => {
                    put(word, &mut filled);
                    rest = after;
                }
                None => filled.push_str(brace),
            }
        }
        filled.push_str(rest);
        filled
    }
}

/// What a later run finds the ticket by: the environment and the first image.
pub(super) fn key(facts: &Facts, environment: &EnvironmentStory) -> String {
    let image = facts.images.first().map(|image| image.id.as_str()).unwrap_or_default();
    format!("ami-refresh-{}-{image}", environment.name)
}

/// Whether the change that the ticket stands for was made, and stays.
fn is_success(facts: &Facts, environment: &EnvironmentStory) -> bool {
    environment.ended.as_ref().is_some_and(|ended| match ended.verdict {
        Verdict::Passed => true,
        Verdict::Partial => !facts.is_rollback(),
        Verdict::Unproved
        | Verdict::NotDue
        | Verdict::Refused
        | Verdict::SetUp
        | Verdict::Unreachable
        | Verdict::RolledBack
        | Verdict::NeedsPerson
        | Verdict::Aborted
        | Verdict::NotReached => false,
    })
}

/// Everything but what no URL gives a meaning to.
fn encode(word: &str, into: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in word.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            into.push(char::from(byte));
        } else {
            into.push('%');
            into.push(char::from(HEX[usize::from(byte >> 4)]));
            into.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn words(message: &str) -> Words {
        Words(BTreeMap::from([("message", message.to_owned()), ("key", "a b/ü&=%".to_owned())]))
    }

    #[test]
    fn variables_stand_in_texts_only_and_braces_come_in_twos() {
        let body =
            json!({ "{message}": ["{message}", 1, null, { "a": "{{message}} {key}}}" }], "b": "{other}" });
        let wanted = json!({ "{message}": ["hi", 1, null, { "a": "{message} a b/ü&=%}" }], "b": "{other}" });
        assert_eq!(words("hi").body(&body), wanted);
    }

    #[test]
    fn an_address_holds_a_variable_encoded_whole() {
        let address = words("").address("https://t.example/{key}?q=a%3D{key}&{{x}}");
        assert_eq!(address, "https://t.example/a%20b%2F%C3%BC%26%3D%25?q=a%3Da%20b%2F%C3%BC%26%3D%25&{x}");
    }

    proptest! {
        #[test]
        fn no_word_breaks_out(message in "(?s:.)*") {
            let body = words(&message).body(&json!({ "a": "x{message}y", "b": "{key}" }));
            let read: Value = serde_json::from_str(&body.to_string()).unwrap();
            prop_assert_eq!(&read["a"], &json!(format!("x{message}y")));
            prop_assert_eq!(read.as_object().unwrap().len(), 2);
            let address = words(&message).address("https://t.example/{message}/end");
            let inside = address.strip_prefix("https://t.example/").unwrap().strip_suffix("/end").unwrap();
            prop_assert!(inside.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
            let decoded: String = form_urlencoded::parse(format!("a={inside}").as_bytes()).next().unwrap().1.into();
            prop_assert_eq!(decoded, message);
        }
    }
}
