//! `gate`: shows, checks, passes or revokes the record that an image passed an environment.

pub(super) mod by_hand;
mod status;

use std::time::Duration;

use clap::Subcommand;

use super::context::{self, World};
use super::rollout::WhenArg;
use super::told::{Telling, told};
use super::{Failure, Output};
use crate::aws::Account;
use crate::cli::{Format, Global};
use crate::config::{Environment, Fleet};
use crate::gate::{self, Record, State, Verdict};
use crate::model::{Candidate, Exit, Problem, Region};
use crate::rollout;

/// Show, check, pass or revoke gates
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ami-refresh gate status
  ami-refresh gate check --env prod
  ami-refresh gate pass --env qa --reason \"tried by hand, CHG0042\"")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the candidate's way through all environments
    #[command(after_help = "\
Example:
  ami-refresh gate status --ami ami-0f1e2d3c4b5a69788 --format json")]
    Status {
        /// Of this image and the others of its build, instead of the candidate
        #[arg(long, value_name = "ID")]
        ami: Option<String>,
        /// How it is printed
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Say whether an environment may start: exit 0 or 3
    #[command(after_help = "\
With --wait a gate that soaks is no refusal: the seconds until it opens are printed, 0 for
one that is open, and nothing else. One that does not open by waiting exits 3 as ever.
With --passed it is asked whether the environment itself is passed, all of it.

Examples:
  ami-refresh gate check --env prod && ami-refresh rollout --env prod
  sleep \"$(ami-refresh gate check --env prod --wait)\"")]
    Check {
        /// The environment
        #[arg(long = "env", value_name = "NAME")]
        environment: String,
        /// Print the seconds until a gate that soaks opens
        #[arg(long)]
        wait: bool,
        /// Say whether it has passed, instead of whether it may start
        #[arg(long, conflicts_with = "wait")]
        passed: bool,
    },
    /// Record that the candidate passed: what was proved, or by hand for a reason
    #[command(after_help = "\
Without --reason every group must be proved: refreshed, its checks passed by 'smoke', its
tracking as it was found. With --when scheduled groups whose window is still to come may be
missing: the record says 'partial' then, and the gate stays closed until they are done.

Examples:
  ami-refresh gate pass --env qa
  ami-refresh gate pass --env qa --when scheduled
  ami-refresh gate pass --env qa --reason \"tried by hand, CHG0042\"")]
    Pass {
        /// The environment
        #[arg(long = "env", value_name = "NAME")]
        environment: String,
        /// Which groups must be proved: all of them, or those whose window has come
        #[arg(long, value_name = "WHEN", default_value = "now", conflicts_with = "reason")]
        when: WhenArg,
        /// Why it is passed by hand, without proof
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Take a record back
    #[command(after_help = "\
Example:
  ami-refresh gate revoke --env qa --reason \"search is slow on it, INC0815\"")]
    Revoke {
        /// The environment
        #[arg(long = "env", value_name = "NAME")]
        environment: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let fleet = context::fleet(global)?;
    let candidate = || context::candidate(global, &fleet);
    match &args.action {
        Action::Status { ami, format } => status::run(global, &fleet, ami.as_deref(), *format).await,
        Action::Check { environment, wait, passed } => {
            let candidate = candidate()?;
            let environment = one(&fleet, environment)?;
            let world = World::outside("gate").await?;
            if *passed {
                return check_passed(global, &candidate, &world, environment).await;
            }
            check(global, &candidate, &world, environment, *wait).await
        }
        Action::Pass { environment, when, reason: None } => {
            let candidate = candidate()?;
            prove(global, &fleet, &candidate, one(&fleet, environment)?, *when).await
        }
        Action::Pass { environment, reason: Some(reason), .. } => {
            let candidate = candidate()?;
            let environment = one(&fleet, environment)?;
            by_hand::run(global, (&fleet, &candidate), environment, State::Passed, reason).await
        }
        Action::Revoke { environment, reason } => {
            let candidate = candidate()?;
            let environment = one(&fleet, environment)?;
            by_hand::run(global, (&fleet, &candidate), environment, State::Revoked, reason).await
        }
    }
}

