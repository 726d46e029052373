//! Plays event streams to channels without any server: what would be said, in order.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use crate::event::{GroupRef, PlannedAction, PlannedGroup, Stamped};
use crate::model::{Exit, Outcome, Verdict};
use crate::notify::slack::api::{Call, Posted};
use crate::notify::slack::said::{Said, Say};
use crate::notify::slack::texts::View;
use crate::notify::story::{Audience, Story};
use crate::report::stream::{NEW, Stream, group, planned};

/// By which way a stream is played.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Webhook,
    Bot,
}

pub(super) fn london() -> TimeZone {
    TimeZone::get("Europe/London").unwrap()
}

pub(super) fn team(name: &str) -> Audience {
    Audience::Teams(BTreeSet::from([name.to_owned()]))
}

/// Everything that is said when each event is answered at once.
pub(super) fn play(events: &[Stamped], audience: &Audience, mode: Mode) -> Vec<Say> {
    let mut story = Story::default();
    let mut said: Vec<Said> = Vec::new();
    let mut says = Vec::new();
    for event in events {
        story.fold(event);
        says.extend(all(&story, &mut said, audience, mode));
    }
    says
}

/// Everything that is to be said now.
pub(super) fn all(story: &Story, said: &mut Vec<Said>, audience: &Audience, mode: Mode) -> Vec<Say> {
    let (mut says, zone) = (Vec::new(), london());
    let Some(facts) = story.facts().filter(|_| story.is_spoken_of()) else { return says };
    said.resize_with(story.environments().len(), Said::default);
    for (environment, said) in story.environments().iter().zip(said) {
        let view = View { facts, environment, audience, zone: &zone };
        loop {
            let say = match mode {
                Mode::Webhook => said.next_by_webhook(&view),
                Mode::Bot => said.next_by_bot(&view),
            };
            let Some(say) = say else { break };
            if say.is_parent {
                said.posted(Posted { channel: "C1".into(), ts: "1.1".into() });
            }
            says.push(say);
        }
    }
    says
}

/// The says as one text: what, how, and the message as a person reads it.
pub(super) fn shown(says: &[Say]) -> String {
    let one = |say: &Say| {
        let how = match &say.call {
            Call::Post => "",
            Call::Reply { broadcast: false, .. } => " (thread)",
            Call::Reply { broadcast: true, .. } => " (thread and channel)",
            Call::Update(_) => " (update)",
        };
        format!("--- {}{how}\n{}\n", say.what, say.message.reading())
    };
    says.iter().map(one).collect()
}

pub(super) fn of_team(environment: &str, name: &str, team: &str) -> PlannedGroup {
    PlannedGroup { team: Some(team.into()), ..planned(environment, name, PlannedAction::Refresh) }
}

/// That many groups, each of the team `team-<n mod 5>`, in one environment; all go well but
/// those that `fails` names.
pub(super) fn many(count: usize, fails: impl Fn(usize) -> bool) -> Vec<Stamped> {
    let mut stream = Stream::new(&["qa"], None);
    let name = |n: usize| format!("service-{n:03}-qa");
    let groups = (0..count).map(|n| of_team("qa", &name(n), &format!("team-{}", n % 5))).collect();
    stream.start("qa", groups);
    for n in 0..count {
        let at: GroupRef = group("qa", &name(n));
        if fails(n) {
            stream.refresh(&at);
            stream.push(crate::event::Event::RollbackStarted {
                group: at.clone(),
                route: crate::event::RollbackRoute::Native,
                why: "app-health: 2 of 4 instances failed\nand more".into(),
            });
            stream.end(&at, Outcome::RolledBack { why: "app-health: 2 of 4 instances failed".into() }, None);
        } else {
            stream.refresh(&at).end(&at, Outcome::Refreshed { instances: 4 }, Some(NEW));
        }
    }
    let failed = (0..count).filter(|n| fails(*n)).count();
    if failed == 0 {
        stream.environment_ended("qa", Verdict::Passed, &format!("{count} groups on the new image"), &[]);
        return stream.run_ended(Exit::Done, "done");
    }
    let next = ["ami-refresh rollout --env qa, when the cause is mended"];
    let message = format!("{} refreshed, {failed} rolled back", count - failed);
    stream.environment_ended("qa", Verdict::RolledBack, &message, &next);
    stream.run_ended(Exit::RolledBack, "failed, and rolled back")
}
