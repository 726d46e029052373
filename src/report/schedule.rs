//! The board of windows as people read it: a table of groups for each environment.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::gates::moment;
use super::style::{Style, add_line, indent};
use super::table::{Cell, Lean, Table};
use super::{clean, problems};
use crate::overview::{EnvironmentWindows, FreezeAhead, GroupWindow, State, Value};

/// What the board of windows shows.
#[derive(Debug, Clone)]
pub struct ScheduleText<'a> {
    /// The time that it answers for.
    pub at: Timestamp,
    /// The zone in which people are shown times.
    pub zone: &'a TimeZone,
    /// The environments.
    pub environments: &'a [EnvironmentWindows],
}

/// The board of windows, ended by a newline.
pub fn schedule(text: &ScheduleText<'_>, color: bool) -> String {
    let mut out = String::new();
    let zone = zone_name(text.zone);
    add_line(&mut out, &format!("windows as of {} ({zone})", moment(text.at, text.zone)));
    for windows in text.environments {
        add_line(&mut out, "");
        out += &environment(windows, text, color);
    }
    out
}

/// The zone's name, for a heading.
pub(super) fn zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}

fn environment(windows: &EnvironmentWindows, text: &ScheduleText<'_>, color: bool) -> String {
    let mut out = String::new();
    let heading = Style::Bold.paint(&clean::line(windows.environment.as_str()), color);
    let own = if windows.timezone == zone_name(text.zone) {
        String::new()
    } else {
        format!("; its days and times are those of {}", windows.timezone)
    };
    let counts = if windows.problems.is_empty() { counts(windows) } else { "not known".to_owned() };
    add_line(&mut out, &format!("{heading}: {counts}{own}"));
    for freeze in &windows.freezes {
        let style = if freeze.holds { Style::Bad } else { Style::Odd };
        add_line(&mut out, &style.paint(&format!("  {}", freeze_line(freeze, text.zone)), color));
    }
    if !windows.groups.is_empty() {
        out += &indent(&table(windows, text.zone).render(color), 2);
    }
    let of_groups = windows.groups.iter().flat_map(|group| &group.problems);
    for problem in windows.problems.iter().chain(of_groups) {
        out += &problems::block(problem, color);
    }
    out
}

/// `frozen until Mon 04 Jan 08:00: year-end`, or when that comes.
pub(super) fn freeze_line(freeze: &FreezeAhead, zone: &TimeZone) -> String {
    let (from, to) = (moment(freeze.span.from, zone), moment(freeze.span.to, zone));
    let reason = clean::line(&freeze.reason);
    if freeze.holds {
        format!("frozen until {to}: {reason}")
    } else {
        format!("freeze from {from} to {to}: {reason}")
    }
}

fn counts(windows: &EnvironmentWindows) -> String {
    if windows.groups.is_empty() {
        return "no groups".to_owned();
    }
    let states: BTreeSet<State> = windows.groups.iter().map(|group| group.state).collect();
    let counts = states.into_iter().map(|state| {
        let count = windows.groups.iter().filter(|group| group.state == state).count();
        format!("{count} {}", word(state))
    });
    counts.collect::<Vec<_>>().join(", ")
}

fn word(state: State) -> &'static str {
    match state {
        State::Due => "due",
        State::NotDue => "not due",
        State::Done => "done",
        State::OtherFamily => "of another family",
        State::OptedOut => "opted out",
        State::Unreadable => "unreadable",
    }
}

fn style(state: State) -> Style {
    match state {
        State::Due => Style::Good,
        State::NotDue => Style::Plain,
        State::Done | State::OtherFamily => Style::Dim,
        State::OptedOut => Style::Odd,
        State::Unreadable => Style::Bad,
    }
}

fn table(windows: &EnvironmentWindows, zone: &TimeZone) -> Table {
    let regions: BTreeSet<_> = windows.groups.iter().map(|group| &group.region).collect();
    let unused = windows.groups.iter().any(|group| !unused(group).is_empty());
    let why = windows.groups.iter().any(|group| !group.why.is_empty());
    let columns = [
        ("group", true),
        ("region", regions.len() > 1),
        ("day", true),
        ("time", true),
        ("window", true),
        ("state", true),
        ("other tags", unused),
        ("why", why),
    ];
    let shown: Vec<(&str, Lean)> =
        columns.iter().filter(|(_, shown)| *shown).map(|(name, _)| (*name, Lean::Left)).collect();
    let mut table = Table::new(&shown);
    for group in &windows.groups {
        let cells = row(group, zone).into_iter().zip(&columns);
        table.row(cells.filter(|(_, (_, shown))| *shown).map(|(cell, _)| cell).collect());
    }
    table
}

fn row(group: &GroupWindow, zone: &TimeZone) -> [Cell; 8] {
    let style = style(group.state);
    let value = |value: Option<&Value>| value.map_or_else(|| "-".to_owned(), sourced);
    [
        Cell::styled(clean::line(group.group.as_str()), style),
        Cell::new(group.region.as_str()),
        Cell::new(value(group.day.as_ref())),
        Cell::new(value(group.time.as_ref())),
        Cell::new(span(group.opens, group.closes, zone)),
        Cell::styled(word(group.state), style),
        Cell::styled(unused(group), Style::Dim),
        Cell::styled(clean::line(&group.why), Style::Dim),
    ]
}

/// `15:00 (AMI_update_time)`.
fn sourced(value: &Value) -> String {
    let from = value.key.as_deref().unwrap_or(value.source);
    clean::line(&format!("{} ({from})", value.value))
}

/// `Mon 23 Nov 15:00 - 17:00`.
pub fn span(opens: Option<Timestamp>, closes: Option<Timestamp>, zone: &TimeZone) -> String {
    let Some(opens) = opens else { return "-".to_owned() };
    let from = opens.to_zoned(zone.clone());
    let Some(closes) = closes else { return format!("{} on", moment(opens, zone)) };
    let to = closes.to_zoned(zone.clone());
    let to = if from.date() == to.date() && from.offset() == to.offset() {
        to.strftime("%H:%M").to_string()
    } else {
        moment(closes, zone)
    };
    format!("{} - {to}", moment(opens, zone))
}

/// The tags that were found and did not win.
fn unused(group: &GroupWindow) -> String {
    let won = [&group.day, &group.time].map(|value| value.as_ref().and_then(|value| value.key.as_deref()));
    let lost = group.tags.iter().filter(|(key, _)| !won.contains(&Some(key.trim())));
    clean::line(&lost.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests;
