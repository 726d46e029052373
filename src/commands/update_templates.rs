//! `update-templates`: pins floating groups, makes the new versions, reads them back.

use super::Failure;
use super::rollout::{Start, roll};
use crate::cli::Global;
use crate::model::Exit;
use crate::rollout::Steps;

/// Pin groups that float, make the new template versions, read them back
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  ami-refresh update-templates --env qa")]
pub struct Args {
    #[command(flatten)]
    start: Start,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    roll(global, "update-templates", &args.start, Steps::Templates).await
}
