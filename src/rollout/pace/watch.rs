//! What a group's own instances tell of its refresh, between two looks at the refresh. Pure.
//!
//! AWS describes a hundred groups in one call, and the refreshes of one group only. While
//! instances are replaced as they should be, the refresh goes forward and need not be asked. It
//! is when all are replaced, when something goes back, when the group names what the refresh
//! was to take it to, and when nothing has moved for a while. What is seen here decides nothing
//! but that.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Known, pause};
use crate::config::{Preferences, Protected, Standby};
use crate::model::{Glimpse, InstanceId, Lifecycle, Member, RefreshStatus, Target, Tracking};

/// How often a group is seen, in seconds of the clock: all at the same moments, …
const EVERY: f64 = 120.0;
/// … when only its last instances are on their way in, since that says when the bake ends, …
const AT_LAST: f64 = 24.0;
/// … and while it bakes.
const BAKING: f64 = 240.0;
/// After how long without progress the refresh is asked: longer than a warmup, in which nothing
/// can be seen, but within these bounds.
const SILENT: (f64, f64) = (180.0, 300.0);
/// For how long it is never asked at the longest.
const UNASKED: f64 = 1_800.0;
/// How long AWS may take to go on when the last instance is warm, or its bake is over.
const GOES_ON: f64 = 3.0;
/// How long after its end the group may go on naming what it had before the refresh is asked.
const SHOWS: f64 = 45.0;

/// What was seen of a group since its refresh began.
#[derive(Debug, Clone, Default)]
pub(in crate::rollout) struct Watch {
    /// The instances that were there before it began, where that is known.
    first: Option<BTreeSet<InstanceId>>,
    /// When the refresh itself was asked last, in seconds from its beginning, as all times here.
    asked: f64,
    /// When it last made progress, or was asked.
    alive: f64,
    /// How many units of new instances served at most.
    most: u32,
    /// How many percent were told.
    told: u8,
    /// Between which moments those came into service that did so last.
    served: (f64, f64),
    /// How many instances it launched at once at most.
    batch: usize,
    /// What was seen last.
    shown: Option<Shown>,
    /// Between which moments the last of the old kind went, with all of the new kind in service.
    whole: Option<(f64, f64)>,
}

#[derive(Debug, Clone)]
struct Shown {
    at: f64,
    members: BTreeSet<InstanceId>,
    /// How many are of the new kind, and how many of the old kind are still to be replaced.
    new: usize,
    old: usize,
    /// How many of the new kind serve, and whether all in all as much serves as should.
    serving: usize,
    full: bool,
    /// Whether no instance of the new kind is on its way in.
    settled: bool,
    /// How long AWS waits for an instance, where the refresh does not say.
    warmup: f64,
}

/// What a glimpse of the group means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rollout) enum Sign {
    /// One more instance of the new kind serves, or one fewer of the old kind is there.
    Progress,
    /// Nothing of that.
    Still,
    /// Something that the refresh is to be asked about.
    Ask,
}

/// What is to be looked at next, and in how many seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::rollout) enum Next {
    /// The group.
    Group(f64),
    /// The refresh.
    Refresh(f64),
}

/// What the refresh was asked to do.
#[derive(Debug, Clone, Copy)]
pub(in crate::rollout) struct Course<'a> {
    pub(in crate::rollout) target: &'a Target,
    pub(in crate::rollout) preferences: &'a Preferences,
}

impl Course<'_> {
    fn is_new(self, member: &Member) -> bool {
        let from = member.launched_from.as_ref();
        from.is_some_and(|(id, number)| self.target.versions().any(|wanted| wanted == (id, *number)))
    }

    /// Whether it leaves an instance of the old kind where it is.
    fn spares(self, member: &Member) -> bool {
        (member.lifecycle == Lifecycle::Standby && self.preferences.standby == Standby::Ignore)
            || (member.protected && self.preferences.protected == Protected::Ignore)
    }
}

impl Shown {
    /// How long the rest takes if it goes as fast as what serves after so many seconds.
    fn left(&self, now: f64) -> Option<f64> {
        let number = |count: usize| u32::try_from(count).map_or(f64::INFINITY, f64::from);
        (self.serving > 0).then(|| number(self.old) * now / number(self.serving))
    }
}

