//! Parses the command line, runs the step, exits with its code.

use std::process::ExitCode;

use ami_refresh::cli::{Cli, Step};
use ami_refresh::commands::{self, Output};
use ami_refresh::model::Exit;
use clap::Parser;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // What can't be printed has nobody to read it.
            let _ = error.print();
            return usage(&error);
        }
    };
    let output = Output::new(&cli.global);
    match commands::run(&cli) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) => {
            output.failure(&failure);
            let detailed = matches!(&cli.step, Step::Plan(args) if args.is_detailed());
            ExitCode::from(if detailed { detailed_code(failure.exit()) } else { failure.exit().code() })
        }
    }
}

/// `plan --detailed-exitcode` keeps 2 for changes, so that a mistake in its use exits 1.
fn detailed_code(exit: Exit) -> u8 {
    if exit == Exit::Usage { Exit::Unexpected.code() } else { exit.code() }
}

fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    let detailed = std::env::args().any(|arg| arg == "--detailed-exitcode");
    ExitCode::from(if detailed { detailed_code(Exit::Usage) } else { Exit::Usage.code() })
}
