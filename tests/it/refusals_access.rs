//! What is refused because of who asks, and which images are no candidate.

use std::path::Path;

use ami_refresh::candidate::{self, Error};
use ami_refresh::config::Fleet;
use ami_refresh::model::{Architecture, CandidateImage, Exit, ImageId, Problem, Region, Verdict};
use ami_refresh::rollout;
use ami_refresh::sim::{Fault, FaultKind, FleetSpec, RoleSpec, World};

use crate::refusals::{only, refused, stage, unchanged};
use crate::rehearsal_story::{block, in_order, story_of};
use crate::rehearsal_wire::snapshot;
use crate::stage::{CONFIG, HOME, NEW, REGION, Stage};

const ROLE: &str = "arn:aws:iam::111111111111:role/ami-refresh";

#[test]
fn a_role_that_can_not_be_assumed_is_named() {
    block(async {
        let stage = stage(CONFIG, |spec| drop(spec.roles.remove(ROLE)), |_| {}).await;
        let problems = refused(&stage, Verdict::SetUp, Exit::Usage).await;
        only(&problems, &[&format!("failed to use role {ROLE} of dev"), "trusts"]);
        assert!(problems[0].why.contains("not authorized to perform: sts:AssumeRole"), "{}", problems[0]);
    });
}

#[test]
fn credentials_that_lead_to_another_account_are_refused() {
    block(async {
        let astray = |spec: &mut FleetSpec| {
            spec.roles.insert(ROLE.into(), RoleSpec::new("333333333333".into()));
        };
        let stage = stage(CONFIG, astray, |_| {}).await;
        let names = [
            "the credentials for dev lead to account 333333333333",
            "dev is account 111111111111",
            "role_arn",
        ];
        only(&refused(&stage, Verdict::SetUp, Exit::Usage).await, &names);
    });
}

#[test]
fn home_credentials_that_are_no_role_must_be_of_the_environments_account() {
    block(async {
        let config = CONFIG.replace("    role_arn: arn:aws:iam::111111111111:role/ami-refresh\n", "");
        assert_ne!(config, CONFIG);
        let stage = stage(&config, |_| {}, |_| {}).await;
        only(&refused(&stage, Verdict::SetUp, Exit::Usage).await, &["lead to account 100000000000"]);
    });
}

/// Every call from now on is answered that the credentials have expired.
fn expire(stage: &Stage) {
    for at_call in 1..=400 {
        stage.simulator.inject(Fault { at_call, kind: FaultKind::Expired });
    }
}

#[test]
fn expired_credentials_are_told_as_such() {
    block(async {
        let stage = stage(CONFIG, |_| {}, |_| {}).await;
        expire(&stage);
        let problems = refused(&stage, Verdict::SetUp, Exit::Usage).await;
        only(&problems, &["home account's credentials", "xpired", "AWS_PROFILE"]);
    });
}

#[test]
fn one_session_that_has_expired_is_renewed() {
    block(async {
        let stage = stage(CONFIG, |_| {}, |_| {}).await;
        let expire = |world: &mut World| {
            let now = world.now;
            world.sessions.values_mut().for_each(|session| session.expires = now);
        };
        let meanwhile = async {
            crate::rules_fleet::until(&stage, crate::resume::told("catalog-dev", "moved Baking")).await;
            stage.simulator.change(expire);
        };
        let (verdicts, ()) = tokio::join!(stage.rollout(), meanwhile);
        assert!(!verdicts.contains(&Verdict::SetUp), "{verdicts:?}");
    });
}

#[test]
fn aws_out_of_reach_before_the_start_is_told_and_changes_nothing() {
    block(async {
        let stage = stage(CONFIG, |_| {}, |_| {}).await;
        for at_call in 1..=400 {
            stage.simulator.inject(Fault { at_call, kind: FaultKind::ServerError });
        }
        let problems = refused(&stage, Verdict::Unreachable, Exit::Unexpected).await;
        only(&problems, &["AWS could not be asked about dev", "ami-refresh rollout --env dev"]);
        in_order(&story_of(&stage, "qa"), &["over, not reached"]);
    });
}

#[test]
fn a_family_that_the_configuration_does_not_know_is_refused() {
    block(async {
        let mut stage = stage(CONFIG, |_| {}, |_| {}).await;
        stage.candidate.family = "bastion".into();
        only(
            &refused(&stage, Verdict::SetUp, Exit::Usage).await,
            &["family \"bastion\"", "it names base", "--family"],
        );
    });
}