fn one<'f>(fleet: &'f Fleet, name: &str) -> Result<&'f Environment, Failure> {
    let found = context::environments(fleet, &[name.to_owned()])?;
    found.into_iter().next().ok_or_else(|| Failure::usage(format!("there is no environment {name}"), "", ""))
}

/// The home account in each of the candidate's regions.
fn homes(world: &World, candidate: &Candidate) -> Vec<Account> {
    let mut regions: Vec<&Region> = candidate.images.iter().map(|image| &image.region).collect();
    regions.dedup();
    regions.into_iter().map(|region| world.cloud.home(region)).collect()
}

async fn check(
    global: &Global,
    candidate: &Candidate,
    world: &World,
    environment: &Environment,
    wait: bool,
) -> Result<Exit, Failure> {
    let records = gate::read(&homes(world, candidate), candidate).await?;
    let now = world.clock.now();
    match gate::judge(environment, &records, now) {
        Verdict::Open { .. } if wait => seconds(global, Duration::ZERO),
        Verdict::Soaking { until, .. } if wait => {
            seconds(global, Duration::try_from(until.duration_since(now)).unwrap_or_default())
        }
        Verdict::Open { .. } => {
            let name = &environment.name;
            Output::new(global).text(&format!("{name} may start with {}\n", ids(candidate)))?;
            Ok(Exit::Done)
        }
        Verdict::Soaking { problems, .. } | Verdict::Closed(problems) => {
            Err(Failure::Told(Exit::Refused, problems))
        }
    }
}

async fn check_passed(
    global: &Global,
    candidate: &Candidate,
    world: &World,
    environment: &Environment,
) -> Result<Exit, Failure> {
    let name = &environment.name;
    let records = gate::read(&homes(world, candidate), candidate).await?;
    let held = records.in_quarantine(None);
    if !held.is_empty() {
        return Err(Failure::Told(Exit::Refused, held));
    }
    let record = records.get(name);
    if record.is_some_and(|record| record.state == State::Passed) {
        Output::new(global).text(&format!("{name} has passed with {}\n", ids(candidate)))?;
        return Ok(Exit::Done);
    }
    let why = record.map_or_else(|| "nothing is recorded of it".to_owned(), Record::to_tag);
    let next = format!("look with 'ami-refresh gate status' and 'ami-refresh schedule --env {name}'");
    Err(Failure::Told(Exit::Refused, vec![Problem::new(format!("{name} has not passed"), why, next)]))
}

/// Prints whole seconds, rounded up: whoever sleeps that long is not early.
fn seconds(global: &Global, left: Duration) -> Result<Exit, Failure> {
    let rounded = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    Output::new(global).text(&format!("{rounded}\n"))?;
    Ok(Exit::Done)
}

async fn prove(
    global: &Global,
    fleet: &Fleet,
    candidate: &Candidate,
    environment: &Environment,
    when: WhenArg,
) -> Result<Exit, Failure> {
    let world = World::outside("gate").await?;
    let environments = [environment];
    let telling = Telling {
        global,
        fleet,
        candidate,
        command: "gate pass",
        environments: &environments,
        simulation: None,
        options: String::new(),
    };
    let work = async |run: &rollout::Run<'_>| {
        let verdict = match when {
            WhenArg::Now => rollout::pass_by_proof(run, environment).await,
            WhenArg::Scheduled => rollout::pass_what_was_due_by_proof(run, environment).await,
        };
        vec![(environment.name.clone(), verdict)]
    };
    told(&telling, &world, work).await
}

fn ids(candidate: &Candidate) -> String {
    let ids: Vec<&str> = candidate.images.iter().map(|image| image.id.as_str()).collect();
    ids.join(", ")
}
