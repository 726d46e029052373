//! `schedule`: when each group may be refreshed, and what says so. Read-only.

use std::str::FromStr;

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::Serialize;

use super::context::{self, World};
use super::{Failure, Output};
use crate::cli::{Format, Global};
use crate::config::{Environment, Fleet, Missed};
use crate::gate;
use crate::model::{Candidate, EnvironmentName, Exit, Problem};
use crate::overview::{self, EnvironmentWindows, Need};
use crate::report::{self, ScheduleText};
use crate::rollout::{self, Stop};
use crate::schedule::{Agenda, When};

/// How many environments are asked at once.
pub(super) const AT_ONCE: usize = 8;

/// Show when each group may be refreshed, and what says so
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads only. Where the candidate is there, groups that run it already are shown as done.

Examples:
  ami-refresh schedule --env qa
  ami-refresh schedule --at 2026-11-23T15:30
  sleep \"$(ami-refresh schedule --wait qa)\" && ami-refresh rollout --env qa --when scheduled")]
pub struct Args {
    /// Only this environment; may be given several times
    #[arg(long = "env", value_name = "NAME")]
    environments: Vec<String>,

    /// Print the seconds until this environment's next window opens, and nothing else
    #[arg(long, value_name = "ENV", conflicts_with_all = ["environments", "format"])]
    wait: Option<String>,

    /// Answer for that time, such as 2026-11-23T15:30, by the configuration's clock, or with
    /// an offset or Z
    #[arg(long, value_name = "TIME")]
    at: Option<At>,

    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// A time as people give it.
#[derive(Debug, Clone, Copy)]
pub(super) enum At {
    /// By the configuration's clock.
    Wall(DateTime),
    /// Anywhere.
    Moment(Timestamp),
}

impl At {
    /// The moment, by the configuration's clock where it says no offset.
    pub(super) fn moment(self, fleet: &Fleet) -> Result<Timestamp, Failure> {
        match self {
            Self::Moment(at) => Ok(at),
            Self::Wall(at) => {
                Ok(at.to_zoned(fleet.timezone.clone()).map_err(anyhow::Error::from)?.timestamp())
            }
        }
    }
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The moment first: the wall clock's parser passes over an offset.
        let moment = text.parse().map(Self::Moment);
        moment.or_else(|_| text.parse().map(Self::Wall)).map_err(|_| {
            format!(
                "{text:?} is no time such as 2026-11-23T15:30, 2026-11-23T15:30+01:00 or 2026-11-23T15:30Z"
            )
        })
    }
}

#[derive(Serialize)]
struct Board<'a> {
    at: Timestamp,
    timezone: &'a str,
    candidate: bool,
    environments: &'a [EnvironmentWindows],
}

/// What every environment is looked at with.
struct Look<'a> {
    world: &'a World,
    fleet: &'a Fleet,
    candidate: Option<&'a Candidate>,
    now: Timestamp,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let fleet = context::fleet(global)?;
    let names = args.wait.as_ref().map_or_else(|| args.environments.clone(), |name| vec![name.clone()]);
    let environments = some_or_all(&fleet, &names)?;
    let candidate = candidate_if_there(global, &fleet)?;
    let world = World::outside("schedule").await?;
    let now = match args.at {
        None => world.clock.now(),
        Some(at) => at.moment(&fleet)?,
    };
    let look = Look { world: &world, fleet: &fleet, candidate: candidate.as_ref(), now };
    if args.wait.is_some() {
        return wait(global, &look, environments[0]).await;
    }
    let found = stream::iter(&environments).map(async |environment| look.at(environment).await);
    let found: Vec<_> = found.buffered(AT_ONCE).collect().await;
    let (mut boards, mut exit) = (Vec::new(), Exit::Done);
    for (environment, windows) in environments.iter().zip(found) {
        boards.push(windows.unwrap_or_else(|stop| {
            let (code, problems) = problems_of(&environment.name, stop);
            exit = exit.max(code);
            EnvironmentWindows::unseen(&look.agenda(environment, None), problems)
        }));
    }
    let output = Output::new(global);
    match args.format {
        Format::Json => output.json(&Board {
            at: now,
            timezone: fleet.timezone.iana_name().unwrap_or("UTC"),
            candidate: candidate.is_some(),
            environments: &boards,
        })?,
        Format::Text => {
            let text = ScheduleText { at: now, zone: &fleet.timezone, environments: &boards };
            output.text(&report::schedule(&text, output.color()))?;
        }
    }
    Ok(exit)
}

