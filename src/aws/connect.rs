//! Reaching accounts: credentials, roles, regions, one shared HTTP client.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::identity::IdentityCache;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;

use super::error::Error;
use super::limits::Limits;
use super::refreshes::ActivityCache;
use super::session::{Held, Session, SessionOf, Watch};
use super::sights::Sights;
use crate::clock::Clock;
use crate::config::{Environment, ExternalId};
use crate::model::{AccountId, Region};

/// How to reach AWS.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The clock that retries, signatures and expiries go by.
    pub clock: Clock,
    /// What calls go out on; `None` for the network.
    pub http_client: Option<SharedHttpClient>,
    /// The home account's key and secret; `None` for the SDK's default chain.
    pub credentials: Option<(String, String)>,
    /// The name of the sessions in assumed roles, as `CloudTrail` shows it.
    pub session_name: String,
}

/// What the home account is called before anybody has asked for its number.
const HOME: &str = "home";

/// Every account that a run may talk to.
#[derive(Debug, Clone)]
pub struct Cloud {
    home: SdkConfig,
    clock: Clock,
    session_name: String,
    /// Whether nothing outside may be read.
    rehearsed: bool,
    /// One session a role, shared by all regions and clients.
    roles: Arc<Mutex<BTreeMap<Role, Arc<Session>>>>,
    /// How fast each account is called, however often it is assumed.
    limits: Limits,
    /// What is read once for everybody, by account and region.
    shared: Arc<Mutex<BTreeMap<(String, Region), Shared>>>,
}

/// What all [`Account`]s of one account and region share.
#[derive(Debug, Clone, Default)]
struct Shared {
    activities: ActivityCache,
    sights: Sights,
}

/// A role's ARN, and the external id that it is assumed with.
type Role = (String, Option<ExternalId>);

/// Who the credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: AccountId,
    /// The ARN of the user or session.
    pub arn: String,
}

impl Identity {
    /// The last part of the ARN: the user's or the session's name, for people.
    pub fn name(&self) -> String {
        self.arn.rsplit('/').next().unwrap_or_default().to_owned()
    }
}

/// One account in one region.
#[derive(Debug, Clone)]
pub struct Account {
    /// The region.
    pub region: Region,
    pub(super) clock: Clock,
    pub(super) ec2: aws_sdk_ec2::Client,
    pub(super) autoscaling: aws_sdk_autoscaling::Client,
    pub(super) load_balancing: aws_sdk_elasticloadbalancingv2::Client,
    pub(super) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(super) ssm: aws_sdk_ssm::Client,
    pub(super) sts: aws_sdk_sts::Client,
    pub(super) image_builder: aws_sdk_imagebuilder::Client,
    pub(super) activities: ActivityCache,
    pub(super) sights: Sights,
}

/// The SDK's waits, on our clock.
#[derive(Debug)]
struct ClockSleep(Clock);

impl AsyncSleep for ClockSleep {
    fn sleep(&self, duration: Duration) -> Sleep {
        let clock = self.0;
        Sleep::new(async move { clock.sleep(duration).await })
    }
}

/// The SDK's time, on our clock: signatures and the expiry of sessions.
#[derive(Debug)]
struct ClockTime(Clock);

impl TimeSource for ClockTime {
    fn now(&self) -> SystemTime {
        SystemTime::from(self.0.now())
    }
}

impl Cloud {
    /// Prepares the way to AWS. Makes no call: credentials are looked for when first needed.
    pub async fn new(settings: Settings) -> Self {
        let clock = settings.clock;
        let embedded = settings.http_client.is_some();
        let http = settings.http_client.unwrap_or_else(network_client);
        let home = if embedded {
            // A rehearsal reads neither the environment nor any profile: it holds no way out.
            SdkConfig::builder()
                .behavior_version(aws_config::BehaviorVersion::latest())
                .http_client(http)
                .sleep_impl(SharedAsyncSleep::new(ClockSleep(clock)))
                .time_source(SharedTimeSource::new(ClockTime(clock)))
                .build()
        } else {
            aws_config::defaults(aws_config::BehaviorVersion::latest())
                .http_client(http)
                .sleep_impl(ClockSleep(clock))
                .time_source(ClockTime(clock))
                .load()
                .await
        };
        let mut home = home
            .into_builder()
            .retry_config(retries())
            .timeout_config(timeouts(clock))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some((key, secret)) = settings.credentials {
            let credentials = Credentials::new(key, secret, None, None, "rehearsal");
            home.set_credentials_provider(Some(SharedCredentialsProvider::new(credentials)));
        }
        let home = home.build();
        Self {
            home,
            clock,
            session_name: settings.session_name,
            rehearsed: embedded,
            roles: Arc::default(),
            limits: Limits::new(clock),
            shared: Arc::default(),
        }
    }

    /// The home account: whose images the candidate's are, and where gates are recorded.
    pub fn home(&self, region: &Region) -> Account {
        self.account(self.home.clone(), HOME, region, Watch(None))
    }

