//! What AWS refuses of mixed instances policies, and of refreshes that have to do with them.

use std::collections::BTreeMap;

use super::policy::{DISTRIBUTION, Override, Policy, REQUIREMENTS, Target};
use super::{
    Around, Configuration, Data, Group, GroupKey, Image, Life, Refusal, StartRequest, Strategy, TemplateRef,
    TemplateVersion, World,
};
use crate::model::ImageId;

/// How many launch templates, overrides and sets of requirements a policy may have.
const MOST_TEMPLATES: usize = 20;
const MOST_OVERRIDES: usize = 40;
const MOST_REQUIREMENTS: usize = 4;
/// The largest weight.
const HEAVIEST: u32 = 999;

fn refuse(message: impl Into<String>) -> Refusal {
    Refusal::Validation(message.into())
}

impl World {
    /// Refuses a configuration that a group could not have.
    pub(crate) fn check_configuration(&self, key: &GroupKey, wanted: &Configuration) -> Result<(), Refusal> {
        let target = wanted.target();
        for template in target.templates() {
            self.check_template(key, template)?;
        }
        if target.template_ids().len() > MOST_TEMPLATES {
            return Err(refuse(format!(
                "You can specify up to {MOST_TEMPLATES} launch templates per Auto Scaling group."
            )));
        }
        wanted.policy.as_ref().and_then(mistake).map_or(Ok(()), |mistake| Err(refuse(mistake)))
    }

    /// Refuses what can't be with instance types by their attributes, or with floating versions.
    pub(super) fn check_policies(&self, group: &Group, request: &StartRequest) -> Result<(), Refusal> {
        let preferences = &request.preferences;
        let desired = request.desired.as_ref();
        let by_attributes = self.has_requirements(group, group.own())
            || desired.is_some_and(|desired| self.has_requirements(group, desired.target()));
        if by_attributes {
            let asked = [
                (desired.is_some(), "DesiredConfiguration"),
                (preferences.skip_matching, "SkipMatching"),
                (preferences.auto_rollback, "AutoRollback"),
            ];
            if let Some((_, name)) = asked.into_iter().find(|(asked, _)| *asked) {
                return Err(refuse(format!(
                    "{name} is not supported for an Auto Scaling group with InstanceRequirements"
                )));
            }
        }
        match request.strategy {
            Strategy::Rolling => Ok(()),
            Strategy::ReplaceRootVolume => self.check_root_volumes(group, desired),
        }
    }

    /// Whether an override, or a version of a template, selects instance types by their attributes.
    pub(super) fn has_requirements(&self, group: &Group, target: Target<'_>) -> bool {
        let version = |one: &TemplateRef| {
            let template = self.template(&group.key.place, &one.id)?;
            template.versions.get(&template.resolve(one.tracking))
        };
        target.has_requirements()
            || target.templates().filter_map(version).any(TemplateVersion::has_requirements)
    }

    /// Refuses to replace root volumes where AWS can't.
    fn check_root_volumes(&self, group: &Group, desired: Option<&Configuration>) -> Result<(), Refusal> {
        let no = |why: &str| refuse(format!("The ReplaceRootVolume strategy {why}"));
        if group.policy.is_none() {
            return Err(no("needs an Auto Scaling group with a mixed instances policy"));
        }
        let Some((desired, policy)) = desired.and_then(|wanted| Some((wanted, wanted.policy.as_ref()?)))
        else {
            return Err(no("needs a desired configuration with a mixed instances policy"));
        };
        let images: Option<Vec<&ImageId>> = policy.overrides.iter().map(|one| one.image.as_ref()).collect();
        let images = images.filter(|images| !images.is_empty());
        let Some(images) = images else { return Err(no("needs an ImageId on every override")) };
        if group.own().floats() || desired.target().floats() {
            return Err(no("does not support the launch template versions $Latest and $Default"));
        }
        if !group.target_groups.is_empty() {
            return Err(no("does not support Elastic Load Balancing"));
        }
        if group.warm_pool.is_some() {
            return Err(no("does not support warm pools"));
        }
        for id in images {
            let image = self.images.get(&(group.key.place.region.clone(), id.clone()));
            let image = image.filter(|image: &&Image| image.visible_in(&group.key.place));
            match image.map(|image| image.volumes) {
                None => return Err(refuse(format!("The image id '[{id}]' does not exist"))),
                Some(1) => {}
                Some(_) => return Err(no(&format!("needs images with a single volume, and {id} has more"))),
            }
        }
        let like = self.all_like(group, desired.target());
        if like {
            Ok(())
        } else {
            Err(no("needs every instance to match the launch templates and instance types"))
        }
    }

