//! `status`: which image each environment runs, how old it is, what became of it. Read-only.

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use serde::Serialize;

use super::context::{self, World};
use super::schedule::{AT_ONCE, problems_of, some_or_all};
use super::{Failure, Output};
use crate::cli::{Format, Global};
use crate::config::Environment;
use crate::model::Exit;
use crate::overview::{self, EnvironmentStatus, EnvironmentWindows, Family, Need};
use crate::report::{self, StatusText};
use crate::rollout::{self, Sight};
use crate::schedule::{Agenda, When};

/// Show which image each environment runs, how old it is, and what became of it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads only. Exits 0 also when images are old, unless --fail-when-old is given.

Examples:
  ami-refresh status
  ami-refresh status --env prod --fail-when-old")]
pub struct Args {
    /// Only this environment; may be given several times
    #[arg(long = "env", value_name = "NAME")]
    environments: Vec<String>,

    /// The family of the images; may be left out when the configuration names only one
    #[arg(long, value_name = "NAME")]
    family: Option<String>,

    /// Exit with 3 when an environment's image is older than its `max_age`
    #[arg(long)]
    fail_when_old: bool,

    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Serialize)]
struct Board<'a> {
    at: Timestamp,
    timezone: &'a str,
    family: &'a str,
    environments: &'a [EnvironmentStatus],
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let fleet = context::fleet(global)?;
    let environments = some_or_all(&fleet, &args.environments)?;
    let (name, family) = super::candidate::family(&fleet, args.family.as_deref())?;
    let world = World::outside("status").await?;
    let images = rollout::family(&world.cloud, world.clock, &fleet, family).await?;
    let family = Family::new(&family.name_glob, images);
    let now = world.clock.now();
    let seen = stream::iter(&environments)
        .map(async |environment| rollout::running(&world.cloud, world.clock, environment).await);
    let seen: Vec<_> = seen.buffered(AT_ONCE).collect().await;
    let (mut boards, mut exit) = (Vec::new(), Exit::Done);
    for (environment, sight) in environments.iter().zip(seen) {
        let agenda = Agenda {
            fleet: &fleet,
            environment,
            when: When::Scheduled,
            now,
            ready_since: None,
            override_freeze: false,
        };
        boards.push(match sight {
            Ok(sight) => {
                let groups: Vec<_> = sight.groups.iter().map(|one| (&one.group, Need::Unknown)).collect();
                let windows = overview::windows(&agenda, &groups);
                overview::standing(environment, &family, &sight, windows, now)
            }
            Err(stop) => {
                let (code, problems) = problems_of(&environment.name, stop);
                exit = exit.max(code);
                unseen(&agenda, environment, &family, EnvironmentWindows::unseen(&agenda, problems))
            }
        });
    }
    let output = Output::new(global);
    match args.format {
        Format::Json => output.json(&Board {
            at: now,
            timezone: fleet.timezone.iana_name().unwrap_or("UTC"),
            family: name,
            environments: &boards,
        })?,
        Format::Text => {
            let text = StatusText { at: now, zone: &fleet.timezone, family: name, environments: &boards };
            output.text(&report::status(&text, output.color()))?;
        }
    }
    let old = boards.iter().any(EnvironmentStatus::is_too_old);
    Ok(if old && args.fail_when_old && exit == Exit::Done { Exit::Refused } else { exit })
}

/// An environment that could not be looked at: what the home account knows of it.
fn unseen(
    agenda: &Agenda<'_>,
    environment: &Environment,
    family: &Family,
    windows: EnvironmentWindows,
) -> EnvironmentStatus {
    overview::standing(environment, family, &Sight::default(), windows, agenda.now)
}
