//! Measures how many HTTP checks a second are asked and judged, beside hurl; asserts no speed.
//!
//! `cargo bench --bench checks`, or `-- 10000 7` for so many checks and rounds. The server, our
//! checks and hurl are processes of their own, and take turns on one server. hurl is `HURL`, or
//! the one on the `PATH`; `cargo install hurl --locked` makes one (it needs the headers of
//! libcurl and libxml2). Without it our own numbers are printed alone.
//!
//! Both ask one URL, want status 200 and `$.status` to be `UP`, and must have asked exactly so
//! often: the server counts. Times are of whole processes, from start to end.

#![expect(clippy::expect_used, reason = "a benchmark that can't go on has nothing to measure")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its numbers")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ami_refresh::aws::{Cloud, Settings};
use ami_refresh::clock::Clock;
use ami_refresh::config::Fleet;
use ami_refresh::event::{GroupRef, Status};
use ami_refresh::model::Region;
use ami_refresh::net::Network;
use ami_refresh::smoke::{Expectation, Runner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"UP\"}";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|one| !one.starts_with("--")).collect();
    match arguments.first().map(String::as_str) {
        Some("serve") => runtime().block_on(serve()),
        Some("ask") => runtime().block_on(ask(&arguments[1], number(&arguments[2]))),
        _ => compare(&arguments),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}

/// Says its address, then answers every request the same; under `/count` how often it did.
async fn serve() {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("an address");
    println!("{}", listener.local_addr().expect("an address"));
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                heard.extend_from_slice(&buffer[..read]);
                if !heard.ends_with(b"\r\n\r\n") {
                    continue;
                }
                let last = heard.windows(17).any(|part| part.eq_ignore_ascii_case(b"connection: close"));
                let answer = if heard.starts_with(b"GET /count ") {
                    let asked = ASKED.load(Ordering::Relaxed).to_string();
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{asked}", asked.len()).into_bytes()
                } else {
                    ASKED.fetch_add(1, Ordering::Relaxed);
                    ANSWER.to_vec()
                };
                if stream.write_all(&answer).await.is_err() || last {
                    return;
                }
                heard.clear();
            }
        });
    }
}

/// Asks `count` checks at once, as a group's checks are asked, and proves that each passed.
async fn ask(address: &str, count: usize) {
    let config = format!(
        "
version: 1
families: {{ base: {{ previous: {{ name: 'dept-base-*', owners: [self] }} }} }}
environments:
  - name: bench
    account: '111111111111'
    role_arn: arn:aws:iam::111111111111:role/ami-refresh
    regions: [eu-west-2]
    select: {{ tags: {{ Environment: bench }} }}
    checks: [health]
checks:
  health:
    http: {{ url: 'http://{address}/health', json: {{ '$.status': UP }}, within: 60s }}
    on: group
    retry: {{ for: 0s }}
"
    );
    let fleet = Fleet::parse(Path::new("bench.yaml"), &config).expect("a valid configuration");
    let clock = Clock::system();
    let cloud = Cloud::new(Settings {
        clock,
        http_client: None,
        credentials: Some(("none".into(), "none".into())),
        session_name: "bench".into(),
    })
    .await;
    let account = cloud.home(&Region::from("eu-west-2"));
    let group = GroupRef { environment: "bench".into(), region: "eu-west-2".into(), group: "web".into() };
    let expect = Expectation {
        group,
        launches: None,
        any_version: true,
        in_part: false,
        spares_protected: false,
        tags: std::collections::BTreeMap::new(),
        deadline: None,
    };
    let checks = vec![&fleet.checks["health"]; count];
    let began = Instant::now();
    let results = Runner::new(clock, Network::Sockets).run(&account, &expect, &checks, |_| ()).await;
    let took = began.elapsed();
    let wrong = results.iter().find(|result| result.status != Status::Passed);
    assert!(wrong.is_none() && results.len() == count, "{} results, {wrong:?}", results.len());
    println!("{} {}", took.as_secs_f64(), peak(std::process::id()).expect("our own peak"));
}

/// The most memory that a running process had, in KiB.
fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}

/// One process's run: seconds from its start to its end, and its peak memory in KiB.
struct Measured {
    seconds: f64,
    peak: u64,
}

