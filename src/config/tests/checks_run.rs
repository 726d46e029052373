//! Checks that run something, or ask alarms: what is read, and what is said of mistakes.

use super::*;

/// Replaces the check of the small configuration, and gives what is said of it, with its place.
fn check(definition: &str) -> Vec<String> {
    mistakes(&text(definition))
}

fn text(definition: &str) -> String {
    small_with(r#"    http: { url: "http://{private_ip}/" }"#, &format!("    {definition}"))
}

fn kind(definition: &str) -> CheckKind {
    let fleet = parse(&text(definition)).unwrap_or_else(|errors| panic!("{definition}: {errors}"));
    fleet.checks["web"].kind.clone()
}

#[test]
fn a_text_is_no_command_since_there_is_no_shell() {
    assert_eq!(
        check(r#"command: { run: "curl -m 5 http://{private_ip}:80/ | grep ok" }"#),
        ["20:21 `run` is a list of the program and its arguments: there is no shell (as in \
          `run: [curl, -m, \"5\", \"http://{private_ip}:80/\", \"|\", grep, ok]`)"]
    );
    assert_eq!(check("command: { run: [] }").len(), 1);
    assert_eq!(check("command: {}"), ["20:5 `run` is missing (add `run: …` here)"]);
    assert_eq!(
        check("command: { run: [curl, 5] }"),
        ["20:28 an item of `run` must be text, and this is the number `5` (put it in quotes)"]
    );
}

#[test]
fn a_program_that_is_a_path_must_be_there_and_run() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "x").unwrap();
    for (path, said) in [
        (folder.path().join("nothing").display().to_string(), "is not there"),
        (plain.display().to_string(), "is not executable"),
        (folder.path().display().to_string(), "is not a file"),
    ] {
        let said_of = check(&format!("command: {{ run: ['{path}'] }}"));
        assert!(
            said_of.len() == 1 && said_of[0].starts_with(&format!("20:22 `{path}` {said}")),
            "{said_of:?}"
        );
    }
    assert_eq!(check("command: { run: [/bin/sh, nothing/at/all] }"), Vec::<String>::new());
    // One that is known only when it is asked can't be looked at now.
    assert_eq!(check("command: { run: ['./{group}/check'] }"), Vec::<String>::new());
    let nowhere = folder.path().join("nowhere").display().to_string();
    assert_eq!(
        check(&format!("command: {{ run: [true], dir: '{nowhere}' }}").replace("[true]", "['true']")),
        [format!("20:36 `{nowhere}` is not there")]
    );
}

#[test]
fn the_settings_of_a_command_have_their_bounds() {
    for (settings, said) in [
        ("env: { AMI_REFRESH_GROUP: x }", "`AMI_REFRESH_GROUP` can't be set here"),
        ("env: { 'A=B': x }", "`A=B` is not the name of a variable"),
        ("output_limit: 64KB", "`output_limit` must be a size such as `64KiB`, from 1KiB to 1024KiB"),
        ("output_limit: 2MiB", "`output_limit` must be a size"),
        ("output_limit: 99999999999999999999MiB", "`output_limit` must be a size"),
        ("exit: 256", "`exit` must be a whole number from 0 to 255"),
        ("exit: []", "`exit` needs at least one exit code"),
        ("within: 2h", "`within` must be from 1s to 1h"),
        ("matches: '('", "`matches` is not a regular expression"),
        ("shell: true", "unknown key `shell`"),
    ] {
        let found = check(&format!("command: {{ run: [curl], {settings} }}"));
        assert!(found.len() == 1 && found[0].contains(said), "{settings}: {found:?}");
    }
    let CheckKind::Command(command) = kind("command: { run: [x, ''], exit: [0, 3], output_limit: 2048 }")
    else {
        panic!("no command");
    };
    assert_eq!((command.end.exit, command.output_limit), (vec![0, 3], 2048));
    assert_eq!(command.run[1], Line::plain(""));
}

#[test]
fn only_known_names_in_braces_are_variables() {
    let line = r#"{private_ip} ${group} {print} {"a":{instance_id}} {{group}} }{"#;
    let CheckKind::Command(command) = kind(&format!("command: {{ run: [x, '{line}'] }}")) else {
        panic!("no command");
    };
    let filled = command.run[1].fill(|name| Ok::<_, ()>(format!("<{name}>")));
    assert_eq!(filled.as_deref(), Ok(r#"<private_ip> ${group} {print} {"a":<instance_id>} {<group>} }{"#));
    assert_eq!(command.run[1].written(), line);
    assert_eq!(
        check("command: { run: [x, '{privat_ip}'] }"),
        ["20:25 unknown variable `{privat_ip}` (did you mean `{private_ip}`?)"]
    );
    assert!(check("command: { run: [x, '{instance_id}'] }\n    on: group")[0].contains("is of an instance"));
    assert!(check("command: { run: [x, \"a\\0b\"] }")[0].contains("null character"));
}

#[test]
fn a_document_is_given_its_lines_and_parameters() {
    let CheckKind::Ssm(ssm) = kind("ssm: { run: 'uptime', parameters: { workingDirectory: /srv } }") else {
        panic!("no ssm");
    };
    assert_eq!(ssm.document, "AWS-RunShellScript");
    assert_eq!(ssm.parameters["commands"], [Line::plain("uptime")]);
    assert_eq!(ssm.parameters["workingDirectory"], [Line::plain("/srv")]);
    let CheckKind::Ssm(ssm) = kind("ssm: { document: our-checks }") else { panic!("no ssm") };
    assert!(ssm.parameters.is_empty() && !ssm.is_script());
    for (settings, said) in [
        ("{}", "20:5 `AWS-RunShellScript` needs lines to run"),
        ("{ run: [] }", "`run` needs at least one line"),
        ("{ run: a, document: 'a b' }", "`a b` is not the name of a document"),
        ("{ run: a, parameters: { commands: b } }", "the lines are in `run` and in `parameters` as well"),
        ("{ run: a, parameters: x }", "`parameters` must be a mapping"),
    ] {
        let found = check(&format!("ssm: {settings}"));
        assert!(found.len() == 1 && found[0].contains(said), "{settings}: {found:?}");
    }
    assert!(check("ssm: { run: a }\n    on: group")[0].contains("`ssm` runs on instances"));
}

#[test]
fn alarms_have_names_or_a_prefix_and_are_the_groups() {
    let fleet = parse(&text("alarm: { names: '{group}-5xx', prefix: '{environment}-' }")).unwrap();
    assert_eq!(fleet.checks["web"].on, Scope::Group);
    for (settings, said) in [
        ("{}", "20:5 `alarm` names no alarm"),
        ("{ names: [] }", "`names` needs at least one alarm"),
        ("{ names: ['{instance_id}'] }", "is of an instance"),
        ("{ names: [a], insufficient_data: ok }", "may be `fail` or `pass`"),
    ] {
        let found = check(&format!("alarm: {settings}"));
        assert!(found.len() == 1 && found[0].contains(said), "{settings}: {found:?}");
    }
    assert!(check(&format!("alarm: {{ names: ['{}'] }}", "a".repeat(256)))[0].contains("at most 255"));
    assert_eq!(
        check("alarm: { names: [a] }\n    on: instance"),
        ["21:9 `alarm` is asked of the group (leave `on` out)"]
    );
    assert_eq!(check("alarm: { names: [a] }\n    on: group"), Vec::<String>::new());
}
