//! The environments, each with the table of its groups, their capacity, and their evidence.

use maud::{Markup, html};

use super::super::collect::Counts;
use super::super::record::GroupRecord;
use super::super::style::{count, duration};
use super::room::Room;
use super::view::{Entry, View, is_excused};
use super::words::{badge, counted, line, list, moment, outcome, verdict_badge};
use super::{capacity, story};
use crate::event::Status;

/// An environment with at most as many groups is shown unfolded where it is the only one.
const FEW: usize = 12;

/// The section. What matters most of all environments takes its room first.
pub(super) fn section(view: &View<'_>, room: &Room) -> Markup {
    let tables: Vec<Markup> = view.entries.iter().map(|entry| table(entry, room)).collect();
    let charts: Vec<Markup> = view.entries.iter().map(|entry| charts(view, entry, room)).collect();
    let evidence: Vec<Markup> = view.entries.iter().map(|entry| evidence(view, entry, room)).collect();
    let alone = view.entries.len() == 1 && view.groups() <= FEW;
    html! {
        section id="groups" aria-labelledby="groups-title" {
            h2 id="groups-title" { "Environments and groups" }
            @for (at, entry) in view.entries.iter().enumerate() {
                @if !entry.environment.groups.is_empty() {
                    details.environment id=(entry.id) open[alone || (entry.is_trouble() && entry.is_last)] {
                        summary.row { (environment(view, entry)) }
                        (tables[at]) (charts[at]) (evidence[at])
                    }
                }
            }
            (without_groups(view))
        }
    }
}

/// An environment in a line.
fn environment(view: &View<'_>, entry: &Entry<'_>) -> Markup {
    let record = entry.environment;
    html! {
        h3 { (line(&entry.label)) }
        span { (verdict_badge(record)) }
        span.counts {
            @if entry.run.command == "smoke" { (count(record.groups.len(), "group")) " asked" } @else { (counted(Counts::of(record))) }
        }
        span.number { @if record.took_ms > 0 { (duration(record.took_ms)) } }
        span.number { @if let Some(ended) = record.ended { (moment(ended, &view.look.timezone)) } }
    }
}

