//! Gates: the record that an image passed an environment, and the policy that asks for it.
//!
//! The record lives as tags on the candidate's images, where everyone can see it.
//! `policy`, `build`, `shared` and `replaced` are pure; `ledger` and `images` read and write and decide nothing.

mod build;
mod images;
mod ledger;
mod policy;
mod quarantine;
mod record;
mod replaced;
mod shared;

pub use build::same_build;
pub use images::{find, whole_builds};
pub use ledger::{
    OTHERS_WRITE_WITHIN, Records, TRIES, Tags, gate_tag, in_quarantine, lost, quarantine, read, read_images,
    read_tags, show, write, write_tags,
};
pub use policy::{Standing, Verdict, judge, standing};
pub use quarantine::{QUARANTINE_TAG, Quarantine, quarantined};
pub use record::{Record, State, reason};
pub use replaced::{Before, MOST_TAGS, Replaced, without_room};
pub use shared::{is_shared, records, tag_over, tags_of};

use crate::model::EnvironmentName;

/// What every tag of ours on an image begins with.
const GATE_PREFIX: &str = "ami-refresh:gate/";
/// How many tags EC2 lets an image have.
pub const TAGS: usize = 50;

/// Whether a tag of this key holds a gate's record, several of them, what was replaced (the first of several), or
/// quarantine: at most one of each for an environment.
pub fn is_record(key: &str) -> bool {
    let replaced = key.strip_prefix(replaced::PREFIX).is_some_and(|rest| !rest.contains('.'));
    key.starts_with(GATE_PREFIX) || is_shared(key) || replaced || key == QUARANTINE_TAG
}

fn gate_key(environment: &EnvironmentName) -> String {
    format!("{GATE_PREFIX}{environment}")
}

/// The family that an image belongs to.
pub const FAMILY_TAG: &str = "ami-refresh:family";
/// The number of the build that made it.
pub const BUILD_TAG: &str = "ami-refresh:build";
/// The page of the build that made it.
pub const BUILD_URL_TAG: &str = "ami-refresh:build-url";
/// The commit that was built.
pub const COMMIT_TAG: &str = "ami-refresh:commit";
