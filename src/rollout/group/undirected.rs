//! Groups whose instance types are chosen by attributes: AWS takes no desired configuration for
//! them, so they are told what to launch, and refreshed to what they say.
//!
//! Which refresh of such a group is this rollout's, only its beginning tells: it came after the
//! group was told, which the marker says. Never cancels, and never goes on with, another.

use std::collections::BTreeMap;

use super::super::machine::{Act, Seen, State};
use super::super::patience::{patiently, until};
use super::super::prepare::{Failure, SETTLES_WITHIN, see_naming, set_marker};
use super::Driver;
use crate::aws::{Error, Start};
use crate::config::Preferences;
use crate::event::RollbackRoute;
use crate::model::{Member, Refresh, Target};
use crate::plan::Marker;

impl Driver<'_> {
    /// Whether AWS takes no desired configuration, so that the group is told its version first.
    pub(super) fn tells_group_first(&self) -> bool {
        self.plan.by_attributes
    }

    /// Whether a refresh goes to what the group says, as those of this group do.
    pub(super) fn may_be_undirected(&self, refresh: &Refresh) -> bool {
        self.tells_group_first() && !refresh.has_desired
    }

    /// The same, where it began after the group was told: it is this rollout's.
    pub(super) fn is_undirected(&self, refresh: &Refresh) -> bool {
        self.tells_group_first() && self.marker.began(refresh)
    }

    /// Where the way back stands that an earlier run began, if this refresh is that. Reads the
    /// marker again: this run may have told the group something since it was planned.
    pub(super) async fn going_back(&mut self, refresh: &Refresh, why: &str) -> Option<(State, Act)> {
        let name = std::slice::from_ref(&self.plan.group.name);
        let seen = patiently(self.run.clock, async || self.account.groups_named(name).await).await;
        let group = seen.ok()?.into_iter().next()?;
        self.marker = Marker::of(&group.tags).ok().flatten().unwrap_or_else(|| self.marker.clone());
        let is_back = group.naming().as_ref() == Some(&self.change.pinned());
        let state = State::RollingBack(RollbackRoute::NewRefresh, why.to_owned());
        (is_back && self.is_undirected(refresh)).then_some((state, Act::Follow))
    }

    /// Whether every instance was launched in a new way, as far as its version tells.
    pub(super) fn all_launched_new(&self) -> bool {
        let new = |member: &Member| {
            let from = member.launched_from.as_ref();
            from.is_some_and(|(id, number)| {
                self.target.versions().any(|(template, version)| (template, version) == (id, *number))
            })
        };
        self.plan.group.in_service().all(new)
    }

    /// Tells the group what to launch, and starts a refresh to that: what AWS leaves where instance
    /// types are chosen by attributes.
    pub(super) async fn start_undirected(&mut self, target: &Target, preferences: &Preferences) -> Seen {
        if let Some(seen) = self.others_refresh().await {
            return match seen {
                // An earlier run told it already.
                Seen::NotStarted(why) if self.plan.names_new => self.untell(target, why).await,
                seen => seen,
            };
        }
        if let Err(failure) = self.tell_group(target).await {
            return self.untell(target, failure.to_string()).await;
        }
        if let Err(error) = self.note_told().await {
            return self.untell(target, format!("its tag could not be written: {error}")).await;
        }
        let start = Start { desired: None, preferences, auto_rollback: false };
        match self.start_once(target, start).await {
            Seen::NotStarted(why) => self.untell(target, why).await,
            // Should one run all the same, it goes to the old version from then on.
            Seen::Lost(why) => match self.untell(target, why).await {
                Seen::NotStarted(why) => Seen::Lost(why),
                seen => seen,
            },
            seen => seen,
        }
    }

    /// Why the group may not be told anything: a refresh of somebody else's is active, and would go
    /// to what it is told from then on.
    async fn others_refresh(&self) -> Option<Seen> {
        let group = &self.at().group;
        let active = |refreshes: &Vec<Refresh>| refreshes.iter().any(|refresh| refresh.status.is_active());
        let ask = async || self.account.refreshes(group, 5).await;
        match until(self.run.clock, SETTLES_WITHIN, ask, |refreshes| !active(refreshes)).await {
            Ok(refreshes) => {
                let other = refreshes.into_iter().find(|refresh| refresh.status.is_active())?;
                let why = format!("refresh {} is {}, and is not this rollout's", other.id, other.status);
                Some(Seen::NotStarted(why))
            }
            Err(error) => Some(Seen::Lost(error.to_string())),
        }
    }

    /// Notes when the group was told, before a refresh is started: later ones are this rollout's.
    async fn note_told(&mut self) -> Result<(), Error> {
        let told = Some(self.run.clock.now());
        self.marker = Marker { told, checked: false, ..self.marker.clone() };
        set_marker(self.run, self.account, &self.at().group, &self.marker).await
    }

    /// Sets what the group launches from now on, and sees it.
    async fn tell_group(&self, target: &Target) -> Result<(), Failure> {
        let naming = self.change.pinned_to(target);
        let group = &self.plan.group;
        patiently(self.run.clock, async || self.account.set_naming(group, &naming).await).await?;
        see_naming(self.run, self.account, &BTreeMap::from([(group.name.clone(), naming)])).await
    }

    /// No refresh could be started: the group must not launch the new image by itself.
    async fn untell(&self, target: &Target, why: String) -> Seen {
        if *target == self.change.back() {
            return Seen::NotStarted(why);
        }
        match self.tell_group(&self.change.back()).await {
            Ok(()) => Seen::NotStarted(why),
            Err(failure) => {
                Seen::Lost(format!("{why}; whether it names the old version again is not certain: {failure}"))
            }
        }
    }
}
