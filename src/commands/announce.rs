//! `announce`: tells each team what will be refreshed in the next days, once a window.

use std::collections::BTreeSet;

use serde::Serialize;

use super::context::{self, World};
use super::schedule::{candidate_if_there, problems_of, some_or_all};
use super::{Failure, Output};
use crate::announce::{self, Announced, Asked, Notice, Told};
use crate::aws::Account;
use crate::cli::{Format, Global};
use crate::config::Fleet;
use crate::gate;
use crate::model::{Candidate, EnvironmentName, Exit, Problem, Region};
use crate::notify::{Outlet, Post, Secrets};
use crate::report;

/// Tell each team what will be refreshed when, once a window
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each team is told in its channel, else in that of everything. What was told is remembered in
the tags of the family's images, so this may run as often as you like. A window that moved is
corrected, one that goes away is cancelled.

Examples:
  ami-refresh announce --dry-run
  ami-refresh announce --days 7 --env prod")]
pub struct Args {
    /// How many days ahead
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=60))]
    days: u16,

    /// Only this environment; may be given several times
    #[arg(long = "env", value_name = "NAME")]
    environments: Vec<String>,

    /// Print what would be sent; send and remember nothing
    #[arg(long)]
    dry_run: bool,

    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Serialize)]
struct Done<'a> {
    dry_run: bool,
    messages: &'a [Told],
    unreadable: &'a [Problem],
    not_remembered: &'a [Problem],
    not_seen: Vec<EnvironmentName>,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let fleet = context::fleet(global)?;
    let environments = some_or_all(&fleet, &args.environments)?;
    if fleet.notify.slack.is_none() {
        return Err(no_slack(&fleet));
    }
    let world = World::outside("announce").await?;
    let candidate = match candidate_if_there(global, &fleet)? {
        Some(candidate) => fit(&world, candidate).await?,
        None => None,
    };
    let asked = Asked {
        fleet: &fleet,
        environments: &environments,
        candidate: candidate.as_ref(),
        days: args.days,
        dry_run: args.dry_run,
        simulation: None,
    };
    let post = Post::in_zone(world.clock, Outlet::Network, fleet.timezone.clone());
    let secrets = Secrets::of(&Outlet::Network);
    let announced = announce::run(&world.cloud, world.clock, &post, secrets, &asked).await?;
    let output = Output::new(global);
    match args.format {
        Format::Json => output.json(&Done {
            dry_run: args.dry_run,
            messages: &announced.messages,
            unreadable: &announced.unreadable,
            not_remembered: &announced.forgotten,
            not_seen: announced.unseen.iter().map(|(name, _)| name.clone()).collect(),
        })?,
        Format::Text => output.text(&text(&fleet, args.dry_run, &announced))?,
    }
    ending(announced)
}

/// The candidate, unless it is in quarantine: no team is to expect an image that will not come.
async fn fit(world: &World, candidate: Candidate) -> Result<Option<Candidate>, Failure> {
    let regions: BTreeSet<&Region> = candidate.images.iter().map(|image| &image.region).collect();
    let homes: Vec<Account> = regions.into_iter().map(|region| world.cloud.home(region)).collect();
    let records = gate::read(&homes, &candidate).await?;
    Ok(Some(candidate).filter(|_| records.quarantined.is_empty()))
}

/// Everything that went wrong, with the exit code that it asks for.
pub(super) fn ending(announced: Announced) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    let mut problems: Vec<Problem> = announced.messages.into_iter().filter_map(|told| told.problem).collect();
    problems.extend(announced.forgotten);
    if !problems.is_empty() {
        exit = Exit::Unexpected;
    }
    for (environment, stop) in announced.unseen {
        let (code, more) = problems_of(&environment, stop);
        exit = exit.max(code);
        problems.extend(more);
    }
    if problems.is_empty() { Ok(exit) } else { Err(Failure::Told(exit, problems)) }
}

fn text(fleet: &Fleet, dry_run: bool, announced: &Announced) -> String {
    let zone = &fleet.timezone;
    let mut lines = Vec::new();
    for told in &announced.messages {
        let at = |at| report::moment(at, zone);
        let (what, when) = match &told.notice {
            Notice::Announced(window) => ("announced", at(window.opens)),
            Notice::Changed(window) => ("corrected", at(window.opens)),
            Notice::Moved { moved_from, to } => ("moved", format!("{} to {}", at(*moved_from), at(to.opens))),
            Notice::Cancelled { opens } => ("cancelled", at(*opens)),
        };
        let failed = if told.problem.is_some() { ", not delivered" } else { "" };
        if dry_run {
            lines.push(format!("to {}:\n{}\n", report::one_line(&told.to), told.text));
        } else {
            let (to, environment) = (report::one_line(&told.to), &told.environment);
            lines.push(format!("{to}: {environment} {what} {when}{failed}"));
        }
    }
    if lines.is_empty() {
        lines.push("nothing new to announce".to_owned());
    }
    lines.extend(announced.unreadable.iter().map(|problem| format!("not announced: {problem}")));
    lines.push(String::new());
    lines.join("\n")
}

fn no_slack(fleet: &Fleet) -> Failure {
    Failure::usage(
        "there is nobody to announce to",
        format!("{} has no 'notify.slack'", fleet.file.display()),
        "add 'notify: { slack: { channel: NAME, webhook: { env: SLACK_WEBHOOK_URL } } }' to the configuration",
    )
}
