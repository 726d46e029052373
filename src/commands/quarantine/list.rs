//! `quarantine list`: the images that are in quarantine, or were.

use crate::cli::{Format, Global};
use crate::commands::context::World;
use crate::commands::{Failure, Output};
use crate::config::Fleet;
use crate::gate::Quarantine;
use crate::model::Exit;
use crate::report::{self, Held};
use crate::rollout::homes;

pub(super) async fn run(global: &Global, fleet: &Fleet, all: bool, format: Format) -> Result<Exit, Failure> {
    let world = World::outside("quarantine").await?;
    let mut held: Vec<Held> = Vec::new();
    let homes = homes(&world.cloud, fleet);
    for family in fleet.families.values() {
        for home in &homes {
            for image in home.images_named(&family.name_glob, &family.owners).await? {
                let known = |one: &Held| one.image.id == image.id && one.image.region == image.region;
                let quarantine = Quarantine::of(&image.tags).filter(|quarantine| all || quarantine.holds);
                if let Some(quarantine) = quarantine.filter(|_| !held.iter().any(known)) {
                    held.push(Held { image, quarantine });
                }
            }
        }
    }
    let output = Output::new(global);
    if format == Format::Json {
        output.json(&held.iter().map(json).collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    if held.is_empty() {
        let families: Vec<&str> = fleet.families.keys().map(String::as_str).collect();
        let regions: Vec<&str> = homes.iter().map(|home| home.region.as_str()).collect();
        let what = if all { "is or was" } else { "is" };
        let (families, regions) = (families.join(", "), regions.join(", "));
        output.text(&format!("no image of {families} in {regions} {what} in quarantine\n"))?;
        return Ok(Exit::Done);
    }
    output.text(&report::quarantine(&held, all, &fleet.timezone, output.color()))?;
    Ok(Exit::Done)
}

fn json(Held { image, quarantine }: &Held) -> serde_json::Value {
    serde_json::json!({
        "image": image.id,
        "name": image.name,
        "region": image.region,
        "holds": quarantine.holds,
        "since": quarantine.at,
        "by": Some(quarantine.who()).filter(|who| !who.is_empty()),
        "reason": quarantine.why(),
    })
}
