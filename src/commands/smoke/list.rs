//! `smoke --list`: prints what would be asked of whom.

use serde::Serialize;

use super::super::context::World;
use super::super::{Failure, Output};
use crate::cli::{Format, Global};
use crate::config::{Environment, Fleet};
use crate::model::{Exit, GroupName};
use crate::net::Network;
use crate::rollout::{self, Events, ListedGroup, Run};
use crate::smoke::{Listed, Runner};

#[derive(Serialize)]
struct OfEnvironment {
    environment: String,
    groups: Vec<ListedGroup>,
}

/// Reads the groups, and prints their checks.
pub(super) async fn run(
    global: &Global,
    fleet: &Fleet,
    world: &World,
    (environments, only): (&[&Environment], Option<&GroupName>),
    format: Format,
) -> Result<Exit, Failure> {
    let candidate = rollout::no_candidate(fleet);
    // Nobody is asked: there is no way to anybody.
    let probes = Runner::new(world.clock, Network::Sockets);
    let run =
        Run::new(fleet, &candidate, &world.cloud, world.clock, probes, Events::new(world.clock, |_| {}));
    let mut all = Vec::new();
    for environment in environments {
        let groups = rollout::list(&run, environment, only).await?;
        all.push(OfEnvironment { environment: environment.name.to_string(), groups });
    }
    let output = Output::new(global);
    match format {
        Format::Json => output.json(&all)?,
        Format::Text => output.text(&all.iter().map(text).collect::<String>())?,
    }
    Ok(Exit::Done)
}

fn text(of: &OfEnvironment) -> String {
    let count = of.groups.len();
    let groups = if count == 1 { "group" } else { "groups" };
    let mut text = format!("{}: {count} {groups}; nobody is asked\n", of.environment);
    for group in &of.groups {
        text.extend(["\n", group.group.group.as_str(), " (", group.group.region.as_str(), ")\n"]);
        text.extend(group.checks.iter().map(check));
        if group.checks.is_empty() {
            text += "  no checks\n";
        }
    }
    text
}

fn check(listed: &Listed) -> String {
    let mut words = vec![format!("{} of the {}", listed.kind, listed.on), listed.manner.clone()];
    if listed.baseline {
        words.push("before a refresh too".to_owned());
    }
    let braced =
        |names: &[String]| names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ");
    if !listed.needs.is_empty() {
        words.push(format!("needs {}", braced(&listed.needs)));
    }
    if !listed.captures.is_empty() {
        words.push(format!("captures {}", braced(&listed.captures)));
    }
    let mut text = format!("  {}: {}\n", listed.check, words.join("; "));
    text.extend(listed.asks.iter().map(|ask| format!("    {}  {}\n", ask.subject, ask.what)));
    if listed.asks.is_empty() {
        text += "    no instance is in service\n";
    }
    text
}
