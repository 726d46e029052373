//! What the tests of this module share: groups, checks, canned AWS answers.

mod captures;
mod command;
mod deadlines;
mod follow;
mod held;
mod http;
mod https;
mod judgements;
mod limit;
mod nasty;
mod network;
mod redirects;
mod refused;
mod reuse;
mod send;
mod taken;
mod tcp;
mod trust;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::look::Calls;
use super::*;
use crate::aws;
use crate::config::{HttpCheck, TcpCheck};
use crate::event::Status;
use crate::model::{Group, Instance, Lifecycle, Member, Sighting, TargetHealth};

/// How much faster than the runtime's the clock runs against real sockets.
const SPEED: f64 = 50.0;

/// A clock for tests with sockets, which do not go with paused time.
fn fast() -> Clock {
    Clock::starting_at("2026-11-22T19:00:00Z".parse().unwrap(), SPEED)
}

fn runner() -> Runner {
    Runner::new(fast(), Network::Sockets)
}

fn expectation() -> Expectation {
    Expectation {
        group: GroupRef { environment: "qa".into(), region: "eu-west-2".into(), group: "web".into() },
        launches: Some(vec![Launch { template: "lt-1".into(), version: 7, image: "ami-new".into() }]),
        any_version: false,
        in_part: false,
        spares_protected: false,
        tags: BTreeMap::from([("Service".to_owned(), "web a/b".to_owned())]),
        deadline: None,
    }
}

fn member(id: &str, lifecycle: Lifecycle) -> Member {
    Member {
        id: id.into(),
        lifecycle,
        healthy: true,
        launched_from: Some(("lt-1".into(), 7)),
        protected: false,
        weight: 1,
    }
}

fn instance(id: &str, address: &str) -> Instance {
    Instance {
        id: id.into(),
        image: "ami-new".into(),
        private_ip: Some(address.into()),
        private_dns: Some(format!("{id}.internal")),
        instance_type: Some("m7g.large".into()),
        availability_zone: Some("eu-west-2a".into()),
        state: "running".into(),
        status_ok: Some(true),
    }
}

/// A group in which these instances serve, and as many are wanted; all is as it should be.
fn sighting(ids: &[&str], address: &str) -> Sighting {
    Sighting {
        warm: Vec::new(),
        group: Group {
            name: "web".into(),
            region: "eu-west-2".into(),
            tags: BTreeMap::new(),
            template: None,
            launch_configuration: None,
            policy: None,
            other_balancers: Vec::new(),
            maintenance: None,
            warm_pool: None,
            desired: u32::try_from(ids.len()).unwrap(),
            min: 0,
            max: 100,
            members: ids.iter().map(|id| member(id, Lifecycle::InService)).collect(),
            suspended: Vec::new(),
            target_groups: Vec::new(),
            deleting: false,
        },
        instances: ids.iter().map(|id| ((*id).into(), instance(id, address))).collect(),
    }
}

/// An error as AWS gives it.
fn throttled() -> aws::Error {
    aws::Error {
        operation: "DescribeAutoScalingGroups",
        code: "Throttling".into(),
        message: "Rate exceeded".into(),
        kind: aws::Kind::Answered,
        request_id: String::new(),
    }
}

/// Calls whose k-th sighting is `sight(k)`; nothing is registered in any target group.
fn calls(sight: impl Fn(usize) -> Result<Sighting, aws::Error> + Send + Sync + 'static) -> Calls<'static> {
    counted(sight).0
}

/// The same, with the number of sightings asked for.
fn counted(
    sight: impl Fn(usize) -> Result<Sighting, aws::Error> + Send + Sync + 'static,
) -> (Calls<'static>, Arc<Mutex<usize>>) {
    let count = Arc::new(Mutex::new(0));
    let asked = Arc::clone(&count);
    let calls = Calls {
        account: None,
        sight: Box::new(move || {
            let mut asked = asked.lock().unwrap();
            let answer = sight(*asked);
            *asked += 1;
            Box::pin(std::future::ready(answer))
        }),
        health: Box::new(|_| Box::pin(std::future::ready(Ok(Vec::new())))),
    };
    (calls, count)
}

/// Asked once.
fn once() -> RetryPolicy {
    RetryPolicy { within: Duration::ZERO, every: Duration::from_secs(1), consecutive: 1 }
}

/// Asked for so long, every so often, in seconds.
fn retry(within: u64, every: u64, consecutive: u32) -> RetryPolicy {
    RetryPolicy { within: Duration::from_secs(within), every: Duration::from_secs(every), consecutive }
}

fn check(name: &str, kind: CheckKind, on: Scope, retry: RetryPolicy) -> Check {
    let (deadline, baseline, allow_preexisting, uses) = (None, false, false, BTreeSet::new());
    Check { name: name.into(), kind, on, retry, deadline, baseline, allow_preexisting, uses }
}

/// A GET that must answer 200. The time is ample on this clock: four seconds of the machine's.
fn get(url: &str) -> HttpCheck {
    HttpCheck::get(url, Duration::from_secs(200))
}

/// Runs one check.
async fn run_one(runner: &Runner, calls: Calls<'static>, check: &Check) -> CheckResult {
    let expect = expectation();
    let mut told = Vec::new();
    let mut results = runner.run_with(calls, &expect, &[check], |result| told.push(result.clone())).await;
    assert_eq!(told, results);
    results.remove(0)
}
