//! `completions`: a shell's completions.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Failure, Output};
use crate::cli::{Cli, Global};
use crate::model::Exit;

/// Print a shell's completions
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  ami-refresh completions bash > /etc/bash_completion.d/ami-refresh")]
pub struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ami-refresh", &mut text);
    Output::new(global).text(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Done)
}
