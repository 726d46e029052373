//! What one page is about: the environments of one run or of several, and which word counts.
//!
//! An environment may be in several runs (the single steps of a rollout, or a second try). Then
//! each has its entry, and the last one in which it was reached is what the verdict speaks of.

use jiff::Timestamp;

use super::super::collect::{Run, display_name, name_counts};
use super::super::record::{CheckRecord, EnvironmentRecord, GroupRecord};
use super::Look;
use super::words::{is_trouble, moment};
use crate::event::Status;
use crate::model::{Outcome, Verdict};

/// A page's subject.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) look: &'a Look,
    pub(super) runs: &'a [&'a Run],
    pub(super) entries: Vec<Entry<'a>>,
}

/// An environment in one run.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) run: &'a Run,
    pub(super) environment: &'a EnvironmentRecord,
    /// Where it is on the page.
    pub(super) id: String,
    /// Its name; with the step and its time where it is in several runs.
    pub(super) label: String,
    /// Whether this is the last that is known of it.
    pub(super) is_last: bool,
}

impl<'a> View<'a> {
    /// The runs in the order in which they began.
    pub(super) fn new(runs: &'a [&'a Run], look: &'a Look) -> Self {
        let all = || runs.iter().flat_map(|run| run.environments.iter().map(move |one| (*run, one)));
        let entries = all()
            .enumerate()
            .map(|(at, (run, environment))| {
                let same = || all().enumerate().filter(|(_, (_, other))| other.name == environment.name);
                let reached = |one: &EnvironmentRecord| {
                    one.started.is_some() && one.verdict != Some(Verdict::NotReached)
                };
                let last = same().filter(|(_, (_, one))| reached(one)).last().or_else(|| same().last());
                let name = environment.name.as_str().to_owned();
                let label = match run.started.filter(|_| same().count() > 1) {
                    Some(_) => format!("{name} · {}", run_name(runs, run, look)),
                    None => name,
                };
                let is_last = last.is_some_and(|(last, _)| last == at);
                Entry { run, environment, id: format!("environment-{at}"), label, is_last }
            })
            .collect();
        Self { look, runs, entries }
    }

    /// What counts: each environment once.
    pub(super) fn last(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.iter().filter(|entry| entry.is_last)
    }

    /// How many groups there are in all.
    pub(super) fn groups(&self) -> usize {
        self.entries.iter().map(|entry| entry.environment.groups.len()).sum()
    }

    /// Whether any of it happened on the simulator.
    pub(super) fn is_rehearsal(&self) -> bool {
        self.look.simulated || self.runs.iter().any(|run| run.simulation.is_some())
    }
}

/// `rollout Sun 22 Nov 19:00`; with its place among the runs where another one is called so too.
fn run_name(runs: &[&Run], run: &Run, look: &Look) -> String {
    let name = |run: &Run| {
        let began = run.started.map_or(String::new(), |began| moment(began, &look.timezone));
        format!("{} {began}", run.command)
    };
    let own = name(run);
    match runs.iter().position(|other| std::ptr::eq(*other, run)) {
        Some(at) if runs.iter().filter(|other| name(other) == own).count() > 1 => {
            format!("{own}, run {}", at + 1)
        }
        _ => own,
    }
}

impl<'a> Entry<'a> {
    /// Whether it was begun: an environment that an earlier one kept from its turn was not.
    pub(super) fn is_reached(&self) -> bool {
        self.environment.started.is_some() && self.environment.verdict != Some(Verdict::NotReached)
    }

    /// Whether it was under way when the page was made.
    pub(super) fn is_unfinished(&self) -> bool {
        self.environment.started.is_some() && self.environment.verdict.is_none()
    }

    /// Until when it waits, of one that did so when the page was made.
    pub(super) fn waits_until(&self) -> Option<Timestamp> {
        let (_, until, _) = self.environment.pauses.last().filter(|_| self.is_unfinished())?;
        (*until > self.latest()).then_some(*until)
    }

    /// The groups with checks that fail as they did before the refresh, which is allowed: such a check was
    /// asked, and yet is skipped. Each with the names of those checks.
    pub(super) fn excused(&self) -> Vec<(String, Vec<&'a str>)> {
        let of = |group: &'a GroupRecord| -> Vec<&'a str> {
            let excused = group.checks.iter().filter(|check| is_excused(check));
            excused.map(|check| check.result.check.as_str()).collect()
        };
        let groups = self.groups().into_iter().map(|(_, name, group)| (name, of(group)));
        groups.filter(|(_, checks)| !checks.is_empty()).collect()
    }

