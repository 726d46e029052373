//! `plan`: what would change, group by group, and what would be refused. Read-only.

use serde::Serialize;

use super::context::{self, World};
use super::rollout::{Choice, WhenArg};
use super::{Failure, Output};
use crate::cli::{Format, Global};
use crate::clock::Clock;
use crate::config::Environment;
use crate::event::PlannedGroup;
use crate::gate::{self, Verdict};
use crate::model::{Exit, Problem, once};
use crate::net::Network;
use crate::plan::{GroupPlan, Timing};
use crate::report::{self, PlanText};
use crate::rollout::{self, Events, Run, plan};
use crate::schedule::When;
use crate::smoke::Runner;

/// Show what would change, group by group, and what would be refused
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads only. With --detailed-exitcode: 0 nothing would change, 2 something would,
1 the plan could not be made, 3 it would be refused.

Example:
  ami-refresh plan --env qa --detailed-exitcode")]
pub struct Args {
    #[command(flatten)]
    choice: Choice,

    /// Which groups would be taken: all of them now, or those whose window is open
    #[arg(long, value_name = "WHEN", default_value = "now")]
    when: WhenArg,

    /// Exit with 2 when something would change, as Terraform does
    #[arg(long)]
    pub(super) detailed_exitcode: bool,

    /// How the plan is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Args {
    /// Whether usage errors exit 1, since 2 means changes.
    pub fn is_detailed(&self) -> bool {
        self.detailed_exitcode
    }
}

#[derive(Serialize)]
struct Planned {
    environment: String,
    gate: String,
    groups: Vec<PlannedGroup>,
    refused: Vec<Problem>,
    busy: Vec<Problem>,
    unreadable: Vec<Problem>,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let fleet = context::fleet(global)?;
    let environments = args.choice.of(&fleet)?;
    let candidate = context::candidate(global, &fleet)?;
    let world = World::outside("plan").await?;
    // A plan tells nothing but itself.
    let events = Events::new(world.clock, |_| {});
    let probes = Runner::new(world.clock, Network::Sockets);
    let run = Run::new(&fleet, &candidate, &world.cloud, world.clock, probes, events);
    let mut plans = Vec::new();
    for environment in &environments {
        plans.push(one(&run, environment, world.clock, args.when.into()).await?);
    }
    print(global, args, &plans)?;
    let changes = plans.iter().any(|plan| plan.groups.iter().any(|group| group.new_image.is_some()));
    let refused = plans.iter().any(|plan| !plan.refused.is_empty());
    Ok(match (refused, changes && args.detailed_exitcode) {
        (true, _) => Exit::Refused,
        // Terraform's code for "changes" is the one that otherwise means usage.
        (false, true) => Exit::Usage,
        (false, false) => Exit::Done,
    })
}

async fn one(run: &Run<'_>, environment: &Environment, clock: Clock, when: When) -> Result<Planned, Failure> {
    let now = clock.now();
    let records = gate::read(&run.homes(), run.candidate).await?;
    let mut open_since = None;
    let (gate, mut refused) = match gate::judge(environment, &records, now) {
        Verdict::Open { since } => {
            open_since = since;
            ("gate open".to_owned(), Vec::new())
        }
        Verdict::Soaking { until, problems } => {
            (format!("gate opens at {}", rollout::local(run, until)), problems)
        }
        Verdict::Closed(problems) => ("gate closed".to_owned(), problems),
    };
    let timing = Timing { when, now, open_since, override_freeze: false };
    refused.extend(rollout::frozen(run, environment, now));
    let accounts = run.accounts(environment);
    let plan = plan(run, environment, &accounts, Some(timing)).await?;
    let team_tag = &run.fleet.notify.teams.tag;
    let told = |group: &GroupPlan| group.told(&run.fleet.checks_of(environment, &group.group.name), team_tag);
    let groups = plan.groups.iter().map(told).collect();
    let unreadable = plan.unreadable().cloned().collect();
    refused.extend(plan.refused);
    Ok(Planned {
        environment: environment.name.to_string(),
        gate,
        groups,
        refused,
        busy: plan.busy,
        unreadable,
    })
}

fn print(global: &Global, args: &Args, plans: &[Planned]) -> Result<(), Failure> {
    let output = Output::new(global);
    if args.format == Format::Json {
        return output.json(&plans);
    }
    let texts = plans.iter().map(|planned| {
        let problems: Vec<Problem> =
            [&planned.refused, &planned.busy, &planned.unreadable].into_iter().flatten().cloned().collect();
        let problems = once(&problems);
        let environment = planned.environment.as_str().into();
        let text = PlanText {
            environment: &environment,
            gate: planned.gate.clone(),
            groups: &planned.groups,
            problems: &problems,
        };
        report::plan(&text, output.color())
    });
    output.text(&texts.collect::<Vec<_>>().join("\n"))
}
