//! `rollout`: templates, refreshes, checks and gate, for one environment or several in order.

use super::Failure;
use super::context::{self, World};
use super::told::{Telling, told};
use crate::cli::Global;
use crate::config::{Environment, Fleet};
use crate::model::Exit;
use crate::rollout::{self, Scope, Steps};
use crate::schedule::When;

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

    /// Wait for gates that soak, windows that are closed and the end of a freeze, instead of
    /// refusing
    #[arg(long)]
    wait: bool,

    /// Which groups are taken: all of them now, or those whose window is open
    #[arg(long, value_name = "WHEN", default_value = "now")]
    when: WhenArg,

    /// Begin although a freeze holds; the reason is recorded
    #[arg(long, requires = "reason")]
    override_freeze: bool,

    /// Why the freeze is overridden
    #[arg(long, value_name = "TEXT", requires = "override_freeze")]
    reason: Option<String>,
}

/// Which groups are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum WhenArg {
    /// All of them
    Now,
    /// Those whose window is open
    Scheduled,
}

impl From<WhenArg> for When {
    fn from(when: WhenArg) -> Self {
        match when {
            WhenArg::Now => Self::Now,
            WhenArg::Scheduled => Self::Scheduled,
        }
    }
}

impl Start {
    /// What whoever goes on from here must give again.
    fn options(&self) -> String {
        let when = if self.when == WhenArg::Scheduled { " --when scheduled" } else { "" };
        let freeze = if self.override_freeze { " --override-freeze --reason \"…\"" } else { "" };
        format!("{when}{freeze}")
    }

    fn scope(&self, steps: Steps) -> Result<Scope, Failure> {
        let override_freeze = self.reason.clone().filter(|_| self.override_freeze);
        if override_freeze.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
            return Err(Failure::usage("the reason is empty", "it is what the next person reads", "say why"));
        }
        Ok(Scope { steps, wait: self.wait, when: self.when.into(), override_freeze })
    }
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
  ami-refresh rollout --env stage --env prod --wait
  ami-refresh rollout --all --when scheduled")]
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
    let scope = start.scope(steps)?;
    let fleet = context::fleet(global)?;
    let environments = start.choice.of(&fleet)?;
    let candidate = context::candidate(global, &fleet)?;
    let world = World::outside(command).await?;
    let names = context::names(&environments);
    let telling = Telling {
        global,
        fleet: &fleet,
        candidate: &candidate,
        command,
        environments: &environments,
        simulation: None,
        options: start.options(),
    };
    told(&telling, &world, async |run| rollout::run(run, &names, &scope).await).await
}
