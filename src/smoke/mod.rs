//! The checks: asked of a group's instances, targets and applications, and judged.
//!
//! [`Runner`] runs the checks of a group. Each kind of check has a module that asks it and
//! one that judges, pure. A check passes, fails (it was answered wrongly) or errs (it could
//! not be asked); whatever is asked, it ends in time, holds a bounded part of the answer,
//! and leaves nothing running behind. Never decides what a result means for a rollout.

mod alarm;
mod answer;
mod assertions;
mod captured;
mod command;
mod each;
mod http;
mod instances;
mod list;
mod look;
mod needs;
mod output;
mod processes;
mod program;
mod progress;
mod reach;
mod retry;
mod room;
mod secrets;
mod ssm;
mod ssm_command;
mod targets;
mod tcp;
mod tls;
mod turns;
mod variables;
mod whole;

#[cfg(test)]
mod tests;

pub use self::list::{Ask, Listed, list};

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use self::answer::{Answer, Asked, Subject, Told, worst};
use self::captured::Captured;
use self::each::Question;
use self::http::Pool;
use self::look::{Calls, Look};
use self::needs::Needed;
use self::progress::Progress;
use self::tls::Tls;
use self::turns::{LIMIT, Turns};
use self::variables::Variables;
use self::whole::Whole;
use crate::aws::Account;
use crate::clock::Clock;
use crate::config::{Check, CheckKind, RetryPolicy, Scope};
use crate::event::{CheckResult, GroupRef, Status};
use crate::model::{Instance, InstanceId, Launch};
use crate::net::Network;

/// How many checks of a group are begun at once, most of which wait for an asking: each holds memory.
const BEGUN: usize = 2 * LIMIT;
/// How many programs of the team's own run at once: each is a process.
const PROGRAMS: usize = 16;
/// How old a sighting may be when a check wants to know how the group is now.
const FRESH: Duration = Duration::from_secs(1);

/// Runs checks. Copies share one limit, so that all groups of a run stay under it together.
#[derive(Debug, Clone)]
pub struct Runner {
    clock: Clock,
    network: Network,
    turns: Arc<Turns>,
    programs: Arc<Semaphore>,
    tls: Tls,
    pool: Arc<Pool>,
}

/// Which group is asked, and what its instances must run.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// The group.
    pub group: GroupRef,
    /// Every way in which its instances may have been launched; `None` when any will do.
    pub launches: Option<Vec<Launch>>,
    /// Whether instances launched from another version with the same image will do.
    pub any_version: bool,
    /// Whether only the instances of these ways are asked, the others being still to be replaced.
    pub in_part: bool,
    /// Whether instances that are protected from scale-in may run something else: AWS was told
    /// to leave them alone.
    pub spares_protected: bool,
    /// The group's tags.
    pub tags: BTreeMap<String, String>,
    /// Within which time all checks must have ended; `None` leaves each its own.
    pub deadline: Option<Duration>,
}

/// What the checks of one group share.
struct Round<'a, 'c> {
    runner: &'a Runner,
    look: Look<'c>,
    expect: &'a Expectation,
    /// All of them, in order.
    checks: &'a [&'a Check],
    captured: Captured,
    /// When the first of them began.
    began: Timestamp,
}

/// A check that is asked.
#[derive(Debug, Clone, Copy)]
struct Asking<'a> {
    /// Its place among the checks.
    place: usize,
    check: &'a Check,
    progress: &'a Progress,
}

impl Runner {
    /// A runner on this clock and network, with a limit of 256 askings at once, 64 of which are young.
    pub fn new(clock: Clock, network: Network) -> Self {
        Self {
            clock,
            network,
            turns: Arc::new(Turns::of(clock, LIMIT)),
            programs: Arc::new(Semaphore::new(PROGRAMS)),
            tls: Tls::default(),
            pool: Arc::default(),
        }
    }

    /// The same with another limit, at least 1.
    #[must_use]
    pub fn with_limit(self, askings: usize) -> Self {
        Self { turns: Arc::new(Turns::of(self.clock, askings)), ..self }
    }

    /// Runs the checks of one group, all at once; the results are in the order of `checks`.
    ///
    /// Calls `done` as each ends. Dropping the future drops every connection and wait.
    pub async fn run(
        &self,
        account: &Account,
        expect: &Expectation,
        checks: &[&Check],
        done: impl FnMut(&CheckResult),
    ) -> Vec<CheckResult> {
        self.run_with(Calls::of(account, &expect.group.group), expect, checks, done).await
    }

    async fn run_with(
        &self,
        calls: Calls<'_>,
        expect: &Expectation,
        checks: &[&Check],
        mut done: impl FnMut(&CheckResult),
    ) -> Vec<CheckResult> {
        let _tidy = self.pool.tidy();
        let only = expect.launches.clone().filter(|_| expect.in_part);
        let look = Look::new(self.clone(), calls, only);
        let (began, captured) = (self.clock.now(), Captured::default());
        let round = &Round { runner: self, look, expect, checks, captured, began };
        // In order: what a check waits for was begun before it.
        let all = stream::iter(0..checks.len()).map(async |place| (place, round.check(place).await));
        let mut running = pin!(all.buffer_unordered(BEGUN));
        let mut results: Vec<Option<CheckResult>> = vec![None; checks.len()];
        while let Some((place, result)) = running.next().await {
            done(&result);
            results[place] = Some(result);
        }
        results.into_iter().flatten().collect()
    }
}

