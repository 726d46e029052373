//! Reaching accounts: credentials, roles, regions, one shared HTTP client.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::sts::AssumeRoleProvider;
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
use super::limits::{Limits, account_of};
use super::refreshes::ActivityCache;
use super::sights::Sights;
use crate::clock::Clock;
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
    /// One credentials provider a role, so that its sessions are shared and refreshed once.
    roles: Arc<Mutex<BTreeMap<String, SharedCredentialsProvider>>>,
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
    pub(super) sts: aws_sdk_sts::Client,
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
        let session_name = settings.session_name;
        let (roles, limits, shared) = (Arc::default(), Limits::new(clock), Arc::default());
        Self { home, clock, session_name, roles, limits, shared }
    }

    /// The home account: whose images the candidate's are, and where gates are recorded.
    pub fn home(&self, region: &Region) -> Account {
        self.account(self.home.clone(), HOME, region)
    }

    /// An account through its role, or through the home credentials where it has none.
    pub async fn assume(&self, role_arn: Option<&str>, region: &Region) -> Account {
        let Some(role_arn) = role_arn else { return self.home(region) };
        let known = self.roles.lock().unwrap_or_else(PoisonError::into_inner).get(role_arn).cloned();
        let credentials = if let Some(credentials) = known {
            credentials
        } else {
            let home = self.home.to_builder().region(sdk_region(region)).build();
            let provider = AssumeRoleProvider::builder(role_arn)
                .session_name(self.session_name.clone())
                .configure(&home)
                .region(sdk_region(region))
                .build()
                .await;
            let provider = SharedCredentialsProvider::new(provider);
            let mut roles = self.roles.lock().unwrap_or_else(PoisonError::into_inner);
            roles.entry(role_arn.to_owned()).or_insert(provider).clone()
        };
        let mut config = self.home.to_builder();
        config.set_credentials_provider(Some(credentials));
        self.account(config.build(), account_of(role_arn), region)
    }

    fn account(&self, config: SdkConfig, name: &str, region: &Region) -> Account {
        let config = config.into_builder().region(sdk_region(region)).build();
        let config = |service| {
            let held = config.http_client().map(|http| self.limits.hold_back(http, name, region, service));
            // Where calls are held back, late answers are noticed too: waiting for a turn is none.
            let mut config = config.to_builder().timeout_config(connects_within(self.clock));
            config.set_http_client(held);
            config.build()
        };
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = shared.entry((name.to_owned(), region.clone())).or_default().clone();
        Account {
            region: region.clone(),
            clock: self.clock,
            ec2: aws_sdk_ec2::Client::new(&config("ec2")),
            autoscaling: aws_sdk_autoscaling::Client::new(&config("autoscaling")),
            load_balancing: aws_sdk_elasticloadbalancingv2::Client::new(&config("elasticloadbalancing")),
            sts: aws_sdk_sts::Client::new(&config("sts")),
            activities: shared.activities,
            sights: shared.sights,
        }
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
