//! What callers ask of refreshes, and when they are refused.

use super::standing::Standing;
use super::{
    Around, Configuration, Group, GroupKey, Life, Preferences, Refresh, Reserved, Strategy, TemplateRef,
    World, after,
};
use crate::model::{RefreshId, RefreshStatus, Tracking};

/// Why a request is refused, in AWS's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// `ValidationError`.
    Validation(String),
    /// `InstanceRefreshInProgress`.
    InProgress,
    /// `ActiveInstanceRefreshNotFound`.
    NoActive,
    /// `IrreversibleInstanceRefresh`.
    Irreversible(&'static str),
}

/// A request to start a refresh.
#[derive(Debug, Clone, Default)]
pub(crate) struct StartRequest {
    pub(crate) strategy: Strategy,
    pub(crate) desired: Option<Configuration>,
    pub(crate) preferences: Preferences,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            min_healthy: 90,
            max_healthy: None,
            warmup: None,
            skip_matching: false,
            auto_rollback: false,
            checkpoints: Vec::new(),
            checkpoint_delay: 3600,
            bake: 0,
            protected: Reserved::Wait,
            standby: Reserved::Wait,
            alarms: Vec::new(),
        }
    }
}

/// The most seconds of a bake time or a checkpoint delay.
const LONGEST: u32 = 172_800;

impl Preferences {
    /// What is wrong with them, if anything is.
    fn mistake(&self) -> Option<&'static str> {
        let max = self.max_healthy;
        let rules = [
            (self.min_healthy > 100, "MinHealthyPercentage must be between 0 and 100"),
            (
                max.is_some_and(|max| !(100..=200).contains(&max)),
                "MaxHealthyPercentage must be between 100 and 200",
            ),
            (
                max.is_some_and(|max| max.saturating_sub(self.min_healthy) > 100),
                "the difference between MaxHealthyPercentage and MinHealthyPercentage can't be greater than 100",
            ),
            (
                self.checkpoints.iter().any(|percent| !(1..=100).contains(percent))
                    || !self.checkpoints.is_sorted_by(|a, b| a < b),
                "CheckpointPercentages must be unique, ascending, and between 1 and 100",
            ),
            (self.checkpoint_delay > LONGEST, "CheckpointDelay must be between 0 and 172800"),
            (self.bake > LONGEST, "BakeTime must be between 0 and 172800"),
            (self.alarms.len() > 10, "at most 10 alarms can be specified"),
        ];
        rules.into_iter().find(|(broken, _)| *broken).map(|(_, message)| message)
    }
}

impl World {
    /// Starts a refresh; the group must be there.
    pub(crate) fn start_refresh(
        &mut self,
        key: &GroupKey,
        request: StartRequest,
    ) -> Result<RefreshId, Refusal> {
        let group =
            self.groups.get(key).ok_or_else(|| Refusal::Validation(format!("no group {}", key.name)))?;
        if group.active_refresh().is_some() {
            return Err(Refusal::InProgress);
        }
        self.check_start(group, &request)?;
        let id = RefreshId::new(self.dice.uuid());
        let pending = self.dice.between(2, 8);
        let stale = self.stale_until();
        let now = self.now;
        let refresh = Refresh::new(id.clone(), now, after(now, pending), request);
        self.with_group(key, |group, around| {
            group.remember(stale);
            group.begin(refresh, around);
        });
        Ok(id)
    }

    fn check_start(&self, group: &Group, request: &StartRequest) -> Result<(), Refusal> {
        if let Some(mistake) = request.preferences.mistake() {
            return Err(Refusal::Validation(mistake.to_owned()));
        }
        if request.preferences.auto_rollback {
            if request.desired.is_none() {
                return Err(Refusal::Validation("AutoRollback requires a desired configuration".to_owned()));
            }
            if group.own().floats() {
                return Err(Refusal::Validation(
                    "AutoRollback is not possible when the group uses $Latest or $Default".to_owned(),
                ));
            }
            if self.names_parameter(group) {
                return Err(Refusal::Validation(
                    "AutoRollback is not possible when the group's image is an SSM parameter".to_owned(),
                ));
            }
        }
        if let Some(desired) = &request.desired {
            self.check_configuration(&group.key, desired)?;
        }
        if let Some(why) = self.unfit_alarm(&group.key.place, &request.preferences.alarms) {
            return Err(Refusal::Validation(why));
        }
        self.check_policies(group, request)
    }

    fn names_parameter(&self, group: &Group) -> bool {
        let images = group.own().templates().filter_map(|reference| {
            let template = self.template(&group.key.place, &reference.id)?;
            template.versions.get(&template.resolve(reference.tracking))?.image()
        });
        images.into_iter().any(|image| image.as_str().starts_with("resolve:"))
    }

