//! What a group ran while it was refreshed: a small chart, its meaning in words, and its numbers.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::super::collect::Run;
use super::super::record::{CapacityRecord, GroupRecord};
use super::timeline::swatch;
use super::view::{Entry, View};
use super::words::{clock, line};
use crate::model::ImageId;

/// The chart's own units.
const WIDTH: i64 = 1000;
const HEIGHT: i64 = 100;
/// Which part of the width what a group ended with has at least: one in so many.
const END: i64 = 25;
/// How many moments are drawn, and how many are written into the table.
const DRAWN: usize = 80;
const LISTED: usize = 30;
/// How many rows the tables of a whole page have together, where there are many groups.
const ROWS: usize = 2400;
/// However many groups there are, a table has as many.
const FEWEST: usize = 4;

/// Instances at a moment, by what they were launched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Point {
    at: Timestamp,
    desired: u32,
    in_service: u32,
    new: u32,
    old: u32,
}

/// What the lines and areas of all charts mean.
pub(super) fn legend() -> Markup {
    html! {
        ul.legend aria-label="What the charts mean" {
            li { (swatch("new-image")) " launched from the new image" }
            li { (swatch("old-image")) " from an older one" }
            li { (swatch("in-service")) " in service" }
            li { (swatch("desired")) " desired" }
        }
    }
}

/// The chart of a group; empty where nothing was seen. `id` is its own on the page.
pub(super) fn figure(
    view: &View<'_>,
    entry: &Entry<'_>,
    name: &str,
    group: &GroupRecord,
    id: &str,
) -> Markup {
    let zone = &view.look.timezone;
    let points = points(entry.run, group);
    // A single look shows no course of anything.
    let [first, .., last] = points.as_slice() else { return html! {} };
    let end = group.ended.unwrap_or(last.at).max(last.at);
    let title = format!("capacity-{}-{id}", entry.id);
    let told = told(&points, zone);
    html! {
        figure.capacity {
            figcaption id=(title) { b { (line(name)) } " " span.note { (told) } }
            div.plot {
                span.top aria-hidden="true" { (top(&points)) }
                (chart(&points, end, &title, &told))
                span.bottom aria-hidden="true" { "0" }
                span.from aria-hidden="true" { (clock(first.at, zone)) }
                span.until aria-hidden="true" { (clock(end, zone)) }
            }
            details { summary { "In numbers" } (table(&points, (ROWS / view.groups().max(1)).clamp(FEWEST, LISTED), zone)) }
        }
    }
}

/// Instances counted by new and old, thinned out evenly where there are very many moments.
fn points(run: &Run, group: &GroupRecord) -> Vec<Point> {
    // On the way back the new image is the one that it had.
    let is_back = run.command == "rollback";
    let planned = group.planned.as_ref();
    let wanted =
        planned.and_then(|planned| if is_back { planned.image.as_ref() } else { planned.new_image.as_ref() });
    let is_new =
        |image: &ImageId| wanted == Some(image) || run.images.iter().any(|candidate| candidate.id == *image);
    let point = |seen: &CapacityRecord| {
        let count =
            |new: bool| seen.images.iter().filter(|(image, _)| is_new(image) == new).map(|(_, n)| n).sum();
        Point {
            at: seen.at,
            desired: seen.desired,
            in_service: seen.in_service,
            new: count(true),
            old: count(false),
        }
    };
    let all: Vec<Point> = group.capacity.iter().map(point).collect();
    thinned(&all, DRAWN)
}

/// At most `most` of them, the first and the last included.
fn thinned(points: &[Point], most: usize) -> Vec<Point> {
    if points.len() <= most {
        return points.to_vec();
    }
    (0..most).map(|at| points[at * (points.len() - 1) / (most - 1)]).collect()
}

/// The chart's greatest value.
fn top(points: &[Point]) -> u32 {
    points
        .iter()
        .map(|point| point.desired.max(point.in_service).max(point.new + point.old))
        .max()
        .unwrap_or(0)
        .max(1)
}

fn chart(points: &[Point], end: Timestamp, title: &str, told: &str) -> Markup {
    let path = |value: fn(&Point) -> u32, close: bool| steps(points, end, value, close);
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" width="100%" height="72"
            role="img" aria-labelledby={ (title) } {
            desc { (told) }
            // The areas lie behind one another: what the new image does not cover is old.
            path.old-image d=(path(|point| point.new + point.old, true)) {}
            path.new-image d=(path(|point| point.new, true)) {}
            path.desired d=(path(|point| point.desired, false)) {}
            path.in-service d=(path(|point| point.in_service, false)) {}
        }
    }
}

