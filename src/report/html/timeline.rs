//! The timeline: a bar per environment on one scale, and a bar per group on its environment's.
//!
//! Lists of names with a picture each: the pictures stretch with the page, the texts do not. Each
//! picture says in words what it shows, to whoever can't see it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, PreEscaped, html};

use super::super::record::GroupRecord;
use super::super::style::{count, duration};
use super::phases::{self, Bar, Phase};
use super::room::Room;
use super::scale::Scale;
use super::view::{Entry, View};
use super::words::{badge, line, moment, outcome, verdict_badge};
use crate::model::Verdict;

/// More rows than this are not drawn for an environment: they are told in words.
const ROWS: usize = 60;
/// The narrowest bar, in percent: shorter ones could not be seen.
const NARROWEST: f64 = 0.35;
/// The height of a row's picture, in pixels.
const HEIGHT: u32 = 20;

/// The section; empty where nothing was begun.
pub(super) fn section(view: &View<'_>, room: &Room) -> Markup {
    let bars_of = |entry: &Entry<'_>| phases::of_environment(entry.environment, entry.latest());
    // Where nothing was reached there may have been a look at what is due; that is nothing to draw.
    let drawn = |entry: &&Entry<'_>| {
        let reached = entry.environment.verdict != Some(Verdict::NotReached);
        entry.environment.started.is_some() && (reached || phases::busy(&bars_of(entry)).next().is_some())
    };
    let begun: Vec<&Entry<'_>> = view.entries.iter().filter(drawn).collect();
    let bars: Vec<Vec<Bar>> = begun.iter().map(|entry| bars_of(entry)).collect();
    if bars.iter().all(|bars| phases::busy(bars).next().is_none()) {
        return html! {};
    }
    let scale = Scale::new(bars.iter().flat_map(|bars| phases::busy(bars)).collect());
    let rest = view.last().filter(|entry| !entry.is_reached()).count();
    html! {
        section id="timeline" aria-labelledby="timeline-title" {
            h2 id="timeline-title" { "Timeline" }
            (legend())
            ol.timeline {
                (axis(&scale, &view.look.timezone, "all"))
                @for (entry, bars) in begun.iter().zip(&bars) {
                    li { (environment(view, entry, bars, &scale, room)) }
                }
            }
            @if rest > 0 { p.note { (count(rest, "environment")) " " @if rest == 1 { "was" } @else { "were" } " not reached." } }
        }
    }
}

/// An environment's row, with its groups folded into it.
fn environment(view: &View<'_>, entry: &Entry<'_>, bars: &[Bar], scale: &Scale, room: &Room) -> Markup {
    let zone = &view.look.timezone;
    let row = html! {
        span.name { b { (line(&entry.label)) } " " (verdict_badge(entry.environment)) }
        (picture(bars, scale, "all", zone, true))
        span.took { @if entry.environment.took_ms > 0 { (duration(entry.environment.took_ms)) } }
    };
    html! {
        @if let Some(groups) = groups(view, entry, room) {
            details open[entry.is_trouble() && entry.is_last] {
                summary.row { (row) }
                (groups)
            }
        } @else {
            div.row { (row) }
        }
    }
}

fn legend() -> Markup {
    html! {
        ul.legend aria-label="What the bars mean" {
            @for phase in Phase::ALL {
                li { (swatch(phase.as_str())) " " (phase.as_str()) }
            }
            li { (swatch("fold")) " time left out: nothing happened" }
        }
    }
}

/// A little square in a bar's colour.
pub(super) fn swatch(class: &str) -> Markup {
    html! { svg.swatch width="14" height="14" aria-hidden="true" { rect class=(class) width="14" height="14" {} } }
}

/// The groups of an environment on its own scale; `None` where none was begun.
fn groups(view: &View<'_>, entry: &Entry<'_>, room: &Room) -> Option<Markup> {
    let mut rows: Vec<(String, &GroupRecord, Vec<Bar>)> = entry
        .groups()
        .into_iter()
        .map(|(_, name, group)| (name, group, phases::of_group(group, entry.latest())))
        .filter(|(_, _, bars)| phases::busy(bars).next().is_some())
        .collect();
    if rows.is_empty() {
        return None;
    }
    let scale = Scale::new(rows.iter().flat_map(|(_, _, bars)| phases::busy(bars)).collect());
    let hidden = rows.split_off(rows.len().min(ROWS));
    let zone = &view.look.timezone;
    let drawn = rows.iter().map(|(name, group, bars)| row(entry, name, group, bars, &scale, zone));
    let (drawn, left_out) = room.take_all(drawn);
    Some(html! {
        ol.timeline.inner {
            (axis(&scale, zone, &entry.id))
            @for row in &drawn { (row) }
        }
        @if !hidden.is_empty() || left_out > 0 { p.note { (in_words(&hidden, left_out, zone)) } }
    })
}

