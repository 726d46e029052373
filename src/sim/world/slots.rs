//! What a launch uses: which slot of a configuration, which image, which instance type.
//!
//! And the other way round: whether an instance is what a configuration would launch.

use std::collections::BTreeSet;

use super::changes::resolve_image;
use super::policy::{Slot, Target};
use super::{Around, Group, Image, ImageFrom, Instance, Refresh, TemplateRef};
use crate::model::{Architecture, ImageId, TemplateId};

/// What is launched.
pub(super) struct Launch {
    pub(super) template: TemplateRef,
    pub(super) version: u64,
    pub(super) image: ImageId,
    pub(super) image_from: ImageFrom,
    pub(super) instance_type: String,
    pub(super) weight: Option<u32>,
}

/// What an instance must be to need no replacement.
pub(super) struct Pattern<'a> {
    template: &'a TemplateId,
    version: u64,
    instance_type: Option<&'a str>,
    /// The override's image.
    image: Option<&'a ImageId>,
    /// The template's image.
    own_image: Option<&'a str>,
}

impl Pattern<'_> {
    /// Whether an instance is what the slot would launch: its template, version, type and image.
    pub(super) fn fits(&self, instance: &Instance) -> bool {
        let image = match (self.image, instance.image_from) {
            (Some(image), _) => instance.image == *image,
            (None, ImageFrom::Override) => self.own_image == Some(instance.image.as_str()),
            // The version says it.
            (None, ImageFrom::Template) => true,
        };
        self.is_like(instance) && image
    }

    /// The image that the slot launches.
    fn launched_image(&self) -> Option<ImageId> {
        self.image.cloned().or_else(|| self.own_image.map(ImageId::from))
    }

    /// Whether an instance is what the slot would launch, whatever image it runs.
    fn is_like(&self, instance: &Instance) -> bool {
        instance.template == *self.template
            && instance.version == self.version
            && self.instance_type.is_none_or(|name| name == instance.instance_type)
    }
}

impl Group {
    /// What instances must be to be what `target` launches.
    pub(super) fn patterns<'a>(&self, target: Target<'a>, around: &Around<'a>) -> Vec<Pattern<'a>> {
        let pattern = |slot: Slot<'a>| {
            let version = self.resolve(slot.template, around);
            let found = self.find(slot.template, around).and_then(|known| known.versions.get(&version));
            Pattern {
                template: &slot.template.id,
                version,
                instance_type: slot.chosen.and_then(|one| one.instance_type.as_deref()),
                image: slot.chosen.and_then(|one| one.image.as_ref()),
                own_image: found
                    .and_then(|version| version.value("ImageId"))
                    .and_then(|named| resolve_image(around.parameters, &self.key.place, named)),
            }
        };
        target.slots().map(pattern).collect()
    }

    /// The image that an instance would have if `target` had launched it.
    pub(super) fn image_for(
        &self,
        instance: &Instance,
        target: Target<'_>,
        around: &Around<'_>,
    ) -> Option<ImageId> {
        let patterns = self.patterns(target, around);
        patterns.iter().find(|pattern| pattern.is_like(instance)).and_then(Pattern::launched_image)
    }

    /// The images that `target` launches.
    pub(super) fn images_of(&self, target: Target<'_>, around: &Around<'_>) -> BTreeSet<ImageId> {
        let patterns = self.patterns(target, around);
        patterns.iter().filter_map(Pattern::launched_image).collect()
    }

    /// What the next launch uses: overrides take turns, but for those that can't be launched.
    pub(super) fn choose(&mut self, around: &Around<'_>) -> Result<Launch, String> {
        if let Some(launch) = self.launch_by_configuration(around) {
            return launch;
        }
        let target = self.target();
        let mut usable = Vec::new();
        let mut refused = None;
        for slot in target.slots() {
            match self.launchable(slot, around) {
                Ok(launch) => usable.push(launch),
                Err(why) => refused = refused.or(Some(why)),
            }
        }
        if usable.is_empty() {
            return Err(refused.unwrap_or_default());
        }
        let at = self.turn % usable.len();
        self.turn += 1;
        Ok(usable.swap_remove(at))
    }

    /// The launch configuration that launches use now, if they use one.
    pub(super) fn launches_configuration(&self) -> Option<&String> {
        let from_template = self.active_refresh().and_then(Refresh::launches).is_some();
        self.launch_configuration.as_ref().filter(|_| !from_template)
    }

    fn launch_by_configuration(&self, around: &Around<'_>) -> Option<Result<Launch, String>> {
        self.launches_configuration()?;
        let image = self.configuration_image.clone().ok_or("The launch configuration names no image");
        Some(image.map_err(str::to_owned).and_then(|image| {
            let architecture = &self.usable_image(&image, around)?.architecture;
            let instance_type = usual_type(architecture).to_owned();
            let (template, version, image_from) = (self.template.clone(), 0, ImageFrom::Template);
            Ok(Launch { template, version, image, image_from, instance_type, weight: None })
        }))
    }

    fn usable_image<'a>(&self, image: &ImageId, around: &Around<'a>) -> Result<&'a Image, String> {
        let found = around.images.get(&(self.key.place.region.clone(), image.clone()));
        let found = found.filter(|image| image.visible_in(&self.key.place) && image.state == "available");
        found.ok_or_else(|| format!("The image id '[{image}]' does not exist"))
    }

    /// What a slot launches, or why it can't.
    fn launchable(&self, slot: Slot<'_>, around: &Around<'_>) -> Result<Launch, String> {
        let number = self.resolve(slot.template, around);
        let version = self.find(slot.template, around).and_then(|template| template.versions.get(&number));
        let version = version.ok_or("The launch template version does not exist")?;
        let overriding = slot.chosen.and_then(|one| one.image.clone());
        let image_from = if overriding.is_some() { ImageFrom::Override } else { ImageFrom::Template };
        let named = overriding.or_else(|| version.image());
        let named = named.ok_or("The launch template version names no image")?;
        let image = resolve_image(around.parameters, &self.key.place, named.as_str())
            .map(ImageId::from)
            .ok_or_else(|| format!("The parameter in {named} could not be resolved to an image"))?;
        let found = self.usable_image(&image, around)?;
        let named = match slot.chosen {
            Some(one) if one.has_requirements() => None,
            Some(one) => one.instance_type.as_deref().or_else(|| version.value("InstanceType")),
            None => version.value("InstanceType"),
        };
        let instance_type = named.unwrap_or(usual_type(&found.architecture)).to_owned();
        check_architecture(&instance_type, &found.architecture)?;
        Ok(Launch {
            template: slot.template.clone(),
            version: number,
            image,
            image_from,
            instance_type,
            weight: slot.chosen.and_then(|one| one.weight),
        })
    }
}

