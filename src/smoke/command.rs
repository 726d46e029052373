//! The `command` check: a program of the team's own, run without a shell.
//!
//! The program is the leader of a process group of its own. However the asking ends, nothing of
//! that group is left, see [`super::processes`]. In a rehearsal no
//! program is run: the simulator says how it would have ended.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::Runner;
use super::answer::Answer;
use super::output::Kept;
use super::processes::{GRACE, Processes};
use super::program::{self, Ended};
use super::variables::Variables;
use crate::config::{CommandCheck, Line};
use crate::net::Network;

/// How long is read on from who still holds the output open when the program has ended.
const LINGER: Duration = Duration::from_millis(500);
/// The least time on the machine's own clock, however fast the check's clock runs.
const LEAST: Duration = Duration::from_secs(2);

/// What a program is not given of this one's environment: credentials of the pipeline's account.
const WITHHELD: [&str; 9] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// What is to be run, with its variables filled in.
struct Run {
    program: String,
    arguments: Vec<String>,
    env: BTreeMap<String, String>,
}

/// Runs the program once.
pub(super) async fn ask(
    runner: &Runner,
    name: &str,
    check: &CommandCheck,
    variables: &Variables<'_>,
) -> Answer {
    let run = match Run::of(check, name, variables) {
        Ok(run) => run,
        Err(why) => return Answer::errored(why),
    };
    let _place = runner.programs.acquire().await.ok();
    let began = runner.clock.now();
    let ended = match &runner.network {
        Network::Sockets => {
            let within = runner.clock.real(check.within).max(LEAST);
            run.really(check, Instant::now() + within).await
        }
        Network::Simulated(applications) => {
            let group = variables.group;
            let instance = variables.instance.map(|(id, _)| id);
            let place = (&group.region, &group.group, instance);
            let words = run.words();
            let ending = applications.run(place, &words);
            let limit = runner.clock.real(check.within);
            match tokio::time::timeout(limit, ending).await {
                Ok(Ok(end)) => Ok(Ended {
                    exit: Some(end.exit),
                    output: end.output,
                    errors: end.errors,
                    ..Ended::default()
                }),
                Ok(Err(why)) => Err((why, Ended::default())),
                Err(_) => Err((late(check), Ended::default())),
            }
        }
    };
    let took = runner.clock.since(began);
    match ended {
        Ok(ended) => program::judge(&check.end, &ended, took).in_time(took),
        Err((why, said)) => {
            let evidence = if said == Ended::default() { String::new() } else { program::evidence(&said) };
            Answer::errored(why).with_evidence(evidence).in_time(took)
        }
    }
}

fn late(check: &CommandCheck) -> String {
    format!("did not end within {:?}, and was killed", check.within)
}

impl Run {
    fn of(check: &CommandCheck, name: &str, variables: &Variables<'_>) -> Result<Self, String> {
        let fill = |line: &Line| line.fill(|name| variables.in_host(&format!("{{{name}}}")));
        let mut words = check.run.iter().map(fill).collect::<Result<Vec<_>, _>>()?.into_iter();
        let program = words.next().unwrap_or_default();
        let mut env = BTreeMap::new();
        for (name, line) in &check.env {
            env.insert(name.clone(), fill(line)?);
        }
        let group = variables.group;
        env.extend([
            ("AMI_REFRESH_CHECK".to_owned(), name.to_owned()),
            ("AMI_REFRESH_ENVIRONMENT".to_owned(), group.environment.to_string()),
            ("AMI_REFRESH_REGION".to_owned(), group.region.to_string()),
            ("AMI_REFRESH_GROUP".to_owned(), group.group.to_string()),
        ]);
        if let Some((id, instance)) = variables.instance {
            let address = instance.and_then(|instance| instance.private_ip.as_deref());
            env.insert("AMI_REFRESH_INSTANCE_ID".to_owned(), id.to_string());
            env.extend(address.map(|address| ("AMI_REFRESH_PRIVATE_IP".to_owned(), address.to_owned())));
        }
        Ok(Self { program, arguments: words.collect(), env })
    }

    /// The program and its arguments.
    fn words(&self) -> Vec<String> {
        [vec![self.program.clone()], self.arguments.clone()].concat()
    }

    /// Runs it on this machine; what it said so far when it did not end.
    async fn really(&self, check: &CommandCheck, deadline: Instant) -> Result<Ended, (String, Ended)> {
        let mut child = self.start(check.dir.as_deref()).map_err(|why| (why, Ended::default()))?;
        let processes = Processes::led_by(&child);
        let mut said = (Kept::of(check.output_limit), Kept::of(check.output_limit));
        let (in_time, status) = hear_out(&mut child, &mut said, processes, deadline).await;
        let ended = Ended {
            exit: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            output: said.0.text(),
            errors: said.1.text(),
            cut: cut(&said.0, &said.1, check.output_limit),
        };
        match (in_time, status) {
            (true, Some(_)) => Ok(ended),
            (true, None) => Err((format!("it is not known how `{}` ended", self.program), ended)),
            (false, _) => Err((late(check), ended)),
        }
    }

