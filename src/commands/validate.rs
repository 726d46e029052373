//! `validate`: says everything that is wrong with the configuration at once.

use super::{Failure, Output};
use crate::cli::{Format, Global};
use crate::config::Fleet;
use crate::model::Exit;

/// Say everything that is wrong with the configuration
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  ami-refresh validate --config pipeline/environments.yaml")]
pub struct Args {
    /// How the result is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let output = Output::new(global);
    match (Fleet::read(&global.config), args.format) {
        (Ok(fleet), Format::Text) => {
            let count = fleet.environments.len();
            let checks = fleet.checks.len();
            let file = global.config.display();
            output.text(&format!("{file} is valid: {count} environments, {checks} checks\n"))?;
            Ok(Exit::Done)
        }
        (Ok(_), Format::Json) => {
            let file = global.config.display().to_string();
            output.json(&serde_json::json!({ "file": file, "valid": true, "mistakes": [] }))?;
            Ok(Exit::Done)
        }
        (Err(errors), Format::Text) => Err(errors.into()),
        (Err(errors), Format::Json) => {
            let file = global.config.display().to_string();
            let mistakes = &errors.mistakes;
            output.json(&serde_json::json!({ "file": file, "valid": false, "mistakes": mistakes }))?;
            Ok(Exit::Usage)
        }
    }
}
