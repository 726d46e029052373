//! The `instances` check: as many as desired, healthy, and running what they should.
//!
//! Pure: judges a sighting.

use std::collections::BTreeSet;

use super::Expectation;
use super::answer::{Answer, Subject};
use crate::model::{Group, Instance, Launch, Member, Sighting};

/// Judges every in-service instance, and their number.
///
/// An answer per instance, in the sighting's order, and one for the group when their
/// number is not the desired one, or there are none.
pub(super) fn judge(sighting: &Sighting, expect: &Expectation) -> Vec<(Subject, Answer)> {
    let group = &sighting.group;
    let one = |member: &Member| {
        let instance = sighting.instances.get(&member.id);
        (Subject::Instance(member.id.clone()), judge_one(member, instance, expect))
    };
    let mut answers: Vec<_> = group.in_service().map(one).collect();
    answers.extend(judge_count(group).map(|answer| (Subject::Whole(group.name.to_string()), answer)));
    answers
}

fn judge_count(group: &Group) -> Option<Answer> {
    if group.in_service().next().is_none() && group.desired == 0 {
        return Some(Answer::skipped("no instances in service"));
    }
    let weighted = group.in_service().any(|member| member.weight > 1);
    let healthy: u32 = group.in_service().filter(|member| member.healthy).map(|member| member.weight).sum();
    // Units come in steps of an instance: a few more than desired are as it should be.
    let enough = if weighted { healthy >= group.desired } else { healthy == group.desired };
    let what = if weighted { " units" } else { "" };
    (!enough)
        .then(|| Answer::failed(format!("{healthy}{what} in service and healthy, {} desired", group.desired)))
}

fn judge_one(member: &Member, instance: Option<&Instance>, expect: &Expectation) -> Answer {
    let mut wrong = Vec::new();
    if !member.healthy {
        wrong.push("Auto Scaling calls it unhealthy".to_owned());
    }
    let spared = member.protected && expect.spares_protected;
    wrong.extend(wrong_launch(member, instance, expect).filter(|_| !spared));
    if let Some(instance) = instance {
        wrong.extend(wrong_status(instance).map(str::to_owned));
    }
    let answer = match (wrong.is_empty(), instance) {
        (false, _) => Answer::failed(wrong.join("; ")),
        (true, Some(instance)) => Answer::passed(format!("healthy, runs {}", instance.image)),
        (true, None) => Answer::errored("EC2 does not know it"),
    };
    answer.with_evidence(facts(member, instance))
}

/// What is wrong with where the instance comes from: its image, or its template's version.
fn wrong_launch(member: &Member, instance: Option<&Instance>, expect: &Expectation) -> Option<String> {
    let launches = expect.launches.as_deref()?;
    let named = |launch: &Launch| format!("{} version {}", launch.template, launch.version);
    let versions = || {
        let mut versions: Vec<String> = launches.iter().map(named).collect();
        versions.dedup();
        versions.join(" or ")
    };
    let images = || {
        let images: BTreeSet<&str> = launches.iter().map(|launch| launch.image.as_str()).collect();
        images.into_iter().collect::<Vec<_>>().join(" or ")
    };
    let of_version = |launch: &&Launch| {
        expect.any_version
            || member
                .launched_from
                .as_ref()
                .is_some_and(|(template, version)| *template == launch.template && *version == launch.version)
    };
    let of_image = |launch: &&Launch| instance.is_none_or(|instance| instance.image == launch.image);
    if launches.iter().any(|launch| of_version(&launch) && of_image(&launch)) {
        return None;
    }
    let mut wrong = Vec::new();
    if !launches.iter().any(|launch| of_version(&launch)) {
        wrong.push(match &member.launched_from {
            Some((template, version)) => {
                format!("launched from {template} version {version}, expected {}", versions())
            }
            None => format!("launched from no template, expected {}", versions()),
        });
    }
    if let Some(instance) =
        instance.filter(|_| wrong.is_empty() || !launches.iter().any(|one| of_image(&one)))
    {
        wrong.push(format!("runs {}, expected {}", instance.image, images()));
    }
    Some(wrong.join("; "))
}

fn wrong_status(instance: &Instance) -> Option<&'static str> {
    match instance.status_ok {
        Some(true) => None,
        Some(false) => Some("EC2 status checks failed"),
        None => Some("EC2 status checks have not answered yet"),
    }
}

fn facts(member: &Member, instance: Option<&Instance>) -> String {
    let version = match &member.launched_from {
        Some((template, version)) => format!("{template} version {version}"),
        None => "no template".to_owned(),
    };
    match instance {
        Some(Instance { image, state, private_ip, .. }) => {
            let address = private_ip.as_deref().unwrap_or("no private address");
            format!("{image}, {version}, {state}, {address}")
        }
        None => version,
    }
}
