//! Auto Scaling: which action is answered where.

use super::errors::Error;
use super::{
    Answer, Ask, autoscaling_activities as activities, autoscaling_groups as groups,
    autoscaling_lives as lives, autoscaling_refresh as refresh, autoscaling_states as states,
    autoscaling_tags as tags,
};
use crate::sim::world::{Group, GroupKey};

pub(super) fn answer(ask: &mut Ask<'_>) -> Answer {
    match ask.action {
        "DescribeAutoScalingGroups" => groups::describe(ask),
        "CreateAutoScalingGroup" => lives::create(ask),
        "DeleteAutoScalingGroup" => lives::delete(ask),
        "UpdateAutoScalingGroup" => groups::update(ask),
        "SetDesiredCapacity" => groups::set_desired(ask),
        "CreateOrUpdateTags" => tags::change_tags(ask, true),
        "DeleteTags" => tags::change_tags(ask, false),
        "DescribeTags" => tags::describe_tags(ask),
        "SetInstanceProtection" => groups::protect(ask),
        "EnterStandby" => states::enter_standby(ask),
        "ExitStandby" => states::exit_standby(ask),
        "SuspendProcesses" => states::suspend(ask),
        "ResumeProcesses" => states::resume(ask),
        "DescribeWarmPool" => states::describe_warm_pool(ask),
        "DescribeLifecycleHooks" => states::describe_hooks(ask),
        "CompleteLifecycleAction" => states::answer_hook(ask, true),
        "RecordLifecycleActionHeartbeat" => states::answer_hook(ask, false),
        "DescribeLaunchConfigurations" => states::describe_configurations(ask),
        "DescribeScalingActivities" => activities::describe_activities(ask),
        "StartInstanceRefresh" => refresh::start(ask),
        "DescribeInstanceRefreshes" => refresh::describe(ask),
        "RollbackInstanceRefresh" => refresh::roll_back(ask),
        "CancelInstanceRefresh" => refresh::cancel(ask),
        other => Err(Error::unknown_action(other)),
    }
}

impl Ask<'_> {
    /// The key of the group that is named; it must be there.
    pub(super) fn group_key(&self) -> Result<GroupKey, Error> {
        let name = self.params.require("AutoScalingGroupName")?;
        let key = GroupKey { place: self.place.clone(), name: name.into() };
        if self.world.groups.contains_key(&key) { Ok(key) } else { Err(no_group(name)) }
    }

    /// The group that is named, as this read sees it.
    pub(super) fn group(&self) -> Result<&Group, Error> {
        let key = self.group_key()?;
        let group = self.world.groups.get(&key);
        group.map(|group| group.seen(self.stale)).ok_or_else(|| no_group(key.name.as_str()))
    }
}

pub(super) fn no_group(name: &str) -> Error {
    Error::new(
        "ValidationError",
        format!("AutoScalingGroup name not found - AutoScalingGroup '{name}' not found"),
    )
}
