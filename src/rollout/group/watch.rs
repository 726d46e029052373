//! Watches a group while its refresh goes forward, so that the refresh is asked seldom.

use std::time::Duration;

use jiff::Timestamp;

use super::super::machine::{Seen, State};
use super::super::pace::{self, Course, Next, Sign};
use super::Driver;
use crate::config::Strategy;
use crate::event::Event;
use crate::model::{RefreshStatus, Target};
use crate::plan::Change;

impl Driver<'_> {
    /// Waits until the refresh is to be asked, seeing the group meanwhile; gives what is seen there
    /// that needs no asking.
    pub(super) async fn wait(&mut self, state: &State) -> Option<Seen> {
        let preferences = self.course(state);
        let clock = self.run.clock;
        loop {
            let running = clock.since(self.phase);
            let known = self.known.filter(|_| self.lost == 0 && self.tells_by_instances(state));
            let Some(known) = known else {
                clock.sleep(pace::pause(self.known, running, &preferences)).await;
                return None;
            };
            let course = Course { target: self.target, preferences: &preferences };
            let now = running.as_secs_f64();
            let second = clock.now().duration_since(Timestamp::UNIX_EPOCH).as_secs_f64();
            match self.watch.next(known, now, second, course) {
                Next::Refresh(pause) => {
                    clock.sleep(Duration::from_secs_f64(pause)).await;
                    return None;
                }
                Next::Group(pause) => clock.sleep(Duration::from_secs_f64(pause)).await,
            }
            let from = clock.since(self.phase);
            // What can't be seen now is asked for.
            let Ok(glimpse) = self.account.glimpse(&self.at().group).await else { return None };
            self.tell_seen(&glimpse.group);
            let to = clock.since(self.phase);
            let course = Course { target: self.target, preferences: &preferences };
            match self.watch.see(&glimpse, (from.as_secs_f64(), to.as_secs_f64()), course) {
                Sign::Progress => {
                    self.progress();
                    self.tell_progress(known.seen().0);
                }
                Sign::Still => {
                    let held_up = self.watch.is_held_up(to.as_secs_f64(), course);
                    if held_up && let Some(seen) = self.failing_launches(known.seen().0).await {
                        return Some(seen);
                    }
                }
                Sign::Ask => return None,
            }
            if to > self.limit(known.seen().0) {
                return None;
            }
        }
    }

    /// Tells how far the refresh is, as its instances show it.
    fn tell_progress(&mut self, status: RefreshStatus) {
        let Some((percent, remaining)) = self.watch.news(self.first.len()) else { return };
        self.run.events.emit(Event::RefreshMoved {
            group: self.at().clone(),
            status,
            percent,
            remaining,
            reason: String::new(),
        });
    }

    /// Whether the instances tell how far the refresh is: they are replaced, one version by another, and
    /// AWS itself takes the group back when it fails.
    fn tells_by_instances(&self, state: &State) -> bool {
        let preferences = &self.plan.policy.preferences;
        let forward = matches!(state, State::Starting | State::Refreshing | State::Settling);
        forward
            && !self.tells_group_first()
            && !self.plan.names_new
            && self.plan.group.warm_pool.is_none()
            && preferences.strategy == Strategy::Rolling
            && preferences.checkpoints.is_empty()
            && self.target.overrides.iter().all(|one| one.image.is_none())
            && differs(self.change, self.target)
    }
}

/// Whether each version is another than before: else instances of both kinds look the same.
fn differs(change: &Change, target: &Target) -> bool {
    let before = change.back();
    target.versions().all(|new| before.versions().all(|old| old != new))
}
