//! All else: the runs, the environments' own steps, notes, what could not be told, the files.

use maud::{Markup, html};

use super::super::collect::Run;
use super::super::{attachments, junit, summary};
use super::JournalAt;
use super::room::Room;
use super::view::{Entry, View};
use super::words::{line, moment, status_badge};

/// How many notes and versions of an environment are shown.
const SHOWN: usize = 200;

/// The section.
pub(super) fn section(view: &View<'_>, room: &Room) -> Markup {
    let (environments, left_out) =
        room.take_all(view.entries.iter().filter(|entry| has_own(entry)).map(environment));
    html! {
        section id="more" aria-labelledby="more-title" {
            h2 id="more-title" { "Everything else" }
            @for run in view.runs { (about(view, run)) }
            @if !environments.is_empty() {
                details {
                    summary { "Gates, freezes, plans and records" }
                    @for one in &environments { (one) }
                }
            }
            @if left_out > 0 { p.note { (left_out) " more environments left out here, for size." } }
            (files(view))
        }
    }
}

fn about(view: &View<'_>, run: &Run) -> Markup {
    let build = &run.build;
    let page = build.url.as_deref().filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    html! {
        details {
            summary { "The run" @if let Some(began) = run.started { " of " (moment(began, &view.look.timezone)) } }
            dl.facts {
                div { dt { "Command" } dd { code { "ami-refresh " (line(&run.command)) } ", version " (line(&run.version)) } }
                @if !run.family.is_empty() { div { dt { "Family" } dd { (line(&run.family)) } } }
                @if let Some(number) = &build.number { div { dt { "Build" } dd { (line(number)) } } }
                @if let Some(page) = page { div { dt { "Build's page" } dd { a href=(line(page)) rel="noreferrer" { (line(page)) } } } }
                @if let Some(commit) = &build.commit { div { dt { "Commit" } dd { code { (line(commit)) } } } }
                @if let Some((signal, on_abort)) = &run.aborting { div { dt { "Aborted by" } dd { (line(signal)) ", on abort: " (line(on_abort)) } } }
                @if let Some((exit, message)) = &run.ended { div { dt { "Exit code" } dd { (exit.code()) ", " (line(message)) } } }
                @if let Some(simulation) = &run.simulation { div { dt { "Rehearsed on" } dd { "scenario " (line(&simulation.scenario)) ", seed " (simulation.seed) } } }
            }
            @for note in run.notes.iter().take(SHOWN) { p { (line(note)) } }
            @if !run.undelivered.is_empty() {
                h3 { "Not delivered (the rollout is not affected)" }
                ul.brief {
                    @for (sink, what, problem) in run.undelivered.iter().take(SHOWN) {
                        li { b { (line(sink)) } ": " (line(what)) ": " (line(&problem.what)) @if !problem.next.is_empty() { ". Next: " (line(&problem.next)) } }
                    }
                }
            }
        }
    }
}

/// Whether anything is known of it that is not one of its groups'.
fn has_own(entry: &Entry<'_>) -> bool {
    let record = entry.environment;
    !(record.steps.is_empty() && record.notes.is_empty() && record.versions.is_empty())
}

fn environment(entry: &Entry<'_>) -> Markup {
    let record = entry.environment;
    html! {
        div.own {
            h3 { (line(&entry.label)) }
            ul.brief {
                @for step in &record.steps {
                    li {
                        (status_badge(step.status)) " " b { (step.step.as_str()) } ": " (line(&step.message))
                        @for fact in step.evidence.iter().take(SHOWN) { br; span.note { (line(fact)) } }
                    }
                }
                @for (_, _, message) in &record.pauses { li { "waited: " (line(message)) } }
                @for note in record.notes.iter().take(SHOWN) { li { (line(note)) } }
            }
            @if !record.versions.is_empty() {
                ul.brief {
                    @for made in record.versions.iter().take(SHOWN) {
                        li {
                            (line(made.region.as_str())) ": " code { (line(made.template.as_str())) } " version " (made.version)
                            @if made.reused { " was there already" } @else { " made" } " from version " (made.source) " with " code { (line(made.image.as_str())) }
                        }
                    }
                    @if record.versions.len() > SHOWN { li { "and " (record.versions.len() - SHOWN) " more versions" } }
                }
            }
        }
    }
}

/// What else lies beside this page.
fn files(view: &View<'_>) -> Markup {
    let mut names: Vec<String> = Vec::new();
    let of_set = view.look.of_set.as_ref();
    names.extend(of_set.into_iter().flatten().cloned());
    for entry in view.entries.iter().filter(|_| of_set.is_none()) {
        let name = junit::file_name(&entry.run.command, &entry.environment.name);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    html! {
        details {
            summary { "Files beside this page" }
            ul.brief {
                @match &view.look.journal {
                    Some(JournalAt::Beside(name)) => li { a href=(name) { (name) } ": every event, as it happened" },
                    Some(JournalAt::Elsewhere(path)) => li { code { (path) } ": every event, as it happened" },
                    None => {}
                }
                li { a href=(summary::FILE_NAME) { (summary::FILE_NAME) } ": the verdicts for machines" }
                @for name in names.iter().take(SHOWN) { li { a href=(name) { (name) } ": its test cases, with every answer" } }
                @if view.look.has_attachments { li { code { (attachments::DIR) "/" } ": long answers in full" } }
            }
        }
    }
}
