//! Programs: real processes, their ends, and what is left of them.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Instant;

use super::*;
use crate::config::{CommandCheck, Line, Piece, ProgramEnd};

/// A runner whose clock is the machine's own.
fn runner() -> Runner {
    Runner::new(Clock::system(), Network::Sockets)
}

fn end(exit: &[i32]) -> ProgramEnd {
    ProgramEnd { exit: exit.to_vec(), contains: None, matches: None }
}

/// A shell that runs the script, for three seconds at most.
fn shell(script: &str) -> CommandCheck {
    program(&["/bin/sh", "-c", script])
}

fn program(run: &[&str]) -> CommandCheck {
    CommandCheck {
        run: run.iter().map(|word| Line::plain(word)).collect(),
        env: BTreeMap::new(),
        dir: None,
        output_limit: 4096,
        end: end(&[0]),
        within: Duration::from_secs(3),
    }
}

/// Runs it once for one instance: its probe.
async fn run(command: CommandCheck) -> crate::event::Probe {
    let check = check("ours", CheckKind::Command(command), Scope::Instance, once());
    let calls = calls(|_| Ok(sighting(&["i-1"], "10.0.0.7")));
    run_one(&runner(), calls, &check).await.probes.remove(0)
}

/// Whether the process whose number is in the file is still there, and no zombie.
fn lives(file: &std::path::Path) -> bool {
    let number = std::fs::read_to_string(file).expect("the process wrote its number");
    let status = std::fs::read_to_string(format!("/proc/{}/status", number.trim()));
    status.is_ok_and(|status| !status.lines().any(|line| line.starts_with("State:\tZ")))
}

async fn until_gone(file: &std::path::Path) {
    for _ in 0..200 {
        if !lives(file) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the process of {} is still there", file.display());
}

#[tokio::test]
async fn exit_codes_and_signals_are_told_apart() {
    let passed = run(shell("echo fine")).await;
    assert_eq!(passed.status, Status::Passed, "{passed:?}");
    assert_eq!(passed.evidence, "exit 0\n\noutput:\nfine");
    let failed = run(shell("echo said; echo wrong >&2; exit 3")).await;
    assert_eq!((failed.status, failed.message.as_str()), (Status::Failed, "exit 3, expected 0: wrong"));
    assert!(failed.evidence.contains("said") && failed.evidence.contains("wrong"), "{failed:?}");
    let mut wanted = shell("exit 3");
    wanted.end = end(&[0, 3]);
    assert_eq!(run(wanted).await.status, Status::Passed);
    let killed = run(shell("kill -9 $$")).await;
    assert_eq!(killed.message, "ended by signal 9, expected 0");
}

#[tokio::test]
async fn it_is_given_what_it_needs_to_know() {
    let mut command = shell(
        "env; pwd; echo \"arg $1\"; cat; echo \"secret ${AWS_SECRET_ACCESS_KEY-none} token ${AWS_SESSION_TOKEN-none}\"",
    );
    command.run.extend([Line::plain("sh"), Line(vec![Piece::Variable("private_ip".into())])]);
    command.env = BTreeMap::from([(
        "TARGET".to_owned(),
        Line(vec![Piece::Text("of ".into()), Piece::Variable("instance_id".into())]),
    )]);
    command.dir = Some(PathBuf::from("/"));
    command.output_limit = 1024 * 1024;
    command.end.exit = vec![0, 7];
    command.end.contains = Some("never".into());
    let probe = run(command).await;
    for line in [
        "AMI_REFRESH_CHECK=ours",
        "AMI_REFRESH_ENVIRONMENT=qa",
        "AMI_REFRESH_REGION=eu-west-2",
        "AMI_REFRESH_GROUP=web",
        "AMI_REFRESH_INSTANCE_ID=i-1",
        "AMI_REFRESH_PRIVATE_IP=10.0.0.7",
        "TARGET=of i-1",
        "arg 10.0.0.7",
        "secret none token none",
    ] {
        assert!(probe.output.lines().any(|said| said == line), "{line}");
    }
    assert!(probe.output.lines().any(|line| line == "/"), "its folder");
    // nextest gives every test a process, with an environment that holds this.
    assert!(probe.output.lines().any(|line| line.starts_with("PATH=")));
}

#[tokio::test]
async fn what_can_not_be_started_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("its mode");
        path.display().to_string()
    };
    let garbage = put("garbage", "this is no program\n", 0o755);
    let lost = put("lost", "#!/no/such/interpreter\n", 0o755);
    let plain = put("plain", "#!/bin/sh\n", 0o644);
    for (program_name, said) in [
        ("no-such-program-here", "is not on this machine's PATH"),
        (garbage.as_str(), "is no program"),
        (lost.as_str(), "or the interpreter of its first line is not"),
        (plain.as_str(), "may not be run"),
    ] {
        let probe = run(program(&[program_name])).await;
        assert_eq!(probe.status, Status::Errored, "{probe:?}");
        assert!(probe.message.contains(program_name) && probe.message.contains(said), "{}", probe.message);
    }
}

