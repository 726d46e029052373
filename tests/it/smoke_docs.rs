//! The examples of docs/smoke-tests.md: each is read as it stands there, and asked of applications
//! that are well and of such as are not. Those over TLS are in `cli/smoke_docs_tls.rs`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ami_refresh::config::Fleet;
use ami_refresh::event::{CheckResult, Event, Status};
use ami_refresh::model::Verdict;
use ami_refresh::sim::Scenario;

use crate::cli::smoke_docs_tls::OVER_TLS;
use crate::rehearsal_story::block;
use crate::resume_steps::smoke;
use crate::stage::Stage;

const GUIDE: &str = include_str!("../../docs/smoke-tests.md");

/// What stands before an example's block.
const MARK: &str = "<!-- example: ";

/// An example: its name, what makes an application ill that it must find, and what it says then.
struct Example {
    name: &'static str,
    /// The check that finds it.
    check: &'static str,
    trouble: &'static str,
    says: &'static str,
}

const fn example(
    name: &'static str,
    check: &'static str,
    trouble: &'static str,
    says: &'static str,
) -> Example {
    Example { name, check, trouble, says }
}

const ILL: &str = "  - application: { on: all, status: 503 }";
/// What is on the new image falls ill hours later, and nobody replaces it.
const SICK: &str = "  - unhealthy: { on: new, after: 4h }\n  - suspended: { processes: [ReplaceUnhealthy] }";

/// A row for each example.
const EXAMPLES: [Example; 14] = [
    example("instances", "instances", SICK, "Auto Scaling calls it unhealthy"),
    example("targets", "targets", SICK, "Target.FailedHealthChecks"),
    example(
        "http",
        "app-version",
        "  - application: { on: all, status: 200, body: '{\"status\": \"UP\", \"version\": \"2026.10\", \"dependencies\": {\"database\": \"UP\"}}' }",
        "$.version was \"2026.10\", expected \"2026.11\"",
    ),
    example("tags", "service", ILL, "status 503, expected 200"),
    example("tcp", "ssh", "  - application: { on: all, refuse: true }", "connection refused"),
    example(
        "compare",
        "search",
        "  - application: { on: all, status: 200, body: '{\"hits\": 0}' }",
        "$.hits was 0, expected at least 1",
    ),
    example(
        "command",
        "order",
        "  - program: { on: all, exit: 22, errors: 'curl: (22) The requested URL returned error: 503' }",
        "exit 22, expected 0",
    ),
    example("ssm", "unit", "  - program: { on: all, exit: 3, output: inactive }", "exit 3, expected 0"),
    example("alarm", "quiet", "  - alarm: { name: '*-5xx', on: all, after: 0s }", "is ALARM since"),
    example(
        "capture",
        "orders",
        "  - application: { on: all, status: 200, body: '{\"name\": \"smoke\"}' }",
        "not asked: check login, which captures {token}, did not pass",
    ),
    example("retry", "steady", ILL, "status 503, expected 200"),
    example(
        "deadline",
        "patient",
        "  - application: { on: all, silent: true }",
        "its deadline of 120s was over",
    ),
    example("baseline", "reports", ILL, "failed before the refresh too: "),
    example("sets", "alive", ILL, "status 503, expected 200"),
];

/// The blocks of YAML by their names; what stands before a block without one.
pub(crate) fn blocks() -> BTreeMap<String, &'static str> {
    let parts: Vec<&str> = GUIDE.split("```yaml\n").collect();
    let named = parts.windows(2).map(|pair| {
        let last = pair[0].trim_end().lines().last().unwrap_or_default();
        let name = last.strip_prefix(MARK).and_then(|rest| rest.strip_suffix(" -->"));
        let (block, _) = pair[1].split_once("```").expect("the end of the block");
        (name.unwrap_or_else(|| panic!("a block without a name after: {last}")).to_owned(), block)
    });
    named.collect()
}

/// The example as a whole configuration: what it does not say itself is said for it.
pub(crate) fn whole(block: &str) -> String {
    let head = "version: 1\nfamilies:\n  base:\n    previous: { name: 'dept-base-*', owners: [self] }\n\
                defaults:\n  regions: [eu-west-2]\n  refresh: { bake: 10m, timeout: 1h }\n";
    if block.contains("\nenvironments:") {
        return format!("{head}{block}");
    }
    let checks = block.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    let checks: Vec<&str> = checks.filter(|name| !name.starts_with(' ')).collect();
    let environment = "environments:\n  - name: dev\n    account: '111111111111'\n    \
                       role_arn: arn:aws:iam::111111111111:role/ami-refresh\n    \
                       select: { tags: { Environment: dev } }\n";
    format!("{head}{environment}    checks: [{}]\n{block}", checks.join(", "))
}

