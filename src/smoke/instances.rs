//! The `instances` check: as many as desired, healthy, and running what they should.
//!
//! Pure: judges a sighting.

use super::Expectation;
use super::answer::{Answer, Subject};
use crate::model::{Group, Instance, Member, Sighting};

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
    let serving = group.in_service().count();
    let healthy = group.in_service().filter(|member| member.healthy).count();
    let desired = usize::try_from(group.desired).unwrap_or(usize::MAX);
    if serving == 0 && desired == 0 {
        return Some(Answer::skipped("no instances in service"));
    }
    (healthy != desired)
        .then(|| Answer::failed(format!("{healthy} in service and healthy, {desired} desired")))
}

fn judge_one(member: &Member, instance: Option<&Instance>, expect: &Expectation) -> Answer {
    let mut wrong = Vec::new();
    if !member.healthy {
        wrong.push("Auto Scaling calls it unhealthy".to_owned());
    }
    let spared = member.protected && expect.spares_protected;
    wrong.extend(wrong_version(member, expect).filter(|_| !spared));
    if let Some(instance) = instance {
        wrong.extend(wrong_image(instance, expect).filter(|_| !spared));
        wrong.extend(wrong_status(instance).map(str::to_owned));
    }
    let answer = match (wrong.is_empty(), instance) {
        (false, _) => Answer::failed(wrong.join("; ")),
        (true, Some(instance)) => Answer::passed(format!("healthy, runs {}", instance.image)),
        (true, None) => Answer::errored("EC2 does not know it"),
    };
    answer.with_evidence(facts(member, instance))
}

fn wrong_version(member: &Member, expect: &Expectation) -> Option<String> {
    let target = expect.target.as_ref()?;
    match &member.launched_from {
        Some((template, version)) if *template == target.template && *version == target.version => None,
        Some((template, version)) => {
            Some(format!("launched from {template} version {version}, expected {target}"))
        }
        None => Some(format!("launched from no template, expected {target}")),
    }
}

fn wrong_image(instance: &Instance, expect: &Expectation) -> Option<String> {
    let image = expect.image.as_ref()?;
    (instance.image != *image).then(|| format!("runs {}, expected {image}", instance.image))
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
