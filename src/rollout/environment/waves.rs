//! In which order groups go: what was begun before, the canary, then the rest, bounded, in
//! all regions together or in one after the other.

use std::collections::{BTreeMap, VecDeque};

use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;

use super::super::Run;
use super::super::board::Standing;
use super::super::ends::{GroupEnd, Side, failed, outcome};
use super::super::events::millis;
use super::super::group::{Driver, Manner, Until};
use super::super::patience::patiently;
use super::super::prepare::Targets;
use super::super::takeback::TAKEN_BACK;
use super::admission::Admission;
use crate::aws::Account;
use crate::config::Environment;
use crate::event::Event;
use crate::gate::{Record, State};
use crate::model::{Outcome, Region};
use crate::plan::{Decision, Deferral, GroupPlan, Plan};

/// Drives every group of the plan; the ends come in the plan's order.
pub(super) async fn roll<'a>(
    run: &'a Run<'a>,
    plan: &'a Plan,
    accounts: &'a BTreeMap<Region, Account>,
    targets: &'a Targets,
    manner: Manner,
    admission: &'a Admission<'a>,
) -> Vec<GroupEnd<'a>> {
    let mut ends: Vec<GroupEnd<'a>> = Vec::new();
    let mut waiting: VecDeque<&GroupPlan> = VecDeque::new();
    let mut under_way: Vec<&GroupPlan> = Vec::new();
    for group in &plan.groups {
        match &group.decision {
            // What an earlier run moved must be looked after, whatever becomes of the others.
            Decision::Resume(_) if group.under_way => under_way.push(group),
            Decision::Resume(_) | Decision::Refresh(_) => waiting.push_back(group),
            Decision::Defer(Deferral { why, next }) => {
                let outcome = Outcome::Deferred { why: why.clone(), next: *next };
                ends.push(ended_at_once(run, group, outcome));
            }
            Decision::HoldStill(_, why) | Decision::Skip(why) => ends.push(match &group.deferral {
                Some(Deferral { why, next }) => {
                    ended_at_once(run, group, Outcome::Deferred { why: why.clone(), next: *next })
                }
                None => skipped(run, group, why),
            }),
        }
    }
    let environment = admission.environment;
    let policy = &environment.refresh;
    let (since, at_once) = (run.clock.now(), policy.groups_at_once);
    let wave = Wave { run, accounts, targets, manner, admission, since, at_once };
    let mut stages = stages(environment, waiting);
    // It serves as the canary too: some of it was the canary, or came after.
    let mut canary: VecDeque<&GroupPlan> = VecDeque::new();
    if under_way.is_empty()
        && let Some((_, first)) = stages.front_mut()
    {
        canary.extend(first.drain(..policy.canary.min(first.len())));
    }
    let left = |stages: &VecDeque<Stage<'a>>| stages.iter().any(|(_, groups)| !groups.is_empty());
    let first = wave.before(left(&stages));
    ends.extend(first.run(under_way.into(), usize::MAX, ANOTHER_FAILED).await);
    ends.extend(first.run(canary, policy.max_failures, ANOTHER_FAILED).await);
    while let Some((region, groups)) = stages.pop_front() {
        let before: Vec<&GroupEnd<'a>> = ends.iter().filter(|end| failed(&end.outcome)).collect();
        // A canary, or a region, that fails stops everything, whatever the rest would be allowed.
        let allowed = if before.is_empty() { policy.max_failures } else { 0 };
        let why = match region {
            Some(region) if before.iter().all(|end| end.plan.at.region != region) => {
                format!("a group failed in a region before {region}: it is not begun")
            }
            Some(_) | None => ANOTHER_FAILED.to_owned(),
        };
        let why = if before.is_empty() { ANOTHER_FAILED } else { &why };
        ends.extend(wave.before(left(&stages)).run(groups, allowed, why).await);
    }
    ends.sort_by(|a, b| a.plan.at.cmp(&b.plan.at));
    ends
}

/// What is said of the groups after one that failed.
const ANOTHER_FAILED: &str = "another group failed: no more are started";

/// The groups that go together: of all regions, or of one.
type Stage<'a> = (Option<Region>, VecDeque<&'a GroupPlan>);

/// The groups that go together, and then the next: those of all regions, or of each region in
/// the order in which the configuration names them.
fn stages<'a>(environment: &Environment, waiting: VecDeque<&'a GroupPlan>) -> VecDeque<Stage<'a>> {
    if !environment.regions_in_order {
        return VecDeque::from([(None, waiting)]);
    }
    let in_region = |region: &Region| {
        let groups = waiting.iter().filter(|group| group.at.region == *region);
        (Some(region.clone()), groups.copied().collect::<VecDeque<_>>())
    };
    environment.regions.iter().map(in_region).filter(|(_, groups)| !groups.is_empty()).collect()
}

