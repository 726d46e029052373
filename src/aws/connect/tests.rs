//! Sessions in roles, on the simulator and its clock; and that one HTTP client serves all.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpClient, http_client_fn};

use super::*;
use crate::aws::Kind;
use crate::config::{Fleet, SecretSource};
use crate::sim::{Fault, FaultKind, FleetSpec, HOME_KEY, HOME_SECRET, Scenario, Setup, Simulator};

const HOME: &str = "100000000000";
const ROLE: &str = "arn:aws:iam::111111111111:role/ami-refresh";
const CONFIG: &str = "
version: 1
families:
  base:
    previous: { name: 'dept-base-*', owners: [self] }
defaults:
  regions: [eu-west-2, us-east-1]
environments:
  - name: dev
    account: '111111111111'
    role_arn: arn:aws:iam::111111111111:role/ami-refresh
    select: { tags: { Environment: dev } }
  - name: qa
    account: '222222222222'
    role_arn: arn:aws:iam::222222222222:role/ami-refresh
    select: { tags: { Environment: qa } }
";

struct Bench {
    fleet: Fleet,
    simulator: Simulator,
    clock: Clock,
    cloud: Cloud,
}

impl Bench {
    async fn new(change: impl FnOnce(&mut FleetSpec)) -> Self {
        // The SDK spreads its retries by chance.
        fastrand::seed(7);
        let fleet = Fleet::parse(Path::new("test.yaml"), CONFIG).unwrap();
        let clock = Clock::starting_at("2026-11-22T19:00:00Z".parse().unwrap(), 1.0);
        let mut spec = FleetSpec::from_config(&fleet, &[], &HOME.into());
        change(&mut spec);
        let simulator = Simulator::new(Setup::new(spec, Scenario::clean(), 7), clock);
        let cloud = cloud(clock, simulator.http_client()).await;
        Self { fleet, simulator, clock, cloud }
    }

    /// An environment, with this external id.
    fn environment(&self, name: &str, external_id: Option<ExternalId>) -> Environment {
        let mut environment = self.fleet.environment(name).unwrap().clone();
        environment.external_id = external_id;
        environment
    }

    fn dev(&self) -> Account {
        self.cloud.assume(&self.environment("dev", None), &"eu-west-2".into())
    }

    fn assumed(&self) -> usize {
        self.simulator.calls().iter().filter(|call| call.action == "AssumeRole").count()
    }
}

