//! What is still to be said in one channel: the story against what was said already. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::api::{Call, Posted};
use super::lists::{names, reasons};
use super::message::{Color, Line, Message};
use super::texts::View;
use crate::event::GroupRef;
use crate::notify::story::{EnvironmentStory, GroupStory, State};

/// What is said of each environment at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Started,
    Rollback,
    Ended,
}

/// How much of a group was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Started,
    GoesBack,
    Ended,
}

/// What was said of one environment in one channel.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    phases: BTreeSet<Phase>,
    /// The message that is kept up to date.
    parent: Option<Posted>,
    /// What it said last, or was to say.
    shown: Option<Message>,
    /// Whether that message had its turn last.
    updated: bool,
    groups: BTreeMap<GroupRef, Told>,
}

/// The next thing to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Say {
    pub(super) what: String,
    pub(super) call: Call,
    pub(super) message: Message,
    /// Whether the answer names the message that is kept up to date.
    pub(super) is_parent: bool,
}

impl Said {
    /// The message that is kept up to date is there.
    pub(super) fn posted(&mut self, posted: Posted) {
        self.parent = Some(posted);
    }

    /// Whether the phase has a message to come, in this channel.
    fn due(&self, view: &View<'_>, phase: Phase) -> bool {
        if self.phases.contains(&phase) {
            return false;
        }
        let (environment, audience) = (view.environment, view.audience);
        let begun = self.phases.contains(&Phase::Started);
        match phase {
            Phase::Started => environment.is_begun(audience),
            Phase::Rollback => {
                begun && !view.facts.is_rollback() && !environment.failures(audience).is_empty()
            }
            Phase::Ended => environment.ended.is_some() && (begun || Self::is_trouble(view)),
        }
    }

    /// Whether only the channel of everything is told that nothing was begun.
    fn is_trouble(view: &View<'_>) -> bool {
        view.audience.is_everybody() && view.environment.is_trouble()
    }

    /// The next message of a webhook: at most one for each phase. It counts as said.
    pub(super) fn next_by_webhook(&mut self, view: &View<'_>) -> Option<Say> {
        let phases = [Phase::Started, Phase::Rollback, Phase::Ended];
        let phase = phases.into_iter().find(|phase| self.due(view, *phase))?;
        self.phases.insert(phase);
        let message = match phase {
            Phase::Started => view.started(),
            Phase::Rollback => view.failed(),
            Phase::Ended => view.ended(view.environment.ended.as_ref()?),
        };
        Some(Say { what: what(view.environment, phase), call: Call::Post, message, is_parent: false })
    }

    /// The next call of a bot. It counts as said.
    pub(super) fn next_by_bot(&mut self, view: &View<'_>) -> Option<Say> {
        if let Some(say) = self.parent(view) {
            return Some(say);
        }
        if !self.phases.contains(&Phase::Started) {
            return None;
        }
        if self.due(view, Phase::Rollback) {
            self.phases.insert(Phase::Rollback);
            for group in view.environment.failures(view.audience) {
                self.groups.insert(group.at.clone(), told(group).unwrap_or(Told::GoesBack));
            }
            let call = match &self.parent {
                Some(parent) => Call::Reply { parent: parent.clone(), broadcast: true },
                None => Call::Post,
            };
            let what = what(view.environment, Phase::Rollback);
            return Some(Say { what, call, message: view.failed(), is_parent: false });
        }
        // They take turns, so that neither starves; the end counts for more than its groups'.
        if self.updated && view.environment.ended.is_none() {
            self.updated = false;
            return self.thread(view).or_else(|| self.update(view));
        }
        self.update(view).or_else(|| self.thread(view))
    }

