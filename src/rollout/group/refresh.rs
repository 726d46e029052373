//! The refresh of one group: started or adopted, followed, rolled back.

use std::time::Duration;

use jiff::Timestamp;

use super::super::machine::{Seen, State};
use super::super::pace::{Course, Known, Look, Watch};
use super::super::patience::{patiently, until};
use super::super::prepare::{Failure, left_as, set_marker};
use super::Driver;
use crate::aws::{Error, Kind, Start};
use crate::config::Preferences;
use crate::event::Event;
use crate::model::{Refresh, RefreshStatus, Target};

/// How often a start whose answer was lost is made again, each time after looking for it.
const STARTS: u32 = 3;
/// How often AWS is looked through for a refresh whose answer was lost.
const LOOKS: u32 = 6;
/// How many looks in a row may go unanswered, each with the SDK's own retries inside.
const LOST: u32 = 10;
/// After how many failed launches without progress a refresh is given up…
const FAILING: usize = 3;
/// … and after how long: capacity that is short for a moment is nothing to go back for.
const FAILING_FOR: Duration = Duration::from_secs(180);
/// How long AWS may take to end a refresh that is cancelled: it waits for launches under way.
const CANCELS_WITHIN: Duration = Duration::from_secs(900);
/// How long AWS may take to show a refresh that it started.
const SHOWS_WITHIN: Duration = Duration::from_secs(120);

