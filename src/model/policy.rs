//! Mixed instances policies, and how a group names what it launches from.

use std::collections::BTreeMap;

use super::{GroupTemplate, ImageId, TemplateId, Tracking};

/// A mixed instances policy, its own template aside, which is [`super::Group::template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its overrides, in order.
    pub overrides: Vec<PolicyOverride>,
    /// Every field that is set besides templates, versions and image ids, by its API path, in
    /// a form that compares equal exactly when the field does.
    pub fields: BTreeMap<String, String>,
}

/// One override: an instance type, or a choice of types by attributes, and what differs for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyOverride {
    /// The instance type; `None` when types are chosen by attributes.
    pub instance_type: Option<String>,
    /// Whether types are chosen by attributes (`InstanceRequirements`).
    pub by_attributes: bool,
    /// How many units of capacity an instance counts for; 1 when it is not weighted.
    pub weight: u32,
    /// Its own template.
    pub template: Option<GroupTemplate>,
    /// Its own image, over its template's: an id, or `resolve:ssm:…`.
    pub image: Option<ImageId>,
}

impl Policy {
    /// The paths of the fields in which the two policies differ, images and versions aside.
    pub fn differing_fields(&self, other: &Self) -> Vec<String> {
        let mut names: Vec<&String> = self.fields.keys().chain(other.fields.keys()).collect();
        names.sort();
        names.dedup();
        let differs = |name: &&&String| self.fields.get(**name) != other.fields.get(**name);
        names.iter().filter(differs).map(|name| (*name).clone()).collect()
    }
}

impl PolicyOverride {
    /// What people know it by: its type, or that its types are chosen.
    pub fn label(&self) -> &str {
        self.instance_type.as_deref().unwrap_or("chosen by attributes")
    }
}

/// How a group names what it launches from: what it is set to, and put back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// Its own template, or its policy's.
    pub own: Named,
    /// One for each override of its policy, in order; `None` when it has no policy.
    pub overrides: Option<Vec<OverrideNaming>>,
}

impl Naming {
    /// What it names otherwise than `left`, in words; empty when it is the same.
    pub fn difference(&self, left: &Self) -> String {
        let named = |named: &Named| format!("{} version {}", named.template, named.tracking);
        let mut parts = Vec::new();
        if self.own != left.own {
            parts.push(format!("it names {}, not {}", named(&self.own), named(&left.own)));
        }
        let one = |one: &OverrideNaming| {
            let template = one.template.iter().map(named);
            let words: Vec<String> = template.chain(one.image.iter().map(ToString::to_string)).collect();
            if words.is_empty() { "nothing of its own".to_owned() } else { words.join(" with ") }
        };
        let (now, before) = (self.overrides.as_deref(), left.overrides.as_deref());
        let (now, before) = (now.unwrap_or_default(), before.unwrap_or_default());
        if now.len() != before.len() {
            parts.push(format!("it has {} overrides, not {}", now.len(), before.len()));
        }
        for (at, (now, before)) in
            now.iter().zip(before).enumerate().filter(|(_, (now, before))| now != before)
        {
            parts.push(format!("override {} names {}, not {}", at + 1, one(now), one(before)));
        }
        parts.join(", ")
    }
}

/// A template, and how its version is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The template.
    pub template: TemplateId,
    /// How its version is named.
    pub tracking: Tracking,
}

/// What an override names for itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OverrideNaming {
    /// Its own template.
    pub template: Option<Named>,
    /// Its own image.
    pub image: Option<ImageId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_naming_says_what_it_names_otherwise() {
        let own = |tracking| Named { template: "lt-1".into(), tracking };
        let image = |image: &str| OverrideNaming { template: None, image: Some(image.into()) };
        let naming = |tracking, images: &[&str]| Naming {
            own: own(tracking),
            overrides: Some(images.iter().map(|one| image(one)).collect()),
        };
        let left = naming(Tracking::Pinned(6), &["ami-1", "ami-2"]);
        assert_eq!(left.difference(&left), "");
        assert_eq!(
            naming(Tracking::Latest, &["ami-1", "ami-3"]).difference(&left),
            "it names lt-1 version $Latest, not lt-1 version 6, override 2 names ami-3, not ami-2"
        );
        assert_eq!(naming(Tracking::Pinned(6), &["ami-1"]).difference(&left), "it has 1 overrides, not 2");
    }

    #[test]
    fn policies_differ_in_the_fields_that_differ() {
        let with = |fields: &[(&str, &str)]| Policy {
            overrides: Vec::new(),
            fields: fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        };
        let (a, b) = (with(&[("x", "1"), ("y", "2")]), with(&[("x", "1"), ("y", "3"), ("z", "4")]));
        assert_eq!(a.differing_fields(&b), ["y", "z"]);
        assert_eq!(b.differing_fields(&a), ["y", "z"]);
        assert!(a.differing_fields(&a).is_empty());
    }
}
