//! A run that is told as it happens: reporters, notifications, events, signals, the exit code.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::context::World;
use super::{Failure, Output, signals};
use crate::cli::Global;
use crate::clock::Clock;
use crate::config::{Environment, Fleet};
use crate::event::{Event, GroupRef, Simulation, Stamped};
use crate::model::{Candidate, EnvironmentName, Exit, Verdict};
use crate::notify::{Notifier, Outlet};
use crate::report::{Detail, Reporters, Settings, TerminalMode};
use crate::rollout::{Events, Run, abandon};
use crate::smoke::Runner;

/// How long an aborted run still waits for its notifications: of the caller's time, who may
/// kill it soon.
const AFTER_SIGNAL: Duration = Duration::from_secs(1);

/// How often the terminal is told the time.
const TICK: Duration = Duration::from_secs(1);

/// What a told run is about.
pub(super) struct Telling<'a> {
    pub(super) global: &'a Global,
    pub(super) fleet: &'a Fleet,
    pub(super) candidate: &'a Candidate,
    pub(super) command: &'a str,
    pub(super) environments: &'a [&'a Environment],
    /// What it is rehearsed on; `None` on AWS.
    pub(super) simulation: Option<Simulation>,
    /// The options that whoever goes on must give again, as in ` --when scheduled`.
    pub(super) options: String,
}

/// The verdicts of a run's environments.
pub(super) type Verdicts = Vec<(EnvironmentName, Verdict)>;

