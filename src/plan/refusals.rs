//! Why a group may not be rolled, in words that say what to do about it.

use super::group::Stop;
use super::{MARKER_TAG, Marker};
use crate::model::{Group, Problem};

/// The processes that a refresh can't do without. Source: "Suspend and resume processes".
const NEEDED: [&str; 3] = ["Launch", "Terminate", "AddToLoadBalancer"];

/// Refuses the kinds of group that can't be rolled.
pub(super) fn supported(group: &Group) -> Result<(), Stop> {
    let name = &group.name;
    let refuse = |what: String, why: &str, next: &str| Err(Stop::Refuse(Problem::new(what, why, next)));
    if group.deleting {
        return refuse(
            format!("group {name} is being deleted"),
            "AWS refreshes no such group",
            "run this again when it is gone",
        );
    }
    if group.mixed {
        return refuse(
            format!("group {name} has a mixed instances policy"),
            "every template and override in it would have to change with it, which is not supported yet",
            "leave the group out of the environment, and roll it by hand",
        );
    }
    if let Some(configuration) = &group.launch_configuration {
        return refuse(
            format!("group {name} uses launch configuration {configuration}"),
            "launch configurations can't be changed, and AWS rolls no refresh of them back",
            "move the group to a launch template",
        );
    }
    if group.template.is_none() {
        return refuse(
            format!("group {name} names no launch template"),
            "there is nothing to update",
            "give it a launch template",
        );
    }
    Ok(())
}

pub(super) fn needs_processes(group: &Group) -> Result<(), Stop> {
    let suspended: Vec<&str> =
        group.suspended.iter().map(String::as_str).filter(|process| NEEDED.contains(process)).collect();
    if suspended.is_empty() {
        return Ok(());
    }
    let processes = suspended.join(", ");
    Err(Stop::Refuse(Problem::new(
        format!("group {} has suspended {processes}", group.name),
        "a refresh can't replace instances without",
        format!("resume {processes}, or leave the group out of the environment"),
    )))
}

pub(super) fn template_gone(group: &Group) -> Problem {
    let named = group.template.as_ref().map_or_else(String::new, |template| {
        format!("{} {} version {}", template.name, template.id, template.tracking)
    });
    Problem::new(
        format!("the template of group {} is gone", group.name),
        format!("it names {named}, which EC2 does not know"),
        "give the group a template version that exists",
    )
}

pub(super) fn bad_marker(group: &Group, text: &str) -> Problem {
    Problem::new(
        format!("the tag {} of group {} can't be read", MARKER_TAG, group.name),
        format!("it says {text:?}"),
        "look what the group runs and how it names its version, then remove the tag",
    )
}

pub(super) fn other_rollout(group: &Group, marker: &Marker) -> Problem {
    Problem::new(
        format!("a rollout of {} was begun on group {} and never ended", marker.to, group.name),
        format!("the group had {} (version {}, tracking {})", marker.from, marker.version, marker.tracking),
        "finish it with that candidate, or take it back with 'ami-refresh rollback' and that candidate",
    )
}

pub(super) fn moved_elsewhere(group: &Group, marker: &Marker, number: u64) -> Problem {
    Problem::new(
        format!(
            "group {} follows version {number} of its template, which its rollout did not make",
            group.name
        ),
        format!("it had version {} when the rollout of {} was begun", marker.version, marker.to),
        format!("pin it to version {} to go on, or take it back with 'ami-refresh rollback'", marker.version),
    )
}
