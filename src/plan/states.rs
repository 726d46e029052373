//! Whether a group is in a state in which it can be refreshed.

use super::group::{Judge, Stop};
use super::notes::notes;
use super::{Change, GroupPlan};
use crate::model::{AlarmState, Group, Problem};

/// The processes that a refresh can't do without. Source: "Suspend and resume processes".
const NEEDED: [&str; 4] = ["Launch", "Terminate", "AddToLoadBalancer", "InstanceRefresh"];

impl Judge<'_> {
    /// Refuses what would stand still or go wrong, and notes what people should know.
    pub(super) fn can_be_refreshed(
        &self,
        group: &Group,
        change: &Change,
        plan: &mut GroupPlan,
    ) -> Result<(), Stop> {
        let problems = [
            needs_processes(group),
            weighs_too_much(group, plan),
            self.alarms_are_quiet(group, plan),
            self.root_volume(group, change, plan),
        ];
        if let Some(problem) = problems.into_iter().flatten().next() {
            return Err(Stop::Refuse(problem));
        }
        plan.notes.extend(notes(group, change, plan));
        Ok(())
    }

    /// AWS starts no refresh that is watched by an alarm which fires already.
    fn alarms_are_quiet(&self, group: &Group, plan: &GroupPlan) -> Option<Problem> {
        let firing =
            plan.policy.preferences.alarms.iter().find_map(|name| match self.survey.alarms.get(name) {
                Some(AlarmState::Ok) => None,
                Some(state) => {
                    Some((name, format!("it is {state}, and AWS starts no refresh that it watches")))
                }
                None => Some((name, format!("there is no such alarm in {}", group.region))),
            });
        firing.map(|(name, why)| {
            Problem::new(
                format!("alarm {name} of group {} is not OK", group.name),
                why,
                "look why, or take it out of `alarms` in the configuration",
            )
        })
    }
}

fn needs_processes(group: &Group) -> Option<Problem> {
    let suspended: Vec<&str> =
        group.suspended.iter().map(String::as_str).filter(|process| NEEDED.contains(process)).collect();
    if suspended.is_empty() {
        return None;
    }
    let processes = suspended.join(", ");
    Some(Problem::new(
        format!("group {} has suspended {processes}", group.name),
        "a refresh can't replace instances without",
        format!("resume {processes}, or leave the group out of the environment"),
    ))
}

/// One instance that is as much as all that is wanted may stand for the whole group, which AWS
/// then replaces at once.
fn weighs_too_much(group: &Group, plan: &GroupPlan) -> Option<Problem> {
    let weights = group.policy.iter().flat_map(|policy| &policy.overrides);
    let heaviest = weights.max_by_key(|one| one.weight).filter(|one| one.weight > 1)?;
    if heaviest.weight < group.desired || plan.policy.preferences.min_healthy == 0 {
        return None;
    }
    Some(Problem::new(
        format!(
            "an instance of {} in group {} counts for {} units, and {} are desired",
            heaviest.label(),
            group.name,
            heaviest.weight,
            group.desired
        ),
        "AWS may then replace everything at once",
        "raise the desired capacity, lower the weights, or allow it with `min_healthy: 0` for this group",
    ))
}
