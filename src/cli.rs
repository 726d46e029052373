//! The command line: arguments only. What a step does with them is in `commands`.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, Parser, Subcommand, ValueEnum};

use crate::commands;

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb` say otherwise; elsewhere when
    /// `CLICOLOR_FORCE` does.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// The arguments of every step.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Options of every step")]
pub struct Global {
    /// The configuration
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "pipeline/environments.yaml",
        env = "AMI_REFRESH_CONFIG"
    )]
    pub config: PathBuf,

    /// The candidate: the images to be rolled out
    #[arg(long, global = true, value_name = "FILE", default_value = "candidate.json")]
    pub candidate: PathBuf,

    /// Where the journal and the reports go
    #[arg(long, global = true, value_name = "DIR", default_value = "reports")]
    pub report_dir: PathBuf,

    /// When colour is used
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,

    /// Say more: -v what is asked of AWS, -vv how, -vvv all of it (on the standard error)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER_HELP: &str = "\
Exit codes:
  0  done, or nothing to do
  1  something unexpected; AWS out of reach; an announcement that was not delivered
  2  usage, configuration or credentials
  3  refused before anything changed: a gate, a freeze, quarantine, the plan, nothing due,
     nothing proved; or what failed before the refresh fails still, and holds the gate
  4  failed, and rolled back
  5  failed, and a person is needed
  6  aborted by a signal

Example, on this machine, without AWS:
  ami-refresh rehearse";

/// Takes a freshly built AMI through every environment, in order
#[derive(Debug, Parser)]
#[command(name = "ami-refresh", version, styles = STYLES, after_help = AFTER_HELP, propagate_version = true)]
pub struct Cli {
    /// The arguments of every step.
    #[command(flatten)]
    pub global: Global,
    /// The step.
    #[command(subcommand)]
    pub step: Step,
}

/// The steps.
#[derive(Debug, Subcommand)]
pub enum Step {
    /// Find and verify the images of one build, tag them, and write the candidate
    Candidate(commands::candidate::Args),
    /// Say everything that is wrong with the configuration
    Validate(commands::validate::Args),
    /// Print the environments in order
    Environments(commands::environments::Args),
    /// Show what would change, group by group, and what would be refused
    Plan(commands::plan::Args),
    /// Pin groups that float, make the new template versions, read them back
    UpdateTemplates(commands::update_templates::Args),
    /// Start or adopt the refreshes, and follow them
    Refresh(commands::refresh::Args),
    /// Run the checks of an environment's groups
    Smoke(commands::smoke::Args),
    /// Take groups back to the version they had
    Rollback(commands::rollback::Args),
    /// Show, check, pass or revoke gates
    Gate(commands::gate::Args),
    /// Stop an image everywhere, list such images, or let one go on
    Quarantine(commands::quarantine::Args),
    /// Templates, refreshes, checks and gate, for one environment or several in order
    Rollout(commands::rollout::Args),
    /// Show when each group may be refreshed, and what says so
    Schedule(commands::schedule::Args),
    /// Show which image each environment runs, how old it is, and what became of it
    Status(commands::status::Args),
    /// Tell each team what will be refreshed when, once a window
    Announce(commands::announce::Args),
    /// Write the fleet as found to a file that rehearse takes
    Snapshot(commands::snapshot::Args),
    /// Run the whole rollout on the embedded simulator
    Rehearse(commands::rehearse::Args),
    /// Make every report again from journals, or compare two rollouts
    Report(commands::report::Args),
    /// Print the least that a role needs, as an IAM policy
    IamPolicy(commands::iam_policy::Args),
    /// Serve the simulator on loopback, for the AWS CLI, boto3, or a pipeline's test
    Simulator(commands::simulator::Args),
    /// Print a shell's completions
    Completions(commands::completions::Args),
}
