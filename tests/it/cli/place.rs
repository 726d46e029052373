//! A folder in which the program is run, with nothing of this machine's own set-up.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ami_refresh::event::{Event, Stamped};
use serde_json::Value;
use tempfile::TempDir;

/// The image that is rolled out.
pub(super) const NEW: &str = "ami-0f1e2d3c4b5a69788";

/// Two environments, quick to refresh: all instances of a group at once, all groups at once.
///
/// Limits on time are generous, for virtual seconds are short on a fast clock.
pub(super) const CONFIG: &str = "\
version: 1
families:
  base:
    previous: { name: 'dept-base-*', owners: [self] }
defaults:
  regions: [eu-west-2]
  refresh: { min_healthy: 0, max_healthy: 100, warmup: 1m, bake: 10m, timeout: 6h, canary: 0 }
environments:
  - name: sandbox
    account: '111111111111'
    role_arn: arn:aws:iam::111111111111:role/ami-refresh
    select: { tags: { Environment: sandbox } }
    checks: [instances, app-health]
  - name: dev
    account: '222222222222'
    role_arn: arn:aws:iam::222222222222:role/ami-refresh
    select: { tags: { Environment: dev } }
    gate: { requires: [sandbox] }
    checks: [instances]
checks:
  app-health:
    http: { url: 'http://{private_ip}:8080/health', json: { '$.status': UP }, within: 30s }
    retry: { for: 8m, every: 10s }
";

/// A folder, and what the program is told by the environment there.
pub(super) struct Place {
    dir: TempDir,
    pub(super) variables: Vec<(String, String)>,
}

/// What came of a run.
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
    pub(super) took: Duration,
}

impl Place {
    /// An empty folder: the program works on what ships with it, and has no credentials.
    pub(super) fn empty() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let home = dir.path().join("home");
        std::fs::create_dir(&home).expect("a home");
        let mut place = Self { dir, variables: Vec::new() };
        place.set("PATH", &std::env::var("PATH").unwrap_or_default());
        place.set("HOME", home.to_str().expect("a readable path"));
        place.set("AWS_EC2_METADATA_DISABLED", "true");
        place
    }

    /// A folder with the small configuration and a manifest.
    pub(super) fn new() -> Self {
        let mut place = Self::empty();
        place.write("environments.yaml", CONFIG);
        place.write("manifest.json", &manifest(&format!("eu-west-2:{NEW}")));
        place.set("AMI_REFRESH_CONFIG", "environments.yaml");
        place
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Credentials, and an endpoint where nobody listens: whoever asks AWS anything fails.
    pub(super) fn without_aws(mut self) -> Self {
        self.set("AWS_ACCESS_KEY_ID", "AKIANOBODY");
        self.set("AWS_SECRET_ACCESS_KEY", "nothing");
        self.set("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{}", closed_port()));
        self
    }

    /// The program with these arguments, not yet run.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        self.program(env!("CARGO_BIN_EXE_ami-refresh"), args)
    }

    /// Any program, as it would be run here.
    pub(super) fn program(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env_clear().envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program; the arguments are split at spaces.
    pub(super) fn run(&self, args: &str) -> Ran {
        self.run_with(&args.split_whitespace().collect::<Vec<_>>())
    }

    pub(super) fn run_with(&self, args: &[&str]) -> Ran {
        let begun = Instant::now();
        let mut command = assert_cmd::Command::from_std(self.command(args));
        let output = command.timeout(Duration::from_secs(150)).output().expect("the program runs");
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
            took: begun.elapsed(),
        }
    }

    /// The events of the last run.
    pub(super) fn journal(&self) -> Vec<Event> {
        let lines = self.read("reports/journal.jsonl");
        let event = |line: &str| match serde_json::from_str::<Stamped>(line) {
            Ok(stamped) => stamped.event,
            Err(error) => panic!("{error} in {line}"),
        };
        lines.lines().map(event).collect()
    }

    /// The names of the files in the reports' folder that begin so, sorted.
    pub(super) fn reports(&self, prefix: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path("reports"))
            .expect("the reports")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a readable name"))
            .filter(|name| name.starts_with(prefix))
            .collect();
        names.sort();
        names
    }
}

impl Ran {
    /// Itself, when it ended with that code.
    #[track_caller]
    pub(super) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- out\n{}\n--- err\n{}", self.out, self.err);
        self
    }

    /// Itself, when everything it printed holds each of these.
    #[track_caller]
    pub(super) fn says(self, parts: &[&str]) -> Self {
        let all = format!("{}{}", self.out, self.err);
        for part in parts {
            assert!(all.contains(part), "{part:?} is not said in\n{all}");
        }
        self
    }

    /// What it printed as JSON.
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in\n{}", self.out))
    }
}

/// A Packer manifest of one build with this artifact.
pub(super) fn manifest(artifact: &str) -> String {
    format!(
        r#"{{"builds":[{{"name":"base","builder_type":"amazon-ebs","build_time":1795291500,"files":null,"artifact_id":"{artifact}","packer_run_uuid":"run-2","custom_data":null}}],"last_run_uuid":"run-2"}}"#
    )
}

/// A port on loopback where nobody listens.
pub(super) fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// The names of elements in an XML file, which must be well-formed.
pub(super) fn elements(path: &Path) -> Vec<String> {
    use quick_xml::events::Event as Xml;
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = quick_xml::Reader::from_str(&text);
    let mut names = Vec::new();
    let mut depth = 0_usize;
    loop {
        match reader.read_event() {
            Ok(Xml::Start(start)) => {
                depth += 1;
                names.push(start.name().as_ref().to_owned());
            }
            Ok(Xml::Empty(empty)) => names.push(empty.name().as_ref().to_owned()),
            Ok(Xml::End(_)) => depth -= 1,
            Ok(Xml::Eof) => break,
            Ok(_) => {}
            Err(error) => panic!("{} is not well-formed: {error}", path.display()),
        }
    }
    assert_eq!(depth, 0, "{} ends in the middle", path.display());
    names
}
