//! `quarantine`: an image that must not go anywhere: added, listed, lifted.

mod list;
mod tagging;

use clap::Subcommand;

use super::context::{self, World};
use super::gate::by_hand::{reason, who};
use super::{Failure, Output};
use crate::aws::Account;
use crate::cli::{Format, Global};
use crate::config::{Environment, Fleet};
use crate::gate::{self, Quarantine, Record, State};
use crate::model::{Exit, Image, ImageId, Problem, Region};
use crate::report::{moment, one_line};
use crate::rollout::homes;

/// Stop an image everywhere, list such images, or let one go on
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An image in quarantine passes no gate, and starts nowhere. Groups that run it keep it until
they are taken back.

Examples:
  ami-refresh quarantine add --reason \"kernel panics, INC0815\"
  ami-refresh quarantine list
  ami-refresh quarantine lift ami-0f1e2d3c4b5a69788 --reason \"it was the network\"")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Put the candidate's images, or those named, and the others of their build into quarantine
    #[command(after_help = "\
Example:
  ami-refresh quarantine add ami-0f1e2d3c4b5a69788 --reason \"kernel panics, INC0815\"")]
    Add {
        /// The images; those of --candidate where none is named
        #[arg(value_name = "AMI")]
        images: Vec<String>,
        /// Why: it is what the next person reads
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Just these images, not the others of their build
        #[arg(long)]
        only: bool,
    },
    /// Show the images that are in quarantine
    #[command(after_help = "\
Example:
  ami-refresh quarantine list --all --format json")]
    List {
        /// Those whose quarantine was lifted too
        #[arg(long)]
        all: bool,
        /// How they are printed
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Let images, and the others of their build, go on
    #[command(after_help = "\
Example:
  ami-refresh quarantine lift ami-0f1e2d3c4b5a69788 --reason \"it was the network\"")]
    Lift {
        /// The images
        #[arg(value_name = "AMI", required = true)]
        images: Vec<String>,
        /// Why: it is what the next person reads
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Just these images, not the others of their build
        #[arg(long)]
        only: bool,
    },
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let fleet = context::fleet(global)?;
    match &args.action {
        Action::Add { images, reason: why, only } => {
            let why = reason(why)?;
            let named = match images.as_slice() {
                [] => context::candidate(global, &fleet)?.images.into_iter().map(|image| image.id).collect(),
                images => ids(images)?,
            };
            let asked = Asked::new(&fleet, named, *only).await?;
            add(global, &fleet, &asked, &why).await
        }
        Action::Lift { images, reason: why, only } => {
            let why = reason(why)?;
            let asked = Asked::new(&fleet, ids(images)?, *only).await?;
            lift(global, &asked, &why).await
        }
        Action::List { all, format } => list::run(global, &fleet, *all, *format).await,
    }
}

