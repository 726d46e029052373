//! Leaves the good version as a template's newest one where its groups went back.
//!
//! A group that is pinned or follows `$Default` does not launch the newest version, but whoever makes
//! the next one from it would bring the image back that failed: Terraform takes what it does not
//! manage from there. Versions are never deleted, so what the groups are on is published once more.
//! Of templates that any group went forward with, or may yet, nothing is touched.

use std::collections::BTreeMap;

use super::super::Run;
use super::super::ends::{GroupEnd, Side};
use super::super::patience::patiently;
use super::super::prepare::{Failure, OURS, publish};
use super::ours;
use crate::aws::Account;
use crate::event::Event;
use crate::model::{Outcome, Region, TemplateId};
use crate::plan::{Change, TemplateChange};

/// Publishes the good version again where the newest one is what a rollout that went back made.
pub(super) async fn good_on_top(run: &Run<'_>, accounts: &BTreeMap<Region, Account>, ends: &[GroupEnd<'_>]) {
    for ((region, template), change) in gone_back(ends) {
        let (Some(account), Some(change)) = (accounts.get(&region), change) else { continue };
        if let Err(failure) = publish_again(run, account, change).await {
            let text = format!(
                "the newest version of {template} names the image that went back, and the good one could not be \
                 published over it: {failure}; make no version from the newest one before that is done"
            );
            let environment = ends.first().map(|end| end.plan.at.environment.clone());
            run.events.emit(Event::Note { environment, text });
        }
    }
}

/// The templates whose groups all went back, and the newest of what these had; `None` of those that
/// another group is on, or may yet be.
fn gone_back<'a>(ends: &'a [GroupEnd<'_>]) -> BTreeMap<(Region, TemplateId), Option<&'a TemplateChange>> {
    let mut found: BTreeMap<(Region, TemplateId), Option<&TemplateChange>> = BTreeMap::new();
    for end in ends {
        let is_back = matches!(
            end.outcome,
            Outcome::RolledBack { .. } | Outcome::NotStarted { .. } | Outcome::Refused { .. }
        );
        for one in end.plan.change().into_iter().flat_map(Change::changing) {
            let key = (end.plan.at.region.clone(), one.template.clone());
            let newest = found.entry(key).or_insert(Some(one));
            *newest = newest
                .filter(|_| is_back && end.side == Side::Old)
                .map(|known| if known.source < one.source { one } else { known });
        }
    }
    found
}

async fn publish_again(run: &Run<'_>, account: &Account, change: &TemplateChange) -> Result<(), Failure> {
    let versions = patiently(run.clock, async || account.versions(&change.template).await).await?;
    let source = versions.iter().find(|version| version.number == change.source);
    let (Some(newest), Some(source)) = (versions.last(), source) else { return Ok(()) };
    let (Some(image), true) = (&source.image, ours(newest) && newest.image == change.to) else {
        return Ok(());
    };
    let description = format!("{OURS}version {} again, after version {}", source.number, newest.number);
    publish(run, account, source, image, &description).await.map(drop)
}
