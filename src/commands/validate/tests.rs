//! What is found of a configuration in AWS, on the simulator.

use std::path::Path;

use super::aws::{Asked, Found, look, text};
use crate::aws::{Cloud, Settings};
use crate::clock::Clock;
use crate::config::Fleet;
use crate::model::{Architecture, Build, Candidate, CandidateImage, Exit, Tracking};
use crate::sim::{AlarmState, FleetSpec, HOME_KEY, HOME_SECRET, Scenario, Setup, Simulator, World};

const HOME: &str = "100000000000";
const NEW: &str = "ami-0f1e2d3c4b5a69788";
const CONFIG: &str = "
version: 1
families:
  base:
    previous: { name: 'dept-base-*', owners: [self] }
defaults:
  regions: [eu-west-2]
environments:
  - name: dev
    account: '111111111111'
    role_arn: arn:aws:iam::111111111111:role/ami-refresh
    external_id: ours
    select: { tags: { Environment: dev } }
  - name: prod
    account: '222222222222'
    role_arn: arn:aws:iam::222222222222:role/ami-refresh
    regions: [us-east-1, eu-west-2]
    select: { tags: { Environment: prod } }
    schedule: { day: wed, time: '15:00' }
    refresh: { alarms: [slow] }
overrides:
  - { match: { name: 'orders-*' }, refresh: { alarms: [orders-5xx] } }
";

/// What is found, and told, of the configuration with a fleet and a world that somebody changed.
async fn found(fleet: impl FnOnce(&mut FleetSpec), world: impl FnOnce(&mut World)) -> (Vec<Found>, String) {
    let configured = Fleet::parse(Path::new("test.yaml"), CONFIG).unwrap();
    let clock = Clock::starting_at("2026-11-22T19:00:00Z".parse().unwrap(), 1.0);
    let images = [("eu-west-2".into(), NEW.into(), Architecture::X86_64)];
    let mut spec = FleetSpec::from_config(&configured, &images, &HOME.into());
    fleet(&mut spec);
    let simulator = Simulator::new(Setup::new(spec, Scenario::clean(), 7), clock);
    simulator.change(world);
    let cloud = Cloud::new(Settings {
        clock,
        http_client: Some(simulator.http_client()),
        credentials: Some((HOME_KEY.to_owned(), HOME_SECRET.to_owned())),
        session_name: "test".into(),
    })
    .await;
    let image = CandidateImage {
        region: "eu-west-2".into(),
        id: NEW.into(),
        architecture: "x86_64".to_owned().into(),
        name: "dept-base-new".into(),
        owner: HOME.into(),
    };
    let candidate = Candidate::new("base".into(), vec![image], Build::default(), "test".into());
    let asked = Asked { fleet: &configured, cloud: &cloud, clock, candidate: Some(&candidate) };
    let found = look(asked).await;
    let changing = simulator
        .calls()
        .into_iter()
        .find(|call| !["Describe", "Get", "Assume"].iter().any(|read| call.action.starts_with(read)));
    assert_eq!(changing, None);
    let text = text(&found);
    (found, text)
}

