//! `rehearse`: the whole rollout on the embedded simulator, on paused time.

mod found;
pub(super) mod reach;

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::Failure;
use super::context::{self, World};
use super::rollout::WhenArg;
use super::schedule::At;
use super::told::{Telling, told};
use crate::announce;
use crate::aws::{Cloud, Settings};
use crate::candidate::{packer, tag, verify};
use crate::cli::Global;
use crate::clock::Clock;
use crate::config::{Environment, Fleet, glob_matches};
use crate::event::Simulation;
use crate::gate::{self, Record, State};
use crate::model::{AccountId, Architecture, Build, Candidate, EnvironmentName, Exit, ImageId, Region};
use crate::net::Network;
use crate::notify::{Outlet, Post, Secrets};
use crate::report;
use crate::rollout::{self, Scope, Steps, homes};
use crate::schedule::When;
use crate::sim::{FleetSpec, HOME_KEY, HOME_SECRET, Scenario, Setup, Simulator};
use crate::snapshot;

/// What a rehearsal works on when nothing else is given: both ship with the product.
const CONFIGURATION: &str = include_str!("../../pipeline/environments.yaml");
const MANIFEST: &str = include_str!("../../pipeline/packer-manifest.json");
/// When a rehearsal begins that windows do not matter to: a Sunday evening.
const BEGINS: &str = "2026-11-22T19:00:00Z";
/// When one begins that goes by windows: that Sunday's morning, by the configuration's clock.
const WEEK_BEGINS: &str = "2026-11-22T09:00:00";
/// The made-up account that owns the images.
const HOME: &str = "100000000000";

/// Run the whole rollout on the embedded simulator
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing leaves this process: no AWS account is needed, and none is touched.

Examples:
  ami-refresh rehearse
  ami-refresh rehearse --scenario app-down --groups '*-qa'
  ami-refresh rehearse --config my-environments.yaml --from-packer packer-manifest.json
  ami-refresh snapshot && ami-refresh rehearse --fleet fleet.json")]
pub struct Args {
    #[command(flatten)]
    world: WorldArgs,

    /// Only this environment, as if those it requires had passed; may be given several times
    #[arg(long = "env", value_name = "NAME")]
    environments: Vec<String>,

    /// Which groups are taken: as their windows open, from Sunday on, or all of them at once
    /// [default: scheduled, where the configuration has a schedule]
    #[arg(long, value_name = "WHEN")]
    when: Option<WhenArg>,

    /// When the rehearsal begins, such as 2026-12-18T09:00, by the configuration's clock
    /// [default: a Sunday; of a fleet that was found, the next one, or at once]
    #[arg(long, value_name = "TIME")]
    at: Option<At>,
}

impl Args {
    fn when(&self, fleet: &Fleet) -> When {
        let has_schedule = |environment: &Environment| environment.schedule.time.is_some();
        match self.when {
            Some(when) => when.into(),
            None if fleet.environments.iter().any(has_schedule) => When::Scheduled,
            None => When::Now,
        }
    }

    fn begins(&self, staged: &Staged, when: When) -> Result<Timestamp, Failure> {
        let fleet = &staged.fleet;
        match (self.at, when, &staged.found) {
            (Some(at), ..) => at.moment(fleet),
            (None, When::Scheduled, Some(found)) => Ok(found::week_after(found.taken, &fleet.timezone)),
            (None, When::Now, Some(found)) => Ok(found.taken),
            (None, When::Scheduled, None) => {
                At::Wall(WEEK_BEGINS.parse().map_err(anyhow::Error::from)?).moment(fleet)
            }
            (None, When::Now, None) => Ok(BEGINS.parse().map_err(anyhow::Error::from)?),
        }
    }
}

/// What the simulator is given.
#[derive(Debug, clap::Args)]
pub(super) struct WorldArgs {
    /// What goes wrong: a scenario's name, or a YAML file
    #[arg(long, value_name = "NAME|FILE", default_value = "clean")]
    scenario: String,

    /// The groups that it hits, where the scenario is not to hit those it says
    #[arg(long, value_name = "GLOB")]
    groups: Option<String>,

    /// Where everything random comes from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,

    /// The Packer manifest whose images are rolled out [default: one that ships]
    #[arg(long, value_name = "MANIFEST")]
    from_packer: Option<PathBuf>,

    /// The fleet, as 'ami-refresh snapshot' found it [default: one that fits the configuration]
    #[arg(long = "fleet", value_name = "FILE")]
    found: Option<PathBuf>,
}

