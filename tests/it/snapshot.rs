//! A snapshot of the simulator's fleet stands for that fleet.

use std::collections::BTreeSet;

use ami_refresh::aws::{Cloud, Settings};
use ami_refresh::event::{Event, PlannedGroup};
use ami_refresh::model::{
    AccountId, Architecture, EnvironmentName, ImageId, Problem, Region, Tracking, Verdict,
};
use ami_refresh::rollout;
use ami_refresh::sim::{AlarmSpec, AlarmState, FleetSpec, HOME_KEY, HOME_SECRET, Scenario};
use ami_refresh::snapshot::{Asked, Fleet, Group, Instances, REDACTED, take};

use crate::stage::{CONFIG, HOME, NEW, REGION, Stage};

/// The candidate's image for arm64.
const NEW_ARM: &str = "ami-0aaaaaaaaaaaaaaaa";

/// A stage on the configuration's whole default fleet, with a hand in it.
async fn stage(config: &str, change: impl FnOnce(&mut FleetSpec)) -> Stage {
    stage_in(config, Scenario::clean(), change).await
}

/// The same, in a scenario.
async fn stage_in(config: &str, scenario: Scenario, change: impl FnOnce(&mut FleetSpec)) -> Stage {
    let fleet = ami_refresh::config::Fleet::parse("test.yaml".as_ref(), config).expect("valid");
    let images = [(NEW, Architecture::X86_64), (NEW_ARM, Architecture::Arm64)]
        .map(|(id, architecture)| (Region::from(REGION), ImageId::from(id), architecture));
    let whole = FleetSpec::from_config(&fleet, &images, &AccountId::from(HOME));
    Stage::with(config, scenario, 7, |spec| {
        *spec = whole;
        change(spec);
    })
    .await
}

/// The stage's fleet, through the wire and the file's text.
async fn snapshot(stage: &Stage) -> Fleet {
    let environments: Vec<_> = stage.fleet.environments.iter().collect();
    let asked =
        Asked { cloud: &stage.cloud, clock: stage.clock, fleet: &stage.fleet, environments: &environments };
    let found = take(&asked, &|_| {}).await.expect("a snapshot");
    Fleet::parse(&found.to_text()).expect("its own text")
}

/// A stage on a fleet that was found.
async fn found(config: &str, found: &Fleet) -> Stage {
    let fleet = ami_refresh::config::Fleet::parse("test.yaml".as_ref(), config).expect("valid");
    let spec = FleetSpec::found(&fleet, found);
    Stage::with(config, Scenario::clean(), 7, |whole| *whole = spec).await
}

