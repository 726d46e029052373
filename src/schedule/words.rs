//! How times and sources are written for people.

use std::fmt;

use jiff::Timestamp;

use super::Source;
use crate::config::{Environment, Fleet};

/// `Mon 23 Nov 15:00` by the environment's clock; its zone too where it is another one than
/// that in which people are shown times.
pub fn time_text(fleet: &Fleet, environment: &Environment, at: Timestamp) -> String {
    let zone = &environment.schedule.zone;
    let text = at.to_zoned(zone.clone()).strftime("%a %-d %b %H:%M").to_string();
    if *zone == fleet.timezone {
        return text;
    }
    let offset = || zone.to_offset(at).to_string();
    format!("{text} {}", zone.iana_name().map_or_else(offset, ToOwned::to_owned))
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Team(key) | Self::Platform(key) => f.write_str(key),
            Self::Environment => f.write_str("the environment's schedule"),
        }
    }
}

/// Where a day and a time come from, each place once.
pub(super) fn sources(day: Option<&Source>, time: Option<&Source>) -> String {
    let mut names: Vec<String> = [day, time].into_iter().flatten().map(ToString::to_string).collect();
    names.dedup();
    names.join(", ")
}
