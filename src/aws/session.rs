//! Sessions in assumed roles: shared by every client of a role, and renewed before they end.
//!
//! Role chaining ends a session after an hour, and a rollout takes many. A renewal that fails
//! is tried again while the old session lasts, so that no call notices. Never asks for more
//! than the hour: a role that is assumed from a role refuses it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use secrecy::ExposeSecret;

use super::Error;
use crate::clock::Clock;
use crate::config::ExternalId;
use crate::secret;

/// A session that ends sooner is renewed; long enough for a trouble of STS to pass.
const RENEW: Duration = Duration::from_secs(600);
/// A session that ends sooner is not used any more: a call and its retries take a while.
const LEAST: Duration = Duration::from_secs(90);
/// How long after a renewal that failed, or was given up, the next one is begun.
const PAUSE: Duration = Duration::from_secs(60);
/// What a rehearsal says where the external id is kept elsewhere: it reads nothing outside.
const MADE_UP: &str = "made-up";

/// The session in one role.
#[derive(Debug)]
pub(super) struct Session {
    /// The home account's client.
    pub(super) sts: aws_sdk_sts::Client,
    pub(super) role_arn: String,
    pub(super) external_id: Option<ExternalId>,
    pub(super) name: String,
    pub(super) clock: Clock,
    pub(super) rehearsed: bool,
    pub(super) held: Mutex<Held>,
    /// Who holds it assumes the role; the others wait for the outcome if they must.
    pub(super) renewing: tokio::sync::Mutex<()>,
}

/// What is known of the session now.
#[derive(Debug, Default)]
pub(super) struct Held {
    credentials: Option<Credentials>,
    /// When the role was last asked for.
    asked: Option<SystemTime>,
}

impl Session {
    async fn credentials(&self) -> provider::Result {
        if let Some(credentials) = self.lasting(RENEW) {
            return Ok(credentials);
        }
        let turn = match self.renewing.try_lock() {
            Ok(turn) => turn,
            Err(_) => match self.lasting(LEAST) {
                Some(credentials) => return Ok(credentials),
                None => self.renewing.lock().await,
            },
        };
        // Somebody else may have done it meanwhile, or asked in vain a moment ago.
        let still = self.lasting(if self.asked_just_now() { LEAST } else { RENEW });
        if let Some(credentials) = still {
            return Ok(credentials);
        }
        // Noted first: whoever waits for this may give up.
        self.held().asked = Some(self.now());
        let assumed = self.assume().await;
        drop(turn);
        match assumed {
            Ok(credentials) => {
                self.held().credentials = Some(credentials.clone());
                Ok(credentials)
            }
            Err(error) => self.lasting(LEAST).ok_or(error),
        }
    }

    async fn assume(&self) -> provider::Result {
        let external_id = self.external_id()?;
        let request = self.sts.assume_role().role_arn(&self.role_arn).role_session_name(&self.name);
        let answer = request.set_external_id(external_id).send().await;
        let refused =
            |error| CredentialsError::provider_error(Error::from_sdk("AssumeRole", error).of_credentials());
        let answer = answer.map_err(refused)?;
        let issued = answer.credentials().ok_or_else(|| CredentialsError::unhandled("no credentials"))?;
        let expires = SystemTime::try_from(*issued.expiration()).map_err(CredentialsError::unhandled)?;
        let token = Some(issued.session_token().to_owned());
        let (key, secret) = (issued.access_key_id(), issued.secret_access_key());
        Ok(Credentials::new(key, secret, token, Some(expires), "role"))
    }

    fn external_id(&self) -> Result<Option<String>, CredentialsError> {
        let source = match &self.external_id {
            None => return Ok(None),
            Some(ExternalId::Plain(text)) => return Ok(Some(text.clone())),
            Some(ExternalId::Kept(_)) if self.rehearsed => return Ok(Some(MADE_UP.to_owned())),
            Some(ExternalId::Kept(source)) => source,
        };
        let missing = |why| CredentialsError::invalid_configuration(Error::no_credentials("", why));
        let read = secret::read(source).map_err(|why| missing(format!("there is no external id: {why}")))?;
        let text = read.expose_secret();
        if ExternalId::fits(text) {
            return Ok(Some(text.to_owned()));
        }
        Err(missing("the external id that was read is none that STS takes".to_owned()))
    }

    /// The credentials, if they last so long.
    fn lasting(&self, least: Duration) -> Option<Credentials> {
        let credentials = self.held().credentials.clone()?;
        let enough = credentials.expiry().is_none_or(|expiry| expiry > self.now() + least);
        enough.then_some(credentials)
    }

    fn asked_just_now(&self) -> bool {
        let asked = self.held().asked;
        asked.is_some_and(|asked| self.now().duration_since(asked).is_ok_and(|since| since < PAUSE))
    }

    /// Lets the next call assume the role again: AWS says that the session is over.
    fn forget(&self) {
        *self.held() = Held::default();
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> SystemTime {
        SystemTime::from(self.clock.now())
    }
}

/// The session as the SDK asks for it.
#[derive(Debug)]
pub(super) struct SessionOf(pub(super) Arc<Session>);

impl ProvideCredentials for SessionOf {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.0.credentials())
    }
}

/// Forgets a session when AWS says that it has expired, whatever our clock says.
#[derive(Debug, Clone)]
pub(super) struct Watch(pub(super) Option<Arc<Session>>);

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "Watch"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().filter(|answer| !answer.status().is_success());
        let body = body.and_then(|answer| answer.body().bytes()).unwrap_or_default();
        let says = |code: &str| body.windows(code.len()).any(|part| part == code.as_bytes());
        if let Some(session) = &self.0
            && (says("ExpiredToken") || says("RequestExpired"))
        {
            session.forget();
        }
        Ok(())
    }
}
