//! `rehearse`: the whole rollout, without AWS and without a network.

use ami_refresh::event::Event;
use ami_refresh::model::{Exit, Verdict};
use serde_json::Value;

use super::place::{Place, Ran, elements};

#[test]
fn a_clean_rehearsal_takes_nine_environments_to_their_reports() {
    let place = Place::empty();
    let ran = place.run("rehearse").exits(0).says(&["SIMULATION: scenario clean, seed 1", "done (exit 0)"]);
    assert!(ran.err.is_empty(), "{}", ran.err);
    let events = place.journal();
    let passed = events
        .iter()
        .filter(|event| matches!(event, Event::EnvironmentEnded { verdict: Verdict::Passed, .. }))
        .count();
    assert_eq!(passed, 9);
    assert!(matches!(events.last(), Some(Event::RunEnded { exit: Exit::Done, .. })));
    let junit = place.reports("junit-");
    assert_eq!(junit.len(), 9, "{junit:?}");
    for name in &junit {
        let elements = elements(&place.path(&format!("reports/{name}")));
        assert_eq!(elements[0], "testsuites");
        assert!(elements.iter().filter(|name| *name == "testcase").count() > 20, "{name}: {elements:?}");
        assert!(!elements.iter().any(|name| name == "failure" || name == "error"), "{name}");
    }
    let summary: Value = serde_json::from_str(&place.read("reports/summary.json")).unwrap();
    assert_eq!(summary["exit"], 0);
    assert_eq!(summary["simulated"], true);
    let environments = summary["environments"].as_array().unwrap();
    assert!(environments.iter().all(|one| one["verdict"] == "passed"), "{environments:?}");
}

#[test]
fn the_same_seed_gives_the_same_journal_to_the_byte() {
    for args in ["rehearse --seed 5", "rehearse --seed 5 --scenario throttled --env sandbox --env dev"] {
        let (first, second) = (Place::empty(), Place::empty());
        let (one, two) = (first.run(args), second.run(args));
        assert_eq!(one.out, two.out);
        assert!(first.read("reports/journal.jsonl") == second.read("reports/journal.jsonl"), "{args}");
        assert_eq!(first.read("reports/summary.json"), second.read("reports/summary.json"));
    }
}

#[test]
fn what_fails_in_qa_is_rolled_back_and_ends_the_rehearsal() {
    let place = Place::empty();
    let ran = place.run_with(&["rehearse", "--scenario", "app-down", "--groups", "*-qa"]).exits(4);
    let verdicts: Vec<(String, Verdict)> = place
        .journal()
        .into_iter()
        .filter_map(|event| match event {
            Event::EnvironmentEnded { environment, verdict, .. } => Some((environment.to_string(), verdict)),
            _ => None,
        })
        .collect();
    let of = |wanted: Verdict| -> Vec<&str> {
        verdicts.iter().filter(|(_, verdict)| *verdict == wanted).map(|(name, _)| name.as_str()).collect()
    };
    assert_eq!(of(Verdict::Passed), ["sandbox", "dev"]);
    assert_eq!(of(Verdict::RolledBack), ["qa"]);
    assert_eq!(of(Verdict::NotReached), ["test", "training", "build", "qa2", "stage", "prod"]);
    assert_eq!(place.reports("junit-").len(), 9, "what was not reached is reported too");
    assert!(elements(&place.path("reports/junit-qa.xml")).iter().any(|name| name == "failure"));
    assert!(elements(&place.path("reports/junit-stage.xml")).iter().any(|name| name == "skipped"));
    ran.says(&["expected 200", "ami-refresh rollout --env qa"]);
}

/// The same rehearsal, with nothing around it that could matter.
fn untouched(args: &str) -> (Ran, String) {
    let place = Place::empty();
    let ran = place.run(args);
    let journal = place.read("reports/journal.jsonl");
    (ran, journal)
}

#[test]
fn a_rehearsal_looks_at_no_credentials_and_no_endpoint() {
    let (plain, journal) = untouched("rehearse --env sandbox --env dev");
    let mut place = Place::empty().without_aws();
    place.write("home/.aws/config", "[default]\nregion = mars-1\nendpoint_url = http://127.0.0.1:9\n[[");
    place.write("home/.aws/credentials", "no credentials at all");
    for (name, value) in [
        ("AWS_PROFILE", "nobody"),
        ("AWS_REGION", "mars-1"),
        ("AWS_MAX_ATTEMPTS", "1"),
        ("AWS_CA_BUNDLE", "/nowhere/ca.pem"),
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
        ("BUILD_NUMBER", "812"),
    ] {
        place.set(name, value);
    }
    let ran = place.run("rehearse --env sandbox --env dev").exits(0);
    assert_eq!(ran.out, plain.out);
    assert!(place.read("reports/journal.jsonl") == journal);
}

