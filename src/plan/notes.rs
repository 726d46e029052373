//! What people should know of a group before it is refreshed: a line each.

use super::{Change, GroupPlan};
use crate::config::{Protected, Standby, Strategy};
use crate::model::{Group, Lifecycle};

/// Processes that may stay suspended, at a price.
const MISSED: [(&str, &str); 2] = [
    ("HealthCheck", "AWS does not see when a new instance fails"),
    ("ReplaceUnhealthy", "a new instance that fails is not replaced"),
];

/// What people should know of the group, a line each.
pub(super) fn notes(group: &Group, change: &Change, plan: &GroupPlan) -> Vec<String> {
    let mut notes = Vec::new();
    if plan.by_attributes {
        notes.push(
            "chooses instance types by attributes: AWS takes no desired configuration, so it is told its new \
             version first, and goes back by a refresh to the old one"
                .to_owned(),
        );
    }
    if plan.policy.preferences.strategy == Strategy::ReplaceRootVolume {
        notes.push("its instances stay, and get new root volumes".to_owned());
    }
    notes.extend(of_capacity(group, plan));
    notes.extend(of_members(group, plan));
    for (process, price) in MISSED {
        if group.suspended.iter().any(|suspended| suspended == process) {
            notes.push(format!("its process {process} is suspended: {price}"));
        }
    }
    if change.templates().count() > 1 {
        let mut ids: Vec<String> = change.published().into_iter().map(|id| id.to_string()).collect();
        ids.dedup();
        if ids.len() > 1 {
            notes.push(format!("launches from {} templates: {}", ids.len(), ids.join(", ")));
        }
    }
    notes
}
/// What its size and the bounds of the refresh come to.
fn of_capacity(group: &Group, plan: &GroupPlan) -> Vec<String> {
    let mut notes = Vec::new();
    let preferences = &plan.policy.preferences;
    let (min, max) = (u32::from(preferences.min_healthy), preferences.max_healthy.map(u32::from));
    let serving = group.in_service().count();
    let weighted = group.policy.iter().flat_map(|policy| &policy.overrides).any(|one| one.weight > 1);
    if !weighted && serving != usize::try_from(group.desired).unwrap_or(usize::MAX) {
        notes.push(format!("it is scaling: {serving} of {} instances are in service", group.desired));
    }
    let least = (group.desired * min).div_ceil(100);
    match max {
        None | Some(100) if group.desired == 1 => notes.push(
            "its only instance is out of service while it is replaced; `max_healthy` above 100 launches the new one first"
                .to_owned(),
        ),
        Some(max) if max > 100 && group.desired > 0 && group.desired * max / 100 == group.desired && least == group.desired => {
            notes.push(format!(
                "{min} to {max} percent of {} leave no room: AWS launches one more first",
                group.desired
            ));
        }
        None | Some(_) => {}
    }
    if let Some((own_min, own_max)) = group.maintenance
        && (u32::from(own_min), Some(u32::from(own_max))) != (min, max)
    {
        let asked = max.map_or_else(|| format!("at least {min}"), |max| format!("{min} to {max}"));
        notes.push(format!(
            "its maintenance policy keeps {own_min} to {own_max} percent healthy; this refresh asks for {asked}"
        ));
    }
    if let Some(size) = group.warm_pool.filter(|size| *size > 0) {
        notes.push(format!("its warm pool of {size} is replaced after the instances that serve"));
    }
    notes
}

/// What becomes of instances that AWS treats in a way of their own.
fn of_members(group: &Group, plan: &GroupPlan) -> Vec<String> {
    let preferences = &plan.policy.preferences;
    let protected = group.in_service().filter(|member| member.protected).count();
    let standby = group.members.iter().filter(|member| member.lifecycle == Lifecycle::Standby).count();
    let mut notes = Vec::new();
    if protected > 0 {
        let fate = match preferences.protected {
            Protected::Refresh => "replaced with the others",
            Protected::Ignore => "left as they are",
            Protected::Wait => "waited for, for an hour",
        };
        notes.push(format!("{protected} protected from scale-in: {fate}"));
    }
    if standby > 0 {
        let fate = match preferences.standby {
            Standby::Terminate => "terminated and replaced",
            Standby::Ignore => "left as they are",
            Standby::Wait => "waited for, for an hour",
        };
        notes.push(format!("{standby} in standby: {fate}"));
    }
    notes
}