    /// The moment of the run's last event.
    pub(super) fn latest(&self) -> Timestamp {
        self.run.latest.unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Its groups with their names: what failed first, then in the plan's order. The number is that
    /// of the plan, which ids on the page are made of.
    pub(super) fn groups(&self) -> Vec<(usize, String, &'a GroupRecord)> {
        let counts = name_counts(self.environment);
        let mut groups: Vec<_> = self
            .environment
            .groups
            .iter()
            .enumerate()
            .map(|(at, group)| (at, display_name(group, &counts), group))
            .collect();
        groups.sort_by_key(|(_, _, group)| !self.is_troubled(group));
        groups
    }

    /// Those that did not end as they should.
    pub(super) fn troubles(&self) -> Vec<(usize, String, &'a GroupRecord)> {
        self.groups().into_iter().filter(|(_, _, group)| self.is_troubled(group)).collect()
    }

    /// Whether the group did not end as it should.
    fn is_troubled(&self, group: &GroupRecord) -> bool {
        match (self.environment.verdict, &group.outcome) {
            // That is what was asked for.
            (Some(Verdict::Partial), Some(Outcome::Left { .. })) => false,
            // A group that is refreshed holds the gate where a check of it fails as it did before.
            (Some(Verdict::Unproved), Some(Outcome::Refreshed { .. })) => {
                group.checks.iter().any(|check| check.result.status > Status::Skipped)
            }
            _ => is_trouble(self.run, group),
        }
    }

    /// Whether somebody should look at it.
    pub(super) fn is_trouble(&self) -> bool {
        match self.environment.verdict {
            Some(Verdict::Passed | Verdict::Partial | Verdict::NotDue | Verdict::NotReached) => false,
            Some(
                Verdict::Unproved
                | Verdict::Refused
                | Verdict::SetUp
                | Verdict::Unreachable
                | Verdict::RolledBack
                | Verdict::NeedsPerson
                | Verdict::Aborted,
            ) => true,
            None => self.is_unfinished() && self.waits_until().is_none(),
        }
    }

    /// Whether its name says that customers are on it.
    pub(super) fn is_production(&self) -> bool {
        let name = self.environment.name.as_str().to_lowercase();
        let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
        let before = |at: usize| at.checked_sub(1).map_or("", |before| words[before]);
        words.iter().enumerate().any(|(at, word)| {
            let named = word.starts_with("prod") || matches!(*word, "prd" | "live");
            named && !matches!(before(at), "pre" | "non" | "not" | "no")
        })
    }
}

/// Whether a check failed as it did before the refresh, which is allowed.
pub(super) fn is_excused(check: &CheckRecord) -> bool {
    let result = &check.result;
    result.status == Status::Skipped && result.probes.iter().any(|probe| probe.status > Status::Skipped)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{look, run_of};
    use super::*;
    use crate::report::samples::{self, Stream, env};

    fn production(name: &str) -> bool {
        let mut stream = Stream::new(&[name], None);
        stream.push(crate::event::Event::EnvironmentStarted { environment: env(name) });
        let run = run_of(&stream.events);
        let (runs, look) = ([&run], look());
        View::new(&runs, &look).entries[0].is_production()
    }

    #[test]
    fn production_is_known_by_its_name() {
        for name in ["prod", "production", "eu-prod", "prod2", "PRD", "live"] {
            assert!(production(name), "{name}");
        }
        for name in ["preprod", "pre-prod", "non-prod", "nonprod", "qa", "stage"] {
            assert!(!production(name), "{name}");
        }
    }

    #[test]
    fn the_last_run_that_reached_an_environment_counts() {
        let (failed, clean) = (run_of(&samples::failed_check()), run_of(&samples::clean(None)));
        let (runs, look) = ([&failed, &clean], look());
        let view = View::new(&runs, &look);
        let last: Vec<(&str, bool)> =
            view.entries.iter().map(|entry| (entry.label.as_str(), entry.is_last)).collect();
        assert_eq!(last.len(), 3);
        assert!(last[0].0.starts_with("qa · rollout "), "{last:?}");
        assert_eq!([last[0].1, last[1].1, last[2].1], [false, true, true]);
        assert_eq!(last[1].0, "prod");
    }

    #[test]
    fn what_failed_comes_first() {
        let run = run_of(&samples::failed_check());
        let (runs, look) = ([&run], look());
        let view = View::new(&runs, &look);
        let troubles = view.entries[0].troubles();
        assert_eq!(troubles.len(), 1);
        assert_eq!(troubles[0].1, "payments-qa");
        assert_eq!(view.entries[0].groups()[0].1, "payments-qa");
    }
}
