//! Every kind of thing that can go wrong.

use std::num::NonZeroU32;

use serde::Deserialize;

use super::states::{
    AlarmChange, ConfigurationChange, Count, DeletingChange, HooksChange, MaintenanceChange, ParameterChange,
    ProgramChange, SuspendedChange, WarmPoolChange,
};
use crate::model::{BuildState, Tracking};

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectKind {
    /// Launches fail.
    LaunchFails(LaunchTrouble),
    /// Instances go into service and then fail their health checks.
    Unhealthy(Unhealthy),
    /// The application answers something else.
    Application(AnswerChange),
    /// Instances take longer to come into service.
    Boot(BootChange),
    /// AWS calls fail.
    Calls(CallTrouble),
    /// AWS counts the calls, and throttles what is too much.
    Limits(RateLimits),
    /// Reads are stale after writes.
    StaleReads(StaleReads),
    /// Refreshes stop moving.
    Stuck(Stuck),
    /// Rollbacks fail.
    RollbackFails(RollbackTrouble),
    /// The desired capacity changes in the middle of a refresh.
    Scale(Scaling),
    /// Somebody else's refresh is active.
    Foreign(ForeignRefresh),
    /// An instance dies in the middle of a refresh.
    InstanceDies(Death),
    /// The groups follow their templates in other ways than the fleet says.
    Tracking(TrackingChange),
    /// Image pipelines fail, or take longer.
    ImageBuild(ImageBuildTrouble),
    /// The groups have mixed instances policies.
    Policy(PolicyChange),
    /// The groups have warm pools.
    WarmPool(WarmPoolChange),
    /// The groups have lifecycle hooks.
    Hooks(HooksChange),
    /// The groups have an instance maintenance policy.
    Maintenance(MaintenanceChange),
    /// So many instances are in standby.
    Standby(Count),
    /// So many instances are protected from scale-in.
    Protected(Count),
    /// So many instances are on their way in.
    Launching(Count),
    /// The groups should have so many instances.
    Desired(Count),
    /// Processes are suspended.
    Suspended(SuspendedChange),
    /// Templates name their image by an SSM parameter.
    ParameterImage(ParameterChange),
    /// The groups launch from launch configurations.
    LaunchConfiguration(ConfigurationChange),
    /// The groups are being deleted.
    Deleting(DeletingChange),
    /// An alarm fires.
    Alarm(AlarmChange),
    /// Programs that checks run end in another way.
    Program(ProgramChange),
}

macro_rules! picks {
    ($($pick:ident: $variant:ident($content:ident)),+ $(,)?) => {
        impl EffectKind {
            $(pub(crate) fn $pick(&self) -> Option<&$content> {
                if let Self::$variant(content) = self { Some(content) } else { None }
            })+
        }
    };
}

picks!(
    launch_fails: LaunchFails(LaunchTrouble),
    unhealthy: Unhealthy(Unhealthy),
    application: Application(AnswerChange),
    boot: Boot(BootChange),
    calls: Calls(CallTrouble),
    limits: Limits(RateLimits),
    stale_reads: StaleReads(StaleReads),
    stuck: Stuck(Stuck),
    rollback_fails: RollbackFails(RollbackTrouble),
    scale: Scale(Scaling),
    foreign: Foreign(ForeignRefresh),
    instance_dies: InstanceDies(Death),
    tracking: Tracking(TrackingChange),
    image_build: ImageBuild(ImageBuildTrouble),
    policy: Policy(PolicyChange),
    warm_pool: WarmPool(WarmPoolChange),
    hooks: Hooks(HooksChange),
    maintenance: Maintenance(MaintenanceChange),
    standby: Standby(Count),
    protected: Protected(Count),
    launching: Launching(Count),
    desired: Desired(Count),
    suspended: Suspended(SuspendedChange),
    parameter_image: ParameterImage(ParameterChange),
    launch_configuration: LaunchConfiguration(ConfigurationChange),
    deleting: Deleting(DeletingChange),
    alarm: Alarm(AlarmChange),
    program: Program(ProgramChange),
);

/// Which instances are hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Images {
    /// Those on another image than the group had when the world began.
    #[default]
    New,
    /// Those on the image that the group had when the world began.
    Old,
    /// Every one.
    All,
}

impl Images {
    /// Whether an instance is hit.
    pub(crate) fn hits(self, is_new: bool) -> bool {
        match self {
            Self::New => is_new,
            Self::Old => !is_new,
            Self::All => true,
        }
    }
}

