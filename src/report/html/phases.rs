//! What a group and an environment did from when until when, as bars of a timeline. Pure.

use jiff::{SignedDuration, Timestamp};

use super::super::record::{EnvironmentRecord, GroupRecord};
use super::scale::Span;
use crate::event::Step;
use crate::model::RefreshStatus;

/// What a bar stands for, in the order in which bars are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// It waits: for its window, or for its turn.
    Wait,
    Template,
    Refresh,
    Bake,
    Checks,
    Rollback,
}

impl Phase {
    pub(super) const ALL: [Self; 6] =
        [Self::Wait, Self::Template, Self::Refresh, Self::Bake, Self::Checks, Self::Rollback];

    /// The word that people read; the stylesheet's class, too.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Template => "template",
            Self::Refresh => "refresh",
            Self::Bake => "bake",
            Self::Checks => "checks",
            Self::Rollback => "rollback",
        }
    }
}

/// A phase with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) phase: Phase,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// A wait that is shorter than this is not worth a bar, in seconds.
const SHORTEST_WAIT: i64 = 60;

/// More spans of a phase than this are joined where they are closer than this part of the whole.
const DRAWN: usize = 100;
const DRAWN_ACROSS: i32 = 150;

/// The bars of a group; `latest` is where what has not ended is cut off.
pub(super) fn of_group(group: &GroupRecord, latest: Timestamp) -> Vec<Bar> {
    let mut bars = Vec::new();
    let mut add = |phase, from: Timestamp, until: Timestamp| {
        bars.push(Bar { phase, from, until: until.max(from) });
    };
    let end = group.ended.unwrap_or(latest);
    if let Some(from) = group.started {
        let until = group.refresh_began.or(first_check(group)).or(group.rollback_began).unwrap_or(end);
        if until.duration_since(from).as_secs() >= SHORTEST_WAIT {
            add(Phase::Wait, from, until);
        }
    }
    if let Some(step) = group.step(Step::Template) {
        add(Phase::Template, before(step.ended, step.took_ms), step.ended);
    }
    let forward_end = group.rollback_began.unwrap_or(end);
    let baking = moved_to(group, RefreshStatus::Baking);
    if let Some(from) = group.refresh_began {
        let over = group.moves.iter().find(|(_, status, ..)| !status.is_active()).map(|(at, ..)| *at);
        let until = baking.or(over).unwrap_or(forward_end).min(forward_end);
        add(Phase::Refresh, from, until);
    }
    if let Some(from) = baking {
        let after =
            group.moves.iter().find(|(at, status, ..)| *at > from && *status != RefreshStatus::Baking);
        let until = after.map_or(forward_end, |(at, ..)| *at).min(forward_end);
        add(Phase::Bake, from, until);
    }
    if let (Some(from), Some(until)) = (first_check(group), group.checks.iter().map(|one| one.ended).max()) {
        add(Phase::Checks, from, until);
    }
    if let Some(from) = group.rollback_began {
        let step = group.step(Step::Rollback).map(|step| step.ended);
        add(Phase::Rollback, from, step.unwrap_or(end));
    }
    bars.sort_by_key(|bar| bar.phase);
    bars
}

/// The bars of an environment: its waits, and what any of its groups did.
pub(super) fn of_environment(environment: &EnvironmentRecord, latest: Timestamp) -> Vec<Bar> {
    let mut bars: Vec<Bar> = environment
        .pauses
        .iter()
        .map(|(from, until, _)| Bar {
            phase: Phase::Wait,
            from: *from,
            until: (*until).min(latest).max(*from),
        })
        .collect();
    let all: Vec<Bar> = environment.groups.iter().flat_map(|group| of_group(group, latest)).collect();
    for phase in Phase::ALL.into_iter().filter(|phase| *phase != Phase::Wait) {
        let mut spans: Vec<Span> =
            all.iter().filter(|bar| bar.phase == phase).map(|bar| (bar.from, bar.until)).collect();
        spans.sort_unstable();
        let joined = joined(spans);
        bars.extend(joined.into_iter().map(|(from, until)| Bar { phase, from, until }));
    }
    bars
}

/// The spans, in order, with those made one that touch; where there are very many, those that are
/// too close together to be told apart.
fn joined(spans: Vec<Span>) -> Vec<Span> {
    let all = spans.first().zip(spans.iter().map(|span| span.1).max());
    let apart = match all {
        Some((first, last)) if spans.len() > DRAWN => last.duration_since(first.0) / DRAWN_ACROSS,
        _ => SignedDuration::ZERO,
    };
    let mut joined: Vec<Span> = Vec::new();
    for (from, until) in spans {
        match joined.last_mut() {
            Some(last) if from.duration_since(last.1) <= apart => last.1 = last.1.max(until),
            _ => joined.push((from, until)),
        }
    }
    joined
}

/// The spans in which something was done, for a scale: waits are not among them.
pub(super) fn busy(bars: &[Bar]) -> impl Iterator<Item = Span> + '_ {
    bars.iter().filter(|bar| bar.phase != Phase::Wait).map(|bar| (bar.from, bar.until))
}

fn first_check(group: &GroupRecord) -> Option<Timestamp> {
    group.checks.iter().map(|check| before(check.ended, check.result.took_ms)).min()
}

fn moved_to(group: &GroupRecord, wanted: RefreshStatus) -> Option<Timestamp> {
    group.moves.iter().find(|(_, status, ..)| *status == wanted).map(|(at, ..)| *at)
}

/// The moment that many milliseconds earlier.
fn before(at: Timestamp, ms: u64) -> Timestamp {
    let took = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
    at.checked_sub(took).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::super::super::collect::Run;
    use super::*;
    use crate::event::Stamped;
    use crate::report::samples;

    fn run(events: &[Stamped]) -> Run {
        let mut run = Run::default();
        for event in events {
            run.apply(event);
        }
        run
    }

    fn bars(events: &[Stamped], group: usize) -> Vec<(Phase, i64)> {
        let run = run(events);
        let bars = of_group(&run.environments[0].groups[group], run.latest.unwrap());
        bars.iter().map(|bar| (bar.phase, bar.until.duration_since(bar.from).as_secs())).collect()
    }

    #[test]
    fn a_group_that_goes_well_has_its_phases_in_order() {
        let phases: Vec<Phase> = bars(&samples::clean(None), 0).into_iter().map(|(phase, _)| phase).collect();
        assert_eq!(phases, [Phase::Template, Phase::Refresh, Phase::Bake, Phase::Checks]);
    }

    #[test]
    fn a_rollback_ends_the_bake_and_is_a_bar_of_its_own() {
        let run = run(&samples::failed_check());
        let bars = of_group(&run.environments[0].groups[0], run.latest.unwrap());
        let of = |phase| *bars.iter().find(|bar| bar.phase == phase).unwrap();
        assert!(of(Phase::Bake).until <= of(Phase::Rollback).from);
        assert!(of(Phase::Rollback).until.duration_since(of(Phase::Rollback).from).as_secs() >= 400);
        assert!(of(Phase::Refresh).until == of(Phase::Bake).from);
    }

    #[test]
    fn a_group_that_was_never_begun_only_waits() {
        let phases = bars(&samples::failed_check(), 1);
        assert!(phases.iter().all(|(phase, _)| *phase == Phase::Wait), "{phases:?}");
    }

    #[test]
    fn a_time_longer_than_all_time_does_not_matter() {
        assert_eq!(before(Timestamp::MIN, u64::MAX), Timestamp::MIN);
    }
}
