//! The list of calls is what the source makes, and the policies allow what a rollout does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ami_refresh::aws::{Access, CALLS, Permission};
use ami_refresh::permissions::{self, Options, Policy};
use ami_refresh::sim::{Call, Scenario, Service};
use ami_refresh::snapshot::{Asked, take};
use regex::Regex;

use crate::stage::{CONFIG, HOME, Stage};

/// The code of `src/aws`, without comments and texts, in one piece.
fn source() -> String {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a readable folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
            {
                // What tests call is simulated by hand.
                found.push(path);
            }
        }
    }
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws"), &mut files);
    assert!(files.len() > 8, "the sources were found");
    let text = files.iter().map(|path| fs::read_to_string(path).expect("a readable file")).map(|text| {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    });
    text.collect::<Vec<_>>().join("\n")
}

/// The fields and variables that hold a client, by name, and the service of each.
fn clients(source: &str) -> BTreeMap<String, String> {
    let declared = Regex::new(r"(\w+)\s*:\s*(?:&\s*)?aws_sdk_(\w+)::Client\b\s*[,;)\n]").unwrap();
    let clients: BTreeMap<String, String> =
        declared.captures_iter(source).map(|found| (found[1].to_owned(), found[2].to_owned())).collect();
    assert!(clients.len() >= 4, "{clients:?}");
    // Every other mention makes one of these: a client that is kept elsewhere would go unseen.
    let mentions = Regex::new(r"\bClient\b").unwrap().find_iter(source).count();
    let made = Regex::new(r"aws_sdk_\w+::Client::(new|from_conf)\(|-> aws_sdk_\w+::Client \{").unwrap();
    let made = made.find_iter(source).count();
    let declarations = declared.captures_iter(source).count();
    assert_eq!(mentions, declarations + made, "a client is held in a way that is not looked for");
    clients
}

/// `describe_images` is `DescribeImages`.
fn pascal(name: &str) -> String {
    let part = |part: &str| part[..1].to_uppercase() + &part[1..];
    name.split('_').map(part).collect()
}

/// The operations that the source makes, by service.
fn made(source: &str) -> BTreeSet<(String, String)> {
    let mut made = BTreeSet::new();
    for (client, service) in clients(source) {
        // The client's name as a field, or a variable, and what is asked of it.
        let uses = Regex::new(&format!(r"(?:\.|\b){client}\b\s*\.\s*([a-z][a-z0-9_]*)\s*\(")).unwrap();
        let mut any = false;
        for found in uses.captures_iter(source) {
            // A configuration may go by its client's name until it is built.
            if &found[1] == "build" {
                continue;
            }
            any = true;
            made.insert((service.clone(), pascal(&found[1])));
        }
        assert!(any, "nothing is asked of {client}");
        // A client that is handed on under another name would be asked unseen.
        let fields = Regex::new(&format!(r"\.\s*{client}\b\s*([^\s])")).unwrap();
        for found in fields.captures_iter(source) {
            assert_eq!(&found[1], ".", "{client} is handed on: {}", &found[0]);
        }
    }
    // The SDK's own providers of credentials make calls that can't be seen here.
    assert!(!source.contains("AssumeRoleProvider"));
    made
}

#[test]
fn the_list_holds_every_call_of_the_source_and_nothing_else() {
    let listed: BTreeSet<(String, String)> =
        CALLS.iter().map(|one| (one.service.to_owned(), one.operation.to_owned())).collect();
    let made = made(&source());
    let missing: Vec<_> = made.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(&made).collect();
    assert!(missing.is_empty(), "calls that src/aws/permissions.rs does not list: {missing:?}");
    assert!(stale.is_empty(), "calls that nobody makes any more: {stale:?}");
    assert_eq!(listed.len(), CALLS.len(), "a call is listed twice");
    assert!(CALLS.is_sorted_by_key(|one| (one.service, one.operation)));
}

#[test]
fn reading_is_called_reading() {
    for one in CALLS {
        let reads = ["Describe", "Get", "List"].iter().any(|word| one.operation.starts_with(word));
        assert_eq!(reads, !one.changes, "{}", one.operation);
    }
}

