//! Instance refreshes: start or adopt, look, roll back, cancel; and why launches fail.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_autoscaling::types::builders::DesiredConfigurationBuilder;
use aws_sdk_autoscaling::types::{
    Activity, AlarmSpecification, DesiredConfiguration, InstanceRefresh, RefreshPreferences, RefreshStrategy,
    ScaleInProtectedInstances, ScalingActivityStatusCode, StandbyInstances,
};
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::policies::{read_target, specification};
use super::{Account, Error, count, seconds, timestamp};
use crate::config::{Preferences, Protected, Standby, Strategy};
use crate::model::{Group, GroupName, Refresh, RefreshId, RefreshStatus, Target, Tracking};

/// A scaling activity that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedActivity {
    /// Its id.
    pub id: String,
    /// The group that it was for.
    pub group: GroupName,
    /// When AWS tried.
    pub started: Timestamp,
    /// AWS's words.
    pub message: String,
}

/// The failed activities of the whole account and region, read at most once in [`FRESH`].
///
/// One reading serves every group that is being refreshed.
pub(super) type ActivityCache = Arc<Mutex<Option<ReadActivities>>>;

/// What was read of them.
#[derive(Debug)]
pub(super) struct ReadActivities {
    at: Timestamp,
    /// From when on nothing is missing.
    since: Timestamp,
    failed: Vec<FailedActivity>,
}

/// How many pages of a hundred activities are read at most.
const PAGES: u32 = 20;

/// How long an answer about activities is good for.
const FRESH: Duration = Duration::from_secs(45);

/// How a refresh is started.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Its desired configuration; `None` for what the group itself says.
    pub desired: Option<&'a Target>,
    /// What it must respect.
    pub preferences: &'a Preferences,
    /// Whether AWS rolls it back by itself when it fails; only with a desired configuration.
    pub auto_rollback: bool,
}

impl Account {
    /// Asks AWS to start a refresh, and gives its id.
    ///
    /// AWS knows no client token here: after an error the caller must look whether the
    /// refresh is there, and never simply ask again.
    ///
    /// # Errors
    /// `InstanceRefreshInProgress` when one is active, which may be this very one.
    pub async fn start_refresh(&self, group: &Group, start: &Start<'_>) -> Result<RefreshId, Error> {
        const OPERATION: &str = "StartInstanceRefresh";
        let desired = DesiredConfiguration::builder();
        let desired = match start.desired {
            None => None,
            Some(target) if group.policy.is_some() => {
                Some(desired.mixed_instances_policy(self.policy_to(group, target).await?))
            }
            Some(target) => Some(
                desired.launch_template(specification(&target.template, Tracking::Pinned(target.version))),
            ),
        };
        let request = self.autoscaling.start_instance_refresh();
        let answer = request
            .auto_scaling_group_name(group.name.as_str())
            .strategy(match start.preferences.strategy {
                Strategy::Rolling => RefreshStrategy::Rolling,
                Strategy::ReplaceRootVolume => RefreshStrategy::ReplaceRootVolume,
            })
            .set_desired_configuration(desired.map(DesiredConfigurationBuilder::build))
            .preferences(write_preferences(start))
            .send()
            .await
            .map_err(|error| Error::from_sdk(OPERATION, error))?;
        answer.instance_refresh_id().map(RefreshId::from).ok_or_else(|| Error::unexpected(OPERATION, "no id"))
    }

    /// The group's newest refreshes, active ones first: one page, at most `limit` of them.
    pub async fn refreshes(&self, group: &GroupName, limit: u8) -> Result<Vec<Refresh>, Error> {
        let request = self.autoscaling.describe_instance_refreshes().auto_scaling_group_name(group.as_str());
        let answer = request.max_records(i32::from(limit)).send().await;
        let answer = answer.map_err(|error| Error::from_sdk("DescribeInstanceRefreshes", error))?;
        Ok(answer.instance_refreshes().iter().filter_map(read_refresh).collect())
    }

    /// One refresh; `None` while AWS does not show it (yet).
    pub async fn refresh(&self, group: &GroupName, id: &RefreshId) -> Result<Option<Refresh>, Error> {
        let request = self.autoscaling.describe_instance_refreshes().auto_scaling_group_name(group.as_str());
        let answer = request.instance_refresh_ids(id.as_str()).send().await;
        let answer = answer.map_err(|error| Error::from_sdk("DescribeInstanceRefreshes", error))?;
        Ok(answer.instance_refreshes().iter().filter_map(read_refresh).find(|refresh| refresh.id == *id))
    }

    /// Asks AWS to roll the active refresh back to what the group says.
    ///
    /// # Errors
    /// `ActiveInstanceRefreshNotFound` when none is active any more,
    /// `IrreversibleInstanceRefresh` when AWS can't.
    pub async fn rollback_refresh(&self, group: &GroupName) -> Result<(), Error> {
        let answer = self.autoscaling.rollback_instance_refresh().auto_scaling_group_name(group.as_str());
        answer.send().await.map(drop).map_err(|error| Error::from_sdk("RollbackInstanceRefresh", error))
    }

    /// Asks AWS to cancel the active refresh. What was replaced stays replaced.
    pub async fn cancel_refresh(&self, group: &GroupName) -> Result<(), Error> {
        let answer = self.autoscaling.cancel_instance_refresh().auto_scaling_group_name(group.as_str());
        answer.send().await.map(drop).map_err(|error| Error::from_sdk("CancelInstanceRefresh", error))
    }

