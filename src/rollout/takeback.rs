//! Takes groups back to what they had: after a failure beside them, or when told to.

mod back;
mod explicit;
mod finished;
mod lost;
mod previous;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt};

pub use explicit::{TAKEN_BACK, rollback, rollback_to_previous};
pub use previous::{Given, given};

use super::Run;
use super::board::Standing;
use super::ends::{GroupEnd, Side, failed, outcome};
use super::events::millis;
use super::group::{Driver, Manner, Until};
use crate::aws::Account;
use crate::config::{Environment, OnFailure};
use crate::event::Event;
use crate::model::{Outcome, Region, Target, TemplateId};
use crate::plan::{Change, GroupPlan};

/// Takes back the groups that must not stay on the new image when others failed.
///
/// All of them with `on_failure: environment`; else those that share a template that
/// floats with one that failed or was not begun, for that can follow one image only.
pub(super) async fn after_failures(
    run: &Run<'_>,
    environment: &Environment,
    accounts: &BTreeMap<Region, Account>,
    ends: &mut [GroupEnd<'_>],
) {
    // Taking a group of several templates back may tear another one.
    while let Some((back, why)) = to_take_back(environment, ends) {
        let back = ends.iter_mut().enumerate().filter(|(at, _)| back.contains(at));
        let back = stream::iter(back).map(async |(_, end)| take_back(run, accounts, end, &why).await);
        back.buffer_unordered(environment.refresh.groups_at_once).collect::<Vec<()>>().await;
    }
}

/// Who must not stay on the new image as things stand, and why; `None` when nobody is left.
fn to_take_back(environment: &Environment, ends: &[GroupEnd<'_>]) -> Option<(BTreeSet<usize>, String)> {
    let bad: Vec<String> =
        ends.iter().filter(|end| failed(&end.outcome)).map(|end| end.plan.at.group.to_string()).collect();
    let torn = torn_templates(ends);
    let all = environment.refresh.on_failure == OnFailure::Environment && !bad.is_empty();
    let why = if bad.is_empty() {
        "another group of its template could not go with it".to_owned()
    } else {
        format!("{} failed", bad.join(", "))
    };
    let must = |end: &GroupEnd<'_>| {
        let published = end.plan.change().map(Change::published).unwrap_or_default();
        let region = &end.plan.at.region;
        let shares = published.into_iter().any(|template| torn.contains(&(region.clone(), template)));
        // What bakes for the next step to go on with is taken back as well as what ended.
        let baking = matches!(end.outcome, Outcome::Left { .. });
        ((end.side == Side::New && (all || shares)) || (baking && all)) && end.target.is_some()
    };
    let back: BTreeSet<usize> =
        ends.iter().enumerate().filter(|(_, end)| must(end)).map(|(at, _)| at).collect();
    (!back.is_empty()).then_some((back, why))
}

/// The templates that a group follows by floating, with groups on both sides.
fn torn_templates(ends: &[GroupEnd<'_>]) -> BTreeSet<(Region, TemplateId)> {
    let mut seen: BTreeMap<(Region, TemplateId), (bool, bool, bool)> = BTreeMap::new();
    for end in ends {
        let Some(change) = end.plan.touched() else { continue };
        for one in change.templates() {
            let entry = seen.entry((end.plan.at.region.clone(), one.template.clone())).or_default();
            entry.0 |= one.tracking.floats();
            if one.changes() {
                entry.1 |= end.side == Side::New;
                // One that is not due yet stays pinned where it is, and keeps nobody from following;
                // of one that bakes, the next step says where it ends.
                let open = matches!(end.outcome, Outcome::Deferred { .. } | Outcome::Left { .. });
                entry.2 |= end.side != Side::New && !open;
            }
        }
    }
    seen.into_iter()
        .filter(|(_, (floats, new, other))| *floats && *new && *other)
        .map(|(key, _)| key)
        .collect()
}

async fn take_back(run: &Run<'_>, accounts: &BTreeMap<Region, Account>, end: &mut GroupEnd<'_>, why: &str) {
    let (Some(account), Some(target)) = (accounts.get(&end.plan.at.region), end.target.clone()) else {
        return;
    };
    let (outcome, side) = drive_back(run, account, end.plan, &target, why.to_owned()).await;
    end.outcome = outcome;
    end.side = side;
}

/// Drives one group back, and tells its end.
async fn drive_back(
    run: &Run<'_>,
    account: &Account,
    plan: &GroupPlan,
    target: &Target,
    why: String,
) -> (Outcome, Side) {
    let begun = run.clock.now();
    let Some(change) = plan.touched() else {
        return (Outcome::Skipped { why: "nothing was changed".into() }, Side::Old);
    };
    let manner = Manner { until: Until::End, checks: false };
    let driven = Driver::new(run, account, plan, change, target, manner).back(why).await;
    let proved = u32::try_from(driven.proof.proved.len()).unwrap_or(u32::MAX);
    let (outcome, side) = outcome(&driven.end, &plan.at.environment, proved);
    run.events.emit(Event::GroupEnded {
        group: plan.at.clone(),
        outcome: outcome.clone(),
        images: driven.proof.images,
        stragglers: driven.proof.stragglers,
        took_ms: millis(run.clock.since(begun)),
    });
    run.board.stands(&plan.at, Standing::Ended);
    (outcome, side)
}
