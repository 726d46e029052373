//! Roles and accounts: sessions over many hours, external ids, what stays in the home account.

use std::collections::BTreeMap;

use ami_refresh::model::{AccountId, Exit, Verdict};
use ami_refresh::sim::{Call, FleetSpec, Scenario, Service};
use jiff::{SignedDuration, Timestamp};

use crate::refusals::{only, refused, stage};
use crate::rehearsal::Rehearsal;
use crate::rehearsal_story::block;
use crate::resume_steps::problems;
use crate::stage::{CONFIG, HOME, NEW};

const ROLE: &str = "arn:aws:iam::111111111111:role/ami-refresh";
const DEV: &str = "111111111111";
const QA: &str = "222222222222";

/// The configuration with this external id for `dev`.
fn with_external_id(id: &str) -> String {
    let role = format!("    role_arn: {ROLE}\n");
    let made = CONFIG.replace(&role, &format!("{role}    external_id: {id}\n"));
    assert_ne!(made, CONFIG);
    made
}

fn calls(rehearsal: &Rehearsal, which: impl Fn(&Call) -> bool) -> Vec<Call> {
    rehearsal.stage.simulator.calls().into_iter().filter(which).collect()
}

#[test]
fn a_rollout_of_five_hours_assumes_its_role_again_and_again() {
    block(async {
        // Two pauses of two hours and a half, in the canary alone.
        let settings = "{ bake: 10m, timeout: 6h, checkpoints: [40, 80, 100], checkpoint_delay: 150m }";
        let config = CONFIG.replace("{ bake: 10m, timeout: 1h }", settings);
        let done = Rehearsal::with(&config, Scenario::clean(), |spec| {
            spec.groups.iter_mut().for_each(|group| group.capacity = (3, 3, 6));
        })
        .await;
        done.keeps_its_promises();
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed]);
        // Every request was answered with credentials that held: the others are not among the calls.
        assert_eq!(done.wire.count(), done.stage.simulator.calls().len());
        let in_dev = calls(&done, |call| call.account.as_str() == DEV);
        let assumed: Vec<Timestamp> =
            calls(&done, |call| call.action == "AssumeRole").iter().map(|call| call.at).collect();
        let (first, last) = (in_dev.first().expect("calls").at, in_dev.last().expect("calls").at);
        assert!(last.duration_since(first) > SignedDuration::from_hours(5), "{first} to {last}");
        for call in &in_dev {
            let hour = SignedDuration::from_hours(1);
            let fresh = |at: &Timestamp| *at <= call.at && call.at.duration_since(*at) < hour;
            assert!(assumed.iter().any(fresh), "{call:?}");
        }
        let hours = last.duration_since(first).as_hours();
        let of_both = usize::try_from(hours).expect("a few") * 2 + 6;
        assert!((6..=of_both).contains(&assumed.len()), "{} sessions in {hours} hours", assumed.len());
    });
}

#[test]
fn a_role_is_assumed_with_the_external_id_that_it_asks_for() {
    block(async {
        let done = Rehearsal::of(&with_external_id("team/42"), Scenario::clean()).await;
        done.keeps_its_promises();
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed]);
        let ids: Vec<Option<String>> =
            done.wire.of("AssumeRole").into_iter().map(|(_, mut sent)| sent.remove("ExternalId")).collect();
        assert_eq!(ids, [Some("team/42".to_owned()), None], "dev has one, qa has not");
    });
}

#[test]
fn a_wrong_or_missing_external_id_is_told_with_the_environment_the_role_and_what_to_do() {
    let asks = |spec: &mut FleetSpec| {
        spec.roles.get_mut(ROLE).expect("the role").external_id = Some("team/42".to_owned());
    };
    for (config, next) in [
        (CONFIG.to_owned(), "add 'external_id' to the environment"),
        (with_external_id("team/43"), "asks for this 'external_id'"),
    ] {
        block(async {
            let stage = stage(&config, asks, |_| {}).await;
            let problems = refused(&stage, Verdict::SetUp, Exit::Usage).await;
            only(&problems, &[&format!("failed to use role {ROLE} of dev"), "AccessDenied", next]);
        });
    }
}

#[test]
fn gates_and_provenance_are_written_with_the_home_credentials_only() {
    block(async {
        let done = Rehearsal::of(CONFIG, Scenario::clean()).await;
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Passed]);
        let tagged = calls(&done, |call| call.service == Service::Ec2 && call.action == "CreateTags");
        let mut images: BTreeMap<String, Vec<AccountId>> = BTreeMap::new();
        for call in tagged {
            images.entry(call.resource.clone().expect("an image")).or_default().push(call.account);
        }
        let keys: Vec<&String> = images.keys().collect();
        assert_eq!(keys, [NEW]);
        assert!(images[NEW].len() >= 2, "a gate for each environment");
        assert!(images[NEW].iter().all(|account| account.as_str() == HOME), "{images:?}");
        // What a role writes are groups' tags, with the service that they belong to.
        let of_roles = done.wire.of("CreateOrUpdateTags");
        let gates = of_roles
            .iter()
            .flat_map(|(_, sent)| sent.iter())
            .filter(|(key, value)| key.ends_with(".Key") && value.starts_with("ami-refresh:gate"));
        assert_eq!(gates.count(), 0);
        assert!(!of_roles.is_empty(), "markers at least");
    });
}

#[test]
fn an_image_that_is_not_shared_with_one_account_refuses_that_environment_alone() {
    block(async {
        let done = Rehearsal::with(CONFIG, Scenario::clean(), |spec| {
            let image = spec.images.iter_mut().find(|image| image.id.as_str() == NEW).expect("the image");
            image.shared_with.retain(|account| account.as_str() != QA);
        })
        .await;
        done.keeps_its_promises();
        assert_eq!(done.verdicts, [Verdict::Passed, Verdict::Refused]);
        only(&problems(&done.stage), &[NEW, &format!("not shared with account {QA}"), "share the image"]);
        let changing = calls(&done, |call| {
            call.account.as_str() == QA
                && !["Describe", "Get"].iter().any(|read| call.action.starts_with(read))
        });
        assert_eq!(changing, []);
    });
}
