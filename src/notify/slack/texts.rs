//! The messages that teams know: what is said of an environment at its start, on a failure,
//! on the way and at its end. Pure.

use jiff::tz::TimeZone;

use super::lists::{LINES, by_state, first_line, instances, moment, names, reasons};
use super::message::{Color, Line, Message};
use crate::model::{Problem, Verdict};
use crate::notify::story::{Audience, Ended, EnvironmentStory, Facts, GroupStory, State};
use crate::report::style::{count, duration};

/// The most images and commands that are named.
const FEW: usize = 4;

/// An environment as one audience sees it.
#[derive(Debug, Clone, Copy)]
pub(in crate::notify) struct View<'a> {
    pub(in crate::notify) facts: &'a Facts,
    pub(in crate::notify) environment: &'a EnvironmentStory,
    pub(in crate::notify) audience: &'a Audience,
    pub(in crate::notify) zone: &'a TimeZone,
}

impl View<'_> {
    /// It starts, or waits for its start.
    pub(in crate::notify) fn started(&self) -> Message {
        let mut lines = self.facts_lines();
        lines.extend(self.notices());
        lines.extend(self.start_lines());
        let color = if self.environment.overridden.is_empty() { Color::Progress } else { Color::Warning };
        self.message(self.start_title(), color, lines)
    }

    /// Groups failed, and go back.
    pub(in crate::notify) fn failed(&self) -> Message {
        let failures = self.environment.failures(self.audience);
        let all = |state: State| failures.iter().all(|group| group.state == state);
        let title = if all(State::NeedsPerson) {
            "ASG refresh failed, a person is needed"
        } else if all(State::Refused) {
            NOT_STARTED
        } else {
            "ASG tests failed, starting rollback"
        };
        let mut lines = reasons(&failures);
        lines.extend(self.build_line());
        self.message(title, Color::Danger, lines)
    }

    /// As it stands now: what a message that is kept up to date says.
    pub(in crate::notify) fn now(&self) -> Message {
        if let Some(ended) = &self.environment.ended {
            return self.ended(ended);
        }
        let groups = self.environment.groups(self.audience);
        if !groups.iter().any(|group| group.touched && group.concerned) {
            return self.started();
        }
        let failures = self.environment.failures(self.audience);
        let mut lines = self.facts_lines();
        lines.push(Line::default().text(&progress(&groups, self.facts.is_rollback())));
        lines.extend(self.notices());
        lines.extend(reasons(&failures));
        let others: Vec<&GroupStory> = groups.into_iter().filter(|group| !group.failed).collect();
        lines.extend(by_state(&others, self.zone));
        if failures.is_empty() {
            let color = if self.environment.overridden.is_empty() { Color::Progress } else { Color::Warning };
            return self.message(self.start_title(), color, lines);
        }
        let refused = failures.iter().all(|group| group.state == State::Refused);
        let title = if refused { NOT_STARTED } else { "ASG tests failed, starting rollback" };
        self.message(title, Color::Danger, lines)
    }

    /// It ended.
    pub(in crate::notify) fn ended(&self, ended: &Ended) -> Message {
        let groups = self.environment.groups(self.audience);
        let (title, color) = match self.audience {
            Audience::Everybody => verdict(ended.verdict, &groups, self.facts.is_rollback()),
            Audience::Teams(_) => of_groups(ended.verdict, &groups, self.facts.is_rollback()),
        };
        let mut lines = Vec::new();
        let failures = self.environment.failures(self.audience);
        let whole = Line::default().text(first_line(&ended.message));
        lines.push(match (self.audience, ended.took_ms) {
            (Audience::Everybody, ms) if ms > 0 && self.environment.refused.is_empty() => {
                whole.and(", in ").text(&duration(ms))
            }
            (Audience::Everybody, _) => whole,
            (Audience::Teams(_), _) => Line::say("all of ")
                .text(self.environment.name.as_str())
                .and(": ")
                .and(ended.verdict.as_str())
                .and(", ")
                .line(whole),
        });
        lines.extend(self.refusals());
        lines.extend(reasons(&failures));
        // Of what was never begun there is nothing more to tell.
        if groups.iter().any(|group| group.touched) {
            let others: Vec<&GroupStory> = groups.iter().copied().filter(|group| !group.failed).collect();
            lines.extend(by_state(&others, self.zone));
        }
        lines.extend(self.notices());
        lines.extend(self.facts_lines());
        lines.extend(self.next(ended, &failures));
        self.message(title, color, lines)
    }

    /// What stands above every message of a rehearsal.
    pub(in crate::notify) fn above(&self) -> Option<Line> {
        let simulation = self.facts.simulation.as_ref()?;
        let about = format!("scenario {}, seed {}", simulation.scenario, simulation.seed);
        Some(Line::say("SIMULATION: this is a rehearsal, nothing on AWS changes (").text(&about).and(")"))
    }

    fn message(&self, title: &'static str, color: Color, lines: Vec<Line>) -> Message {
        let title = Line::say(title).and(": ").bold(self.environment.name.as_str());
        Message { above: self.above(), title, color, lines }
    }

    fn start_title(&self) -> &'static str {
        if self.facts.is_rollback() { "Starting ASG rollback" } else { "Starting ASG Refresh" }
    }

    /// The images and the build.
    fn facts_lines(&self) -> Vec<Line> {
        let images = &self.facts.images;
        let mut lines: Vec<Line> = images
            .iter()
            .take(FEW)
            .map(|image| {
                let line = Line::say("Image ").code(image.id.as_str()).and(" ").text(&image.name);
                if images.len() == 1 {
                    return line.and(", family ").text(&self.facts.family);
                }
                line.and(" in ").text(&format!("{} for {}", image.region, image.architecture))
            })
            .collect();
        if images.len() > FEW {
            lines.push(Line::say("and ").text(&count(images.len() - FEW, "more image")));
        }
        lines.extend(self.build_line());
        lines
    }

    fn build_line(&self) -> Option<Line> {
        let build = &self.facts.build;
        let label = build.number.as_ref().map(|number| format!("build {number}"));
        match (&build.url, label) {
            (Some(url), label) => Some(Line::default().link(url, label.as_ref().unwrap_or(url))),
            (None, Some(label)) => Some(Line::default().text(&label)),
            (None, None) => None,
        }
    }

    /// What people must know beside the groups: waiting, freezes, quarantine, a signal.
    pub(in crate::notify) fn notices(&self) -> Vec<Line> {
        let environment = self.environment;
        let mut lines = Vec::new();
        if let Some((until, what)) = &environment.waits {
            let line = Line::say("waiting until ").bold(&moment(*until, self.zone));
            // It names groups, which are not a team's business unless they are its own.
            let own = matches!(self.audience, Audience::Everybody) && !what.is_empty();
            lines.push(if own { line.and(": ").text(first_line(what)) } else { line });
        }
        for overridden in &environment.overridden {
            let until = moment(overridden.until, self.zone);
            lines.push(
                Line::say("freeze overridden by ")
                    .bold(&overridden.by.who)
                    .and(": ")
                    .text(&overridden.by.reason)
                    .and(". The freeze: ")
                    .text(&format!("{}, until {until}", overridden.freeze)),
            );
        }
        if let Some((images, reason)) = &environment.quarantined {
            let mut line = Line::say("quarantined: ");
            for image in images.iter().take(FEW) {
                line = line.code(image.as_str()).and(" ");
            }
            lines.push(line.and("goes nowhere any more: ").text(first_line(reason)));
        }
        if let Some(signal) = &environment.aborted_by {
            lines.push(Line::default().text(signal).and(" came: nothing new is started"));
        }
        lines
    }

    fn start_lines(&self) -> Vec<Line> {
        let groups = self.environment.groups(self.audience);
        let (due, rest): (Vec<&GroupStory>, Vec<&GroupStory>) =
            groups.into_iter().partition(|group| group.concerned);
        let mut lines = Vec::new();
        match due.as_slice() {
            [] => {}
            [only] => {
                let verb =
                    if self.facts.is_rollback() { "Starting rollback of " } else { "Starting refresh of " };
                lines.push(names(Line::say(verb), &[only], instances));
            }
            several => {
                let all: u64 = several.iter().map(|group| u64::from(group.desired)).sum();
                let line = Line::default().text(&format!("{} groups, {all} instances", several.len()));
                let each = |group: &GroupStory| instances(group).filter(|_| several.len() <= LINES);
                lines.push(names(line.and(": "), several, each));
            }
        }
        lines.extend(by_state(&rest, self.zone));
        lines
    }

    fn refusals(&self) -> Vec<Line> {
        if !self.audience.is_everybody() {
            return Vec::new();
        }
        let problems = &self.environment.refused;
        let told = |problem: &Problem| {
            let line = Line::say("• ").text(first_line(&problem.what));
            let why = first_line(&problem.why);
            if why.is_empty() { line } else { line.and(": ").text(why) }
        };
        let mut lines: Vec<Line> = problems.iter().take(LINES).map(told).collect();
        if problems.len() > LINES {
            lines.push(Line::say("and ").text(&count(problems.len() - LINES, "more reason")));
        }
        lines
    }

    /// The commands that go on from there: the whole environment's, or the team's own groups'.
    fn next(&self, ended: &Ended, failures: &[&GroupStory]) -> Vec<Line> {
        let mut commands: Vec<&str> = match self.audience {
            Audience::Everybody => ended.next.iter().map(String::as_str).collect(),
            Audience::Teams(_) => failures.iter().map(|group| group.next.as_str()).collect(),
        };
        commands.retain(|command| !command.is_empty());
        commands.dedup();
        commands.truncate(FEW);
        commands.into_iter().map(|command| Line::say("Next: ").code(command)).collect()
    }
}