fn scenario(effects: &str) -> Scenario {
    Scenario::from_yaml(&format!("name: ill\nabout: something is ill\neffects:\n{effects}\n"))
        .expect("a scenario")
}

fn results(stage: &Stage, check: &str) -> Vec<CheckResult> {
    stage.told(|event| match event {
        Event::CheckEnded { result, .. } if result.check == check => Some(result.clone()),
        _ => None,
    })
}

async fn well(example: &Example, config: &str) {
    let stage = Stage::new(config, Scenario::clean(), 7).await;
    let verdict = smoke(&stage, "dev").await;
    let all = stage.told(|event| match event {
        Event::CheckEnded { result, .. } => Some(result.clone()),
        _ => None,
    });
    assert_eq!(verdict, Verdict::Partial, "{}: {all:#?}", example.name);
    let passed = results(&stage, example.check).iter().any(|result| result.status == Status::Passed);
    assert!(passed, "{}: {all:#?}", example.name);
    // What was captured is in no report.
    assert!(!format!("{all:?}").contains("sample-"), "{}: {all:#?}", example.name);
}

async fn ill(example: &Example, config: &str) {
    let stage = Stage::new(config, scenario(example.trouble), 7).await;
    let verdict = if config.contains("baseline: true") {
        stage.rollout().await[0]
    } else if example.trouble == SICK {
        assert_eq!(stage.rollout().await, [Verdict::Passed], "{}", example.name);
        stage.events.borrow_mut().clear();
        stage.clock.sleep(Duration::from_secs(5 * 3600)).await;
        smoke(&stage, "dev").await
    } else {
        stage.clock.sleep(Duration::from_secs(120)).await;
        smoke(&stage, "dev").await
    };
    let all = results(&stage, example.check);
    let wanted = if config.contains("baseline: true") { Verdict::Unproved } else { Verdict::NeedsPerson };
    assert_eq!(verdict, wanted, "{}: {all:#?}", example.name);
    let bad = all.iter().filter(|result| matches!(result.status, Status::Failed | Status::Errored));
    let said = |result: &&CheckResult| {
        result.message.contains(example.says)
            || result.probes.iter().any(|probe| probe.message.contains(example.says))
    };
    assert!(bad.filter(said).count() > 0, "{} does not say {:?}: {all:#?}", example.name, example.says);
}

#[test]
fn every_example_has_a_row_and_every_row_an_example() {
    let named: Vec<String> = blocks().into_keys().collect();
    let here = EXAMPLES.iter().map(|example| example.name);
    let mut rows: Vec<&str> = here.chain(OVER_TLS.iter().map(|example| example.name)).collect();
    rows.sort_unstable();
    assert_eq!(named, rows);
}

#[test]
fn every_example_passes_where_all_is_well_and_finds_what_is_not() {
    let blocks = blocks();
    for example in &EXAMPLES {
        let config = whole(blocks[example.name]);
        assert!(Fleet::parse(Path::new(example.name), &config).is_ok(), "{}: {config}", example.name);
        block(async {
            well(example, &config).await;
            ill(example, &config).await;
        });
    }
}

#[test]
fn the_sets_and_overrides_of_the_example_are_what_the_text_says() {
    let config = whole(blocks()["sets"]);
    let fleet = Fleet::parse(Path::new("sets"), &config).expect("a configuration");
    let dev = fleet.environment("dev").expect("the environment");
    let of = |group: &str| {
        let checks = fleet.checks_of(dev, &group.into());
        checks.into_iter().map(|check| check.name.as_str()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of("search-dev"), "instances targets alive");
    assert_eq!(of("payments-dev"), "instances targets alive queue");
    assert_eq!(of("orders-dev"), "instances alive");
    assert_eq!(of("catalog-dev"), "instances");
    assert_eq!(fleet.checks_deadline(dev, &"catalog-dev".into()), Some(Duration::from_secs(300)));
}
