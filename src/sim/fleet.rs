//! What a simulated fleet starts as: plain data.
//!
//! [`FleetSpec`] holds accounts, roles, images, templates and groups. The default fleet for
//! a configuration is made in `fleet/default.rs`. Nothing here changes with time.

mod apps;
mod default;
mod found;
mod pipelines;
mod policy;
mod states;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::{AccountId, Architecture, GroupName, ImageId, Region, TemplateId, Tracking};

pub use apps::{AppKind, AppSpec, ProgramSpec};
pub use pipelines::{BuildEnd, OutputSpec, PastBuild, PipelineSpec};
pub use policy::{OverrideSpec, PolicySpec};
pub use states::{
    AlarmSpec, AlarmState, HookResult, HookSpec, ParameterSpec, PoolState, Transition, WarmPoolSpec,
};

/// Everything that exists when a simulated world begins.
#[derive(Debug, Clone)]
pub struct FleetSpec {
    /// The account that the home credentials belong to.
    pub home: AccountId,
    /// The roles that can be assumed, by ARN.
    pub roles: BTreeMap<String, RoleSpec>,
    /// The images.
    pub images: Vec<ImageSpec>,
    /// The image pipelines.
    pub pipelines: Vec<PipelineSpec>,
    /// The launch templates.
    pub templates: Vec<TemplateSpec>,
    /// The Auto Scaling groups.
    pub groups: Vec<GroupSpec>,
    /// The `CloudWatch` alarms.
    pub alarms: Vec<AlarmSpec>,
    /// The SSM parameters that hold images' ids.
    pub parameters: Vec<ParameterSpec>,
    /// Host names that lead to a group, as its load balancer's would: the name, and the
    /// place in [`FleetSpec::groups`].
    pub hosts: BTreeMap<String, usize>,
}

impl FleetSpec {
    /// A fleet with nothing in it but the home account.
    pub fn empty(home: AccountId) -> Self {
        Self {
            home,
            roles: BTreeMap::new(),
            images: Vec::new(),
            pipelines: Vec::new(),
            templates: Vec::new(),
            groups: Vec::new(),
            alarms: Vec::new(),
            parameters: Vec::new(),
            hosts: BTreeMap::new(),
        }
    }
}

/// A role that the home account may assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSpec {
    /// The account it is in.
    pub account: AccountId,
    /// The external id that its trust policy asks for; `None` for any or none.
    pub external_id: Option<String>,
    /// Its maximum session duration in seconds.
    pub longest_session: u32,
}

impl RoleSpec {
    /// A role without an external id whose sessions last an hour at most, as AWS makes them.
    pub fn new(account: AccountId) -> Self {
        Self { account, external_id: None, longest_session: 3_600 }
    }
}

/// An image.
#[derive(Debug, Clone)]
pub struct ImageSpec {
    /// Its id.
    pub id: ImageId,
    /// Its name, which also tells its family.
    pub name: String,
    /// Its description, which whoever sees it sees; empty for none.
    pub description: String,
    /// The region it is in.
    pub region: Region,
    /// Its architecture.
    pub architecture: Architecture,
    /// The account that owns it.
    pub owner: AccountId,
    /// EC2's name of its state: `available`, `pending`, `failed`, …
    pub state: String,
    /// When it was made; `None` for a day before the world begins.
    pub created: Option<Timestamp>,
    /// From when on it is deprecated.
    pub deprecated: Option<Timestamp>,
    /// How many volumes it makes on an instance, the root volume among them.
    pub volumes: u32,
    /// The accounts it is shared with.
    pub shared_with: Vec<AccountId>,
    /// Its tags, which only the owner sees.
    pub tags: BTreeMap<String, String>,
}

impl ImageSpec {
    /// An available `x86_64` image without tags that is shared with nobody.
    pub fn new(id: ImageId, name: &str, region: Region, owner: AccountId) -> Self {
        Self {
            id,
            name: name.to_owned(),
            description: String::new(),
            region,
            architecture: Architecture::X86_64,
            owner,
            state: "available".to_owned(),
            created: None,
            deprecated: None,
            volumes: 1,
            shared_with: Vec::new(),
            tags: BTreeMap::new(),
        }
    }
}