    /// The group's scaling activities that failed since `since`, newest first.
    pub async fn failed_activities(
        &self,
        group: &GroupName,
        since: Timestamp,
    ) -> Result<Vec<FailedActivity>, Error> {
        let mut cache = self.activities.lock().await;
        let now = self.clock.now();
        let fresh =
            cache.as_ref().is_some_and(|read| self.clock.since(read.at) < FRESH && read.since <= since);
        if !fresh {
            let known = cache.take();
            // What was read once is kept, so that only what is new since is paged through again.
            let (from, mut failed) = match known {
                Some(read) if read.since <= since => (read.at, (read.since, read.failed)),
                Some(_) | None => (since, (since, Vec::new())),
            };
            for activity in self.read_failed_activities(from).await? {
                if failed.1.iter().all(|known| known.id != activity.id) {
                    failed.1.push(activity);
                }
            }
            failed.1.sort_by(|a, b| (b.started, &b.id).cmp(&(a.started, &a.id)));
            *cache = Some(ReadActivities { at: now, since: failed.0, failed: failed.1 });
        }
        let known = cache.iter().flat_map(|read| &read.failed);
        Ok(known.filter(|activity| activity.group == *group && activity.started >= since).cloned().collect())
    }

    /// The failed activities of all groups, back to some minutes before `from`.
    async fn read_failed_activities(&self, from: Timestamp) -> Result<Vec<FailedActivity>, Error> {
        // An activity is listed by its start, and may fail a good while after.
        let from = from - jiff::SignedDuration::from_secs(900);
        let mut failed = Vec::new();
        let mut pages =
            self.autoscaling.describe_scaling_activities().max_records(100).into_paginator().send();
        let mut left = PAGES;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Error::from_sdk("DescribeScalingActivities", error))?;
            failed.extend(page.activities().iter().filter_map(read_failed));
            let oldest =
                page.activities().iter().filter_map(|activity| timestamp(activity.start_time())).min();
            left -= 1;
            if left == 0 || oldest.is_none_or(|oldest| oldest < from) {
                break;
            }
        }
        Ok(failed)
    }
}

fn read_failed(activity: &Activity) -> Option<FailedActivity> {
    let failed = matches!(
        activity.status_code(),
        Some(ScalingActivityStatusCode::Failed | ScalingActivityStatusCode::Cancelled)
    );
    if !failed {
        return None;
    }
    Some(FailedActivity {
        id: activity.activity_id()?.to_owned(),
        group: activity.auto_scaling_group_name()?.into(),
        started: timestamp(activity.start_time())?,
        message: activity.status_message().or(activity.description()).unwrap_or_default().to_owned(),
    })
}

/// Whether AWS can tell an instance that matches: it compares templates, versions and types, and no
/// images that overrides name themselves.
fn is_told_by_version(target: &Target) -> bool {
    target.overrides.iter().all(|one| one.image.is_none())
}

fn write_preferences(start: &Start<'_>) -> RefreshPreferences {
    let preferences = start.preferences;
    let checkpoints: Vec<i32> = preferences.checkpoints.iter().map(|&percent| percent.into()).collect();
    let builder = RefreshPreferences::builder()
        .min_healthy_percentage(preferences.min_healthy.into())
        .set_max_healthy_percentage(preferences.max_healthy.map(Into::into))
        .set_instance_warmup(preferences.warmup.map(seconds))
        .auto_rollback(start.auto_rollback)
        .skip_matching(preferences.skip_matching && start.desired.is_some_and(is_told_by_version))
        .bake_time(seconds(preferences.bake))
        .scale_in_protected_instances(match preferences.protected {
            Protected::Refresh => ScaleInProtectedInstances::Refresh,
            Protected::Ignore => ScaleInProtectedInstances::Ignore,
            Protected::Wait => ScaleInProtectedInstances::Wait,
        })
        .standby_instances(match preferences.standby {
            Standby::Terminate => StandbyInstances::Terminate,
            Standby::Ignore => StandbyInstances::Ignore,
            Standby::Wait => StandbyInstances::Wait,
        });
    let alarms = Some(preferences.alarms.clone()).filter(|alarms| !alarms.is_empty());
    let alarms = alarms.map(|names| AlarmSpecification::builder().set_alarms(Some(names)).build());
    let builder = builder.set_alarm_specification(alarms);
    if checkpoints.is_empty() {
        return builder.build();
    }
    let delay = seconds(preferences.checkpoint_delay);
    builder.set_checkpoint_percentages(Some(checkpoints)).checkpoint_delay(delay).build()
}

fn read_refresh(refresh: &InstanceRefresh) -> Option<Refresh> {
    let desired = refresh.desired_configuration();
    let plain = desired.and_then(|desired| desired.launch_template()).and_then(|template| {
        let version = template.version()?.parse().ok()?;
        Some(Target::plain(template.launch_template_id()?.into(), version))
    });
    let mixed = desired.and_then(|desired| desired.mixed_instances_policy()).and_then(read_target);
    Some(Refresh {
        id: refresh.instance_refresh_id()?.into(),
        status: RefreshStatus::parse(refresh.status()?.as_str())?,
        target: plain.or(mixed),
        has_desired: desired.is_some(),
        percent: u8::try_from(count(refresh.percentage_complete()).min(100)).unwrap_or(100),
        remaining: count(refresh.instances_to_update()),
        reason: refresh.status_reason().unwrap_or_default().to_owned(),
        started: timestamp(refresh.start_time()),
        ended: timestamp(refresh.end_time()),
    })
}
