//! What failed: of each group why, AWS's own words, what the checks said, and the next step.

use std::collections::BTreeSet;

use jiff::Timestamp;
use maud::{Markup, html};

use super::super::clean;
use super::super::record::{EnvironmentRecord, GroupRecord};
use super::super::style::count;
use super::room::Room;
use super::view::{Entry, View};
use super::words::{badge, block, line, moment, next_step, outcome, verdict_badge};
use super::{capacity, checks, story};
use crate::event::Status;
use crate::model::{ImageId, Outcome, Problem, Verdict};

/// How many groups of an environment have a card of their own; the others, and those that failed in
/// the same way as one that has, have a line each.
const CARDS: usize = 20;
/// How many problems of an environment, and how many of AWS's reasons, are shown.
const PROBLEMS: usize = 50;
const REASONS: usize = 8;

/// A group that did not end as it should: its place in the plan, its name, what became of it.
type Trouble<'a> = (usize, String, &'a GroupRecord);

/// The section; empty where nothing failed.
pub(super) fn section(view: &View<'_>, room: &Room) -> Markup {
    let troubled: Vec<&Entry<'_>> =
        view.last().filter(|entry| entry.is_trouble() || !entry.troubles().is_empty()).collect();
    if troubled.is_empty() {
        return html! {};
    }
    html! {
        section id="failures" aria-labelledby="failures-title" {
            h2 id="failures-title" { "What went wrong" }
            @for entry in &troubled { (environment(view, entry, room, troubled.len() > 1)) }
        }
    }
}

/// An environment; with its way on, where that of several stands above.
fn environment(view: &View<'_>, entry: &Entry<'_>, room: &Room, with_next: bool) -> Markup {
    let record = entry.environment;
    let troubles = entry.troubles();
    let is_bare = troubles.is_empty();
    // Hundreds may fail in one way: that is told once, and then who they are.
    let mut ways = BTreeSet::new();
    let (first, alike): (Vec<Trouble<'_>>, Vec<Trouble<'_>>) =
        troubles.into_iter().partition(|(_, _, group)| ways.insert(reason(entry, group)));
    let (shown, further) = first.split_at(first.len().min(CARDS));
    let (cards, left_out) =
        room.take_all(shown.iter().map(|(at, name, group)| card(view, entry, *at, name, group)));
    let lines = further.iter().chain(&alike).map(|(_, name, group)| {
        let (tone, word, _) = outcome(entry.run, group);
        html! { li { b { (line(name)) } " " (badge(tone, word)) " " (line(&reason(entry, group))) } }
    });
    let (lines, more) = room.take_all(lines);
    html! {
        div.trouble {
            h3 { (line(&entry.label)) " " (verdict_badge(record)) }
            @if entry.is_unfinished() && is_bare { p { "This page was written before it ended." } }
            @if !(record.message.is_empty() || told_by_problem(record)) { p { (line(&record.message)) } }
            (problems(record, room))
            @for card in &cards { (card) }
            @if !lines.is_empty() {
                h4 { (count(lines.len(), "more group")) " like these" }
                ul.brief { @for line in &lines { (line) } }
            }
            @if left_out + more > 0 {
                p.note { (count(left_out + more, "more group")) " like these: the JUnit file of the environment has them all." }
            }
            @if with_next && !record.next.is_empty() {
                h4 { "Next" }
                ul.steps { @for next in &record.next { li { (next_step(next)) } } }
            }
        }
    }
}

/// Whether the environment's words are those of its only problem, which stands below in full.
fn told_by_problem(record: &EnvironmentRecord) -> bool {
    matches!(record.problems.as_slice(), [only] if line(&only.what) == line(&record.message))
}

/// Why a group is here; of one that was refreshed, which checks hold the gate.
fn reason(entry: &Entry<'_>, group: &GroupRecord) -> String {
    match outcome(entry.run, group).2 {
        "" => {
            let failing = group.checks.iter().filter(|check| check.result.status > Status::Skipped);
            let told = failing.map(|check| format!("{}: {}", check.result.check, check.result.message));
            told.collect::<Vec<_>>().join(", ")
        }
        why => why.to_owned(),
    }
}

fn problems(record: &EnvironmentRecord, room: &Room) -> Markup {
    let (shown, left_out) = room.take_all(record.problems.iter().take(PROBLEMS).map(problem));
    let left_out = left_out + record.problems.len().saturating_sub(PROBLEMS);
    // What the check of a gate or the plan rests on, where the problems do not say it.
    let steps = record.steps.iter().filter(|step| step.status > Status::Skipped);
    html! {
        @if shown.is_empty() && record.verdict != Some(Verdict::RolledBack) {
            @for step in steps.take(REASONS) { p { b { (step.step.as_str()) } ": " (line(&step.message)) } }
        }
        @for problem in &shown { (problem) }
        @if left_out > 0 { p.note { (left_out) " more problems are in the JUnit file." } }
    }
}

