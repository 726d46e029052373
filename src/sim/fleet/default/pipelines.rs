//! The image pipelines that made the candidate's images: one for each architecture, as Image
//! Builder has it.

use crate::config::{self, Family};
use crate::model::{AccountId, Architecture, BuildState, ImageId, Region};
use crate::sim::fleet::{OutputSpec, PastBuild, PipelineSpec};

/// An image with its place and kind.
type Built = (Region, ImageId, Architecture);

/// What the pipelines' finished builds made: the candidate's images, and one that is made up
/// wherever a region of the configuration has none of an architecture. A build that left a
/// region out would be no candidate.
pub(super) fn built(fleet: &config::Fleet, candidates: &[Built]) -> Vec<Built> {
    let mut built = candidates.to_vec();
    for kind in architectures(candidates) {
        for region in super::regions(fleet) {
            if !candidates.iter().any(|(there, _, of)| there == region && *of == kind) {
                let id = super::regional(0xd, &format!("{region} {kind}"));
                built.push((region.clone(), id, kind.clone()));
            }
        }
    }
    built
}

/// The pipelines of the first family. Each made its part of `built`, and makes an image for
/// each region of the configuration.
pub(super) fn all(fleet: &config::Fleet, built: &[Built], home: &AccountId) -> Vec<PipelineSpec> {
    let Some((name, family)) = fleet.families.first_key_value() else { return Vec::new() };
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().map(plain).collect();
    let mut kinds = architectures(built);
    if kinds.is_empty() {
        kinds.push(Architecture::X86_64);
    }
    kinds.iter().filter_map(|kind| pipeline(fleet, (&name, family), kind, built, home)).collect()
}

fn pipeline(
    fleet: &config::Fleet,
    (name, family): (&str, &Family),
    kind: &Architecture,
    built: &[Built],
    home: &AccountId,
) -> Option<PipelineSpec> {
    let region = fleet.environments.first()?.regions.first()?;
    let suffix = super::suffix(kind);
    // Names are unique among the images of an account.
    let images = family.name_glob.replacen('*', &format!("*{suffix}"), 1);
    let mut pipeline = PipelineSpec::new(home.clone(), region.clone(), &format!("{name}{suffix}"), &images);
    let owner = super::owner(family, home);
    let shared_with = super::others(fleet, home, &owner);
    let output = |region: &Region| OutputSpec {
        region: region.clone(),
        architecture: kind.clone(),
        account: owner.clone(),
        shared_with: shared_with.clone(),
    };
    pipeline.outputs = super::regions(fleet).into_iter().map(output).collect();
    let ours = built.iter().filter(|(_, _, of)| of == kind);
    let images: Vec<_> = ours.map(|(region, id, _)| (region.clone(), id.clone())).collect();
    let made = "2026-11-21T19:20:00Z".parse().ok().filter(|_| !images.is_empty());
    pipeline.past.extend(made.map(|created| PastBuild {
        created,
        state: BuildState::Available,
        reason: String::new(),
        images,
    }));
    Some(pipeline)
}

/// The architectures of the images, each once.
fn architectures(images: &[Built]) -> Vec<Architecture> {
    let mut kinds: Vec<Architecture> = images.iter().map(|(_, _, kind)| kind.clone()).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}
