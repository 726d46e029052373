//! `smoke`: runs the checks of an environment's groups, alone.

use super::Failure;
use super::context::{self, World};
use super::told::{Telling, told};
use crate::cli::Global;
use crate::model::{Exit, GroupName};
use crate::rollout;

/// Run the checks of an environment's groups
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With a candidate whose rollout is under way, the groups must run its image, and what
passes is noted on them for 'gate pass'. Else they are asked as they are.

Example:
  ami-refresh smoke --env qa")]
pub struct Args {
    /// The environment
    #[arg(long = "env", value_name = "NAME")]
    environment: String,

    /// Only this group
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let fleet = context::fleet(global)?;
    let environments = context::environments(&fleet, std::slice::from_ref(&args.environment))?;
    // Without a candidate the checks are still worth asking, of whatever runs.
    let candidate = if global.candidate.exists() {
        context::candidate(global, &fleet)?
    } else {
        rollout::no_candidate(&fleet)
    };
    let world = World::outside("smoke").await?;
    let only = args.group.as_deref().map(GroupName::from);
    let telling = Telling {
        global,
        fleet: &fleet,
        candidate: &candidate,
        command: "smoke",
        environments: &environments,
        simulation: None,
        options: String::new(),
    };
    let work = async |run: &rollout::Run<'_>| {
        let mut verdicts = Vec::new();
        for environment in &environments {
            let verdict = rollout::smoke(run, environment, only.as_ref()).await;
            verdicts.push((environment.name.clone(), verdict));
        }
        verdicts
    };
    told(&telling, &world, work).await
}