/// Rolls out everywhere, and gives every plan that was told.
async fn plans(stage: &Stage) -> Vec<(EnvironmentName, Vec<PlannedGroup>)> {
    stage.rollout().await;
    stage.told(|event| {
        let Event::Planned { environment, groups } = event else { return None };
        Some((environment.clone(), groups.clone()))
    })
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_the_default_fleet_gives_the_same_plan() {
    let real = stage(CONFIG, |_| {}).await;
    let file = snapshot(&real).await;
    let again = found(CONFIG, &file).await;
    let (wanted, got) = (plans(&real).await, plans(&again).await);
    assert_eq!(wanted.len(), 2);
    assert!(wanted.iter().all(|(_, groups)| groups.len() == 5));
    assert_eq!(wanted, got);
}

/// What would be done in every environment, and what would be refused, without doing it.
async fn plan_only(stage: &Stage) -> Vec<(Vec<PlannedGroup>, Vec<Problem>)> {
    let run = stage.run();
    let mut plans = Vec::new();
    for environment in &stage.fleet.environments {
        let accounts = run.accounts(environment);
        let plan = rollout::plan(&run, environment, &accounts, None).await.expect("a plan");
        let checks = |name| stage.fleet.checks_of(environment, name);
        let groups = plan.groups.iter().map(|group| group.told(&checks(&group.group.name), "Team")).collect();
        plans.push((groups, plan.refused));
    }
    plans
}

/// A scenario that gives groups another state is of the fleet: a snapshot holds that state.
async fn keeps_its_plan(scenario: &str) -> Fleet {
    let scenario = Scenario::named(scenario).expect("a scenario");
    let real = stage_in(CONFIG, scenario, |_| {}).await;
    let file = snapshot(&real).await;
    let again = found(CONFIG, &file).await;
    assert_eq!(plan_only(&real).await, plan_only(&again).await);
    // What the simulator was set up with is what there is on its wire, too.
    let mut file_again = snapshot(&again).await;
    file_again.taken = file.taken;
    assert_eq!(undated(&file), undated(&file_again));
    file
}

/// The file's text without what the simulator makes up anew: when it made its templates, and
/// which of a policy's instance types were launched.
fn undated(file: &Fleet) -> String {
    let mut file = file.clone();
    let mixed = file.places.iter_mut().flat_map(|place| &mut place.groups);
    let mixed = mixed.filter(|group| !group.mixed_instances_policy.is_empty());
    mixed.for_each(|group| group.instances.clear());
    let templates = file.places.iter_mut().flat_map(|place| &mut place.templates);
    templates.flat_map(|template| &mut template.versions).for_each(|version| version.created = None);
    file.to_text()
}

fn groups(file: &Fleet) -> impl Iterator<Item = &Group> {
    file.places.iter().flat_map(|place| &place.groups)
}

#[tokio::test(start_paused = true)]
async fn how_groups_follow_their_templates_is_kept() {
    let file = Box::pin(keeps_its_plan("mixed-tracking")).await;
    assert!(groups(&file).filter_map(|group| group.template.as_ref()).any(|named| named.version.floats()));
}

#[tokio::test(start_paused = true)]
async fn mixed_instances_policies_are_kept_whole() {
    let file = Box::pin(keeps_its_plan("mixed")).await;
    let fields: BTreeSet<&str> = groups(&file)
        .flat_map(|group| group.mixed_instances_policy.keys())
        .map(|name| name.rsplit_once("member.").map_or(name.as_str(), |(_, rest)| rest))
        .collect();
    for field in [
        "InstancesDistribution.SpotAllocationStrategy",
        "1.InstanceType",
        "2.ImageId",
        "2.LaunchTemplateSpecification.LaunchTemplateId",
        "2.WeightedCapacity",
        "1.InstanceRequirements.VCpuCount.Min",
    ] {
        assert!(fields.contains(field), "{field} in {fields:?}");
    }
    assert!(file.images.iter().any(|image| image.architecture == Architecture::Arm64));
}

#[tokio::test(start_paused = true)]
async fn warm_pools_are_kept() {
    let file = Box::pin(keeps_its_plan("warm-pools")).await;
    let pools = groups(&file).filter_map(|group| group.warm_pool.as_ref());
    let states: BTreeSet<&str> = pools.map(|pool| pool.state.as_str()).collect();
    assert_eq!(states, BTreeSet::from(["Hibernated", "Running", "Stopped"]));
}

#[tokio::test(start_paused = true)]
async fn lifecycle_hooks_are_kept_and_answered() {
    let file = Box::pin(keeps_its_plan("lifecycle-hooks")).await;
    assert!(groups(&file).all(|group| group.hooks.len() == 3));
    let verdicts = found(CONFIG, &file).await.rollout().await;
    assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Passed), "{verdicts:?}");
}

#[tokio::test(start_paused = true)]
async fn maintenance_policies_are_kept() {
    let file = Box::pin(keeps_its_plan("maintenance-policy")).await;
    assert!(groups(&file).all(|group| {
        group
            .maintenance
            .as_ref()
            .is_some_and(|policy| (policy.min_healthy, policy.max_healthy) == (100, 120))
    }));
}

