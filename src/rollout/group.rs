//! Drives one group: does what the machine says, and tells it what was seen.

mod capacity;
mod checks;
mod refresh;
mod report;
mod undirected;
mod watch;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::Run;
use super::board::Standing;
use super::capacity::ToldCapacity;
use super::machine::{Act, End, Seen, State, act_of, next};
use super::pace::{Known, Watch};
use super::patience::patiently;
use super::proof::{self, Proof, Wanted};
use crate::aws::Account;
use crate::event::{GroupRef, RollbackRoute};
use crate::model::{InstanceId, Outcome, RefreshId, RefreshStatus, Target};
use crate::plan::{Change, Decision, GroupPlan, Marker};

/// For how long what was seen of a group counts when its turn comes.
const FRESH: Duration = Duration::from_secs(60);

/// How far a group is to be driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// To the bake, or to the end where there is none: other steps go on from there.
    Baking,
    /// To the end.
    End,
}

/// How a group is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    /// How far.
    pub(super) until: Until,
    /// Whether the checks are asked here; else another step asks them.
    pub(super) checks: bool,
}

/// How it ended, and what was seen at the end.
pub(super) struct Driven {
    pub(super) end: Ending,
    pub(super) proof: Proof,
    /// The checks that failed before the refresh and fail still, where that is not allowed.
    pub(super) held: Vec<String>,
    /// Whether it was going back already when it was come to.
    pub(super) was_going_back: bool,
}

/// The machine's end, or one of the driver's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// The machine ended.
    Machine(End),
    /// It ended well, but no instance was replaced: proof of nothing.
    Unchanged,
    /// It was told to stop here, with the refresh in this state.
    Handed(String),
}

/// One group on its way.
pub(super) struct Driver<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) account: &'a Account,
    pub(super) plan: &'a GroupPlan,
    pub(super) change: &'a Change,
    pub(super) target: &'a Target,
    pub(super) manner: Manner,
    /// The refresh that is followed.
    refresh: Option<RefreshId>,
    /// What was known of it last.
    known: Option<Known>,
    /// What was seen of the group since.
    watch: Watch,
    /// Since when the group goes forward, or back.
    phase: Timestamp,
    /// The failed launches that were told already, and since the last progress.
    told: BTreeSet<String>,
    failing: Vec<String>,
    failing_since: Option<Timestamp>,
    /// How many checkpoints' checks were asked.
    checkpoints: usize,
    /// What the group's marker says.
    marker: Marker,
    /// How often AWS could not be asked in a row.
    lost: u32,
    /// The instances that were there at the start.
    first: BTreeSet<InstanceId>,
    /// Whether its turn came so late that somebody may have changed the group meanwhile.
    waited: bool,
    proof: Proof,
    step: Timestamp,
    /// What was told of what it runs.
    told_capacity: ToldCapacity,
    held: Vec<String>,
    was_going_back: bool,
}

impl<'a> Driver<'a> {
    pub(super) fn new(
        run: &'a Run<'a>,
        account: &'a Account,
        plan: &'a GroupPlan,
        change: &'a Change,
        target: &'a Target,
        manner: Manner,
    ) -> Self {
        let now = run.clock.now();
        let marker = Marker::of(&plan.group.tags).ok().flatten();
        Self {
            run,
            account,
            plan,
            change,
            target,
            manner,
            marker: marker.unwrap_or_else(|| change.marker(false)),
            refresh: None,
            known: None,
            watch: Watch::default(),
            phase: now,
            told: BTreeSet::new(),
            failing: Vec::new(),
            failing_since: None,
            checkpoints: 0,
            lost: 0,
            first: plan.group.members.iter().map(|member| member.id.clone()).collect(),
            waited: false,
            proof: Proof::default(),
            step: now,
            told_capacity: ToldCapacity::default(),
            held: Vec::new(),
            was_going_back: false,
        }
    }

    /// The same, of a group that was last seen at that time.
    pub(super) fn seen_at(mut self, seen: Timestamp) -> Self {
        self.waited = self.run.clock.since(seen) > FRESH;
        self
    }

    fn at(&self) -> &GroupRef {
        &self.plan.at
    }

