//! What is never written into a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::file::Fleet;
use crate::config;

/// What stands for a value that may be a secret.
pub const REDACTED: &str = "(redacted)";

/// The field of a template's data that is never written, whatever is in it.
const USER_DATA: &str = "UserData";

/// Parts of a key, in small letters without its punctuation, that make its value a secret.
const KEYS: [&str; 17] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "credential",
    "apikey",
    "accesskey",
    "authkey",
    "privatekey",
    "sshkey",
    "signingkey",
    "encryptionkey",
    "webhook",
    "connectionstring",
];

/// What a value that is a secret looks like, whatever its key says.
const VALUES: &str = concat!(
    r"-----BEGIN|",                                                   // a key or certificate
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|",                                  // an AWS access key
    r"\bgh[pousr]_[A-Za-z0-9]{20,}|",                                 // GitHub
    r"\bglpat-[A-Za-z0-9_-]{20,}|",                                   // GitLab
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|",                             // Slack
    r"hooks\.slack\.com/|",                                           // Slack, a webhook
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.|",                     // a JSON web token
    r"(?i)://[^/\s:@]+:[^/\s@]+@|",                                   // a URL with a password in it
    r"(?i)\b(password|passwd|pwd|secret|token|api_?key)\s*[=:]\s*\S", // said in words
);

/// What is taken out.
#[derive(Debug)]
pub struct Redaction {
    /// Keys whose values the configuration goes by: a rehearsal needs them.
    needed: BTreeSet<String>,
    values: Option<Regex>,
}

impl Redaction {
    /// Keeps the tags that the configuration goes by, whatever they are called: those that
    /// select groups, say when, and name the team.
    pub fn for_configuration(fleet: &config::Fleet) -> Self {
        let keys = &fleet.window_tags;
        let windows =
            [&keys.platform_day, &keys.platform_time, &keys.team_day, &keys.team_time, &keys.enabled];
        let selectors = fleet.environments.iter().flat_map(|environment| environment.select.tags.keys());
        let needed = windows.into_iter().flatten().chain(selectors).chain([&fleet.notify.teams.tag]);
        let values = VALUES.trim_end_matches('|');
        Self { needed: needed.cloned().collect(), values: Regex::new(values).ok() }
    }

    /// Takes every secret out of the file. Digests of user data become numbers, equal ones
    /// the same: a digest could be tried with guesses.
    pub(super) fn apply(&self, fleet: &mut Fleet) {
        for image in &mut fleet.images {
            self.tags(&mut image.tags);
        }
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for place in &mut fleet.places {
            for group in &mut place.groups {
                self.tags(&mut group.tags);
                self.values(&mut group.mixed_instances_policy);
            }
            for version in place.templates.iter_mut().flat_map(|template| &mut template.versions) {
                self.text(&mut version.description);
                self.data(&mut version.data);
                if let Some(digest) = version.data.get_mut(USER_DATA) {
                    let next = seen.len() + 1;
                    let number = *seen.entry(std::mem::take(digest)).or_insert(next);
                    *digest = format!("(user data {number})");
                }
            }
        }
    }

    fn tags(&self, tags: &mut BTreeMap<String, String>) {
        for (key, value) in tags {
            self.value(key, value);
        }
    }

    fn values(&self, fields: &mut BTreeMap<String, String>) {
        for value in fields.values_mut() {
            self.text(value);
        }
    }

    /// Tags in a template's data are two fields each: `….Key` and `….Value`.
    fn data(&self, data: &mut BTreeMap<String, String>) {
        let keys: BTreeMap<String, String> = data
            .iter()
            .filter_map(|(name, key)| Some((format!("{}.Value", name.strip_suffix(".Key")?), key.clone())))
            .collect();
        for (name, value) in data.iter_mut().filter(|(name, _)| *name != USER_DATA) {
            match keys.get(name) {
                Some(key) => self.value(key, value),
                None => self.text(value),
            }
        }
    }

    fn value(&self, key: &str, value: &mut String) {
        if !self.needed.contains(key) && looks_secret(key) && !value.is_empty() {
            REDACTED.clone_into(value);
        } else {
            self.text(value);
        }
    }

    /// A pattern that could not be made would let everything through: then nothing is let through.
    fn text(&self, text: &mut String) {
        if self.values.as_ref().is_none_or(|pattern| pattern.is_match(text)) {
            REDACTED.clone_into(text);
        }
    }
}

fn looks_secret(key: &str) -> bool {
    let plain: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    KEYS.iter().any(|part| plain.contains(part))
}