/// An instance type for an image, where nobody names one.
fn usual_type(architecture: &Architecture) -> &'static str {
    match architecture {
        Architecture::Arm64 => "m6g.large",
        Architecture::X86_64 | Architecture::Other(_) => "m5.large",
    }
}

/// The architecture of an instance type, by its family: Graviton has a `g` behind the generation.
pub(crate) fn architecture_of(instance_type: &str) -> Architecture {
    let family = instance_type.split('.').next().unwrap_or_default();
    let generation = family.trim_start_matches(|c: char| !c.is_ascii_digit());
    let attributes = generation.trim_start_matches(|c: char| c.is_ascii_digit());
    if family == "a1" || attributes.starts_with('g') { Architecture::Arm64 } else { Architecture::X86_64 }
}

/// Refuses an image on an instance type of another architecture, in EC2's words.
pub(crate) fn check_architecture(instance_type: &str, image: &Architecture) -> Result<(), String> {
    let own = architecture_of(instance_type);
    if own == *image || matches!(image, Architecture::Other(_)) {
        return Ok(());
    }
    Err(format!(
        "The architecture '{own}' of the specified instance type does not match the architecture '{image}' of the \
         specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can \
         use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graviton_is_told_by_the_letter_behind_the_generation() {
        let arm =
            ["a1.large", "t4g.nano", "m6g.large", "m6gd.metal", "c7gn.xlarge", "r8g.large", "x2gd.large"];
        let arm = arm.into_iter().chain(["im4gn.large", "is4gen.large", "g5g.xlarge", "hpc7g.4xlarge"]);
        for name in arm {
            assert_eq!(architecture_of(name), Architecture::Arm64, "{name}");
        }
        for name in
            ["t3.large", "m5.large", "m6i.large", "c6a.large", "g4dn.xlarge", "g5.xlarge", "p4d.24xlarge"]
                .into_iter()
                .chain(["u-6tb1.metal", "inf1.xlarge", "i3en.large", "z1d.large", "", "nonsense"])
        {
            assert_eq!(architecture_of(name), Architecture::X86_64, "{name}");
        }
    }

    #[test]
    fn the_words_name_the_type_first() {
        let words = check_architecture("c7g.large", &Architecture::X86_64).expect_err("no match");
        assert!(words.starts_with("The architecture 'arm64' of the specified instance type does not match"));
        assert_eq!(check_architecture("c7g.large", &Architecture::Arm64), Ok(()));
    }
}
