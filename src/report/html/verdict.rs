//! The first thing that is read: what happened in one sentence, whether production is safe,
//! whether somebody must act now, and the command that goes on.

use maud::{Markup, html};

use super::super::collect::Counts;
use super::super::record::GroupRecord;
use super::super::style::{count, duration};
use super::sentence::sentence;
use super::view::{Entry, View};
use super::words::{line, list, moment, next_step};
use crate::event::Status;
use crate::model::{Exit, Outcome, Verdict};

/// How many names and commands are shown.
const SHOWN: usize = 5;

/// The section.
pub(super) fn section(view: &View<'_>) -> Markup {
    let (tone, sentence) = sentence(view);
    html! {
        section id="verdict" class={ "verdict " (tone.class()) } aria-labelledby="verdict-title" {
            h1 id="verdict-title" { (sentence) }
            @if let Some(images) = images(view) { p.images { (images) } }
            @if let Some(excused) = excused(view) { p.excused { (excused) } }
            dl.meaning {
                div { dt { "Production" } dd { @for words in production(view) { p { (words) } } } }
                div { dt { "Do I have to act now?" } dd { p { (must_act(view)) } } }
                div { dt { "Next" } dd { (next(view)) } }
            }
            (numbers(view))
        }
    }
}

/// `dept-base-20261114184500 → dept-base-20261121194500`.
fn images(view: &View<'_>) -> Option<Markup> {
    let mut new: Vec<String> = Vec::new();
    let mut old: Vec<String> = Vec::new();
    let add = |names: &mut Vec<String>, name: &str| {
        let name = line(name);
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    };
    // A page of nothing but a way back is about the images that it ended on.
    let is_back =
        !view.entries.is_empty() && view.entries.iter().all(|entry| entry.run.command == "rollback");
    for run in view.runs.iter().filter(|_| !is_back) {
        run.images.iter().for_each(|image| add(&mut new, &image.name));
    }
    for group in view.entries.iter().flat_map(|entry| &entry.environment.groups) {
        if let Some(planned) = &group.planned {
            let Some(image) = &planned.new_image else { continue };
            add(&mut old, &planned.image_name);
            if is_back {
                let described = view.runs.iter().rev().find_map(|run| run.described.get(image));
                add(&mut new, described.map_or(image.as_str(), |facts| &facts.name));
            }
        }
    }
    // What runs the new image already has nothing replaced.
    old.retain(|name| !new.contains(name));
    if new.is_empty() {
        return None;
    }
    Some(html! {
        @if !old.is_empty() {
            span.image { (list(&old, 2)) } " " span.arrow aria-hidden="true" { "→" } span.hidden { " replaced by " } " "
        }
        span.image { (list(&new, 2)) }
    })
}

/// `Failed before the refresh too, which is allowed: orders-qa (app-health)`.
fn excused(view: &View<'_>) -> Option<String> {
    let groups = view.last().flat_map(Entry::excused);
    let told: Vec<String> =
        groups.map(|(group, checks)| format!("{} ({})", line(&group), line(&checks.join(", ")))).collect();
    let named = list(&told, SHOWN);
    (!told.is_empty()).then(|| format!("Failed before the refresh too, which is allowed: {named}."))
}

fn production(view: &View<'_>) -> Vec<String> {
    let mut said: Vec<String> = view.last().filter(|entry| entry.is_production()).map(state).collect();
    if said.is_empty() {
        said.push("Not part of this: none of these environments is production, by its name.".into());
    }
    said
}

