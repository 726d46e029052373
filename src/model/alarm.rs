//! CloudWatch alarms.

use std::fmt;

/// The state of a CloudWatch alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlarmState {
    /// All is well.
    Ok,
    /// It fires.
    Alarm,
    /// There is not enough to judge by.
    InsufficientData,
    /// Any other, as CloudWatch names it.
    Other(String),
}

impl AlarmState {
    /// Reads CloudWatch's name of the state.
    pub fn parse(text: &str) -> Self {
        match text {
            "OK" => Self::Ok,
            "ALARM" => Self::Alarm,
            "INSUFFICIENT_DATA" => Self::InsufficientData,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for AlarmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
            Self::Other(text) => text,
        })
    }
}
