//! A scenario's YAML: what is written, and what it means.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::{
    AlarmChange, AnswerChange, BootChange, CallTrouble, CallTroubleKind, ConfigurationChange, Count, Death,
    DeletingChange, Effect, EffectKind, ForeignRefresh, ForeignStart, HooksChange, ImageBuildTrouble, Images,
    LaunchTrouble, MaintenanceChange, ParameterChange, PolicyChange, ProgramChange, RateLimits,
    RollbackTrouble, Scaling, StaleReads, Stuck, SuspendedChange, TrackingChange, Unhealthy, WarmPoolChange,
};
use crate::model::{BuildState, Tracking};

/// A duration such as `90s`, `10m` or `2h`, in seconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Span(u32);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let split = text.len().saturating_sub(1);
        let number = text.get(..split).and_then(|digits| digits.parse::<u32>().ok());
        let unit = match text.get(split..) {
            Some("s") => Some(1),
            Some("m") => Some(60),
            Some("h") => Some(3600),
            Some(_) | None => None,
        };
        number
            .zip(unit)
            .and_then(|(number, unit)| number.checked_mul(unit))
            .map(Self)
            .ok_or_else(|| format!("not a duration such as 90s, 10m or 2h: {text:?}"))
    }
}

/// Reads a duration where its seconds are wanted.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    Span::deserialize(from).map(|span| span.0)
}

/// The same, where it may be left out.
pub(crate) fn maybe_seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    Option::<Span>::deserialize(from).map(|span| span.map(|span| span.0))
}

/// The glob that everything matches.
pub(super) fn glob_of_all() -> String {
    "*".to_owned()
}

/// A percentage.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u8")]
struct Percent(u8);

impl TryFrom<u8> for Percent {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        if number <= 100 { Ok(Self(number)) } else { Err(format!("not a percentage: {number}")) }
    }
}