    /// The message that is kept up to date, as long as it is not there.
    fn parent(&mut self, view: &View<'_>) -> Option<Say> {
        let begun = self.phases.contains(&Phase::Started) || view.environment.is_begun(view.audience);
        let ended = view.environment.ended.is_some();
        if self.parent.is_some() || !(begun || (ended && Self::is_trouble(view))) {
            return None;
        }
        let message = view.now();
        // What Slack did not take is not sent again before there is something new.
        if self.shown.as_ref() == Some(&message) {
            return None;
        }
        let phase = if ended { Phase::Ended } else { Phase::Started };
        self.phases.insert(Phase::Started);
        self.shown = Some(message.clone());
        Some(Say { what: what(view.environment, phase), call: Call::Post, message, is_parent: true })
    }

    fn update(&mut self, view: &View<'_>) -> Option<Say> {
        let parent = self.parent.clone()?;
        let message = view.now();
        if self.shown.as_ref() == Some(&message) {
            return None;
        }
        self.shown = Some(message.clone());
        self.updated = true;
        let what = match view.environment.ended {
            Some(_) => what(view.environment, Phase::Ended),
            None => format!("state of {}", view.environment.name),
        };
        Some(Say { what, call: Call::Update(parent), message, is_parent: false })
    }

    /// What is new of groups, joined into one message in the thread.
    fn thread(&mut self, view: &View<'_>) -> Option<Say> {
        let parent = self.parent.clone()?;
        let groups = view.environment.groups(view.audience);
        let news: Vec<(&GroupStory, Told)> = groups
            .into_iter()
            .filter_map(|group| Some((group, told(group)?)))
            .filter(|(group, told)| self.groups.get(&group.at).is_none_or(|before| before < told))
            .collect();
        if news.is_empty() {
            return None;
        }
        for (group, told) in &news {
            self.groups.insert(group.at.clone(), *told);
        }
        let what = format!("groups of {}", view.environment.name);
        let message = of_groups(view, &news);
        Some(Say { what, call: Call::Reply { parent, broadcast: false }, message, is_parent: false })
    }
}

/// How much there is to tell of a group; `None` for one that is not begun.
fn told(group: &GroupStory) -> Option<Told> {
    match group.state {
        State::Refreshing | State::Baking | State::Checking => Some(Told::Started),
        State::RollingBack => Some(Told::GoesBack),
        State::Refreshed | State::RolledBack | State::Refused | State::NeedsPerson | State::Left => {
            Some(Told::Ended)
        }
        State::Waiting | State::NotStarted | State::NotDue | State::Skipped => None,
    }
}

/// `Starting refresh of a, b`, and how others ended.
fn of_groups(view: &View<'_>, news: &[(&GroupStory, Told)]) -> Message {
    let of = |wanted: &dyn Fn(&GroupStory, Told) -> bool| -> Vec<&GroupStory> {
        news.iter().filter(|(group, told)| wanted(group, *told)).map(|(group, _)| *group).collect()
    };
    let nothing = |_: &GroupStory| None::<String>;
    let mut lines = Vec::new();
    let back = of(&|group, told| told >= Told::GoesBack && group.state != State::Refreshed);
    let failed = back.iter().any(|group| group.failed);
    lines.extend(reasons(&back));
    let refreshed = of(&|group, _| group.state == State::Refreshed);
    if !refreshed.is_empty() {
        lines.push(names(Line::say("ASG tests passed, refresh complete: "), &refreshed, nothing));
    }
    let started = of(&|_, told| told == Told::Started);
    if !started.is_empty() {
        lines.push(names(Line::say("Starting refresh of "), &started, nothing));
    }
    let color = match (failed, refreshed.is_empty()) {
        (true, _) => Color::Danger,
        (false, false) => Color::Good,
        (false, true) => Color::Progress,
    };
    let title = if lines.is_empty() { Line::default() } else { lines.remove(0) };
    Message { above: view.above(), title, color, lines }
}

fn what(environment: &EnvironmentStory, phase: Phase) -> String {
    let name = &environment.name;
    match phase {
        Phase::Started => format!("start of {name}"),
        Phase::Rollback => format!("failure in {name}"),
        Phase::Ended => format!("end of {name}"),
    }
}
