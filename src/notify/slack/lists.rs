//! Groups as lines of a message: few, however many there are.

use std::fmt::Display;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::message::Line;
use crate::notify::story::{GroupStory, State};
use crate::report::style::count;

/// The most names that stand in one line.
const NAMES: usize = 20;

/// The most characters of names that stand in one line.
const WIDTH: usize = 1500;

/// The most groups that get a line of their own.
pub(super) const LINES: usize = 10;

/// The order in which people are told of the states.
const ORDER: [State; 13] = [
    State::NeedsPerson,
    State::Refused,
    State::RollingBack,
    State::RolledBack,
    State::Refreshing,
    State::Baking,
    State::Checking,
    State::Left,
    State::Waiting,
    State::NotStarted,
    State::Refreshed,
    State::NotDue,
    State::Skipped,
];

/// `Mon 23 Nov 15:00 (Europe/London)`.
pub(super) fn moment(at: Timestamp, zone: &TimeZone) -> String {
    let there = at.to_zoned(zone.clone());
    let zone = zone.iana_name().map_or_else(|| there.strftime("%Z").to_string(), ToOwned::to_owned);
    format!("{} ({zone})", short_moment(at, there.time_zone()))
}

/// `Mon 23 Nov 15:00`, where the zone is clear.
fn short_moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %-d %b %H:%M").to_string()
}

/// The names in one line, as many as there is room for: `a, b and 37 more`.
pub(super) fn names<T: Display>(
    mut line: Line,
    groups: &[&GroupStory],
    note: impl Fn(&GroupStory) -> Option<T>,
) -> Line {
    let mut width = 0;
    for (at, group) in groups.iter().enumerate() {
        let name = group.at.group.as_str();
        width += name.chars().count();
        // One that is left out saves no room for the words that say so.
        if at >= NAMES || (at > 0 && width > WIDTH) {
            return line.and(" and ").text(&(groups.len() - at).to_string()).and(" more");
        }
        line = if at == 0 { line } else { line.and(", ") }.code(name);
        if let Some(note) = note(group) {
            line = line.and(" (").text(&note.to_string()).and(")");
        }
    }
    line
}

/// The names of groups that have their turn, for where nothing is formatted.
pub(in crate::notify) fn plain_names(groups: &[&GroupStory]) -> String {
    let due: Vec<&GroupStory> = groups.iter().copied().filter(|group| group.concerned).collect();
    names(Line::default(), &due, |_| None::<String>).reading()
}

/// A line for each state that a group is in.
pub(super) fn by_state(groups: &[&GroupStory], zone: &TimeZone) -> Vec<Line> {
    let mut lines = Vec::new();
    for state in ORDER {
        let there: Vec<&GroupStory> = groups.iter().copied().filter(|group| group.state == state).collect();
        if there.is_empty() {
            continue;
        }
        let line = Line::default().text(&there.len().to_string()).and(" ").and(state.as_str());
        if state == State::Skipped {
            // There is nothing to know of them but that they need nothing.
            lines.push(line);
            continue;
        }
        let opens = |group: &GroupStory| group.opens.map(|opens| short_moment(opens, zone));
        let note = |group: &GroupStory| if state == State::NotDue { opens(group) } else { None };
        lines.push(names(line.and(": "), &there, note));
    }
    lines
}

/// A line for each of the first groups: its name, its state, and why.
pub(super) fn reasons(groups: &[&GroupStory]) -> Vec<Line> {
    let mut lines: Vec<Line> = groups.iter().take(LINES).map(|group| reason(group)).collect();
    if groups.len() > LINES {
        lines.push(Line::say("and ").text(&(groups.len() - LINES).to_string()).and(" more"));
    }
    lines
}

/// `• name rolled back: why`.
fn reason(group: &GroupStory) -> Line {
    let line = Line::say("• ").code(group.at.group.as_str()).and(" ").and(group.state.as_str());
    let why = first_line(&group.why);
    if why.is_empty() { line } else { line.and(": ").text(why) }
}

/// The first line that says something.
pub(super) fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// How many instances the group should have.
pub(super) fn instances(group: &GroupStory) -> Option<String> {
    (group.desired > 0).then(|| count(usize::try_from(group.desired).unwrap_or(usize::MAX), "instance"))
}