/// A simulated world, before its clock.
pub(super) struct Staged {
    pub(super) fleet: Fleet,
    pub(super) images: Vec<(Region, ImageId)>,
    pub(super) found_by: String,
    pub(super) scenario: Scenario,
    pub(super) setup: Setup,
    pub(super) begins: Timestamp,
    /// The fleet that was found, where there is one.
    pub(super) found: Option<snapshot::Fleet>,
}

impl WorldArgs {
    /// Reads everything that a simulated world is made from.
    pub(super) fn stage(&self, global: &Global) -> Result<Staged, Failure> {
        let fleet = configuration(&global.config)?;
        if let Some(path) = &self.found {
            return found::stage(self, global, fleet, path);
        }
        let (images, found_by) = match &self.from_packer {
            Some(path) => (packer::read(path), format!("packer manifest {}", path.display())),
            None => (packer::parse("that ships", MANIFEST), "the packer manifest that ships".to_owned()),
        };
        let images = images.map_err(|problem| Failure::Told(Exit::Usage, vec![problem]))?;
        let scenario = scenario(&self.scenario, self.groups.as_deref())?;
        // Where an environment has no role, its account is the pipeline's own.
        let own = fleet.environments.iter().find(|environment| environment.role_arn.is_none());
        let home = own.map_or_else(|| AccountId::from(HOME), |environment| environment.account.clone());
        let spec = FleetSpec::from_config(&fleet, &self.with_architectures(&images), &home);
        if let Some(glob) = &self.groups {
            some_match(&spec, glob)?;
        }
        let setup = Setup::new(spec, scenario.clone(), self.seed);
        let begins = BEGINS.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(Staged { fleet, images, found_by, scenario, setup, begins, found: None })
    }

    /// The images with the architectures that the manifest's builds are named for.
    fn with_architectures(&self, images: &[(Region, ImageId)]) -> Vec<(Region, ImageId, Architecture)> {
        let read = self.from_packer.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
        FleetSpec::with_architectures(images, read.as_deref().unwrap_or(MANIFEST))
    }
}

/// The configuration; the one that ships when none is where it is looked for by default.
fn configuration(path: &Path) -> Result<Fleet, Failure> {
    let shipped = Path::new("pipeline/environments.yaml");
    if path == shipped && !path.exists() {
        return Ok(Fleet::parse(shipped, CONFIGURATION)?);
    }
    Ok(Fleet::read(path)?)
}

/// A scenario that hits nothing would look like one that the rollout withstands.
fn some_match(spec: &FleetSpec, glob: &str) -> Result<(), Failure> {
    let pipelines = spec.pipelines.iter().map(|pipeline| pipeline.name.as_str());
    let mut names = spec.groups.iter().map(|group| group.name.as_str()).chain(pipelines);
    if names.any(|name| glob_matches(glob, name)) {
        return Ok(());
    }
    let some: Vec<&str> = spec.groups.iter().take(3).map(|group| group.name.as_str()).collect();
    Err(Failure::usage(
        format!("no group matches {glob:?}"),
        format!("there are {}, …", some.join(", ")),
        "give --groups a glob over whole names, such as '*-qa'",
    ))
}

fn scenario(named: &str, groups: Option<&str>) -> Result<Scenario, Failure> {
    let found = match Scenario::named(named) {
        Some(scenario) => scenario,
        None if Path::new(named).exists() => {
            let text = std::fs::read_to_string(named).map_err(|error| error.to_string());
            text.and_then(|text| Scenario::from_yaml(&text)).map_err(|why| {
                Failure::usage(
                    format!("the scenario {named} is not valid"),
                    why,
                    "see docs/simulator.md for its form",
                )
            })?
        }
        None => {
            return Err(Failure::usage(
                format!("there is no scenario {named}, and no such file"),
                format!("there are {}", Scenario::NAMES.join(", ")),
                "name one of these, or a YAML file",
            ));
        }
    };
    Ok(match groups {
        Some(glob) => found.scoped(glob),
        None => found,
    })
}

