//! The board of environments as people read it: a table that fits a page, and what it can't say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::gates::moment;
use super::schedule::{freeze_line, zone_name};
use super::style::{Style, add_line};
use super::table::{Cell, Lean, Table};
use super::{clean, problems};
use crate::gate::State;
use crate::model::ImageId;
use crate::overview::{EnvironmentStatus, RunImage};

/// The most characters of an image's name in the table: its end, where the date is.
const NAME: usize = 24;
/// The most groups that are named in a line.
const NAMED: usize = 5;

/// What the board of environments shows.
#[derive(Debug, Clone)]
pub struct StatusText<'a> {
    /// The time.
    pub at: Timestamp,
    /// The zone in which people are shown times.
    pub zone: &'a TimeZone,
    /// The family of the images.
    pub family: &'a str,
    /// The environments, in the configuration's order.
    pub environments: &'a [EnvironmentStatus],
}

/// The board of environments, ended by a newline.
pub fn status(text: &StatusText<'_>, color: bool) -> String {
    let mut out = String::new();
    let (at, zone) = (moment(text.at, text.zone), zone_name(text.zone));
    add_line(&mut out, &format!("family {} at {at} ({zone})", clean::line(text.family)));
    add_line(&mut out, "");
    let mut table = Table::new(&[
        ("environment", Lean::Left),
        ("image", Lean::Left),
        ("groups", Lean::Right),
        ("age", Lean::Right),
        ("gate", Lean::Left),
        ("last rollout", Lean::Left),
        ("next window", Lean::Left),
    ]);
    for environment in text.environments {
        table.row(row(environment, text.zone));
    }
    out += &table.render(color);
    let ids = ids(text.environments);
    if !ids.is_empty() {
        add_line(&mut out, "");
        for line in &ids {
            add_line(&mut out, line);
        }
    }
    let notes: Vec<(String, Style)> = text.environments.iter().flat_map(notes).collect();
    let notes: Vec<(String, Style)> = notes.into_iter().chain(freezes(text)).collect();
    if !notes.is_empty() {
        add_line(&mut out, "");
        for (note, style) in &notes {
            add_line(&mut out, &style.paint(note, color));
        }
    }
    for problem in text.environments.iter().flat_map(|environment| &environment.problems) {
        out += &problems::block(problem, color);
    }
    out
}

fn row(environment: &EnvironmentStatus, zone: &TimeZone) -> Vec<Cell> {
    let name = Cell::new(clean::line(environment.environment.as_str()));
    if !environment.problems.is_empty() {
        return vec![name, Cell::styled("not known", Style::Bad)];
    }
    let (image, age, gate) = image_cells(environment.image.as_ref());
    let groups = format!("{}/{}", environment.on_it, environment.groups);
    let style = if environment.on_it == environment.groups { Style::Plain } else { Style::Odd };
    let last = environment.last_rollout.as_ref().map(|last| {
        let at = last.record.at.to_zoned(zone.clone()).strftime("%d %b %H:%M");
        Cell::styled(format!("{} {at}", last.record.state), of_state(last.record.state))
    });
    let next = match (environment.opens, environment.closes, environment.is_open) {
        (None, _, _) => "-".to_owned(),
        (Some(opens), _, false) => moment(opens, zone),
        (Some(_), Some(closes), true) => {
            format!("until {}", closes.to_zoned(zone.clone()).strftime("%a %H:%M"))
        }
        (Some(_), None, true) => "open".to_owned(),
    };
    let next = Cell::styled(next, if environment.is_open { Style::Good } else { Style::Plain });
    let last = last.unwrap_or_else(|| Cell::styled("-", Style::Dim));
    vec![name, image, Cell::styled(groups, style), age, gate, last, next]
}

fn image_cells(image: Option<&RunImage>) -> (Cell, Cell, Cell) {
    let Some(image) = image else {
        let dash = || Cell::styled("-", Style::Dim);
        return (dash(), dash(), dash());
    };
    let age = image.age_days.map_or_else(|| "?".to_owned(), |days| format!("{days}d"));
    let (age, old) = if image.too_old { (format!("{age} !"), Style::Bad) } else { (age, Style::Plain) };
    let style = if image.quarantine.is_some() { Style::Bad } else { Style::Plain };
    let gate = image.gate.as_ref().map_or_else(
        || Cell::styled("-", Style::Dim),
        |record| Cell::styled(record.state.to_string(), of_state(record.state)),
    );
    (Cell::styled(called(image), style), Cell::styled(age, old), gate)
}