/// An effect as it is written: a scope, and exactly one kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEffect {
    groups: Option<String>,
    account: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    launch_fails: Option<RawLaunch>,
    unhealthy: Option<RawUnhealthy>,
    application: Option<RawAnswer>,
    boot: Option<RawBoot>,
    calls: Option<RawCalls>,
    limits: Option<RateLimits>,
    stale_reads: Option<RawStale>,
    stuck: Option<RawStuck>,
    rollback_fails: Option<RawAfter>,
    scale: Option<RawScale>,
    foreign_refresh: Option<RawForeign>,
    instance_dies: Option<RawAfter>,
    tracking: Option<RawTracking>,
    image_build: Option<RawImageBuild>,
    policy: Option<PolicyChange>,
    warm_pool: Option<WarmPoolChange>,
    hooks: Option<HooksChange>,
    maintenance: Option<MaintenanceChange>,
    standby: Option<Count>,
    protected: Option<Count>,
    launching: Option<Count>,
    desired: Option<Count>,
    suspended: Option<SuspendedChange>,
    parameter_image: Option<ParameterChange>,
    launch_configuration: Option<ConfigurationChange>,
    deleting: Option<DeletingChange>,
    alarm: Option<AlarmChange>,
    program: Option<ProgramChange>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLaunch {
    #[serde(default)]
    on: Images,
    after: Option<Span>,
    message: String,
    lasts: Option<Span>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUnhealthy {
    #[serde(default)]
    on: Images,
    after: Span,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAnswer {
    #[serde(default)]
    on: Images,
    status: Option<u16>,
    #[serde(default)]
    body: String,
    delay: Option<Span>,
    #[serde(default)]
    refuse: bool,
    #[serde(default)]
    silent: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBoot {
    #[serde(default)]
    on: Images,
    takes: Span,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCalls {
    share: Percent,
    fault: CallTroubleKind,
    actions: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStale {
    lasts: Span,
    share: Percent,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStuck {
    at: Option<Percent>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAfter {
    after: Span,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScale {
    after: Span,
    add: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawForeign {
    #[serde(default)]
    begins: ForeignStart,
    lasts: Span,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTracking {
    follow: Vec<Tracking>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawImageBuild {
    fails_at: Option<Step>,
    #[serde(default)]
    reason: String,
    takes: Option<Span>,
}

/// A state that an image build passes through.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct Step(BuildState);

impl TryFrom<String> for Step {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let state = BuildState::parse(&text);
        if state.is_under_way() && !matches!(state, BuildState::Other(_)) {
            Ok(Self(state))
        } else {
            Err(format!("not a state that an image build passes through, such as TESTING: {text:?}"))
        }
    }
}

impl TryFrom<RawEffect> for Effect {
    type Error = String;

    fn try_from(raw: RawEffect) -> Result<Self, String> {
        let kinds = [
            raw.launch_fails.map(RawLaunch::kind),
            raw.unhealthy.map(|r| EffectKind::Unhealthy(Unhealthy { on: r.on, after: r.after.0 })),
            raw.application.map(RawAnswer::kind),
            raw.boot.map(|r| EffectKind::Boot(BootChange { on: r.on, takes: r.takes.0 })),
            raw.calls.map(RawCalls::kind),
            raw.limits.map(EffectKind::Limits),
            raw.stale_reads
                .map(|r| EffectKind::StaleReads(StaleReads { lasts: r.lasts.0, share: r.share.0 })),
            raw.stuck.map(|r| EffectKind::Stuck(Stuck { at: r.at.map(|percent| percent.0) })),
            raw.rollback_fails.map(|r| EffectKind::RollbackFails(RollbackTrouble { after: r.after.0 })),
            raw.scale.map(|r| EffectKind::Scale(Scaling { after: r.after.0, add: r.add })),
            raw.foreign_refresh
                .map(|r| EffectKind::Foreign(ForeignRefresh { begins: r.begins, lasts: r.lasts.0 })),
            raw.instance_dies.map(|r| EffectKind::InstanceDies(Death { after: r.after.0 })),
            raw.tracking.map(|r| EffectKind::Tracking(TrackingChange { follow: r.follow })),
            raw.image_build.map(RawImageBuild::kind),
            raw.policy.map(EffectKind::Policy),
            raw.warm_pool.map(EffectKind::WarmPool),
            raw.hooks.map(EffectKind::Hooks),
            raw.maintenance.map(EffectKind::Maintenance),
            raw.standby.map(EffectKind::Standby),
            raw.protected.map(EffectKind::Protected),
            raw.launching.map(EffectKind::Launching),
            raw.desired.map(EffectKind::Desired),
            raw.suspended.map(EffectKind::Suspended),
            raw.parameter_image.map(EffectKind::ParameterImage),
            raw.launch_configuration.map(EffectKind::LaunchConfiguration),
            raw.deleting.map(EffectKind::Deleting),
            raw.alarm.map(EffectKind::Alarm),
            raw.program.map(EffectKind::Program),
        ];
        let mut kinds = kinds.into_iter().flatten();
        let (Some(kind), None) = (kinds.next(), kinds.next()) else {
            return Err("an effect says exactly one thing that goes wrong".to_owned());
        };
        let groups = raw.groups.unwrap_or_else(|| "*".to_owned());
        Ok(Self { groups, account: raw.account.map(Into::into), tags: raw.tags, kind })
    }
}

impl RawLaunch {
    fn kind(self) -> EffectKind {
        EffectKind::LaunchFails(LaunchTrouble {
            on: self.on,
            after: self.after.map(|span| span.0),
            message: self.message,
            lasts: self.lasts.map(|span| span.0),
        })
    }
}

impl RawAnswer {
    fn kind(self) -> EffectKind {
        EffectKind::Application(AnswerChange {
            on: self.on,
            status: self.status.unwrap_or(200),
            body: self.body,
            delay: self.delay.map_or(0, |span| span.0),
            refuse: self.refuse,
            silent: self.silent,
        })
    }
}

impl RawCalls {
    fn kind(self) -> EffectKind {
        let actions = self.actions.unwrap_or_else(|| "*".to_owned());
        EffectKind::Calls(CallTrouble { share: self.share.0, fault: self.fault, actions })
    }
}

impl RawImageBuild {
    fn kind(self) -> EffectKind {
        EffectKind::ImageBuild(ImageBuildTrouble {
            fails_at: self.fails_at.map(|step| step.0),
            reason: self.reason,
            takes: self.takes.map(|span| span.0),
        })
    }
}
