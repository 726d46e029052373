//! Sightings: groups and their instances, seen together.
//!
//! Many groups reach their end at about the same time, and AWS describes a hundred as
//! readily as one: whoever wants to see a group waits a moment for others, and they share
//! the calls. So it is with groups alone, and with groups and their instances. What is given
//! was always read after it was asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, Shared};
use jiff::Timestamp;

use super::{Account, Error};
use crate::model::{Glimpse, GroupName, InstanceId, Sighting};

/// How long others are waited for when nobody has seen anything for a while, …
const ALONE: Duration = Duration::from_millis(200);
/// … and when somebody has.
const IN_COMPANY: Duration = Duration::from_secs(2);
/// How long that while is.
const QUIET: Duration = Duration::from_secs(20);
/// How many groups AWS describes in one call.
const MOST: usize = 100;

/// The sightings of one account and region; copies share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Sights {
    /// Of groups with their instances.
    whole: Rounds<Sighting>,
    /// Of groups alone.
    groups: Rounds<Glimpse>,
}

/// The last round of a kind.
type Rounds<T> = Arc<Mutex<Option<Round<T>>>>;

/// What a round saw: every group that is there.
type Seen<T> = Result<Arc<BTreeMap<GroupName, T>>, Error>;

/// A round's end, for all who wait for it.
type Waiting<T> = Shared<BoxFuture<'static, Seen<T>>>;

/// Those who look together.
#[derive(Debug)]
struct Round<T> {
    /// When it was opened.
    opened: Timestamp,
    /// The groups, until the round begins to look.
    groups: Arc<Mutex<Option<BTreeSet<GroupName>>>>,
    /// Whoever waits brings it forward, so it goes on when the first of them is dropped.
    seen: Waiting<T>,
}

impl<T> Round<T> {
    /// Takes one more group in, unless it is too late or there are too many.
    fn joins(&self, group: &GroupName) -> bool {
        match &mut *lock(&self.groups) {
            Some(groups) if groups.len() < MOST || groups.contains(group) => {
                groups.insert(group.clone());
                true
            }
            Some(_) | None => false,
        }
    }
}

impl Account {
    /// The group and its instances, seen from now on.
    pub async fn sight(&self, name: &GroupName) -> Result<Sighting, Error> {
        let see = |account: Self, names: Vec<GroupName>| async move { account.see(&names).await };
        one(name, self.together(&self.sights.whole, name, see).await)
    }

    /// The group alone, seen from now on: a hundred of them are one call.
    pub async fn glimpse(&self, name: &GroupName) -> Result<Glimpse, Error> {
        let see = |account: Self, names: Vec<GroupName>| async move {
            let groups = account.glimpses_of(&names).await?;
            Ok(groups.into_iter().map(|one| (one.group.name.clone(), one)).collect())
        };
        one(name, self.together(&self.sights.groups, name, see).await)
    }

    /// The round that will see the group: the open one, or a new one.
    fn together<T, See, Future>(&self, rounds: &Rounds<T>, group: &GroupName, see: See) -> Waiting<T>
    where
        T: Send + Sync + 'static,
        See: FnOnce(Self, Vec<GroupName>) -> Future + Send + 'static,
        Future: std::future::Future<Output = Result<BTreeMap<GroupName, T>, Error>> + Send,
    {
        let mut last = lock(rounds);
        if let Some(round) = &*last
            && round.joins(group)
        {
            return round.seen.clone();
        }
        let in_company = last.as_ref().is_some_and(|round| self.clock.since(round.opened) < QUIET);
        let pause = if in_company { IN_COMPANY } else { ALONE };
        let groups = Arc::new(Mutex::new(Some(BTreeSet::from([group.clone()]))));
        // A round that is never finished must not keep itself.
        let account = Self { sights: Sights::default(), ..self.clone() };
        let waiting = Arc::clone(&groups);
        let seen = async move {
            account.clock.sleep(pause).await;
            let groups = lock(&waiting).take().unwrap_or_default();
            see(account, groups.into_iter().collect()).await.map(Arc::new)
        };
        let seen = seen.boxed().shared();
        *last = Some(Round { opened: self.clock.now(), groups, seen: seen.clone() });
        seen
    }

    /// The groups of these names that are there, with their instances.
    async fn see(&self, names: &[GroupName]) -> Result<BTreeMap<GroupName, Sighting>, Error> {
        let groups = self.groups_named(names).await?;
        let mut warm = BTreeMap::new();
        for group in groups.iter().filter(|group| group.warm_pool.is_some()) {
            warm.insert(group.name.clone(), self.warm_pool(&group.name).await?);
        }
        let members = groups.iter().flat_map(|group| &group.members).chain(warm.values().flatten());
        let ids: Vec<InstanceId> = members.map(|member| member.id.clone()).collect();
        let mut instances = self.instances(&ids).await?;
        let known: Vec<InstanceId> = instances.keys().cloned().collect();
        for (id, status_ok) in self.instance_status(&known).await? {
            if let Some(instance) = instances.get_mut(&id) {
                instance.status_ok = status_ok;
            }
        }
        let sightings = groups.into_iter().map(|group| {
            let warm = warm.remove(&group.name).unwrap_or_default();
            let ids = group.members.iter().chain(&warm).map(|member| &member.id);
            let instances = ids.filter_map(|id| Some((id.clone(), instances.get(id)?.clone()))).collect();
            (group.name.clone(), Sighting { group, warm, instances })
        });
        Ok(sightings.collect())
    }
}

/// What a round saw of one group.
fn one<T: Clone>(name: &GroupName, seen: Seen<T>) -> Result<T, Error> {
    let gone = || Error::unexpected("DescribeAutoScalingGroups", format!("{name} is gone"));
    seen?.get(name).cloned().ok_or_else(gone)
}

/// What a lock holds here is right whatever happened to whoever held it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
