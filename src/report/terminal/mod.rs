//! What a run looks like on a terminal and in a log.
//!
//! [`Terminal`] is the only one that prints while a run goes on: lines to its output, the
//! live view to the standard error. An output that is gone (a closed pipe) stops nothing.

mod closing;
mod expect;
mod fold;
mod groups;
mod live;
mod plain;
mod screen;
mod view;
mod words;

use std::fmt;
use std::io::Write;
use std::path::PathBuf;

use super::collect::Run;
use super::{Settings, problems};
use jiff::Timestamp;

use crate::event::Stamped;
use crate::model::Problem;
pub(super) use expect::Bakes;
use live::Live;
use plain::Plain;

/// What the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalMode {
    /// Progress that moves, with lines above it. Shown only where the standard error is a
    /// terminal; makes no sense on a clock that is paused.
    Live,
    /// Lines with their time.
    Plain,
    /// Nothing.
    Silent,
}

/// How much the lines say when all is well. What fails is always told in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// A line per group when it ended: for rehearsals, which are over in a second.
    Groups,
    /// Starts, bakes and checks too, and a sign of life now and then.
    Steps,
}

/// The terminal of one run.
pub(super) struct Terminal {
    view: View,
    output: Box<dyn Write + Send>,
    finished: bool,
}

#[derive(Debug)]
enum View {
    Silent,
    Plain(Box<Plain>),
    Live(Box<Live>),
}

impl Terminal {
    pub(super) fn new(settings: &Settings, output: Box<dyn Write + Send>) -> Self {
        let view = match settings.terminal {
            TerminalMode::Silent => View::Silent,
            TerminalMode::Plain => View::Plain(Box::new(Plain::new(settings))),
            TerminalMode::Live => View::Live(Box::new(Live::new(settings))),
        };
        Self { view, output, finished: false }
    }

    /// Shows an event that `run` has taken in already.
    pub(super) fn event(&mut self, event: &Stamped, run: &Run) {
        match &mut self.view {
            View::Silent => {}
            View::Plain(plain) => print(&mut self.output, &plain.event(event, run)),
            View::Live(live) => live.event(event, run, |text| print(&mut self.output, text)),
        }
    }

    /// Tells the live view how long groups bake.
    pub(super) fn expect(&mut self, bakes: Bakes) {
        match &mut self.view {
            View::Silent | View::Plain(_) => {}
            View::Live(live) => live.expect(bakes),
        }
    }

    /// Draws the live view anew on a terminal that has another size.
    pub(super) fn resized(&mut self) {
        match &mut self.view {
            View::Silent | View::Plain(_) => {}
            View::Live(live) => live.resized(),
        }
    }

    /// Moves the times of the live view on, or gives a sign of life where one is due.
    pub(super) fn tick(&mut self, now: Timestamp, run: &Run) {
        match &mut self.view {
            View::Silent => {}
            View::Plain(plain) => print(&mut self.output, &plain.beat(now, run)),
            View::Live(live) => live.tick(now, run, |text| print(&mut self.output, text)),
        }
    }

    /// Shows a problem with the reports themselves.
    pub(super) fn problem(&mut self, problem: &Problem, color: bool) {
        let text = problems::block(problem, color);
        match &mut self.view {
            View::Silent => {}
            View::Plain(_) => print(&mut self.output, &text),
            View::Live(live) => live.above(&text, |text| print(&mut self.output, text)),
        }
    }

    /// Shows the table of environments and where the reports are, the first time.
    pub(super) fn finish(&mut self, run: &Run, written: &[PathBuf]) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        match &mut self.view {
            View::Silent => {}
            View::Plain(plain) => print(&mut self.output, &plain.closing(run, written)),
            View::Live(live) => live.closing(run, written, |text| print(&mut self.output, text)),
        }
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").field("view", &self.view).finish_non_exhaustive()
    }
}

fn print(output: &mut dyn Write, text: &str) {
    if !text.is_empty() {
        // Nobody may be reading any more. The journal has it all.
        let _unread = output.write_all(text.as_bytes()).and_then(|()| output.flush());
    }
}

#[cfg(test)]
mod tests;