    /// Takes the group to the new image, or, if anything fails, back.
    ///
    /// # Errors
    /// What becomes of it instead, when `holds` does not let it begin after what was asked before.
    pub(super) async fn forward(
        mut self,
        holds: impl AsyncFnOnce() -> Option<Outcome>,
    ) -> Result<Driven, Outcome> {
        let resumed = matches!(self.plan.decision, Decision::Resume(_));
        let (state, act) = if resumed { self.standing().await } else { (State::Starting, Act::Start) };
        if let State::RollingBack(route, why) = &state {
            self.tell_rollback(*route, why);
            self.was_going_back = true;
        }
        if act == Act::Start {
            let since = self.run.clock.now();
            let asked = self.ask_before().await;
            self.waited |= self.run.clock.since(since) > FRESH;
            if asked && let Some(instead) = holds().await {
                return Err(instead);
            }
        }
        Ok(self.drive(state, act).await)
    }

    /// Takes the group back to what it had, for this reason.
    pub(super) async fn back(mut self, why: String) -> Driven {
        let active =
            patiently(self.run.clock, async || self.account.refreshes(&self.at().group, 10).await).await;
        let active = active.unwrap_or_default().into_iter().find(|refresh| refresh.status.is_active());
        if let Some(refresh) = active.as_ref().filter(|refresh| self.may_be_undirected(refresh))
            && let Some((state, act)) = self.going_back(refresh, &why).await
        {
            self.tell_rollback(RollbackRoute::NewRefresh, &why);
            self.adopt(refresh.clone());
            return self.drive(state, act).await;
        }
        let (route, act) = match active {
            // Its rollback may be under way already: asking again is answered with that. One without
            // a desired configuration can't be rolled back, and asking cancels it.
            Some(refresh) if refresh.target.as_ref() == Some(self.target) || self.is_undirected(&refresh) => {
                self.refresh = Some(refresh.id);
                let under_way = refresh.status == RefreshStatus::RollbackInProgress;
                (RollbackRoute::Native, if under_way { Act::Follow } else { Act::AskRollback })
            }
            Some(_) | None => (RollbackRoute::NewRefresh, Act::StartBack),
        };
        self.tell_rollback(route, &why);
        self.drive(State::RollingBack(route, why), act).await
    }

