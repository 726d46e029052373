//! Elastic Load Balancing: target groups and the health in them.

use super::errors::Error;
use super::paging::Size;
use super::xml::Xml;
use super::{Answer, Ask};
use crate::sim::world::{Group, Instance, Life};

pub(super) fn answer(ask: &mut Ask<'_>) -> Answer {
    match ask.action {
        "DescribeTargetHealth" => describe_health(ask),
        "DescribeTargetGroups" => describe_groups(ask),
        other => Err(Error::unknown_action(other)),
    }
}

/// Every target group of the place, with the group behind it.
fn target_groups<'a>(ask: &'a Ask<'_>) -> Vec<(&'a str, &'a Group)> {
    let here = ask.world.groups.values().filter(|group| group.key.place == ask.place);
    here.flat_map(|group| group.target_groups.iter().map(move |arn| (arn.as_str(), group))).collect()
}

fn not_found() -> Error {
    Error::new("TargetGroupNotFound", "One or more target groups not found")
}

fn name_of(arn: &str) -> &str {
    arn.split('/').nth(1).unwrap_or_default()
}

fn port_of(group: &Group) -> u16 {
    group.apps.first().map_or(8080, |app| app.port)
}

fn describe_groups(ask: &mut Ask<'_>) -> Answer {
    let arns = ask.params.list("TargetGroupArns.member");
    let names = ask.params.list("Names.member");
    let all = target_groups(ask);
    let known = |arn: &&&str| all.iter().any(|(known, _)| *known == **arn);
    let known_name = |name: &&&str| all.iter().any(|(known, _)| name_of(known) == **name);
    if !arns.iter().all(|arn| known(&arn)) || !names.iter().all(|name| known_name(&name)) {
        return Err(not_found());
    }
    let wanted = |arn: &str| {
        (arns.is_empty() || arns.contains(&arn)) && (names.is_empty() || names.contains(&name_of(arn)))
    };
    let found: Vec<_> = all.iter().filter(|(arn, _)| wanted(arn)).copied().collect();
    let page = ask.page(found, Size { parameter: "PageSize", token: "Marker", usual: 400, most: 400 })?;
    let mut xml = Xml::new();
    xml.list("TargetGroups", "member", page.items, |xml, (arn, group)| {
        xml.leaf("TargetGroupArn", arn)
            .leaf("TargetGroupName", name_of(arn))
            .leaf("Protocol", "HTTP")
            .leaf("Port", port_of(group))
            .leaf("VpcId", "vpc-0simulated")
            .leaf("TargetType", "instance")
            .leaf("HealthCheckEnabled", true)
            .leaf("HealthCheckPath", "/");
    });
    xml.maybe("NextMarker", page.next);
    Ok(xml)
}

fn describe_health(ask: &mut Ask<'_>) -> Answer {
    let arn = ask.params.require("TargetGroupArn")?;
    let groups = target_groups(ask);
    let behind: Vec<&Group> =
        groups.iter().filter(|(known, _)| *known == arn).map(|(_, group)| *group).collect();
    if behind.is_empty() {
        return Err(not_found());
    }
    let asked: Vec<String> = ask
        .params
        .structures("Targets.member")
        .iter()
        .filter_map(|target| target.get("Id").map(str::to_owned))
        .collect();
    let targets =
        behind.iter().flat_map(|group| group.instances.iter().map(move |instance| (*group, instance)));
    let wanted =
        targets.filter(|(_, instance)| asked.is_empty() || asked.iter().any(|id| id == instance.id.as_str()));
    let mut xml = Xml::new();
    // Instances on their way in are not registered yet.
    let registered = wanted.filter(|(_, instance)| {
        let in_service = !matches!(instance.life, Life::Pending | Life::ReplacingRoot);
        in_service && instance.registered && instance.pool.is_none()
    });
    xml.list("TargetHealthDescriptions", "member", registered, |xml, (group, instance)| {
        write_health(ask, xml, group, instance);
    });
    Ok(xml)
}

fn write_health(ask: &Ask<'_>, xml: &mut Xml, group: &Group, instance: &Instance) {
    let port = port_of(group);
    xml.node("Target", |xml| {
        xml.leaf("Id", &instance.id).leaf("Port", port).leaf("AvailabilityZone", &instance.zone);
    });
    xml.leaf("HealthCheckPort", port);
    let (state, reason, words) = health(ask, instance);
    xml.node("TargetHealth", |xml| {
        xml.leaf("State", state).text("Reason", reason).text("Description", words);
    });
}

/// How long a target is `initial` after it came into service, in seconds.
const INITIAL: i64 = 20;

fn health(ask: &Ask<'_>, instance: &Instance) -> (&'static str, &'static str, &'static str) {
    let fresh =
        instance.serving_since.is_some_and(|since| since > crate::sim::world::before(ask.world.now, INITIAL));
    match instance.life {
        Life::Terminating | Life::Terminated => {
            ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
        }
        Life::Standby | Life::Warmed | Life::ReplacingRoot => {
            ("unused", "Target.NotRegistered", "Target is not registered to the target group")
        }
        Life::Pending | Life::InService if fresh => {
            ("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
        }
        Life::Pending | Life::InService if instance.alive => ("healthy", "", ""),
        Life::Pending | Life::InService => ("unhealthy", "Target.FailedHealthChecks", "Health checks failed"),
    }
}
