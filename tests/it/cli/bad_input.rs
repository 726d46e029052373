//! Input that can't be used is told before AWS is asked: what, where, and what next.

use super::place::{CONFIG, NEW, Place, manifest};

/// A place whose AWS would answer nothing: what exits 2 at once has not asked it.
fn place() -> Place {
    Place::new().without_aws()
}

const CANDIDATE: &str = r#"{"version":1,"family":"base","images":[{"region":"eu-west-2","id":"ami-0f1e2d3c4b5a69788","architecture":"x86_64","name":"dept-base-1","owner":"100000000000"}],"build":{},"found_by":"test"}"#;

#[test]
fn a_manifest_that_cannot_be_used_says_why() {
    let place = place();
    let other_run = manifest(&format!("eu-west-2:{NEW}"))
        .replace("\"last_run_uuid\":\"run-2\"", "\"last_run_uuid\":\"run-3\"");
    for (text, says) in [
        (None, "failed to read the Packer manifest m.json"),
        (Some(String::new()), "m.json"),
        (Some("no JSON".to_owned()), "m.json"),
        (Some("{}".to_owned()), "m.json"),
        (Some("{\"builds\":[],\"last_run_uuid\":\"run-2\"}".to_owned()), "run-2"),
        (Some(other_run), "run-3"),
        (Some(manifest("ami-without-a-region")), "m.json"),
        (Some(manifest("")), "m.json"),
    ] {
        if let Some(text) = &text {
            place.write("m.json", text);
        }
        let ran = place.run("candidate --from-packer m.json").exits(2).says(&["error: ", "next: ", says]);
        assert!(ran.took.as_secs() < 10 && ran.out.is_empty(), "{text:?} took {:?}", ran.took);
        assert!(!place.path("candidate.json").exists(), "{text:?}");
    }
}

#[test]
fn an_image_id_that_is_none_is_told() {
    let place = place();
    for id in ["ami-xyz", "i-0f1e2d3c4b5a69788", "ami-0F1E2D3C4B5A6978", "latest"] {
        place
            .run(&format!("candidate --ami {id}"))
            .exits(2)
            .says(&[&format!("{id:?} is no image id"), "next: "]);
    }
    place.run(&format!("candidate --ami {NEW} --family other")).exits(2).says(&["no family other", "base"]);
}

#[test]
fn a_candidate_that_could_not_be_written_is_told_before_anything() {
    let place = place();
    place.write("file", "");
    for path in ["file/candidate.json", "nowhere/candidate.json", "home"] {
        place.run(&format!("candidate --ami {NEW} --candidate {path}")).exits(2).says(&[
            "failed to write the candidate",
            path,
            "next: ",
        ]);
    }
}

#[test]
fn a_configuration_that_is_missing_or_wrong_is_told_with_every_mistake() {
    let place = place();
    place.write("candidate.json", CANDIDATE);
    let wrong =
        CONFIG.replace("max_healthy: 100", "max_heathy: 100").replace("[instances]", "[instances, nope]");
    place.write("wrong.yaml", &wrong);
    let steps = [
        "validate",
        "environments",
        "plan --all",
        "rollout --all",
        "update-templates --all",
        "refresh --all",
        "smoke --env sandbox",
        "rollback --env sandbox",
        "gate status",
        "rehearse",
        "simulator",
        "candidate --from-lookup",
    ];
    for step in steps {
        place.run(&format!("{step} --config nowhere.yaml")).exits(2).says(&["failed to read nowhere.yaml"]);
        let ran = place.run(&format!("{step} --config wrong.yaml")).exits(2);
        assert!(ran.out.is_empty(), "{step}: {}", ran.out);
        ran.says(&[
            "wrong.yaml:7:30",
            "did you mean `max_healthy`?",
            "wrong.yaml:19:25",
            "nope",
            "2 mistakes in wrong.yaml",
            "^^^",
        ]);
    }
    assert!(!place.path("reports").exists(), "nothing was begun");
}

#[test]
fn an_environment_that_is_not_there_is_told_with_those_that_are() {
    let place = place();
    place.write("candidate.json", CANDIDATE);
    for step in [
        "plan",
        "rollout",
        "update-templates",
        "refresh",
        "smoke",
        "rollback",
        "gate check",
        "gate pass",
        "rehearse",
    ] {
        place.run(&format!("{step} --env qa")).exits(2).says(&[
            "no environment qa",
            "sandbox, dev",
            "next: ",
        ]);
    }
}

#[test]
fn a_candidate_that_cannot_be_used_is_told_with_the_way_to_one() {
    let place = place();
    let steps = ["plan --all", "rollout --all", "rollback --env dev", "gate status", "gate check --env dev"];
    for step in steps {
        place.run(step).exits(2).says(&["no candidate at candidate.json", "ami-refresh candidate"]);
    }
    for (text, says) in [
        ("", "not valid"),
        ("[1, 2", "not valid"),
        ("{\"version\":1}", "family"),
        (&CANDIDATE.replace("\"version\":1", "\"version\":2"), "format 2 is not 1"),
        (&CANDIDATE.replace("\"base\"", "\"java\""), "of family \"java\""),
        (r#"{"version":1,"family":"base","images":[],"found_by":"test"}"#, "names no image"),
    ] {
        place.write("candidate.json", text);
        for step in steps {
            place.run(step).exits(2).says(&["candidate.json", says, "next: "]);
        }
    }
    place.run("plan --all --candidate home").exits(2).says(&["failed to read the candidate home", "next: "]);
}

#[test]
fn a_report_directory_that_cannot_be_written_is_told_before_aws_is_asked() {
    let place = place();
    place.write("candidate.json", CANDIDATE);
    place.write("taken", "a file");
    for step in ["rollout", "update-templates", "refresh", "smoke", "rollback", "gate pass", "rehearse"] {
        let ran = place.run(&format!("{step} --env sandbox --report-dir taken")).exits(2);
        assert!(ran.took.as_secs() < 10, "{step} took {:?}", ran.took);
        ran.says(&["taken", "error: ", "next: "]);
    }
    assert_eq!(place.read("taken"), "a file");
}

#[test]
fn a_clock_of_its_own_is_for_a_simulator_on_loopback_only() {
    let mut place = Place::new();
    place.write("candidate.json", CANDIDATE);
    place.set("AMI_REFRESH_CLOCK", "2026-11-22T19:00:00Z@1795295419481*600");
    for endpoint in ["", "https://ec2.eu-west-2.amazonaws.com", "http://10.0.0.1:4566"] {
        place.set("AWS_ENDPOINT_URL", endpoint);
        for step in ["plan --all", "rollout --all", "gate status"] {
            place.run(step).exits(2).says(&["AMI_REFRESH_CLOCK is set", "unset AMI_REFRESH_CLOCK"]);
        }
    }
    place.set("AWS_ENDPOINT_URL", "http://127.0.0.1:4566");
    place.set("AMI_REFRESH_CLOCK", "noon");
    place.run("plan --all").exits(2).says(&["AMI_REFRESH_CLOCK can't be read", "\"noon\""]);
}