/// What an environment is left with, for whoever depends on it.
fn state(entry: &Entry<'_>) -> String {
    let name = line(entry.environment.name.as_str());
    let counts = Counts::of(entry.environment);
    let message = line(&entry.environment.message);
    let message = message.trim_end_matches('.');
    let sides = || {
        let new = count(counts.refreshed, "group");
        format!("{new} on the new image, proved; {} back on the old one", counts.rolled_back)
    };
    match (entry.environment.verdict, entry.environment.started) {
        (Some(Verdict::Passed), _) if counts.refreshed == 0 => {
            format!("{name} is safe: this run changed nothing there; {message}.")
        }
        (Some(Verdict::Passed), _) => {
            let left = match counts.skipped {
                0 => String::new(),
                skipped => format!("; {skipped} left as they were, see below"),
            };
            let new = count(counts.refreshed, "group");
            let excused = match entry.excused().len() {
                0 => String::new(),
                some => format!(", but for what failed before in {some} of them"),
            };
            format!("{name} is safe: {new} on the new image, proved{excused}{left}.")
        }
        (Some(Verdict::Partial), _) if entry.run.command == "smoke" => {
            format!("{name}: {message}; smoke changed nothing.")
        }
        (Some(Verdict::Partial), _) if entry.run.command == "rollback" => {
            format!("{name} is safe: {} on the image it had before.", count(counts.rolled_back, "group"))
        }
        (Some(Verdict::Partial), _) => format!("{name} is part-way, as asked: {}.", sides()),
        (Some(Verdict::RolledBack), _) => {
            format!("{name} is safe: what failed is on its old image again ({}).", sides())
        }
        (Some(Verdict::Unproved), _) => format!("{name}: its gate is not passed: {message}."),
        (Some(Verdict::NeedsPerson), _) => format!("{name} is not known to be safe: a person must look."),
        (Some(Verdict::Aborted), _) | (None, Some(_)) if is_running(entry) => {
            format!(
                "{name} is under way: some groups may run both images. AWS goes on with what was started."
            )
        }
        (
            Some(
                Verdict::NotDue
                | Verdict::Refused
                | Verdict::SetUp
                | Verdict::Unreachable
                | Verdict::NotReached
                | Verdict::Aborted,
            )
            | None,
            _,
        ) => {
            let rest = if entry.waits_until().is_some() { "; the rest waits" } else { "" };
            match counts.refreshed + counts.rolled_back {
                0 if entry.is_unfinished() && rest.is_empty() => {
                    format!("{name} is as it was, as far as this run came to tell.")
                }
                0 => format!("{name} is as it was: this run changed nothing there."),
                _ => format!("{name} is part-way: {}{rest}.", sides()),
            }
        }
    }
}

/// Whether a refresh of one of its groups goes on, as far as this run knows.
fn is_running(entry: &Entry<'_>) -> bool {
    let runs = |group: &GroupRecord| {
        group.refresh.is_some() && matches!(group.outcome, None | Some(Outcome::Left { .. }))
    };
    entry.environment.groups.iter().any(runs)
}

/// Whether somebody has to get up.
fn must_act(view: &View<'_>) -> String {
    let any = |verdict: Verdict| view.last().any(|entry| entry.environment.verdict == Some(verdict));
    let groups: Vec<String> = view
        .last()
        .flat_map(Entry::troubles)
        .filter(|(_, _, group)| matches!(group.outcome, Some(Outcome::NeedsPerson { .. })))
        .map(|(_, name, _)| line(&name))
        .collect();
    if any(Verdict::NeedsPerson) {
        return match groups.len() {
            0 => "Yes. What has to be looked at stands below.".into(),
            _ => format!("Yes, now: look at {}.", list(&groups, SHOWN)),
        };
    }
    // One that was only prepared has nothing under way.
    let goes_on =
        |group: &&GroupRecord| group.refresh.is_some() && matches!(group.outcome, Some(Outcome::Left { .. }));
    let left = view.last().flat_map(|entry| &entry.environment.groups).filter(goes_on).count();
    if any(Verdict::Aborted) || left > 0 && any(Verdict::Partial) {
        return match left {
            0 => "No: nothing was left running. Go on when you like.".into(),
            _ => format!(
                "Soon: {} on in AWS, and nobody looks at it until somebody goes on.",
                if left == 1 { "1 refresh goes".to_owned() } else { format!("{left} refreshes go") }
            ),
        };
    }
    let unfinished = view.last().any(Entry::is_unfinished);
    if unfinished
        && view.last().filter(|entry| entry.is_unfinished()).all(|entry| entry.waits_until().is_some())
    {
        return "No, as long as the run is there: it waits, and goes on by itself.".into();
    }
    let ended = view.runs.last().and_then(|run| run.ended.as_ref()).filter(|_| !unfinished);
    let exit = ended.map(|(exit, _)| *exit);
    match exit {
        None => "Not known yet: this page was written while the run was under way.".into(),
        _ if any(Verdict::RolledBack) => "Not tonight: nothing is left between two images. The cause has to be mended before this image goes on.".into(),
        Some(Exit::Usage) => "Not at once: nothing was begun. The set-up has to be mended first.".into(),
        Some(Exit::Unexpected) => "Not at once: nothing was begun. Try again when AWS answers.".into(),
        Some(Exit::Refused) if any(Verdict::Unproved) => "Not at once: what holds the gate is below.".into(),
        Some(Exit::Refused) => "Not at once: nothing was changed. What stands against it is below.".into(),
        Some(Exit::Done | Exit::RolledBack | Exit::NeedsPerson | Exit::Aborted) => "No.".into(),
    }
}

