//! What a group's mixed instances policy says at first: plain data.

use std::collections::BTreeMap;

use crate::model::{ImageId, Tracking};

/// A mixed instances policy. Its own template is the group's ([`super::GroupSpec::template`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicySpec {
    /// Its overrides, in order.
    pub overrides: Vec<OverrideSpec>,
    /// Its `InstancesDistribution` by the API's names, such as `SpotAllocationStrategy`.
    pub distribution: BTreeMap<String, String>,
}

/// An override in a mixed instances policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OverrideSpec {
    /// The instance type.
    pub instance_type: Option<String>,
    /// How many units of capacity an instance counts.
    pub weight: Option<u32>,
    /// The name of a template of its own, in the group's account and region, and how it names the version.
    pub template: Option<(String, Tracking)>,
    /// The image, instead of the template's.
    pub image: Option<ImageId>,
    /// Its `InstanceRequirements` by the API's flat names, such as `VCpuCount.Min`.
    pub requirements: BTreeMap<String, String>,
}

impl PolicySpec {
    /// A policy of these instance types, on the group's template.
    pub fn of_types(types: &[&str]) -> Self {
        let overrides = types.iter().map(|name| OverrideSpec::of_type(name)).collect();
        Self { overrides, distribution: BTreeMap::new() }
    }
}

impl OverrideSpec {
    /// An override that names an instance type and nothing else.
    pub fn of_type(name: &str) -> Self {
        Self { instance_type: Some(name.to_owned()), ..Self::default() }
    }
}