/// Does the work with everything told, until it ends or a signal ends it.
pub(super) async fn told(
    telling: &Telling<'_>,
    world: &World,
    work: impl AsyncFnOnce(&Run<'_>) -> Verdicts,
) -> Result<Exit, Failure> {
    let reporters = Rc::new(RefCell::new(Reporters::new(settings(telling, world))?));
    reporters.borrow_mut().expect(bakes(telling.fleet));
    let notifier = Rc::new(RefCell::new(Some(notifier(telling, world))));
    let (sink, outside) = (Rc::clone(&reporters), Rc::clone(&notifier));
    let events = Events::new(world.clock, move |event| {
        // The journal first: what it holds is true whatever becomes of the rest.
        sink.borrow_mut().emit(event.clone());
        if let Some(notifier) = outside.borrow().as_ref() {
            notifier.tell(&Stamped { at: event.at, event: event.event.brief() });
        }
    });
    let probes = Runner::new(world.clock, world.network.clone());
    let run = Run::new(telling.fleet, telling.candidate, &world.cloud, world.clock, probes, events);
    let run = run.again_by(again(telling.command)).given(telling.options.clone());
    run.events.emit(started(telling, world));
    let names: Vec<EnvironmentName> =
        telling.environments.iter().map(|environment| environment.name.clone()).collect();
    // In a rehearsal nothing is at stake: a signal just ends the process.
    let (exit, message) = if telling.simulation.is_some() {
        ending(&work(&run).await)
    } else {
        tokio::select! {
            biased;
            signal = signals::ended() => {
                abandon(&run, &names, signal?).await;
                (Exit::Aborted, message(Exit::Aborted))
            }
            // First: what the work tells is drawn on a terminal whose size is known.
            never = tick(world.clock, &reporters) => never,
            verdicts = work(&run) => ending(&verdicts),
        }
    };
    drop(run);
    let notifier = notifier.take();
    end(telling, world.clock, (exit, message), notifier, &reporters).await;
    let finished = reporters.borrow_mut().finish();
    if let Err(error) = finished {
        // What became of the rollout matters more than that it could not be written down.
        Output::new(telling.global).failure(&Failure::from(error));
        return Ok(if exit == Exit::Done { Exit::Unexpected } else { exit });
    }
    Ok(exit)
}

/// Tells the terminal the time and its size, for ever.
async fn tick(clock: Clock, reporters: &RefCell<Reporters>) -> (Exit, &'static str) {
    let mut sizes = signals::sizes();
    loop {
        tokio::select! {
            biased;
            () = signals::next(&mut sizes) => reporters.borrow_mut().resized(),
            // Of the time of whoever looks on, however fast a simulated clock goes.
            () = tokio::time::sleep(TICK) => reporters.borrow_mut().tick(clock.now()),
        }
    }
}

/// How long each group bakes.
fn bakes(fleet: &Fleet) -> impl Fn(&GroupRef) -> Duration + Send + use<> {
    let fleet = fleet.clone();
    move |at| {
        let environment = fleet.environment(at.environment.as_str());
        environment.map_or(Duration::ZERO, |one| fleet.policy(one, &at.group).preferences.bake)
    }
}

fn notifier(telling: &Telling<'_>, world: &World) -> Notifier {
    match &world.post {
        Some((post, secrets)) => Notifier::start_with(telling.fleet, world.clock, post.clone(), *secrets),
        None => Notifier::start(telling.fleet, world.clock, Outlet::Network),
    }
}

/// Tells everybody how the run ended; what was not delivered is told before that, so that the
/// end stays the journal's last event.
async fn end(
    telling: &Telling<'_>,
    clock: Clock,
    (exit, message): (Exit, &str),
    notifier: Option<Notifier>,
    reporters: &RefCell<Reporters>,
) {
    let ended = || Stamped { at: clock.now(), event: Event::RunEnded { exit, message: message.to_owned() } };
    if let Some(notifier) = notifier {
        notifier.tell(&ended());
        let within = telling.fleet.notify.deadline;
        let undelivered = if telling.simulation.is_some() {
            notifier.finish(within).await
        } else {
            notifier.finish_by(patience(clock, within, exit)).await
        };
        for one in undelivered {
            reporters.borrow_mut().emit(Stamped { at: clock.now(), event: one.into() });
        }
    }
    reporters.borrow_mut().emit(ended());
}

/// How long the end waits for notifications: less when the run was aborted, and when a signal
/// comes meanwhile.
async fn patience(clock: Clock, within: Duration, exit: Exit) {
    let aborted = async {
        if exit != Exit::Aborted {
            // Without a handler the signal ends the process, and everything that matters is written.
            let _signal = signals::ended().await;
        }
        tokio::time::sleep(AFTER_SIGNAL).await;
    };
    tokio::select! {
        () = clock.sleep(within) => {}
        () = aborted => {}
    }
}

pub(super) fn settings(telling: &Telling<'_>, world: &World) -> Settings {
    let rehearsed = telling.simulation.is_some();
    let live = !rehearsed && Output::is_live();
    Settings {
        report_dir: telling.global.report_dir.clone(),
        terminal: if live { TerminalMode::Live } else { TerminalMode::Plain },
        detail: if rehearsed { Detail::Groups } else { Detail::Steps },
        color: Output::new(telling.global).color(),
        timezone: telling.fleet.timezone.clone(),
        simulated: world.simulated,
    }
}

pub(super) fn started(telling: &Telling<'_>, world: &World) -> Event {
    Event::RunStarted {
        command: telling.command.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        simulation: telling.simulation.clone(),
        family: telling.candidate.family.clone(),
        images: telling.candidate.images.clone(),
        build: telling.candidate.build.clone(),
        environments: telling.environments.iter().map(|environment| environment.name.clone()).collect(),
        simulated: world.simulated,
        timezone: telling.fleet.timezone.iana_name().map(ToOwned::to_owned),
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
///
/// Where something was done, what is not due yet is no refusal: a run that comes again and
/// again takes what is due each time.
pub(super) fn exit_of(verdicts: &[(EnvironmentName, Verdict)]) -> Exit {
    let done = |verdict: Verdict| matches!(verdict, Verdict::Passed | Verdict::Partial);
    let any_done = verdicts.iter().any(|(_, verdict)| done(*verdict));
    let counting = verdicts.iter().filter(|(_, verdict)| !(any_done && *verdict == Verdict::NotDue));
    let exits = counting.map(|(_, verdict)| verdict.exit());
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

/// The exit code, and the words for it: where a gate is not passed, groups may have changed.
fn ending(verdicts: &[(EnvironmentName, Verdict)]) -> (Exit, &'static str) {
    let exit = exit_of(verdicts);
    let is_held = verdicts.iter().any(|(_, verdict)| *verdict == Verdict::Unproved);
    (exit, if is_held && exit == Exit::Refused { "the gate is not passed" } else { message(exit) })
}

pub(super) fn message(exit: Exit) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_that_is_held_does_not_say_that_nothing_changed() {
        let of = |verdict| ending(&[("qa".into(), verdict), ("prod".into(), Verdict::NotReached)]);
        assert_eq!(of(Verdict::Unproved), (Exit::Refused, "the gate is not passed"));
        assert_eq!(of(Verdict::Refused), (Exit::Refused, "refused before anything changed"));
    }
}
