//! Launch templates: which version a group follows, and what a version holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ImageId, TemplateId};

/// How a group names the version of its template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Tracking {
    /// By number: it moves only when it is told to.
    Pinned(u64),
    /// `$Latest`: it follows the newest version the moment that exists.
    Latest,
    /// `$Default`: it follows the template's default version.
    Default,
}

impl Tracking {
    /// Whether the version can change without anybody changing the group.
    pub fn floats(self) -> bool {
        match self {
            Self::Latest | Self::Default => true,
            Self::Pinned(_) => false,
        }
    }

    /// Reads what AWS writes: a number, `$Latest` or `$Default`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "$Latest" => Some(Self::Latest),
            // The API takes a version that is left out for the default one.
            "$Default" | "" => Some(Self::Default),
            number => number.parse().ok().map(Self::Pinned),
        }
    }
}

impl fmt::Display for Tracking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned(number) => f.pad(&number.to_string()),
            Self::Latest => f.pad("$Latest"),
            Self::Default => f.pad("$Default"),
        }
    }
}

impl From<Tracking> for String {
    fn from(tracking: Tracking) -> Self {
        tracking.to_string()
    }
}

impl TryFrom<String> for Tracking {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("not a template version: {text:?}"))
    }
}

/// One version of a launch template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The template it belongs to.
    pub template: TemplateId,
    /// The template's name.
    pub template_name: String,
    /// Its number, from 1.
    pub number: u64,
    /// Whether it is the template's default version.
    pub is_default: bool,
    /// Its description, at most 255 characters; empty when there is none.
    pub description: String,
    /// The image it names: an id, or `resolve:ssm:…`; `None` when the template names none.
    pub image: Option<ImageId>,
    /// Every other field that is set, by its API name, in a form that compares equal
    /// exactly when the field does. Secrets (user data) are held as a digest.
    pub fields: BTreeMap<String, String>,
}

impl Version {
    /// Whether the image is looked up in Parameter Store at launch.
    pub fn image_is_parameter(&self) -> bool {
        self.image.as_ref().is_some_and(|image| image.as_str().starts_with("resolve:"))
    }

    /// Whether it chooses instance types by attributes (`InstanceRequirements`).
    pub fn chooses_by_attributes(&self) -> bool {
        self.fields.contains_key("InstanceRequirements")
    }

    /// The API names of the fields, the image aside, in which the two versions differ.
    pub fn differing_fields(&self, other: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.fields.keys().chain(other.fields.keys()).collect();
        names.into_iter().filter(|name| self.fields.get(*name) != other.fields.get(*name)).cloned().collect()
    }

    /// Whether this version is `source` with `image` in it and nothing else changed.
    pub fn is_copy_with_image(&self, source: &Self, image: &ImageId) -> bool {
        self.template == source.template
            && self.image.as_ref() == Some(image)
            && self.differing_fields(source).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u64, image: &str, fields: &[(&str, &str)]) -> Version {
        Version {
            template: "lt-1".into(),
            template_name: "web".into(),
            number,
            is_default: false,
            description: String::new(),
            image: Some(image.into()),
            fields: fields.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        }
    }

    #[test]
    fn tracking_reads_what_it_writes() {
        for text in ["$Latest", "$Default", "7"] {
            assert_eq!(Tracking::parse(text).map(|t| t.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Tracking::parse(""), Some(Tracking::Default));
        assert_eq!(Tracking::parse("newest"), None);
    }

    #[test]
    fn a_copy_differs_in_the_image_only() {
        let source = version(6, "ami-old", &[("InstanceType", "m5.large")]);
        assert!(
            version(7, "ami-new", &[("InstanceType", "m5.large")])
                .is_copy_with_image(&source, &"ami-new".into())
        );
        let changed = version(7, "ami-new", &[("InstanceType", "m5.large"), ("KeyName", "k")]);
        assert!(!changed.is_copy_with_image(&source, &"ami-new".into()));
        assert_eq!(changed.differing_fields(&source), ["KeyName"]);
    }
}
