//! What groups launch from, as AWS shows it before their tracking is put back. Only looks.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::super::ends::GroupEnd;
use crate::aws::Account;
use crate::clock::Clock;
use crate::model::{GroupName, Naming, Region};
use crate::plan::Change;

/// How the groups whose tracking is put back name what they launch from, asked of some at a time:
/// one after the other they would be a call each.
pub(super) struct Seen {
    /// Those that were not looked at yet, in the order in which they are come to.
    left: Vec<(Region, GroupName)>,
    /// With the time of the look.
    namings: BTreeMap<(Region, GroupName), (Timestamp, Naming)>,
}

impl Seen {
    /// How many are asked for at once.
    const AT_ONCE: usize = 20;
    /// What was seen so long ago is asked for again: somebody may have changed it meanwhile.
    const FRESH: Duration = Duration::from_secs(10);

    pub(super) fn of(ends: &[GroupEnd<'_>]) -> Self {
        let floating = ends.iter().filter(|end| end.plan.touched().is_some_and(Change::floats));
        let left = floating.map(|end| (end.plan.at.region.clone(), end.plan.at.group.clone())).collect();
        Self { left, namings: BTreeMap::new() }
    }

    /// What AWS showed of a group just now; `None` when it could not be asked, or that is a while ago.
    pub(super) async fn naming(
        &mut self,
        clock: Clock,
        account: &Account,
        group: &GroupName,
    ) -> Option<Naming> {
        let key = (account.region.clone(), group.clone());
        if self.left.contains(&key) {
            let here = self.left.iter().filter(|(region, _)| *region == key.0).map(|(_, name)| name.clone());
            let next: Vec<GroupName> = here.skip_while(|name| name != group).take(Self::AT_ONCE).collect();
            self.left.retain(|(region, name)| *region != key.0 || !next.contains(name));
            let asked = clock.now();
            // Whoever is not among the answers is asked for alone.
            let groups = account.groups_named(&next).await.unwrap_or_default();
            let namings = groups.iter().filter_map(|one| Some((one.name.clone(), one.naming()?)));
            self.namings.extend(namings.map(|(name, naming)| ((key.0.clone(), name), (asked, naming))));
        }
        let (asked, naming) = self.namings.remove(&key)?;
        (clock.since(asked) <= Self::FRESH).then_some(naming)
    }
}
