//! The default fleet for a configuration.

mod alarms;
mod contents;
mod groups;
pub(super) mod healthy;
mod manifest;
mod pipelines;
pub(super) mod programs;

use std::collections::{BTreeMap, BTreeSet};

use contents::Contents;

use super::{FleetSpec, ImageSpec, RoleSpec};
use crate::config::{self, Environment, ExternalId, Family};
use crate::model::{AccountId, Architecture, ImageId, Region};

impl FleetSpec {
    /// A fleet on which the configuration makes sense: five groups or so in each region of
    /// every environment, on an older image, with applications that answer its checks.
    ///
    /// `candidate_images` exist too: newer ones of the family, made by an image pipeline for each
    /// architecture, which made one for every other region of the configuration as well. Where one
    /// is for arm64, an older one for arm64 exists, too. An environment without a role is in `home`, as its
    /// credentials are.
    pub fn from_config(
        fleet: &config::Fleet,
        candidate_images: &[(Region, ImageId, Architecture)],
        home: &AccountId,
    ) -> Self {
        let mut spec = Self::empty(home.clone());
        spec.roles = roles(fleet);
        let built = pipelines::built(fleet, candidate_images);
        spec.images = images(fleet, candidate_images, &built, home);
        spec.pipelines = pipelines::all(fleet, &built, home);
        for (at, environment) in fleet.environments.iter().enumerate() {
            groups::add(&mut spec, fleet, environment, at);
            alarms::add(&mut spec, fleet, environment);
        }
        spec
    }

    /// The id of the older image that the default fleet runs in a region.
    pub fn previous_image(region: &Region) -> ImageId {
        Self::previous_image_of(region, &Architecture::X86_64)
    }

    /// The id of the older image for an architecture in a region.
    pub fn previous_image_of(region: &Region, architecture: &Architecture) -> ImageId {
        let kind: u64 = match architecture {
            Architecture::Arm64 => 0xb,
            Architecture::X86_64 | Architecture::Other(_) => 0xa,
        };
        regional(kind, region.as_str())
    }
}

/// The roles of the environments.
pub(super) fn roles(fleet: &config::Fleet) -> BTreeMap<String, RoleSpec> {
    let of = |environment: &Environment| {
        let mut role = RoleSpec::new(environment.account.clone());
        // One that is kept elsewhere is nobody's business here: any will do.
        if let Some(ExternalId::Plain(text)) = &environment.external_id {
            role.external_id = Some(text.clone());
        }
        Some((environment.role_arn.clone()?, role))
    };
    fleet.environments.iter().filter_map(of).collect()
}

/// An id that is readable, well-formed, and another one for each place.
pub(super) fn regional(kind: u64, place: &str) -> ImageId {
    let hash = place.bytes().fold(0_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    ImageId::new(format!("ami-0{:016x}", (kind << 48) | (hash & 0xffff_ffff_ffff)))
}

/// The regions of all environments.
fn regions(fleet: &config::Fleet) -> BTreeSet<&Region> {
    fleet.environments.iter().flat_map(|environment| &environment.regions).collect()
}

/// Every account but the owner's: whom the images are shared with.
fn others(fleet: &config::Fleet, home: &AccountId, owner: &AccountId) -> Vec<AccountId> {
    let own = fleet.environments.iter().map(|environment| &environment.account);
    let accounts: BTreeSet<&AccountId> = own.chain([home]).filter(|account| *account != owner).collect();
    accounts.into_iter().cloned().collect()
}

fn images(
    fleet: &config::Fleet,
    candidates: &[(Region, ImageId, Architecture)],
    built: &[(Region, ImageId, Architecture)],
    home: &AccountId,
) -> Vec<ImageSpec> {
    let family = fleet.families.values().next();
    let glob = family.map_or("base-*", |family| family.name_glob.as_str());
    let owner = family.map_or_else(|| home.clone(), |family| owner(family, home));
    let shared = others(fleet, home, &owner);
    let new = |id: ImageId, region: &Region, architecture: &Architecture, build: &Contents| {
        // Names are unique among the images of an account.
        let name = fill(glob, &format!("{}{}", build.day, suffix(architecture)));
        let mut image = ImageSpec::new(id, &name, region.clone(), owner.clone());
        image.shared_with.clone_from(&shared);
        image.architecture = architecture.clone();
        build.describe(&mut image);
        image
    };
    let old = |region: &Region, architecture: &Architecture| {
        let id = FleetSpec::previous_image_of(region, architecture);
        let mut image = new(id, region, architecture, &contents::BEFORE);
        image.created = "2026-11-14T18:45:00Z".parse().ok();
        image
    };
    let mut images: Vec<ImageSpec> =
        regions(fleet).into_iter().map(|region| old(region, &Architecture::X86_64)).collect();
    let arm = candidates.iter().filter(|(_, _, architecture)| *architecture == Architecture::Arm64);
    let arm: BTreeSet<&Region> = arm.map(|(region, _, _)| region).collect();
    images.extend(arm.into_iter().map(|region| old(region, &Architecture::Arm64)));
    images.extend(built.iter().map(|(region, id, architecture)| {
        let mut image = new(id.clone(), region, architecture, &contents::CANDIDATE);
        // Two builds do not end in the same second: which is the newest is not left to their ids.
        let made = if *architecture == Architecture::X86_64 { "19:45:00" } else { "19:44:30" };
        image.created = format!("2026-11-21T{made}Z").parse().ok();
        image
    }));
    images
}

/// What the names of images and pipelines of an architecture end in.
fn suffix(architecture: &Architecture) -> String {
    if *architecture == Architecture::X86_64 { String::new() } else { format!("-{architecture}") }
}

/// The account that owns the family's images: the home account, if it may.
pub(super) fn owner(family: &Family, home: &AccountId) -> AccountId {
    let ours = |owner: &&String| *owner == "self" || *owner == home.as_str();
    match (family.owners.iter().find(ours), family.owners.first()) {
        (None, Some(other)) => AccountId::new(other),
        (Some(_), _) | (None, None) => home.clone(),
    }
}

/// A name that the glob matches.
pub(super) fn fill(glob: &str, star: &str) -> String {
    glob.replacen('*', star, 1).replace('*', "").replace('?', "0")
}
