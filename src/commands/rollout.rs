//! `rollout`: templates, refreshes, checks and gate, for one environment or several in order.

use super::Failure;
use super::context::{self, World};
use super::told::{Telling, told};
use crate::cli::Global;
use crate::config::{Environment, Fleet};
use crate::model::Exit;
use crate::rollout::{self, Scope, Steps};

/// Which environments.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Choice {
    /// The environment; may be given several times, and goes in the configuration's order
    #[arg(long = "env", value_name = "NAME")]
    environments: Vec<String>,

    /// Every environment
    #[arg(long)]
    all: bool,
}

/// Which environments are begun, and whether gates are waited for.
#[derive(Debug, clap::Args)]
pub(super) struct Start {
    #[command(flatten)]
    pub(super) choice: Choice,

    /// Wait for a gate that is passed but has not soaked yet, instead of refusing
    #[arg(long)]
    wait: bool,
}

impl Choice {
    pub(super) fn of<'f>(&self, fleet: &'f Fleet) -> Result<Vec<&'f Environment>, Failure> {
        if self.all {
            return Ok(fleet.environments.iter().collect());
        }
        context::environments(fleet, &self.environments)
    }
}

/// Templates, refreshes, checks and gate, for one environment or several in order
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  ami-refresh rollout --env qa
  ami-refresh rollout --env stage --env prod --wait")]
pub struct Args {
    #[command(flatten)]
    start: Start,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    roll(global, "rollout", &args.start, Steps::Rollout).await
}

/// Takes the candidate through the chosen environments, as far as those steps go.
pub(super) async fn roll(
    global: &Global,
    command: &str,
    start: &Start,
    steps: Steps,
) -> Result<Exit, Failure> {
    let fleet = context::fleet(global)?;
    let environments = start.choice.of(&fleet)?;
    let candidate = context::candidate(global, &fleet)?;
    let world = World::outside(command).await?;
    let names = context::names(&environments);
    let scope = Scope { steps, wait: start.wait };
    let telling = Telling {
        global,
        fleet: &fleet,
        candidate: &candidate,
        command,
        environments: &environments,
        simulation: None,
    };
    told(&telling, &world, async |run| rollout::run(run, &names, scope).await).await
}