fn of_state(state: State) -> Style {
    match state {
        State::Passed => Style::Good,
        State::Partial => Style::Odd,
        State::Revoked | State::Failed => Style::Bad,
    }
}

/// The image's name, or its id where it has none; cut at its beginning.
fn called(image: &RunImage) -> String {
    let id = || image.ids.iter().next().map(ToString::to_string).unwrap_or_default();
    let name = if image.name.is_empty() { id() } else { clean::line(&image.name) };
    let length = name.chars().count();
    if length <= NAME {
        name
    } else {
        std::iter::once('…').chain(name.chars().skip(length - NAME + 1)).collect()
    }
}

/// A line for each image that an environment runs: its name and ids.
fn ids(environments: &[EnvironmentStatus]) -> Vec<String> {
    let mut known: BTreeMap<String, BTreeSet<&ImageId>> = BTreeMap::new();
    for image in environments.iter().filter_map(|environment| environment.image.as_ref()) {
        let name = if image.name.is_empty() { "gone".to_owned() } else { clean::line(&image.name) };
        known.entry(name).or_default().extend(&image.ids);
    }
    let ids = |ids: BTreeSet<&ImageId>| ids.into_iter().map(ImageId::as_str).collect::<Vec<_>>().join(", ");
    known.into_iter().map(|(name, all)| format!("{name} is {}", ids(all))).collect()
}

/// What a row can't say.
fn notes(environment: &EnvironmentStatus) -> Vec<(String, Style)> {
    let name = clean::line(environment.environment.as_str());
    let mut notes = Vec::new();
    if let Some(image) = &environment.image {
        if image.too_old {
            notes.push((format!("{name}: its image is older than its max_age"), Style::Bad));
        }
        if let Some(quarantine) = &image.quarantine {
            let why = clean::line(&quarantine.detail);
            notes.push((format!("{name}: {} is in quarantine: {why}", called(image)), Style::Bad));
        }
    }
    let mut under_way: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for group in &environment.under_way {
        let to =
            group.to.as_ref().map_or_else(|| "an image that can't be read".to_owned(), ToString::to_string);
        under_way.entry(to).or_default().push(clean::line(group.group.as_str()));
    }
    for (to, groups) in under_way {
        notes.push((format!("{name}: a rollout to {to} is under way: {}", named(groups)), Style::Odd));
    }
    let mut others: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for other in &environment.others {
        let called = |(id, name): (&ImageId, &String)| {
            if name.is_empty() { id.to_string() } else { format!("{} ({id})", clean::line(name)) }
        };
        let images: Vec<String> = other.images.iter().map(called).collect();
        let images =
            if images.is_empty() { "images that are not known".to_owned() } else { images.join(" and ") };
        others.entry(images).or_default().push(clean::line(other.group.as_str()));
    }
    for (images, groups) in others {
        notes.push((format!("{name}: on {images}: {}", named(groups)), Style::Odd));
    }
    if environment.other_families > 0 {
        let count = super::style::count(environment.other_families, "group");
        notes.push((format!("{name}: {count} of other families"), Style::Dim));
    }
    notes
}

/// The first of the names, and how many more there are.
fn named(names: Vec<String>) -> String {
    let more = names.len().saturating_sub(NAMED);
    let shown = names.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// Freezes, each with the environments that it holds for.
fn freezes(text: &StatusText<'_>) -> Vec<(String, Style)> {
    let mut known = BTreeMap::new();
    for environment in text.environments {
        for freeze in &environment.freezes {
            let names: &mut Vec<String> = known.entry(freeze.clone()).or_default();
            names.push(clean::line(environment.environment.as_str()));
        }
    }
    let line = |(freeze, names): (crate::overview::FreezeAhead, Vec<String>)| {
        let style = if freeze.holds { Style::Bad } else { Style::Odd };
        (format!("{}: {}", names.join(", "), freeze_line(&freeze, text.zone)), style)
    };
    known.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests;