/// Those of which no group was looked at: the ones that ended alike in one line.
fn without_groups(view: &View<'_>) -> Markup {
    let mut alike: Vec<(&Entry<'_>, Vec<String>)> = Vec::new();
    // That an earlier run did not get as far says nothing of an environment that a later one reached.
    let counts = |entry: &&Entry<'_>| entry.is_last || entry.is_reached();
    for entry in view.entries.iter().filter(counts).filter(|entry| entry.environment.groups.is_empty()) {
        let same = |(first, _): &&mut (&Entry<'_>, Vec<String>)| {
            let (first, record) = (first.environment, entry.environment);
            (first.verdict, first.started.is_some(), &first.message)
                == (record.verdict, record.started.is_some(), &record.message)
        };
        match alike.iter_mut().find(same) {
            Some((_, names)) => names.push(line(&entry.label)),
            None => alike.push((entry, vec![line(&entry.label)])),
        }
    }
    html! {
        @for (entry, names) in &alike {
            p.without {
                b { (list(names, names.len())) } " " (verdict_badge(entry.environment)) " "
                span.note { (line(&entry.environment.message)) }
            }
        }
    }
}

fn table(entry: &Entry<'_>, room: &Room) -> Markup {
    let groups = entry.groups();
    let (rows, left_out) = room.take_all(groups.iter().map(|(_, name, group)| row(entry, name, group)));
    if rows.is_empty() && left_out == 0 {
        return html! {};
    }
    html! {
        div.scroll role="region" aria-label={ "Groups of " (line(&entry.label)) } tabindex="0" {
            table {
                thead { tr {
                    th scope="col" { "Group" } th scope="col" { "Ended as" } th scope="col" { "Instances" }
                    th scope="col" { "Version" } th scope="col" { "Image" } th scope="col" { "Checks" } th scope="col" { "Took" }
                } }
                tbody { @for row in &rows { (row) } }
            }
        }
        @if left_out > 0 { p.note { (count(left_out, "more group")) " left out here, for size: summary.json has all." } }
    }
}

fn row(entry: &Entry<'_>, name: &str, group: &GroupRecord) -> Markup {
    let (tone, word, why) = outcome(entry.run, group);
    let planned = group.planned.as_ref();
    let version = entry.environment.version_for(group).filter(|_| group.refresh.is_some());
    html! {
        tr {
            th scope="row" {
                (line(name))
                @if let Some(team) = planned.and_then(|planned| planned.team.as_ref()) { " " span.note { (line(team)) } }
            }
            td { (badge(tone, word)) @if !why.is_empty() { " " span.note { (line(why)) } } }
            td.number { @if let Some(planned) = planned { (planned.desired) } }
            td.number {
                @if let Some(before) = planned.and_then(|planned| planned.version) { (before) }
                @if let Some(made) = version { " → " (made.version) }
            }
            td { (images(group)) }
            td { (checked(group)) }
            td.number { @if group.took_ms > 0 { (duration(group.took_ms)) } }
        }
    }
}

/// What it runs at the end; else what it was last seen to run, or ran when it was planned.
fn images(group: &GroupRecord) -> Markup {
    let planned = group.planned.as_ref();
    let seen = group.capacity.last().map(|seen| &seen.images).filter(|images| !images.is_empty());
    let known = if group.images.is_empty() { seen } else { Some(&group.images) };
    html! {
        @if let Some(images) = known {
            @for (at, (image, number)) in images.iter().enumerate() {
                @if at > 0 { ", " }
                code { (line(image.as_str())) }
                @if images.len() > 1 { " on " (number) }
            }
        } @else if let Some(image) = planned.and_then(|planned| planned.image.as_ref()) {
            code { (line(image.as_str())) }
        }
    }
}

fn checked(group: &GroupRecord) -> Markup {
    let of =
        |wanted: fn(Status) -> bool| group.checks.iter().filter(|check| wanted(check.result.status)).count();
    let (passed, failed) = (of(|status| status == Status::Passed), of(|status| status > Status::Skipped));
    let mut told = match (passed, failed) {
        (0, 0) => Vec::new(),
        (passed, 0) => vec![format!("{passed} passed")],
        (passed, failed) => vec![format!("{failed} of {} failed", passed + failed)],
    };
    let excused = group.checks.iter().filter(|check| is_excused(check)).count();
    told.extend((excused > 0).then(|| format!("{excused} failed as before")));
    let skipped = of(|status| status == Status::Skipped) - excused;
    told.extend((skipped > 0).then(|| format!("{skipped} skipped")));
    html! { (told.join(", ")) }
}

fn charts(view: &View<'_>, entry: &Entry<'_>, room: &Room) -> Markup {
    let figures = entry
        .groups()
        .into_iter()
        .filter(|(_, _, group)| !group.capacity.is_empty())
        .map(|(at, name, group)| capacity::figure(view, entry, &name, group, &at.to_string()));
    let (figures, left_out) = room.take_all(figures);
    if figures.is_empty() && left_out == 0 {
        return html! {};
    }
    html! {
        h4 { "Capacity during the refresh" }
        (capacity::legend())
        div.charts { @for figure in &figures { (figure) } }
        @if left_out > 0 { p.note { (count(left_out, "more chart")) " left out here, for size: journal.jsonl has the numbers." } }
    }
}

fn evidence(view: &View<'_>, entry: &Entry<'_>, room: &Room) -> Markup {
    let told =
        |group: &&GroupRecord| !group.steps.is_empty() || !group.checks.is_empty() || !group.moves.is_empty();
    let groups = entry.groups().into_iter().filter(|(_, _, group)| told(group));
    let one = |name: &str, group: &GroupRecord| {
        html! {
            details.evidence {
                summary { (line(name)) }
                @if let Some(planned) = &group.planned { @for note in &planned.notes { p.note { (line(note)) } } }
                (story::story(group, &view.look.timezone))
            }
        }
    };
    let (shown, left_out) = room.take_all(groups.map(|(_, name, group)| one(&name, group)));
    if shown.is_empty() && left_out == 0 {
        return html! {};
    }
    html! {
        h4 { "Evidence, group by group" }
        @for one in &shown { (one) }
        @if left_out > 0 { p.note { (count(left_out, "more group")) " left out here, for size: the JUnit file has all." } }
    }
}
