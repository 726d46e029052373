//! Launch templates: their versions, and the data in them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Place;
use crate::model::{ImageId, TemplateId, Tracking};
use crate::sim::scenario::ForeignStart;

/// The data of a launch template version: a tree, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// A value.
    Value(String),
    /// Named parts.
    Parts(BTreeMap<String, Data>),
    /// A list.
    List(Vec<Data>),
}

/// A launch template.
#[derive(Debug, Clone)]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its versions, by number.
    pub versions: BTreeMap<u64, TemplateVersion>,
    /// The number of its default version.
    pub default_version: u64,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// How many versions there were and which was the default, for a stale read, and until when.
    pub(crate) past: Option<(Timestamp, u64, u64)>,
}

/// A version of a launch template.
#[derive(Debug, Clone)]
pub struct TemplateVersion {
    /// Its number.
    pub number: u64,
    /// Its description; may be empty.
    pub description: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its data, by the API's request names.
    pub data: BTreeMap<String, Data>,
}

impl Data {
    /// Makes a tree of flat names: `A.1.B` is part `B` of the first element of list `A`.
    pub fn from_flat<'a>(flat: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, Data> {
        let mut groups: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        let mut parts = BTreeMap::new();
        for (name, value) in flat {
            match name.split_once('.') {
                Some((first, rest)) => groups.entry(first).or_default().push((rest, value)),
                None => {
                    parts.insert(name.to_owned(), Self::Value(value.to_owned()));
                }
            }
        }
        for (name, inner) in groups {
            parts.insert(name.to_owned(), Self::of_parts(Self::from_flat(inner)));
        }
        parts
    }

    fn flatten(&self, name: &str, into: &mut BTreeMap<String, String>) {
        match self {
            Self::Value(text) => {
                into.insert(name.to_owned(), text.clone());
            }
            Self::Parts(parts) => {
                for (part, data) in parts {
                    data.flatten(&format!("{name}.{part}"), into);
                }
            }
            Self::List(items) => {
                for (at, data) in items.iter().enumerate() {
                    data.flatten(&format!("{name}.{}", at + 1), into);
                }
            }
        }
    }

    /// A list when every part is named by a number, else the parts.
    fn of_parts(parts: BTreeMap<String, Data>) -> Self {
        let mut numbered: Vec<(u32, Data)> = Vec::new();
        for (name, data) in &parts {
            match name.parse() {
                Ok(number) => numbered.push((number, data.clone())),
                Err(_) => return Self::Parts(parts),
            }
        }
        numbered.sort_by_key(|(number, _)| *number);
        Self::List(numbered.into_iter().map(|(_, data)| data).collect())
    }
}

impl TemplateVersion {
    /// A top-level value of its data, such as `InstanceType`.
    pub fn value(&self, name: &str) -> Option<&str> {
        match self.data.get(name) {
            Some(Data::Value(text)) => Some(text),
            Some(Data::Parts(_) | Data::List(_)) | None => None,
        }
    }

    /// Whether it selects instance types by their attributes.
    pub fn has_requirements(&self) -> bool {
        self.data.contains_key(super::policy::REQUIREMENTS)
    }

    /// Its data by flat names, such as `BlockDeviceMapping.1.Ebs.VolumeSize`.
    pub fn fields(&self) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        for (name, data) in &self.data {
            data.flatten(name, &mut fields);
        }
        fields
    }

    /// The image it names.
    pub fn image(&self) -> Option<ImageId> {
        self.value("ImageId").map(ImageId::from)
    }
}

impl Template {
    /// The newest version's number.
    pub fn latest(&self) -> u64 {
        self.versions.keys().next_back().copied().unwrap_or(0)
    }

    /// The number that a tracking stands for now.
    pub fn resolve(&self, tracking: Tracking) -> u64 {
        match tracking {
            Tracking::Pinned(number) => number,
            Tracking::Latest => self.latest(),
            Tracking::Default => self.default_version,
        }
    }

    /// The template as a read at `now` sees it: when the read is stale, as it was before.
    pub(crate) fn seen(&self, stale: Option<Timestamp>) -> Self {
        match (self.past, stale) {
            (Some((until, count, default)), Some(now)) if now < until => {
                let mut old = self.clone();
                old.versions.retain(|number, _| *number <= count);
                old.default_version = default;
                old
            }
            (Some(_) | None, Some(_) | None) => self.clone(),
        }
    }
}

impl super::World {
    /// Adds a version with that data and returns its number.
    pub fn add_version(
        &mut self,
        place: &Place,
        id: &TemplateId,
        description: &str,
        data: BTreeMap<String, Data>,
    ) -> Option<u64> {
        let now = self.now;
        let stale_until = self.stale_until();
        let template = self.templates.get_mut(&(place.clone(), id.clone()))?;
        let number = template.latest() + 1;
        if let Some(until) = stale_until {
            template.past = Some((until, template.latest(), template.default_version));
        }
        let description = description.to_owned();
        template.versions.insert(number, TemplateVersion { number, description, created: now, data });
        self.settle_followers(place, id);
        Some(number)
    }

    /// Moves a template's default version, which must be there.
    pub fn set_default_version(&mut self, place: &Place, id: &TemplateId, number: u64) {
        let until = self.stale_until();
        if let Some(template) = self.templates.get_mut(&(place.clone(), id.clone())) {
            template.past = until.map(|until| (until, template.latest(), template.default_version));
            template.default_version = number;
        }
        self.settle_followers(place, id);
    }

    /// Groups that float on a template may have a refresh whose target has just moved.
    fn settle_followers(&mut self, place: &Place, id: &TemplateId) {
        let follows = |group: &&super::Group| group.key.place == *place && group.follows(id);
        let keys: Vec<_> = self.groups.values().filter(follows).map(|group| group.key.clone()).collect();
        for key in keys {
            self.foreign_refresh(&key, ForeignStart::Version);
            self.settle(&key);
        }
    }

    /// Until when reads may be stale after a write now; `None` when they never are.
    pub(crate) fn stale_until(&mut self) -> Option<Timestamp> {
        let longest = self.scenario.stale_reads()?.0.lasts;
        let seconds = self.dice.between(1, longest.max(1));
        Some(super::after(self.now, seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_holds_what_it_was_made_of() {
        let flat = [
            ("BlockDeviceMapping.1.Ebs.VolumeSize", "30"),
            ("BlockDeviceMapping.2.DeviceName", "/dev/b"),
            ("ImageId", "ami-1"),
            ("MetadataOptions.HttpTokens", "required"),
        ];
        let data = Data::from_flat(flat);
        assert!(matches!(data.get("BlockDeviceMapping"), Some(Data::List(items)) if items.len() == 2));
        let version =
            TemplateVersion { number: 1, description: String::new(), created: Timestamp::default(), data };
        let fields = version.fields();
        assert_eq!(fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), flat);
    }
}
