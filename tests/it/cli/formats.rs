//! Data for programs says what the text says.

use super::place::{NEW, Place};
use super::simulator::Simulator;

#[test]
fn environments_are_printed_in_order_in_both_formats() {
    let place = Place::empty();
    place.write("nine.yaml", include_str!("../../../pipeline/environments.yaml"));
    let text = place.run("environments --config nine.yaml").exits(0).out;
    let names: Vec<&str> = text.lines().collect();
    assert_eq!(names, ["sandbox", "dev", "qa", "test", "training", "build", "qa2", "stage", "prod"]);
    let json = place.run("environments --config nine.yaml --format json").exits(0).json();
    let list = json.as_array().unwrap();
    assert!(list.iter().map(|one| one["name"].as_str().unwrap()).eq(names));
    assert_eq!(list[8]["requires"][0], "stage");
    assert_eq!((&list[0]["account"], &list[0]["regions"][0]), (&"111111111111".into(), &"eu-west-2".into()));
}

#[test]
fn named_environments_are_printed_in_the_configuration_s_order_and_once() {
    let place = Place::empty();
    place.write("nine.yaml", include_str!("../../../pipeline/environments.yaml"));
    let ran = place.run("environments --config nine.yaml --env prod --env qa --env prod").exits(0);
    assert_eq!(ran.out, "qa\nprod\n");
    let json = place.run("environments --config nine.yaml --env prod --format json").exits(0).json();
    assert_eq!((json.as_array().unwrap().len(), &json[0]["name"]), (1, &"prod".into()));
    let unknown = place.run("environments --config nine.yaml --env qa --env quality").exits(2);
    unknown.says(&["there is no environment quality", "sandbox, dev, qa", "next: name one of these"]);
}

#[test]
fn validation_is_told_in_both_formats() {
    let place = Place::new();
    place.run("validate").exits(0).says(&["environments.yaml is valid: 2 environments"]);
    let json = place.run("validate --format json").exits(0).json();
    assert_eq!((&json["valid"], &json["mistakes"]), (&true.into(), &serde_json::json!([])));

    let broken =
        place.read("environments.yaml").replace("bake: 10m", "bakes: 10m").replace("[sandbox]", "[box]");
    place.write("environments.yaml", &broken);
    let text = place.run("validate").exits(2);
    let json = place.run("validate --format json").exits(2).json();
    assert_eq!(json["valid"], false);
    let mistakes = json["mistakes"].as_array().unwrap();
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    for mistake in mistakes {
        let at = format!("environments.yaml:{}:{}", mistake["line"], mistake["column"]);
        for part in
            [at.as_str(), mistake["message"].as_str().unwrap(), mistake["hint"].as_str().unwrap_or_default()]
        {
            assert!(text.err.contains(part), "{part:?} in\n{}", text.err);
        }
    }
}

#[test]
fn a_build_of_which_nothing_is_said_has_no_number() {
    let mut place = Place::new();
    let _simulator = Simulator::start(&mut place, 100, "");
    for (number, written) in [("812", Some("812")), ("", None), (" ", None)] {
        place.set("BUILD_NUMBER", number);
        let ran = place.run("candidate --from-packer manifest.json --format json").exits(0);
        assert_eq!(ran.json()["build"]["number"].as_str(), written, "{number:?}");
    }
}

#[test]
fn the_candidate_is_printed_as_it_is_written() {
    let mut place = Place::new();
    let simulator = Simulator::start(&mut place, 100, "");
    let text = place.run("candidate --from-packer manifest.json").exits(0);
    let written = place.read("candidate.json");
    text.says(&[
        NEW,
        "eu-west-2",
        "x86_64",
        "dept-base-",
        "packer manifest manifest.json",
        "written to candidate.json",
    ]);
    let ran = place.run("candidate --from-packer manifest.json --family base --format json").exits(0);
    assert_eq!(ran.out, written);
    let json = ran.json();
    assert_eq!(
        (&json["version"], &json["family"], &json["images"][0]["id"]),
        (&1.into(), &"base".into(), &NEW.into())
    );
    place
        .run("candidate --from-packer manifest.json --build-number 812 --commit abc123 --build-url http://ci/812")
        .exits(0);
    let tags = simulator.image_tags();
    for tag in ["812", "abc123", "http://ci/812", "base"] {
        assert!(tags.contains(&format!("<value>{tag}</value>")), "{tag} in {tags}");
    }
}

#[test]
fn a_candidate_is_found_by_hand_and_by_lookup_too() {
    let mut place = Place::new();
    let _simulator = Simulator::start(&mut place, 100, "");
    let by_hand = place.run(&format!("candidate --ami {NEW} --format json")).exits(0).json();
    let looked_up = place.run("candidate --from-lookup --format json").exits(0).json();
    assert_eq!(by_hand["images"], looked_up["images"]);
    assert_eq!(by_hand["found_by"], "given by hand");
}

#[test]
fn plans_and_gates_say_the_same_in_both_formats() {
    let (place, _simulator) = Simulator::with_candidate(100, "");
    let text = place.run("plan --all").exits(3).out;
    let json = place.run("plan --all --format json").exits(3).json();
    for environment in json.as_array().unwrap() {
        assert!(text.contains(environment["environment"].as_str().unwrap()));
        assert!(text.contains(environment["gate"].as_str().unwrap()));
        let groups = environment["groups"].as_array().unwrap();
        assert_eq!(groups.len(), 5);
        for group in groups {
            let of = |key: &str| group[key].as_str().unwrap().to_owned();
            let name = of("group");
            let line = text.lines().find(|line| line.split_whitespace().nth(1) == Some(&name)).unwrap();
            assert!(line.starts_with('~') && line.contains(&of("tracking")), "{line}");
            assert!(line.contains(&format!("{} -> {NEW}", of("image"))), "{line}");
        }
        for problem in environment["refused"].as_array().unwrap() {
            assert!(text.contains(problem["what"].as_str().unwrap()));
        }
    }
    place.run_with(&["gate", "pass", "--env", "sandbox", "--reason", "tried"]).exits(0);
    let text = place.run("gate status").exits(0).out;
    let json = place.run("gate status --format json").exits(0).json();
    assert_eq!(json[0]["record"]["state"], "passed");
    assert_eq!((&json[1]["record"], &json[1]["may_start"]), (&serde_json::Value::Null, &true.into()));
    assert!(text.contains(json[0]["record"]["detail"].as_str().unwrap()), "{text}");
    assert!(text.contains(NEW) && text.contains("may start"), "{text}");
}
