//! What AWS does not have, does not allow or does not answer, as the user meets it.

use super::place::{CONFIG, NEW, Place, manifest};
use super::simulator::Simulator;

fn place() -> (Place, Simulator) {
    let mut place = Place::new();
    let simulator = Simulator::start(&mut place, 100, "");
    (place, simulator)
}

#[test]
fn images_that_are_not_fit_are_told_and_none_is_tagged() {
    let (place, simulator) = place();
    let tags = simulator.image_tags();
    let unknown = "ami-00000000000000abc";
    place.run(&format!("candidate --ami {unknown}")).exits(3).says(&[
        &format!("image {unknown} does not exist in eu-west-2"),
        "why: ",
        "next: ",
    ]);
    place.run(&format!("candidate --ami {NEW} --ami {unknown}")).exits(3).says(&[unknown]);
    place.write("mars.json", &manifest(&format!("mars-east-1:{NEW}")));
    place.run("candidate --from-packer mars.json").exits(2).says(&[
        "is in mars-east-1, which the configuration does not name",
        "eu-west-2",
        "next: ",
    ]);
    place.write("both.json", &manifest(&format!("eu-west-2:{NEW},mars-east-1:{NEW}")));
    place.run("candidate --from-packer both.json").exits(2).says(&["mars-east-1"]);
    assert_eq!(tags, simulator.image_tags());
    assert!(!place.path("candidate.json").exists());
}

#[test]
fn a_lookup_that_finds_nothing_is_an_error() {
    let (place, simulator) = place();
    let tags = simulator.image_tags();
    place.write("java.yaml", &CONFIG.replace("dept-base-*", "dept-java-*"));
    place.run("candidate --from-lookup --config java.yaml").exits(3).says(&[
        "no image of family base",
        "dept-java-*",
        "next: ",
    ]);
    assert_eq!(tags, simulator.image_tags());
}

#[test]
fn without_credentials_every_step_says_so_at_once() {
    let mut place = Place::new();
    drop(Simulator::start(&mut place, 100, ""));
    place.variables.retain(|(name, _)| !name.starts_with("AWS_") && name != "AMI_REFRESH_CLOCK");
    place.set("AWS_EC2_METADATA_DISABLED", "true");
    let image = format!(
        r#"{{"version":1,"family":"base","images":[{{"region":"eu-west-2","id":"{NEW}","architecture":"x86_64","name":"dept-base-1","owner":"100000000000"}}],"build":{{}},"found_by":"test"}}"#
    );
    place.write("candidate.json", &image);
    for step in [
        "plan --all",
        "rollout --env sandbox",
        "smoke --env sandbox",
        "rollback --env sandbox",
        "gate status",
        "gate pass --env sandbox",
        "candidate --from-packer manifest.json",
        "candidate --from-lookup",
    ] {
        let ran = place.run(step).exits(2);
        assert!(ran.took.as_secs() < 20, "{step} took {:?}", ran.took);
        ran.says(&["credentials", "no credentials found in chain", "next: "]);
    }
}

#[test]
fn an_aws_that_does_not_answer_is_told_with_the_cause() {
    let (place, simulator) = place();
    place.run("candidate --from-packer manifest.json").exits(0);
    drop(simulator);
    for step in ["candidate --from-lookup", "plan --env sandbox", "rollout --env sandbox", "gate status"] {
        let ran = place.run(step).exits(1);
        assert!(ran.took.as_secs() < 60, "{step} took {:?}", ran.took);
        ran.says(&["could not be asked", "Connection refused", "next: "]);
    }
}

#[test]
fn a_role_that_cannot_be_assumed_is_named_and_nothing_is_begun() {
    let (place, simulator) = place();
    place.run("candidate --from-packer manifest.json").exits(0);
    let tags = simulator.image_tags();
    place.write("role.yaml", &CONFIG.replace("111111111111:role/ami-refresh", "111111111111:role/other"));
    for step in ["rollout", "plan", "smoke", "rollback"] {
        place.run(&format!("{step} --env sandbox --config role.yaml")).exits(2).says(&[
            "role/other",
            "AccessDenied",
            "next: ",
        ]);
    }
    assert_eq!(tags, simulator.image_tags());
}

#[test]
fn a_selector_that_finds_nothing_is_refused() {
    let (place, simulator) = place();
    place.run("candidate --from-packer manifest.json").exits(0);
    let tags = simulator.image_tags();
    place.write("none.yaml", &CONFIG.replace("Environment: sandbox", "Environment: sandpit"));
    for step in ["rollout", "plan", "smoke", "rollback"] {
        place
            .run(&format!("{step} --env sandbox --config none.yaml"))
            .exits(3)
            .says(&["sandbox", "select", "next: "]);
    }
    assert_eq!(tags, simulator.image_tags());
}

#[test]
fn a_group_that_is_not_there_is_told_not_passed_over() {
    let (place, _simulator) = place();
    place.run("candidate --from-packer manifest.json").exits(0);
    for step in ["smoke", "rollback"] {
        place
            .run(&format!("{step} --env sandbox --group nope"))
            .exits(3)
            .says(&["no group nope in sandbox", "ami-refresh plan --env sandbox"]);
    }
}

#[test]
fn a_port_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let ran = Place::new().run(&format!("simulator --port {port}"));
    ran.exits(2).says(&["failed to listen on 127.0.0.1", "another --port"]);
}
