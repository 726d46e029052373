//! What a valid configuration says of refreshes: AWS's preferences, and the order of groups.

use std::time::Duration;

/// What rolls back when a group fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The group alone.
    Group,
    /// The groups that had succeeded too.
    Environment,
}

/// What is done with running refreshes when a signal ends the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnAbort {
    /// They are left to AWS, and the way on is printed.
    Leave,
    /// AWS is asked to roll them back.
    Rollback,
}

/// What is done when somebody else's refresh is active on a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Busy {
    /// Wait until it has ended, within the timeout.
    Wait,
    /// Refuse before anything changes.
    Refuse,
}

/// What AWS does with instances that are protected from scale-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum Protected {
    Refresh,
    Ignore,
    Wait,
}

/// What AWS does with instances in standby.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum Standby {
    Terminate,
    Ignore,
    Wait,
}

/// How AWS brings an instance to the new image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// A new instance takes its place.
    Rolling,
    /// It stays, and gets a new root volume.
    ReplaceRootVolume,
}

/// The preferences that one refresh is started with, as AWS defines them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// How instances come to the new image.
    pub strategy: Strategy,
    /// Percent of the desired capacity that must stay healthy, 0 to 100.
    pub min_healthy: u8,
    /// Percent of the desired capacity that may exist, 100 to 200; `None` leaves it out.
    pub max_healthy: Option<u8>,
    /// How long a new instance warms up; `None` for the group's own default.
    pub warmup: Option<Duration>,
    /// How long AWS waits at the end, when it can still roll back natively.
    pub bake: Duration,
    /// The percentages at which the refresh pauses, ascending; empty for none.
    pub checkpoints: Vec<u8>,
    /// How long it pauses at each.
    pub checkpoint_delay: Duration,
    /// Scale-in protected instances.
    pub protected: Protected,
    /// Standby instances.
    pub standby: Standby,
    /// `CloudWatch` alarms that AWS watches meanwhile; at most ten.
    pub alarms: Vec<String>,
    /// Whether instances that match what is wanted already are left as they are.
    pub skip_matching: bool,
}

/// How the groups of an environment are refreshed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshPolicy {
    /// What AWS is asked for.
    pub preferences: Preferences,
    /// After how long a refresh that has not ended is rolled back.
    pub timeout: Duration,
    /// How many groups are refreshed at once, at least 1.
    pub groups_at_once: usize,
    /// How many groups go first, alone.
    pub canary: usize,
    /// After how many failed groups no more are started, at least 1.
    pub max_failures: usize,
    /// What rolls back when a group fails.
    pub on_failure: OnFailure,
    /// What a signal does with running refreshes.
    pub on_abort: OnAbort,
    /// What somebody else's refresh means.
    pub busy: Busy,
}

/// The preferences that an override changes; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of Preferences and RefreshPolicy")]
pub struct PreferenceChanges {
    pub strategy: Option<Strategy>,
    pub min_healthy: Option<u8>,
    pub max_healthy: Option<u8>,
    pub warmup: Option<Option<Duration>>,
    pub bake: Option<Duration>,
    pub checkpoints: Option<Vec<u8>>,
    pub checkpoint_delay: Option<Duration>,
    pub protected: Option<Protected>,
    pub standby: Option<Standby>,
    pub alarms: Option<Vec<String>>,
    pub skip_matching: Option<bool>,
    pub timeout: Option<Duration>,
}

impl PreferenceChanges {
    pub(super) fn apply(&self, policy: &mut RefreshPolicy) {
        fn set<T: Clone>(place: &mut T, value: Option<&T>) {
            if let Some(value) = value {
                *place = value.clone();
            }
        }
        let preferences = &mut policy.preferences;
        set(&mut preferences.strategy, self.strategy.as_ref());
        set(&mut preferences.min_healthy, self.min_healthy.as_ref());
        if self.max_healthy.is_some() {
            preferences.max_healthy = self.max_healthy;
        }
        set(&mut preferences.warmup, self.warmup.as_ref());
        set(&mut preferences.bake, self.bake.as_ref());
        set(&mut preferences.checkpoints, self.checkpoints.as_ref());
        set(&mut preferences.checkpoint_delay, self.checkpoint_delay.as_ref());
        set(&mut preferences.protected, self.protected.as_ref());
        set(&mut preferences.standby, self.standby.as_ref());
        set(&mut preferences.alarms, self.alarms.as_ref());
        set(&mut preferences.skip_matching, self.skip_matching.as_ref());
        set(&mut policy.timeout, self.timeout.as_ref());
    }
}