fn next(view: &View<'_>) -> Markup {
    let mut steps: Vec<&str> = Vec::new();
    for next in view.last().flat_map(|entry| &entry.environment.next) {
        if !steps.contains(&next.as_str()) {
            steps.push(next);
        }
    }
    // Where an environment has no way on, its groups may have theirs.
    let groups =
        view.last().flat_map(|entry| &entry.environment.groups).filter_map(|group| match &group.outcome {
            Some(Outcome::NeedsPerson { next, .. } | Outcome::Left { next, .. }) => Some(next.as_str()),
            _ => None,
        });
    for next in groups.filter(|next| !next.is_empty()) {
        if !steps.iter().any(|step| step.starts_with(next)) {
            steps.push(next);
        }
    }
    html! {
        @if steps.is_empty() && view.runs.iter().any(|run| run.ended.is_none()) {
            p { "Nothing yet. If the run is gone, start it again in the same way: it finds its own work." }
        } @else if steps.is_empty() {
            p { "Nothing to run." }
        } @else {
            ul.steps {
                @for next in steps.iter().take(SHOWN) { li { (next_step(next)) } }
                @if steps.len() > SHOWN { li { "and " (steps.len() - SHOWN) " more, with each environment below" } }
            }
        }
    }
}

/// The numbers of it all.
fn numbers(view: &View<'_>) -> Markup {
    let counts: Vec<Counts> = view.last().map(|entry| Counts::of(entry.environment)).collect();
    let sum = |of: fn(&Counts) -> usize| counts.iter().map(of).sum::<usize>();
    let instances: u32 = view
        .last()
        .flat_map(|entry| &entry.environment.groups)
        .map(|group| match group.outcome {
            Some(Outcome::Refreshed { instances }) => instances,
            _ => 0,
        })
        .sum();
    let first = view.runs.iter().filter_map(|run| run.started).min();
    let last = view.runs.iter().filter_map(|run| run.latest).max();
    let zone = &view.look.timezone;
    let as_asked = view.last().all(|entry| entry.run.command == "rollback");
    html! {
        ul.numbers {
            @if !view.entries.is_empty() && view.last().all(|entry| entry.run.command == "smoke") {
                (checks(view))
            } @else {
                li { b { (sum(|one| one.refreshed)) } " refreshed" }
                @if instances > 0 { li { b { (instances) } " " @if instances == 1 { "instance" } @else { "instances" } " proved" } }
                @if as_asked {
                    li { b { (sum(|one| one.rolled_back)) } " taken back" }
                } @else {
                    li { b { (sum(|one| one.failed())) } " failed" }
                }
                @let rest = sum(|one| one.skipped + one.not_due + one.not_started + one.unfinished + one.left);
                @if rest > 0 { li { b { (rest) } " not changed or not ended" } }
            }
            @if let (Some(first), Some(last)) = (first, last) {
                @let ms = u64::try_from(last.duration_since(first).as_millis()).unwrap_or(0);
                li { b { (duration(ms)) } ", from " (moment(first, zone)) " to " (moment(last, zone)) }
            }
        }
    }
}

/// How the checks ended, of a page about nothing else.
fn checks(view: &View<'_>) -> Markup {
    let groups = || view.last().flat_map(|entry| &entry.environment.groups);
    let of = |wanted: fn(Status) -> bool| {
        groups().flat_map(|group| &group.checks).filter(|check| wanted(check.result.status)).count()
    };
    let (passed, failed) = (of(|status| status == Status::Passed), of(|status| status > Status::Skipped));
    let skipped = of(|status| status == Status::Skipped);
    html! {
        li { b { (groups().count()) } " groups asked" }
        li { b { (passed) } " checks passed" }
        li { b { (failed) } " failed" }
        @if skipped > 0 { li { b { (skipped) } " skipped" } }
    }
}