    fn start(&self, dir: Option<&Path>) -> Result<Child, String> {
        self.command(dir).spawn().map_err(|error| not_started(&self.program, &error))
    }

    fn command(&self, dir: Option<&Path>) -> Command {
        let mut command = Command::new(located(&self.program));
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        for name in WITHHELD.into_iter().chain(["AMI_REFRESH_INSTANCE_ID", "AMI_REFRESH_PRIVATE_IP"]) {
            command.env_remove(name);
        }
        command.envs(&self.env);
        if let Some(dir) = dir {
            command.current_dir(dir);
        }
        command
    }
}

/// Where the program is: a path is from where this program runs, not from the check's folder.
fn located(program: &str) -> PathBuf {
    if !program.contains('/') {
        return PathBuf::from(program);
    }
    std::path::absolute(program).unwrap_or_else(|_| PathBuf::from(program))
}

fn not_started(program: &str, error: &std::io::Error) -> String {
    use std::io::ErrorKind as Kind;
    let (why, next) = match error.kind() {
        Kind::NotFound if program.contains('/') => {
            ("is not there, or the interpreter of its first line is not", "put it there")
        }
        Kind::NotFound => ("is not on this machine's PATH", "install it, or give its path"),
        Kind::PermissionDenied => ("may not be run", "make it executable for the user that runs this"),
        _ if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) => {
            ("is no program", "give a script a first line such as `#!/bin/sh`")
        }
        _ => return format!("`{program}` can't be started: {error}"),
    };
    format!("`{program}` {why}: {next}")
}

/// Hears a program until it ends, or is ended at the deadline: whether it ended in time, and how.
async fn hear_out(
    child: &mut Child,
    said: &mut (Kept, Kept),
    processes: Processes,
    deadline: Instant,
) -> (bool, Option<ExitStatus>) {
    let mut hearing = std::pin::pin!(hear(child, said));
    if let Ok(status) = tokio::time::timeout_at(deadline, &mut hearing).await {
        // Whoever is left of the group holds what the program has opened, and is nobody's any more.
        processes.end().await;
        return (true, status.ok());
    }
    // It is heard on meanwhile: who writes to a closed pipe is killed before it can tidy up.
    let hearing = tokio::time::timeout(GRACE + LINGER * 2, hearing);
    let ((), status) = tokio::join!(processes.end(), hearing);
    (false, status.ok().and_then(Result::ok))
}

/// Reads both streams until the program has ended, and a little longer from who holds them still.
async fn hear(child: &mut Child, said: &mut (Kept, Kept)) -> std::io::Result<ExitStatus> {
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    let reading = async { tokio::join!(read(output, &mut said.0), read(errors, &mut said.1)) };
    let mut reading = std::pin::pin!(reading);
    tokio::select! {
        status = child.wait() => {
            let status = status?;
            // A process in the background may hold the streams open for ever.
            let _ = tokio::time::timeout(LINGER, &mut reading).await;
            Ok(status)
        }
        _ = &mut reading => child.wait().await,
    }
}

async fn read<R: AsyncRead + Unpin>(stream: Option<R>, kept: &mut Kept) {
    let Some(mut stream) = stream else { return };
    let mut buffer = vec![0; 8192];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => kept.push(&buffer[..read]),
        }
        // One that never stops talking must not keep everybody else from being heard.
        tokio::task::yield_now().await;
    }
}

fn cut(output: &Kept, errors: &Kept, limit: usize) -> String {
    match output.left_out() + errors.left_out() {
        0 => String::new(),
        _ => format!("only the first and the last {} bytes of each stream were kept", limit.div_ceil(2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_out_of_what_it_inherits_unless_they_are_given() {
        let given = BTreeMap::from([("AWS_SESSION_TOKEN".to_owned(), "its own".to_owned())]);
        let run = Run { program: "x".into(), arguments: Vec::new(), env: given };
        let command = run.command(None);
        let set: BTreeMap<_, _> = command.as_std().get_envs().collect();
        for name in WITHHELD.into_iter().filter(|name| *name != "AWS_SESSION_TOKEN") {
            assert_eq!(set.get(std::ffi::OsStr::new(name)), Some(&None), "{name}");
        }
        let token = set.get(std::ffi::OsStr::new("AWS_SESSION_TOKEN")).copied().flatten();
        assert_eq!(token, Some(std::ffi::OsStr::new("its own")));
        // Another instance's, where this program runs in a check of its own.
        assert_eq!(set.get(std::ffi::OsStr::new("AMI_REFRESH_PRIVATE_IP")), Some(&None));
    }
}