/// Launches fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchTrouble {
    /// Launches of which images.
    pub on: Images,
    /// How many seconds after the launch the instance is given up; `None` when there is
    /// never an instance.
    pub after: Option<u32>,
    /// AWS's words.
    pub message: String,
    /// For how many seconds, from the group's first failed launch; `None` for ever.
    pub lasts: Option<u32>,
}

impl LaunchTrouble {
    /// AWS's words on the failed launch of an instance of that type, in that zone.
    pub(crate) fn words(&self, instance_type: &str, zone: &str) -> String {
        self.message.replace("{type}", instance_type).replace("{zone}", zone)
    }
}

/// Instances go into service and then fail their health checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unhealthy {
    /// Instances on which images.
    pub on: Images,
    /// How many seconds after coming into service.
    pub after: u32,
}

/// The application answers something else than it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerChange {
    /// On which images.
    pub on: Images,
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// How many seconds later than at once.
    pub delay: u32,
    /// Whether connections are refused instead.
    pub refuse: bool,
    /// Whether nothing is ever answered instead.
    pub silent: bool,
}

/// Instances take longer to come into service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootChange {
    /// On which images.
    pub on: Images,
    /// How many seconds a launch takes.
    pub takes: u32,
}

/// AWS calls fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallTrouble {
    /// In how many percent of the calls.
    pub share: u8,
    /// How.
    pub fault: CallTroubleKind,
    /// A glob that the actions match, such as `Start*`.
    pub actions: String,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallTroubleKind {
    /// Throttled, in the service's own words.
    Throttle,
    /// HTTP 500 or 503.
    ServerError,
    /// It takes effect, and the answer is lost.
    LoseAnswer,
    /// HTTP 500 `ResourceContention`.
    Contention,
}

/// How many calls AWS takes, per account and region.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimits {
    /// Of all Auto Scaling calls together; `None` for any number.
    pub autoscaling: Option<RateLimit>,
    /// Of each EC2 action; `None` for any number.
    pub ec2: Option<RateLimit>,
    /// Of each EC2 action that changes something; `None` for the same as the others.
    pub ec2_writes: Option<RateLimit>,
}

/// A bucket of calls: so many at once, and so many more every second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// How many calls it holds when nobody has called for a while.
    pub burst: NonZeroU32,
    /// How many come back in a second.
    pub rate: NonZeroU32,
}

/// Reads are stale after writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleReads {
    /// For how many seconds at most.
    pub lasts: u32,
    /// In how many percent of the reads.
    pub share: u8,
}

/// Refreshes stop moving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// At which percentage; `None` for never leaving `Pending`.
    pub at: Option<u8>,
}

/// Rollbacks fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackTrouble {
    /// After how many seconds.
    pub after: u32,
}

/// The desired capacity changes in the middle of a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaling {
    /// How many seconds after the refresh began.
    pub after: u32,
    /// By how many instances it rises.
    pub add: u32,
}

/// Somebody else's refresh is active on the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignRefresh {
    /// When it begins.
    pub begins: ForeignStart,
    /// How many seconds it bakes at its end.
    pub lasts: u32,
}

/// When somebody else's refresh begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForeignStart {
    /// When somebody first asks for the group's refreshes: it is there already.
    #[default]
    LookedAt,
    /// When a version of the group's template is made: between plan and start.
    Version,
    /// When the world begins.
    Start,
}

/// An instance dies in the middle of a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// How many seconds after the refresh began.
    pub after: u32,
}

/// The groups follow their templates in other ways than the fleet says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackingChange {
    /// The ways, one group after the other; a number stands for the version that it is on.
    pub follow: Vec<Tracking>,
}

/// Builds of image pipelines fail, or take longer. The pipelines are those whose names the
/// effect's glob matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageBuildTrouble {
    /// The state at whose end they fail; `None` when they don't.
    pub fails_at: Option<BuildState>,
    /// AWS's words.
    pub reason: String,
    /// How many seconds the building takes; `None` for as long as usual.
    pub takes: Option<u32>,
}

/// The groups have mixed instances policies.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyChange {
    /// Which, one group after the other.
    pub give: Vec<PolicyKind>,
}

/// A mixed instances policy that a scenario gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyKind {
    /// Two instance types.
    Types,
    /// An override with a template of its own: on arm64, if there are images for that.
    Template,
    /// An `ImageId` on every override; one on arm64, if there are images for that.
    Images,
    /// Weights 1 and 2.
    Weights,
    /// Spot instances.
    Spot,
    /// Instance types selected by their attributes.
    Attributes,
}