/// A line that holds each value until the next one, down to the ground at its ends if closed.
fn steps(points: &[Point], end: Timestamp, value: fn(&Point) -> u32, close: bool) -> String {
    let (Some(first), top) = (points.first(), i64::from(top(points))) else { return String::new() };
    // What it ended with may have been seen at the very end only, as after a rollback: it has room all the same.
    let span = end.duration_since(first.at).as_millis().max(1);
    let latest = points.last().map_or(first.at, |point| point.at);
    let room = if end.duration_since(latest).as_millis() * i128::from(END) < span {
        WIDTH - WIDTH / END
    } else {
        WIDTH
    };
    let x = |at: Timestamp| at.duration_since(first.at).as_millis() * i128::from(room) / span;
    let y = |point: &Point| HEIGHT - i64::from(value(point)) * (HEIGHT - 4) / top;
    let mut path = if close { format!("M0 {HEIGHT}V{}", y(first)) } else { format!("M0 {}", y(first)) };
    let mut height = y(first);
    for point in &points[1..] {
        if y(point) != height {
            height = y(point);
            let _never_fails = write!(path, "H{}V{height}", x(point.at));
        }
    }
    let _never_fails = write!(path, "H{WIDTH}");
    if close {
        let _never_fails = write!(path, "V{HEIGHT}Z");
    }
    path
}

/// `desired 4, in service 3 to 5; all 4 on the new image at 19:12:03`.
fn told(points: &[Point], zone: &TimeZone) -> String {
    let range = |value: fn(&Point) -> u32| {
        let least = points.iter().map(value).min().unwrap_or(0);
        let most = points.iter().map(value).max().unwrap_or(0);
        if least == most { least.to_string() } else { format!("{least} to {most}") }
    };
    let worst = points.iter().map(|point| point.desired.saturating_sub(point.in_service)).max().unwrap_or(0);
    let too_few = if worst > 0 { format!(", at worst {worst} too few") } else { String::new() };
    let end = match points.last() {
        None => String::new(),
        Some(last) if last.old == 0 && last.new > 0 && last.new >= last.in_service => {
            let whole = points.iter().rev().take_while(|point| point.old == 0).last().unwrap_or(last);
            format!("; only the new image from {} on", clock(whole.at, zone))
        }
        Some(last) if last.new == 0 && last.old > 0 => format!("; at the end {} on the old image", last.old),
        Some(last) => format!("; at the end {} on the new image, {} on the old", last.new, last.old),
    };
    let unknown = points.last().map_or(0, |last| last.in_service.saturating_sub(last.new + last.old));
    let unknown = match unknown {
        0 => String::new(),
        some => format!("; the images of {some} are not known"),
    };
    format!(
        "desired {}, in service {}{too_few}{end}{unknown}",
        range(|point| point.desired),
        range(|point| point.in_service)
    )
}

fn table(points: &[Point], rows: usize, zone: &TimeZone) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "Time" } th scope="col" { "Desired" } th scope="col" { "In service" }
                th scope="col" { "New image" } th scope="col" { "Old image" }
            } }
            tbody {
                @for point in thinned(points, rows) {
                    tr {
                        th scope="row" { (clock(point.at, zone)) }
                        td { (point.desired) } td { (point.in_service) } td { (point.new) } td { (point.old) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(second: i64, in_service: u32, new: u32, old: u32) -> Point {
        Point { at: Timestamp::from_second(second).unwrap(), desired: 4, in_service, new, old }
    }

    #[test]
    fn values_hold_until_the_next_one() {
        let points = [point(0, 4, 0, 4), point(50, 3, 1, 3), point(100, 4, 4, 0)];
        let end = Timestamp::from_second(200).unwrap();
        assert_eq!(steps(&points, end, |point| point.in_service, false), "M0 4H250V28H500V4H1000");
        assert_eq!(steps(&points, end, |point| point.new, true), "M0 100V100H250V76H500V4H1000V100Z");
    }

    #[test]
    fn the_words_say_what_the_chart_shows() {
        let points = [point(0, 4, 0, 4), point(50, 3, 1, 3), point(100, 4, 4, 0), point(160, 4, 4, 0)];
        assert_eq!(
            told(&points, &TimeZone::UTC),
            "desired 4, in service 3 to 4, at worst 1 too few; only the new image from 00:01:40 on"
        );
        let back = [point(0, 4, 0, 4), point(50, 4, 1, 4), point(100, 4, 0, 4)];
        assert_eq!(told(&back, &TimeZone::UTC), "desired 4, in service 4; at the end 4 on the old image");
        let unknown = told(&[point(0, 4, 2, 0)], &TimeZone::UTC);
        assert!(
            unknown.ends_with("2 on the new image, 0 on the old; the images of 2 are not known"),
            "{unknown}"
        );
    }

    #[test]
    fn many_moments_are_thinned_and_keep_both_ends() {
        let points: Vec<Point> = (0..1000).map(|second| point(second, 4, 1, 3)).collect();
        let kept = thinned(&points, DRAWN);
        assert_eq!((kept.len(), kept[0], kept[DRAWN - 1]), (DRAWN, points[0], points[999]));
    }
}