#[test]
#[expect(clippy::print_stderr, reason = "whoever runs the tests must know what was not tried")]
fn a_rehearsal_needs_no_network_interface() {
    let place = Place::empty();
    let program = env!("CARGO_BIN_EXE_ami-refresh");
    // As root, else as root of a user namespace.
    let ways: [&[&str]; 2] = [&["-n"], &["-r", "-n"]];
    let works = |way: &&[&str]| {
        let tried = place.program("unshare", &[way, &["true"][..]].concat()).output();
        tried.is_ok_and(|output| output.status.success())
    };
    let Some(way) = ways.into_iter().find(|way| works(way)) else {
        eprintln!("not tried: this machine gives no network namespace to its users");
        return;
    };
    let (plain, journal) = untouched("rehearse");
    let output = place.program("unshare", &[way, &[program, "rehearse"][..]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), plain.out);
    assert!(place.read("reports/journal.jsonl") == journal);
}

fn snapshot(name: &str, args: &str) {
    let ran = Place::empty().run(args);
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter(r"ami-refresh \d+\.\d+\.\d+\S*", "ami-refresh [version]");
    settings.bind(|| insta::assert_snapshot!(name, ran.out));
}

#[test]
fn what_a_rehearsal_of_one_environment_prints() {
    snapshot("rehearsal_of_one_environment", "rehearse --env sandbox");
}

#[test]
fn what_a_failing_rehearsal_prints() {
    snapshot("rehearsal_that_fails", "rehearse --scenario app-down --env sandbox --env dev");
}

#[test]
fn one_environment_is_rehearsed_as_if_those_before_it_had_passed() {
    for environment in ["dev", "qa2", "prod"] {
        let place = Place::empty();
        place.run(&format!("rehearse --env {environment}")).exits(0);
        assert_eq!(place.reports("junit-"), [format!("junit-{environment}.xml")]);
    }
}

#[test]
fn a_rehearsal_takes_a_configuration_a_manifest_and_a_scenario_of_ones_own() {
    let place = Place::new();
    place.write(
        "slow.yaml",
        "name: slow\nabout: it boots slowly\neffects:\n  - boot: { on: new, takes: 5m }\n",
    );
    place
        .run("rehearse --from-packer manifest.json --scenario slow.yaml --seed 3")
        .exits(0)
        .says(&["SIMULATION: scenario slow, seed 3", "sandbox, dev"]);
}

#[test]
fn a_rehearsal_of_what_does_not_exist_is_refused() {
    let place = Place::empty();
    place.run("rehearse --scenario nope").exits(2).says(&["no scenario nope", "app-down", "a YAML file"]);
    place.run("rehearse --env nope").exits(2).says(&["no environment nope", "sandbox", "name one of these"]);
    place.run_with(&["rehearse", "--groups", "nope-*"]).exits(2).says(&["no group matches", "payments-"]);
    place.write("broken.yaml", "name: x\neffects: [{ boots: {} }]\n");
    place.run("rehearse --scenario broken.yaml").exits(2).says(&["broken.yaml is not valid", "boots"]);
    place.run("rehearse --scenario home").exits(2).says(&["home is not valid"]);
    assert!(!place.path("reports").exists(), "nothing was begun");
}

/// The small configuration, whose refreshes are watched by an alarm in `sandbox`.
fn with_alarm() -> Place {
    let place = Place::new();
    let text = place.read("environments.yaml");
    let select = "    select: { tags: { Environment: sandbox } }\n";
    let text = text.replace(select, &format!("{select}    refresh: {{ alarms: [slow] }}\n"));
    place.write("environments.yaml", &text);
    place
}

