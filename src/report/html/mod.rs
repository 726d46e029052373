//! The page for people: `report.html` with its stylesheet, from one run or several.
//!
//! [`write()`] gives the files: pure. The page needs no script and no inline style, since Jenkins
//! serves it under `sandbox; default-src 'none'; img-src 'self'; style-src 'self'`. Its pictures
//! are SVG in the page, coloured by the stylesheet, so that they follow light and dark. Every text
//! is cleaned, escaped and bounded, and the page as a whole is ([`room`]).

use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, html};

use super::cases;
use super::clean;
use super::collect::Run;

mod capacity;
mod checks;
mod failures;
mod groups;
mod images;
mod more;
mod phases;
mod room;
mod scale;
mod sentence;
mod story;
#[cfg(test)]
mod tests;
mod timeline;
mod verdict;
mod view;
mod words;

use room::Room;
use view::View;

/// The stylesheet's file in the report directory.
pub(super) const STYLESHEET: &str = "report.css";
const STYLES: &str = include_str!("report.css");

/// How a page is made.
#[derive(Debug)]
pub(super) struct Look {
    /// The zone in which people are shown times.
    pub(super) timezone: TimeZone,
    /// Whether this is a rehearsal: the page is marked so.
    pub(super) simulated: bool,
    /// Whether some of the runs were rehearsals and others were not.
    pub(super) is_mixed: bool,
    /// Of a set of runs the files of test cases beside the page.
    pub(super) of_set: Option<Vec<String>>,
    /// The journal that it is made from; `None` of a set, whose journals stay where their runs wrote them.
    pub(super) journal: Option<JournalAt>,
    /// Whether long answers are beside the page, as files.
    pub(super) has_attachments: bool,
}

/// Where a journal is, seen from the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JournalAt {
    /// Beside it, under this name, which can be a link as it is.
    Beside(String),
    /// Somewhere else, as it was named.
    Elsewhere(String),
}

/// The page's file: `report.html`; with the step where the run is one step of a rollout, so that
/// the steps of a pipeline leave a page each.
pub(super) fn file_name(command: &str) -> String {
    match cases::single_step(command) {
        Some(step) => format!("report.{}.html", clean::file_name(step)),
        None => "report.html".to_owned(),
    }
}

/// The files, each with its name: the page called `name`, and the stylesheet it needs beside it.
///
/// Several runs become one page. They are given in the order in which they began: of an
/// environment that is in several, the last that reached it counts.
pub(super) fn write(name: &str, runs: &[&Run], look: &Look) -> Vec<(String, Vec<u8>)> {
    let view = View::new(runs, look);
    let page = page(&view).into_string().into_bytes();
    vec![(STYLESHEET.to_owned(), STYLES.as_bytes().to_vec()), (name.to_owned(), page)]
}

fn page(view: &View<'_>) -> Markup {
    let room = Room::new(room::PAGE);
    // In the order of what matters, should there be too little room.
    let failures = failures::section(view, &room);
    let images = images::section(view, &room);
    let timeline = timeline::section(view, &room);
    let groups = groups::section(view, &room);
    let more = more::section(view, &room);
    let sections = [
        ("failures", "What went wrong", failures),
        ("timeline", "Timeline", timeline),
        ("groups", "Environments and groups", groups),
        ("images", "Images", images),
        ("more", "Everything else", more),
    ];
    let there: Vec<_> = sections.iter().filter(|(_, _, markup)| !markup.0.is_empty()).collect();
    let ways: Vec<(&str, &str)> = there.iter().map(|(id, title, _)| (*id, *title)).collect();
    let (tone, sentence) = sentence::sentence(view);
    let title =
        if view.is_rehearsal() && !view.look.is_mixed { format!("Rehearsal: {sentence}") } else { sentence };
    html! {
        (DOCTYPE)
        html lang="en" class=(tone.class()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – ami-refresh" }
                link rel="stylesheet" href=(STYLESHEET);
            }
            body {
                a.skip href="#main" { "Skip to the verdict" }
                (patterns())
                (top(view, &ways))
                main id="main" {
                    (verdict::section(view))
                    @for (_, _, section) in &there { (section) }
                }
                (bottom(view))
            }
        }
    }
}

/// The banner: the mark of a rehearsal, whose page this is, and the way to its sections.
fn top(view: &View<'_>, ways: &[(&str, &str)]) -> Markup {
    let command = view.runs.last().map_or("", |run| run.command.as_str());
    html! {
        header {
            @if view.is_rehearsal() {
                p.rehearsal {
                    @if view.look.is_mixed { strong { "Some of these runs were rehearsals" } } @else { strong { "Rehearsal" } }
                    " on the simulator"
                    @for run in view.runs {
                        @if let Some(simulation) = &run.simulation {
                            ", scenario " b { (words::line(&simulation.scenario)) } ", seed " (simulation.seed)
                        }
                    }
                    @if view.look.is_mixed { "." } @else { ". Nothing here happened on AWS." }
                }
            }
            div.line {
                p.product { "ami-refresh " b { (words::line(command)) } }
                nav aria-label="Sections" {
                    ul {
                        @for (id, title) in ways {
                            li { a href={ "#" (id) } { (title) } }
                        }
                    }
                }
            }
        }
    }
}

fn bottom(view: &View<'_>) -> Markup {
    let zone = view.look.timezone.iana_name().unwrap_or("UTC");
    let version = view.runs.last().map_or("", |run| run.version.as_str());
    html! {
        footer {
            p { "Times are in " (zone) ". Made by ami-refresh " (words::line(version)) "; machines read summary.json and the JUnit files." }
        }
    }
}

/// What bars are filled with that must be told apart without colour.
fn patterns() -> Markup {
    html! {
        svg.defs width="0" height="0" aria-hidden="true" {
            defs {
                pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect.hatch-ground width="6" height="6" {}
                    rect.hatch-line width="2" height="6" {}
                }
            }
        }
    }
}