impl Driver<'_> {
    /// Starts a refresh to the target, or adopts the one that goes there already.
    ///
    /// AWS knows no client token here: a lost answer is found again by looking.
    pub(super) async fn start(&mut self, target: &Target, auto_rollback: bool) -> Seen {
        self.phase = self.run.clock.now();
        // What a refresh begins with is known of the first one only.
        let watch = if auto_rollback { Watch::beginning_with(self.first.clone()) } else { Watch::default() };
        (self.known, self.watch) = (None, watch);
        self.progress();
        let preferences = &self.plan.policy.preferences;
        // The way back is not baked: its checks are the proof of the old image.
        let mut preferences = preferences.clone();
        if !auto_rollback {
            preferences.bake = Duration::ZERO;
            preferences.checkpoints.clear();
            // One that fires, maybe for what is being undone, would keep AWS from starting.
            preferences.alarms.clear();
        }
        if auto_rollback && let Err(error) = self.forget_checks().await {
            return Seen::NotStarted(format!("its tag could not be written: {error}"));
        }
        if auto_rollback && let Err(failure) = self.is_as_left().await {
            return match failure {
                Failure::Aws(error) if error.may_pass() => Seen::Lost(error.to_string()),
                failure => Seen::NotStarted(failure.to_string()),
            };
        }
        if self.tells_group_first() {
            return self.start_undirected(target, &preferences).await;
        }
        let start = Start { desired: Some(target), preferences: &preferences, auto_rollback };
        self.start_once(target, start).await
    }

    /// Fails when somebody changed what the group launches from while it waited for its turn: the
    /// refresh would write over it.
    async fn is_as_left(&mut self) -> Result<(), Failure> {
        if !self.waited {
            return Ok(());
        }
        let back = self.change.back();
        let ways = [self.change.pinned(), self.change.settled_at(&back), self.change.pinned_to(self.target)];
        let (_, group) = left_as(self.run, self.account, &self.at().group, &ways).await?;
        self.tell_seen(&group);
        Ok(())
    }

    pub(super) async fn start_once(&mut self, target: &Target, start: Start<'_>) -> Seen {
        let mut last = String::new();
        for _ in 0..STARTS {
            let asked = self.run.clock.now();
            let started = self.account.start_refresh(&self.plan.group, &start).await;
            let error = match started {
                Ok(id) => {
                    self.refresh = Some(id.clone());
                    self.tell_started(id, target, false);
                    return Seen::Started;
                }
                Err(error) => error,
            };
            if let Some(seen) = self.find_started(target, asked, &error).await {
                return seen;
            }
            last = error.to_string();
        }
        Seen::Lost(last)
    }

    /// What was checked before a refresh is no sign for what it launches.
    async fn forget_checks(&mut self) -> Result<(), Error> {
        let baseline = self.marker.baseline.as_mut();
        let held = baseline.is_some_and(|baseline| std::mem::take(&mut baseline.holds));
        if !self.marker.checked && !held {
            return Ok(());
        }
        self.marker.checked = false;
        set_marker(self.run, self.account, &self.at().group, &self.marker).await
    }

    /// Looks for the refresh behind an answer that was not one; `None` when it is not there.
    async fn find_started(&mut self, target: &Target, asked: Timestamp, error: &Error) -> Option<Seen> {
        let in_progress = error.is("InstanceRefreshInProgress");
        if !in_progress && error.kind == Kind::Answered && !error.may_pass() {
            return Some(Seen::NotStarted(error.to_string()));
        }
        let mut busy = None;
        for _ in 0..LOOKS {
            self.run.clock.sleep(Duration::from_secs(5)).await;
            let Ok(refreshes) = self.account.refreshes(&self.at().group, 10).await else { continue };
            // The clocks of AWS and of this machine may differ a little.
            let slack = jiff::SignedDuration::from_secs(60);
            let recent = |refresh: &Refresh| refresh.started.is_some_and(|at| at + slack >= asked);
            let ours = refreshes.iter().find(|refresh| {
                let same = refresh.target.as_ref() == Some(target) || self.is_undirected(refresh);
                same && (refresh.status.is_active() || recent(refresh))
            });
            if let Some(ours) = ours {
                self.adopt(ours.clone());
                return Some(Seen::Started);
            }
            busy = refreshes.into_iter().find(|refresh| refresh.status.is_active());
            if busy.is_some() {
                break;
            }
        }
        let busy = busy.filter(|_| in_progress)?;
        Some(Seen::NotStarted(format!("refresh {} is {}, and goes elsewhere", busy.id, busy.status)))
    }

    /// Goes on with a refresh that is there already.
    pub(super) fn adopt(&mut self, refresh: Refresh) {
        match &refresh.target {
            Some(target) => self.tell_started(refresh.id.clone(), target, true),
            None => self.tell_started(refresh.id.clone(), &self.target.clone(), true),
        }
        self.refresh = Some(refresh.id);
    }

    /// Looks at the refresh again, after the pause that its progress asks for.
    pub(super) async fn follow(&mut self, state: &State) -> Seen {
        if let Some(seen) = self.wait(state).await {
            return seen;
        }
        let Some(id) = self.refresh.clone() else { return Seen::Lost("no refresh to follow".into()) };
        let answer = self.account.refresh(&self.at().group, &id).await;
        // A call may have waited for its turn.
        let elapsed = self.run.clock.since(self.phase);
        self.watch.asked(elapsed.as_secs_f64());
        match answer {
            Ok(Some(refresh)) => {
                self.lost = 0;
                self.look(state, &refresh, elapsed).await
            }
            Ok(None) if elapsed < SHOWS_WITHIN => Seen::Started,
            Ok(None) => Seen::Lost(format!("AWS does not show refresh {id}")),
            Err(error) => {
                self.lost += 1;
                if self.lost >= LOST { Seen::Lost(error.to_string()) } else { Seen::Started }
            }
        }
    }

    async fn look(&mut self, state: &State, refresh: &Refresh, elapsed: Duration) -> Seen {
        let moved = self.remember(state, refresh, elapsed);
        if moved {
            self.progress();
        } else if let Some(seen) = self.failing_launches(refresh.status).await {
            return seen;
        }
        let limit = self.limit(refresh.status);
        if refresh.status.is_active() && elapsed > limit {
            let percent = refresh.percent;
            return Seen::TimedOut(format!(
                "the refresh is {} at {percent}% after {limit:?}",
                refresh.status
            ));
        }
        if *state == State::Refreshing && self.reached_checkpoint(refresh) {
            return Seen::Checkpoint;
        }
        let reason = if *state == State::Starting { String::new() } else { refresh.reason.clone() };
        Seen::Refresh(refresh.status, reason)
    }

    /// How long a refresh of that status may have run.
    pub(super) fn limit(&self, status: RefreshStatus) -> Duration {
        let policy = &self.plan.policy;
        let bake = if status == RefreshStatus::Baking { policy.preferences.bake } else { Duration::ZERO };
        policy.timeout + bake
    }

    /// How the refresh that is followed was asked to go.
    pub(super) fn course(&self, state: &State) -> Preferences {
        let mut course = self.plan.policy.preferences.clone();
        if matches!(state, State::RollingBack(..)) {
            course.bake = Duration::ZERO;
            course.checkpoints.clear();
        }
        course
    }

    /// Whether the refresh came to a checkpoint whose checks were not asked yet; each counts once.
    ///
    /// AWS has no status for its pause there: the percentage tells.
    fn reached_checkpoint(&mut self, refresh: &Refresh) -> bool {
        if refresh.status != RefreshStatus::InProgress {
            return false;
        }
        let checkpoints = &self.plan.policy.preferences.checkpoints;
        let reached =
            checkpoints.iter().filter(|&&percent| percent < 100 && percent <= refresh.percent).count();
        let is_new = reached > self.checkpoints;
        self.checkpoints = self.checkpoints.max(reached);
        is_new
    }

    /// Forgets the failed launches: what failed before some progress is no sign any more.
    pub(super) fn progress(&mut self) {
        self.failing.clear();
        self.failing_since = None;
    }

    /// Notes what the refresh says, tells it when it is new, and gives whether it moved.
    fn remember(&mut self, state: &State, refresh: &Refresh, elapsed: Duration) -> bool {
        let before = self.known.map(Known::seen);
        let look = Look { status: refresh.status, percent: refresh.percent, elapsed };
        let preferences = self.course(state);
        let known = Known::after(self.known, look, &preferences);
        let course = Course { target: self.target, preferences: &preferences };
        let begins = refresh.status == RefreshStatus::Baking
            && before.is_none_or(|(status, _)| status != RefreshStatus::Baking);
        self.known = Some(if begins { known.not_baking_by(self.watch.bakes_from(course)) } else { known });
        if before == Some((refresh.status, refresh.percent)) {
            return false;
        }
        self.run.events.emit(Event::RefreshMoved {
            group: self.at().clone(),
            status: refresh.status,
            percent: refresh.percent,
            remaining: refresh.remaining,
            reason: refresh.reason.clone(),
        });
        true
    }

    /// Reads why launches fail, and gives up when they go on failing without any progress.
    pub(super) async fn failing_launches(&mut self, status: RefreshStatus) -> Option<Seen> {
        let moving = matches!(
            status,
            RefreshStatus::Pending | RefreshStatus::InProgress | RefreshStatus::RollbackInProgress
        );
        if !moving {
            return None;
        }
        // One that can't be read now is read at the next look.
        let failed = self.account.failed_activities(&self.at().group, self.phase).await.unwrap_or_default();
        for activity in failed.into_iter().rev() {
            if self.told.insert(activity.id) {
                self.failing_since.get_or_insert(activity.started);
                self.failing.push(activity.message.clone());
                self.run.events.emit(Event::LaunchFailed {
                    group: self.at().clone(),
                    started: activity.started,
                    message: activity.message,
                });
            }
        }
        let long = self.failing_since.is_some_and(|since| self.run.clock.since(since) >= FAILING_FOR);
        (self.failing.len() >= FAILING && long).then(|| {
            let last = self.failing.last().cloned().unwrap_or_default();
            Seen::LaunchesFail(format!("{} failed, the last with: {last}", self.failing.len()))
        })
    }

    /// Asks AWS to roll the active refresh back.
    pub(super) async fn ask_rollback(&mut self) -> Seen {
        self.phase = self.run.clock.now();
        self.known = None;
        self.progress();
        // The request names no refresh: were ours over, somebody else's would be rolled back.
        if let Some(seen) = self.over().await {
            return seen;
        }
        let mut tries = 0;
        loop {
            let error = match self.account.rollback_refresh(&self.at().group).await {
                Ok(()) => return Seen::RollbackAccepted,
                Err(error) => error,
            };
            // A lost answer may have taken effect: the SDK's own second try is then told that
            // nothing is active, while the rollback runs. The status tells.
            if let Some(seen) = self.over().await {
                return seen;
            }
            if error.is("IrreversibleInstanceRefresh") {
                self.cancel().await;
                return Seen::RollbackImpossible(error.to_string());
            }
            // The status may be shown late: only when it stays so is there really nothing active.
            if error.is("ActiveInstanceRefreshNotFound") && tries >= 2 {
                return Seen::RollbackImpossible(error.to_string());
            }
            tries += 1;
            if tries >= LOST {
                return Seen::Lost(error.to_string());
            }
            self.run.clock.sleep(Duration::from_secs(10)).await;
        }
    }

    /// The status of the refresh that is followed, when it does not go forward any more.
    async fn over(&self) -> Option<Seen> {
        let found = self.account.refresh(&self.at().group, self.refresh.as_ref()?).await;
        let refresh = found.ok().flatten()?;
        let forward = matches!(
            refresh.status,
            RefreshStatus::Pending | RefreshStatus::InProgress | RefreshStatus::Baking
        );
        (!forward).then_some(Seen::Refresh(refresh.status, refresh.reason))
    }

    /// Cancels the refresh that can't be rolled back, so that another can lead back.
    ///
    /// Whether that worked shows when the other is started.
    async fn cancel(&mut self) {
        let group = &self.at().group;
        let _ = patiently(self.run.clock, async || self.account.cancel_refresh(group).await).await;
        let ask = async || self.account.refreshes(group, 5).await;
        let ended = |refreshes: &Vec<Refresh>| !refreshes.iter().any(|refresh| refresh.status.is_active());
        let _ = until(self.run.clock, CANCELS_WITHIN, ask, ended).await;
    }
}