impl Round<'_, '_> {
    async fn check(&self, place: usize) -> CheckResult {
        let check = self.checks[place];
        let clock = self.runner.clock;
        let (began, progress) = (clock.now(), Progress::default());
        let asking = Asking { place, check, progress: &progress };
        let asked = match self.deadline(check) {
            None => self.asked(asking).await,
            Some((limit, words)) => {
                // Few have one: the others need not have room for it twice.
                let asked = Box::pin(self.asked(asking));
                match tokio::time::timeout(clock.real(limit), asked).await {
                    Ok(asked) => asked,
                    Err(_) => progress.over(&words, Subject::Whole(self.name())),
                }
            }
        };
        for one in &asked {
            if let Subject::Instance(id) = &one.subject {
                self.settle(place, Some(id), one.answer.status);
            }
        }
        if check.on == Scope::Group {
            // Also when it was never asked, or not to the end: nobody asks it again.
            self.settle(place, None, worst(asked.iter().map(|one| one.answer.status)));
        }
        if captures(check) {
            self.captured.end(place);
        }
        let took = clock.since(began);
        let mut told = Told::of(asked.len());
        for one in asked {
            told.add(self.masked(one));
            // Of a thousand it takes a while, and other checks have deadlines.
            tokio::task::yield_now().await;
        }
        told.result(&check.name, took)
    }

    /// Tells those who wait for what the check captures that it has its last answer of somebody.
    fn settle(&self, place: usize, whose: Option<&InstanceId>, status: Status) {
        if captures(self.checks[place]) {
            self.captured.settle(place, whose, status);
        }
    }

    /// The time that the check has from here on at the most, and what to call it.
    fn deadline(&self, check: &Check) -> Option<(Duration, String)> {
        let own = check.deadline.map(|limit| (limit, format!("its deadline of {limit:?}")));
        let passed = self.runner.clock.since(self.began);
        let shared = self
            .expect
            .deadline
            .map(|limit| (limit.saturating_sub(passed), format!("the deadline of all checks, {limit:?},")));
        own.into_iter().chain(shared).min_by_key(|(limit, _)| *limit)
    }

    /// No report may show a secret that was captured.
    fn masked(&self, asked: Asked) -> Asked {
        let Asked { subject, mut answer, attempts } = asked;
        answer.message = self.captured.masked(answer.message);
        answer.evidence = self.captured.masked(answer.evidence.to_string()).into();
        let subject = match subject {
            Subject::Whole(name) => Subject::Whole(self.captured.masked(name)),
            other @ (Subject::Instance(_) | Subject::Alarm(_)) => other,
        };
        Asked { subject, answer, attempts }
    }

    async fn asked(&self, asking: Asking<'_>) -> Vec<Asked> {
        let check = asking.check;
        match (&check.kind, check.on) {
            (CheckKind::Instances, Scope::Instance | Scope::Group) => {
                self.until(Whole::Instances, asking).await
            }
            (CheckKind::Targets, Scope::Instance | Scope::Group) => self.until(Whole::Targets, asking).await,
            (CheckKind::Http(http), Scope::Instance) => self.each(Question::Http(http), asking).await,
            (CheckKind::Tcp(tcp), Scope::Instance) => self.each(Question::Tcp(tcp), asking).await,
            (CheckKind::Http(http), Scope::Group) => {
                self.until(Whole::Question(Question::Http(http)), asking).await
            }
            (CheckKind::Tcp(tcp), Scope::Group) => {
                self.until(Whole::Question(Question::Tcp(tcp)), asking).await
            }
            (CheckKind::Command(command), Scope::Instance) => {
                self.each(Question::Command(&check.name, command), asking).await
            }
            (CheckKind::Command(command), Scope::Group) => {
                self.until(Whole::Question(Question::Command(&check.name, command)), asking).await
            }
            (CheckKind::Ssm(ssm), Scope::Instance | Scope::Group) => {
                let desk = ssm::Desk::new(self, &check.name, ssm);
                self.each(Question::Ssm(&desk), asking).await
            }
            (CheckKind::Alarm(alarm), Scope::Instance | Scope::Group) => {
                self.until(Whole::Alarm(alarm), asking).await
            }
        }
    }

    /// An answer for the group by its name.
    fn whole(&self, answer: Answer) -> (Subject, Answer) {
        (Subject::Whole(self.name()), answer)
    }

    fn name(&self) -> String {
        self.expect.group.group.to_string()
    }

    fn variables<'v>(
        &'v self,
        instance: Option<(&'v InstanceId, Option<&'v Instance>)>,
        captured: &'v Needed,
    ) -> Variables<'v> {
        Variables { group: &self.expect.group, tags: &self.expect.tags, instance, captured }
    }
}

/// Whether other checks may wait for what it captures.
fn captures(check: &Check) -> bool {
    !check.kind.captures().is_empty()
}

/// How old a sighting may be for a check with this policy: never so old that two askings
/// in a row are told the same.
fn fresh(policy: &RetryPolicy) -> Duration {
    FRESH.min(policy.every / 2)
}
