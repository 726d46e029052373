//! Whole pages: their structure, that nothing gets out of its text, their size.

use jiff::tz::TimeZone;

use super::super::collect::Run;
use super::*;
use crate::event::Stamped;

mod content;
mod form;
mod truths;

pub(super) fn look() -> Look {
    Look {
        timezone: TimeZone::get("Europe/London").unwrap(),
        simulated: false,
        is_mixed: false,
        of_set: None,
        has_attachments: false,
        journal: Some(JournalAt::Beside("journal.jsonl".into())),
    }
}

pub(super) fn run_of(events: &[Stamped]) -> Run {
    let mut run = Run::default();
    for event in events {
        run.apply(event);
    }
    run
}

/// The page of one run.
fn page_of(events: &[Stamped]) -> String {
    let run = run_of(events);
    text(&write("report.html", &[&run], &look()))
}

fn text(files: &[(String, Vec<u8>)]) -> String {
    let page = files.iter().find(|(name, _)| name != STYLESHEET).unwrap();
    String::from_utf8(page.1.clone()).unwrap()
}
