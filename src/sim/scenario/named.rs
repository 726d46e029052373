//! The scenarios that have a name, as YAML texts.

use super::Scenario;

macro_rules! scenarios {
    ($($name:literal),+ $(,)?) => {
        const TEXTS: &[(&str, &str)] = &[$(($name, include_str!(concat!("../scenarios/", $name, ".yaml")))),+];

        impl Scenario {
            /// The names that [`Scenario::named`] knows.
            pub const NAMES: &'static [&'static str] = &[$($name),+];
        }
    };
}

scenarios!(
    "clean",
    "bad-image",
    "app-down",
    "slow-boot",
    "no-capacity",
    "throttled",
    "server-errors",
    "lost-answers",
    "eventual-consistency",
    "stuck",
    "rollback-fails",
    "scale-out",
    "foreign-refresh",
    "instance-dies",
    "mixed-tracking",
    "image-build-fails",
    "image-build-slow",
    "mixed",
    "warm-pools",
    "lifecycle-hooks",
    "hook-abandons",
    "alarm-fires",
    "alarm-firing",
    "standby-and-protected",
    "suspended",
    "parameter-images",
    "launch-configurations",
    "one-instance",
    "deleting",
    "scaling",
    "maintenance-policy",
);

impl Scenario {
    /// The scenario of that name.
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = TEXTS.iter().find(|(known, _)| *known == name)?;
        // A test reads every text, so that none can be wrong here.
        Self::from_yaml(text).ok()
    }
}
