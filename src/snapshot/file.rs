//! The file: small, stable JSON. Lists are sorted, and what is not there is left out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    AccountId, Architecture, EnvironmentName, GroupName, ImageId, Region, TemplateId, Tracking,
};

/// The version of the format that this program writes and reads.
pub(super) const FORMAT: u32 = 1;

/// A fleet as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fleet {
    /// The format of this file; 1.
    pub version: u32,
    /// When it was found so.
    pub taken: Timestamp,
    /// The home account.
    pub home: AccountId,
    /// The roles by which it was looked at, and the account of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, AccountId>,
    /// The images that templates name, and the families' newest, by region and id.
    pub images: Vec<Image>,
    /// Each account and region, by account and region.
    pub places: Vec<Place>,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Its id.
    pub id: ImageId,
    /// The region it is in.
    pub region: Region,
    /// Its name.
    pub name: String,
    /// Its description, if it has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Its architecture.
    pub architecture: Architecture,
    /// The account that owns it.
    pub owner: AccountId,
    /// EC2's name of its state.
    pub state: String,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// From when on it is deprecated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Timestamp>,
    /// How many volumes an instance of it gets.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub volumes: u32,
    /// The other accounts that were looked at and see it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub visible_to: Vec<AccountId>,
    /// Its tags, where its owner was looked at.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// An account in a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// The environments that are there, in the configuration's order.
    pub environments: Vec<EnvironmentName>,
    /// All its groups, selected by an environment or not, by name.
    pub groups: Vec<Group>,
    /// The templates that the groups name, by id.
    pub templates: Vec<Template>,
    /// The alarms that the configuration names, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<Alarm>,
    /// The SSM parameters that templates name in place of an image, and the image that
    /// instances launched so run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, ImageId>,
}

/// An Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// How many instances it has at least.
    pub min: u32,
    /// How many it should have.
    pub desired: u32,
    /// How many it has at most.
    pub max: u32,
    /// The template that it launches from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateName>,
    /// Its mixed instances policy whole, by the API's request names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mixed_instances_policy: BTreeMap<String, String>,
    /// The launch configuration that it launches from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_configuration: Option<String>,
    /// The image that instances of the launch configuration run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_configuration_image: Option<ImageId>,
    /// The names of its target groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_groups: Vec<String>,
    /// Its suspended processes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspended: Vec<String>,
    /// Its warm pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_pool: Option<WarmPool>,
    /// Its lifecycle hooks, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<Hook>,
    /// Its instance maintenance policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Maintenance>,
    /// Its default instance warmup in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_warmup: Option<u32>,
    /// Its health check grace period in seconds.
    pub grace: u32,
    /// Whether it is being deleted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deleting: bool,
    /// Its instances, like ones together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<Instances>,
}

/// How a group names the version of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateName {
    /// The template's id.
    pub id: TemplateId,
    /// The template's name.
    pub name: String,
    /// A number, `$Latest` or `$Default`.
    pub version: Tracking,
}

/// A warm pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmPool {
    /// How many instances it keeps at least.
    pub min: u32,
    /// How many instances it and its group have at most, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<u32>,
    /// What its instances wait in: `Stopped`, `Running` or `Hibernated`.
    pub state: String,
    /// Whether instances go back to it on scale-in.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reuse: bool,
}

/// A lifecycle hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// What it holds up, by the API's name.
    pub transition: String,
    /// After how many seconds it is over by itself.
    pub heartbeat: u32,
    /// What happens then: `CONTINUE` or `ABANDON`.
    pub default_result: String,
}

/// An instance maintenance policy, in percent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// The least healthy.
    pub min_healthy: u8,
    /// The most healthy.
    pub max_healthy: u8,
}

/// Instances that are alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instances {
    /// Auto Scaling's name of their state.
    pub state: String,
    /// Whether they are protected from scale-in.
    #[serde(default, skip_serializing_if = "is_false")]
    pub protected: bool,
    /// The template that they were launched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateId>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Their type.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many they are.
    pub count: u32,
}

/// A launch template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// Its name.
    pub name: String,
    /// The number of its default version.
    pub default: u64,
    /// The newest version, the default one, and those that a group or an instance names, by number.
    pub versions: Vec<Version>,
}

/// A version of a launch template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Its number.
    pub number: u64,
    /// Its description.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Its data, by the API's request names. A number stands for user data: the same for the same.
    pub data: BTreeMap<String, String>,
}

/// A `CloudWatch` alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_one(number: &u32) -> bool {
    *number == 1
}
