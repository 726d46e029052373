//! Takes secrets out of what applications and commands answered, before anybody keeps it.
//!
//! [`redact`] finds values by the name before them (headers, JSON keys, form fields, query
//! parameters, assignments) and by their look (tokens, keys, key blocks). What was there stays
//! visible as a kind and a length: `token: [redacted, 43 characters]`. It is a net below what
//! people configure, no proof: a secret under a harmless name, in a form that nobody knows,
//! passes it.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// How a name says that its value is a secret: `password`, `db_passwd`, `clientSecret`, …
const SECRET: &str = r"(?:[a-z0-9_.-]*(?:passw(?:or)?d|passphrase|pwd|secret|private[_-]?key|credentials?|connection[_-]?string)[a-z0-9_.-]*|pin|otp)";
/// The same for names that prose has too: `unexpected token: }` is no secret.
const TOKEN: &str = r"(?:[a-z0-9_.-]*(?:token|api[_-]?key|access[_-]?key(?:[_-]?id)?|session[_-]?id|signature|assertion)[a-z0-9_.-]*|auth|sid|sig|jwt)";
/// Headers that are one whatever is in them.
const HEADER: &str = r"(?:(?:proxy-)?authorization|(?:set-)?cookie2?)";
/// What no text without any of the above has: most texts are done when this has been looked for.
const MAYBE: &str = r"(?i)passw|passphrase|pwd|secret|key|credential|connection|token|session|signature|assertion|auth|cookie|pin|otp|sid|sig|jwt|bearer|basic|://|eyJ|(?:AK|AS|AR|AI|AG|AN|AB|AC)[IOPDC]A|gh[pousr]_|github_|glpat|xox|_live|sk-|npm_|pypi|hvs|dop_|-u|--user|[a-z0-9/+]{40}";

/// The text without its secrets. Redacting twice changes nothing more.
pub fn redact(text: &str) -> Cow<'_, str> {
    if !RULES.maybe.as_ref().is_none_or(|maybe| maybe.is_match(text)) {
        return Cow::Borrowed(text);
    }
    let mut text = Cow::Borrowed(text);
    for rule in &RULES.all {
        if let Cow::Owned(changed) = rule.apply(&text) {
            text = Cow::Owned(changed);
        }
    }
    text
}

/// Everything that is looked for.
struct Rules {
    maybe: Option<Regex>,
    all: Vec<Rule>,
}

/// What is looked for, and what of it is the secret: the group `secret`.
struct Rule {
    regex: Regex,
    /// Whether a value is none after all.
    is_harmless: fn(&str) -> bool,
}

impl Rule {
    fn apply<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.regex.replace_all(text, |found: &Captures<'_>| {
            let (Some(all), Some(secret)) = (found.get(0), found.name("secret")) else {
                return String::new();
            };
            let value = secret.as_str();
            let is_done = value == "[redacted" || value.starts_with("[redacted,");
            if is_done || (self.is_harmless)(value) {
                return all.as_str().to_owned();
            }
            let (before, after) = (secret.start() - all.start(), secret.end() - all.start());
            [&all.as_str()[..before], &mark(value), &all.as_str()[after..]].concat()
        })
    }
}

/// `[redacted, 43 characters]`.
fn mark(value: &str) -> String {
    match value.chars().count() {
        1 => "[redacted, 1 character]".to_owned(),
        count => format!("[redacted, {count} characters]"),
    }
}

/// Whatever it is, it is a secret.
fn never(_: &str) -> bool {
    false
}

/// Whether the value says nothing that anybody could use.
fn empty(value: &str) -> bool {
    const WORDS: [&str; 8] = ["", "null", "none", "nil", "true", "false", "undefined", "missing"];
    let value = value.trim_matches(['"', '\'', ' ']);
    WORDS.iter().any(|word| value.eq_ignore_ascii_case(word)) || value.chars().all(|c| c == '*')
}

/// Whether it is a word of prose rather than a token.
fn word(value: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_punctuation() || !c.is_ascii();
    let is_count = value.len() < 6 && value.chars().all(|c| c.is_ascii_digit());
    empty(value) || is_count || (value.len() < 20 && value.chars().skip(1).all(is_plain))
}

/// Whether it lacks what the second half of an AWS access key has: a digest is no key.
fn digest(value: &str) -> bool {
    let has = |what: fn(char) -> bool| value.chars().any(what);
    let random = has(|c| c.is_ascii_lowercase()) && has(|c| c.is_ascii_uppercase());
    !(random && has(|c| c.is_ascii_digit()))
}

/// In order: whole blocks first, so that no rule cuts a piece out of one.
static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let named = blocks().into_iter().chain(json()).chain(told()).chain(assigned());
    let made = named.chain(looks()).filter_map(|(regex, is_harmless)| {
        // None fails: a test makes each of them redact something.
        Regex::new(&regex).ok().map(|regex| Rule { regex, is_harmless })
    });
    Rules { maybe: Regex::new(MAYBE).ok(), all: made.collect() }
});

type Written = (String, fn(&str) -> bool);