    /// Refuses a template or version that is not there.
    pub(crate) fn check_template(&self, key: &GroupKey, wanted: &TemplateRef) -> Result<(), Refusal> {
        let template = self.template(&key.place, &wanted.id).ok_or_else(|| {
            Refusal::Validation(format!(
                "You must use a valid fully-formed launch template. The specified launch template, with template ID {}, \
                 does not exist.",
                wanted.id
            ))
        })?;
        match wanted.tracking {
            Tracking::Pinned(number) if !template.versions.contains_key(&number) => {
                Err(Refusal::Validation(format!(
                    "You must use a valid fully-formed launch template. Could not find the specified version {number} for \
                 the launch template with ID {}.",
                    wanted.id
                )))
            }
            Tracking::Pinned(_) | Tracking::Latest | Tracking::Default => Ok(()),
        }
    }

    /// Rolls the active refresh back.
    pub(crate) fn roll_back_refresh(&mut self, key: &GroupKey) -> Result<RefreshId, Refusal> {
        let stale = self.stale_until();
        self.with_group(key, |group, around| {
            let refresh = group.active_refresh().ok_or(Refusal::NoActive)?;
            let id = refresh.id.clone();
            match refresh.status {
                RefreshStatus::Pending | RefreshStatus::InProgress | RefreshStatus::Baking => {}
                RefreshStatus::Cancelling
                | RefreshStatus::RollbackInProgress
                | RefreshStatus::Successful
                | RefreshStatus::Failed
                | RefreshStatus::Cancelled
                | RefreshStatus::RollbackSuccessful
                | RefreshStatus::RollbackFailed => return Err(Refusal::NoActive),
            }
            if refresh.desired.is_none() {
                return Err(Refusal::Irreversible("the instance refresh has no desired configuration"));
            }
            if !group.can_roll_back(around) {
                return Err(Refusal::Irreversible(
                    "the group's launch template version is $Latest or $Default, its image an SSM parameter, or its \
                     instance types selected by InstanceRequirements",
                ));
            }
            group.remember(stale);
            group.roll_back("Rollback requested by user", around);
            Ok(id)
        })
        .unwrap_or(Err(Refusal::NoActive))
    }

    /// Cancels the active refresh, a rollback too; instances stay as they are.
    pub(crate) fn cancel_refresh(&mut self, key: &GroupKey, wait: bool) -> Result<RefreshId, Refusal> {
        let stale = self.stale_until();
        self.with_group(key, |group, around| {
            let now = around.now;
            let refresh = group.active_refresh().ok_or(Refusal::NoActive)?;
            if refresh.status == RefreshStatus::Cancelling {
                return Err(Refusal::NoActive);
            }
            let id = refresh.id.clone();
            group.remember(stale);
            if let Some(refresh) = group.active_refresh_mut() {
                refresh.status = RefreshStatus::Cancelling;
                if !wait {
                    refresh.end(RefreshStatus::Cancelled, "Cancelled by user".to_owned(), now);
                }
            }
            Ok(id)
        })
        .unwrap_or(Err(Refusal::NoActive))
    }

    /// Changes a group from outside, and lets it settle; `None` when it is not there.
    pub(crate) fn with_group<R>(
        &mut self,
        key: &GroupKey,
        change: impl FnOnce(&mut Group, &mut Around<'_>) -> R,
    ) -> Option<R> {
        let Self { now, dice, scenario, templates, images, parameters, gone, groups, .. } = self;
        let mut around =
            Around { now: *now, dice, scenario, templates, images, parameters, gone, calm: false };
        let result = groups.get_mut(key).map(|group| change(group, &mut around));
        self.settle(key);
        result
    }
}

impl Group {
    /// What a refresh respects that names nothing: the maintenance policy's bounds, if there is one.
    pub(crate) fn usual_preferences(&self) -> Preferences {
        let usual = Preferences::default();
        match self.maintenance {
            Some((min, max)) => Preferences { min_healthy: min, max_healthy: Some(max), ..usual },
            None => usual,
        }
    }

    /// Takes up a refresh that was accepted.
    fn begin(&mut self, mut refresh: Refresh, around: &mut Around<'_>) {
        let target = refresh.desired.as_ref().map_or_else(|| self.own(), Configuration::target);
        let patterns = self.patterns(target, around);
        let skip = refresh.preferences.skip_matching;
        for instance in &self.instances {
            if matches!(instance.life, Life::Terminating | Life::Terminated) {
                continue;
            }
            let matches = patterns.iter().any(|pattern| pattern.fits(instance));
            let set = if skip && matches { &mut refresh.skipped } else { &mut refresh.old };
            set.insert(instance.id.clone());
        }
        self.refreshes.push(refresh);
        let Standing { eligible, reserved, .. } = self.standing(around);
        let goal = u32::try_from(eligible.len() + reserved).unwrap_or(u32::MAX);
        let warm_goal = u32::try_from(self.warm_standing(around).outdated.len()).unwrap_or(u32::MAX);
        if let Some(refresh) = self.active_refresh_mut() {
            refresh.goal = goal;
            refresh.warm_goal = warm_goal;
        }
        if goal == 0 && warm_goal == 0 {
            self.succeed(around.now);
        }
    }
}