#[tokio::test(start_paused = true)]
async fn instances_that_are_set_aside_protected_or_on_their_way_are_counted() {
    let file = Box::pin(keeps_its_plan("standby-and-protected")).await;
    let states = |file: &Fleet, is_it: fn(&Instances) -> bool| {
        groups(file).flat_map(|group| &group.instances).filter(|instances| is_it(instances)).count()
    };
    assert!(states(&file, |instances| instances.state == "Standby") > 5);
    assert!(states(&file, |instances| instances.protected) > 5);
    let file = Box::pin(keeps_its_plan("scaling")).await;
    assert!(states(&file, |instances| instances.state == "Pending") > 5);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_refused_of_its_snapshot() {
    let file = Box::pin(keeps_its_plan("suspended")).await;
    assert!(groups(&file).any(|group| group.suspended == ["Launch", "Terminate"]));
    let file = Box::pin(keeps_its_plan("deleting")).await;
    assert!(groups(&file).any(|group| group.deleting));
    let file = Box::pin(keeps_its_plan("launch-configurations")).await;
    assert!(groups(&file).any(|group| group.launch_configuration_image.is_some()));
    let file = Box::pin(keeps_its_plan("parameter-images")).await;
    assert!(file.places.iter().any(|place| !place.parameters.is_empty()));
    Box::pin(keeps_its_plan("one-instance")).await;
}

#[tokio::test(start_paused = true)]
async fn alarms_that_the_configuration_names_are_kept() {
    let config = CONFIG.replace("bake: 10m,", "bake: 10m, alarms: [errors, latency],");
    let add = |spec: &mut FleetSpec| {
        for (name, state) in
            [("errors", AlarmState::Alarm), ("latency", AlarmState::Ok), ("other", AlarmState::Ok)]
        {
            spec.alarms.push(AlarmSpec {
                account: "111111111111".into(),
                region: REGION.into(),
                name: name.to_owned(),
                state,
            });
        }
    };
    let real = stage(&config, add).await;
    let file = snapshot(&real).await;
    let alarms: Vec<(&str, &str)> =
        file.places[0].alarms.iter().map(|alarm| (alarm.name.as_str(), alarm.state.as_str())).collect();
    assert_eq!(alarms, [("errors", "ALARM"), ("latency", "OK")]);
    assert_eq!(snapshot(&found(&config, &file).await).await.places[0].alarms, file.places[0].alarms);
}

#[tokio::test(start_paused = true)]
async fn ids_and_gaps_between_versions_are_kept() {
    let real = stage(CONFIG, |spec| {
        for template in spec.templates.iter_mut().filter(|template| template.name == "orders-dev") {
            let mut version = template.versions[0].clone();
            template.versions.truncate(1);
            for number in [7, 40, 41] {
                version.number = Some(number);
                template.versions.push(version.clone());
            }
            template.default_version = 7;
        }
        let orders =
            spec.groups.iter_mut().find(|group| group.name.as_str() == "orders-dev").expect("orders");
        orders.tracking = Tracking::Pinned(40);
        orders.of_other_versions = vec![(1, 2), (7, 1)];
    })
    .await;
    let file = snapshot(&real).await;
    let template = file.places[0].templates.iter().find(|template| template.name == "orders-dev");
    let template = template.expect("its template");
    let numbers: Vec<u64> = template.versions.iter().map(|version| version.number).collect();
    assert_eq!((numbers, template.default), (vec![1, 7, 40, 41], 7));
    let again = found(CONFIG, &file).await;
    let mut file_again = snapshot(&again).await;
    file_again.taken = file.taken;
    assert_eq!(undated(&file), undated(&file_again));
    // The next version is the one after the newest that was seen.
    let id = template.id.clone();
    assert_eq!(plan_only(&real).await, plan_only(&again).await);
    again.rollout().await;
    let newest = again.simulator.inspect(|world| {
        world.templates.values().find(|template| template.id == id).map(ami_refresh::sim::Template::latest)
    });
    assert_eq!(newest, Some(42));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_a_snapshot_is_the_same_file() {
    let real = stage(CONFIG, |_| {}).await;
    let file = snapshot(&real).await;
    let mut again = snapshot(&found(CONFIG, &file).await).await;
    again.taken = file.taken;
    assert_eq!(undated(&file), undated(&again));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_changes_nothing() {
    let real = stage(CONFIG, |_| {}).await;
    snapshot(&real).await;
    let reading = |action: &str| action.starts_with("Describe") || action.starts_with("Get");
    let calls = real.simulator.calls();
    assert!(calls.len() > 10);
    assert!(calls.iter().all(|call| reading(&call.action) || call.action == "AssumeRole"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_in_the_file() {
    const PLANTED: &str = "plan7ed";
    // `#!/bin/sh\nexport TOKEN=plan7ed`, as EC2 holds it.
    const USER_DATA: &str = "IyEvYmluL3NoCmV4cG9ydCBUT0tFTj1wbGFuN2VkCg==";
    let real = stage(CONFIG, |spec| {
        for template in &mut spec.templates {
            for version in &mut template.versions {
                version.description = format!("password={PLANTED}");
                version.data.insert("UserData".to_owned(), USER_DATA.to_owned());
                version.data.insert("TagSpecification.1.Tag.2.Key".to_owned(), "ApiToken".to_owned());
                version.data.insert("TagSpecification.1.Tag.2.Value".to_owned(), PLANTED.to_owned());
            }
        }
        for group in &mut spec.groups {
            group.tags.insert("db_password".to_owned(), PLANTED.to_owned());
            group.tags.insert("Url".to_owned(), format!("https://app:{PLANTED}@db.internal"));
        }
        for image in &mut spec.images {
            image.tags.insert("signing-key".to_owned(), PLANTED.to_owned());
        }
    })
    .await;
    let text = snapshot(&real).await.to_text();
    assert!(text.contains(REDACTED) && text.contains("(user data 1)"));
    for secret in [PLANTED, USER_DATA, HOME_SECRET] {
        assert!(!text.contains(secret), "{secret}");
    }
    // Nor is any digest, which guesses could be tried on.
    assert!(text.split(|c: char| !c.is_ascii_hexdigit()).all(|digits| digits.len() < 32), "{text}");
}

#[tokio::test(start_paused = true)]
async fn credentials_of_another_account_are_refused() {
    let real = stage(CONFIG, |spec| {
        for role in spec.roles.values_mut() {
            role.account = "999999999999".into();
        }
    })
    .await;
    let environments: Vec<_> = real.fleet.environments.iter().collect();
    let cloud = Cloud::new(Settings {
        clock: real.clock,
        http_client: Some(real.simulator.http_client()),
        credentials: Some((HOME_KEY.to_owned(), HOME_SECRET.to_owned())),
        session_name: "test".into(),
    })
    .await;
    let asked = Asked { cloud: &cloud, clock: real.clock, fleet: &real.fleet, environments: &environments };
    let stop = take(&asked, &|_| {}).await.expect_err("another account");
    assert!(stop.to_string().contains("lead to account 999999999999"), "{stop}");
}
