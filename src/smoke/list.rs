//! What checks would ask, and of whom: pure, and nobody is asked.
//!
//! What is captured first stands as its variable, in braces.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::Expectation;
use super::variables::Variables;
use crate::config::{Check, CheckKind, Line, Scope};
use crate::model::{Instance, InstanceId, Sighting};

/// One check of a group, as it would be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its name.
    pub check: String,
    /// `instances`, `targets`, `http`, …
    pub kind: &'static str,
    /// `instance` or `group`.
    pub on: &'static str,
    /// How long, how often, and until when it is asked: for people.
    pub manner: String,
    /// Whether it is asked before a refresh too.
    pub baseline: bool,
    /// The variables that it captures.
    pub captures: Vec<String>,
    /// The captured variables that it needs.
    pub needs: Vec<String>,
    /// Who is asked what, in a stable order.
    pub asks: Vec<Ask>,
}

/// What one subject would be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ask {
    /// An instance's id, or the group's name.
    pub subject: String,
    /// What: `GET http://10.0.0.1:8080/health`; or why it could not be asked.
    pub what: String,
}

/// What the checks of a group would ask as it is now.
pub fn list(expect: &Expectation, checks: &[&Check], sighting: &Sighting) -> Vec<Listed> {
    checks.iter().map(|check| listed(expect, check, sighting)).collect()
}

fn listed(expect: &Expectation, check: &Check, sighting: &Sighting) -> Listed {
    let known: BTreeMap<String, String> =
        check.uses.iter().map(|name| (name.clone(), format!("{{{name}}}"))).collect();
    let ask = |instance: Option<(&InstanceId, Option<&Instance>)>| {
        let variables = Variables { group: &expect.group, tags: &expect.tags, instance, captured: &known };
        let subject = instance.map_or_else(|| expect.group.group.to_string(), |(id, _)| id.to_string());
        let what = what(check, &variables, sighting);
        Ask { subject, what: what.unwrap_or_else(|why| format!("can't be asked: {why}")) }
    };
    let asks = match check.on {
        Scope::Group => vec![ask(None)],
        Scope::Instance => {
            let mut ids: Vec<&InstanceId> = sighting.group.in_service().map(|member| &member.id).collect();
            ids.sort();
            ids.into_iter().map(|id| ask(Some((id, sighting.instances.get(id))))).collect()
        }
    };
    Listed {
        check: check.name.clone(),
        kind: kind(&check.kind),
        on: match check.on {
            Scope::Instance => "instance",
            Scope::Group => "group",
        },
        manner: manner(check, expect.deadline),
        baseline: check.baseline,
        captures: check.kind.captures().iter().map(|capture| capture.name.clone()).collect(),
        needs: check.uses.iter().cloned().collect(),
        asks,
    }
}

fn kind(kind: &CheckKind) -> &'static str {
    match kind {
        CheckKind::Instances => "instances",
        CheckKind::Targets => "targets",
        CheckKind::Http(_) => "http",
        CheckKind::Tcp(_) => "tcp",
        CheckKind::Command(_) => "command",
        CheckKind::Ssm(_) => "ssm",
        CheckKind::Alarm(_) => "alarm",
    }
}

/// What is asked of one subject.
fn what(check: &Check, variables: &Variables<'_>, sighting: &Sighting) -> Result<String, String> {
    let group = &sighting.group;
    Ok(match &check.kind {
        CheckKind::Instances => format!("whether {} are in service, healthy and right", group.desired),
        CheckKind::Targets if group.target_groups.is_empty() => "nothing: it has no target groups".to_owned(),
        CheckKind::Targets => format!("the health in {} target groups", group.target_groups.len()),
        CheckKind::Http(http) => format!("{} {}", http.method, variables.for_people(&http.url)?),
        CheckKind::Tcp(tcp) => format!("connect to {} port {}", variables.for_people(&tcp.host)?, tcp.port),
        CheckKind::Command(command) => format!("run {}", filled(&command.run, variables)?.join(" ")),
        CheckKind::Ssm(ssm) => {
            let lines = ssm.parameters.get("commands").map(Vec::as_slice).unwrap_or_default();
            let lines = filled(lines, variables)?.join("; ");
            if lines.is_empty() { ssm.document.clone() } else { format!("{}: {lines}", ssm.document) }
        }
        CheckKind::Alarm(alarm) => {
            let mut names = filled(&alarm.names, variables)?;
            if let Some(prefix) = &alarm.prefix {
                names.extend(
                    filled(std::slice::from_ref(prefix), variables)?.into_iter().map(|name| name + "*"),
                );
            }
            format!("whether {} are OK", names.join(", "))
        }
    })
}

fn filled(lines: &[Line], variables: &Variables<'_>) -> Result<Vec<String>, String> {
    let fill = |line: &Line| line.fill(|name| variables.for_people(&format!("{{{name}}}")));
    lines.iter().map(fill).collect()
}

/// `for 300s, every 10s, 3 in a row; deadline 180s`.
fn manner(check: &Check, shared: Option<Duration>) -> String {
    let retry = &check.retry;
    let mut manner = if retry.within.is_zero() && retry.consecutive == 1 {
        "once".to_owned()
    } else {
        format!("for {:?}, every {:?}", retry.within, retry.every)
    };
    if retry.consecutive > 1 {
        manner = format!("{manner}, {} in a row", retry.consecutive);
    }
    match check.deadline.into_iter().chain(shared).min() {
        Some(deadline) => format!("{manner}; deadline {deadline:?}"),
        None => manner,
    }
}
