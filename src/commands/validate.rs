//! `validate`: says everything that is wrong with the configuration at once.

mod aws;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::context::World;
use super::{Failure, Output};
use crate::cli::{Format, Global};
use crate::config::{Fleet, Mistake};
use crate::model::{Exit, Problem};

/// Say everything that is wrong with the configuration
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With --aws also whether it holds there, for every environment, by reading only: its role can
be assumed and leads to its account, groups are selected in each region, their templates exist
and their windows' tags can be read, and alarms exist. Where there is a candidate, each account
must see its images. Everything that is wrong is told at once; exit 2. An alarm that fires is
a warning: AWS would start no refresh that it watches.

Examples:
  ami-refresh validate --config pipeline/environments.yaml
  ami-refresh validate --aws")]
pub struct Args {
    /// Look in AWS too: roles, groups, templates, tags, alarms
    #[arg(long)]
    aws: bool,

    /// How the result is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Serialize)]
struct Told<'a> {
    file: String,
    valid: bool,
    mistakes: &'a [Mistake],
    #[serde(skip_serializing_if = "Option::is_none")]
    environments: Option<&'a [aws::Found]>,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let output = Output::new(global);
    let file = global.config.display().to_string();
    let fleet = match Fleet::read(&global.config) {
        Ok(fleet) => fleet,
        Err(errors) if args.format == Format::Text => return Err(errors.into()),
        Err(errors) => {
            let mistakes = &errors.mistakes;
            output.json(&Told { file, valid: false, mistakes, environments: None })?;
            return Ok(Exit::Usage);
        }
    };
    let found = if args.aws { Some(look(global, &fleet).await?) } else { None };
    let all = found.iter().flatten();
    let exit = all.clone().map(|one| one.exit).max().unwrap_or(Exit::Done);
    if args.format == Format::Json {
        let valid = exit == Exit::Done;
        output.json(&Told { file, valid, mistakes: &[], environments: found.as_deref() })?;
        return Ok(exit);
    }
    let (count, checks) = (fleet.environments.len(), fleet.checks.len());
    output.text(&format!("{file} is valid: {count} environments, {checks} checks\n"))?;
    output.text(&aws::text(found.as_deref().unwrap_or_default()))?;
    for warning in all.clone().flat_map(|one| &one.warnings) {
        output.note(&format!("warning: {warning}"));
    }
    if exit == Exit::Done {
        return Ok(exit);
    }
    let problems: Vec<Problem> = all.flat_map(|one| &one.problems).cloned().collect();
    Err(Failure::Told(exit, problems))
}

async fn look(global: &Global, fleet: &Fleet) -> Result<Vec<aws::Found>, Failure> {
    let candidate = super::schedule::candidate_if_there(global, fleet)?;
    let World { clock, cloud, .. } = World::outside("validate").await?;
    Ok(aws::look(aws::Asked { fleet, cloud: &cloud, clock, candidate: candidate.as_ref() }).await)
}
