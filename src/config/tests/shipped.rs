use std::time::Duration;

use super::*;
use crate::model::{GroupName, Region};

fn shipped() -> Fleet {
    match parse(SHIPPED) {
        Ok(fleet) => fleet,
        Err(errors) => panic!("{errors}"),
    }
}

#[test]
fn the_nine_environments_come_in_rollout_order_each_in_its_own_account() {
    let fleet = shipped();
    let names: Vec<&str> = fleet.environments.iter().map(|environment| environment.name.as_str()).collect();
    assert_eq!(names, ["sandbox", "dev", "qa", "test", "training", "build", "qa2", "stage", "prod"]);
    for (environment, digit) in fleet.environments.iter().zip('1'..='9') {
        let account = digit.to_string().repeat(12);
        assert_eq!(environment.account.as_str(), account);
        assert_eq!(environment.role_arn, Some(format!("arn:aws:iam::{account}:role/ami-refresh")));
        assert_eq!(environment.regions, [Region::new("eu-west-2")]);
        assert_eq!(environment.select.tags["Environment"], environment.name.as_str());
        assert_eq!(fleet.checks_of(environment, &"web".into()).len(), environment.checks.len());
    }
    assert_eq!(fleet.families["base"].name_glob, "dept-base-*");
    assert_eq!(fleet.families["base"].owners, ["self"]);
    assert_eq!(fleet.timezone.iana_name(), Some("Europe/London"));
}

#[test]
fn the_gates_lead_from_sandbox_to_prod() {
    let fleet = shipped();
    let requires = |name: &str| {
        let gate = &fleet.environment(name).unwrap().gate;
        gate.requires.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    };
    assert_eq!(requires("sandbox"), "");
    assert_eq!(requires("dev"), "sandbox");
    assert_eq!(requires("qa2"), "qa,test");
    assert_eq!(requires("prod"), "stage");
    let prod = &fleet.environment("prod").unwrap().gate;
    assert_eq!(prod.soak, Duration::from_secs(12 * 3_600));
    assert!(!prod.allow_empty);
}

#[test]
fn prod_pauses_at_a_fifth_and_batch_groups_go_all_at_once() {
    let fleet = shipped();
    let prod = fleet.environment("prod").unwrap();
    assert_eq!(prod.refresh.preferences.checkpoints, [20, 100]);
    assert_eq!(prod.refresh.preferences.checkpoint_delay, Duration::from_secs(900));
    assert_eq!(prod.refresh.preferences.min_healthy, 90);
    let web = fleet.policy(prod, &GroupName::new("pay-web-prod"));
    assert_eq!(web, prod.refresh);
    let batch = fleet.policy(prod, &GroupName::new("pay-batch-prod")).preferences;
    assert_eq!((batch.min_healthy, batch.max_healthy), (0, Some(100)));
    assert_eq!(batch.warmup, Some(Duration::from_secs(600)));
}

#[test]
fn the_health_check_asks_every_instance() {
    let fleet = shipped();
    let check = &fleet.checks["app-health"];
    let CheckKind::Http(http) = &check.kind else { panic!("{check:?}") };
    assert_eq!(http.url, "http://{private_ip}:8080/health");
    assert_eq!(http.status, [(200, 200)]);
    assert_eq!(http.json[0].text, "$.status");
    assert!(matches!(&http.json[0].tests[..], [ValueTest::Equals(value)] if value == "UP"));
    assert_eq!(http.within, Duration::from_secs(2));
    assert_eq!((check.on, check.retry.consecutive), (Scope::Instance, 3));
    let CheckKind::Tcp(tcp) = &fleet.checks["app-port"].kind else { panic!() };
    assert_eq!((tcp.host.as_str(), tcp.port), ("{private_ip}", 8080));
}

