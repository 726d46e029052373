//! `gate`: shows, checks, passes or revokes the record that an image passed an environment.

use clap::Subcommand;

use super::context::{self, World};
use super::told::{Telling, told};
use super::{Failure, Output};
use crate::aws::Account;
use crate::cli::{Format, Global};
use crate::config::{Environment, Fleet};
use crate::gate::{self, Record, Records, State, Verdict};
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
  ami-refresh gate status --format json")]
    Status {
        /// How it is printed
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Say whether an environment may start: exit 0 or 3
    #[command(after_help = "\
Example:
  ami-refresh gate check --env prod && ami-refresh rollout --env prod")]
    Check {
        /// The environment
        #[arg(long = "env", value_name = "NAME")]
        environment: String,
    },
    /// Record that the candidate passed: what was proved, or by hand for a reason
    #[command(after_help = "\
Without --reason every group must be proved: refreshed, its checks passed by 'smoke', its
tracking as it was found.

Examples:
  ami-refresh gate pass --env qa
  ami-refresh gate pass --env qa --reason \"tried by hand, CHG0042\"")]
    Pass {
        /// The environment
        #[arg(long = "env", value_name = "NAME")]
        environment: String,
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
    let candidate = context::candidate(global, &fleet)?;
    match &args.action {
        Action::Status { format } => {
            let world = World::outside("gate").await?;
            status(global, &fleet, &candidate, &world, *format).await
        }
        Action::Check { environment } => {
            let environment = one(&fleet, environment)?;
            let world = World::outside("gate").await?;
            check(global, &candidate, &world, environment).await
        }
        Action::Pass { environment, reason: None } => {
            prove(global, &fleet, &candidate, one(&fleet, environment)?).await
        }
        Action::Pass { environment, reason: Some(reason) } => {
            let environment = one(&fleet, environment)?;
            by_hand(global, &candidate, environment, State::Passed, reason).await
        }
        Action::Revoke { environment, reason } => {
            let environment = one(&fleet, environment)?;
            by_hand(global, &candidate, environment, State::Revoked, reason).await
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

async fn status(
    global: &Global,
    fleet: &Fleet,
    candidate: &Candidate,
    world: &World,
    format: Format,
) -> Result<Exit, Failure> {
    let records = gate::read(&homes(world, candidate), candidate).await?;
    let output = Output::new(global);
    let now = world.clock.now();
    if format == Format::Json {
        let gates: Vec<serde_json::Value> = fleet
            .environments
            .iter()
            .map(|one| {
                let may_start = matches!(gate::judge(one, &records, now), Verdict::Open { .. });
                serde_json::json!({
                    "environment": one.name,
                    "record": records.get(&one.name),
                    "requires": one.gate.requires,
                    "may_start": may_start,
                })
            })
            .collect();
        output.json(&gates)?;
        return Ok(Exit::Done);
    }
    let mut lines = vec![format!("image {}", ids(candidate))];
    let width = fleet.environments.iter().map(|one| one.name.as_str().len()).max().unwrap_or(0);
    lines.extend(
        fleet.environments.iter().map(|environment| {
            format!("  {:width$}  {}", environment.name, line(environment, &records, now))
        }),
    );
    lines.push(String::new());
    output.text(&lines.join("\n"))?;
    Ok(Exit::Done)
}

fn line(environment: &Environment, records: &Records, now: jiff::Timestamp) -> String {
    let may = match gate::judge(environment, records, now) {
        Verdict::Open { .. } => "may start".to_owned(),
        Verdict::Soaking { until, .. } => format!("may start from {until}"),
        Verdict::Closed(problems) => {
            let what: Vec<&str> = problems.iter().map(|problem| problem.what.as_str()).collect();
            format!("closed: {}", what.join("; "))
        }
    };
    match records.get(&environment.name) {
        Some(record) => record.to_tag(),
        None => format!("-        {may}"),
    }
}

async fn check(
    global: &Global,
    candidate: &Candidate,
    world: &World,
    environment: &Environment,
) -> Result<Exit, Failure> {
    let records = gate::read(&homes(world, candidate), candidate).await?;
    match gate::judge(environment, &records, world.clock.now()) {
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

async fn prove(
    global: &Global,
    fleet: &Fleet,
    candidate: &Candidate,
    environment: &Environment,
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
    };
    let work = async |run: &rollout::Run<'_>| {
        vec![(environment.name.clone(), rollout::pass_by_proof(run, environment).await)]
    };
    told(&telling, &world, work).await
}

async fn by_hand(
    global: &Global,
    candidate: &Candidate,
    environment: &Environment,
    state: State,
    reason: &str,
) -> Result<Exit, Failure> {
    if reason.trim().is_empty() {
        return Err(Failure::usage("the reason is empty", "it is what the next person reads", "say why"));
    }
    let world = World::outside("gate").await?;
    let homes = homes(&world, candidate);
    let who = homes[0].identity().await?;
    let who = who.arn.rsplit('/').next().unwrap_or_default().to_owned();
    let record = Record { state, at: world.clock.now(), detail: format!("by hand, {who}: {reason}") };
    if state == State::Revoked {
        let records = gate::read(&homes, candidate).await?;
        if records.get(&environment.name).is_none_or(|record| record.state != State::Passed) {
            return Err(Failure::Told(
                Exit::Refused,
                vec![Problem::new(
                    format!("gate {} is not passed for {}", environment.name, ids(candidate)),
                    "only what passed can be revoked",
                    "look with 'ami-refresh gate status'",
                )],
            ));
        }
    }
    gate::write(&homes, candidate, &environment.name, &record).await?;
    Output::new(global).text(&format!("gate {}: {}\n", environment.name, record.to_tag()))?;
    Ok(Exit::Done)
}

fn ids(candidate: &Candidate) -> String {
    let ids: Vec<&str> = candidate.images.iter().map(|image| image.id.as_str()).collect();
    ids.join(", ")
}
