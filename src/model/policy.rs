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