/// Key blocks, also those whose end is cut off, and headers.
fn blocks() -> Vec<Written> {
    let block = r"[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----";
    let line = r"(?im)^[ \t>*<-]*";
    vec![
        (format!(r"(?s)-----BEGIN {block}(?P<secret>.*?)(?:-----END {block}|\z)"), never),
        (
            format!(
                r"{line}(?:proxy-)?authorization[ \t]*:[ \t]*(?:(?:basic|bearer|digest|negotiate|token|aws4-hmac-sha256)[ \t]+)?(?P<secret>[^\s][^\r\n]*)"
            ),
            empty,
        ),
        (format!(r"{line}(?:set-)?cookie2?[ \t]*:[ \t]*(?P<secret>[^\s][^\r\n]*)"), empty),
        (
            format!(
                r"{line}x-[a-z0-9-]*(?:key|token|secret|auth|signature|credential|security)[a-z0-9-]*[ \t]*:[ \t]*(?P<secret>[^\s][^\r\n]*)"
            ),
            empty,
        ),
    ]
}

/// JSON and what looks like it, also inside of a string of JSON, and cut off; XML.
fn json() -> Vec<Written> {
    let name = format!("(?:{SECRET}|{TOKEN}|{HEADER})");
    vec![
        (format!(r#"(?i)"{name}"\s*[:=]\s*"(?P<secret>(?:[^"\\]|\\.)+)"#), empty),
        (format!(r#"(?i)\\"{name}\\"\s*[:=]\s*\\"(?P<secret>(?:[^"\\]|\\\\\\"|\\\\)+)"#), empty),
        (format!(r#"(?i)\\*"{name}\\*"\s*:\s*\[(?P<secret>[^\]]+)"#), empty),
        (format!(r"(?i)'{name}'\s*[:=]\s*'(?P<secret>[^'\r\n]+)"), empty),
        (r#"(?i)"[a-z0-9_.-]*(?:passw(?:or)?d|passwd|pwd|pin|otp|secret|token)"\s*:\s*(?P<secret>-?[0-9][0-9.]*)"#.into(), never),
        (format!(r"(?i)<{name}>(?P<secret>[^<]+)"), empty),
    ]
}

/// What checks say of headers and JSON paths: `header x was "a", expected "b"`.
fn told() -> Vec<Written> {
    let name = format!(r#"(?i)(?:header\s+|[$.\['"])(?:{SECRET}|{TOKEN}|{HEADER})['"\]]*"#);
    let quoted = r#""(?P<secret>(?:[^"\\]|\\.)+)"#;
    vec![
        (format!(r"{name}\s+(?:was|is)\s+{quoted}"), empty),
        (format!(r"{name}\s[^\n;]*?expected\s+{quoted}"), empty),
    ]
}

/// URLs with a user, forms, query parameters, assignments, options, YAML.
fn assigned() -> Vec<Written> {
    let name = format!("(?:{SECRET}|{TOKEN}|{HEADER})");
    let begin = r#"(?:^|[\s?&;,(\[{\\"'`]|--)"#;
    vec![
        (r#"(?i)\b[a-z][a-z0-9+.-]*://(?P<secret>[^\s/?#@"'<>]+)@"#.into(), empty),
        (format!(r#"(?im){begin}{name}["']?[ \t]*=[ \t]*["']?(?P<secret>[^\s&;,"'<>]+)"#), empty),
        (format!(r#"(?im)--{name}[ \t]+["']?(?P<secret>[^\s"'<>-][^\s"'<>]*)"#), empty),
        (r#"(?m)(?:^|\s)(?:-u|--user)[ =]["']?(?P<secret>[^\s:"']+:[^\s"']+)"#.into(), never),
        (format!(r#"(?im)(?:^|[\s,(\[{{]){SECRET}[ \t]*:[ \t]*["']?(?P<secret>[^\s,"'<>]+)"#), empty),
        (format!(r#"(?im)(?:^|[\s,(\[{{]){TOKEN}[ \t]*:[ \t]*["']?(?P<secret>[^\s,"'<>]+)"#), word),
    ]
}

/// What is a secret by its look alone.
fn looks() -> Vec<Written> {
    vec![
        (r"(?i)\b(?:bearer|basic)[ \t]+(?P<secret>[a-z0-9._~+/-]{16,}=*)".into(), never),
        (r"\b(?P<secret>eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4})".into(), never),
        (r"\b(?P<secret>(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ABIA|ACCA)[A-Z0-9]{12,})\b".into(), never),
        (
            r"\b(?P<secret>(?:gh[pousr]|github_pat|glpat|xox[abeoprs]|sk_live|rk_live|sk-ant|npm|pypi|hvs|dop_v1)[._-][A-Za-z0-9_-]{16,})"
                .into(),
            never,
        ),
        (
            r"(?:^|[^A-Za-z0-9/+=])(?P<secret>[A-Za-z0-9/+]{40})(?:$|[^A-Za-z0-9/+=])".into(),
            digest,
        ),
    ]
}

#[cfg(test)]
mod tests;
