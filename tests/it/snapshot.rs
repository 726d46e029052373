//! A snapshot of the simulator's fleet stands for that fleet.

use ami_refresh::aws::{Cloud, Settings};
use ami_refresh::event::{Event, PlannedGroup};
use ami_refresh::model::{AccountId, EnvironmentName, ImageId, Region};
use ami_refresh::sim::{FleetSpec, HOME_KEY, HOME_SECRET, Scenario};
use ami_refresh::snapshot::{Asked, Fleet, REDACTED, take};

use crate::stage::{CONFIG, HOME, NEW, REGION, Stage};

/// A stage on the configuration's whole default fleet, with a hand in it.
async fn stage(config: &str, change: impl FnOnce(&mut FleetSpec)) -> Stage {
    let fleet = ami_refresh::config::Fleet::parse("test.yaml".as_ref(), config).expect("valid");
    let images = [(Region::from(REGION), ImageId::from(NEW))];
    let whole = FleetSpec::from_config(&fleet, &images, &AccountId::from(HOME));
    Stage::with(config, Scenario::clean(), 7, |spec| {
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

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_a_snapshot_is_the_same_file() {
    let real = stage(CONFIG, |_| {}).await;
    let file = snapshot(&real).await;
    let mut again = snapshot(&found(CONFIG, &file).await).await;
    again.taken = file.taken;
    // When the simulator made a template it makes up anew.
    let undated = |file: &Fleet| {
        let mut file = file.clone();
        let templates = file.places.iter_mut().flat_map(|place| &mut place.templates);
        templates.flat_map(|template| &mut template.versions).for_each(|version| version.created = None);
        file.to_text()
    };
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
        for account in spec.roles.values_mut() {
            *account = "999999999999".into();
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