/// What `verify` says of the wanted images, with the world as somebody changed it.
async fn verify(
    config: &str,
    change: impl FnOnce(&mut World),
    wanted: &[(&str, &str)],
) -> Result<Vec<CandidateImage>, Error> {
    let stage = Box::pin(stage(config, |_| {}, change)).await;
    let before = stage.simulator.inspect(snapshot);
    let fleet = Fleet::parse(Path::new("test.yaml"), config).expect("a configuration");
    let homes = rollout::homes(&stage.cloud, &fleet);
    let identity = homes[0].identity().await.expect("an identity");
    let wanted: Vec<(Region, ImageId)> =
        wanted.iter().map(|(region, id)| (Region::from(*region), ImageId::from(*id))).collect();
    let found = candidate::verify(&homes, &identity, &fleet.families["base"], &wanted).await;
    unchanged(&stage, &before);
    found
}

#[track_caller]
fn unfit(found: Result<Vec<CandidateImage>, Error>) -> Vec<Problem> {
    match found {
        Err(Error::Unfit(problems)) => {
            assert!(problems.iter().all(|p| !p.what.is_empty() && !p.why.is_empty() && !p.next.is_empty()));
            problems
        }
        other => panic!("{other:?}"),
    }
}

fn set(change: impl FnOnce(&mut ami_refresh::sim::Image)) -> impl FnOnce(&mut World) {
    move |world| change(world.images.values_mut().find(|image| image.id.as_str() == NEW).expect("the image"))
}

#[test]
fn an_image_that_is_fit_is_what_ec2_says_it_is() {
    block(async {
        let arm = set(|image| image.architecture = Architecture::Arm64);
        let found = verify(CONFIG, arm, &[(REGION, NEW)]).await.expect("a fit image");
        assert_eq!((found[0].architecture.clone(), found[0].owner.as_str()), (Architecture::Arm64, HOME));
    });
}

#[test]
fn an_image_that_is_not_fit_is_named_with_the_reason() {
    type Change = fn(&mut ami_refresh::sim::Image);
    let cases: [(&str, Change); 4] = [
        ("it is still pending", |image| image.state = "pending".into()),
        ("its state is failed", |image| image.state = "failed".into()),
        ("its state is deregistered", |image| image.state = "deregistered".into()),
        ("EC2 calls it deprecated", |image| image.deprecated = "2026-01-01T00:00:00Z".parse().ok()),
    ];
    for (says, change) in cases {
        block(async {
            let problems = unfit(verify(CONFIG, set(change), &[(REGION, NEW)]).await);
            only(&problems, &[&format!("image {NEW} in {REGION} is not fit"), says]);
        });
    }
}

#[test]
fn an_image_that_does_not_exist_is_named() {
    block(async {
        let wanted = [(REGION, "ami-0dddddddddddddddd"), (REGION, NEW), (REGION, "ami-0eeeeeeeeeeeeeeee")];
        let problems = unfit(verify(CONFIG, |_| {}, &wanted).await);
        assert_eq!(problems.len(), 2, "every one at once");
        only(&problems[..1], &["image ami-0dddddddddddddddd does not exist in eu-west-2"]);
        only(&problems[1..], &["image ami-0eeeeeeeeeeeeeeee does not exist in eu-west-2"]);
    });
}

#[test]
fn an_image_of_another_account_is_refused_whether_it_is_shared_or_not() {
    for shared in [true, false] {
        block(async {
            let theirs = set(|image| {
                image.owner = "444444444444".into();
                image.shared_with = if shared { vec![HOME.into()] } else { Vec::new() };
            });
            let problems = unfit(verify(CONFIG, theirs, &[(REGION, NEW)]).await);
            let says = if shared { "account 444444444444 owns it" } else { "does not exist" };
            only(&problems, &[NEW, says]);
        });
    }
}

#[test]
fn two_images_for_one_region_and_architecture_are_refused() {
    block(async {
        let old = crate::rehearsal::old();
        let problems = unfit(verify(CONFIG, |_| {}, &[(REGION, NEW), (REGION, old.as_str())]).await);
        only(&problems, &[NEW, old.as_str(), "both x86_64 images in eu-west-2"]);
    });
}

#[test]
fn an_image_in_a_region_that_nobody_configured_is_a_wrong_input() {
    block(async {
        let found = verify(CONFIG, |_| {}, &[("us-east-1", NEW)]).await;
        let Err(Error::Input(problem)) = found else { panic!("{found:?}") };
        only(&[problem], &["us-east-1", "eu-west-2", "add the region"]);
    });
}
