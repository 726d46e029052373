//! Programs and alarms that let a configuration's checks pass.
//!
//! As with applications, of a regular expression only the literal text in it can be guessed.

use std::convert::Infallible;

use super::healthy::literal;
use crate::config::{self, CheckKind, Environment, Line, ProgramEnd};
use crate::model::{GroupName, Region};
use crate::sim::fleet::{GroupSpec, ProgramSpec};

/// The programs of a group's checks, as they end when all is well.
pub(in crate::sim::fleet) fn of(
    fleet: &config::Fleet,
    environment: &Environment,
    group: &GroupName,
) -> Vec<ProgramSpec> {
    let one = |check: &&config::Check| match &check.kind {
        CheckKind::Command(command) => Some(program(&command.run, &command.end)),
        CheckKind::Ssm(ssm) => {
            let lines = ssm.parameters.get("commands").map(Vec::as_slice).unwrap_or_default();
            Some(program(lines, &ssm.end))
        }
        CheckKind::Instances
        | CheckKind::Targets
        | CheckKind::Http(_)
        | CheckKind::Tcp(_)
        | CheckKind::Alarm(_) => None,
    };
    fleet.checks_of(environment, group).iter().filter_map(one).collect()
}

fn program(words: &[Line], end: &ProgramEnd) -> ProgramSpec {
    let pattern = end.matches.as_ref().map(|regex| literal(regex.as_str()));
    let glob = |line: &Line| line.fill(|_| Ok::<_, Infallible>("*".to_owned())).unwrap_or_default();
    ProgramSpec {
        words: words.iter().map(glob).collect(),
        exit: end.exit.first().copied().unwrap_or_default(),
        output: pattern.iter().chain(&end.contains).cloned().collect::<Vec<_>>().join("\n"),
    }
}

/// The alarms that an environment's checks ask of a group.
pub(in crate::sim::fleet) fn alarms(
    fleet: &config::Fleet,
    environment: &Environment,
    region: &Region,
    group: &GroupSpec,
) -> Vec<String> {
    let fill = |line: &Line| {
        let filled = line.fill(|name| {
            Ok::<_, Infallible>(match name {
                "group" => group.name.to_string(),
                "environment" => environment.name.to_string(),
                "region" => region.to_string(),
                other => other
                    .strip_prefix("tag:")
                    .and_then(|key| group.tags.get(key))
                    .cloned()
                    .unwrap_or_default(),
            })
        });
        filled.unwrap_or_default()
    };
    let mut names = Vec::new();
    for check in fleet.checks_of(environment, &group.name) {
        if let CheckKind::Alarm(alarm) = &check.kind {
            names.extend(alarm.names.iter().map(fill));
            names.extend(alarm.prefix.as_ref().map(|prefix| format!("{}errors", fill(prefix))));
        }
    }
    names
}
