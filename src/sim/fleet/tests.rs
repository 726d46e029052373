//! The default fleet for a configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{AppKind, FleetSpec};
use crate::clock::Clock;
use crate::config::{
    Busy, Check, CheckKind, Environment, Expected, Family, Fleet, GatePolicy, HeaderTest, HttpCheck, Missed,
    OnAbort, OnFailure, Preferences, Protected, RefreshPolicy, RetryPolicy, SchedulePolicy, Scope, Selector,
    Standby, Strategy, TcpCheck, ValueTest, WindowTags, glob_matches,
};
use crate::model::{Architecture, ImageId, Region, Tracking};
use crate::sim::{Scenario, Setup, Simulator};

const NAMES: [&str; 9] = ["sandbox", "dev", "qa", "test", "training", "build", "qa2", "stage", "prod"];
const HOME: &str = "000000000000";
const NEW: &str = "ami-0bbbbbbbbbbbbbbbb";

fn environment(at: usize, name: &str) -> Environment {
    let account = (at + 1).to_string().repeat(12);
    Environment {
        name: name.into(),
        // The first has no role: it is in the home account. qa and qa2 share an account.
        role_arn: (at > 0).then(|| format!("arn:aws:iam::{account}:role/ami-refresh")),
        account: if name == "qa2" { "333333333333".into() } else { account.into() },
        external_id: None,
        regions: vec!["eu-west-2".into()],
        regions_in_order: false,
        select: Selector { tags: BTreeMap::from([("Environment".to_owned(), name.to_owned())]) },
        gate: GatePolicy::default(),
        schedule: SchedulePolicy {
            zone: jiff::tz::TimeZone::UTC,
            days: None,
            time: None,
            window: Duration::from_secs(7200),
            missed: Missed::Wait,
            business_hours: None,
        },
        max_age: None,
        quarantine_on_failure: false,
        refresh: policy(),
        checks: vec!["health".to_owned(), "group".to_owned(), "banner".to_owned()],
        checks_deadline: None,
    }
}

fn policy() -> RefreshPolicy {
    RefreshPolicy {
        preferences: Preferences {
            strategy: Strategy::Rolling,
            min_healthy: 90,
            max_healthy: None,
            warmup: None,
            bake: Duration::ZERO,
            checkpoints: Vec::new(),
            checkpoint_delay: Duration::ZERO,
            protected: Protected::Refresh,
            standby: Standby::Terminate,
            alarms: Vec::new(),
            skip_matching: true,
        },
        timeout: Duration::from_secs(3600),
        groups_at_once: 1,
        canary: 0,
        max_failures: 1,
        on_failure: OnFailure::Group,
        on_abort: OnAbort::Leave,
        busy: Busy::Wait,
    }
}

fn http(url: &str) -> HttpCheck {
    let equals = HeaderTest::Equals("yes".to_owned());
    HttpCheck {
        status: vec![(201, 299)],
        body_contains: vec!["ready".to_owned()],
        headers: vec![(http::HeaderName::from_static("x-app"), equals)],
        json: vec![Expected {
            text: "$.components.db.status".to_owned(),
            path: serde_json_path::JsonPath::parse("$.components.db.status").expect("a path"),
            tests: vec![ValueTest::Equals("UP".into())],
        }],
        ..HttpCheck::get(url, Duration::from_secs(2))
    }
}

fn check(name: &str, kind: CheckKind, on: Scope) -> (String, Check) {
    let retry = RetryPolicy { within: Duration::ZERO, every: Duration::ZERO, consecutive: 1 };
    let (deadline, baseline, allow_preexisting, uses) = (None, false, false, BTreeSet::new());
    let name = name.to_owned();
    (name.clone(), Check { name, kind, on, retry, deadline, baseline, allow_preexisting, uses })
}

fn configuration() -> Fleet {
    let banner = TcpCheck {
        host: "{private_ip}".to_owned(),
        port: 25,
        tls: None,
        certificate_valid: None,
        send: None,
        banner: regex::Regex::new("^220 .*ready$").ok(),
        within: Duration::from_secs(1),
    };
    Fleet {
        file: "environments.yaml".into(),
        timezone: jiff::tz::TimeZone::UTC,
        families: BTreeMap::from([(
            "base".to_owned(),
            Family { name_glob: "dept-base-*".to_owned(), owners: vec!["self".to_owned()] },
        )]),
        environments: NAMES.iter().enumerate().map(|(at, name)| environment(at, name)).collect(),
        overrides: Vec::new(),
        freezes: Vec::new(),
        window_tags: WindowTags::default(),
        notify: crate::config::Notify::default(),
        checks: BTreeMap::from([
            check("health", CheckKind::Http(http("http://{private_ip}:9000/health?full=1")), Scope::Instance),
            check("group", CheckKind::Http(http("http://{group}.example.internal/")), Scope::Group),
            check("banner", CheckKind::Tcp(banner), Scope::Instance),
        ]),
    }
}

fn spec() -> FleetSpec {
    FleetSpec::from_config(
        &configuration(),
        &[("eu-west-2".into(), NEW.into(), Architecture::X86_64)],
        &HOME.into(),
    )
}

