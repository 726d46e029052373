//! Who asks: roles, accounts, expiry.

use std::time::Duration;

use aws_credential_types::Credentials;

use super::support::{Bench, GROUP, HOME, NEW, QA, REGION, ROLE, code, fleet, template};
use crate::sim::wire::Request;
use crate::sim::{GroupSpec, Outcome, Scenario};

/// Clients with credentials of the role.
async fn assume(bench: &Bench) -> Bench {
    let answer =
        bench.sts.assume_role().role_arn(ROLE).role_session_name("test").send().await.expect("a session");
    let issued = answer.credentials().expect("credentials");
    let (key, secret, token) = (issued.access_key_id(), issued.secret_access_key(), issued.session_token());
    Bench::on(bench.simulator.clone(), Credentials::new(key, secret, Some(token.to_owned()), None, "role"))
}

fn two_accounts() -> Bench {
    let mut spec = fleet(1, |_| {});
    spec.templates.push(template(QA, GROUP));
    spec.groups.push(GroupSpec::new(QA.into(), REGION.into(), "theirs", GROUP, 2));
    Bench::new(spec, Scenario::clean())
}

#[tokio::test(start_paused = true)]
async fn a_role_sees_its_own_account_and_shared_images_with_its_own_tags_only() {
    let home = two_accounts();
    let role = assume(&home).await;
    let who = role.sts.get_caller_identity().send().await.expect("an identity");
    assert_eq!(who.account(), Some(QA));
    assert_eq!(who.arn(), Some("arn:aws:sts::222222222222:assumed-role/ami-refresh/test"));
    let groups = role.scaling.describe_auto_scaling_groups().send().await.expect("groups");
    let names: Vec<_> =
        groups.auto_scaling_groups().iter().filter_map(|g| g.auto_scaling_group_name()).collect();
    assert_eq!(names, ["theirs"]);
    let image = role.ec2.describe_images().image_ids(NEW).send().await.expect("a shared image");
    assert_eq!((image.images()[0].owner_id(), image.images()[0].tags().len()), (Some(HOME), 0));
    let tag = aws_sdk_ec2::types::Tag::builder().key("k").value("v").build();
    role.ec2.create_tags().resources(NEW).tags(tag).send().await.expect("a tag of its own");
    let keys = async |bench: &Bench| {
        let image = bench.ec2.describe_images().image_ids(NEW).send().await.expect("an image");
        image.images()[0].tags().iter().filter_map(|tag| tag.key().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!((keys(&role).await, keys(&home).await), (vec!["k".to_owned()], vec!["family".to_owned()]));
    assert_eq!(role.simulator.calls()[1].account.as_str(), QA);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_role_can_not_be_assumed() {
    let bench = Bench::clean();
    let role = "arn:aws:iam::333333333333:role/nobody";
    let refused = bench.sts.assume_role().role_arn(role).role_session_name("test").send().await;
    assert_eq!(code(&refused.expect_err("a refusal")), "AccessDenied");
}

#[tokio::test(start_paused = true)]
async fn a_role_asks_for_its_external_id() {
    let mut spec = fleet(1, |_| {});
    spec.roles.get_mut(ROLE).unwrap().external_id = Some("team/42".to_owned());
    let bench = Bench::new(spec, Scenario::clean());
    let ask = async |external_id: Option<&str>| {
        let request = bench.sts.assume_role().role_arn(ROLE).role_session_name("test");
        request.set_external_id(external_id.map(str::to_owned)).send().await
    };
    assert_eq!(code(&ask(None).await.expect_err("none")), "AccessDenied");
    assert_eq!(code(&ask(Some("team/43")).await.expect_err("another")), "AccessDenied");
    assert_eq!(code(&ask(Some("team 42")).await.expect_err("no external id")), "ValidationError");
    assert!(ask(Some("team/42")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_session_lasts_as_long_as_asked_for_and_allowed() {
    let mut spec = fleet(1, |_| {});
    spec.roles.get_mut(ROLE).unwrap().longest_session = 7_200;
    let home = Bench::new(spec, Scenario::clean());
    let ask = async |bench: &Bench, seconds: i32, name: &str| {
        let request = bench.sts.assume_role().role_arn(ROLE).role_session_name(name);
        request.duration_seconds(seconds).send().await
    };
    for (seconds, name) in [(899, "test"), (7_201, "test"), (900, "t"), (900, "a b")] {
        let refused = ask(&home, seconds, name).await.expect_err("a refusal");
        assert_eq!(code(&refused), "ValidationError", "{seconds} {name}");
    }
    assert!(ask(&home, 7_200, "test").await.is_ok());
    // A session that assumes a role gets an hour at most.
    let role = assume(&home).await;
    assert_eq!(code(&ask(&role, 3_601, "test").await.expect_err("chained")), "ValidationError");
    assert!(ask(&role, 3_600, "test").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_after_an_hour() {
    let home = two_accounts();
    let role = assume(&home).await;
    tokio::time::sleep(Duration::from_secs(3601)).await;
    let scaling = role.scaling.describe_auto_scaling_groups().send().await;
    assert_eq!(code(&scaling.expect_err("expired")), "ExpiredToken");
    let ec2 = role.ec2.describe_images().send().await;
    assert_eq!(code(&ec2.expect_err("expired")), "RequestExpired");
}

#[tokio::test(start_paused = true)]
async fn without_credentials_nothing_is_answered() {
    let bench = Bench::clean();
    let request = Request::form(None, b"Action=DescribeImages".to_vec());
    let Outcome::Answered(reply) = bench.simulator.call(&request) else { panic!("no answer") };
    assert_eq!(reply.status, 403);
    assert!(reply.text().contains("MissingAuthenticationToken"), "{}", reply.text());
}

#[tokio::test(start_paused = true)]
async fn deprecated_images_of_others_are_found_by_id_only() {
    let mut spec = fleet(1, |_| {});
    spec.images[1].deprecated = "2026-11-01T00:00:00Z".parse().ok();
    let home = Bench::new(spec, Scenario::clean());
    let role = assume(&home).await;
    let ids = async |bench: &Bench| bench.ec2.describe_images().send().await.expect("images").images().len();
    assert_eq!((ids(&home).await, ids(&role).await), (2, 1));
    let found = role.ec2.describe_images().image_ids(NEW).send().await.expect("by id");
    assert_eq!(found.images()[0].deprecation_time(), Some("2026-11-01T00:00:00.000Z"));
}

/// The world's clock, for the SDK.
#[derive(Debug)]
struct WorldTime(crate::clock::Clock);

impl aws_smithy_async::time::TimeSource for WorldTime {
    fn now(&self) -> std::time::SystemTime {
        self.0.now().into()
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_provider_on_the_worlds_clock_renews_its_session() {
    let home = two_accounts();
    let config = aws_config::SdkConfig::builder()
        .http_client(home.simulator.http_client())
        .region(aws_config::Region::new(REGION))
        .behavior_version(aws_config::BehaviorVersion::latest())
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .time_source(WorldTime(home.simulator.clock()))
        .identity_cache(aws_config::identity::IdentityCache::lazy().build())
        .build();
    let role = aws_config::sts::AssumeRoleProvider::builder(ROLE)
        .configure(&config)
        .session_name("test")
        .build_from_provider(Credentials::new(
            crate::sim::HOME_KEY,
            crate::sim::HOME_SECRET,
            None,
            None,
            "home",
        ))
        .await;
    let provider = aws_credential_types::provider::SharedCredentialsProvider::new(role);
    let config = config.into_builder().credentials_provider(provider).build();
    let scaling = aws_sdk_autoscaling::Client::new(&config);
    for _ in 0..9 {
        scaling.describe_auto_scaling_groups().send().await.expect("groups");
        tokio::time::sleep(Duration::from_secs(1200)).await;
    }
    let sessions = home.simulator.calls().iter().filter(|call| call.action == "AssumeRole").count();
    assert!((3..=5).contains(&sessions), "{sessions} sessions in three hours");
}
