//! `environments`: the environments in order, one a line.

use serde::Serialize;

use super::{Failure, Output, context, schedule};
use crate::cli::{Format, Global};
use crate::model::{EnvironmentName, Exit, Region};

/// Print the environments in order
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  for e in $(ami-refresh environments); do ami-refresh rollout --env \"$e\"; done
  ami-refresh environments --env prod --env qa")]
pub struct Args {
    /// Only this environment, in the configuration's order; may be given several times
    #[arg(long = "env", value_name = "NAME")]
    environments: Vec<String>,

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
    let chosen = schedule::some_or_all(&fleet, &args.environments)?;
    let output = Output::new(global);
    match args.format {
        Format::Text => {
            let names: Vec<String> = chosen.iter().map(|one| format!("{}\n", one.name)).collect();
            output.text(&names.concat())?;
        }
        Format::Json => {
            let lines: Vec<Line<'_>> = chosen
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