/// Whether a statement of the policy allows the action, in that region.
fn allows(policy: &Policy, action: &str, region: &str) -> bool {
    policy.statement.iter().any(|statement| {
        let regions =
            statement.condition.get("StringEquals").and_then(|keys| keys.get("aws:RequestedRegion"));
        let there = regions.is_none_or(|regions| regions.iter().any(|known| known == region));
        let named = statement.resource.iter().any(|arn| arn == "*" || arn.split(':').nth(3) == Some(region))
            || action.starts_with("sts:");
        statement.effect == "Allow" && there && named && statement.action.iter().any(|known| known == action)
    })
}

fn service(call: &Call) -> &'static str {
    match call.service {
        Service::Ec2 => "ec2",
        Service::AutoScaling => "autoscaling",
        Service::LoadBalancing => "elasticloadbalancingv2",
        Service::Sts => "sts",
        Service::CloudWatch => "cloudwatch",
        Service::ImageBuilder => "imagebuilder",
        Service::Ssm => "ssm",
    }
}

fn permission(call: &Call) -> &'static Permission {
    let is_it = |one: &&Permission| one.service == service(call) && one.operation == call.action;
    CALLS.iter().find(is_it).unwrap_or_else(|| panic!("{call:?} is not in the list"))
}

/// Every call that the simulator saw must be allowed to the role of the account that made it.
fn all_allowed(stage: &Stage) -> usize {
    let options = Options::default();
    let home = permissions::home(&stage.fleet, &options);
    let calls = stage.simulator.calls();
    for call in &calls {
        let environments: Vec<_> =
            stage.fleet.environments.iter().filter(|one| one.account == call.account).collect();
        let policy = if call.account.as_str() == HOME {
            home.clone()
        } else {
            permissions::environment(&stage.fleet, &environments, &options)
        };
        for action in permission(call).actions {
            assert!(allows(&policy, action, call.region.as_str()), "{action} is not allowed: {call:?}");
        }
    }
    calls.len()
}

#[tokio::test(start_paused = true)]
async fn whatever_a_rollout_does_is_allowed() {
    let mut seen = 0;
    for scenario in ["clean", "app-down", "bad-image", "mixed-tracking", "foreign-refresh", "stuck"] {
        let stage = Stage::new(CONFIG, Scenario::named(scenario).expect("a scenario"), 3).await;
        stage.rollout().await;
        let environments: Vec<_> = stage.fleet.environments.iter().collect();
        let asked = Asked {
            cloud: &stage.cloud,
            clock: stage.clock,
            fleet: &stage.fleet,
            environments: &environments,
        };
        take(&asked, &|_| {}).await.expect("a snapshot");
        seen += all_allowed(&stage);
    }
    let checks = [
        "ssm: { run: [uptime], contains: up }",
        "ssm: { document: our-checks, parameters: { depth: deep } }",
        "alarm: { names: a, prefix: b }",
    ];
    for check in checks {
        let scenario = "name: x\nabout: x\neffects:\n  - program: { on: all, takes: 5m, instances: 1 }\n  - groups: '*-qa'\n    program: { agent: absent }";
        let scenario = Scenario::from_yaml(scenario).expect("a scenario");
        let stage = Stage::new(&crate::checks_remote::config(check), scenario, 3).await;
        stage.rollout().await;
        seen += all_allowed(&stage);
    }
    assert!(seen > 500, "{seen}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_listed_would_be_seen() {
    let stage = Stage::new(CONFIG, Scenario::clean(), 3).await;
    stage.rollout().await;
    let policy = permissions::home(&stage.fleet, &Options::default());
    let environments: Vec<_> = stage.fleet.environments.iter().collect();
    let dev = permissions::environment(&stage.fleet, &environments[..1], &Options::default());
    // The home role refreshes nothing, an environment's records nothing, and neither elsewhere.
    assert!(allows(&dev, "autoscaling:StartInstanceRefresh", "eu-west-2"));
    assert!(!allows(&policy, "autoscaling:StartInstanceRefresh", "eu-west-2"));
    assert!(!allows(&dev, "autoscaling:StartInstanceRefresh", "eu-west-1"));
    assert!(allows(&policy, "ec2:DescribeImages", "eu-west-2"));
    assert!(!allows(&policy, "ec2:DescribeImages", "us-east-1"));
    let started = stage.simulator.calls().into_iter().find(|call| call.action == "StartInstanceRefresh");
    assert_eq!(permission(&started.expect("a refresh")).access, [Access::Environment]);
}