fn row(
    entry: &Entry<'_>,
    name: &str,
    group: &GroupRecord,
    bars: &[Bar],
    scale: &Scale,
    zone: &TimeZone,
) -> Markup {
    let (tone, word, _) = outcome(entry.run, group);
    html! {
        li.row {
            span.name { (line(name)) " " (badge(tone, word)) }
            (picture(bars, scale, &entry.id, zone, false))
            span.took { @if group.took_ms > 0 { (duration(group.took_ms)) } }
        }
    }
}

/// What is not drawn, in words.
fn in_words(hidden: &[(String, &GroupRecord, Vec<Bar>)], left_out: usize, zone: &TimeZone) -> String {
    let spans = || hidden.iter().flat_map(|(_, _, bars)| phases::busy(bars));
    let from = spans().map(|(from, _)| from).min();
    let until = spans().map(|(_, until)| until).max();
    let when = match (from, until) {
        (Some(from), Some(until)) => format!(", from {} to {}", moment(from, zone), moment(until, zone)),
        _ => String::new(),
    };
    format!("{} more not drawn{when}: see the table below.", count(hidden.len() + left_out, "group"))
}

/// The times above the rows, and the lines that the rows take up from it.
fn axis(scale: &Scale, zone: &TimeZone, id: &str) -> Markup {
    let ticks = scale.ticks(zone);
    html! {
        li.row.axis aria-hidden="true" {
            span.name {}
            svg.bars width="100%" height=(HEIGHT) aria-hidden="true" {
                defs {
                    symbol id={ "grid-" (id) } width="100%" height="100%" {
                        @for (left, right, _) in scale.folds() {
                            rect.fold x=(percent(left)) width=(percent(right - left)) height="100%" {}
                        }
                        @for tick in &ticks {
                            line.grid x1=(percent(tick.x)) x2=(percent(tick.x)) y1="0" y2="100%" {}
                        }
                    }
                }
                @for (at, tick) in ticks.iter().enumerate() {
                    text class=[(at % 2 == 1).then_some("second")] x=(percent(tick.x)) y="14" { (tick.label) }
                }
            }
            span.took {}
        }
    }
}

/// The bars of one row.
fn picture(bars: &[Bar], scale: &Scale, grid: &str, zone: &TimeZone, lanes: bool) -> Markup {
    let told = told(bars, zone);
    html! {
        svg.bars width="100%" height=(HEIGHT) role="img" aria-label=(told) {
            title { (told) }
            use href={ "#grid-" (grid) } width="100%" height="100%" {}
            @for bar in bars { (rect(*bar, scale, lanes)) }
        }
    }
}

/// A bar. Checks run inside the bake, and so lie on its lower half; where the bars of many groups
/// come together, bakes lie below refreshes.
fn rect(bar: Bar, scale: &Scale, lanes: bool) -> Markup {
    let left = scale.x(bar.from);
    let width = (scale.x(bar.until) - left).max(NARROWEST);
    let (y, height) = match (bar.phase, lanes) {
        (Phase::Wait, _) => (9, 2),
        (Phase::Template | Phase::Refresh, true) => (3, 8),
        (Phase::Bake, true) => (11, 6),
        (Phase::Checks, _) => (12, 5),
        (Phase::Template | Phase::Refresh | Phase::Bake, false) | (Phase::Rollback, _) => (3, 14),
    };
    html! { rect class=(bar.phase.as_str()) x=(percent(left)) y=(y) width=(percent(width)) height=(height) {} }
}

/// `refresh 17m 00s from 19:00; bake …`.
fn told(bars: &[Bar], zone: &TimeZone) -> String {
    let of = |phase: Phase| {
        let spans: Vec<&Bar> = bars.iter().filter(|bar| bar.phase == phase).collect();
        let from = spans.iter().map(|bar| bar.from).min()?;
        let until = spans.iter().map(|bar| bar.until).max()?;
        Some(format!("{} {} from {}", phase.as_str(), lasting(from, until), moment(from, zone)))
    };
    let told: Vec<String> = Phase::ALL.into_iter().filter_map(of).collect();
    if told.is_empty() { "nothing was begun".to_owned() } else { told.join("; ") }
}

fn lasting(from: Timestamp, until: Timestamp) -> String {
    duration(u64::try_from(until.duration_since(from).as_millis()).unwrap_or(0))
}

/// `12.5%`.
pub(super) fn percent(x: f64) -> PreEscaped<String> {
    PreEscaped(format!("{}%", (x * 100.0).round() / 100.0))
}
