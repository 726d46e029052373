//! CloudWatch alarms.

use std::fmt;

use jiff::Timestamp;

/// An alarm as AWS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmReading {
    /// Its name.
    pub name: String,
    /// The state it is in.
    pub state: AlarmState,
    /// Why, in AWS's words; may be empty.
    pub reason: String,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// The state of an alarm, as AWS names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlarmState {
    /// What it watches is as it should be.
    Ok,
    /// It fires.
    Alarm,
    /// It has too little data to tell; AWS starts no refresh then.
    InsufficientData,
    /// A state that this program does not know.
    Other(String),
}

impl fmt::Display for AlarmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
            Self::Other(name) => name,
        })
    }
}