#[tokio::test]
async fn endless_output_ends_in_time_and_is_kept_in_part() {
    let began = Instant::now();
    let mut command = shell("echo first; yes; echo never");
    command.within = Duration::from_secs(2);
    let probe = run(command).await;
    assert_eq!(probe.status, Status::Errored);
    assert_eq!(probe.message, "did not end within 2s, and was killed");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(probe.output.contains("first\ny\n") && probe.output.contains("bytes left out"));
    assert!(probe.output.len() < 3 * 4096, "{}", probe.output.len());
}

#[tokio::test]
async fn what_is_no_text_is_replaced() {
    let probe = run(shell(r"printf 'a\377\376b\000c'; exit 1")).await;
    assert!(probe.evidence.contains("a\u{fffd}\u{fffd}b\0c"), "{:?}", probe.evidence);
}

#[tokio::test]
async fn a_grandchild_that_minds_no_signal_is_gone_after_the_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pid");
    let script = format!(
        "(trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > {0}; while :; do sleep 1; done') & \
         trap '' TERM; while :; do sleep 1; done",
        file.display()
    );
    let mut command = shell(&script);
    command.within = Duration::from_secs(2);
    let began = Instant::now();
    let probe = run(command).await;
    assert_eq!(probe.status, Status::Errored, "{probe:?}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    until_gone(&file).await;
}

#[tokio::test]
async fn one_that_ends_when_it_is_asked_to_is_given_the_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tidied");
    let mut command = shell(&format!(
        "trap 'sleep 0.3; echo yes > {}; exit 0' TERM; while :; do sleep 0.1; done",
        file.display()
    ));
    command.within = Duration::from_secs(2);
    assert_eq!(run(command).await.status, Status::Errored);
    assert_eq!(std::fs::read_to_string(&file).expect("it tidied up"), "yes\n");
}

#[tokio::test]
async fn what_holds_the_output_open_neither_hangs_it_nor_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pid");
    let began = Instant::now();
    let mut command = shell(&format!("sleep 300 & echo $! > {}; echo done", file.display()));
    command.within = Duration::from_secs(60);
    let probe = run(command).await;
    assert_eq!(probe.status, Status::Passed, "{probe:?}");
    assert!(probe.evidence.contains("done"), "{probe:?}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    until_gone(&file).await;
}

#[tokio::test]
async fn nothing_is_left_of_one_that_nobody_waits_for_any_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pid");
    let mut command = shell(&format!(
        "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > {}; while :; do sleep 1; done' & wait; sleep 300",
        file.display()
    ));
    command.within = Duration::from_secs(300);
    let asking = tokio::time::timeout(Duration::from_secs(1), run(command)).await;
    assert!(asking.is_err(), "it was still running");
    until_gone(&file).await;
}

#[test]
fn nothing_is_left_when_the_runtime_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pid");
    let mut command = shell(&format!(
        "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > {}; while :; do sleep 1; done' & wait; sleep 300",
        file.display()
    ));
    command.within = Duration::from_secs(300);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let asking = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(1), run(command)).await });
    assert!(asking.is_err(), "it was still running");
    drop(runtime);
    for _ in 0..100 {
        if !lives(&file) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it is still there");
}

#[tokio::test]
async fn only_so_many_run_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = format!(
        "touch {0}/$AMI_REFRESH_INSTANCE_ID; ls {0} | wc -l; sleep 0.3; rm {0}/$AMI_REFRESH_INSTANCE_ID",
        folder.path().display()
    );
    let mut command = shell(&script);
    command.within = Duration::from_secs(20);
    let ids: Vec<String> = (0..40).map(|number| format!("i-{number:02}")).collect();
    let check = check("ours", CheckKind::Command(command), Scope::Instance, once());
    let calls = calls(move |_| Ok(sighting(&ids.iter().map(String::as_str).collect::<Vec<_>>(), "10.0.0.7")));
    let result = run_one(&runner(), calls, &check).await;
    assert_eq!((result.status, result.probes.len()), (Status::Passed, 40), "{}", result.message);
    let seen =
        result.probes.iter().filter_map(|probe| probe.evidence.lines().last()?.trim().parse::<usize>().ok());
    let most = seen.max().expect("numbers");
    assert!((2..=PROGRAMS).contains(&most), "{most}");
}

#[tokio::test]
async fn a_group_is_asked_once_without_an_instance() {
    let command = shell("echo \"instance ${AMI_REFRESH_INSTANCE_ID-none}\"; exit 1");
    let check = check("ours", CheckKind::Command(command), Scope::Group, once());
    let result = run_one(&runner(), calls(|_| Ok(sighting(&["i-1"], "10.0.0.7"))), &check).await;
    assert_eq!(result.probes.len(), 1);
    assert_eq!(result.probes[0].subject, "web");
    assert!(result.probes[0].evidence.contains("instance none"), "{:?}", result.probes[0]);
}
