//! `gate status`: an image's way through all environments.

use super::homes;
use crate::candidate::known;
use crate::cli::{Format, Global};
use crate::commands::context::{self, World};
use crate::commands::{Failure, Output, quarantine};
use crate::config::Fleet;
use crate::gate;
use crate::model::{Candidate, Exit, ImageId, Problem};
use crate::report::{self, GateRow, GatesText};
use crate::rollout;

pub(super) async fn run(
    global: &Global,
    fleet: &Fleet,
    ami: Option<&str>,
    format: Format,
) -> Result<Exit, Failure> {
    let (world, candidate) = match ami {
        None => {
            let candidate = context::candidate(global, fleet)?;
            (World::outside("gate").await?, candidate)
        }
        Some(ami) => {
            let ids = quarantine::ids(&[ami.to_owned()])?;
            let world = World::outside("gate").await?;
            let candidate = of_image(&world, fleet, &ids).await?;
            (world, candidate)
        }
    };
    let records = gate::read(&homes(&world, &candidate), &candidate).await?;
    let now = world.clock.now();
    let rows: Vec<GateRow<'_>> = fleet
        .environments
        .iter()
        .map(|environment| GateRow {
            environment: &environment.name,
            requires: &environment.gate.requires,
            standing: gate::standing(environment, &records, now),
        })
        .collect();
    let output = Output::new(global);
    match format {
        Format::Json => {
            let rows = rows.iter().map(|row| {
                serde_json::json!({
                    "environment": row.environment,
                    "record": records.get(row.environment),
                    "requires": row.requires,
                    "may_start": row.standing.may_start(),
                    "missing": row.standing.missing,
                    "soaks_until": row.standing.soaks_until,
                    "quarantine": records.quarantined,
                })
            });
            output.json(&rows.collect::<Vec<_>>())?;
        }
        Format::Text => {
            let text =
                GatesText { candidate: &candidate, records: &records, rows, zone: &fleet.timezone, now };
            output.text(&report::gates(&text, output.color()))?;
        }
    }
    Ok(Exit::Done)
}

/// The candidate that an image belongs to: it and the others of its build.
async fn of_image(world: &World, fleet: &Fleet, id: &[ImageId]) -> Result<Candidate, Failure> {
    let homes = rollout::homes(&world.cloud, fleet);
    let images = quarantine::find(&homes, id).await?;
    let images = gate::whole_builds(&homes, fleet.families.values(), images).await?;
    let candidates = known(fleet, &images).map_err(|problem| Failure::Told(Exit::Usage, vec![problem]))?;
    candidates.into_iter().next().ok_or_else(|| {
        let what = format!("there is no candidate of {id:?}");
        Failure::Told(Exit::Refused, vec![Problem::new(what, "", "")])
    })
}
