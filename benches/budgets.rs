//! Measures the budgets of a rollout on the simulator and prints numbers; asserts nothing.
//!
//! `cargo bench --bench budgets`, or of so many groups with `-- 10 500`, on AWS's
//! limits with `-- throttled 500`. Times are of this machine; calls and virtual times are the
//! same everywhere.

#![expect(clippy::expect_used, reason = "a benchmark that can't go on has nothing to measure")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use ami_refresh::aws::{Cloud, Settings};
use ami_refresh::clock::Clock;
use ami_refresh::config::Fleet;
use ami_refresh::event::{Event, Stamped};
use ami_refresh::model::{AccountId, Architecture, Build, Candidate, CandidateImage, ImageId, Region};
use ami_refresh::net::Network;
use ami_refresh::rollout::{self, Events, Run, Scope, Steps};
use ami_refresh::sim::{FleetSpec, HOME_KEY, HOME_SECRET, Scenario, Setup, Simulator};
use ami_refresh::smoke::Runner;

const NEW: &str = "ami-0f1e2d3c4b5a69788";
const REGION: &str = "eu-west-2";
const HOME: &str = "100000000000";

/// One environment; every refresh takes about half an hour, its bake included.
const CONFIG: &str = "
version: 1
families: { base: { previous: { name: 'dept-base-*', owners: [self] } } }
defaults: { regions: [eu-west-2], refresh: { bake: 10m, warmup: 200s, canary: 0, groups_at_once: 1000 } }
environments:
  - name: big
    account: '111111111111'
    role_arn: arn:aws:iam::111111111111:role/ami-refresh
    select: { tags: { Environment: big } }
    checks: [instances, app-health]
checks:
  app-health: { http: { url: 'http://{private_ip}:8080/health', json: { '$.status': UP }, within: 2s } }
";

/// The default groups of the environment, multiplied to `count`, each with its own template.
fn spec(fleet: &Fleet, count: usize) -> FleetSpec {
    let images = [(REGION.into(), NEW.into(), Architecture::X86_64)];
    let mut spec = FleetSpec::from_config(fleet, &images, &AccountId::from(HOME));
    let (groups, templates) = (spec.groups.clone(), spec.templates.clone());
    spec.groups.clear();
    spec.templates.clear();
    spec.hosts.clear();
    for at in 0..count {
        let mut group = groups[at % groups.len()].clone();
        let template = templates.iter().find(|template| template.name == group.template);
        let mut template = template.expect("a group's template exists").clone();
        template.name = format!("{}-{at}", template.name);
        group.template.clone_from(&template.name);
        group.name = format!("{}-{at}", group.name).as_str().into();
        group.capacity = (1, 4, 8);
        group.target_groups.clear();
        spec.templates.push(template);
        spec.groups.push(group);
    }
    spec
}

struct Measured {
    groups: usize,
    calls: usize,
    by_action: BTreeMap<String, usize>,
    virtual_seconds: f64,
    longest_refresh: f64,
    wall_seconds: f64,
}

async fn measure(count: usize, scenario: Scenario) -> Measured {
    fastrand::seed(1);
    let fleet = Fleet::parse(Path::new("bench.yaml"), CONFIG).expect("a valid configuration");
    let clock = Clock::starting_at("2026-11-22T19:00:00Z".parse().expect("a time"), 1.0);
    let simulator = Simulator::new(Setup::new(spec(&fleet, count), scenario, 1), clock);
    let cloud = Cloud::new(Settings {
        clock,
        http_client: Some(simulator.http_client()),
        credentials: Some((HOME_KEY.into(), HOME_SECRET.into())),
        session_name: "bench".into(),
    })
    .await;
    let image = CandidateImage {
        region: Region::from(REGION),
        id: ImageId::from(NEW),
        architecture: "x86_64".to_owned().into(),
        name: "dept-base-new".into(),
        owner: HOME.into(),
    };
    let candidate = Candidate::new("base".into(), vec![image], Build::default(), "bench".into());
    let told: Rc<RefCell<Vec<Stamped>>> = Rc::default();
    let sink = Rc::clone(&told);
    let events = Events::new(clock, move |event| sink.borrow_mut().push(event));
    let probes = Runner::new(clock, Network::Simulated(simulator.applications()));
    let run = Run::new(&fleet, &candidate, &cloud, clock, probes, events);
    let (begun, wall) = (clock.now(), Instant::now());
    let names = [fleet.environments[0].name.clone()];
    let verdicts = rollout::run(&run, &names, &Scope::now(Steps::Rollout)).await;
    let wall_seconds = wall.elapsed().as_secs_f64();
    let virtual_seconds = clock.since(begun).as_secs_f64();
    let refreshed =
        told.borrow().iter().filter(|stamped| matches!(stamped.event, Event::GroupEnded { .. })).count();
    assert_eq!(refreshed, count, "every group ended; the run ended as {verdicts:?}");
    let longest_refresh = simulator.inspect(|world| {
        let all = world.groups.values().flat_map(|group| &group.refreshes);
        let lengths = all.filter_map(|r| Some(r.ended?.duration_since(r.started).as_secs_f64()));
        lengths.fold(0.0, f64::max)
    });
    let mut by_action = BTreeMap::new();
    let calls = simulator.calls();
    for call in &calls {
        *by_action.entry(call.action.clone()).or_insert(0) += 1;
    }
    Measured { groups: count, calls: calls.len(), by_action, virtual_seconds, longest_refresh, wall_seconds }
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its numbers")]
#[expect(clippy::cast_precision_loss, reason = "counts far below what a double holds")]
fn main() {
    let mut counts: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    if counts.is_empty() {
        counts.extend([10, 100, 500, 1000]);
    }
    let throttled = std::env::args().any(|argument| argument == "throttled");
    let scenario = Scenario::named(if throttled { "throttled" } else { "clean" }).expect("a scenario");
    for count in counts {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let m = runtime.expect("a runtime").block_on(measure(count, scenario.clone()));
        let (calls, groups) = (m.calls as f64, m.groups as f64);
        println!("{count} groups at once:");
        println!("  AWS calls a group     {:>8.2}   (budget 12)", calls / groups);
        println!("  longest refresh       {:>8.0} s virtual", m.longest_refresh);
        println!("  whole rollout         {:>8.0} s virtual", m.virtual_seconds);
        println!("  ratio of the two      {:>8.3}   (budget 1.02)", m.virtual_seconds / m.longest_refresh);
        println!(
            "  wall time             {:>8.2} s, simulator included, {:.2} ms a group",
            m.wall_seconds,
            m.wall_seconds * 1000.0 / groups
        );
        let mut actions: Vec<(&String, &usize)> = m.by_action.iter().collect();
        actions.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (action, count) in actions {
            println!("    {:>8.2}  {action}", *count as f64 / groups);
        }
    }
}
