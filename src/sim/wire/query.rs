//! Form-encoded parameters, and the lists and filters in them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::errors::Error;
use crate::config::glob_matches;
use crate::sim::world::Data;

/// The parameters of a request, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Params(BTreeMap<String, String>);

/// Filters: what must match, and the values of which one must.
#[derive(Debug, Clone)]
pub(super) struct Filters(pub(super) Vec<(String, Vec<String>)>);

/// How many parts a name in a tree has at most.
const DEEPEST: usize = 16;

impl Params {
    pub(super) fn parse(form: &[u8]) -> Self {
        Self(form_urlencoded::parse(form).into_owned().collect())
    }

    /// Adds a part of a document: `name` for a scalar, `name.1` for what is in a list, and
    /// `name.field` for what is in a structure. A null is left out.
    pub(super) fn add(&mut self, name: &str, value: &Value) {
        let text = match value {
            Value::Null => return,
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            Value::Array(items) => {
                for (number, item) in (1..).zip(items) {
                    self.add(&format!("{name}.{number}"), item);
                }
                return;
            }
            Value::Object(fields) => {
                for (field, value) in fields {
                    self.add(&format!("{name}.{field}"), value);
                }
                return;
            }
        };
        self.0.insert(name.to_owned(), text);
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether anything is said under that name: a value, a list or a structure.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name) || self.under(name).next().is_some()
    }

    pub(super) fn require(&self, name: &str) -> Result<&str, Error> {
        self.get(name).ok_or_else(|| Error::missing(name))
    }

    /// A number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u32>, Error> {
        self.get(name)
            .map(|text| text.parse().map_err(|_| Error::invalid(format!("{name} is not a number: {text}"))))
            .transpose()
    }

    /// Whether a flag is set; `None` when it is not given.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(|text| text.eq_ignore_ascii_case("true"))
    }

    /// The values `name.1`, `name.2`, … in order.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let mut found: Vec<(u32, &str)> = self
            .under(name)
            .filter_map(|(rest, value)| rest.parse().ok().map(|number| (number, value)))
            .collect();
        found.sort_unstable_by_key(|(number, _)| *number);
        found.into_iter().map(|(_, value)| value).collect()
    }

    /// The parts of the structures `name.1.…`, `name.2.…`, in order.
    pub(super) fn structures(&self, name: &str) -> Vec<Self> {
        let mut found: BTreeMap<u32, BTreeMap<String, String>> = BTreeMap::new();
        for (rest, value) in self.under(name) {
            if let Some((number, part)) = rest.split_once('.')
                && let Ok(number) = number.parse()
            {
                found.entry(number).or_default().insert(part.to_owned(), value.to_owned());
            }
        }
        found.into_values().map(Self).collect()
    }

    /// The parts of the structure `name.…`.
    pub(super) fn structure(&self, name: &str) -> Self {
        Self(self.under(name).map(|(rest, value)| (rest.to_owned(), value.to_owned())).collect())
    }

    /// The structure `name.…` as a tree, whose names can be element names.
    pub(super) fn tree(&self, name: &str) -> Result<BTreeMap<String, Data>, Error> {
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let flat = || self.under(name);
        let unknown = |path: &str| {
            Error::new("UnknownParameter", format!("The parameter {name}{path} is not recognized"))
        };
        match flat().find(|(path, _)| path.split('.').count() > DEEPEST || !path.split('.').all(plain)) {
            Some((path, _)) => Err(unknown(&format!(".{path}"))),
            None => Some(Data::from_flat(flat())).filter(are_named).ok_or_else(|| unknown("")),
        }
    }

    /// Everything but one parameter, as text that tells one request from another.
    pub(super) fn fingerprint(&self, without: &str) -> String {
        let parts: Vec<String> = self
            .0
            .iter()
            .filter(|(name, _)| *name != without)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        parts.join("\n")
    }

    /// Filters as EC2 (`Filter`, `Value`) or Auto Scaling (`Filters.member`, `Values.member`) sends them.
    pub(super) fn filters(&self, name: &str, values: &str) -> Filters {
        self.filters_named(name, "Name", values)
    }

    /// Filters whose names are in a field of that name.
    pub(super) fn filters_named(&self, list: &str, name: &str, values: &str) -> Filters {
        let read = |filter: Self| {
            let values = filter.list(values).into_iter().map(str::to_owned).collect();
            filter.get(name).map(|name| (name.to_owned(), values))
        };
        Filters(self.structures(list).into_iter().filter_map(read).collect())
    }

    fn under<'a>(&'a self, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let prefix = format!("{name}.");
        let from = self.0.range(prefix.clone()..);
        from.map_while(move |(key, value)| key.strip_prefix(&prefix).map(|rest| (rest, value.as_str())))
    }
}

/// Whether numbers stand for places in lists only: an element's name can't be one.
fn are_named(parts: &BTreeMap<String, Data>) -> bool {
    fn is_named(data: &Data) -> bool {
        match data {
            Data::Value(_) => true,
            Data::Parts(parts) => are_named(parts),
            Data::List(items) => items.iter().all(is_named),
        }
    }
    parts.iter().all(|(name, data)| !name.starts_with(|c: char| c.is_ascii_digit()) && is_named(data))
}

impl Filters {
    /// Refuses filters that the simulator does not have: to ignore them would give wrong answers.
    pub(super) fn only(self, names: &[&str]) -> Result<Self, Error> {
        let known = |name: &str| name.starts_with("tag:") || name == "tag-key" || names.contains(&name);
        match self.0.iter().find(|(name, _)| !known(name)) {
            Some((name, _)) => Err(Error::invalid(format!("The filter '{name}' is invalid"))),
            None => Ok(self),
        }
    }

    /// The values that a filter takes, when it is there and none of them is a pattern.
    pub(super) fn exact(&self, name: &str) -> Option<BTreeSet<&str>> {
        let (_, values) = self.0.iter().find(|(known, _)| known == name)?;
        values.iter().all(|value| is_plain(value)).then(|| values.iter().map(String::as_str).collect())
    }

    /// Whether any of them asks for tags.
    pub(super) fn ask_for_tags(&self) -> bool {
        self.0.iter().any(|(name, _)| name.starts_with("tag"))
    }

    /// Whether something passes: `value` says what it has under a filter's name, `None` for a
    /// filter that it does not know (which then matches nothing).
    pub(super) fn pass<'a>(
        &self,
        tags: &BTreeMap<String, String>,
        value: impl Fn(&str) -> Option<std::borrow::Cow<'a, str>>,
    ) -> bool {
        self.0.iter().all(|(name, globs)| {
            let hits = |text: &str| {
                globs.iter().any(|glob| if is_plain(glob) { glob == text } else { glob_matches(glob, text) })
            };
            match (name.strip_prefix("tag:"), name.as_str()) {
                (Some(key), _) => tags.get(key).is_some_and(|value| hits(value)),
                (None, "tag-key") => tags.keys().any(|key| hits(key)),
                (None, "tag-value") => tags.values().any(|value| hits(value)),
                (None, other) => value(other).is_some_and(|text| hits(&text)),
            }
        })
    }
}

/// Whether a filter's value is no pattern.
fn is_plain(glob: &str) -> bool {
    !glob.contains(['*', '?'])
}
