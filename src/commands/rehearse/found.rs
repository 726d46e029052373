//! A rehearsal of a fleet that `snapshot` found.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::{Weekday, time};
use jiff::tz::TimeZone;

use super::{Staged, WorldArgs, scenario, some_match};
use crate::candidate::packer;
use crate::cli::Global;
use crate::commands::{Failure, candidate};
use crate::config::{Environment, Family, Fleet};
use crate::model::{Architecture, Candidate, Exit, ImageId, Problem, Region};
use crate::sim::{FleetSpec, Setup};
use crate::snapshot;

/// The images that are rolled out, and what they were found by.
type Images = (Vec<(Region, ImageId, Architecture)>, String);

/// Reads everything that the simulated world is made from.
pub(super) fn stage(args: &WorldArgs, global: &Global, fleet: Fleet, path: &Path) -> Result<Staged, Failure> {
    let found = snapshot::Fleet::read(path)?;
    let (_, family) = candidate::family(&fleet, None)?;
    let (images, found_by) = images(args, global, family, &found)?;
    let mut spec = FleetSpec::found(&fleet, &found);
    spec.add_candidate(family, &images, &found);
    let scenario = scenario(&args.scenario, args.groups.as_deref())?;
    if let Some(glob) = &args.groups {
        some_match(&spec, glob)?;
    }
    let images = images.into_iter().map(|(region, id, _)| (region, id)).collect();
    let setup = Setup::new(spec, scenario.clone(), args.seed);
    let begins = found.taken;
    Ok(Staged { fleet, images, found_by, scenario, setup, begins, found: Some(found) })
}

/// Those of the manifest, or of the candidate's file, or made up.
fn images(
    args: &WorldArgs,
    global: &Global,
    family: &Family,
    found: &snapshot::Fleet,
) -> Result<Images, Failure> {
    if let Some(manifest) = &args.from_packer {
        let images = packer::read(manifest).map_err(|problem| Failure::Told(Exit::Usage, vec![problem]))?;
        return Ok((
            with_architectures(images, family, found),
            format!("packer manifest {}", manifest.display()),
        ));
    }
    if global.candidate.exists() {
        let Candidate { images, found_by, .. } = Candidate::read(&global.candidate)?;
        let images = images.into_iter().map(|image| (image.region, image.id, image.architecture));
        return Ok((images.collect(), found_by));
    }
    Ok((FleetSpec::made_up_candidate(family, found), "made up for this rehearsal".to_owned()))
}

/// A manifest does not say architectures: those of the fleet are given in turn.
fn with_architectures(
    images: Vec<(Region, ImageId)>,
    family: &Family,
    found: &snapshot::Fleet,
) -> Vec<(Region, ImageId, Architecture)> {
    let mut left = FleetSpec::made_up_candidate(family, found);
    let mut next = |region: &Region, id: &ImageId| {
        if let Some(known) = found.images.iter().find(|image| image.id == *id && image.region == *region) {
            return known.architecture.clone();
        }
        let at = left.iter().position(|(one, ..)| one == region);
        at.map_or(Architecture::X86_64, |at| left.remove(at).2)
    };
    images.into_iter().map(|(region, id)| (region.clone(), id.clone(), next(&region, &id))).collect()
}

/// The configuration's environments that the fleet was found in.
pub(super) fn environments<'f>(
    fleet: &'f Fleet,
    found: &snapshot::Fleet,
) -> Result<Vec<&'f Environment>, Failure> {
    let names: Vec<_> = found.places.iter().flat_map(|place| &place.environments).collect();
    let environments = fleet.environments.iter().filter(|environment| names.contains(&&environment.name));
    let environments: Vec<&Environment> = environments.collect();
    if !environments.is_empty() {
        return Ok(environments);
    }
    let names: Vec<&str> = names.into_iter().map(crate::model::EnvironmentName::as_str).collect();
    Err(Failure::usage(
        "the configuration names none of the fleet's environments",
        format!("the fleet was found in {}", names.join(", ")),
        "name the configuration that the snapshot was taken with, or take it again",
    ))
}

/// An environment that was not looked at would seem to be empty.
pub(super) fn all_there(environments: &[&Environment], found: &snapshot::Fleet) -> Result<(), Failure> {
    let mut problems = Vec::new();
    for environment in environments {
        for region in &environment.regions {
            let there = found.places.iter().any(|place| {
                place.account == environment.account
                    && place.region == *region
                    && place.environments.contains(&environment.name)
            });
            if !there {
                problems.push(Problem::new(
                    format!("the fleet holds nothing of {} in {region}", environment.name),
                    format!("account {} was not looked at there for it", environment.account),
                    format!(
                        "take it again with 'ami-refresh snapshot', or leave out --env {}",
                        environment.name
                    ),
                ));
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Told(Exit::Usage, problems)) }
}

/// The first Sunday's morning that begins then or later.
pub(super) fn week_after(taken: Timestamp, zone: &TimeZone) -> Timestamp {
    let day = taken.to_zoned(zone.clone()).date();
    let sunday = |day: jiff::civil::Date| day.nth_weekday(1, Weekday::Sunday).ok();
    let mut day = if day.weekday() == Weekday::Sunday { Some(day) } else { sunday(day) };
    while let Some(one) = day {
        let morning = zone.to_ambiguous_zoned(one.to_datetime(time(9, 0, 0, 0))).compatible();
        match morning {
            Ok(morning) if morning.timestamp() >= taken => return morning.timestamp(),
            Ok(_) | Err(_) => day = sunday(one),
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_week_begins_on_the_sunday_that_comes() {
        let zone = TimeZone::get("Europe/London").unwrap();
        for (taken, begins) in [
            ("2026-11-18T12:00:00Z", "2026-11-22T09:00:00Z"),
            ("2026-11-22T08:59:59Z", "2026-11-22T09:00:00Z"),
            ("2026-11-22T09:00:01Z", "2026-11-29T09:00:00Z"),
            ("2026-07-01T00:00:00Z", "2026-07-05T08:00:00Z"),
        ] {
            assert_eq!(week_after(taken.parse().unwrap(), &zone).to_string(), begins, "{taken}");
        }
    }
}
