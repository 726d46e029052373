//! What `schedule` and `status` show, worked out from what AWS said: pure.
//!
//! [`windows()`] says when each group may be refreshed, [`seconds`] how long a pipeline waits
//! for that, [`standing`] which image an environment runs and what became of it. Nothing here
//! asks AWS or a clock, and nothing prints.

mod freezes;
mod images;
mod status;
#[cfg(test)]
pub(crate) mod tests;
mod wait;
mod windows;

pub use freezes::{AHEAD, FreezeAhead, freezes};
pub use images::Family;
pub use status::{EnvironmentStatus, LastRollout, Other, RunImage, UnderWay, standing};
pub use wait::seconds;
pub use windows::{EnvironmentWindows, GroupWindow, Need, State, Value, need, windows};
