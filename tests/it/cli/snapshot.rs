//! `snapshot` and `rehearse --fleet` as processes.

use ami_refresh::event::{Event, PlannedGroup};

use super::place::{NEW, Place, manifest};
use super::simulator::Simulator;

fn plans(place: &Place) -> Vec<Vec<PlannedGroup>> {
    let planned = |event| if let Event::Planned { groups, .. } = event { Some(groups) } else { None };
    place.journal().into_iter().filter_map(planned).collect()
}

#[test]
fn a_fleet_that_was_found_is_rehearsed_as_it_was() {
    let mut place = Place::new();
    place.run("rehearse --from-packer manifest.json").exits(0);
    let wanted = plans(&place);
    let simulator = Simulator::start(&mut place, 1, "");
    let ran = place.run("snapshot").exits(0).says(&["wrote fleet.json: 10 groups of sandbox, dev"]);
    assert!(ran.err.contains("111111111111 eu-west-2: 5 groups"), "{}", ran.err);
    let written = place.read("fleet.json");
    let printed = place.run("snapshot --output -").exits(0).json();
    assert_eq!(printed["places"], serde_json::from_str::<serde_json::Value>(&written).unwrap()["places"]);
    drop(simulator);
    // From here on there is nobody to ask.
    let place = place.without_aws();
    place.run("rehearse --fleet fleet.json --from-packer manifest.json").exits(0);
    assert_eq!(plans(&place), wanted);
    // Without any candidate one is made up.
    place.run("rehearse --fleet fleet.json --env sandbox").exits(0);
    assert_eq!(plans(&place).len(), 1);
    // One that the fleet has never seen becomes its newest image.
    let stranger = "ami-0123456789abcdef0";
    place.write("other.json", &manifest(&format!("eu-west-2:{stranger}")));
    place
        .run("rehearse --fleet fleet.json --from-packer other.json --env sandbox")
        .exits(0)
        .says(&[stranger]);
    assert!(!written.contains(stranger) && written.contains(NEW));
    place.run("rehearse --fleet fleet.json --scenario app-down --env sandbox").exits(4);
}

#[test]
fn a_part_of_the_fleet_is_enough_for_that_part() {
    let mut place = Place::new();
    let simulator = Simulator::start(&mut place, 1, "");
    place.run("snapshot --env dev --output dev.json").exits(0).says(&["wrote dev.json: 5 groups of dev"]);
    drop(simulator);
    place.run("rehearse --fleet dev.json").exits(0);
    assert_eq!(plans(&place).len(), 1);
    place.run("rehearse --fleet dev.json --env sandbox").exits(2).says(&[
        "the fleet holds nothing of sandbox in eu-west-2",
        "next: take it again with 'ami-refresh snapshot', or leave out --env sandbox",
    ]);
    // It has neither alarms nor image pipelines.
    let refused = |args: &str| place.run(&format!("{args} --fleet dev.json")).exits(2);
    refused("rehearse --scenario alarm-firing").says(&["scenario alarm-firing can hit nothing"]);
    refused("simulator --scenario alarm-firing").says(&["scenario alarm-firing can hit nothing"]);
    refused("simulator --scenario image-build-slow").says(&["image pipelines, and the fleet has none"]);
}

#[test]
fn a_fleet_that_cannot_be_used_is_refused_with_its_place() {
    let place = Place::new();
    place.run("rehearse --fleet none.json").exits(2).says(&["failed to read the fleet none.json"]);
    place.write(
        "fleet.json",
        "{\n  \"version\": 1,\n  \"taken\": \"2026-11-22T19:00:00Z\",\n  \"hom\": \"1\"\n}",
    );
    place.run("rehearse --fleet fleet.json").exits(2).says(&[
        "the fleet fleet.json is not valid",
        "unknown field `hom`",
        "line 4 column 7",
        "next: correct it there, or take it again with 'ami-refresh snapshot'",
    ]);
    place.write("fleet.json", "{\"version\": 7, \"everything\": \"else\"}");
    place.run("rehearse --fleet fleet.json").exits(2).says(&["its format is 7, and this program reads 1"]);
    place
        .without_aws()
        .run("snapshot --output no/such/folder.json")
        .exits(2)
        .says(&["failed to write the fleet"]);
}