/// A launch template.
#[derive(Debug, Clone)]
pub struct TemplateSpec {
    /// Its id; `None` for one that is made up.
    pub id: Option<TemplateId>,
    /// The account it is in.
    pub account: AccountId,
    /// The region it is in.
    pub region: Region,
    /// Its name, unique in its account and region.
    pub name: String,
    /// Its versions in order, at least one.
    pub versions: Vec<VersionSpec>,
    /// The number of its default version.
    pub default_version: u64,
}

/// A version of a launch template.
#[derive(Debug, Clone, Default)]
pub struct VersionSpec {
    /// Its number; `None` for the one after the last.
    pub number: Option<u64>,
    /// Its description; may be empty.
    pub description: String,
    /// Its data by the API's request names without the prefix, such as `ImageId` or
    /// `BlockDeviceMapping.1.Ebs.VolumeSize`.
    pub data: BTreeMap<String, String>,
}

/// An Auto Scaling group.
#[derive(Debug, Clone)]
pub struct GroupSpec {
    /// The account it is in.
    pub account: AccountId,
    /// The region it is in.
    pub region: Region,
    /// Its name.
    pub name: GroupName,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The name of its template, in the same account and region.
    pub template: String,
    /// How it names the template's version.
    pub tracking: Tracking,
    /// Its mixed instances policy; the template is then the policy's own.
    pub policy: Option<PolicySpec>,
    /// A launch configuration that it launches from instead of a template.
    pub launch_configuration: Option<String>,
    /// The image that the launch configuration names.
    pub configuration_image: Option<ImageId>,
    /// How many instances it has at least, should have, and has at most.
    pub capacity: (u32, u32, u32),
    /// The names of its target groups.
    pub target_groups: Vec<String>,
    /// Its suspended processes.
    pub suspended: Vec<String>,
    /// How long an instance takes from its launch into service, in seconds.
    pub boot: u32,
    /// Its default instance warmup in seconds; `None` for none.
    pub default_warmup: Option<u32>,
    /// Its health check grace period in seconds.
    pub grace: u32,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// How many of its instances are protected from scale-in.
    pub protected: u32,
    /// How many instances are in standby, besides those that serve.
    pub standby: u32,
    /// How many of its instances are on their way in when the world begins.
    pub launching: u32,
    /// How many of its serving instances were launched from other versions of its template
    /// than it names: versions, and how many each.
    pub of_other_versions: Vec<(u64, u32)>,
    /// Its warm pool.
    pub warm_pool: Option<WarmPoolSpec>,
    /// Its lifecycle hooks.
    pub hooks: Vec<HookSpec>,
    /// Its instance maintenance policy: the least and the largest healthy percentage.
    pub maintenance: Option<(u8, u8)>,
    /// What listens on its instances.
    pub apps: Vec<AppSpec>,
    /// How the programs end that its checks run; any other says nothing and ends with 0.
    pub programs: Vec<ProgramSpec>,
}

impl GroupSpec {
    /// A pinned group of that many instances, with the default application.
    pub fn new(account: AccountId, region: Region, name: &str, template: &str, desired: u32) -> Self {
        Self {
            account,
            region,
            name: name.into(),
            tags: BTreeMap::new(),
            template: template.to_owned(),
            tracking: Tracking::Pinned(1),
            policy: None,
            launch_configuration: None,
            configuration_image: None,
            capacity: (0, desired, (desired * 2).max(4)),
            target_groups: Vec::new(),
            suspended: Vec::new(),
            boot: 60,
            default_warmup: None,
            grace: 120,
            deleting: false,
            protected: 0,
            standby: 0,
            launching: 0,
            of_other_versions: Vec::new(),
            warm_pool: None,
            hooks: Vec::new(),
            maintenance: None,
            apps: vec![AppSpec::up()],
            programs: Vec::new(),
        }
    }
}
