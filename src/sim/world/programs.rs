//! Programs that checks run: here for an instance, or on it through Systems Manager.
//!
//! No program is ever run. How one ends is what the fleet says of a healthy instance, unless the
//! scenario says otherwise.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Group, Instance, Life, Place, World, after};
use crate::config::glob_matches;
use crate::model::InstanceId;
use crate::sim::scenario::{AgentTrouble, AnswerChange, EffectKind, ProgramChange};

/// How a program ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ending {
    /// Its exit code.
    pub exit: i32,
    /// What it says.
    pub output: String,
    /// What it says as errors.
    pub errors: String,
    /// After how many seconds.
    pub takes: u32,
}

/// A command that was sent through Systems Manager.
#[derive(Debug, Clone)]
pub struct RemoteCommand {
    /// Where.
    pub place: Place,
    /// The document's name.
    pub document: String,
    /// The lines of its script, when it has any.
    pub lines: Vec<String>,
    /// What it is, for people.
    pub comment: String,
    /// When it was sent.
    pub sent: Timestamp,
    /// What becomes of it on each instance.
    pub runs: BTreeMap<InstanceId, RemoteRun>,
}

/// What becomes of a command on one instance.
#[derive(Debug, Clone)]
pub struct RemoteRun {
    /// When the agent fetches it; `None` for never.
    pub begins: Option<Timestamp>,
    /// When it ends, or is given up.
    pub ends: Timestamp,
    /// Whether it is given up then.
    pub late: bool,
    /// When somebody cancelled it, before it had ended.
    pub cancelled: Option<Timestamp>,
    /// How it ends.
    pub ending: Ending,
}

/// Longer than anybody waits, in seconds.
const NEVER: u32 = 7 * 86_400;
/// How long an agent takes to fetch a command, and to tell how it ended, in seconds.
const FETCHES: u32 = 1;
const TELLS: u32 = 1;

impl World {
    /// How a program ends that is run for an instance, or on it.
    pub fn ending(&self, group: &Group, instance: &Instance, words: &[String]) -> Ending {
        if let Some(change) = self.program_change(group, instance).filter(|change| change.agent.is_none()) {
            return Ending {
                exit: change.exit,
                output: change.output.clone(),
                errors: change.errors.clone(),
                takes: change.takes,
            };
        }
        let healthy = healthy(group, words);
        let change = group.effect(&self.scenario, EffectKind::application);
        match change.filter(|change| change.on.hits(instance.image_is_new)) {
            Some(change) => troubled(healthy, change),
            None => healthy,
        }
    }

    fn program_change(&self, group: &Group, instance: &Instance) -> Option<&ProgramChange> {
        let change = group.effect(&self.scenario, EffectKind::program)?;
        let serving = group.instances.iter().filter(|one| one.life == Life::InService);
        let mut hit: Vec<&Instance> = serving.filter(|one| change.on.hits(one.image_is_new)).collect();
        // The first stays the first: whoever fails goes on failing.
        hit.sort_by_key(|one| (one.serving_since, one.id.clone()));
        hit.truncate(change.instances.map_or(usize::MAX, |most| most as usize));
        hit.iter().any(|one| one.id == instance.id).then_some(change)
    }

    /// What is wrong with an instance's agent, if anything is; `None` when it is not there at all.
    pub fn agent(&self, place: &Place, id: &InstanceId) -> Option<Option<AgentTrouble>> {
        let (group, instance) = self.running(place, id)?;
        Some(self.program_change(group, instance).and_then(|change| change.agent))
    }

    /// An instance of that place that runs, and its group.
    pub fn running(&self, place: &Place, id: &InstanceId) -> Option<(&Group, &Instance)> {
        let here = self.groups.values().filter(|group| group.key.place == *place);
        let mut all = here.flat_map(|group| group.instances.iter().map(move |instance| (group, instance)));
        let runs = |instance: &Instance| instance.alive && instance.life != Life::Terminated;
        all.find(|(_, instance)| instance.id == *id && runs(instance))
    }

    /// Sends a command, and gives its id. `limits` are the seconds for its delivery and its run.
    pub(crate) fn send_command(
        &mut self,
        command: RemoteCommand,
        instances: &[InstanceId],
        limits: (u32, u32),
    ) -> String {
        let id = self.dice.uuid();
        let run = |one: &InstanceId| Some((one.clone(), self.remote_run(&command, one, limits)?));
        let runs = instances.iter().filter_map(run).collect();
        self.commands.insert(id.clone(), RemoteCommand { runs, ..command });
        id
    }

    fn remote_run(
        &self,
        command: &RemoteCommand,
        id: &InstanceId,
        (delivery, execution): (u32, u32),
    ) -> Option<RemoteRun> {
        let (group, instance) = self.running(&command.place, id)?;
        let change = self.program_change(group, instance);
        if change.is_some_and(|change| change.agent == Some(AgentTrouble::Silent)) {
            let ends = after(self.now, delivery);
            return Some(RemoteRun {
                begins: None,
                ends,
                late: true,
                cancelled: None,
                ending: Ending::default(),
            });
        }
        let ending = self.ending(group, instance, &command.lines);
        let begins = after(self.now, FETCHES);
        let late = ending.takes > execution;
        let ends = after(begins, ending.takes.min(execution) + TELLS);
        Some(RemoteRun { begins: Some(begins), ends, late, cancelled: None, ending })
    }
}

fn healthy(group: &Group, words: &[String]) -> Ending {
    let hits = |globs: &[String]| {
        globs.len() == words.len() && globs.iter().zip(words).all(|(glob, word)| glob_matches(glob, word))
    };
    let known = group.programs.iter().find(|program| hits(&program.words));
    known.map_or_else(Ending::default, |program| Ending {
        exit: program.exit,
        output: program.output.clone(),
        ..Ending::default()
    })
}

/// What a program that asks the application makes of its trouble.
fn troubled(healthy: Ending, change: &AnswerChange) -> Ending {
    let failed =
        |errors: &str, takes| Ending { exit: 1, errors: errors.to_owned(), takes, ..Ending::default() };
    if change.refuse {
        return failed("connection refused", 0);
    }
    if change.silent {
        return failed("", NEVER);
    }
    if change.status >= 400 {
        let ending = failed(&format!("the application answered {}", change.status), change.delay);
        return Ending { output: change.body.clone(), ..ending };
    }
    Ending { takes: change.delay, ..healthy }
}
