//! Gates and quarantine as people read them: an image's way through the environments, and
//! the images that go nowhere. Lays out what it is given, and judges nothing.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::clean;
use super::style::{Style, add_line, duration};
use super::table::{Cell, Lean, Table};
use crate::gate::{Quarantine, Record, Records, Standing, State};
use crate::model::{Candidate, EnvironmentName, Image};

/// What the gates say of a candidate.
#[derive(Debug, Clone)]
pub struct GatesText<'a> {
    /// The candidate.
    pub candidate: &'a Candidate,
    /// What its images' tags say.
    pub records: &'a Records,
    /// Its environments, in the configuration's order.
    pub rows: Vec<GateRow<'a>>,
    /// The zone in which people are shown times.
    pub zone: &'a TimeZone,
    /// The time.
    pub now: Timestamp,
}

/// One environment's row.
#[derive(Debug, Clone)]
pub struct GateRow<'a> {
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// Which gates it requires.
    pub requires: &'a [EnvironmentName],
    /// What holds it up.
    pub standing: Standing,
}

/// An image and its quarantine.
#[derive(Debug, Clone)]
pub struct Held {
    /// The image.
    pub image: Image,
    /// Its quarantine, which may have been lifted.
    pub quarantine: Quarantine,
}

/// `Mon 23 Nov 15:41`, by the clock on the wall there.
pub fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %d %b %H:%M").to_string()
}

/// Text of any origin as one harmless line.
pub fn one_line(text: &str) -> String {
    clean::line(text)
}

/// An image's way through the environments, ended by a newline.
pub fn gates(text: &GatesText<'_>, color: bool) -> String {
    let mut out = String::new();
    for image in &text.candidate.images {
        let id = Style::Bold.paint(image.id.as_str(), color);
        let name = clean::line(&image.name);
        add_line(&mut out, &format!("image {id}  {name}  {}  {}", image.region, image.architecture));
    }
    for (image, quarantine) in &text.records.quarantined {
        let words = clean::line(&format!("in quarantine{}", words(quarantine, text.zone)));
        add_line(&mut out, &format!("{}: {image}", Style::Bad.paint(&words, color)));
    }
    let when = format!("when ({})", text.zone.iana_name().unwrap_or("local"));
    let mut table = Table::new(&[
        ("environment", Lean::Left),
        ("gate", Lean::Left),
        (&when, Lean::Left),
        ("age", Lean::Right),
        ("requires", Lean::Left),
        ("now", Lean::Left),
        ("detail", Lean::Left),
    ]);
    for row in &text.rows {
        table.row(cells(row, text));
    }
    add_line(&mut out, "");
    out + &table.render(color)
}

fn cells(row: &GateRow<'_>, text: &GatesText<'_>) -> Vec<Cell> {
    let record = text.records.get(row.environment);
    let (gate, style) = match record.map(|record| record.state) {
        Some(state @ State::Passed) => (state.to_string(), Style::Good),
        Some(state @ State::Partial) => (state.to_string(), Style::Odd),
        Some(state @ (State::Failed | State::Revoked)) => (state.to_string(), Style::Bad),
        None => ("-".to_owned(), Style::Dim),
    };
    let age = |record: &Record| {
        let ms = text.now.as_millisecond().saturating_sub(record.at.as_millisecond());
        duration(u64::try_from(ms).unwrap_or(0))
    };
    let (now, now_style) = holds_up(&row.standing, record, text.zone);
    let requires: Vec<&str> = row.requires.iter().map(EnvironmentName::as_str).collect();
    vec![
        Cell::new(clean::line(row.environment.as_str())),
        Cell::styled(gate, style),
        Cell::new(record.map_or_else(String::new, |record| moment(record.at, text.zone))),
        Cell::new(record.map_or_else(String::new, age)),
        Cell::styled(requires.join(", "), Style::Dim),
        Cell::styled(now, now_style),
        Cell::styled(record.map_or_else(String::new, |record| clean::line(&record.detail)), Style::Dim),
    ]
}

/// What holds an environment up; nothing does where it passed and could again.
fn holds_up(standing: &Standing, record: Option<&Record>, zone: &TimeZone) -> (String, Style) {
    if standing.quarantined {
        return ("in quarantine".to_owned(), Style::Bad);
    }
    if !standing.missing.is_empty() {
        let missing: Vec<&str> = standing.missing.iter().map(EnvironmentName::as_str).collect();
        return (format!("needs {}", missing.join(", ")), Style::Odd);
    }
    if let Some(until) = standing.soaks_until {
        return (format!("soaks until {}", moment(until, zone)), Style::Odd);
    }
    match record.map(|record| record.state) {
        Some(State::Passed) => (String::new(), Style::Plain),
        Some(State::Partial | State::Failed | State::Revoked) | None => ("may start".to_owned(), Style::Good),
    }
}

/// The images that are or were in quarantine, a row each; `states` adds which of the two.
pub fn quarantine(held: &[Held], states: bool, zone: &TimeZone, color: bool) -> String {
    let since = format!("since ({})", zone.iana_name().unwrap_or("local"));
    let mut columns = vec![("image", Lean::Left), ("name", Lean::Left), ("region", Lean::Left)];
    if states {
        columns.push(("state", Lean::Left));
    }
    columns.extend([(since.as_str(), Lean::Left), ("by", Lean::Left), ("reason", Lean::Left)]);
    let mut table = Table::new(&columns);
    for Held { image, quarantine } in held {
        let mut row = vec![
            Cell::new(clean::line(image.id.as_str())),
            Cell::new(clean::line(&image.name)),
            Cell::new(image.region.as_str()),
        ];
        if states {
            row.push(if quarantine.holds {
                Cell::styled("in quarantine", Style::Bad)
            } else {
                Cell::styled("lifted", Style::Dim)
            });
        }
        let who = if quarantine.who().is_empty() { "-" } else { quarantine.who() };
        row.extend([
            Cell::new(quarantine.at.map_or_else(|| "-".to_owned(), |at| moment(at, zone))),
            Cell::new(clean::line(who)),
            Cell::new(clean::line(quarantine.why())),
        ]);
        table.row(row);
    }
    table.render(color)
}

/// ` since Mon 23 Nov 15:41, by jane, for: it panics`, as far as it is known.
fn words(quarantine: &Quarantine, zone: &TimeZone) -> String {
    let since = quarantine.at.map_or_else(String::new, |at| format!(" since {}", moment(at, zone)));
    let by = if quarantine.who().is_empty() { String::new() } else { format!(" by {}", quarantine.who()) };
    format!("{since}{by} ({})", quarantine.why())
}

#[cfg(test)]
mod tests;
