//! The mixed instances policies that groups have when the world begins.

use std::collections::BTreeMap;

use super::policy::{DISTRIBUTION, Override, Policy, REQUIREMENTS};
use super::{Data, Group, Place, Template, TemplateRef, World};
use crate::model::{Architecture, ImageId, TemplateId, Tracking};
use crate::sim::fleet::{FleetSpec, OverrideSpec, PolicySpec, TemplateSpec, VersionSpec};
use crate::sim::scenario::{EffectKind, PolicyKind};

impl World {
    /// The template of that name, if it is there.
    pub(super) fn template_named(&self, place: &Place, name: &str) -> Option<&Template> {
        let mut here = self.templates.iter().filter(|((at, _), _)| at == place);
        here.find(|(_, template)| template.name == name).map(|(_, template)| template)
    }

    pub(super) fn template_ref(&self, place: &Place, name: &str, tracking: Tracking) -> TemplateRef {
        let found = self.template_named(place, name);
        let id =
            found.map_or_else(|| TemplateId::new("lt-00000000000000000"), |template| template.id.clone());
        TemplateRef { id, name: name.to_owned(), tracking }
    }

    /// A policy as a fleet's description says.
    pub(super) fn policy_of(&self, place: &Place, spec: &PolicySpec) -> Policy {
        let overrides = spec.overrides.iter().map(|one| self.override_of(place, one)).collect();
        let distribution = (!spec.distribution.is_empty()).then(|| flat(&spec.distribution));
        let rest = distribution.map(|parts| (DISTRIBUTION.to_owned(), parts)).into_iter().collect();
        let mut policy = Policy { overrides, rest };
        policy.fill_in();
        policy
    }

    fn override_of(&self, place: &Place, spec: &OverrideSpec) -> Override {
        let template = spec.template.as_ref();
        let requirements = (!spec.requirements.is_empty()).then(|| flat(&spec.requirements));
        Override {
            instance_type: spec.instance_type.clone(),
            weight: spec.weight,
            template: template.map(|(name, tracking)| self.template_ref(place, name, *tracking)),
            image: spec.image.clone(),
            rest: requirements.map(|parts| (REQUIREMENTS.to_owned(), parts)).into_iter().collect(),
        }
    }

    /// Gives a new group the policy that the scenario has for it; `at` is its turn.
    pub(super) fn give_policy(&mut self, group: &mut Group, at: usize) {
        let change = group.effect(&self.scenario, EffectKind::policy);
        let kind = change.and_then(|change| change.give.get(at % change.give.len().max(1)).copied());
        if let Some(kind) = kind.filter(|_| group.launch_configuration.is_none()) {
            let spec = self.policy_of_kind(group, kind);
            group.policy = Some(self.policy_of(&group.key.place, &spec));
        }
        let overrides = group.policy.as_ref().map_or(0, |policy| policy.overrides.len());
        if overrides > 0 {
            let last = u32::try_from(overrides - 1).unwrap_or(0);
            group.turn = self.dice.between(0, last) as usize;
        }
    }

    fn policy_of_kind(&mut self, group: &Group, kind: PolicyKind) -> PolicySpec {
        let version = self.version_of(group);
        let own = version.data.get("InstanceType").map_or("m5.large", String::as_str).to_owned();
        let other = if own == "m6i.large" { "m5.large" } else { "m6i.large" };
        let mut spec = PolicySpec::of_types(&[&own, other]);
        match kind {
            PolicyKind::Types => {}
            PolicyKind::Template => {
                let arm = self.older_arm_image(&group.key.place);
                let last = spec.overrides.last_mut();
                if let Some(last) = last {
                    if arm.is_some() {
                        last.instance_type = Some("m6g.large".to_owned());
                    }
                    last.template = Some(self.other_template(group, version, arm));
                }
            }
            PolicyKind::Images => {
                let image = version.data.get("ImageId").map(ImageId::new);
                spec.overrides.iter_mut().for_each(|one| one.image.clone_from(&image));
                let arm = self.older_arm_image(&group.key.place).map(Some);
                let on_arm = |image| OverrideSpec { image, ..OverrideSpec::of_type("m6g.large") };
                spec.overrides.extend(arm.map(on_arm));
            }
            PolicyKind::Weights => {
                for (one, weight) in spec.overrides.iter_mut().zip(1..) {
                    one.weight = Some(weight);
                }
            }
            PolicyKind::Spot => {
                spec.distribution = named(&[
                    ("OnDemandBaseCapacity", "1"),
                    ("OnDemandPercentageAboveBaseCapacity", "50"),
                    ("SpotAllocationStrategy", "price-capacity-optimized"),
                ]);
            }
            PolicyKind::Attributes => {
                let wanted = [("VCpuCount.Min", "2"), ("VCpuCount.Max", "4"), ("MemoryMiB.Min", "4096")];
                spec.overrides =
                    vec![OverrideSpec { requirements: named(&wanted), ..OverrideSpec::default() }];
            }
        }
        spec
    }

    /// The version that a group is on, as a fleet's description would have it.
    fn version_of(&self, group: &Group) -> VersionSpec {
        let template = self.template_of(group);
        let version = template.and_then(|known| known.versions.get(&known.resolve(group.template.tracking)));
        let spec = version.map(|version| VersionSpec {
            number: None,
            description: version.description.clone(),
            data: version.fields(),
        });
        spec.unwrap_or_default()
    }

    /// Adds a second template for a group: a copy, with that image.
    fn other_template(
        &mut self,
        group: &Group,
        mut version: VersionSpec,
        image: Option<ImageId>,
    ) -> (String, Tracking) {
        let name = format!("{}-other", group.template.name);
        version.data.remove("InstanceType");
        version.data.extend(image.map(|image| ("ImageId".to_owned(), image.to_string())));
        let Place { account, region } = group.key.place.clone();
        self.add_template(&TemplateSpec {
            id: None,
            account,
            region,
            name: name.clone(),
            versions: vec![version],
            default_version: 1,
        });
        let tracking = match group.template.tracking {
            Tracking::Pinned(_) => Tracking::Pinned(1),
            floating @ (Tracking::Latest | Tracking::Default) => floating,
        };
        (name, tracking)
    }

    /// The older arm64 image of the default fleet, where there is one.
    fn older_arm_image(&self, place: &Place) -> Option<ImageId> {
        let id = FleetSpec::previous_image_of(&place.region, &Architecture::Arm64);
        let image = self.images.get(&(place.region.clone(), id))?;
        image.visible_in(place).then(|| image.id.clone())
    }
}

fn flat(parts: &BTreeMap<String, String>) -> Data {
    Data::Parts(Data::from_flat(parts.iter().map(|(name, value)| (name.as_str(), value.as_str()))))
}

fn named(parts: &[(&str, &str)]) -> BTreeMap<String, String> {
    parts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
