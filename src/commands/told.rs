//! A run that is told as it happens: reporters, events, signals, the exit code.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::rc::Rc;

use super::context::World;
use super::{Failure, Output, signals};
use crate::cli::Global;
use crate::config::{Environment, Fleet};
use crate::event::{Event, Simulation};
use crate::model::{Candidate, EnvironmentName, Exit, Verdict};
use crate::report::{Detail, Reporters, Settings, TerminalMode};
use crate::rollout::{Events, Run, abandon};
use crate::smoke::Runner;

/// What a told run is about.
pub(super) struct Telling<'a> {
    pub(super) global: &'a Global,
    pub(super) fleet: &'a Fleet,
    pub(super) candidate: &'a Candidate,
    pub(super) command: &'a str,
    pub(super) environments: &'a [&'a Environment],
    /// What it is rehearsed on; `None` on AWS.
    pub(super) simulation: Option<Simulation>,
}

/// The verdicts of a run's environments.
pub(super) type Verdicts = Vec<(EnvironmentName, Verdict)>;

/// Does the work with everything told, until it ends or a signal ends it.
pub(super) async fn told(
    telling: &Telling<'_>,
    world: &World,
    work: impl AsyncFnOnce(&Run<'_>) -> Verdicts,
) -> Result<Exit, Failure> {
    let reporters = Rc::new(RefCell::new(Reporters::new(settings(telling))?));
    let sink = Rc::clone(&reporters);
    let events = Events::new(world.clock, move |event| sink.borrow_mut().emit(event));
    let probes = Runner::new(world.clock, world.network.clone());
    let run = Run::new(telling.fleet, telling.candidate, &world.cloud, world.clock, probes, events);
    let run = run.again_by(again(telling.command));
    run.events.emit(started(telling));
    let names: Vec<EnvironmentName> =
        telling.environments.iter().map(|environment| environment.name.clone()).collect();
    // In a rehearsal nothing is at stake: a signal just ends the process.
    let exit = if telling.simulation.is_some() {
        exit_of(&work(&run).await)
    } else {
        tokio::select! {
            biased;
            signal = signals::ended() => {
                abandon(&run, &names, signal?).await;
                Exit::Aborted
            }
            verdicts = work(&run) => exit_of(&verdicts),
        }
    };
    run.events.emit(Event::RunEnded { exit, message: message(exit).to_owned() });
    drop(run);
    let finished = reporters.borrow_mut().finish();
    if let Err(error) = finished {
        // What became of the rollout matters more than that it could not be written down.
        Output::new(telling.global).failure(&Failure::from(error));
        return Ok(if exit == Exit::Done { Exit::Unexpected } else { exit });
    }
    Ok(exit)
}

fn settings(telling: &Telling<'_>) -> Settings {
    let simulated = telling.simulation.is_some();
    let live = !simulated && std::io::stderr().is_terminal() && std::io::stdout().is_terminal();
    Settings {
        report_dir: telling.global.report_dir.clone(),
        terminal: if live { TerminalMode::Live } else { TerminalMode::Plain },
        detail: if simulated { Detail::Groups } else { Detail::Steps },
        color: Output::new(telling.global).color(),
        timezone: telling.fleet.timezone.clone(),
        simulated,
    }
}

fn started(telling: &Telling<'_>) -> Event {
    Event::RunStarted {
        command: telling.command.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        simulation: telling.simulation.clone(),
        family: telling.candidate.family.clone(),
        images: telling.candidate.images.clone(),
        build: telling.candidate.build.clone(),
        environments: telling.environments.iter().map(|environment| environment.name.clone()).collect(),
    }
}

/// The step that goes on where a run of this one ends.
fn again(command: &str) -> &'static str {
    match command {
        "rollback" => "rollback",
        "smoke" => "smoke",
        "refresh" => "refresh",
        "update-templates" => "update-templates",
        _ => "rollout",
    }
}

/// The exit code of the worst environment: what a person must hear of first.
pub(super) fn exit_of(verdicts: &[(EnvironmentName, Verdict)]) -> Exit {
    let exits = verdicts.iter().map(|(_, verdict)| verdict.exit());
    exits
        .max_by_key(|exit| match exit {
            Exit::Done => 0,
            Exit::Refused => 1,
            Exit::Usage => 2,
            Exit::Unexpected => 3,
            Exit::RolledBack => 4,
            Exit::NeedsPerson => 5,
            Exit::Aborted => 6,
        })
        .unwrap_or(Exit::Done)
}

fn message(exit: Exit) -> &'static str {
    match exit {
        Exit::Done => "done",
        Exit::Unexpected => "AWS could not be asked",
        Exit::Usage => "the set-up is not as the configuration says",
        Exit::Refused => "refused before anything changed",
        Exit::RolledBack => "failed, and rolled back",
        Exit::NeedsPerson => "failed, and a person is needed",
        Exit::Aborted => "aborted by a signal",
    }
}
