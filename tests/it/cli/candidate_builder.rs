//! `candidate --from-image-builder` as a process, against the simulator on loopback.

use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

use super::place::{NEW, Place};
use super::simulator::Simulator;

const PIPELINE: &str = "arn:aws:imagebuilder:eu-west-2:100000000000:image-pipeline/base";
/// A build of 25 minutes takes a second and a half.
const SPEED: u32 = 1000;

fn place(speed: u32, more: &str) -> (Place, Simulator) {
    let mut place = Place::new();
    let simulator = Simulator::start(&mut place, speed, more);
    place.set("BUILD_URL", "https://jenkins.example/job/base/812/");
    place.set("BUILD_NUMBER", "812");
    (place, simulator)
}

fn start() -> String {
    format!("candidate --from-image-builder {PIPELINE} --start")
}

fn image(place: &Place) -> String {
    let candidate: serde_json::Value = serde_json::from_str(&place.read("candidate.json")).expect("JSON");
    candidate["images"][0]["id"].as_str().expect("an id").to_owned()
}

#[test]
fn the_newest_image_is_taken_or_a_new_one_is_built_once_for_each_build() {
    let (mut place, _simulator) = place(SPEED, "");
    let newest = place.run(&format!("candidate --from-image-builder {PIPELINE}")).exits(0);
    newest.says(&["by image build base/1.0.0/1", NEW]);
    assert_eq!(image(&place), NEW);

    let built = place.run(&start()).exits(0);
    assert!(built.err.contains("BUILDING") && built.err.contains("AVAILABLE"), "{}", built.err);
    assert!(
        built.err.contains("is the image build for https://jenkins.example/job/base/812/"),
        "{}",
        built.err
    );
    assert!(
        !built.out.contains("BUILDING") && built.out.contains("by image build base/1.0.0/2"),
        "{}",
        built.out
    );
    let first = image(&place);
    assert_ne!(first, NEW);

    let again = place.run(&format!("{} --format json", start())).exits(0);
    assert_eq!(again.json()["images"][0]["id"], first.as_str());
    assert_eq!(again.json()["build"]["number"], "812");

    place.set("BUILD_URL", "https://jenkins.example/job/base/813/");
    place.run(&start()).exits(0).says(&["base/1.0.0/3"]);
    assert_ne!(image(&place), first);
    place.run("plan --env sandbox").exits(0);
}

#[test]
fn a_failed_build_needs_a_person_and_leaves_the_candidate_as_it_is() {
    let (place, simulator) = place(SPEED, "--scenario image-build-fails");
    let tags = simulator.image_tags();
    let failed = place.run(&start()).exits(5);
    failed.says(&[
        "error: the image build base/1.0.0/2 ended FAILED",
        "boots-and-answers",
        "next: look at its log",
    ]);
    assert!(!place.path("candidate.json").exists());
    assert_eq!(simulator.image_tags(), tags);
    let newest = place.run(&format!("candidate --from-image-builder {PIPELINE}")).exits(0);
    newest.says(&[
        "passed over the image build base/1.0.0/2, which is FAILED (Workflow step",
        "base/1.0.0/1, not base/1.0.0/2",
    ]);
}

#[test]
fn the_wait_has_a_limit_and_the_build_is_gone_on_with() {
    let (place, _simulator) = place(SPEED, "--scenario image-build-slow");
    let late = place.run(&format!("{} --timeout 30m", start())).exits(5);
    late.says(&["base/1.0.0/2 is not done after 30 minutes", "run the same command again"]);
    place.run(&start()).exits(0).says(&["by image build base/1.0.0/2"]);
}

#[test]
fn a_signal_leaves_the_build_to_aws_and_says_how_to_go_on() {
    for signal in ["TERM", "INT"] {
        // A build takes fifteen seconds.
        let (place, _simulator) = place(100, "");
        let (out, err) = ("out.txt", "err.txt");
        let args = start();
        let mut command = place.command(&args.split_whitespace().collect::<Vec<_>>());
        command.stdout(File::create(place.path(out)).expect("a file"));
        let mut child =
            command.stderr(File::create(place.path(err)).expect("a file")).spawn().expect("a child");
        let begun = Instant::now();
        while !place.read(err).contains("CREATING") && begun.elapsed() < Duration::from_secs(60) {
            assert!(child.try_wait().expect("a child").is_none(), "it ended: {}", place.read(err));
            std::thread::sleep(Duration::from_millis(20));
        }
        let kill = format!("kill -{signal} {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
        let status = child.wait().expect("it ends");
        let told = place.read(err);
        assert_eq!(status.code(), Some(6), "{told}");
        for part in [
            format!("error: SIG{signal} ended the wait for the image"),
            "image/base/1.0.0/2 is CREATING: it goes on in Image Builder".to_owned(),
            "run the same command again: it goes on with the same image build".to_owned(),
        ] {
            assert!(told.contains(&part), "{part:?} is not said in\n{told}");
        }
        assert!(!place.path("candidate.json").exists());
        place.run(&start()).exits(0).says(&["by image build base/1.0.0/2"]);
    }
}

#[test]
fn mistakes_are_said_before_anything_is_asked() {
    let mut place = Place::new().without_aws();
    let recipe = PIPELINE.replace("image-pipeline/base", "image-recipe/base/1.0.0");
    for (args, says) in [
        (format!("--from-image-builder {recipe}"), "is no image pipeline's ARN"),
        ("--from-image-builder base".to_owned(), "\"base\" is no image pipeline's ARN"),
        (format!("--from-image-builder {PIPELINE} --from-image-builder {PIPELINE}"), "is named twice"),
        (
            format!("--from-image-builder {PIPELINE} --start"),
            "for which build is the image pipeline to be started?",
        ),
        (format!("--from-image-builder {PIPELINE} --start --commit 0f1e2d3"), "--build-number"),
        (format!("--from-image-builder {PIPELINE} --start --timeout soon"), "not a duration"),
        (format!("--from-image-builder {PIPELINE} --timeout 1h"), "--start"),
        ("--from-lookup --start".to_owned(), "--from-image-builder"),
        (format!("--from-image-builder {PIPELINE} --from-lookup"), "cannot be used with"),
    ] {
        place.run(&format!("candidate {args}")).exits(2).says(&[says]);
    }
    // What Jenkins sets when it has nothing to say is no build.
    place.set("BUILD_URL", "");
    place.set("BUILD_NUMBER", "");
    place.run(&start()).exits(2).says(&["for which build"]);
}

#[test]
fn pipelines_that_are_not_there_or_elsewhere_are_named() {
    let (place, _simulator) = place(SPEED, "");
    let run = |pipeline: String, more: &str| {
        place.run(&format!("candidate --from-image-builder {pipeline} {more}"))
    };
    for more in ["", "--start"] {
        run(PIPELINE.replace("/base", "/gpu"), more).exits(2).says(&[
            "there is no image pipeline gpu in eu-west-2 of account 100000000000",
            "list-image-pipelines",
        ]);
        run(PIPELINE.replace("eu-west-2", "eu-west-1"), more).exits(2).says(&["base in eu-west-1"]);
        run(PIPELINE.replace("100000000000", "111111111111"), more)
            .exits(2)
            .says(&["the image pipeline base is in account 111111111111", "in account 100000000000"]);
    }
}
