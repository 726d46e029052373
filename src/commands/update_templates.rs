//! `update-templates`: pins floating groups, makes the new versions, reads them back.

use super::Failure;
use super::rollout::{Choice, roll};
use crate::cli::Global;
use crate::model::Exit;
use crate::rollout::{Scope, Steps};

/// Pin groups that float, make the new template versions, read them back
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  ami-refresh update-templates --env qa")]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let scope = Scope { steps: Steps::Templates, wait: args.choice.wait };
    roll(global, "update-templates", &args.choice, scope).await
}
