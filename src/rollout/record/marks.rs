//! Takes markers away, which are the last that a rollout leaves on groups.

use std::collections::BTreeMap;

use super::super::Run;
use super::super::ends::{GroupEnd, Side};
use super::super::patience::patiently;
use super::ways::Ways;
use crate::aws::{Account, TagChange};
use crate::config::Environment;
use crate::event::Event;
use crate::model::Region;
use crate::plan::MARKER_TAGS;

/// Takes the markers of the chosen groups away, when what they say is recorded where it is needed;
/// a group that needs a person keeps its own.
pub(super) async fn unmark(
    run: &Run<'_>,
    environment: &Environment,
    accounts: &BTreeMap<Region, Account>,
    (ends, ways): (&[GroupEnd<'_>], &Ways<'_>),
    chosen: impl Fn(&GroupEnd<'_>) -> bool,
) {
    let goes = |end: &&GroupEnd<'_>| end.plan.touched().is_some() && end.side != Side::Unknown && chosen(end);
    if ends.iter().filter(goes).any(|end| ways.hangs_on_marker(end.plan))
        && let Err(error) = ways.keep(run, environment).await
    {
        let text = format!(
            "what overrides named could not be recorded: {error}; their groups keep the tag {} until the next \
             run records it",
            MARKER_TAGS[0]
        );
        run.events.emit(Event::Note { environment: Some(environment.name.clone()), text });
    }
    for end in ends.iter().filter(goes).filter(|end| !ways.hangs_on_marker(end.plan)) {
        let Some(account) = accounts.get(&end.plan.at.region) else { continue };
        let group = &end.plan.at.group;
        let removed = patiently(run.clock, async || {
            let changes = MARKER_TAGS.map(|key| (key, TagChange::Remove));
            // What a policy was is in tags of their own; a group without one has the first only.
            let count = if end.plan.group.policy.is_some() { changes.len() } else { 1 };
            account.change_group_tags(group, &changes[..count]).await
        });
        if let Err(error) = removed.await {
            let text = format!(
                "the tag {} of group {group} could not be removed: {error}; the next run removes it",
                MARKER_TAGS[0]
            );
            run.events.emit(Event::Note { environment: Some(end.plan.at.environment.clone()), text });
        }
    }
}
