//! `rollback`: takes groups back to the version they had, whatever state they are in.

mod previous;

use super::Failure;
use super::context::{self, World};
use super::told::{Telling, told};
use crate::cli::Global;
use crate::model::{Exit, GroupName};
use crate::rollout;

/// Take groups back to the version they had
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Takes back every group that a rollout touched and did not end, and every group that runs
the candidate. Its tracking is put back, and a gate that had passed is revoked.

With --to-previous no candidate is needed: every group that runs what a rollout gave it goes
back to what it had before that, one step. Run again, it goes no further.

Examples:
  ami-refresh rollback --env qa
  ami-refresh rollback --env prod --to-previous")]
pub struct Args {
    /// The environment
    #[arg(long = "env", value_name = "NAME")]
    environment: String,

    /// Only this group
    #[arg(long, value_name = "NAME")]
    group: Option<String>,

    /// Whatever the groups run that a rollout gave them, instead of the candidate
    #[arg(long)]
    to_previous: bool,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let fleet = context::fleet(global)?;
    let environments = context::environments(&fleet, std::slice::from_ref(&args.environment))?;
    let only = args.group.as_deref().map(GroupName::from);
    if args.to_previous {
        return previous::run(global, &fleet, environments[0], only.as_ref()).await;
    }
    let candidate = context::candidate(global, &fleet)?;
    let world = World::outside("rollback").await?;
    let telling = Telling {
        global,
        fleet: &fleet,
        candidate: &candidate,
        command: "rollback",
        environments: &environments,
        simulation: None,
        options: String::new(),
    };
    let work = async |run: &rollout::Run<'_>| {
        let mut verdicts = Vec::new();
        for environment in &environments {
            let verdict = rollout::rollback(run, environment, only.as_ref()).await;
            verdicts.push((environment.name.clone(), verdict));
        }
        verdicts
    };
    told(&telling, &world, work).await
}
