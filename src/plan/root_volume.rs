//! The conditions of replacing root volumes in place. Source: "Replace root volumes" in AWS's
//! guide to Auto Scaling.

use super::group::Judge;
use super::{Change, GroupPlan};
use crate::config::Strategy;
use crate::model::{Group, Image, ImageId, Problem};

impl Judge<'_> {
    /// Which condition does not hold, if the group is to be refreshed in that way.
    pub(super) fn root_volume(&self, group: &Group, change: &Change, plan: &GroupPlan) -> Option<Problem> {
        if plan.policy.preferences.strategy != Strategy::ReplaceRootVolume {
            return None;
        }
        let broken = self.broken_condition(group, change, plan.by_attributes)?;
        Some(Problem::new(
            format!("the root volumes of group {} can't be replaced: {broken}", group.name),
            "`strategy: replace-root-volume` needs a mixed instances policy with an image of its own in \
             every override, images of a single volume, no warm pool and no load balancer",
            "change the group, or use `strategy: rolling` for it",
        ))
    }

    fn broken_condition(&self, group: &Group, change: &Change, by_attributes: bool) -> Option<String> {
        let Some(policy) = &group.policy else { return Some("it has no mixed instances policy".to_owned()) };
        if policy.overrides.is_empty() {
            return Some("its policy has no overrides".to_owned());
        }
        if let Some(at) = policy.overrides.iter().position(|one| one.image.is_none()) {
            let label = policy.overrides[at].label();
            return Some(format!("override {} ({label}) names no image of its own", at + 1));
        }
        if by_attributes {
            return Some("its instance types are chosen by attributes".to_owned());
        }
        if group.warm_pool.is_some() {
            return Some("it has a warm pool".to_owned());
        }
        if let Some(balancer) = group.target_groups.iter().chain(&group.other_balancers).next() {
            return Some(format!("it is behind {balancer}"));
        }
        let volumes = |id: &ImageId| self.survey.images.get(id).map_or(0, |image: &Image| image.volumes);
        let images = change.images();
        let mut all = images.iter().flat_map(|(from, to)| [from, to]);
        let several = all.find(|id| volumes(id) > 1)?;
        Some(format!("{several} has {} volumes", volumes(several)))
    }
}
