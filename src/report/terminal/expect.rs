//! When a group or an environment is likely to end. Pure.
//!
//! [`Paces`] reckons from what has been heard: how fast a refresh goes, how long the group bakes, how
//! long groups took that are done. Where that says nothing it gives nothing: never a guess.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::record::{EnvironmentRecord, GroupRecord};
use crate::event::{Event, GroupRef, PlannedAction, Stamped};
use crate::model::{Outcome, RefreshStatus};

/// From how many percent on a refresh says how fast it goes.
const TELLS: u8 = 10;

/// How long a group bakes, as it is configured.
pub(in crate::report) type Bakes = Box<dyn Fn(&GroupRef) -> Duration + Send>;

/// How fast the refreshes go.
#[derive(Default)]
pub(super) struct Paces {
    bakes: Option<Bakes>,
    /// When each refresh began, and its last progress: when, and how many percent.
    groups: BTreeMap<GroupRef, (Timestamp, Timestamp, u8)>,
}

impl fmt::Debug for Paces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paces").field("groups", &self.groups).finish_non_exhaustive()
    }
}

impl Paces {
    /// From here on it is known how long groups bake.
    pub(super) fn expect(&mut self, bakes: Bakes) {
        self.bakes = Some(bakes);
    }

    /// Takes in what was told.
    pub(super) fn hear(&mut self, stamped: &Stamped) {
        let at = stamped.at;
        if let Event::RefreshStarted { group, adopted, .. } = &stamped.event {
            // One that is adopted began nobody knows when.
            self.groups.remove(group);
            if !adopted {
                self.groups.insert(group.clone(), (at, at, 0));
            }
        } else if let Event::RefreshMoved { group, percent, .. } = &stamped.event
            && let Some((_, when, most)) = self.groups.get_mut(group)
            && percent > most
        {
            (*when, *most) = (at, *percent);
        }
    }

    /// Since when the group is under way, as far as this run knows.
    pub(super) fn began(&self, group: &GroupRecord) -> Option<Timestamp> {
        self.groups.get(&group.group).map(|(began, ..)| *began).or(group.started)
    }

    /// When the group is likely to end.
    pub(super) fn group(&self, group: &GroupRecord) -> Option<Timestamp> {
        if group.outcome.is_some() || group.rollback.is_some() {
            return None;
        }
        let bake = SignedDuration::try_from(self.bakes.as_ref()?(&group.group)).ok()?;
        match group.status()? {
            RefreshStatus::Baking => group.moves.last()?.0.checked_add(bake).ok(),
            RefreshStatus::Pending | RefreshStatus::InProgress => {
                let (began, when, percent) = self.groups.get(&group.group)?;
                if *percent < TELLS {
                    return None;
                }
                let whole = when.duration_since(*began) * 100 / i32::from(*percent);
                began.checked_add(whole).ok()?.checked_add(bake).ok()
            }
            RefreshStatus::Cancelling
            | RefreshStatus::RollbackInProgress
            | RefreshStatus::Successful
            | RefreshStatus::Failed
            | RefreshStatus::Cancelled
            | RefreshStatus::RollbackSuccessful
            | RefreshStatus::RollbackFailed => None,
        }
    }

    /// When the environment is likely to end: as its slowest group does that runs, and those that
    /// wait for a turn as those did that are done.
    pub(super) fn environment(&self, environment: &EnvironmentRecord) -> Option<Timestamp> {
        let open = || environment.groups.iter().filter(|group| group.outcome.is_none());
        let running: Vec<&GroupRecord> = open().filter(|group| group.is_running()).collect();
        let latest =
            running.iter().map(|group| self.group(group)).collect::<Option<Vec<_>>>()?.into_iter().max()?;
        let waiting = open().filter(|group| !group.is_running() && is_to_change(group)).count();
        if waiting == 0 {
            return Some(latest);
        }
        let mut took: Vec<u64> = environment.groups.iter().filter_map(refreshed_in).collect();
        took.sort_unstable();
        let usual = i64::try_from(*took.get(took.len() / 2)?).ok()?;
        let turns = i64::try_from(waiting.div_ceil(running.len())).ok()?;
        latest.checked_add(SignedDuration::from_millis(usual.checked_mul(turns)?)).ok()
    }
}