    /// Whether every instance has a template, a version and a type of the target's.
    fn all_like(&self, group: &Group, target: Target<'_>) -> bool {
        let living =
            group.instances.iter().filter(|i| !matches!(i.life, Life::Terminating | Life::Terminated));
        let mut living = living;
        living.all(|instance| {
            target.slots().any(|slot| {
                let template = self.template(&group.key.place, &slot.template.id);
                template.is_some_and(|template| template.resolve(slot.template.tracking) == instance.version)
                    && slot.template.id == instance.template
                    && slot
                        .chosen
                        .and_then(|one| one.instance_type.as_deref())
                        .is_none_or(|name| name == instance.instance_type)
            })
        })
    }
}

/// What is wrong with a policy, if anything is.
fn mistake(policy: &Policy) -> Option<String> {
    let overrides = &policy.overrides;
    let weighted = overrides.iter().filter(|one| one.weight.is_some()).count();
    let rules = [
        (overrides.len() > MOST_OVERRIDES, format!("You can specify up to {MOST_OVERRIDES} instance types.")),
        (
            overrides.iter().filter(|one| one.has_requirements()).count() > MOST_REQUIREMENTS,
            format!("You can specify up to {MOST_REQUIREMENTS} sets of InstanceRequirements."),
        ),
        (
            weighted > 0 && weighted < overrides.len(),
            "If you specify WeightedCapacity for one instance type, you must specify it for all of them."
                .to_owned(),
        ),
    ];
    let broken = rules.into_iter().find(|(broken, _)| *broken).map(|(_, message)| message);
    let in_overrides = overrides.iter().find_map(override_mistake);
    broken.or_else(|| in_overrides.map(str::to_owned)).or_else(|| distribution_mistake(policy))
}

fn override_mistake(one: &Override) -> Option<&'static str> {
    let requires = |name: &str| match one.rest.get(REQUIREMENTS) {
        Some(Data::Parts(parts)) => parts.contains_key(name),
        Some(Data::Value(_) | Data::List(_)) | None => false,
    };
    let by_attributes = one.has_requirements();
    let rules = [
        (
            by_attributes && one.instance_type.is_some(),
            "If you specify InstanceRequirements, you can't specify InstanceType.",
        ),
        (
            by_attributes && !(requires("VCpuCount") && requires("MemoryMiB")),
            "InstanceRequirements must contain VCpuCount and MemoryMiB.",
        ),
        (
            one.weight.is_some_and(|weight| !(1..=HEAVIEST).contains(&weight)),
            "WeightedCapacity must be in the range of 1 to 999.",
        ),
        (one.image.as_ref().is_some_and(|image| !image.is_well_formed()), "The ImageId is malformed."),
    ];
    rules.into_iter().find(|(broken, _)| *broken).map(|(_, message)| message)
}

fn distribution_mistake(policy: &Policy) -> Option<String> {
    let none = BTreeMap::new();
    let parts = match policy.rest.get(DISTRIBUTION) {
        Some(Data::Parts(parts)) => parts,
        Some(Data::Value(_) | Data::List(_)) | None => &none,
    };
    let within = [
        ("OnDemandBaseCapacity", 0..=u32::MAX),
        ("OnDemandPercentageAboveBaseCapacity", 0..=100),
        ("SpotInstancePools", 1..=20),
    ];
    within.into_iter().find_map(|(name, range)| match parts.get(name) {
        Some(Data::Value(text)) if !text.parse().is_ok_and(|number: u32| range.contains(&number)) => {
            Some(format!("{name} can't be {text}."))
        }
        Some(_) | None => None,
    })
}

impl Group {
    /// Whether an override, or a version of a template, selects instance types by their attributes.
    pub(super) fn has_requirements(&self, target: Target<'_>, around: &Around<'_>) -> bool {
        let version = |one: &TemplateRef| self.find(one, around)?.versions.get(&self.resolve(one, around));
        target.has_requirements()
            || target.templates().filter_map(version).any(TemplateVersion::has_requirements)
    }

    /// Whether its own configuration allows a rollback to it.
    pub(super) fn can_be_gone_back_to(&self, around: &Around<'_>) -> bool {
        let own = self.own();
        !own.floats()
            && !self.has_requirements(own, around)
            && !own.templates().any(|one| self.names_parameter(one, around))
    }
}
