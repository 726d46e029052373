//! The only place that talks to AWS: our vocabulary in, our vocabulary out.
//!
//! [`Cloud`] knows how to reach every account; an [`Account`] is one of them in one
//! region, a struct over SDK clients. What differs between AWS and a rehearsal is the HTTP
//! client underneath, nothing here. Never decides anything, never prints.

mod alarms;
mod connect;
mod error;
mod groups;
mod image_builder;
mod images;
mod instances;
mod inventory;
mod limits;
mod permissions;
mod policies;
mod refreshes;
mod session;
mod sights;
mod ssm;
mod templates;

pub use connect::{Account, Cloud, Identity, Settings};
pub use error::{Error, Kind};
pub use groups::TagChange;
pub use inventory::{FoundGroup, FoundHook, FoundInstance, FoundVersion, FoundWarmPool};
pub use permissions::{Access, BESIDES, CALLS, Part, Permission};
pub use refreshes::{FailedActivity, Start};
pub use ssm::{INSTANCES, RemoteCommand};

use std::fmt::Write;

use jiff::Timestamp;

/// The SDK's moment as ours; `None` when it is out of range.
fn timestamp(moment: Option<&aws_smithy_types::DateTime>) -> Option<Timestamp> {
    let moment = moment?;
    Timestamp::new(moment.secs(), i32::try_from(moment.subsec_nanos()).ok()?).ok()
}

/// A count that AWS gives as a signed number; absent or negative is zero.
fn count(number: Option<i32>) -> u32 {
    number.and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

/// A whole number of seconds as the API takes it.
fn seconds(duration: std::time::Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
