//! A whole configuration file: from bytes to a [`Fleet`], or to everything wrong with it.

use std::fs;
use std::path::Path;

use jiff::tz::TimeZone;

use super::checks;
use super::environments::{self, Defaults};
use super::error::{ConfigErrors, Mistake};
use super::fleet::Fleet;
use super::notify;
use super::place::{Forbidden, Place, Scan, scan};
use super::reader::{Log, Node};
use super::rules;
use super::scalars::timezone;
use super::schedule;
use super::sets;
use super::tree::{Tree, Value};

impl Fleet {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// Every mistake in it; or that it can't be read, or is not UTF-8.
    pub fn read(path: &Path) -> Result<Self, ConfigErrors> {
        let bytes = fs::read(path).map_err(|error| {
            let message = format!("failed to read {}: {error}", path.display());
            ConfigErrors::whole(path, message, "is this the right file, and may it be read?")
        })?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self::parse(path, text),
            Err(error) => Err(not_utf8(path, &bytes, error.valid_up_to())),
        }
    }

    /// Checks the text of a configuration; `file` is named in the errors.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigErrors> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let log = Log::default();
        let fleet = read_text(file, text, &log);
        let lines = log.masked(lines(text));
        let lines: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
        let mistakes: Vec<Mistake> = log
            .into_mistakes()
            .into_iter()
            .map(|(place, message, hint)| Mistake::new(place, message, hint, &lines))
            .collect();
        match fleet {
            Some(fleet) if mistakes.is_empty() => Ok(fleet),
            _ => Err(ConfigErrors::new(file, mistakes)),
        }
    }
}

/// The fleet as far as it can be read; `None` or a note in the log when something is wrong.
pub(super) fn read_text(file: &Path, text: &str, log: &Log) -> Option<Fleet> {
    let mut tree: Tree = match serde_yaml::from_str(text) {
        Ok(tree) => tree,
        Err(error) => {
            notify::hide_marked(&lines(text), log);
            syntax_error(text, &error, log);
            return None;
        }
    };
    let scan = scan(text);
    report_forbidden(&scan, log);
    tree.locate(scan.root.as_ref(), Place::START);
    report_keys(&tree, log);
    notify::hide(&tree, log);
    if let Value::Null = tree.value {
        let hint = "docs/configuration.md has an example".to_owned();
        log.add(Place::START, "the configuration is empty", Some(hint));
        return None;
    }
    let root = Node::root(&tree, log);
    let mut fleet = read_fleet(file, root)?;
    rules::check(&fleet, root);
    sets::resolve(&mut fleet, root);
    // Last: the rules find the environments by their positions in the file.
    fleet.environments = rules::rollout_order(fleet.environments);
    Some(fleet)
}

fn read_fleet(file: &Path, root: Node<'_>) -> Option<Fleet> {
    let mut map = root.map()?;
    if let Some(node) = map.required("version") {
        version(node);
    }
    let timezone = map.optional("timezone").and_then(timezone).unwrap_or(TimeZone::UTC);
    let families = map.required("families").map(environments::families).unwrap_or_default();
    let defaults = map.optional("defaults").map(Defaults::read).unwrap_or_default();
    let environments = map
        .required("environments")
        .map(|node| environments::environments(node, &defaults, &timezone))
        .unwrap_or_default();
    let overrides = map.optional("overrides").map(environments::overrides).unwrap_or_default();
    let freezes = map.optional("freezes").map(|node| schedule::freezes(node, &timezone)).unwrap_or_default();
    let window_tags = map.optional("window_tags").map(schedule::window_tags).unwrap_or_default();
    let checks = checks::checks(map.optional("checks"));
    // The sets are read when every check is known.
    map.optional("check_sets");
    let notify = map.optional("notify").map(|node| notify::notify(node, &environments)).unwrap_or_default();
    map.finish();
    Some(Fleet {
        file: file.to_owned(),
        timezone,
        families,
        environments,
        overrides,
        freezes,
        window_tags,
        notify,
        checks,
    })
}