pub(super) fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let mut staged = args.world.stage(global)?;
    let when = args.when(&staged.fleet);
    staged.begins = args.begins(&staged, when)?;
    let environments = match (&staged.found, args.environments.is_empty()) {
        (_, false) => context::environments(&staged.fleet, &args.environments)?,
        (Some(found), true) => found::environments(&staged.fleet, found)?,
        (None, true) => staged.fleet.environments.iter().collect(),
    };
    if let Some(found) = &staged.found {
        found::all_there(&environments, found)?;
    }
    let ground = reach::Ground::Rollout(&staged.fleet, &environments);
    reach::check(global, &staged.scenario, &staged.setup.fleet, ground)?;
    // The SDK spreads its retries by chance: the seed makes that chance the same each time.
    fastrand::seed(args.world.seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(rehearse(global, args, &staged, &environments, when))
}

async fn rehearse(
    global: &Global,
    args: &Args,
    staged: &Staged,
    environments: &[&Environment],
    when: When,
) -> Result<Exit, Failure> {
    let clock = Clock::starting_at(staged.begins, 1.0);
    let simulator = Simulator::new(staged.setup.clone(), clock);
    let settings = Settings {
        clock,
        http_client: Some(simulator.http_client()),
        credentials: Some((HOME_KEY.to_owned(), HOME_SECRET.to_owned())),
        session_name: "ami-refresh-rehearse".to_owned(),
    };
    let network = Network::Simulated(simulator.applications());
    // An earlier rehearsal's messages are not this one's.
    let _absent = std::fs::remove_file(global.report_dir.join(report::MESSAGES));
    let outlet = Outlet::Files(global.report_dir.clone());
    let secrets = Secrets::of(&outlet);
    let post = Some((Post::in_zone(clock, outlet, staged.fleet.timezone.clone()), secrets));
    let world = World { clock, cloud: Cloud::new(settings).await, network, simulated: true, post };
    let candidate = candidate(staged, &world).await?;
    assume_passed(staged, &world, &candidate, environments).await?;
    let simulation = Simulation { scenario: staged.scenario.name.clone(), seed: args.world.seed };
    if when == When::Scheduled {
        announce(staged, &world, &candidate, environments, &simulation).await?;
    }
    let telling = Telling {
        global,
        fleet: &staged.fleet,
        candidate: &candidate,
        command: "rehearse",
        environments,
        simulation: Some(simulation),
        options: String::new(),
    };
    let names = context::names(environments);
    let scope = Scope { steps: Steps::Rollout, wait: true, when, override_freeze: None };
    told(&telling, &world, async |run| rollout::run(run, &names, &scope).await).await
}

/// Announces the week as the step of that name does, to the rehearsal's files.
async fn announce(
    staged: &Staged,
    world: &World,
    candidate: &Candidate,
    environments: &[&Environment],
    simulation: &Simulation,
) -> Result<(), Failure> {
    let (Some((post, secrets)), Some(_)) = (&world.post, &staged.fleet.notify.slack) else { return Ok(()) };
    let asked = announce::Asked {
        fleet: &staged.fleet,
        environments,
        candidate: Some(candidate),
        days: 7,
        dry_run: false,
        simulation: Some(simulation),
    };
    super::announce::ending(announce::run(&world.cloud, world.clock, post, *secrets, &asked).await?).map(drop)
}

/// Lets the environments that are not rehearsed, and that others require, have passed long ago.
async fn assume_passed(
    staged: &Staged,
    world: &World,
    candidate: &Candidate,
    environments: &[&Environment],
) -> Result<(), Failure> {
    let homes = homes(&world.cloud, &staged.fleet);
    let is_rehearsed = |name: &EnvironmentName| environments.iter().any(|one| one.name == *name);
    for environment in environments {
        let at = staged.begins.checked_sub(environment.gate.soak).unwrap_or(Timestamp::UNIX_EPOCH);
        for required in environment.gate.requires.iter().filter(|name| !is_rehearsed(name)) {
            let detail = "assumed: it is not rehearsed".to_owned();
            let record = Record { state: State::Passed, at, detail };
            let all = staged.fleet.environments.iter().map(|environment| &environment.name);
            gate::write(world.clock, (&homes, candidate), all, (required, &record)).await?;
        }
    }
    Ok(())
}

/// The candidate, found and verified as the step of that name does it.
async fn candidate(staged: &Staged, world: &World) -> Result<Candidate, Failure> {
    let (name, family) = super::candidate::family(&staged.fleet, None)?;
    let homes = homes(&world.cloud, &staged.fleet);
    let identity = homes[0].identity().await?;
    let images = verify(&homes, &identity, family, &staged.images).await?;
    let candidate = Candidate::new(name.to_owned(), images, Build::default(), staged.found_by.clone());
    tag(&homes, &candidate).await?;
    Ok(candidate)
}
