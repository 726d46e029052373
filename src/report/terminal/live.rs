//! Progress that moves: lines for the environments and the running groups, on the standard
//! error, with the lines of the log above them.
//!
//! [`Live`] draws; what the lines say is [`Plain`]'s and [`Scene`]'s business. Where the standard
//! error is no terminal nothing is drawn, and the lines of the log are all there is.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use super::super::Settings;
use super::super::collect::Run;
use super::expect::{Bakes, Paces};
use super::fold::fold;
use super::plain::Plain;
use super::screen::{HERTZ, Screen, Size};
use super::view::Scene;
use crate::event::{Event, Stamped};
use crate::model::EnvironmentName;

/// The live view.
#[derive(Debug)]
pub(super) struct Live {
    plain: Plain,
    progress: MultiProgress,
    /// One for each line, each with what it says.
    lines: Vec<(ProgressBar, String)>,
    paces: Paces,
    current: Option<EnvironmentName>,
    waiting: BTreeMap<EnvironmentName, Timestamp>,
    /// The terminal's size; `None` where nothing is drawn.
    size: Option<Size>,
}

impl Live {
    pub(super) fn new(settings: &Settings) -> Self {
        if !io::stderr().is_terminal() {
            return Self::drawing_to(settings, ProgressDrawTarget::hidden(), None);
        }
        Self::on(settings, io::stderr(), Size::of_stderr())
    }

    /// One on a terminal of that size.
    fn on(settings: &Settings, out: impl io::Write + Send + fmt::Debug + 'static, size: Size) -> Self {
        let screen = Box::new(Screen::new(out, size.clone()));
        Self::drawing_to(settings, ProgressDrawTarget::term_like_with_hz(screen, HERTZ), Some(size))
    }

    fn drawing_to(settings: &Settings, target: ProgressDrawTarget, size: Option<Size>) -> Self {
        let progress = MultiProgress::with_draw_target(target);
        let mut plain = Plain::new(settings);
        plain.signs_of_life &= progress.is_hidden();
        plain.brief = !progress.is_hidden();
        Self {
            plain,
            progress,
            lines: Vec::new(),
            paces: Paces::default(),
            current: None,
            waiting: BTreeMap::new(),
            size,
        }
    }

    /// How many columns there are, where anything is drawn.
    fn columns(&self) -> Option<usize> {
        self.size.as_ref().map(|size| usize::from(size.columns()))
    }

    /// Lines that are no wider than the terminal.
    fn folded(&self, text: &str) -> String {
        self.columns().map_or_else(|| text.to_owned(), |columns| fold(text, columns))
    }

    /// From here on it is known how long groups bake.
    pub(super) fn expect(&mut self, bakes: Bakes) {
        self.paces.expect(bakes);
    }

    /// Moves the view, and prints the event's lines above it.
    pub(super) fn event(&mut self, stamped: &Stamped, run: &Run, print: impl FnMut(&str)) {
        let text = self.plain.event(stamped, run);
        if !text.is_empty() {
            self.above(&text, print);
        }
        self.paces.hear(stamped);
        self.follow(&stamped.event);
        self.draw(stamped.at, run);
    }

    /// Prints lines above the view.
    pub(super) fn above(&self, text: &str, mut print: impl FnMut(&str)) {
        let text = self.folded(text);
        self.progress.suspend(|| print(&text));
    }

    /// Moves the times on. Where nothing is drawn, a sign of life is printed now and then.
    pub(super) fn tick(&mut self, now: Timestamp, run: &Run, print: impl FnMut(&str)) {
        let text = self.plain.beat(now, run);
        if !text.is_empty() {
            self.above(&text, print);
        }
        self.draw(now, run);
    }

    /// Draws all lines anew: the terminal has another size.
    pub(super) fn resized(&mut self) {
        // A line that is drawn is as wide as the terminal was when it was said, until it is said again.
        let lines = std::mem::take(&mut self.lines);
        let mut said = Vec::new();
        for (bar, line) in lines {
            self.progress.remove(&bar);
            said.push(line);
        }
        let _gone = self.progress.clear();
        self.show(said);
    }

    /// Takes the view away, and prints how it all ended.
    pub(super) fn closing(&mut self, run: &Run, written: &[PathBuf], mut print: impl FnMut(&str)) {
        self.show(Vec::new());
        // A terminal that is gone needs no clearing.
        let _gone = self.progress.clear();
        self.plain.columns = self.columns();
        print(&self.folded(&self.plain.closing(run, written)));
    }

    /// Notes which environments are under way.
    fn follow(&mut self, event: &Event) {
        match event {
            Event::EnvironmentStarted { environment } => {
                self.waiting.remove(environment);
                self.current = Some(environment.clone());
            }
            Event::EnvironmentWaits { environment, until, .. } => {
                self.waiting.insert(environment.clone(), *until);
                self.leave(environment);
            }
            Event::EnvironmentEnded { environment, .. } => {
                self.waiting.remove(environment);
                self.leave(environment);
            }
            Event::RunEnded { .. } => {
                self.waiting.clear();
                self.current = None;
            }
            Event::RunStarted { .. }
            | Event::Planned { .. }
            | Event::Refused { .. }
            | Event::Pinned { .. }
            | Event::VersionReady { .. }
            | Event::RefreshStarted { .. }
            | Event::RefreshMoved { .. }
            | Event::CapacitySeen { .. }
            | Event::ImageDescribed { .. }
            | Event::LaunchFailed { .. }
            | Event::ChecksStarted { .. }
            | Event::CheckEnded { .. }
            | Event::RollbackStarted { .. }
            | Event::GroupStep { .. }
            | Event::GroupEnded { .. }
            | Event::EnvironmentStep { .. }
            | Event::FreezeOverridden { .. }
            | Event::Quarantined { .. }
            | Event::NotDelivered { .. }
            | Event::Note { .. }
            | Event::Aborting { .. } => {}
        }
    }

    fn leave(&mut self, environment: &EnvironmentName) {
        self.current = self.current.take().filter(|current| current != environment);
    }

    fn draw(&mut self, now: Timestamp, run: &Run) {
        let (plain, paces, waiting) = (&self.plain, &self.paces, &self.waiting);
        let scene = Scene { plain, run, paces, current: self.current.as_ref(), waiting, now };
        let lines = scene.lines();
        self.show(lines);
    }

    /// Shows these lines and no others.
    fn show(&mut self, lines: Vec<String>) {
        while self.lines.len() > lines.len() {
            if let Some((bar, _)) = self.lines.pop() {
                self.progress.remove(&bar);
            }
        }
        for (at, line) in lines.into_iter().enumerate() {
            if let Some((bar, said)) = self.lines.get_mut(at) {
                if *said != line {
                    bar.set_message(line.clone());
                    *said = line;
                }
                continue;
            }
            let bar = self.progress.add(ProgressBar::new_spinner());
            bar.set_style(style());
            bar.set_message(line.clone());
            bar.tick();
            self.lines.push((bar, line));
        }
    }
}

/// A line that is cut where the terminal ends, whatever its width is by then.
fn style() -> ProgressStyle {
    ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod crowd;
#[cfg(test)]
mod tests;
