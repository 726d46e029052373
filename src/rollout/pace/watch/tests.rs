//! What is seen of a group in the course of a refresh: how seldom the refresh is asked, and how
//! soon what goes wrong is.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::super::Look;
use super::super::tests::preferences;
use super::*;
use crate::model::{Group, GroupTemplate, TemplateId};

const OLD: u64 = 6;
const NEW: u64 = 7;

fn member(name: &str, version: u64, lifecycle: Lifecycle) -> Member {
    Member {
        id: name.into(),
        lifecycle,
        healthy: true,
        launched_from: Some((TemplateId::from("lt-1"), version)),
        protected: false,
        weight: 1,
    }
}

fn glimpse(members: Vec<Member>, names: u64) -> Glimpse {
    let template = GroupTemplate { id: "lt-1".into(), name: "web".into(), tracking: Tracking::Pinned(names) };
    let group = Group {
        name: "web".into(),
        region: "eu-west-2".into(),
        tags: BTreeMap::new(),
        template: Some(template),
        policy: None,
        launch_configuration: None,
        desired: 2,
        min: 0,
        max: 4,
        members,
        suspended: Vec::new(),
        target_groups: Vec::new(),
        other_balancers: Vec::new(),
        maintenance: None,
        warm_pool: None,
        deleting: false,
    };
    Glimpse { group, warmup: Some(120) }
}