impl Watch {
    /// Of a refresh that begins with these instances: what goes back before the group is seen for
    /// the first time shows as one of the old kind that is not among them.
    pub(in crate::rollout) fn beginning_with(first: BTreeSet<InstanceId>) -> Self {
        Self { first: Some(first), ..Self::default() }
    }

    /// The refresh was asked, so many seconds from its beginning.
    pub(in crate::rollout) fn asked(&mut self, at: f64) {
        self.asked = at;
        self.alive = at;
    }

    /// Since when it may have baked, at the earliest, as far as the instances tell.
    pub(in crate::rollout) fn bakes_from(&self, course: Course<'_>) -> f64 {
        match (self.warm(self.warmup(course.preferences)), &self.shown) {
            (Some((from, _)), _) => from,
            (None, Some(shown)) => shown.at,
            (None, None) => f64::NEG_INFINITY,
        }
    }

    /// Notes what was seen of the group: asked for at one moment, and answered at another.
    pub(in crate::rollout) fn see(
        &mut self,
        glimpse: &Glimpse,
        (from, to): (f64, f64),
        course: Course<'_>,
    ) -> Sign {
        let group = &glimpse.group;
        let here = || group.members.iter().filter(|member| member.lifecycle != Lifecycle::Terminating);
        let (new, others): (Vec<&Member>, Vec<&Member>) = here().partition(|member| course.is_new(member));
        let old = others.iter().filter(|member| !course.spares(member)).count();
        let serving = || new.iter().filter(|member| member.lifecycle == Lifecycle::InService);
        let units: u32 = serving().map(|member| member.weight).sum();
        let all_serving: u32 = group.in_service().map(|member| member.weight).sum();
        let shown = Shown {
            at: from,
            members: group.members.iter().map(|member| member.id.clone()).collect(),
            new: new.len(),
            old,
            serving: serving().count(),
            full: all_serving >= group.desired,
            settled: new.iter().all(|member| is_settled(member)),
            warmup: glimpse.warmup.map_or(0.0, f64::from),
        };
        let all = old == 0 && units >= group.desired && shown.settled;
        let before = self.shown.replace(shown);
        self.whole = match (self.whole, all) {
            (_, false) => None,
            (Some(whole), true) => Some(whole),
            (None, true) => Some((before.as_ref().map_or(0.0, |before| before.at), to)),
        };
        self.batch =
            self.batch.max(new.len() - before.as_ref().map_or(0, |before| before.new.min(new.len())));
        if units > self.most {
            self.served = (before.as_ref().map_or(0.0, |before| before.at), to);
        }
        let progress = units > self.most || before.as_ref().is_some_and(|before| old < before.old);
        self.most = self.most.max(units);
        if progress {
            self.alive = to;
        }
        let named = group.template.as_ref().map(|template| template.tracking);
        let known = before.as_ref().map(|before| &before.members).or(self.first.as_ref());
        let comes_back = known.is_some_and(|known| others.iter().any(|member| !known.contains(&member.id)));
        let goes_back = comes_back || before.is_some_and(|before| new.len() < before.new);
        if goes_back || named == Some(Tracking::Pinned(course.target.version)) {
            Sign::Ask
        } else if progress {
            Sign::Progress
        } else {
            Sign::Still
        }
    }

    /// Whether launches may be failing: something is missing, or it takes longer than a warmup. While
    /// new instances warm up there is nothing to launch.
    pub(in crate::rollout) fn is_held_up(&self, now: f64, course: Course<'_>) -> bool {
        let full = self.shown.as_ref().is_some_and(|shown| shown.full);
        !full || self.most == 0 || now - self.alive > self.warmup(course.preferences)
    }

    /// How many percent of so many instances are replaced, and how many are not, when that is
    /// another than was told before.
    pub(in crate::rollout) fn news(&mut self, goal: usize) -> Option<(u8, u32)> {
        let shown = self.shown.as_ref()?;
        let done = goal.saturating_sub(shown.old).min(shown.serving);
        // The last of them has yet to warm up: the refresh says when all are done.
        let percent = u8::try_from((done * 100 / goal.max(1)).min(99)).unwrap_or(99);
        let is_new = percent > self.told;
        self.told = self.told.max(percent);
        is_new.then(|| (percent, u32::try_from(goal - done).unwrap_or(u32::MAX)))
    }