#[derive(Clone, Copy)]
struct Wave<'a> {
    run: &'a Run<'a>,
    accounts: &'a BTreeMap<Region, Account>,
    targets: &'a Targets,
    manner: Manner,
    admission: &'a Admission<'a>,
    /// When the groups were last seen: they were just planned and prepared.
    since: Timestamp,
    at_once: usize,
}

impl<'a> Wave<'a> {
    /// The same, of groups that others follow: these are proved, checks and all, before those begin,
    /// whatever step does it.
    fn before(self, others: bool) -> Self {
        let manner = if others { Manner { until: Until::End, checks: true } } else { self.manner };
        Self { manner, ..self }
    }

    /// Drives the groups, none new after `allowed` failures; `why` is said of those.
    async fn run(
        &self,
        mut waiting: VecDeque<&'a GroupPlan>,
        allowed: usize,
        why: &str,
    ) -> Vec<GroupEnd<'a>> {
        let mut ends = Vec::new();
        let mut running = FuturesUnordered::new();
        let mut failures = 0;
        loop {
            while failures < allowed
                && running.len() < self.at_once
                && let Some(group) = waiting.pop_front()
            {
                running.push(self.one(group));
            }
            let Some(end) = running.next().await else { break };
            failures += usize::from(failed(&end.outcome));
            ends.push(end);
        }
        ends.extend(waiting.into_iter().map(|group| not_started(self.run, group, why)));
        ends
    }

    async fn one(&self, group: &'a GroupPlan) -> GroupEnd<'a> {
        if !group.under_way
            && let Some(outcome) = self.admission.holds(group).await
        {
            return ended_at_once(self.run, group, outcome);
        }
        let begun = self.run.clock.now();
        let target = self.targets.get(&(group.at.region.clone(), group.at.group.clone()));
        let (Some(change), Some(target), Some(account)) =
            (group.change(), target, self.accounts.get(&group.at.region))
        else {
            return not_started(self.run, group, ANOTHER_FAILED);
        };
        let one = Driver::new(self.run, account, group, change, target, self.manner);
        let holds = async || if group.under_way { None } else { self.admission.holds(group).await };
        let driven = match one.seen_at(self.since).forward(holds).await {
            Ok(driven) => driven,
            Err(instead) => return ended_at_once(self.run, group, instead),
        };
        let proved = u32::try_from(driven.proof.proved.len()).unwrap_or(u32::MAX);
        let (outcome, side) = outcome(&driven.end, &group.at.environment, proved);
        let went_back = matches!(outcome, Outcome::RolledBack { .. });
        let blames_image = went_back && !(driven.was_going_back && self.taken_back_by_hand().await);
        let end = GroupEnd {
            plan: group,
            target: Some(target.clone()),
            outcome,
            side,
            blames_image,
            held: driven.held,
        };
        self.run.events.emit(Event::GroupEnded {
            group: group.at.clone(),
            outcome: end.outcome.clone(),
            images: driven.proof.images,
            stragglers: driven.proof.stragglers,
            took_ms: millis(self.run.clock.since(begun)),
        });
        self.run.board.stands(&group.at, Standing::Ended);
        end
    }
}

impl Wave<'_> {
    /// Whether a person took the environment back from this image: that blames nothing.
    async fn taken_back_by_hand(&self) -> bool {
        let (run, name) = (self.run, &self.admission.environment.name);
        let homes = run.homes();
        let records = patiently(run.clock, async || run.gates(&homes).await).await.unwrap_or_default();
        let by_hand =
            |record: &Record| record.state == State::Revoked && record.detail.starts_with(TAKEN_BACK);
        records.get(name).is_some_and(by_hand)
    }
}

fn skipped<'a>(run: &Run<'_>, group: &'a GroupPlan, why: &str) -> GroupEnd<'a> {
    ended_at_once(run, group, Outcome::Skipped { why: why.to_owned() })
}

fn not_started<'a>(run: &Run<'_>, group: &'a GroupPlan, why: &str) -> GroupEnd<'a> {
    ended_at_once(run, group, Outcome::NotStarted { why: why.to_owned() })
}

pub(super) fn ended_at_once<'a>(run: &Run<'_>, plan: &'a GroupPlan, outcome: Outcome) -> GroupEnd<'a> {
    let (group, images) = (plan.at.clone(), BTreeMap::new());
    run.events.emit(Event::GroupEnded {
        group,
        outcome: outcome.clone(),
        images,
        stragglers: Vec::new(),
        took_ms: 0,
    });
    run.board.stands(&plan.at, Standing::Ended);
    GroupEnd::undriven(plan, outcome, Side::Old)
}