/// The members, and the version that the group names.
type Seen<'a> = (&'a [(&'a str, u64, Lifecycle)], u64);

/// The signs of glimpses, one a minute, at a group of two.
fn signs(glimpses: &[Seen<'_>]) -> Vec<Sign> {
    let (target, preferences) = (Target::plain("lt-1".into(), NEW), preferences(None, 600));
    let course = Course { target: &target, preferences: &preferences };
    let (mut watch, mut at) = (Watch::default(), 0.0);
    let see = |(members, names): &Seen<'_>| {
        at += 60.0;
        let members = members.iter().map(|(name, version, life)| member(name, *version, life.clone()));
        watch.see(&glimpse(members.collect(), *names), (at, at), course)
    };
    glimpses.iter().map(see).collect()
}

#[test]
fn replacements_are_progress_and_whatever_goes_back_is_asked_about() {
    use Lifecycle::{InService, Pending, Terminating};
    let begun: Seen<'_> = (&[("a", OLD, InService), ("b", OLD, InService)], OLD);
    let launching: Seen<'_> = (&[("a", OLD, Terminating), ("b", OLD, InService), ("c", NEW, Pending)], OLD);
    let half: Seen<'_> = (&[("b", OLD, InService), ("c", NEW, InService)], OLD);
    let whole: Seen<'_> = (&[("c", NEW, InService), ("d", NEW, InService)], OLD);
    let over: Seen<'_> = (&[("c", NEW, InService), ("d", NEW, InService)], NEW);
    assert_eq!(
        signs(&[begun, begun, launching, half, half, whole, whole, over]),
        [
            Sign::Still,
            Sign::Still,
            Sign::Progress,
            Sign::Progress,
            Sign::Still,
            Sign::Progress,
            Sign::Still,
            Sign::Ask
        ]
    );
    // It rolls back: new instances go, or old ones come.
    assert_eq!(signs(&[whole, half])[1], Sign::Ask);
    let back: Seen<'_> = (&[("c", NEW, InService), ("d", NEW, InService), ("e", OLD, Pending)], OLD);
    assert_eq!(signs(&[whole, back])[1], Sign::Ask);
    // A launch that failed is gone; the same one that waits is nothing new.
    assert_eq!(signs(&[launching, launching, begun])[1..], [Sign::Still, Sign::Ask]);
}

#[test]
fn what_the_refresh_is_to_leave_alone_is_not_waited_for() {
    let spared =
        [(true, Protected::Ignore, Lifecycle::InService), (false, Protected::Wait, Lifecycle::Standby)];
    for (protected, mode, lifecycle) in spared {
        let mut preferences = preferences(Some(60), 600);
        (preferences.protected, preferences.standby) = (mode, Standby::Ignore);
        let target = Target::plain("lt-1".into(), NEW);
        let course = Course { target: &target, preferences: &preferences };
        let mut old = member("a", OLD, lifecycle);
        old.protected = protected;
        let new = ["b", "c"].map(|name| member(name, NEW, Lifecycle::InService));
        let mut watch = Watch::default();
        watch.see(&glimpse([&[old][..], &new].concat(), OLD), (60.0, 61.0), course);
        assert!(watch.whole.is_some(), "{protected}");
    }
}

/// A refresh of a group of some instances, one after the other.
#[derive(Debug)]
struct Story {
    boot: f64,
    warmup: f64,
    bake: f64,
    count: usize,
    /// Whether an old instance stays until the new one is warm.
    launches_first: bool,
    /// When it is cancelled, or rolled back.
    cancelled: Option<f64>,
    back: Option<f64>,
}

impl Story {
    fn step(&self) -> f64 {
        self.boot + self.warmup
    }

    fn replaced(&self) -> f64 {
        5.0 + self.step() * f64::from(u32::try_from(self.count).unwrap())
    }

    fn end(&self) -> f64 {
        self.replaced() + self.bake
    }

    fn status(&self, now: f64) -> RefreshStatus {
        if self.cancelled.is_some_and(|at| now >= at) {
            RefreshStatus::Cancelled
        } else if self.back.is_some_and(|at| now >= at) {
            RefreshStatus::RollbackInProgress
        } else if now >= self.end() {
            RefreshStatus::Successful
        } else if now >= self.replaced() {
            RefreshStatus::Baking
        } else {
            RefreshStatus::InProgress
        }
    }

    fn glimpse(&self, now: f64) -> Glimpse {
        let stands = self.cancelled.map_or(now, |at| now.min(at));
        let going_back = self.back.is_some_and(|at| now >= at);
        let mut members = Vec::new();
        for at in 0..self.count {
            let begins = 5.0 + self.step() * f64::from(u32::try_from(at).unwrap());
            let (old, new) = (format!("old{at}"), format!("new{at}"));
            if self.launches_first && stands >= begins && stands < begins + self.step() {
                members.push(member(&old, OLD, Lifecycle::InService));
            }
            members.push(if going_back && at == 0 {
                member("again", OLD, Lifecycle::Pending)
            } else if stands < begins {
                member(&old, OLD, Lifecycle::InService)
            } else if stands < begins + self.boot {
                member(&new, NEW, Lifecycle::Pending)
            } else {
                member(&new, NEW, Lifecycle::InService)
            });
        }
        let is_over = self.status(now) == RefreshStatus::Successful;
        let mut glimpse = glimpse(members, if is_over { NEW } else { OLD });
        glimpse.group.desired = u32::try_from(self.count).unwrap();
        glimpse
    }

    /// Follows it to its end as the driver does: when the refresh was asked, and how often the
    /// group was seen.
    fn follow(&self, second: f64) -> (Vec<f64>, usize) {
        let preferences = preferences(Some(num(self.warmup)), num(self.bake));
        let target = Target::plain("lt-1".into(), NEW);
        let course = Course { target: &target, preferences: &preferences };
        let first = (0..self.count).map(|at| InstanceId::from(format!("old{at}"))).collect();
        let (mut watch, mut known, mut now) = (Watch::beginning_with(first), None, 15.0);
        let (mut asked, mut seen) = (Vec::new(), 0);
        loop {
            let look = Look { status: self.status(now), percent: 0, elapsed: Duration::from_secs_f64(now) };
            asked.push(now);
            watch.asked(now);
            if !look.status.is_active() || look.status == RefreshStatus::RollbackInProgress {
                return (asked, seen);
            }
            let was = known.map(|known: Known| known.status);
            let next = Known::after(known, look, &preferences);
            let begins = look.status == RefreshStatus::Baking && was != Some(RefreshStatus::Baking);
            let next = if begins { next.not_baking_by(watch.bakes_from(course)) } else { next };
            known = Some(next);
            loop {
                match watch.next(next, now, second + now, course) {
                    Next::Refresh(pause) => {
                        now += pause;
                        break;
                    }
                    Next::Group(pause) => {
                        assert!(pause >= 1.0, "{self:?} at {now}");
                        now += pause;
                        seen += 1;
                        // A call takes a moment, and others are waited for.
                        let sign = watch.see(&self.glimpse(now + 2.0), (now, now + 2.0), course);
                        now += 2.0;
                        if sign == Sign::Ask {
                            break;
                        }
                    }
                }
                assert!(asked.len() < 100 && seen < 2_000, "{self:?} does not end");
            }
        }
    }
}

fn num(seconds: f64) -> u64 {
    Duration::from_secs_f64(seconds).as_secs()
}

#[test]
fn half_an_hour_takes_three_looks_at_the_refresh_and_ends_in_time() {
    let stories = [(4, 80.0, 200.0), (2, 80.0, 500.0), (3, 90.0, 300.0)];
    let ways = stories.into_iter().flat_map(|story| [(story, false), (story, true)]);
    for ((count, boot, warmup), launches_first) in ways {
        let story = Story { boot, warmup, bake: 600.0, count, launches_first, cancelled: None, back: None };
        let (asked, seen) = story.follow(0.0);
        let late = asked.last().unwrap() - story.end();
        // A long warmup looks as a refresh does that was cancelled.
        let silent = if warmup > 200.0 { 2 * count } else { 0 };
        assert!(asked.len() <= 3 + silent && seen <= 30, "{story:?}: {asked:?}, {seen} glimpses");
        assert!(late <= 0.02 * story.end(), "{story:?}: {late} s late, {asked:?}");
    }
}

proptest! {
    #[test]
    fn the_end_is_seen_in_time(
        count in 1_usize..12,
        boot in 20.0_f64..400.0,
        warmup in 0.0_f64..900.0,
        bake in prop_oneof![Just(0.0), 60.0_f64..7_200.0],
        second in 0.0_f64..3_600.0,
        launches_first in any::<bool>(),
    ) {
        let story = Story { boot, warmup: warmup.floor(), bake: bake.floor(), count, launches_first, cancelled: None, back: None };
        let (asked, _) = story.follow(second);
        let late = asked.last().unwrap() - story.end();
        prop_assert!(late <= 60.0 + 0.02 * story.end(), "{:?}: {} s late, {:?}", story, late, asked);
        let many = story.end() / SILENT.0 + 6.0;
        prop_assert!(f64::from(u32::try_from(asked.len()).unwrap()) <= many, "{:?}: {:?}", story, asked);
    }

    #[test]
    fn a_refresh_that_is_cancelled_or_goes_back_is_soon_found_out(
        count in 2_usize..8,
        boot in 20.0_f64..200.0,
        warmup in 0.0_f64..600.0,
        part in 0.05_f64..0.95,
        second in 0.0_f64..3_600.0,
        launches_first in any::<bool>(),
        back in any::<bool>(),
    ) {
        let clean = Story { boot, warmup: warmup.floor(), bake: 600.0, count, launches_first, cancelled: None, back: None };
        let at = 20.0 + part * (clean.replaced() - 20.0);
        let story = Story { cancelled: (!back).then_some(at), back: back.then_some(at), ..clean };
        let (asked, _) = story.follow(second);
        let late = asked.last().unwrap() - at;
        // A rollback shows in the instances; that nothing goes on has to be waited for.
        let limit = if back { EVERY } else { SILENT.1 + EVERY } + 5.0;
        prop_assert!(late <= limit, "{:?}: seen {} s after, {:?}", story, late, asked);
    }
}