    /// What to look at next, `now` seconds from the beginning and at that second of the clock.
    pub(in crate::rollout) fn next(&self, known: Known, now: f64, second: f64, course: Course<'_>) -> Next {
        let aim =
            || pause(Some(known), Duration::from_secs_f64(now.max(0.0)), course.preferences).as_secs_f64();
        match known.status {
            RefreshStatus::Pending | RefreshStatus::InProgress => {
                self.while_it_replaces(now, second, course.preferences)
            }
            RefreshStatus::Baking => {
                let (_, latest) = known.baking.unwrap_or((now, now));
                let over = latest + course.preferences.bake.as_secs_f64() + SHOWS;
                let unasked = now - self.asked;
                if (now >= over && (self.asked < over || unasked >= SHOWS)) || unasked >= UNASKED {
                    return Next::Refresh(0.0);
                }
                Next::Group(aim().min(until_next(second, BAKING)))
            }
            RefreshStatus::Cancelling
            | RefreshStatus::RollbackInProgress
            | RefreshStatus::Successful
            | RefreshStatus::Failed
            | RefreshStatus::Cancelled
            | RefreshStatus::RollbackSuccessful
            | RefreshStatus::RollbackFailed => Next::Refresh(aim()),
        }
    }

    fn while_it_replaces(&self, now: f64, second: f64, preferences: &Preferences) -> Next {
        let warmup = self.warmup(preferences);
        let silent = self.alive + (warmup + 60.0).clamp(SILENT.0, SILENT.1);
        let warm = self.warm(warmup).map(|(_, warm)| {
            let warm = warm + GOES_ON;
            // Where it was asked then, and was not so far, it is slower than it seemed.
            let late = self.asked - warm;
            if late < 0.0 { warm } else { self.asked + AT_LAST.max(late / 2.0) }
        });
        let due = silent.min(self.asked + UNASKED).min(warm.unwrap_or(f64::INFINITY));
        let next = until_next(second, self.every(now, second, warmup));
        if due - now <= next { Next::Refresh((due - now).max(0.0)) } else { Next::Group(next) }
    }

    /// Between which moments all is replaced and warm, when that is foreseen. An old instance may
    /// stay until the new one is warm, or go before that is launched.
    fn warm(&self, warmup: f64) -> Option<(f64, f64)> {
        let (served, whole) = (self.served, self.whole?);
        Some((whole.0.max(served.0 + warmup), whole.1.max(served.1 + warmup)))
    }

    /// How often the group is to be seen while instances are replaced.
    fn every(&self, now: f64, second: f64, warmup: f64) -> f64 {
        let Some(shown) = &self.shown else { return AT_LAST };
        let is_last = self.batch > 0 && shown.old <= self.batch;
        // Before the first are replaced nobody knows how many go at once; before the first serve,
        // how fast it goes, and with hardly a warmup it may be over soon.
        let is_quick = self.most == 0 && warmup < EVERY / 2.0;
        let is_first = (self.batch == 0 || is_quick) && now < EVERY;
        let is_soon = shown.left(now).is_some_and(|left| left <= EVERY);
        // While those before them warm up, the last ones are left where they are.
        let rests = shown.settled && now + until_next(second, EVERY) <= self.served.0 + warmup;
        if self.whole.is_none() && (is_first || ((is_last || is_soon) && !rests)) { AT_LAST } else { EVERY }
    }

    fn warmup(&self, preferences: &Preferences) -> f64 {
        let own = || self.shown.as_ref().map_or(0.0, |shown| shown.warmup);
        preferences.warmup.map_or_else(own, |warmup| warmup.as_secs_f64())
    }
}

fn is_settled(member: &Member) -> bool {
    matches!(member.lifecycle, Lifecycle::InService | Lifecycle::Standby)
}

/// How long it is until the clock's seconds are a multiple of `every`: everybody is there then,
/// and sees the groups in the same calls.
fn until_next(second: f64, every: f64) -> f64 {
    let left = every - second.rem_euclid(every);
    if left < 1.0 { left + every } else { left }
}

#[cfg(test)]
mod tests;