fn problem(problem: &Problem) -> Markup {
    html! {
        div.card.odd {
            p.what { (block(&problem.what, 2000)) }
            @if !problem.why.is_empty() { p { span.label { "Why" } " " (block(&problem.why, 2000)) } }
            @if !problem.next.is_empty() { p { span.label { "Next" } " " (next_step(&block(&problem.next, 2000))) } }
        }
    }
}

fn card(view: &View<'_>, entry: &Entry<'_>, at: usize, name: &str, group: &GroupRecord) -> Markup {
    let (tone, word, why) = outcome(entry.run, group);
    let title = format!("failure-{}-{at}", entry.id);
    let zone = &view.look.timezone;
    let chart = capacity::figure(view, entry, name, group, &format!("failed-{at}"));
    let team = group.planned.as_ref().and_then(|planned| planned.team.as_ref());
    let next = match &group.outcome {
        Some(Outcome::NeedsPerson { next, .. } | Outcome::Left { next, .. }) => Some(next),
        _ => None,
    };
    html! {
        article class={ "card " (tone.class()) } aria-labelledby=(title) {
            h4 id=(title) { (line(name)) " " (badge(tone, word)) }
            p.note {
                (line(group.group.region.as_str()))
                @if let Some(team) = team { ", team " (line(team)) }
                @if let Some(ended) = group.ended { ", ended " (moment(ended, zone)) }
            }
            @if !why.is_empty() { p.what { (line(why)) } }
            (standing(entry, group))
            (words_of_aws(view, group))
            (failing_checks(group))
            @if let Some(next) = next.filter(|next| !next.is_empty()) {
                h5 { "Next" }
                p { (next_step(next)) }
            }
            @if !chart.0.is_empty() { (chart) (capacity::legend()) }
            details { summary { "Everything that happened to it, in order" } (story::story(group, zone)) }
        }
    }
}

/// What it runs at the end, and who runs something else.
fn standing(entry: &Entry<'_>, group: &GroupRecord) -> Markup {
    let new = |image: &ImageId| entry.run.images.iter().any(|candidate| candidate.id == *image);
    html! {
        @if !group.images.is_empty() {
            p {
                span.label { "Runs now" } " "
                @for (at, (image, instances)) in group.images.iter().enumerate() {
                    @if at > 0 { ", " }
                    (count(*instances as usize, "instance")) " on " code { (line(image.as_str())) }
                    @if new(image) { " (new)" } @else { " (old)" }
                }
            }
        }
        @if !group.stragglers.is_empty() {
            p {
                span.label { "On another image than they should" } " "
                @for id in group.stragglers.iter().take(REASONS) { code { (line(id.as_str())) } " " }
                @if group.stragglers.len() > REASONS { "and " (group.stragglers.len() - REASONS) " more" }
            }
        }
    }
}

/// Every reason that AWS gave, once.
fn words_of_aws(view: &View<'_>, group: &GroupRecord) -> Markup {
    let zone = &view.look.timezone;
    let mut said: Vec<(String, String)> = Vec::new();
    let reasons = group.moves.iter().map(|(at, status, _, reason)| (at, format!("{status}"), reason));
    let launches = group.launch_failures.iter().map(|(at, why)| (at, "a launch failed".to_owned(), why));
    // What AWS says of a way back that we asked for is no reason of anything.
    let asked = |at: Timestamp| group.rollback_began.is_some_and(|began| at >= began);
    let reasons = reasons.filter(|(at, _, reason)| !reason.is_empty() && !asked(**at));
    for (at, what, words) in launches.chain(reasons) {
        let words = clean::line(words);
        if !said.iter().any(|(_, known)| *known == words) {
            said.push((format!("{}, {what}", moment(*at, zone)), words));
        }
    }
    html! {
        @if !said.is_empty() {
            h5 { "What AWS said" }
            ul.quotes {
                @for (when, words) in said.iter().take(REASONS) { li { q { (words) } " " span.note { (when) } } }
                @if said.len() > REASONS { li { "and " (said.len() - REASONS) " more" } }
            }
        }
    }
}

fn failing_checks(group: &GroupRecord) -> Markup {
    let failing: Vec<_> = group.checks.iter().filter(|check| check.result.status > Status::Skipped).collect();
    let passed = group.checks.iter().filter(|check| check.result.status == Status::Passed).count();
    html! {
        @if !failing.is_empty() {
            h5 { "What the checks said" }
            @for check in failing { (checks::failed(check)) }
            @if passed > 0 { p.note { (count(passed, "other check")) " passed." } }
        }
    }
}