    /// Where a rollout that was begun before stands.
    async fn standing(&mut self) -> (State, Act) {
        let listed =
            patiently(self.run.clock, async || self.account.refreshes(&self.at().group, 10).await).await;
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) => return next(State::Starting, Seen::Lost(error.to_string())),
        };
        // One that ended well since the plan was made: the group names the new version by now.
        let ended = listed.first().is_some_and(|newest| {
            newest.status == RefreshStatus::Successful && newest.target.as_ref() == Some(self.target)
        });
        if let Some(active) = listed.into_iter().find(|refresh| refresh.status.is_active()) {
            let undirected = self.is_undirected(&active);
            if active.target.as_ref() == Some(&self.change.back()) || (undirected && !self.plan.names_new) {
                let why = "a rollback was begun before".to_owned();
                self.adopt(active);
                return (State::RollingBack(RollbackRoute::NewRefresh, why), Act::Follow);
            }
            if active.target.as_ref() == Some(self.target) || undirected {
                let status = active.status;
                self.adopt(active);
                return next(State::Starting, Seen::Refresh(status, String::new()));
            }
        }
        // The group names the new version only when its refresh ended well, or when we told it to
        // before a refresh: then its instances say.
        if ended || self.plan.names_new && (!self.tells_group_first() || self.all_launched_new()) {
            (State::CheckingLate, Act::RunChecks)
        } else {
            (State::Starting, Act::Start)
        }
    }

    async fn drive(mut self, mut state: State, mut act: Act) -> Driven {
        loop {
            let forward = is_forward(&state);
            let standing =
                Standing::Running { what: self.words(&state), forward: forward && self.refresh.is_some() };
            self.run.board.stands(self.at(), standing);
            if self.manner.until == Until::Baking && matches!(state, State::Checking | State::CheckingLate) {
                let status = if state == State::Checking { "Baking" } else { "refreshed, not proved yet" };
                return self.driven(Ending::Handed(status.into()), Vec::new());
            }
            if let State::Ended(end) = state {
                if end == End::Refreshed {
                    self.note_held().await;
                }
                return self.ended(end);
            }
            let seen = self.act(&state, act).await;
            let before = state.clone();
            (state, act) = next(state, seen);
            self.tell_step(&before, &state);
            if act_of(&before) != act_of(&state) {
                self.known = self.known.filter(|_| is_forward(&state));
            }
        }
    }

    async fn act(&mut self, state: &State, act: Act) -> Seen {
        match act {
            Act::Start => self.start(&self.target.clone(), true).await,
            Act::StartBack => self.start(&self.change.back(), false).await,
            Act::Follow => self.follow(state).await,
            Act::AskRollback => self.ask_rollback().await,
            Act::RunChecksInPart => self.check(true).await,
            Act::RunChecks if !self.manner.checks => Seen::ChecksPassed,
            Act::RunChecks => self.check(false).await,
            Act::Prove => self.prove(false).await,
            Act::ProveBack => self.prove(true).await,
            Act::ProveAsFound => self.prove_as_found().await,
            Act::Stop => Seen::Lost("nothing is left to do".into()),
        }
    }

    /// The environment's configuration. The plan was made from it, so it is there.
    fn environment(&self) -> &'a crate::config::Environment {
        let found = self.run.fleet.environment(self.plan.at.environment.as_str());
        found.unwrap_or(&self.run.fleet.environments[0])
    }

    async fn prove(&mut self, back: bool) -> Seen {
        let target = if back { self.change.back() } else { self.target.clone() };
        let launches = self.change.launches(&target);
        // Going back, what counts is the image: after a rollback of a group on `$Latest` the
        // version that it follows is an equal copy of the one that its instances run.
        let any_version = back || self.plan.keeps_instances();
        let (preferences, policy) = (&self.plan.policy.preferences, self.plan.group.policy.as_ref());
        let wanted = Wanted { launches: &launches, target: &target, any_version, policy, preferences };
        match proof::prove(self.run, self.account, &self.at().group, &wanted).await {
            Ok(proof) => {
                let wrong = proof.wrong.join(", ");
                self.proof = proof;
                self.tell_proved();
                if wrong.is_empty() { Seen::Proved } else { Seen::Stragglers(wrong) }
            }
            Err(error) => Seen::Lost(error.to_string()),
        }
    }

    /// Whether every instance still runs what the group had. What somebody changed in its policy
    /// meanwhile, or how many of it serve, is not this rollout's doing.
    async fn prove_as_found(&mut self) -> Seen {
        let back = self.change.back();
        let launches = self.change.launches(&back);
        let preferences = &self.plan.policy.preferences;
        let wanted =
            Wanted { launches: &launches, target: &back, any_version: true, policy: None, preferences };
        match proof::prove_members(self.run, self.account, &self.at().group, &wanted).await {
            Ok(proof) => {
                let wrong = proof.wrong.join(", ");
                self.proof = proof;
                self.tell_proved();
                if wrong.is_empty() { Seen::Proved } else { Seen::Stragglers(wrong) }
            }
            Err(error) => Seen::Lost(error.to_string()),
        }
    }

    fn ended(mut self, end: End) -> Driven {
        let resumed = matches!(self.plan.decision, Decision::Resume(_));
        let replaced =
            self.plan.keeps_instances() || self.proof.proved.iter().any(|id| !self.first.contains(id));
        let end = match end {
            End::Refreshed if self.proof.proved.is_empty() || (!replaced && !resumed) => Ending::Unchanged,
            end => Ending::Machine(end),
        };
        let held = std::mem::take(&mut self.held);
        self.driven(end, held)
    }

    fn driven(self, end: Ending, held: Vec<String>) -> Driven {
        Driven { end, proof: self.proof, held, was_going_back: self.was_going_back }
    }
}

/// Whether the group's refresh to the new image is active, as far as is known.
fn is_forward(state: &State) -> bool {
    matches!(state, State::Refreshing | State::CheckingPart | State::Checking | State::Settling)
}
