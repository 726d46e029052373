//! What one group's driver tells: the events of its steps.

use super::super::events::StepEnd;
use super::super::machine::{End, State};
use super::Driver;
use crate::event::{Event, RollbackRoute, Step};
use crate::model::{RefreshId, Target};

impl Driver<'_> {
    pub(super) fn tell_started(&mut self, refresh: RefreshId, target: &Target, adopted: bool) {
        self.tell_first();
        let (group, target) = (self.at().clone(), target.clone());
        self.run.events.emit(Event::RefreshStarted { group, refresh, target, adopted });
    }

    pub(super) fn tell_rollback(&mut self, route: RollbackRoute, why: &str) {
        self.step = self.run.clock.now();
        self.tell_first();
        let group = self.at().clone();
        self.run.events.emit(Event::RollbackStarted { group, route, why: why.to_owned() });
    }

    /// Tells the end of the step that the machine just left, if it left one.
    pub(super) fn tell_step(&mut self, before: &State, after: &State) {
        if before == after {
            return;
        }
        match (before, after) {
            (
                State::Starting | State::Refreshing | State::CheckingPart | State::Checking | State::Settling,
                State::RollingBack(route, why),
            ) => {
                // Checks tell their own failure: the refresh itself went well until then.
                if *before == State::Checking {
                    self.end_step(
                        Step::Refresh,
                        StepEnd::passed("every instance was replaced, the checks failed in the bake"),
                    );
                } else if *before == State::CheckingPart {
                    let end = StepEnd::passed("it came to a checkpoint, where the checks failed");
                    self.end_step(Step::Refresh, end);
                } else {
                    self.end_step(Step::Refresh, StepEnd::failed(why.clone()));
                }
                self.tell_rollback(*route, why);
            }
            (State::Starting | State::Refreshing, State::CheckingLate)
            | (State::Settling, State::Proving) => {
                self.end_step(
                    Step::Refresh,
                    StepEnd::passed(format!("AWS called it successful, to {}", self.target)),
                );
            }
            (State::Proving, State::Ended(End::Refreshed)) => {
                let count = self.proof.proved.len();
                let end = StepEnd::passed(format!("{count} in-service instances run {}", self.change.to));
                self.end_step(Step::Prove, end.with(self.proved()));
            }
            (State::Proving, State::RollingBack(route, why)) => {
                self.end_step(Step::Prove, StepEnd::failed(why.clone()).with(self.proof.wrong.clone()));
                self.tell_rollback(*route, why);
            }
            (State::CheckingLate, State::RollingBack(route, why)) => self.tell_rollback(*route, why),
            // AWS's own rollback ended without a way back: the other route is taken.
            (
                State::RollingBack(RollbackRoute::Native, _),
                State::RollingBack(RollbackRoute::NewRefresh, why),
            ) => {
                let group = self.at().clone();
                let (route, why) = (RollbackRoute::NewRefresh, why.clone());
                self.run.events.emit(Event::RollbackStarted { group, route, why });
            }
            (_, State::Ended(End::RolledBack(why))) => {
                let end =
                    StepEnd::passed(format!("every in-service instance runs {} again", self.change.from));
                let mut evidence = vec![format!("why: {why}")];
                evidence.extend(self.proved());
                self.end_step(Step::Rollback, end.with(evidence));
            }
            (State::RollingBack(..) | State::ProvingBack(_), State::Ended(End::NeedsPerson(why))) => {
                self.end_step(Step::Rollback, StepEnd::failed(why.clone()).with(self.proof.wrong.clone()));
            }
            (State::Proving | State::CheckingLate, State::Ended(End::NeedsPerson(why))) => {
                self.end_step(Step::Prove, StepEnd::errored(why.clone()));
            }
            (State::ProvingAsFound(_), State::Ended(End::NeedsPerson(why))) => {
                self.end_step(Step::Prove, StepEnd::failed(why.clone()).with(self.proof.wrong.clone()));
            }
            (State::Starting, State::ProvingAsFound(why)) => {
                self.end_step(Step::Refresh, StepEnd::failed(format!("it could not be started: {why}")));
            }
            (State::Starting | State::Refreshing | State::Settling, State::ProvingBack(why))
            | (_, State::Ended(End::NeedsPerson(why))) => {
                self.end_step(Step::Refresh, StepEnd::failed(why.clone()));
            }
            (_, _) => {}
        }
    }

    fn end_step(&mut self, step: Step, end: StepEnd) {
        self.run.events.step(&self.plan.at, step, self.step, end);
        self.step = self.run.clock.now();
    }

    fn proved(&self) -> Vec<String> {
        self.proof.images.iter().map(|(image, count)| format!("{count} in service on {image}")).collect()
    }

    /// The state in words, for whoever finds the run dropped.
    pub(super) fn words(&self, state: &State) -> String {
        let id = self.refresh.as_ref().map_or_else(String::new, |id| format!(" (refresh {id})"));
        match state {
            State::Starting => "its refresh is being started".into(),
            State::Refreshing => format!("it is being refreshed{id}"),
            State::CheckingPart => format!("it is at a checkpoint and its checks are being asked{id}"),
            State::Checking => format!("its refresh bakes and its checks are being asked{id}"),
            State::Settling => format!("its checks passed and its refresh bakes{id}"),
            State::CheckingLate => "its refresh ended and its checks are being asked".into(),
            State::Proving => "its refresh ended and it is being proved".into(),
            State::RollingBack(RollbackRoute::Native, _) => format!("AWS rolls it back{id}"),
            State::RollingBack(RollbackRoute::NewRefresh, _) => {
                format!("it is being refreshed to its old version{id}")
            }
            State::ProvingBack(_) => "it was rolled back and is being proved".into(),
            State::ProvingAsFound(_) => "no refresh of it could be started, and it is being looked at".into(),
            State::Ended(_) => "it ended".into(),
        }
    }
}