fn version(node: Node<'_>) {
    if !matches!(node.value(), Value::Whole(1)) {
        node.expected("1, the only version there is");
    }
}

fn syntax_error(text: &str, error: &serde_yaml::Error, log: &Log) {
    let Some(location) = error.location() else {
        // Several documents, above all: the scan knows where.
        report_forbidden(&scan(text), log);
        if log.is_empty() {
            log.add(Place::START, error.to_string(), None);
        }
        return;
    };
    let place = Place { line: location.line(), column: location.column(), length: 1 };
    let at = format!(" at line {} column {}", place.line, place.column);
    let message = error.to_string().replacen(&at, "", 1);
    let line = lines(text).get(place.line.saturating_sub(1)).copied().unwrap_or_default();
    let indented_by_tab = line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t');
    let hint = indented_by_tab.then(|| "YAML is indented by spaces, never by tabs".to_owned());
    log.add(place, message, hint);
}

fn report_forbidden(scan: &Scan, log: &Log) {
    for (place, what) in &scan.forbidden {
        let (message, hint) = match what {
            Forbidden::Anchor => ("anchors are not read here", "write the value wherever it holds"),
            Forbidden::Alias => ("aliases are not read here", "write the value out"),
            Forbidden::Tag => ("tags are not read here", "leave the tag out"),
            Forbidden::Document => {
                ("there is a second document in the file", "a configuration is one document")
            }
        };
        log.add(*place, message, Some(hint.to_owned()));
    }
}

/// Reports keys that are there twice, are not text, or merge.
fn report_keys(tree: &Tree, log: &Log) {
    match &tree.value {
        Value::List(items) => items.iter().for_each(|item| report_keys(item, log)),
        Value::Map(entries) => {
            for (index, (key, value)) in entries.iter().enumerate() {
                report_key(key, &entries[..index], log);
                report_keys(value, log);
            }
        }
        Value::Null | Value::Bool(_) | Value::Whole(_) | Value::Float(_) | Value::Text(_) => {}
    }
}

fn report_key(key: &Tree, before: &[(Tree, Tree)], log: &Log) {
    let Value::Text(text) = &key.value else {
        let message = format!("a key must be text, and this is {}", key.value);
        return log.add(key.place, message, Some("put it in quotes".to_owned()));
    };
    if text == "<<" {
        let hint = Some("write the keys out".to_owned());
        log.add(key.place, "merge keys are not read here", hint);
    }
    let same =
        |(earlier, _): &&(Tree, Tree)| matches!(&earlier.value, Value::Text(earlier) if earlier == text);
    if let Some((earlier, _)) = before.iter().find(same) {
        let hint = format!("the first is in line {}", earlier.place.line);
        log.add(key.place, format!("the key `{text}` is there twice"), Some(hint));
    }
}

fn not_utf8(file: &Path, bytes: &[u8], good: usize) -> ConfigErrors {
    let text = String::from_utf8_lossy(bytes);
    let before = lines(std::str::from_utf8(&bytes[..good]).unwrap_or_default());
    let column = before.last().map_or(0, |line| line.chars().count()) + 1;
    let place = Place { line: before.len().max(1), column, length: 1 };
    let message = format!("the file is not UTF-8: byte 0x{:02x}", bytes.get(good).unwrap_or(&0));
    let hint = Some("save it as UTF-8".to_owned());
    ConfigErrors::new(file, vec![Mistake::new(place, message, hint, &lines(&text))])
}

/// The lines as YAML counts them: `\r` alone ends one too.
fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\n', '\r']) {
        lines.push(&rest[..at]);
        let end = if rest[at..].starts_with("\r\n") { at + 2 } else { at + 1 };
        rest = &rest[end..];
    }
    lines.push(rest);
    lines
}
