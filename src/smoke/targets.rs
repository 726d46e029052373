//! The `targets` check: every in-service instance healthy in every target group.
//!
//! Pure: judges a sighting and what the load balancer says.

use super::answer::{Answer, Subject};
use crate::model::{Group, InstanceId, TargetHealth};

/// Why there is nothing to ask of the group, if there is nothing.
pub(super) fn nothing_to_ask(group: &Group) -> Option<Answer> {
    if group.target_groups.is_empty() {
        return Some(Answer::skipped("the group has no target groups"));
    }
    super::each::nobody(group)
}

/// Judges every in-service instance, in the group's order.
pub(super) fn judge(group: &Group, health: &[TargetHealth]) -> Vec<(Subject, Answer)> {
    let one = |id: &InstanceId| (Subject::Instance(id.clone()), judge_one(id, &group.target_groups, health));
    group.in_service().map(|member| one(&member.id)).collect()
}

fn judge_one(id: &InstanceId, target_groups: &[String], health: &[TargetHealth]) -> Answer {
    let mut wrong = Vec::new();
    let mut facts = Vec::new();
    for arn in target_groups {
        let mut registered = false;
        for target in health.iter().filter(|target| target.instance == *id && target.target_group == *arn) {
            registered = true;
            let fact = words(arn, target);
            if target.state != "healthy" {
                wrong.push(fact.clone());
            }
            facts.push(fact);
        }
        if !registered {
            wrong.push(format!("not registered in {}", short(arn)));
        }
    }
    let answer = if wrong.is_empty() {
        Answer::passed(format!(
            "healthy in {}",
            target_groups.iter().map(|arn| short(arn)).collect::<Vec<_>>().join(", ")
        ))
    } else {
        Answer::failed(wrong.join("; "))
    };
    answer.with_evidence(facts.join("\n"))
}

fn words(arn: &str, target: &TargetHealth) -> String {
    let mut words = format!("{} in {} on port {}", target.state, short(arn), target.port);
    if !target.reason.is_empty() {
        words.push_str(": ");
        words.push_str(&target.reason);
    }
    words
}

/// The target group's name out of its ARN: `…:targetgroup/NAME/ID`.
fn short(arn: &str) -> &str {
    arn.split('/').nth(1).unwrap_or(arn)
}
