//! `smoke --watch`: asks again and again, and shows what changed.
//!
//! Each check is asked once a round, without its retries, so that what is shown is how it is.
//! It notes nothing on groups and tells nobody outside. Reports are written once, at the end,
//! of the last whole round.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{IsTerminal, sink};
use std::rc::Rc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::super::told::{Telling, Verdicts, exit_of, message, settings, started};
use super::super::{Failure, Output, signals};
use super::World;
use crate::config::Fleet;
use crate::event::{Event, GroupRef, Stamped, Status};
use crate::model::{Exit, GroupName};
use crate::report::Reporters;
use crate::rollout::{self, Events, Run};
use crate::smoke::Runner;

/// The configuration with every check asked once.
pub(super) fn once(fleet: &Fleet) -> Fleet {
    let mut fleet = fleet.clone();
    for check in fleet.checks.values_mut() {
        check.retry.within = Duration::ZERO;
        check.retry.consecutive = 1;
    }
    fleet
}

/// Goes round until a signal comes; the exit code is that of the last whole round.
pub(super) async fn watch(
    telling: &Telling<'_>,
    world: &World,
    only: Option<&GroupName>,
    every: Duration,
) -> Result<Exit, Failure> {
    let screen = Screen { output: Output::new(telling.global), live: std::io::stdout().is_terminal() };
    let mut seen = Seen::default();
    let mut last = None;
    let mut rounds = 0_u32;
    loop {
        let (events, verdicts) = tokio::select! {
            biased;
            signal = signals::ended() => { signal?; break }
            round = round(telling, world, only) => round,
        };
        rounds += 1;
        let at = events.last().map_or_else(|| world.clock.now(), |event| event.at);
        let changes = seen.changes(&events);
        let line = format!("round {rounds}: {}", seen.words());
        screen.show(&telling.fleet.timezone, at, &changes, (&line, rounds == 1))?;
        last = Some((events, exit_of(&verdicts)));
        tokio::select! {
            biased;
            signal = signals::ended() => { signal?; break }
            () = world.clock.sleep(every) => {}
        }
    }
    screen.end()?;
    let Some((events, exit)) = last else { return Ok(Exit::Aborted) };
    let mut reporters = Reporters::with_output(settings(telling, world), Box::new(sink()))?;
    for event in events {
        reporters.emit(event);
    }
    let event = Event::RunEnded { exit, message: message(exit).to_owned() };
    reporters.emit(Stamped { at: world.clock.now(), event });
    reporters.finish()?;
    let reports = telling.global.report_dir.display();
    screen.output.note(&format!("{}; the reports of the last round are in {reports}", seen.words()));
    Ok(exit)
}

/// One round: everything that was told, and the verdicts.
async fn round(telling: &Telling<'_>, world: &World, only: Option<&GroupName>) -> (Vec<Stamped>, Verdicts) {
    let told: Rc<RefCell<Vec<Stamped>>> = Rc::default();
    let sink = Rc::clone(&told);
    let events = Events::new(world.clock, move |event| sink.borrow_mut().push(event));
    let probes = Runner::new(world.clock, world.network.clone());
    let run = Run::new(telling.fleet, telling.candidate, &world.cloud, world.clock, probes, events);
    let run = run.again_by("smoke");
    run.events.emit(started(telling, world));
    let mut verdicts = Vec::new();
    for environment in telling.environments {
        verdicts.push((environment.name.clone(), rollout::smoke(&run, environment, only).await));
    }
    (told.take(), verdicts)
}

/// How a check stands: its status, and the subjects that are not as they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stands {
    status: Status,
    wrong: Vec<String>,
    message: String,
}

/// How everything stood in the last round.
#[derive(Debug, Default)]
struct Seen {
    checks: BTreeMap<(GroupRef, String), Stands>,
    /// Why environments could not be asked.
    refused: Vec<String>,
    begun: bool,
}

impl Seen {
    /// Takes a round in, and gives a line for each thing that is otherwise than before; of the first
    /// round for each that is not as it should be.
    fn changes(&mut self, events: &[Stamped]) -> Vec<String> {
        let (mut now, mut refused) = (BTreeMap::new(), Vec::new());
        for stamped in events {
            if let Event::CheckEnded { group, result } = &stamped.event {
                let wrong = result.probes.iter().filter(|probe| is_wrong(probe.status));
                let stands = Stands {
                    status: result.status,
                    wrong: wrong.map(|probe| probe.subject.clone()).collect(),
                    message: result.message.clone(),
                };
                now.insert((group.clone(), result.check.clone()), stands);
            } else if let Event::Refused { environment, problems } = &stamped.event {
                refused.extend(problems.iter().map(|problem| format!("{environment}: {}", problem.what)));
            }
        }
        let mut lines: Vec<String> = Vec::new();
        for ((group, check), stands) in &now {
            let subject = format!("{} {} {check}", group.environment, group.group);
            match self.checks.get(&(group.clone(), check.clone())) {
                Some(before) if before.status == stands.status && before.wrong == stands.wrong => {}
                Some(before) => {
                    lines.push(format!("{subject}: {} -> {}", word(before.status), told(stands)));
                }
                None if self.begun || is_wrong(stands.status) => {
                    lines.push(format!("{subject}: {}", told(stands)));
                }
                None => {}
            }
        }
        // What could not be asked is not gone.
        if refused.is_empty() {
            let gone = self.checks.keys().filter(|key| !now.contains_key(*key));
            lines.extend(
                gone.map(|(group, check)| format!("{} {} {check}: gone", group.environment, group.group)),
            );
            self.checks = now;
        } else {
            self.checks.extend(now);
        }
        lines.extend(refused.iter().filter(|line| !self.refused.contains(line)).cloned());
        (self.refused, self.begun) = (refused, true);
        lines
    }

