//! Auto Scaling: scaling activities.

use super::autoscaling_groups::arn;
use super::paging::Size;
use super::xml::Xml;
use super::{Answer, Ask};
use crate::sim::world::{Activity, Group};

const SIZE: Size = Size { parameter: "MaxRecords", token: "NextToken", usual: 100, most: 100 };

pub(super) fn describe_activities(ask: &mut Ask<'_>) -> Answer {
    let named = ask.params.get("AutoScalingGroupName");
    if named.is_some() {
        ask.group_key()?;
    }
    let here = ask.world.groups.values().filter(|group| group.key.place == ask.place);
    let mut all: Vec<(&Group, &Activity)> = here
        .filter(|group| named.is_none_or(|name| name == group.key.name.as_str()))
        .flat_map(|group| {
            group.seen(ask.stale).activities.iter().rev().map(move |activity| (group, activity))
        })
        .collect();
    // Newest first; a stable sort keeps the order within a second.
    all.sort_by_key(|(_, activity)| std::cmp::Reverse(activity.started));
    let page = ask.page(all, SIZE)?;
    let mut xml = Xml::new();
    xml.list("Activities", "member", page.items, |xml, (group, activity)| {
        write_activity(ask, xml, group, activity);
    });
    xml.maybe("NextToken", page.next);
    Ok(xml)
}

fn write_activity(ask: &Ask<'_>, xml: &mut Xml, group: &Group, activity: &Activity) {
    let progress = if activity.ended.is_some() { 100 } else { 50 };
    xml.leaf("ActivityId", &activity.id)
        .leaf("AutoScalingGroupName", &group.key.name)
        .leaf("AutoScalingGroupARN", arn(ask, group))
        .leaf("Description", &activity.description)
        .leaf("Cause", &activity.cause)
        .time("StartTime", activity.started);
    if let Some(ended) = activity.ended {
        xml.time("EndTime", ended);
    }
    xml.leaf("StatusCode", activity.status.as_str())
        .text("StatusMessage", &activity.message)
        .leaf("Progress", progress)
        .leaf("Details", &activity.details);
}