async fn cloud(clock: Clock, http_client: SharedHttpClient) -> Cloud {
    Cloud::new(Settings {
        clock,
        http_client: Some(http_client),
        credentials: Some((HOME_KEY.to_owned(), HOME_SECRET.to_owned())),
        session_name: "ami-refresh-test".into(),
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn all_clients_and_regions_of_a_role_share_one_session() {
    let bench = Bench::new(|_| {}).await;
    let dev = bench.environment("dev", None);
    let here = bench.cloud.assume(&dev, &"eu-west-2".into());
    let there = bench.cloud.assume(&dev, &"us-east-1".into());
    let (who, groups, versions) = tokio::join!(here.identity(), there.groups(), here.floating_versions());
    assert_eq!(who.unwrap().arn, "arn:aws:sts::111111111111:assumed-role/ami-refresh/ami-refresh-test");
    assert_eq!((groups.unwrap().len(), versions.is_ok()), (5, true));
    assert_eq!(bench.assumed(), 1);
    bench.cloud.assume(&bench.environment("qa", None), &"eu-west-2".into()).identity().await.unwrap();
    bench.dev().identity().await.unwrap();
    assert_eq!(bench.assumed(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_renewed_before_it_ends_and_no_call_notices() {
    let bench = Bench::new(|_| {}).await;
    let dev = bench.dev();
    for _ in 0..100 {
        dev.identity().await.unwrap();
        bench.clock.sleep(Duration::from_secs(180)).await;
    }
    // Five hours, a session for some fifty minutes each.
    assert_eq!(bench.assumed(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_tried_again_while_the_old_session_lasts() {
    let bench = Bench::new(|_| {}).await;
    let dev = bench.dev();
    dev.identity().await.unwrap();
    bench.clock.sleep(Duration::from_secs(51 * 60)).await;
    for at_call in 1..=5 {
        bench.simulator.inject(Fault { at_call, kind: FaultKind::ServerError });
    }
    dev.identity().await.unwrap();
    assert_eq!(bench.assumed(), 6, "the first one, and five times in vain");
    dev.identity().await.unwrap();
    assert_eq!(bench.assumed(), 6, "not with every call");
    bench.clock.sleep(Duration::from_secs(61)).await;
    dev.identity().await.unwrap();
    assert_eq!(bench.assumed(), 7);
    bench.clock.sleep(Duration::from_secs(48 * 60)).await;
    dev.identity().await.unwrap();
    assert_eq!(bench.assumed(), 7, "the new one lasts an hour");
}

#[tokio::test(start_paused = true)]
async fn calls_do_not_wait_for_a_renewal_that_takes_long() {
    let bench = Bench::new(|_| {}).await;
    let dev = bench.dev();
    dev.identity().await.unwrap();
    bench.clock.sleep(Duration::from_secs(51 * 60)).await;
    // The second call is that of somebody else.
    for at_call in [1, 3, 4, 5, 6] {
        bench.simulator.inject(Fault { at_call, kind: FaultKind::ServerError });
    }
    let begun = bench.clock.now();
    let quick = async {
        bench.clock.sleep(Duration::from_millis(1)).await;
        let groups = dev.groups().await;
        (groups.is_ok(), bench.clock.since(begun))
    };
    let (slow, (answered, took)) = tokio::join!(dev.identity(), quick);
    assert!(slow.is_ok() && answered);
    assert!(took < Duration::from_millis(10), "{took:?}");
    assert_eq!(bench.assumed(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_aws_calls_expired_is_begun_anew() {
    let bench = Bench::new(|_| {}).await;
    let dev = bench.dev();
    let expire = || {
        bench.simulator.change(|world| {
            let now = world.now;
            world.sessions.values_mut().for_each(|session| session.expires = now);
        });
    };
    dev.identity().await.unwrap();
    expire();
    let refused = dev.identity().await.unwrap_err();
    assert!(refused.kind == Kind::Credentials && refused.may_pass(), "{refused}");
    dev.identity().await.unwrap();
    // EC2 says it in other words.
    expire();
    assert!(dev.floating_versions().await.is_err());
    dev.floating_versions().await.unwrap();
    assert_eq!(bench.assumed(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_role_is_assumed_with_its_external_id() {
    let wants = |spec: &mut FleetSpec| {
        spec.roles.get_mut(ROLE).unwrap().external_id = Some("team/42".to_owned());
    };
    let bench = Bench::new(wants).await;
    let plain = |text: &str| Some(ExternalId::Plain(text.to_owned()));
    let identity = async |external_id| {
        let dev = bench.environment("dev", external_id);
        bench.cloud.assume(&dev, &"eu-west-2".into()).identity().await
    };
    for wrong in [None, plain("team/43")] {
        let refused = identity(wrong).await.unwrap_err();
        assert_eq!((refused.kind, refused.code.as_str()), (Kind::Credentials, "AccessDenied"));
        assert!(!refused.may_pass() && refused.message.contains(ROLE), "{refused}");
    }
    assert_eq!(identity(plain("team/42")).await.unwrap().account.as_str(), "111111111111");
}

#[tokio::test(start_paused = true)]
async fn trouble_of_sts_passes_and_is_no_refusal() {
    let bench = Bench::new(|_| {}).await;
    for at_call in 1..=5 {
        bench.simulator.inject(Fault { at_call, kind: FaultKind::Throttle });
    }
    let throttled = bench.dev().identity().await.unwrap_err();
    assert!(throttled.may_pass() && throttled.code.contains("Throttl"), "{throttled}");
    for at_call in 1..=5 {
        bench.simulator.inject(Fault { at_call, kind: FaultKind::LoseAnswer });
    }
    let unreached = bench.dev().identity().await.unwrap_err();
    assert!(unreached.may_pass() && unreached.kind == Kind::NoAnswer, "{unreached}");
    assert_eq!(unreached.operation, "GetCallerIdentity");
    bench.dev().identity().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_external_id_that_is_kept_elsewhere_is_read_when_it_is_needed() {
    let wants = |spec: &mut FleetSpec| {
        spec.roles.get_mut(ROLE).unwrap().external_id = Some("from-a-file".to_owned());
    };
    let mut bench = Bench::new(wants).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("external-id");
    let dev = bench.environment("dev", Some(ExternalId::Kept(SecretSource::File(file.clone()))));
    // A rehearsal reads nothing outside.
    let rehearsed = bench.cloud.assume(&dev, &"eu-west-2".into()).identity().await.unwrap_err();
    assert_eq!(rehearsed.code, "AccessDenied");
    bench.cloud.rehearsed = false;
    bench.cloud.roles = Arc::default();
    let account = bench.cloud.assume(&dev, &"eu-west-2".into());
    let missing = account.identity().await.unwrap_err();
    assert_eq!(missing.kind, Kind::Credentials);
    assert!(missing.message.starts_with("there is no external id: ") && !missing.may_pass(), "{missing}");
    std::fs::write(&file, "not one #\n").unwrap();
    let unfit = account.identity().await.unwrap_err();
    assert!(unfit.message.contains("none that STS takes") && !unfit.message.contains('#'), "{unfit}");
    std::fs::write(&file, "from-a-file\n").unwrap();
    account.identity().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_connector_serves_every_account_region_and_service() {
    let bench = Bench::new(|_| {}).await;
    // A client makes a connector, with its certificates and connections, for each kind of settings.
    let kinds: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let (seen, inner) = (Arc::clone(&kinds), bench.simulator.http_client());
    let client = http_client_fn(move |settings, components| {
        seen.lock().unwrap().insert(format!("{settings:?}"));
        inner.http_connector(settings, components)
    });
    let cloud = cloud(bench.clock, client).await;
    for environment in &bench.fleet.environments {
        for region in &environment.regions {
            for account in [cloud.home(region), cloud.assume(environment, region)] {
                account.identity().await.unwrap();
                account.groups().await.unwrap();
                account.floating_versions().await.unwrap();
            }
        }
    }
    assert_eq!(bench.assumed(), 2);
    let kinds = kinds.lock().unwrap();
    assert_eq!(kinds.len(), 1, "{kinds:#?}");
}