    /// An environment's account, through its role, or through the home credentials where it
    /// has none. Makes no call: the role is assumed when it is first needed.
    pub fn assume(&self, environment: &Environment, region: &Region) -> Account {
        let Some(role_arn) = &environment.role_arn else { return self.home(region) };
        let role = (role_arn.clone(), environment.external_id.clone());
        let mut roles = self.roles.lock().unwrap_or_else(PoisonError::into_inner);
        let session = roles.entry(role).or_insert_with_key(|(role_arn, external_id)| {
            let home = self.home.to_builder().region(sdk_region(region));
            // A call waits for it half a minute at most, and is made again itself.
            let home = home.retry_config(retries().with_max_attempts(5)).build();
            Arc::new(Session {
                sts: aws_sdk_sts::Client::new(&home),
                role_arn: role_arn.clone(),
                external_id: external_id.clone(),
                name: self.session_name.clone(),
                clock: self.clock,
                rehearsed: self.rehearsed,
                held: Mutex::new(Held::default()),
                renewing: tokio::sync::Mutex::default(),
            })
        });
        let credentials = SharedCredentialsProvider::new(SessionOf(Arc::clone(session)));
        // The session knows itself when it is renewed; a second cache would hold it too long.
        let config = self.home.to_builder().credentials_provider(credentials);
        let config = config.identity_cache(IdentityCache::no_cache()).build();
        self.account(config, environment.account.as_str(), region, Watch(Some(Arc::clone(session))))
    }

    fn account(&self, config: SdkConfig, name: &str, region: &Region, watch: Watch) -> Account {
        let config = config.into_builder().region(sdk_region(region)).build();
        // The others are asked too little to be throttled by it.
        let held = |service| self.held_back(&config, name, region, service);
        let ec2 = aws_sdk_ec2::config::Builder::from(&held("ec2")).interceptor(watch.clone());
        let autoscaling = held("autoscaling");
        let autoscaling = aws_sdk_autoscaling::config::Builder::from(&autoscaling).interceptor(watch.clone());
        let balancing = held("elasticloadbalancing");
        let balancing = aws_sdk_elasticloadbalancingv2::config::Builder::from(&balancing);
        let cloudwatch = held("monitoring");
        let cloudwatch = aws_sdk_cloudwatch::config::Builder::from(&cloudwatch).interceptor(watch.clone());
        let ssm = aws_sdk_ssm::config::Builder::from(&held("ssm")).interceptor(watch.clone());
        let sts = aws_sdk_sts::config::Builder::from(&config).interceptor(watch.clone());
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = shared.entry((name.to_owned(), region.clone())).or_default().clone();
        Account {
            region: region.clone(),
            clock: self.clock,
            ec2: aws_sdk_ec2::Client::from_conf(ec2.build()),
            autoscaling: aws_sdk_autoscaling::Client::from_conf(autoscaling.build()),
            load_balancing: aws_sdk_elasticloadbalancingv2::Client::from_conf(
                balancing.interceptor(watch).build(),
            ),
            cloudwatch: aws_sdk_cloudwatch::Client::from_conf(cloudwatch.build()),
            ssm: aws_sdk_ssm::Client::from_conf(ssm.build()),
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
            image_builder: super::image_builder::client(&config),
            activities: shared.activities,
            sights: shared.sights,
        }
    }

    /// The configuration for one service's client, whose calls wait for their turn.
    fn held_back(&self, config: &SdkConfig, name: &str, region: &Region, service: &'static str) -> SdkConfig {
        // Where calls are held back, late answers are noticed too: waiting for a turn is none.
        let mut held = config.to_builder().timeout_config(connects_within(self.clock));
        held.set_http_client(
            config.http_client().map(|http| self.limits.hold_back(http, name, region, service)),
        );
        held.build()
    }
}

impl Account {
    /// What time it is on the clock that this account is asked by.
    pub fn clock_now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// Who we are there. The cheapest call that shows whether the credentials work.
    pub async fn identity(&self) -> Result<Identity, Error> {
        const OPERATION: &str = "GetCallerIdentity";
        let answer = self.sts.get_caller_identity().send().await;
        let answer = answer.map_err(|error| Error::from_sdk(OPERATION, error))?;
        let account = answer.account().ok_or_else(|| Error::unexpected(OPERATION, "no account"))?;
        Ok(Identity { account: account.into(), arn: answer.arn().unwrap_or_default().to_owned() })
    }
}

fn sdk_region(region: &Region) -> aws_types::region::Region {
    aws_types::region::Region::new(region.as_str().to_owned())
}

/// One client for all accounts: root certificates are loaded once, connections are shared.
fn network_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// AWS asks for patience when it throttles: up to seven more tries, a good minute in all.
fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(8)
        .with_initial_backoff(Duration::from_secs(1))
        .with_max_backoff(Duration::from_secs(20))
}

fn timeouts(clock: Clock) -> TimeoutConfig {
    connects_within(clock).to_builder().operation_attempt_timeout(real(clock, 30)).build()
}

fn connects_within(clock: Clock) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(real(clock, 5)).build()
}

/// The limits are on real sockets, so a clock that runs faster must not shorten them.
fn real(clock: Clock, seconds: u64) -> Duration {
    Duration::from_secs(seconds).mul_f64(clock.speed())
}

#[cfg(test)]
mod tests;
