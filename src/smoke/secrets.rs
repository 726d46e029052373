//! Masks secrets in texts, those that were sent and those that were captured: pure.
//!
//! A server may say back what was sent, and in another form. Texts are cut when they are long, so
//! the beginning of a secret counts as one too.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::variables::percent_encoded;

/// What stands where a secret was.
const MASK: &str = "***";
/// How many bytes of a secret's beginning are enough to be masked.
const ENOUGH: usize = 6;
/// Shorter ones, in bytes, are masked only where they stand alone: a text is full of them by chance.
const ALONE: usize = 4;
/// How many characters are enough in front of `…`, which is written where something was cut.
const AT_CUT: usize = 3;

/// The secrets, in every form in which a text may hold them, in order.
///
/// Of all that are in order, those next to a text share its longest beginning: no others are looked at.
#[derive(Default)]
pub(super) struct Secrets {
    /// Those of which a beginning is enough.
    long: BTreeSet<String>,
    /// Shorter than [`ENOUGH`].
    short: BTreeSet<String>,
    /// Those that begin with a word that is no secret, `Bearer`: few.
    worded: BTreeSet<String>,
    /// The bytes that any of them begins with.
    first: BTreeSet<u8>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// The forms in which a text may hold a value: as it is, in a URL, in a form, in JSON, in quotes.
pub(super) fn forms(value: &str) -> Vec<String> {
    let json = serde_json::Value::from(value).to_string();
    let form = form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let quoted = strip(&format!("{value:?}"));
    let forms = [value.to_owned(), percent_encoded(value), form, strip(&json), quoted];
    forms.into_iter().filter(|form| !form.is_empty()).collect()
}

/// The text without the quotes around it.
fn strip(quoted: &str) -> String {
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(quoted).to_owned()
}

impl Secrets {
    /// Adds a value.
    pub(super) fn add(&mut self, value: &str) {
        for form in forms(value) {
            self.first.extend(form.bytes().next());
            let kept = if form.len() < ENOUGH { &mut self.short } else { &mut self.long };
            kept.insert(form);
        }
    }

    /// Adds what was sent: of `Bearer abc`, `abc` alone says all of it.
    pub(super) fn add_sent(&mut self, secret: &str) {
        let Some((_, rest)) = secret.split_once(' ').filter(|(_, rest)| !rest.trim().is_empty()) else {
            return self.add(secret);
        };
        self.add(rest.trim());
        for form in forms(secret) {
            self.first.extend(form.bytes().next());
            self.worded.insert(form);
        }
    }

    /// The text with each secret masked, and with what may be the beginning of one.
    pub(super) fn masked(&self, text: String) -> String {
        if self.first.is_empty() {
            return text;
        }
        let mut masked = String::with_capacity(text.len());
        let mut rest = text.as_str();
        let mut before = None;
        while let Some(first) = rest.chars().next() {
            let hidden = if self.first.contains(&rest.as_bytes()[0]) { self.hidden(before, rest) } else { 0 };
            let step = if hidden == 0 { first.len_utf8() } else { hidden };
            masked.push_str(if hidden == 0 { &rest[..step] } else { MASK });
            before = rest[..step].chars().next_back();
            rest = &rest[step..];
        }
        masked
    }

    /// How many bytes at the beginning of the text, which has that before it, are a secret.
    fn hidden(&self, before: Option<char>, text: &str) -> usize {
        let worded = self.worded.iter().filter(|secret| text.starts_with(secret.as_str()));
        let worded = worded.map(String::len).max().unwrap_or_default();
        worded.max(self.long(text)).max(self.short(before, text)).max(self.cut(text))
    }

    /// How many bytes of a long secret the text begins with, when they are enough to tell.
    fn long(&self, text: &str) -> usize {
        let near = near(&self.long, text);
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

    /// How many bytes begin a secret that the text was cut in.
    fn cut(&self, text: &str) -> usize {
        let all = [&self.long, &self.short, &self.worded];
        let bytes = all.into_iter().flat_map(|some| near(some, text)).map(|secret| common(text, secret));
        let is_cut = |bytes: &usize| {
            let after = &text[*bytes..];
            let enough = text[..*bytes].chars().count() >= AT_CUT;
            enough && after.strip_prefix('"').unwrap_or(after).starts_with('…')
        };
        bytes.filter(is_cut).max().unwrap_or_default()
    }
}

/// Those next to the text in order.
fn near<'s>(secrets: &'s BTreeSet<String>, text: &str) -> impl Iterator<Item = &'s String> {
    let next = secrets.range::<str, _>((Bound::Included(text), Bound::Unbounded)).next();
    let last = secrets.range::<str, _>((Bound::Unbounded, Bound::Excluded(text))).next_back();
    next.into_iter().chain(last)
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
mod tests;
