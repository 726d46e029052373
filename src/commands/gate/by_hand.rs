//! `gate pass --reason` and `gate revoke`: what a person records, with who and why.

use super::{homes, ids};
use crate::aws::Account;
use crate::cli::Global;
use crate::commands::context::World;
use crate::commands::{Failure, Output};
use crate::config::{Environment, Fleet};
use crate::gate::{self, Record, State};
use crate::model::{Candidate, Exit, Problem};

pub(super) async fn run(
    global: &Global,
    (fleet, candidate): (&Fleet, &Candidate),
    environment: &Environment,
    state: State,
    why: &str,
) -> Result<Exit, Failure> {
    reason(why)?;
    let world = World::outside("gate").await?;
    let homes = homes(&world, candidate);
    let who = who(&homes).await?;
    let record = Record { state, at: world.clock.now(), detail: format!("by hand, {who}: {why}") };
    let records = gate::read(&homes, candidate).await?;
    if state == State::Revoked {
        let state = records.get(&environment.name).map(|record| record.state);
        if !matches!(state, Some(State::Passed | State::Partial)) {
            return Err(Failure::Told(
                Exit::Refused,
                vec![Problem::new(
                    format!("gate {} is not passed for {}", environment.name, ids(candidate)),
                    "only what passed can be revoked",
                    "look with 'ami-refresh gate status'",
                )],
            ));
        }
    } else if !records.quarantined.is_empty() {
        return Err(Failure::Told(Exit::Refused, records.in_quarantine(None)));
    }
    let full = records.without_room(&environment.name);
    if !full.is_empty() {
        return Err(Failure::Told(Exit::Refused, full));
    }
    let environments = fleet.environments.iter().map(|environment| &environment.name);
    gate::write(world.clock, (&homes, candidate), environments, (&environment.name, &record)).await?;
    Output::new(global).text(&format!("gate {}: {}\n", environment.name, record.to_tag()))?;
    Ok(Exit::Done)
}

/// Who asks: the name of the AWS session.
pub(in crate::commands) async fn who(homes: &[Account]) -> Result<String, Failure> {
    let Some(home) = homes.first() else { return Ok(String::new()) };
    let identity = home.identity().await?;
    Ok(identity.arn.rsplit('/').next().unwrap_or_default().to_owned())
}

/// The reason as a record holds it.
pub(in crate::commands) fn reason(text: &str) -> Result<String, Failure> {
    gate::reason(text)
        .ok_or_else(|| Failure::usage("the reason is empty", "it is what the next person reads", "say why"))
}
