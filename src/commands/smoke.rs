//! `smoke`: runs the checks of an environment's groups, alone; lists them; watches them.

mod list;
mod watch;

use std::time::Duration;

use super::Failure;
use super::context::{self, World};
use super::told::{Telling, told};
use crate::cli::{Format, Global};
use crate::config::parse_duration;
use crate::model::{Exit, GroupName};
use crate::rollout;

/// Run the checks of an environment's groups
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With a candidate whose rollout is under way, the groups must run its image, and what
passes is noted on them for 'gate pass'. Else they are asked as they are.

Exits 0 when all passed, 5 when a check did not, 3 when only such did not as failed
before the refresh too. --watch goes by no candidate, notes nothing, and exits with the
code of its last whole round; 6 when there was none.

Examples:
  ami-refresh smoke --env qa
  ami-refresh smoke --env qa --list
  ami-refresh smoke --env qa --group payments-qa --watch 10s")]
pub struct Args {
    /// The environment
    #[arg(long = "env", value_name = "NAME")]
    environment: String,

    /// Only this group
    #[arg(long, value_name = "NAME")]
    group: Option<String>,

    /// Show what would be asked of whom, and ask nobody
    #[arg(long)]
    list: bool,

    /// How the list is printed
    #[arg(long, value_name = "FORMAT", requires = "list")]
    format: Option<Format>,

    /// Ask again so long after each round, until Ctrl-C, and show what changed; the reports
    /// are of the last round
    #[arg(long, value_name = "PAUSE", num_args = 0..=1, default_missing_value = "30s", value_parser = pause, conflicts_with = "list")]
    watch: Option<Duration>,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let mut fleet = context::fleet(global)?;
    if args.watch.is_some() {
        fleet = watch::once(&fleet);
    }
    let environments = context::environments(&fleet, std::slice::from_ref(&args.environment))?;
    let only = args.group.as_deref().map(GroupName::from);
    // Without a candidate the checks are still worth asking, of whatever runs.
    let candidate = if global.candidate.exists() && args.watch.is_none() && !args.list {
        context::candidate(global, &fleet)?
    } else {
        rollout::no_candidate(&fleet)
    };
    let world = World::outside("smoke").await?;
    if args.list {
        let format = args.format.unwrap_or(Format::Text);
        return list::run(global, &fleet, &world, (&environments, only.as_ref()), format).await;
    }
    let telling = Telling {
        global,
        fleet: &fleet,
        candidate: &candidate,
        command: "smoke",
        environments: &environments,
        simulation: None,
        options: String::new(),
    };
    if let Some(every) = args.watch {
        return watch::watch(&telling, &world, only.as_ref(), every).await;
    }
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

/// From a second to a day.
fn pause(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Some(pause) if (1..=86_400).contains(&pause.as_secs()) => Ok(pause),
        Some(_) => Err("a pause is from 1s to 1d".to_owned()),
        None => Err("a pause is a whole number and a unit, as in 30s".to_owned()),
    }
}
