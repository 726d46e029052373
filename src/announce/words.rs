//! What teams read: the window, its groups, the image, and how to choose another time.

use jiff::Timestamp;

use super::{Asked, Notice, Planned};
use crate::config::Environment;
use crate::model::Days;
use crate::notify::{Color, Line, Message};
use crate::report::{count, moment, span};

/// The most groups that are named in a line, and in a message.
const NAMES: (usize, usize) = (10, 100);

/// The message of a notice.
pub(super) fn message(asked: &Asked<'_>, environment: &Environment, notice: &Notice) -> Message {
    let title = title(asked, environment, notice);
    let (color, lines) = match notice {
        Notice::Announced(window) => (Color::Progress, lines(asked, environment, window)),
        Notice::Changed(window) => (Color::Warning, lines(asked, environment, window)),
        Notice::Moved { to, .. } => {
            let open = span(Some(to.opens), to.closes, &asked.fleet.timezone);
            let open = Line::say("Open ").text(&open);
            (Color::Warning, std::iter::once(open).chain(lines(asked, environment, to)).collect())
        }
        Notice::Cancelled { .. } => {
            (Color::Warning, vec![Line::say("Nothing of yours is refreshed there then.")])
        }
    };
    let above = asked.simulation.map(|simulation| {
        Line::say("SIMULATION (").text(&simulation.scenario).and("): nothing of this is real")
    });
    Message { above, title, color, lines }
}

/// `announcement of qa`, for whoever hears that it was not delivered.
pub(super) fn what(environment: &Environment, notice: &Notice) -> String {
    let kind = match notice {
        Notice::Announced(_) => "announcement",
        Notice::Changed(_) | Notice::Moved { .. } => "correction",
        Notice::Cancelled { .. } => "cancellation",
    };
    format!("{kind} of {}", environment.name)
}

fn title(asked: &Asked<'_>, environment: &Environment, notice: &Notice) -> Line {
    let zone = asked.fleet.timezone.iana_name().unwrap_or("UTC");
    let name = environment.name.as_str();
    let whole = |window: &Planned| span(Some(window.opens), window.closes, &asked.fleet.timezone);
    let at = |at: Timestamp| moment(at, &asked.fleet.timezone);
    let title = match notice {
        Notice::Announced(window) => {
            Line::say("Refresh of ").bold(name).and(" planned for ").bold(&whole(window))
        }
        Notice::Changed(window) => Line::say("Correction: the refresh of ")
            .bold(name)
            .and(" on ")
            .bold(&whole(window))
            .and(" takes other groups"),
        Notice::Moved { moved_from, to } => Line::say("Correction: the refresh of ")
            .bold(name)
            .and(" moved from ")
            .bold(&at(*moved_from))
            .and(" to ")
            .bold(&at(to.opens)),
        Notice::Cancelled { opens } => {
            Line::say("Cancelled: the refresh of ").bold(name).and(" on ").bold(&at(*opens))
        }
    };
    title.and(" (").text(zone).and(")")
}

fn lines(asked: &Asked<'_>, environment: &Environment, window: &Planned) -> Vec<Line> {
    let number = window.groups.len();
    let mut lines = vec![Line::default().text(&count(number, "group")).and(":")];
    let names: Vec<&str> = window.groups.iter().map(|place| place.group.as_str()).collect();
    for names in names[..number.min(NAMES.1)].chunks(NAMES.0) {
        let line = Line::default();
        let add = |line: Line, (place, name): (usize, &&str)| {
            if place == 0 { line.code(name) } else { line.and(", ").code(name) }
        };
        lines.push(names.iter().enumerate().fold(line, add));
    }
    if number > NAMES.1 {
        lines.push(Line::say("and ").text(&(number - NAMES.1).to_string()).and(" more"));
    }
    let images = asked.candidate.into_iter().flat_map(|candidate| &candidate.images);
    for image in images.filter(|image| environment.regions.contains(&image.region)) {
        lines.push(Line::say("Image ").text(&image.name).and(" ").code(image.id.as_str()));
    }
    lines.extend(another_time(asked, environment, window));
    lines
}

/// Which tags a team sets for another time, with this window's own values: others may not do.
fn another_time(asked: &Asked<'_>, environment: &Environment, window: &Planned) -> Option<Line> {
    let tags = &asked.fleet.window_tags;
    let (day, time) = (tags.team_day.first()?, tags.team_time.first()?);
    let opens = window.opens.to_zoned(environment.schedule.zone.clone());
    let named = Days::from(opens.weekday());
    Some(
        Line::say("Choose another time by tags on a group; this one is ")
            .code(&format!("{day}={named}"))
            .and(" ")
            .code(&format!("{time}={}", opens.strftime("%H:%M")))
            .and("."),
    )
}
