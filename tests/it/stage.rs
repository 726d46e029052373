//! A small fleet on the simulator, and the rollout on top of it, in one runtime on paused time.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use ami_refresh::aws::{Cloud, Settings};
use ami_refresh::clock::Clock;
use ami_refresh::config::Fleet;
use ami_refresh::event::{Event, Stamped};
use ami_refresh::model::{
    AccountId, Architecture, Build, Candidate, CandidateImage, EnvironmentName, ImageId, Region, Verdict,
};
use ami_refresh::net::Network;
use ami_refresh::rollout::{self, Events, Run, Scope, Steps};
use ami_refresh::sim::{FleetSpec, HOME_KEY, HOME_SECRET, Scenario, Setup, Simulator};
use ami_refresh::smoke::Runner;

pub(crate) const NEW: &str = "ami-0f1e2d3c4b5a69788";
/// The candidate's image for arm64, where it has one.
pub(crate) const NEW_ARM: &str = "ami-0f1e2d3c4b5a6aa64";
pub(crate) const REGION: &str = "eu-west-2";
pub(crate) const HOME: &str = "100000000000";

/// Two environments of three groups: one pinned, one on `$Latest`, one on `$Default`.
pub(crate) const CONFIG: &str = "
version: 1
families:
  base:
    previous: { name: 'dept-base-*', owners: [self] }
defaults:
  regions: [eu-west-2]
  refresh: { bake: 10m, timeout: 1h }
environments:
  - name: dev
    account: '111111111111'
    role_arn: arn:aws:iam::111111111111:role/ami-refresh
    select: { tags: { Environment: dev } }
    checks: [instances, targets, app-health]
  - name: qa
    account: '222222222222'
    role_arn: arn:aws:iam::222222222222:role/ami-refresh
    select: { tags: { Environment: qa } }
    gate: { requires: [dev] }
    checks: [instances, targets, app-health]
checks:
  app-health:
    http: { url: 'http://{private_ip}:8080/health', json: { '$.status': UP }, within: 2s }
    retry: { for: 1m, every: 10s }
";

/// The services that stay in the small fleet.
const SERVICES: [&str; 3] = ["payments", "orders", "catalog"];

pub(crate) struct Stage {
    pub(crate) fleet: Fleet,
    pub(crate) candidate: Candidate,
    pub(crate) simulator: Simulator,
    pub(crate) clock: Clock,
    pub(crate) cloud: Cloud,
    pub(crate) events: Rc<RefCell<Vec<Stamped>>>,
}

impl Stage {
    pub(crate) async fn new(config: &str, scenario: Scenario, seed: u64) -> Self {
        Self::with(config, scenario, seed, |_| {}).await
    }

    /// A stage whose fleet `change` has had a hand in.
    pub(crate) async fn with(
        config: &str,
        scenario: Scenario,
        seed: u64,
        change: impl FnOnce(&mut FleetSpec),
    ) -> Self {
        Self::with_images(config, scenario, seed, &[(REGION, NEW)], change).await
    }

    /// A stage with a candidate of both architectures.
    pub(crate) async fn of_both(
        config: &str,
        scenario: Scenario,
        seed: u64,
        change: impl FnOnce(&mut FleetSpec),
    ) -> Self {
        Self::with_images(config, scenario, seed, &[(REGION, NEW), (REGION, NEW_ARM)], change).await
    }

    /// A stage with a candidate of these images, one a region and architecture.
    pub(crate) async fn with_images(
        config: &str,
        scenario: Scenario,
        seed: u64,
        images: &[(&str, &str)],
        change: impl FnOnce(&mut FleetSpec),
    ) -> Self {
        fastrand::seed(seed);
        let fleet = Fleet::parse(Path::new("test.yaml"), config).expect("a valid configuration");
        let clock = Clock::starting_at("2026-11-22T19:00:00Z".parse().unwrap(), 1.0);
        let images: Vec<(Region, ImageId, Architecture)> = images
            .iter()
            .map(|(region, id)| (Region::from(*region), ImageId::from(*id), architecture(id)))
            .collect();
        let mut spec = FleetSpec::from_config(&fleet, &images, &AccountId::from(HOME));
        keep(&mut spec, &SERVICES);
        change(&mut spec);
        let simulator = Simulator::new(Setup::new(spec, scenario, seed), clock);
        let cloud = Cloud::new(Settings {
            clock,
            http_client: Some(simulator.http_client()),
            credentials: Some((HOME_KEY.to_owned(), HOME_SECRET.to_owned())),
            session_name: "test".into(),
        })
        .await;
        let image = |(region, id, architecture): (Region, ImageId, Architecture)| CandidateImage {
            region,
            id,
            architecture,
            name: "dept-base-new".into(),
            owner: HOME.into(),
        };
        let images = images.into_iter().map(image).collect();
        let candidate = Candidate::new("base".into(), images, Build::default(), "test".into());
        Self { fleet, candidate, simulator, clock, cloud, events: Rc::default() }
    }

    pub(crate) fn run(&self) -> Run<'_> {
        let sink = Rc::clone(&self.events);
        let events = Events::new(self.clock, move |event| sink.borrow_mut().push(event));
        let probes = Runner::new(self.clock, Network::Simulated(self.simulator.applications()));
        Run::new(&self.fleet, &self.candidate, &self.cloud, self.clock, probes, events)
    }

    pub(crate) fn names(&self) -> Vec<EnvironmentName> {
        self.fleet.environments.iter().map(|environment| environment.name.clone()).collect()
    }

    /// The whole rollout through every environment.
    pub(crate) async fn rollout(&self) -> Vec<Verdict> {
        let scope = Scope { wait: true, ..Scope::now(Steps::Rollout) };
        let verdicts = rollout::run(&self.run(), &self.names(), &scope).await;
        verdicts.into_iter().map(|(_, verdict)| verdict).collect()
    }

    /// The rollout until it ends, or `None` when the simulator's crash fault strikes first.
    pub(crate) async fn rollout_or_crash(&self) -> Option<Vec<Verdict>> {
        tokio::select! {
            biased;
            () = self.simulator.crashed() => None,
            verdicts = self.rollout() => Some(verdicts),
        }
    }

    pub(crate) fn told<T>(&self, pick: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.events.borrow().iter().filter_map(|stamped| pick(&stamped.event)).collect()
    }
}

fn architecture(id: &str) -> Architecture {
    if id == NEW_ARM { Architecture::Arm64 } else { Architecture::X86_64 }
}

/// Keeps the groups of these services only.
pub(crate) fn keep(spec: &mut FleetSpec, services: &[&str]) {
    let service = |name: &str| name.rsplit_once('-').map_or(name, |(service, _)| service).to_owned();
    spec.hosts.clear();
    spec.groups.retain(|group| {
        // The second environment is there to be left alone, or to come after: one group will do.
        let first = group.name.as_str().ends_with("-dev");
        let services = if first { services } else { &services[..1] };
        services.contains(&service(group.name.as_str()).as_str())
    });
    // The smallest groups in which an old and a new instance can serve side by side.
    for group in &mut spec.groups {
        group.capacity = (1, 2, 4);
    }
}
