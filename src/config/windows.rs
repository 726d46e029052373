//! What a valid configuration says of windows: the environments' own, and the tags' keys.

use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::model::{BusinessHours, Days};

/// When the groups of an environment may be refreshed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchedulePolicy {
    /// The zone of every day and time here and in tags.
    pub zone: TimeZone,
    /// The days of groups whose tags say none.
    pub days: Option<Days>,
    /// The time of groups whose tags say none.
    pub time: Option<Time>,
    /// How long a window stays open.
    pub window: Duration,
    /// What becomes of a group whose window closed while it waited.
    pub missed: Missed,
    /// When no window may be open.
    pub business_hours: Option<BusinessHours>,
}

/// What becomes of a group whose window closed while its image waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// It waits for the next one.
    Wait,
    /// It may be started at any time outside of business hours and freezes.
    CatchUp,
}

/// The keys of the tags that say when a group may be refreshed; the first that is there counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowTags {
    /// The day, as the platform puts it on every group.
    pub platform_day: Vec<String>,
    /// The time, likewise.
    pub platform_time: Vec<String>,
    /// The day, as a team says it: it wins.
    pub team_day: Vec<String>,
    /// The time, as a team says it: it wins.
    pub team_time: Vec<String>,
    /// `false` opts a group out.
    pub enabled: Vec<String>,
}

impl Default for WindowTags {
    fn default() -> Self {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        Self {
            platform_day: keys(&["AMI_update_day"]),
            platform_time: keys(&["AMI_update_time"]),
            team_day: keys(&["AMI_refresh_day", "ASG_refresh_day"]),
            team_time: keys(&["AMI_refresh_time", "ASG_refresh_time"]),
            enabled: keys(&["AMI_refresh_enabled", "ASG_refresh_enabled"]),
        }
    }
}