#[test]
fn what_is_not_written_has_the_documented_defaults() {
    let fleet = parse(SMALL).unwrap();
    let dev = fleet.environment("dev").unwrap();
    let policy = &dev.refresh;
    assert_eq!((policy.canary, policy.groups_at_once, policy.max_failures), (1, 10, 1));
    assert_eq!(policy.timeout, Duration::from_secs(3 * 3_600));
    assert_eq!(
        (policy.on_failure, policy.on_abort, policy.busy),
        (OnFailure::Group, OnAbort::Leave, Busy::Refuse)
    );
    let preferences = &policy.preferences;
    assert_eq!((preferences.min_healthy, preferences.max_healthy, preferences.warmup), (90, None, None));
    assert_eq!(preferences.bake, Duration::from_secs(600));
    assert_eq!(preferences.checkpoint_delay, Duration::from_secs(3_600));
    assert!(preferences.checkpoints.is_empty());
    assert_eq!((preferences.protected, preferences.standby), (Protected::Refresh, Standby::Terminate));
    assert_eq!((dev.checks.as_slice(), &dev.gate), (&["instances".to_owned()][..], &GatePolicy::default()));
    assert_eq!(dev.role_arn, None);
    let CheckKind::Http(http) = &fleet.checks["web"].kind else { panic!() };
    assert_eq!((http.within, http.status.as_slice()), (Duration::from_secs(5), &[(200, 200)][..]));
    let standard =
        RetryPolicy { within: Duration::from_secs(300), every: Duration::from_secs(10), consecutive: 1 };
    assert!(fleet.checks.values().all(|check| check.retry == standard));
    assert_eq!(fleet.timezone.iana_name(), Some("UTC"));
}

#[test]
fn every_setting_reaches_the_policy() {
    let text = small_with(
        "  regions: [eu-west-2]\n",
        "  regions: [eu-west-2]\n  refresh: { min_healthy: 50, max_healthy: 150, warmup: 30s, bake: 0s, \
         timeout: 1d, groups_at_once: 3, canary: 0, max_failures: 2, on_failure: environment, \
         on_abort: rollback, busy: wait, checkpoints: [1, 50, 100], checkpoint_delay: 5m, \
         protected: ignore, standby: wait, strategy: replace-root-volume, alarms: [slow], \
         skip_matching: false }\n",
    );
    let fleet = parse(&text).unwrap();
    let expected = RefreshPolicy {
        preferences: Preferences {
            strategy: Strategy::ReplaceRootVolume,
            min_healthy: 50,
            max_healthy: Some(150),
            warmup: Some(Duration::from_secs(30)),
            bake: Duration::ZERO,
            checkpoints: vec![1, 50, 100],
            checkpoint_delay: Duration::from_secs(300),
            protected: Protected::Ignore,
            standby: Standby::Wait,
            alarms: vec!["slow".to_owned()],
            skip_matching: false,
        },
        timeout: Duration::from_secs(86_400),
        groups_at_once: 3,
        canary: 0,
        max_failures: 2,
        on_failure: OnFailure::Environment,
        on_abort: OnAbort::Rollback,
        busy: Busy::Wait,
    };
    assert_eq!(fleet.environments[0].refresh, expected);
}

#[test]
fn a_built_in_check_can_be_given_another_retry() {
    let text =
        small_with("checks:\n  web:", "checks:\n  targets: { retry: { for: 2m, consecutive: 2 } }\n  web:");
    let fleet = parse(&text).unwrap();
    let targets = &fleet.checks["targets"];
    assert!(matches!(targets.kind, CheckKind::Targets));
    assert_eq!(
        (targets.retry.within, targets.retry.consecutive, targets.on),
        (Duration::from_secs(120), 2, Scope::Group)
    );
}

#[test]
fn an_http_check_takes_every_assertion() {
    let text = small_with(
        r#"http: { url: "http://{private_ip}/" }"#,
        r#"http: { url: "https://{group}.example/{region}", status: [200, "300-399", "404"], body: ok, matches: "v[0-9]+",
            headers: { X-App: pay }, json: { "$.n": 1, "$.list": [1.5, null, true] }, within: 1s }
    on: group"#,
    );
    let fleet = parse(&text).unwrap();
    let CheckKind::Http(http) = &fleet.checks["web"].kind else { panic!() };
    assert_eq!(http.status, [(200, 200), (300, 399), (404, 404)]);
    assert_eq!(http.body_contains, ["ok"]);
    assert!(http.body_matches[0].is_match("v12"));
    let [(name, HeaderTest::Equals(value))] = &http.headers[..] else { panic!("{:?}", http.headers) };
    assert_eq!((name.as_str(), value.as_str()), ("x-app", "pay"));
    let values: Vec<String> = http
        .json
        .iter()
        .map(|expected| match &expected.tests[..] {
            [ValueTest::Equals(value)] => value.to_string(),
            tests => panic!("{tests:?}"),
        })
        .collect();
    assert_eq!(values, ["1", "[1.5,null,true]"]);
    assert_eq!(fleet.checks["web"].on, Scope::Group);
}
