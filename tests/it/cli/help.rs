//! What the program says of itself, and how it takes mistakes in its use.

use super::place::Place;

const STEPS: [&str; 25] = [
    "candidate",
    "validate",
    "environments",
    "plan",
    "update-templates",
    "refresh",
    "smoke",
    "rollback",
    "gate",
    "gate status",
    "gate check",
    "gate pass",
    "gate revoke",
    "quarantine",
    "quarantine add",
    "quarantine list",
    "quarantine lift",
    "rollout",
    "schedule",
    "status",
    "announce",
    "rehearse",
    "report",
    "simulator",
    "completions",
];

#[test]
fn every_step_explains_itself_with_an_example() {
    let place = Place::empty();
    for step in STEPS {
        let help = place.run(&format!("{step} --help")).exits(0).out;
        let (_, example) = help.split_once("Example").unwrap_or_else(|| panic!("no example:\n{help}"));
        assert!(example.contains(&format!("ami-refresh {step}")), "{step}: {example}");
    }
    place.run("--help").exits(0).says(&["Exit codes:", "ami-refresh rehearse", "rollout"]);
    place.run("--version").exits(0).says(&[env!("CARGO_PKG_VERSION")]);
}

#[test]
fn every_example_is_a_command_that_parses() {
    let place = Place::empty();
    let mut seen = 0;
    for step in STEPS {
        let help = place.run(&format!("{step} --help")).exits(0).out;
        let (_, examples) = help.split_once("Example").unwrap();
        for line in examples.lines().filter_map(|line| line.trim().strip_prefix("ami-refresh ")) {
            // Up to what is the shell's; a --help behind it checks the words, and does nothing.
            let words = line.split(['>', '&', '|']).next().unwrap();
            let mut command = place.program("sh", &["-c", &format!("exec \"$0\" {words} --help")]);
            command.args([env!("CARGO_BIN_EXE_ami-refresh")]);
            let output = command.output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{line}: {}", String::from_utf8_lossy(&output.stderr));
            seen += 1;
        }
    }
    assert!(seen >= STEPS.len() - 2, "{seen} examples");
}

#[test]
fn mistakes_in_its_use_exit_2_and_name_what_is_missing() {
    let place = Place::empty();
    place.run("").exits(2);
    place.run("bogus").exits(2).says(&["bogus"]);
    place
        .run("candidate")
        .exits(2)
        .says(&["--from-packer <MANIFEST>|--from-image-builder <PIPELINE_ARN>|--ami <ID>|--from-lookup"]);
    place.run("candidate --from-lookup --ami ami-0abc1234").exits(2).says(&["cannot be used with"]);
    for step in ["plan", "rollout", "refresh", "update-templates"] {
        place.run(step).exits(2).says(&["--env <NAME>|--all"]);
        place.run(&format!("{step} --all --env qa")).exits(2).says(&["cannot be used with"]);
    }
    place.run("smoke").exits(2).says(&["--env"]);
    place.run("simulator --speed 0").exits(2).says(&["from 0.1 to 100000"]);
    place.run("plan --bogus").exits(2);
}

#[test]
fn plan_keeps_2_for_changes_when_asked_for_detailed_exit_codes() {
    let place = Place::empty();
    place.run("plan --bogus").exits(2);
    place.run("plan --detailed-exitcode --bogus").exits(1);
    place.run("plan --detailed-exitcode --env nope").exits(1);
    place.run("plan --env nope").exits(2);
    place.run("--config nowhere.yaml plan --detailed-exitcode --all").exits(1);
}

#[test]
fn completions_are_printed_for_every_shell() {
    let place = Place::empty();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        place.run(&format!("completions {shell}")).exits(0).says(&["update-templates", "detailed-exitcode"]);
    }
    place.write("x", &place.run("completions bash").out);
    let output = place.program("bash", &["-n", "x"]).output();
    assert!(output.is_ok_and(|output| output.status.success()), "bash reads it");
    place.run("completions tcsh").exits(2).says(&["bash, elvish, fish"]);
}

/// What each exit code means, by the README's table and by `--help`.
#[test]
fn the_readme_and_the_help_say_the_same_of_every_exit_code() {
    const README: &str = include_str!("../../../README.md");
    let rows =
        README.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    let rows = rows.filter(|(code, _)| code.parse::<u8>().is_ok());
    let told: Vec<String> = rows.map(|(code, meaning)| format!("{code} {meaning}")).collect();
    let help = Place::empty().run("--help").exits(0).out;
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    let (codes, _) = codes.split_once("\n\n").unwrap();
    let words = codes.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(told.len(), 7, "{told:?}");
    assert_eq!(words, told.join(" "));
}
