//! What AWS says of the group, asked no more often than needed.
//!
//! All checks of a group share one [`Look`]: those that want to know at the same time are
//! told the same. Never judges.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::Runner;
use crate::aws::{self, Account};
use crate::model::{GroupName, Launch, Member, Sighting, TargetHealth};

/// The time within which AWS must answer: retries, and waiting for a turn where AWS throttles, included.
const WITHIN: Duration = Duration::from_secs(180);

/// An AWS call under way.
type Call<'a, T> = BoxFuture<'a, Result<T, aws::Error>>;

/// The calls that a group's checks make; canned ones in tests.
pub(super) struct Calls<'a> {
    /// The account, for what only some checks ask; `None` where no such call is canned.
    pub(super) account: Option<&'a Account>,
    pub(super) sight: Box<dyn Fn() -> Call<'a, Sighting> + Send + Sync + 'a>,
    pub(super) health: Box<dyn Fn(Vec<String>) -> Call<'a, Vec<TargetHealth>> + Send + Sync + 'a>,
}

impl<'a> Calls<'a> {
    /// The calls of an account about one of its groups.
    pub(super) fn of(account: &'a Account, group: &'a GroupName) -> Self {
        Self {
            account: Some(account),
            sight: Box::new(move || Box::pin(account.sight(group))),
            health: Box::new(move |arns| Box::pin(async move { account.target_health(&arns).await })),
        }
    }
}

/// The group's last sighting, and the way to the next.
pub(super) struct Look<'a> {
    runner: Runner,
    calls: Calls<'a>,
    /// The only ways of being launched of which instances are looked at; `None` for all.
    only: Option<Vec<Launch>>,
    last: Mutex<Option<(Timestamp, Seen)>>,
}

/// A sighting, or why there is none: one line.
pub(super) type Seen = Result<Arc<Sighting>, String>;

impl<'a> Look<'a> {
    pub(super) fn new(runner: Runner, calls: Calls<'a>, only: Option<Vec<Launch>>) -> Self {
        Self { runner, calls, only, last: Mutex::new(None) }
    }

    /// The group as it was at most `age` before now.
    pub(super) async fn sighting(&self, age: Duration) -> Seen {
        let wanted = self.runner.clock.now();
        let mut last = self.last.lock().await;
        if let Some((ended, seen)) = &*last
            && wanted.duration_since(*ended) <= signed(age)
        {
            return seen.clone();
        }
        let seen = self.bounded((self.calls.sight)()).await;
        let seen = seen.map(|sighting| match &self.only {
            Some(only) => narrowed(sighting, only),
            None => sighting,
        });
        let seen = seen.map(Arc::new);
        *last = Some((self.runner.clock.now(), seen.clone()));
        seen
    }

    /// The health of every target of these target groups, now.
    pub(super) async fn target_health(&self, target_groups: &[String]) -> Result<Vec<TargetHealth>, String> {
        self.bounded((self.calls.health)(target_groups.to_vec())).await
    }

    /// The account that the group is in.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn account(&self) -> Result<&'a Account, String> {
        self.calls.account.ok_or_else(|| "no account to ask".to_owned())
    }

    async fn bounded<T>(&self, call: Call<'a, T>) -> Result<T, String> {
        bounded(&self.runner, call).await?.map_err(|error| error.to_string())
    }
}

/// The answer to a call, under the runner's limit.
///
/// # Errors
/// When none came in time.
pub(super) async fn bounded<T>(
    runner: &Runner,
    call: impl Future<Output = Result<T, aws::Error>>,
) -> Result<Result<T, aws::Error>, String> {
    // The SDK's are large, and several places hold this one.
    let call = Box::pin(call);
    let answer = runner.turns.take(|| tokio::time::timeout(runner.clock.real(WITHIN), call)).await;
    answer.map_err(|_| format!("AWS did not answer within {WITHIN:?}"))
}

/// The part of a group that was launched in one of these ways, as if it were all that is wanted.
fn narrowed(mut sighting: Sighting, only: &[Launch]) -> Sighting {
    let instances = &sighting.instances;
    let is_of = |member: &Member| {
        only.iter().any(|launch| {
            let from = member.launched_from.as_ref();
            let image = instances.get(&member.id).map(|instance| &instance.image);
            from.is_some_and(|(template, version)| *template == launch.template && *version == launch.version)
                && image.is_none_or(|image| *image == launch.image)
        })
    };
    sighting.group.members.retain(is_of);
    sighting.group.desired = sighting.group.in_service().map(|member| member.weight).sum();
    sighting
}

fn signed(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}
