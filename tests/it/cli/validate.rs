//! `validate --aws`: the configuration held against a simulator on loopback.

use super::place::Place;
use super::simulator::Simulator;

#[test]
fn a_configuration_is_held_against_aws() {
    let (place, _simulator) = Simulator::with_candidate(100, "");
    let ran = place.run("validate --aws").exits(0);
    ran.says(&["environments.yaml is valid: 2 environments", "eu-west-2: 5 groups", ", sees ami-"]);
    let json = place.run("validate --aws --format json").exits(0).json();
    assert_eq!(
        (&json["valid"], &json["environments"][0]["problems"]),
        (&true.into(), &serde_json::json!([]))
    );
    assert_eq!(json["environments"][0]["regions"][0]["groups"], 5);
}

#[test]
fn what_aws_does_not_bear_out_is_told_for_every_environment() {
    let mut place = Place::new();
    let _simulator = Simulator::start(&mut place, 100, "");
    let text = place.read("environments.yaml");
    place.write("environments.yaml", &text.replace("Environment:", "Stage:"));
    let ran = place.run("validate --aws").exits(2);
    ran.says(&["no group is selected in eu-west-2", "1 problem", "correct `select`"]);
    let json = place.run("validate --aws --format json").exits(2).json();
    assert_eq!(json["valid"], false);
    for environment in json["environments"].as_array().expect("a list") {
        assert_eq!(environment["problems"].as_array().expect("a list").len(), 1, "{environment}");
    }
    // Without the option nothing is asked.
    place.run("validate").exits(0);
}

#[test]
fn aws_out_of_reach_is_no_mistake_of_the_configuration() {
    let mut place = Place::new();
    let simulator = Simulator::start(&mut place, 10_000, "");
    drop(simulator);
    place.run("validate --aws").exits(1).says(&["AWS could not be asked"]);
}

#[test]
fn a_firing_alarm_is_a_warning_and_an_absent_one_an_error() {
    let mut place = Place::new();
    let select = "    select: { tags: { Environment: sandbox } }\n";
    let text = place.read("environments.yaml");
    let with =
        |alarms: &str| text.replace(select, &format!("{select}    refresh: {{ alarms: [{alarms}] }}\n"));
    place.write("environments.yaml", &with("slow"));
    let _simulator = Simulator::start(&mut place, 100, "--scenario alarm-firing");
    let ran = place.run("validate --aws").exits(0).says(&[
        "alarm slow ALARM; 1 warning",
        "warning: sandbox: alarm slow is ALARM in eu-west-2",
        "next: see why",
    ]);
    assert_eq!(ran.err.matches("warning:").count(), 1, "{}", ran.err);
    let json = place.run("validate --aws --format json").exits(0).json();
    assert_eq!(
        (&json["valid"], json["environments"][0]["warnings"].as_array().map(Vec::len)),
        (&true.into(), Some(1))
    );
    place.write("environments.yaml", &with("slow, nobody-made-it"));
    place
        .run("validate --aws")
        .exits(2)
        .says(&["error: sandbox: alarm nobody-made-it does not exist in eu-west-2"]);
}
