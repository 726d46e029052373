//! `environments`: the environments in order, one a line.

use serde::Serialize;

use super::{Failure, Output, context};
use crate::cli::{Format, Global};
use crate::model::{EnvironmentName, Exit, Region};

/// Print the environments in order
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  for e in $(ami-refresh environments); do ami-refresh rollout --env \"$e\"; done")]
pub struct Args {
    /// How they are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    account: &'a str,
    regions: Vec<&'a str>,
    requires: Vec<&'a str>,
    checks: &'a [String],
}

pub(super) fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let fleet = context::fleet(global)?;
    let output = Output::new(global);
    match args.format {
        Format::Text => {
            let names: Vec<String> = fleet.environments.iter().map(|one| format!("{}\n", one.name)).collect();
            output.text(&names.concat())?;
        }
        Format::Json => {
            let lines: Vec<Line<'_>> = fleet
                .environments
                .iter()
                .map(|one| Line {
                    name: one.name.as_str(),
                    account: one.account.as_str(),
                    regions: one.regions.iter().map(Region::as_str).collect(),
                    requires: one.gate.requires.iter().map(EnvironmentName::as_str).collect(),
                    checks: &one.checks,
                })
                .collect();
            output.json(&lines)?;
        }
    }
    Ok(Exit::Done)
}