/// `7/14 groups refreshed`, of those that have their turn.
fn progress(groups: &[&GroupStory], by_hand: bool) -> String {
    let wanted = if by_hand { State::RolledBack } else { State::Refreshed };
    let all = groups.iter().filter(|group| group.concerned).count();
    let done = groups.iter().filter(|group| group.state == wanted).count();
    format!("{done}/{all} groups {}", wanted.as_str())
}

/// The title where AWS refused to start a refresh, and no checks failed.
const NOT_STARTED: &str = "ASG refresh could not be started";

/// The title and colour of an environment's end.
fn verdict(verdict: Verdict, groups: &[&GroupStory], by_hand: bool) -> (&'static str, Color) {
    match verdict {
        Verdict::Passed => ("ASG tests passed, refresh complete", Color::Good),
        Verdict::Partial if by_hand => ("ASG rollback complete", Color::Good),
        Verdict::Partial if groups.iter().any(|group| group.state == State::Left) => {
            ("ASG refresh is baking, tests come next", Color::Progress)
        }
        Verdict::Partial => ("ASG refresh complete, its gate is still to be passed", Color::Good),
        Verdict::RolledBack if !groups.iter().any(|group| group.failed) => {
            ("ASG refresh failed before any group was refreshed", Color::Danger)
        }
        Verdict::RolledBack if !groups.iter().any(|group| group.state == State::RolledBack) => {
            (NOT_STARTED, Color::Danger)
        }
        Verdict::RolledBack => ("ASG tests failed, rollback complete", Color::Danger),
        Verdict::NeedsPerson if by_hand => ("ASG rollback failed, a person is needed", Color::Danger),
        Verdict::NeedsPerson => ("ASG refresh failed, a person is needed", Color::Danger),
        Verdict::Aborted => ("ASG refresh aborted", Color::Warning),
        Verdict::Unproved => ("ASG refresh ended, its gate is not passed", Color::Warning),
        Verdict::NotDue => ("ASG refresh ended, nothing more is due", Color::Warning),
        Verdict::Refused => ("ASG refresh refused", Color::Warning),
        Verdict::SetUp => ("ASG refresh not begun, the set-up is wrong", Color::Danger),
        Verdict::Unreachable => ("ASG refresh not begun, AWS is out of reach", Color::Danger),
        Verdict::NotReached => ("ASG refresh not reached", Color::Warning),
    }
}

/// The title and colour of the end of a team's own groups.
fn of_groups(whole: Verdict, groups: &[&GroupStory], by_hand: bool) -> (&'static str, Color) {
    let any = |state: State| groups.iter().any(|group| group.state == state);
    if any(State::NeedsPerson) {
        verdict(Verdict::NeedsPerson, groups, by_hand)
    } else if (any(State::RolledBack) || any(State::Refused)) && !by_hand {
        verdict(Verdict::RolledBack, groups, by_hand)
    } else if whole == Verdict::Aborted {
        verdict(whole, groups, by_hand)
    } else if any(State::NotStarted) {
        ("ASG refresh stopped before it was done", Color::Warning)
    } else if any(State::Refreshed) && (whole == Verdict::RolledBack || whole == Verdict::NeedsPerson) {
        // Their own are well, whatever became of the others.
        verdict(Verdict::Passed, groups, by_hand)
    } else {
        verdict(whole, groups, by_hand)
    }
}