    /// `8 passed, 1 failed`.
    fn words(&self) -> String {
        let count = |status| self.checks.values().filter(|stands| stands.status == status).count();
        let all = [Status::Passed, Status::Failed, Status::Errored, Status::Skipped];
        let counted = all.map(|status| (count(status), word(status)));
        let mut words: Vec<String> = counted
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        if !self.refused.is_empty() {
            words.push("some could not be asked".to_owned());
        }
        if words.is_empty() { "no checks".to_owned() } else { words.join(", ") }
    }
}

fn is_wrong(status: Status) -> bool {
    matches!(status, Status::Failed | Status::Errored)
}

fn told(stands: &Stands) -> String {
    format!("{}: {}", word(stands.status), stands.message)
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Skipped => "skipped",
        Status::Failed => "failed",
        Status::Errored => "errored",
    }
}

/// Where it is shown: lines that stay for what changed, and, on a terminal, one that is written over.
struct Screen {
    output: Output,
    live: bool,
}

impl Screen {
    fn show(
        &self,
        zone: &TimeZone,
        at: jiff::Timestamp,
        changes: &[String],
        (line, first): (&str, bool),
    ) -> Result<(), Failure> {
        let time = at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string();
        let mut text = String::new();
        if self.live {
            text.push_str("\r\x1b[K");
        }
        text.extend(changes.iter().map(|change| format!("{time} {}\n", printable(change))));
        if self.live {
            // One line of a narrow terminal: a longer one could not be written over.
            text.extend(format!("{time} {line}").chars().take(78));
        } else if first || !changes.is_empty() {
            text.extend([&time, " ", line, "\n"]);
        }
        self.output.text(&text)
    }

    fn end(&self) -> Result<(), Failure> {
        self.output.text(if self.live { "\r\x1b[K" } else { "" })
    }
}

/// What a server said may hold anything; a line is one line, and moves no cursor.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{CheckResult, Probe};

    fn ended(check: &str, status: Status, wrong: &[&str], message: &str) -> Stamped {
        let probe = |subject: &&str| Probe {
            subject: (*subject).into(),
            status: Status::Failed,
            message: "503".into(),
            attempts: 1,
            latency_ms: 1,
            refused: false,
            evidence: String::new(),
            output: String::new(),
        };
        let group = GroupRef { environment: "qa".into(), region: "eu-west-2".into(), group: "web".into() };
        let result = CheckResult {
            check: check.into(),
            status,
            message: message.into(),
            probes: wrong.iter().map(probe).collect(),
            took_ms: 1,
        };
        Stamped { at: jiff::Timestamp::UNIX_EPOCH, event: Event::CheckEnded { group, result } }
    }

    #[test]
    fn a_round_tells_what_is_otherwise_than_before() {
        let mut seen = Seen::default();
        let good = ended("app", Status::Passed, &[], "2 of 2 instances passed");
        let bad = |wrong: &[&str], message: &str| ended("db", Status::Failed, wrong, message);
        assert_eq!(
            seen.changes(&[good.clone(), bad(&["i-1"], "503 in 3 ms")]),
            ["qa web db: failed: 503 in 3 ms"]
        );
        // Another time in the message is no change.
        assert_eq!(seen.changes(&[good.clone(), bad(&["i-1"], "503 in 4 ms")]), [""; 0]);
        assert_eq!(seen.words(), "1 passed, 1 failed");
        let changes = seen.changes(&[good.clone(), bad(&["i-1", "i-2"], "503")]);
        assert_eq!(changes, ["qa web db: failed -> failed: 503"]);
        let changes = seen.changes(&[ended("app", Status::Errored, &["i-1"], "refused")]);
        assert_eq!(changes, ["qa web app: passed -> errored: refused", "qa web db: gone"]);
        assert_eq!(
            seen.changes(std::slice::from_ref(&good)),
            ["qa web app: errored -> passed: 2 of 2 instances passed"]
        );
    }

    #[test]
    fn what_could_not_be_asked_is_told_once_and_is_not_gone() {
        let mut seen = Seen::default();
        seen.changes(&[ended("app", Status::Passed, &[], "passed")]);
        let problem = crate::model::Problem::new("AWS could not be asked", "", "");
        let event = Event::Refused { environment: "qa".into(), problems: vec![problem] };
        let refused = Stamped { at: jiff::Timestamp::UNIX_EPOCH, event };
        assert_eq!(seen.changes(std::slice::from_ref(&refused)), ["qa: AWS could not be asked"]);
        assert_eq!(seen.changes(&[refused]), [""; 0]);
        assert_eq!(seen.words(), "1 passed, some could not be asked");
        assert_eq!(seen.changes(&[ended("app", Status::Passed, &[], "passed")]), [""; 0]);
    }

    #[test]
    fn what_a_server_said_moves_no_cursor() {
        assert_eq!(printable("a\x1b[2J\r\nb"), "a [2J  b");
    }
}
