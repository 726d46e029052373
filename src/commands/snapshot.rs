//! `snapshot`: writes the fleet as found to a file that a rehearsal is set up from. Read-only.

use std::path::{Path, PathBuf};

use super::context::{self, World};
use super::{Failure, Output};
use crate::cli::Global;
use crate::model::{Exit, Problem};
use crate::snapshot::{Asked, FileError, Fleet, take};

/// Write the fleet as found to a file that rehearse takes
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads only. No user data is in the file, and no value of a tag whose key or look says that
it is a secret; names, tags and account numbers are.

Examples:
  ami-refresh snapshot
  ami-refresh rehearse --fleet fleet.json --scenario app-down --groups '*-qa'
  ami-refresh snapshot --env qa --output -")]
pub struct Args {
    /// Only this environment; may be given several times
    #[arg(long = "env", value_name = "NAME")]
    environments: Vec<String>,

    /// The file; - for the standard output
    #[arg(long, value_name = "FILE", default_value = "fleet.json")]
    output: PathBuf,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let fleet = context::fleet(global)?;
    let environments = if args.environments.is_empty() {
        fleet.environments.iter().collect()
    } else {
        context::environments(&fleet, &args.environments)?
    };
    let to_output = args.output == Path::new("-");
    // What can't be written is said before AWS is asked anything.
    if !to_output {
        Fleet::writable(&args.output)?;
    }
    let output = Output::new(global);
    let world = World::outside("snapshot").await?;
    let asked = Asked { cloud: &world.cloud, clock: world.clock, fleet: &fleet, environments: &environments };
    let found = take(&asked, &|line| output.note(line)).await?;
    if to_output {
        output.text(&found.to_text())?;
        return Ok(Exit::Done);
    }
    found.write(&args.output)?;
    let groups: usize = found.places.iter().map(|place| place.groups.len()).sum();
    let names: Vec<&str> = environments.iter().map(|environment| environment.name.as_str()).collect();
    output.text(&format!("wrote {}: {groups} groups of {}\n", args.output.display(), names.join(", ")))?;
    Ok(Exit::Done)
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let next = error.next();
        let text = error.to_string();
        let (what, why) = text.split_once(": ").unwrap_or((&text, ""));
        Self::Told(Exit::Usage, vec![Problem::new(what, why, next)])
    }
}