#[test]
fn a_scenario_that_can_hit_nothing_is_refused() {
    let place = Place::new();
    let refused = |args: &str, says: &[&str]| {
        place.run(&format!("rehearse --from-packer manifest.json {args}")).exits(2).says(says);
    };
    for scenario in ["alarm-fires", "alarm-firing"] {
        let what = format!("error: scenario {scenario} can hit nothing");
        refused(&format!("--scenario {scenario}"), &[&what, "name alarms in the configuration"]);
    }
    for scenario in ["image-build-fails", "image-build-slow"] {
        let what = format!("scenario {scenario} can hit nothing");
        refused(
            &format!("--scenario {scenario}"),
            &[&what, "a rehearsal builds no image", "next: serve it with 'ami-refresh simulator"],
        );
    }
    // It is about search-qa alone, and no environment here is qa.
    refused("--scenario suspended", &["it is about groups \"search-qa\"", "there are payments-sandbox"]);
    place.write(
        "typo.yaml",
        "name: typo\nabout: x\neffects:\n  - calls: { share: 50, fault: throttle, actions: Dscribe* }\n",
    );
    refused("--scenario typo.yaml", &["no call that its actions \"Dscribe*\" match", "'Describe*'"]);
    refused("--scenario app-down --env dev --groups *-sandbox", &["it is about groups \"*-sandbox\""]);
    assert!(!place.path("reports").exists(), "nothing was begun");
    let served = place.run("simulator --from-packer manifest.json --scenario alarm-fires").exits(2);
    served.says(&["scenario alarm-fires can hit nothing"]);
    let served = "simulator --from-packer manifest.json --scenario image-build-fails --groups orders-*";
    place.run(served).exits(2).says(&["it is about image pipelines \"orders-*\"; there are base"]);
    // With something to hit the very same are rehearsed.
    place.run("rehearse --from-packer manifest.json --scenario suspended --groups search-dev").exits(3);
    let place = with_alarm();
    let args = "rehearse --from-packer manifest.json --scenario alarm-firing";
    place.run(&format!("{args} --env sandbox")).exits(3).says(&["slow"]);
    place.run(&format!("{args} --env dev")).exits(2).says(&["scenario alarm-firing can hit nothing"]);
}

#[test]
fn an_effect_that_can_hit_nothing_beside_others_is_a_warning() {
    let place = Place::new();
    let effects = "  - boot: { on: new, takes: 2m }\n  - alarm: { after: 3m }\n";
    place.write("mixed.yaml", &format!("name: half\nabout: x\neffects:\n{effects}"));
    let ran = place.run("rehearse --from-packer manifest.json --scenario mixed.yaml").exits(0);
    assert!(
        ran.err.contains("warning: an effect of scenario half can hit nothing: it is about alarms"),
        "{}",
        ran.err
    );
    let clean = place.run("rehearse --from-packer manifest.json").exits(0);
    assert!(!clean.err.contains("warning:"), "{}", clean.err);
}

/// Everything that is shipped, from Sunday to Wednesday, as people would hear of it.
#[test]
fn a_rehearsal_shows_what_is_told_in_the_whole_week() {
    let place = Place::empty();
    place.run("rehearse").exits(0).says(&["messages.txt"]);
    let text = place.read("reports/messages.txt");
    let heads: Vec<&str> = text.lines().filter(|line| line.contains("  slack #")).collect();
    for day in ["Sun 22 Nov", "Mon 23 Nov", "Tue 24 Nov", "Wed 25 Nov"] {
        assert!(heads.iter().any(|head| head.starts_with(day)), "{day}: {heads:#?}");
    }
    // To whom, and the title: the first line after what says that it is a simulation.
    let told: Vec<(&str, &str)> = text
        .split("\n\n")
        .filter_map(|block| {
            let mut lines = block.lines();
            let to = lines.next()?.split_once("  slack ")?.1;
            Some((to, lines.find(|line| !line.contains("SIMULATION"))?.trim()))
        })
        .collect();
    let count = |to: &str, title: &str| {
        told.iter().filter(|(whom, said)| whom.starts_with(to) && said.starts_with(title)).count()
    };
    for environment in ["sandbox", "dev", "qa", "test", "training", "build", "qa2", "stage", "prod"] {
        for channel in ["#ami-refresh", "#payments"] {
            for title in ["Refresh of ", "Starting ASG Refresh: ", "ASG tests passed, refresh complete: "] {
                let title = format!("{title}{environment}");
                let exact = |said: &&(&str, &str)| {
                    let rest = said.1.strip_prefix(title.as_str());
                    said.0.contains(&channel[1..])
                        && rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
                };
                assert!(told.iter().any(|said| exact(&said)), "{channel} {title}: {told:#?}");
            }
        }
    }
    assert_eq!(count("#ami-refresh", "Starting ASG Refresh"), 9);
    assert_eq!(count("#ami-refresh", "ASG tests passed, refresh complete"), 9);
}