fn problems(found: &[Found]) -> Vec<&str> {
    found.iter().flat_map(|one| &one.problems).map(|problem| problem.what.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_right_is_told_environment_by_environment() {
    let (found, text) = found(|_| {}, |_| {}).await;
    assert_eq!(problems(&found), [""; 0]);
    assert!(found.iter().all(|one| one.exit == Exit::Done));
    let expected = "\
dev   account 111111111111; eu-west-2: 5 groups, alarm orders-5xx OK, sees ami-0f1e2d3c4b5a69788
prod  account 222222222222; us-east-1: 5 groups, alarm orders-5xx OK, alarm slow OK; \
eu-west-2: 5 groups, alarm orders-5xx OK, alarm slow OK, sees ami-0f1e2d3c4b5a69788
";
    assert_eq!(text, expected);
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json[1]["regions"][0]["region"], "us-east-1", "as the configuration orders them");
    assert_eq!(json[1]["regions"][0]["alarms"]["slow"], "OK");
}

#[tokio::test(start_paused = true)]
async fn everything_that_is_wrong_is_told_at_once() {
    let (found, text) = found(
        |spec| {
            let role = spec.roles.get_mut("arn:aws:iam::111111111111:role/ami-refresh").unwrap();
            role.external_id = Some("theirs".to_owned());
            spec.groups.retain(|group| {
                !(group.region.as_str() == "us-east-1" && group.name.as_str().ends_with("-prod"))
            });
            spec.alarms.retain(|alarm| !(alarm.name == "slow" && alarm.region.as_str() == "us-east-1"));
            let image = spec.images.iter_mut().find(|image| image.id.as_str() == NEW).unwrap();
            image.shared_with.clear();
            for group in &mut spec.groups {
                if group.name.as_str() == "payments-prod" {
                    group.tags.insert("AMI_refresh_day".to_owned(), "someday".to_owned());
                }
            }
        },
        |world| {
            let key = world.key("catalog-prod").unwrap();
            world.groups.get_mut(&key).unwrap().template.tracking = Tracking::Pinned(99);
            let place = world.key("orders-prod").unwrap().place;
            world.set_alarm(&place, "orders-5xx", AlarmState::Alarm, "too many");
        },
    )
    .await;
    let told = problems(&found);
    assert_eq!(told.len(), 6, "{told:#?}");
    for wanted in [
        "dev: failed to use role arn:aws:iam::111111111111:role/ami-refresh of dev",
        "prod: no group is selected in us-east-1",
        "prod: alarm slow does not exist in us-east-1",
        "a template of group catalog-prod is gone",
        "payments-prod",
        "prod: image ami-0f1e2d3c4b5a69788 is not shared with account 222222222222",
    ] {
        assert!(told.iter().any(|what| what.contains(wanted)), "{wanted} in {told:#?}");
    }
    let all = found.iter().flat_map(|one| &one.problems);
    assert!(all.clone().all(|one| !one.why.is_empty() && !one.next.is_empty()), "{found:#?}");
    assert!(found.iter().all(|one| one.exit == Exit::Usage));
    // An alarm that fires is no mistake of the configuration.
    assert!(
        text.contains("eu-west-2: 5 groups, alarm orders-5xx ALARM, alarm slow OK; 5 problems; 1 warning"),
        "{text}"
    );
    assert!(text.starts_with("dev   account 111111111111; 1 problem\n"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_is_not_ok_is_a_warning_that_says_whose_and_where() {
    let (found, text) = found(
        |_| {},
        |world| {
            let place = world.key("orders-prod").unwrap().place;
            world.set_alarm(&place, "orders-5xx", AlarmState::Alarm, "too many");
            world.set_alarm(&place, "slow", AlarmState::InsufficientData, "nobody calls");
        },
    )
    .await;
    assert_eq!(problems(&found), [""; 0]);
    assert!(found.iter().all(|one| one.exit == Exit::Done), "alarms come and go");
    assert_eq!(found[0].warnings, []);
    let told: Vec<String> = found[1].warnings.iter().map(ToString::to_string).collect();
    let [orders, slow] = told.as_slice() else { panic!("{told:#?}") };
    let place =
        if text.contains("us-east-1: 5 groups, alarm orders-5xx ALARM") { "us-east-1" } else { "eu-west-2" };
    assert!(orders.starts_with(&format!("prod: alarm orders-5xx is ALARM in {place}\n")), "{orders}");
    assert!(
        orders.contains("AWS would refuse to start a refresh of orders-prod, which it watches"),
        "{orders}"
    );
    assert!(slow.starts_with(&format!("prod: alarm slow is INSUFFICIENT_DATA in {place}\n")), "{slow}");
    assert!(slow.contains("refreshes of catalog-prod and 3 more groups"), "{slow}");
    assert!(told.iter().all(|one| one.contains("\n  next: ")), "{told:#?}");
    assert!(text.contains("; 2 warnings\n") && text.matches("warning").count() == 1, "{text}");
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json[1]["warnings"].as_array().map(Vec::len), Some(2));
    assert_eq!(json[1]["warnings"][0]["what"], format!("prod: alarm orders-5xx is ALARM in {place}"));
}