#[test]
fn there_are_at_least_forty_groups_and_two_hundred_instances() {
    let spec = spec();
    let instances: u32 = spec.groups.iter().map(|group| group.capacity.1).sum();
    assert!(
        spec.groups.len() >= 40 && instances >= 200,
        "{} groups, {instances} instances",
        spec.groups.len()
    );
    assert!(spec.groups.iter().all(|group| group.capacity.1 <= 8));
    assert_eq!(spec.groups.iter().filter(|group| group.capacity.1 == 0).count(), 1);
    let ways: BTreeSet<Tracking> = spec
        .groups
        .iter()
        .map(|group| match group.tracking {
            Tracking::Pinned(_) => Tracking::Pinned(0),
            floating => floating,
        })
        .collect();
    assert_eq!(ways.len(), 3);
}

#[test]
fn every_environment_finds_its_groups_and_no_other() {
    let (configuration, spec) = (configuration(), spec());
    for environment in &configuration.environments {
        let found: Vec<_> = spec
            .groups
            .iter()
            .filter(|group| environment.select.matches(&group.tags))
            .map(|g| &g.name)
            .collect();
        assert_eq!(found.len(), 5, "{}: {found:?}", environment.name);
    }
    let templates: BTreeSet<_> = spec.groups.iter().map(|group| (&group.account, &group.template)).collect();
    assert_eq!(templates.len(), spec.groups.len(), "one template a group");
}

#[tokio::test(start_paused = true)]
async fn groups_run_the_older_image_of_the_family_whole() {
    let clock = Clock::starting_at("2026-11-22T19:00:00Z".parse().expect("a time"), 1.0);
    let simulator = Simulator::new(Setup::new(spec(), Scenario::clean(), 1), clock);
    let region = Region::new("eu-west-2");
    let old: ImageId = FleetSpec::previous_image(&region);
    assert!(old.is_well_formed());
    simulator.inspect(|world| {
        for group in world.groups.values() {
            assert_eq!(group.serving().count(), group.desired as usize, "{}", group.key.name);
            assert!(group.images().into_iter().all(|image| *image == old), "{}", group.key.name);
        }
        for (id, day) in [(&old, "20261114"), (&NEW.into(), "20261121")] {
            let image = world.image(id).expect("an image");
            assert!(glob_matches("dept-base-*", &image.name) && image.name.contains(day), "{}", image.name);
        }
    });
}

#[test]
fn applications_answer_the_checks_of_the_configuration() {
    let spec = spec();
    let group = &spec.groups[2];
    let ports: Vec<u16> = group.apps.iter().map(|app| app.port).collect();
    assert_eq!(ports, [25, 80, 8080, 9000]);
    let AppKind::Http { path, status, headers, body } = &group.apps[3].kind else { panic!("no HTTP") };
    assert_eq!((path.as_deref(), *status), (Some("/health"), 201));
    assert_eq!(headers.get("x-app").map(String::as_str), Some("yes"));
    assert_eq!(body, r#"{"components":{"db":{"status":"UP"}},"text":"ready"}"#);
    assert_eq!(group.apps[0].kind, AppKind::Tcp { banner: "220 ready".to_owned() });
    let host = format!("{}.example.internal", group.name);
    assert_eq!(spec.hosts.get(&host), Some(&2));
}

#[test]
fn each_architecture_has_a_pipeline_whose_builds_reach_every_region() {
    let mut configuration = configuration();
    configuration.environments[0].regions.push("us-east-1".into());
    let new_arm = ImageId::from("ami-0cccccccccccccccc");
    let candidates = [
        (Region::from("eu-west-2"), NEW.into(), Architecture::X86_64),
        (Region::from("us-east-1"), new_arm.clone(), Architecture::Arm64),
    ];
    let spec = FleetSpec::from_config(&configuration, &candidates, &HOME.into());
    let names: Vec<&str> = spec.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
    assert_eq!(names, ["base", "base-arm64"]);
    let regions = BTreeSet::from([Region::from("eu-west-2"), Region::from("us-east-1")]);
    for (pipeline, kind) in spec.pipelines.iter().zip([Architecture::X86_64, Architecture::Arm64]) {
        let makes: BTreeSet<Region> = pipeline.outputs.iter().map(|output| output.region.clone()).collect();
        assert_eq!(makes, regions);
        assert!(pipeline.outputs.iter().all(|output| output.architecture == kind));
        let [past] = pipeline.past.as_slice() else { panic!("{:?}", pipeline.past) };
        let made: BTreeSet<Region> = past.images.iter().map(|(region, _)| region.clone()).collect();
        assert_eq!((made, past.images.len()), (regions.clone(), 2));
        for (region, id) in &past.images {
            let image = spec.images.iter().find(|image| image.id == *id && image.region == *region);
            let image = image.expect("an image of the fleet");
            assert_eq!(image.architecture, kind);
            assert!(
                glob_matches("dept-base-*", &image.name) && glob_matches(&pipeline.image_name, &image.name)
            );
        }
    }
    assert!(spec.pipelines[0].past[0].images.contains(&("eu-west-2".into(), NEW.into())));
    assert!(spec.pipelines[1].past[0].images.contains(&("us-east-1".into(), new_arm)));
    let ids: BTreeSet<&ImageId> = spec.images.iter().map(|image| &image.id).collect();
    assert_eq!(ids.len(), spec.images.len(), "each image has an id of its own");
}
