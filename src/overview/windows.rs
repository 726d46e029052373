//! When each group of an environment may be refreshed, and what says so.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::freezes::{FreezeAhead, freezes};
use crate::config::{Environment, glob_matches};
use crate::model::{Candidate, EnvironmentName, Group, GroupName, Problem, Region, Span, Window};
use crate::plan::MARKER_TAG;
use crate::rollout::{Running, Sight};
use crate::schedule::{Agenda, Reading, Source, Standing, found};

/// Whether a group is to get the candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// There is no candidate: any image may come.
    Unknown,
    /// It is not on it yet.
    Needs,
    /// It is on it already.
    Done,
    /// Its image is of another family: the candidate is not for it.
    OtherFamily,
}

/// Where a group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It may be started now.
    Due,
    /// It may be started later.
    NotDue,
    /// It is on the candidate already.
    Done,
    /// The candidate is not for it.
    OtherFamily,
    /// Its tags keep it from being refreshed by schedule.
    OptedOut,
    /// Its tags can't be read.
    Unreadable,
}

/// A value of a window, and what says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Value {
    /// The value, as it was found.
    pub value: String,
    /// `team`, `platform` or `environment`.
    pub source: &'static str,
    /// The tag's key; `None` where the environment's schedule says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// One group's window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupWindow {
    /// Its name.
    pub group: GroupName,
    /// Its region.
    pub region: Region,
    /// Its tags that have to do with windows, as they were found.
    pub tags: BTreeMap<String, String>,
    /// The day, and what says it.
    pub day: Option<Value>,
    /// The time, and what says it.
    pub time: Option<Value>,
    /// When the window that is open opened, or when it may be started next.
    pub opens: Option<Timestamp>,
    /// When that is over; `None` also where nothing ends it.
    pub closes: Option<Timestamp>,
    /// Where it stands.
    pub state: State,
    /// Whether it is on the candidate; `None` without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<bool>,
    /// Why, where the times alone do not say it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What is wrong with its tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// The windows of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnvironmentWindows {
    /// Which environment.
    pub environment: EnvironmentName,
    /// The zone of its days and times.
    pub timezone: String,
    /// Its freezes that hold, or come soon.
    pub freezes: Vec<FreezeAhead>,
    /// Its groups, ordered by region and name.
    pub groups: Vec<GroupWindow>,
    /// Why it could not be looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

impl EnvironmentWindows {
    /// An environment that could not be looked at.
    pub fn unseen(agenda: &Agenda<'_>, problems: Vec<Problem>) -> Self {
        Self { problems, ..windows(agenda, &[]) }
    }

    /// The next opening of a group that may still get an image; the one that is open, if one is.
    pub fn next(&self) -> Option<&GroupWindow> {
        let counting = self.groups.iter().filter(|group| matches!(group.state, State::Due | State::NotDue));
        counting.filter(|group| group.opens.is_some()).min_by_key(|group| (group.state, group.opens))
    }
}

/// The windows of an environment's groups at the agenda's time.
pub fn windows(agenda: &Agenda<'_>, groups: &[(&Group, Need)]) -> EnvironmentWindows {
    let Agenda { fleet, environment, now, .. } = agenda;
    EnvironmentWindows {
        environment: environment.name.clone(),
        timezone: super::images::zone_name(&environment.schedule.zone),
        freezes: freezes(fleet, &environment.name, *now),
        groups: groups.iter().map(|(group, need)| window(agenda, group, *need)).collect(),
        problems: Vec::new(),
    }
}

fn window(agenda: &Agenda<'_>, group: &Group, need: Need) -> GroupWindow {
    let found = found(agenda.fleet, agenda.environment, group.name.as_str(), &group.tags);
    let weekly = match &found.reading {
        Reading::Window(window) => Some(window),
        Reading::None | Reading::OptedOut(_) | Reading::Unreadable(_) => None,
    };
    let mut told = GroupWindow {
        group: group.name.clone(),
        region: group.region.clone(),
        day: found.day.as_ref().map(|source| day(source, &found.tags, agenda.environment)),
        time: found.time.as_ref().map(|source| time(source, &found.tags, agenda.environment)),
        tags: found.tags.clone(),
        opens: None,
        closes: None,
        state: State::NotDue,
        done: (need != Need::Unknown).then_some(need == Need::Done),
        why: String::new(),
        problems: Vec::new(),
    };
    match agenda.judge(group.name.as_str(), &group.tags) {
        Standing::Due { until, why } => {
            told.opens = weekly.and_then(|window| window.open_at(agenda.now)).map(|open| open.from);
            told.opens = told.opens.or(Some(agenda.now));
            told.closes = until;
            told.state = State::Due;
            told.why = why;
        }
        Standing::NotDue { why, next } => {
            told.opens = next.map(|next| next.from);
            told.closes = next.map(|next| next.to).filter(|closes| *closes < Timestamp::MAX);
            if !plain(agenda, weekly, next) {
                told.why = why;
            }
        }
        Standing::OptedOut { why } => {
            told.state = State::OptedOut;
            told.why = why;
        }
        Standing::Unreadable(problems) => {
            told.state = State::Unreadable;
            told.problems = problems;
        }
    }
    if matches!(told.state, State::Due | State::NotDue) {
        match need {
            Need::Done => told.state = State::Done,
            Need::OtherFamily => told.state = State::OtherFamily,
            Need::Unknown | Need::Needs => {}
        }
    }
    told
}

/// Whether a group waits for nothing but its window: the opening says all.
fn plain(agenda: &Agenda<'_>, weekly: Option<&Window>, next: Option<Span>) -> bool {
    let opens = weekly.map(|window| window.next_after(agenda.now).from);
    agenda.freeze().is_none() && next.is_some_and(|next| opens == Some(next.from))
}

fn day(source: &Source, tags: &BTreeMap<String, String>, environment: &Environment) -> Value {
    let own = environment.schedule.days.as_ref().map(ToString::to_string);
    value(source, tags, own)
}

fn time(source: &Source, tags: &BTreeMap<String, String>, environment: &Environment) -> Value {
    let own = environment.schedule.time.map(|time| time.strftime("%H:%M").to_string());
    value(source, tags, own)
}

fn value(source: &Source, tags: &BTreeMap<String, String>, own: Option<String>) -> Value {
    // A key may have been found with blanks around it.
    let of = |wanted: &str| tags.iter().find(|(key, _)| key.trim() == wanted.trim());
    let tagged = |source, key: &str| Value {
        value: of(key).map(|(_, value)| value.clone()).unwrap_or_default(),
        source,
        key: Some(key.to_owned()),
    };
    match source {
        Source::Team(key) => tagged("team", key),
        Source::Platform(key) => tagged("platform", key),
        Source::Environment => Value { value: own.unwrap_or_default(), source: "environment", key: None },
    }
}

/// Whether a group is to get the candidate, by the images that it is on.
pub fn need(running: &Running, candidate: &Candidate, glob: &str, sight: &Sight) -> Need {
    // A rollout that is under way has the rest of its work before it.
    let under_way = running.group.tags.contains_key(MARKER_TAG);
    if !under_way && running.is_whole_on(|id| candidate.contains(id)) {
        return Need::Done;
    }
    let named = running.named.as_ref().filter(|id| !candidate.contains(id));
    let of_other =
        named.and_then(|id| sight.images.get(id)).is_some_and(|image| !glob_matches(glob, &image.name));
    if of_other && !under_way { Need::OtherFamily } else { Need::Needs }
}