/// Whether the group's turn is still to come.
pub(super) fn is_to_change(group: &GroupRecord) -> bool {
    let action = group.planned.as_ref().map(|planned| planned.action);
    matches!(action, Some(PlannedAction::Refresh | PlannedAction::Resume))
}

fn refreshed_in(group: &GroupRecord) -> Option<u64> {
    matches!(group.outcome, Some(Outcome::Refreshed { .. })).then_some(group.took_ms)
}

/// `about 12 min left`: no more precise than it can be. Nothing where it is over already.
pub(super) fn left(end: Timestamp, now: Timestamp) -> Option<String> {
    let minutes = (end.duration_since(now).as_secs() + 30).div_euclid(60);
    Some(match minutes {
        ..=-1 => return None,
        0 | 1 => "about a minute left".to_owned(),
        2..=14 => format!("about {minutes} min left"),
        15..=57 => format!("about {} min left", (minutes + 2) / 5 * 5),
        _ => {
            let halves = (minutes + 15) / 30;
            let half = if halves % 2 == 1 { " 30 min" } else { "" };
            format!("about {} h{half} left", halves / 2)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_no_more_precisely_than_it_is_known() {
        let now = Timestamp::UNIX_EPOCH;
        let told = |seconds: i64| left(now + SignedDuration::from_secs(seconds), now);
        assert_eq!(told(-120), None, "it takes longer than was thought");
        for (seconds, words) in [
            (0, "about a minute left"),
            (80, "about a minute left"),
            (95, "about 2 min left"),
            (12 * 60 + 10, "about 12 min left"),
            (16 * 60, "about 15 min left"),
            (44 * 60, "about 45 min left"),
            (58 * 60, "about 1 h left"),
            (80 * 60, "about 1 h 30 min left"),
            (26 * 3600, "about 26 h left"),
        ] {
            assert_eq!(told(seconds).as_deref(), Some(words), "{seconds}");
        }
    }

    use crate::event::PlannedAction::Refresh;
    use crate::report::collect::Run;
    use crate::report::samples::{Stream, env, group, planned};

    /// What is told of the groups `a`, `b` and `c` of `qa`, and when it was.
    fn heard(events: &[Stamped]) -> (Paces, Run, Timestamp) {
        let (mut paces, mut run) = (Paces::default(), Run::default());
        paces.expect(Box::new(|_| Duration::from_secs(600)));
        for event in events {
            run.apply(event);
            paces.hear(event);
        }
        (paces, run, events.last().unwrap().at)
    }

    fn begun() -> Stream {
        let mut stream = Stream::new(&["qa"], None);
        stream.start("qa", ["a", "b", "c"].map(|name| planned("qa", name, Refresh)).to_vec());
        stream
    }

    #[test]
    fn a_group_that_bakes_ends_when_its_bake_does() {
        let mut stream = begun();
        stream.refresh(&group("qa", "a"));
        let (paces, run, now) = heard(&stream.events);
        assert_eq!(
            paces.group(run.group(&group("qa", "a")).unwrap()),
            Some(now + SignedDuration::from_secs(600))
        );
    }

    #[test]
    fn groups_that_wait_for_a_turn_take_as_long_as_those_that_are_done() {
        let mut stream = begun();
        stream.good(&group("qa", "a")).refresh(&group("qa", "b"));
        let (paces, run, now) = heard(&stream.events);
        // The bake of `b`, and for `c` the 724 seconds that `a` took.
        let end = now + SignedDuration::from_secs(600 + 724);
        assert_eq!(paces.environment(run.environment(&env("qa")).unwrap()), Some(end));
    }

    #[test]
    fn of_a_refresh_that_was_adopted_nobody_knows_how_fast_it_goes() {
        for adopted in [false, true] {
            let mut stream = begun();
            let a = group("qa", "a");
            let (refresh, target) = ("r".into(), crate::model::Target::plain("lt-0".into(), 7));
            stream.push(Event::RefreshStarted { group: a.clone(), refresh, target, adopted });
            stream.wait(99).moved(&a, RefreshStatus::InProgress, 50);
            let (paces, run, now) = heard(&stream.events);
            // 100 seconds for one half, as many for the other, and the bake.
            let end = (!adopted).then(|| now + SignedDuration::from_secs(100 + 600));
            assert_eq!(paces.group(run.group(&a).unwrap()), end, "adopted: {adopted}");
        }
    }
}