/// The images' ids as they were given, each once.
pub(super) fn ids(given: &[String]) -> Result<Vec<ImageId>, Failure> {
    let mut ids: Vec<ImageId> = Vec::new();
    for id in given {
        let id = ImageId::new(id);
        if !id.is_well_formed() {
            return Err(Failure::usage(
                format!("{:?} is no image id", id.as_str()),
                "one is ami- and 8 or 17 hexadecimal digits",
                "look at the build's output, or at 'ami-refresh gate status'",
            ));
        }
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// The images that were asked for, as EC2 has them.
struct Asked {
    world: World,
    homes: Vec<Account>,
    named: Vec<ImageId>,
    images: Vec<Image>,
}

impl Asked {
    async fn new(fleet: &Fleet, named: Vec<ImageId>, only: bool) -> Result<Self, Failure> {
        let world = World::outside("quarantine").await?;
        let homes = homes(&world.cloud, fleet);
        let images = find(&homes, &named).await?;
        let images =
            if only { images } else { gate::whole_builds(&homes, fleet.families.values(), images).await? };
        Ok(Self { world, homes, named, images })
    }
}

/// The images, every one of which must be there.
pub(super) async fn find(homes: &[Account], ids: &[ImageId]) -> Result<Vec<Image>, Failure> {
    let images = gate::find(homes, ids).await?;
    let regions: Vec<&str> = homes.iter().map(|home| home.region.as_str()).collect();
    let missing: Vec<Problem> = ids
        .iter()
        .filter(|id| !images.iter().any(|image| image.id == **id))
        .map(|id| {
            Problem::new(
                format!("image {id} does not exist in {}", regions.join(", ")),
                "those are the configuration's regions; EC2 does not know it there, or does not show it to the home account",
                "look at its id, and whether these are the home account's credentials",
            )
        })
        .collect();
    if missing.is_empty() { Ok(images) } else { Err(Failure::Told(Exit::Refused, missing)) }
}

async fn add(global: &Global, fleet: &Fleet, asked: &Asked, why: &str) -> Result<Exit, Failure> {
    let who = who(&asked.homes).await?;
    let now = asked.world.clock.now();
    let mut wishes = Vec::new();
    let mut lines = Vec::new();
    for image in &asked.images {
        let before = gate::in_quarantine(image);
        // It has been in quarantine since the first time, whatever the reason is by now.
        let since = before.as_ref().and_then(|before| before.at);
        let wish = kept(&Quarantine::new(true, since.unwrap_or(now), &who, why));
        let name = subject(image);
        lines.push(match &before {
            None => format!("{name} is in quarantine now: {}", wish.detail),
            Some(before) => {
                let since = before
                    .at
                    .map_or_else(String::new, |at| format!(" since {}", moment(at, &fleet.timezone)));
                format!("{name} was in quarantine already{since}; the reason is now: {}", wish.detail)
            }
        });
        wishes.push((image.clone(), wish));
    }
    tagging::write(asked.world.clock, &asked.homes, &wishes).await?;
    lines.extend(where_it_went(fleet, &asked.images));
    Output::new(global).text(&text(&lines))?;
    Ok(Exit::Done)
}

/// Which environments passed it, or had it when their gate was revoked: their groups may run it.
fn where_it_went(fleet: &Fleet, images: &[Image]) -> Vec<String> {
    let went = |environment: &&Environment| {
        images.iter().any(|image| {
            gate::records(&image.tags).get(&environment.name).is_some_and(|record| match record.state {
                State::Passed | State::Partial => true,
                State::Revoked => !taken_back(record),
                State::Failed => false,
            })
        })
    };
    let went: Vec<&str> =
        fleet.environments.iter().filter(went).map(|environment| environment.name.as_str()).collect();
    if went.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!("it passed {}: take them back with", went.join(", "))];
    // The last first: what it has reached there matters most.
    let ways = went.iter().rev().map(|name| format!("  'ami-refresh rollback --env {name} --to-previous'"));
    lines.extend(ways);
    lines
}

/// Whether the record says that a rollback revoked it: its groups are back.
fn taken_back(record: &Record) -> bool {
    record.detail.starts_with(crate::rollout::TAKEN_BACK)
}

async fn lift(global: &Global, asked: &Asked, why: &str) -> Result<Exit, Failure> {
    let (held, free): (Vec<&Image>, Vec<&Image>) =
        asked.images.iter().partition(|image| gate::in_quarantine(image).is_some());
    if held.is_empty() {
        return Err(Failure::Told(Exit::Refused, free.into_iter().map(nothing_to_lift).collect()));
    }
    let who = who(&asked.homes).await?;
    let wish = kept(&Quarantine::new(false, asked.world.clock.now(), &who, why));
    let wishes: Vec<(Image, Quarantine)> =
        held.iter().map(|image| ((*image).clone(), wish.clone())).collect();
    tagging::write(asked.world.clock, &asked.homes, &wishes).await?;
    let mut lines: Vec<String> = held
        .iter()
        .map(|image| format!("{} is not in quarantine any more: {}", subject(image), wish.detail))
        .collect();
    let named = free.into_iter().filter(|image| asked.named.contains(&image.id));
    lines.extend(named.map(|image| format!("{} was not in quarantine", subject(image))));
    lines.push(format!("its gates count again: 'ami-refresh gate status --ami {}' shows them", held[0].id));
    Output::new(global).text(&text(&lines))?;
    Ok(Exit::Done)
}

fn nothing_to_lift(image: &Image) -> Problem {
    let why = match Quarantine::of(&image.tags) {
        Some(lifted) => {
            let at = lifted.at.map_or_else(String::new, |at| format!(" at {at}"));
            format!("it was lifted{at}: {}", lifted.detail)
        }
        None => "nobody ever put it there".to_owned(),
    };
    Problem::new(
        format!("image {} is not in quarantine", image.id),
        one_line(&why),
        "look which are with 'ami-refresh quarantine list'",
    )
}

/// The quarantine as its tag will hold it: without characters that tags can't have, and cut.
fn kept(quarantine: &Quarantine) -> Quarantine {
    tagging::read(&quarantine.to_tag()).unwrap_or_else(|| quarantine.clone())
}

fn subject(image: &Image) -> String {
    let region: &Region = &image.region;
    one_line(&format!("image {} ({}) in {region}", image.id, image.name))
}

/// The lines, the last of them ended too.
fn text(lines: &[String]) -> String {
    lines.join("\n") + "\n"
}
