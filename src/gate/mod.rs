//! Gates: the record that an image passed an environment, and the policy that asks for it.
//!
//! The record lives as tags on the candidate's images, where everyone can see it.
//! `policy` and `build` are pure; `ledger` and `images` read and write and decide nothing.

mod build;
mod images;
mod ledger;
mod policy;
mod quarantine;
mod record;

pub use build::same_build;
pub use images::{find, whole_builds};
pub use ledger::{Records, in_quarantine, quarantine, read, records, write};
pub use policy::{Standing, Verdict, judge, standing};
pub use quarantine::{QUARANTINE_TAG, Quarantine, quarantined};
pub use record::{Record, State, reason};

/// What every tag of ours on an image begins with.
const GATE_PREFIX: &str = "ami-refresh:gate/";
/// Whether a tag of this key holds a gate's record, or quarantine.
pub fn is_record(key: &str) -> bool {
    key.starts_with(GATE_PREFIX) || key == QUARANTINE_TAG
}

/// The family that an image belongs to.
pub const FAMILY_TAG: &str = "ami-refresh:family";
/// The number of the build that made it.
pub const BUILD_TAG: &str = "ami-refresh:build";
/// The page of the build that made it.
pub const BUILD_URL_TAG: &str = "ami-refresh:build-url";
/// The commit that was built.
pub const COMMIT_TAG: &str = "ami-refresh:commit";