async fn wait(global: &Global, look: &Look<'_>, environment: &Environment) -> Result<Exit, Failure> {
    let windows = look.at(environment).await?;
    match overview::seconds(&windows, look.now) {
        Ok(seconds) => {
            Output::new(global).text(&format!("{seconds}\n"))?;
            Ok(Exit::Done)
        }
        Err(problem) => Err(Failure::Told(Exit::Refused, vec![problem])),
    }
}

impl Look<'_> {
    async fn at(&self, environment: &Environment) -> Result<EnvironmentWindows, Stop> {
        let (cloud, clock) = (&self.world.cloud, self.world.clock);
        let Some(candidate) = self.candidate else {
            let groups = rollout::groups(cloud, clock, environment).await?;
            let groups: Vec<_> = groups.iter().map(|group| (group, Need::Unknown)).collect();
            return Ok(overview::windows(&self.agenda(environment, None), &groups));
        };
        let ready_since = self.ready_since(environment, candidate).await?;
        let sight = rollout::running(cloud, clock, environment).await?;
        let glob = self.fleet.families.get(&candidate.family).map_or("", |family| family.name_glob.as_str());
        let groups =
            sight.groups.iter().map(|one| (&one.group, overview::need(one, candidate, glob, &sight)));
        Ok(overview::windows(&self.agenda(environment, ready_since), &groups.collect::<Vec<_>>()))
    }

    fn agenda<'l>(&'l self, environment: &'l Environment, ready_since: Option<Timestamp>) -> Agenda<'l> {
        Agenda {
            fleet: self.fleet,
            environment,
            when: When::Scheduled,
            now: self.now,
            ready_since,
            override_freeze: false,
        }
    }

    /// Since when the candidate might have been rolled out there, where missed windows are
    /// caught up: its gates were open, and it existed.
    async fn ready_since(
        &self,
        environment: &Environment,
        candidate: &Candidate,
    ) -> Result<Option<Timestamp>, Stop> {
        match environment.schedule.missed {
            Missed::Wait => return Ok(None),
            Missed::CatchUp => {}
        }
        let homes = rollout::homes(&self.world.cloud, self.fleet);
        let records = gate::read(&homes, candidate).await?;
        let gate::Verdict::Open { since } = gate::judge(environment, &records, self.now) else {
            return Ok(None);
        };
        let mut made = None;
        for home in &homes {
            let here = candidate.images.iter().filter(|image| image.region == home.region);
            let ids: Vec<_> = here.map(|image| image.id.clone()).collect();
            made = made.max(home.images(&ids).await?.into_values().filter_map(|image| image.created).max());
        }
        Ok(since.max(made))
    }
}

/// The named environments, or all of them.
pub(super) fn some_or_all<'f>(fleet: &'f Fleet, names: &[String]) -> Result<Vec<&'f Environment>, Failure> {
    if names.is_empty() {
        return Ok(fleet.environments.iter().collect());
    }
    context::environments(fleet, names)
}

/// The candidate, if its file exists.
pub(super) fn candidate_if_there(global: &Global, fleet: &Fleet) -> Result<Option<Candidate>, Failure> {
    if global.candidate.exists() { context::candidate(global, fleet).map(Some) } else { Ok(None) }
}

/// What is told of an environment that could not be looked at, and the exit code.
pub(super) fn problems_of(environment: &EnvironmentName, stop: Stop) -> (Exit, Vec<Problem>) {
    let (exit, mut problems) = match Failure::from(stop) {
        Failure::Told(exit, problems) => (exit, problems),
        Failure::Config(errors) => (Exit::Usage, vec![Problem::new(errors.to_string(), "", "")]),
        Failure::Unexpected(error) => (Exit::Unexpected, vec![Problem::new(format!("{error:#}"), "", "")]),
    };
    // With several environments on one board a problem says whose it is.
    for problem in &mut problems {
        problem.what = format!("{environment}: {}", problem.what);
    }
    (exit, problems)
}
