//! Mixed instances policies: what they say, whole, and what that means for a launch.
//!
//! Pure data: what is refused is in `policy_rules.rs`, what is launched in `slots.rs`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Data, TemplateRef};
use crate::model::{ImageId, TemplateId};

/// A mixed instances policy, but for its own template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Its overrides, in order.
    pub overrides: Vec<Override>,
    /// Everything else that was said in it, by the API's names, such as `InstancesDistribution`.
    pub rest: BTreeMap<String, Data>,
}

/// An override in a mixed instances policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Override {
    /// The instance type.
    pub instance_type: Option<String>,
    /// How many units of capacity an instance counts.
    pub weight: Option<u32>,
    /// A template of its own.
    pub template: Option<TemplateRef>,
    /// The image, instead of the template's.
    pub image: Option<ImageId>,
    /// Everything else that was said in it, by the API's names, such as `InstanceRequirements`.
    pub rest: BTreeMap<String, Data>,
}

/// What a group, or a refresh of it, launches: a template, or a mixed instances policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// The template; with a policy, the policy's own.
    pub template: TemplateRef,
    /// The mixed instances policy, if it is one.
    pub policy: Option<Policy>,
}

/// A [`Configuration`] that belongs to somebody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) template: &'a TemplateRef,
    pub(crate) policy: Option<&'a Policy>,
}

/// One of the things that a launch can use: the template, or an override of the policy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot<'a> {
    pub(super) template: &'a TemplateRef,
    pub(super) chosen: Option<&'a Override>,
}

/// The part of an override that selects instance types by their attributes.
pub(super) const REQUIREMENTS: &str = "InstanceRequirements";
pub(super) const DISTRIBUTION: &str = "InstancesDistribution";

impl From<TemplateRef> for Configuration {
    fn from(template: TemplateRef) -> Self {
        Self { template, policy: None }
    }
}

impl Configuration {
    pub(crate) fn target(&self) -> Target<'_> {
        Target { template: &self.template, policy: self.policy.as_ref() }
    }
}

impl Override {
    /// Whether it selects instance types by their attributes.
    pub fn has_requirements(&self) -> bool {
        self.rest.contains_key(REQUIREMENTS)
    }

    fn tree(&self) -> Data {
        let mut parts = self.rest.clone();
        let mut value = |name: &str, text: Option<String>| {
            parts.extend(text.map(|text| (name.to_owned(), Data::Value(text))));
        };
        value("InstanceType", self.instance_type.clone());
        value("WeightedCapacity", self.weight.map(|weight| weight.to_string()));
        value("ImageId", self.image.as_ref().map(ToString::to_string));
        parts.extend(self.template.as_ref().map(|own| (SPECIFICATION.to_owned(), specification(own))));
        Data::Parts(parts)
    }
}

const SPECIFICATION: &str = "LaunchTemplateSpecification";

fn specification(template: &TemplateRef) -> Data {
    let parts = [
        ("LaunchTemplateId", template.id.to_string()),
        ("LaunchTemplateName", template.name.clone()),
        ("Version", template.tracking.to_string()),
    ];
    Data::Parts(parts.into_iter().map(|(name, text)| (name.to_owned(), Data::Value(text))).collect())
}

impl Policy {
    /// The whole policy with its own template in it, by the API's names.
    pub(crate) fn tree(&self, own: &TemplateRef) -> BTreeMap<String, Data> {
        let mut tree = self.rest.clone();
        let launch = tree.entry("LaunchTemplate".to_owned()).or_insert_with(|| Data::Parts(BTreeMap::new()));
        if let Data::Parts(parts) = launch {
            let overrides = self.overrides.iter().map(Override::tree).collect();
            parts.insert(SPECIFICATION.to_owned(), specification(own));
            parts.insert("Overrides".to_owned(), Data::List(overrides));
        }
        tree
    }

    /// Fills in what AWS takes for a distribution that is left out, as a whole or in part.
    pub(crate) fn fill_in(&mut self) {
        let on_demand = if self.overrides.iter().any(Override::has_requirements) {
            "lowest-price"
        } else {
            "prioritized"
        };
        let part = self.rest.entry(DISTRIBUTION.to_owned()).or_insert_with(|| Data::Parts(BTreeMap::new()));
        if matches!(part, Data::Value(_) | Data::List(_)) {
            *part = Data::Parts(BTreeMap::new());
        }
        let Data::Parts(parts) = part else { return };
        // An empty text takes a value away.
        parts.retain(|_, data| *data != Data::Value(String::new()));
        let mut usual = |name: &str, text: &str| {
            parts.entry(name.to_owned()).or_insert_with(|| Data::Value(text.to_owned())).clone()
        };
        usual("OnDemandAllocationStrategy", on_demand);
        usual("OnDemandBaseCapacity", "0");
        usual("OnDemandPercentageAboveBaseCapacity", "100");
        if usual("SpotAllocationStrategy", "lowest-price") == Data::Value("lowest-price".to_owned()) {
            usual("SpotInstancePools", "2");
        }
    }
}

impl<'a> Target<'a> {
    /// Everything that a launch can use, in order.
    pub(super) fn slots(self) -> impl Iterator<Item = Slot<'a>> {
        let overrides = self.policy.map_or(&[][..], |policy| policy.overrides.as_slice());
        let plain = overrides.is_empty().then_some(Slot { template: self.template, chosen: None });
        plain.into_iter().chain(overrides.iter().map(move |one| Slot {
            template: one.template.as_ref().unwrap_or(self.template),
            chosen: Some(one),
        }))
    }

    /// Every template in it, its own first.
    pub(super) fn templates(self) -> impl Iterator<Item = &'a TemplateRef> {
        let overrides = self.policy.into_iter().flat_map(|policy| &policy.overrides);
        std::iter::once(self.template).chain(overrides.filter_map(|one| one.template.as_ref()))
    }

    /// The different templates in it.
    pub(super) fn template_ids(self) -> BTreeSet<&'a TemplateId> {
        self.templates().map(|template| &template.id).collect()
    }

    /// Whether any of its templates is named by no number.
    pub(super) fn floats(self) -> bool {
        self.templates().any(|template| template.tracking.floats())
    }

    /// Whether any override selects instance types by their attributes.
    pub(super) fn has_requirements(self) -> bool {
        self.policy.is_some_and(|policy| policy.overrides.iter().any(Override::has_requirements))
    }

    /// The most units that an instance of it counts.
    pub(super) fn heaviest(self) -> u32 {
        let overrides = self.policy.into_iter().flat_map(|policy| &policy.overrides);
        overrides.filter_map(|one| one.weight).max().unwrap_or(1)
    }

    /// The same, to keep.
    pub(crate) fn to_configuration(self) -> Configuration {
        Configuration { template: self.template.clone(), policy: self.policy.cloned() }
    }
}