fn compare(arguments: &[String]) {
    let count = arguments.first().map_or(10_000, |text| number(text));
    let rounds = arguments.get(1).map_or(5, |text| number(text));
    let hurl = hurl();
    let mut server = Server::start();
    println!("{count} HTTP checks of status 200 and $.status == UP, {rounds} rounds in turns,");
    println!(
        "one server on {}, {} processors",
        server.address,
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let (measured, inside) = server.counted(count, |address| run_ours(address, count));
        print!("round {round}: ours {:>8.0} /s", rate(count, measured.seconds));
        print!(" ({:.0} /s without starting up), {} KiB", rate(count, inside), measured.peak);
        ours.push(measured);
        if let Some(hurl) = &hurl {
            let measured = server.counted(count, |address| run_hurl(hurl, address, count));
            let ratio = measured.seconds / ours[round - 1].seconds;
            print!(
                "; hurl {:>8.0} /s, {} KiB; {ratio:.1} times",
                rate(count, measured.seconds),
                measured.peak
            );
            theirs.push(measured);
        }
        println!();
    }
    summary("ours", count, &ours);
    match &hurl {
        None => println!(
            "no hurl on the PATH, nor in HURL: `cargo install hurl --locked` makes one \
             (apt-get install libcurl4-openssl-dev libxml2-dev libclang-dev)"
        ),
        Some(hurl) => {
            summary("hurl", count, &theirs);
            let command = Command::new(hurl).arg("--version").output().expect("hurl runs");
            let version =
                String::from_utf8_lossy(&command.stdout).lines().next().unwrap_or_default().to_owned();
            println!("{version}: --parallel --jobs 16 --repeat {count}");
            println!("ratio of the medians  {:>8.2}   (budget 5)", median(&theirs) / median(&ours));
        }
    }
    println!(
        "our peak memory       {:>8.1} MiB (budget 32)",
        mib(ours.iter().map(|one| one.peak).max().unwrap_or(0))
    );
}

fn summary(name: &str, count: usize, all: &[Measured]) {
    let most = all.iter().map(|one| one.peak).max().unwrap_or(0);
    println!("{name}: median {:>8.0} /s, peak {:.1} MiB", rate(count, median(all)), mib(most));
}

#[expect(clippy::cast_precision_loss, reason = "counts far below what a double holds")]
fn rate(count: usize, seconds: f64) -> f64 {
    count as f64 / seconds
}

#[expect(clippy::cast_precision_loss, reason = "counts far below what a double holds")]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

fn median(all: &[Measured]) -> f64 {
    let mut seconds: Vec<f64> = all.iter().map(|one| one.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// The server's process; ended with this.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start() -> Self {
        let myself = std::env::current_exe().expect("our own path");
        let mut process = Command::new(myself).arg("serve").stdout(Stdio::piped()).spawn().expect("a server");
        let mut address = String::new();
        BufReader::new(process.stdout.take().expect("its output"))
            .read_line(&mut address)
            .expect("its address");
        Self { process, address: address.trim().to_owned() }
    }

    /// Runs something that must ask the server exactly so often.
    fn counted<T>(&mut self, count: usize, run: impl FnOnce(&str) -> T) -> T {
        let before = self.asked();
        let result = run(&self.address);
        let asked = self.asked() - before;
        assert_eq!(asked, count as u64, "the server was asked as often as it should");
        result
    }

    fn asked(&self) -> u64 {
        let mut stream = TcpStream::connect(&self.address).expect("the server listens");
        stream.write_all(b"GET /count HTTP/1.1\r\nConnection: close\r\n\r\n").expect("the server hears");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the server answers");
        answer.lines().last().and_then(|count| count.parse().ok()).expect("a count")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Our own run, and the seconds that the checks alone took.
fn run_ours(address: &str, count: usize) -> (Measured, f64) {
    let myself = std::env::current_exe().expect("our own path");
    let began = Instant::now();
    let output = Command::new(myself).args(["ask", address, &count.to_string()]).output().expect("it runs");
    let seconds = began.elapsed().as_secs_f64();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut said = said.split_whitespace();
    let inside = said.next().and_then(|text| text.parse().ok()).expect("seconds");
    let peak = said.next().and_then(|text| text.parse().ok()).expect("its peak");
    (Measured { seconds, peak }, inside)
}

fn run_hurl(hurl: &Path, address: &str, count: usize) -> Measured {
    let file = std::env::temp_dir().join(format!("ami-refresh-bench-{}.hurl", std::process::id()));
    let text = format!("GET http://{address}/health\nHTTP 200\n[Asserts]\njsonpath \"$.status\" == \"UP\"\n");
    std::fs::write(&file, text).expect("a file");
    let began = Instant::now();
    let mut process = Command::new(hurl)
        .args(["--parallel", "--jobs", "16", "--repeat", &count.to_string()])
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("hurl runs");
    let mut most = 0;
    let status = loop {
        if let Some(status) = process.try_wait().expect("hurl runs") {
            break status;
        }
        most = most.max(peak(process.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    };
    let seconds = began.elapsed().as_secs_f64();
    let _ = std::fs::remove_file(&file);
    assert!(status.success(), "hurl ended with {status}");
    Measured { seconds, peak: most }
}

/// `HURL`, or the first `hurl` on the `PATH`.
fn hurl() -> Option<PathBuf> {
    let named = std::env::var_os("HURL").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    named.or_else(|| {
        std::env::split_paths(&path).map(|folder| folder.join("hurl")).find(|file| file.is_file())
    })
}
