//! How fast this program calls AWS: one bucket of calls per account, region and what AWS
//! counts together, shared by all who call.
//!
//! [`Limits`] keeps the buckets; [`bucket`] is how one slows when AWS throttles and recovers
//! (pure); [`client`] holds every call back until its bucket lets it go. Never decides
//! whether a call is worth making.
//!
//! The SDK has a limiter of its own (`RetryConfig::adaptive`), which does not do here: it
//! lets everything go until AWS has throttled once, and forgets what it learnt as soon as
//! its measured rate is doubled, so that every wave of calls is throttled again; all calls
//! that were throttled together come back together; and eight of those tries fail a call.

mod bucket;
mod client;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::client::http::SharedHttpClient;

use self::bucket::Bucket;
use crate::clock::Clock;
use crate::model::Region;

/// The buckets of every account and region; copies share them.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    clock: Clock,
    buckets: Arc<Mutex<BTreeMap<Counted, SharedBucket>>>,
}

/// The calls that AWS counts together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Counted {
    /// The account's number, or `home`.
    account: String,
    region: Region,
    service: &'static str,
    /// The action, where each is counted by itself.
    action: Option<String>,
}

type SharedBucket = Arc<Mutex<Bucket>>;

impl Limits {
    /// Full buckets everywhere.
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, buckets: Arc::default() }
    }

    /// The client, held back as the service in that account and region bears it.
    pub(super) fn hold_back(
        &self,
        http: SharedHttpClient,
        account: &str,
        region: &Region,
        service: &'static str,
    ) -> SharedHttpClient {
        let of = Counted { account: account.to_owned(), region: region.clone(), service, action: None };
        client::held_back(http, self.clone(), of)
    }

    fn bucket(&self, of: Counted) -> SharedBucket {
        let mut buckets = lock(&self.buckets);
        let new = || Arc::new(Mutex::new(Bucket::full(self.clock.now())));
        Arc::clone(buckets.entry(of).or_insert_with(new))
    }
}

impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.service)?;
        if let Some(action) = &self.action {
            write!(f, " {action}")?;
        }
        write!(f, " in account {}, {}", self.account, self.region)
    }
}

/// What a bucket holds is right whatever happened to whoever held it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
