//! `rollback --to-previous`: an environment goes back to what it had, without a candidate.

use std::collections::BTreeSet;

use crate::candidate::known;
use crate::cli::Global;
use crate::commands::context::World;
use crate::commands::told::{Telling, told};
use crate::commands::{Failure, Output};
use crate::config::{Environment, Fleet};
use crate::gate;
use crate::model::{
    Architecture, Build, Candidate, CandidateImage, Exit, GroupName, Image, ImageId, ImageState, Problem,
    Region,
};
use crate::net::Network;
use crate::rollout::{self, Events, Given, Run, given, homes, no_candidate};
use crate::smoke::Runner;

pub(super) async fn run(
    global: &Global,
    fleet: &Fleet,
    environment: &Environment,
    only: Option<&GroupName>,
) -> Result<Exit, Failure> {
    let world = World::outside("rollback").await?;
    let nothing = no_candidate(fleet);
    let probes = Runner::new(world.clock, Network::Sockets);
    let looking =
        Run::new(fleet, &nothing, &world.cloud, world.clock, probes, Events::new(world.clock, |_| {}));
    let given = given(&looking, environment, only).await?;
    if given.groups.is_empty() && given.held.is_empty() && given.stuck.is_empty() {
        Output::new(global).text(&nothing_to_take_back(environment, &given))?;
        return Ok(Exit::Done);
    }
    let builds = builds(fleet, &world, &given).await?;
    let candidate = together(fleet, &builds);
    let telling = Telling {
        global,
        fleet,
        candidate: &candidate,
        command: "rollback",
        environments: &[environment],
        simulation: None,
        options: String::new(),
    };
    let work = async |run: &Run<'_>| {
        let verdict = rollout::rollback_to_previous(run, environment, &given, &builds).await;
        vec![(environment.name.clone(), verdict)]
    };
    told(&telling, &world, work).await
}

fn nothing_to_take_back(environment: &Environment, given: &Given) -> String {
    let name = &environment.name;
    let number = given.looked_at;
    let groups = if number == 1 { "1 group".to_owned() } else { format!("{number} groups") };
    let Some(from) = given.back.values().next() else {
        return format!("nothing to take back in {name}: none of its {groups} runs what a rollout gave it\n");
    };
    let back = given.back.len();
    let mut text =
        format!("nothing to take back in {name}: {back} of its {groups} went back from {from} already\n");
    if given.further {
        text += "to go back further, put what they run now into quarantine first, or name its --candidate\n";
    }
    text
}

/// The candidates that the groups were given, each with all images of its build.
async fn builds(fleet: &Fleet, world: &World, given: &Given) -> Result<Vec<Candidate>, Failure> {
    let homes = homes(&world.cloud, fleet);
    let wanted: BTreeSet<(&Region, &ImageId)> =
        given.groups.iter().map(|((region, _), image)| (region, image)).collect();
    let ids: Vec<ImageId> = wanted.iter().map(|(_, id)| (*id).clone()).collect();
    let mut images = gate::find(&homes, &ids).await?;
    for (region, id) in wanted {
        // An image that is gone holds no records, and its groups go back all the same.
        if !images.iter().any(|image| image.id == *id && image.region == *region) {
            images.push(gone(region, id));
        }
    }
    let images = gate::whole_builds(&homes, fleet.families.values(), images).await?;
    let told = |problem: Problem| Failure::Told(Exit::Usage, vec![problem]);
    known(fleet, &images).map_err(told)
}

fn gone(region: &Region, id: &ImageId) -> Image {
    Image {
        id: id.clone(),
        name: String::new(),
        region: region.clone(),
        state: ImageState::Other("gone".to_owned()),
        architecture: Architecture::Other("unknown".to_owned()),
        owner: "unknown".into(),
        created: None,
        deprecated_from: None,
        description: String::new(),
        volumes: 0,
        tags: std::collections::BTreeMap::new(),
    }
}

/// One candidate of the images of all builds: what the run is about.
fn together(fleet: &Fleet, builds: &[Candidate]) -> Candidate {
    match builds {
        [] => return no_candidate(fleet),
        [only] => return only.clone(),
        _ => {}
    }
    let images: Vec<CandidateImage> = builds.iter().flat_map(|build| build.images.clone()).collect();
    let mut families: Vec<&str> = builds.iter().map(|build| build.family.as_str()).collect();
    families.dedup();
    Candidate::new(families.join(", "), images, Build::default(), "what the groups run".to_owned())
}
