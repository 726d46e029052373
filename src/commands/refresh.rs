//! `refresh`: starts or adopts the refreshes, and follows them.

use clap::ValueEnum;

use super::Failure;
use super::rollout::{Start, roll};
use crate::cli::Global;
use crate::model::Exit;
use crate::rollout::Steps;

/// How far the refreshes are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Until {
    /// To the bake, so that checks can run while AWS can still roll back natively
    Baking,
    /// To their end
    End,
}

/// Start or adopt the refreshes, and follow them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  ami-refresh refresh --env qa --until baking")]
pub struct Args {
    #[command(flatten)]
    start: Start,

    /// How far the refreshes are followed
    #[arg(long, value_name = "WHEN", default_value = "end")]
    until: Until,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let steps = match args.until {
        Until::Baking => Steps::RefreshToBaking,
        Until::End => Steps::RefreshToEnd,
    };
    roll(global, "refresh", &args.start, steps).await
}
